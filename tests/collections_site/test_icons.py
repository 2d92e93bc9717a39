"""Signs on the pages: every icon a template names is drawn."""

import re

from django.conf import settings

from collections_site.templatetags.desk import drawn_icons

NAMED = re.compile(r'{% icon "([^"]+)"|\bicon="([^"]+)"')


def test_every_icon_is_drawn():
    named = {
        name
        for file in (settings.BASE_DIR / "templates").rglob("*.html")
        for pair in NAMED.findall(file.read_text(encoding="utf-8"))
        for name in pair
        if name
    }
    assert len(named) > 20
    assert named - drawn_icons() == set()
