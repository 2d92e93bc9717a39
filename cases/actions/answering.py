"""What an approval sets in motion: one table from the kind of a proposal to the action that carries it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.seal import seal_of
from cases.actions import agreements, legal, offers
from cases.actions.approvals import MOST_WORDS, ApprovalRefused, beyond, note_field
from cases.actions.transition import lock
from cases.models import Approval, ApprovalKind
from compliance.audit import Actor, Stream, record


@dataclass(frozen=True)
class Kind:
    """Who may approve (a permission), how much of which authority it takes, and what is done then. `carry_out` raises what
    its action raises; nothing is approved then."""

    permission: str
    wanted: Callable[[Approval], Mapping[str, int]]
    carry_out: Callable[[Approval, Actor, datetime], object]


KINDS: dict[str, Kind] = {
    ApprovalKind.PLAN: Kind("cases.answer_approval", agreements.plan_wanted, agreements.agree_approved_plan),
    ApprovalKind.LEGAL: Kind("cases.move_to_legal", legal.nothing_wanted, legal.go_to_legal),
    ApprovalKind.PROMISE: Kind(
        "cases.answer_approval", agreements.promise_wanted, agreements.record_approved_promises
    ),
    ApprovalKind.EXTENSION: Kind("cases.answer_approval", offers.offer_wanted, offers.make_approved_offer),
    ApprovalKind.WAIVER: Kind("cases.answer_approval", offers.offer_wanted, offers.make_approved_offer),
    ApprovalKind.SETTLEMENT: Kind("cases.answer_settlement", offers.offer_wanted, offers.make_approved_offer),
}


@transaction.atomic
def answer_approval(
    *, approval: Approval, approve: bool, person: User, at: datetime, note: str = ""
) -> Approval:
    """The second person's answer. Approved, the proposal is carried out at once. Raises `ApprovalRefused` (own, over,
    authority, note), `PermissionDenied`, and what the proposed action raises."""
    by, kind = Actor.staff(person), KINDS[approval.kind]
    if not by.may(kind.permission):
        raise PermissionDenied
    note = note.replace("\0", "").strip()
    if len(note) > MOST_WORDS:
        raise ApprovalRefused("note", _("Please say it in fewer words."))
    case = lock(approval.case_id)
    locked = Approval.objects.select_for_update(of=("self",)).get(pk=approval.pk)
    locked.case = case
    if locked.requested_by_id == person.pk:
        raise ApprovalRefused("own", _("The second person is somebody other than the one who asked."))
    if locked.answered_at or at >= locked.expires_at:
        raise ApprovalRefused(
            "over", _("This was answered meanwhile, or waited too long; it can be asked again.")
        )
    terms = case.portfolio.terms_on(case.portfolio.business_date(at))
    if approve and beyond(terms, person.role, kind.wanted(locked)):
        raise ApprovalRefused("authority", _("This goes beyond your authority too."))
    locked.answered_by, locked.answered_at, locked.approved = person, at, approve
    locked.answer_sealed = (
        seal_of(case.borrower).seal(note_field(locked.pk, "answer"), note) if note else None
    )
    locked.save(update_fields=["answered_by", "answered_at", "approved", "answer_sealed"])
    record(
        "approval.answered", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        approval=locked.pk, kind=locked.kind, approved=approve,
    )  # fmt: skip
    if approve:
        kind.carry_out(locked, by, at)
    return locked
