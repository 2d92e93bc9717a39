"""Wishes about channels: not this one any more, or this one again. Each is a row of its own; the newest counts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Borrower, ContactPoint
from compliance.actions.consents import check_reference
from compliance.audit import Actor, Stream, record
from compliance.facts import KIND_OF_CHANNEL
from compliance.models import Channel, MediaRequest, MediaWish


@transaction.atomic
def note_media_wish(
    *,
    borrower: Borrower,
    wish: str,
    channel: str,
    how: str,
    by: Actor,
    at: datetime,
    contact_point: ContactPoint | None = None,
    received_at: datetime | None = None,
    evidence: str = "",
    case: UUID | None = None,
) -> MediaRequest:
    """The person wants no more contact by a channel (`stop`), at one number or address or at all of them, or wants it
    `again`. It holds for every debt of theirs, from `received_at` (now unless given); `how` is the channel it came by.

    A wish for one number again does not lift an earlier one against the channel as a whole. To want a channel again needs
    `evidence`, a reference to where it can be heard or read. Raises `ValueError`.
    """
    wish, channel, how = MediaWish(wish).value, Channel(channel).value, Channel(how).value
    if contact_point is not None and contact_point.borrower_id != borrower.pk:
        raise ValueError("The contact point is not one of this borrower.")
    if contact_point is not None and contact_point.kind != KIND_OF_CHANNEL[Channel(channel)]:
        raise ValueError(f"A {contact_point.kind} is not reached by {channel}.")
    if evidence or wish == MediaWish.AGAIN:
        check_reference(evidence)
    received_at = received_at or at
    if received_at > at:
        raise ValueError("The wish is still to come.")
    # Decisions of the gate wait here: whoever asks next sees it.
    Borrower.objects.select_for_update(no_key=True).get(pk=borrower.pk)
    row = MediaRequest.objects.create(
        borrower=borrower,
        wish=wish,
        channel=channel,
        contact_point=contact_point,
        received_at=received_at,
        how=how,
        evidence=evidence,
        recorded_by=by.ref,
    )
    record(
        "media.requested",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        **media_facts(row),
    )
    return row


def media_facts(row: MediaRequest) -> dict[str, Any]:
    """The fields of the event."""
    return {
        "request": row.pk,
        "wish": row.wish,
        "channel": row.channel,
        "contact_point": row.contact_point_id,
        "how": row.how,
    }
