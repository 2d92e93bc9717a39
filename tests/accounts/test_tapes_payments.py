"""Payments and customers: what is read, what is refused."""

from datetime import UTC, date, datetime

import pytest

from accounts.tapes.codes import Code
from accounts.tapes.customers import read_customers
from accounts.tapes.mapping import load_mapping
from accounts.tapes.payments import PaymentCleaner
from accounts.tapes.read import open_tape
from accounts.tapes.records import CleanPayment
from tests.accounts.tapes import BOOKED, TODAY, WALLET, as_csv, clean, pay, well_said

# Payments


PAYMENT = {
    "reference": "P1", "amount": "50.25", "currency": "USD", "value_date": "2026-08-31",
    "paid_at": "2026-09-01 03:59:59", "loan_id": "L1", "borrower_id": "B1", "payer_phone": "2125550123",
    "payer_email": "A@Example.com",
}  # fmt: skip


def test_a_payment_is_read():
    assert pay([PAYMENT]) == [
        CleanPayment(
            "P1", "payment", None, 5_025, "USD", date(2026, 8, 31), datetime(2026, 9, 1, 3, 59, 59, tzinfo=UTC),
            "L1", "B1", "+12125550123", "a@example.com", (2,),
        )
    ]  # fmt: skip


def test_a_payment_that_nobody_signed_is_read_too():
    bare = {name: PAYMENT[name] for name in ("reference", "amount", "currency", "value_date")}
    (payment,) = pay([bare])
    assert payment.paid_at is payment.loan_external_id is payment.borrower_external_id is None
    assert payment.payer_phone is payment.payer_email is None


def test_a_reversal_names_what_it_takes_back():
    (payment,) = pay([PAYMENT | {"kind": "Reversal", "reverses": "P0"}])
    assert (payment.kind, payment.reverses, payment.amount) == ("reversal", "P0", 5_025)


def test_a_payment_row_that_stands_twice_is_one_payment():
    cleaner = PaymentCleaner(load_mapping("standard"), today=TODAY)
    tape = open_tape(as_csv([PAYMENT, PAYMENT | {"reference": "P2"}, PAYMENT]), "t.csv")
    assert cleaner.prepare(tape) == 3
    assert [(payment.reference, payment.rows) for payment in cleaner.run(tape)] == [
        ("P1", (2, 4)),
        ("P2", (3,)),
    ]
    assert cleaner.tally.remarks == {Code.REPEATED_PAYMENT: 1}


@pytest.mark.parametrize(
    ("changes", "column", "code", "params"),
    [
        ({"reference": ""}, "reference", Code.MISSING, {}),
        ({"amount": "0.00"}, "amount", Code.NOT_POSITIVE, {}),
        ({"amount": "-5"}, "amount", Code.NEGATIVE, {"value": "-5"}),
        ({"currency": "CNY"}, "currency", Code.OTHER_CURRENCY, {"value": "CNY", "expected": "USD"}),
        ({"value_date": "2026-09-02"}, "value_date", Code.DATE_IN_FUTURE,
         {"value": "2026-09-02", "today": "2026-09-01"}),
        ({"kind": "reversal"}, "reverses", Code.REVERSES_NOTHING, {}),
        ({"reverses": "P0"}, "reverses", Code.REVERSES_NOTHING, {}),
        ({"kind": "refund"}, "kind", Code.UNKNOWN_WORD, {"value": "refund", "allowed": "payment, reversal"}),
        ({"payer_phone": "12"}, "payer_phone", Code.PHONE_INVALID, {}),
    ],
)  # fmt: skip
def test_a_payment_is_refused(changes, column, code, params):
    (refused,) = pay([PAYMENT | changes])
    assert well_said(refused) == [(column, code, params)]


def test_one_reference_with_two_amounts_is_refused_in_both_rows():
    one, two = pay([PAYMENT, PAYMENT | {"amount": "50.26"}])
    assert well_said(one) == [("reference", Code.PAYMENT_CONTRADICTS, {"row": 3})]
    assert well_said(two) == [("reference", Code.PAYMENT_CONTRADICTS, {"row": 2})]


def test_rows_of_a_wallet_tape_without_a_loan_are_no_payments():
    refused, payment = pay(
        [WALLET | {"LoanId": "NA", "PayBackId": "NA", "AmountLoan": "NA"}, WALLET], "xente"
    )
    assert well_said(refused) == [(None, Code.NOT_A_PAYMENT, {"column": "LoanId"})]
    assert (payment.reference, payment.loan_external_id, payment.value_date) == (
        "P1",
        "X1",
        date(2026, 3, 11),
    )
    assert payment.paid_at == datetime(2026, 3, 10, 21, 30, tzinfo=UTC)


# Customers


def test_customers_fill_what_the_loans_leave_open():
    rows = [
        {"customerid": "C1", "birth_year": "1980"},
        {"customerid": "C1", "birth_year": "1980"},
        {"customerid": "C2", "birth_year": "1980"},
        {"customerid": "C2", "birth_year": "1981"},
        {"customerid": "C3", "birth_year": "80"},
        {"customerid": "", "birth_year": "1980"},
    ]
    mapping = load_mapping("superlender")
    customers, refused, tally = read_customers(open_tape(as_csv(rows), "c.csv"), mapping, today=TODAY)
    assert set(customers) == {"C1"}
    assert [well_said(each) for each in refused] == [
        [(None, Code.CUSTOMER_CONTRADICTS, {"rows": "4, 5", "columns": "birth_year"})],
        [("birth_year", Code.NUMBER_OUT_OF_RANGE, {"value": "80", "lowest": 1900, "highest": 2026})],
        [("customerid", Code.MISSING, {})],
    ]
    assert (tally.rows, tally.accepted, tally.refused, tally.refused_rows) == (6, 1, 3, 4)
    assert tally.remarks == {Code.REPEATED_CUSTOMER: 1}
    one, two = clean(
        [BOOKED, BOOKED | {"systemloanid": "S2", "customerid": "C2"}],
        mapping="superlender",
        customers=customers,
    )
    assert (one.borrower.birth_year, two.borrower.birth_year) == (1980, None)


def test_a_customers_file_is_checked_like_any_other():
    rows = [{"borrower_id": "B1", "phone": "2125550123", "phone_source": "bought", "phone_ground": "contract"},
            {"borrower_id": "B2", "phone": "2125550123"}]  # fmt: skip
    customers, refused, _ = read_customers(
        open_tape(as_csv(rows), "c.csv"), load_mapping("standard"), today=TODAY
    )
    assert customers == {}
    assert [well_said(each) for each in refused] == [
        [("phone_source", Code.HARVESTED, {"value": "bought"})],
        [("phone", Code.CONTACT_INCOMPLETE, {"columns": "phone_source, phone_ground"})],
    ]
