"""Opening and ending holds. What each kind stops stands in `compliance.holds`."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actions.ledger import lock_loans
from accounts.actions.pauses import go_on, pause, take_back_charges
from accounts.models import Borrower, Loan, Paused
from compliance.audit import Actor, Stream, record, record_many
from compliance.facts import local_zone
from compliance.holds import HOLDS, first_review, paused_by
from compliance.models import Hold, HoldKind


class HoldRefused(Exception):
    """What was asked of a hold cannot be; the text is a sentence.

    `code`: `other_evidence` (does not show this), `no_reference`, `proved_already`, `ended`, `not_begun`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


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
    evidence: str = "",
    evidence_ref: str = "",
) -> Hold:
    """Stop what the table says for this kind, on one loan or on all of the borrower's.

    `starts_on` is the borrower's own date, that of `at` unless given; `days` counts it as the first, and without `days` the
    table's number holds, or nobody knows the end. A hold of the same kind that already covers all of it is returned as it
    is. Where the kind pauses days past due or charges, the accounts are told; what was charged already on its days, when it
    begins in the past, is forgiven. `evidence` may follow later (`prove_hold`).

    Raises `ValueError` for an unknown kind, another borrower's loan, or no days; `HoldRefused` for evidence that does not
    show this.
    """
    kind = HoldKind(kind).value
    if loan is not None and loan.borrower_id != borrower.pk:
        raise ValueError("The loan is another borrower's.")
    days = HOLDS[kind].days if days is None else days
    if days is not None and days < 1:
        raise ValueError("A hold lasts a day at least.")
    _check_evidence(kind, evidence, evidence_ref)
    paused = paused_by(kind)
    # What was charged already may have to be forgiven: loans are locked before borrowers.
    owed = [loan.pk] if loan else list(Loan.objects.filter(borrower=borrower).values_list("pk", flat=True))
    loans = lock_loans(owed) if starts_on and Paused.CHARGES in paused else {}
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
        evidence=evidence,
        evidence_ref=evidence_ref,
        review_on=first_review(kind, starts_on, proved=bool(evidence)),
        opened_at=at,
        opened_by=by.ref,
    )
    pause(
        borrower=borrower, loan=loan, what=paused, starts_on=starts_on, ends_on=ends_on, source=hold.pk
    )  # fmt: skip
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
        review_on=hold.review_on,
        evidence=evidence,
    )
    take_back_charges(loans=loans, starts_on=starts_on, ends_on=ends_on, by=by, at=at)
    return hold


def _check_evidence(kind: str, evidence: str, reference: str) -> None:
    if not evidence and not reference:
        return
    if evidence not in HOLDS[kind].proof:
        raise HoldRefused("other_evidence", _("This does not show what the hold is for."))
    if not reference:
        raise HoldRefused("no_reference", _("Please say where the evidence is found."))


@transaction.atomic
def prove_hold(
    *, hold: Hold, evidence: str, reference: str, by: Actor, at: datetime, case: UUID | None = None
) -> Hold:
    """Say what shows that a hold is right, and where it is found; from now on it is looked at as its kind says. Raises
    `HoldRefused`."""
    locked = _lock(hold)
    if locked.ended_at is not None:
        raise HoldRefused("ended", _("This hold has ended."))
    if locked.evidence:
        raise HoldRefused("proved_already", _("What shows it is right is known already."))
    if not evidence:
        raise HoldRefused("other_evidence", _("This does not show what the hold is for."))
    _check_evidence(locked.kind, evidence, reference)
    today = max(_local_date(locked.borrower, locked.loan, at), locked.starts_on)
    locked.evidence, locked.evidence_ref = evidence, reference
    locked.review_on = first_review(locked.kind, today, proved=True)
    locked.save(update_fields=["evidence", "evidence_ref", "review_on"])
    _tell("hold.proved", locked, by, at, case, evidence=evidence, review_on=locked.review_on)
    return locked


