"""What had ended with a case, and begins again where the payment that had closed it was taken back: as if that payment had
never come, it is then decided by the ledger like everything else."""

from datetime import datetime
from typing import Any

from accounts.money import decimal_text
from cases.actions.deciding import came_in
from cases.chronicle import tell
from cases.models import Case, Offer, OfferKind, OfferState, Plan, PlanState, Promise, PromiseState
from compliance.audit import Actor


def reopen_agreements(*, case: Case, closed_at: datetime, by: Actor, at: datetime) -> bool:
    """Promises of the newest series, a plan and a settlement that were given up when the case closed. The caller has locked
    the case and opened it. Whether a plan runs again."""
    _reopen_promises(case, closed_at, by, at)
    _reopen_settlement(case, closed_at, by, at)
    return _reopen_plan(case, closed_at, by, at)


def _reopen_plan(case: Case, closed_at: datetime, by: Actor, at: datetime) -> bool:
    plan = Plan.objects.filter(case=case).order_by("agreed_at", "pk").last()
    if plan is None or (plan.state, plan.ended_at) != (PlanState.CANCELLED, closed_at):
        return False
    Plan.objects.filter(pk=plan.pk).update(state=PlanState.ACTIVE, ended_at=None)
    tell("plan.reopened", rows=[_of(case) | {"plan": plan.pk}], by=by, at=at)
    return True


def _reopen_promises(case: Case, closed_at: datetime, by: Actor, at: datetime) -> None:
    newest = Promise.objects.filter(case=case).order_by("made_at", "pk").last()
    if newest is None:
        return
    cancelled = Promise.objects.filter(
        series=newest.series, state=PromiseState.CANCELLED, decided_at=closed_at
    ).order_by("number")
    found = [promise.pk for promise in cancelled]
    if not found:
        return
    Promise.objects.filter(pk__in=found).update(state=PromiseState.OPEN, decided_at=None)
    currency = case.portfolio.currency
    came = came_in(case_ids=[case.pk], on=case.portfolio.business_date(at))
    rows = [
        _of(case) | {"promise": pk, "currency": currency, "paid": decimal_text(came[pk].paid, currency)}
        for pk in found
    ]
    tell("promise.reopened", rows=rows, by=by, at=at)


def _reopen_settlement(case: Case, closed_at: datetime, by: Actor, at: datetime) -> None:
    given_up = Offer.objects.filter(
        case=case,
        kind=OfferKind.SETTLEMENT,
        state=OfferState.WITHDRAWN,
        answered_at__isnull=False,
        ended_at=closed_at,
    ).order_by("offered_at", "pk")
    offer = given_up.last()
    if offer is None:
        return
    Offer.objects.filter(pk=offer.pk).update(state=OfferState.AGREED, ended_at=None)
    tell("offer.reopened", rows=[_of(case) | {"offer": offer.pk, "kind": offer.kind}], by=by, at=at)


def _of(case: Case) -> dict[str, Any]:
    return {"case": case.pk, "borrower": case.borrower_id}
