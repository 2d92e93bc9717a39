"""The result of one rule: a rule, the situation and a moment in, the rule's own result out.

Hours, counts, patterns and quiet periods are judged here, what people have said in `wishes`. Every judge finds the
*earliest* moment at which its rule alone would permit: `decide` relies on it never being too late. Where the person may be
in several zones, each is judged by its own clock and the strictest counts.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from compliance.rules import wishes
from compliance.rules.asked import Asked
from compliance.rules.decision import Outcome, ReasonCode, RuleResult
from compliance.rules.exceptions import ReplyException, RuleException
from compliance.rules.facts import Facts
from compliance.rules.hours import judge_hours
from compliance.rules.packs import Pack
from compliance.rules.schema import (
    BarRule,
    BaseRule,
    ConsentRule,
    Counted,
    CountRule,
    DesignationRule,
    HoldRule,
    MediaRule,
    PartyRule,
    PatternRule,
    QuietRule,
    RequireRule,
    Rule,
    WindowRule,
)
from compliance.rules.situation import Situation, agreed, local_date
from compliance.rules.windows import start_of_day

DAY = timedelta(days=1)

# Said on the person's own call, or shown while they use our pages, a contact is no new one: nothing counts it, no hour is
# closed to it (hours bind contacts that we begin), and it is no message that wants a consent.
OF_NEW_CONTACTS = (WindowRule, CountRule, PatternRule, QuietRule, ConsentRule)


class Prepared:
    """One rule with all that does not change from contact to contact worked out: millions are judged."""

    __slots__ = ("_plain", "find", "needs", "of_new_contacts", "opens", "pack", "rule", "status")

    def __init__(self, pack: Pack, rule: Rule) -> None:
        self.pack, self.rule = pack, rule
        self.find = _JUDGES[type(rule)]
        self.of_new_contacts = isinstance(rule, OF_NEW_CONTACTS)
        self.status: str = rule.status
        self.opens = rule.status == "signed" or rule.confidence == "house"
        # What the facts must hold before the rule can have anything to say; None: it always may.
        self.needs = rule.when if isinstance(rule, BarRule) else _NEEDS.get(type(rule))
        self._plain: dict[str, RuleResult] = {}

    def standing(self, facts: Facts) -> tuple[str, bool]:
        """The rule's status for these facts, and whether its exceptions count."""
        if self.status == "draft" and self.pack.id in facts.signed:
            return "signed", True
        return self.status, self.opens

    def plain(self, status: str) -> RuleResult:
        """The result where the rule has nothing to say: the same object every time."""
        if status not in self._plain:
            self._plain[status] = RuleResult(rule=self.rule.id, pack=self.pack.id, status=status)
        return self._plain[status]


def judge(rule: Rule, pack: Pack, situation: Situation, at: datetime) -> RuleResult | None:
    """The result of one rule at a moment (UTC); None where it does not reach the contact, or is in force on none of
    the person's possible dates."""
    if not in_force(rule, situation, at):
        return None
    return judge_prepared(prepared(pack, rule), situation, at)


def prepared(pack: Pack, rule: Rule) -> Prepared:
    found = pack.prepared.get(rule.id)
    if found is None:
        found = pack.prepared[rule.id] = Prepared(pack, rule)
    return found


def in_force(rule: Rule, situation: Situation, at: datetime) -> bool:
    """Whether a rule is in force on any date it may be for the person."""
    return rule.always_in_force or any(
        map(rule.in_force.holds, situation.dates(at, situation.zones_for(rule)))
    )


def unmoved(one: Prepared, facts: Facts) -> RuleResult | None:
    """The result of a rule in force that nothing but these asks for: the kind of contact, who it reaches, what is
    signed, and whether the facts hold anything of the sort it is about. None where more must be looked at."""
    rule = one.rule
    if rule.narrowed or (facts.live and one.of_new_contacts):
        return None
    status, _opens = one.standing(facts)
    if status == "draft" and rule.id in facts.set_aside:
        return None
    if one.needs is not None:
        return None if getattr(facts, one.needs) else one.plain(status)
    if isinstance(rule, PartyRule) and facts.party in rule.allowed:
        return one.plain(status)
    if isinstance(rule, RequireRule) and rule.when == "always":
        return RuleResult(rule=rule.id, pack=one.pack.id, status=status, **_required(rule))
    return None


