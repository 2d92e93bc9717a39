"""What being late may cost at most: by the year, by the instalment, in all, and from which day on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from compliance.rules.terms.book import Answer, Asked, Book
from compliance.rules.terms.matter import Matter
from compliance.rules.terms.schema import ChargeCapTerm

DAYS_OF_YEAR = 365


@dataclass(frozen=True, slots=True)
class Caps:
    """The strictest of all rules on a day. None: no rule says anything. `fee` is in major units of the currency asked about,
    `after_days` how many days late nothing is charged; `rules` names the rule that sets each."""

    year_percent: Decimal | None = None
    charges_percent: Decimal | None = None
    fee: Decimal | None = None
    fee_percent: Decimal | None = None
    after_days: int | None = None
    rules: tuple[tuple[str, str], ...] = ()


STRICTEST = {
    "year_percent": min,
    "charges_percent": min,
    "fee": min,
    "fee_percent": min,
    "after_days": max,
}


def caps_on(matter: Matter, book: Book, on: date | None, currency: str) -> Caps:
    """The caps that bind on a day, each with its rule; without a day, those still in force."""
    found: dict[str, list[tuple[Decimal | int, str]]] = {name: [] for name in STRICTEST}
    for term in book.of(ChargeCapTerm, matter, on):
        for name, value in _says(term, currency):
            found[name].append((value, term.id))
    strictest = {
        name: STRICTEST[name](each, key=lambda pair: pair[0]) for name, each in found.items() if each
    }
    values = {name: value for name, (value, _rule) in strictest.items()}
    return Caps(**values, rules=tuple((name, rule) for name, (_value, rule) in strictest.items()))  # type: ignore[arg-type]


def _says(term: ChargeCapTerm, currency: str) -> Iterator[tuple[str, Decimal | int]]:
    """What a rule says, a percent a day as one a year."""
    by_day = None if term.day_percent is None else term.day_percent * DAYS_OF_YEAR
    said: list[tuple[str, Decimal | int | None]] = [
        ("year_percent", term.year_percent),
        ("year_percent", by_day),
        ("charges_percent", term.charges_percent),
        ("fee", term.fee.get(currency)),
        ("fee_percent", term.fee_percent),
        ("after_days", term.after_days),
    ]
    return ((name, value) for name, value in said if value is not None)


def charge_caps(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The strictest caps, decimal numbers as text, and null where no rule says anything. Words: `at`, `currency`."""
    at = asked.get("at")
    caps = caps_on(matter, book, matter.day(at) if at else None, asked.get("currency", ""))
    values: dict[str, object] = {"after_days": caps.after_days}
    for name in ("year_percent", "charges_percent", "fee", "fee_percent"):
        value = getattr(caps, name)
        values[name] = None if value is None else f"{value.normalize():f}"
    return Answer(values, tuple(sorted({rule for _name, rule in caps.rules})))
