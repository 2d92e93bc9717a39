"""The contact log: an attempt spends its permit, outcomes follow, what the borrower begins is written down as well."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import ProgrammingError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from psycopg.errors import InsufficientPrivilege

from accounts.actions.borrowers import open_for_attempt
from accounts.models import Borrower, ContactPoint, Loan
from compliance.audit import Actor, Stream, record
from compliance.facts import local_zone
from compliance.models import ContactAttempt, ContactOutcome, Permit
from compliance.models.contact import Direction

OPENING = timedelta(minutes=15)
"""How long after it was placed an attempt may still open its address: no longer than a permit can live."""


class NoPermit(Exception):
    """No permit lets this contact happen: none was given, or it is spent, expired, or for another contact."""

    def __init__(self) -> None:
        super().__init__(_("The permission for this contact has ended. Please ask again."))


@transaction.atomic
def place(*, permit_id: UUID | None, by: Actor, at: datetime, case: UUID | None = None) -> ContactAttempt:
    """Spend a permit: the attempt exists from here on, whatever comes of it. Commit before the phone rings or the wire is
    touched. Raises `NoPermit`; the permit decides, and the database."""
    permit = Permit.objects.select_related("borrower").filter(pk=permit_id).first() if permit_id else None
    if permit is None:
        raise NoPermit
    attempt = ContactAttempt(
        borrower=permit.borrower,
        permit=permit,
        contact_point_id=permit.contact_point_id,
        direction=Direction.OUT,
        channel=permit.channel,
        purpose=permit.purpose,
        loans=permit.loans,
        at=at,
        local_date=_local_date(permit.borrower, permit.loans, at),
        actor=by.ref,
    )
    try:
        with transaction.atomic():
            attempt.save(force_insert=True)
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise NoPermit from error
        raise
    _record_attempt(attempt, by=by, at=at, case=case)
    return attempt


def open_for_contact(*, attempt: ContactAttempt) -> str:
    """The number or address of an attempt that was just placed; its event is the event of this opening. Raises `NoPermit`
    for any other attempt: inbound, reported by others, answered already, or older than a permit can live."""
    fresh = (
        ContactAttempt.objects.select_related("contact_point__borrower__key")
        .filter(pk=attempt.pk, permit__used_at__isnull=False, outcomes=None, recorded_at__gt=Now() - OPENING)
        .first()
    )
    if fresh is None or fresh.contact_point is None:
        raise NoPermit
    return open_for_attempt(point=fresh.contact_point)


@transaction.atomic
def note_outcome(
    *,
    attempt: ContactAttempt,
    disposition: str,
    connected: bool | None,
    right_party: bool | None,
    conversation: bool | None,
    by: Actor,
    at: datetime,
    case: UUID | None = None,
    answered: bool | None = None,
) -> ContactOutcome:
    """What came of an attempt; the newest note counts, the earlier ones stay.

    `connected`: the call reached the number (rang, voicemail, answered), False only for busy or not in service. `answered`:
    somebody spoke. `right_party`: it was the borrower. `conversation`: the debt could be talked over. None: not known, and
    rules take the stricter answer.
    """
    outcome = ContactOutcome.objects.create(
        attempt=attempt,
        disposition=disposition,
        connected=connected,
        answered=answered,
        right_party=right_party,
        conversation=conversation,
        at=at,
        actor=by.ref,
    )
    record(
        "contact.outcome",
        stream=Stream.borrower(attempt.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=attempt.borrower_id,
        attempt=attempt.pk,
        disposition=disposition,
        connected=connected,
        answered=answered,
        right_party=right_party,
        conversation=conversation,
    )
    return outcome


@transaction.atomic
def note_inbound(
    *,
    borrower: Borrower,
    channel: str,
    loans: Iterable[UUID],
    by: Actor,
    at: datetime,
    disposition: str,
    right_party: bool | None,
    conversation: bool | None,
    contact_point: ContactPoint | None = None,
    case: UUID | None = None,
) -> ContactAttempt:
    """The borrower, or somebody for them, came to us. A conversation counts for the quiet days that follow like
    any other."""
    loans = sorted(set(loans))
    attempt = ContactAttempt.objects.create(
        borrower=borrower,
        contact_point=contact_point,
        direction=Direction.IN,
        channel=channel,
        purpose="inbound",
        loans=loans,
        at=at,
        local_date=_local_date(borrower, loans, at),
        actor=by.ref,
    )
    _record_attempt(attempt, by=by, at=at, case=case)
    note_outcome(
        attempt=attempt,
        disposition=disposition,
        connected=True,
        answered=True,
        right_party=right_party,
        conversation=conversation,
        by=by,
        at=at,
        case=case,
    )
    return attempt


def _record_attempt(attempt: ContactAttempt, *, by: Actor, at: datetime, case: UUID | None) -> None:
    record(
        "contact.attempted",
        stream=Stream.borrower(attempt.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=attempt.borrower_id,
        attempt=attempt.pk,
        permit=attempt.permit_id,
        channel=attempt.channel,
        purpose=attempt.purpose,
        direction=attempt.direction,
    )


def _local_date(borrower: Borrower, loans: Iterable[UUID], at: datetime) -> date:
    fallback = (
        Loan.objects.filter(pk__in=list(loans))
        .order_by("pk")
        .values_list("portfolio__zone", flat=True)
        .first()
    )
    return at.astimezone(ZoneInfo(local_zone(borrower, fallback or "UTC"))).date()
