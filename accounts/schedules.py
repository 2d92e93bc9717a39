"""Repayment schedules: when how much falls due. Pure; every cent of the total is placed, and dates keep to
the calendar (31 January, 28 February, 31 March)."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

MOST = 600
"""Instalments of one loan: fifty years of months. More is a slip of the pen."""


_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Instalment(NamedTuple):
    """`amount` in minor units of the loan's currency."""

    due_on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Every:
    """The distance between instalments: whole months or whole days, one of the two above zero."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if (self.months > 0) == (self.days > 0) or min(self.months, self.days) < 0:
            raise ValueError("instalments come every so many months or every so many days")

    @classmethod
    def parse(cls, text: str) -> "Every":
        """Reads "month", "30 days", "2 weeks", "fortnight". ValueError for anything else."""
        words = " ".join(text.split()).lower()
        match = re.fullmatch(r"(?:([0-9]{1,3}) )?(day|week|fortnight|month|quarter)s?", words)
        if not match:
            raise ValueError(f"no period: {text!r}")
        count = int(match[1] or 1)
        if match[2] in ("month", "quarter"):
            return cls(months=count * (3 if match[2] == "quarter" else 1))
        return cls(days=count * {"day": 1, "week": 7, "fortnight": 14}[match[2]])

    def after(self, start: date, times: int) -> date:
        """The date so many steps after `start`, counted from `start` itself: a month-end short month does not
        shorten the ones after it."""
        if self.days:
            return start + timedelta(days=self.days * times)
        months = start.year * 12 + start.month - 1 + self.months * times
        year, month = divmod(months, 12)
        last = _DAYS[month] + (month == 1 and calendar.isleap(year))
        return date(year, month + 1, min(start.day, last))


def equal_instalments(total: int, count: int, first_due: date, every: Every) -> tuple[Instalment, ...]:
    """`total` minor units in `count` parts as equal as whole minor units allow; the first ones carry the
    extra.

    ValueError for no instalments, more than MOST, or fewer minor units than instalments.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} instalments")
    if total < count:
        raise ValueError("an instalment would be nothing")
    share, extra = divmod(total, count)
    amounts = [share + 1] * extra + [share] * (count - extra)
    return tuple(map(Instalment, _dates(first_due, count, every), amounts))


@lru_cache(maxsize=10_000)
def _dates(first_due: date, count: int, every: Every) -> tuple[date, ...]:
    """A tape's loans share few of these."""
    return tuple(every.after(first_due, number) for number in range(count))


def next_working_day(day: date) -> date:
    """The day itself from Monday to Friday, else the Monday after. Knows no holidays."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def from_terms(
    total: int, *, first_due: date, count: int = 1, every: Every | None = None, off_weekends: bool = False
) -> tuple[Instalment, ...]:
    """The schedule of a lending product: `count` equal parts of `total` minor units from `first_due` on.

    `every` may be left out for a single instalment. `off_weekends` moves each due date that falls on a
    weekend to the Monday after; the dates after it still count from the unmoved first one. ValueError as
    `equal_instalments`.
    """
    if every is None:
        if count != 1:
            raise ValueError("several instalments need a distance between them")
        every = Every(days=1)
    schedule = equal_instalments(total, count, first_due, every)
    if not off_weekends:
        return schedule
    return tuple(Instalment(next_working_day(due_on), amount) for due_on, amount in schedule)


def stepped_instalments(
    total: int, count: int, first_due: date, every: Every, rise: int
) -> tuple[Instalment, ...]:
    """`total` in `count` parts that grow from part to part by `rise` percent of the first; none is smaller than the one
    before it. The last ones carry the extra minor units. ValueError as `equal_instalments`, and for a `rise` below 0."""
    if rise < 0:
        raise ValueError("a stepped plan rises")
    return tuple(map(Instalment, _dates(first_due, count, every), _stepped(total, count, rise)))


def _stepped(total: int, count: int, rise: int) -> list[int]:
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} instalments")
    weights = [100 + rise * number for number in range(count)]
    amounts = [total * weight // sum(weights) for weight in weights]
    for number in range(total - sum(amounts)):
        amounts[count - 1 - number] += 1
    if amounts[0] < 1:
        raise ValueError("an instalment would be nothing")
    return amounts


def paydays(days: Sequence[int], first: date, count: int) -> tuple[date, ...]:
    """The next `count` paydays from `first` on: the given days of every month, 31 for its last, each on the working day it
    falls on or the next one. ValueError for no day, or one that no month has."""
    wanted = sorted(set(days))
    if not wanted or wanted[0] < 1 or wanted[-1] > 31:
        raise ValueError("paydays are days of a month, 1 to 31")
    found: list[date] = []
    # A payday of the month before may have moved into this one.
    year, month = divmod(first.year * 12 + first.month - 2, 12)
    while len(found) < count:
        last = _DAYS[month] + (month == 1 and calendar.isleap(year))
        for number in wanted:
            day = next_working_day(date(year, month + 1, min(number, last)))
            if day >= first and day not in found and len(found) < count:
                found.append(day)
        year, month = divmod(year * 12 + month + 1, 12)
    return tuple(found)


def payday_instalments(total: int, count: int, first: date, days: Sequence[int]) -> tuple[Instalment, ...]:
    """`total` in `count` equal parts on the borrower's paydays. ValueError as `equal_instalments` and `paydays`."""
    equal = equal_instalments(total, count, first, Every(days=1))
    dates = paydays(days, first, count)
    return tuple(Instalment(due_on, part.amount) for due_on, part in zip(dates, equal, strict=True))


def most_in_a_month(schedule: Sequence[Instalment]) -> int:
    """The most that falls due in one calendar month, minor units."""
    months: dict[tuple[int, int], int] = {}
    for due_on, amount in schedule:
        month = (due_on.year, due_on.month)
        months[month] = months.get(month, 0) + amount
    return max(months.values(), default=0)


def total_of(schedule: Sequence[Instalment]) -> int:
    """What the whole schedule comes to, in minor units."""
    return sum(instalment.amount for instalment in schedule)
