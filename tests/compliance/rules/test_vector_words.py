"""The vectors' vocabulary beyond the shared files: each line of their README, and words together."""

import pytest

from compliance.rules.vectors import answer_one

NY = "America/New_York"


def ask(when, jurisdictions=("US",), role="third_party_debt_collector", tz=NY, **given):
    told = {
        "jurisdictions": list(jurisdictions),
        "role": role,
        "party": {"type": "consumer"},
        "debts": [{"id": "D1", "type": "credit_card"}],
        "events": [],
    } | given
    if tz:
        told["consumer_tz"] = tz
    return answer_one({"id": "V", "given": told, "when": when})


def act(action="call_out", t="2026-07-08T12:00", **when):
    return {"action": action, "t": t, "debts": ["D1"]} | when


def event(t, kind="call_out", **more):
    return {"t": t, "kind": kind, "debts": ["D1"]} | more


def missed(t, **more):
    return event(t, result="unanswered", **more)


def shows(told, **expected):
    assert {key: told.get(key) for key in expected} == expected


def test_an_opt_out_is_confirmed_once():
    opted = event("2026-07-08T11:00", "opt_out", medium="sms", address="N1")
    confirm = act("sms_out", address="N1", purpose="opt_out_confirmation_only")
    shows(ask(confirm, events=[opted]), outcome="permitted", exception="1006.14(h)(2)(i)")
    sent = event("2026-07-08T11:01", "sms_out", address="N1", purpose="opt_out_confirmation_only")
    shows(ask(confirm, events=[opted, sent]), outcome="prohibited", scope="all_debts_this_address")
    shows(ask(act("sms_out", address="N2"), events=[opted]), outcome="permitted")
    shows(ask(act("call_out", number="N1"), events=[opted]), outcome="permitted")


def test_the_law_may_require_a_medium():
    no_mail = [{"medium": "mail", "address": "*"}]
    statement = act("letter_out", purpose="periodic_statement_required_by_law")
    shows(ask(statement, media_requests=no_mail), outcome="permitted", exception="1006.14(h)(2)(iii)")
    shows(ask(act("letter_out"), media_requests=no_mail), outcome="prohibited")


def test_a_reply_is_one_and_by_the_same_medium():
    friday = [{"type": "inconvenient_time", "days": ["FRI"]}]
    asked = event("2026-07-10T10:00", "email_in")
    reply = act("email_out", "2026-07-10T10:05", in_reply_to=0)
    shows(
        ask(reply, designations=friday, events=[asked]),
        outcome="permitted",
        exception="one_response_same_medium",
    )
    answered = event("2026-07-10T10:01", "email_out")
    shows(
        ask(reply, designations=friday, events=[asked, answered]), outcome="prohibited", reason="1006.6(b)(1)"
    )
    by_sms = act("sms_out", "2026-07-10T10:05", in_reply_to=0)
    shows(ask(by_sms, designations=friday, events=[asked]), outcome="prohibited")
    shows(ask({**reply, "in_reply_to": 7}, designations=friday, events=[asked]), outcome="prohibited")
    later = event("2026-07-10T11:00", "email_in")
    shows(ask(reply, designations=friday, events=[later]), outcome="prohibited")
    auto = act("email_out", "2026-07-10T10:05", auto_reply=True)
    shows(ask(auto, designations=friday, events=[asked]), outcome="permitted")


def test_a_refused_medium_may_answer_itself_once():
    told = event("2026-07-08T11:00", "sms_in", address="N1")
    given = {"media_requests": [{"medium": "sms", "address": "*"}], "events": [told]}
    shows(ask(act("sms_out", in_reply_to=0), **given), exception="one_response_same_medium")
    shows(ask(act("sms_out"), **given), outcome="prohibited")


