"""The gate: which facts it asks for, what it stores, and that looking, asking, sets and replays agree."""

import json
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections

from accounts.actions.borrowers import (
    add_contact_point,
    add_related_person,
    refuse_related_person,
    retire_contact_point,
)
from accounts.actions.payments import match, receive
from accounts.models import ContactKind, PointStatus, Relation
from compliance.actions.consents import record_consent, revoke_consent
from compliance.actions.contacts import (
    NoPermit,
    note_inbound,
    note_outcome,
    open_for_contact,
    place,
)
from compliance.actions.gate import look, look_many, packs, replay
from compliance.audit import Actor
from compliance.audit.canonical import canonical
from compliance.facts import NotAskable, Question, situations
from compliance.models import AuditEvent, Channel, ContactAttempt, ContactDecision, Permit
from compliance.models.contact import ConsentKind
from compliance.rules import Facts, Outcome, PastContact, Purpose, ReasonCode, Role
from compliance.rules.canonical import canonical_json, plain
from compliance.rules.zones import zones_of
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_portfolio, make_user

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def reasons(decision) -> list[str]:
    """Reason codes, and of holds their kind."""
    return [each.params.get("hold") or str(each.reason) for each in decision.reasons]


def facts_of(dana, channel=Channel.CALL, *, at=NOW, **changed) -> Facts:
    question = {"borrower": dana.borrower.pk, "purpose": Purpose.COLLECT, "loans": (dana.loan.pk,)} | changed
    [situation] = situations([Question(channel=channel, **question)], at=at, packs=packs())
    return situation.facts


# What is stored


def test_a_permit_hangs_on_a_decision_that_holds_all_it_rests_on(dana):
    agent = make_user()
    known = facts_of(dana, contact_point=dana.phone.pk)
    answer = dana.ask(by=Actor.staff(agent), case=dana.loan.pk)
    stored = ContactDecision.objects.get()
    assert answer.decision.outcome == Outcome.PERMITTED
    assert (stored.pk, stored.outcome, stored.allowed) == (answer.decision_id, "permitted", True)
    assert (stored.borrower, stored.contact_point, stored.channel) == (dana.borrower, dana.phone, "call")
    assert (stored.purpose, stored.at, stored.next_allowed) == ("collect", NOW, NOW)
    assert stored.actor == str(agent.ref)
    assert stored.packs == packs().versions(["US"])
    told = json.loads(bytes(stored.facts))
    assert Facts.from_json(bytes(stored.facts)) == known
    asked = {
        "arrears_positive": True,
        "channel": "call",
        "consents": [],
        "contact_point": str(dana.phone.pk),
        "countries": [],
        "debts": [str(dana.loan.pk)],
        "history": [],
        "holds": [],
        "jurisdictions": ["US"],
        "party": "borrower",
        "purpose": "collect",
        "role": "creditor",
        "set_aside": [],
        "signed": [],
        "zones": ["America/New_York"],
    }
    assert {name: told[name] for name in asked} == asked
    assert stored.channels == {"app": None} | dict.fromkeys(["call", "email", "sms"], "2026-03-03T17:00:00Z")
    assert stored.results == json.loads(canonical_json(answer.decision.results))
    assert {result["rule"] for result in stored.results} >= {"HOUSE.TIME", "HOUSE.CALLS.7IN7"}

    permit = Permit.objects.get()
    assert (permit.pk, permit.decision_id) == (answer.permit_id, answer.decision_id)
    assert (permit.borrower, permit.contact_point, permit.channel) == (dana.borrower, dana.phone, "call")
    assert (permit.purpose, permit.loans, permit.at) == ("collect", [dana.loan.pk], NOW)
    assert permit.expires_at == answer.expires_at
    assert permit.expires_at - permit.issued_at == timedelta(minutes=10)

    event = AuditEvent.objects.get(type="contact.decided")
    assert (event.stream, event.case_ref, event.actor) == (dana.borrower.pk, dana.loan.pk, str(agent.ref))
    assert json.loads(bytes(event.leaf))["data"] == {
        "channel": "call",
        "decision": str(answer.decision_id),
        "outcome": "permitted",
        "packs": packs().versions(["US"]),
        "purpose": "collect",
        "reasons": [],
    }


