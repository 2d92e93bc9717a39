"""How long records are kept, and by when complaints are answered."""

import pytest

from tests.compliance.rules.terms.asking import ask, event, part

CN = {"jurisdictions": ["CN"], "role": "creditor", "consumer_tz": "Asia/Shanghai"}


def kept(*events, **given):
    return part(ask("retention", *events, **given), "retain", "until_at_least")


def recorded(t="2026-05-20T10:00", **words):
    return event(t, "call_out", **({"result": "conversation", "debts": ["D1"], "recorded": True} | words))


@pytest.mark.parametrize(
    "record",
    ["telephone_call_log", "copies_of_validation_and_dispute_documents", "contact_decision_log"],
)
@pytest.mark.parametrize("role", ["third_party_debt_collector", "debt_buyer"])
def test_records_are_kept_three_years_from_the_last_activity(record, role):
    given = {"record": record, "first_activity": "2026-01-05", "last_activity": "2026-06-30", "role": role}
    assert kept(**given) == (True, "2029-06-30")


def test_a_creditor_need_not_and_a_leap_day_ends_on_the_first_of_march():
    given = {"record": "telephone_call_log", "last_activity": "2028-02-29"}
    assert kept(**given) == (True, "2031-03-01")
    assert kept(**given, role="creditor") == (False, None)
    assert kept(record="telephone_call_log", last_activity="2021-11-29") == (False, None)


def test_without_a_last_activity_the_last_event_is_it():
    assert kept(event("2026-03-01T23:00", "email_out"), record="telephone_call_log") == (True, "2029-03-01")
    assert kept(record="telephone_call_log") == (True, None)


def test_recordings_are_kept_three_years_from_the_call_and_nobody_must_record():
    told = ask("retention", recorded(), recorded("2026-06-02T10:00"))
    assert told == {"retain": True, "until_at_least": "2029-06-02", "recording_required": False}
    told = ask("retention", recorded(recorded=False))
    assert told == {"retain": False, "until_at_least": None, "recording_required": False}
    assert ask("retention", recorded(), when={"as_of": "2026-05-19"})["retain"] is False


def test_in_china_calls_are_recorded_and_those_about_cards_kept_two_years():
    card = {**CN, "debts": [{"id": "D1", "type": "credit_card"}]}
    assert ask("retention", recorded(), **card) == {
        "retain": True,
        "until_at_least": "2028-05-20",
        "recording_required": True,
    }
    loan = {**CN, "debts": [{"id": "D1", "type": "personal_loan"}]}
    assert ask("retention", recorded(), **loan) == {
        "retain": True,
        "until_at_least": None,
        "recording_required": True,
    }
    assert ask("retention", recorded("2025-05-20T10:00"), **loan)["recording_required"] is False
    assert kept(record="complaint_file", last_activity="2026-03-17", **CN) == (True, "2029-03-17")
    assert kept(event("2026-03-02T10:00", "complaint_received"), record="complaint_file", **CN) == (
        True,
        "2029-03-02",
    )


def complaint(t="2026-03-02T10:00", complexity="simple", as_of=None, **given):
    when = {"complexity": complexity, **({"as_of": as_of} if as_of else {})}
    return ask("complaint_deadline", event(t, "complaint_received"), when=when, **(CN | given))


@pytest.mark.parametrize(
    ("complexity", "deadline"),
    [
        ("simple", "2026-03-17"),
        ("complex", "2026-04-01"),
        ("special_extended", "2026-05-01"),
        ("odd", "2026-03-17"),
    ],
)
def test_fifteen_thirty_or_sixty_calendar_days(complexity, deadline):
    assert complaint(complexity=complexity) == {"deadline": deadline, "day_type": "calendar"}


def test_the_date_is_that_of_beijing_for_everyone():
    assert complaint("2026-03-02T20:00", consumer_tz="America/New_York")["deadline"] == "2026-03-18"
    assert complaint("2026-03-02T16:30", consumer_tz="UTC")["deadline"] == "2026-03-18"
    told = complaint(as_of="2026-03-17T16:00", consumer_tz="UTC")
    assert part(told, "deadline", "overdue") == ("2026-03-17", True)


@pytest.mark.parametrize(
    ("as_of", "overdue"),
    [("2026-03-17", False), ("2026-03-17T23:59:59", False), ("2026-03-18T00:00", True), ("2026-03-18", True)],
)
def test_overdue_from_the_day_after(as_of, overdue):
    assert complaint(as_of=as_of)["overdue"] is overdue


def test_a_complaint_not_made_yet_and_a_law_that_says_nothing():
    told = complaint(as_of="2026-03-01")
    assert told == {"deadline": None, "day_type": None, "overdue": False}
    assert complaint(jurisdictions=["US"]) == {"deadline": None, "day_type": None}
    assert complaint("2020-02-29T10:00") == {"deadline": None, "day_type": None}
    assert complaint("2020-03-01T10:00")["deadline"] == "2020-03-16"


def test_of_two_complaints_the_first_is_due_first():
    told = ask(
        "complaint_deadline",
        event("2026-03-10T10:00", "complaint_received"),
        event("2026-03-02T10:00", "complaint_received"),
        when={"complexity": "simple"},
        **CN,
    )
    assert told["deadline"] == "2026-03-17"
