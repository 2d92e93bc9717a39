"""Every kind of booking beside payment and reversal: forgiven by component, charged back, written off, recovered, moved."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actions.ledger import LedgerRefused, Posting, post
from accounts.models import EntryKind, LedgerEntry
from accounts.standing import standing_of
from tests.accounts.test_ledger import balances, charge, entries, forgive, repay, reverse
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def borrower(portfolio):
    return make_borrower(portfolio)


@pytest.fixture
def loan(borrower):
    return make_loan(borrower, principal=100, interest=20, fees=10, due_on=days_ago(30))


def booked(loan, kind, reference="X", value_date=TODAY, **more):
    posting = Posting(loan_id=loan.pk, kind=kind, reference=reference, value_date=value_date, **more)
    return post([posting], by=SYSTEM, at=NOW)[0]


def refusal(loan, kind, **more) -> str:
    with pytest.raises(LedgerRefused) as refused:
        booked(loan, kind, **more)
    return refused.value.code


def standing(loan, on=TODAY):
    return standing_of([loan.pk], on)[loan.pk]


def owed(loan, on=TODAY):
    found = standing(loan, on)
    return found.fees, found.interest, found.principal, found.credit


# A waiver by component


def test_a_waiver_by_component_forgives_exactly_these(loan):
    booked(loan, EntryKind.WAIVER, "W1", amounts={"interest": 15, "principal": 0})
    booked(loan, EntryKind.WAIVER, "W2", amounts={"principal": 40, "fees": 10})
    assert entries(loan)[1:] == [("waiver", TODAY, 0, -15, 0, 0), ("waiver", TODAY, -10, 0, -40, 0)]
    assert owed(loan) == (0, 5, 60, 0)
    assert standing(loan).arrears == 65


def test_no_more_is_forgiven_of_a_part_than_is_owed_of_it(loan):
    repay(loan, 10, days_ago(5))
    assert refusal(loan, EntryKind.WAIVER, amounts={"fees": 1}) == "not_owed"
    assert refusal(loan, EntryKind.WAIVER, amounts={"interest": 21}) == "not_owed"
    assert refusal(loan, EntryKind.WAIVER, amounts={}) == "not_positive"
    assert refusal(loan, EntryKind.WAIVER, amounts={"interest": -1}) == "not_positive"
    with pytest.raises(ValueError, match="unknown components"):
        booked(loan, EntryKind.WAIVER, amounts={"credit": 1})
    assert len(entries(loan)) == 2


def test_the_same_waiver_again_changes_nothing_and_another_split_is_refused(loan):
    first = booked(loan, EntryKind.WAIVER, amounts={"interest": 10})
    assert booked(loan, EntryKind.WAIVER, amounts={"interest": 10}) == first
    assert refusal(loan, EntryKind.WAIVER, amounts={"principal": 10}) == "reference_reused"


def test_a_fee_paid_before_it_was_forgiven_leaves_the_money_to_the_borrower(loan):
    """The payment counts from before the waiver and paid the fee; what was forgiven of it then pays what is open."""
    booked(loan, EntryKind.WAIVER, amounts={"fees": 10}, value_date=days_ago(5))
    assert owed(loan) == (0, 20, 100, 0)
    repay(loan, 10, days_ago(8))
    assert owed(loan, days_ago(6)) == (0, 20, 100, 0)
    assert owed(loan) == (0, 10, 100, 0)
    reverse(loan, "R1")
    assert owed(loan) == (0, 20, 100, 0)


# A chargeback


def test_a_chargeback_counts_from_its_own_day_and_the_days_before_stay_as_they_were(loan):
    repay(loan, 130, days_ago(20))
    taken = booked(loan, EntryKind.CHARGEBACK, "R1", days_ago(4))
    assert (taken.value_date, taken.amount) == (days_ago(4), 130)
    assert (standing(loan, days_ago(5)).arrears, standing(loan, days_ago(5)).days_past_due) == (0, 0)
    now = standing(loan, days_ago(4))
    assert (now.arrears, now.days_past_due, owed(loan)) == (130, 26, (10, 20, 100, 0))


def test_a_part_charged_back_takes_the_credit_first(loan):
    repay(loan, 150, days_ago(20))
    booked(loan, EntryKind.CHARGEBACK, "R1", days_ago(4), amount=50)
    assert entries(loan)[-1] == ("chargeback", days_ago(4), 0, 0, 30, 20)
    assert owed(loan) == (0, 0, 30, 0)


def test_a_payment_is_taken_back_once_and_never_by_more_or_before_it_came(loan):
    repay(loan, 50, days_ago(5))
    assert refusal(loan, EntryKind.CHARGEBACK, reference="other") == "nothing_to_reverse"
    assert refusal(loan, EntryKind.CHARGEBACK, reference="R1", amount=51) == "beyond_payment"
    assert refusal(loan, EntryKind.CHARGEBACK, reference="R1", value_date=days_ago(6)) == "beyond_payment"
    first = booked(loan, EntryKind.CHARGEBACK, "R1", days_ago(2))
    assert booked(loan, EntryKind.CHARGEBACK, "R1", days_ago(2)) == first
    with pytest.raises(LedgerRefused) as refused:
        reverse(loan, "R1")
    assert refused.value.code == "taken_back"
    assert balances(loan) == {"fees": 10, "interest": 20, "principal": 100, "credit": 0}


# Written off, and what comes after


def test_a_write_off_gives_up_what_is_left(loan):
    repay(loan, 40, days_ago(20))
    booked(loan, EntryKind.WRITE_OFF, "off", days_ago(10))
    assert entries(loan)[-1] == ("write_off", days_ago(10), 0, 0, -90, 0)
    assert (owed(loan), standing(loan).arrears, standing(loan, days_ago(11)).arrears) == ((0, 0, 0, 0), 0, 90)
    assert refusal(loan, EntryKind.WRITE_OFF, reference="again") == "written_off"


def test_nothing_owed_is_not_written_off(loan):
    repay(loan, 130, days_ago(20))
    assert refusal(loan, EntryKind.WRITE_OFF) == "not_owed"


def test_money_after_a_write_off_is_a_recovery_and_the_rest_is_credit(loan):
    booked(loan, EntryKind.WRITE_OFF, "off", days_ago(10))
    entry = repay(loan, 50, days_ago(5))
    assert (entry.kind, repay(loan, 50, days_ago(5))) == ("recovery", entry)
    assert written_off(loan) == 80
    assert owed(loan) == (0, 0, 0, 0)
    repay(loan, 100, days_ago(3), "R2")
    assert (written_off(loan), owed(loan)) == (0, (0, 0, 0, 20))
    reverse(loan, "R1")
    assert (written_off(loan), owed(loan)) == (30, (0, 0, 0, 0))


def test_a_payment_of_before_that_comes_late_makes_the_write_off_smaller(loan):
    booked(loan, EntryKind.WRITE_OFF, "off", days_ago(10))
    assert repay(loan, 40, days_ago(12)).kind == "repayment"
    assert (written_off(loan), owed(loan), owed(loan, days_ago(11))) == (90, (0, 0, 0, 0), (0, 0, 90, 0))
    booked(loan, EntryKind.CHARGEBACK, "R1", days_ago(2))
    assert (written_off(loan), owed(loan)) == (130, (0, 0, 0, 0))


def test_costs_after_a_write_off_are_owed_and_paid_first(loan):
    booked(loan, EntryKind.WRITE_OFF, "off", days_ago(10))
    charge(loan, EntryKind.FEE, 30, days_ago(6))
    assert owed(loan) == (30, 0, 0, 0)
    repay(loan, 50, days_ago(5))
    assert (owed(loan), written_off(loan)) == ((0, 0, 0, 0), 110)


def written_off(loan) -> int:
    return -sum(entry.amount for entry in LedgerEntry.objects.filter(loan=loan, kind=EntryKind.WRITE_OFF))


# Moved


def test_credit_moves_to_another_loan(borrower, loan):
    other = make_loan(borrower, principal=100, due_on=days_ago(3))
    repay(loan, 150, days_ago(5))
    booked(loan, EntryKind.TRANSFER, "T", amounts={"principal": 20})
    booked(other, EntryKind.TRANSFER, "T", amount=20)
    assert (owed(loan), owed(other)) == ((0, 0, 0, 0), (0, 0, 80, 0))
    # The payment bounces: what had moved is owed here again, and was due when it left.
    reverse(loan, "R1")
    assert owed(loan) == (10, 20, 120, 0)


def test_a_refused_entry_is_refused_by_the_database_too(loan, borrower):
    def attempt(kind, basis="waterfall", **parts):
        with pytest.raises(IntegrityError), transaction.atomic():
            LedgerEntry.objects.create(
                borrower=borrower, loan=loan, kind=kind, basis=basis, value_date=TODAY, booked_at=NOW,
                reference="raw", **parts,
            )  # fmt: skip

    attempt("chargeback", principal=-1)
    attempt("chargeback", principal=2, credit=-1)
    attempt("chargeback")
    attempt("write_off", principal=1)
    attempt("write_off", principal=-1, credit=-1)
    attempt("write_off", "follows", principal=-2, fees=1)
    attempt("recovery", principal=1)
    attempt("transfer", principal=1, credit=-1)
    attempt("transfer", fees=1)
    attempt("transfer")
    attempt("waiver", "named", principal=-1, credit=-1)
    attempt("repayment", "named", principal=-1)
    attempt("refund", principal=-1)
    attempt("reallocation", "follows")
    assert len(entries(loan)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_write_off_at_once_do_it_once(loan):
    codes = []

    def write_off(reference):
        try:
            booked(loan, EntryKind.WRITE_OFF, reference)
            codes.append("done")
        except LedgerRefused as refused:
            codes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write_off, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["done", "written_off"]
    assert written_off(loan) == 130


def test_a_general_waiver_still_pays_in_order(loan):
    forgive(loan, 15, TODAY)
    assert owed(loan) == (0, 15, 100, 0)
