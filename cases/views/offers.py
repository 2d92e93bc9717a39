"""Offers at the desk: made, accepted, declined. And why the loan is late."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.http import StaffRequest, sent_id
from cases.actions.agreements import AgreementRefused
from cases.actions.approvals import ApprovalRefused
from cases.actions.notes import record_reason
from cases.actions.offers import PARTS, OfferTerms, accept_offer, decline_offer, propose_offer
from cases.actions.transition import MoveRefused
from cases.desk.page import CasePage
from cases.models import Approval, Offer
from cases.reasons import ArrearsReason
from cases.views.doing import by, deed, refused_form
from cases.views.opened import form_for


@deed("cases.work_case")
def case_extension(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    return _propose(request, page, "extension", ("days",))


@deed("cases.work_case")
def case_waiver(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    return _propose(request, page, "waiver", PARTS)


@deed("cases.work_case")
def case_settlement(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    return _propose(request, page, "settlement", ("amount", "pay_by"))


def _propose(
    request: StaffRequest, page: CasePage, kind: str, fields: tuple[str, ...]
) -> HttpResponse | None:
    form = form_for(page, kind, request.POST)
    if not form.is_valid():
        return refused_form(request, page, kind, form)
    data: dict[str, Any] = form.cleaned_data
    asked: dict[str, Any] = {name: data[name] or 0 for name in fields}
    try:
        made = propose_offer(
            case=page.row,
            terms=OfferTerms(kind=kind, **asked),
            agreed=data["agreed"],
            note=data["note"],
            user=request.user,
            at=page.at,
        )
    except (AgreementRefused, ApprovalRefused, MoveRefused) as refused:
        return refused_form(request, page, kind, form, str(refused))
    if isinstance(made, Approval):
        messages.success(request, _("This goes beyond your own authority: a second person has been asked."))
    return None


@deed("cases.work_case")
def case_offer_answer(request: StaffRequest, page: CasePage) -> None:
    """The borrower's yes or no to an offer."""
    offer = get_object_or_404(
        Offer.objects.select_related("case"), pk=sent_id(request, "offer"), case=page.row
    )
    answers = {"yes": accept_offer, "no": decline_offer}
    if answer := answers.get(request.POST.get("answer", "")):
        answer(offer=offer, by=by(request), at=page.at)


@deed("cases.work_case")
def case_reason(request: StaffRequest, page: CasePage) -> None:
    reason = request.POST.get("reason", "")
    if reason not in ArrearsReason:
        messages.warning(request, _("Please choose why the loan is late."))
        return
    record_reason(case=page.row, reason=reason, by=by(request), at=page.at)
