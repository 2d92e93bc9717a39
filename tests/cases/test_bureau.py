"""Reporting to a credit bureau: nobody is reported late who was not told days before, nothing disputed goes out
unmarked, what was said stays as it was said, and what was wrong is set right.
"""

import json
from datetime import date, timedelta
from hashlib import sha256

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.models import EntryKind, Role
from cases.actions import bureau, credit_disputes, furnishing
from cases.actions.bureau import BureauRefused
from cases.actions.debits import plan_message
from cases.actions.payments import record_payment
from cases.models import BureauFile, BureauNotice, CreditDispute, FileKind, Furnished
from communications.actions.messages import send
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent, Hold, HoldKind
from tests.cases.debit_stories import posted
from tests.cases.stories import make_case
from tests.factories import NOW, SYSTEM, TODAY, make_borrower, make_loan, make_portfolio, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
READY = NOW + 17 * DAY
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
NEXT = NOW + 31 * DAY


@pytest.fixture
def portfolio():
    return reporting(make_portfolio())


def reporting(portfolio, at=NOW):
    bureau.set_reporting(
        portfolio=portfolio, bureau="CB1", from_on=portfolio.business_date(at), by=SYSTEM, at=at
    )
    return portfolio


@pytest.fixture
def case(portfolio):
    return make_case(portfolio, principal=100_00, external_id="RW-1")


def tell(case, at=NOW, sent=True) -> BureauNotice:
    with posted() as post:
        notice = bureau.plan_bureau_notice(case=case, by=SYSTEM, at=at)
        if sent:
            assert send(message_id=notice.message_id, at=at, case=case.pk).status == "accepted"
            [mail] = post.sent
            assert "reported as late, with its amounts and dates, on" in mail.body
    return notice


def furnish(portfolio, at=READY) -> BureauFile:
    return furnishing.furnish(portfolio=portfolio, by=SYSTEM, at=at)


def waiting(portfolio, at) -> list[tuple[str, str]]:
    return [(each.loan.external_id, each.why) for each in furnishing.candidates(portfolio, at)]


def lines(loan) -> list[tuple]:
    found = Furnished.objects.filter(loan=loan).order_by("pk")
    return list(found.values_list("kind", "status", "days_past_due", "arrears", "disputed"))


def pay(case, amount=100_00, on=TODAY, at=NOW, reference="P-1"):
    record_payment(case=case, amount=amount, value_date=on, reference=reference, by=SYSTEM, at=at)


def dispute(case, about="dates", at=READY, words="I was never late."):
    return credit_disputes.log_dispute(case=case, about=about, channel="email", words=words, by=SYSTEM, at=at)


# Told before


def test_a_portfolio_that_reports_to_nobody_tells_nobody_that_it_does(portfolio):
    silent = make_case(make_portfolio(), principal=100_00)
    with pytest.raises(BureauRefused) as refused:
        tell(silent)
    assert refused.value.code == "not_reporting"
    assert bureau.reporting_to(portfolio, TODAY) == "CB1"
    assert bureau.reporting_to(portfolio, TODAY - DAY) == ""


def test_the_notice_names_the_day_and_comes_once(case):
    notice = tell(case)
    assert notice.report_on == TODAY + 17 * DAY
    assert tell(case, at=NOW + DAY, sent=False) == notice


def test_who_owes_nothing_is_told_nothing(case):
    pay(case)
    with pytest.raises(BureauRefused) as refused:
        tell(case)
    assert refused.value.code == "not_late"


def test_waits_by_the_pack_the_longest_of_all(case, portfolio):
    assert bureau.wait_days(portfolio, NOW) == 14
    assert (
        bureau.wait_days(make_portfolio(jurisdictions=["KE"], zone="Africa/Nairobi", currency="KES"), NOW)
        == 30
    )


def test_nothing_late_is_furnished_before_the_notice_has_run(case, portfolio):
    assert waiting(portfolio, NOW) == [("RW-1", "no_notice")]
    tell(case)
    assert waiting(portfolio, NOW + 16 * DAY) == [("RW-1", "waiting")]
    with pytest.raises(BureauRefused) as refused:
        furnish(portfolio, NOW + 16 * DAY)
    assert refused.value.code == "empty"
    assert waiting(portfolio, READY) == [("RW-1", "")]