def judge_prepared(one: Prepared, situation: Situation, at: datetime) -> RuleResult | None:
    """As `judge`, for a rule that is in force."""
    rule, facts = one.rule, situation.facts
    debts: tuple[str, ...] | None = facts.debts
    if rule.narrowed:
        debts = situation.reached(rule)
    if debts is None or (facts.live and one.of_new_contacts):
        return None
    status, opens = one.standing(facts)
    if status == "draft" and rule.id in facts.set_aside:
        return RuleResult(rule=rule.id, pack=one.pack.id, status=status, reason=ReasonCode.SET_ASIDE)
    zones = situation.zones_for(rule)
    asked = Asked(rule, situation, at, zones, debts, opens)
    found = one.find(asked)
    if not found:
        return one.plain(status)
    since = found.pop("since", None)
    if found.pop("stopped", False) and not (opens and _except(asked, since, found)):
        _stop(rule, zones, status, found)
    return RuleResult(rule=rule.id, pack=one.pack.id, status=status, **found)


def _except(asked: Asked[Any], since: datetime | None, found: dict[str, Any]) -> bool:
    """Turns a result that stops into one that an exception lets through."""
    exception = next(
        (
            each
            for each in asked.rule.exceptions
            if each.holds(asked.situation, asked.at, since) and _in_time(each, asked)
        ),
        None,
    )
    if exception is None:
        return False
    found.update(
        reason=ReasonCode.EXCEPTED,
        params={"exception": exception.name},
        exception=exception.name,
        next_allowed=None,
        conservative=False,
    )
    return True


def _in_time(exception: RuleException, asked: Asked[Any]) -> bool:
    """Some answers may only go out at the closed time at which the person began, on that day."""
    facts = asked.situation.facts
    if not isinstance(exception, ReplyException) or not exception.at_that_time or facts.live:
        return True
    began = facts.in_reply_to
    if began is None or any(local_date(began, zone) != local_date(asked.at, zone) for zone in asked.zones):
        return False
    then = _JUDGES[type(asked.rule)](asked._replace(at=began))
    return bool(then.get("stopped"))


def _stop(rule: Rule, zones: tuple[str, ...], status: str, found: dict[str, Any]) -> None:
    if status == "proposed":
        found.update(
            outcome=Outcome.FLAGGED,
            reason=ReasonCode.PROPOSED,
            params={"would": str(found["reason"])},
            next_allowed=None,
            conservative=False,
        )
        return
    found["outcome"] = rule.outcome
    found["override_reasons"] = rule.override_reasons
    found["next_allowed"] = _or_end_of_rule(found.get("next_allowed"), rule, zones)


def _or_end_of_rule(opens: datetime | None, rule: BaseRule, zones: tuple[str, ...]) -> datetime | None:
    """A rule that goes out of force stops forbidding then."""
    if rule.in_force.to is None:
        return opens
    ends = max(start_of_day(rule.in_force.to + DAY, zone) for zone in zones)
    return ends if opens is None else min(opens, ends)


def _count(asked: Asked[CountRule]) -> dict[str, Any]:
    rule, situation, at, zones, debts, _opens = asked
    limit = _limit(asked)
    most, of, first, today = -1, None, at.date(), at.date()
    opens: list[datetime] = []
    ever = rule.window.kind == "ever"
    for zone in zones:
        now = local_date(at, zone)
        start = date.min if ever else now - (rule.window.days - 1) * DAY
        for unit in situation.units(rule.counts, debts):
            dates = situation.counted_dates(rule.counts, unit, zone)
            counted = sum(1 for day in dates if day >= start)
            if counted > most:
                most, of, first, today = counted, unit, start, now
            if counted >= limit > 0 and not ever:
                opens.append(start_of_day(dates[-limit] + rule.window.days * DAY, zone))
    result: dict[str, Any] = {
        "counted": most,
        "limit": limit,
        "left": max(limit - most, 0),
        "window": None if ever else (first, today),
        "days": rule.window.days,
    }
    if most < limit:
        return result
    params = {"event": rule.counts.event, "per": rule.counts.per, "of": of}
    return result | _stop_unless_consented(
        asked, rule.counts, ReasonCode.COUNT_REACHED, params, max(opens, default=None)
    )


