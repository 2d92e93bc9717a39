"""Payments by file: posted, waiting for their loan, matched by hand, taken back; and what all that does to the work."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import ImportRun, LedgerEntry, Payment, PaymentState, Role
from accounts.standing import standing_of
from cases import tasks
from cases.models import CaseState
from compliance.actions.gate import look
from compliance.models import AuditEvent
from tests.accounts.tapes import as_csv
from tests.cases.files import CommandLine, day, payment_row, stored, summary
from tests.cases.stories import fresh, make_case, make_reachable, phone_of
from tests.factories import make_loan, make_people, make_portfolio, make_user


@pytest.fixture
def portfolio(db):
    return make_portfolio("river", payments_read_at=None)


@pytest.fixture
def bob(portfolio, client):
    """The supervisor of the portfolio's team, signed in."""
    people = make_people(portfolio)
    client.force_login(people.bob)
    return people.bob


def late_case(portfolio, external_id: str, principal: int = 100_00, **details):
    """A case on a loan that fell due ten days ago."""
    now = timezone.now()
    loan = make_loan(
        make_reachable(portfolio, **details),
        portfolio=portfolio,
        external_id=external_id,
        principal=principal,
        due_on=now.date() - timedelta(days=10),
        at=now,
    )
    return make_case(loan=loan, at=now)


@pytest.fixture
def case(portfolio):
    return late_case(portfolio, "L1")


@pytest.fixture
def bring_in(portfolio, case, tmp_path) -> CommandLine:
    return CommandLine(tmp_path).payments


def outstanding(case) -> int:
    return standing_of([case.loan_id], timezone.now().date())[case.loan_id].outstanding


def holds(case, at) -> set[str]:
    """Holds that stop a call about this case at a moment."""
    decision = look(
        borrower=case.borrower, channel="call", purpose="collect", contact_point=phone_of(case.borrower),
        loans=[case.loan_id], at=at,
    )  # fmt: skip
    return {result.params["hold"] for result in decision.reasons if str(result.reason) == "hold"}


def test_a_payment_is_posted_and_cures(bring_in, case, portfolio):
    before = timezone.now()
    assert bring_in([payment_row("P1"), payment_row("P2", amount="60.00")]) == summary(rows=2, created=2)
    assert outstanding(case) == 0
    assert fresh(case).state == CaseState.CURED
    portfolio.refresh_from_db()
    assert before <= portfolio.payments_read_at <= timezone.now()
    read = AuditEvent.objects.get(type="payments.read")
    assert (read.actor_kind, read.actor) == ("system", "import_payments")


def test_the_same_file_again_changes_nothing(bring_in, case):
    rows = [payment_row("P1"), payment_row("P2", loan_id="?1")]
    bring_in(rows)
    before = stored()
    assert bring_in(rows) == summary(rows=2, unchanged=2)
    assert outstanding(case) == 60_00
    new = {"ImportRun", "AuditEvent"}
    assert {name for name, count in stored().items() if count != before[name]} == new
    types = AuditEvent.objects.order_by("-recorded_at").values_list("type", flat=True)
    assert sorted(types[: stored()["AuditEvent"] - before["AuditEvent"]]) == [
        "import.finished", "import.started", "payments.read",
    ]  # fmt: skip


def test_one_file_for_the_lender_s_whole_day(bring_in, case, portfolio):
    """Some are clear, some wait, some are wrong, one comes twice."""
    told = bring_in(
        [
            payment_row("P1"),
            payment_row("P2", loan_id="L-unknown"),
            payment_row("P3", amount="-5"),
            payment_row("P4", value_date="31/02/2026"),
            payment_row("P5", currency="EUR"),
            payment_row("P6", amount="0"),
            payment_row("P1"),
            payment_row("P7", value_date=day(5)),
        ]
    )
    assert told == summary(
        rows=8,
        created=2,
        rejected=5,
        reasons={"date_in_future": 1, "negative": 1, "not_a_date": 1, "not_positive": 1, "other_currency": 1},
        changes={"unmatched": 1},
    )
    assert list(Payment.objects.order_by("reference").values_list("reference", "state")) == [
        ("P1", PaymentState.POSTED),
        ("P2", PaymentState.UNMATCHED),
    ]


def test_a_reference_that_comes_back_with_another_amount(bring_in, case):
    bring_in([payment_row("P1")])
    assert bring_in([payment_row("P1", amount="41.00")]) == summary(
        rows=1, rejected=1, reasons={"booked_otherwise": 1}
    )
    assert outstanding(case) == 60_00


def test_a_payment_that_waits_is_seen_and_stops_contact(bring_in, case, portfolio, bob, client):
    at = timezone.now()
    assert "unmatched_payment" not in holds(case, at)
    assert bring_in([payment_row("P1", loan_id="", payer_phone=number_of(case))]) == summary(
        rows=1, created=1, changes={"unmatched": 1}
    )
    assert "unmatched_payment" in holds(case, at)
    page = client.get(reverse("payments_unmatched")).content.decode()
    assert "$40.00" in page
    assert "P1" in page
    assert "L1 · " in page
    assert "the payer is this borrower" in page
    # The case says so too, and when payments were last read.
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert "Payment being matched" in page
    assert "payments read" in page


def number_of(case) -> str:
    """The number that `make_reachable` gave."""
    digits = re.sub(r"\D", "", phone_of(case.borrower).mask)[-3:]
    return f"+1 212 555 0{digits}"


