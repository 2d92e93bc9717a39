"""Hold the catalogues to the code: nothing missing, nothing fuzzy, every placeholder kept, nothing stale."""

import re
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
LOCALES = ("zh_Hans",)
EXTRACT = {"no_location": True, "no_wrap": True, "ignore_patterns": [".venv/*", "var/*", "node_modules/*", "tests/*"]}


class Command(BaseCommand):
    help = "Check that every string has its translation. With --write, bring new strings into the catalogues."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--write", action="store_true", help="keep what was extracted from the code")

    def handle(self, *args: Any, write: bool, **options: Any) -> None:
        faults = [fault for locale in LOCALES for fault in self.faults(locale, write)]
        if faults:
            raise CommandError("\n".join(faults[:60] + [f"{len(faults)} to mend."]))

    def faults(self, locale: str, write: bool) -> list[str]:
        path = Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / "django.po"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        call_command("makemessages", locale=[locale], verbosity=0, no_obsolete=True, **EXTRACT)
        catalogue = polib.pofile(str(path), wrapwidth=0)
        if not write:
            path.write_text(before, encoding="utf-8")
            known = {key(entry) for entry in polib.pofile(before)} if before else set()
            extracted = {key(entry) for entry in catalogue}
            stale = [f"{locale}: not in the code any more: {k[1]!r}" for k in known - extracted]
            missing = [f"{locale}: not in the catalogue: {k[1]!r}" for k in extracted - known]
            if stale or missing:
                return stale + missing
        return [fault for entry in catalogue for fault in entry_faults(locale, entry)]


def key(entry: polib.POEntry) -> tuple[str | None, str]:
    return entry.msgctxt, entry.msgid


def entry_faults(locale: str, entry: polib.POEntry) -> list[str]:
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if entry.fuzzy or not all(texts):
        return [f"{locale}: not translated: {entry.msgid!r}"]
    wanted = set(PLACEHOLDER.findall(entry.msgid)) | set(PLACEHOLDER.findall(entry.msgid_plural))
    # A language without a plural form may leave the number's singular out, never invent a placeholder.
    return [
        f"{locale}: placeholders differ in {entry.msgid!r}"
        for text in texts
        if set(PLACEHOLDER.findall(text)) != wanted
    ]
