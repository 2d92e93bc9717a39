"""Answers actions that are contacts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from compliance.rules.decide import decide, situation_of
from compliance.rules.decision import Decision, Outcome, ReasonCode, RuleResult
from compliance.rules.facts import Channel, Direction, Facts, Party, Place, Purpose
from compliance.rules.schema import CountRule, QuietRule, Rule
from compliance.rules.vectors import consents, people
from compliance.rules.vectors.given import Given, Words, words
from compliance.rules.vectors.past import (
    CONTACTS,
    PLACES,
    TELEPHONE,
    history,
    purpose_of,
)
from compliance.rules.vectors.reasons import EXCEPTIONS, reason_word

OUT = {
    name: channel
    for name, (channel, direction) in CONTACTS.items()
    if direction == Direction.OUT and name != "ringless_voicemail"
}
PARTIES = {"consumer": Party.BORROWER, "third_party": Party.THIRD_PARTY, "household_member": Party.HOUSEHOLD}
ON_THAT_CALL = timedelta(hours=1)

FACTORS = {
    Purpose.REQUIRED_BY_LAW: "required_by_applicable_law",
    Purpose.LITIGATION: "directly_related_to_active_litigation",
    Purpose.ANSWER_REQUEST: "responding_to_consumer_request",
    Purpose.RESUME_DROPPED: "avoid_negative_effect_outside_collector_control_time_critical",
    Purpose.WARN_LATE_FEE: "avoid_negative_effect_outside_collector_control_time_critical",
}
SCOPES = {
    "opt_out_this_address": "1006.14(h)(1): that address barred",
    "opt_out_all_email": "1006.14(h)(1): all e-mail barred",
    "refuse_to_pay_or_cease": "1006.6(c)(1): all communication barred save 1006.6(c)(2)",
}


# Facts


def facts_of(given: Given, channel: str, **changes: Any) -> Facts:
    """What a vector tells, for a contact by one channel. Every pack counts as signed."""
    when, point, place = given.when, _point(given.when), PLACES.get(str(given.when.get("address")))
    replied = given.replied_to()
    if replied is not None:
        point = point or _point(replied[1])
        place = place or PLACES.get(str(replied[1].get("address")))
    wishes = tuple(people.designations(given))
    if place is None and channel in (Channel.CALL, Channel.SMS):
        # Of a number nothing is said: one the person gave as their own; where a place is barred, perhaps there.
        place = None if any(each.kind == "place" for each in wishes) else Place.MOBILE
    party = words(given.given.get("party"))
    told: dict[str, Any] = {
        "role": given.role,
        "jurisdictions": given.jurisdictions,
        "channel": channel,
        "purpose": purpose_of(when.get("purpose") or party.get("purpose")),
        "party": PARTIES.get(party.get("type", "consumer"), party.get("type")),
        "contact_point": point,
        "debts": given.debts,
        "zones": given.zones,
        "address_zones": given.address_zones,
        "arrears_positive": True,
        "history": history(given),
        "holds": tuple(people.holds(given)),
        "consents": tuple(people.consents(given)),
        "debt_facts": given.debt_facts,
        "designations": wishes,
        "media_requests": tuple(people.media_requests(given)),
        "holidays": given.holidays,
        "place": place,
        "in_reply_to": replied[0] if replied else None,
        "at_home": bool(given.knowledge.get("consumer_is_at_home")),
        "public": bool(when.get("public")),
        "employer_email": channel == Channel.EMAIL
        and bool(given.knowledge.get("email_is_employer_provided")),
        "address_procedure": when.get("address_procedure"),
        "collection_begun": bool(given.given.get("collection_procedures_begun")),
        "unreachable": bool(given.knowledge.get("debtor_unreachable")),
        "relation": party.get("relation"),
        "party_refused": bool(given.past("third_party_refusal")),
        "signed": tuple(pack.id for pack in given.packs.all),
    }
    return Facts(**(told | changes))


def _point(event: Words) -> str | None:
    address = event.get("address")
    return event.get("number") or (None if address in PLACES else address)


def _answering(given: Given) -> Facts:
    """On the person's own call."""
    calls = [(moment, each) for moment, each in given.past("call_in") if given.at - moment <= ON_THAT_CALL]
    facts = facts_of(given, Channel.CALL)
    if not calls:
        return facts
    _moment, call = max(calls, key=lambda each: each[0])
    place = PLACES.get(str(call.get("address") or given.when.get("address")))
    return replace(
        facts, live=True, place=place or facts.place, contact_point=_point(call) or facts.contact_point
    )


