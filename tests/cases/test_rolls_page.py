"""Roll rates of a portfolio on its page, from the ledger."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.actions.payments import receive
from accounts.models import Role
from accounts.rolls import PAID, matrix
from accounts.standing import rolls_between, standing_of
from tests.factories import NOW, SYSTEM, TODAY, make_borrower, make_loan, make_portfolio, make_team, make_user

pytestmark = pytest.mark.django_db
SINCE = TODAY - timedelta(days=30)


@pytest.fixture
def portfolio():
    return make_portfolio(team=make_team("North"))


@pytest.fixture
def book(portfolio):
    """Three loans 10 days late thirty days ago: one untouched, one paid up, one paid off; and one that is 70 days late."""
    loans = []
    for number, days in enumerate((40, 40, 40, 70)):
        borrower = make_borrower(portfolio, name=f"Borrower {number}")
        due = TODAY - timedelta(days=days)
        loans.append(make_loan(borrower, portfolio=portfolio, principal=100_00, due_on=due))
    receive(
        portfolio=portfolio, loan=loans[2], reference="all", amount=100_00, value_date=TODAY - timedelta(days=5),
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    return loans


def test_loans_roll_on_or_out(portfolio, book):
    found = rolls_between(portfolio, SINCE, TODAY)
    assert found.loans == {("1-30", "31-60"): 2, ("1-30", PAID): 1, ("31-60", "61-90"): 1}
    assert found.money == {("1-30", "31-60"): 200_00, ("1-30", PAID): 100_00, ("31-60", "61-90"): 100_00}


def test_it_says_what_the_pure_matrix_says(portfolio, book):
    found = rolls_between(portfolio, SINCE, TODAY)
    before, after = (standing_of([loan.pk for loan in book], on) for on in (SINCE, TODAY))
    moves = [
        (before[pk].bucket, after[pk].bucket if after[pk].outstanding > 0 else PAID, before[pk].outstanding)
        for pk in before
    ]
    assert matrix(moves, found.buckets) == found


def test_a_supervisor_sees_shares_of_her_own_portfolios(client, portfolio, book, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    client.force_login(make_user(role=Role.SUPERVISOR, team=portfolio.team_set.get()))
    answer = client.get(reverse("board_rolls"))
    assert [(line.bucket, line.began, line.money) for line in answer.context["lines"]] == [
        ("1-30", 3, 300_00),
        ("31-60", 1, 100_00),
    ]
    assert "66.7%" in answer.content.decode()
    other = make_portfolio()
    answer = client.get(reverse("board_rolls"), {"portfolio": other.pk, "since": SINCE, "until": TODAY})
    assert set(answer.context["form"].errors) == {"portfolio"}


def test_days_in_the_wrong_order_are_told(client, portfolio, book):
    client.force_login(make_user(role=Role.SUPERVISOR, team=portfolio.team_set.get()))
    answer = client.get(reverse("board_rolls"), {"portfolio": portfolio.pk, "since": TODAY, "until": SINCE})
    assert set(answer.context["form"].errors) == {"until"}