def test_a_message_has_two_minutes(dana):
    dana.ask(Channel.EMAIL)
    permit = Permit.objects.get()
    assert permit.expires_at - permit.issued_at == timedelta(minutes=2)


def test_a_permit_ends_where_the_hours_end(dana):
    """At 20:56 a call has until 21:00, not ten minutes."""
    dana.ask(at=NOW.replace(day=4, hour=1, minute=56))
    permit = Permit.objects.get()
    assert timedelta(minutes=3, seconds=58) < permit.expires_at - permit.issued_at <= timedelta(minutes=4)


def test_a_refusal_is_stored_as_well_and_gives_no_permit(dana):
    night = NOW.replace(hour=6)
    answer = dana.ask(at=night)
    stored = ContactDecision.objects.get()
    assert (answer.permit_id, answer.expires_at) == (None, None)
    assert (stored.outcome, stored.allowed) == ("prohibited", False)
    assert stored.next_allowed == NOW.replace(hour=13, microsecond=1)  # just after 08:00 in New York
    assert reasons(answer.decision) == ["outside_hours"]
    assert json.loads(bytes(AuditEvent.objects.get(type="contact.decided").leaf))["data"]["reasons"] == [
        "outside_hours"
    ]
    assert not Permit.objects.exists()


def test_looking_stores_nothing(dana):
    before = AuditEvent.objects.count()
    decision = look(borrower=dana.borrower, channel=Channel.CALL, purpose=Purpose.COLLECT, at=NOW)
    assert decision.allowed
    assert AuditEvent.objects.count() == before
    assert not ContactDecision.objects.exists()


# Agreement


def a_life(dana) -> None:
    """Contacts, holds and consents enough that most rules have something to say."""
    for days in (20, 6, 5):
        dana.call(at=NOW - days * DAY)
    dana.contact(Channel.EMAIL, at=NOW - 2 * DAY, purpose=Purpose.REMINDER)
    note_inbound(
        borrower=dana.borrower,
        channel=Channel.EMAIL,
        loans=[dana.loan.pk],
        by=SYSTEM,
        at=NOW - 400 * DAY,
        disposition="call_back",
        right_party=None,
        conversation=None,
    )
    note_inbound(
        borrower=dana.borrower,
        channel=Channel.CALL,
        loans=[dana.loan.pk],
        by=SYSTEM,
        at=NOW - DAY,
        disposition="call_back",
        right_party=True,
        conversation=True,
    )
    record_consent(
        borrower=dana.borrower,
        kind=ConsentKind.CALL_BACK,
        from_on=TODAY,
        evidence="call:1",
        by=SYSTEM,
        at=NOW - DAY + MINUTE,
    )


@pytest.mark.parametrize("channel", [Channel.CALL, Channel.SMS, Channel.EMAIL])
@pytest.mark.parametrize("hours", [-11, 0, 7, 30])
def test_look_and_ask_and_replay_give_the_same_answer(dana, channel, hours):
    a_life(dana)
    at = NOW + timedelta(hours=hours)
    point = dana.email if channel == Channel.EMAIL else dana.phone
    looked = look(
        borrower=dana.borrower,
        channel=channel,
        purpose=Purpose.COLLECT,
        at=at,
        contact_point=point,
        loans=[dana.loan.pk],
    )
    asked = dana.ask(channel, at=at)
    stored = ContactDecision.objects.get(pk=asked.decision_id)
    assert asked.decision == looked
    assert replay(facts=bytes(stored.facts), at=stored.at) == looked


def test_stored_facts_are_the_facts_and_their_bytes_are_canonical(dana):
    a_life(dana)
    asked = dana.ask()
    stored = bytes(ContactDecision.objects.get(pk=asked.decision_id).facts)
    facts = Facts.from_json(stored)
    assert len(facts.history) == 5  # what is more than a year old is beyond every rule
    assert facts.to_json().encode() == stored
    assert canonical(plain(facts)) == stored


