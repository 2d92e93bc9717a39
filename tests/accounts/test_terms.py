"""A portfolio's terms: dated, only ever added, held by the database."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, connection, transaction

from accounts.actions.portfolios import set_terms
from accounts.models import Role, Terms
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.factories import NOW, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def administrator():
    return Actor.staff(make_user(role=Role.ADMINISTRATOR))


def today(portfolio):
    return portfolio.business_date(NOW)


def test_without_terms_nothing_is_charged_for_being_late(portfolio):
    terms = portfolio.terms_on(today(portfolio))
    assert terms.pk is None
    assert (terms.late_rate, terms.late_fee, terms.grace_days) == (0, 0, 0)
    assert terms.limit(Role.AGENT, "plan_instalments") == 12
    assert terms.limit(Role.AGENT, "waive_fees") == 0


def test_the_newest_terms_that_have_begun_hold(portfolio, administrator):
    on = today(portfolio)
    for days, fee in ((0, 5_00), (10, 7_00), (10, 8_00)):
        set_terms(
            terms=Terms(portfolio=portfolio, from_on=on + timedelta(days=days), late_fee=fee),
            by=administrator,
            at=NOW,
        )
    assert [portfolio.terms_on(on + timedelta(days=days)).late_fee for days in (-1, 0, 9, 10)] == [
        0,
        5_00,
        5_00,
        8_00,
    ]
    told = sorted(AuditEvent.objects.values_list("type", flat=True))
    assert told == ["portfolio.caps_set", *["portfolio.terms_set"] * 3]


def test_a_supervisor_may_at_least_what_an_agent_may(portfolio):
    terms = Terms(portfolio=portfolio, authority={"agent": {"extension_days": 14}})
    assert terms.limit(Role.SUPERVISOR, "extension_days") == 14
    assert terms.limit(Role.LEGAL, "extension_days") == 0


@pytest.mark.parametrize(
    "authority", [{"judge": {}}, {"agent": {"all": 1}}, {"agent": {"waive_fees": -1}}, []]
)
def test_authority_in_other_words_is_refused(portfolio, administrator, authority):
    terms = Terms(portfolio=portfolio, from_on=today(portfolio), authority=authority)
    with pytest.raises(ValidationError) as refused:
        set_terms(terms=terms, by=administrator, at=NOW)
    assert set(refused.value.message_dict) == {"authority"}


def test_terms_of_yesterday_are_refused(portfolio, administrator):
    terms = Terms(portfolio=portfolio, from_on=today(portfolio) - timedelta(days=1))
    with pytest.raises(ValidationError) as refused:
        set_terms(terms=terms, by=administrator, at=NOW)
    assert set(refused.value.message_dict) == {"from_on"}


def test_a_supervisor_sets_no_terms(portfolio):
    with pytest.raises(PermissionDenied):
        set_terms(
            terms=Terms(portfolio=portfolio, from_on=date(2099, 1, 1)),
            by=Actor.staff(make_user(role=Role.SUPERVISOR)),
            at=NOW,
        )


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE accounts_terms SET late_fee = 1",
        "DELETE FROM accounts_terms",
        "TRUNCATE accounts_terms CASCADE",
    ],
)
def test_terms_are_never_changed(portfolio, attack):
    Terms.objects.create(portfolio=portfolio, from_on=date(2026, 1, 1))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
