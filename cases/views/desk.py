"""The agent's desk: my queue, the next case, and the case page with its parts."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from cases.actions import work
from cases.desk import queue as queues
from cases.desk.page import CasePage
from cases.views.found import case_or_404
from cases.views.opened import opened_form

PAGE = 25
PARTS = {
    "conversation": "cases/_conversation.html",
    "timeline": "cases/_timeline.html",
    "strip": "cases/_strip.html",
    "who": "cases/_who.html",
}


@require_safe
@login_required
@permission_required("cases.talk_case", raise_exception=True)
def queue(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    mine = queues.queue(request.user, now)
    page = Paginator(mine.steps, PAGE).get_page(request.GET.get("page"))
    context = {
        "queue": mine,
        "items": queues.items(list(page), request.user, now),
        "page": page,
    }
    return render(request, "cases/queue.html", context)


@require_POST
@login_required
@permission_required("cases.talk_case", raise_exception=True)
def queue_next(request: StaffRequest) -> HttpResponse:
    case = work.take_next(user=request.user, at=timezone.now())
    if case is None:
        messages.info(request, _("Nothing is due for you now. New work comes up here by itself."))
        return redirect("queue")
    return redirect("case", case.pk)


def page_of(request: StaffRequest, case_id: UUID) -> CasePage:
    """The page of a case this person may see; 404 for any other."""
    return CasePage(request, case_or_404(request, case_id), timezone.now())


def show(request: StaffRequest, page: CasePage, *, status: int = 200, **more) -> HttpResponse:
    """The whole page, or the part that htmx asked for."""
    part = PARTS.get(request.htmx.target or "") if request.method == "GET" else None
    return render(request, part or "cases/case.html", page.context(**more), status=status)


@require_safe
@login_required
@permission_required("cases.view_case", raise_exception=True)
def case(request: StaffRequest, case_id: UUID) -> HttpResponse:
    page = page_of(request, case_id)
    return show(request, page, **opened_form(page, request.GET.get("open", "")))


@require_safe
@login_required
@permission_required("cases.view_case", raise_exception=True)
def case_strip(request: StaffRequest, case_id: UUID) -> HttpResponse:
    """The strip alone: asked for every minute, so only its own facts are read."""
    page = page_of(request, case_id)
    context = {"case": {"id": page.row.pk}, "strip": page.strip, "zone": page.zone, "place": page.place}
    return render(
        request, "cases/_strip.html", context | {"lease": page.lease, "placed": page.facts.placement}
    )


@require_safe
@login_required
@permission_required("cases.view_case", raise_exception=True)
def case_who(request: StaffRequest, case_id: UUID) -> HttpResponse:
    """The borrower's part alone: asked for when an open seal closes."""
    page = page_of(request, case_id)
    context = {"case": {"id": page.row.pk}, "who": page.who, "zone": page.zone}
    return render(request, "cases/_who.html", context)
