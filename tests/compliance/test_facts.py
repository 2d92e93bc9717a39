"""What the gate knows of a person: every row becomes the fact it is, and many questions get the answers of single ones."""

from datetime import time, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import ContactPoint, Portfolio
from compliance.actions.consents import record_consent
from compliance.actions.contacts import NoPermit, open_for_contact, place
from compliance.actions.designations import (
    read_words,
    rule_out_place,
    rule_out_time,
    withdraw_designation,
)
from compliance.actions.findings import FindingRefused, answer_finding
from compliance.actions.gate import look, look_many, packs
from compliance.actions.holds import open_hold
from compliance.actions.media import note_media_wish
from compliance.audit import Actor
from compliance.facts import Question, situations
from compliance.models import (
    Channel,
    ConsentKind,
    ContactAttempt,
    ContactOutcome,
    Designation,
    Finding,
    GivenTo,
    HoldKind,
    MediaRequest,
)
from compliance.rules import DesignationFact, MediaFact, Purpose
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, TODAY, make_portfolio, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ABOUT = {"by": SYSTEM, "at": NOW}


def facts_of(dana, channel=Channel.CALL, at=NOW, **changed):
    question = {"borrower": dana.borrower.pk, "purpose": Purpose.COLLECT, "loans": (dana.loan.pk,)} | changed
    [situation] = situations([Question(channel=channel, **question)], at=at, packs=packs())
    return situation.facts


def reasons(dana, channel=Channel.CALL, at=NOW, **changed) -> list[str]:
    question = {"borrower": dana.borrower, "purpose": Purpose.COLLECT, "loans": [dana.loan.pk]} | changed
    return [str(each.reason) for each in look(channel=channel, at=at, **question).reasons]


# Row by row


def test_a_time_ruled_out_is_dated_and_its_words_are_sealed(dana):
    row = rule_out_time(
        borrower=dana.borrower, from_on=TODAY, to_on=TODAY + 9 * DAY, days=["SAT", "MON"], hours=(time(22), time(0)),
        words="Never on my Saturdays.", **ABOUT,
    )  # fmt: skip
    assert facts_of(dana).designations == (
        DesignationFact(
            kind="time", first_day=TODAY, last_day=TODAY + 9 * DAY, weekdays=(0, 5), from_minute=22 * 60, to_minute=1440,
            source="consumer_request",
        ),
    )  # fmt: skip
    assert read_words(row) == "Never on my Saturdays."
    assert b"Saturdays" not in bytes(row.words_sealed)
    withdraw_designation(designation=row, **ABOUT)
    assert facts_of(dana).designations == ()


def test_not_at_work_closes_the_place_and_tells_of_the_employer(dana):
    rule_out_place(borrower=dana.borrower, place="work", from_on=TODAY, words="", **ABOUT)
    assert [(each.kind, each.place) for each in facts_of(dana).designations] == [
        ("employer", "workplace"),
        ("place", "workplace"),
    ]
    ContactPoint.objects.filter(pk=dana.phone.pk).update(place="work")
    assert facts_of(dana).place == "workplace"
    ContactPoint.objects.filter(pk=dana.email.pk).update(place="work")
    assert facts_of(dana, Channel.EMAIL).employer_email


@pytest.mark.parametrize(
    ("line_type", "place", "told"),
    [
        ("mobile", "", "mobile"),
        ("fixed", "", "home_landline"),
        ("fixed", "work", "workplace"),
        ("fixed_or_mobile", "", None),
        ("fixed_or_mobile", "home", "home_landline"),
    ],
)
def test_where_a_number_rings(dana, line_type, place, told):
    ContactPoint.objects.filter(pk=dana.phone.pk).update(line_type=line_type, place=place)
    assert facts_of(dana).place == told


def wish(dana, wish, days, channel="sms", point=None, **fields):
    return note_media_wish(
        borrower=dana.borrower, wish=wish, channel=channel, how="sms", contact_point=point,
        received_at=NOW - days * DAY, evidence="sms:1", **ABOUT | fields,
    )  # fmt: skip


