"""A person looks at a hold from one of its cases: it goes on, or it ends; the step that asked for it is done."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cases.actions.steps import HOLD_REVIEW
from cases.actions.transition import lock
from cases.actions.work import finish_work
from cases.models import Case, WorkKind
from compliance.actions.holds import HoldRefused, end_hold, keep_hold, prove_hold
from compliance.audit import Actor
from compliance.models import Hold

# Why a person ends a hold, as codes for the record.
ENDS = ("answered", "cleared_up", "asked_to_go_on", "opened_in_error", "expired")


@transaction.atomic
def end_case_hold(*, case: Case, hold: Hold, reason: str, by: Actor, at: datetime) -> Hold:
    """End a hold on the case; `reason` is one of `ENDS`. Raises `PermissionDenied`, and `HoldRefused` where it has ended."""
    if reason not in ENDS:
        raise ValueError(f"{reason!r} is no reason to end a hold.")
    case = lock(case.pk)
    _is_of(case, hold)
    if Hold.objects.get(pk=hold.pk).ended_at is not None:
        raise HoldRefused("ended", _("This hold has ended."))
    ended = end_hold(hold=hold, by=by, at=at, reason=reason, case=case.pk)
    _reviewed(case, by, at)
    return ended


@transaction.atomic
def keep_case_hold(*, case: Case, hold: Hold, by: Actor, at: datetime) -> Hold:
    """It goes on. Raises `PermissionDenied` and `HoldRefused`."""
    case = lock(case.pk)
    _is_of(case, hold)
    kept = keep_hold(hold=hold, by=by, at=at, case=case.pk)
    _reviewed(case, by, at)
    return kept


@transaction.atomic
def prove_case_hold(
    *, case: Case, hold: Hold, evidence: str, reference: str, by: Actor, at: datetime
) -> Hold:
    """What shows that it is right has come. Raises `HoldRefused`."""
    case = lock(case.pk)
    _is_of(case, hold)
    return prove_hold(hold=hold, evidence=evidence, reference=reference, by=by, at=at, case=case.pk)


def _is_of(case: Case, hold: Hold) -> None:
    if hold.borrower_id != case.borrower_id or hold.loan_id not in (None, case.loan_id):
        raise ValueError("The hold is not one of this case.")


def _reviewed(case: Case, by: Actor, at: datetime) -> None:
    """Nothing waits to be looked at any more: the step is done."""
    on = case.portfolio.business_date(at)
    asked = case.work_items.filter(kind=WorkKind.REVIEW, reason=HOLD_REVIEW, done_at=None)
    if asked.exists() and not Hold.objects.on_loan(case.loan).to_review(on).exists():
        finish_work(case=case, kinds=[WorkKind.REVIEW], result="reviewed", by=by, at=at)
