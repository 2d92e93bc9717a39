"""A hold on a case is looked at: it ends, it goes on, or what shows that it is right is written down."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.http import StaffRequest, sent_id
from cases.actions.holds import ENDS, end_case_hold, keep_case_hold, prove_case_hold
from cases.desk.page import CasePage
from cases.views.doing import by, deed
from compliance.actions.holds import HoldRefused
from compliance.models import Hold


def _hold(request: StaffRequest, page: CasePage) -> Hold:
    return get_object_or_404(Hold.objects.on_loan(page.row.loan), pk=sent_id(request, "hold"))


@deed("compliance.end_hold")
def case_hold_end(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    reason = request.POST.get("reason", "")
    if reason not in ENDS:
        raise Http404
    try:
        end_case_hold(case=page.row, hold=_hold(request, page), reason=reason, by=by(request), at=page.at)
    except HoldRefused as refused:
        messages.warning(request, str(refused))
    return None


@deed("compliance.end_hold")
def case_hold_keep(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    try:
        keep_case_hold(case=page.row, hold=_hold(request, page), by=by(request), at=page.at)
    except HoldRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("The hold goes on."))
    return None


@deed("cases.work_case")
def case_hold_prove(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    try:
        prove_case_hold(
            case=page.row,
            hold=_hold(request, page),
            evidence=request.POST.get("evidence", ""),
            reference=request.POST.get("reference", "").strip()[:80],
            by=by(request),
            at=page.at,
        )
    except HoldRefused as refused:
        messages.warning(request, str(refused))
    return None
