"""What waits for a second person, in words, and what became of the last days' proposals."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from cases.actions.agreements import AgreementRefused
from cases.actions.answering import KINDS, answer_approval
from cases.actions.approvals import ApprovalRefused, beyond, open_note
from cases.actions.transition import MoveRefused
from cases.models import Approval
from cases.proposals import proposal_lines

SHOWN = timedelta(days=7)
MOST = 200


@dataclass(frozen=True)
class Line:
    """One proposal in words. `mine`: the reader's own, which somebody else answers; `can`: within the reader's authority."""

    approval: Approval
    lines: list[tuple[str, str]]
    note: str
    mine: bool
    can: bool


@require_safe
@login_required
@permission_required("cases.view_approval", raise_exception=True)
def approvals(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    found = (
        Approval.objects.visible_to(request.user)
        .select_related("case__borrower__key", "case__portfolio", "requested_by", "answered_by")
        .order_by("-requested_at", "-pk")
    )
    waiting = found.waiting(now)[:MOST]
    over = found.exclude(pk__in=found.waiting(now).values("pk")).filter(requested_at__gt=now - SHOWN)[:MOST]
    context = {
        "waiting": [_line(request, each, now) for each in waiting],
        "answered": [_line(request, each, now) for each in over],
    }
    return render(request, "cases/approvals.html", context)


def _line(request: StaffRequest, approval: Approval, now: datetime) -> Line:
    portfolio, kind = approval.case.portfolio, KINDS[approval.kind]
    terms = portfolio.terms_on(portfolio.business_date(now))
    within = not beyond(terms, request.user.role, kind.wanted(approval))
    return Line(
        approval=approval,
        lines=proposal_lines(approval),
        note=open_note(approval) if hasattr(approval.case.borrower, "key") else "",
        mine=approval.requested_by_id == request.user.pk,
        can=within and request.user.has_perm(kind.permission),
    )


@require_POST
@login_required
@permission_required("cases.view_approval", raise_exception=True)
def approval_answer(request: StaffRequest, approval_id: UUID) -> HttpResponse:
    approval = get_object_or_404(Approval.objects.visible_to(request.user), pk=approval_id)
    approve = request.POST.get("answer") == "yes"
    try:
        answer_approval(
            approval=approval,
            approve=approve,
            person=request.user,
            at=timezone.now(),
            note=request.POST.get("note", ""),
        )
    except (ApprovalRefused, AgreementRefused, MoveRefused) as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(
            request, _("Approved, and done.") if approve else _("Not approved; nothing was changed.")
        )
    return redirect("approvals")
