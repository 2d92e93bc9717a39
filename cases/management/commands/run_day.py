"""Run a business date."""

import json
import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from cases.actions.day import DayRefused, run_day
from compliance.audit import Actor


class Command(BaseCommand):
    help = (
        "Run a business date: overdue report, cases opened and cured, promises and plans decided, first notices planned. "
        "Missed dates are run before it. The last line is one JSON object."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(unit="portfolio-day", disable=not sys.stderr.isatty()) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                run = run_day(
                    date=options["date"], by=Actor.system("run_day"), at=timezone.now(), progress=progress
                )
            except DayRefused as refused:
                raise CommandError(str(refused)) from None
        self.stdout.write(json.dumps(run.summary))
