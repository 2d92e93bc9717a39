"""What the borrower agreed to, given to us directly, and its withdrawal."""

import re
from collections.abc import Collection
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Borrower
from compliance.audit import Actor, Stream, record
from compliance.models import Consent, ConsentKind, Designation, GivenTo, Weekday
from compliance.rules.facts import MESSAGE_CHANNELS

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,79}")
MOST_DIALS = 50
"""Nobody agrees to more calls a day; a larger number is a slip of the pen."""


def check_reference(text: str) -> None:
    """ValueError unless the text is a reference, such as "call:0190…": it names where something can be heard or read."""
    if not _REFERENCE.fullmatch(text):
        raise ValueError(
            "Evidence is a reference, such as a call's id; without it a consent counts for nothing."
        )


def check_hours(hours: tuple[time, time] | None) -> None:
    """ValueError for hours without length. Those that end before they begin run over midnight."""
    if hours is not None and hours[0] == hours[1]:
        raise ValueError("Hours begin and end at different times.")


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
    channel: str = "",
    days: Collection[str] = (),
    hours: tuple[time, time] | None = None,
    only_convenient: bool = False,
    most: int | None = None,
    given_to: str = GivenTo.US,
    case: UUID | None = None,
) -> Consent:
    """Write down a consent, from a day to a day (the borrower's, both included). `evidence` names where it can be heard or
    read ("call:0190…"), never what was said.

    `call_back`: calls the borrower asked for. `electronic_messages`: by one `channel`, or by all. `contact_time`: contact in
    these `hours` on these `days` (none: every day); `only_convenient` where no other hours suit. `daily_dials`: `most` calls
    a day. Raises `ValueError` for an unknown kind, for evidence that is no reference, an end before the beginning, or terms
    that are not those of the kind.
    """
    kind, given_to = ConsentKind(kind).value, GivenTo(given_to).value
    check_reference(evidence)
    if to_on is not None and to_on < from_on:
        raise ValueError("A consent does not end before it begins.")
    check_terms(kind, channel=channel, days=days, hours=hours, only_convenient=only_convenient, most=most)
    consent = Consent.objects.create(
        borrower=borrower,
        kind=kind,
        channel=channel,
        days=ordered_days(days),
        from_time=hours[0] if hours else None,
        to_time=hours[1] if hours else None,
        only_convenient=only_convenient,
        most=most,
        given_to=given_to,
        from_on=from_on,
        to_on=to_on,
        evidence=evidence,
        recorded_at=at,
    )
    record(
        "consent.recorded",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        **consent_facts(consent),
    )
    return consent


def check_terms(
    kind: str,
    *,
    channel: str,
    days: Collection[str],
    hours: tuple[time, time] | None,
    only_convenient: bool,
    most: int | None,
) -> None:
    """ValueError for terms that do not belong to the kind, or that it lacks."""
    check_hours(hours)
    if (kind == ConsentKind.CONTACT_TIME) != (hours is not None):
        raise ValueError("Other hours, and nothing else, need their hours.")
    if (days or only_convenient) and hours is None:
        raise ValueError("Days belong to hours.")
    if (kind == ConsentKind.DAILY_DIALS) != (most is not None) or (
        most is not None and not 1 <= most <= MOST_DIALS
    ):
        raise ValueError(f"More calls a day, and nothing else, need their number, at most {MOST_DIALS}.")
    if channel and (kind != ConsentKind.ELECTRONIC or channel not in MESSAGE_CHANNELS):
        raise ValueError("Only electronic messages are agreed to by channel.")


def ordered_days(days: Collection[str]) -> list[str]:
    """Days of the week in their order, each once. ValueError for words that are none."""
    wanted = {Weekday(day).value for day in days}
    return [day for day in Weekday.values if day in wanted]


def hours_text(row: Consent | Designation) -> str:
    """Hours as the log keeps them: "22:00-07:00", "" where there are none."""
    if row.from_time is None or row.to_time is None:
        return ""
    return f"{row.from_time:%H:%M}-{row.to_time:%H:%M}"


def consent_facts(consent: Consent) -> dict[str, Any]:
    """The fields of the event; terms that the kind does not have are left out."""
    facts: dict[str, Any] = {
        "consent": consent.pk,
        "kind": consent.kind,
        "from_on": consent.from_on,
        "to_on": consent.to_on,
        "evidence": consent.evidence,
    }
    terms = {
        "channel": consent.channel,
        "days": consent.days,
        "hours": hours_text(consent),
        "most": consent.most,
        "given_to": "" if consent.given_to == GivenTo.US else consent.given_to,
    }
    return facts | {name: value for name, value in terms.items() if value}


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
