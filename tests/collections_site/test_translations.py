"""The committed catalogues are complete and sound; `make check` holds them against the code as well."""

import polib
import pytest

from collections_site.management.commands.check_translations import (
    LOCALES,
    catalogue_faults,
    catalogue_path,
    entry_faults,
)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_committed_entry_is_translated_and_keeps_its_placeholders(locale):
    assert len(polib.pofile(str(catalogue_path(locale)))) > 1000
    assert catalogue_faults(locale) == []


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (polib.POEntry(msgid="Due"), "not translated: 'Due'"),
        (polib.POEntry(msgid="Due", msgstr="到期", flags=["fuzzy"]), "not translated: 'Due'"),
        (polib.POEntry(msgid="Due", msgstr="到期", obsolete=True), "not in the code any more: 'Due'"),
        (polib.POEntry(msgid="%(n)s late", msgstr="逾期"), "placeholders differ in '%(n)s late'"),
        (polib.POEntry(msgid="%(n)s late", msgstr="逾期%(m)s"), "placeholders differ in '%(n)s late'"),
        (polib.POEntry(msgid="To {who}", msgstr="转给{whom}"), "placeholders differ in 'To {who}'"),
        (
            polib.POEntry(
                msgid="One day", msgid_plural="%(n)d days", msgstr_plural={0: "一天"}, flags=["python-format"]
            ),
            "placeholders differ in 'One day'",
        ),
        (
            polib.POEntry(msgid="Pay soon", msgstr="请尽快还款！"),
            "exclamation mark in the words for 'Pay soon'",
        ),
        (polib.POEntry(msgid="You", msgstr="你"), "你 instead of 您 in the words for 'You'"),
        (polib.POEntry(msgid="a, b", msgstr="甲,乙"), "half-width punctuation in the words for 'a, b'"),
    ],
)
def test_a_faulty_entry_is_named(entry, fault):
    assert entry_faults("zh_Hans", entry) == [f"zh_Hans: {fault}"]


def test_a_sound_entry_has_no_faults():
    plural = polib.POEntry(msgid="One day", msgid_plural="%(n)d days", msgstr_plural={0: "%(n)d天"})
    swapped = polib.POEntry(msgid="%(a)s of %(b)s", msgstr="共%(b)s，已还%(a)s，见“2026-01-31:100.00”。")
    assert entry_faults("zh_Hans", plural) == []
    assert entry_faults("zh_Hans", swapped) == []
