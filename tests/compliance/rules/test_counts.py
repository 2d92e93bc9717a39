"""Counts and quiet periods: whose dates, which contacts, what consent lifts."""

from datetime import date, timedelta

import pytest

from compliance.rules import ConsentFact, Outcome, ReasonCode, decide
from tests.compliance.rules.builders import (
    NEW_YORK,
    PACKS,
    RULE,
    SHANGHAI,
    call,
    chinese,
    facts,
    local,
    talk,
    with_rule,
)

LAW = PACKS.without_house()
TICK = timedelta(microseconds=1)
SEVEN_CALLS = tuple(call(f"2026-04-0{day}T10:00") for day in range(1, 8))


def result_of(decision, rule):
    return next(each for each in decision.results if each.rule == rule)


def callback(given: str, first: str, last: str | None = None, zone: str = NEW_YORK, **changes) -> ConsentFact:
    return ConsentFact(
        kind="call_back",
        given_at=local(given, zone),
        first_day=date.fromisoformat(first),
        last_day=last and date.fromisoformat(last),
        **{"evidence": "REC-1"} | changes,
    )


def test_the_eighth_call_in_seven_days_is_presumed_to_be_harassment():
    decision = decide(facts(history=SEVEN_CALLS), LAW, local("2026-04-07T15:00"))
    assert decision.outcome is Outcome.PRESUMED_VIOLATION
    result = result_of(decision, "US.REGF.CALLS.7IN7")
    assert (result.reason, result.params) == (
        ReasonCode.COUNT_REACHED,
        {"event": "connected_call", "per": "debt_group", "of": "D1"},
    )
    assert (result.counted, result.limit, result.left, result.days) == (7, 7, 0, 7)
    assert result.window == (date(2026, 4, 1), date(2026, 4, 7))
    assert "responding_to_consumer_request" in result.override_reasons
    assert decision.next_allowed == local("2026-04-08T08:00") + TICK


def test_the_first_call_has_left_the_window_on_day_eight():
    decision = decide(facts(history=SEVEN_CALLS), LAW, local("2026-04-08T08:30"))
    assert decision.outcome is Outcome.PERMITTED
    assert (decision.left_today, decision.left_this_week) == (1, 1)


def test_days_are_the_persons_own():
    # 23:30 in Los Angeles on 1 April is 2 April in UTC: by 8 April it is out of the seven days.
    late = [call(f"2026-04-0{day}T20:30", "America/Los_Angeles") for day in range(1, 8)]
    asked = facts(zones=("America/Los_Angeles",), history=tuple(late))
    assert decide(asked, LAW, local("2026-04-08T09:00", "America/Los_Angeles")).allowed
    # Where the person may be in two zones, the one that counts more calls decides.
    asked = facts(zones=("America/Los_Angeles", NEW_YORK), history=(*late[1:], call("2026-04-02T00:30")))
    at = local("2026-04-08T09:00", "America/Los_Angeles")
    assert result_of(decide(asked, LAW, at), "US.REGF.CALLS.7IN7").counted == 7


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"connected": False}, 0),
        ({"connected": None}, 1),
        ({"connected": None, "conversation": None, "kind": "permit"}, 1),
        ({"reported": True}, 1),
        ({"by_us": False}, 1),
        ({"debts": ()}, 1),
        ({"debts": ("D2",)}, 0),
        ({"debts": ("D2", "D1")}, 1),
        ({"direction": "in"}, 0),
        ({"channel": "sms"}, 0),
        ({"channel": "fax"}, 1),
    ],
)
def test_what_counts_as_a_call_about_the_debt(changes, counted):
    decision = decide(facts(history=(call("2026-04-07T10:00", **changes),)), LAW, local("2026-04-07T15:00"))
    assert result_of(decision, "US.REGF.CALLS.7IN7").counted == counted


def test_a_call_about_several_debts_is_judged_by_the_busiest():
    asked = facts(debts=("D2", "D1"), history=SEVEN_CALLS)
    result = result_of(decide(asked, LAW, local("2026-04-07T15:00")), "US.REGF.CALLS.7IN7")
    assert (result.params["of"], result.counted) == ("D1", 7)


def test_a_call_about_several_debts_waits_for_the_last_of_them():
    other = tuple(call(f"2026-04-0{day}T11:00", debts=("D2",)) for day in (5, 5, 5, 6, 6, 7, 7))
    asked = facts(debts=("D1", "D2"), history=(*SEVEN_CALLS, *other))
    decision = decide(asked, LAW, local("2026-04-07T15:00"))
    assert result_of(decision, "US.REGF.CALLS.7IN7").next_allowed == local("2026-04-12T00:00")
    assert decision.next_allowed == local("2026-04-12T08:00") + TICK


