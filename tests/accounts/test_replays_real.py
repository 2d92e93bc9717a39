"""Two real books lived through day by day: what our ageing says, held against what the lenders say in the end."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import accumulate, pairwise

from accounts.ageing import age, bucket
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import load_mapping
from accounts.tapes.read import open_tape
from accounts.tapes.records import CleanLoan
from tests.shared_data import shared_data

DAY = timedelta(days=1)


def loans_of(mapping, name, today):
    cleaner = LoanCleaner(load_mapping(mapping), today=today)
    found = cleaner.run(open_tape(shared_data(name), wanted=cleaner.wanted))
    return [each for each in found if isinstance(each, CleanLoan)]


def lived(loan, last):
    """Days past due on every day from the first due date to `last`, payments counting from their value dates."""
    dues = [(part.due_on, part.amount) for part in loan.instalments]
    credits_ = sorted(loan.credits, key=lambda credit: credit.value_date)
    sums = list(accumulate(credit.amount for credit in credits_))
    on, paid, place = dues[0][0], 0, 0
    while on <= last:
        while place < len(credits_) and credits_[place].value_date <= on:
            paid = sums[place]
            place += 1
        yield on, age(dues, paid, on)
        on += DAY


def test_wallet_loans_end_as_their_lender_says():
    """1,152 loans of an e-wallet, their 1,480 pay-backs in the order they came. Every loan its lender calls finished owes
    nothing at the end of ours, and of those it gave up all but three had been late by more than ninety days."""
    name = "xente/Train.csv.gz"
    with gzip.open(shared_data(name), "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["LoanId"] != "NA"]
    said = defaultdict(set)
    for row in rows:
        said[row["LoanId"]] |= {
            *(["defaulted"] if row["IsDefaulted"] == "1" else []),
            *(["finished"] if row["IsFinalPayBack"] == "1" else []),
        }
    worst, ended = Counter(), Counter()
    for loan in loans_of("xente", name, date(2019, 9, 1)):
        words = " and ".join(sorted(said[loan.external_id])) or "neither"
        days = [each for _on, each in lived(loan, date(2019, 8, 31))]
        # Days past due rise by one a day until something is paid, and never fall but by a payment.
        for before, after in pairwise(days):
            assert after.days_past_due <= before.days_past_due + 1
        worst[words, bucket(max(each.days_past_due for each in days))] += 1
        ended[words, "late" if days[-1].arrears else "paid"] += 1
    assert ended == {
        ("finished", "paid"): 1_074,
        ("defaulted", "late"): 64,
        ("defaulted", "paid"): 4,
        ("defaulted and finished", "paid"): 3,
        ("neither", "paid"): 7,
    }
    assert worst == {
        ("finished", "current"): 822,
        ("finished", "1-30"): 159,
        ("finished", "31-60"): 51,
        ("finished", "61-90"): 27,
        ("finished", "91+"): 15,
        ("defaulted", "current"): 1,
        ("defaulted", "1-30"): 2,
        ("defaulted", "91+"): 65,
        ("defaulted and finished", "1-30"): 1,
        ("defaulted and finished", "31-60"): 1,
        ("defaulted and finished", "91+"): 1,
        ("neither", "current"): 5,
        ("neither", "1-30"): 1,
        ("neither", "61-90"): 1,
    }


def test_a_digital_lenders_loans_are_late_on_the_days_the_file_gives():
    """18,183 closed loans: on the eve of closing they are as late as the file's own dates say, and never after."""
    name = "superlender/trainprevloans.csv.gz"
    oracle = json.loads(shared_data("calibration.json").read_text("utf-8"))["superlender_loans"]
    days_late = []
    for loan in loans_of("superlender", name, date(2017, 8, 1)):
        dues = [(part.due_on, part.amount) for part in loan.instalments]
        [paid] = loan.credits
        eve = age(dues, 0, paid.value_date)
        assert eve.days_past_due == max(0, (paid.value_date - dues[0][0]).days)
        assert age(dues, paid.amount, paid.value_date).arrears == 0
        assert age(dues, paid.amount, date(2020, 1, 1)).arrears == 0
        if len(dues) == 1:
            days_late.append((paid.value_date - dues[0][0]).days)
    single = oracle["days_from_first_due_to_close_single_instalment"]
    assert (len(days_late), min(days_late), max(days_late)) == (single["n"], single["min"], single["max"])
    assert round(sum(days_late) / len(days_late), 3) == single["mean"]
    days_late.sort()
    for quantile in ("p01", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "p99"):
        place = int(quantile[1:]) * (len(days_late) - 1) // 100
        assert days_late[place] == single[quantile]
