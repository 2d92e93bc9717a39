"""What a message is and offers, and which addresses may be relied on."""

import pytest

from tests.compliance.rules.terms.asking import ask, event, part

METHODS = [
    ("sms", "reply_stop", True, True),
    ("sms", "hyperlink", True, True),
    ("sms", "reply_stop_subject", False, False),
    ("sms", None, False, False),
    ("email", "reply_stop", True, True),
    ("email", "reply_stop_subject", True, True),
    ("email", "hyperlink", True, True),
    ("email", "reply_form_and_envelope", False, False),
    ("email", "postal_mail_only", False, False),
    ("email", "must_call_or_write_for_form", False, False),
    ("email", "telephone_or_visit_website_without_link", False, False),
    ("email", None, False, False),
    ("letter", "reply_form_and_envelope", True, True),
    ("letter", "must_call_or_write_for_form", True, False),  # a letter of ours is no electronic message
    ("letter", "postal_mail_only", True, False),
    ("letter", None, True, False),
]


@pytest.mark.parametrize(("channel", "method", "message", "notice"), METHODS)
def test_which_way_out_is_simple_enough(channel, method, message, notice):
    when = {"channel": channel, "method": method}
    words = {True: "compliant", False: "non_compliant"}
    assert ask("opt_out_notice", when=when) == {"outcome": words[message], "min_type_size": None}
    assert ask("creditor_opt_out_notice", when=when) == {"outcome": words[notice]}


def test_our_own_messages_are_bound_as_collectors_a_creditor_s_notice_always():
    when = {"channel": "email", "method": "postal_mail_only"}
    assert ask("opt_out_notice", when=when, role="creditor")["outcome"] == "compliant"
    assert ask("creditor_opt_out_notice", when=when, role="creditor")["outcome"] == "non_compliant"


def test_thirty_five_days_from_the_latest_notice():
    notices = [event("2026-06-01T10:00", "creditor_email_use_notice")]
    assert ask("opt_out_deadline", *notices) == {"earliest_date": "2026-07-06"}
    notices.append(event("2026-06-02T02:00", "creditor_email_use_notice", t_tz="UTC"))
    assert ask("opt_out_deadline", *notices) == {"earliest_date": "2026-07-06"}
    notices.append(event("2028-01-29", "creditor_email_use_notice"))
    assert ask("opt_out_deadline", *notices) == {"earliest_date": "2028-03-04"}
    assert ask("opt_out_deadline") == {"earliest_date": None}


# Kinds of message


@pytest.mark.parametrize(
    ("last", "limited", "communication"),
    [
        (event("2026-04-01T10:00", "call_out", result="limited_content_message"), True, False),
        (event("2026-04-01T10:00", "call_out", result="voicemail", content=["limited_only"]), True, False),
        (event("2026-04-01T10:00", "ringless_voicemail", content=["limited_only"]), True, False),
        (
            event(
                "2026-04-01T10:00",
                "call_out",
                result="voicemail",
                content=["limited_only", "request_consumer_call"],
            ),
            True,
            False,
        ),
        (
            event("2026-04-01T10:00", "call_out", result="voicemail", content=["request_consumer_call"]),
            False,
            True,
        ),
        (
            event("2026-04-01T10:00", "call_out", result="voicemail", content=["names_debt_collector"]),
            False,
            True,
        ),
        (
            event(
                "2026-04-01T10:00",
                "call_out",
                result="voicemail",
                content=["limited_only", "names_debt_collector"],
            ),
            False,
            True,
        ),
        (
            event(
                "2026-04-01T10:00",
                "call_out",
                result="voicemail",
                content=["limited_only"],
                content_flags=["obscene_language"],
            ),
            False,
            True,
        ),
        (event("2026-04-01T10:00", "call_out", result="voicemail"), False, True),
        (
            event("2026-04-01T10:00", "call_out", result="connected_to_voicemail_without_ringing"),
            False,
            False,
        ),
        (event("2026-04-01T10:00", "call_out", result="unanswered"), False, False),
        (event("2026-04-01T10:00", "call_out", result="conversation"), False, True),
        (event("2026-04-01T10:00", "sms_out"), False, True),
        (event("2026-04-01T10:00", "email_out"), False, True),
    ],
)
def test_a_message_of_limited_content_tells_nothing(last, limited, communication):
    told = ask("classify_message", event("2026-03-01T10:00", "email_out"), last)
    assert part(told, "limited_content_message", "communication") == (limited, communication)


