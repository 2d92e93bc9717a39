"""The caps of charges for being late, taken from the rule packs and kept by date where the database reads them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from django.db import transaction

from accounts.models import ChargeCap, Portfolio
from accounts.money import minor_digits
from compliance.audit import Actor, Stream, record
from compliance.rules import Packs, load_packs
from compliance.rules.terms import Book, Matter, book_for
from compliance.rules.terms.charges import Caps, caps_on
from compliance.rules.terms.schema import ChargeCapTerm

FIELDS = ("year_percent", "charges_percent", "fee", "fee_percent", "after_days")


@cache
def packs() -> Packs:
    """The rule packs in force, read once per process."""
    return load_packs()


def keep_caps(*, portfolio: Portfolio, by: Actor, at: datetime) -> list[ChargeCap]:
    """Bring the stored caps to what the packs say, from the first day of the portfolio's terms on; returns the rows added.
    Called as often as wanted: where nothing has changed, nothing is written."""
    if not _missing(portfolio):
        return []
    with transaction.atomic():
        Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
        rows = [_row(portfolio, day, caps, at) for day, caps in _missing(portfolio).items()]
        ChargeCap.objects.bulk_create(rows)
        for row in rows:
            record(
                "portfolio.caps_set", stream=Stream.system(), by=by, at=at, portfolio=portfolio.ref,
                from_on=row.from_on, rules=sorted(set(row.rules.values())),
            )  # fmt: skip
    return rows


def caps_of(portfolio: Portfolio) -> dict[date, ChargeCap]:
    """The rows that hold, by the day from which they do, in order."""
    rows = portfolio.charge_caps.order_by("from_on", "id")
    return {row.from_on: row for row in rows}


def _missing(portfolio: Portfolio) -> dict[date, Caps]:
    """By day, what is to be written so that every day has the caps of the packs."""
    first = portfolio.terms.order_by("from_on").values_list("from_on", flat=True).first()
    if first is None:
        return {}
    book = book_for(packs(), portfolio.jurisdictions)
    by_day = {day: _caps(row) for day, row in caps_of(portfolio).items()}
    missing: dict[date, Caps] = {}
    for day in sorted({first, *by_day, *(each for each in _changes(book) if each > first)}):
        wanted = _wanted(portfolio, book, day)
        if _holding(by_day, day) != wanted:
            by_day[day] = missing[day] = wanted
    return missing


def _holding(by_day: Mapping[date, Caps], day: date) -> Caps | None:
    """None: nothing is stored for that day."""
    begun = [each for each in by_day if each <= day]
    return by_day[max(begun)] if begun else None


def _changes(book: Book) -> set[date]:
    """The days on which a rule begins, or has ended."""
    terms = [term for _pack, term in book.terms if isinstance(term, ChargeCapTerm)]
    begins = {term.in_force.from_ for term in terms if term.in_force.from_}
    return begins | {term.in_force.to + timedelta(days=1) for term in terms if term.in_force.to}


def _wanted(portfolio: Portfolio, book: Book, day: date) -> Caps:
    """What the packs say, a fee in whole minor units."""
    matter = Matter(
        role=portfolio.our_role, jurisdictions=tuple(portfolio.jurisdictions), zone=portfolio.zone
    )
    caps = caps_on(matter, book, day, portfolio.currency)
    if caps.fee is None:
        return caps
    return replace(caps, fee=Decimal(int(caps.fee.scaleb(minor_digits(portfolio.currency)))))


def _caps(row: ChargeCap) -> Caps:
    values = {name: getattr(row, name) for name in FIELDS}
    return Caps(**values, rules=tuple((name, row.rules[name]) for name in FIELDS if name in row.rules))


def _row(portfolio: Portfolio, day: date, caps: Caps, at: datetime) -> ChargeCap:
    values = {name: getattr(caps, name) for name in FIELDS}
    return ChargeCap(portfolio=portfolio, from_on=day, rules=dict(caps.rules), set_at=at, **values)
