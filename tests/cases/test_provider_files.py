"""A provider's settlement file beside our books: nothing dropped, nothing booked by itself, differences answered."""

import json
import time
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.actions.ledger import Posting, post
from accounts.actions.payments import PaymentRefused, receive
from accounts.actions.provider_files import ProviderLineRefused, answer_line, write_provider_file
from accounts.models import (
    ImportKind,
    ImportRun,
    ImportState,
    LedgerEntry,
    Payment,
    ProviderAnswer,
    ProviderLine,
    Role,
)
from accounts.standing import standing_of
from accounts.tapes.records import CleanPayment
from cases.actions.payments import after_payments, charge_back, reverse_payment
from cases.actions.provider_files import book_line, take_back_line
from cases.models import CaseState
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.files import CommandLine, day, payment_row
from tests.cases.stories import fresh, make_case, make_reachable
from tests.factories import SYSTEM, make_loan, make_people, make_portfolio, make_user

DAY = timedelta(days=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio("river")


@pytest.fixture
def today(portfolio):
    return portfolio.business_date(timezone.now())


@pytest.fixture
def bob(portfolio):
    return Actor.staff(make_people(portfolio).bob)


@pytest.fixture
def case(portfolio, today):
    """A case on the loan L1, 100.00, ten days late."""
    now = timezone.now()
    return make_case(
        loan=make_loan(
            make_reachable(portfolio),
            portfolio=portfolio,
            external_id="L1",
            principal=100_00,
            due_on=today - 10 * DAY,
            at=now,
        ),
        at=now,
    )


@pytest.fixture
def compare(tmp_path):
    command = CommandLine(tmp_path)
    return lambda rows, **options: command("compare_provider_file", rows, **options)


def paid(portfolio, reference: str, amount: int = 40_00, on: date | None = None, **how) -> Payment:
    at = timezone.now()
    on = on or portfolio.business_date(at) - DAY
    return receive(
        portfolio=portfolio, reference=reference, amount=amount, value_date=on, by=SYSTEM, at=at, **how
    )


def data_of(event: AuditEvent) -> dict:
    return json.loads(bytes(event.leaf))["data"]


def told() -> list[tuple]:
    """The lines of the last file by result and reference: rows, their amount and ours."""
    run = ImportRun.objects.filter(kind="provider").latest("created_at")
    lines = ProviderLine.objects.filter(run=run).order_by("result", "reference", "rows")
    return [(line.result, line.reference, line.rows, line.amount, line.our_amount) for line in lines]


def test_every_line_and_every_booking_of_its_days_ends_in_one_place(portfolio, case, today, compare):
    loan = case.loan
    paid(portfolio, "P-same", loan=loan)
    paid(portfolio, "P-amount", 30_00, loan=loan)
    paid(portfolio, "P-day", on=today - 2 * DAY, loan=loan)
    paid(portfolio, "P-waits")
    paid(portfolio, "P-ours", 7_00, loan=loan)
    paid(portfolio, "P-before", on=today - 9 * DAY, loan=loan)
    back = paid(portfolio, "P-back", 1_00, loan=loan)
    here = paid(portfolio, "P-here", 2_00, loan=loan)
    paid(portfolio, "P-stands", 3_00, loan=loan)
    for each in (back, here):
        charge_back(payment=each, amount=each.amount, value_date=today - DAY, by=SYSTEM, at=timezone.now())
    entries = LedgerEntry.objects.count()
    # Beside lines of another kind every line has its kind.
    row = partial(payment_row, kind="payment")
    summary = compare(
        [
            row("P-same"),
            row("P-same"),
            row("P-amount"),
            row("P-day"),
            row("P-waits"),
            row("P-theirs", amount="9.00", loan_id="L9"),
            row("P-back", amount="1.00"),
            row("R-back", amount="1.00", kind="reversal", reverses="P-back"),
            row("P-here", amount="2.00"),
            row("P-stands", amount="3.00"),
            row("R-stands", amount="3.00", kind="reversal", reverses="P-stands"),
            row("P-euro", currency="EUR"),
        ]
    )
    assert told() == [
        ("amount", "P-amount", [4], 40_00, 30_00),
        ("day", "P-day", [5], 40_00, 40_00),
        ("equal", "P-back", [8], 1_00, 1_00),
        ("equal", "P-back", [9], 1_00, 1_00),
        ("equal", "P-here", [10], 2_00, 2_00),
        ("equal", "P-same", [2, 3], 40_00, 40_00),
        ("equal", "P-stands", [11], 3_00, 3_00),
        ("ours", "P-ours", [], None, 7_00),
        ("stands", "P-stands", [12], 3_00, None),
        ("taken_back", "P-here", [], None, 2_00),
        ("theirs", "P-theirs", [7], 9_00, None),
        ("waiting", "P-waits", [6], 40_00, 40_00),
    ]
    assert (summary["rows"], summary["unchanged"], summary["created"], summary["rejected"]) == (12, 5, 7, 1)
    assert summary["reasons"] == {"other_currency": 1}
    # Nothing was booked, and the case is as it was.
    assert LedgerEntry.objects.count() == entries
    assert not Payment.objects.filter(reference="P-theirs").exists()


def test_the_same_file_again_is_a_new_report_that_says_the_same(portfolio, case, compare):
    paid(portfolio, "P-1", loan=case.loan)
    rows = [payment_row("P-1"), payment_row("P-2")]
    compare(rows)
    first = told()
    compare(rows)
    assert told() == first
    assert ImportRun.objects.filter(kind="provider", state="done").count() == 2


def test_what_a_tape_told_of_a_payment_stands_for_it(portfolio, case, compare):
    post(
        [Posting(loan_id=case.loan_id, kind="repayment", reference="T-1", value_date=date.fromisoformat(day(-1)),
                 amount=40_00)],
        by=SYSTEM, at=timezone.now(),
    )  # fmt: skip
    compare([payment_row("T-1")])
    assert told() == [("equal", "T-1", [2], 40_00, 40_00)]


def test_a_payment_that_only_the_provider_has_is_booked_by_a_person_once(portfolio, case, bob, compare):
    compare([payment_row("P-1", amount="100.00")])
    line = ProviderLine.objects.get()
    book_line(line=line, by=bob, at=timezone.now())
    assert Payment.objects.get().reference == "P-1"
    assert fresh(case).state == CaseState.CURED
    answer = ProviderAnswer.objects.get(line=line)
    assert (answer.what, answer.answered_by) == ("booked", bob.ref)
    event = AuditEvent.objects.get(type="provider_file.answered")
    assert (event.actor, data_of(event)["amount"], data_of(event)["result"]) == (bob.ref, "100.00", "theirs")
    book_line(line=line, by=bob, at=timezone.now())
    assert Payment.objects.count() == 1
    with pytest.raises(ProviderLineRefused) as refused:
        answer_line(line=line, what="mistake", by=bob, at=timezone.now())
    assert refused.value.code == "answered"
    compare([payment_row("P-1", amount="100.00")])
    assert [result for result, *_rest in told()] == ["equal"]


def test_a_payment_without_a_certain_loan_waits_for_one_when_it_is_booked(portfolio, bob, compare):
    compare([payment_row("P-1", loan_id="nobody's")])
    book_line(line=ProviderLine.objects.get(), by=bob, at=timezone.now())
    assert Payment.objects.get().state == "unmatched"


def test_what_the_provider_took_back_is_taken_back_here_and_the_case_taken_up_again(
    portfolio, case, bob, today, compare
):
    payment = paid(portfolio, "P-1", 100_00, loan=case.loan)
    after_payments(loan_ids=[case.loan_id], at=timezone.now())
    assert fresh(case).state == CaseState.CURED
    compare([payment_row("R-1", amount="60.00", kind="reversal", reverses="P-1", value_date=day(0))])
    line = ProviderLine.objects.get(result="stands")
    take_back_line(line=line, by=bob, at=timezone.now())
    assert fresh(case).state == CaseState.NEGOTIATING
    assert standing_of([case.loan_id], today)[case.loan_id].arrears == 60_00
    # Until the day it was taken back the money was there.
    assert standing_of([case.loan_id], today - DAY)[case.loan_id].arrears == 0
    event = AuditEvent.objects.get(type="payment.charged_back")
    assert (data_of(event)["payment"], data_of(event)["amount"]) == (str(payment.pk), "60.00")
    # The same again changes nothing; anything else is refused.
    take_back_line(line=line, by=bob, at=timezone.now())
    for amount, on in ((60_00, today - DAY), (50_00, today)):
        with pytest.raises(PaymentRefused, match="taken back before"):
            charge_back(payment=payment, amount=amount, value_date=on, by=bob, at=timezone.now())
    assert AuditEvent.objects.filter(type="payment.charged_back").count() == 1


def test_no_more_is_charged_back_than_was_paid_and_nothing_twice(portfolio, case, bob, today):
    now = timezone.now()
    payment = paid(portfolio, "P-1", loan=case.loan)
    for amount, on, code in (
        (40_01, today, "beyond_payment"),
        (40_00, today - 2 * DAY, "beyond_payment"),
        (0, today, "not_positive"),
        (40_00, today + DAY, "future"),
    ):
        with pytest.raises(PaymentRefused) as refused:
            charge_back(payment=payment, amount=amount, value_date=on, by=bob, at=now)
        assert refused.value.code == code
    with pytest.raises(PaymentRefused, match="not found its loan"):
        charge_back(payment=paid(portfolio, "P-2"), amount=1, value_date=today, by=bob, at=now)
    agent = Actor.staff(make_user("ann", team=bob.user.team))
    with pytest.raises(PermissionDenied):
        charge_back(payment=payment, amount=1, value_date=today, by=agent, at=now)
    reverse_payment(payment=payment, reason="bounced", by=bob, at=now)
    with pytest.raises(PaymentRefused, match="taken back before"):
        charge_back(payment=payment, amount=40_00, value_date=today, by=bob, at=now)


def test_a_difference_is_answered_by_who_may_and_an_equal_line_by_nobody(portfolio, case, bob, compare):
    paid(portfolio, "P-1", loan=case.loan)
    compare([payment_row("P-1"), payment_row("P-2")])
    equal, theirs = ProviderLine.objects.order_by("reference")
    with pytest.raises(ProviderLineRefused) as refused:
        answer_line(line=equal, what="mistake", by=bob, at=timezone.now())
    assert refused.value.code == "equal"
    for role in (Role.AGENT, Role.COMPLIANCE, Role.LEGAL, Role.ADMINISTRATOR):
        with pytest.raises(PermissionDenied):
            answer_line(line=theirs, what="mistake", by=Actor.staff(make_user(role=role)), at=timezone.now())
    answer_line(line=theirs, what="mistake", by=bob, at=timezone.now())
    with pytest.raises(ProviderLineRefused):
        take_back_line(line=theirs, by=bob, at=timezone.now())


DONE = "UPDATE accounts_importrun SET state = 'done', summary = %s WHERE id = %s"


def test_the_database_lets_no_row_and_no_payment_be_dropped(portfolio, case):
    """As the app's own role, by raw SQL."""
    payment = paid(portfolio, "P-1", loan=case.loan)
    run = ImportRun.objects.create(
        kind=ImportKind.PROVIDER, portfolio=portfolio, mapping="standard", file_digest="x",
        state=ImportState.RUNNING, created_at=timezone.now(),
    )  # fmt: skip

    def line(**changed):
        return ProviderLine(
            **{
                "run": run, "rows": [2], "reference": "P-1", "takes_back": False, "amount": 40_00,
                "day": payment.value_date, "our_amount": 40_00, "our_day": payment.value_date, "payment": payment,
                "result": "equal",
            } | changed
        )  # fmt: skip

    def refused(act, *words):
        with pytest.raises(DatabaseError, match="|".join(words)), transaction.atomic():
            act()

    for changed in (
        {"amount": 41_00},
        {"day": payment.value_date - DAY},
        {"our_amount": None, "our_day": None, "payment": None},
        {"rows": []},
        {"result": "theirs"},
        {"result": "ours"},
        {"result": "amount"},
        {"result": "day"},
        {"result": "stands"},
        {"payment": None},
        {"result": "waiting"},
        {"amount": 39_00, "our_amount": 39_00},
        {"reference": "P-2"},
    ):
        refused(line(**changed).save, "provider_line", "what the payment does not say")

    def finish(rows: int):
        finish_with({"rows": rows, "rejected": 0})

    def finish_with(summary: dict):
        with connection.cursor() as cursor:
            cursor.execute(DONE, [json.dumps(summary), run.pk])

    refused(lambda: finish(1), "neither compared nor refused")
    # A summary that does not say it is no way around.
    for summary in ({}, {"rows": 0}, {"rejected": 0}, {"rows": None, "rejected": None}):
        refused(partial(finish_with, summary), "neither compared nor refused")
    # A line of the same day without our payment.
    line(reference="P-9", our_amount=None, our_day=None, payment=None, result="theirs").save()
    refused(lambda: finish(1), "left out")
    line(rows=[3]).save()
    refused(lambda: line(rows=[4]).save(), "provider_line_payment_once")
    refused(lambda: finish(1), "neither compared nor refused")
    finish(2)
    refused(lambda: line(reference="P-3", our_amount=None, our_day=None, payment=None, result="theirs").save(),
            "while it is read")  # fmt: skip
    for statement in (
        "UPDATE accounts_providerline SET result = 'equal'",
        "DELETE FROM accounts_providerline",
        "TRUNCATE accounts_providerline CASCADE",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    equal = ProviderLine.objects.get(result="equal")
    refused(
        lambda: ProviderAnswer.objects.create(
            line=equal, what="mistake", answered_by="x", answered_at=timezone.now()
        ),
        "nothing to answer",
    )


def clean(reference: str, amount: int, on: date, reverses: str | None = None) -> CleanPayment:
    kind = "reversal" if reverses else "payment"
    return CleanPayment(reference, kind, reverses, amount, "USD", on, None, None, None, None, None, (1,))


AMOUNTS = st.dictionaries(st.sampled_from("ABCDEFG"), st.integers(1, 3), max_size=7)


@pytest.mark.django_db
@settings(deadline=None)
@given(ours=AMOUNTS, theirs=AMOUNTS)
def test_whatever_both_have_the_sums_are_those_of_both(ours, theirs):
    with transaction.atomic():
        portfolio = make_portfolio(f"p{uuid4().hex[:8]}")
        on = portfolio.business_date(timezone.now()) - DAY
        for reference, amount in ours.items():
            paid(portfolio, reference, amount, on=on)
        run = ImportRun.objects.create(
            kind=ImportKind.PROVIDER, portfolio=portfolio, mapping="standard", file_digest="x",
            state=ImportState.RUNNING,
        )  # fmt: skip
        write_provider_file(
            [clean(reference, amount, on) for reference, amount in theirs.items()],
            portfolio=portfolio, run=run.pk, by=SYSTEM, at=timezone.now(),
        )  # fmt: skip
        lines = list(ProviderLine.objects.filter(run=run))
        assert {line.reference: line.amount for line in lines if line.rows} == theirs
        # Without a line there are no days to compare.
        wanted = ours if theirs else {}
        assert {line.reference: line.our_amount for line in lines if line.payment_id} == wanted
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_hundred_thousand_lines_take_seconds(portfolio):
    at, on = timezone.now(), portfolio.business_date(timezone.now()) - DAY
    Payment.objects.bulk_create(
        (
            Payment(portfolio=portfolio, reference=f"P{number}", amount=number + 1, value_date=on,
                    state="unmatched", source="import", received_at=at)
            for number in range(100_000)
        ),
        batch_size=5_000,
    )  # fmt: skip
    run = ImportRun.objects.create(
        kind=ImportKind.PROVIDER, portfolio=portfolio, mapping="standard", file_digest="x",
        state=ImportState.RUNNING,
    )  # fmt: skip
    started = time.monotonic()
    outcome = write_provider_file(
        (clean(f"P{number}", number + 1, on) for number in range(50_000, 150_000)),
        portfolio=portfolio, run=run.pk, by=SYSTEM, at=timezone.now(),
    )  # fmt: skip
    # The database looks the whole file over once more when it is done.
    run.state, run.summary = ImportState.DONE, outcome.summary()
    run.save(update_fields=["state", "summary"])
    seconds = time.monotonic() - started
    assert outcome.changes == {"waiting": 50_000, "theirs": 50_000, "ours": 50_000}
    assert seconds < 60
