"""What the gate says to staff: one sentence for every reason, in both languages' dates and places."""

from datetime import UTC, datetime

import pytest
from django.utils import translation

from compliance.actions.gate import packs
from compliance.holds import HOLDS
from compliance.rules import Facts, ReasonCode, RuleResult, decide
from compliance.sentences import PATTERNS, REQUIREMENTS, SENTENCES, explain, sentence

HOURS = {"zone": "America/New_York", "local_time": "07:30", "hours": [["08:00", "21:00"]], "zones": 1}
COUNT = {"of": None, "limit": 7, "days": 7}
QUIET = {"per": "person", "of": None, "last_event": "2026-03-04", "first_open": "2026-03-11"}
DISPUTED = {"hold": "dispute", "first_day": "2026-03-01"}

SAID = [
    (
        "unknown_jurisdiction",
        {"jurisdictions": []},
        "The portfolio names no jurisdiction, so nobody is contacted.",
    ),
    (
        "unknown_jurisdiction",
        {"jurisdictions": ["ZZ", "SG"]},
        "There are no rules for ZZ and SG yet, so nobody is contacted.",
    ),
    (
        "unknown_role",
        {"value": "creditor/debt_buyer"},
        "Our role towards the borrower is not clear. Loans held in different roles are spoken about apart.",
    ),
    ("unknown_channel", {"value": "pigeon"}, "This way of contact is not known to the rules."),
    ("unknown_purpose", {"value": "chat"}, "This reason for contact is not known to the rules."),
    ("unknown_party", {"value": "neighbour"}, "It is not clear whom this contact would reach."),
    ("unknown_zone", {"zones": [], "countries": []}, "Nobody knows what time it is where the borrower is."),
    ("nothing_overdue", {}, "Nothing is overdue, so there is nothing to ask for."),
    ("arrears_unknown", {}, "What is owed today is not known."),
    ("hold", DISPUTED | {"last_day": None}, "The borrower disputes the debt."),
    (
        "hold",
        DISPUTED | {"last_day": "2026-03-05"},
        "The borrower disputes the debt. Until 5 Mar 2026, that day included.",
    ),
    ("hold", DISPUTED | {"hold": "lunar"}, "A hold stops contact (lunar)."),
    (
        "party_not_allowed",
        {"party": "guarantor"},
        "The debt is not spoken about with others: this reaches the borrower's guarantor.",
    ),
    (
        "party_not_allowed",
        {"party": "third_party"},
        "The debt is not spoken about with others: this reaches somebody else.",
    ),
    ("outside_hours", HOURS, "It is 07:30 in New York; contact is open there 08:00–21:00."),
    (
        "outside_hours",
        HOURS | {"zones": 6},
        "It is 07:30 in New York; contact is open there 08:00–21:00."
        " It must be open in each of the 6 time zones where the borrower may be.",
    ),
    (
        "outside_hours",
        HOURS | {"local_time": "08:00", "at_edge": True},
        "It is exactly 08:00 in New York, and the edge of the open hours (08:00–21:00) is kept closed.",
    ),
    (
        "closed_day",
        {"zone": "Asia/Shanghai", "day": "2026-03-08", "zones": 1},
        "8 Mar 2026 is a closed day in Shanghai.",
    ),
    (
        "no_common_hours",
        {"zones": ["a", "b", "c"]},
        "No hour is open in every one of the 3 time zones where the borrower may be.",
    ),
    (
        "count_reached",
        COUNT | {"event": "connected_call", "per": "person"},
        "The most for 7 days has been reached: 7 calls.",
    ),
    (
        "count_reached",
        COUNT | {"event": "dial", "per": "debt", "limit": 1},
        "The most for 7 days has been reached for this loan: 1 call.",
    ),
    (
        "count_reached",
        COUNT | {"event": "unanswered_call", "per": "contact_point", "limit": 6, "days": 1},
        "The most for one day has been reached for this number or address: 6 unanswered calls.",
    ),
    (
        "count_reached",
        COUNT | {"event": "message", "per": "channel", "limit": 2, "days": 1},
        "The most for one day has been reached on this channel: 2 messages.",
    ),
    (
        "count_reached",
        COUNT | {"event": "attempt", "per": "channel", "limit": 3},
        "The most for 7 days has been reached on this channel: 3 contacts.",
    ),
    (
        "count_reached",
        COUNT | {"event": "conversation", "per": "person", "limit": 3, "days": 1},
        "The most for one day has been reached: 3 conversations.",
    ),
    (
        "quiet_period",
        QUIET | {"event": "conversation"},
        "You spoke on 4 Mar 2026; some quiet days follow, until 11 Mar 2026.",
    ),
    (
        "quiet_period",
        QUIET | {"event": "message"},
        "The last contact was on 4 Mar 2026; some quiet days follow, until 11 Mar 2026.",
    ),
    (
        "count_reached",
        {"of": None, "limit": 1, "days": 36525, "event": "conversation", "per": "contact_point"},
        "The most there may ever be has been reached: 1 conversation.",
    ),
    (
        "count_reached",
        COUNT | {"event": "telephone", "per": "account", "limit": 2},
        "The most for 7 days has been reached for this loan: 2 calls and texts.",
    ),
    ("consented", {"until": "2026-03-06"}, "The borrower asked to be called, until 6 Mar 2026."),
    (
        "stale_facts",
        {"what": ["balances"]},
        "What is known here is too old to rely on; it is read again first.",
    ),
    (
        "designated_time",
        {"zone": "America/New_York", "local_time": "09:30", "at_edge": False},
        "The borrower asked not to be contacted at this time (it is 09:30 in New York).",
    ),
    ("designated_place", {"place": "home"}, "The borrower asked not to be contacted there."),
    ("employer_forbids", {}, "Calls at work are not welcome there; use another way."),
    (
        "medium_refused",
        {"channel": "sms", "contact_point": "N1"},
        "The borrower asked that this number or address not be used.",
    ),
    (
        "medium_refused",
        {"channel": "sms", "contact_point": None},
        "The borrower asked not to be contacted this way.",
    ),
    (
        "no_consent",
        {"consent": "electronic_messages"},
        "The borrower has not agreed to electronic messages.",
    ),
    ("public", {}, "Others could read this."),
    ("employer_email", {}, "The address comes from the employer, where others may read it."),
    ("inconvenient_now", {}, "It does not suit now. Ask when it would, and end the call."),
    (
        "excepted",
        {"exception": "1006.6(c)(2)"},
        "It may be done because the rule has an exception for it (1006.6(c)(2)).",
    ),
    ("set_aside", {}, "Two people have set this draft rule aside for now."),
    (
        "proposed",
        {"would": "outside_hours"},
        "A rule that is only proposed would stop this. It is not law yet.",
    ),
    (
        "pattern",
        {"factor": "highly_concentrated_calls", "number": 6},
        "So many calls to one number on one day tell against us.",
    ),
    (
        "required",
        {"requires": ["recording", "opt_out_notice"]},
        "To be kept in mind: record the call and tell how to stop such messages, at no cost.",
    ),
]


