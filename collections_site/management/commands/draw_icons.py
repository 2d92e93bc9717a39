"""Take icons from Tabler's sprite, which is 2 MB, into ours, which holds only what the pages show."""

import re

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from collections_site.templatetags.desk import SPRITE, drawn_icons

SYMBOL = re.compile(r'<symbol\b[^>]*\bid="tabler-([^"]+)"[^>]*>(.*?)</symbol>', re.DOTALL)
# One drawing style for all: 24 units, a line of 1.75, round ends, the colour of the text around.
OPENING = (
    '<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
    ' stroke-linecap="round" stroke-linejoin="round">'
)
NOTICE = (
    "<!-- Tabler Icons, MIT License, Copyright (c) 2020-2026 Paweł Kuna. Drawn by manage.py draw_icons. -->"
)


def drawing(symbol: str) -> str:
    """The lines of an icon without the invisible frame that Tabler puts around each."""
    return " ".join(re.sub(r'<path stroke="none" d="M0 0h24v24H0z"[^>]*/>', "", symbol).split())


class Command(BaseCommand):
    help = "Redraw collections_site/static/app/icons.svg with the icons it has and the ones named."

    def add_arguments(self, parser):
        parser.add_argument("names", nargs="*", metavar="NAME", help="Tabler's name of an icon to add")

    def handle(self, *, names, **options):
        source = settings.NODE_MODULES / "@tabler" / "icons-sprite" / "dist" / "tabler-sprite.svg"
        if not source.exists():
            raise CommandError(f"{source} is missing; run npm ci first.")
        tabler = dict(SYMBOL.findall(source.read_text(encoding="utf-8")))
        wanted = sorted({*names, *(drawn_icons() if SPRITE.exists() else ())})
        if unknown := [name for name in wanted if name not in tabler]:
            raise CommandError(f"Tabler has no icon {', '.join(unknown)}.")
        lines = [OPENING.format(name=name) + drawing(tabler[name]) + "</symbol>" for name in wanted]
        svg = "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', NOTICE, *lines, "</svg>", ""])
        SPRITE.write_text(svg, encoding="utf-8")
        self.stdout.write(f"{len(wanted)} icons in {SPRITE.name}")
