"""Who writes while a case is with an agency: the agency, and the house only where the placement's terms say so. The database
holds the same (`migrations/sql/law_documents.sql`, house_is_silent)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cases.models import CaseMessage, Placement
from communications.actions import messages
from communications.models import Message, MessageStatus
from compliance.audit import Actor
from compliance.rules import Purpose

ASKING = (Purpose.FIRST_NOTICE, Purpose.REMINDER, Purpose.COLLECT)
"""What asks for payment. Confirmations and answers go on, whoever has the case."""
ANNOUNCED = ("debit_notice", "bureau_notice")
"""Texts that must be sent before something is done, and ask for nothing."""
WAITING = ("first_notice",)
"""What is not out of date once the case is back: it waits, and is not withdrawn."""


def is_silenced(message: Message, case_id: UUID) -> bool:
    """Whether the house may not send this message of its own now, because an agency has its case."""
    if message.purpose not in ASKING or message.template_version.template.key in ANNOUNCED:
        return False
    return Placement.objects.silencing().filter(case=case_id).exists()


def withdraw_messages(
    *, case_ids: Sequence[UUID], of_agency: bool, reason: str, by: Actor, at: datetime
) -> int:
    """What is planned on these cases, and has not begun to leave, is not sent any more: what the agency's people wrote,
    or the house's own reminders. Returns how many. The caller has locked the cases. One that somebody is just sending is
    left to them: they find the placement as it is by then."""
    links = CaseMessage.objects.filter(
        case__in=case_ids, message__status=MessageStatus.PLANNED
    ).select_related("message")
    if of_agency:
        links = links.filter(written_by__agency__isnull=False)
    else:
        links = links.filter(message__purpose__in=ASKING, written_by__agency=None).exclude(
            message__template_version__template__key__in=(*ANNOUNCED, *WAITING)
        )
    free = Message.objects.filter(pk__in=links.values("message"), status=MessageStatus.PLANNED)
    free_ids = set(
        free.select_for_update(skip_locked=True, of=("self",)).order_by("pk").values_list("pk", flat=True)
    )
    gone = 0
    for link in links.filter(message__in=free_ids).order_by("message"):
        messages.cancel(message=link.message, reason=reason, by=by, at=at, case=link.case_id)
        gone += 1
    return gone
