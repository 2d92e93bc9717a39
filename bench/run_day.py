"""What a business day costs, beside the least that any way of doing it must do.

Fills a scratch database through the real import: a fifth of the loans late, with cases that the first day opens; on each of
the next days some fall due and some are paid, so that three of a hundred change. Measured in one run:

- `run_day` on an ordinary day, its parts done by one worker, and on the next by two;
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
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

from bench._tapes import Book, bring_in, tidy_up

LOANS = int(os.environ.get("BENCH_LOANS", "100000"))
LATE, FALLING_DUE, PAYING = 0.2, 0.02, 0.01
"""Shares of the loans: late from the first day, falling due on each day after, paid on each day after."""
DAYS = 2
BOOKS = {
    Book("DAY-LATE"): round(LOANS * LATE),
    **{Book(f"DAY-{number}", due_in=number): round(LOANS * FALLING_DUE) for number in range(DAYS)},
    Book("DAY-REST", due_in=400): LOANS - round(LOANS * (LATE + DAYS * FALLING_DUE)),
}


def fill(now: datetime) -> None:
    from compliance.audit import Actor

    started = time.monotonic()
    for book, count in BOOKS.items():
        bring_in(book, count, Actor.system("bench"), now)
    tidy_up()
    print(f"imported {LOANS:,} loans in {time.monotonic() - started:.0f} s")


def pay_some(now: datetime, on: date) -> None:
    """Some of the late loans are paid; what follows is left to the day's run."""
    from accounts.actions.ledger import Posting, post
    from cases.models import Case
    from compliance.audit import Actor, Stream

    cases = Case.objects.open().filter(portfolio__code="DAY-LATE").order_by("pk")[: round(LOANS * PAYING)]
    postings = [
        Posting(
            loan_id=case.loan_id, kind="repayment", reference=f"bench:{on}", value_date=on, amount=1_100_00
        )
        for case in cases
    ]
    post(postings, by=Actor.system("bench"), at=now, stream=Stream.system())


def work(parts: list[UUID], at: datetime, memory) -> None:
    """One worker: takes the parts that nobody has taken."""
    import django

    django.setup()
    from cases.actions.day import work_part
    from compliance.audit import Actor

    seen = []
    for part in parts:
        if work_part(part_id=part, by=Actor.system("run_day"), at=at):
            seen.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    memory.put((seen[0], seen[-1], len(seen)) if seen else (0, 0, 0))


def run_date(at: datetime, workers: int) -> tuple[float, list[tuple[float, float, int]], dict]:
    """Seconds, the memory of each worker in MB, and what was done, for the date that has begun."""
    from cases.actions.day import begin_due, finish, open_parts
    from cases.models import DayRun
    from compliance.audit import Actor

    by = Actor.system("run_day")
    started = time.monotonic()
    run = begin_due(by=by, at=at)
    assert run is not None
    parts = open_parts(run)
    context = get_context("spawn")
    memory = context.Queue()
    processes = [context.Process(target=work, args=(parts, at, memory)) for _number in range(workers)]
    for process in processes:
        process.start()
    seen = [memory.get() for _process in processes]
    for process in processes:
        process.join()
    assert finish(run_id=run.pk, by=by, at=at)
    return time.monotonic() - started, seen, DayRun.objects.get(pk=run.pk).summary


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
    taken, _memory, summary = run_date(now, 2)
    print(f"the first day opened {summary['opened']:,} cases in {taken:.1f} s, two workers")
    tidy_up()
    times = {}
    for number, workers in enumerate((1, 2), 1):
        at = now + timedelta(days=number)
        on = zone_of.business_date(at)
        pay_some(at, on)
        tidy_up()
        taken, memory, summary = run_date(at, workers)
        changed = summary["opened"] + summary["cured"]
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
        steps = {}
        for part in DayRun.objects.latest("date").parts.all():
            for name, seconds in part.result["steps"].items():
                steps[name] = steps.get(name, 0) + seconds
        print("seconds of work by step: " + ", ".join(f"{name} {each:.1f}" for name, each in steps.items()))
    print(f"\ntwo workers need {times[2] / times[1]:.2f} of the time of one")


if __name__ == "__main__":
    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