def test_a_notice_that_waits_for_its_lawful_moment_is_none(case, portfolio):
    tell(case, sent=False)
    assert waiting(portfolio, READY + 5 * DAY) == [("RW-1", "waiting")]


# Furnished


def test_a_months_file_says_exactly_what_the_ledger_says(case, portfolio):
    tell(case)
    file = furnish(portfolio)
    assert (file.month, file.kind, file.rows, file.bureau) == (MARCH, "month", 1, "CB1")
    text = furnishing.download(file=file, by=SYSTEM, at=READY)
    assert text == (
        "loan,kind,as_of,status,days_past_due,currency,arrears,outstanding,oldest_due_on,disputed\r\n"
        "RW-1,month,2026-03-20,late,27,USD,100.00,100.00,2026-02-21,no\r\n"
    )
    assert file.digest == sha256(text.encode()).hexdigest()
    line = Furnished.objects.get()
    assert line.digest == sha256(bytes(line.said)).hexdigest()
    assert json.loads(bytes(line.said))["arrears"] == "100.00"
    found = AuditEvent.objects.filter(type__startswith="bureau.").values_list("type", flat=True)
    assert sorted(found) == [
        "bureau.file_downloaded", "bureau.file_made", "bureau.furnished", "bureau.notice_planned",
        "bureau.reporting_set",
    ]  # fmt: skip
    with pytest.raises(BureauRefused) as refused:
        furnish(portfolio, READY + DAY)
    assert refused.value.code == "made"


def test_what_was_reported_late_is_reported_paid_and_then_no_more(case, portfolio):
    tell(case)
    furnish(portfolio)
    pay(case, on=TODAY + 20 * DAY, at=NOW + 20 * DAY)
    furnish(portfolio, NEXT)
    assert lines(case.loan) == [("month", "late", 27, 100_00, False), ("month", "paid", 0, 0, False)]
    assert waiting(portfolio, NEXT + 31 * DAY) == []


def test_who_paid_before_the_day_is_never_reported(case, portfolio):
    tell(case)
    pay(case, on=TODAY + 10 * DAY, at=NOW + 10 * DAY)
    assert waiting(portfolio, READY) == []


PROTECTING = sorted(set(HoldKind.values) - {"cease", "attorney", "dispute"})


@pytest.mark.parametrize("kind", PROTECTING)
def test_a_hold_protects_from_being_reported_late(case, portfolio, kind):
    tell(case)
    hold = open_hold(borrower=case.borrower, kind=kind, days=60, by=SYSTEM, at=NOW)
    assert waiting(portfolio, READY) == [("RW-1", "hold")]
    line = furnishing._line(
        case.loan, furnishing._standings(portfolio, TODAY)[case.loan_id], TODAY, FileKind.MONTH, by=SYSTEM,
        at=READY, disputed=False,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="hold protects"), transaction.atomic():
        furnishing._write(portfolio, "CB1", MARCH, FileKind.MONTH, [line], by=SYSTEM, at=READY)
    end_hold(hold=hold, by=SYSTEM, at=NOW, reason="over")
    assert waiting(portfolio, READY) == [("RW-1", "")]


def test_only_compliance_furnishes(case, portfolio):
    tell(case)
    for role in (Role.AGENT, Role.SUPERVISOR, Role.LEGAL, Role.ADMINISTRATOR):
        with pytest.raises(PermissionDenied):
            furnishing.furnish(portfolio=portfolio, by=Actor.staff(make_user(role=role)), at=READY)
    assert (
        furnishing.furnish(
            portfolio=portfolio, by=Actor.staff(make_user(role=Role.COMPLIANCE)), at=READY
        ).rows
        == 1
    )


# Disputed


