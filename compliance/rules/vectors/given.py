"""Reads a conformance vector: its words become facts. The format is described beside the vectors.

What a vector cannot mean raises `Broken`; such a vector is answered "prohibited".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.facts import DebtFact, HolidayFact
from compliance.rules.packs import Packs
from compliance.rules.zones import is_zone, zones_of

Words = Mapping[str, Any]

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
END_OF_DAY = 24 * 60

KNOWN = frozenset(
    {
        *("US", "US-MA", "US-DC", "US-CA", "US-NY", "US-NY-NYC"),
        *("CN", "IN", "ID", "PH", "GB", "GB-EAW"),
    }
)
"""The jurisdictions the format knows; any other word in a vector is unknown, whatever packs are shipped."""

WEAK = frozenset({"M-mid", "M-lo"})
"""No vector rests on a rule that is known from memory alone."""


class Broken(ValueError):
    """A vector that says nothing that could be judged."""


@dataclass(frozen=True)
class Given:
    """One vector's situation and question, with the packs that answer it."""

    given: Words
    when: Words
    default_jurisdictions: tuple[str, ...]
    packs: Packs

    @cached_property
    def jurisdictions(self) -> tuple[str, ...]:
        """Those named; one unknown makes all unknown, and none is none."""
        named = self.given.get("jurisdictions", self.default_jurisdictions)
        if not isinstance(named, list | tuple):
            return ()
        return tuple(dict.fromkeys(str(each) if each in KNOWN else f"?{each}" for each in named))

    @property
    def role(self) -> str:
        return str(self.given.get("role") or self.given.get("collector") or "")

    @cached_property
    def knowledge(self) -> Words:
        return words(self.given.get("knowledge"))

    # Places and clocks

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Every zone that indicates where the person may be; known whereabouts displace all others."""
        if known := self.knowledge.get("consumer_location_tz"):
            return (known,)
        found = [self.given.get("consumer_tz")]
        for name, value in words(self.given.get("locations")).items():
            if name.endswith("_tzs"):
                found += value or []
            elif name.endswith("_tz"):
                found.append(value)
        return tuple(dict.fromkeys(each for each in found if each))

    @cached_property
    def address_zones(self) -> tuple[str, ...]:
        """The zone of the person's address; where that is not known, of the person; else all of a country whose
        rules go by the address."""
        address = words(self.given.get("locations")).get("address_tz") or self.given.get("consumer_tz")
        if address:
            return (address,)
        countries = {
            pack.country
            for pack in self.packs.packs_for(self.jurisdictions)
            if pack.country and any(rule.zone_basis == "address" for rule in pack.rules)
        }
        return tuple(sorted({zone for country in countries for zone in zones_of(country)}))

    @cached_property
    def clock(self) -> str:
        """The zone of times told without one: the person's own."""
        for zone in (self.given.get("consumer_tz"), *self.zones):
            if zone:
                if not is_zone(zone):
                    raise Broken(f"no such zone: {zone}")
                return str(zone)
        for pack in self.packs.packs_for(self.jurisdictions):
            if pack.country:
                return zones_of(pack.country)[0]
        return "UTC"

    def instant(self, value: Any, zone: str | None = None) -> datetime:
        """A moment of the vector in UTC."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(zone or self.clock))
        except (ValueError, OSError) as error:
            raise Broken(f"no such moment: {value}") from error
        return moment.astimezone(UTC)

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.clock)).date()

    @cached_property
    def at(self) -> datetime:
        """The moment asked about: of an action `t`, of an evaluation `as_of`."""
        for name in ("t", "as_of"):
            if self.when.get(name):
                return self.instant(self.when[name], self.when.get("t_tz"))
        raise Broken("no moment is asked about")

    # Events

    @cached_property
    def events(self) -> list[tuple[datetime, Words]]:
        """All events in the order told, each with its moment."""
        found = self.given.get("events") or []
        if not all(each.get("kind") for each in found):
            raise Broken("an event has a kind")
        return [(self.instant(each.get("t"), each.get("t_tz")), each) for each in found]

    def past(self, kind: str | None = None) -> list[tuple[datetime, Words]]:
        """The events up to the moment asked about, of one kind or all."""
        return [
            (moment, each)
            for moment, each in self.events
            if moment <= self.at and kind in (None, each.get("kind"))
        ]

    def replied_to(self) -> tuple[datetime, Words] | None:
        """The person's contact that `in_reply_to` points at; later than now it does not exist yet."""
        index = self.when.get("in_reply_to")
        told = self.given.get("events") or []
        if not isinstance(index, int) or not 0 <= index < len(told):
            return None
        event = told[index]
        moment = self.instant(event["t"], event.get("t_tz"))
        return (moment, event) if moment <= self.at else None

    # Debts

    @cached_property
    def debt_facts(self) -> tuple[DebtFact, ...]:
        return tuple(
            DebtFact(
                id=str(each["id"]),
                type=each.get("type") or "unspecified",
                group=each.get("group"),
                account=each.get("account"),
                days_past_due=each.get("days_past_due"),
            )
            for each in self.given.get("debts") or []
        )

    @cached_property
    def debts(self) -> tuple[str, ...]:
        """The debts asked about; where nothing is said of them, all."""
        named = self.when.get("debts")
        if named is None and self.when.get("debt") is not None:
            named = [self.when["debt"]]
        if named is None:
            return tuple(each.id for each in self.debt_facts)
        return tuple(map(str, listed(named)))

    @cached_property
    def holidays(self) -> tuple[HolidayFact, ...] | None:
        if "holidays" not in self.given:
            return None
        return tuple(
            HolidayFact(day=day_of(each["date"]), kind=each.get("kind") or "national")
            for each in self.given["holidays"] or []
        )


def words(value: Any) -> Words:
    """A mapping, or none at all."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Broken(f"not a mapping: {value!r}")
    return value


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def day_of(value: Any) -> date:
    """The date of a text that may hold a time as well."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise Broken(f"no such day: {value}") from error


def minute_of(value: Any, otherwise: int) -> int:
    """Minutes after midnight of "HH:MM"; seconds are dropped."""
    if value is None:
        return otherwise
    try:
        hours, minutes = str(value).split(":")[:2]
        found = int(hours) * 60 + int(minutes)
    except ValueError as error:
        raise Broken(f"no such time of day: {value}") from error
    if not 0 <= found <= END_OF_DAY:
        raise Broken(f"no such time of day: {value}")
    return found


def weekdays_of(value: Any) -> tuple[int, ...]:
    """Weekdays (0 = Monday) of "MON", ["MON", "TUE"] or "MON-FRI"; none: every day."""
    found: list[int] = []
    for each in listed(value) if value else []:
        first, dash, last = str(each).upper().partition("-")
        try:
            start, end = WEEKDAYS.index(first[:3]), WEEKDAYS.index((last or first)[:3])
        except ValueError as error:
            raise Broken(f"no such weekday: {each}") from error
        span = range(start, end + 1) if start <= end else (*range(start, 7), *range(end + 1))
        found += span if dash else [start]
    return tuple(found)


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


DAY = timedelta(days=1)
