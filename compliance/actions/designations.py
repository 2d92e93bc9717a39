"""Times and places that the person has ruled out, in dates the rules can count; withdrawn when they suit again."""

from collections.abc import Collection
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Place
from accounts.seal import seal_of
from compliance.actions.consents import check_hours, hours_text, ordered_days
from compliance.audit import Actor, Stream, record
from compliance.models import Designation, DesignationKind, DesignationSource

MOST_WORDS = 2000


@transaction.atomic
def rule_out_time(
    *,
    borrower: Borrower,
    from_on: date,
    words: str,
    by: Actor,
    at: datetime,
    days: Collection[str] = (),
    hours: tuple[time, time] | None = None,
    to_on: date | None = None,
    source: str = DesignationSource.BORROWER,
    case: UUID | None = None,
) -> Designation:
    """The person does not want to be reached at these hours (none: all day) on these days of the week (none: every day), by
    their own clock; from a day to a day, both included, or until withdrawn. `words` are their own, and sealed.

    Raises `ValueError` where nothing is ruled out, everything is (that is a hold), or it ends before it begins.
    """
    check_hours(hours)
    chosen = ordered_days(days)
    if hours is None and len(chosen) in (0, 7):
        raise ValueError("Please name days or hours; to rule out all of them is a hold.")
    return _record(
        borrower, DesignationKind.TIME, by, at, case,
        days=chosen,
        from_time=hours[0] if hours else None,
        to_time=hours[1] if hours else None,
        words=words, source=source, from_on=from_on, to_on=to_on,
    )  # fmt: skip


@transaction.atomic
def rule_out_place(
    *,
    borrower: Borrower,
    place: str,
    from_on: date,
    words: str,
    by: Actor,
    at: datetime,
    to_on: date | None = None,
    source: str = DesignationSource.BORROWER,
    case: UUID | None = None,
) -> Designation:
    """The person does not want to be reached at home, or at work, where it also says that the employer does not want it.
    As `rule_out_time`."""
    return _record(
        borrower, DesignationKind.PLACE, by, at, case,
        place=Place(place).value, words=words, source=source, from_on=from_on, to_on=to_on,
    )  # fmt: skip


@transaction.atomic
def withdraw_designation(
    *, designation: Designation, by: Actor, at: datetime, case: UUID | None = None
) -> Designation:
    """It suits again, as the person said. Withdrawn before: nothing changes."""
    Borrower.objects.select_for_update(no_key=True).get(pk=designation.borrower_id)
    locked = Designation.objects.select_for_update().get(pk=designation.pk)
    if locked.withdrawn_at is not None:
        return locked
    locked.withdrawn_at, locked.withdrawn_by = at, by.ref
    locked.save(update_fields=["withdrawn_at", "withdrawn_by"])
    record(
        "designation.withdrawn",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=locked.borrower_id,
        designation=locked.pk,
        kind=locked.kind,
    )
    return locked


def read_words(designation: Designation) -> str:
    """What the person said. For an action that has opened the seal with a reason."""
    if designation.words_sealed is None:
        return ""
    return seal_of(designation.borrower).open(_words_field(designation.pk), designation.words_sealed)


def _record(
    borrower: Borrower, kind: str, by: Actor, at: datetime, case: UUID | None, *, words: str, **fields: Any
) -> Designation:
    source = DesignationSource(fields.pop("source")).value
    if fields["to_on"] is not None and fields["to_on"] < fields["from_on"]:
        raise ValueError("A designation does not end before it begins.")
    if len(words) > MOST_WORDS:
        raise ValueError(f"At most {MOST_WORDS} characters of what was said are kept.")
    # Decisions of the gate wait here: whoever asks next sees it.
    Borrower.objects.select_for_update(no_key=True).get(pk=borrower.pk)
    pk = uuid7()
    row = Designation.objects.create(
        id=pk,
        borrower=borrower,
        kind=kind,
        source=source,
        words_sealed=seal_of(borrower).seal(_words_field(pk), words.strip()) if words.strip() else None,
        recorded_at=at,
        recorded_by=by.ref,
        **fields,
    )
    record(
        "designation.recorded",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        **designation_facts(row),
    )
    return row


def designation_facts(row: Designation) -> dict[str, Any]:
    """The fields of the event: days, hours and places, never the words."""
    return {
        "designation": row.pk,
        "kind": row.kind,
        "place": row.place,
        "days": row.days,
        "hours": hours_text(row),
        "from_on": row.from_on,
        "to_on": row.to_on,
        "source": row.source,
    }


def _words_field(pk: UUID) -> str:
    return f"designation:{pk}"
