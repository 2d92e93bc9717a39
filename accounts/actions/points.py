"""Where a number or address rings or arrives, as the borrower tells us."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import ContactPoint, Place
from compliance.audit import Actor, Stream, record


@transaction.atomic
def note_place(
    *, point: ContactPoint, place: str, by: Actor, at: datetime, case: UUID | None = None
) -> ContactPoint:
    """This number or address is at home, or at work; as it was told before: nothing changes."""
    place = Place(place).value
    locked = ContactPoint.objects.select_for_update(no_key=True).get(pk=point.pk)
    if locked.place == place:
        return locked
    locked.place = place
    locked.save(update_fields=["place"])
    record(
        "contact_point.placed",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=locked.borrower_id,
        contact_point=locked.pk,
        place=place,
    )
    return locked
