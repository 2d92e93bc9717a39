"""The decision: closed by default, strictest wins, next moment, every rule's own result."""

from datetime import date, timedelta

import pytest

from compliance.rules import HoldFact, Outcome, ReasonCode, Role, decide
from tests.compliance.rules.builders import NEW_YORK, PACKS, RULE, call, chinese, facts, local, with_rule

NOON = local("2026-07-08T12:00")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("changes", "reason", "params"),
    [
        ({"jurisdictions": ()}, ReasonCode.UNKNOWN_JURISDICTION, {"jurisdictions": []}),
        ({"jurisdictions": ("ZZ",)}, ReasonCode.UNKNOWN_JURISDICTION, {"jurisdictions": ["ZZ"]}),
        ({"jurisdictions": ("US", "US-ZZ")}, ReasonCode.UNKNOWN_JURISDICTION, {"jurisdictions": ["US-ZZ"]}),
        ({"role": "friend"}, ReasonCode.UNKNOWN_ROLE, {"value": "friend"}),
        ({"channel": "fax"}, ReasonCode.UNKNOWN_CHANNEL, {"value": "fax"}),
        ({"purpose": "chat"}, ReasonCode.UNKNOWN_PURPOSE, {"value": "chat"}),
        ({"party": "neighbour"}, ReasonCode.UNKNOWN_PARTY, {"value": "neighbour"}),
        ({"zones": ("Mars/Olympus",)}, ReasonCode.UNKNOWN_ZONE, {"zones": ["Mars/Olympus"], "countries": []}),
        ({"zones": ("../etc",)}, ReasonCode.UNKNOWN_ZONE, {"zones": ["../etc"], "countries": []}),
        ({"countries": ("ZZ",)}, ReasonCode.UNKNOWN_ZONE, {"zones": [NEW_YORK], "countries": ["ZZ"]}),
    ],
)
def test_what_nobody_knows_is_prohibited(changes, reason, params):
    decision = decide(facts(**changes), PACKS, NOON)
    assert (decision.outcome, decision.next_allowed) == (Outcome.PROHIBITED, None)
    assert [(each.rule, each.reason, each.params) for each in decision.reasons] == [
        ("GATE.FACTS", reason, params)
    ]


def test_every_unknown_is_named():
    decision = decide(facts(jurisdictions=(), zones=(), role="x"), PACKS, NOON)
    assert [each.reason for each in decision.reasons] == [
        "unknown_jurisdiction",
        "unknown_role",
        "unknown_zone",
    ]


def test_a_moment_without_a_zone_is_an_error():
    with pytest.raises(ValueError, match="needs a time zone"):
        decide(facts(), PACKS, NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("arrears", "reason"), [(False, ReasonCode.NOTHING_OVERDUE), (None, ReasonCode.ARREARS_UNKNOWN)]
)
def test_collecting_needs_something_overdue(arrears, reason):
    decision = decide(facts(arrears_positive=arrears), PACKS, NOON)
    assert (decision.outcome, decision.next_allowed) == (Outcome.PROHIBITED, None)
    assert [(each.rule, each.reason) for each in decision.reasons] == [("GATE.ARREARS", reason)]
    assert decide(facts(arrears_positive=arrears, purpose="service"), PACKS, NOON).allowed


def hold(kind="unmatched_payment", first="2026-07-01", last="2026-07-10", **changes):
    return HoldFact(
        kind=kind, first_day=date.fromisoformat(first), last_day=last and date.fromisoformat(last), **changes
    )


def test_a_hold_stops_contact_until_its_last_day_has_passed():
    decision = decide(facts(holds=(hold(),)), PACKS, NOON)
    assert decision.outcome is Outcome.PROHIBITED
    assert decision.reasons[0].params == {
        "hold": "unmatched_payment",
        "first_day": "2026-07-01",
        "last_day": "2026-07-10",
    }
    assert decision.next_allowed == local("2026-07-11T08:00") + TICK
    assert not decide(facts(holds=(hold(),)), PACKS, local("2026-07-10T20:00")).allowed
    assert decide(facts(holds=(hold(),)), PACKS, local("2026-07-11T10:00")).allowed


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, False),
        ({"channels": ("sms",)}, True),
        ({"channels": ("sms", "call")}, False),
        ({"purposes": ("reminder",)}, True),
        ({"purposes": ("collect",)}, False),
        ({"debts": ("D2",)}, True),
        ({"debts": ("D2", "D1")}, False),
        ({"first": "2026-07-09"}, True),
        ({"first": "2026-07-08", "last": "2026-07-08"}, False),
        ({"last": "2026-07-07"}, True),
        ({"last": None}, False),
        ({"last": "9999-12-31"}, False),
    ],
)
def test_what_a_hold_stops(changes, allowed):
    assert decide(facts(holds=(hold(**changes),)), PACKS, NOON).allowed is allowed