@pytest.mark.parametrize(
    ("wish", "t", "outcome"),
    [
        ({"days": ["WED"], "from": "15:00", "to": "17:00"}, "2026-07-08T14:59:59", "permitted"),
        ({"days": ["WED"], "from": "15:00", "to": "17:00"}, "2026-07-08T15:00", "prohibited"),
        ({"days": ["WED"], "from": "15:00", "to": "17:00"}, "2026-07-08T17:00", "conservative_prohibited"),
        ({"days": ["WED"], "from": "15:00", "to": "17:00"}, "2026-07-08T17:00:01", "permitted"),
        ({"from": "15:00"}, "2026-07-08T20:00", "prohibited"),
        ({"weekly": "WED 09:00-12:00"}, "2026-07-08T11:00", "prohibited"),
        ({"weekly": "WED 09:00-12:00"}, "2026-07-09T11:00", "permitted"),
        ({"days": ["WED"], "until": "2026-07-08"}, "2026-07-08T11:00", "prohibited"),
        ({"days": ["WED"], "until": "2026-07-07"}, "2026-07-08T11:00", "permitted"),
        ({"days": ["TUE"], "from": "20:00", "to": "10:00"}, "2026-07-08T09:00", "prohibited"),
    ],
)
def test_named_times(wish, t, outcome):
    told = ask(act(t=t), designations=[{"type": "inconvenient_time", **wish}])
    assert told["outcome"] == outcome
    if outcome == "prohibited":
        assert told["reason"] == "1006.6(b)(1)"
    creditor = ask(act(t=t), role="creditor", designations=[{"type": "inconvenient_time", **wish}])
    assert creditor["outcome"] == "permitted"


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        (act(address="home_landline"), "prohibited"),
        (act("letter_out", address="home_postal"), "prohibited"),
        (act("letter_out"), "prohibited"),
        (act("visit_out"), "prohibited"),
        (act(address="mobile"), "permitted"),
        (act("email_out"), "permitted"),
    ],
)
def test_a_barred_home(when, outcome):
    assert ask(when, designations=[{"type": "inconvenient_place", "place": "home"}])["outcome"] == outcome


def test_the_employer():
    said = {
        "t": "2026-07-08T10:00",
        "kind": "consumer_statement",
        "statement": "cannot_take_personal_calls_at_work",
    }
    work = act(t="2026-07-20T10:00", address="workplace")
    shows(ask(work, events=[said]), outcome="prohibited")
    shows(ask(work, role="creditor", events=[said]), outcome="permitted")
    massachusetts = {"jurisdictions": ["US", "US-MA"], "role": "creditor", "events": [said]}
    shows(ask(act(t="2026-07-18T10:00", address="workplace"), **massachusetts), outcome="prohibited")
    shows(ask(work, **massachusetts), outcome="permitted")
    known = {"knowledge": {"email_is_employer_provided": True}}
    shows(ask(act("email_out"), **known), outcome="prohibited")
    for way in ("1006.6(d)(4)(i)(A)", "1006.6(d)(4)(i)(B)", "1006.6(d)(4)(iii)"):
        shows(ask(act("email_out", address_procedure=way), **known), outcome="permitted")


def test_cease():
    received = {"t": "2026-07-01T10:00", "kind": "cease_letter_received"}
    shows(ask(act(), events=[received]), outcome="prohibited", hold="cease", notice_effective="2026-07-01")
    for purpose in (
        "advise_efforts_terminated",
        "notify_may_invoke_specified_ordinary_remedy",
        "notify_intends_to_invoke_specified_remedy",
    ):
        shows(ask(act("letter_out", purpose=purpose), events=[received]), exception="1006.6(c)(2)")
    for channel, accepts, outcome in (
        ("email", True, "prohibited"),
        ("email", False, "permitted"),
        ("portal", True, "prohibited"),
        ("mail", None, "prohibited"),
        ("phone", None, "permitted"),
    ):
        notice = {
            "t": "2026-07-01T10:00",
            "kind": "cease_notice_received",
            "channel": channel,
            "collector_accepts_channel": accepts,
        }
        shows(ask(act(), events=[notice]), outcome=outcome)


