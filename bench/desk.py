"""How long the server takes for the desk's pages, and how many queries, at many open cases.

Fills a scratch database through the real import and the real `run_day`, then asks as two agents do: one whose team has
all those cases, and one whose team has a single one. Printed: p50 and p95 in milliseconds, queries, and the slowest
statements. The ratio compares the queue page with the bare SQL that finds its rows.

    BENCH_CASES=100000 python bench/desk.py
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

CASES = int(os.environ.get("BENCH_CASES", "100000"))
ROUNDS = 60
BOOKS = {"busy": CASES, "quiet": 1}
"""Agents, each with a team and a portfolio of their own, and how many open cases that has."""

# Filling


def fill() -> None:
    """Loans that fell due yesterday, their cases, and steps that are due."""
    from django.utils import timezone

    from accounts.models import Portfolio, Team, User
    from bench._tapes import Book, bring_in, tidy_up
    from cases.actions.day import run_day
    from cases.models import WorkItem
    from compliance.audit import Actor

    now, by = timezone.now(), Actor.system("bench")
    started = time.monotonic()
    for name, count in BOOKS.items():
        bring_in(Book(code=name), count, by, now)
        team = Team.objects.create(name=name)
        team.portfolios.add(Portfolio.objects.get(code=name))
        User.objects.create_user(name, password=None, role="agent", team=team)
    print(f"imported {sum(BOOKS.values())} loans in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    run_day(date=Portfolio.objects.get(code="busy").business_date(now), by=by, at=now)
    print(f"opened their cases in {time.monotonic() - started:.0f} s")
    WorkItem.objects.filter(done_at=None).update(due_at=now - timedelta(hours=1))
    tidy_up()


# Measuring


def timed(ask: Callable[[], object]) -> list[float]:
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - started))
    return times


def statements(ask: Callable[[], object]) -> list[tuple[float, str]]:
    """Milliseconds and text of every statement of one request."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        ask()
        return [(1000 * float(query["time"]), " ".join(query["sql"].split())) for query in queries]


def bare_queue() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.id, b.name_mask FROM cases_workitem w JOIN cases_case c ON c.id = w.case_id "
            "JOIN accounts_borrower b ON b.id = c.borrower_id WHERE w.done_at IS NULL AND w.due_at <= now() "
            "AND w.portfolio_id = (SELECT id FROM accounts_portfolio WHERE code = 'busy') "
            "ORDER BY w.rank, w.due_at, w.id LIMIT 25"
        )
        cursor.fetchall()


def main() -> None:
    import django

    django.setup()
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from accounts.models import User
    from cases.actions.work import take_next
    from cases.models import Case

    if Case.objects.count() < CASES:
        fill()
    busy, quiet = (User.objects.select_related("team").get(username=name) for name in BOOKS)
    case = Case.objects.filter(portfolio__code="busy").order_by("?").first()
    assert case is not None

    def page(user: User, address: str) -> Callable[[], object]:
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)

        def ask() -> None:
            answer = client.get(address)
            assert answer.status_code == 200, answer.status_code

        ask()  # what is read once per process
        return ask

    measured = {
        "queue page, 25 rows": page(busy, reverse("queue")),
        "queue page, 1 row": page(quiet, reverse("queue")),
        "case page": page(busy, reverse("case", args=[case.pk])),
        "strip": page(busy, reverse("case_strip", args=[case.pk])),
        "next case": lambda: take_next(user=busy, at=timezone.now()),
        "bare SQL of the queue": bare_queue,
    }
    print(f"\n{Case.objects.count()} open cases, {ROUNDS} rounds, one process, milliseconds")
    print(f"{'':<24}{'p50':>10}{'p95':>10}{'queries':>10}")
    p50, seen = {}, []
    for name, ask in measured.items():
        asked = statements(ask)
        seen += [(taken, name, text) for taken, text in asked]
        times = timed(ask)
        p50[name] = statistics.median(times)
        print(f"{name:<24}{p50[name]:>10.1f}{statistics.quantiles(times, n=20)[18]:>10.1f}{len(asked):>10}")
    ratio = p50["queue page, 25 rows"] / p50["bare SQL of the queue"]
    print(f"ratio queue page / bare SQL: {ratio:.1f}")
    print("\nslowest statements of one request each")
    for taken, name, text in sorted(seen, reverse=True)[:8]:
        print(f"{taken:>8.0f}  {name:<24}{text[:90]}")


if __name__ == "__main__":
    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
