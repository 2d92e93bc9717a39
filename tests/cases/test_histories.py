"""What was known before, from files: every kind becomes what it is, once, all or nothing; contacts of others are judged."""

import json
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError
from django.urls import reverse
from django.utils import timezone

from accounts.models import ImportedRecord, ImportRun, Role
from cases import tasks
from cases.models import Promise
from compliance.actions.complaints import open_words
from compliance.models import (
    AuditEvent,
    Complaint,
    Consent,
    ContactAttempt,
    Finding,
    Hold,
    MediaRequest,
)
from tests.accounts.tapes import as_csv
from tests.cases.files import CommandLine, day, rejected_reasons, summary
from tests.cases.stories import make_case, phone_of
from tests.factories import SYSTEM, make_borrower, make_loan, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio("river", contact_open=False, our_role="third_party_debt_collector")


@pytest.fixture
def borrower(portfolio):
    return make_borrower(
        portfolio,
        external_id="B1",
        phone="+1 212 555 0142",
        email="dana@example.com",
        zones=["America/New_York"],
    )


@pytest.fixture
def loan(borrower, portfolio):
    return make_loan(borrower, external_id="L1", due_on=timezone.now().date() - timedelta(days=60))


@pytest.fixture
def bring_in(loan, tmp_path):
    command = CommandLine(tmp_path)

    def run(kind: str, rows: list[dict[str, str]], *flags: str, **options: str):
        return command("import_history", rows, *flags, kind=kind, **options)

    return run


def ago(days: int, clock: str = "15:00:00") -> str:
    """A moment as files have it, UTC: 15:00 is ten or eleven in the morning in New York."""
    return f"{day(-days)} {clock}"


def attempt_row(number: int, **changed: str) -> dict[str, str]:
    return {
        "attempt_id": str(number),
        "reported_by": "agency_b",
        "borrower_id": "",
        "loan_id": "L1",
        "channel": "call",
        "at": ago(3),
        "phone": "+12125550142",
        "result": "no_answer",
        "direction": "out",
    } | changed


ROWS = {
    "holds": {"hold_id": "H1", "loan_id": "L1", "kind": "dispute", "from_on": day(-20), "to_on": ""},
    "opt_outs": {
        "request_id": "O1", "borrower_id": "B1", "channel": "sms", "phone": "+1 212 555 0142", "received_at": ago(9),
        "how": "sms",
    },
    "consents": {
        "consent_id": "C1", "borrower_id": "B1", "kind": "contact_time", "days": "sat, mon", "from_hour": "21:00",
        "to_hour": "24:00", "only_convenient": "no", "given_to": "us", "given_at": ago(8), "from_on": day(-8),
        "evidence": "call:77",
    },
    "complaints": {
        "complaint_id": "K1", "loan_id": "L1", "category": "tone", "words": "He shouted.\nTwice.", "channel": "letter",
        "received_at": ago(5),
    },
    "promises": {
        "promise_id": "P1", "loan_id": "L1", "amount": "25.00", "currency": "USD", "due_on": day(3), "made_at": ago(1),
        "channel": "call",
    },
    "attempts": attempt_row(1),
}  # fmt: skip


@pytest.mark.parametrize("kind", ROWS)
def test_each_row_is_kept_once_whatever_is_sent_again(bring_in, loan, kind):
    make_case(loan=loan, at=timezone.now())
    assert bring_in(kind, [ROWS[kind]]) == summary(rows=1, created=1)
    assert bring_in(kind, [ROWS[kind]]) == summary(rows=1, unchanged=1)
    [record] = ImportedRecord.objects.all()
    assert (record.kind, record.external_id) == (
        kind,
        ROWS[kind][f"{kind[:-1] if kind != 'opt_outs' else 'request'}_id"],
    )