def test_many_questions_get_the_answers_of_single_ones(dana):
    a_life(dana)
    china = make_dana(
        make_portfolio(jurisdictions=["CN"], zone="Asia/Shanghai", currency="CNY"), phone="+86 138 0013 8000"
    )
    quiet = make_dana(make_portfolio(our_role=Role.COLLECTOR))
    questions = [
        Question(borrower=each.borrower.pk, channel=channel, purpose=Purpose.COLLECT, loans=(each.loan.pk,))
        for each in (dana, china, quiet)
        for channel in (Channel.CALL, Channel.EMAIL)
    ]
    together = look_many(questions, at=NOW)
    apart = [decision for question in questions for decision in look_many([question], at=NOW)]
    assert together == apart
    assert [decision.outcome for decision in together] == [
        Outcome.PERMITTED, Outcome.PERMITTED,  # a callback was asked for
        Outcome.PROHIBITED, Outcome.PROHIBITED,  # one in the morning in China
        Outcome.PERMITTED, Outcome.PERMITTED,
    ]  # fmt: skip


def test_a_set_costs_as_many_statements_as_one(dana, django_assert_num_queries):
    people = [dana, *(make_dana() for _number in range(4))]
    for each in people:
        a_life(each)
    questions = [
        Question(borrower=each.borrower.pk, channel=Channel.CALL, purpose=Purpose.COLLECT) for each in people
    ]
    packs()
    for size in (1, 5):
        with django_assert_num_queries(4):
            look_many(questions[:size], at=NOW)


# Which facts


def test_every_zone_that_a_number_in_use_or_the_address_indicates_counts(dana):
    add_point(dana, "+1 310 555 0199")  # California
    dana.borrower.zones = ["America/Denver"]
    dana.borrower.save()
    assert facts_of(dana).zones == ("America/Denver", "America/Los_Angeles", "America/New_York")
    assert reasons(dana.ask(at=NOW.replace(hour=15)).decision) == ["outside_hours"]  # 07:00 in California


def test_a_number_out_of_use_indicates_nothing(dana):
    second = add_point(dana, "+1 310 555 0199")
    retire_contact_point(point=second, status=PointStatus.WRONG, reason="wrong_number", by=SYSTEM, at=NOW)
    assert facts_of(dana).zones == ("America/New_York",)


def test_where_nothing_is_indicated_the_whole_country_counts(dana):
    """E-mail at nine in New York: three in the morning in Hawaii, and no number in use says where the borrower is."""
    nine = NOW.replace(hour=14)
    assert dana.ask(Channel.EMAIL, at=nine).decision.allowed
    retire_contact_point(
        point=dana.phone, status=PointStatus.WRONG, reason="wrong_number", by=SYSTEM, at=nine
    )
    facts = facts_of(dana, Channel.EMAIL)
    assert (facts.zones, facts.countries) == ((), ("US",))
    [result] = dana.ask(Channel.EMAIL, at=nine).decision.reasons
    assert (result.reason, result.params["zones"]) == (ReasonCode.OUTSIDE_HOURS, len(zones_of("US")))


def test_a_country_whose_zone_is_known_adds_nothing_and_another_adds_all_of_it(dana):
    assert dana.borrower.country == "US"
    assert (facts_of(dana).zones, facts_of(dana).countries) == (("America/New_York",), ())
    dana.borrower.country = "CN"
    dana.borrower.save()
    assert (facts_of(dana).zones, facts_of(dana).countries) == (("America/New_York",), ("CN",))


def test_an_unknown_jurisdiction_closes(dana):
    dana.portfolio.jurisdictions = ["US", "ZZ"]
    dana.portfolio.save()
    assert reasons(dana.ask().decision) == ["unknown_jurisdiction"]
    dana.portfolio.jurisdictions = []
    dana.portfolio.save()
    assert reasons(dana.ask().decision) == ["unknown_jurisdiction"]


