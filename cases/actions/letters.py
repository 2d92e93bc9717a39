"""Letters that confirm what was agreed: planned to the newest usable address, judged by the gate when they leave."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from django.db.models import F

from accounts.models import ContactKind, ContactPoint
from cases.models import Case, CaseMessage
from communications.actions.messages import plan
from communications.models import Message
from communications.texts import TextError, current_template
from compliance.audit import Actor
from compliance.models import Channel
from compliance.rules import Purpose


def plan_letter(
    *, case: Case, text: str, about: UUID, details: Mapping[str, int | date], by: Actor, at: datetime
) -> Message | None:
    """Plan one letter of this text about one agreement, once; None where the borrower has no address of their own to write
    to, or nobody has approved the text. `details` as `communications.texts.DETAILS`."""
    points = ContactPoint.objects.usable().filter(
        borrower=case.borrower_id, related_person=None, kind=ContactKind.EMAIL
    )
    point = points.order_by(F("verified_on").desc(nulls_last=True), "-created_at", "-pk").first()
    if point is None:
        return None
    try:
        version = current_template(text, Channel.EMAIL, case.borrower.language)
    except TextError:
        return None
    message = plan(
        borrower=case.borrower,
        contact_point=point,
        template_version=version,
        purpose=Purpose.SERVICE,
        loans=[case.loan_id],
        dedupe_key=f"{text}:{about.hex}",
        not_before=at,
        by=by,
        at=at,
        case=case.pk,
        details=details,
    )
    CaseMessage.objects.get_or_create(message=message, defaults={"case": case})
    return message
