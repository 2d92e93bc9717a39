"""Moving a case: who may, when, what it takes with it, and that of two who try at once one wins."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Role
from accounts.schedules import Every
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.answering import answer_approval
from cases.actions.legal import propose_legal
from cases.actions.payments import record_payment
from cases.actions.transition import MoveRefused, move
from cases.actions.work import plan_work, take
from cases.models import (
    Case,
    CaseState,
    Lease,
    Plan,
    PlanState,
    Promise,
    PromiseState,
    Transition,
    WorkKind,
)
from compliance.actions.contacts import note_inbound
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import agreed_by_two, call, events, fresh, in_time, make_case, told
from tests.factories import NOW, SYSTEM, days_ago, make_people, make_portfolio, make_user

MONTHLY = Every(months=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


def reply(case: Case) -> None:
    note_inbound(
        borrower=case.borrower, channel="email", loans=[case.loan_id], by=SYSTEM, at=NOW, disposition="reply",
        right_party=True, conversation=False, case=case.pk,
    )  # fmt: skip


def test_a_move_leaves_its_row_its_event_and_the_new_state(portfolio, people):
    case = make_case(portfolio)
    reply(case)
    moved = move(case=case, to="negotiating", by=Actor.staff(people.alice), at=NOW, reason="replied")
    assert (moved.state, moved.state_seq, moved.closed_at) == ("negotiating", 1, None)
    row = Transition.objects.get(case=case)
    assert (row.seq, row.source, row.target, row.at, row.actor_kind, row.actor, row.reason) == (
        1, "overdue", "negotiating", NOW, "staff", str(people.alice.ref), "replied",
    )  # fmt: skip
    event = AuditEvent.objects.get(type="case.moved", case_ref=case.pk)
    assert (event.actor, event.borrower_ref, event.stream) == (
        str(people.alice.ref),
        case.borrower_id,
        case.pk,
    )
    assert fresh(case).state_seq == 1


def test_an_edge_that_is_not_on_the_map_is_refused(portfolio, people):
    case = make_case(portfolio)
    with pytest.raises(MoveRefused) as refused:
        move(case=case, to="legal", by=Actor.staff(people.bob), at=NOW, reason="test")
    assert (refused.value.code, refused.value.missing) == ("off_the_map", ())
    assert str(refused.value) == "A case does not go from “overdue” to “with legal”."


def test_a_case_moved_meanwhile_is_not_moved_again_from_an_old_view(portfolio, people):
    case = make_case(portfolio)
    reply(case)
    seen = fresh(case)
    move(case=case, to="negotiating", by=SYSTEM, at=NOW, reason="replied")
    with pytest.raises(MoveRefused) as refused:
        move(case=seen, to="written_off", by=Actor.staff(people.bob), at=NOW, reason="test")
    assert refused.value.code == "moved_meanwhile"


@pytest.mark.parametrize("to", ["written_off", "recalled"])
def test_giving_a_case_up_is_for_who_may_close_cases_and_never_for_a_machine(portfolio, people, to):
    case = make_case(portfolio)
    for by, code in (
        (Actor.staff(people.alice), "not_permitted"),
        (Actor.staff(make_user(role=Role.COMPLIANCE)), "not_permitted"),
        (SYSTEM, "decided"),
    ):
        with pytest.raises(MoveRefused) as refused:
            move(case=case, to=to, by=by, at=NOW, reason="test")
        assert refused.value.code == code
    assert move(case=case, to=to, by=Actor.staff(people.bob), at=NOW, reason="test").closed_at == NOW


def test_notified_needs_a_message_that_was_accepted(portfolio):
    with pytest.raises(MoveRefused) as refused:
        move(case=make_case(portfolio), to="notified", by=SYSTEM, at=NOW, reason="test")
    assert (refused.value.code, refused.value.missing) == ("notice_sent", ("notice",))
    assert (
        str(refused.value) == "The case does not go to “notified” yet: a first notice that was really sent."
    )


def test_a_conversation_before_the_case_opened_does_not_count(portfolio, people):
    case = make_case(portfolio)
    note_inbound(
        borrower=case.borrower, channel="call", loans=[case.loan_id], by=SYSTEM, at=NOW - timedelta(days=1),
        disposition="promises", right_party=True, conversation=True,
    )  # fmt: skip
    with pytest.raises(MoveRefused) as refused:
        move(case=case, to="negotiating", by=SYSTEM, at=NOW, reason="test")
    assert refused.value.missing == ("conversation",)


def test_a_call_that_reached_nobody_is_no_conversation(portfolio, people):
    case = make_case(portfolio)
    call(case, people.alice, "third_party")
    with pytest.raises(MoveRefused) as refused:
        move(case=case, to="negotiating", by=SYSTEM, at=NOW, reason="test")
    assert refused.value.missing == ("conversation",)


def test_cured_needs_arrears_paid_to_the_cent(portfolio):
    case = make_case(portfolio, principal=100_00)
    with pytest.raises(MoveRefused) as refused:
        move(case=case, to="cured", by=SYSTEM, at=NOW, reason="test")
    assert refused.value.missing == ("arrears",)


def test_legal_names_everything_that_is_missing(portfolio, people):
    case = make_case(portfolio)
    call(case, people.alice, "disputes")
    legal = Actor.staff(make_user(role=Role.LEGAL))
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=legal, at=NOW, reason="test")
    assert refused.value.code == "legal_ready"
    assert refused.value.missing == ("days", "contract", "notice", "offer", "limitation", "hold", "approval")
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=Actor.staff(people.bob), at=NOW, reason="test")
    assert refused.value.code == "not_permitted"


@pytest.fixture
def legal(db):
    return Actor.staff(make_user(role=Role.LEGAL))


def test_legal_steps_begin_when_all_is_done_and_nothing_bars_them(portfolio, people, legal, contract):
    case = make_case(portfolio, due_on=days_ago(90))
    told(case)
    assert move(case=case, to="notified", by=SYSTEM, at=NOW, reason="notice_sent").state == "notified"
    call(case, people.alice, "refuses")
    take(case=case, user=people.alice, at=NOW)
    in_time(case)
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=legal, at=NOW, reason="last_resort")
    assert refused.value.missing == ("approval",)
    approval = propose_legal(case=fresh(case), note="Nothing else is left.", requester=people.bob, at=NOW)
    answer_approval(approval=approval, approve=True, person=legal.user, at=NOW)
    moved = fresh(case)
    assert (moved.state, moved.closed_at) == ("legal", None)
    # The desk's work on it stops.
    assert list(case.work_items.values_list("result", flat=True)) == ["legal"]
    assert Lease.objects.get(case=case).holder is None


def test_who_broke_a_plan_is_offered_another_way_before_the_court(portfolio, people, legal, contract):
    case = make_case(portfolio, due_on=days_ago(90))
    told(case)
    call(case, people.alice, "cannot_pay")
    plan_of = agree_plan(
        case=case, count=3, first_due_on=NOW.date(), every=MONTHLY, channel="call",
        by=Actor.staff(people.alice), at=NOW,
    )  # fmt: skip
    in_time(case)
    agreed_by_two(case)
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=legal, at=NOW, reason="test")
    assert refused.value.missing == ("plan_running",)
    ended = NOW + timedelta(minutes=30)
    Plan.objects.filter(pk=plan_of.pk).update(state=PlanState.BROKEN, ended_at=ended)
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=legal, at=ended, reason="test")
    assert refused.value.missing == ("offer",)
    promise = record_promise(
        case=case, amount=1_00, due_on=NOW.date(), channel="call", by=Actor.staff(people.alice),
        at=ended + timedelta(minutes=1),
    )  # fmt: skip
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="legal", by=legal, at=ended, reason="test")
    assert refused.value.missing == ("promise_running",)
    Promise.objects.filter(pk=promise.pk).update(state=PromiseState.BROKEN, decided_at=ended)
    assert move(case=fresh(case), to="legal", by=legal, at=NOW, reason="test").state == "legal"


def test_a_plan_that_is_over_leads_back_to_talking(portfolio, people):
    case = make_case(portfolio)
    call(case, people.alice, "cannot_pay")
    agreed = agree_plan(
        case=case, count=3, first_due_on=NOW.date(), every=MONTHLY, channel="call",
        by=Actor.staff(people.alice), at=NOW,
    )  # fmt: skip
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="negotiating", by=SYSTEM, at=NOW, reason="test")
    assert (refused.value.code, refused.value.missing) == ("plan_over", ("plan_running",))
    Plan.objects.filter(pk=agreed.pk).update(state=PlanState.BROKEN, ended_at=NOW)
    assert move(case=fresh(case), to="negotiating", by=SYSTEM, at=NOW, reason="test").state == "negotiating"


def test_a_cured_case_comes_back_only_for_a_payment_taken_back(portfolio, people):
    case = make_case(portfolio)
    by = Actor.staff(people.alice)
    record_payment(case=case, amount=100_00, value_date=NOW.date(), reference="P", by=by, at=NOW)
    with pytest.raises(MoveRefused) as refused:
        move(case=fresh(case), to="negotiating", by=by, at=NOW, reason="test")
    assert (refused.value.code, refused.value.missing) == ("payment_reversed", ("reversal",))


def test_closing_ends_all_that_hangs_on_the_case(portfolio, people):
    case = make_case(portfolio)
    call(case, people.alice, "cannot_pay")
    plan_work(
        case=case, kind=WorkKind.REVIEW, due_at=NOW, reason="test", by=Actor.staff(people.alice), at=NOW
    )
    promise = record_promise(
        case=case, amount=10_00, due_on=NOW.date(), channel="call", by=Actor.staff(people.alice), at=NOW
    )
    take(case=case, user=people.alice, at=NOW)
    move(case=fresh(case), to="recalled", by=Actor.staff(people.bob), at=NOW, reason="lender_asked")
    assert set(case.work_items.values_list("kind", "result")) == {
        ("follow_up", "recalled"),
        ("review", "recalled"),
    }
    assert Lease.objects.get(case=case).holder is None
    promise.refresh_from_db()
    assert promise.state == PromiseState.CANCELLED
    assert [each for each in events(case) if each in ("case.moved", "case.released", "promise.cancelled")] == [
        "case.moved", "case.moved", "case.released", "promise.cancelled",
    ]  # fmt: skip


def test_a_plan_paid_off_is_completed_by_the_closing(portfolio, people):
    case = make_case(portfolio, principal=90_00)
    by = Actor.staff(people.alice)
    call(case, people.alice, "cannot_pay")
    plan = agree_plan(
        case=case, count=3, first_due_on=NOW.date(), every=MONTHLY, channel="call", by=by,
        at=NOW + timedelta(minutes=5),
    )  # fmt: skip
    assert fresh(case).state == CaseState.INSTALLMENT_PLAN
    record_payment(
        case=case, amount=90_00, value_date=NOW.date(), reference="P1", by=by, at=NOW + timedelta(hours=1)
    )
    plan.refresh_from_db()
    assert (fresh(case).state, plan.state) == (CaseState.CURED, PlanState.COMPLETED)


@pytest.mark.django_db(transaction=True)
def test_of_two_conflicting_moves_exactly_one_wins_fifty_times():
    portfolio = make_portfolio()
    people = make_people(portfolio)
    cases = [make_case(portfolio) for _number in range(50)]
    for case in cases:
        reply(case)
    moves = [("negotiating", Actor.staff(people.alice)), ("recalled", Actor.staff(people.bob))]
    together = threading.Barrier(len(moves))
    outcomes: dict[tuple, str] = {}

    def run(to: str, by: Actor) -> None:
        try:
            for case in cases:
                mine = Case.objects.get(pk=case.pk)
                together.wait(timeout=60)
                try:
                    move(case=mine, to=to, by=by, at=NOW, reason="race")
                    outcomes[case.pk, to] = "won"
                except MoveRefused as refused:
                    outcomes[case.pk, to] = refused.code
                together.wait(timeout=60)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in moves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for case in cases:
        pair = {to: outcomes[case.pk, to] for to, _by in moves}
        assert sorted(pair.values()) == ["moved_meanwhile", "won"]
        winner = next(to for to, outcome in pair.items() if outcome == "won")
        assert Case.objects.get(pk=case.pk).state == winner
        assert list(case.transitions.values_list("seq", "target")) == [(1, winner)]
    assert AuditEvent.objects.filter(type="case.moved").count() == 50
