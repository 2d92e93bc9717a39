"""What ends with a case, or rests while it is with legal. Called by moves alone, set-based, one case or thousands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cases.actions.deciding import close_agreements
from cases.actions.offer_ends import close_offers
from cases.actions.placements import end_placements
from cases.actions.work import finish_many, release_many
from cases.models import CaseMessage, CaseState, DayRun, EndReason
from communications.actions.messages import cancel
from communications.models import MessageStatus
from compliance.audit import Actor


def stop_work(
    *, case_ids: Sequence[UUID], by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> None:
    """No more steps, nobody on it, nothing sent: open work is done, leases are let go, planned messages cancelled, and an
    agency has it no more."""
    finish_many(case_ids=case_ids, result=reason, by=by, at=at, run=run)
    release_many(case_ids=case_ids, reason=reason, by=by, at=at, run=run)
    ended = EndReason.LEGAL if reason == CaseState.LEGAL else EndReason.CLOSED
    end_placements(case_ids=case_ids, reason=ended, by=by, at=at, run=run)
    planned = CaseMessage.objects.filter(case__in=case_ids, message__status=MessageStatus.PLANNED)
    for link in planned.select_related("message").order_by("message"):
        cancel(message=link.message, reason=reason, by=by, at=at, case=link.case_id)


def close_up(
    *, case_ids: Sequence[UUID], by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> None:
    """The case is over: its work stops, an open promise is decided, a running plan ends."""
    stop_work(case_ids=case_ids, by=by, at=at, reason=reason, run=run)
    close_agreements(case_ids=case_ids, by=by, at=at, reason=reason, run=run)
    close_offers(case_ids=case_ids, by=by, at=at, reason=reason, run=run)
