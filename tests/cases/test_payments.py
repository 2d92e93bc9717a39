"""What a payment changes in the work: cures, promises, and what happens when it is taken back."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied

from accounts.actions.payments import PaymentRefused, receive
from cases.actions.agreements import record_promise
from cases.actions.payments import after_payments, match_payment, record_payment, reverse_payment
from cases.actions.transition import move
from cases.models import CaseState, PromiseState
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, events, fresh, make_case, steps
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def alice(people):
    return Actor.staff(people.alice)


@pytest.fixture
def bob(people):
    return Actor.staff(people.bob)


def test_paying_the_arrears_cures_the_case_and_closes_it_by_itself(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    payment = record_payment(case=case, amount=100_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    closed = fresh(case)
    assert (closed.state, closed.closed_at, payment.state) == (CaseState.CURED, LATER, "posted")
    moved = AuditEvent.objects.get(type="case.moved", case_ref=case.pk)
    assert (moved.actor_kind, moved.actor) == ("system", "ledger")
    received = AuditEvent.objects.get(type="payment.received")
    assert (received.actor, received.case_ref) == (alice.ref, case.pk)


def test_only_what_is_overdue_must_be_paid_to_be_cured(portfolio, alice):
    case = make_case(
        portfolio, principal=100_00, instalments=[(TODAY - 3 * DAY, 60_00), (TODAY + DAY, 40_00)]
    )
    record_payment(case=case, amount=59_99, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    assert fresh(case).state == CaseState.OVERDUE
    record_payment(case=case, amount=1, value_date=TODAY, reference="P-2", by=alice, at=LATER)
    assert fresh(case).state == CaseState.CURED


def test_the_same_reference_again_changes_nothing(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    once = record_payment(case=case, amount=10_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    before = AuditEvent.objects.count()
    again = record_payment(case=case, amount=10_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    assert (once.pk, AuditEvent.objects.count()) == (again.pk, before)
    with pytest.raises(PaymentRefused):
        record_payment(case=case, amount=11_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)


def test_a_kept_promise_is_followed_up_where_something_stays_overdue(portfolio, people, alice):
    case = make_case(portfolio, principal=100_00)
    call(case, people.alice, "says_paid")
    made = record_promise(case=case, amount=30_00, due_on=TODAY + DAY, channel="call", by=alice, at=NOW)
    record_payment(case=case, amount=30_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    made.refresh_from_db()
    assert made.state == PromiseState.KEPT
    # The payment looked for was found as well.
    assert steps(case) == [("follow_up", LATER + DAY, "promise_kept")]


def test_a_cure_decides_the_open_promise(portfolio, alice):
    kept, smaller = make_case(portfolio, principal=50_00), make_case(portfolio, principal=50_00)
    promises = [
        record_promise(case=case, amount=50_00, due_on=TODAY + DAY, channel="call", by=alice, at=NOW)
        for case in (kept, smaller)
    ]
    # What was paid before the promise does not keep it, but it cures.
    receive(
        portfolio=portfolio, loan=smaller.loan, reference="early", amount=20_00, value_date=TODAY - DAY, by=SYSTEM,
        at=LATER,
    )  # fmt: skip
    record_payment(case=kept, amount=50_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    record_payment(case=smaller, amount=30_00, value_date=TODAY, reference="P-2", by=alice, at=LATER)
    for promise in promises:
        promise.refresh_from_db()
    assert [promise.state for promise in promises] == [PromiseState.KEPT, PromiseState.CANCELLED]
    assert {fresh(kept).state, fresh(smaller).state} == {CaseState.CURED}


def test_many_loans_of_several_portfolios_are_looked_at_together(portfolio):
    other = make_portfolio(currency="CNY", jurisdictions=["CN"], zone="Asia/Shanghai")
    cases = [make_case(each, principal=10_00) for each in (portfolio, portfolio, other)]
    for case in cases[1:]:
        receive(
            portfolio=case.portfolio, loan=case.loan, reference=str(case.pk), amount=10_00, value_date=TODAY,
            by=SYSTEM, at=NOW,
        )  # fmt: skip
    assert set(after_payments(loan_ids=[case.loan_id for case in cases], at=LATER)) == {
        cases[1].pk,
        cases[2].pk,
    }
    assert after_payments(loan_ids=[case.loan_id for case in cases], at=LATER) == []
    assert after_payments(loan_ids=[], at=LATER) == []


def test_a_matched_payment_cures_its_case(portfolio, alice, bob):
    case = make_case(portfolio, principal=10_00)
    waiting = receive(
        portfolio=portfolio,
        reference="?",
        amount=10_00,
        value_date=TODAY,
        loan_hint="unknown",
        by=SYSTEM,
        at=NOW,
    )
    with pytest.raises(PermissionDenied):
        match_payment(payment=waiting, loan=case.loan, by=alice, at=LATER)
    match_payment(payment=waiting, loan=case.loan, by=bob, at=LATER)
    assert fresh(case).state == CaseState.CURED


def test_a_payment_taken_back_brings_the_case_back(portfolio, alice, bob):
    case = make_case(portfolio, principal=10_00)
    payment = record_payment(case=case, amount=10_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    reverse_payment(payment=payment, reason="chargeback", by=bob, at=LATER + DAY)
    back = fresh(case)
    assert (back.state, back.closed_at) == (CaseState.NEGOTIATING, None)
    assert list(back.transitions.order_by("seq").values_list("source", "target", "reason")) == [
        ("overdue", "cured", "arrears_paid"),
        ("cured", "negotiating", "payment_reversed"),
    ]
    assert steps(case) == [("follow_up", LATER + DAY, "payment_reversed")]


def test_a_payment_taken_back_leaves_a_case_that_was_given_up_alone(portfolio, alice, bob):
    case = make_case(portfolio, principal=10_00)
    payment = record_payment(case=case, amount=5_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    move(case=fresh(case), to="written_off", by=bob, at=LATER, reason="test")
    reverse_payment(payment=payment, reason="chargeback", by=bob, at=LATER + DAY)
    assert fresh(case).state == CaseState.WRITTEN_OFF


def test_the_story_of_a_cure_is_in_the_log_in_its_order(portfolio, alice):
    case = make_case(portfolio, principal=20_00)
    record_promise(case=case, amount=20_00, due_on=TODAY, channel="call", by=alice, at=NOW)
    record_payment(case=case, amount=20_00, value_date=TODAY, reference="P-1", by=alice, at=LATER)
    assert events(case) == [
        "case.opened",
        "promise.recorded",
        "payment.received",
        "payment.matched",
        "promise.kept",
        "case.moved",
    ]
