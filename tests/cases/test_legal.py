"""A case at law: agreed by two, in the order of its steps, stopped by every hold and by every agreement, never on an old
debt; and questions to legal. Then the same against the database."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import LedgerEntry
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.answering import answer_approval
from cases.actions.approvals import ApprovalRefused
from cases.actions.legal import (
    Lawyer,
    LegalRefused,
    answer_legal,
    ask_legal,
    open_question,
    open_words,
    propose_legal,
    set_limitation,
    stay_of,
    take_step,
    withdraw_step,
)
from cases.actions.payments import record_payment
from cases.actions.transition import MoveRefused, move
from cases.evidence import evidence
from cases.legal_steps import ORDER, STEPS, Taken, add_working_days, missing_before, next_kinds
from cases.models import CaseState, LegalQuestion, LegalStep, LegalStepOrder, Limitation, Promise
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.holds import stops_legal_steps
from compliance.models import AuditEvent, HoldKind
from compliance.rules.terms.limits import barred_from
from tests.cases.stories import DAY, agreed_by_two, call, events, fresh, in_time, make_case, paper, told
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio, make_user
from tests.locks import WAITING

pytestmark = pytest.mark.django_db
WHY = "Three offers were talked over; nothing was taken, nothing was paid."
LAWYER = Lawyer(name="Ada Moyo", licence="NY-5512", firm="Moyo & Lin LLP", reviewed_on=TODAY, signed_on=TODAY)


def ready_case(portfolio, people):
    """Ninety days late, told, offered a way out that was not taken, and still in time."""
    case = make_case(portfolio, due_on=days_ago(90), principal=100_00)
    told(case)
    case = move(case=case, to="notified", by=SYSTEM, at=NOW, reason="notice_sent")
    call(case, people.alice, "refuses")
    in_time(case)
    return fresh(case)


@pytest.fixture
def portfolio(contract):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    alice, bob, charlie = make_people(portfolio)
    omar, lena = make_user("omar", role="legal"), make_user("lena", role="legal")
    return SimpleNamespace(alice=alice, bob=bob, charlie=charlie, omar=omar, lena=lena)


@pytest.fixture
def case(portfolio, people):
    return ready_case(portfolio, people)


def go_to_law(case, people, at=NOW):
    approval = propose_legal(case=case, note=WHY, requester=people.bob, at=at)
    answer_approval(approval=approval, approve=True, person=people.omar, at=at)
    return fresh(case)


@pytest.fixture
def at_law(case, people):
    return go_to_law(case, people)


def step(case, people, kind, on=0, **more):
    """A step taken so many days after today, on that very day."""
    day = TODAY + on * DAY
    if kind in ("letter", "lawyer_letter"):
        more.setdefault("next_on", day + 14 * DAY)
    if kind == "lawyer_letter":
        more.setdefault("lawyer", LAWYER)
    if STEPS[kind].papers and "document" not in more:
        more["document"] = paper(case, STEPS[kind].papers[0])
    return take_step(case=case, kind=kind, taken_on=day, person=people.omar, at=NOW + on * DAY, **more)


# Evidence, and two people


def test_the_list_is_computed_from_facts(case, monkeypatch):
    lines = {line.key: line.fact for line in evidence(case, TODAY)}
    assert list(lines) == ["contract", "statement", "notice", "offer", "findings", "identity", "limitation"]
    assert all(fact.there for fact in lines.values())
    assert (lines["notice"].on, lines["offer"].on, lines["identity"].on) == (TODAY, TODAY, TODAY)
    assert (lines["statement"].number, lines["limitation"].on) == (1, date(2028, 12, 3))
    monkeypatch.undo()
    assert not evidence(case, TODAY)[0].fact.there


def test_nothing_is_there_on_a_new_case(portfolio):
    lines = {line.key: line.fact.there for line in evidence(make_case(portfolio), TODAY)}
    assert [key for key, there in lines.items() if not there] == ["notice", "offer", "identity", "limitation"]


def test_two_people_bring_a_case_to_legal(case, people):
    approval = propose_legal(case=case, note=WHY, requester=people.omar, at=NOW)
    assert approval.proposal == {"days_past_due": 90, "arrears": 100_00}
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.omar, at=NOW)
    assert refused.value.code == "own"
    with pytest.raises(PermissionDenied):
        answer_approval(approval=approval, approve=True, person=people.bob, at=NOW)
    assert fresh(case).state == CaseState.NEGOTIATING
    answer_approval(approval=approval, approve=True, person=people.lena, at=NOW)
    moved = fresh(case)
    assert moved.state == CaseState.LEGAL
    assert stay_of(moved).approval == approval


def test_an_agent_proposes_nothing(case, people):
    with pytest.raises(PermissionDenied):
        propose_legal(case=case, note=WHY, requester=people.alice, at=NOW)


def test_what_is_missing_is_said_before_anybody_is_asked(portfolio, people):
    case = make_case(portfolio, due_on=days_ago(90))
    call(case, people.alice, "refuses")
    with pytest.raises(MoveRefused) as refused:
        propose_legal(case=fresh(case), note=WHY, requester=people.bob, at=NOW)
    assert refused.value.missing == ("notice", "limitation")
    assert not case.approvals.exists()


def test_what_came_up_meanwhile_stops_the_second_person(case, people):
    approval = propose_legal(case=case, note=WHY, requester=people.bob, at=NOW)
    open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=NOW)
    with pytest.raises(MoveRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.omar, at=NOW)
    assert refused.value.missing == ("hold",)
    approval.refresh_from_db()
    assert (approval.answered_at, fresh(case).state) == (None, CaseState.NEGOTIATING)


def test_an_agreement_is_used_once(at_law, people):
    back = promise(at_law, people)
    assert back.state == CaseState.NEGOTIATING
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_promise SET state = 'broken', decided_at = made_at")
    with pytest.raises(MoveRefused) as refused:
        move(case=back, to="legal", by=Actor.staff(people.omar), at=NOW, reason="again")
    assert refused.value.missing == ("approval",)
    assert go_to_law(back, people, at=NOW + DAY).state == CaseState.LEGAL


# How long a debt may be sued for


def test_unknown_is_no_and_too_old_is_no(portfolio, people):
    case = make_case(portfolio, due_on=days_ago(90))
    told(case)
    call(case, people.alice, "refuses")
    for runs_from, missing in ((None, "limitation"), (date(2022, 3, 3), "time_barred")):
        if runs_from:
            in_time(case, runs_from=runs_from)
        with pytest.raises(MoveRefused) as refused:
            propose_legal(case=fresh(case), note=WHY, requester=people.bob, at=NOW)
        assert refused.value.missing == (missing,)
    # One day more, and it is in time: the newest word counts.
    in_time(case, runs_from=date(2023, 3, 4))
    assert propose_legal(case=fresh(case), note=WHY, requester=people.bob, at=NOW)


def test_a_debt_grows_too_old_between_two_steps_but_not_once_it_is_sued_for(at_law, people):
    step(at_law, people, "letter")
    step(at_law, people, "mediation", 20)
    in_time(at_law, runs_from=TODAY + 21 * DAY - timedelta(days=3 * 365 + 1), at=NOW + 20 * DAY)
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "claim", 21)
    assert refused.value.missing == ("time_barred",)
    step(at_law, people, "claim", 20)
    assert step(at_law, people, "judgment", 60).kind == "judgment"


def test_only_legal_says_so_and_with_a_source(case, people):
    words = {"case": case, "ground": "due", "years": 3, "source": "CPLR 213", "words": "As above.", "at": NOW}
    with pytest.raises(PermissionDenied):
        set_limitation(runs_from=TODAY, person=people.bob, **words)
    for change, code in (
        ({"runs_from": TODAY + DAY}, "runs_from"),
        ({"years": 0}, "years"),
        ({"source": " "}, "source"),
        ({"words": ""}, "words"),
    ):
        with pytest.raises(LegalRefused) as refused:
            set_limitation(**{"runs_from": TODAY, "person": people.omar, **words, **change})
        assert refused.value.code == code


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)), st.integers(1, 30))
def test_a_period_is_counted_as_the_database_counts_it(runs_from, years):
    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::date + make_interval(years => %s))::date", [runs_from, years])
        assert cursor.fetchone()[0] == barred_from(runs_from, years)


# Steps


def test_from_the_letter_to_enforcement_with_what_it_costs(at_law, people):
    taken = [
        step(at_law, people, "letter", reference="Letter 17", note="By post."),
        step(at_law, people, "lawyer_letter", 15, cost=50_00),
        step(at_law, people, "mediation", 30),
        step(at_law, people, "claim", 40, cost=75_50, next_on=TODAY + 90 * DAY),
        step(at_law, people, "judgment", 90),
        step(at_law, people, "enforcement", 120),
    ]
    assert [each.kind for each in taken] == list(STEPS)
    assert (open_words(taken[0], "reference"), open_words(taken[0], "note")) == ("Letter 17", "By post.")
    fees = LedgerEntry.objects.filter(loan=at_law.loan_id, kind="fee").order_by("value_date")
    assert list(fees.values_list("fees", "value_date")) == [
        (50_00, TODAY + 15 * DAY),
        (75_50, TODAY + 40 * DAY),
    ]
    owed = standing_of([at_law.loan_id], on=TODAY + 120 * DAY)[at_law.loan_id]
    assert owed.outstanding == 100_00 + 50_00 + 75_50
    event = AuditEvent.objects.filter(type="legal.step_taken", case_ref=at_law.pk).order_by("seq")[3]
    data = json.loads(bytes(event.leaf))["data"]
    assert (data["kind"], data["cost"], data["next_on"]) == ("claim", "75.50", "2026-06-01")
    assert not any("Moyo" in bytes(each.leaf).decode() for each in AuditEvent.objects.all())


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("lawyer_letter", ("letter",)),
        ("mediation", ("letter",)),
        ("claim", ("letter", "mediation")),
        ("judgment", ("claim",)),
        ("enforcement", ("judgment",)),
    ],
)
def test_the_mildest_comes_first(at_law, people, kind, missing):
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, kind)
    assert refused.value.missing == missing


def test_nothing_follows_while_the_borrower_has_time_to_answer(at_law, people):
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "letter", next_on=TODAY + 13 * DAY)
    assert refused.value.code == "next_on"
    step(at_law, people, "letter")
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "mediation", 14)
    assert refused.value.missing == ("answer",)
    step(at_law, people, "mediation", 15)


def test_a_lawyers_letter_names_who_reviewed_and_signed(at_law, people):
    step(at_law, people, "letter")
    nobody = Lawyer(name=" ", licence="1", firm="F", reviewed_on=TODAY, signed_on=TODAY)
    too_late = Lawyer(name="A", licence="1", firm="F", reviewed_on=TODAY + 9 * DAY, signed_on=TODAY)
    for lawyer in (None, nobody, too_late):
        with pytest.raises(LegalRefused) as refused:
            step(at_law, people, "lawyer_letter", 15, lawyer=lawyer)
        assert refused.value.code == "lawyer"
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "mediation", 15, lawyer=LAWYER)
    assert refused.value.code == "lawyer"


@pytest.mark.parametrize("kind", list(HoldKind))
def test_a_hold_stops_every_step_and_nothing_else_does(at_law, people, kind):
    hold = open_hold(borrower=at_law.borrower, kind=kind, by=SYSTEM, at=NOW)
    if not stops_legal_steps(kind):
        assert step(at_law, people, "letter").kind == "letter"
        return
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "letter")
    assert refused.value.missing == ("hold",)
    with pytest.raises(IntegrityError, match="hold stops legal"), transaction.atomic():
        raw_step(at_law, people)
    end_hold(hold=hold, by=Actor.staff(people.bob), at=NOW, reason="answered")
    assert step(at_law, people, "letter").kind == "letter"


def test_a_step_is_taken_back_by_a_row_and_may_be_taken_again(at_law, people):
    letter = step(at_law, people, "letter")
    mediation = step(at_law, people, "mediation", 15)
    with pytest.raises(LegalRefused) as refused:
        withdraw_step(step=letter, note="Wrong.", person=people.omar, at=NOW + 16 * DAY)
    assert refused.value.code == "not_last"
    open_hold(borrower=at_law.borrower, kind="dispute", by=SYSTEM, at=NOW + 16 * DAY, days=1)
    withdraw_step(step=mediation, note="It never took place.", person=people.omar, at=NOW + 16 * DAY)
    withdraw_step(step=letter, note="Sent in error.", person=people.omar, at=NOW + 16 * DAY)
    assert LegalStep.objects.count() == 4
    assert not LegalStep.objects.standing().exists()
    assert step(at_law, people, "letter", 17).kind == "letter"


def promise(case, people, at=NOW):
    record_promise(
        case=case, amount=10_00, due_on=TODAY + 3 * DAY, channel="call", by=Actor.staff(people.alice), at=at
    )
    return fresh(case)


def test_a_promise_ends_the_legal_stage(at_law, people):
    step(at_law, people, "letter")
    case = promise(at_law, people)
    assert case.state == CaseState.NEGOTIATING
    with pytest.raises(LegalRefused) as refused:
        step(case, people, "mediation", 15)
    assert refused.value.code == "not_at_law"


def test_a_promise_stops_the_steps_also_where_nobody_spoke_yet(at_law, people):
    """The map wants a conversation before talking; until then the case stays, and nothing is done on it."""
    Promise.objects.create(
        case=at_law,
        amount=10_00,
        due_on=TODAY + 3 * DAY,
        channel="app",
        made_at=NOW,
        made_on=TODAY,
        actor="x",
    )
    with pytest.raises(LegalRefused) as refused:
        step(at_law, people, "letter")
    assert refused.value.missing == ("promise_running",)
    with pytest.raises(IntegrityError, match="agreed to pay"), transaction.atomic():
        raw_step(at_law, people)


def test_a_plan_and_a_payment_end_it_too(at_law, people, portfolio):
    agree_plan(
        case=at_law, count=3, first_due_on=TODAY + 7 * DAY, every=Every(months=1), channel="call",
        by=Actor.staff(people.alice), at=NOW,
    )  # fmt: skip
    assert fresh(at_law).state == CaseState.INSTALLMENT_PLAN
    other = make_case(portfolio, due_on=days_ago(90), principal=100_00)
    told(other)
    call(other, people.alice, "refuses")
    in_time(other)
    other = go_to_law(fresh(other), people)
    record_payment(
        case=other, amount=100_00, value_date=TODAY, reference="P9", by=Actor.staff(people.alice), at=NOW
    )
    assert fresh(other).state == CaseState.CURED
    with pytest.raises(LegalRefused) as refused:
        step(fresh(other), people, "letter")
    assert refused.value.code == "not_at_law"


def test_a_second_stay_begins_with_the_letter_again(at_law, people):
    step(at_law, people, "letter")
    back = promise(at_law, people)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_promise SET state = 'broken', decided_at = made_at")
    again = go_to_law(back, people, at=NOW + 20 * DAY)
    with pytest.raises(LegalRefused) as refused:
        step(again, people, "mediation", 21)
    assert refused.value.missing == ("letter",)


def test_only_legal_takes_steps(at_law, people):
    for person in (people.alice, people.bob):
        with pytest.raises(PermissionDenied):
            take_step(
                case=at_law,
                kind="letter",
                taken_on=TODAY,
                next_on=TODAY + 14 * DAY,
                person=person,
                at=NOW,
            )


KINDS = st.sampled_from(list(STEPS))


@given(st.lists(st.tuples(KINDS, st.integers(0, 30)), max_size=12))
def test_whatever_is_tried_the_order_holds(tries):
    taken, day = [], TODAY
    for kind, days in tries:
        day += timedelta(days=days)
        if missing_before(kind, taken, day):
            continue
        answer = STEPS[kind].answer_days
        taken.append(Taken(kind, day, day + timedelta(days=answer) if answer else None))
    ranks = [ORDER[each.kind] for each in taken]
    assert ranks == sorted(set(ranks))
    for number, each in enumerate(taken):
        before = {earlier.kind for earlier in taken[:number]}
        assert set(STEPS[each.kind].after) <= before
        for earlier in taken[:number]:
            assert (each.on - earlier.on).days > STEPS[earlier.kind].answer_days or not STEPS[
                earlier.kind
            ].answer_days
    assert "letter" in next_kinds([], day)


# The database, asked by raw SQL


def raw_step(case, people, kind="letter", **changes):
    if "document_id" not in changes and kind in STEPS and STEPS[kind].papers:
        changes["document_id"] = paper(case, STEPS[kind].papers[0]).pk
    stay = case.transitions.order_by("-seq").first()
    row = {
        "case_id": case.pk, "stay_id": stay and stay.pk, "kind": kind,
        "taken_on": TODAY, "next_on": TODAY + 14 * DAY, "lawyer": "", "licence": "", "firm": "",
        "reviewed_on": None, "signed_on": None, "cost": 0, "taken_by_id": people.omar.pk, "at": NOW,
    } | changes  # fmt: skip
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO cases_legalstep (id, {names}) VALUES (gen_random_uuid(), {marks})",
            list(row.values()),
        )


def test_the_database_holds_the_same_order_as_the_code():
    rows = LegalStepOrder.objects.order_by("rank").values_list("kind", "answer_days", "after", "papers")
    assert list(rows) == [
        (row.kind, row.answer_days, list(row.after), list(row.papers)) for row in STEPS.values()
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "mediation", "next_on": None}, "have their order"),
        ({"kind": "claim", "next_on": None}, "have their order"),
        ({"kind": "threat"}, "no such legal step"),
        ({"next_on": None}, "time to answer"),
        ({"next_on": TODAY + 13 * DAY}, "time to answer"),
        ({"taken_on": TODAY + DAY, "next_on": TODAY + 30 * DAY}, "belongs to the time"),
        ({"taken_on": TODAY - DAY}, "belongs to the time"),
        ({"at": NOW - DAY, "taken_on": TODAY - DAY}, "belongs to the time"),
        ({"cost": 5}, "posted for it"),
        ({"kind": "withdrawal"}, "taken back first"),
    ],
)
def test_a_step_by_hand_is_refused(at_law, people, changes, why):
    with pytest.raises(IntegrityError, match=why), transaction.atomic():
        raw_step(at_law, people, **changes)
    raw_step(at_law, people)


@pytest.mark.parametrize("name", ["lawyer", "licence", "firm", "reviewed_on", "signed_on"])
def test_the_database_wants_all_of_a_lawyer(at_law, people, name):
    step(at_law, people, "letter")
    whole = {
        "lawyer": "Ada Moyo", "licence": "NY-5512", "firm": "Moyo & Lin LLP", "reviewed_on": TODAY,
        "signed_on": TODAY, "taken_on": TODAY + 15 * DAY, "next_on": TODAY + 30 * DAY, "at": NOW + 15 * DAY,
    }  # fmt: skip
    lacking = None if name.endswith("_on") else " "
    with pytest.raises(IntegrityError, match="legal_step_lawyer"), transaction.atomic():
        raw_step(at_law, people, "lawyer_letter", **(whole | {name: lacking}))
    raw_step(at_law, people, "lawyer_letter", **whole)


def test_no_step_off_the_stage_and_none_on_an_old_debt(case, at_law, people, portfolio):
    other = make_case(portfolio)
    with pytest.raises(IntegrityError, match="while its case is at law"), transaction.atomic():
        raw_step(other, people, stay_id=stay_of(at_law).pk)
    with pytest.raises(IntegrityError, match="while its case is at law"), transaction.atomic():
        raw_step(at_law, people, stay_id=at_law.transitions.order_by("seq").first().pk)
    in_time(at_law, runs_from=date(2020, 1, 1))
    with pytest.raises(IntegrityError, match="may still be sued for"), transaction.atomic():
        raw_step(at_law, people)


def write_move(case, approval=None, source=None):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cases_transition (case_id, seq, source, target, at, actor_kind, actor, reason, approval_id)"
            " VALUES (%s, %s, %s, 'legal', %s, 'system', 'x', 'x', %s)",
            [case.pk, case.state_seq + 1, source or case.state, NOW, approval],
        )


def test_the_database_refuses_the_move_without_two_people(case, people, portfolio):
    waiting = propose_legal(case=case, note=WHY, requester=people.bob, at=NOW)
    other = agreed_by_two(ready_case(portfolio, people))
    for approval in (None, waiting.pk, other.pk):
        with pytest.raises(IntegrityError, match="two people agreed"), transaction.atomic():
            write_move(case, approval)
    answer_approval(approval=waiting, approve=False, person=people.omar, at=NOW)
    with pytest.raises(IntegrityError, match="two people agreed"), transaction.atomic():
        write_move(case, waiting.pk)
    with (
        pytest.raises(IntegrityError, match="transition_to_legal_by_two"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO cases_transition (case_id, seq, source, target, at, actor_kind, actor, reason, approval_id)"
            " VALUES (%s, 9, 'overdue', 'notified', %s, 'system', 'x', 'x', %s)",
            [other.case_id, NOW, other.pk],
        )


def test_the_database_refuses_the_move_under_a_hold_or_too_late(case, people):
    approval = agreed_by_two(case)
    hold = open_hold(borrower=case.borrower, kind="bankruptcy", by=SYSTEM, at=NOW)
    with pytest.raises(IntegrityError, match="hold stops legal"), transaction.atomic():
        write_move(case, approval.pk)
    end_hold(hold=hold, by=SYSTEM, at=NOW, reason="x")
    in_time(case, runs_from=date(2020, 1, 1))
    with pytest.raises(IntegrityError, match="may still be sued for"), transaction.atomic():
        write_move(case, approval.pk)


def test_the_database_refuses_an_agreement_used_before(at_law, people):
    used = stay_of(at_law).approval
    back = promise(at_law, people)
    with pytest.raises(IntegrityError, match="approval_id"), transaction.atomic():
        write_move(back, used.pk)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE cases_legalstep SET cost = 0",
        "DELETE FROM cases_legalstep",
        "TRUNCATE cases_legalstep CASCADE",
        "UPDATE cases_limitation SET years = 30",
        "DELETE FROM cases_limitation",
        "UPDATE cases_legalsteporder SET answer_days = 0",
        "UPDATE cases_legalquestion SET due_on = '2030-01-01'",
        "UPDATE cases_legalquestion SET answered_at = asked_at",
        "DELETE FROM cases_legalquestion",
        "INSERT INTO cases_limitation SELECT gen_random_uuid(), runs_from, ground, 30, barred_on, source, words_sealed,"
        " recorded_at, case_id, loan_id, recorded_by_id FROM cases_limitation",
    ],
)
def test_what_was_said_is_never_rewritten(at_law, people, attack):
    step(at_law, people, "letter")
    ask_legal(case=at_law, question="May we?", person=people.alice, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    assert (LegalStep.objects.count(), LegalQuestion.objects.count()) == (1, 1)
    assert Limitation.objects.get(case=at_law).years == 3


# Questions


def test_legal_answers_a_question_and_the_case_stays_where_it_is(portfolio, people):
    case = make_case(portfolio)
    asked = ask_legal(case=case, question="May she pay in kind?", person=people.alice, at=NOW)
    assert asked.due_on == date(2026, 3, 5)
    assert open_question(asked) == ("May she pay in kind?", "")
    assert b"kind" not in bytes(asked.question_sealed)
    with pytest.raises(PermissionDenied):
        answer_legal(question=asked, answer="Yes.", person=people.bob, at=NOW)
    answered = answer_legal(question=asked, answer="No, only in money.", person=people.omar, at=NOW + 3 * DAY)
    assert open_question(answered) == ("May she pay in kind?", "No, only in money.")
    with pytest.raises(LegalRefused) as refused:
        answer_legal(question=asked, answer="Yes.", person=people.lena, at=NOW + 3 * DAY)
    assert refused.value.code == "answered"
    assert fresh(case).state == CaseState.OVERDUE
    assert events(case)[-2:] == ["legal.asked", "legal.answered"]
    event = AuditEvent.objects.get(type="legal.answered")
    assert json.loads(bytes(event.leaf))["data"] == {"question": str(asked.pk), "late": True}


def test_a_closed_case_and_an_empty_question_are_refused(portfolio, people):
    case = make_case(portfolio)
    with pytest.raises(LegalRefused) as refused:
        ask_legal(case=case, question=" ", person=people.alice, at=NOW)
    assert refused.value.code == "words"
    move(case=case, to="recalled", by=Actor.staff(people.bob), at=NOW, reason="x")
    with pytest.raises(LegalRefused) as refused:
        ask_legal(case=case, question="Why?", person=people.alice, at=NOW)
    assert refused.value.code == "closed"


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 10))
def test_where_no_calendar_is_published_people_work_from_monday_to_friday(day, count):
    end = add_working_days(day, count, [])
    between = [day + timedelta(days=number) for number in range(1, (end - day).days + 1)]
    assert sum(each.weekday() < 5 for each in between) == count
    assert end.weekday() < 5


@pytest.mark.parametrize(
    ("countries", "asked", "due"),
    [
        (["US"], date(2026, 7, 1), date(2026, 7, 6)),  # 4 July 2026 is a Saturday: kept on the Friday before
        (
            ["GB"],
            date(2026, 4, 2),
            date(2026, 4, 7),
        ),  # Good Friday; Easter Monday is no holiday everywhere in it
        (
            ["CN"],
            date(2026, 2, 13),
            date(2026, 2, 24),
        ),  # Saturday the 14th is worked; then the Spring Festival
        (
            ["CN"],
            date(2026, 9, 30),
            date(2026, 10, 9),
        ),  # the National Day's week; Saturday the 10th is worked
        (["CN", "US"], date(2026, 10, 8), date(2026, 10, 13)),  # not the 10th (US), not the 12th (US)
        (["ZZ"], date(2026, 7, 3), date(2026, 7, 7)),
    ],
)
def test_working_days_follow_the_calendar_of_the_place(countries, asked, due):
    assert add_working_days(asked, 2, countries) == due


def test_legal_answers_by_the_portfolios_own_working_days(people):
    """Asked on the Friday before the Spring Festival: the Saturday is worked, then the country rests for nine days."""
    portfolio = make_portfolio(
        jurisdictions=["CN"], zone="Asia/Shanghai", currency="CNY", team=people.alice.team
    )
    asked = ask_legal(
        case=make_case(portfolio),
        question="May we?",
        person=people.alice,
        at=datetime(2026, 2, 13, 4, tzinfo=UTC),
    )
    assert asked.due_on == date(2026, 2, 24)


# Two connections


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_is_being_opened_comes_before_the_step(owner_connection, monkeypatch):
    monkeypatch.setattr("cases.evidence.has_document", lambda case, kind: TODAY)
    portfolio = make_portfolio()
    alice, bob, _charlie = make_people(portfolio)
    people = SimpleNamespace(alice=alice, bob=bob, omar=make_user("omar", role="legal"))
    case = go_to_law(ready_case(portfolio, people), people)
    letter = paper(case, STEPS["letter"].papers[0])

    def try_step():
        try:
            raw_step(case, people, document_id=letter.pk)
        except IntegrityError as refused:
            return str(refused)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(1) as pool:
        with owner_connection.transaction():
            owner_connection.execute(
                "SELECT FROM accounts_borrower WHERE id = %s FOR NO KEY UPDATE", [case.borrower_id]
            )
            done = pool.submit(try_step)
            while not owner_connection.execute(WAITING).fetchone()[0]:
                assert not done.done(), done.result()
            owner_connection.execute(
                "INSERT INTO compliance_hold (id, borrower_id, kind, variant, court_permission, evidence, evidence_ref,"
                " starts_on, opened_at, opened_by, ended_by)"
                " VALUES (gen_random_uuid(), %s, 'dispute', '', '', '', '', %s, %s, 'x', '')",
                [case.borrower_id, TODAY, NOW],
            )
        assert "hold stops legal steps" in done.result(timeout=10)
    assert not LegalStep.objects.exists()


@pytest.mark.parametrize(
    ("jurisdictions", "most", "rule"),
    [(("CN",), 3, "CN.CIVIL.LIMIT"), (("GB", "GB-EAW"), 6, "UK.LIMIT"), (("US",), 30, None)],
)
def test_nobody_gives_more_years_than_the_rules_of_the_place(contract, jurisdictions, most, rule):
    case = make_case(make_portfolio(jurisdictions=jurisdictions))
    assert in_time(case, years=most).years == most
    if rule:
        with pytest.raises(LegalRefused, match=rule) as refused:
            in_time(case, years=most + 1)
        assert refused.value.code == "years"
    # The rules give the years, and never the day: without a person's word nothing is known.
    other = make_case(make_portfolio(jurisdictions=jurisdictions))
    assert not evidence(other, TODAY)[-1].fact.there
