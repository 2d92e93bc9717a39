"""Acts that are no contact: bureau reporting, sales and placements, enforcement and charges."""

import pytest

from tests.compliance.rules.terms.asking import act, event

MAILED = event("2026-05-01T10:00", "validation_notice_mailed")
WAIT = {"wait_window": ["2026-05-01", "2026-05-14"], "earliest_date": "2026-05-15"}


def furnish(t, *events, **given):
    return act("furnish_to_bureau", t, *events, **given)


def reported(t, *events, **given):
    return furnish(t, *events, **given)["outcome"]


def test_fourteen_days_and_the_day_of_mailing_is_the_first():
    assert furnish("2026-05-01T12:00", MAILED) == {"outcome": "not_within_14_day_safe_period", **WAIT}
    assert furnish("2026-05-14T23:59:59", MAILED) == {"outcome": "not_within_14_day_safe_period", **WAIT}
    assert furnish("2026-05-15T00:00", MAILED) == {"outcome": "permitted", **WAIT}
    assert (
        furnish("2026-05-15T03:00", MAILED, when={"t_tz": "UTC"})["outcome"]
        == "not_within_14_day_safe_period"
    )


def test_nothing_was_sent_or_what_was_sent_came_back():
    assert furnish("2026-05-20T10:00") == {"outcome": "prohibited"}
    assert furnish("2026-04-30T10:00", MAILED) == {"outcome": "prohibited"}
    back = event("2026-05-14T10:00", "undeliverable_notice")
    assert furnish("2026-05-20T10:00", MAILED, back) == {"outcome": "prohibited"}


def test_sent_again_it_is_waited_for_again():
    back, again = event("2026-05-08", "undeliverable_notice"), event("2026-05-10", "validation_notice_mailed")
    wait = {"wait_window": ["2026-05-10", "2026-05-23"], "earliest_date": "2026-05-24"}
    assert furnish("2026-05-23T10:00", MAILED, back, again) == {
        "outcome": "not_within_14_day_safe_period",
        **wait,
    }
    assert furnish("2026-05-24T10:00", MAILED, back, again) == {"outcome": "permitted", **wait}
    once_more = event("2026-05-12", "undeliverable_notice")
    assert reported("2026-05-24T10:00", MAILED, back, again, once_more) == "prohibited"


def test_two_that_stand_are_counted_from_the_first():
    again = event("2026-05-10", "validation_notice_sent")
    assert furnish("2026-05-15T10:00", MAILED, again) == {"outcome": "permitted", **WAIT}


def test_what_comes_back_after_the_report_harms_nothing_and_before_it_closes():
    back, furnished = (
        event("2026-05-18T10:00", "undeliverable_notice"),
        event("2026-05-15T10:00", "furnished"),
    )
    assert reported("2026-05-25T10:00", MAILED, furnished, back) == "permitted"
    assert reported("2026-05-25T10:00", MAILED, back) == "conservative_prohibited"


@pytest.mark.parametrize(
    ("contact", "outcome"),
    [
        (event("2026-05-02T10:00", "call_out", result="conversation", debts=["D1"]), "permitted"),
        (event("2026-05-02T10:00", "call_in", result="conversation"), "permitted"),
        (event("2026-05-02T10:00", "visit_out", result="conversation"), "permitted"),
        (event("2026-05-02T10:00", "call_out", result="conversation", debts=[]), "prohibited"),
        (event("2026-05-02T10:00", "call_out", result="conversation", debts=["D2"]), "prohibited"),
        (event("2026-05-02T10:00", "call_out", result="conversation", number_owner="friend"), "prohibited"),
        (event("2026-05-02T10:00", "call_out", result="conversation", by="agency_b"), "prohibited"),
        (event("2026-05-02T10:00", "call_out", result="voicemail"), "prohibited"),
        (event("2026-05-02T10:00", "email_in"), "prohibited"),
        (event("2026-05-02T10:00", "email_out", debts=["D1"]), "not_within_14_day_safe_period"),
        (event("2026-04-02T10:00", "sms_out"), "permitted"),
    ],
)
def test_talked_over_or_written_to(contact, outcome):
    assert reported("2026-05-03T10:00", contact) == outcome


def test_of_several_debts_each_must_be_reportable():
    debts = [{"id": "D1"}, {"id": "D2"}]
    talked = event("2026-05-02T10:00", "call_out", result="conversation", debts=["D1"])
    assert reported("2026-05-03T10:00", talked, debts=debts) == "prohibited"
    assert reported("2026-05-03T10:00", talked, debts=debts, when={"debts": ["D1"]}) == "permitted"
    both = event("2026-05-02T10:00", "call_out", result="conversation", debts=["D1", "D2"])
    assert reported("2026-05-03T10:00", both, debts=debts) == "permitted"


def test_a_creditor_and_the_time_before_the_regulation_are_not_bound():
    assert reported("2026-05-03T10:00", role="creditor") == "permitted"
    assert reported("2021-11-29T10:00") == "permitted"
    assert reported("2021-11-30T10:00") == "prohibited"


# Sales and placements


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("paid", "prohibited"),
        ("settled", "prohibited"),
        ("discharged_in_bankruptcy", "prohibited"),
        ("paid_or_settled_or_discharged", "prohibited"),
        (None, "permitted"),
    ],
)
def test_a_debt_that_is_done_with_is_not_sold(status, outcome):
    assert act("sell_transfer_or_place", "2026-04-01T10:00", debt_status=status) == {"outcome": outcome}
    for harmless in (
        "data_file_for_analytics_scrubbing_or_archiving",
        "report_paid_settled_or_discharged_to_bureau",
    ):
        assert act(harmless, "2026-04-01T10:00", debt_status=status) == {"outcome": "permitted"}


