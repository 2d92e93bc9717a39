"""What forms of the desk may send: unreadable ids, the same payment that a file brings as well."""

import json
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.actions.payments import receive
from accounts.actions.received import write_payments
from accounts.models import LedgerEntry, Payment
from accounts.tapes.records import CleanPayment
from cases.actions.calls import log_inbound, place_call
from cases.models import Plan, Promise
from compliance.models import AuditEvent, Complaint, ContactAttempt, Hold
from tests.cases.stories import DAY, make_case, phone_of
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


# The same form twice: a second click, a page sent again


def test_the_outcome_of_a_call_sent_again_is_no_call_from_the_borrower(client, case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    client.force_login(people.alice)
    page = client.get(reverse("case", args=[case.pk]), {"open": "call"})
    assert f'<input type="hidden" name="call" value="{placed.pk}"' in page.content.decode()
    sent = {"call": placed.pk, "disposition": "cannot_pay"}
    assert client.post(reverse("case_call", args=[case.pk]), sent).status_code == 302
    again = client.post(reverse("case_call", args=[case.pk]), sent)
    assert again.status_code == 422
    assert "The outcome of this call is stored already." in again.content.decode()
    assert [attempt.direction for attempt in ContactAttempt.objects.all()] == ["out"]


def test_somebody_elses_call_is_not_logged(client, case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    client.force_login(people.bob)
    sent = {"call": placed.pk, "disposition": "cannot_pay"}
    assert client.post(reverse("case_call", args=[case.pk]), sent).status_code == 404


@pytest.mark.parametrize(
    ("page", "sent", "model"),
    [
        ("case_call", {"disposition": "cannot_pay"}, ContactAttempt),
        ("case_promise", {"amount": "20", "due_on": "tomorrow"}, Promise),
        ("case_plan", {"count": "2", "first_on": "tomorrow", "every": "week"}, Plan),
        ("case_complaint", {"category": "tone", "channel": "call", "words": "Unkind."}, Complaint),
        (
            "case_payment",
            {"amount": "20", "paid_on": days_ago(1), "method": "cash", "reference": "R-1"},
            Payment,
        ),
        ("case_hold", {"kind": "hardship", "since": days_ago(0), "until": "", "why": "Ill."}, Hold),
    ],
)
def test_a_form_sent_twice_does_its_work_once(client, case, people, page, sent, model):
    if page == "case_plan":
        log_inbound(case=case, disposition="cannot_pay", user=people.alice, at=timezone.now())
    client.force_login(people.alice)
    tomorrow = timezone.now().date() + DAY
    sent = {name: tomorrow if value == "tomorrow" else value for name, value in sent.items()}
    for _ in range(2):
        client.post(reverse(page, args=[case.pk]), sent)
    assert model.objects.count() == 1
