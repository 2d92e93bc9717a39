"""What forms of the desk may send: unreadable ids, the same payment that a file brings as well."""

import json
from uuid import uuid4

import pytest
from django.urls import reverse

from accounts.actions.payments import receive
from accounts.actions.received import write_payments
from accounts.models import LedgerEntry, Payment
from accounts.tapes.records import CleanPayment
from compliance.models import AuditEvent
from tests.cases.stories import make_case
from tests.factories import NOW, SYSTEM, days_ago, make_people, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio):
    return make_case(portfolio, principal=100_00)


@pytest.mark.parametrize(
    ("page", "sent"),
    [
        ("case_dial", {"contact_point": "no-id"}),
        ("case_dial", {}),
        ("case_script", {"run": "no-id", "answer": "yes"}),
        ("case_script", {}),
    ],
)
def test_an_unreadable_id_belongs_to_nothing(client, case, people, page, sent):
    client.force_login(people.alice)
    assert client.post(reverse(page, args=[case.pk]), sent).status_code == 404


def test_a_script_nobody_knows_is_refused_in_words(client, case, people):
    client.force_login(people.alice)
    answer = client.post(reverse("case_script", args=[case.pk]), {"start": "a\0b"}, follow=True)
    assert [str(each) for each in answer.context["messages"]] == ["There is no such script."]


@pytest.mark.parametrize(
    "sent", [{}, {"external_id": " "}, {"external_id": "L\x001"}, {"loan": str(uuid4())}]
)
def test_a_payment_without_a_readable_loan_still_waits(client, portfolio, people, sent):
    payment = receive(
        portfolio=portfolio, reference="P-1", amount=1_00, value_date=days_ago(1), by=SYSTEM, at=NOW
    )
    client.force_login(people.bob)
    answer = client.post(reverse("payment_match", args=[payment.pk]), sent, follow=True)
    assert [str(each) for each in answer.context["messages"]] == [
        "There is no such loan in this portfolio. The payment still waits."
    ]
    payment.refresh_from_db()
    assert payment.state == "unmatched"


def test_a_payment_taken_down_at_the_desk_is_not_booked_again_by_the_providers_file(client, case, people):
    client.force_login(people.alice)
    sent = {"amount": "40", "paid_on": days_ago(1), "method": "bank", "reference": "TX-77 Dana Field"}
    assert client.post(reverse("case_payment", args=[case.pk]), sent).status_code == 302
    told = CleanPayment(
        reference="TX-77 Dana Field",
        kind="payment",
        reverses=None,
        amount=40_00,
        currency="USD",
        value_date=days_ago(1),
        paid_at=None,
        loan_external_id=case.loan.external_id,
        borrower_external_id=None,
        payer_phone=None,
        payer_email=None,
        rows=(1,),
    )
    outcome = write_payments([told], portfolio=case.portfolio, run=uuid4(), by=SYSTEM, at=NOW)
    assert (outcome.created, outcome.unchanged) == (0, 1)
    assert LedgerEntry.objects.filter(loan=case.loan, kind="repayment").count() == 1
    assert Payment.objects.get().source == "desk_bank"
    # A provider's reference may name the payer: it is no part of what is kept for ever.
    leaves = [
        json.loads(bytes(event.leaf)) for event in AuditEvent.objects.filter(borrower_ref=case.borrower_id)
    ]
    assert "payment.received" in [leaf["type"] for leaf in leaves]
    assert "Dana" not in json.dumps(leaves)
