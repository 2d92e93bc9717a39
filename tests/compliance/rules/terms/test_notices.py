"""The validation notice: when it is due, when it is owed, until when a person may dispute, what it says."""

import pytest

from tests.compliance.rules.terms.asking import COLLECTOR, act, ask, event, first_call, part

MA = {"jurisdictions": ["US", "US-MA"]}


def due(*events, **given):
    return part(ask("validation_notice_deadline", *events, **given), "deadline", "day_type")


# By when


def test_five_calendar_days_by_federal_law_and_five_business_days_in_massachusetts():
    assert due(first_call()) == ("2026-03-07", "calendar")
    assert due(first_call(), **MA, role="creditor") == ("2026-03-09", "business")


def test_of_two_rules_the_earlier_deadline_counts():
    assert due(first_call(), **MA) == ("2026-03-07", "calendar")


def test_federal_law_does_not_bind_a_creditor():
    assert due(first_call(), role="creditor") == (None, None)


def test_the_statute_said_the_same_before_the_regulation():
    assert due(first_call("2019-03-02T10:00")) == ("2019-03-07", "calendar")
    assert due(first_call("1977-03-02T10:00")) == (None, None)


def test_business_days_leave_out_holidays_but_not_days_observed_in_their_place():
    assert due(first_call("2026-05-21T10:00"), **MA, role="creditor")[0] == "2026-05-29"  # Memorial Day
    assert (
        due(first_call("2026-06-29T10:00"), **MA, role="creditor")[0] == "2026-07-06"
    )  # 3 July is only observed
    assert due(first_call("2026-04-16T10:00"), **MA, role="creditor")[0] == "2026-04-23"  # Patriots' Day


def test_a_calendar_that_is_brought_along_is_used_and_no_other():
    holidays = [{"date": "2026-05-22", "kind": "national"}, {"date": "2026-05-26", "kind": "joint_leave"}]
    assert due(first_call("2026-05-21T10:00"), **MA, role="creditor", holidays=holidays)[0] == "2026-05-29"
    assert due(first_call("2026-05-21T10:00"), **MA, role="creditor", holidays=[])[0] == "2026-05-28"


def test_the_day_is_the_person_s_own():
    late = first_call("2026-03-03T03:00", t_tz="UTC")  # the evening of the second in New York
    assert due(late)[0] == "2026-03-07"
    assert due(late, consumer_tz="Asia/Shanghai")[0] == "2026-03-08"


@pytest.mark.parametrize(
    "first",
    [
        event("2026-03-04T10:00", "email_out", debts=["D1"]),
        event("2026-03-04T10:00", "sms_out"),
        event("2026-03-04T10:00", "call_in", result="conversation"),
        event("2026-03-04T10:00", "visit_out", result="conversation"),
        event("2026-03-04T10:00", "call_out", result="voicemail", content=["names_debt_collector"]),
        event("2026-03-04T10:00", "ringless_voicemail"),
    ],
)
def test_where_nobody_noted_the_first_communication_it_is_the_first_that_told_something(first):
    nothing_told = [
        event("2026-03-02T10:00", "call_out", result="unanswered"),
        event("2026-03-02T11:00", "call_out", result="limited_content_message"),
        event(
            "2026-03-02T12:00",
            "call_out",
            result="voicemail",
            content=["limited_only", "request_consumer_call"],
        ),
        event("2026-03-02T13:00", "call_out", result="busy_signal"),
        event("2026-03-02T14:00", "call_out", result="conversation", number_owner="friend"),
        event("2026-03-02T15:00", "call_out", result="conversation", by="agency_b"),
        event("2026-03-02T16:00", "call_out", result="conversation", debts=["D2"]),
    ]
    assert due(*nothing_told) == (None, None)
    assert due(*nothing_told, first)[0] == "2026-03-09"


def test_the_debt_asked_about_has_its_own_first_communication():
    debts = [{"id": "D1"}, {"id": "D2"}]
    calls = [first_call(), first_call("2026-03-10T10:00", debts=["D2"])]
    assert due(*calls, debts=debts)[0] == "2026-03-07"
    assert due(*calls, debts=debts, when={"debts": ["D2"]})[0] == "2026-03-15"


# Whether


def required(*events, as_of="2026-03-07", **given):
    return ask("validation_notice_required", *events, when={"as_of": as_of}, **given)["required"]


def test_a_notice_is_owed_from_the_first_communication_until_it_is_sent():
    assert required(first_call()) is True
    assert required(first_call(), as_of="2026-03-01") is False
    assert required() is False
    assert required(first_call(), event("2026-03-04", "validation_notice_sent")) is False
    assert required(first_call(), event("2026-03-08", "validation_notice_sent")) is True  # not sent yet


