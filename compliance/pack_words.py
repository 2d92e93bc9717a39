"""Rule packs in words: what a rule is about, what changes on which day, how two texts differ, which calendars run out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays
from babel.dates import format_date
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from compliance.rule_words import CONFIDENCE, STATUSES, label, word
from compliance.rules import Pack, Packs
from compliance.rules.compare import Change, compare, flat
from compliance.rules.schema import BaseRule, Rule, WindowRule
from compliance.rules.shapes import Spoken, Words
from compliance.rules.terms import Term
from compliance.rules.terms.schema import BaseTerm, DeadlineTerm, PeriodTerm
from compliance.sentences import cited, override_reason, reader_locale

WARN = timedelta(days=30)
"""How long before a dated change, or the end of a calendar, somebody should look."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class RuleWords:
    """One rule for a page; `lines` are what it says beside its sentence, as label and value; `citation` with its language,
    and `exceptions` are those that may open it, each in one sentence."""

    rule: Rule | Term
    says: Words
    citation: Words
    status: str
    confidence: str
    lines: list[tuple[str, str]]
    exceptions: list[Words]


@dataclass(frozen=True)
class Dated:
    """A day on which a rule begins or has ended. `soon`: within thirty days."""

    day: date
    pack: Pack
    rule: Rule | Term
    what: str
    soon: bool

    @property
    def says(self) -> Words:
        return said(self.rule)

    @property
    def title(self) -> Words:
        return title(self.pack)


@dataclass(frozen=True)
class Difference:
    """One difference between two texts, as a sentence and its two values; `lang` where these are in one language alone."""

    rule: str
    says: Words
    what: str
    before: str = ""
    after: str = ""
    lang: str = ""


def said(entry: Spoken) -> Words:
    """A rule, term or exception in the reader's language."""
    return entry.said(get_language() or "en")


def title(pack: Pack) -> Words:
    """What a pack is called, in the reader's language."""
    return pack.named(get_language() or "en")


def in_words(rule: Rule | Term, *, signed: bool, today: date) -> RuleWords:
    """`signed`: two people have signed the pack it stands in."""
    lines = _of_term(rule) if isinstance(rule, BaseTerm) else _of_rule(rule)
    lines += (
        [(_("In force"), _period(rule, today))]
        if not (rule.in_force.from_ is rule.in_force.to is None)
        else []
    )
    status = "signed" if signed and rule.status == "draft" else rule.status
    return RuleWords(
        rule=rule,
        says=said(rule),
        citation=cited(rule.citation),
        status=str(STATUSES[status]),
        confidence=str(CONFIDENCE[rule.confidence]),
        lines=lines,
        exceptions=[said(each) for each in rule.exceptions] if isinstance(rule, BaseRule) else [],
    )


def _of_term(term: Term) -> list[tuple[str, str]]:
    """All that a term says of its own."""
    return [
        (_("Binds"), _list(_word("binds", each) for each in term.binds)),
        *(
            (label(name, of_term=True), value_in_words(name, value))
            for name, value in flat(term).items()
            if name.partition(".")[0] not in BaseTerm.model_fields
            and name != "kind"
            and not _says_nothing(value)
        ),
    ]


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value == [] or value == ""


# Of a rule's own places these are told in other words, or say nothing to a reader.
TOLD_OTHERWISE = {"kind", "open", "calendar.country", "calendar.closed", "window.day_one"}


def _of_rule(rule: Rule) -> list[tuple[str, str]]:
    lines = [
        (_("Binds"), _list(_word("binds", each) for each in rule.binds)),
        (_("Channels"), _list(_word("channels", each) for each in rule.channels)),
        *_narrowed(rule),
        (_("What follows"), _word("outcome", rule.outcome)),
    ]
    if isinstance(rule, WindowRule):
        spans = rule.model_dump(mode="json", by_alias=True)["open"]
        lines.insert(0, (_("Hours"), value_in_words("open", spans)))
        if rule.calendar:
            lines.append(
                (_("Closed days"), _("public calendar of %(country)s") % {"country": rule.calendar.country})
            )
    if rule.override_reasons:
        reasons = _list(override_reason(each) for each in rule.override_reasons)
        lines.append((_("Two people may allow it once"), reasons))
    return lines


def _narrowed(rule: Rule) -> Iterator[tuple[str, str]]:
    """What a rule speaks about beside whom it binds and by which channels, and all that its kind says."""
    for name, value in flat(rule).items():
        first = name.partition(".")[0]
        own = first not in BaseRule.model_fields or first in ("purposes", "parties", "only_if")
        unending = name == "window.days" and value > 366
        if own and name not in TOLD_OTHERWISE and not _says_nothing(value) and not unending:
            yield label(name), value_in_words(name, value)