def test_loans_held_in_two_roles_are_asked_about_apart(dana):
    bought = make_portfolio(entity=dana.portfolio.entity, our_role=Role.DEBT_BUYER)
    loan = make_loan(dana.borrower, portfolio=bought)
    assert reasons(dana.ask(loans=[dana.loan.pk, loan.pk]).decision) == ["unknown_role"]
    assert dana.ask(loans=[loan.pk]).decision.allowed


def test_nothing_overdue_nothing_to_ask_for(dana):
    later = make_loan(dana.borrower, portfolio=dana.portfolio, due_on=TODAY + DAY)
    assert reasons(dana.ask(loans=[later.pk]).decision) == ["nothing_overdue"]
    assert reasons(dana.ask(loans=[dana.loan.pk, later.pk]).decision) == ["nothing_overdue"]
    assert dana.ask(loans=[later.pk], purpose=Purpose.SERVICE).decision.allowed


def test_without_loans_those_in_arrears_are_meant(dana):
    make_loan(dana.borrower, portfolio=dana.portfolio, due_on=TODAY + DAY)
    assert facts_of(dana, loans=None).debts == (str(dana.loan.pk),)


def test_a_portfolio_that_is_closed_closes_its_loans(dana):
    other = make_loan(dana.borrower, portfolio=make_portfolio(entity=dana.portfolio.entity))
    dana.portfolio.contact_open = False
    dana.portfolio.save()
    assert reasons(dana.ask().decision) == ["portfolio_closed"]
    assert reasons(dana.ask(purpose=Purpose.REPLY).decision) == ["portfolio_closed"]
    assert dana.ask(loans=[other.pk]).decision.allowed


def test_a_payment_that_may_be_theirs_stops_asking_until_it_is_matched(dana):
    payment = receive(
        portfolio=dana.portfolio,
        reference="P1",
        amount=100_00,
        value_date=TODAY,
        by=SYSTEM,
        at=NOW,
        payer_index=bytes(dana.phone.value_index),
    )
    assert list(payment.candidates.values_list("loan_id", flat=True)) == [dana.loan.pk]
    assert reasons(dana.ask().decision) == ["unmatched_payment"]
    other = make_loan(dana.borrower, portfolio=dana.portfolio)
    match(payment=payment, loan=other, by=SYSTEM, at=NOW)
    assert dana.ask().decision.allowed


# Whom a number reaches


def add_point(dana, text, *, kind=ContactKind.PHONE, person=None):
    return add_contact_point(
        borrower=dana.borrower,
        kind=kind,
        text=text,
        region="US",
        source="application",
        ground="contract",
        related_person=person,
        by=SYSTEM,
        at=NOW,
    )


def add_person(dana, relation):
    return add_related_person(
        borrower=dana.borrower,
        relation=relation,
        name="Robin Field",
        given_by="borrower",
        given_on=TODAY,
        ground="consent",
        by=SYSTEM,
        at=NOW,
    )


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (Relation.CO_BORROWER, []),
        (Relation.GUARANTOR, ["party_not_allowed"]),
        (Relation.EMERGENCY_CONTACT, ["party_not_allowed"]),
        (Relation.HOUSEHOLD, ["party_not_allowed"]),
    ],
)
def test_people_around_the_borrower(dana, relation, expected):
    point = add_point(dana, "+1 212 555 0177", person=add_person(dana, relation))
    assert facts_of(dana, contact_point=point.pk).party == relation
    assert reasons(dana.ask(contact_point=point).decision) == expected


def test_somebody_else_s_number_reaches_a_third_party(dana):
    dana.phone.owner = "employer"
    dana.phone.save()
    assert facts_of(dana, contact_point=dana.phone.pk).party == "third_party"
    assert reasons(dana.ask().decision) == ["party_not_allowed"]


