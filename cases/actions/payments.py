"""Money on a case: recorded at the desk, matched by hand, taken back; and what a payment changes in the work."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from accounts.actions import payments as accounts_payments
from accounts.models import Loan, Payment, Portfolio
from accounts.standing import standing_of
from cases.actions.deciding import Decided, decide
from cases.actions.reopening import reopen_agreements
from cases.actions.settling import complete_settlements, undo_settlements
from cases.actions.transition import MoveRefused, lock, lock_leases, move, move_many
from cases.actions.work import Step, finish_many, plan_many
from cases.machine import OPEN_STATES
from cases.models import Case, CaseState, WorkKind
from compliance.audit import Actor

# Who cures a case, keeps a promise or completes a plan: nobody, the ledger does.
LEDGER = Actor.system("ledger")
AFTER_KEPT = timedelta(days=1)


@transaction.atomic
def record_payment(
    *,
    case: Case,
    amount: int,
    value_date: date,
    reference: str,
    by: Actor,
    at: datetime,
    source: str = "desk",
) -> Payment:
    """A payment the borrower made, `amount` in minor units, known at the desk by the provider's reference: as it stands, so
    that the provider's own file finds it booked. `source` is a short code.

    The same reference again changes nothing. Raises `accounts.actions.payments.PaymentRefused`.
    """
    lock(case.pk)
    payment = accounts_payments.receive(
        portfolio=case.portfolio, loan=case.loan, reference=reference, amount=amount, value_date=value_date,
        source=source, by=by, at=at, case=case.pk,
    )  # fmt: skip
    after_payments(loan_ids=[case.loan_id], at=at)
    return payment


@transaction.atomic
def match_payment(*, payment: Payment, loan: Loan, by: Actor, at: datetime) -> Payment:
    """A waiting payment has found its loan. Raises `PaymentRefused` and `PermissionDenied`."""
    case = lock_last(loan.pk)
    payment = accounts_payments.match(
        payment=payment, loan=loan, by=by, at=at, case=case.pk if case and case.is_open else None
    )
    after_payments(loan_ids=[loan.pk], at=at)
    return payment


@transaction.atomic
def reverse_payment(*, payment: Payment, reason: str, by: Actor, at: datetime) -> Payment:
    """A payment went back to the payer. A case it had cured is taken up again where arrears are there once more.

    Raises `PaymentRefused` and `PermissionDenied`.
    """
    case = lock_last(payment.loan_id)
    payment = accounts_payments.reverse_payment(
        payment=payment, reason=reason, by=by, at=at, case=case.pk if case else None
    )
    if payment.loan_id:
        after_payments(loan_ids=[payment.loan_id], at=at)
    return payment


@transaction.atomic
def charge_back(*, payment: Payment, amount: int, value_date: date, by: Actor, at: datetime) -> Payment:
    """The provider took a payment, or a part of it, back on a day. What it had cured or kept is decided again.

    Raises `PaymentRefused` and `PermissionDenied`.
    """
    case = lock_last(payment.loan_id)
    payment = accounts_payments.charge_back(
        payment=payment, amount=amount, value_date=value_date, by=by, at=at, case=case.pk if case else None
    )
    after_payments(loan_ids=[payment.loan_id] if payment.loan_id else [], at=at)
    return payment


def lock_last(loan: UUID | None) -> Case | None:
    """The newest case of a loan, locked: cases come before payments, loans and streams, or two who work on one borrower
    would wait for each other."""
    cases = Case.objects.select_for_update(no_key=True).filter(loan=loan)
    return cases.order_by("-opened_on", "-pk").first()


def reversed_cases(loan_ids: Collection[UUID]) -> list[UUID]:
    """The last case of each of these loans where it was cured or settled, a payment was taken back since, and no case is
    open. What is forgiven by a settlement that stays paid is not owed again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.id FROM (
                SELECT DISTINCT ON (loan_id) id, loan_id, state, closed_at FROM cases_case
                WHERE loan_id = ANY(%s) ORDER BY loan_id, closed_at DESC NULLS FIRST
            ) c
            WHERE c.state IN ('cured', 'settled') AND EXISTS (
                SELECT FROM accounts_receipt r
                WHERE r.loan_id = c.loan_id AND r.amount < 0 AND r.booked_at > c.closed_at
            )
            ORDER BY c.id
            """,
            [list(loan_ids)],
        )
        return [case for (case,) in cursor.fetchall()]


@transaction.atomic
def reopen(*, case: Case, at: datetime, by: Actor = LEDGER) -> bool:
    """Take a cured or settled case up again after its payment was taken back, and what had ended with it; False where
    nothing is overdue or nothing was taken back."""
    on = case.portfolio.business_date(at)
    if not standing_of([case.loan_id], on)[case.loan_id].arrears:
        return False
    closed_at = case.closed_at
    try:
        case = move(case=case, to=CaseState.NEGOTIATING, by=by, at=at, reason="payment_reversed")
    except MoveRefused:
        return False
    if closed_at and reopen_agreements(case=case, closed_at=closed_at, by=by, at=at):
        move(case=case, to=CaseState.INSTALLMENT_PLAN, by=by, at=at, reason="plan_reopened")
    step = Step(case.pk, case.borrower_id, WorkKind.FOLLOW_UP, at, "payment_reversed")
    plan_many(steps=[step], by=by, at=at)
    return True


@transaction.atomic
def after_payments(*, loan_ids: Collection[UUID], at: datetime) -> list[UUID]:
    """What payments on these loans change, and those taken back: promises, plans and settlements are decided, again where
    they had been, cases without arrears are cured and closed, and a case that such a payment had closed is taken up again.

    Returns the cured cases. One reading of the ledger for all loans of a portfolio; call it after any number of payments, in
    their transaction or later, and as often as wanted.
    """
    undo_settlements(loan_ids=loan_ids, by=LEDGER, at=at)
    for case_id in reversed_cases(loan_ids):
        reopen(case=Case.objects.select_related("portfolio").get(pk=case_id), at=at)
    # A settled case is not cured: what was agreed comes first.
    complete_settlements(loan_ids=loan_ids, by=LEDGER, at=at)
    cases = Case.objects.select_for_update(of=("self",), no_key=True).select_related("portfolio")
    by_portfolio: dict[Portfolio, list[Case]] = defaultdict(list)
    for case in cases.filter(state__in=OPEN_STATES, loan__in=list(loan_ids)).order_by("pk"):
        by_portfolio[case.portfolio].append(case)
    lock_leases([case.pk for found in by_portfolio.values() for case in found])
    cured: list[UUID] = []
    for portfolio, found in by_portfolio.items():
        on = portfolio.business_date(at)
        loans = [case.loan_id for case in found]
        decided = decide(portfolio=portfolio, on=on, loan_ids=loans, by=LEDGER, at=at)
        standings = standing_of(loans, on)
        paid = [case.pk for case in found if standings[case.loan_id].arrears == 0]
        cured += move_many(case_ids=paid, to=CaseState.CURED, by=LEDGER, at=at, reason="arrears_paid")
        _go_on(found, decided, set(cured), at)
    return cured


def _go_on(cases: list[Case], decided: Decided, cured: set[UUID], at: datetime) -> None:
    """The next steps on cases that stay open: what the payment has answered is done."""
    still = [case for case in cases if case.pk not in cured]
    finish_many(
        case_ids=[case.pk for case in still], kinds=[WorkKind.TRACE], result="payment_found", by=LEDGER, at=at
    )
    kept = [party for party in decided.kept if party.case not in cured]
    finish_many(
        case_ids=[party.case for party in kept],
        kinds=[WorkKind.PROMISE_BROKEN],
        result="kept",
        by=LEDGER,
        at=at,
    )
    finish_many(
        case_ids=[party.case for party in decided.on_time], kinds=[WorkKind.PLAN_MISSED], result="paid",
        by=LEDGER, at=at,
    )  # fmt: skip
    steps = [
        Step(party.case, party.borrower, WorkKind.FOLLOW_UP, at + AFTER_KEPT, "promise_kept")
        for party in kept
    ]
    plan_many(steps=steps, by=LEDGER, at=at)
    completed = {party.case for party in decided.plans_completed}
    reopened = {party.case for party in decided.plans_reopened}
    finish_many(
        case_ids=list(reopened), kinds=[WorkKind.PLAN_MISSED], result="plan_reopened", by=LEDGER, at=at
    )
    for case in still:
        if case.pk in reopened and case.state != CaseState.INSTALLMENT_PLAN:
            move(case=case, to=CaseState.INSTALLMENT_PLAN, by=LEDGER, at=at, reason="plan_reopened")
            step = Step(case.pk, case.borrower_id, WorkKind.FOLLOW_UP, at, "plan_reopened")
            plan_many(steps=[step], by=LEDGER, at=at)
        if case.pk in completed and case.state == CaseState.INSTALLMENT_PLAN:
            move(case=case, to=CaseState.NEGOTIATING, by=LEDGER, at=at, reason="plan_completed")
            step = Step(case.pk, case.borrower_id, WorkKind.FOLLOW_UP, at, "plan_completed")
            plan_many(steps=[step], by=LEDGER, at=at)
