"""Fill an empty installation with the demo: two invented portfolios and six weeks of their history."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Portfolio
from cases.demo.history import LOANS, WEEKS, simulate
from collections_site import local


class Command(BaseCommand):
    help = (
        "Fill an empty installation with two invented portfolios and six weeks of history, the same for the same seed and "
        "day. The last line is one JSON object."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--loans", type=int, default=LOANS, help=f"of both portfolios, {LOANS} by default"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--days", type=int, default=7 * WEEKS, help=f"of history, {7 * WEEKS} by default")

    def handle(self, *args: Any, loans: int, seed: int, days: int, **options: Any) -> None:
        if loans < 20 or days < 1:
            raise CommandError("A demo has 20 loans and a day of history at least.")
        if Portfolio.objects.exists():
            raise CommandError("There are portfolios here already: the demo is for an empty installation.")
        owner = owner_url()
        started = time.monotonic()
        with simulated_clock(owner), tqdm(unit="day", disable=not sys.stderr.isatty()) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            counts = simulate(
                loans=loans,
                seed=seed,
                days=days,
                today=timezone.now().date(),
                side_by_side=not connection.in_atomic_block and (os.cpu_count() or 1) > 1,
                progress=progress,
            )
        seconds = round(time.monotonic() - started, 1)
        self.stdout.write(json.dumps({"seed": seed, **counts, "seconds": seconds}))


def owner_url() -> str:
    if "DATABASE_URL" in os.environ and not os.environ.get("FORBEAR_OWNER_DATABASE_URL"):
        raise CommandError(
            "FORBEAR_OWNER_DATABASE_URL is not set: only the owner of the database may let its history be simulated."
        )
    return local.database_url("owner")


@contextmanager
def simulated_clock(owner: str) -> Iterator[None]:
    """Decisions may be for other moments than now (docs/adr/0002), and not a moment longer than this."""
    _mark(owner, True)
    try:
        yield
    finally:
        _mark(owner, False)


def _mark(owner: str, simulated: bool) -> None:
    with psycopg.connect(owner, dbname=connection.settings_dict["NAME"]) as database:
        database.execute("UPDATE compliance_legalclock SET simulated = %s", [simulated])
