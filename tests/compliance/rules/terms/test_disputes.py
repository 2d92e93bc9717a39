"""Disputes: in writing or not, in time or not, answered or not, new or said before."""

import pytest

from tests.compliance.rules.terms.asking import act, ask, dispute, event, part

END = {"validation_end": "2026-04-08"}


def held(*events, **given):
    told = ask("written_dispute_hold", *events, **(END | given))
    return part(told, "in_writing", "cease_collection")


@pytest.mark.parametrize(
    ("channel", "accepts", "written"),
    [
        ("mail", None, True),
        ("mail", False, True),
        ("consumer_response_form", True, True),
        ("consumer_response_form", False, True),
        ("hand_or_courier", None, True),
        ("hand_or_courier", False, True),
        ("email", True, True),
        ("email", None, True),
        ("email", False, False),
        ("portal", True, True),
        ("portal", False, False),
        ("phone", True, False),
        ("phone", None, False),
    ],
)
def test_what_is_in_writing(channel, accepts, written):
    words = {} if accepts is None else {"collector_accepts_channel": accepts}
    assert held(dispute(channel=channel, **words)) == (written, written)


def test_in_time_up_to_the_last_day_and_not_after():
    assert held(dispute("2026-04-08T23:59")) == (True, True)
    assert held(dispute("2026-04-09T00:00")) == (True, False)
    assert held(dispute("2026-04-09T03:00", t_tz="UTC")) == (True, True)  # still the eighth in New York


def test_without_an_end_told_it_is_computed_from_the_notice_by_the_cautious_reading():
    notice = event("2026-06-29", "validation_notice_sent")
    assert held(notice, dispute("2026-08-06"), validation_end=None) == (True, True)
    assert held(notice, dispute("2026-08-07"), validation_end=None) == (True, False)
    assert held(dispute("2030-01-01"), validation_end=None) == (True, True)  # no notice, no end


def test_verification_lifts_it_and_one_for_another_debt_does_not():
    assert held(dispute(), event("2026-03-25", "verification_sent")) == (True, False)
    assert held(dispute(), event("2026-03-19", "verification_sent")) == (True, True)
    assert held(dispute(debts=["D1"]), event("2026-03-25", "verification_sent", debts=["D2"])) == (True, True)
    assert held(dispute(debts=["D1"]), event("2026-03-25", "verification_sent", debts=["D1"])) == (
        True,
        False,
    )


def test_a_dispute_of_another_debt_stops_nothing_here():
    assert held(dispute(debts=["D2"])) == (False, False)
    assert held() == (False, False)


def test_whoever_acts_for_the_estate_is_answered():
    assert held(dispute(by="estate_representative"), consumer_status="deceased") == (True, True)


def test_a_later_call_about_it_takes_nothing_back():
    assert held(dispute(), dispute("2026-03-21", channel="phone")) == (False, True)


def test_it_binds_creditors_in_massachusetts_alone():
    assert held(dispute(), role="creditor") == (True, False)
    assert held(dispute(), role="creditor", jurisdictions=["US", "US-MA"]) == (True, True)


def repeated(*events, index=2):
    return ask("duplicative_dispute", *events, when={"dispute_index": index}, **END)["duplicative"]


VERIFIED = event("2026-03-25", "verification_sent")


def test_the_same_again_without_anything_new():
    assert repeated(dispute(), VERIFIED, dispute("2026-04-01")) is True
    first, again = dispute(ground="not_mine"), dispute("2026-04-01", ground="not_mine", reworded=True)
    assert repeated(first, VERIFIED, again) is True
    bare = dispute("2026-04-01")
    assert repeated(dispute(ground="not_mine"), VERIFIED, bare) is True


@pytest.mark.parametrize(
    ("first", "answer", "second"),
    [
        (dispute(), VERIFIED, dispute("2026-04-01", evidence=["cancelled_check"])),
        (dispute(ground="not_mine"), VERIFIED, dispute("2026-04-01", ground="wrong_amount")),
        (dispute(), VERIFIED, dispute("2026-04-01", ground="not_mine")),
        (dispute(), event("2026-04-02", "verification_sent"), dispute("2026-04-01")),  # not answered yet
        (dispute(channel="phone"), VERIFIED, dispute("2026-04-01")),  # the first was none in writing
        (dispute(), VERIFIED, dispute("2026-04-01", channel="phone")),
        (dispute(), VERIFIED, dispute("2026-04-09")),  # out of time
        (dispute(debts=["D1"]), VERIFIED, dispute("2026-04-01", debts=["D2"])),
    ],
)
def test_what_is_new_or_was_never_answered_does_not_repeat(first, answer, second):
    assert repeated(first, answer, second) is False


def test_evidence_seen_before_is_not_new():
    first = dispute(evidence=["cancelled_check"])
    assert repeated(first, VERIFIED, dispute("2026-04-01", evidence=["cancelled_check"])) is True


def test_which_dispute_is_meant():
    events = [dispute(), VERIFIED, dispute("2026-04-01")]
    assert repeated(*events, index=0) is False
    assert repeated(*events, index=2) is True
    assert ask("duplicative_dispute", *events, **END)["duplicative"] is True  # none named: the last
    assert repeated(index=0) is False


def test_a_repeated_dispute_stops_nothing_and_a_new_one_does():
    again = dispute("2026-04-01")
    proof = dispute("2026-04-01", evidence=["cancelled_check"])
    assert held(dispute(), VERIFIED, again) == (True, False)
    assert held(dispute(), VERIFIED, proof) == (True, True)


def test_while_it_is_open_nothing_is_enforced_and_nothing_charged():
    told = act("enforcement_action", "2026-03-23T10:00", dispute(), **END)
    assert told == {"outcome": "prohibited", "reason": "hold", "hold": "dispute"}
    told = act("charge_interest_or_fee", "2026-03-23T10:00", dispute(), **END)
    assert told == {"outcome": "conservative_prohibited", "reason": "hold", "hold": "dispute"}
    assert act("enforcement_action", "2026-03-19T10:00", dispute(), **END) == {"outcome": "permitted"}
    assert act("enforcement_action", "2026-03-26T10:00", dispute(), VERIFIED, **END) == {
        "outcome": "permitted"
    }
    assert act("enforcement_action", "2026-03-23T10:00", dispute(channel="phone"), **END) == {
        "outcome": "permitted"
    }


def calling(t, *events, **given):
    return act("call_out", t, *events, when={"debts": ["D1"]}, **given)


def test_a_call_stops_at_the_disputes_that_stop_collection():
    notice, late = event("2026-03-02T10:00", "validation_notice_sent"), dispute("2026-05-01T10:00")
    told = calling("2026-05-02T10:00", notice, dispute("2026-03-20T10:00"))
    assert part(told, "outcome", "hold") == ("prohibited", "dispute")
    assert calling("2026-05-02T10:00", notice, late)["outcome"] == "permitted"  # the period is over
    assert calling("2026-03-02T10:00", dispute("2026-03-20T10:00"))["outcome"] == "permitted"
    other = event("2026-03-21T10:00", "verification_sent", debts=["D2"])
    assert calling("2026-03-23T10:00", dispute("2026-03-20T10:00"), other)["outcome"] == "prohibited"
    same = event("2026-03-21T10:00", "verification_sent", debts=["D1"])
    assert calling("2026-03-23T10:00", dispute("2026-03-20T10:00"), same)["outcome"] == "permitted"
    assert calling("2026-03-23T10:00", dispute("2026-03-20T10:00", channel="phone"))["outcome"] == "permitted"