@transaction.atomic
def keep_hold(*, hold: Hold, by: Actor, at: datetime, case: UUID | None = None) -> Hold:
    """It was looked at and goes on; it is looked at again after as long as its kind says. Raises `PermissionDenied` and
    `HoldRefused`."""
    if not by.may("compliance.end_hold"):
        raise PermissionDenied(_("Reviewing holds is not part of this role."))
    locked = _lock(hold)
    if locked.ended_at is not None:
        raise HoldRefused("ended", _("This hold has ended."))
    today = _local_date(locked.borrower, locked.loan, at)
    if today < locked.starts_on:
        raise HoldRefused("not_begun", _("This hold has not begun."))
    locked.review_on = first_review(locked.kind, today, proved=bool(locked.evidence))
    locked.save(update_fields=["review_on"])
    _tell("hold.kept", locked, by, at, case, review_on=locked.review_on)
    return locked


def _lock(hold: Hold) -> Hold:
    Borrower.objects.select_for_update(no_key=True).get(pk=hold.borrower_id)
    return Hold.objects.select_for_update(of=("self",)).select_related("borrower", "loan").get(pk=hold.pk)


def _tell(event: str, hold: Hold, by: Actor, at: datetime, case: UUID | None, **data: Any) -> None:
    record(
        event, stream=Stream.borrower(hold.borrower_id), by=by, at=at, case=case, borrower=hold.borrower_id,
        hold=hold.pk, kind=hold.kind, **data,
    )  # fmt: skip


@transaction.atomic
def end_hold(*, hold: Hold, by: Actor, at: datetime, reason: str, case: UUID | None = None) -> Hold:
    """Let go on from now; `reason` is a short code. One that has ended stays as it is. Raises `PermissionDenied` for who may
    not end holds."""
    if not by.may("compliance.end_hold"):
        raise PermissionDenied(_("Ending a hold is not part of this role."))
    return finish_hold(hold=hold, by=by, at=at, reason=reason, case=case)


def finish_hold(*, hold: Hold, by: Actor, at: datetime, reason: str, case: UUID | None = None) -> Hold:
    """End a hold because what it waited for has happened (the complaint was answered). For actions, inside theirs."""
    locked = _lock(hold)
    if locked.ended_at is not None:
        return locked
    locked.ended_at, locked.ended_by = at, by.ref
    locked.save(update_fields=["ended_at", "ended_by"])
    go_on(sources=[locked.pk], from_on=_local_date(locked.borrower, locked.loan, at))
    _tell("hold.ended", locked, by, at, case, reason=reason)
    return locked


# Where the borrower lives the last day may last a day longer.
LAPSED = """
SELECT h.id, h.borrower_id FROM compliance_hold h
WHERE h.ended_at IS NULL AND h.ends_on < %(on)s - 1 AND h.borrower_id > %(after)s AND h.borrower_id <= %(upto)s
    AND EXISTS (SELECT FROM accounts_loan l WHERE l.borrower_id = h.borrower_id AND l.portfolio_id = %(portfolio)s)
"""
END_LAPSED = """
UPDATE compliance_hold SET ended_at = %(at)s, ended_by = %(by)s
WHERE id = ANY(%(holds)s) AND ended_at IS NULL RETURNING id, borrower_id, kind
"""


@transaction.atomic
def end_lapsed(
    *, portfolio: int, borrowers: tuple[UUID, UUID], on: date, by: Actor, at: datetime, stream: Stream
) -> int:
    """Say of every hold past its last day that it has ended, on borrowers of a portfolio whose ids come after the first and
    up to the second; returns how many. What it stopped goes on since its last day, whoever says so and when."""
    values: dict[str, Any] = {
        "on": on, "after": borrowers[0], "upto": borrowers[1], "portfolio": portfolio, "at": at, "by": by.ref,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(LAPSED, values)
        found = cursor.fetchall()
        if not found:
            return 0
        cursor.execute(
            "SELECT FROM accounts_borrower WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list({borrower for _hold, borrower in found})],
        )
        cursor.execute(END_LAPSED, values | {"holds": [hold for hold, _borrower in found]})
        rows = [
            {"borrower": borrower, "hold": hold, "kind": kind, "reason": "last_day"}
            for hold, borrower, kind in cursor.fetchall()
        ]
    record_many("hold.ended", stream=stream, by=by, at=at, rows=rows, count=len(rows))
    return len(rows)


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