def test_one_that_came_back_is_owed_again():
    sent, back = event("2026-03-04", "validation_notice_mailed"), event("2026-03-07", "undeliverable_notice")
    assert required(first_call(), sent, back) is True
    assert required(first_call(), sent, back, as_of="2026-03-06") is False


def test_paid_in_time_none_is_owed():
    assert required(first_call(), event("2026-03-07T18:00", "paid_in_full")) is False
    assert required(first_call(), event("2026-03-08", "paid_in_full"), as_of="2026-03-10") is True
    assert required(first_call(), event("2026-03-04", "paid_in_full", debts=["D2"])) is True
    assert required(first_call(), debt_status="paid") is False
    assert required(first_call(), debt_status="settled") is True


def test_of_two_debts_both_must_be_paid():
    debts = [{"id": "D1"}, {"id": "D2"}]
    paid = [
        event("2026-03-04", "paid_in_full", debts=["D1"]),
        event("2026-03-05", "paid_in_full", debts=["D2"]),
    ]
    both = first_call(debts=["D1", "D2"])
    assert required(both, paid[0], debts=debts) is True
    assert required(both, *paid, debts=debts) is False


def test_a_creditor_owes_one_in_massachusetts_alone():
    assert required(first_call(), role="creditor") is False
    assert required(first_call(), role="creditor", **MA) is True


# Sending it


def sent(t, *events, **words):
    given = words.pop("given", {})
    return act("send_validation_notice", t, *events, when=words, **given)["outcome"]


def test_sent_in_time_with_a_statement_that_discloses():
    assert sent("2026-03-07", first_call(), statement="1006.18(e)(1)") == "compliant"
    assert sent("2026-03-07T23:59", first_call(), statement="1006.18(e)(2)") == "compliant"
    assert sent("2026-03-07", first_call()) == "compliant"


def test_late_or_without_a_statement_it_does_not_comply():
    assert sent("2026-03-08", first_call(), statement="1006.18(e)(1)") == "non_compliant"
    assert sent("2026-03-06", first_call(), statement=None) == "non_compliant"
    assert sent("2026-03-06", first_call(), statement="hello") == "non_compliant"


def test_as_the_first_communication_it_needs_the_first_statement():
    assert sent("2026-03-06", statement="1006.18(e)(1)") == "compliant"
    assert sent("2026-03-06", statement="1006.18(e)(2)") == "non_compliant"
    assert (
        sent("2026-03-01", first_call(), statement="1006.18(e)(2)") == "non_compliant"
    )  # the call comes later


def test_a_creditor_is_bound_by_no_federal_statement():
    assert sent("2026-03-20", first_call(), statement=None, given={"role": "creditor"}) == "compliant"


# Until when


def period(*events, **given):
    told = ask("validation_period_end", *events, **given)
    return part(told, "base_notice", "assumed_receipt_earliest", "validation_end_earliest")


@pytest.mark.parametrize(
    ("sent", "receipt", "end"),
    [
        ("2026-05-21", "2026-05-29", "2026-06-28"),
        ("2026-06-15", "2026-06-23", "2026-07-23"),
        ("2026-11-23", "2026-12-01", "2026-12-31"),
        ("2026-12-22", "2026-12-30", "2027-01-29"),
        ("2026-03-06", "2026-03-13", "2026-04-12"),
        ("2026-03-27", "2026-04-03", "2026-05-03"),  # Cesar Chavez Day is a holiday of states
    ],
)
def test_five_business_days_and_thirty_calendar_days(sent, receipt, end):
    assert period(event(sent, "validation_notice_sent")) == (sent, receipt, end)


def test_literal_and_cautious_readings_differ_where_a_holiday_is_observed_on_another_day():
    told = ask("validation_period_end", event("2026-06-29", "validation_notice_mailed"))
    assert told["literal"] == {
        "assumed_receipt_earliest": "2026-07-06",
        "validation_end_earliest": "2026-08-05",
    }
    assert told["cautious_observed_days_excluded"] == {
        "assumed_receipt": "2026-07-07",
        "validation_end": "2026-08-06",
    }


def test_new_year_s_day_may_be_observed_in_the_old_year():
    told = ask("validation_period_end", event("2027-12-27", "validation_notice_sent"))
    assert told["literal"]["assumed_receipt_earliest"] == "2028-01-03"
    assert told["cautious_observed_days_excluded"]["assumed_receipt"] == "2028-01-04"


def test_the_latest_notice_that_did_not_come_back_counts():
    first, second = (
        event("2026-01-01", "validation_notice_sent"),
        event("2026-01-15", "validation_notice_sent"),
    )
    back = event("2026-01-08", "undeliverable_notice")
    assert period(first, back, second) == ("2026-01-15", "2026-01-23", "2026-02-22")
    assert period(first, second)[0] == "2026-01-15"
    assert period(first, second, event("2026-01-16", "undeliverable_notice"))[0] == "2026-01-01"
    assert period(first, back) == (None, None, None)