@pytest.mark.parametrize(
    ("last", "attempt"),
    [
        (event("2026-04-01T10:00", "call_out", result="unanswered"), True),
        (event("2026-04-01T10:00", "call_out", result="busy_signal"), True),
        (event("2026-04-01T10:00", "call_out", result="limited_content_message"), True),
        (event("2026-04-01T10:00", "email_out"), True),
        (event("2026-04-01T10:00", "visit_out"), True),
        (event("2026-04-01T10:00", "validation_notice_mailed"), True),
        (event("2026-04-01T10:00", "call_in", result="conversation"), False),
        (event("2026-04-01T10:00", "furnished"), False),
    ],
)
def test_whatever_begins_a_contact_is_an_attempt(last, attempt):
    assert ask("classify_event", last) == {"attempt_to_communicate": attempt}


def test_who_calls_is_told_unless_the_message_is_of_limited_content():
    def disclosed(**words):
        return ask("identity_disclosure", event("2026-04-01T10:00", "call_out", **words))["outcome"]

    assert disclosed(result="limited_content_message") == "compliant"
    assert disclosed(result="unanswered") == "compliant"
    assert disclosed(result="voicemail", content=["names_debt_collector"]) == "compliant"
    assert disclosed(result="voicemail", content=["request_consumer_call"]) == "non_compliant"
    assert disclosed(result="voicemail") == "non_compliant"


# Numbers

TEXT = event("2026-04-01T10:00", "sms_in", number="N1", debts=["D1"])


def texting(*events, t=None, number="N1", **given):
    when = {"number": number, **({"t": t} if t else {})}
    return ask("sms_address_procedure", *events, when=when, **given)["outcome"] == "safe_harbor_available"


def check(checked_at="2026-07-10T10:00", database="complete_and_accurate", reassigned=False):
    return {
        "number_check": {
            "checked_at": checked_at,
            "database": database,
            "reassigned_since_last_text": reassigned,
        }
    }


def test_a_text_qualifies_its_number_for_sixty_days():
    assert texting(TEXT)
    assert texting(TEXT, t="2026-05-31T23:59")
    assert not texting(TEXT, t="2026-06-01T00:00")
    assert not texting(TEXT, t="2026-03-31T10:00")
    assert not texting(TEXT, number="N2")
    assert not texting(event("2026-04-01T10:00", "sms_in"))  # from whichever number
    assert not texting()


def test_a_database_keeps_it_qualified():
    assert texting(TEXT, t="2026-07-20T10:00", **check())
    assert texting(TEXT, t="2026-09-08T10:00", **check())
    assert not texting(TEXT, t="2026-09-09T10:00", **check())
    assert not texting(TEXT, t="2026-07-09T10:00", **check())  # checked a day too late
    assert not texting(TEXT, t="2026-07-20T10:00", **check(database="our_own_list"))
    assert not texting(TEXT, t="2026-07-20T10:00", **check(reassigned=True))
    assert not texting(TEXT, t="2026-07-20T10:00", **check(reassigned=None))
    assert not texting(t="2026-07-20T10:00", **check())  # a check alone qualifies nothing


def test_a_number_known_to_be_another_s_is_not_relied_on_though_the_text_is_fresh():
    assert not texting(TEXT, t="2026-04-20T10:00", **check("2026-04-10T10:00", reassigned=True))
    newer = event("2026-04-12T10:00", "sms_in", number="N1")
    assert texting(TEXT, newer, t="2026-04-20T10:00", **check("2026-04-10T10:00", reassigned=True))
    wrong = event("2026-04-10T10:00", "number_found_wrong", number="N1")
    assert not texting(TEXT, wrong, t="2026-04-20T10:00")


def test_an_opt_out_since_closes_it():
    stop = event("2026-04-05T10:00", "opt_out", medium="sms", address="N1")
    assert not texting(TEXT, stop, t="2026-04-20T10:00")
    assert texting(TEXT, stop, t="2026-04-04T10:00")
    assert texting(TEXT, {**stop, "address": "N2"}, t="2026-04-20T10:00")
    assert not texting(TEXT, {**stop, "address": "*"}, t="2026-04-20T10:00")
    assert texting(TEXT, {**stop, "medium": "email"}, t="2026-04-20T10:00")
    again = event("2026-04-10T10:00", "sms_in", number="N1")
    assert texting(TEXT, stop, again, t="2026-04-20T10:00")