def test_nor_one_that_was_paid_in_full_by_then():
    paid = event("2026-03-31", "paid_in_full", debts=["D1"])
    assert act("sell_transfer_or_place", "2026-04-01T10:00", paid) == {"outcome": "prohibited"}
    assert act("sell_transfer_or_place", "2026-03-30T10:00", paid) == {"outcome": "permitted"}
    other = event("2026-03-31", "paid_in_full", debts=["D2"])
    assert act("sell_transfer_or_place", "2026-04-01T10:00", other) == {"outcome": "permitted"}
    assert act("sell_transfer_or_place", "2026-04-01T10:00", paid, role="creditor") == {
        "outcome": "permitted"
    }


# Standstills

STOPPED = {"outcome": "prohibited", "reason": "hold", "hold": "breathing_space"}
FREE = {"outcome": "permitted"}


def british(action, t, *holds, jurisdictions=("GB", "GB-EAW"), when=None):
    return act(
        action, t, when=when, jurisdictions=list(jurisdictions), role="creditor",
        consumer_tz="Europe/London", holds=list(holds),
    )  # fmt: skip


def space(registered="2026-03-02", **words):
    return {
        "type": "breathing_space",
        "variant": "standard",
        "registered": registered,
        "debts": ["D1"],
        **words,
    }


@pytest.mark.parametrize("action", ["charge_interest_or_fee", "enforcement_action"])
@pytest.mark.parametrize(
    ("t", "answer"),
    [
        ("2026-03-02T23:59:59", FREE),
        ("2026-03-03T00:00", STOPPED),
        ("2026-05-01T23:59:59", STOPPED),
        ("2026-05-02T00:00", FREE),
        ("2026-05-01T23:30", STOPPED),  # summer time: 22:30 UTC
    ],
)
def test_a_breathing_space_lasts_sixty_days_from_the_day_after(action, t, answer):
    assert british(action, t, space()) == answer


def test_it_ends_early_or_with_the_treatment_of_a_crisis():
    assert british("enforcement_action", "2026-03-25T10:00", space(ended_at="2026-03-25")) == STOPPED
    assert british("enforcement_action", "2026-03-26T10:00", space(ended_at="2026-03-25")) == FREE
    crisis = space("2026-01-12", variant="mental_health_crisis", treatment_ended="2026-05-10")
    assert british("enforcement_action", "2026-06-09T10:00", crisis) == STOPPED
    assert british("enforcement_action", "2026-06-10T10:00", crisis) == FREE
    assert (
        british("charge_interest_or_fee", "2030-01-01T10:00", {**crisis, "treatment_ended": None}) == STOPPED
    )


def test_a_court_may_lift_it():
    allowed = {"outcome": "permitted", "exception": "court_permission"}
    assert british("enforcement_action", "2026-03-20T10:00", space(court_permission=True)) == allowed
    two = [space(court_permission=True), space("2026-03-10")]
    assert british("enforcement_action", "2026-03-20T10:00", *two) == STOPPED


def test_it_holds_in_england_and_wales_for_its_own_debts():
    assert british("enforcement_action", "2026-03-20T10:00", space(), jurisdictions=["GB"]) == FREE
    assert british("enforcement_action", "2026-03-20T10:00", space(debts=["D2"])) == FREE
    assert british("enforcement_action", "2026-03-20T10:00", space(debts=[])) == STOPPED
    assert british("enforcement_action", "2026-03-20T10:00", space(), when={"debts": ["D2"]}) == FREE
    assert british("enforcement_action", "2021-03-20T10:00", space("2021-03-02")) == FREE  # not in force yet


def test_while_an_adviser_works_nothing_is_enforced_and_nothing_charged():
    def pause(**words):
        return {"type": "adviser_pause", "started": "2026-04-01", "debts": ["D1"], **words}

    stopped = {"outcome": "prohibited", "reason": "hold", "hold": "adviser_pause"}
    assert british("enforcement_action", "2026-04-01T00:00", pause()) == stopped
    assert british("enforcement_action", "2026-05-01T10:00", pause()) == stopped
    assert british("enforcement_action", "2026-05-02T10:00", pause()) == FREE
    assert british("enforcement_action", "2026-05-20T10:00", pause(extended=True)) == stopped
    assert british("enforcement_action", "2026-06-01T10:00", pause(extended=True)) == FREE
    assert (
        british("charge_interest_or_fee", "2026-04-20T10:00", pause())["outcome"] == "conservative_prohibited"
    )
    assert british("charge_interest_or_fee", "2026-04-20T10:00", pause(), space()) == STOPPED


@pytest.mark.parametrize("action", ["enforcement_action", "furnish_to_bureau", "sell_transfer_or_place"])
def test_where_nobody_knows_the_law_nothing_is_done(action):
    closed = {"outcome": "prohibited", "reason": "unknown_jurisdiction"}
    assert act(action, "2026-04-01T10:00", jurisdictions=["US", "SG"]) == closed
    assert act(action, "2026-04-01T10:00", jurisdictions=[]) == closed


def test_an_act_without_a_moment_is_prohibited():
    assert act("enforcement_action", None) == {"outcome": "prohibited"}