def test_what_is_learned_later_moves_no_printed_end():
    notice, learned = (
        event("2026-01-15", "validation_notice_sent"),
        event("2026-01-26", "actual_receipt_learned"),
    )
    told = ask("validation_period_end", notice, learned)
    assert part(told, "may_use_assumed_date", "validation_end_earliest") == (True, "2026-02-22")


def test_without_a_notice_or_for_a_creditor_no_period_runs():
    assert period() == (None, None, None)
    assert period(event("2026-01-15", "validation_notice_sent"), role="creditor") == (None, None, None)
    assert period(event("2021-11-01", "validation_notice_sent")) == (None, None, None)


# What it says


def test_the_recipient_is_the_person_or_whoever_acts_for_the_estate_by_name():
    def recipient(*events, **given):
        return ask("validation_notice_recipient", *events, **given)["recipient"]

    dead = {"consumer_status": "deceased"}
    assert recipient() == "consumer"
    assert recipient(**dead, estate_representative="named") == "estate_representative_by_name"
    assert recipient(**dead) is None
    assert (
        recipient(event("2026-01-15", "validation_notice_sent"), **dead, estate_representative="named")
        is None
    )


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        (["first", "middle", "last", "suffix"], "compliant"),
        (["suffix", "last", "middle", "first"], "compliant"),
        (["first", "last", "suffix"], "non_compliant"),
        ([], "non_compliant"),
    ],
)
def test_the_name_is_as_complete_as_the_creditor_gave_it(fields, outcome):
    given = {"creditor_name_fields": ["first", "middle", "last", "suffix"]}
    assert ask("notice_name", when={"fields": fields}, **given)["outcome"] == outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("0", "compliant"),
        (0, "compliant"),
        ("none", "compliant"),
        ("None", "compliant"),
        ("statement_none_assessed", "compliant"),
        ("$12.50", "compliant"),
        ("1,204.00", "compliant"),
        ("", "non_compliant"),
        ("  ", "non_compliant"),
        (None, "non_compliant"),
        ("see above", "non_compliant"),
    ],
)
def test_no_field_of_the_itemisation_is_empty(value, outcome):
    assert ask("itemization_field", when={"value": value})["outcome"] == outcome
    assert ask("itemization_field", when={"value": value}, role="creditor")["outcome"] == "compliant"


def test_any_of_five_types_whatever_an_earlier_collector_took():
    def choice(kind):
        return ask("itemization_date_choice", when={"type": kind}, prior_collector_itemization="charge_off")[
            "outcome"
        ]

    assert {
        choice(each) for each in ("last_statement", "charge_off", "last_payment", "transaction", "judgment")
    } == {"permitted"}
    assert choice("sale") == choice(None) == "prohibited"


def test_the_last_statement_is_the_creditor_s():
    statements = [
        event("2025-12-01", "statement", by="creditor"),
        event("2025-11-01", "statement", by="creditor"),
        event("2026-01-10", "statement", by="debt_collector_not_creditor"),
        event("2026-02-10", "statement"),
    ]
    assert ask("itemization_date", *statements, when={"type": "last_statement"})["date"] == "2025-12-01"
    assert ask("itemization_date", when={"type": "last_statement"})["date"] is None


def test_a_transaction_may_have_several_days_and_one_is_kept_to():
    days = [event("2025-04-01", "service_given"), event("2025-03-01", "contract_signed")]
    told = ask("itemization_date", *days, when={"type": "transaction"})
    assert part(told, "allowed", "must_be_consistent", "date") == (["2025-03-01", "2025-04-01"], True, None)
    told = ask("itemization_date", days[0], when={"type": "transaction"})
    assert part(told, "allowed", "date") == (["2025-04-01"], "2025-04-01")


def test_a_jurisdiction_nobody_knows_closes_every_answer():
    for jurisdictions in (["US", "ZZ"], ["ZZ"], [], None):
        unknown = {"jurisdictions": jurisdictions}
        assert act("send_validation_notice", "2026-03-06", **unknown) == {
            "outcome": "prohibited",
            "reason": "unknown_jurisdiction",
        }
        assert ask("itemization_field", when={"value": "0"}, **unknown)["outcome"] == "non_compliant"
        assert required(first_call(), event("2026-03-04", "validation_notice_sent"), **unknown) is True


def test_a_role_nobody_knows_is_prohibited():
    assert ask("itemization_field", when={"value": "0"}, role="friend") == {"outcome": "prohibited"}
    assert (
        ask("itemization_field", when={"value": "0"}, role=None, collector=COLLECTOR)["outcome"]
        == "compliant"
    )