def test_disputes():
    told = {"kind": "dispute_received", "channel": "mail", "t": "2026-07-01T10:00"}
    end = {"validation_end": "2026-07-10"}
    shows(ask(act(), events=[told], **end), outcome="prohibited", reason="hold", hold="dispute")
    shows(ask(act(), events=[{**told, "channel": "phone"}], **end), outcome="permitted")
    shows(ask(act(), events=[told], validation_end="2026-06-30"), outcome="permitted")
    verified = {"kind": "verification_sent", "t": "2026-07-02T10:00"}
    again = {**told, "t": "2026-07-03T10:00"}
    shows(ask(act(), events=[told, verified, again], **end), outcome="permitted")
    new = {**again, "evidence": ["cancelled_check"]}
    shows(ask(act(), events=[told, verified, new], **end), hold="dispute")
    shows(ask(act(), role="creditor", events=[told], **end), outcome="permitted")
    both = {"jurisdictions": ["US", "US-MA"], "role": "creditor"}
    shows(ask(act(), events=[told], **end, **both), hold="dispute")


def test_attorneys():
    hold = {"type": "attorney_represented", "debts": ["D1"], "attorney_contact_known": True}
    shows(ask(act(), holds=[hold]), outcome="prohibited", reason="hold")
    shows(ask(act(), holds=[{**hold, "attorney_contact_known": False}]), outcome="permitted")
    shows(ask(act(debts=["D2"]), holds=[hold]), outcome="permitted")
    shows(ask(act(), holds=[hold], role="creditor"), outcome="permitted")
    shows(ask(act(), holds=[{"type": "moon", "debts": ["D1"]}]), outcome="prohibited")


def test_china():
    china = {"jurisdictions": ["CN"], "role": "creditor", "tz": "Asia/Shanghai"}
    dials = [missed(f"2026-03-10T{hour:02}:00", number="N1") for hour in range(9, 15)]
    late = act(t="2026-03-10T18:00", number="N1")
    agreed = {"type": "daily_dials", "max": 7, "given_at": "2026-03-01T10:00", "evidence": "REC"}
    shows(ask(late, events=dials, **china), reason="more_than_6_unanswered_in_day", unanswered_today=6)
    shows(ask(late, events=dials, consents=[agreed], **china), outcome="permitted", unanswered_today=6)
    more = [*dials, missed("2026-03-10T16:00", number="N1")]
    shows(ask(late, events=more, consents=[agreed], **china), outcome="prohibited", unanswered_today=7)
    shows(ask(act(t="2026-03-10T18:00", number="N2"), events=dials, **china), unanswered_today=0)
    busy = [*dials[:5], event("2026-03-10T14:00", result="busy_signal", number="N1")]
    shows(ask(late, events=busy, **china), outcome="permitted", unanswered_today=5)
    before = [{**each, "t": each["t"].replace("2026-03-10", "2026-01-29")} for each in dials]
    shows(ask(act(t="2026-01-29T18:00", number="N1"), events=before, **china), outcome="permitted")
    window = {"evaluate": "contact_window", "date": "2026-03-10", "in_tz": "Asia/Shanghai"}
    hours = {"type": "contact_time", "from": "22:00", "to": "23:30", "given_at": "2026-03-01T10:00"}
    shows(ask(window, consents=[{**hours, "evidence": "R"}], **china), windows=[["08:00", "23:30"]])
    shows(ask(window, consents=[hours], **china), windows=[["08:00", "22:00"]])
    early = {**hours, "from": "06:00", "to": "07:00", "evidence": "R"}
    shows(
        ask(window, consents=[{**hours, "evidence": "R"}, early], **china),
        windows=[["06:00", "07:00"], ["08:00", "23:30"]],
    )
    third = {
        "party": {"type": "third_party", "relation": "family"},
        "knowledge": {"debtor_unreachable": True},
    }
    location = act(t="2026-03-10T10:00", purpose="location_information")
    shows(ask(location, **third, **china), outcome="permitted")
    refused = [{"t": "2026-03-09T10:00", "kind": "third_party_refusal"}]
    shows(ask(location, events=refused, **third, **china), reason="third_party_contact")
    shows(ask(act("letter_out", "2026-03-10T23:00"), **china), outcome="permitted")


