"""What a household can pay a month without going short. Pure.

No source we keep names a figure that would hold in all our countries, so this is a house rule, plain and cautious on
purpose: of what comes in, everything essential and what other debts take is kept first; then a tenth of the income for what
nobody foresees, and a twentieth more for every person who lives on it, at most three tenths together. What is left may be
asked for, rounded down, and never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count as numbers

from accounts.schedules import Instalment, most_in_a_month
from cases.shapes import LEAST_INSTALMENTS, Shape

RESERVE = 10
RESERVE_OF_A_DEPENDANT = 5
RESERVE_AT_MOST = 30
"""Percent of the income."""

PAYDAYS = (15, 31)
RISE = 25
"""Percent of the first instalment by which a stepped proposal grows."""


@dataclass(frozen=True)
class Household:
    """A month of it, minor units: what comes in, what living costs, what other debts take, how many people depend on it."""

    income: int
    essentials: int
    other_debts: int
    dependants: int


def sustainable(household: Household) -> int:
    """The most that may fall due in a month, minor units; 0 where nothing is left."""
    percent = min(RESERVE + RESERVE_OF_A_DEPENDANT * household.dependants, RESERVE_AT_MOST)
    reserve = -(-household.income * percent // 100)
    return max(0, household.income - household.essentials - household.other_debts - reserve)


@dataclass(frozen=True)
class Alternative:
    """A way to pay everything within what is sustainable. `code`: `equal`, `stepped` or `paydays`."""

    code: str
    shape: Shape
    instalments: Sequence[Instalment]


def alternatives(total: int, monthly: int, first: date, most: int) -> list[Alternative]:
    """Up to three ways to pay `total` from `first` on in at most `most` parts, none of which makes more fall due in a
    calendar month than `monthly`: the fewest parts that do. A way that needs more parts is left out."""
    shapes = {
        "equal": lambda parts: Shape(parts, first),
        "stepped": lambda parts: Shape(parts, first, rise=RISE),
        "paydays": lambda parts: Shape(parts, first, paydays=PAYDAYS),
    }
    found = []
    for code, make in shapes.items():
        for parts in numbers(max(LEAST_INSTALMENTS, -(-total // monthly) if monthly else most + 1)):
            if parts > min(most, total):
                break
            shape = make(parts)
            try:
                instalments = shape.instalments(total)
            except ValueError:
                break
            if most_in_a_month(instalments) <= monthly:
                found.append(Alternative(code, shape, instalments))
                break
    return found
