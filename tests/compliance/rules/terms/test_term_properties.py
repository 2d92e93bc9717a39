"""What must hold of terms whatever the dates and histories."""

import json
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules.terms.days import add_business_days, add_years, is_published_holiday
from compliance.rules.vectors import answer_one
from compliance.rules.vectors.terms import ACTIONS, EVALUATIONS
from tests.compliance.rules.terms.asking import act, ask, dispute, event

DAY = timedelta(days=1)
DATES = st.dates(date(1990, 1, 1), date(2090, 12, 31))
RECENT = st.dates(date(2022, 1, 1), date(2034, 12, 31))


def literal(day):
    return is_published_holiday("US", day, observed=False)


def cautious(day):
    return is_published_holiday("US", day, observed=True)


@settings(deadline=None)  # the first look at a calendar is slow
@given(DATES, st.integers(0, 30))
def test_business_days_are_counted_one_by_one(day, count):
    end = add_business_days(day, count, literal)
    between = [day + number * DAY for number in range(1, (end - day).days + 1)]
    counted = [each for each in between if each.weekday() < 5 and not literal(each)]
    assert len(counted) == count
    assert end == (counted[-1] if counted else day)


@settings(deadline=None)  # the first look at a calendar is slow
@given(DATES, st.integers(1, 30))
def test_more_holidays_and_later_days_never_end_earlier(day, count):
    assert add_business_days(day, count, cautious) >= add_business_days(day, count, literal)
    assert add_business_days(day + DAY, count, literal) >= add_business_days(day, count, literal)


@settings(deadline=None)  # the first look at a calendar is slow
@given(DATES)
def test_days_the_law_names_are_holidays_in_the_cautious_reading_too(day):
    assert cautious(day) or not literal(day)


@settings(deadline=None)  # the first look at a calendar is slow
@given(DATES, st.integers(1, 50))
def test_years_keep_the_date_and_are_never_too_short(day, years):
    later = add_years(day, years)
    assert later.year == day.year + years
    assert (later.month, later.day) == (
        (day.month, day.day) if (day.month, day.day) != (2, 29) or _leap(later) else (3, 1)
    )


def _leap(day):
    return day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)


@settings(max_examples=60, deadline=None)
@given(RECENT)
def test_a_period_lasts_thirty_days_from_a_receipt_after_five_weekdays(day):
    told = ask("validation_period_end", event(day.isoformat(), "validation_notice_sent"))
    receipt = date.fromisoformat(told["assumed_receipt_earliest"])
    assert receipt >= day + 5 * DAY
    assert receipt.weekday() < 5
    assert date.fromisoformat(told["validation_end_earliest"]) == receipt + 30 * DAY
    assert told["cautious_observed_days_excluded"]["validation_end"] >= told["validation_end_earliest"]


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(
            [
                {"kind": "validation_notice_mailed"},
                {"kind": "undeliverable_notice"},
                {"kind": "furnished"},
                {"kind": "email_out", "debts": ["D1"]},
                {"kind": "call_out", "result": "unanswered"},
                {"kind": "call_out", "result": "conversation", "debts": ["D1"]},
                {"kind": "dispute_received", "channel": "mail"},
                {"kind": "dispute_received", "channel": "phone"},
                {"kind": "verification_sent"},
            ]
        ),
    ),
    max_size=8,
)
START = date(2026, 3, 1)


def happened(told):
    return [
        {"t": (START + offset * DAY).isoformat(), **words}
        for offset, words in sorted(told, key=lambda each: each[0])
    ]


STRICTNESS = ("permitted", "not_within_14_day_safe_period", "conservative_prohibited", "prohibited")


@settings(max_examples=150, deadline=None)
@given(HAPPENINGS, st.integers(0, 60), st.integers(0, 60))
def test_one_more_notice_that_comes_back_never_opens_the_bureau(told, on, asked):
    t = (START + asked * DAY).isoformat() + "T23:00"
    before = act("furnish_to_bureau", t, *happened(told))["outcome"]
    back = event((START + on * DAY).isoformat(), "undeliverable_notice")
    after = act("furnish_to_bureau", t, *happened(told), back)["outcome"]
    assert STRICTNESS.index(after) >= STRICTNESS.index(before)


@settings(max_examples=150, deadline=None)
@given(HAPPENINGS)
def test_a_dispute_with_something_new_always_stops_enforcement(told):
    last = (START + 60 * DAY).isoformat()
    new = dispute(f"{last}T10:00", evidence=["cancelled_check"])
    answer = act("enforcement_action", f"{last}T10:01", *happened(told), new, validation_end=last)
    assert (answer["outcome"], answer["hold"]) == ("prohibited", "dispute")


@settings(max_examples=150, deadline=None)
@given(HAPPENINGS, st.integers(0, 60))
def test_what_happens_later_changes_no_answer(told, asked):
    t = (START + asked * DAY).isoformat() + "T23:59"
    known = [each for each in happened(told) if each["t"] <= t[:10]]
    for action in sorted(ACTIONS):
        assert act(action, t, *happened(told)) == act(action, t, *known)


