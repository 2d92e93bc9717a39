"""What being late costs by a portfolio's terms: simple interest on overdue principal, and a fee once per instalment. Pure.

The rules, once:

- All is computed anew from the facts, up to and including a day; what was booked before is taken off. So a day is never
  charged twice, rounding leaves nothing behind, and a payment that arrives late with an early value date lowers the next
  charge or takes back what was too much.
- Payments cover what fell due first, as in `accounts/ageing.py`. Charges for being late are no dues here: they bear no
  interest, and no payment is counted against them first.
- An instalment bears interest from the day after its grace, on the principal in what is not covered of it: principal has the
  same share in every instalment as in the whole loan.
- A day that a hold protects bears nothing. A late fee waits for the first day after the grace that is not protected, and
  falls away where the instalment is covered by then.
- Fees fill the caps before interest does. What a cap cuts off is not charged later by itself: a cap only ever rises with the
  terms.
- Each day is counted by the terms in force on it, kept to the caps that the law sets for that day (`kept_to`): of the two
  the stricter. Charges themselves bear nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LateTerms:
    """In force from a day on. `rate`: percent a year; amounts in minor units; None: no cap."""

    from_on: date
    rate: Decimal | Fraction = Decimal(0)
    fee: int = 0
    grace_days: int = 0
    day_count: str = "act/365"
    rounding: str = "half_up"
    fees_most: int | None = None
    most_percent: Decimal | None = None
    fee_percent: Decimal | None = None  # a fee at most, percent of its instalment
    principal_percent: Decimal | None = None  # all charges at most, percent of the loan's principal


@dataclass(frozen=True, slots=True)
class LateCaps:
    """What the law lets the terms charge at most, from a day on; None: as much as they say. The rate is one of a year of 365
    days; nothing is charged in the first `after_days` days of being late."""

    from_on: date
    year_percent: Decimal | None = None
    charges_percent: Decimal | None = None
    fee: int | None = None
    fee_percent: Decimal | None = None
    after_days: int | None = None


def kept_to(terms: Sequence[LateTerms], caps: Sequence[LateCaps]) -> list[LateTerms]:
    """The terms with the caps of each day on them, from the first day of the terms."""
    by_start = sorted(terms, key=lambda each: each.from_on)
    if not by_start:
        return []
    starts = [each.from_on for each in by_start] + [each.from_on for each in caps]
    days = {day for day in starts if day >= starts[0]}
    return [_capped_terms(_on(by_start, day), _on(caps, day), day) for day in sorted(days)]


def _on(rows: Sequence[Any], day: date) -> Any:
    return max((each for each in rows if each.from_on <= day), key=lambda each: each.from_on, default=None)


def _capped_terms(terms: LateTerms, caps: LateCaps | None, day: date) -> LateTerms:
    if caps is None:
        return replace(terms, from_on=day)
    # A year of act/360 has five days more than are paid for.
    year = Fraction(360, 365) if terms.day_count == "act/360" else Fraction(1)
    rate = Fraction(terms.rate)
    if caps.year_percent is not None:
        rate = min(rate, Fraction(caps.year_percent) * year)
    return replace(
        terms,
        from_on=day,
        rate=rate,
        fee=terms.fee if caps.fee is None else min(terms.fee, caps.fee),
        fee_percent=caps.fee_percent,
        principal_percent=caps.charges_percent,
        grace_days=max(terms.grace_days, caps.after_days or 0),
    )


@dataclass(frozen=True, slots=True)
class Late:
    """Up to and including a day: `exact` interest before rounding and caps, what may be charged of it, and the day of the
    late fee of each instalment that has one, with its amount."""

    exact: Fraction
    interest: int
    fees: dict[int, tuple[date, int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.interest + sum(amount for _day, amount in self.fees.values())


def year_fraction(first: date, last: date, day_count: str) -> Fraction:
    """The part of a year from a day to a later one. Whatever day a period is split at, its parts add up to the whole; for
    30/360 that is why every month has 30 days and a 31st is the 30th (30E/360)."""
    if last < first:
        raise ValueError("a period ends before it begins")
    match day_count:
        case "act/365":
            return Fraction((last - first).days, 365)
        case "act/360":
            return Fraction((last - first).days, 360)
        case "30/360":
            return Fraction(_days_of_months(last) - _days_of_months(first), 360)
        case "act/act":
            edges = [first, *(date(year, 1, 1) for year in range(first.year + 1, last.year + 1)), last]
            return sum(
                (Fraction((end - begin).days, _days_of_year(begin.year)) for begin, end in pairwise(edges)),
                Fraction(0),
            )
    raise ValueError(f"unknown day count {day_count!r}")


def _days_of_months(day: date) -> int:
    return 360 * day.year + 30 * day.month + min(day.day, 30)


def _days_of_year(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


def rounded(amount: Fraction, rounding: str) -> int:
    """A sum of minor units that is not negative, whole."""
    whole, rest = divmod(amount.numerator, amount.denominator)
    if rounding == "down" or not rest:
        return whole
    half = Fraction(rest, amount.denominator) - Fraction(1, 2)
    if half == 0:
        return whole + 1 if rounding == "half_up" else whole + whole % 2
    return whole + (half > 0)


def late_charges(
    instalments: Sequence[tuple[int, date, int]],
    credited: Sequence[tuple[date, int]],
    *,
    principal: int,
    opening: int,
    terms: Sequence[LateTerms],
    through: date,
    charges: Sequence[tuple[date, int]] = (),
    held: Sequence[tuple[date, date]] = (),
) -> Late:
    """All that being late has cost up to and including `through`.

    `instalments`: number, due date, minor units. `charges`: other dues beside them, by value date. `credited`: what counts
    as paid or forgiven, by value date; what was taken back is negative. `principal` of `opening` is principal. `held`:
    protected days, first and last. Nothing before the first of the `terms`.
    """
    if not instalments or not terms or opening <= 0:
        return Late(Fraction(0), 0)
    by_start = sorted(terms, key=lambda each: each.from_on)
    share = Fraction(principal, opening)
    dues = sorted([(due_on, number, amount) for number, due_on, amount in instalments]
                  + [(due_on, 0, amount) for due_on, amount in charges])  # fmt: skip
    exact, fees = Fraction(0), dict[int, tuple[date, int]]()
    day = max(dues[0][0] + DAY, by_start[0].from_on)
    while day <= through:
        now = next(each for each in reversed(by_start) if each.from_on <= day)
        if (now.rate or now.fee) and not any(first <= day <= last for first, last in held):
            past_grace = day - timedelta(days=now.grace_days)
            covered = max(0, sum(amount for on, amount in credited if on <= day))
            base = 0
            for due_on, number, amount in dues:
                paid = min(covered, amount)
                covered -= paid
                if number and due_on < past_grace and paid < amount:
                    base += amount - paid
                    if number not in fees and (fee := _fee(now, amount)):
                        fees[number] = (day, fee)
            exact += base * share * Fraction(now.rate) / 100 * year_fraction(day - DAY, day, now.day_count)
        day += DAY
    return _capped(
        exact,
        fees,
        next(e for e in reversed(by_start) if e.from_on <= max(through, by_start[0].from_on)),
        opening,
        principal,
    )


def _fee(terms: LateTerms, instalment: int) -> int:
    most = _percent(instalment, terms.fee_percent)
    return terms.fee if most is None else min(terms.fee, most)


def _percent(amount: int, percent: Decimal | None) -> int | None:
    """In whole minor units, rounded down; None where there is no percent."""
    return None if percent is None else int(amount * Fraction(percent) / 100)


def _capped(
    exact: Fraction, fees: dict[int, tuple[date, int]], terms: LateTerms, opening: int, principal: int
) -> Late:
    caps = (_percent(opening, terms.most_percent), _percent(principal, terms.principal_percent))
    most = min((each for each in caps if each is not None), default=None)
    fees_left = min((each for each in (terms.fees_most, most) if each is not None), default=None)
    kept: dict[int, tuple[date, int]] = {}
    for number, (day, amount) in sorted(fees.items(), key=lambda each: (each[1][0], each[0])):
        charged = amount if fees_left is None else min(amount, fees_left)
        if charged:
            kept[number] = (day, charged)
        if fees_left is not None:
            fees_left -= charged
    interest = rounded(exact, terms.rounding)
    if most is not None:
        interest = min(interest, most - sum(amount for _day, amount in kept.values()))
    return Late(exact, interest, kept)
