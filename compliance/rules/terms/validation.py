"""The validation notice: by when, to whom, and until when a person may dispute."""

from datetime import date, timedelta
from typing import Any

from compliance.rules.terms.book import (
    COMPLIANT,
    NON_COMPLIANT,
    Answer,
    Asked,
    Book,
    holiday_of,
    ids,
    zone_of,
)
from compliance.rules.terms.days import add_business_days
from compliance.rules.terms.matter import NOTICE, PAID, UNDELIVERABLE, Event, Matter
from compliance.rules.terms.messages import is_communication
from compliance.rules.terms.schema import DeadlineTerm, MessageTerm, NoticeTerm, PeriodTerm

# The earliest date on which receipt may be assumed, and the last day to dispute.
Receipt = tuple[date | None, date | None]


def validation_notice_deadline(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """The last day to send it: the earliest that any rule sets, from the first communication about the debt."""
    deadline, day_type, rule = deadline_of(matter, book)
    return Answer({"deadline": deadline, "day_type": day_type}, (rule,) if rule else ())


def deadline_of(matter: Matter, book: Book) -> tuple[date | None, str | None, str | None]:
    """Last day, type of days and rule; three times None where nothing sets one."""
    found = [(day, term.day_type, term.id) for day, term in _deadlines(matter, book)]
    return min(found, default=(None, None, None))


def _deadlines(matter: Matter, book: Book) -> list[tuple[date, DeadlineTerm]]:
    first = initial_communication(matter, book)
    if first is None:
        return []
    found = []
    for term in book.of(DeadlineTerm, matter, first.day(matter.zone)):
        if term.of == "validation_notice":
            day = first.day(zone_of(term, matter))
            found.append((last_day(term, day, matter), term))
    return found


def last_day(term: DeadlineTerm, day: date, matter: Matter, days: int | None = None) -> date:
    """The last day of a term that begins with an event on `day`."""
    count = term.days if days is None else days
    if term.calendar is not None:
        return add_business_days(day, count, holiday_of(term.calendar, matter))
    return day + timedelta(days=count)


def initial_communication(matter: Matter, book: Book) -> Event | None:
    """The first communication about the debt: the one known to be it, else the first that can have been one."""
    events = sorted((each for each in matter.events if each.concerns(matter.debts)), key=lambda each: each.at)
    known = [event for event in events if event.initial]
    if known:
        return known[0]
    terms = book.of(MessageTerm, matter)
    # What was said on another's number, or by an earlier owner, was not our communication with the person.
    ours = (event for event in events if event.own and event.with_consumer and is_communication(event, terms))
    return next(ours, None)


def validation_notice_required(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a notice is still to be sent. Not once it has been and has not come back, nor where the debt was paid before
    it had to be. Words: `at`."""
    known = matter.until(asked.get("at"))
    deadlines = _deadlines(known, book)
    if not deadlines:
        return Answer({"required": False})
    rules = ids(term for _day, term in deadlines)
    due = min(day for day, _term in deadlines)
    if known.debt_status in _not_needed(known, book) or _all_paid(known, due) or outstanding(known):
        return Answer({"required": False}, rules)
    return Answer({"required": True}, rules)


def _not_needed(matter: Matter, book: Book) -> set[str]:
    return {status for term in book.of(NoticeTerm, matter) for status in term.not_needed_once}


def _all_paid(matter: Matter, by: date) -> bool:
    paid = [event for event in matter.told(PAID) if event.day(matter.zone) <= by]
    if not matter.debts:
        return bool(paid)
    return all(any(event.concerns((debt,)) for event in paid) for debt in matter.debts)


def validation_notice_recipient(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """To whom the notice goes; None while nobody is known who may act for the estate, or where nobody is owed one."""
    terms = book.of(NoticeTerm, matter)
    recipient = None
    if not matter.deceased:
        recipient = "consumer" if terms else None
    elif any(term.to_estate_representative for term in terms) and not outstanding(matter):
        recipient = "estate_representative_by_name" if matter.estate_representative else None
    return Answer({"recipient": recipient}, ids(terms))


def outstanding(matter: Matter) -> list[Event]:
    """Notices sent that have not come back; what comes back is the latest that was on its way."""
    standing: list[Event] = []
    for event in matter.told(NOTICE, UNDELIVERABLE):
        if event.kind == NOTICE:
            standing.append(event)
        elif standing:
            standing.pop()
    return standing


def send_validation_notice(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a notice sent at a moment is in time and makes the disclosure it must. Words: `at`, and `statement` where it
    is known."""
    at = asked["at"]
    known = matter.until(at)
    deadlines = _deadlines(known, book)
    late = [term for day, term in deadlines if known.day(at) > day]
    terms = [*(term for _day, term in deadlines), *book.of(NoticeTerm, matter, known.day(at))]
    wrong = "statement" in asked and any(
        asked["statement"] not in term.statements["later" if deadlines else "initial"]
        for term in terms
        if isinstance(term, NoticeTerm)
    )
    return Answer({"outcome": NON_COMPLIANT if late or wrong else COMPLIANT}, ids(terms))


def validation_period_end(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """The last day to dispute, from the latest notice that did not come back. Receipt may be assumed on any day from the
    earliest, so that an end once printed stands whatever is learned later."""
    standing = outstanding(matter)
    base = standing[-1].day(matter.zone) if standing else None
    terms = book.of(PeriodTerm, matter, base) if base else []
    literal: Receipt = (None, None)
    cautious: Receipt = (None, None)
    if base:
        literal = period_of(matter, terms, base, observed=False)
        cautious = period_of(matter, terms, base, observed=True)
    values: dict[str, Any] = {
        "base_notice": base if terms else None,
        "assumed_receipt_earliest": literal[0],
        "validation_end_earliest": literal[1],
        "may_use_assumed_date": bool(terms),
        "literal": {"assumed_receipt_earliest": literal[0], "validation_end_earliest": literal[1]},
        "cautious_observed_days_excluded": {"assumed_receipt": cautious[0], "validation_end": cautious[1]},
    }
    return Answer(values, ids(terms))


def period_of(matter: Matter, terms: list[PeriodTerm], base: date, *, observed: bool) -> Receipt:
    """The earliest date on which receipt of a notice sent on `base` may be assumed, and the last day to dispute; the latest
    of several rules, twice None where there is none."""
    found = []
    for term in terms:
        is_holiday = holiday_of(term.calendar, matter, observed=observed)
        receipt = add_business_days(base, term.assumed_receipt_days, is_holiday)
        found.append((receipt, receipt + timedelta(days=term.days)))
    return max(found, key=lambda each: each[1], default=(None, None))


def end_of_period(matter: Matter, book: Book) -> date | None:
    """Until when a person may dispute, by the cautious reading; None: no notice runs."""
    if matter.validation_end is not None:
        return matter.validation_end
    standing = outstanding(matter)
    if not standing:
        return None
    base = standing[-1].day(matter.zone)
    return period_of(matter, book.of(PeriodTerm, matter, base), base, observed=True)[1]
