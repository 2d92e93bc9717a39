"""Hold the catalogues to the code: nothing missing, nothing stale, nothing fuzzy, every placeholder kept, no loud words."""

import re
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

LOCALES = ("zh_Hans",)
PLACEHOLDER = re.compile(r"%\(\w+\)[.\d]*[a-z]|%[a-z]\b|\{\w*\}|</?\w[^>]*>")
# Per language, what its sentences never hold, and why.
NEVER = {
    "zh_Hans": (
        (re.compile("[!！]"), "exclamation mark"),
        (re.compile("你"), "你 instead of 您"),
        (re.compile(r"[\u4e00-\u9fff](?:[,;?]|\.(?!\w))|[,;?][\u4e00-\u9fff]"), "half-width punctuation"),
    ),
}
EXTRACT = {
    "no_location": True,
    "no_wrap": True,
    "no_obsolete": True,
    "ignore_patterns": [".venv/*", "var/*", "node_modules/*", "tests/*"],
}
# What the tools note and nobody reads; without it, a catalogue changes only when its words do.
NOTES = ("POT-Creation-Date", "PO-Revision-Date")


class Command(BaseCommand):
    help = "Check that every string has its translation. With --write, bring new strings into the catalogues."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--write", action="store_true", help="keep what was extracted from the code")

    def handle(self, *args: Any, write: bool, **options: Any) -> None:
        faults = [fault for locale in LOCALES for fault in self.faults(locale, write)]
        if faults:
            raise CommandError("\n".join([*faults[:60], f"{len(faults)} to mend."]))

    def faults(self, locale: str, write: bool) -> list[str]:
        path = catalogue_path(locale)
        before = path.read_bytes() if path.exists() else b""
        if not before:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(
                missing_ok=True
            )  # gettext takes an empty file for one in ASCII and drops other letters
        try:
            call_command("makemessages", locale=[locale], verbosity=0, **EXTRACT)
            extracted = polib.pofile(str(path), wrapwidth=0)
        finally:
            if not write:
                path.write_bytes(before)
        if write:
            tidy(extracted).save(str(path))
            return catalogue_faults(locale)
        wanted = {key(entry) for entry in extracted}
        known = {key(entry) for entry in polib.pofile(str(path))}
        stale = [f"{locale}: not in the code any more: {k[1]!r}" for k in sorted(known - wanted)]
        missing = [f"{locale}: not in the catalogue: {k[1]!r}" for k in sorted(wanted - known)]
        return stale + missing + catalogue_faults(locale)


def catalogue_path(locale: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / "django.po"


def key(entry: polib.POEntry) -> tuple[str, str]:
    return entry.msgctxt or "", entry.msgid


def tidy(catalogue: polib.POFile) -> polib.POFile:
    """Without notes of when it was made, and without guesses from sentences that looked alike."""
    for note in NOTES:
        catalogue.metadata.pop(note, None)
    for entry in catalogue:
        if entry.fuzzy:
            entry.msgstr, entry.msgstr_plural = "", dict.fromkeys(entry.msgstr_plural, "")
            entry.flags.remove("fuzzy")
            entry.previous_msgid = entry.previous_msgid_plural = entry.previous_msgctxt = None
    return catalogue


def catalogue_faults(locale: str) -> list[str]:
    """What is wrong with the catalogue as it is stored, without looking at the code."""
    catalogue = polib.pofile(str(catalogue_path(locale)))
    return [fault for entry in catalogue for fault in entry_faults(locale, entry)]


def entry_faults(locale: str, entry: polib.POEntry) -> list[str]:
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if entry.obsolete:
        return [f"{locale}: not in the code any more: {entry.msgid!r}"]
    if entry.fuzzy or not all(texts):
        return [f"{locale}: not translated: {entry.msgid!r}"]
    # The plural names every placeholder; a singular may leave the number out, and Chinese has no singular.
    wanted = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
    faults = []
    for text in texts:
        if sorted(PLACEHOLDER.findall(text)) != wanted:
            faults.append(f"{locale}: placeholders differ in {entry.msgid!r}")
        for pattern, what in NEVER.get(locale, ()):
            if pattern.search(text):
                faults.append(f"{locale}: {what} in the words for {entry.msgid!r}")
    return faults