def test_india():
    india = {"jurisdictions": ["IN"], "role": "creditor", "tz": "Asia/Kolkata"}
    both = [{"id": "D1", "type": "personal_loan"}, {"id": "D2", "type": "microfinance"}]
    window = {"evaluate": "contact_window", "date": "2026-07-08", "in_tz": "Asia/Kolkata"}
    shows(ask(window, debts=both, **india), windows=[["09:00", "18:00"]])
    shows(ask(window, debts=both[:1], **india), windows=[["08:00", "19:00"]])
    shows(ask(act(t="2026-07-08T18:30", debts=["D1", "D2"]), debts=both, **india), outcome="prohibited")
    shows(ask(act(t="2026-07-08T18:30", debts=["D1"]), debts=both, **india), outcome="permitted")
    shows(ask(act("sms_out", "2026-07-08T22:00"), debts=both, **india), outcome="permitted")
    shows(ask(act("visit_out", "2026-07-08T20:00"), **india), outcome="permitted")  # proposed only
    agreed = {
        "type": "contact_time",
        "from": "19:00",
        "to": "22:00",
        "given_at": "2026-07-01T10:00",
        "evidence": "R",
    }
    shows(ask(act(t="2026-07-08T20:00"), consents=[agreed], **india), outcome="prohibited")


def test_indonesia():
    days = [{"date": "2026-12-24", "kind": "joint_leave"}, {"date": "2026-12-25", "kind": "national"}]
    there = {"jurisdictions": ["ID"], "role": "creditor", "tz": "Asia/Jakarta"}
    shows(ask(act(t="2026-12-24T10:00"), holidays=days, **there), outcome="conservative_prohibited")
    shows(ask(act(t="2026-12-24T21:00"), holidays=days, **there), outcome="prohibited")
    shows(ask(act(t="2026-12-25T10:00"), holidays=days, **there), outcome="prohibited", reason="closed_day")
    shows(ask(act(t="2026-12-23T10:00"), holidays=days, **there), outcome="permitted")
    shows(ask(act("letter_out", "2026-12-25T10:00"), holidays=days, **there), outcome="permitted")
    shows(ask(act(t="2026-08-17T10:00"), **there), reason="closed_day")  # the published calendar
    shows(ask(act(t="2026-08-17T10:00"), holidays=[], **there), outcome="permitted")
    window = {"evaluate": "contact_window", "in_tz": "Asia/Jakarta"}
    for day, hours in (("2026-12-24", []), ("2026-12-27", []), ("2026-12-28", [["08:00", "20:00"]])):
        shows(ask({**window, "date": day}, holidays=days, **there), windows=hours)
    agreed = {
        "type": "contact_time",
        "from": "10:00",
        "to": "12:00",
        "days": ["SUN"],
        "given_at": "2026-12-01T10:00",
    }
    shows(
        ask({**window, "date": "2026-12-27"}, holidays=days, consents=[{**agreed, "evidence": "R"}], **there),
        windows=[["10:00", "12:00"]],
    )
    phone = {"locations": {"mobile_area_code_tz": "Asia/Jakarta"}, "tz": None}
    shows(
        ask({**window, "date": "2026-12-28"}, holidays=days, **(there | phone)), windows=[["08:00", "18:00"]]
    )


def test_the_philippines():
    there = {"jurisdictions": ["PH"], "role": "creditor", "tz": "Asia/Manila"}

    def owing(*days):
        return [
            {"id": f"D{n}", "type": "personal_loan", "days_past_due": each} for n, each in enumerate(days, 1)
        ]

    late = act(t="2026-07-08T23:00", debts=["D1", "D2"])
    shows(ask(late, debts=owing(16, 30), **there), outcome="permitted")
    shows(ask(late, debts=owing(15, 30), **there), outcome="prohibited", reason="outside_contact_window")
    shows(ask(late, debts=[{"id": "D1"}, {"id": "D2"}], **there), outcome="prohibited")
    window = {"evaluate": "contact_window", "date": "2026-07-08", "in_tz": "Asia/Manila"}
    shows(ask(window, debts=owing(15), **there), windows=[["06:00", "22:00"]])
    shows(ask(window, debts=owing(16), **there), windows=[["00:00", "24:00"]])


