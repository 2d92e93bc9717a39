"""Answering findings: a person explains how an unlawful contact of others came about, and closes it in the end."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Borrower
from accounts.seal import seal_of
from compliance.audit import Actor, Stream, record
from compliance.models import Finding, FindingState

MOST_WORDS = 4000


class FindingRefused(Exception):
    """The answer was not taken. `code` for machines; the text is a sentence for the person who gave it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def answer_finding(*, finding: Finding, state: str, note: str, by: Actor, at: datetime) -> Finding:
    """Explain a finding, or close it: open → explained → closed, or closed at once. The newest note stays, sealed.

    Needs `compliance.answer_finding` (`PermissionDenied`) and a person. Raises `FindingRefused`: `note_missing`,
    `note_too_long`, or `answered` where that step has been taken.
    """
    if by.user is None or not by.may("compliance.answer_finding"):
        raise PermissionDenied(_("Answering a finding is not part of this role."))
    state = FindingState(state).value
    note = note.strip()
    if not note:
        raise FindingRefused("note_missing", _("Please write what you found out."))
    if len(note) > MOST_WORDS:
        raise FindingRefused("note_too_long", _("The note is too long."))
    Borrower.objects.select_for_update(no_key=True).get(pk=finding.borrower_id)
    locked = Finding.objects.select_for_update(of=("self",)).select_related("borrower").get(pk=finding.pk)
    if state == FindingState.OPEN or state == locked.state or locked.state == FindingState.CLOSED:
        raise FindingRefused("answered", _("Somebody has answered this finding meanwhile."))
    locked.state, locked.person, locked.answered_at = state, by.user, at
    locked.note_sealed = seal_of(locked.borrower).seal(_note_field(locked), _both(locked, note))
    locked.save(update_fields=["state", "person", "answered_at", "note_sealed"])
    record(
        "finding.answered",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        borrower=locked.borrower_id,
        finding=locked.pk,
        state=state,
    )
    return locked


def read_note(finding: Finding) -> str:
    """What people wrote about a finding; empty where nobody has. Staff's words about staff's work: whoever may see the
    finding may read them."""
    if finding.note_sealed is None:
        return ""
    return seal_of(finding.borrower).open(_note_field(finding), finding.note_sealed)


def _both(finding: Finding, note: str) -> str:
    """The explanation stays beside what was written when it was closed."""
    earlier = read_note(finding)
    return f"{earlier}\n\n{note}" if earlier else note


def _note_field(finding: Finding) -> str:
    return f"finding:{finding.pk}"
