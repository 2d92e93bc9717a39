"""How long the server takes for the desk's two pages, and how many queries, at many open cases.

Fills a scratch database through the real import and the real `run_day`, then asks for the queue page and the case page
as an agent does. Printed: p50 and p95 in milliseconds, and queries for pages of 1 and of 25 rows. The ratio compares the
queue page with the bare SQL that finds its rows.

    BENCH_CASES=100000 python bench/desk.py
"""

import csv
import os
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

CASES = int(os.environ.get("BENCH_CASES", "100000"))
ROUNDS = 60
COLUMNS = (
    *("loan_id", "borrower_id", "name", "phone", "phone_source", "phone_ground"),
    *("principal", "interest", "currency", "disbursed_on", "due_on"),
)


def fill() -> None:
    """Loans that fell due yesterday, their cases, and a team with one agent."""
    from django.utils import timezone

    from accounts.actions import tapes
    from accounts.models import ImportKind, ImportRun, ImportState, Portfolio, Team, User
    from accounts.tapes.mapping import load_mapping
    from accounts.tapes.read import open_tape
    from cases.actions.day import run_day
    from cases.models import WorkItem
    from compliance.audit import Actor

    now, by = timezone.now(), Actor.system("bench")
    path = Path(os.environ["FORBEAR_VAR"]) / "tape.csv"
    write_tape(path, now.date())
    mapping = load_mapping("standard")
    portfolio = tapes.portfolio_for(code="BENCH", mapping=mapping, by=by, at=now)
    Portfolio.objects.filter(pk=portfolio.pk).update(
        contact_open=True, jurisdictions=["CN"], zone="Asia/Shanghai", currency="CNY"
    )
    portfolio.refresh_from_db()
    cleaning = tapes.cleaner(ImportKind.LOANS, mapping, portfolio, now)
    run = ImportRun.objects.create(
        kind=ImportKind.LOANS,
        portfolio=portfolio,
        mapping="standard",
        file_digest="bench",
        state=ImportState.RUNNING,
    )
    started = time.monotonic()
    done = tapes.perform(
        run=run, tape=open_tape(path, wanted=cleaning.wanted), cleaning=cleaning, by=by, at=now
    )
    print(f"imported {done.outcome.created} loans in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    run_day(date=portfolio.business_date(now), by=by, at=now)
    print(f"opened their cases in {time.monotonic() - started:.0f} s")
    WorkItem.objects.filter(done_at=None).update(due_at=now - timedelta(hours=1))
    team = Team.objects.create(name="Bench")
    team.portfolios.add(portfolio)
    User.objects.create_user("bench", password=None, role="agent", team=team)


def write_tape(path: Path, today) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(CASES):
            writer.writerow(
                [
                    *[
                        f"B{number}",
                        f"P{number}",
                        f"王{number}",
                        f"+86199{number:08d}",
                        "application",
                        "contract",
                    ],
                    *["1000.00", "100.00", "CNY", today - timedelta(days=31), today - timedelta(days=1)],
                ]
            )


def measure(client, address: str) -> tuple[list[float], int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        client.get(address)
        times.append(1000 * (time.perf_counter() - started))
    return times, len(queries)


def bare_queue() -> list[float]:
    from django.db import connection

    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT w.id, b.name_mask FROM cases_workitem w JOIN cases_case c ON c.id = w.case_id "
                "JOIN accounts_borrower b ON b.id = c.borrower_id WHERE w.done_at IS NULL AND w.due_at <= now() "
                "ORDER BY w.rank, w.due_at, w.id LIMIT 25"
            )
            cursor.fetchall()
        times.append(1000 * (time.perf_counter() - started))
    return times


def line(name: str, times: list[float], queries: int | str) -> str:
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[18]
    return f"{name:<22}{p50:>10.1f}{p95:>10.1f}{queries:>10}"


def main() -> None:
    import django

    django.setup()
    from django.test import Client
    from django.urls import reverse

    from accounts.models import User
    from cases.models import Case

    if not Case.objects.count() >= CASES:
        fill()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="bench"))
    case = Case.objects.order_by("?").first()
    assert case is not None
    queue, queue_queries = measure(client, reverse("queue"))
    page, page_queries = measure(client, reverse("case", args=[case.pk]))
    strip, strip_queries = measure(client, reverse("case_strip", args=[case.pk]))
    bare = bare_queue()
    print(f"\n{Case.objects.count()} open cases, {ROUNDS} rounds, one process, milliseconds")
    print(f"{'':<22}{'p50':>10}{'p95':>10}{'queries':>10}")
    print(line("queue page", queue, queue_queries))
    print(line("case page", page, page_queries))
    print(line("strip", strip, strip_queries))
    print(line("bare SQL of the queue", bare, 1))
    print(f"ratio queue page / bare SQL: {statistics.median(queue) / statistics.median(bare):.1f}")


if __name__ == "__main__":
    import subprocess

    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
