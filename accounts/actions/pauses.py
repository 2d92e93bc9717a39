"""Pauses: a hold stops the days past due or the charges of a loan, and lets them go on.

Called by the actions on holds, inside theirs, with the borrower locked; the hold's own event tells of it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from accounts.actions.ledger import Posting, post
from accounts.models import Borrower, EntryKind, LedgerEntry, Loan, Pause, Paused
from compliance.audit import Actor


def pause(
    *,
    borrower: Borrower,
    loan: Loan | None,
    what: Iterable[Paused],
    starts_on: date,
    ends_on: date | None,
    source: UUID,
) -> None:
    """Stop these from the first day to the last, both included; on all that the borrower owes without `loan`."""
    Pause.objects.bulk_create(
        Pause(borrower=borrower, loan=loan, what=each, starts_on=starts_on, ends_on=ends_on, source=source)
        for each in what
    )


def go_on(*, sources: Collection[UUID], from_on: date) -> None:
    """Days count and charges may come again from this day; what has ended before stays as it is."""
    # The database makes the last day one before the first where the pause had not begun.
    still = Pause.objects.filter(Q(ends_on=None) | Q(ends_on__gte=from_on), source__in=sources)
    still.update(ends_on=date.fromordinal(from_on.toordinal() - 1))


def take_back_charges(
    *, loans: Mapping[UUID, Loan], starts_on: date, ends_on: date | None, by: Actor, at: datetime
) -> None:
    """Forgive what was charged on these loans on days that turn out to be paused, each charge once, on its own day. The
    caller has locked the loans."""
    charged = LedgerEntry.objects.filter(
        loan__in=list(loans),
        kind__in=[EntryKind.FEE, EntryKind.INTEREST],
        value_date__gte=starts_on,
        amount__gt=0,
    ).exclude(value_date__gt=ends_on or date.max)
    waivers = [
        Posting(
            loan_id=entry.loan_id, kind=EntryKind.WAIVER, reference=f"paused:{entry.pk}",
            value_date=entry.value_date, amount=entry.amount,
        )
        for entry in charged.order_by("loan", "value_date", "pk")
    ]  # fmt: skip
    if waivers:
        post(waivers, by=by, at=at)