def test_breathing_space_and_advisers():
    there = {"jurisdictions": ["GB", "GB-EAW"], "role": "creditor", "tz": "Europe/London"}
    standard = {"type": "breathing_space", "variant": "standard", "registered": "2026-03-02", "debts": ["D1"]}
    for day, outcome in (
        ("2026-03-02", "permitted"),
        ("2026-03-03", "prohibited"),
        ("2026-05-01", "prohibited"),
        ("2026-05-02", "permitted"),
    ):
        shows(ask(act(t=f"{day}T11:00"), holds=[standard], **there), outcome=outcome)
    crisis = {**standard, "variant": "mental_health_crisis", "treatment_ended": "2026-05-10"}
    shows(ask(act(t="2026-06-09T11:00"), holds=[crisis], **there), hold="breathing_space")
    shows(ask(act(t="2026-06-10T11:00"), holds=[crisis], **there), outcome="permitted")
    shows(ask(act(t="2026-03-20T11:00", debts=["D2"]), holds=[standard], **there), outcome="permitted")
    shows(
        ask(act(t="2026-03-20T11:00"), holds=[standard], **(there | {"jurisdictions": ["GB"]})),
        outcome="permitted",
    )
    pause = {"type": "adviser_pause", "started": "2026-04-01", "extended": False, "debts": ["D1"]}
    shows(ask(act(t="2026-05-10T11:00"), holds=[pause], **there), outcome="permitted")
    shows(ask(act(t="2026-05-10T11:00"), holds=[{**pause, "extended": True}], **there), hold="adviser_pause")
    court = {**standard, "court_permission": True}
    shows(ask(act(t="2026-04-10T11:00"), holds=[court, pause], **there), hold="adviser_pause")
    window = {"evaluate": "contact_window", "date": "2026-07-08", "in_tz": "Europe/London"}
    shift = [{"type": "inconvenient_time", "days": ["WED"], "from": "00:00", "to": "14:00"}]
    shows(ask(window, **there), windows=[["00:00", "24:00"]])
    shows(ask(window, designations=shift, **there), windows=[["14:00", "24:00"]])
    shows(ask(act(t="2026-07-08T14:00"), designations=shift, **there), outcome="permitted")


def test_massachusetts():
    there = {"jurisdictions": ["US", "US-MA"], "role": "creditor"}
    household = {"party": {"type": "household_member"}, "tz": "America/Los_Angeles"}
    for t, outcome in (
        ("2026-06-02T05:30", "permitted"),
        ("2026-06-02T05:00", "conservative_prohibited"),
        ("2026-06-02T18:00", "conservative_prohibited"),
        ("2026-06-02T20:00", "prohibited"),
    ):
        shows(ask(act(t=t), **there, **household), outcome=outcome)
    window = {"evaluate": "contact_window", "date": "2026-06-02", "in_tz": "America/Los_Angeles"}
    shows(ask(window, **there, **household), windows=[["05:00", "18:00"]])
    mixed = [event("2026-06-01T10:00", "sms_out"), missed("2026-06-02T10:00")]
    shows(
        ask(act(t="2026-06-05T10:00"), events=mixed, **there),
        reason="more_than_2_in_7",
        calls_in_window_including_this=3,
    )
    other = [{**each, "debts": ["D2"]} for each in mixed]
    shows(ask(act(t="2026-06-05T10:00"), events=other, **there), calls_in_window_including_this=1)
    friend = [
        missed("2026-06-01T10:00", number_owner="friend"),
        missed("2026-06-02T10:00", number_owner="friend"),
    ]
    shows(ask(act(t="2026-06-05T10:00"), events=friend, **there), outcome="permitted")


