"""What a borrower has paid beyond the debt: moved to another of their loans, or paid out. By a person, never by itself."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.ledger import LedgerRefused, Posting, lock_loans, post
from accounts.models import EntryKind, LedgerEntry, Loan
from accounts.standing import standing_of
from compliance.audit import Actor


@transaction.atomic
def move_credit(*, loan: Loan, to: Loan, amount: int, reference: str, by: Actor, at: datetime) -> LedgerEntry:
    """Credit of one loan pays another of the same borrower and portfolio, on today's business date. The same reference again
    changes nothing. Raises `LedgerRefused` (other_borrower, not_positive, no_credit, reference_reused), `PermissionDenied`.
    """
    if loan.pk == to.pk or (loan.borrower_id, loan.portfolio_id) != (to.borrower_id, to.portfolio_id):
        raise LedgerRefused(
            "other_borrower", _("Credit moves to another loan of the same borrower and portfolio.")
        )
    return _take(loan, amount, f"move:{reference}", by, at, to=to)


@transaction.atomic
def refund_credit(*, loan: Loan, amount: int, reference: str, by: Actor, at: datetime) -> LedgerEntry:
    """Credit was paid out to the borrower; `reference` is that of the payout. Raises as `move_credit`."""
    return _take(loan, amount, f"refund:{reference}", by, at)


def _take(
    loan: Loan, amount: int, reference: str, by: Actor, at: datetime, to: Loan | None = None
) -> LedgerEntry:
    if not by.may("accounts.match_payment"):
        raise PermissionDenied(_("Moving credit is not part of this role."))
    if amount <= 0:
        raise LedgerRefused("not_positive", _("What is posted must be above zero."))
    on = lock_loans([loan.pk, *([to.pk] if to else [])])[loan.pk].portfolio.business_date(at)
    known = loan.entries.filter(kind=EntryKind.TRANSFER, reference=reference).first()
    if known is not None:
        if known.amount != amount or (
            to and not to.entries.filter(kind=EntryKind.TRANSFER, reference=reference).exists()
        ):
            raise LedgerRefused(
                "reference_reused", _("This reference was posted before, with another amount or date.")
            )
        return known
    if amount > standing_of([loan.pk], on)[loan.pk].credit:
        raise LedgerRefused("no_credit", _("There is not so much credit on this loan."))
    postings = [
        Posting(
            loan_id=loan.pk, kind=EntryKind.TRANSFER, reference=reference, value_date=on,
            amounts={"principal": amount},
        )
    ]  # fmt: skip
    if to is not None:
        postings.append(
            Posting(loan_id=to.pk, kind=EntryKind.TRANSFER, reference=reference, value_date=on, amount=amount)
        )
    return post(postings, by=by, at=at)[0]
