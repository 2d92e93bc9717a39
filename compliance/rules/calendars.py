"""Public holidays: those the facts bring, else those the `holidays` package publishes for the country."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import holidays

from compliance.rules.facts import HolidayFact

SATURDAY = 5
NATIONAL = "national"
JOINT_LEAVE = "joint_leave"

# What the package calls the days that a government adds to a holiday so that people can travel.
JOINT_LEAVE_CATEGORY = {"ID": "government"}


def known(country: str) -> bool:
    """Whether anybody publishes a calendar of this country (ISO 3166 code)."""
    return country in holidays.list_supported_countries(include_aliases=False)


@lru_cache(maxsize=200)
def _calendar(country: str, year: int) -> holidays.HolidayBase:
    # Days observed in place of a holiday, and days worked for one, may be named by the year beside it.
    return holidays.country_holidays(country, years=(year - 1, year, year + 1))


def works(countries: Sequence[str], day: date) -> bool:
    """Whether people work on a day in all of these countries (ISO 3166 codes): none of its weekend, where a government has
    not made it a day of work, and no public holiday. A country whose calendar nobody publishes works from Monday to
    Friday."""
    return all(
        _calendar(country, day.year).is_working_day(day) if known(country) else day.weekday() < SATURDAY
        for country in dict.fromkeys(countries or ("",))
    )


@lru_cache(maxsize=200)
def published(country: str, year: int) -> tuple[HolidayFact, ...]:
    """The days of one year as the package knows them. A country it does not know cannot stand in a pack (`known`)."""
    found = [_days(country, year, "public", NATIONAL)]
    if category := JOINT_LEAVE_CATEGORY.get(country):
        found.append(_days(country, year, category, JOINT_LEAVE))
    return tuple(fact for each in found for fact in each)


def _days(country: str, year: int, category: str, kind: str) -> list[HolidayFact]:
    calendar = holidays.country_holidays(country, years=year, categories=(category,))
    return [HolidayFact(day=day, kind=kind, calendar=country) for day in sorted(calendar)]


@lru_cache(maxsize=2_000)
def days_of(
    facts: tuple[HolidayFact, ...] | None, country: str, kinds: tuple[str, ...], year: int
) -> frozenset[date]:
    """The days of these kinds, from the year before to the year after."""
    if facts is None:
        facts = tuple(fact for each in (year - 1, year, year + 1) for fact in published(country, each))
    return frozenset(fact.day for fact in facts if fact.kind in kinds and fact.calendar in ("", country))