def _showing(given: Given) -> Facts:
    """On our own pages, while the person uses them."""
    starts = [moment for moment, _each in given.past("self_service_session_start")]
    ends = [moment for moment, _each in given.past("self_service_session_end")]
    using = bool(starts) and not any(end >= max(starts) for end in ends)
    return facts_of(given, Channel.APP, live=using, purpose=Purpose.SERVICE)


def _asking(given: Given, purpose: Purpose) -> Facts:
    """On a call that has been put through."""
    calls = [(moment, each) for moment, each in given.past() if each.get("kind") in TELEPHONE]
    said = max(calls, key=lambda each: each[0])[1].get("consumer_says") if calls else None
    return facts_of(
        given, Channel.CALL, live=True, purpose=purpose, inconvenient_now=said == "inconvenient_now"
    )


def _auto_reply(given: Given, facts: Facts) -> Facts:
    """An automatic reply answers the last contact by its medium where nothing says which."""
    if not given.when.get("auto_reply") or facts.in_reply_to is not None or "in_reply_to" in given.when:
        return facts
    asked = [
        each.at for each in facts.history if each.direction == Direction.IN and each.channel == facts.channel
    ]
    return replace(facts, in_reply_to=max(asked, default=None))


# Answers


def out(given: Given) -> dict[str, Any]:
    """One contact of ours."""
    action = str(given.when["action"])
    return _answer(given, _auto_reply(given, facts_of(given, OUT[action])), calling=action == "call_out")


def _answer(given: Given, facts: Facts, *, calling: bool = False) -> dict[str, Any]:
    decision = decide(facts, given.packs, given.at)
    told: dict[str, Any] = {"outcome": outcome_word(given, facts, decision, calling=calling)}
    told |= _reasons(given, decision, told["outcome"])
    told |= _counts(given, decision, facts, calling=calling)
    told |= _exception(given, decision, facts)
    told |= _wishes(given, facts, decision)
    return told


def outcome_word(given: Given, facts: Facts, decision: Decision, *, calling: bool) -> str:
    """One of the five outcomes of the format."""
    if decision.outcome is Outcome.PROHIBITED:
        closed = [each for each in decision.results if each.outcome is Outcome.PROHIBITED]
        return "conservative_prohibited" if all(each.conservative for each in closed) else "prohibited"
    if decision.outcome is Outcome.PRESUMED_VIOLATION:
        return "presumed_violation"
    rules = (given.packs.rule(each.rule) for each in decision.results)
    presumes = any(rule and rule.outcome is Outcome.PRESUMED_VIOLATION for rule in rules)
    called = any(each.get("kind") in TELEPHONE for _moment, each in given.past())
    return "presumed_compliant" if calling and presumes and called else "permitted"


def deciding(decision: Decision, outcome: str) -> list[RuleResult]:
    """The results that make the outcome what it is."""
    strictest = [each for each in decision.results if each.outcome is decision.outcome]
    if decision.outcome.allows:
        return []
    if outcome == "prohibited":
        return [each for each in strictest if not each.conservative]
    return strictest


