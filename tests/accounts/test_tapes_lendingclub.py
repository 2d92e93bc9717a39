"""A third real tape: 2,000 loans in 151 columns, months without a day, terms in words, a status with a prefix."""

import csv
import gzip
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from accounts.ageing import age, bucket
from accounts.tapes.codes import Code
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import MappingError, load_mapping, read_mapping
from accounts.tapes.read import open_tape
from accounts.tapes.records import Refused
from tests.shared_data import shared_data

TAPE = "lendingclub/lending_club_2000x151.csv.gz"
AS_OF = date(2019, 3, 1)
PREFIX = "Does not meet the credit policy. Status:"


@pytest.fixture(scope="module")
def rows():
    with gzip.open(shared_data(TAPE), "rt", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def results():
    cleaner = LoanCleaner(load_mapping("lendingclub"), today=date(2019, 4, 1), as_of=AS_OF)
    return list(cleaner.run(open_tape(shared_data(TAPE), wanted=cleaner.wanted)))


@pytest.fixture(scope="module")
def loans(results):
    return [each for each in results if not isinstance(each, Refused)]


def cents(text):
    return int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_every_loan_but_one_is_taken_over(results, loans):
    [refused] = [each for each in results if isinstance(each, Refused)]
    assert (len(loans), refused.rows) == (1_999, (440,))
    [reason] = refused.reasons
    assert (reason.column, reason.code) == ("last_pymnt_d", Code.PAID_WITHOUT_DATE)


def test_amounts_are_those_of_the_file(rows, loans):
    for loan in loans:
        row = rows[loan.external_id]
        paid, fees, months = (
            cents(row["total_pymnt"]),
            cents(row["total_rec_late_fee"]),
            int(row["term"].split()[0]),
        )
        assert loan.principal == cents(row["funded_amnt"])
        assert sum(credit.amount for credit in loan.credits) == paid
        assert (loan.fees, len(loan.instalments)) == (fees, months)
        if row["loan_status"].endswith("Fully Paid"):
            assert loan.total == paid
        else:
            assert loan.total == max(cents(row["installment"]) * months, loan.principal) + fees


def test_months_are_read_as_their_first_day(rows, loans):
    loan = next(each for each in loans if each.external_id == "90134693")
    assert rows["90134693"]["issue_d"] == "Sep-2016"
    assert (loan.disbursed_on, loan.instalments[0].due_on, loan.instalments[-1].due_on) == (
        date(2016, 9, 1),
        date(2016, 10, 1),
        date(2019, 9, 1),
    )


def test_how_late_they_are_is_what_the_lender_says(rows, loans):
    """By status, how many days late our ledger finds them on the first of March 2019. Borrowers who are current by the
    lender's books and late by ours had an instalment moved or reduced, which the file does not say."""
    found: dict[str, Counter] = {}
    for loan in loans:
        dues = [(part.due_on, part.amount) for part in loan.instalments]
        days = age(dues, sum(credit.amount for credit in loan.credits), AS_OF).days_past_due
        status = rows[loan.external_id]["loan_status"].removeprefix(PREFIX)
        found.setdefault(status, Counter())[bucket(days, (15, 30, 60, 120))] += 1
    assert found == {
        "Fully Paid": {"current": 980},
        "Current": {"current": 698, "16-30": 46, "61-120": 1},
        "In Grace Period": {"current": 2, "16-30": 4},
        "Late (16-30 days)": {"current": 2, "16-30": 3},
        "Late (31-120 days)": {"16-30": 1, "31-60": 10, "61-120": 9, "121+": 1},
        "Charged Off": {"current": 1, "16-30": 1, "31-60": 1, "61-120": 7, "121+": 232},
    }


def test_a_term_without_its_unit_is_refused(rows):
    mapping = load_mapping("lendingclub")
    good = next(iter(rows.values()))
    lines = []
    for changes in (
        {},
        {"term": " 36"},
        {"term": "36 weeks"},
        {"issue_d": "Sept-2016"},
        {"loan_status": "Sold"},
    ):
        lines.append(good | changes | {"id": str(len(lines))})
    text = (
        ",".join(good) + "\n" + "\n".join(",".join(f'"{cell}"' for cell in line.values()) for line in lines)
    )
    cleaner = LoanCleaner(mapping, today=date(2019, 4, 1), as_of=AS_OF)
    found = list(cleaner.run(open_tape(text.encode(), name="tape.csv", wanted=cleaner.wanted)))
    reasons = [[(each.column, each.code) for each in one.reasons] for one in found[1:]]
    assert not isinstance(found[0], Refused)
    assert reasons == [
        [("term", Code.NOT_WHOLE)],
        [("term", Code.NOT_WHOLE)],
        [("issue_d", Code.NOT_A_DATE)],
        [("loan_status", Code.UNKNOWN_WORD)],
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('format: "%b-%Y", day: first', 'format: "%b-%Y"'),
        ('format: "%b-%Y", day: first', 'format: "%d-%b-%Y", day: first'),
        ('format: "%b-%Y", day: first', 'format: "%b-%m-%Y", day: first'),
        ("first_due_after: month", "first_due_after: moon"),
        ("first_due_after: month", ""),
    ],
)
def test_a_mapping_that_leaves_the_day_open_is_refused(before, after):
    import accounts.tapes.mapping

    text = (accounts.tapes.mapping.FOLDER / "lendingclub.yaml").read_text("utf-8")
    assert before in text
    with pytest.raises(MappingError):
        read_mapping(text.replace(before, after), "lendingclub")