# Any combination of the format's words is answered, and never by a crash.

WORDS = {
    "kind": st.sampled_from(
        ["call_out", "call_in", "sms_in", "sms_out", "email_in", "email_out", "visit_out", "ringless_voicemail",
         "validation_notice_sent", "undeliverable_notice", "actual_receipt_learned", "dispute_received",
         "verification_sent", "furnished", "complaint_received", "statement", "contract_signed", "paid_in_full",
         "opt_out", "consumer_request", "creditor_email_use_notice", "email_address_provided", "number_found_wrong"]
    ),
    "t": st.sampled_from(["2026-03-02", "2026-03-02T10:00", "2026-07-02T10:00:30", "2021-02-03T00:00"]),
}  # fmt: skip
MORE = {
    "t_tz": st.sampled_from(["UTC", "Asia/Shanghai"]),
    "debts": st.sampled_from([[], ["D1"], ["D2"], ["D1", "D2"]]),
    "number": st.sampled_from(["N1", "N2"]),
    "result": st.sampled_from(
        ["conversation", "voicemail", "limited_content_message", "unanswered", "busy_signal"]
    ),
    "content": st.sampled_from([["limited_only"], ["names_debt_collector"], []]),
    "channel": st.sampled_from(["mail", "email", "portal", "phone"]),
    "collector_accepts_channel": st.booleans(),
    "evidence": st.sampled_from([[], ["cancelled_check"]]),
    "recorded": st.booleans(),
    "medium": st.just("sms"),
    "request": st.sampled_from(["opt_out_this_address", "opt_out_all_email", "refuse_to_pay_or_cease"]),
}
EVENTS = st.lists(st.fixed_dictionaries(WORDS, optional=MORE), max_size=5)
GIVEN = st.fixed_dictionaries(
    {"events": EVENTS},
    optional={
        "jurisdictions": st.sampled_from(
            [["US"], ["US", "US-MA"], ["CN"], ["GB", "GB-EAW"], ["US", "ZZ"], [], None]
        ),
        "role": st.sampled_from(["creditor", "third_party_debt_collector", "debt_buyer"]),
        "consumer_tz": st.sampled_from(["America/New_York", "Asia/Shanghai", None]),
        "debts": st.sampled_from([[{"id": "D1"}], [{"id": "D1", "type": "credit_card"}, {"id": "D2"}], []]),
        "holidays": st.sampled_from([[], [{"date": "2026-03-03", "kind": "joint_leave"}]]),
        "validation_end": st.just("2026-04-08"),
        "debt_status": st.sampled_from(["paid", "settled", None]),
        "record": st.sampled_from(["telephone_call_log", "contact_decision_log"]),
        "email_chain": st.sampled_from([[], [{"collector": "XYZ"}]]),
        "consumer_status": st.just("deceased"),
    },
)
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "t": st.sampled_from(["2026-03-10", "2026-03-10T10:00"]),
        "as_of": st.sampled_from(["2026-03-10", "2026-03-10T10:00"]),
        "debts": st.sampled_from([[], ["D1"], ["D2"]]),
        "dispute_index": st.integers(-1, 6),
        "number": st.just("N1"),
        "channel": st.sampled_from(["sms", "email", "letter"]),
        "method": st.sampled_from(["reply_stop", None]),
        "statement": st.sampled_from(["1006.18(e)(1)", None]),
        "type": st.sampled_from(["transaction", "last_statement", "judgment"]),
    },
)
QUESTIONS = st.sampled_from(
    [("evaluate", each) for each in EVALUATIONS] + [("action", each) for each in ACTIONS]
)

KEYS = {
    "opt_out_deadline": {"earliest_date"},
    "classify_event": {"attempt_to_communicate"},
    "classify_message": {"limited_content_message", "communication"},
    "validation_period_end": {
        "base_notice", "assumed_receipt_earliest", "validation_end_earliest", "may_use_assumed_date", "literal",
        "cautious_observed_days_excluded",
    },
    "validation_notice_deadline": {"deadline", "day_type"},
    "validation_notice_required": {"required"},
    "validation_notice_recipient": {"recipient"},
    "itemization_date": {"date"},
    "written_dispute_hold": {"in_writing", "cease_collection"},
    "duplicative_dispute": {"duplicative"},
    "retention": {"retain", "until_at_least"},
    "complaint_deadline": {"deadline", "day_type"},
    "record_dispute": {"deadline", "meanwhile"},
    "debit_limits": {"notice_days", "failures_end"},
    "charge_caps": {"year_percent", "charges_percent", "fee", "fee_percent", "after_days"},
}  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(QUESTIONS, GIVEN, WHEN)
def test_every_combination_of_words_is_answered_with_its_keys(question, told, when):
    name, value = question
    answer = answer_one({"id": "V", "given": {"role": "debt_buyer", **told}, "when": {**when, name: value}})
    json.dumps(answer)
    if name == "action" and "t" not in when and "as_of" not in when:
        assert answer == {"id": "V", "outcome": "prohibited"}
    else:
        assert answer.keys() >= KEYS.get(value, {"outcome"})