def test_who_refused_once_is_never_contacted(dana):
    person = add_person(dana, Relation.CO_BORROWER)
    point = add_point(dana, "+1 212 555 0177", person=person)
    refuse_related_person(person=person, channel=Channel.SMS, by=SYSTEM, at=NOW - 400 * DAY)
    assert reasons(dana.ask(contact_point=point).decision) == ["contact_point_retired", "person_refused"]


def test_a_retired_number_is_not_called_and_another_is_chosen(dana):
    second = add_point(dana, "+1 212 555 0188")
    retire_contact_point(point=dana.phone, status=PointStatus.WRONG, reason="wrong_number", by=SYSTEM, at=NOW)
    assert reasons(dana.ask().decision) == ["contact_point_retired"]
    assert facts_of(dana).contact_point == str(second.pk)
    retire_contact_point(point=second, status=PointStatus.WRONG, reason="wrong_number", by=SYSTEM, at=NOW)
    decision = look(borrower=dana.borrower, channel=Channel.CALL, purpose=Purpose.COLLECT, at=NOW)
    assert reasons(decision)[0] == "no_contact_point"


def test_the_number_verified_last_is_the_one_meant(dana):
    second = add_point(dana, "+1 212 555 0188")
    assert facts_of(dana).contact_point == str(dana.phone.pk)
    second.verified_on = TODAY
    second.save()
    assert facts_of(dana).contact_point == str(second.pk)


@pytest.mark.parametrize(
    "wrong", ["point of another", "loan of another", "e-mail by phone", "visit", "no such channel"]
)
def test_wrong_questions_are_not_answered(dana, wrong):
    other = make_dana()
    changed = {
        "point of another": {"contact_point": other.phone},
        "loan of another": {"loans": [other.loan.pk]},
        "e-mail by phone": {"contact_point": dana.email},
        "visit": {"channel": Channel.VISIT},
        "no such channel": {"channel": "pigeon"},
    }[wrong]
    with pytest.raises(NotAskable):
        dana.ask(**{"channel": Channel.CALL} | changed)
    assert not ContactDecision.objects.exists()


# History


def test_attempts_count_with_their_newest_outcome_and_open_permits_as_attempts(dana):
    first = dana.contact(at=NOW - 3 * MINUTE)
    fields = {"attempt": first, "disposition": "promises", "connected": True, "by": SYSTEM, "at": NOW}
    note_outcome(right_party=True, conversation=True, **fields)
    note_outcome(right_party=False, conversation=False, answered=True, **fields)
    permit = dana.ask(at=NOW)
    assert facts_of(dana).history == (
        PastContact(
            at=NOW - 3 * MINUTE,
            channel="call",
            contact_point=str(dana.phone.pk),
            debts=(str(dana.loan.pk),),
            purpose="collect",
            connected=True,
            answered=True,
            right_party=False,
            conversation=False,
        ),
        PastContact(
            at=NOW,
            channel="call",
            contact_point=str(dana.phone.pk),
            debts=(str(dana.loan.pk),),
            purpose="collect",
            kind="permit",
        ),
    )
    assert permit.decision.allowed
    # Unspent until nobody can spend it any more.
    assert len(facts_of(dana, at=NOW + 14 * MINUTE).history) == 2
    assert len(facts_of(dana, at=NOW + 16 * MINUTE).history) == 1


def test_a_call_without_an_outcome_counts_as_a_conversation(dana):
    attempt = dana.contact()
    assert reasons(dana.ask(at=NOW + MINUTE).decision) == ["quiet_period"]
    note_outcome(
        attempt=attempt, disposition="busy", connected=False, right_party=False, conversation=False, by=SYSTEM, at=NOW
    )  # fmt: skip
    assert dana.ask(at=NOW + MINUTE).decision.allowed


