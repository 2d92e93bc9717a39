"""What a validation notice says: the person's name, the dates and the amounts of the debt."""

import re
from datetime import date

from compliance.rules.terms.book import (
    COMPLIANT,
    NON_COMPLIANT,
    PERMITTED,
    PROHIBITED,
    Answer,
    Asked,
    Book,
    ids,
)
from compliance.rules.terms.matter import PAID, STATEMENT, Matter
from compliance.rules.terms.schema import ItemizationTerm, NoticeTerm

AMOUNT = re.compile(r"[^\w\s]?\s?\d[\d,.]*")


def notice_name(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether the name on a notice is as complete as the creditor gave it. Words: `fields`."""
    terms = [term for term in book.of(NoticeTerm, matter) if term.complete_name]
    fields = set(asked.get("fields") or ())
    complete = bool(fields) and fields >= set(matter.name_parts)
    return Answer({"outcome": COMPLIANT if complete or not terms else NON_COMPLIANT}, ids(terms))


def itemization_field(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a field may stand like that where there is nothing, or an amount, to show: never empty. Words: `value`."""
    terms = book.of(ItemizationTerm, matter)
    value = "" if asked.get("value") is None else str(asked["value"]).strip().lower()
    shown = all(value in term.nothing_is_said_by or AMOUNT.fullmatch(value) for term in terms)
    return Answer({"outcome": COMPLIANT if shown else NON_COMPLIANT}, ids(terms))


def itemization_date_choice(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a debt may be itemised from a date of this type, whichever type an earlier collector took. Words: `type`."""
    terms = book.of(ItemizationTerm, matter)
    listed = all(asked.get("type") in term.types for term in terms)
    return Answer({"outcome": PERMITTED if listed else PROHIBITED}, ids(terms))


def itemization_date(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The date of a type; where several days may be it, all of them, and the one chosen is kept to. Words: `type`."""
    terms = book.of(ItemizationTerm, matter)
    allowed: set[date] = set()
    for term in terms:
        allowed |= _dates(matter, term, asked.get("type"))
    dates = sorted(allowed)
    if asked.get("type") == "transaction":
        only = dates[0] if len(dates) == 1 else None
        return Answer({"allowed": dates, "must_be_consistent": True, "date": only}, ids(terms))
    return Answer({"date": dates[-1] if dates else None}, ids(terms))


def _dates(matter: Matter, term: ItemizationTerm, kind: str | None) -> set[date]:
    if kind not in term.types:
        return set()
    if kind == "transaction":
        found = matter.told(*term.transaction_events)
    elif kind == "last_statement":
        found = [event for event in matter.told(STATEMENT) if event.by in term.statements_by]
    elif kind == "last_payment":
        found = matter.told(PAID)
    else:
        found = matter.told(kind)
    return {event.day(matter.zone) for event in found}
