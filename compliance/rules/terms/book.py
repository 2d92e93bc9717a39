"""Which terms bind a matter, and what an answer is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from compliance.rules.terms.days import IsHoliday, is_published_holiday
from compliance.rules.terms.matter import Matter
from compliance.rules.terms.schema import BaseTerm, TermCalendar

T = TypeVar("T", bound=BaseTerm)

PERMITTED = "permitted"
PROHIBITED = "prohibited"
CONSERVATIVE = "conservative_prohibited"
COMPLIANT = "compliant"
NON_COMPLIANT = "non_compliant"

Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the law says to one question, by the keys of the answer, and the ids of the rules it rests on."""

    values: dict[str, Any]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """The terms that may bind a matter: those of all its jurisdictions, in the order given.

    In daily work a draft that asks something of us binds like a signed one, a draft that opens something counts for
    nothing, and one only proposed neither way; `signed` are ids of packs whose text two people signed, `set_aside` ids of
    drafts two people set aside. With `all_count` every rule counts on its dates, whatever its status.
    """

    terms: tuple[tuple[str, BaseTerm], ...]  # with the id of their pack
    all_count: bool = False
    signed: frozenset[str] = frozenset()
    set_aside: frozenset[str] = frozenset()

    def of(self, kind: type[T], matter: Matter, on: date | None = None) -> list[T]:
        """The terms of a kind that bind our role, on a date; without one, those still in force."""
        return [
            term
            for pack, term in self.terms
            if isinstance(term, kind)
            and matter.role in term.binds
            and (term.in_force.holds(on) if on else term.in_force.to is None)
            and self._counts(pack, term)
        ]

    def _counts(self, pack: str, term: BaseTerm) -> bool:
        if self.all_count or term.status == "signed" or (pack in self.signed and term.status != "proposed"):
            return True
        return term.status == "draft" and not term.permits and term.id not in self.set_aside


def ids(terms: Iterable[BaseTerm]) -> tuple[str, ...]:
    return tuple(term.id for term in terms)


def zone_of(term: BaseTerm, matter: Matter) -> str:
    """Whose dates a term counts."""
    return term.zone or matter.zone


def holiday_of(calendar: TermCalendar, matter: Matter, *, observed: bool | None = None) -> IsHoliday:
    """The holidays of a term's calendar: those the matter brings, else the published ones. `observed` (the calendar's own
    word unless given) adds days kept in place of a holiday, and of a calendar brought along its joint leave."""
    with_observed = calendar.observed if observed is None else observed
    if matter.holidays is None:
        return lambda day: is_published_holiday(calendar.country, day, observed=with_observed)
    brought = frozenset(day for day, kind in matter.holidays if with_observed or kind == "national")
    return brought.__contains__