def test_the_clock_runs_by_the_law_of_the_place():
    clocks = {
        tuple(places): bureau.dispute_clock(
            make_portfolio(jurisdictions=places, zone=zone, currency=money), NOW
        )
        for places, zone, money in [
            (["US"], "America/New_York", "USD"),
            (["CN"], "Asia/Shanghai", "CNY"),
            (["KE"], "Africa/Nairobi", "KES"),
        ]
    }
    assert {places: (clock.due_on, clock.term, clock.flagged) for places, clock in clocks.items()} == {
        ("US",): (TODAY + 30 * DAY, "US.FCRA.DISPUTE", True),
        ("CN",): (TODAY + 21 * DAY, "CN.CREDIT.DISPUTE", True),  # one in the morning of the next day there
        ("KE",): (TODAY + 30 * DAY, "HOUSE.RECORD.DISPUTE", False),
    }


def test_a_dispute_is_marked_at_once_and_answered_once(case, portfolio):
    tell(case)
    furnish(portfolio)
    found = dispute(case)
    assert dispute(case) == found
    assert (found.due_on, found.clock, found.state) == (TODAY + 47 * DAY, "US.FCRA.DISPUTE", "open")
    assert credit_disputes.open_words(found) == "I was never late."
    assert lines(case.loan) == [
        ("month", "late", 27, 100_00, False),
        ("correction", "late", 27, 100_00, True),
    ]
    compliance = Actor.staff(make_user(role=Role.COMPLIANCE))
    with pytest.raises(PermissionDenied):
        credit_disputes.answer_dispute(
            dispute=found, right=False, answer="The ledger says so.", by=Actor.staff(make_user()), at=READY
        )
    credit_disputes.answer_dispute(
        dispute=found, right=False, answer="The ledger says so.", by=compliance, at=READY + DAY
    )
    assert lines(case.loan)[2:] == [("correction", "late", 27, 100_00, False)]
    with pytest.raises(BureauRefused) as refused:
        credit_disputes.answer_dispute(
            dispute=found, right=True, answer="Sorry.", by=compliance, at=READY + DAY
        )
    assert refused.value.code == "answered"
    assert not Hold.objects.exists()


def test_whoever_disputes_the_debt_is_not_asked_to_pay_meanwhile(case):
    dispute(case, about="not_mine")
    assert list(Hold.objects.values_list("kind", "loan")) == [("dispute", case.loan_id)]


def test_a_record_found_wrong_is_corrected_from_the_ledger_or_taken_back(case, portfolio):
    tell(case)
    furnish(portfolio)
    # The money had come in time; it was told late.
    pay(case, on=TODAY, at=READY)
    found = dispute(case, about="paid")
    answered = credit_disputes.answer_dispute(
        dispute=found, right=True, answer="You are right.", by=SYSTEM, at=READY + DAY
    )
    assert answered.state == "corrected"
    assert lines(case.loan)[-1] == ("correction", "paid", 0, 0, False)
    second = dispute(case, about="not_mine", at=READY + 2 * DAY)
    credit_disputes.answer_dispute(
        dispute=second, right=True, answer="Not yours.", by=SYSTEM, at=READY + 3 * DAY
    )
    assert lines(case.loan)[-1] == ("withdrawal", "paid", 0, 0, False)
    assert not Furnished.objects.standing().exists()


def test_where_the_rules_leave_a_disputed_loan_out_it_is_left_out():
    portfolio = reporting(make_portfolio(jurisdictions=["KE"], zone="Africa/Nairobi", currency="KES"))
    borrower = make_borrower(portfolio, email="amani@example.com", zones=["Africa/Nairobi"])
    case = make_case(loan=make_loan(borrower, portfolio=portfolio, external_id="K-1"))
    at = NOW - timedelta(hours=5)
    tell(case, at=at)
    dispute(case, at=NOW)
    assert waiting(portfolio, at + 33 * DAY) == [("K-1", "disputed")]


# Corrected, and never to the worse


