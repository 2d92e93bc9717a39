"""What a business day costs, beside the least that any way of doing it must do.

Fills a scratch database: some hundred loans of each kind through the real import, copied in SQL until there are as many as
asked for. A fifth is late, with cases that the first day opens; on each of the next days some fall due and some are paid, so
that three of a hundred change. Measured in one run:

- `run_day` on an ordinary day, its parts done by one worker, and on the next by two; workers that wait for work, as RQ's do;
- beside it one SQL that computes where every loan stands, and a bare UPDATE of as many case rows as the day changed;
- the memory of a worker after its first part and at its end.

    BENCH_LOANS=1000000 python bench/run_day.py
"""

import os
import resource
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

from bench._tapes import Book, bring_in, tidy_up

LOANS = int(os.environ.get("BENCH_LOANS", "100000"))
LATE, FALLING_DUE, PAYING = 0.2, 0.02, 0.01
"""Shares of the loans: late from the first day, falling due on each day after, paid on each day after."""
DAYS = 2
SEEDS = 200
"""Loans of each book that come through the real import; the others are their copies."""
BOOKS = {
    Book("DAY-LATE"): round(LOANS * LATE),
    **{Book(f"DAY-{number}", due_in=number): round(LOANS * FALLING_DUE) for number in range(DAYS)},
    Book("DAY-REST", due_in=400): LOANS - round(LOANS * (LATE + DAYS * FALLING_DUE)),
}
DUNNINGS, DUNNING_SECONDS = 500, 6.6
"""What Tryton's `account_dunning` 7.8 creates for so many overdue items, in so many seconds on two cores like these."""


# Filling


