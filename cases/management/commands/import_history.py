"""Bring in what was known of borrowers before: contacts of others, wishes, holds, consents and so on."""

from typing import Any

from accounts.models import HISTORIES
from cases.management.import_command import ImportCommand


class Command(ImportCommand):
    help = (
        "Import what was known before. The last line is one JSON object: rows, created, updated, unchanged, rejected,"
        " seconds; findings among the changes, where contacts of others were not lawful."
    )
    creates_portfolio = False
    default_mapping = "standard"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--kind", required=True, choices=[kind.value for kind in HISTORIES])

    def handle(self, *args: Any, **options: Any) -> None:
        self.kind = options["kind"]
        super().handle(*args, **options)
