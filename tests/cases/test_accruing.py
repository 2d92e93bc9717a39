"""Charges for being late, as a day's run books them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.actions.ledger import Posting, post
from accounts.models import EntryKind, Terms
from accounts.standing import standing_of
from cases.actions.accruing import accrue
from cases.actions.day import run_day
from compliance.actions.holds import end_hold, open_hold
from tests.accounts.test_ledger import repay
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def portfolio():
    return make_portfolio(terms={"late_rate": Decimal(10), "late_fee": 5_00, "grace_days": 2})


@pytest.fixture
def loan(portfolio):
    return make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))


def run(portfolio, on=TODAY):
    return accrue(portfolio=portfolio, on=on, by=SYSTEM, at=NOW)


def booked(loan):
    found = loan.entries.filter(reference__startswith="late_").order_by("value_date", "booked_at", "id")
    return [(e.kind, e.reference, e.value_date, e.amount) for e in found]


def test_a_day_charges_once_and_the_next_day_only_what_it_adds(portfolio, loan):
    assert run(portfolio) == {"charged": 1, "taken_back": 0}
    first = [
        ("fee", "late_fee:1", TODAY, 5_00),
        ("interest", f"late_interest:{TODAY}", TODAY, 80),
    ]
    assert booked(loan) == first
    assert run(portfolio) == {"charged": 0, "taken_back": 0}
    run(portfolio, TODAY + DAY)
    assert booked(loan) == [*first, ("interest", f"late_interest:{TODAY + DAY}", TODAY + DAY, 10)]


def test_a_payment_that_comes_late_with_an_early_value_date_takes_back_what_was_too_much(portfolio, loan):
    run(portfolio)
    repay(loan, 365_00, days_ago(9))
    assert run(portfolio, TODAY + DAY) == {"charged": 0, "taken_back": 1}
    assert booked(loan)[2:] == [("waiver", f"late_taken_back:{TODAY + DAY}", TODAY + DAY, -5_80)]
    assert standing_of([loan.pk], TODAY + DAY)[loan.pk].outstanding == 0
    assert run(portfolio, TODAY + 2 * DAY) == {"charged": 0, "taken_back": 0}


def test_a_hold_that_stops_charges_bears_nothing_and_one_that_does_not_bears_all(portfolio, loan):
    free = make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))
    for each, kind in ((loan, "dispute"), (free, "cease")):
        open_hold(borrower=each.borrower, kind=kind, starts_on=days_ago(30), by=SYSTEM, at=NOW - 30 * DAY)
    run(portfolio)
    assert booked(loan) == []
    assert [amount for *_, amount in booked(free)] == [5_00, 80]
    hold = loan.borrower.holds.get()
    end_hold(hold=hold, reason="answered", by=SYSTEM, at=NOW)
    run(portfolio, TODAY + DAY)
    assert [amount for *_, amount in booked(loan)] == [5_00, 10]


def test_without_terms_and_after_a_write_off_nothing_is_charged(portfolio, loan):
    usual = make_portfolio()
    make_loan(make_borrower(usual), due_on=days_ago(30))
    assert run(usual) == {"charged": 0, "taken_back": 0}
    post(
        [Posting(loan_id=loan.pk, kind=EntryKind.WRITE_OFF, reference="off", value_date=TODAY)],
        by=SYSTEM,
        at=NOW,
    )
    assert run(portfolio) == {"charged": 0, "taken_back": 0}


def test_terms_that_begin_later_count_only_their_own_days(portfolio, loan):
    Terms.objects.create(portfolio=portfolio, from_on=TODAY, late_rate=Decimal(20), grace_days=2)
    run(portfolio)
    assert [(kind, amount) for kind, _reference, _day, amount in booked(loan)] == [
        ("fee", 5_00),
        ("interest", 90),
    ]


def test_the_days_run_charges_every_loan(portfolio, loan):
    more = [make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10)) for _ in range(4)]
    run_day(date=TODAY, by=SYSTEM, at=NOW)
    assert [[amount for *_, amount in booked(each)] for each in (loan, *more)] == [[5_00, 80]] * 5
