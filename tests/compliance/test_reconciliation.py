"""A portfolio opens for contact only after somebody has signed for what was imported; the database holds it."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse

from accounts.actions.portfolios import NotReconciled, close_contact, open_contact
from accounts.actions.reconciliation import (
    ReconciliationRefused,
    figures_of,
    is_reconciled,
    sign_reconciliation,
)
from accounts.models import HISTORIES, ImportRun, Portfolio, Reconciliation, Role
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.factories import (
    NOW,
    SYSTEM,
    make_borrower,
    make_loan,
    make_portfolio,
    make_user,
    reconcile,
)

pytestmark = pytest.mark.django_db

ALL = [kind.value for kind in HISTORIES]


@pytest.fixture
def portfolio():
    return make_portfolio("WALLET", contact_open=False)


@pytest.fixture
def officer():
    return Actor.staff(make_user("olive", role=Role.COMPLIANCE))


def read_file(portfolio, kind="attempts", state="done", **summary) -> ImportRun:
    summary = {"rows": 3, "created": 2, "unchanged": 1, "rejected": 0} | summary
    return ImportRun.objects.create(
        kind=kind, portfolio=portfolio, mapping="standard", file_digest="0" * 64, state=state, summary=summary
    )


def sign(portfolio, by=SYSTEM, **changed):
    figures = figures_of(portfolio)
    terms = {"shown": figures.digest, "nothing": figures.empty, "note": ""} | changed
    return sign_reconciliation(portfolio=portfolio, by=by, at=NOW, **terms)


def refused_as(portfolio, **changed) -> str:
    with pytest.raises(ReconciliationRefused) as refusal:
        sign(portfolio, **changed)
    return refusal.value.code


def test_that_there_was_nothing_is_signed_as_well(portfolio, officer):
    with pytest.raises(NotReconciled):
        open_contact(portfolio=portfolio, by=officer, at=NOW)
    make_loan(make_borrower(portfolio), principal=100_00)
    row = sign(portfolio, officer)
    assert (row.nothing, row.runs, row.signed_by, row.signed_at) == (sorted(ALL), [], officer.ref, NOW)
    assert (row.figures["loans"], row.figures["outstanding"]) == (1, 100_00)
    assert open_contact(portfolio=portfolio, by=officer, at=NOW).contact_open
    event = AuditEvent.objects.get(type="portfolio.reconciled")
    assert event.actor == officer.ref


def test_only_who_may_signs(portfolio):
    for role in set(Role) - {Role.COMPLIANCE}:
        with pytest.raises(PermissionDenied):
            sign(portfolio, Actor.staff(make_user(role=role)))


def test_every_kind_has_a_file_or_a_word(portfolio):
    assert refused_as(portfolio, nothing=[]) == "kind_open"
    assert refused_as(portfolio, nothing=ALL[1:]) == "kind_open"
    read_file(portfolio)
    assert refused_as(portfolio, nothing=ALL) == "kind_read"
    assert sign(portfolio).nothing == sorted(set(ALL) - {"attempts"})


def test_figures_are_those_that_were_shown(portfolio):
    shown = figures_of(portfolio)
    read_file(portfolio)
    assert refused_as(portfolio, shown=shown.digest, nothing=shown.empty) == "changed"
    read_file(portfolio, state="running")
    assert refused_as(portfolio) == "waiting"


def test_refused_rows_need_a_note(portfolio):
    read_file(portfolio, rejected=2)
    assert refused_as(portfolio) == "note_missing"
    assert sign(portfolio, note="Sent again, corrected.").figures["kinds"][-1]["refused"] == 2


def test_a_file_read_later_is_signed_for_before_it_opens_again(portfolio, officer):
    reconcile(portfolio)
    open_contact(portfolio=portfolio, by=officer, at=NOW)
    read_file(portfolio)
    # An agency's daily log closes nothing.
    portfolio.refresh_from_db()
    assert portfolio.contact_open
    assert not is_reconciled(portfolio)
    close_contact(portfolio=portfolio, reason="import_wrong", by=officer, at=NOW)
    with pytest.raises(NotReconciled):
        open_contact(portfolio=portfolio, by=officer, at=NOW)
    reconcile(portfolio)
    assert is_reconciled(portfolio)
    assert open_contact(portfolio=portfolio, by=officer, at=NOW).contact_open


# Against the database itself, as the app's role


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_portfolio SET contact_open = true",
        "INSERT INTO accounts_portfolio SELECT (jsonb_populate_record(p, jsonb_build_object('id', p.id + 1000, 'ref',"
        " gen_random_uuid(), 'code', 'OTHER', 'contact_open', true))).* FROM accounts_portfolio p",
    ],
)
def test_nobody_opens_unsigned_whatever_they_write(portfolio, sql):
    with (
        pytest.raises(ProgrammingError, match="Nobody has signed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    with pytest.raises(ProgrammingError, match="Nobody has signed"), transaction.atomic():
        Portfolio.objects.update(contact_open=True)


def test_a_signature_for_another_portfolio_or_before_a_file_opens_nothing(portfolio):
    reconcile(make_portfolio("OTHER", contact_open=False))
    with pytest.raises(ProgrammingError, match="Nobody has signed"), transaction.atomic():
        Portfolio.objects.filter(pk=portfolio.pk).update(contact_open=True)
    reconcile(portfolio)
    read_file(portfolio)
    with pytest.raises(ProgrammingError, match="Nobody has signed"), transaction.atomic():
        Portfolio.objects.filter(pk=portfolio.pk).update(contact_open=True)


def test_a_signature_stays_as_it_is(portfolio):
    reconcile(portfolio)
    for change in (Reconciliation.objects.all().delete, lambda: Reconciliation.objects.update(nothing=[])):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()


# The page


def test_the_officer_signs_and_opens_in_one_go(client, portfolio, officer):
    client.force_login(officer.user)
    row = client.get(reverse("portfolios")).context["portfolios"][0]
    assert not row.reconciled
    address = reverse("portfolio_reconciliation", args=["WALLET"])
    page = client.get(address)
    posted = {"shown": page.context["figures"].digest, "nothing": ALL, "note": "", "open": "on"}
    assert client.post(address, posted | {"nothing": ALL[:2]}).status_code == 422
    assert client.post(address, posted | {"shown": "old"}).status_code == 422
    assert client.post(address, posted).url == reverse("portfolios")
    portfolio.refresh_from_db()
    assert portfolio.contact_open


def test_opening_unsigned_leads_to_the_page(client, portfolio, officer):
    client.force_login(officer.user)
    answer = client.post(reverse("portfolio_contact", args=["WALLET"]), {"contact": "open"})
    assert answer.url == reverse("portfolio_reconciliation", args=["WALLET"])
    portfolio.refresh_from_db()
    assert not portfolio.contact_open
