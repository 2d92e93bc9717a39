"""Draw the map of states in the docs from the table that the code and the database hold."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cases.machine import CLOSED_STATES, EDGES, OPEN_STATES

PAGE = settings.BASE_DIR / "docs" / "states.md"


def page() -> str:
    """The whole page: a picture, and the edges with permission and guard."""
    arrows = [f"    {e.source} --> {e.target}" for e in EDGES if e.target not in CLOSED_STATES]
    arrows += [f"    open --> {state}" for state in CLOSED_STATES]
    rows = [f"| {e.source} | {e.target} | `{e.permission}` | {e.guard} |" for e in EDGES]
    return "\n".join(
        [
            "# The life of a case",
            "",
            "Drawn from `cases/machine.py` by `./manage.py draw_states --write`; the database holds the same edges.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f'    state "any open state: {", ".join(OPEN_STATES)}" as open',
            "    [*] --> overdue",
            *arrows,
            *[f"    {state} --> [*]" for state in CLOSED_STATES],
            "```",
            "",
            "| from | to | who (permission) | what must be true (guard) |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


class Command(BaseCommand):
    help = "Check that docs/states.md shows the map of states as it is; with --write, draw it."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, write: bool, **options: Any) -> None:
        if write:
            PAGE.write_text(page(), encoding="utf-8")
        elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
            raise CommandError(
                "docs/states.md is not the map in cases/machine.py; run ./manage.py draw_states --write."
            )
