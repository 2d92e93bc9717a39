"""One function per kind of rule: a rule, the situation and a moment in, the rule's own result out.

Every judge finds the *earliest* moment at which its rule alone would permit: `decide` relies on it never
being too late. Where the person may be in several zones, each is judged by its own clock and the strictest
counts.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules.decision import ReasonCode, RuleResult
from compliance.rules.facts import HoldFact
from compliance.rules.packs import Pack
from compliance.rules.schema import (
    BaseRule,
    Counted,
    CountRule,
    HoldRule,
    PartyRule,
    QuietRule,
    Rule,
    WindowRule,
)
from compliance.rules.situation import Situation, local_date
from compliance.rules.windows import FAR, TICK, Span, is_open, next_open, start_of_day

DAY = timedelta(days=1)


def judge(rule: Rule, pack: Pack, situation: Situation, at: datetime) -> RuleResult | None:
    """The result of one rule at a moment (UTC); None where it is in force on none of the person's possible
    dates."""
    zones = situation.zones_for(rule)
    if not any(map(rule.in_force.holds, situation.dates(at, zones))):
        return None
    result = _JUDGES[type(rule)](rule, situation, at, zones)
    if result.pop("stopped", False):
        result["outcome"] = rule.outcome
        result["override_reasons"] = rule.override_reasons
        result["next_allowed"] = _or_end_of_rule(result.get("next_allowed"), rule, zones)
    return RuleResult(rule=rule.id, pack=pack.id, status=rule.status, **result)


def active_holds(situation: Situation, at: datetime) -> list[HoldFact]:
    """Holds that stop this contact at that moment, by any date it may be for the person."""
    facts = situation.facts
    days = situation.dates(at, situation.zones)
    return [
        hold
        for hold in facts.holds
        if (not hold.channels or facts.channel in hold.channels)
        and (not hold.purposes or facts.purpose in hold.purposes)
        and _concerns_debts(hold, facts.debts)
        and any(_covers(hold, day) for day in days)
    ]


def hold_reason(hold: HoldFact, situation: Situation, at: datetime) -> dict[str, Any]:
    """Reason, parameters and end of one active hold."""
    last = hold.last_day
    return {
        "reason": ReasonCode.HOLD,
        "params": {
            "hold": hold.kind,
            "first_day": hold.first_day.isoformat(),
            "last_day": last.isoformat() if last else None,
        },
        "next_allowed": None
        if last is None or last - at.date() > FAR
        else _start(last + DAY, situation.zones),
    }


def _window(rule: WindowRule, situation: Situation, at: datetime, zones: tuple[str, ...]) -> dict[str, Any]:
    if is_open(rule.hours, zones, at):
        return {}
    opens = next_open(rule.hours, zones, at)
    stopped = {"stopped": True, "next_allowed": opens}
    if opens is None:
        return stopped | {"reason": ReasonCode.NO_COMMON_HOURS, "params": {"zones": list(zones)}}
    closed = [zone for zone in zones if not is_open(rule.hours, (zone,), at)]
    for zone in closed:
        day = local_date(at, zone)
        if not rule.hours.on(day):
            params: dict[str, Any] = {"zone": zone, "day": day.isoformat(), "zones": len(zones)}
            return stopped | {"reason": ReasonCode.CLOSED_DAY, "params": params}
    local = at.astimezone(ZoneInfo(closed[0]))
    params = {
        "zone": closed[0],
        "local_time": local.strftime("%H:%M"),
        "hours": [_clock_times(span) for span in rule.hours.on(local.date())],
        "zones": len(zones),
        "at_edge": all(
            is_open(rule.hours, (zone,), at - TICK) or is_open(rule.hours, (zone,), at + TICK)
            for zone in closed
        ),
    }
    return stopped | {"reason": ReasonCode.OUTSIDE_HOURS, "params": params}


def _count(rule: CountRule, situation: Situation, at: datetime, zones: tuple[str, ...]) -> dict[str, Any]:
    most, of, first, today = -1, None, at.date(), at.date()
    opens: list[datetime] = []
    for zone in zones:
        now = local_date(at, zone)
        start = now - (rule.window.days - 1) * DAY
        for unit in situation.units(rule.counts):
            dates = situation.counted_dates(rule.counts, unit, zone)
            counted = sum(1 for day in dates if day >= start)
            if counted > most:
                most, of, first, today = counted, unit, start, now
            if counted >= rule.limit > 0:
                opens.append(start_of_day(dates[-rule.limit] + rule.window.days * DAY, zone))
    result: dict[str, Any] = {
        "counted": most,
        "limit": rule.limit,
        "left": max(rule.limit - most, 0),
        "window": (first, today),
        "days": rule.window.days,
    }
    if most < rule.limit:
        return result
    return result | _stop_unless_consented(
        rule.counts,
        situation,
        at,
        zones,
        ReasonCode.COUNT_REACHED,
        {"event": rule.counts.event, "per": rule.counts.per, "of": of},
        max(opens, default=None),
    )


def _quiet(rule: QuietRule, situation: Situation, at: datetime, zones: tuple[str, ...]) -> dict[str, Any]:
    closed_days = (rule.days + (rule.day_one == "next_day")) * DAY
    latest: tuple[datetime, date, date, str | None] | None = None
    for zone in zones:
        for unit in situation.units(rule.after):
            dates = situation.counted_dates(rule.after, unit, zone)
            if dates and local_date(at, zone) < (opens := dates[-1] + closed_days):
                found = (start_of_day(opens, zone), opens, dates[-1], unit)
                latest = max(latest, found, key=lambda each: each[0]) if latest else found
    if latest is None:
        return {}
    instant, first_open, last_event, of = latest
    params = {
        "event": rule.after.event,
        "per": rule.after.per,
        "of": of,
        "last_event": last_event.isoformat(),
        "first_open": first_open.isoformat(),
    }
    return _stop_unless_consented(rule.after, situation, at, zones, ReasonCode.QUIET_PERIOD, params, instant)


def _hold(rule: HoldRule, situation: Situation, at: datetime, _zones: tuple[str, ...]) -> dict[str, Any]:
    """The rule may stop more channels and purposes than the hold itself says, never fewer."""
    days = situation.dates(at, situation.zones)
    active = [
        hold_reason(hold, situation, at)
        for hold in situation.facts.holds
        if hold.kind in rule.holds
        and _concerns_debts(hold, situation.facts.debts)
        and any(_covers(hold, day) for day in days)
    ]
    if not active:
        return {}
    ends = [each["next_allowed"] for each in active]
    return active[0] | {"stopped": True, "next_allowed": None if None in ends else max(ends)}


def _party(rule: PartyRule, situation: Situation, _at: datetime, _zones: tuple[str, ...]) -> dict[str, Any]:
    party = situation.facts.party
    if party in rule.allowed:
        return {}
    return {"stopped": True, "reason": ReasonCode.PARTY_NOT_ALLOWED, "params": {"party": party}}


def _stop_unless_consented(
    counted: Counted,
    situation: Situation,
    at: datetime,
    zones: tuple[str, ...],
    reason: ReasonCode,
    params: dict[str, Any],
    opens: datetime | None,
) -> dict[str, Any]:
    days = counted.except_consented_days
    if (consent := situation.consent(at, zones, days)) and days is not None:
        last = min(local_date(consent.given_at, zone) for zone in zones) + (days - 1) * DAY
        until = min(last, consent.last_day or last)
        return {"reason": ReasonCode.CONSENTED, "params": {"until": until.isoformat()}}
    begins = situation.next_consent(at, zones, days)
    moments = [moment for moment in (opens, begins) if moment is not None]
    return {"stopped": True, "reason": reason, "params": params, "next_allowed": min(moments, default=None)}


def _concerns_debts(hold: HoldFact, debts: tuple[str, ...]) -> bool:
    return not hold.debts or not debts or not set(hold.debts).isdisjoint(debts)


def _covers(hold: HoldFact, day: date) -> bool:
    return hold.first_day <= day and (hold.last_day is None or day <= hold.last_day)


def _or_end_of_rule(opens: datetime | None, rule: BaseRule, zones: tuple[str, ...]) -> datetime | None:
    """A rule that goes out of force stops forbidding then."""
    if rule.in_force.to is None:
        return opens
    ends = _start(rule.in_force.to + DAY, zones)
    return ends if opens is None else min(opens, ends)


def _start(day: date, zones: tuple[str, ...]) -> datetime:
    """The first instant at which it is that date in every zone."""
    return max(start_of_day(day, zone) for zone in zones)


def _clock_times(span: Span) -> list[str]:
    return [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (span.opens, span.closes)]


_JUDGES: dict[type, Callable[[Any, Situation, datetime, tuple[str, ...]], dict[str, Any]]] = {
    WindowRule: _window,
    CountRule: _count,
    QuietRule: _quiet,
    HoldRule: _hold,
    PartyRule: _party,
}
