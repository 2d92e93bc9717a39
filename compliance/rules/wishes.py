"""Judges what people have said or stand in: holds, parties, times and places, media, consents, and bare facts."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.asked import Asked
from compliance.rules.decision import ReasonCode
from compliance.rules.exceptions import CourtException
from compliance.rules.facts import (
    MESSAGE_CHANNELS,
    Channel,
    DesignationFact,
    Facts,
    HoldFact,
    MediaFact,
    Place,
)
from compliance.rules.schema import (
    BarRule,
    ConsentRule,
    DesignationRule,
    HoldRule,
    MediaRule,
    PartyRule,
)
from compliance.rules.situation import Situation, agreed, local_date
from compliance.rules.windows import FAR, TICK, start_of_day, wall_span

DAY = timedelta(days=1)

# Holds


def active_holds(situation: Situation, at: datetime) -> list[HoldFact]:
    """Our own holds that stop this contact at that moment, by any date it may be for the person."""
    facts = situation.facts
    if not facts.holds:
        return []
    days = situation.dates(at, situation.zones)
    return [
        hold
        for hold in facts.holds
        if hold.own
        and (not hold.channels or facts.channel in hold.channels)
        and (not hold.purposes or facts.purpose in hold.purposes)
        and concerns_debts(hold, facts.debts)
        and any(covers(hold, day) for day in days)
    ]


def hold_reason(hold: HoldFact, situation: Situation, at: datetime) -> dict[str, Any]:
    """Reason, parameters and end of one active hold."""
    last = hold.last_day
    ends = None
    if last is not None and last - at.date() <= FAR:
        ends = max(start_of_day(last + DAY, zone) for zone in situation.zones)
    return {
        "reason": ReasonCode.HOLD,
        "params": {
            "hold": hold.kind,
            "first_day": hold.first_day.isoformat(),
            "last_day": last.isoformat() if last else None,
        },
        "next_allowed": ends,
    }


def judge_hold(asked: Asked[HoldRule]) -> dict[str, Any]:
    """The rule may stop more channels and purposes than the hold itself says, never fewer."""
    rule, situation, at, _zones, debts, opens = asked
    if not situation.facts.holds:
        return {}
    days = situation.dates(at, situation.zones)
    active = [
        hold
        for hold in situation.facts.holds
        if hold.kind in rule.holds
        and (not rule.variants or hold.variant is None or hold.variant in rule.variants)
        and concerns_debts(hold, debts)
        and any(covers(hold, day) for day in days)
    ]
    court = next((each for each in rule.exceptions if isinstance(each, CourtException)), None)
    if active and court and opens and all(hold.court_permission for hold in active):
        return {
            "reason": ReasonCode.EXCEPTED,
            "params": {"exception": court.name},
            "exception": court.name,
        }
    if court and opens:
        active = [hold for hold in active if not hold.court_permission]
    if not active:
        return {}
    found = [hold_reason(hold, situation, at) for hold in active]
    ends = [each["next_allowed"] for each in found]
    return found[0] | {"stopped": True, "next_allowed": None if None in ends else max(ends)}


def concerns_debts(hold: HoldFact, debts: tuple[str, ...]) -> bool:
    return not hold.debts or not debts or not set(hold.debts).isdisjoint(debts)


def covers(hold: HoldFact, day: date) -> bool:
    return hold.first_day <= day and (hold.last_day is None or day <= hold.last_day)


# People


def judge_party(asked: Asked[PartyRule]) -> dict[str, Any]:
    party = asked.situation.facts.party
    if party in asked.rule.allowed:
        return {}
    return {"stopped": True, "reason": ReasonCode.PARTY_NOT_ALLOWED, "params": {"party": party}}


# Times and places


def judge_designation(asked: Asked[DesignationRule]) -> dict[str, Any]:
    rule, situation, at, zones, _debts, _opens = asked
    named = [each for each in situation.facts.designations if each.kind in rule.of]
    if not named:
        return {}
    places = [each for each in named if each.kind != "time"]
    for each in places:
        if _at_place(each, situation.facts) and _dated(each, rule, situation.dates(at, zones)):
            return _place_stopped(each, rule, at, zones)
    if not (times := [each for each in named if each.kind == "time"]):
        return {}
    return _time_stopped(rule, times, at, zones)


def _place_stopped(
    each: DesignationFact, rule: DesignationRule, at: datetime, zones: tuple[str, ...]
) -> dict[str, Any]:
    last = _last_day(each, rule)
    found: dict[str, Any] = {
        "stopped": True,
        "next_allowed": max(start_of_day(last + DAY, zone) for zone in zones)
        if last is not None and last - at.date() <= FAR
        else None,
    }
    if each.kind == "employer":
        return found | {"reason": ReasonCode.EMPLOYER_FORBIDS}
    return found | {"reason": ReasonCode.DESIGNATED_PLACE, "params": {"place": each.place}}


def _at_place(each: DesignationFact, facts: Facts) -> bool:
    """Whether the contact reaches the person at that place. Mail and landlines are tied to a place; a mobile or an
    e-mail address only where we know that they are there. A call to a number nobody knows more of may be."""
    place, channel = facts.place, facts.channel
    if each.place in (Place.WORKPLACE, "work"):
        return place == Place.WORKPLACE
    if facts.at_home or place in (Place.HOME_LANDLINE, Place.HOME_POSTAL):
        return True
    return place is None and channel in (Channel.CALL, Channel.LETTER, Channel.VISIT)


def _last_day(each: DesignationFact, rule: DesignationRule) -> date | None:
    """The last day on which a wish binds; what was only said may lapse."""
    if rule.oral_days is None or each.in_writing or each.first_day is None:
        return each.last_day
    lapses = each.first_day + rule.oral_days * DAY
    return min(lapses, each.last_day or lapses)


def _dated(each: DesignationFact, rule: DesignationRule, days: set[date]) -> bool:
    last = _last_day(each, rule)
    return any(
        (each.first_day is None or each.first_day <= day) and (last is None or day <= last) for day in days
    )


def _time_stopped(
    rule: DesignationRule, times: list[DesignationFact], at: datetime, zones: tuple[str, ...]
) -> dict[str, Any]:
    edge = TICK if rule.to_edge == "conservative" else timedelta(0)
    here = [(zone, end) for zone in zones if (end := closed_until(times, rule, at, zone, edge))]
    if not here:
        return {}
    zone, _end = here[0]
    certain = any(closed_until(times, rule, at, zone, timedelta(0)) for zone in zones)
    return {
        "stopped": True,
        "reason": ReasonCode.DESIGNATED_TIME,
        "params": {"zone": zone, "local_time": _local_time(at, zone), "at_edge": not certain},
        "conservative": not certain,
        "next_allowed": _after_all(times, rule, at, zones, edge),
    }


def _after_all(
    times: list[DesignationFact],
    rule: DesignationRule,
    at: datetime,
    zones: tuple[str, ...],
    edge: timedelta,
) -> datetime | None:
    moment = at
    while moment - at < FAR:
        ends = [end for zone in zones if (end := closed_until(times, rule, moment, zone, edge))]
        if not ends:
            return moment
        moment = max(ends)
    return None


def closed_until(
    times: list[DesignationFact], rule: DesignationRule, at: datetime, zone: str, edge: timedelta
) -> datetime | None:
    """The end of the named time an instant lies in, for one zone; None outside all of them."""
    today = local_date(at, zone)
    ends = [
        end + edge
        for each in times
        for day in (today - DAY, today)
        if (span := designated_span(each, rule, day, zone))
        for start, end in (span,)
        if start <= at < end + edge
    ]
    return max(ends, default=None)


def designated_span(
    each: DesignationFact, rule: DesignationRule, day: date, zone: str
) -> tuple[datetime, datetime] | None:
    """The named time that begins on a local date (UTC)."""
    if each.weekdays and day.weekday() not in each.weekdays:
        return None
    if not _dated(each, rule, {day}):
        return None
    return wall_span(day, each.from_minute, each.to_minute, zone, widest=True)


def _local_time(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")


# Media and consents


def judge_media(asked: Asked[MediaRule]) -> dict[str, Any]:
    facts, at = asked.situation.facts, asked.at
    refused = [each for each in facts.media_requests if refuses(each, facts, at)]
    if not refused:
        return {}
    latest = max(refused, key=lambda each: (each.at is not None, each.at or at))
    return {
        "stopped": True,
        "reason": ReasonCode.MEDIUM_REFUSED,
        "params": {"channel": latest.channel, "contact_point": latest.contact_point},
        "since": latest.at,
    }


def refuses(request: MediaFact, facts: Facts, at: datetime) -> bool:
    """Whether a request bars this contact's medium and address; an address nobody knows may be the one meant."""
    if request.channel != facts.channel or (request.at is not None and request.at > at):
        return False
    if request.withdrawn_at is not None and request.withdrawn_at <= at:
        return False
    return request.contact_point is None or facts.contact_point in (None, request.contact_point)


