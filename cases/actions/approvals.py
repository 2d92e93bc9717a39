"""Asking a second person: what is proposed waits, frozen, until somebody with the authority answers or it expires. What an
approval sets in motion stands in `answering.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Role, Terms, User
from accounts.seal import seal_of
from cases.actions.transition import lock
from cases.models import Approval, Case
from compliance.audit import Actor, Stream, record

MOST_WORDS = 2000
WAITS = timedelta(days=7)
"""How long a proposal waits: what is owed, and what the borrower can pay, move on."""


class ApprovalRefused(Exception):
    """`code`: `closed` (the case), `note` (missing or too long), `asked` (one of the kind waits already), `own` (the second
    person is another), `over` (answered, or expired), `authority` (beyond the second person's too); the text is a
    sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def beyond(terms: Terms, role: str, wanted: Mapping[str, int]) -> list[str]:
    """The authorities (`accounts.models.Authority`) that these amounts or days exceed for a role."""
    return sorted(what for what, much in wanted.items() if much > terms.limit(role, what))


def beyond_everybody(terms: Terms, wanted: Mapping[str, int]) -> list[str]:
    """Those that nobody may agree: a supervisor has the most authority, and of settlements legal."""
    return [
        what for what in beyond(terms, Role.SUPERVISOR, wanted) if what in beyond(terms, Role.LEGAL, wanted)
    ]


@transaction.atomic
def ask_approval(
    *,
    case: Case,
    kind: str,
    proposal: Mapping[str, Any],
    exceeds: Sequence[str],
    note: str,
    requester: User,
    at: datetime,
) -> Approval:
    """Propose; `proposal` is JSON-ready and says all that carrying it out needs. The same proposal of the same person that
    waits already is returned as it is. Raises `ApprovalRefused` (closed, note, asked)."""
    note = note.replace("\0", "").strip()
    if not note or len(note) > MOST_WORDS:
        raise ApprovalRefused("note", _("Please say in your own words why this is right for the borrower."))
    case = lock(case.pk)
    if not case.is_open:
        raise ApprovalRefused("closed", _("This case is closed; nothing is agreed on it any more."))
    waiting = Approval.objects.waiting(at).filter(case=case, kind=kind).first()
    if waiting is not None:
        if (waiting.requested_by_id, waiting.proposal) == (requester.pk, dict(proposal)):
            return waiting
        raise ApprovalRefused("asked", _("A proposal of this kind waits for its answer already."))
    approval_id = uuid7()
    approval = Approval.objects.create(
        id=approval_id,
        case=case,
        kind=kind,
        proposal=dict(proposal),
        beyond=list(exceeds),
        note_sealed=seal_of(case.borrower).seal(note_field(approval_id), note),
        requested_by=requester,
        requested_at=at,
        expires_at=at + WAITS,
    )
    record(
        "approval.asked", stream=Stream.case(case.pk), by=Actor.staff(requester), at=at, case=case.pk,
        borrower=case.borrower_id, approval=approval.pk, kind=kind, beyond=list(exceeds), until=approval.expires_at,
    )  # fmt: skip
    return approval


def note_field(approval_id: Any, part: str = "note") -> str:
    """The sealed field's name, which the seal binds its text to."""
    return f"approval:{approval_id}:{part}"


def open_note(approval: Approval) -> str:
    """Why it was proposed, for a page that shows it to the second person; `approval.case.borrower` with its key is best
    selected before."""
    return seal_of(approval.case.borrower).open(note_field(approval.pk), bytes(approval.note_sealed))