@pytest.mark.parametrize("last", [None, "9999-12-31"])
def test_an_open_hold_has_no_next_moment(last):
    assert decide(facts(holds=(hold(last=last),)), PACKS, NOON).next_allowed is None


def test_a_hold_is_read_by_every_date_it_may_be_for_the_person():
    # 8 July 16:00 in New York is already 9 July in Guam.
    asked = facts(zones=(NEW_YORK, "Pacific/Guam"), holds=(hold(first="2026-07-09", last="2026-07-09"),))
    assert not decide(asked, PACKS, local("2026-07-08T19:00")).allowed
    decision = decide(asked, PACKS, local("2026-07-08T19:00"))
    assert decision.next_allowed == local("2026-07-10T18:00") + TICK


def test_a_packs_hold_rule_may_stop_more_than_the_hold_says():
    asked = facts(channel="letter", holds=(hold(kind="attorney", channels=("call",)),))
    decision = decide(asked, PACKS, NOON)
    assert [(each.rule, each.reason) for each in decision.reasons] == [("US.REGF.ATTORNEY", ReasonCode.HOLD)]
    assert decide(facts(role=Role.CREDITOR, channel="letter", holds=asked.holds), PACKS, NOON).allowed


@pytest.mark.parametrize("party", ["third_party", "guarantor", "household", "emergency_contact", "attorney"])
def test_nobody_but_those_who_owe(party):
    for asked in (facts(party=party), facts(party=party, role=Role.CREDITOR), chinese(party=party)):
        decision = decide(asked, PACKS, local("2026-07-08T12:00", asked.zones[0]))
        assert {each.reason for each in decision.reasons} == {ReasonCode.PARTY_NOT_ALLOWED}
        assert decision.next_allowed is None


def test_a_lender_in_its_own_name_is_bound_by_house_policy_alone():
    night = local("2026-07-08T07:00")
    asked = facts(role=Role.CREDITOR)
    assert decide(asked, PACKS.without_house(), night).allowed
    assert [each.rule for each in decide(asked, PACKS, night).reasons] == ["HOUSE.TIME"]
    assert [each.rule for each in decide(facts(), PACKS, night).reasons] == [
        "US.REGF.TIME.DEFAULT",
        "HOUSE.TIME",
    ]


def test_every_rule_answers_for_itself():
    decision = decide(facts(), PACKS, NOON)
    assert [each.rule for each in decision.results] == [
        "US.REGF.TIME.DEFAULT",
        "US.REGF.CALLS.7IN7",
        "US.REGF.CALLS.AFTERTALK",
        "US.REGF.THIRDPARTY",
        "US.REGF.ATTORNEY",
        "US.REGF.CEASE",
        "US.REGF.DISPUTE",
        "US.REGF.TIME.DESIGNATED",
        "US.REGF.PLACE",
        "US.REGF.EMPLOYER",
        "US.REGF.MEDIA",
        "US.REGF.SOCIAL",
        "US.REGF.CALLS.RAPID",
        "US.REGF.CALLS.CONCENTRATED",
        "US.REGF.CALLS.RAPID.VOICEMAIL",
        "US.REGF.CALLS.CONCENTRATED.VOICEMAIL",
        "US.REGF.DISCLOSE.FIRST",
        "US.REGF.DISCLOSE.LATER",
        "US.REGF.LCM",
        "HOUSE.TIME",
        "HOUSE.SUNDAY",
        "HOUSE.CALLS.7IN7",
        "HOUSE.CALLS.AFTERTALK",
        "HOUSE.PARTY",
        "HOUSE.HARDSHIP",
        "HOUSE.WISHES",
        "HOUSE.MEDIA",
        "HOUSE.PUBLIC",
    ]
    assert decision.required == (
        "attempt_to_collect_a_debt",
        "information_will_be_used_for_that",
        "same_language",
        "voicemail_business_name",
        "voicemail_request_to_reply",
        "voicemail_names",
        "voicemail_number",
        "voicemail_nothing_else",
    )
    assert {each.outcome for each in decision.results} == {Outcome.PERMITTED}
    assert {each.status for each in decision.results} == {"draft"}
    assert decision.reasons == ()
    assert decision.next_allowed == NOON
    assert decision.packs == {
        "us": PACKS.packs_for(["US"])[0].digest,
        "house_gentle": PACKS.house[0].digest,
    }


