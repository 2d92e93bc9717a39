"""Two people at the same moment on one borrower: nobody waits for somebody who waits for them, no call is placed twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from django.db import connection

from accounts.actions.payments import receive
from cases.actions.calls import CallOpen, log_call, place_call
from cases.actions.credit import move_credit
from cases.actions.payments import match_payment, record_payment, reverse_payment
from cases.models import Call
from compliance.audit import Actor
from compliance.models import ContactAttempt
from tests.cases.stories import make_case, phone_of
from tests.factories import NOW, SYSTEM, TODAY, make_borrower, make_loan, make_portfolio, make_team, make_user
from tests.locks import WAITING

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(transactional_db):
    return make_user("alice", team=make_team())


@pytest.fixture
def case(alice):
    portfolio = make_portfolio(team=alice.team)
    return make_case(portfolio, principal=100_00)


def waits_before_events(
    owner: psycopg.Connection, row: str, row_id, case, work: Callable[[], object]
) -> None:
    """While somebody holds this row, `work` waits for it without having taken the borrower's stream of events."""

    def run():
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with owner.transaction():
            owner.execute(f"SELECT FROM {row} WHERE id = %s FOR NO KEY UPDATE", [row_id])
            done = pool.submit(run)
            while not owner.execute(WAITING).fetchone()[0]:
                assert not done.done(), done.result()
            owner.execute("SET LOCAL lock_timeout = '1s'")
            with owner.transaction(force_rollback=True):
                owner.execute("SELECT audit_take(%s, 'borrower', 1)", [case.borrower_id])
        done.result(timeout=10)


def test_an_outcome_takes_case_and_borrower_before_the_events(owner_connection, case, alice):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=alice, at=NOW)
    waits_before_events(
        owner_connection,
        "accounts_borrower",
        case.borrower_id,
        case,
        lambda: log_call(call=placed, disposition="says_paid", by=Actor.staff(alice), at=NOW),
    )


def test_a_payment_takes_the_case_before_the_events(owner_connection, case, alice):
    waits_before_events(
        owner_connection,
        "cases_case",
        case.pk,
        case,
        lambda: record_payment(
            case=case, amount=1_00, value_date=TODAY, reference="P-1", by=Actor.staff(alice), at=NOW
        ),
    )


def test_matching_and_reversing_take_the_case_before_the_events(owner_connection, case):
    payment = receive(
        portfolio=case.portfolio, reference="P-1", amount=1_00, value_date=TODAY, by=SYSTEM, at=NOW
    )
    waits_before_events(
        owner_connection,
        "cases_case",
        case.pk,
        case,
        lambda: match_payment(payment=payment, loan=case.loan, by=SYSTEM, at=NOW),
    )
    payment.refresh_from_db()
    waits_before_events(
        owner_connection,
        "cases_case",
        case.pk,
        case,
        lambda: reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=NOW),
    )


def test_moving_credit_takes_the_cases_in_the_order_of_their_ids(owner_connection, alice):
    """Whichever loan is older: a file of payments takes the cases of its loans in that order."""
    borrower = make_borrower(make_portfolio(team=alice.team))
    older, newer = (make_loan(borrower, external_id=name, principal=100_00) for name in ("L-1", "L-2"))
    first, second = make_case(loan=newer), make_case(loan=older)
    receive(
        portfolio=older.portfolio, loan=older, reference="P-1", amount=150_00, value_date=TODAY, by=SYSTEM, at=NOW
    )  # fmt: skip

    def run():
        try:
            return move_credit(case=second, to=newer, amount=50_00, reference="M-1", by=SYSTEM, at=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with owner_connection.transaction():
            lock = "SELECT FROM cases_case WHERE id = %s FOR NO KEY UPDATE"
            owner_connection.execute(lock, [first.pk])
            done = pool.submit(run)
            while not owner_connection.execute(WAITING).fetchone()[0]:
                assert not done.done(), done.result()
            owner_connection.execute("SET LOCAL lock_timeout = '1s'")
            owner_connection.execute(lock, [second.pk])
        assert done.result(timeout=10).amount == 50_00


def test_one_person_has_one_call_at_a_time(case, alice):
    other = make_case(case.portfolio, principal=100_00)
    barrier = Barrier(2)

    def click(chosen):
        try:
            barrier.wait(timeout=10)
            return place_call(case=chosen, contact_point=phone_of(chosen.borrower), user=alice, at=NOW)
        except CallOpen as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(click, [case, other]))
    assert sorted(type(answer).__name__ for answer in answers) == ["Call", "CallOpen"]
    assert Call.objects.filter(logged_at=None).count() == ContactAttempt.objects.count() == 1