def test_a_withdrawn_callback_lifts_nothing(dana):
    dana.call(at=NOW - DAY, conversation=True)
    consent = record_consent(
        borrower=dana.borrower,
        kind=ConsentKind.CALL_BACK,
        from_on=TODAY,
        to_on=TODAY,
        evidence="call:1",
        by=SYSTEM,
        at=NOW - DAY + MINUTE,
    )
    assert dana.ask(at=NOW).decision.allowed
    revoke_consent(consent=consent, by=SYSTEM, at=NOW + MINUTE)
    assert "quiet_period" in reasons(dana.ask(at=NOW + 2 * MINUTE).decision)


def left_this_week(dana, at=NOW) -> int | None:
    decision = look(borrower=dana.borrower, channel=Channel.CALL, purpose=Purpose.COLLECT, at=at)
    return next(each.left for each in decision.results if each.rule == "HOUSE.CALLS.7IN7")


def test_a_call_made_under_a_consent_that_has_ended_since_stays_uncounted(dana):
    dana.call(at=NOW - 4 * DAY, conversation=True)
    three_days_ago = TODAY - 3 * DAY
    record_consent(
        borrower=dana.borrower,
        kind=ConsentKind.CALL_BACK,
        from_on=three_days_ago,
        to_on=three_days_ago,
        evidence="call:1",
        by=SYSTEM,
        at=NOW - 4 * DAY + MINUTE,
    )
    assert left_this_week(dana, NOW - 3 * DAY) == 6
    dana.call(at=NOW - 3 * DAY)
    assert left_this_week(dana) == 6


def test_a_conversation_ends_a_consent_also_where_it_is_older_than_the_week_that_counts(dana):
    record_consent(
        borrower=dana.borrower,
        kind=ConsentKind.CALL_BACK,
        from_on=TODAY - 12 * DAY,
        evidence="call:1",
        by=SYSTEM,
        at=NOW - 12 * DAY,
    )
    dana.call(at=NOW - 11 * DAY, conversation=True)
    call = {"borrower": dana.borrower, "channel": Channel.CALL, "direction": "out", "purpose": "collect"}
    reported = {"reported": True, "reported_by": "agency", "actor": "agency", "loans": [dana.loan.pk]}
    six_days_ago = {"at": NOW - 6 * DAY, "local_date": TODAY - 6 * DAY}
    ContactAttempt.objects.create(**call, **reported, **six_days_ago)
    assert left_this_week(dana) == 6


@pytest.mark.parametrize("evidence", ["", "  ", "she said so on the phone"])
def test_consent_needs_evidence_that_can_be_found(dana, evidence):
    with pytest.raises(ValueError, match="Evidence"):
        record_consent(
            borrower=dana.borrower, kind=ConsentKind.CALL_BACK, from_on=TODAY, evidence=evidence, by=SYSTEM, at=NOW
        )  # fmt: skip


# The contact log


def test_placing_spends_the_permit_and_says_the_borrower_s_own_date(dana):
    late = NOW.replace(day=4, hour=1)  # 20:00 of the third in New York
    answer = dana.ask(at=late)
    attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=late + MINUTE, case=dana.loan.pk)
    stored = ContactAttempt.objects.get()
    assert stored == attempt
    assert (stored.direction, stored.channel, stored.reported) == ("out", "call", False)
    assert (stored.borrower, stored.contact_point, stored.loans) == (
        dana.borrower, dana.phone, [dana.loan.pk],
    )  # fmt: skip
    assert (stored.at, stored.local_date) == (late + MINUTE, TODAY)
    assert Permit.objects.get().used_at is not None
    event = AuditEvent.objects.get(type="contact.attempted")
    assert (event.case_ref, event.borrower_ref) == (dana.loan.pk, dana.borrower.pk)
    assert json.loads(bytes(event.leaf))["data"] == {
        "attempt": str(attempt.pk),
        "channel": "call",
        "direction": "out",
        "permit": str(answer.permit_id),
        "purpose": "collect",
    }
    with pytest.raises(NoPermit):
        place(permit_id=answer.permit_id, by=SYSTEM, at=late + MINUTE)
    assert ContactAttempt.objects.count() == 1


