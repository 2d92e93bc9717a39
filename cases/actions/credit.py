"""What a borrower paid beyond the debt of one case, moved to another of their loans or paid out; and what that changes."""

from datetime import datetime

from django.db import transaction

from accounts.actions import credit as accounts_credit
from accounts.models import LedgerEntry, Loan
from cases.actions.payments import after_payments, lock_last
from cases.models import Case
from compliance.audit import Actor


@transaction.atomic
def move_credit(*, case: Case, to: Loan, amount: int, reference: str, by: Actor, at: datetime) -> LedgerEntry:
    """Credit of the case's loan pays another loan of the borrower, whose case it may cure. Amounts in minor units. Raises as
    `accounts.actions.credit.move_credit`."""
    # In the order in which everybody takes several cases, whichever loan is the older.
    cases = Case.objects.select_for_update(no_key=True).filter(loan__in=[case.loan_id, to.pk])
    list(cases.order_by("pk"))
    entry = accounts_credit.move_credit(
        loan=case.loan, to=to, amount=amount, reference=reference, by=by, at=at
    )
    after_payments(loan_ids=[case.loan_id, to.pk], at=at)
    return entry


@transaction.atomic
def refund_credit(*, case: Case, amount: int, reference: str, by: Actor, at: datetime) -> LedgerEntry:
    """Credit was paid out to the borrower. Raises as `accounts.actions.credit.refund_credit`."""
    lock_last(case.loan_id)
    return accounts_credit.refund_credit(loan=case.loan, amount=amount, reference=reference, by=by, at=at)