def test_the_newest_wish_about_a_channel_counts_where_it_is_as_wide(dana):
    number = str(dana.phone.pk)
    wish(dana, "stop", 9, point=dana.phone)
    wish(dana, "stop", 8)
    wish(dana, "again", 7, point=dana.phone)
    assert facts_of(dana).media_requests == (
        MediaFact(channel="sms", contact_point=number, at=NOW - 9 * DAY, withdrawn_at=NOW - 7 * DAY),
        MediaFact(channel="sms", at=NOW - 8 * DAY),
    )
    assert reasons(dana, Channel.SMS)
    wish(dana, "again", 6)
    assert [each.withdrawn_at for each in facts_of(dana).media_requests] == [NOW - 7 * DAY, NOW - 6 * DAY]
    with pytest.raises(ValueError, match="not reached by"):
        wish(dana, "stop", 1, channel="email", point=dana.phone)


def test_consents_say_what_was_agreed_and_only_those_given_to_us(dana):
    agreed = {"borrower": dana.borrower, "from_on": TODAY, "evidence": "call:1", **ABOUT}
    record_consent(
        kind=ConsentKind.CONTACT_TIME,
        hours=(time(21), time(23)),
        days=["SUN"],
        only_convenient=True,
        **agreed,
    )
    record_consent(kind=ConsentKind.DAILY_DIALS, most=4, **agreed)
    record_consent(kind=ConsentKind.ELECTRONIC, channel="sms", **agreed)
    record_consent(kind=ConsentKind.CALL_BACK, given_to=GivenTo.PREVIOUS, **agreed)
    hours, dials, messages = facts_of(dana).consents
    assert (hours.weekdays, hours.from_minute, hours.to_minute, hours.only_convenient) == (
        (6,),
        1260,
        1380,
        True,
    )
    assert (dials.maximum, messages.channels) == (4, ("sms",))
    record_consent(kind=ConsentKind.CALL_BACK, given_to=GivenTo.CREDITOR, **agreed)
    assert len(facts_of(dana).consents) == 4
    Portfolio.objects.update(our_role="debt_buyer")
    assert len(facts_of(dana).consents) == 3


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": ConsentKind.CONTACT_TIME},
        {"kind": ConsentKind.CONTACT_TIME, "hours": (time(9), time(9))},
        {"kind": ConsentKind.DAILY_DIALS},
        {"kind": ConsentKind.DAILY_DIALS, "most": 0},
        {"kind": ConsentKind.CALL_BACK, "most": 3},
        {"kind": ConsentKind.CALL_BACK, "days": ["MON"]},
        {"kind": ConsentKind.ELECTRONIC, "channel": "call"},
    ],
)
def test_terms_belong_to_their_kind(dana, terms):
    with pytest.raises(ValueError, match=r"\w"):
        record_consent(borrower=dana.borrower, from_on=TODAY, evidence="call:1", **ABOUT, **terms)


def test_balances_told_too_long_ago_close_collecting_and_nothing_else(dana):
    Portfolio.objects.update(payments_fresh_days=3, payments_read_at=NOW - 3 * DAY)
    assert reasons(dana) == []
    Portfolio.objects.update(payments_read_at=NOW - 3 * DAY - timedelta(minutes=1))
    assert facts_of(dana).stale == ("balances",)
    assert reasons(dana) == ["stale_facts"]
    assert facts_of(dana, purpose=Purpose.REPLY).stale == ()
    Portfolio.objects.update(loans_told_at=NOW - DAY)
    assert reasons(dana) == []
    Portfolio.objects.update(loans_told_at=None, payments_read_at=None)
    assert reasons(dana) == ["stale_facts"]
    Portfolio.objects.update(payments_fresh_days=None)
    assert reasons(dana) == []


# Many as one


