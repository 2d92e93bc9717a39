"""What staff write down on a case: notes, sealed under the borrower's key, and the reason the loan is late."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.seal import seal_of
from cases.actions.transition import lock
from cases.models import Case, Note, Reason
from cases.reasons import ArrearsReason
from compliance.audit import Actor, Stream, record

LONGEST = 4000


class NoteRefused(Exception):
    """`code` is `empty` or `too_long`; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def add_note(*, case: Case, body: str, author: User, at: datetime) -> Note:
    """Seal a note on the case; a lease of somebody else never stands in its way. Raises `NoteRefused`."""
    body = body.replace("\r\n", "\n").replace("\0", "").strip()
    if not body:
        raise NoteRefused("empty", _("The note is empty."))
    if len(body) > LONGEST:
        raise NoteRefused("too_long", _("A note has at most %(most)s characters.") % {"most": LONGEST})
    note = Note(id=uuid7(), case=case, author=author, at=at)
    note.body_sealed = seal_of(case.borrower).seal(_field(note), body)
    note.save(force_insert=True)
    record(
        "case.noted", stream=Stream.case(case.pk), by=Actor.staff(author), at=at, case=case.pk,
        borrower=case.borrower_id, note=note.pk,
    )  # fmt: skip
    return note


def open_note(note: Note) -> str:
    """The words of a note, for a page of its case; `note.case.borrower` with its key is best selected before."""
    return seal_of(note.case.borrower).open(_field(note), bytes(note.body_sealed))


def _field(note: Note) -> str:
    return f"note:{note.pk}"


@transaction.atomic
def record_reason(*, case: Case, reason: str, by: Actor, at: datetime) -> Case:
    """Why the loan is late, as the borrower told it now; what was told before stays in the record."""
    reason = ArrearsReason(reason)
    case = lock(case.pk)
    if case.arrears_reason == reason:
        return case
    case.arrears_reason = reason
    case.save(update_fields=["arrears_reason"])
    told_on = case.portfolio.business_date(at)
    Reason.objects.create(case=case, code=reason, told_on=told_on, at=at, actor=by.ref)
    record(
        "reason.recorded", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        reason=str(reason),
    )  # fmt: skip
    return case