def test_what_a_row_becomes(bring_in, loan, borrower):
    case = make_case(loan=loan, at=timezone.now())
    for kind, row in ROWS.items():
        bring_in(kind, [row])
    dispute = Hold.objects.get(kind="dispute")
    assert (dispute.loan, dispute.starts_on, dispute.ends_on) == (loan, date.fromisoformat(day(-20)), None)
    wish = MediaRequest.objects.get()
    assert (wish.wish, wish.channel, wish.contact_point, wish.how) == (
        "stop",
        "sms",
        phone_of(borrower),
        "sms",
    )
    consent = Consent.objects.get()
    assert (consent.days, consent.from_time, consent.to_time) == (["MON", "SAT"], time(21), time(0))
    complaint = Complaint.objects.get()
    assert open_words(complaint=complaint, by=SYSTEM, at=timezone.now()).words == "He shouted.\nTwice."
    assert complaint.hold.kind == "complaint"
    assert complaint.due_on == complaint.received_at.date() + timedelta(days=15)
    promise = Promise.objects.get()
    assert (promise.case, promise.amount, promise.state) == (case, 25_00, "open")
    attempt = ContactAttempt.objects.get()
    assert (attempt.reported, attempt.reported_by, attempt.permit) == (True, "agency_b", None)
    assert attempt.contact_point == phone_of(borrower)
    assert attempt.outcomes.get().answered is False


def test_every_row_says_in_the_log_what_it_became(bring_in, loan):
    make_case(loan=loan, at=timezone.now())
    for kind, row in ROWS.items():
        bring_in(kind, [row])
    types = AuditEvent.objects.filter(stream_kind="run").values_list("type", flat=True)
    assert {
        "hold.opened", "media.requested", "consent.recorded", "complaint.logged", "promise.recorded", "contact.reported",
    } <= set(types)  # fmt: skip
    leaves = b"".join(bytes(event.leaf) for event in AuditEvent.objects.all())
    assert b"shouted" not in leaves
    assert b"2125550142" not in leaves


def test_rows_that_do_not_fit_are_refused_with_their_reasons(bring_in, portfolio):
    other = make_borrower(portfolio, external_id="B2")
    make_loan(other, external_id="L2")
    rows = [
        attempt_row(1, loan_id="L9"),
        attempt_row(2, loan_id="", borrower_id="B9"),
        attempt_row(3, borrower_id="B2"),
        attempt_row(4, loan_id=""),
        attempt_row(5, at="2026-02-31 10:00:00"),
        attempt_row(6, channel="pigeon"),
        attempt_row(7, channel="email"),
        attempt_row(8, reported_by="Agency B"),
        attempt_row(9),
        attempt_row(9, result="busy"),
        attempt_row(10),
        attempt_row(10),
    ]
    assert bring_in("attempts", rows) | {"reasons": {}} == summary(rows=12, created=1, rejected=10)
    reasons = rejected_reasons()
    assert reasons["2"] == "There is no such loan in this portfolio."
    assert reasons["3"] == "There is no such borrower in this portfolio."
    assert reasons["4"] == "The loan is another borrower's."
    assert reasons["5"] == "The row names neither a borrower nor a loan: borrower_id, loan_id."
    assert reasons["6"] == "at: There is no such day as “2026-02-31 10:00:00”."
    assert reasons["7"].startswith("channel: “pigeon” is not one of: call, ")
    assert reasons["8"] == "phone: A contact by email does not go to this number or address."
    assert (
        reasons["9"]
        == "reported_by: Who reported it is written in small letters, figures and _, such as agency_b."
    )
    assert reasons["10"] == "attempt_id: This id also stands in row 11, with other particulars."
    assert set(reasons) == {str(number) for number in range(2, 12)}


def test_an_id_that_says_something_else_later_is_refused_and_two_agencies_may_have_the_same(bring_in):
    bring_in("attempts", [attempt_row(1)])
    later = [attempt_row(1, result="busy"), attempt_row(1, reported_by="agency_c")]
    assert bring_in("attempts", later) == summary(
        rows=2, created=1, rejected=1, reasons={"known_otherwise": 1}
    )
    assert ContactAttempt.objects.count() == 2