def test_every_word_of_the_packs_is_said():
    rules = [rule for pack in packs().all for rule in pack.rules]
    assert {rule.factor for rule in rules if rule.kind == "pattern"} == set(PATTERNS)
    assert {word for rule in rules if rule.kind == "require" for word in rule.requires} == set(REQUIREMENTS)


@pytest.mark.parametrize(("code", "params", "said"), SAID)
def test_what_is_said(code, params, said):
    with translation.override("en"):
        assert sentence(code, params) == said


def test_every_reason_has_its_sentence_and_its_example():
    assert set(SENTENCES) == set(ReasonCode)
    assert {code for code, _params, _said in SAID} == {str(code) for code in ReasonCode}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("kind", HOLDS)
def test_every_hold_says_why(kind, language):
    with translation.override(language):
        assert sentence("hold", {"hold": kind, "first_day": "2026-03-01", "last_day": None}) == str(
            HOLDS[kind].why
        )


def test_places_and_days_are_in_the_reader_s_language():
    with translation.override("zh-hans"):
        assert "上海" in sentence("closed_day", {"zone": "Asia/Shanghai", "day": "2026-03-08", "zones": 1})
        assert "2026年3月8日" in sentence(
            "closed_day", {"zone": "Asia/Shanghai", "day": "2026-03-08", "zones": 1}
        )


def test_a_reason_of_other_times_comes_back_as_it_is():
    assert sentence("moon_phase", {}) == "moon_phase"


def test_a_result_brings_its_own_numbers():
    result = RuleResult(
        rule="HOUSE.MESSAGES.DAY",
        reason=ReasonCode.COUNT_REACHED,
        params={"event": "message", "per": "channel", "of": "sms"},
        limit=2,
        days=1,
    )
    with translation.override("en"):
        assert explain(result) == "The most for one day has been reached on this channel: 2 messages."
    assert explain(RuleResult(rule="HOUSE.TIME")) == ""


def test_what_the_rules_really_answer_can_be_said():
    facts = Facts(
        role="creditor", jurisdictions=("US",), channel="call", purpose="collect", zones=("America/New_York",)
    )
    decision = decide(facts, packs(), datetime(2026, 3, 3, 10, 0, tzinfo=UTC))
    with translation.override("en"):
        assert [explain(result) for result in decision.reasons] == [
            "What is owed today is not known.",
            "It is 05:00 in New York; contact is open there 08:00–21:00.",
        ]


def test_an_exception_is_named_in_words():
    assert sentence("excepted", {"exception": "agreed_hours"}) == (
        "It may be done because the rule has an exception for it (agreed hours)."
    )
    with translation.override("zh-hans"):
        assert "（已同意的时段）" in sentence("excepted", {"exception": "agreed_hours"})