def test_a_late_told_payment_corrects_what_was_said_and_a_reversal_does_not_worsen_it(case, portfolio):
    tell(case)
    furnish(portfolio)
    line = Furnished.objects.get()
    with pytest.raises(BureauRefused) as refused:
        furnishing.correct(line=line, by=SYSTEM, at=READY)
    assert refused.value.code == "same"
    pay(case, amount=40_00, on=TODAY, at=READY)
    right = furnishing.correct(line=line, by=SYSTEM, at=READY)
    assert lines(case.loan)[-1] == ("correction", "late", 27, 60_00, False)
    assert (right.as_of, right.corrects, right.file.kind) == (line.as_of, line, "correction")
    with pytest.raises(BureauRefused) as refused:
        furnishing.correct(line=line, by=SYSTEM, at=READY)
    assert refused.value.code == "newest"
    from cases.actions.payments import reverse_payment

    reverse_payment(payment=case.loan.payments.get(), reason="chargeback", by=SYSTEM, at=READY)
    assert case.loan.entries.filter(kind=EntryKind.REVERSAL).exists()
    with pytest.raises(BureauRefused) as refused:
        furnishing.correct(line=right, by=SYSTEM, at=READY)
    assert refused.value.code == "worse"


# The database's own guard


def made(case, portfolio, **changes) -> Furnished:
    standing = furnishing._standings(portfolio, TODAY)[case.loan_id]
    how = {"by": SYSTEM, "at": READY, "disputed": False, **changes}
    return furnishing._line(case.loan, standing, TODAY, FileKind.MONTH, **how)


def written(portfolio, line):
    with transaction.atomic():
        furnishing._write(portfolio, "CB1", MARCH, FileKind.MONTH, [line], by=SYSTEM, at=line.at)


def test_the_database_refuses_a_late_line_without_its_notice(case, portfolio):
    with pytest.raises(DatabaseError, match="not told days before"):
        written(portfolio, made(case, portfolio))
    tell(case)
    with pytest.raises(DatabaseError, match="not told days before"):
        written(portfolio, made(case, portfolio, at=READY - DAY))
    written(portfolio, made(case, portfolio))


def test_the_database_refuses_an_unmarked_dispute_and_a_line_that_says_something_else(case, portfolio):
    tell(case)
    dispute(case, at=NOW)
    with pytest.raises(DatabaseError, match="with its mark"):
        written(portfolio, made(case, portfolio))
    other = made(case, portfolio, disputed=True)
    other.days_past_due += 1
    with pytest.raises(DatabaseError, match="what its file and its text say"):
        written(portfolio, other)
    other = made(case, portfolio, disputed=True)
    other.said = other.said.replace(b"100.00", b"900.00")
    with pytest.raises(DatabaseError, match="what its file and its text say"):
        written(portfolio, other)
    written(portfolio, made(case, portfolio, disputed=True))


def test_the_database_refuses_what_goes_to_no_bureau_and_keeps_what_was_said(case, portfolio):
    tell(case)
    furnish(portfolio)
    for table in ("cases_furnished", "cases_bureaufile", "cases_bureaunotice", "cases_bureaureporting"):
        for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(verb)
    found = dispute(case)
    with pytest.raises(DatabaseError, match="answered once"), transaction.atomic():
        CreditDispute.objects.filter(pk=found.pk).update(due_on=found.due_on + DAY)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        CreditDispute.objects.all()._raw_delete("default")
    silent = make_portfolio()
    late = make_case(silent, principal=100_00)
    with pytest.raises(DatabaseError, match="reports to no bureau"):
        written(silent, made(late, silent))


def test_another_message_does_not_pass_for_the_notice(case, portfolio):
    """Neither another text, nor a day that the text did not name."""
    real = tell(case)
    with posted():
        other = debits_message(case)
    forged = {"case": case, "loan": case.loan, "planned_at": NOW, "actor": "me"}
    BureauNotice.objects.create(message=other, report_on=TODAY, **forged)
    with pytest.raises(DatabaseError, match="not told days before"):
        written(portfolio, made(case, portfolio, at=NOW + 16 * DAY))
    assert real.report_on == TODAY + 17 * DAY
    written(portfolio, made(case, portfolio, at=NOW + 17 * DAY))


def debits_message(case):
    message = plan_message(case, "reminder", {}, "reminder:1", by=SYSTEM, at=NOW + DAY)
    assert send(message_id=message.pk, at=NOW + DAY, case=case.pk).status == "accepted"
    return message
