"""Judges hours: in every zone that counts, on days no calendar closes, or at a time agreed with the person."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.asked import Asked
from compliance.rules.calendars import days_of
from compliance.rules.decision import ReasonCode
from compliance.rules.facts import ConsentFact, Facts
from compliance.rules.schema import WindowRule
from compliance.rules.situation import Situation, agreed, local_date
from compliance.rules.windows import (
    HORIZON,
    NO_DAYS,
    TICK,
    Days,
    Span,
    is_open,
    next_open,
    wall_span,
)

DAY = timedelta(days=1)
AGREED_HOURS = "contact_time"


def judge_hours(asked: Asked[WindowRule]) -> dict[str, Any]:
    rule, situation, at, zones, _debts, _opens = asked
    closed, certain = closed_days(rule, situation.facts, at.year)
    if is_open(rule.hours, zones, at, closed):
        return {}
    shut = [zone for zone in zones if not is_open(rule.hours, (zone,), at, closed)]
    if name := _agreed_in(asked, shut):
        return {"reason": ReasonCode.EXCEPTED, "params": {"exception": name}, "exception": name}
    opens = next_open(rule.hours, zones, at, closed)
    stopped: dict[str, Any] = {"stopped": True, "next_allowed": _or_agreed(asked, opens)}
    if opens is None:
        return stopped | {"reason": ReasonCode.NO_COMMON_HOURS, "params": {"zones": list(zones)}}
    stopped["conservative"] = all(_text_is_silent(rule, zone, at, certain) for zone in shut)
    for zone in shut:
        day = local_date(at, zone)
        if not rule.hours.on(day, closed):
            params: dict[str, Any] = {"zone": zone, "day": day.isoformat(), "zones": len(zones)}
            return stopped | {"reason": ReasonCode.CLOSED_DAY, "params": params}
    local = at.astimezone(ZoneInfo(shut[0]))
    params = {
        "zone": shut[0],
        "local_time": local.strftime("%H:%M"),
        "hours": [_clock_times(span) for span in rule.hours.on(local.date(), closed)],
        "zones": len(zones),
        "at_edge": all(_at_edge(rule, zone, at, closed) for zone in shut),
    }
    return stopped | {"reason": ReasonCode.OUTSIDE_HOURS, "params": params}


def closed_days(rule: WindowRule, facts: Facts, year: int) -> tuple[Days, Days]:
    """The days a rule's calendar closes, and those of them that its text names beyond doubt."""
    calendar = rule.calendar
    if calendar is None:
        return NO_DAYS, NO_DAYS
    certain = days_of(facts.holidays, calendar.country, calendar.closed, year)
    if not calendar.conservative:
        return certain, certain
    kinds = (*calendar.closed, *calendar.conservative)
    return days_of(facts.holidays, calendar.country, kinds, year), certain


def _at_edge(rule: WindowRule, zone: str, at: datetime, closed: Days) -> bool:
    return is_open(rule.hours, (zone,), at - TICK, closed) or is_open(rule.hours, (zone,), at + TICK, closed)


def _text_is_silent(rule: WindowRule, zone: str, at: datetime, certain: Days) -> bool:
    """Closed there by caution alone: at an edge on which the texts differ, or on a day they do not name."""
    where = (zone,)
    if is_open(rule.hours, where, at, certain):
        return True
    opening = rule.edges.opening == "conservative" and is_open(rule.hours, where, at + TICK, certain)
    closing = rule.edges.closing == "conservative" and is_open(rule.hours, where, at - TICK, certain)
    return opening or closing


# Agreements


def agreed_hours(rule: WindowRule, facts: Facts) -> list[ConsentFact]:
    """The agreements on other hours that the rule accepts, whatever their dates."""
    accepted = [each for each in rule.agreements if each.consent == AGREED_HOURS]
    return [
        consent
        for consent in facts.consents
        if consent.kind == AGREED_HOURS
        and consent.evidence
        and any(consent.only_convenient or not each.only_convenient for each in accepted)
    ]


def covered(consent: ConsentFact, at: datetime, zone: str) -> bool:
    """Whether an instant lies in the agreed hours of one zone; their end is no longer in them."""
    today = local_date(at, zone)
    return agreed(consent, at) and any(
        start <= at < end
        for day in (today - DAY, today)
        if (span := agreed_span(consent, day, zone))
        for start, end in (span,)
    )


def agreed_span(consent: ConsentFact, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """The agreed hours that begin on a local date (UTC)."""
    if consent.weekdays and day.weekday() not in consent.weekdays:
        return None
    if day < consent.first_day or (consent.last_day is not None and day > consent.last_day):
        return None
    start, end = wall_span(day, consent.from_minute, consent.to_minute, zone, widest=False)
    return (start, end) if start < end else None


def _agreed_in(asked: Asked[WindowRule], shut: list[str]) -> str | None:
    """The exception's name where the person agreed to this time in every zone that is shut."""
    rule, situation, at, _zones, _debts, opens = asked
    if not opens or not rule.agreements or not situation.facts.consents:
        return None
    found = agreed_hours(rule, situation.facts)
    if found and all(any(covered(each, at, zone) for each in found) for zone in shut):
        return rule.agreements[0].name
    return None


def _or_agreed(asked: Asked[WindowRule], opens: datetime | None) -> datetime | None:
    """An agreed hour may come before the next usual one."""
    rule, situation, at, zones, _debts, may_open = asked
    if not may_open or not rule.agreements or not situation.facts.consents:
        return opens
    starts = sorted(
        span[0]
        for consent in agreed_hours(rule, situation.facts)
        for zone in zones
        for offset in range(-1, HORIZON.days)
        if (span := agreed_span(consent, at.date() + offset * DAY, zone)) and span[0] > at
    )
    for start in starts:
        if opens is not None and start >= opens:
            break
        if _open_or_agreed(rule, situation, start, zones):
            return start
    return opens


def _open_or_agreed(rule: WindowRule, situation: Situation, at: datetime, zones: tuple[str, ...]) -> bool:
    closed, _certain = closed_days(rule, situation.facts, at.year)
    found = agreed_hours(rule, situation.facts)
    return all(
        is_open(rule.hours, (zone,), at, closed) or any(covered(each, at, zone) for each in found)
        for zone in zones
    )


def _clock_times(span: Span) -> list[str]:
    return [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (span.opens, span.closes)]