def test_the_district_of_columbia():
    there = {"jurisdictions": ["US", "US-DC"], "role": "creditor"}
    owing = [{"id": "D1", "account": "A1", "days_past_due": 31}]
    shows(ask(act("sms_out"), debts=owing, **there), reason="no_consent_electronic")
    shows(ask(act("sms_out"), debts=[{"id": "D1", "days_past_due": 30}], **there), outcome="permitted")
    agreed = {"type": "electronic_messages", "given_at": "2026-05-01T10:00", "evidence": "WEB"}
    shows(ask(act("sms_out"), debts=owing, consents=[agreed], **there), messages_in_window_including_this=1)
    inherited = {**agreed, "directly_to_collector": False}
    shows(ask(act("sms_out"), debts=owing, consents=[inherited], **there), outcome="prohibited")
    ended = {**agreed, "consented_until": "2026-07-07"}
    shows(ask(act("sms_out"), debts=owing, consents=[ended], **there), reason="no_consent_electronic")
    two = [*owing, {"id": "D2", "account": "A2", "days_past_due": 5}]
    calls = [event(f"2026-07-0{day}T10:00", result="voicemail", debts=["D2"]) for day in range(3, 8)]
    shows(ask(act(debts=["D1", "D2"]), debts=two, events=calls, **there), outcome="permitted")


def test_new_york_city():
    there = {"jurisdictions": ["US", "US-NY", "US-NY-NYC"], "role": "creditor"}
    three = [event(f"2026-09-{day:02}T10:00", result="voicemail") for day in (8, 9, 10)]
    fourth = act(t="2026-09-11T10:00")
    shows(ask(fourth, events=three, **there), outcome="permitted")
    begun = there | {"collection_procedures_begun": True}
    shows(ask(fourth, events=three, **begun), reason="more_than_3_in_7")
    shows(ask(act("letter_out", "2026-09-11T10:00"), events=three, **begun), outcome="prohibited")
    shows(ask(act("visit_out", "2026-09-11T10:00"), events=three, **begun), outcome="prohibited")
    august = [{**each, "t": each["t"].replace("-09-", "-08-")} for each in three]
    shows(ask(act(t="2026-08-11T10:00"), events=august, **begun), outcome="permitted")


def test_california():
    there = {"jurisdictions": ["US", "US-CA"], "role": "creditor", "tz": "America/Los_Angeles"}
    shows(ask(act(t="2026-07-08T21:30"), **there), reason="outside_contact_window")
    shows(ask(act(t="2026-07-08T21:00"), **there), outcome="conservative_prohibited")
    eight = [missed(f"2026-07-0{day}T10:00") for day in range(1, 9)]
    shows(ask(act(t="2026-07-08T12:00"), events=eight, **there), outcome="permitted")


def test_the_federal_statute_before_the_regulation():
    shows(ask(act(t="2021-11-29T21:30")), reason="outside_contact_window")
    eight = [missed(f"2021-11-{day}T10:00") for day in range(21, 29)]
    shows(ask(act(t="2021-11-29T12:00"), events=eight), outcome="permitted")


def test_several_debts_and_groups():
    loans = [{"id": each, "type": "student_loan", "group": "A"} for each in ("S1", "S2")]
    calls = [missed(f"2026-07-0{day}T10:00", debts=["S1"]) for day in range(2, 9)]
    shows(ask(act(debts=["S2"]), debts=loans, events=calls), reason="more_than_7_in_7")
    apart = [{"id": "S1"}, {"id": "S2"}]
    shows(ask(act(debts=["S2"]), debts=apart, events=calls), outcome="presumed_compliant")
    allocated = [missed("2026-07-02T10:00", debts=[], allocated_to="S1")] * 8
    shows(ask(act(debts=["S2"]), debts=apart, events=allocated), outcome="presumed_compliant")
    shows(ask(act(debts=["S1"]), debts=apart, events=allocated), outcome="presumed_violation")
    talked = event(
        "2026-07-07T10:00", result="conversation", debts=["S1"], conversation_counts_for=["S1", "S2"]
    )
    shows(ask(act(debts=["S2"]), debts=apart, events=[talked]), reason="within_7_days_of_conversation")