@pytest.mark.parametrize("minutes", [-1, 10, 30])
def test_a_permit_is_for_its_moment(dana, minutes):
    answer = dana.ask()
    with pytest.raises(NoPermit):
        place(permit_id=answer.permit_id, by=SYSTEM, at=NOW + minutes * MINUTE)
    assert not ContactAttempt.objects.exists()


def test_no_permit_no_contact(dana):
    for permit_id in (None, dana.loan.pk):
        with pytest.raises(NoPermit):
            place(permit_id=permit_id, by=SYSTEM, at=NOW)


def test_the_address_opens_for_an_attempt_just_placed_and_for_no_other(dana):
    attempt = dana.contact(Channel.EMAIL)
    before = AuditEvent.objects.filter(type="borrower.unsealed").count()
    assert open_for_contact(attempt=attempt) == "dana@example.com"
    assert AuditEvent.objects.filter(type="borrower.unsealed").count() == before

    inbound = note_inbound(
        borrower=dana.borrower,
        channel=Channel.EMAIL,
        loans=[dana.loan.pk],
        by=SYSTEM,
        at=NOW,
        disposition="reply",
        right_party=True,
        conversation=False,
        contact_point=dana.email,
    )
    reported = ContactAttempt.objects.create(
        borrower=dana.borrower,
        contact_point=dana.email,
        direction="out",
        channel=Channel.EMAIL,
        purpose="collect",
        loans=[],
        at=NOW,
        local_date=TODAY,
        reported=True,
        reported_by="earlier_system",
        actor="test",
    )
    note_outcome(
        attempt=attempt, disposition="bounced", connected=None, right_party=None, conversation=None, by=SYSTEM, at=NOW
    )  # fmt: skip
    for other in (inbound, reported, attempt):
        with pytest.raises(NoPermit):
            open_for_contact(attempt=other)


def test_what_the_borrower_begins_is_written_down_and_counted(dana):
    attempt = note_inbound(
        borrower=dana.borrower,
        channel=Channel.CALL,
        loans=[dana.loan.pk],
        by=SYSTEM,
        at=NOW,
        disposition="promises",
        right_party=True,
        conversation=True,
        contact_point=dana.phone,
    )
    assert (attempt.direction, attempt.permit, attempt.local_date) == ("in", None, TODAY)
    assert [each.type for each in AuditEvent.objects.filter(type__startswith="contact.").order_by("seq")] == [
        "contact.attempted",
        "contact.outcome",
    ]
    decision = dana.ask(at=NOW + DAY).decision
    assert [each.reason for each in decision.reasons] == [ReasonCode.QUIET_PERIOD]


# Two at once


def at_once(number: int, work) -> list:
    """Run `work` in threads that start together, each on its own connection; their results."""
    start, found = threading.Barrier(number), []

    def run() -> None:
        try:
            start.wait()
            found.append(work())
        except Exception as error:
            found.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _number in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("channel", [Channel.CALL, Channel.SMS])
def test_twenty_ask_for_the_last_allowed_contact_and_one_gets_it(channel):
    dana = make_dana()
    if channel == Channel.CALL:
        for days in range(6, 0, -1):
            dana.call(at=NOW - days * DAY)
    else:
        dana.contact(Channel.SMS, at=NOW - MINUTE)
    answers = at_once(20, lambda: dana.ask(channel))
    assert Counter(answer.decision.outcome.allows for answer in answers) == {True: 1, False: 19}
    assert [answer.permit_id for answer in answers if answer.permit_id] == list(
        Permit.objects.filter(used_at=None).values_list("pk", flat=True)
    )
    assert ContactDecision.objects.filter(at=NOW).count() == 20


@pytest.mark.django_db(transaction=True)
def test_twenty_spend_one_permit_and_one_contact_comes_of_it():
    dana = make_dana()
    answer = dana.ask()
    found = at_once(20, lambda: place(permit_id=answer.permit_id, by=SYSTEM, at=NOW))
    assert Counter(type(each) for each in found) == {ContactAttempt: 1, NoPermit: 19}
    assert ContactAttempt.objects.count() == 1