def test_a_promise_needs_an_open_case_without_another_promise(bring_in, loan):
    assert bring_in("promises", [ROWS["promises"]])["reasons"] == {"no_open_case": 1}
    make_case(loan=loan, at=timezone.now())
    two = [ROWS["promises"], ROWS["promises"] | {"promise_id": "P2"}]
    assert bring_in("promises", two) == summary(
        rows=2, created=1, rejected=1, reasons={"promised_already": 1}
    )
    assert ImportedRecord.objects.get().amount == 25_00


def test_a_dry_run_and_a_file_that_breaks_leave_nothing(bring_in, monkeypatch):
    assert bring_in("attempts", [attempt_row(1)], "--dry-run") == summary(rows=1, created=1)
    assert not ContactAttempt.objects.exists()
    assert not ImportRun.objects.exists()

    def breaks(*args, **kwargs):
        raise RuntimeError("killed")

    monkeypatch.setattr("compliance.actions.reported.judge", breaks)
    before = AuditEvent.objects.count()
    with pytest.raises(RuntimeError):
        bring_in("attempts", [attempt_row(1)])
    assert (ContactAttempt.objects.count(), ImportedRecord.objects.count()) == (0, 0)
    assert AuditEvent.objects.count() == before


def test_a_mapping_without_the_kind_is_refused(bring_in):
    with pytest.raises(CommandError, match="says nothing about attempts"):
        bring_in("attempts", [attempt_row(1)], mapping="xente")


# Judged on arrival


def found() -> dict[str, list[str]]:
    """Findings: by the id of the attempt in its file the rules that forbade it."""
    ids = dict(ImportedRecord.objects.values_list("made", "external_id"))
    return {
        ids[finding.attempt_id]: sorted(
            result["rule"]
            for result in finding.results
            if result["outcome"] in ("prohibited", "presumed_violation")
        )
        for finding in Finding.objects.all()
    }


def test_contacts_are_judged_by_their_own_moment_and_what_went_before_them(bring_in):
    calls = [attempt_row(number, at=ago(10 - number, "15:30:00")) for number in range(1, 8)]
    rows = [
        attempt_row(8, at=ago(3, "16:30:00")),  # the eighth within seven days
        attempt_row(9, at=ago(30, "07:30:00")),  # in the night
        attempt_row(10, at=ago(40), result="conversation"),
        attempt_row(11, at=ago(36)),  # four days after a conversation
        attempt_row(12, at=ago(36), direction="in"),  # they may call us
        *reversed(calls),
    ]
    result = bring_in("attempts", rows)
    assert result["changes"] == {"findings": 3}
    assert found() == {
        "8": ["US.REGF.CALLS.7IN7"],
        "9": ["US.REGF.TIME.DEFAULT"],
        "11": ["US.REGF.CALLS.AFTERTALK"],
    }
    finding = Finding.objects.get(outcome="prohibited")
    assert finding.attempt.at == datetime.combine(
        timezone.now().date() - timedelta(days=30), time(7, 30), UTC
    )
    events = AuditEvent.objects.filter(type="finding.opened")
    assert {event.borrower_ref for event in events} == {finding.borrower_id}
    data = [json.loads(bytes(event.leaf))["data"] for event in events]
    assert {"US.REGF.TIME.DEFAULT"} in [set(each["rules"]) for each in data]
    assert set(data[0]) == {"finding", "attempt", "outcome", "rules", "packs"}


def test_a_creditor_of_its_own_loans_is_not_bound_by_what_binds_collectors(bring_in):
    night = [
        attempt_row(1, at=ago(30, "07:30:00"), role="creditor"),
        attempt_row(2, at=ago(29, "07:30:00"), role=""),
    ]
    assert bring_in("attempts", night)["reasons"] == {"missing": 1}
    assert found() == {}
    night = [attempt_row(3, at=ago(28, "07:30:00"), role="third_party_debt_collector")]
    bring_in("attempts", night)
    assert found() == {"3": ["US.REGF.TIME.DEFAULT"]}