def test_a_call_that_names_no_debt_is_judged_by_all_of_them():
    asked = facts(debts=(), history=SEVEN_CALLS)
    assert result_of(decide(asked, LAW, local("2026-04-07T15:00")), "US.REGF.CALLS.7IN7").counted == 7


def test_quiet_period_ends_on_day_eight_by_date_not_by_hours():
    asked = facts(history=(talk("2026-03-04T20:30"),))
    closed = decide(asked, LAW, local("2026-03-10T20:30"))
    assert closed.outcome is Outcome.PRESUMED_VIOLATION
    assert closed.reasons[0].params == {
        "event": "conversation",
        "per": "debt_group",
        "of": "D1",
        "last_event": "2026-03-04",
        "first_open": "2026-03-11",
    }
    assert decide(asked, LAW, local("2026-03-11T08:30")).allowed


def test_a_call_whose_end_nobody_has_told_yet_may_have_been_a_conversation():
    pending = call("2026-04-07T10:00", connected=None, answered=None, right_party=None, conversation=None)
    decision = decide(facts(history=(pending,)), LAW, local("2026-04-07T10:05"))
    assert decision.reasons[0].reason is ReasonCode.QUIET_PERIOD


def test_a_conversation_with_somebody_else_begins_no_quiet_period():
    other = talk("2026-04-07T10:00", right_party=False)
    assert decide(facts(history=(other,)), LAW, local("2026-04-07T15:00")).allowed


def test_an_agreed_callback_lifts_quiet_period_and_count_but_no_hours():
    asked = facts(
        history=(*SEVEN_CALLS, talk("2026-04-07T11:00")),
        consents=(callback("2026-04-07T11:10", "2026-04-09", "2026-04-09"),),
    )
    before = decide(asked, PACKS, local("2026-04-08T10:00"))
    assert before.outcome is Outcome.PRESUMED_VIOLATION
    assert before.next_allowed == local("2026-04-09T08:00") + TICK
    on_the_day = decide(asked, PACKS, local("2026-04-09T10:00"))
    assert on_the_day.allowed
    quiet = result_of(on_the_day, "US.REGF.CALLS.AFTERTALK")
    assert (quiet.reason, quiet.params) == (ReasonCode.CONSENTED, {"until": "2026-04-09"})
    assert decide(asked, PACKS, local("2026-04-09T07:30")).reasons[0].reason is ReasonCode.OUTSIDE_HOURS
    after = decide(asked, PACKS, local("2026-04-10T10:00"))
    assert (after.outcome, after.next_allowed) == (
        Outcome.PRESUMED_VIOLATION,
        local("2026-04-14T08:00") + TICK,
    )


@pytest.mark.parametrize(
    ("changes", "history", "allowed"),
    [
        ({}, (), True),
        ({"evidence": ""}, (), False),
        ({"kind": "electronic_messages"}, (), False),
        ({"revoked_at": local("2026-04-09T09:00")}, (), False),
        ({"revoked_at": local("2026-04-09T11:00")}, (), True),
        ({"last_day": date(2026, 4, 8)}, (), False),
        ({"first_day": date(2026, 4, 10)}, (), False),
        ({"given_at": local("2026-04-09T11:00")}, (), False),
        ({}, (call("2026-04-08T10:00"),), True),
        ({}, (talk("2026-04-08T10:00"),), False),
        ({}, (talk("2026-04-08T10:00", conversation=None),), False),
    ],
)
def test_when_a_consent_carries_a_call(changes, history, allowed):
    given = {
        "kind": "call_back",
        "given_at": local("2026-04-07T11:10"),
        "first_day": date(2026, 4, 7),
        "evidence": "REC-1",
    }
    asked = facts(history=(talk("2026-04-07T11:00"), *history), consents=(ConsentFact(**(given | changes)),))
    assert decide(asked, PACKS, local("2026-04-09T10:00")).allowed is allowed


def test_a_consent_lasts_seven_days_with_its_receipt_as_the_first():
    asked = facts(history=SEVEN_CALLS, consents=(callback("2026-04-01T09:00", "2026-04-01"),))
    assert result_of(decide(asked, LAW, local("2026-04-07T15:00")), "US.REGF.CALLS.7IN7").counted == 0
    later = facts(
        history=(*SEVEN_CALLS, call("2026-04-08T10:00")),
        consents=(callback("2026-04-01T09:00", "2026-04-01", "2026-04-30"),),
    )
    assert result_of(decide(later, LAW, local("2026-04-08T15:00")), "US.REGF.CALLS.7IN7").counted == 1


