"""The compliance officer opens a portfolio for contact, and closes it; others may not."""

import pytest
from django.urls import reverse

from accounts.actions.caps import keep_caps
from accounts.models import Role
from compliance.models import AuditEvent
from tests.factories import NOW, SYSTEM, make_borrower, make_loan, make_portfolio, make_user, reconcile

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(client):
    person = make_user("olive", role=Role.COMPLIANCE)
    client.force_login(person)
    return person


def events(kind: str):
    return AuditEvent.objects.filter(type=kind).values_list("actor", flat=True)


def test_opens_and_closes_with_an_event_each(client, officer):
    portfolio = make_portfolio("WALLET", contact_open=False)
    address = reverse("portfolio_contact", args=["WALLET"])
    reconcile(portfolio)

    client.post(address, {"contact": "open"})
    portfolio.refresh_from_db()
    assert portfolio.contact_open
    client.post(address, {"contact": "open"})
    assert list(events("portfolio.contact_opened")) == [str(officer.ref)]

    client.post(address, {"contact": "closed"})
    portfolio.refresh_from_db()
    assert not portfolio.contact_open
    assert list(events("portfolio.contact_closed")) == [str(officer.ref)]


def test_page_says_what_is_open_and_where_rules_are_missing(client, officer):
    first = make_portfolio("FIRST", jurisdictions=["US"])
    make_portfolio("SECOND", contact_open=False, jurisdictions=["ZZ"])
    for name in ("a", "b"):
        make_loan(make_borrower(first, external_id=name), portfolio=first)

    rows = {row.code: row for row in client.get(reverse("portfolios")).context["portfolios"]}

    assert (rows["FIRST"].loan_count, rows["FIRST"].unknown) == (2, [])
    assert (rows["SECOND"].loan_count, rows["SECOND"].unknown) == (0, ["ZZ"])


def test_the_page_says_what_being_late_may_cost_and_by_which_rule(client, officer):
    china = make_portfolio(
        "CHINA", jurisdictions=["CN"], currency="CNY", zone="Asia/Shanghai", terms={"late_rate": 12}
    )
    make_portfolio("FREE")
    keep_caps(portfolio=china, by=SYSTEM, at=NOW)

    rows = {row.code: row.caps for row in client.get(reverse("portfolios")).context["portfolios"]}

    assert rows == {
        "CHINA": [("24 % a year", "CN.CIVIL.RATE"), ("100 % of the principal in all", "HOUSE.CHARGES")],
        "FREE": [],
    }


@pytest.mark.parametrize("role", [role for role in Role if role != Role.COMPLIANCE])
def test_nobody_else_may(client, role):
    portfolio = make_portfolio("WALLET", contact_open=False)
    client.force_login(make_user("someone", role=role))
    assert client.post(reverse("portfolio_contact", args=["WALLET"]), {"contact": "open"}).status_code == 403
    portfolio.refresh_from_db()
    assert not portfolio.contact_open
