"""Stored decisions given again by the texts they were made with; the last line is one JSON object."""

import json
import sys
import time
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from compliance.actions.replays import replay_all


class Command(BaseCommand):
    help = "Give stored decisions of the gate again and compare; fails where one differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="YYYY-MM-DD", help="only decisions from this day (UTC) on")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many, the oldest first")

    def handle(self, *, since: str | None, limit: int | None, **options) -> None:
        try:
            first = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
        except ValueError:
            raise CommandError(f"{since!r} is no day; write it as 2026-03-31.") from None
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number from 1.")
        started = time.monotonic()
        with tqdm(unit="decisions", disable=not sys.stderr.isatty()) as progress:
            for tally in replay_all(since=first, limit=limit):
                progress.update(tally.decisions - progress.n)
        for decision, differences in tally.examples:
            self.stderr.write(f"{decision} differs: {', '.join(differences)}")
        told = {
            "decisions": tally.decisions,
            "same": tally.decisions - tally.different,
            "different": tally.different,
            "without_text": tally.without_text,
            "seconds": round(time.monotonic() - started, 3),
        }
        self.stdout.write(json.dumps(told))
        if tally.different:
            sys.exit(1)
