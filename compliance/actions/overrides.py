"""Overrides of a presumed violation: one person asks with a reason the rule names, another answers, one contact follows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint, Loan, User
from accounts.seal import seal_of
from compliance.actions import gate
from compliance.audit import Actor, Stream, record
from compliance.models import Override
from compliance.models.override import ANSWER_WITHIN, USE_WITHIN
from compliance.rules import Decision, Outcome

MOST_WORDS = 2000


class OverrideRefused(Exception):
    """`code`: `allowed` (no override is needed), `prohibited` (none is possible), `reasons` (one for every rule, of its own
    list), `note`, `asked` (one waits for its answer), `own` (the second person is another), `over` (answered, or too old);
    the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def ask_override(
    *,
    borrower: Borrower,
    contact_point: ContactPoint,
    channel: str,
    purpose: str,
    loans: Sequence[UUID],
    reasons: Sequence[str],
    note: str,
    requester: User,
    at: datetime,
    case: UUID | None = None,
) -> Override:
    """Ask for a second person. The gate decides first, and what it says is stored whatever comes of it; so this runs outside
    any transaction. Raises `OverrideRefused` and `PermissionDenied`."""
    by = Actor.staff(requester)
    if not by.may("compliance.ask_override"):
        raise PermissionDenied
    note = note.replace("\0", "").strip()
    if not note or len(note) > MOST_WORDS:
        raise OverrideRefused("note", _("Please say in your own words why this contact is needed."))
    answer = gate.ask(
        borrower=borrower, contact_point=contact_point, channel=channel, purpose=purpose, loans=loans, by=by,
        at=at, case=case,
    )  # fmt: skip
    rules = _presumed(answer.decision)
    given = sorted(set(reasons))
    known = {reason for listed in rules.values() for reason in listed}
    if not set(given) <= known or not all(set(listed) & set(given) for listed in rules.values()):
        raise OverrideRefused("reasons", _("Please choose a reason that the rule itself allows."))
    with transaction.atomic():
        # One at a time for a borrower: the gate's own lock.
        locked = (
            Borrower.objects.select_for_update(no_key=True, of=("self",))
            .select_related("key")
            .get(pk=borrower.pk)
        )
        if Override.objects.unanswered(at).filter(borrower=locked, requested_by=requester).exists():
            raise OverrideRefused("asked", _("You have asked already; a second person will look at it."))
        override_id = uuid7()
        override = Override.objects.create(
            id=override_id, asked_id=answer.decision_id, borrower=locked,
            portfolio_id=Loan.objects.values_list("portfolio", flat=True).get(pk=sorted(loans)[0]),
            contact_point=contact_point, channel=channel, purpose=purpose, loans=sorted(set(loans)),
            rules=sorted(rules), reasons=given,
            note_sealed=seal_of(locked).seal(_field(override_id), note), case_ref=case,
            requested_by=requester, requested_at=at, recorded_at=at,
        )  # fmt: skip
        _tell(
            "override.asked", override, by, at, decision=answer.decision_id, channel=channel, purpose=purpose,
            rules=override.rules, reasons=given,
        )  # fmt: skip
    return override


def _presumed(decision: Decision) -> dict[str, tuple[str, ...]]:
    """The rules that presume a violation, each with the reasons that may answer it."""
    if decision.allowed:
        raise OverrideRefused("allowed", _("This contact is possible as it is; nobody needs to be asked."))
    if decision.outcome == Outcome.PROHIBITED:
        raise OverrideRefused("prohibited", _("This contact is prohibited, and nobody can allow it."))
    return {
        result.rule: result.override_reasons
        for result in decision.results
        if result.outcome == Outcome.PRESUMED_VIOLATION
    }


@transaction.atomic
def answer_override(*, override: Override, approve: bool, person: User, at: datetime) -> Override:
    """The second person's answer. Approved, the one who asked may make this one contact within minutes. Raises
    `OverrideRefused` (own, over) and `PermissionDenied`."""
    by = Actor.staff(person)
    if not by.may("compliance.answer_override"):
        raise PermissionDenied
    locked = Override.objects.select_for_update(of=("self",)).get(pk=override.pk)
    if locked.requested_by_id == person.pk:
        raise OverrideRefused("own", _("The second person is somebody other than the one who asked."))
    if locked.answered_at or at >= locked.requested_at + ANSWER_WITHIN:
        raise OverrideRefused(
            "over", _("This has been answered meanwhile, or waited too long; it can be asked again.")
        )
    locked.answered_by, locked.answered_at, locked.approved = person, at, approve
    locked.save(update_fields=["answered_by", "answered_at", "approved"])
    if approve:
        _tell("override.approved", locked, by, at, until=at + USE_WITHIN)
    else:
        _tell("override.refused", locked, by, at)
    return locked


def usable_override(
    *, borrower: UUID, contact_point: UUID, channel: str, purpose: str, requester: User, at: datetime
) -> Override | None:
    """The approval this person may use now for such a contact."""
    mine = Override.objects.usable(at).filter(
        borrower=borrower,
        contact_point=contact_point,
        channel=channel,
        purpose=purpose,
        requested_by=requester,
    )
    return mine.order_by("-answered_at").first()


def open_note(override: Override) -> str:
    """What was written when it was asked, for a page that shows it to the second person; `override.borrower` with its key is
    best selected before."""
    return seal_of(override.borrower).open(_field(override.pk), bytes(override.note_sealed))


def _field(override_id: UUID) -> str:
    return f"override:{override_id}"


def _tell(event: str, override: Override, by: Actor, at: datetime, **more: Any) -> None:
    record(
        event, stream=Stream.borrower(override.borrower_id), by=by, at=at, case=override.case_ref,
        borrower=override.borrower_id, override=override.pk, **more,
    )  # fmt: skip
