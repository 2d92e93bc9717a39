"""What a supervisor does with money in the browser: a payment that went back, credit, a provider's file."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import ImportRun, Payment, Portfolio, ProviderAnswer, ProviderLine, Role
from accounts.standing import standing_of
from cases import tasks
from cases.actions.payments import record_payment
from cases.models import CaseState
from compliance.models import AuditEvent
from tests.accounts.tapes import as_csv
from tests.cases.files import day, payment_row
from tests.cases.stories import fresh, make_case, make_reachable
from tests.factories import SYSTEM, make_loan, make_people, make_portfolio, make_user

DAY = timedelta(days=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio("river")


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def bob(people, client):
    client.force_login(people.bob)
    return people.bob


@pytest.fixture
def today(portfolio):
    return portfolio.business_date(timezone.now())


def late_case(portfolio, external_id: str, borrower=None, principal: int = 100_00):
    now = timezone.now()
    loan = make_loan(
        borrower or make_reachable(portfolio),
        portfolio=portfolio,
        external_id=external_id,
        principal=principal,
        due_on=now.date() - 10 * DAY,
        at=now,
    )
    return make_case(loan=loan, at=now)


@pytest.fixture
def case(portfolio):
    return late_case(portfolio, "L1")


def pay(case, reference: str, amount: int) -> Payment:
    at = timezone.now()
    return record_payment(
        case=case, amount=amount, value_date=case.portfolio.business_date(at) - DAY, reference=reference,
        by=SYSTEM, at=at,
    )  # fmt: skip


def words(html: bytes | str) -> str:
    text = html.decode() if isinstance(html, bytes) else html
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_a_supervisor_takes_a_part_of_a_payment_back(client, bob, case, today):
    payment = pay(case, "P-1", 100_00)
    assert fresh(case).state == CaseState.CURED
    page = reverse("case_received", args=[case.pk])
    assert "It went back" in client.get(page).content.decode()
    back = reverse("case_received_back", args=[case.pk, payment.pk])
    answer = client.post(back, {"amount": "30.00", "day": today.isoformat(), "how": "back"}, follow=True)
    assert "Taken back. What it had paid, kept or cured was looked at again." in words(answer.content)
    assert standing_of([case.loan_id], today)[case.loan_id].arrears == 30_00
    assert fresh(case).state == CaseState.NEGOTIATING
    assert re.search(r"P-1 \$30\.00 since \w", words(answer.content))
    # Not twice, and the sentence says so.
    answer = client.post(back, {"how": "never"}, follow=True)
    assert standing_of([case.loan_id], today)[case.loan_id].arrears == 30_00


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (
            {"amount": "100.01", "how": "back"},
            "No more is taken back than was paid, and not before it was paid.",
        ),
        ({"amount": "", "how": "back"}, "Please give the amount that went back, and the day."),
        ({"amount": "x", "how": "back"}, "Please give the amount that went back, and the day."),
    ],
)
def test_what_cannot_be_taken_back_changes_nothing(client, bob, case, today, sent, sentence):
    payment = pay(case, "P-1", 100_00)
    before = AuditEvent.objects.count()
    answer = client.post(
        reverse("case_received_back", args=[case.pk, payment.pk]),
        {"day": today.isoformat()} | sent,
        follow=True,
    )
    assert f"{sentence} Nothing was changed." in words(answer.content)
    assert AuditEvent.objects.count() == before


def test_a_payment_that_never_came_is_reversed(client, bob, case, today):
    payment = pay(case, "P-1", 100_00)
    client.post(reverse("case_received_back", args=[case.pk, payment.pk]), {"how": "never"})
    standing = standing_of([case.loan_id], today - DAY)[case.loan_id]
    assert standing.arrears == 100_00
    assert "never came" in client.get(reverse("case_received", args=[case.pk])).content.decode()


def test_credit_pays_another_loan_and_cures_its_case_or_is_paid_out(client, bob, case, portfolio, today):
    other = late_case(portfolio, "L2", borrower=case.borrower, principal=20_00)
    stranger = late_case(portfolio, "L3")
    pay(case, "P-1", 150_00)
    page = client.get(reverse("case_received", args=[case.pk])).content.decode()
    assert "Paid beyond the debt: $50.00" in words(page)
    assert (f'value="{other.loan_id}"' in page, f'value="{stranger.loan_id}"' in page) == (True, False)
    send = reverse("case_credit", args=[case.pk])
    refused = client.post(send, {"to": stranger.loan_id, "amount": "20.00", "reference": "C-1"})
    assert refused.status_code == 422
    too_much = client.post(send, {"to": other.loan_id, "amount": "50.01", "reference": "C-1"})
    assert (too_much.status_code, "There is not so much credit on this loan." in too_much.content.decode()) == (
        422, True,
    )  # fmt: skip
    client.post(send, {"to": other.loan_id, "amount": "20.00", "reference": "C-1"})
    assert fresh(other).state == CaseState.CURED
    client.post(send, {"to": "", "amount": "30.00", "reference": "C-2"})
    assert standing_of([case.loan_id], today)[case.loan_id].credit == 0
    assert "Paid beyond the debt" not in client.get(reverse("case_received", args=[case.pk])).content.decode()


def upload(client, rows) -> ImportRun:
    file = SimpleUploadedFile("settled.csv", as_csv(rows), "text/csv")
    sent = {"portfolio": Portfolio.objects.get(code="river").pk, "mapping": "standard", "file": file}
    answer = client.post(reverse("import_new", args=["provider"]), sent)
    assert answer.status_code == 302, words(answer.content)
    run = ImportRun.objects.latest("created_at")
    preview = client.get(answer.url).content.decode()
    assert "Compare with our books" in preview
    client.post(reverse("import_confirm", args=[run.pk]))
    tasks.perform_import(str(run.pk))
    run.refresh_from_db()
    return run


@pytest.fixture
def queued(monkeypatch):
    """The worker is called by the test."""
    monkeypatch.setattr(tasks.Job, "delay", lambda self, *args: None)


def test_a_file_is_uploaded_compared_and_answered(client, bob, case, today, queued):
    pay(case, "P-1", 40_00)
    run = upload(
        client, [payment_row("P-1"), payment_row("P-2", amount="60.00"), payment_row("P-3", amount="1.00")]
    )
    assert (run.state, run.summary["unchanged"], run.summary["created"]) == ("done", 1, 2)
    assert "See what differs" in client.get(reverse("import_run", args=[run.pk])).content.decode()
    page = reverse("provider_file", args=[run.pk])
    shown = words(client.get(page).content)
    assert "the same 1 $40.00 $40.00" in shown
    assert "not in our books 2 $61.00 $0.00" in shown
    line = ProviderLine.objects.get(reference="P-2")
    answer = client.post(reverse("provider_line", args=[line.pk]), {"what": "booked", "shown": "theirs"})
    assert answer.url == f"{page}?result=theirs"
    assert fresh(case).state == CaseState.CURED
    other = ProviderLine.objects.get(reference="P-3")
    for what in ("", "equal", "taken_back"):
        client.post(reverse("provider_line", args=[other.pk]), {"what": what})
    assert not ProviderAnswer.objects.filter(line=other).exists()
    client.post(reverse("provider_line", args=[other.pk]), {"what": "next_file"})
    assert ProviderAnswer.objects.get(line=other).what == "next_file"
    listed = words(client.get(reverse("provider_files")).content)
    assert "river 3 1 2 0 0" in listed
    csv = client.get(page, {"as": "csv"}).content.decode().splitlines()
    assert csv[0] == "result,rows,reference,takes_back,amount,day,our_amount,our_day,currency,answer"
    assert csv[1] == f"equal,2,P-1,no,40.00,{day(-1)},40.00,{day(-1)},USD,"
    assert csv[2] == f"theirs,3,P-2,no,60.00,{day(-1)},,,USD,booked"


def test_a_cell_of_the_file_is_never_a_formula(client, bob, case, queued):
    run = upload(client, [payment_row("=1+1")])
    csv = client.get(reverse("provider_file", args=[run.pk]), {"as": "csv"}).content.decode()
    assert ",'=1+1," in csv


def test_a_supervisor_of_another_portfolio_finds_nothing(client, bob, case, queued):
    run = upload(client, [payment_row("P-1")])
    line = ProviderLine.objects.get()
    payment = pay(case, "P-9", 1_00)
    client.force_login(make_user("eve", role=Role.SUPERVISOR))
    assert client.get(reverse("provider_file", args=[run.pk])).status_code == 404
    assert client.post(reverse("provider_line", args=[line.pk]), {"what": "booked"}).status_code == 404
    assert client.get(reverse("case_received", args=[case.pk])).status_code == 404
    back = client.post(reverse("case_received_back", args=[case.pk, payment.pk]), {"how": "never"})
    assert back.status_code == 404


def test_the_compliance_officer_sees_and_does_not_answer(client, bob, case, queued):
    run = upload(client, [payment_row("P-1")])
    client.force_login(make_user("carol", role=Role.COMPLIANCE))
    page = client.get(reverse("provider_file", args=[run.pk])).content.decode()
    assert ("not answered" in page, "Book it" in page) == (True, False)


@pytest.mark.parametrize("lines", [1, 40])
def test_the_page_asks_the_same_whatever_stands_in_the_file(
    client, bob, case, queued, lines, django_assert_max_num_queries
):
    run = upload(client, [payment_row(f"P-{number}") for number in range(lines)])
    with django_assert_max_num_queries(9):
        client.get(reverse("provider_file", args=[run.pk]))
