"""What the borrower agreed to, given to us directly, and its withdrawal."""

import re
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Borrower
from compliance.audit import Actor, Stream, record
from compliance.models import Consent
from compliance.models import ConsentKind

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,79}")


@transaction.atomic
def record_consent(
    *,
    borrower: Borrower,
    kind: str,
    from_on: date,
    evidence: str,
    by: Actor,
    at: datetime,
    to_on: date | None = None,
    case: UUID | None = None,
) -> Consent:
    """Write down a consent: `call_back` for calls the borrower asked for, `electronic_messages`. Days are the borrower's,
    both included. `evidence` names where it can be heard or read ("call:0190…"), never what was said.

    Raises `ValueError` for an unknown kind, for evidence that is no reference, or an end before the beginning.
    """
    kind = ConsentKind(kind).value
    if not _REFERENCE.fullmatch(evidence):
        raise ValueError(
            "Evidence is a reference, such as a call's id; without it a consent counts for nothing."
        )
    if to_on is not None and to_on < from_on:
        raise ValueError("A consent does not end before it begins.")
    consent = Consent.objects.create(
        borrower=borrower, kind=kind, from_on=from_on, to_on=to_on, evidence=evidence, recorded_at=at
    )
    record(
        "consent.recorded",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        consent=consent.pk,
        kind=kind,
        from_on=from_on,
        to_on=to_on,
        evidence=evidence,
    )
    return consent


@transaction.atomic
def revoke_consent(*, consent: Consent, by: Actor, at: datetime, case: UUID | None = None) -> Consent:
    """The borrower has withdrawn it. Withdrawn before: nothing changes."""
    Borrower.objects.select_for_update(no_key=True).get(pk=consent.borrower_id)
    locked = Consent.objects.select_for_update().get(pk=consent.pk)
    if locked.revoked_at is not None:
        return locked
    locked.revoked_at = at
    locked.save(update_fields=["revoked_at"])
    record(
        "consent.revoked",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=locked.borrower_id,
        consent=locked.pk,
        kind=locked.kind,
    )
    return locked