def test_neither_the_closed_portfolio_nor_the_house_policy_makes_a_finding(bring_in):
    sunday = timezone.now().date()
    sunday -= timedelta(days=(sunday.weekday() + 1) % 7 or 7)
    # Sunday at ten in the morning: our own policy is still quiet, the law is not.
    bring_in("attempts", [attempt_row(1, at=f"{sunday.isoformat()} 15:00:00")])
    assert found() == {}


def test_a_number_that_is_not_theirs_is_somebody_elses(bring_in):
    bring_in("attempts", [attempt_row(1, phone="+12125550199")])
    assert Finding.objects.count() == 1
    [reason] = [
        result["reason"] for result in Finding.objects.get().results if result["outcome"] == "prohibited"
    ]
    assert reason == "party_not_allowed"


def test_holds_and_what_was_overdue_are_those_of_the_moment(bring_in, borrower):
    bring_in(
        "holds", [ROWS["holds"] | {"kind": "attorney", "loan_id": "", "borrower_id": "B1", "to_on": day(-10)}]
    )
    rows = [
        attempt_row(1, at=ago(21)),  # before the hold
        attempt_row(2, at=ago(15)),
        attempt_row(3, at=ago(5)),  # after it
        attempt_row(4, at=ago(61)),  # nothing was overdue yet
    ]
    bring_in("attempts", rows)
    judged = found()
    assert set(judged) == {"2", "4"}
    assert "GATE.HOLD" in judged["2"]
    assert "GATE.ARREARS" in judged["4"]


# In the browser


@pytest.fixture
def ada(client):
    person = make_user("ada", role=Role.ADMINISTRATOR)
    client.force_login(person)
    return person


def csv_file(rows: list[dict[str, str]]) -> SimpleUploadedFile:
    return SimpleUploadedFile("log.csv", as_csv(rows))


def upload(client, kind: str, rows: list[dict[str, str]], portfolio):
    fields = {"portfolio": portfolio.pk, "mapping": "standard", "file": csv_file(rows)}
    answer = client.post(reverse("import_new", args=[kind]), fields)
    assert answer.status_code == 302, answer.context["form"].errors
    return ImportRun.objects.get()


def test_preview_confirm_and_download_as_on_the_command_line(client, ada, portfolio, loan):
    rows = [attempt_row(1), attempt_row(2, loan_id="L9"), attempt_row(3, at=ago(30, "07:30:00"))]
    run = upload(client, "attempts", rows, portfolio)
    page = client.get(reverse("import_run", args=[run.pk]))
    assert (page.context["totals"]["new"], page.context["totals"]["invalid"]) == (2, 1)
    assert [row.number for row in page.context["invalid_rows"]] == [3]
    assert not ContactAttempt.objects.exists()

    client.post(reverse("import_confirm", args=[run.pk]))
    tasks.perform_import(str(run.pk))
    run.refresh_from_db()
    assert (run.summary["created"], run.summary["rejected"], run.summary["changes"]) == (
        2,
        1,
        {"findings": 1},
    )
    assert "not lawful at its moment" in client.get(reverse("import_run", args=[run.pk])).content.decode()
    rejected = client.get(reverse("import_rejected", args=[run.pk])).content.decode("utf-8-sig")
    assert "There is no such loan in this portfolio." in rejected

    again = ImportRun.objects.exclude(pk=run.pk)
    client.post(
        reverse("import_new", args=["attempts"]),
        {"portfolio": portfolio.pk, "mapping": "standard", "file": csv_file(rows)},
    )
    page = client.get(reverse("import_run", args=[again.get().pk]))
    assert (page.context["totals"]["new"], page.context["totals"]["skip"]) == (0, 2)


def test_the_page_offers_every_kind_to_those_who_bring_tapes(client, ada):
    page = client.get(reverse("imports"))
    assert [kind.value for kind in page.context["histories"]] == list(ROWS)
