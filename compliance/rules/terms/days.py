"""Days of the law: calendar days, business days and years, counted on dates alone.

A term "within n days" of an event ends on its date plus n. Business days leave out Saturdays, Sundays and the holidays
of the calendar a rule names; a term in calendar days is never moved because it ends on one of them.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

import holidays

DAY = timedelta(days=1)
SATURDAY = 5

IsHoliday = Callable[[date], bool]


def add_business_days(day: date, count: int, is_holiday: IsHoliday) -> date:
    """The date of the `count`-th business day after `day`; the day itself is never one of them."""
    while count > 0:
        day += DAY
        if day.weekday() < SATURDAY and not is_holiday(day):
            count -= 1
    return day


def add_years(day: date, years: int) -> date:
    """The same date so many years on. 29 February becomes 1 March where the year has none: the later day, so that what
    must be kept is kept long enough."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


@lru_cache(maxsize=500)
def _published(country: str, year: int, observed: bool) -> frozenset[date]:
    # Days observed in place of a holiday may fall into the year before it: 31 December for 1 January.
    return frozenset(holidays.country_holidays(country, years=(year, year + 1), observed=observed))


def is_published_holiday(country: str, day: date, *, observed: bool) -> bool:
    """Whether the published calendar of a country (ISO 3166 code) has a national holiday on that date. `observed` adds
    the days on which one that falls on a weekend is kept; without it only the dates the law itself names count.
    Holidays of a single state are not among them. Raises `NotImplementedError` for a country nobody knows."""
    return day in _published(country, day.year, observed)