def test_wrong_numbers_and_future_events():
    calls = [missed(f"2026-07-0{day}T10:00", number="N1") for day in range(2, 9)]
    found = {"t": "2026-07-08T11:00", "kind": "number_found_wrong", "number": "N1"}
    shows(ask(act(), events=calls), outcome="presumed_violation")
    shows(ask(act(), events=[*calls, found]), outcome="presumed_compliant")
    shows(ask(act(), events=[*calls, {**found, "t": "2026-07-09T11:00"}]), outcome="presumed_violation")
    shows(ask(act(t="2026-07-04T12:00"), events=calls), calls_in_window_including_this=4)


def test_unknown_zones_and_jurisdictions():
    for named in ([], None, ["US-WA"], ["KE"], ["US", "SG"]):
        told = answer_one(
            {"given": {"jurisdictions": named, "role": "creditor", "consumer_tz": NY}, "when": act()}
        )
        shows(told, outcome="prohibited", reason="unknown_jurisdiction")
    shows(ask(act(t="2026-07-08T19:00", t_tz=NY), tz=None), outcome="permitted")
    shows(ask(act(t="2026-07-08T12:00", t_tz=NY), tz=None), outcome="prohibited")
    shows(ask(act(), tz="Mars/Olympus"), outcome="prohibited")
    shows(ask(act(), role="plumber"), outcome="prohibited")


def test_during_a_call():
    busy = event("2026-07-08T12:00", result="conversation", consumer_says="inconvenient_now")
    shows(ask(act("ask_consent_to_continue_call"), events=[busy]), outcome="prohibited")
    shows(ask(act("ask_convenient_time_during_call"), events=[busy]), outcome="permitted")
    fine = event("2026-07-08T12:00", result="conversation")
    shows(ask(act("ask_consent_to_continue_call"), events=[fine]), outcome="permitted")
    wednesday = [{"type": "inconvenient_time", "days": ["WED"]}]
    shows(
        ask(act("ask_consent_to_continue_call"), events=[fine], designations=wednesday), outcome="prohibited"
    )
    shows(ask(act("respond_on_inbound_call"), designations=wednesday), outcome="prohibited")
    started = {"t": "2026-07-08T11:50", "kind": "self_service_session_start"}
    ended = {"t": "2026-07-08T11:55", "kind": "self_service_session_end"}
    shows(ask(act("show_in_portal"), events=[started], designations=wednesday), outcome="permitted")
    shows(ask(act("show_in_portal"), events=[started, ended], designations=wednesday), outcome="prohibited")


def test_history_of_patterns():
    history = {"evaluate": "history", "as_of": "2026-07-08T23:59", "debt": "D1"}
    rapid = [missed("2026-07-08T10:00", number="N1"), missed("2026-07-08T10:05", number="N1")]
    shows(ask(history, events=rapid), rebuttal_factors=["rapid_succession_calls_5_minutes"])
    slow = [rapid[0], missed("2026-07-08T10:06", number="N1")]
    shows(ask(history, events=slow), rebuttal_factors=[])
    apart = [rapid[0], missed("2026-07-08T10:03", number="N2")]
    shows(ask(history, events=apart), rebuttal_factors=[])
    unnamed = [missed("2026-07-08T10:00"), missed("2026-07-08T10:03")]
    shows(ask(history, events=unnamed), rebuttal_factors=["rapid_succession_calls_5_minutes"])
    voice = [event(f"2026-07-08T{hour}:00", result="voicemail") for hour in range(10, 16)]
    shows(ask(history, events=voice), rebuttal_factors=["highly_concentrated_voicemails"])
    two = [voice[0], event("2026-07-08T10:04", "ringless_voicemail")]
    shows(ask(history, events=two), rebuttal_factors=["rapid_succession_voicemails_5_minutes"])
    talk = [event("2026-07-05T10:00", result="conversation"), missed("2026-07-08T10:00")]
    shows(ask(history, events=talk), outcome="presumed_violation", calls_counted=2)
    shows(ask(history, events=rapid, role="creditor"), outcome="permitted")
