"""Payment files, written: what is certain by sets, the rest one by one, in whatever order the file has it."""

from uuid import uuid4

import pytest

from accounts.actions.ledger import Posting, post
from accounts.actions.received import write_payments
from accounts.models import Payment, PaymentState
from accounts.standing import standing_of
from accounts.tapes.codes import Code
from accounts.tapes.records import CleanPayment
from compliance.audit.models import AuditEvent
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def loan(portfolio):
    return make_loan(make_borrower(portfolio), external_id="LN-1", principal=100_00, due_on=days_ago(9))


def row(number, **changed):
    """A cleaned payment of 40.00 on the loan LN-1, in this row of the file."""
    details = {
        "reference": f"R{number}",
        "kind": "payment",
        "reverses": None,
        "amount": 40_00,
        "currency": "USD",
        "value_date": days_ago(1),
        "paid_at": None,
        "loan_external_id": "LN-1",
        "borrower_external_id": None,
        "payer_phone": None,
        "payer_email": None,
        "rows": (number,),
    }
    return CleanPayment(**details | changed)


def write(portfolio, *rows):
    return write_payments(rows, portfolio=portfolio, run=uuid4(), by=SYSTEM, at=NOW)


def outstanding(loan):
    return standing_of([loan.pk], TODAY)[loan.pk].outstanding


def test_a_payment_and_its_reversal_in_one_file(portfolio, loan):
    outcome = write(portfolio, row(1, kind="reversal", reverses="R2"), row(2))
    assert (outcome.created, outcome.updated, outcome.rejected) == (1, 1, 0)
    assert outstanding(loan) == 100_00


def test_what_a_loan_tape_booked_before(portfolio, loan):
    for reference, amount in (("R1", 40_00), ("R2", 10_00)):
        booked = Posting(
            loan_id=loan.pk,
            kind="repayment",
            reference=reference,
            value_date=days_ago(1),
            amount=amount,
        )
        post([booked], by=SYSTEM, at=NOW)
    outcome = write(portfolio, row(1), row(2), row(3))
    assert (outcome.created, outcome.rejected) == (2, 1)
    [refused] = outcome.refused
    assert [(reason.row_number, reason.code) for reason in refused.reasons] == [(2, Code.BOOKED_OTHERWISE)]
    assert outstanding(loan) == 100_00 - 40_00 - 10_00 - 40_00
    assert sorted(Payment.objects.values_list("reference", flat=True)) == ["R1", "R3"]


def test_the_same_file_again_changes_nothing(portfolio, loan):
    rows = [row(1), row(2, loan_external_id="ln-1")]
    write(portfolio, *rows)
    outcome = write(portfolio, *rows)
    assert (outcome.created, outcome.unchanged, outcome.changes["unmatched"]) == (0, 2, 0)
    assert outstanding(loan) == 60_00


def test_waiting_payments_of_a_file_have_their_candidates(portfolio, loan):
    outcome = write(portfolio, *[row(number, loan_external_id="ln-1") for number in range(1, 4)])
    assert outcome.changes["unmatched"] == 3
    waiting = Payment.objects.filter(state=PaymentState.UNMATCHED)
    assert [payment.candidates.get().loan for payment in waiting] == [loan] * 3
    assert AuditEvent.objects.filter(type="payment.unmatched", stream_kind="run").count() == 3