def judge_consent(asked: Asked[ConsentRule]) -> dict[str, Any]:
    rule, situation, at, zones, _debts, _opens = asked
    if asked.situation.facts.channel not in MESSAGE_CHANNELS:
        return {}
    if _consents(rule, situation, at, zones):
        return {}
    starts = sorted(
        start
        for each in situation.facts.consents
        for zone in zones
        if (start := max(each.given_at, start_of_day(each.first_day, zone))) > at and start - at < FAR
    )
    opens = next((start for start in starts if _consents(rule, situation, start, zones)), None)
    return {
        "stopped": True,
        "reason": ReasonCode.NO_CONSENT,
        "params": {"consent": rule.consent},
        "next_allowed": opens,
    }


def _consents(rule: ConsentRule, situation: Situation, at: datetime, zones: tuple[str, ...]) -> bool:
    facts, days = situation.facts, situation.dates(at, zones)
    return any(
        each.kind == rule.consent
        and agreed(each, at)
        and (not each.channels or facts.channel in each.channels)
        and all(each.first_day <= day and (each.last_day is None or day <= each.last_day) for day in days)
        and not (rule.revocable_per_medium and _taken_back(each.given_at, facts, at))
        for each in facts.consents
    )


def _taken_back(given_at: datetime, facts: Facts, at: datetime) -> bool:
    return any(
        refuses(each, facts, at) and (each.at is None or each.at > given_at) for each in facts.media_requests
    )


# What the facts say of the contact itself


def judge_bar(asked: Asked[BarRule]) -> dict[str, Any]:
    rule = asked.rule
    if not getattr(asked.situation.facts, rule.when):
        return {}
    found: dict[str, Any] = {"stopped": True, "reason": ReasonCode(rule.when)}
    if rule.exceptions:
        found["params"] = {"permitted_if": [each.name for each in rule.exceptions]}
    return found
