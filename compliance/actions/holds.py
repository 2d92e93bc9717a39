"""Opening and ending holds. What each kind stops stands in `compliance.holds`."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Borrower, Loan
from compliance.audit import Actor, Stream, record
from compliance.facts import local_zone
from compliance.holds import HOLDS
from compliance.models import Hold, HoldKind


@transaction.atomic
def open_hold(
    *,
    borrower: Borrower,
    kind: str,
    by: Actor,
    at: datetime,
    loan: Loan | None = None,
    starts_on: date | None = None,
    days: int | None = None,
    case: UUID | None = None,
) -> Hold:
    """Stop what the table says for this kind, on one loan or on all of the borrower's.

    `starts_on` is the borrower's own date, that of `at` unless given; `days` counts it as the first, and without `days` the
    table's number holds, or nobody knows the end. A hold of the same kind that already covers all of it is returned as it
    is. Raises `ValueError` for an unknown kind, another borrower's loan, or no days.
    """
    kind = HoldKind(kind).value
    if loan is not None and loan.borrower_id != borrower.pk:
        raise ValueError("The loan is another borrower's.")
    days = HOLDS[kind].days if days is None else days
    if days is not None and days < 1:
        raise ValueError("A hold lasts a day at least.")
    # Decisions of the gate wait here: whoever asks next sees the hold.
    Borrower.objects.select_for_update(no_key=True).get(pk=borrower.pk)
    starts_on = starts_on or _local_date(borrower, loan, at)
    ends_on = starts_on + timedelta(days=days - 1) if days is not None else None
    if (covering := _covering(borrower, kind, loan, starts_on, ends_on)) is not None:
        return covering
    hold = Hold.objects.create(
        borrower=borrower,
        loan=loan,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
        opened_at=at,
        opened_by=by.ref,
    )
    record(
        "hold.opened",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        hold=hold.pk,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
        loan=loan.pk if loan else None,
    )
    return hold


@transaction.atomic
def end_hold(*, hold: Hold, by: Actor, at: datetime, reason: str, case: UUID | None = None) -> Hold:
    """Let go on from now; `reason` is a short code. One that has ended stays as it is. Raises `PermissionDenied` for who may
    not end holds."""
    if not by.may("compliance.end_hold"):
        raise PermissionDenied(_("Ending a hold is not part of this role."))
    return finish_hold(hold=hold, by=by, at=at, reason=reason, case=case)


def finish_hold(*, hold: Hold, by: Actor, at: datetime, reason: str, case: UUID | None = None) -> Hold:
    """End a hold because what it waited for has happened (the complaint was answered). For actions, inside theirs."""
    Borrower.objects.select_for_update(no_key=True).get(pk=hold.borrower_id)
    locked = Hold.objects.select_for_update().get(pk=hold.pk)
    if locked.ended_at is not None:
        return locked
    locked.ended_at, locked.ended_by = at, by.ref
    locked.save(update_fields=["ended_at", "ended_by"])
    record(
        "hold.ended",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=locked.borrower_id,
        hold=locked.pk,
        kind=locked.kind,
        reason=reason,
    )
    return locked


def _covering(
    borrower: Borrower, kind: str, loan: Loan | None, starts_on: date, ends_on: date | None
) -> Hold | None:
    holds = Hold.objects.filter(borrower=borrower, kind=kind, ended_at=None, starts_on__lte=starts_on)
    holds = holds.filter(Q(loan=None) | Q(loan=loan)) if loan else holds.filter(loan=None)
    lasting = Q(ends_on=None) if ends_on is None else Q(ends_on=None) | Q(ends_on__gte=ends_on)
    return holds.filter(lasting).order_by("pk").first()


def _local_date(borrower: Borrower, loan: Loan | None, at: datetime) -> date:
    loan = loan or Loan.objects.select_related("portfolio").filter(borrower=borrower).order_by("pk").first()
    zone = local_zone(borrower, loan.portfolio.zone if loan else "UTC")
    return at.astimezone(ZoneInfo(zone)).date()
