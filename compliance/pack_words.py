"""Rule packs in words: what a rule is about, what changes on which day, how two texts differ, which calendars run out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays
from babel.dates import format_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from accounts.models import OurRole
from compliance.audit_words import OUTCOMES, PURPOSES
from compliance.models import Channel
from compliance.rules import Pack, Packs
from compliance.rules.compare import Change, compare, flat
from compliance.rules.schema import Rule, WindowRule
from compliance.rules.terms import Term
from compliance.rules.terms.schema import BaseTerm, DeadlineTerm, PeriodTerm
from compliance.sentences import override_reason, reader_locale

WARN = timedelta(days=30)
"""How long before a dated change, or the end of a calendar, somebody should look."""

CONFIDENCE: dict[str, str | Promise] = {
    "P": gettext_lazy("the text itself was read"),
    "S": gettext_lazy("a second source was read"),
    "S/P": gettext_lazy("a second source was read, parts of the text itself"),
    "P/S": gettext_lazy("the text itself was read, parts in a second source"),
    "M-hi": gettext_lazy("from memory, fairly sure"),
    "M-mid": gettext_lazy("from memory, not quite sure"),
    "M-lo": gettext_lazy("from memory, unsure"),
    "house": gettext_lazy("our own decision"),
}
FIELDS: dict[str, str | Promise] = {
    "says": gettext_lazy("what it says"),
    "citation": gettext_lazy("where it stands"),
    "source": gettext_lazy("source"),
    "confidence": gettext_lazy("how sure we are"),
    "binds": gettext_lazy("whom it binds"),
    "channels": gettext_lazy("channels"),
    "purposes": gettext_lazy("purposes"),
    "parties": gettext_lazy("people"),
    "zone_basis": gettext_lazy("whose clock"),
    "zone": gettext_lazy("time zone"),
    "outcome": gettext_lazy("what follows"),
    "override_reasons": gettext_lazy("reasons for an exception by two people"),
    "exceptions": gettext_lazy("exceptions"),
    "in_force.from": gettext_lazy("in force from"),
    "in_force.to": gettext_lazy("in force to"),
    "status": gettext_lazy("status"),
    "superseded_by": gettext_lazy("followed by"),
    "note": gettext_lazy("note"),
    "kind": gettext_lazy("kind of rule"),
    "open": gettext_lazy("hours"),
    "edges.opening": gettext_lazy("the exact opening moment"),
    "edges.closing": gettext_lazy("the exact closing moment"),
    "calendar": gettext_lazy("calendar"),
    "calendar.country": gettext_lazy("calendar"),
    "calendar.closed": gettext_lazy("closed days of the calendar"),
    "counts.event": gettext_lazy("what is counted"),
    "counts.per": gettext_lazy("counted for each"),
    "after.event": gettext_lazy("what it follows"),
    "after.per": gettext_lazy("counted for each"),
    "limit": gettext_lazy("limit"),
    "window.kind": gettext_lazy("window"),
    "window.days": gettext_lazy("days of the window"),
    "days": gettext_lazy("quiet days"),
    "day_one": gettext_lazy("first day"),
    "holds": gettext_lazy("holds"),
    "allowed": gettext_lazy("people who may be contacted"),
    "requires": gettext_lazy("what must be said"),
    "examples": gettext_lazy("worked examples"),
}
# What terms and notices say; what both say is told as above.
TERM_FIELDS: dict[str, str | Promise] = {
    "of": gettext_lazy("about"),
    "days": gettext_lazy("days"),
    "day_type": gettext_lazy("kind of days"),
    "longer": gettext_lazy("longer term"),
    "calendar": gettext_lazy("calendar"),
    "not_needed_once": gettext_lazy("not needed once the debt is"),
    "to_estate_representative": gettext_lazy("to whoever acts for an estate"),
    "complete_name": gettext_lazy("with the complete name"),
    "statements": gettext_lazy("statement"),
    "assumed_receipt_days": gettext_lazy("business days to receipt"),
    "types": gettext_lazy("dates to choose from"),
    "statements_by": gettext_lazy("statements by"),
    "transaction_events": gettext_lazy("days of a transaction"),
    "nothing_is_said_by": gettext_lazy("nothing is said by"),
    "written": gettext_lazy("in writing"),
    "electronic": gettext_lazy("in writing where we accept it"),
    "stops": gettext_lazy("stops"),
    "conservative": gettext_lazy("stopped to be careful"),
    "hold": gettext_lazy("hold"),
    "first_day": gettext_lazy("first day"),
    "extended_days": gettext_lazy("days when extended"),
    "after_treatment_days": gettext_lazy("days after treatment"),
    "lifted_by": gettext_lazy("lifted by"),
    "wait_days": gettext_lazy("days to wait"),
    "sent_by": gettext_lazy("messages that count, by channel"),
    "barred": gettext_lazy("barred debts"),
    "methods": gettext_lazy("ways to opt out"),
    "within_days": gettext_lazy("within days"),
    "databases": gettext_lazy("databases that count"),
    "creditor_notice_days": gettext_lazy("days to opt out"),
    "limited": gettext_lazy("limited content"),
    "may_hold": gettext_lazy("may also hold"),
    "identity_words": gettext_lazy("tells who calls"),
    "years": gettext_lazy("years"),
    "debt_types": gettext_lazy("kinds of debt"),
    "recording_required": gettext_lazy("calls must be recorded"),
}
STATUSES: dict[str, str | Promise] = {
    "draft": gettext_lazy("not yet signed by your lawyer"),
    "signed": gettext_lazy("signed"),
    "proposed": gettext_lazy("proposed law: it warns and stops nothing"),
}
EDGES: dict[str, str | Promise] = {
    "open": gettext_lazy("open"),
    "closed": gettext_lazy("closed"),
    "conservative": gettext_lazy("closed, to be careful"),
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class RuleWords:
    """One rule for a page; `lines` are what it says beside its sentence, as label and value."""

    rule: Rule | Term
    status: str
    confidence: str
    lines: list[tuple[str, str]]


@dataclass(frozen=True)
class Dated:
    """A day on which a rule begins or has ended. `soon`: within thirty days."""

    day: date
    pack: Pack
    rule: Rule | Term
    what: str
    soon: bool


@dataclass(frozen=True)
class Difference:
    """One difference between two texts, as a sentence and its two values."""

    rule: str
    says: str
    what: str
    before: str = ""
    after: str = ""


def in_words(rule: Rule | Term, *, signed: bool, today: date) -> RuleWords:
    """`signed`: two people have signed the pack it stands in."""
    lines = _of_term(rule) if isinstance(rule, BaseTerm) else _of_rule(rule)
    lines += (
        [(_("In force"), _period(rule, today))]
        if not (rule.in_force.from_ is rule.in_force.to is None)
        else []
    )
    status = "signed" if signed and rule.status == "draft" else rule.status
    return RuleWords(rule, str(STATUSES[status]), str(CONFIDENCE[rule.confidence]), lines)


def _of_term(term: Term) -> list[tuple[str, str]]:
    """All that a term says of its own."""
    said = flat(term)
    own = [name for name in said if name.partition(".")[0] not in BaseTerm.model_fields and name != "kind"]
    return [
        (_("Binds"), _list(_word("binds", each) for each in term.binds)),
        *(
            (_label(name, of_term=True), value_in_words(name, said[name]))
            for name in own
            if said[name] not in NOTHING
        ),
    ]


NOTHING: tuple[Any, ...] = (None, [], "", False)


def _label(field: str, *, of_term: bool) -> str:
    """What a place in a rule is called; of places within a mapping ("methods.sms") the mapping and the key."""
    if not of_term or field.partition(".")[0] not in TERM_FIELDS:
        return str(FIELDS.get(field, field.replace("_", " ").replace(".", " · ")))
    name, _dot, key = field.partition(".")
    return " · ".join([str(TERM_FIELDS[name]), *([key.replace("_", " ")] if key else [])])


def _of_rule(rule: Rule) -> list[tuple[str, str]]:
    lines = [
        (_("Binds"), _list(_word("binds", each) for each in rule.binds)),
        (_("Channels"), _list(_word("channels", each) for each in rule.channels)),
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
    says = rule.says
    match change.kind:
        case "added":
            return Difference(change.rule, says, _("a new rule"))
        case "removed":
            return Difference(change.rule, says, _("the rule is gone"))
    return Difference(
        change.rule,
        says,
        _label(change.field, of_term=isinstance(rule, BaseTerm)),
        value_in_words(change.field, change.before),
        value_in_words(change.field, change.after),
    )


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
    said = f"{names[days[0]]}–{names[days[-1]]}" if consecutive else _list(names[each] for each in days)
    return f"{said} {hours}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


WORDS: dict[str, dict[Any, Any]] = {
    "binds": dict(OurRole.choices),
    "channels": dict(Channel.choices),
    "purposes": PURPOSES,
    "outcome": OUTCOMES,
    "confidence": CONFIDENCE,
    "status": STATUSES,
    "edges.opening": EDGES,
    "edges.closing": EDGES,
}


def _word(field: str, value: Any) -> str:
    if field == "override_reasons":
        return override_reason(value)
    words = WORDS.get(field, {})
    if isinstance(value, str) and value in words:
        return str(words[value])
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
    return text if field in ("says", "citation", "source", "note", "zone") else text.replace("_", " ")


def _list(items: Iterable[str]) -> str:
    return pgettext("between items of a list", ", ").join(items)


def day(value: date) -> str:
    return format_date(value, "medium", locale=reader_locale())