def fill(now: datetime) -> None:
    from django.db import connection, transaction

    from compliance.audit import Actor

    started = time.monotonic()
    with transaction.atomic(), connection.cursor() as cursor:
        for book, count in BOOKS.items():
            bring_in(book, SEEDS, Actor.system("bench"), now)
            cursor.execute(
                "CREATE TEMPORARY TABLE seed AS SELECT id, borrower_id FROM accounts_loan JOIN "
                "(SELECT id AS portfolio_id FROM accounts_portfolio WHERE code = %s) p USING (portfolio_id)",
                [book.code],
            )
            for table, (where, changed) in COPIED.items():
                cursor.execute(copying(cursor, table, where, changed), [count // SEEDS - 1])
            cursor.execute("DROP TABLE seed")
    tidy_up()
    print(f"filled with {LOANS:,} loans in {time.monotonic() - started:.0f} s", flush=True)


def of(old: str) -> str:
    """The id of a copy: in time order, as ids are, and told from its original's by the first digits."""
    return f"('01' || lpad(to_hex(n), 6, '0') || substr(replace({old}::text, '-', ''), 9))::uuid"


INDEX = "decode(md5(t.id::text || n), 'hex')"
COPIED = {
    "accounts_borrower": (
        "t.id IN (SELECT borrower_id FROM seed)",
        {"id": of("t.id"), "external_index": INDEX},
    ),
    "accounts_borrowerkey": (
        "t.borrower_id IN (SELECT borrower_id FROM seed)",
        {"borrower_id": of("t.borrower_id")},
    ),
    "accounts_contactpoint": (
        "t.borrower_id IN (SELECT borrower_id FROM seed)",
        {"id": of("t.id"), "borrower_id": of("t.borrower_id"), "value_index": INDEX},
    ),
    "accounts_loan": (
        "t.id IN (SELECT id FROM seed)",
        {"id": of("t.id"), "borrower_id": of("t.borrower_id"), "external_id": "t.external_id || '-' || n"},
    ),
    "accounts_instalment": ("t.loan_id IN (SELECT id FROM seed)", {"loan_id": of("t.loan_id")}),
    "accounts_ledgerentry": (
        "t.loan_id IN (SELECT id FROM seed)",
        {"id": of("t.id"), "borrower_id": of("t.borrower_id"), "loan_id": of("t.loan_id")},
    ),
}


def copying(cursor: Any, table: str, where: str, changed: dict[str, str]) -> str:
    """INSERT ... SELECT of every row of the seeds, so many times, with other keys."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER' "
        "AND is_identity = 'NO' ORDER BY ordinal_position",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    chosen = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    first = "t.id" if "id" in changed else "t.borrower_id" if "borrower_id" in changed else "t.loan_id"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t, "
        f"generate_series(1, %s) n WHERE {where} ORDER BY n, {first}"
    )


# Measuring


def pay_some(now: datetime, on: date) -> None:
    """Some of the late loans are paid; what follows is left to the day's run."""
    from accounts.actions.ledger import Posting, post
    from cases.models import Case
    from compliance.audit import Actor, Stream

    cases = Case.objects.open().filter(portfolio__code="DAY-LATE").order_by("pk")
    postings = [
        Posting(loan_id=loan, kind="repayment", reference=f"bench:{on}", value_date=on, amount=1_100_00)
        for loan in cases.values_list("loan", flat=True)[:: round(LATE / PAYING)]
    ]
    post(postings, by=Actor.system("bench"), at=now, stream=Stream.system())


def work(tell: Any, done: Any) -> None:
    """One worker: does the parts that nobody has taken, when it is told them."""
    import django

    django.setup()
    from django.db import connection

    from cases.actions.day import work_part
    from compliance.audit import Actor

    connection.ensure_connection()
    done.put(None)
    parts, at = tell.get()
    seen = []
    for part in parts:
        if work_part(part_id=part, by=Actor.system("run_day"), at=at):
            seen.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    done.put((seen[0], seen[-1], len(seen)) if seen else (0, 0, 0))


def run_date(at: datetime, workers: int) -> tuple[float, list[tuple[float, float, int]], Any]:
    """Seconds, the memory of each worker in MB, and the run, for the date that has begun."""
    from cases.actions.day import begin_due, finish, open_parts
    from cases.models import DayRun
    from compliance.audit import Actor

    by = Actor.system("run_day")
    context = get_context("spawn")
    tell, done = context.Queue(), context.Queue()
    processes = [context.Process(target=work, args=(tell, done)) for _number in range(workers)]
    for process in processes:
        process.start()
    for _process in processes:
        done.get()
    started = time.monotonic()
    run: UUID | None = None
    if begun := begin_due(by=by, at=at):
        run = begun.pk
        parts = open_parts(begun)
        for _process in processes:
            tell.put((parts, at))
    seen = [done.get() for _process in processes]
    assert run
    assert finish(run_id=run, by=by, at=at)
    taken = time.monotonic() - started
    for process in processes:
        process.join()
    return taken, seen, DayRun.objects.get(pk=run)


def steps_of(run: Any) -> str:
    """Seconds of each step, all parts together, the longest first."""
    steps: dict[str, float] = {}
    for part in run.parts.all():
        for name, seconds in part.result["steps"].items():
            steps[name] = steps.get(name, 0) + seconds
    return ", ".join(f"{name} {steps[name]:.1f}" for name in sorted(steps, key=lambda name: -steps[name]))


def least(on: date, changed: int) -> tuple[float, float]:
    """Seconds of the one SQL over all loans, and of the bare UPDATE."""
    from django.db import connection, transaction

    from accounts.models import Portfolio
    from accounts.standing import PORTFOLIO_STANDING_SQL

    portfolios = list(Portfolio.objects.filter(code__startswith="DAY-").values_list("pk", flat=True))
    with transaction.atomic(), connection.cursor() as cursor:
        started = time.monotonic()
        cursor.execute(
            f"CREATE TEMPORARY TABLE bench ON COMMIT DROP AS {PORTFOLIO_STANDING_SQL}",
            {"portfolios": portfolios, "on": on},
        )
        standing = time.monotonic() - started
        started = time.monotonic()
        cursor.execute(
            "UPDATE cases_case SET arrears_reason = '' WHERE id IN (SELECT id FROM cases_case ORDER BY id LIMIT %s)",
            [changed],
        )
        update = time.monotonic() - started
        transaction.set_rollback(True)
    return standing, update


def main() -> None:
    import django

    django.setup()
    from django.utils import timezone

    from accounts.models import Portfolio
    from cases.models import Case, DayRun

    if DayRun.objects.exists():
        sys.exit("This needs a fresh database: remove the folder of FORBEAR_VAR.")
    now = timezone.now()
    fill(now)
    zone_of = Portfolio.objects.get(code="DAY-LATE")
    taken, _memory, run = run_date(now, 2)
    opened = run.summary["opened"]
    print(
        f"the first day opened {opened:,} cases in {taken:.1f} s, two workers: {opened / taken:,.0f} a second"
    )
    print(f"seconds of work by step: {steps_of(run)}", flush=True)
    print(
        f"Tryton account_dunning: {DUNNINGS} dunnings in {DUNNING_SECONDS} s, {DUNNINGS / DUNNING_SECONDS:.0f} a second; "
        f"so many cases, each with its event and its first step planned by the law: {DUNNINGS * taken / opened:.2f} s"
    )
    tidy_up()
    times = {}
    for number, workers in enumerate((1, 2), 1):
        at = now + timedelta(days=number)
        on = zone_of.business_date(at)
        pay_some(at, on)
        tidy_up()
        taken, memory, run = run_date(at, workers)
        changed = run.summary["opened"] + run.summary["cured"]
        standing, update = least(on, changed)
        times[workers] = taken
        print(
            f"\n{LOANS:,} loans, {Case.objects.open().count():,} open cases, {changed:,} changed, {workers} worker"
            f"{'s' if workers > 1 else ''}: {taken:.1f} s"
        )
        print(f"one SQL for all loans {standing:.1f} s, bare UPDATE {update:.2f} s")
        print(f"ratio run_day / both: {taken / (standing + update):.1f}")
        for first, last, parts in memory:
            print(
                f"memory of a worker after its first part {first:.0f} MB, after {parts} parts {last:.0f} MB"
            )
        print(f"seconds of work by step: {steps_of(run)}", flush=True)
    print(f"\ntwo workers need {times[2] / times[1]:.2f} of the time of one")


if __name__ == "__main__":
    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
