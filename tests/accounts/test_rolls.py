"""Roll rates, held against the published counts of two real books."""

import csv
import gzip
import json
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise

import pytest

from accounts.ageing import bucket, buckets
from accounts.rolls import PAID, matrix
from tests.shared_data import shared_data

EDGES = (5, 10, 30, 60)


def rows_of(name):
    with gzip.open(shared_data(name), "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def published(block):
    return json.loads(shared_data("calibration.json").read_text(encoding="utf-8"))[block]


def test_a_month_of_small_business_loans_rolls_as_published():
    """477 delinquent loans on 1 November 2012 and a month later: the very cells."""
    rows = list(rows_of("smb_delinquency_2012/LoanData.csv.gz"))
    found = matrix(
        (
            (
                bucket(int(row["days_delinquent_old"]), EDGES),
                bucket(int(row["days_delinquent_new"]), EDGES),
                int(Decimal(row["new_outstanding_principal_balance"]) * 100),
            )
            for row in rows
        ),
        buckets(EDGES),
    )
    oracle = published("smb_one_month_rolls")
    states = ["current", *oracle["by_count"]["states"][1:]]
    assert list(found.buckets) == states
    counts = [[found.loans.get((before, after), 0) for after in states] for before in states]
    assert counts == oracle["counts"]["rows_from_columns_to"]
    assert [found.began(before) for before in states] == oracle["by_count"]["n_from"]
    for before, cells in zip(states, oracle["balance_cells_usd"], strict=True):
        money = [found.money.get((before, after), 0) / 100 for after in states]
        assert money == pytest.approx(cells, abs=0.051)
    for before, rates in zip(states[1:], oracle["by_count"]["prob_rows"][1:], strict=True):
        assert [float(found.rate(before, after)) for after in states] == pytest.approx(rates, abs=5e-5)
    assert found.rate("current", "1-5") is None


def test_five_years_of_card_accounts_roll_as_published():
    """Every pair of neighbouring months of 30,604 accounts: 664,169 moves between eight states."""
    oracle = published("credit_record_rolls")["month_to_month"]

    def moves():
        for _account, rows in groupby(rows_of("credit_record/credit_record.csv.gz"), lambda row: row["ID"]):
            months = sorted((int(row["MONTHS_BALANCE"]), row["STATUS"]) for row in rows)
            for (month, before), (following, after) in pairwise(months):
                assert following == month + 1
                yield before, after, 0

    found = matrix(moves(), oracle["states"])
    assert sum(found.loans.values()) == 664_169
    assert [found.began(state) for state in oracle["states"]] == oracle["n_from"]
    for before, rates in zip(oracle["states"], oracle["prob_rows"], strict=True):
        assert [float(found.rate(before, after)) for after in oracle["states"]] == pytest.approx(
            rates, abs=5e-5
        )


def test_rates_are_shares_of_what_began_there():
    found = matrix([("1-30", PAID, 100), ("1-30", "31-60", 300)], ("1-30", "31-60", PAID))
    assert (found.rate("1-30", PAID), found.money_rate("1-30", PAID)) == (Fraction(1, 2), Fraction(1, 4))
    assert found.money_rate("31-60", PAID) is None


def test_another_bucket_is_refused():
    with pytest.raises(ValueError, match="91"):
        matrix([("1-30", "91+", 1)], ("1-30",))