def _limit(asked: Asked[CountRule]) -> int:
    """The rule's number, or the higher one agreed with the person and on record."""
    rule, situation, at, zones, _debts, opens = asked
    if not opens or not rule.agreements:
        return rule.limit
    kinds = {each.consent for each in rule.agreements}
    higher = (
        consent.maximum
        for consent in situation.facts.consents
        if consent.kind in kinds
        and consent.maximum is not None
        and agreed(consent, at)
        and all(
            consent.first_day <= day and (consent.last_day is None or day <= consent.last_day)
            for day in situation.dates(at, zones)
        )
    )
    return max(rule.limit, max(higher, default=0))


def _quiet(asked: Asked[QuietRule]) -> dict[str, Any]:
    rule, situation, at, zones, debts, _opens = asked
    closed_days = (rule.days + (rule.day_one == "next_day")) * DAY
    latest: tuple[datetime, date, date, str | None] | None = None
    for zone in zones:
        for unit in situation.units(rule.after, debts):
            dates = situation.counted_dates(rule.after, unit, zone)
            if dates and local_date(at, zone) < (first_open := dates[-1] + closed_days):
                found = (start_of_day(first_open, zone), first_open, dates[-1], unit)
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
    return _stop_unless_consented(asked, rule.after, ReasonCode.QUIET_PERIOD, params, instant)


def _stop_unless_consented(
    asked: Asked[Any],
    counted: Counted,
    reason: ReasonCode,
    params: dict[str, Any],
    opens: datetime | None,
) -> dict[str, Any]:
    _rule, situation, at, zones, _debts, _opens = asked
    days = counted.except_consented_days
    if (consent := situation.consent(at, zones, days)) and days is not None:
        last = min(local_date(consent.given_at, zone) for zone in zones) + (days - 1) * DAY
        until = min(last, consent.last_day or last)
        return {"reason": ReasonCode.CONSENTED, "params": {"until": until.isoformat()}}
    begins = situation.next_consent(at, zones, days)
    moments = [moment for moment in (opens, begins) if moment is not None]
    return {"stopped": True, "reason": reason, "params": params, "next_allowed": min(moments, default=None)}


def _pattern(asked: Asked[PatternRule]) -> dict[str, Any]:
    rule, situation, at, zones, debts, _opens = asked
    for unit in situation.units(rule.counts, debts):
        past = [each.at for each in situation.counted(rule.counts, unit)]
        if len(past) + 1 >= rule.number and pattern_in(rule, (*past, at), at, zones):
            params = {"factor": rule.factor, "number": rule.number}
            return {"outcome": Outcome.FLAGGED, "reason": ReasonCode.PATTERN, "params": params}
    return {}


def pattern_in(
    rule: PatternRule, moments: tuple[datetime, ...], last: datetime, zones: tuple[str, ...]
) -> bool:
    """Whether contacts at these moments make the pattern, the days it runs over ending on that of `last`."""
    if rule.within_minutes is not None:
        reach = timedelta(minutes=rule.within_minutes)
        return sum(1 for each in moments if last - reach <= each <= last) >= rule.number
    for zone in zones:
        today = local_date(last, zone)
        days = [local_date(each, zone) for each in moments]
        if all(days.count(today - back * DAY) >= rule.number for back in range(rule.consecutive_days)):
            return True
    return False


def _require(asked: Asked[RequireRule]) -> dict[str, Any]:
    rule = asked.rule
    if rule.when != "always" and rule.when != ("later" if _spoken_before(asked.situation.facts) else "first"):
        return {}
    return _required(rule)


def _required(rule: RequireRule) -> dict[str, Any]:
    return {"reason": ReasonCode.REQUIRED, "params": {"requires": list(rule.requires)}}


def _spoken_before(facts: Facts) -> bool:
    """Whether anything was ever said between us; a call that reached nobody said nothing."""
    return any(each.conversation or each.channel != "call" for each in facts.history)


_JUDGES: dict[type, Callable[[Any], dict[str, Any]]] = {
    WindowRule: judge_hours,
    CountRule: _count,
    QuietRule: _quiet,
    PatternRule: _pattern,
    HoldRule: wishes.judge_hold,
    PartyRule: wishes.judge_party,
    DesignationRule: wishes.judge_designation,
    MediaRule: wishes.judge_media,
    ConsentRule: wishes.judge_consent,
    BarRule: wishes.judge_bar,
    RequireRule: _require,
}

_NEEDS: dict[type, str] = {
    HoldRule: "holds",
    DesignationRule: "designations",
    MediaRule: "media_requests",
}