def _reasons(given: Given, decision: Decision, outcome: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    results = deciding(decision, outcome)
    found = [(word, each) for each in results if (word := reason_word(given.packs.rule(each.rule), each))]
    if found:
        told["reason"] = found[0][0]
    if held := [each for each in results if each.reason is ReasonCode.HOLD]:
        told["hold"] = held[0].params["hold"]
    if barred := [each.params["permitted_if"] for each in results if "permitted_if" in each.params]:
        told["permitted_if"] = barred[0]
    edges = [each for each in results if each.conservative and each.params.get("at_edge")]
    if outcome == "conservative_prohibited" and any(each.pack.startswith("us") for each in edges):
        told |= {"regulation_literal": "permitted", "statute_literal": "not_within_convenient_time"}
    return told


def _counts(given: Given, decision: Decision, facts: Facts, *, calling: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    consent = consents.state(given, facts) if calling else None
    windows = []
    for key, events in COUNTS.items():
        if (chosen := _tightest(given, decision, events)) is not None:
            told[key] = (chosen.counted or 0) + _this(given, chosen, consent)
            windows.append(chosen)
    if windows:
        first = min(windows, key=lambda each: each.outcome.allows)
        if first.window:
            told["window"] = [day.isoformat() for day in first.window]
    for key, event in (("conversations_today", "conversation"), ("unanswered_today", "unanswered_call")):
        for each, rule in _counted(given, decision):
            if rule.counts.event == event and rule.window.kind == "calendar_day":
                told[key] = each.counted
    if calling:
        told |= _quiet(given, decision, facts)
        if any(
            isinstance(rule, CountRule) and rule.counts.except_consented_days
            for rule in _rules(given, decision)
        ):
            told |= consents.answer(consent)
    if told and decision.outcome is Outcome.PRESUMED_VIOLATION:
        told["rebuttal_factors"] = _factors(facts.purpose)
    return told


COUNTS = {
    "calls_in_window_including_this": ("connected_call", "telephone", "dial"),
    "messages_in_window_including_this": ("message",),
    "contacts_in_window_including_this": ("attempt",),
}


def _rules(given: Given, decision: Decision) -> list[Rule]:
    return [rule for each in decision.results if (rule := given.packs.rule(each.rule))]


def _counted(given: Given, decision: Decision) -> list[tuple[RuleResult, CountRule]]:
    return [
        (each, rule)
        for each in decision.results
        if isinstance(rule := given.packs.rule(each.rule), CountRule) and each.counted is not None
    ]


def _this(given: Given, result: RuleResult, consent: consents.ConsentState | None) -> int:
    """What this contact adds to a count: nothing where it is a call the person asked for, and the rule leaves those
    out."""
    rule = given.packs.rule(result.rule)
    leaves_out = isinstance(rule, CountRule) and rule.counts.except_consented_days is not None
    return 0 if leaves_out and consent and consent.alive else 1


def _tightest(given: Given, decision: Decision, events: tuple[str, ...]) -> RuleResult | None:
    """The count that decides: one that stops, else the one that leaves least."""
    found = [
        each
        for each, rule in _counted(given, decision)
        if rule.counts.event in events
        and rule.window.kind == "rolling_days"
        and not rule.counts.only_purposes
    ]
    strictness = list(Outcome)
    return min(found, key=lambda each: (-strictness.index(each.outcome), each.left or 0), default=None)


def _quiet(given: Given, decision: Decision, facts: Facts) -> dict[str, Any]:
    """The closed days after the last conversation, also where they are over."""
    situation = situation_of(facts, given.packs)
    if situation is None:
        return {}
    lasts = [
        (dates[-1], rule)
        for rule in _rules(given, decision)
        if isinstance(rule, QuietRule)
        for unit in situation.units(rule.after, facts.debts)
        for zone in situation.zones_for(rule)[:1]
        if (dates := situation.counted_dates(rule.after, unit, zone))
    ]
    if not lasts:
        return {}
    last, rule = max(lasts, key=lambda each: each[0])
    first = last if rule.day_one == "event" else last + timedelta(days=1)
    opens = first + timedelta(days=rule.days)
    closed = [first.isoformat(), (opens - timedelta(days=1)).isoformat()]
    return {"quiet_period": closed, "first_open_date": opens.isoformat()}


def _factors(purpose: str) -> list[str]:
    return [FACTORS[Purpose(purpose)]] if purpose in FACTORS else []


def _exception(given: Given, decision: Decision, facts: Facts) -> dict[str, Any]:
    if not decision.allowed:
        return {}
    used = [each.exception for each in decision.results if each.exception in EXCEPTIONS]
    if not used and (facts.live or facts.in_reply_to is not None):
        # It would be let through, had anything stopped it.
        names = [
            exception.name
            for rule in _rules(given, decision)
            for exception in rule.exceptions
            if exception.kind == "reply" and exception.name in EXCEPTIONS
        ]
        used = names[:1]
    return {"exception": used[0]} if used else {}


def _wishes(given: Given, facts: Facts, decision: Decision) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _moment, event in given.past():
        if event.get("kind") == "opt_out":
            told["scope"] = "all_debts_this_address"
        elif event.get("kind") == "consumer_request" and event.get("request") in SCOPES:
            told["scope"] = SCOPES[event["request"]]
    if notices := people.cease_notices(given):
        told["notice_effective"] = given.local_day(notices[0][0]).isoformat()
    if facts.media_requests and facts.contact_point == "N1":
        other = decide(replace(facts, contact_point="N2"), given.packs, given.at)
        told["other_number_N2"] = "permitted" if other.allowed else str(other.outcome)
    return told


def _live(facts_for: Callable[[Given], Facts]) -> Callable[[Given], dict[str, Any]]:
    return lambda given: _answer(given, facts_for(given))


ACTIONS: dict[str, Callable[[Given], dict[str, Any]]] = {
    **dict.fromkeys(OUT, out),
    "respond_on_inbound_call": _live(_answering),
    "show_in_portal": _live(_showing),
    "ask_convenient_time_during_call": _live(lambda given: _asking(given, Purpose.ASK_CONVENIENT_TIME)),
    "ask_consent_to_continue_call": _live(lambda given: _asking(given, Purpose.ASK_TO_CONTINUE)),
}
