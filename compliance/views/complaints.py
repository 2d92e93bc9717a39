"""Complaints against their clock. Lists show masks; what was said is opened by itself, with an event."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from compliance.actions.complaints import ComplaintRefused, Opened, assign, clock_words, open_words, resolve
from compliance.audit import Actor
from compliance.forms import ComplaintDecisionForm
from compliance.models import Complaint, ComplaintState

PAGE = 50
SOON_DAYS = 3
SHOWS = ("open", "mine", "decided")


@dataclass(frozen=True)
class Line:
    """One complaint and how it stands against its clock, by its portfolio's date; no days left once it is decided."""

    complaint: Complaint
    days_left: int | None

    @property
    def overdue(self) -> bool:
        return self.days_left is not None and self.days_left < 0

    @property
    def days_over(self) -> int:
        return max(-(self.days_left or 0), 0)

    @property
    def soon(self) -> bool:
        return self.days_left is not None and 0 <= self.days_left <= SOON_DAYS


@require_safe
@login_required
@permission_required("compliance.view_complaint", raise_exception=True)
def complaints(request: StaffRequest) -> HttpResponse:
    """`?show=mine` lists the reader's own open ones, `?show=decided` those that were answered; otherwise all open ones."""
    show = request.GET.get("show", "")
    show = show if show in SHOWS else "open"
    visible = Complaint.objects.visible_to(request.user)
    now = timezone.now()
    every_open = [
        _line(complaint, now)
        for complaint in visible.open()
        .select_related("portfolio")
        .only("due_on", "state", "owner_id", "portfolio__zone")
    ]
    listed = {
        "open": visible.open(),
        "mine": visible.open().filter(owner=request.user.pk),
        "decided": visible.exclude(state=ComplaintState.OPEN).order_by("-resolved_at", "pk"),
    }[show]
    page = Paginator(listed.select_related("borrower", "portfolio", "owner"), PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "lines": [_line(complaint, now) for complaint in page],
        "show": show,
        "open": len(every_open),
        "mine": sum(line.complaint.owner_id == request.user.pk for line in every_open),
        "overdue": sum(line.overdue for line in every_open),
        "soon": sum(line.soon for line in every_open),
    }
    return render(request, "compliance/complaints.html", context)


@require_safe
@login_required
@permission_required("compliance.view_complaint", raise_exception=True)
def complaint(request: StaffRequest, complaint_id: UUID) -> HttpResponse:
    return _page(request, _visible(request, complaint_id))


@require_POST
@login_required
@permission_required(("compliance.view_complaint", "accounts.unseal"), raise_exception=True)
def complaint_words(request: StaffRequest, complaint_id: UUID) -> HttpResponse:
    """What the borrower said, and what we answered: opened for this one answer, and recorded."""
    found = _visible(request, complaint_id)
    opened = open_words(complaint=found, by=Actor.staff(request.user), at=timezone.now())
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "compliance/_complaint_words.html", {"complaint": found, "opened": opened})
    return _page(request, found, opened=opened)


@require_POST
@login_required
@permission_required("compliance.resolve_complaint", raise_exception=True)
def complaint_take(request: StaffRequest, complaint_id: UUID) -> HttpResponse:
    """Make it the reader's own."""
    found = _visible(request, complaint_id)
    try:
        assign(complaint=found, owner=request.user, by=Actor.staff(request.user), at=timezone.now())
    except ComplaintRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("This complaint is yours now."))
    return redirect("complaint", complaint_id=found.pk)


@require_POST
@login_required
@permission_required("compliance.resolve_complaint", raise_exception=True)
def complaint_decide(request: StaffRequest, complaint_id: UUID) -> HttpResponse:
    found = _visible(request, complaint_id)
    form = ComplaintDecisionForm(request.POST, complaint_id=found.pk)
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    try:
        resolve(complaint=found, **form.cleaned_data, by=Actor.staff(request.user), at=timezone.now())
    except ComplaintRefused as refusal:
        if refusal.code == "decided":
            messages.warning(request, str(refusal))
            return redirect("complaint", complaint_id=found.pk)
        form.add_error("answer", str(refusal))
        return _page(request, found, form=form, status=422)
    messages.success(request, _("The complaint is decided. Please see that the borrower gets the answer."))
    return redirect("complaint", complaint_id=found.pk)


def _visible(request: StaffRequest, complaint_id: UUID) -> Complaint:
    visible = Complaint.objects.visible_to(request.user).select_related(
        "borrower__key", "loan", "portfolio", "owner", "hold"
    )
    return get_object_or_404(visible, pk=complaint_id)


def _page(
    request: StaffRequest,
    found: Complaint,
    *,
    opened: Opened | None = None,
    form: ComplaintDecisionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    is_open = found.state == ComplaintState.OPEN
    may_resolve = is_open and request.user.has_perm("compliance.resolve_complaint")
    context = {
        "complaint": found,
        "line": _line(found, timezone.now()),
        "zone": ZoneInfo(found.portfolio.zone),
        "clock": clock_words(found.clock),
        "opened": opened,
        "may_open": request.user.has_perm("accounts.unseal"),
        "may_take": may_resolve and found.owner_id != request.user.pk,
        "form": (form or ComplaintDecisionForm(complaint_id=found.pk)) if may_resolve else None,
        "is_open": is_open,
    }
    return render(request, "compliance/complaint.html", context, status=status)


def _line(found: Complaint, now: datetime) -> Line:
    if found.state != ComplaintState.OPEN:
        return Line(found, None)
    return Line(found, (found.due_on - found.portfolio.business_date(now)).days)
