"""Answers `contact_window`: the hours of a call on one date of one clock."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.decide import situation_of
from compliance.rules.facts import Channel, Role
from compliance.rules.hours import agreed_hours, agreed_span, closed_days
from compliance.rules.schema import DesignationRule, Rule, WindowRule
from compliance.rules.situation import Situation
from compliance.rules.vectors.contacts import PARTIES, facts_of
from compliance.rules.vectors.given import DAY, Given, day_of, midnight, words
from compliance.rules.windows import Intervals, day_open, intersect, merge, start_of_day
from compliance.rules.wishes import designated_span

MINUTE = timedelta(minutes=1)
NAMED_ZONES = {
    "window_eastern": "America/New_York",
    "window_pacific": "America/Los_Angeles",
    "window_mountain": "America/Denver",
}


def contact_window(given: Given) -> dict[str, Any]:
    day = day_of(given.when["date"])
    if zone := given.when.get("in_tz"):
        return {"windows": windows_on(given, day, str(zone))}
    found = {name: windows_on(given, day, zone) for name, zone in NAMED_ZONES.items()}
    return {name: windows[0] for name, windows in found.items() if windows}


def windows_on(given: Given, day: date, zone: str) -> list[list[str]]:
    """Open hours cut to a date, as pairs of wall times of that zone."""
    start, end = midnight(day, zone), midnight(day + DAY, zone)
    # The question has no moment of its own: what is known is known at the end of the day asked about.
    asked = replace(given, when={**given.when, "t": end.isoformat()})
    pairs = []
    for opens, closes in _open(asked, start, end):
        # Closed edges are a microsecond inside the minute they belong to.
        first, last = _whole(opens), _whole(closes)
        if first < last:
            pairs.append([_wall(first, zone), "24:00" if last >= end else _wall(last, zone)])
    return pairs


def _open(given: Given, start: datetime, end: datetime) -> Intervals:
    facts = facts_of(given, Channel.CALL, purpose="collect")
    situation = situation_of(facts, given.packs)
    known = facts.party in PARTIES.values() or words(given.given.get("party")).get("type") is None
    if (
        not facts.jurisdictions
        or given.packs.unknown(facts.jurisdictions)
        or situation is None
        or facts.role not in frozenset(map(str, Role))
        or not known
    ):
        return ()
    rules = given.packs.applying(facts.jurisdictions, facts.role, facts.channel, facts.purpose, facts.party)
    pieces = [_rule_open(rule, situation, start, end) for _pack, rule in rules]
    return reduce(intersect, (each for each in pieces if each is not None), ((start, end),))


def _rule_open(rule: Rule, situation: Situation, start: datetime, end: datetime) -> Intervals | None:
    """What one rule leaves open; None where it closes no hour."""
    if not isinstance(rule, WindowRule | DesignationRule) or rule.status == "proposed":
        return None
    if situation.reached(rule) is None:
        return None
    zones = situation.zones_for(rule)
    if isinstance(rule, WindowRule):
        if any(each.kind == "past_due" and each.holds(situation, start, None) for each in rule.exceptions):
            return None
        return reduce(intersect, (_window_open(rule, situation, zone, start, end) for zone in zones))
    return reduce(intersect, (_wishes_open(rule, situation, zone, start, end) for zone in zones))


def _days(start: datetime, end: datetime) -> Iterable[date]:
    """The local dates, in any zone, that may touch a span of time."""
    return (start.date() + offset * DAY for offset in range(-2, (end.date() - start.date()).days + 3))


def _window_open(
    rule: WindowRule, situation: Situation, zone: str, start: datetime, end: datetime
) -> Intervals:
    closed, _certain = closed_days(rule, situation.facts, start.year)
    pieces: list[tuple[datetime, datetime]] = []
    for day in _days(start, end):
        if not rule.in_force.holds(day):
            pieces.append((start_of_day(day, zone), start_of_day(day + DAY, zone)))
        else:
            pieces += day_open(rule.hours, day, zone, closed)
        for consent in agreed_hours(rule, situation.facts):
            if span := agreed_span(consent, day, zone):
                pieces.append(
                    (
                        max(span[0], consent.given_at),
                        span[1] if consent.revoked_at is None else min(span[1], consent.revoked_at),
                    )
                )
    rounded = ((_whole(first), _whole(last)) for first, last in pieces if first < last)
    return intersect(merge(each for each in rounded if each[0] < each[1]), ((start, end),))


def _wishes_open(
    rule: DesignationRule, situation: Situation, zone: str, start: datetime, end: datetime
) -> Intervals:
    shut = merge(
        span
        for each in situation.facts.designations
        if each.kind == "time" and each.kind in rule.of
        for day in _days(start, end)
        if rule.in_force.holds(day) and (span := designated_span(each, rule, day, zone))
    )
    return _without(shut, start, end)


def _without(shut: Intervals, start: datetime, end: datetime) -> Intervals:
    pieces, moment = [], start
    for first, last in shut:
        if first > moment:
            pieces.append((moment, min(first, end)))
        moment = max(moment, last)
    if moment < end:
        pieces.append((moment, end))
    return tuple(each for each in pieces if each[0] < each[1])


def _whole(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _wall(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")


EVALUATIONS = {"contact_window": contact_window}