def test_consent_renewed_within_sixty_days():
    consent = {"type": "electronic_messages", "given_at": "2026-04-01T10:00", "evidence": "form 7"}
    assert texting(t="2026-05-31T10:00", consents=[consent])
    assert not texting(t="2026-06-01T10:00", consents=[consent])
    assert not texting(t="2026-05-01T10:00", consents=[{**consent, "evidence": ""}])
    assert not texting(t="2026-05-01T10:00", consents=[{**consent, "revoked_at": "2026-04-15T10:00"}])
    assert not texting(t="2026-05-01T10:00", consents=[{**consent, "consented_until": "2026-04-30"}])
    assert not texting(t="2026-05-01T10:00", consents=[{**consent, "given_to": "creditor"}])
    assert not texting(t="2026-03-01T10:00", consents=[consent])


def test_a_call_from_the_number_qualifies_nothing_and_a_creditor_has_no_safe_harbour():
    assert not texting(event("2026-04-01T10:00", "call_in", number="N1", debts=["D1"]))
    assert not texting(TEXT, role="creditor")


# E-mail addresses


def mailing(*events, t=None, **given):
    when = {"t": t} if t else {}
    return ask("email_address_procedure", *events, when=when, **given)["outcome"] == "safe_harbor_available"


ABC = {"collector": "ABC", "obtained_by_procedure": True, "used": True, "opt_out": False}
EFG = {"collector": "EFG", "used": True, "opt_out": False}
XYZ = {"collector": "XYZ"}


@pytest.mark.parametrize(
    ("chain", "available", "prior"),
    [
        ([ABC, XYZ], True, "ABC"),
        ([ABC, EFG, XYZ], True, "EFG"),
        ([{**ABC, "opt_out": True}, XYZ], False, "ABC"),
        ([ABC, {**EFG, "opt_out": True}, XYZ], False, "EFG"),
        ([{**ABC, "opt_out": True}, EFG, XYZ], False, "EFG"),
        ([ABC, {**EFG, "used": False}, XYZ], False, "EFG"),
        ([{**ABC, "obtained_by_procedure": False}, EFG, XYZ], False, "EFG"),
        ([{**ABC, "used": False}, EFG, XYZ], True, "EFG"),
        ([XYZ], False, None),
    ],
)
def test_an_address_comes_down_from_a_collector_who_used_it(chain, available, prior):
    told = ask("email_address_procedure", email_chain=chain)
    words = {True: "safe_harbor_available", False: "safe_harbor_not_available"}
    assert told == {"outcome": words[available], "immediately_prior": prior}


def test_the_person_used_it_or_gave_it_to_us_knowing_for_what():
    given = event("2026-04-01T10:00", "email_address_provided", via="portal", disclosure_clear=True)
    assert mailing(given)
    assert not mailing({**given, "disclosure_clear": False})
    assert mailing(event("2026-04-01T10:00", "email_in"))
    assert not mailing(event("2026-04-01T10:00", "email_out"))
    assert not mailing()
    employer = {"knowledge": {"email_is_employer_provided": True}}
    assert mailing(given, **employer)


def test_a_creditor_s_notice_opens_it_once_its_time_has_passed():
    notice = event("2026-06-01T10:00", "creditor_email_use_notice")
    assert mailing(notice, t="2026-07-07T10:00")
    assert not mailing(notice, t="2026-07-06T23:59")
    assert not mailing(notice)  # nobody says that it has
    assert not mailing(notice, t="2026-07-07T10:00", knowledge={"email_is_employer_provided": True})
    for request in ("opt_out_this_address", "opt_out_all_email", "refuse_to_pay_or_cease"):
        asked = event("2026-07-20T10:00", "consumer_request", request=request, after_opt_out_period=True)
        assert not mailing(notice, asked, t="2026-08-01T10:00")
        assert mailing(notice, asked, t="2026-07-19T10:00")


def test_an_opt_out_closes_what_the_person_had_opened():
    used, stop = event("2026-04-01T10:00", "email_in"), event("2026-04-02T10:00", "opt_out", medium="email")
    assert not mailing(used, stop)
    assert mailing(used, stop, event("2026-04-03T10:00", "email_in"))
    assert not mailing(stop, email_chain=[ABC, XYZ])