def test_two_jurisdictions_and_the_strictest_of_them():
    asked = facts(jurisdictions=("US", "CN"), zones=("Asia/Shanghai",))
    law = PACKS.without_house()
    assert (
        decide(asked, law, local("2026-03-10T21:30", "Asia/Shanghai")).reasons[0].rule
        == "US.REGF.TIME.DEFAULT"
    )
    assert decide(asked, law, local("2026-03-10T08:00", "Asia/Shanghai")).outcome is Outcome.PROHIBITED
    assert decide(asked, law, local("2026-03-10T20:30", "Asia/Shanghai")).allowed
    lender = facts(jurisdictions=("US", "CN"), zones=("Asia/Shanghai",), role=Role.CREDITOR)
    assert decide(lender, law, local("2026-03-10T21:30", "Asia/Shanghai")).allowed


def test_strictest_reason_comes_first():
    seven = tuple(call(f"2026-07-0{day}T10:00") for day in range(1, 8))
    decision = decide(facts(history=seven), PACKS, local("2026-07-07T22:00"))
    assert [each.outcome for each in decision.reasons] == [
        "prohibited",
        "prohibited",
        "presumed_violation",
        "presumed_violation",
    ]
    assert decision.outcome is Outcome.PROHIBITED


FLAG = RULE + (
    "    kind: count\n    outcome: permitted_with_flag\n    limit: 1\n"
    "    counts: {event: dial, per: contact_point}\n"
    "    window: {kind: calendar_day, days: 1, day_one: contact}\n"
)


def test_a_flag_allows_and_is_told():
    decision = decide(facts(history=(call("2026-07-08T10:00"),)), with_rule(FLAG), NOON)
    assert (decision.outcome, decision.allowed, decision.next_allowed) == (Outcome.FLAGGED, True, NOON)
    assert [each.rule for each in decision.reasons] == ["EXTRA.RULE"]


def test_a_rule_counts_only_on_its_days():
    closed = "    kind: window\n    outcome: prohibited\n    edges: {opening: open, closing: closed}\n"
    hours = '    open: [{days: [mon], from: "09:00", to: "09:01"}]\n'
    dated = RULE.replace("{from: null, to: null}", "{from: 2026-07-08, to: 2026-07-09}") + closed + hours
    packs = with_rule(dated)
    assert decide(facts(), packs, local("2026-07-07T12:00")).allowed
    assert decide(facts(), packs, local("2026-07-08T12:00")).reasons[0].reason is ReasonCode.CLOSED_DAY
    # It goes out of force before its own hours would open again.
    assert decide(facts(), packs, local("2026-07-08T12:00")).next_allowed == local("2026-07-10T08:00") + TICK
    assert decide(facts(), packs, local("2026-07-10T12:00")).allowed


def test_rules_whose_hours_never_meet_have_no_next_moment():
    night = (
        "    kind: window\n    outcome: prohibited\n    edges: {opening: open, closing: closed}\n"
        '    open: [{from: "22:00", to: "24:00"}]\n'
    )
    decision = decide(facts(), with_rule(RULE + night), NOON)
    assert (decision.outcome, decision.next_allowed) == (Outcome.PROHIBITED, None)


def test_a_decision_is_stored_as_plain_json():
    decision = decide(facts(holds=(hold(),)), PACKS, NOON)
    data = decision.as_data()
    assert data["outcome"] == "prohibited"
    assert data["next_allowed"] == "2026-07-11T12:00:00.000001Z"
    assert data["results"][0] == {
        "rule": "GATE.HOLD",
        "pack": "",
        "status": "",
        "outcome": "prohibited",
        "reason": "hold",
        "params": {"hold": "unmatched_payment", "first_day": "2026-07-01", "last_day": "2026-07-10"},
        "counted": None,
        "limit": None,
        "left": None,
        "window": None,
        "days": None,
        "override_reasons": [],
        "next_allowed": "2026-07-11T04:00:00Z",
        "conservative": False,
        "exception": None,
    }
