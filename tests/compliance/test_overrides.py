"""A presumed violation may be let happen once, by two people, for a reason of the rule itself; prohibited never. Tried by
the actions, and then past them, as the app's own role."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, ProgrammingError, connections, transaction

from accounts.models import Role
from compliance.actions.contacts import place
from compliance.actions.overrides import (
    OverrideRefused,
    answer_override,
    ask_override,
    open_note,
    usable_override,
)
from compliance.models import AuditEvent, ContactAttempt, ContactDecision, Override, Permit
from tests.compliance.conftest import Dana, make_dana
from tests.compliance.test_permit_attacks import decide, refused, result, run
from tests.factories import NOW, SYSTEM, make_portfolio, make_team, make_user

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
REASON = "responding_to_consumer_request"


@pytest.fixture
def talked(dana) -> Dana:
    """Dana had a conversation yesterday: another call within seven days is presumed to be a violation."""
    dana.call(at=NOW - DAY, conversation=True)
    return dana


@pytest.fixture
def agent(dana):
    return make_user("agent-1", team=make_team(portfolios=[dana.portfolio]))


@pytest.fixture
def boss(agent):
    return make_user("boss-1", role=Role.SUPERVISOR, team=agent.team)


def ask_for(dana: Dana, requester, *, at=NOW, **changed) -> Override:
    asked = {
        "borrower": dana.borrower,
        "contact_point": dana.phone,
        "channel": "call",
        "purpose": "collect",
        "loans": [dana.loan.pk],
        "reasons": [REASON],
        "note": "Dana wrote that she would like to hear from us today.",
        "case": uuid4(),
    } | changed
    return ask_override(requester=requester, at=at, **asked)


def types() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("type", flat=True))


# The way it goes


def test_two_people_let_one_call_happen(talked, agent, boss):
    assert talked.ask().permit_id is None
    override = ask_for(talked, agent)
    assert override.rules == ["HOUSE.CALLS.AFTERTALK"]
    assert open_note(override) == "Dana wrote that she would like to hear from us today."
    assert b"Dana wrote" not in bytes(override.note_sealed)
    answer_override(override=override, approve=True, person=boss, at=NOW + MINUTE)
    override.refresh_from_db()

    answer = talked.ask(at=NOW + 2 * MINUTE, override=override)
    assert answer.decision.outcome == "presumed_violation"
    stored = ContactDecision.objects.get(pk=answer.decision_id)
    assert (stored.outcome, stored.allowed, stored.override) == ("presumed_violation", True, override)
    attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=NOW + 2 * MINUTE)
    assert attempt.permit.decision == stored
    assert [each for each in types() if each.startswith("override")] == [
        "override.asked",
        "override.approved",
    ]

    # Once: the next call is presumed to be a violation again.
    with pytest.raises(ProgrammingError, match="No override lets this contact happen"), transaction.atomic():
        talked.ask(at=NOW + 3 * MINUTE, override=override)
    assert talked.ask(at=NOW + 3 * MINUTE).permit_id is None


def test_it_is_there_for_the_one_who_asked_for_a_quarter_of_an_hour(talked, agent, boss):
    override = ask_for(talked, agent)
    of_agent = {
        "borrower": talked.borrower.pk, "contact_point": talked.phone.pk, "channel": "call", "purpose": "collect",
    }  # fmt: skip
    assert usable_override(**of_agent, requester=agent, at=NOW) is None
    answer_override(override=override, approve=True, person=boss, at=NOW)
    assert usable_override(**of_agent, requester=agent, at=NOW) == override
    assert usable_override(**of_agent, requester=boss, at=NOW) is None
    assert usable_override(**of_agent, requester=agent, at=NOW + 15 * MINUTE) is None
    talked.ask(override=Override.objects.get())
    assert usable_override(**of_agent, requester=agent, at=NOW) is None


def test_a_no_is_a_no(talked, agent, boss):
    override = ask_for(talked, agent)
    answer_override(override=override, approve=False, person=boss, at=NOW)
    override.refresh_from_db()
    assert (override.approved, override.expires_at) == (False, None)
    with pytest.raises(OverrideRefused) as again:
        answer_override(override=override, approve=True, person=boss, at=NOW)
    assert again.value.code == "over"
    with pytest.raises(ProgrammingError, match="No override lets this contact happen"), transaction.atomic():
        talked.ask(override=override)
    assert types()[-1] == "override.refused"


def test_a_hold_that_came_in_between_stops_it_whatever_was_approved(talked, agent, boss):
    from compliance.actions.holds import open_hold

    override = ask_for(talked, agent)
    answer_override(override=override, approve=True, person=boss, at=NOW)
    override.refresh_from_db()
    open_hold(borrower=talked.borrower, kind="cease", by=SYSTEM, at=NOW)
    answer = talked.ask(override=override)
    assert (answer.decision.outcome, answer.permit_id) == ("prohibited", None)
    assert ContactDecision.objects.get(pk=answer.decision_id).override is None


# Who may, and for what


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"at": NOW.replace(hour=6)}, "prohibited"),
        ({"at": NOW + 30 * DAY}, "allowed"),
        ({"reasons": []}, "reasons"),
        ({"reasons": ["because"]}, "reasons"),
        ({"reasons": [REASON, "because"]}, "reasons"),
        ({"note": " "}, "note"),
        ({"note": "x" * 2001}, "note"),
    ],
    ids=["prohibited", "allowed", "no reason", "own reason", "one of each", "no note", "long note"],
)
def test_what_cannot_be_overridden_is_not_asked_for(talked, agent, changed, code):
    with pytest.raises(OverrideRefused) as refusal:
        ask_for(talked, agent, **changed)
    assert refusal.value.code == code
    assert not Override.objects.exists()


def test_one_request_at_a_time(talked, agent):
    ask_for(talked, agent)
    with pytest.raises(OverrideRefused) as refusal:
        ask_for(talked, agent, at=NOW + MINUTE)
    assert refusal.value.code == "asked"
    ask_for(talked, agent, at=NOW + 31 * MINUTE)


def test_it_waits_half_an_hour_and_no_longer(talked, agent, boss):
    override = ask_for(talked, agent)
    assert list(Override.objects.unanswered(NOW + 29 * MINUTE)) == [override]
    assert list(Override.objects.unanswered(NOW + 30 * MINUTE)) == []
    with pytest.raises(OverrideRefused) as refusal:
        answer_override(override=override, approve=True, person=boss, at=NOW + 30 * MINUTE)
    assert refusal.value.code == "over"


def test_nobody_answers_their_own_request(talked, boss):
    override = ask_for(talked, boss)
    with pytest.raises(OverrideRefused) as refusal:
        answer_override(override=override, approve=True, person=boss, at=NOW)
    assert refusal.value.code == "own"


@pytest.mark.parametrize("role", sorted(Role))
def test_who_may_ask_and_who_may_answer(talked, agent, role):
    override = ask_for(talked, agent)
    # Who collects for an agency is in none of our teams.
    person = make_user(role=role, team=None if role == Role.AGENCY else agent.team)
    if role in (Role.SUPERVISOR, Role.COMPLIANCE):
        assert answer_override(override=override, approve=True, person=person, at=NOW).approved
    else:
        with pytest.raises(PermissionDenied):
            answer_override(override=override, approve=True, person=person, at=NOW)
    if role in (Role.AGENT, Role.SUPERVISOR):
        assert ask_for(talked, person).requested_by == person
    else:
        with pytest.raises(PermissionDenied):
            ask_for(talked, person)


def test_whose_it_is_to_see(talked, agent, boss):
    override = ask_for(talked, agent)
    assert list(Override.objects.visible_to(boss)) == [override]
    assert list(Override.objects.visible_to(make_user(role=Role.COMPLIANCE))) == [override]
    assert list(Override.objects.visible_to(make_user(role=Role.SUPERVISOR, team=make_team()))) == []


# Past the actions


def a_request(dana: Dana, agent, **changed) -> dict:
    asked = ContactDecision.objects.filter(outcome="presumed_violation").order_by("-id").first()
    return {
        "id": uuid4(), "asked_id": asked and asked.pk, "borrower_id": dana.borrower.pk,
        "portfolio_id": dana.portfolio.pk, "contact_point_id": dana.phone.pk, "channel": "call",
        "purpose": "collect", "loans": [dana.loan.pk], "rules": ["HOUSE.CALLS.AFTERTALK"], "reasons": [REASON],
        "note_sealed": b"x", "requested_by_id": agent.pk, "requested_at": NOW, "recorded_at": NOW,
    } | changed  # fmt: skip


FORGED: dict[str, Callable] = {
    "approved from the start": lambda dana, boss: {
        "answered_by_id": boss.pk, "answered_at": NOW, "approved": True,
    },
    "no such decision": lambda dana, boss: {"asked_id": uuid4()},
    "a decision that prohibited": lambda dana, boss: {"asked_id": dana.ask(at=NOW.replace(hour=6)).decision_id},
    "a decision that permitted": lambda dana, boss: {"asked_id": dana.ask("email").decision_id},
    "another borrower": lambda dana, boss: {"borrower_id": make_dana().borrower.pk},
    "another address": lambda dana, boss: {"contact_point_id": dana.email.pk},
    "another channel": lambda dana, boss: {"channel": "sms"},
    "another purpose": lambda dana, boss: {"purpose": "reply"},
    "another loan": lambda dana, boss: {"loans": [make_dana().loan.pk]},
    "no loan": lambda dana, boss: {"loans": []},
    "no reason": lambda dana, boss: {"reasons": []},
    "a reason of its own": lambda dana, boss: {"reasons": [REASON, "because"]},
    "other rules": lambda dana, boss: {"rules": ["HOUSE.TIME"]},
    "no rules": lambda dana, boss: {"rules": []},
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_the_database_lets_no_other_request_begin(talked, agent, boss, name):
    talked.ask()
    row = a_request(talked, agent) | FORGED[name](talked, boss)
    with pytest.raises(DatabaseError), transaction.atomic():
        Override.objects.bulk_create([Override(**row)])
    assert not Override.objects.exists()
    Override.objects.bulk_create([Override(**a_request(talked, agent, asked_id=talked.ask().decision_id))])


def test_a_temporary_table_does_not_stand_in_for_the_decision(dana, agent):
    prohibited = dana.ask(at=NOW.replace(hour=6)).decision_id
    run(
        "CREATE TEMPORARY TABLE compliance_contactdecision AS SELECT * FROM public.compliance_contactdecision"
    )
    run(
        "UPDATE pg_temp.compliance_contactdecision SET outcome = 'presumed_violation', results ="
        ' \'[{"rule": "HOUSE.TIME", "outcome": "presumed_violation", "override_reasons": ["because"]}]\''
    )
    row = a_request(dana, agent, asked_id=prohibited, rules=["HOUSE.TIME"], reasons=["because"])
    with pytest.raises(IntegrityError, match="begins at a decision"), transaction.atomic():
        Override.objects.bulk_create([Override(**row)])


def test_the_database_holds_the_second_person_and_what_was_asked(talked, agent, boss):
    override = ask_for(talked, agent)
    rows = Override.objects.filter(pk=override.pk)
    with pytest.raises(IntegrityError, match="override_by_two_people"), transaction.atomic():
        rows.update(answered_by=agent, answered_at=NOW, approved=True)
    for change in (
        {"reasons": ["required_by_applicable_law"]}, {"loans": []}, {"channel": "sms"}, {"requested_by": boss},
        {"requested_at": NOW + DAY}, {"recorded_at": NOW + DAY}, {"expires_at": NOW + DAY}, {"approved": True},
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError, match="too old"), transaction.atomic():
        rows.update(answered_by=boss, answered_at=NOW + 31 * MINUTE, approved=True)
    rows.update(answered_by=boss, answered_at=NOW, approved=True, expires_at=NOW + 99 * DAY)
    override.refresh_from_db()
    assert override.expires_at - override.recorded_at < 16 * MINUTE
    with pytest.raises(ProgrammingError, match="answered once"), transaction.atomic():
        rows.update(approved=False)
    refused("DELETE FROM compliance_override")
    refused("TRUNCATE compliance_override CASCADE")


@pytest.fixture
def approved(talked, agent, boss) -> Override:
    override = ask_for(talked, agent)
    answer_override(override=override, approve=True, person=boss, at=NOW)
    return Override.objects.get()


def presumed(**changed) -> dict:
    return result("presumed_violation", rule="HOUSE.CALLS.AFTERTALK", override_reasons=[REASON], **changed)


def forge(dana: Dana, override: Override, **changed):
    from psycopg.types.json import Jsonb

    arguments = {"results": [presumed()], "outcome": "presumed_violation", "override": override.pk} | changed
    return decide(dana, **arguments | {"results": Jsonb(arguments["results"])})


def test_gate_decide_takes_the_approval_for_what_it_is(talked, approved):
    permit = forge(talked, approved)
    assert Permit.objects.get(pk=permit).decision.override == approved


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "prohibited", "results": [result("prohibited")]},
        {"outcome": "permitted", "results": [result("permitted")]},
        {
            "results": [
                presumed(),
                result("presumed_violation", rule="HOUSE.CALLS.7IN7", override_reasons=[REASON]),
            ]
        },
        {"results": [result("presumed_violation", rule="HOUSE.CALLS.7IN7", override_reasons=[REASON])]},
        {"results": [presumed() | {"override_reasons": ["required_by_applicable_law"]}]},
        {"at": NOW + 15 * MINUTE},
        {"at": NOW - MINUTE},
    ],
    ids=[
        "prohibited",
        "permitted",
        "one rule more",
        "another rule",
        "reason not of the rule",
        "too late",
        "too early",
    ],
)
def test_gate_decide_takes_it_for_nothing_else(talked, approved, changed):
    before = Permit.objects.count()
    with pytest.raises(ProgrammingError, match="No override lets this contact happen"), transaction.atomic():
        forge(talked, approved, **changed)
    assert Permit.objects.count() == before


def test_gate_decide_takes_it_for_nobody_else(approved):
    other = make_dana(make_portfolio())
    with pytest.raises(ProgrammingError, match="No override lets this contact happen"), transaction.atomic():
        forge(other, approved)


def test_an_unanswered_request_opens_nothing(talked, agent):
    override = ask_for(talked, agent)
    with pytest.raises(ProgrammingError, match="No override lets this contact happen"), transaction.atomic():
        forge(talked, override)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_use_it_once():
    dana = make_dana()
    dana.call(at=NOW - DAY, conversation=True)
    agent = make_user(team=make_team(portfolios=[dana.portfolio]))
    override = ask_for(dana, agent)
    answer_override(override=override, approve=True, person=make_user(role=Role.COMPLIANCE), at=NOW)
    override.refresh_from_db()
    start, permits = threading.Barrier(20), []

    def work() -> None:
        start.wait()
        try:
            permits.append(dana.ask(override=override).permit_id)
        except ProgrammingError:
            permits.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in permits if each]) == 1
    assert len(permits) == 20
    assert ContactAttempt.objects.count() == 1  # the conversation of yesterday
