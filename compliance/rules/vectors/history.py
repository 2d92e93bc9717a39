"""Answers `history`, `factors` and `count`: what a history amounts to."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from compliance.rules.decide import situation_of
from compliance.rules.decision import Outcome
from compliance.rules.facts import Channel, Facts, PastContact
from compliance.rules.judges import pattern_in
from compliance.rules.schema import Counted, CountRule, PatternRule, QuietRule, Rule
from compliance.rules.situation import CALL_BACK, Situation, local_date
from compliance.rules.vectors.consents import CONSENTED_DAYS
from compliance.rules.vectors.contacts import facts_of
from compliance.rules.vectors.given import DAY, Given, Words, listed
from compliance.rules.vectors.reasons import closing_word

VIOLATION, COMPLIANT = "presumed_violation", "presumed_compliant"


class Past:
    """A vector's history by one clock, with the rules that count it."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.facts: Facts = facts_of(given, Channel.CALL, purpose="collect")
        situation = situation_of(self.facts, given.packs)
        if situation is None:
            situation = Situation(self.facts, (given.clock,))
        self.situation = situation
        self.zone = given.clock
        self.today = local_date(given.at, self.zone)
        self.rules: list[Rule] = [
            rule
            for _pack, rule in given.packs.applying(
                self.facts.jurisdictions, self.facts.role, Channel.CALL, "collect", self.facts.party
            )
            if rule.in_force.holds(self.today) and rule.status != "proposed"
        ]

    @property
    def debts(self) -> tuple[str, ...]:
        """The one asked about, else every one of the file."""
        return self.facts.debts

    def of(self, kind: type, presuming: bool = False) -> list[Any]:
        found = [rule for rule in self.rules if isinstance(rule, kind)]
        if presuming:
            found = [rule for rule in found if rule.outcome is Outcome.PRESUMED_VIOLATION]
        return found

    def calls_of(self, rule: CountRule | QuietRule) -> dict[str, list[PastContact]]:
        """The contacts a rule counts, for every unit."""
        counted = rule.counts if isinstance(rule, CountRule) else rule.after
        return {
            str(unit): [
                each
                for each in self.facts.history
                if self.situation.counts(counted, each, unit)
                and not self.situation.asked_for(counted, each, self.zone)
            ]
            for unit in self.situation.units(counted, self.debts)
        }

    def day(self, contact: PastContact) -> date:
        return local_date(contact.at, self.zone)


def history(given: Given) -> dict[str, Any]:
    if not given.jurisdictions or given.packs.unknown(given.jurisdictions):
        return {"outcome": "prohibited", "reason": "unknown_jurisdiction"}
    past = Past(given)
    rule = next(iter(past.of(CountRule, presuming=True)), None) or next(
        (each for each in past.of(CountRule) if each.counts.event in ("connected_call", "telephone")), None
    )
    told: dict[str, Any] = {"outcome": _outcome(past)}
    if rule is not None:
        told |= _counted(given, past, rule)
    told["rebuttal_factors"] = _patterns(past)
    told |= _consent(given, past, rule)
    told |= _reason(past)
    if flags := [each for _moment, each in given.past() if each.get("content_flags")]:
        told |= {"outcome_frequency": told["outcome"], "outcome": "prohibited", "reason": "1006.14(d)"}
        told["content_flags"] = flags[0]["content_flags"]
    elif "many_texts_on_several_days" in _texts(past):
        told |= {
            "outcome_frequency": told["outcome"],
            "outcome": "likely_violation",
            "reason": "1006.14(a)",
            "engine": "flag_for_review_or_house_cap",
        }
    return told


def _broken(past: Past) -> list[CountRule | QuietRule]:
    """The rules the history went beyond, the strictest first."""
    over = [rule for rule in past.of(CountRule) if _over(past, rule)]
    quiet = [rule for rule in past.of(QuietRule) if _breaks_quiet(past, rule)]
    return sorted((*over, *quiet), key=lambda rule: rule.outcome is not Outcome.PROHIBITED)


def _reason(past: Past) -> dict[str, str]:
    broken = _broken(past)
    return {"reason": closing_word(broken[0])} if broken else {}


def _outcome(past: Past) -> str:
    """Beyond a number in the days that end now, or within the quiet days after a conversation."""
    if broken := _broken(past):
        return "prohibited" if broken[0].outcome is Outcome.PROHIBITED else VIOLATION
    presumes = past.of(CountRule, presuming=True) or past.of(QuietRule, presuming=True)
    return COMPLIANT if presumes else "permitted"


def _over(past: Past, rule: CountRule) -> bool:
    first = date.min if rule.window.kind == "ever" else past.today - (rule.window.days - 1) * DAY
    return any(
        sum(1 for each in calls if past.day(each) >= first) > rule.limit
        for calls in past.calls_of(rule).values()
    )


def _breaks_quiet(past: Past, rule: QuietRule) -> bool:
    """Whether a call of the days that end now fell within the closed days after a conversation."""
    first = past.today - (rule.days - 1) * DAY
    closed = (rule.days - 1 + (rule.day_one == "next_day")) * DAY
    calls = Counted(
        event="connected_call",
        per=rule.after.per,
        except_consented_days=rule.after.except_consented_days,
    )
    for unit, talks in past.calls_of(rule).items():
        for each in past.facts.history:
            if past.day(each) < first or not past.situation.counts(
                calls, each, None if unit == "None" else unit
            ):
                continue
            if past.situation.asked_for(calls, each, past.zone):
                continue
            if any(talk.at < each.at and past.day(each) <= past.day(talk) + closed for talk in talks):
                return True
    return False


