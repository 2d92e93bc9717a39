"""The two real tapes, whole. What we say of them is held against sums made here from the files themselves."""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.ageing import age
from accounts.tapes.codes import Code
from accounts.tapes.customers import read_customers
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import load_mapping
from accounts.tapes.payments import PaymentCleaner
from accounts.tapes.read import open_tape
from accounts.tapes.records import CreditKind, Refused
from accounts.waterfall import Charge, Credit, allocate
from tests.accounts.tapes import well_said
from tests.shared_data import shared_data


def rows_of(name):
    with gzip.open(shared_data(name), "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cleaned(cleaner, name):
    """Accepted and refused of a real file."""
    results = list(cleaner.run(open_tape(shared_data(name), wanted=cleaner.wanted)))
    refused = [each for each in results if isinstance(each, Refused)]
    return [each for each in results if not isinstance(each, Refused)], refused


def moment(text):
    return datetime.fromisoformat(text)


# Superlender

EARLIER = "superlender/trainprevloans.csv.gz"
CURRENT = "superlender/trainperf.csv.gz"
PEOPLE = "superlender/traindemographics_coarsened.csv.gz"


@pytest.fixture(scope="module")
def superlender():
    return load_mapping("superlender")


def test_superlender_earlier_loans(superlender):
    rows = rows_of(EARLIER)
    loans, refused = cleaned(LoanCleaner(superlender, today=date(2017, 8, 1)), EARLIER)
    assert (len(loans), len(refused), len(rows)) == (18_183, 0, 18_183)
    assert sum(loan.principal for loan in loans) == sum(Decimal(row["loanamount"]) for row in rows) * 100
    assert sum(loan.total for loan in loans) == sum(Decimal(row["totaldue"]) for row in rows) * 100
    assert (
        len({loan.borrower.external_id for loan in loans})
        == len({row["customerid"] for row in rows})
        == 4_359
    )
    assert Counter(len(loan.instalments) for loan in loans) == {1: 17_160, 2: 993, 3: 30}
    for loan, row in zip(loans, rows, strict=True):
        assert loan.external_id == row["systemloanid"]
        assert loan.disbursed_on == moment(row["approveddate"]).date()
        assert loan.instalments[0].due_on == moment(row["firstduedate"]).date()
        (credit,) = loan.credits
        assert (credit.value_date, credit.amount) == (moment(row["closeddate"]).date(), loan.total)
        assert credit.kind == CreditKind.TO_DATE
    assert all(due_on.weekday() < 5 for loan in loans for due_on, _ in loan.instalments)
    # All were paid in the end, and then nothing is late.
    assert not any(age(loan.instalments, loan.credits[0].amount, date(2030, 1, 1)).arrears for loan in loans)


def test_superlender_s_two_stamps_are_one_moment_in_two_zones():
    """Why approveddate is read as Lagos and creationdate as UTC: so read, they fall within two minutes."""
    hour = timedelta(hours=1)
    apart = [moment(row["approveddate"]) - hour - moment(row["creationdate"]) for row in rows_of(EARLIER)]
    assert min(apart) >= timedelta(0)
    assert max(apart) < timedelta(hours=48)
    assert sum(each <= timedelta(minutes=2) for each in apart) / len(apart) > 0.985


def test_superlender_current_loans_and_their_derived_due_dates(superlender):
    rows = rows_of(CURRENT)
    loans, refused = cleaned(LoanCleaner(superlender, today=date(2017, 8, 1)), CURRENT)
    assert (len(loans), len(refused), len(rows)) == (4_368, 0, 4_368)
    assert sum(loan.principal for loan in loans) == sum(Decimal(row["loanamount"]) for row in rows) * 100
    assert sum(loan.total for loan in loans) == sum(Decimal(row["totaldue"]) for row in rows) * 100
    assert Counter(len(loan.instalments) for loan in loans) == {1: 4_048, 2: 288, 3: 32}
    for loan, row in zip(loans, rows, strict=True):
        approved = moment(row["approveddate"]).date()
        due_on = approved + timedelta(days=min(int(row["termdays"]), 30))
        while due_on.weekday() > 4:
            due_on += timedelta(days=1)
        assert loan.instalments[0].due_on == due_on
        assert loan.credits == ()


def test_the_rule_for_due_dates_is_the_lender_s_own(superlender):
    """Where the file gives the date, the rule finds the very day in nine loans of ten and more."""
    rule = superlender.loans.terms
    given = found = 0
    for row in rows_of(EARLIER):
        term = rule.by_days[int(row["termdays"])]
        due_on = moment(row["approveddate"]).date() + timedelta(days=term.first_due_after)
        while due_on.weekday() > 4:
            due_on += timedelta(days=1)
        given += 1
        found += due_on == moment(row["firstduedate"]).date()
    assert found / given > 0.89


def test_superlender_customers(superlender):
    rows = rows_of(PEOPLE)
    tape = open_tape(shared_data(PEOPLE), wanted={"customerid"})
    customers, refused, tally = read_customers(tape, superlender, today=date(2017, 8, 1))
    assert (len(customers), refused, tally.rows, len(rows)) == (4_334, [], 4_346, 4_346)
    assert tally.remarks == {Code.REPEATED_CUSTOMER: 12}
    loans, _ = cleaned(LoanCleaner(superlender, today=date(2017, 8, 1), customers=customers), CURRENT)
    years = {row["customerid"]: int(row["birth_year"]) for row in rows}
    assert [loan.borrower.birth_year for loan in loans] == [
        years.get(row["customerid"]) for row in rows_of(CURRENT)
    ]
    assert sum(loan.borrower.birth_year is None for loan in loans) == 1_099


# Xente

WALLET = "xente/Train.csv.gz"
TODAY = date(2019, 8, 1)


@pytest.fixture(scope="module")
def pay_backs():
    """Rows with a loan, by loan; each pay-back once."""
    loans = defaultdict(dict)
    for row in rows_of(WALLET):
        if row["LoanId"] != "NA":
            loans[row["LoanId"]][row["PayBackId"]] = row
    return {loan_id: list(rows.values()) for loan_id, rows in loans.items()}


def paid(rows):
    return sum(int(Decimal(row["AmountLoan"])) for row in rows)


def value(rows):
    return int(Decimal(rows[0]["Value"]))


def is_final(rows):
    return any(row["IsFinalPayBack"] == "1" for row in rows)


def test_xente_loans(pay_backs):
    cleaner = LoanCleaner(load_mapping("xente"), today=TODAY)
    loans, refused = cleaned(cleaner, WALLET)
    no_due_date = {key for key, rows in pay_backs.items() if rows[0]["DueDate"] == "NA"}
    short = {key for key, rows in pay_backs.items() if is_final(rows) and paid(rows) < value(rows)}
    taken = {key: rows for key, rows in pay_backs.items() if key not in no_due_date | short}
    assert (len(pay_backs), len(no_due_date), len(short)) == (1_159, 2, 5)
    assert {loan.external_id for loan in loans} == set(taken)
    assert len(loans) == 1_152
    assert cleaner.tally.rows == 2_100
    assert cleaner.tally.refused_rows == 646
    assert cleaner.tally.reasons == {Code.NOT_A_LOAN: 612, Code.FINAL_BUT_SHORT: 5, Code.MISSING: 2}
    assert cleaner.tally.remarks == {Code.REPEATED_PAYMENT: 3, Code.PAID_ABOVE_TOTAL: 9}
    assert sum(loan.principal for loan in loans) == sum(map(value, taken.values())) == 23_147_431
    assert sum(credit.amount for loan in loans for credit in loan.credits) == sum(map(paid, taken.values()))
    said = [(column, code) for each in refused for column, code, _ in well_said(each)]
    assert Counter(said) == {
        (None, Code.NOT_A_LOAN): 612,
        ("IsFinalPayBack", Code.FINAL_BUT_SHORT): 5,
        ("DueDate", Code.MISSING): 2,
    }
    local = timedelta(hours=3)
    for loan in loans:
        rows = taken[loan.external_id]
        assert loan.disbursed_on == (moment(rows[0]["IssuedDateLoan"]) + local).date()
        assert loan.instalments == (((moment(rows[0]["DueDate"]) + local).date(), loan.total),)
        assert loan.instalments[0].due_on - loan.disbursed_on == timedelta(days=30)
        assert loan.interest == (paid(rows) - value(rows) if is_final(rows) else 0)
        assert sorted(loan.credits) == sorted(
            (row["PayBackId"], (moment(row["PaidOnDate"]) + local).date(), paid([row]), CreditKind.ITEM)
            for row in rows
        )


def test_xente_finished_loans_come_out_even_and_the_others_are_owed_as_lent(pay_backs):
    loans, _ = cleaned(LoanCleaner(load_mapping("xente"), today=TODAY), WALLET)
    late = 0
    for loan in loans:
        opening = Charge(
            loan.disbursed_on,
            "opening",
            {"principal": loan.principal, "interest": loan.interest, "fees": loan.fees},
        )
        credits_ = [Credit(each.value_date, each.reference, each.amount) for each in loan.credits]
        result = allocate([opening], credits_)
        rows = pay_backs[loan.external_id]
        assert result.balance == (0 if is_final(rows) else value(rows) - paid(rows))
        late += age(loan.instalments, paid(rows), TODAY).days_past_due > 0
    assert late == sum(not is_final(rows) and paid(rows) < value(rows) for rows in pay_backs.values()) == 64


def test_xente_pay_backs_as_payments(pay_backs):
    cleaner = PaymentCleaner(load_mapping("xente"), today=TODAY)
    payments, refused = cleaned(cleaner, WALLET)
    assert (len(payments), len(refused)) == (1_485, 612)
    assert cleaner.tally.reasons == {Code.NOT_A_PAYMENT: 612}
    assert cleaner.tally.remarks == {Code.REPEATED_PAYMENT: 3}
    assert sum(payment.amount for payment in payments) == sum(map(paid, pay_backs.values()))
    assert Counter(payment.loan_external_id for payment in payments) == {
        loan_id: len(rows) for loan_id, rows in pay_backs.items()
    }
    assert {payment.reference for payment in payments} == {
        row["PayBackId"] for rows in pay_backs.values() for row in rows
    }