def random_life(draw, dana) -> None:
    """A history of others, holds, wishes, designations and consents, as it comes."""
    moments = st.integers(0, 45 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
    maybe = st.sampled_from([None, True, False])
    for at in sorted(draw(st.lists(moments, max_size=12))):
        channel = draw(st.sampled_from(["call", "call", "call", "sms", "email"]))
        point = {"call": dana.phone, "sms": dana.phone, "email": dana.email}[channel]
        attempt = ContactAttempt.objects.create(
            borrower=dana.borrower, contact_point=draw(st.sampled_from([point, None])), channel=channel,
            direction=draw(st.sampled_from(["out", "out", "in"])), purpose="collect", at=at, local_date=at.date(),
            loans=draw(st.sampled_from([[dana.loan.pk], []])), reported=True, reported_by="test", actor="test",
        )  # fmt: skip
        if draw(st.booleans()):
            told = {name: draw(maybe) for name in ("connected", "answered", "right_party", "conversation")}
            disposition = draw(st.sampled_from(["no_answer", "voicemail", "cannot_pay"]))
            ContactOutcome.objects.create(
                attempt=attempt, disposition=disposition, at=at, actor="test", **told
            )
    on = st.integers(0, 20).map(lambda days: TODAY - timedelta(days=days))
    for kind in draw(st.lists(st.sampled_from([HoldKind.DISPUTE, HoldKind.ATTORNEY]), max_size=1)):
        open_hold(
            borrower=dana.borrower, kind=kind, starts_on=draw(on), days=draw(st.integers(1, 30)), **ABOUT
        )
    for channel in draw(st.lists(st.sampled_from(["sms", "email", "call"]), max_size=2)):
        wish(dana, draw(st.sampled_from(["stop", "again"])), draw(st.integers(0, 30)), channel=channel)
    if draw(st.booleans()):
        hours = draw(st.sampled_from([(time(8), time(13)), (time(18), time(0))]))
        rule_out_time(borrower=dana.borrower, from_on=draw(on), hours=hours, words="", **ABOUT)
    if draw(st.booleans()):
        record_consent(
            borrower=dana.borrower, kind=ConsentKind.CALL_BACK, from_on=draw(on), evidence="call:1", **ABOUT
        )


PLACES = (
    {"jurisdictions": ["US"], "our_role": "third_party_debt_collector"},
    {"jurisdictions": ["US", "US-MA"]},
    {"jurisdictions": ["CN"], "zone": "Asia/Shanghai"},
    {"jurisdictions": ["ZZ"]},
)


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_questions_get_the_answers_of_single_ones_whatever_happened(db, data):
    with transaction.atomic():
        people = [make_dana(make_portfolio(**terms)) for terms in PLACES]
        for dana in people:
            random_life(data.draw, dana)
        hours = data.draw(st.integers(-12, 36))
        at = NOW + timedelta(hours=hours)
        purposes = [Purpose.COLLECT, Purpose.REPLY, Purpose.LOCATION_INFORMATION]
        questions = [
            Question(borrower=dana.borrower.pk, channel=channel, purpose=data.draw(st.sampled_from(purposes)))
            for dana in people
            for channel in (Channel.CALL, Channel.SMS, Channel.EMAIL)
        ]
        order = data.draw(st.permutations(questions))
        together = dict(zip(order, situations(order, at=at, packs=packs()), strict=True))
        decided = dict(zip(order, look_many(order, at=at), strict=True))
        for question in questions:
            [alone] = situations([question], at=at, packs=packs())
            assert alone == together[question]
            assert look_many([question], at=at) == [decided[question]]
        transaction.set_rollback(True)


def test_ten_thousand_questions_ask_the_database_as_often_as_one(dana, django_assert_num_queries):
    question = Question(borrower=dana.borrower.pk, channel="call", purpose="collect")
    for size in (1, 50):
        with django_assert_num_queries(4):  # the law, the people, their arrears, their history
            situations([question] * size, at=NOW, packs=packs())


# Against the database itself, as the app's role


def reported(dana, **fields) -> ContactAttempt:
    return ContactAttempt.objects.create(**{
        "borrower": dana.borrower, "contact_point": dana.phone, "direction": "out", "channel": "call",
        "purpose": "collect", "loans": [dana.loan.pk], "at": NOW, "local_date": TODAY, "reported": True,
        "reported_by": "agency_b", "actor": "test",
    } | fields)  # fmt: skip


def test_a_reported_contact_has_no_permit_and_cannot_be_sent(dana):
    permit = dana.ask().permit_id
    with pytest.raises(IntegrityError, match="outbound_has_permit"), transaction.atomic():
        reported(dana, permit_id=permit)
    attempt = reported(dana)
    with pytest.raises(NoPermit):
        open_for_contact(attempt=attempt)
    assert place(permit_id=permit, by=SYSTEM, at=NOW).permit_id == permit


def finding(dana, **fields) -> Finding:
    return Finding.objects.create(**{
        "borrower": dana.borrower, "attempt": reported(dana), "portfolio": dana.portfolio, "outcome": "prohibited",
        "facts": b"{}", "results": [], "packs": {}, "found_at": NOW,
    } | fields)  # fmt: skip


def refused(change) -> None:
    with pytest.raises((ProgrammingError, IntegrityError)), transaction.atomic():
        change()


def test_findings_are_about_reported_contacts_of_the_same_borrower_and_begin_open(dana):
    refused(lambda: finding(dana, attempt=dana.contact()))
    refused(lambda: finding(dana, borrower=make_dana(make_portfolio()).borrower))
    refused(lambda: finding(dana, state="closed"))


def test_a_finding_is_explained_then_closed_by_a_person_with_a_note(dana):
    row = finding(dana)
    officer = make_user("olive", role="compliance")
    with pytest.raises(FindingRefused):
        answer_finding(finding=row, state="explained", note=" ", by=Actor.staff(officer), at=NOW)
    row = answer_finding(finding=row, state="explained", note="A slip.", by=Actor.staff(officer), at=NOW)
    assert (row.state, row.person, row.answered_at) == ("explained", officer, NOW)
    assert b"slip" not in bytes(row.note_sealed)
    refused(lambda: Finding.objects.filter(pk=row.pk).update(outcome="permitted"))
    refused(
        lambda: Finding.objects.filter(pk=row.pk).update(
            state="open", person=None, note_sealed=None, answered_at=None
        )
    )
    refused(lambda: Finding.objects.filter(pk=row.pk).delete())
    row = answer_finding(finding=row, state="closed", note="Settled.", by=Actor.staff(officer), at=NOW)
    with pytest.raises(FindingRefused):
        answer_finding(finding=row, state="closed", note="Again.", by=Actor.staff(officer), at=NOW)
    refused(lambda: Finding.objects.filter(pk=row.pk).update(answered_at=NOW + DAY))


def test_wishes_and_designations_are_never_reworded_or_removed(dana):
    wish(dana, "stop", 1)
    row = rule_out_place(borrower=dana.borrower, place="home", from_on=TODAY, words="", **ABOUT)
    refused(lambda: MediaRequest.objects.update(channel="email"))
    refused(MediaRequest.objects.all().delete)
    refused(lambda: Designation.objects.update(place="work"))
    refused(Designation.objects.all().delete)
    refused(lambda: Designation.objects.update(withdrawn_at=NOW))  # by nobody
    withdraw_designation(designation=row, **ABOUT)
    refused(lambda: Designation.objects.update(withdrawn_at=NOW + DAY))
    with connection.cursor() as cursor, pytest.raises(ProgrammingError), transaction.atomic():
        cursor.execute("TRUNCATE compliance_designation")


def test_a_wish_is_about_a_number_of_the_same_borrower(dana):
    other = make_dana(make_portfolio())
    with pytest.raises(ValueError, match="not one of this borrower"):
        wish(dana, "stop", 1, point=other.phone)

    def forge() -> None:
        MediaRequest.objects.create(
            borrower=dana.borrower, wish="stop", channel="sms", contact_point=other.phone, received_at=NOW, how="sms",
            recorded_by="test",
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refused(forge)


# The page of the findings


def test_the_officer_reads_why_and_answers(client, dana):
    row = finding(
        dana,
        results=[
            {"rule": "GATE.ARREARS", "outcome": "prohibited", "reason": "nothing_overdue", "params": {}}
        ],
    )
    officer = make_user("olive", role="compliance")
    client.force_login(officer)
    page = client.get(reverse("findings"))
    assert page.context["open"] == 1
    assert "Nothing is overdue" in page.content.decode()
    address = reverse("finding", args=[row.pk])
    assert client.post(address, {"state": "explained", "note": ""}).status_code == 422
    assert client.post(address, {"state": "explained", "note": "A slip."}).url == reverse("findings")
    assert "A slip." in client.get(address).content.decode()
    assert client.get(reverse("findings") + "?show=explained").context["lines"][0][0] == row