def _counted(given: Given, past: Past, rule: CountRule) -> dict[str, Any]:
    first = past.today - (rule.window.days - 1) * DAY
    within = {
        unit: sum(1 for each in calls if past.day(each) >= first)
        for unit, calls in past.calls_of(rule).items()
    }
    return {
        "calls_in_window": max(within.values(), default=0),
        "window": [first.isoformat(), past.today.isoformat()],
        "calls_counted": sum(within.values()) if "debt" in given.when else within,
    }


def _consent(given: Given, past: Past, rule: CountRule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    calls = {id(each) for found in past.calls_of(rule).values() for each in found}
    unconsented = rule.counts.model_copy(update={"except_consented_days": None})
    every = {
        id(each)
        for unit in past.situation.units(unconsented, past.debts)
        for each in past.facts.history
        if past.situation.counts(unconsented, each, unit)
    }
    told: dict[str, Any] = {"excluded_calls": len(every - calls), "counted_calls_total": len(calls)}
    given_so_far = [each for each in past.facts.consents if each.given_at <= given.at]
    for consent in [each for each in given_so_far if each.kind == CALL_BACK][-1:]:
        first = local_date(consent.given_at, past.zone)
        last = first + (CONSENTED_DAYS - 1) * DAY
        last = min(last, consent.last_day or last)
        told["consent_window"] = [max(first, consent.first_day).isoformat(), last.isoformat()]
    return told


# Factors


def _patterns(past: Past) -> list[str]:
    """Calls and voicemails too close together, per number."""
    found = [
        rule.factor
        for rule in past.of(PatternRule)
        if any(_seen(past, rule, moments) for moments in _by_number(past, rule))
    ]
    return sorted(set(found))


def _texts(past: Past) -> list[str]:
    rules = past.given.packs.applying(
        past.facts.jurisdictions, past.facts.role, Channel.SMS, "collect", past.facts.party
    )
    return [
        rule.factor
        for _pack, rule in rules
        if isinstance(rule, PatternRule)
        and rule.counts.event == "text"
        and rule.in_force.holds(past.today)
        and _seen(past, rule, [each.at for each in _events(past, rule)])
    ]


def _events(past: Past, rule: PatternRule) -> list[PastContact]:
    debts: Iterable[str | None] = past.debts or (None,)
    about = Counted(event=rule.counts.event, per="debt")
    return [
        each for each in past.facts.history if any(past.situation.counts(about, each, debt) for debt in debts)
    ]


def _by_number(past: Past, rule: PatternRule) -> list[list[datetime]]:
    numbers: dict[str | None, list[datetime]] = {}
    first = past.today - 6 * DAY
    for each in _events(past, rule):
        if past.day(each) >= first:
            numbers.setdefault(each.contact_point, []).append(each.at)
    return list(numbers.values())


def _seen(past: Past, rule: PatternRule, moments: list[datetime]) -> bool:
    return any(pattern_in(rule, tuple(moments), moment, (past.zone,)) for moment in moments)


def factors(given: Given) -> dict[str, Any]:
    debt = given.when.get("debt")
    found = [
        each.get("statement") or each.get("conduct")
        for _moment, each in given.past()
        if each.get("kind") in ("consumer_statement", "collector_conduct") and _about(each, debt)
    ]
    return {"rebuttal_factors": list(dict.fromkeys(word for word in found if word))}


def _about(event: Words, debt: Any) -> bool:
    debts = event.get("debts")
    return debt is None or not debts or debt in listed(debts)


# Counting single events


def count(given: Given) -> dict[str, Any]:
    moments = [moment for moment, _each in given.events]
    last = max(moments, default=None)
    if last is None:
        return {"call_counted": False, "connected": False, "calls_counted": {}, "conversations_counted": {}}
    asked = {"t": last.isoformat()} if "as_of" not in given.when else {}
    past = Past(replace(given, when={**given.when, **asked}))
    calls = Counted(event="connected_call", per="debt_group", except_consented_days=CONSENTED_DAYS)
    talks = Counted(event="conversation", per="debt_group", direction="both")
    dialled = [each for each in past.facts.history if each.channel == Channel.CALL]
    if not dialled:
        return {"call_counted": False, "connected": False}
    placed, spoken = _per_unit(past, calls), _per_unit(past, talks)
    told: dict[str, Any] = {
        "call_counted": any(placed.values()),
        "connected": any(each.connected is not False for each in dialled),
        "calls_counted": placed,
        "conversations_counted": spoken,
    }
    if any(_names_no_debt(each) for each in dialled):
        told["calls_counted_total_at_least"] = _total(past, calls)
        told["conversations_counted_total_at_least"] = _total(past, talks)
        told["allocation"] = "collector_choice_one_debt"
    return told


def _names_no_debt(contact: PastContact) -> bool:
    return not contact.debts and contact.call_debts is None and contact.talk_debts is None


def _per_unit(past: Past, counted: Counted) -> dict[str, int]:
    debts = past.debts
    return {
        str(unit): len(past.situation.counted_dates(counted, unit, past.zone))
        for unit in past.situation.units(counted, debts)
    }


def _total(past: Past, counted: Counted) -> int:
    return len(past.situation.counted_dates(counted, None, past.zone))


EVALUATIONS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "history": history,
    "factors": factors,
    "count": count,
}