def test_house_counts_people_where_the_regulation_counts_debts():
    asked = facts(role="creditor", debts=("D9",), history=SEVEN_CALLS)
    decision = decide(asked, PACKS, local("2026-04-07T15:00"))
    assert [each.rule for each in decision.reasons] == ["HOUSE.CALLS.7IN7"]
    assert decide(asked, LAW, local("2026-04-07T15:00")).allowed


def test_house_message_caps():
    sent = [call(f"2026-04-07T{hour}:00", channel="sms", purpose="reminder") for hour in ("09", "10")]
    at = local("2026-04-07T15:00")
    assert decide(facts(channel="sms", history=tuple(sent)), PACKS, at).outcome is Outcome.PROHIBITED
    assert decide(facts(channel="email", history=tuple(sent)), PACKS, at).left_today == 2
    assert decide(facts(channel="sms", purpose="reply", history=tuple(sent)), PACKS, at).allowed
    week = [
        call(f"2026-04-0{day}T09:00", channel=channel, purpose="reminder")
        for day, channel in enumerate(("sms", "email", "app", "sms", "email"), 1)
    ]
    decision = decide(facts(channel="app", history=tuple(week)), PACKS, at)
    assert [each.rule for each in decision.reasons] == ["HOUSE.MESSAGES.WEEK"]
    answered = [*week[:4], call("2026-04-05T09:00", channel="email", purpose="reply")]
    assert decide(facts(channel="app", history=tuple(answered)), PACKS, at).left_this_week == 1


def test_three_chinese_conversations_a_day():
    talks = tuple(talk(f"2026-03-10T{hour}:00", SHANGHAI) for hour in ("09", "11", "14"))
    two = decide(chinese(history=talks[:2]), LAW, local("2026-03-10T16:00", SHANGHAI))
    assert (two.outcome, two.left_today) == (Outcome.PERMITTED, 1)
    three = decide(chinese(history=talks), LAW, local("2026-03-10T16:00", SHANGHAI))
    assert three.reasons[0].rule == "CN.GBT.CALLS"
    assert three.next_allowed == local("2026-03-11T08:00", SHANGHAI)
    inbound = (*talks[:2], talk("2026-03-10T14:00", SHANGHAI, direction="in"))
    assert decide(chinese(history=inbound), LAW, local("2026-03-10T16:00", SHANGHAI)).allowed


def test_six_unanswered_dials_close_one_chinese_number():
    dials = tuple(call(f"2026-03-10T{hour}:00", SHANGHAI) for hour in ("09", "10", "11", "12", "13", "14"))
    at = local("2026-03-10T18:00", SHANGHAI)
    assert decide(chinese(history=dials[:5]), LAW, at).allowed
    assert decide(chinese(history=dials), LAW, at).reasons[0].rule == "CN.CBA26.DIALS"
    assert decide(chinese(history=dials, contact_point="N2"), LAW, at).allowed
    busy = (*dials[:5], call("2026-03-10T15:00", SHANGHAI, connected=False, answered=None))
    assert decide(chinese(history=busy), LAW, at).allowed  # it never reached the number
    answered = (*dials[:5], call("2026-03-10T15:00", SHANGHAI, answered=True))
    assert decide(chinese(history=answered), LAW, at).allowed
    unnamed = (*dials[:5], call("2026-03-10T15:00", SHANGHAI, contact_point=None))
    assert not decide(chinese(history=unnamed), LAW, at).allowed


def test_an_open_permit_takes_the_last_allowed_call():
    permit = call("2026-04-07T14:59", kind="permit", connected=None, conversation=False)
    decision = decide(facts(history=(*SEVEN_CALLS[1:], permit)), LAW, local("2026-04-07T15:00"))
    assert decision.outcome is Outcome.PRESUMED_VIOLATION


def test_a_permit_stamped_a_moment_later_counts_all_the_same():
    permit = call("2026-04-08T00:00:01", kind="permit", connected=None, conversation=False)
    decision = decide(facts(history=(*SEVEN_CALLS[1:], permit)), LAW, local("2026-04-07T20:00"))
    assert result_of(decision, "US.REGF.CALLS.7IN7").counted == 7


def test_quiet_days_may_begin_on_the_day_after():
    rule = RULE + (
        "    kind: quiet_period\n    outcome: prohibited\n    days: 2\n    day_one: next_day\n"
        "    after: {event: message, per: channel}\n"
    )
    packs = with_rule(rule, LAW)
    asked = facts(channel="sms", history=(call("2026-04-06T10:00", channel="sms"),))
    assert not decide(asked, packs, local("2026-04-08T15:00")).allowed
    assert decide(asked, packs, local("2026-04-09T15:00")).allowed
