"""Paid beyond the debt: moved or paid out by who may, never more than there is."""

import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.actions.credit import move_credit, refund_credit
from accounts.actions.ledger import LedgerRefused
from accounts.standing import standing_of
from compliance.audit import Actor
from tests.accounts.test_ledger import repay
from tests.factories import NOW, TODAY, days_ago, make_borrower, make_loan, make_people, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def bob(people):
    return Actor.staff(people.bob)


@pytest.fixture
def loan(portfolio):
    loan = make_loan(make_borrower(portfolio), principal=100)
    repay(loan, 150, days_ago(2))
    return loan


def stands(loan) -> tuple[int, int]:
    found = standing_of([loan.pk], TODAY)[loan.pk]
    return found.principal, found.credit


def test_credit_pays_another_loan_once(loan, bob):
    other = make_loan(loan.borrower, principal=100)
    first = move_credit(loan=loan, to=other, amount=30, reference="A", by=bob, at=NOW)
    assert move_credit(loan=loan, to=other, amount=30, reference="A", by=bob, at=NOW) == first
    assert (stands(loan), stands(other)) == ((0, 20), (70, 0))
    with pytest.raises(LedgerRefused) as refused:
        move_credit(loan=loan, to=other, amount=21, reference="B", by=bob, at=NOW)
    assert (refused.value.code, stands(other)) == ("no_credit", (70, 0))


def test_credit_goes_back_to_the_borrower_by_who_may(loan, bob, people):
    with pytest.raises(PermissionDenied):
        refund_credit(loan=loan, amount=50, reference="A", by=Actor.staff(people.alice), at=NOW)
    refund_credit(loan=loan, amount=50, reference="A", by=bob, at=NOW)
    assert stands(loan) == (0, 0)


def test_credit_never_moves_to_somebody_else(loan, bob, portfolio):
    stranger = make_loan(make_borrower(portfolio))
    for to in (stranger, loan):
        with pytest.raises(LedgerRefused) as refused:
            move_credit(loan=loan, to=to, amount=5, reference="A", by=bob, at=NOW)
        assert refused.value.code == "other_borrower"


@pytest.mark.django_db(transaction=True)
def test_two_payouts_at_once_pay_out_what_there_is(loan, bob):
    codes = []

    def pay_out(reference):
        try:
            refund_credit(loan=loan, amount=40, reference=reference, by=bob, at=NOW)
            codes.append("done")
        except LedgerRefused as refused:
            codes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=pay_out, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(codes), stands(loan)) == (["done", "no_credit"], (0, 10))