def test_matched_by_hand(bring_in, case, portfolio, bob, client):
    bring_in([payment_row("P1", loan_id="l 1", amount="100.00")])
    [payment] = Payment.objects.unmatched()
    [candidate] = payment.candidates.all()
    assert (candidate.loan, candidate.why) == (case.loan, "loan_id")
    answer = client.post(
        reverse("payment_match", args=[payment.pk]), {"loan": candidate.loan_id}, follow=True
    )
    assert "The payment has found its loan." in answer.content.decode()
    assert "Every payment has its loan" in answer.content.decode()
    assert (outstanding(case), fresh(case).state) == (0, CaseState.CURED)
    assert "unmatched_payment" not in holds(case, timezone.now())
    matched = AuditEvent.objects.get(type="payment.matched")
    assert (matched.actor, matched.case_ref) == (str(bob.ref), case.pk)


def test_matched_by_the_loan_s_id(bring_in, case, bob, client):
    bring_in([payment_row("P1", loan_id="")])
    [payment] = Payment.objects.unmatched()
    address = reverse("payment_match", args=[payment.pk])
    for wrong in ({"external_id": "L9"}, {"loan": UUID(int=7)}, {}):
        answer = client.post(address, wrong, follow=True)
        assert "There is no such loan in this portfolio. The payment still waits." in answer.content.decode()
    assert Payment.objects.unmatched().count() == 1
    client.post(address, {"external_id": " L1 "})
    assert outstanding(case) == 60_00
    # Matched already: it is not there any more.
    assert client.post(address, {"external_id": "L1"}).status_code == 404


def test_another_team_s_payments_and_loans(bring_in, case, bob, client):
    bring_in([payment_row("P1", loan_id="")])
    [payment] = Payment.objects.unmatched()
    sea = late_case(make_portfolio("sea"), "S1")
    for loan in ({"external_id": "S1"}, {"loan": sea.loan_id}):
        answer = client.post(reverse("payment_match", args=[payment.pk]), loan, follow=True)
        assert "There is no such loan in this portfolio." in answer.content.decode()
    client.force_login(make_user(role=Role.SUPERVISOR))
    assert "P1" not in client.get(reverse("payments_unmatched")).content.decode()
    assert client.post(reverse("payment_match", args=[payment.pk]), {"external_id": "L1"}).status_code == 404


def test_a_payment_taken_back_reopens_the_case(bring_in, case):
    bring_in([payment_row("P1", amount="100.00")])
    assert fresh(case).state == CaseState.CURED
    back = payment_row("R1", amount="100.00", kind="reversal", reverses="P1")
    assert bring_in([back]) == summary(rows=1, updated=1, changes={"reversed": 1})
    assert (outstanding(case), fresh(case).state) == (100_00, CaseState.NEGOTIATING)
    assert bring_in([back]) == summary(rows=1, unchanged=1)
    assert LedgerEntry.objects.filter(kind="reversal").count() == 1
    assert bring_in([payment_row("R2", kind="reversal", reverses="P9")]) == summary(
        rows=1, rejected=1, reasons={"payment_refused": 1}
    )


def test_a_dry_run_posts_nothing(bring_in, case):
    before = stored()
    assert bring_in([payment_row("P1", amount="100.00")], "--dry-run") == summary(rows=1, created=1)
    assert stored() == before
    assert fresh(case).state == CaseState.OVERDUE


# In the browser, during the day


def test_in_the_browser(client, bob, portfolio, case, django_capture_on_commit_callbacks):
    rows = [payment_row("P1", amount="100.00"), payment_row("P2", amount="-1"), payment_row("P3", loan_id="")]
    form = {
        "portfolio": portfolio.pk,
        "mapping": "standard",
        "file": SimpleUploadedFile("p.csv", as_csv(rows)),
    }
    address = client.post(reverse("import_new", args=["payments"]), form).url
    page = client.get(address).content.decode()
    assert "“-1” is negative." in page
    run = ImportRun.objects.get()
    assert not Payment.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("import_confirm", args=[run.pk]))
    tasks.perform_import(str(run.pk))
    run.refresh_from_db()
    assert (run.summary["created"], run.summary["rejected"], run.summary["changes"]) == (
        2,
        1,
        {"unmatched": 1},
    )
    assert fresh(case).state == CaseState.CURED
    received = AuditEvent.objects.filter(type="payment.received")
    assert set(received.values_list("actor", flat=True)) == {str(bob.ref)}
    # The same file again: nothing would be new.
    form["file"] = SimpleUploadedFile("p.csv", as_csv(rows))
    address = client.post(reverse("import_new", args=["payments"]), form).url
    totals = client.get(address).context["totals"]
    assert (totals["new"], totals["skip"], totals["invalid"]) == (0, 2, 1)


def test_who_may_not(client, case, portfolio, bob):
    for role in (Role.AGENT, Role.COMPLIANCE, Role.LEGAL):
        client.force_login(make_user(role=role, team=bob.team))
        assert client.get(reverse("import_new", args=["payments"])).status_code == 403
    client.force_login(make_user(role=Role.ADMINISTRATOR))
    assert client.get(reverse("import_new", args=["payments"])).status_code == 200
    assert client.get(reverse("import_new", args=["customers"])).status_code == 404