def _period(rule: Rule | Term, today: date) -> str:
    first, last = rule.in_force.from_, rule.in_force.to
    if first and last:
        return _("from %(first)s to %(last)s") % {"first": day(first), "last": day(last)}
    if first:
        text = _("since %(day)s") if first <= today else _("from %(day)s")
        return text % {"day": day(first)}
    return _("until %(day)s") % {"day": day(last)} if last else ""


def changes_ahead(packs: Packs, today: date) -> list[Dated]:
    """What begins or ends from today on, the next first."""
    found = []
    for pack in packs.all:
        for rule in pack.entries:
            first, last = rule.in_force.from_, rule.in_force.to
            if first and first > today:
                what = (
                    _("would begin, if the proposal becomes law")
                    if rule.status == "proposed"
                    else _("begins")
                )
                found.append(Dated(first, pack, rule, what, first - today <= WARN))
            if last and last >= today:
                ends = last + timedelta(days=1)
                found.append(Dated(ends, pack, rule, _("is not in force any more"), ends - today <= WARN))
    return sorted(found, key=lambda each: (each.day, each.rule.id))


def missing_years(packs: Packs, today: date) -> list[tuple[str, int]]:
    """Calendars that rules go by and that name no holiday for this year or, thirty days before it begins, the next."""
    years = sorted({today.year, (today + WARN).year})
    countries = sorted(
        {
            rule.calendar.country
            for pack in packs.all
            for rule in pack.entries
            if isinstance(rule, WindowRule | DeadlineTerm | PeriodTerm) and rule.calendar
        }
    )
    return [(country, year) for country in countries for year in years if not has_year(country, year)]


@lru_cache(maxsize=256)
def has_year(country: str, year: int) -> bool:
    """Whether the published calendar of a country knows holidays of a year."""
    try:
        calendar = holidays.country_holidays(country, years=year)
    except NotImplementedError:
        return False
    return any(found.year == year for found in calendar)


def differences(before: Pack, after: Pack) -> list[Difference]:
    """How two texts differ, in words."""
    entries = {rule.id: rule for pack in (before, after) for rule in pack.entries}
    return [_difference(change, entries[change.rule]) for change in compare(before, after)]


def _difference(change: Change, rule: Rule | Term) -> Difference:
    says = said(rule)
    match change.kind:
        case "added":
            return Difference(change.rule, says, _("a new rule"))
        case "removed":
            return Difference(change.rule, says, _("the rule is gone"))
    return Difference(
        change.rule,
        says,
        label(change.field, of_term=isinstance(rule, BaseTerm)),
        value_in_words(change.field, change.before),
        value_in_words(change.field, change.after),
        ONE_LANGUAGE.get(change.field, ""),
    )


ONE_LANGUAGE = {"says": "en", "says_zh": "zh-Hans", "source": "en", "note": "en"}


def value_in_words(field: str, value: Any) -> str:
    """A value as it stands in a pack, in the reader's language; a dash where there is none."""
    if value is None or value == [] or value == "":
        return "–"
    if field == "open":
        return _list(_span(each) for each in value)
    if field in ("in_force.from", "in_force.to", "signed_on"):
        return day(date.fromisoformat(value))
    if isinstance(value, list):
        return _list(_word(field, each) for each in value)
    return _word(field, value)


def _span(span: dict[str, Any]) -> str:
    hours = f"{_clock(span['from'])}–{_clock(span['to'])}"
    days = [WEEKDAYS.index(each) for each in span["days"]]
    if len(days) == 7:
        return hours
    names = reader_locale().days["format"]["abbreviated"]
    consecutive = len(days) > 1 and days == list(range(days[0], days[-1] + 1))
    which = f"{names[days[0]]}–{names[days[-1]]}" if consecutive else _list(names[each] for each in days)
    return f"{which} {hours}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _word(field: str, value: Any) -> str:
    if isinstance(value, str) and (worded := word(field, value)) is not None:
        return worded
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return _list(
            f"{name.replace('_', ' ')}: {_word(name, each)}"
            for name, each in value.items()
            if each not in (None, [])
        )
    if isinstance(value, list):
        return _list(_word(field, each) for each in value)
    text = str(value)
    return (
        text if field in ("says", "says_zh", "citation", "source", "note", "zone") else text.replace("_", " ")
    )


def _list(items: Iterable[str]) -> str:
    return pgettext("between items of a list", ", ").join(items)


def day(value: date) -> str:
    return format_date(value, "medium", locale=reader_locale())
