"""Promises, plans and what is affordable. What goes beyond the person's own authority can be put to a second one."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.http import StaffRequest
from accounts.models import Authority
from cases.actions import agreements
from cases.actions.affordability import record_affordability
from cases.actions.agreements import AgreementRefused
from cases.actions.approvals import ApprovalRefused, ask_approval, beyond, beyond_everybody
from cases.actions.transition import MoveRefused
from cases.affordability import Household
from cases.desk.deals import shown
from cases.desk.page import CasePage
from cases.forms import PlanForm, PromiseForm
from cases.models import ApprovalKind
from cases.shapes import Shape
from cases.views.doing import by, deed, note_besides, refused_form
from cases.views.opened import form_for

CHANNEL = "call"


@deed("cases.talk_case")
def case_promise(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form: PromiseForm = form_for(page, "promise", request.POST)  # type: ignore[assignment]
    if not form.is_valid():
        return refused_form(request, page, "promise", form)
    parts = form.parts
    wanted = {Authority.PROMISE_DAYS.value: (max(parts)[0] - page.on).days}
    try:
        if "ask" in request.POST:
            agreements.check_promises(case=page.row, parts=parts, at=page.at)
            proposal = agreements.promise_proposal(parts, CHANNEL)
            _ask(request, page, ApprovalKind.PROMISE, proposal, wanted, form)
            return None
        with transaction.atomic():
            agreements.record_promises(
                case=page.row, parts=parts, channel=CHANNEL, by=by(request), at=page.at
            )
            note_besides(request, page, form.cleaned_data["note"])
    except (AgreementRefused, ApprovalRefused) as refused:
        return _refuse(request, page, "promise", form, refused, wanted)
    return None


@deed("cases.work_case")
def case_plan(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form: PlanForm = form_for(page, "plan", request.POST)  # type: ignore[assignment]
    if not form.is_valid():
        return refused_form(request, page, "plan", form)
    terms, alternatives = form.terms, shown(request.POST.get("shown", ""))
    shape = Shape(**terms, down_on=page.on if terms["down"] else None)
    wanted = agreements.shape_wanted(shape)
    try:
        if "ask" in request.POST:
            agreements.propose_plan(case=page.row, at=page.at, **terms)
            proposal = shape.as_json() | {"channel": CHANNEL, "alternatives": alternatives}
            _ask(request, page, ApprovalKind.PLAN, proposal, wanted, form)
            return None
        with transaction.atomic():
            agreements.agree_plan(
                case=page.row, channel=CHANNEL, by=by(request), at=page.at, alternatives=alternatives, **terms
            )
            note_besides(request, page, form.cleaned_data["note"])
    except (AgreementRefused, ApprovalRefused, MoveRefused) as refused:
        return _refuse(request, page, "plan", form, refused, wanted)
    return None


def _ask(
    request: StaffRequest,
    page: CasePage,
    kind: str,
    proposal: Mapping[str, Any],
    wanted: Mapping[str, int],
    form: forms.Form,
) -> None:
    """Propose it to a second person; the note says why."""
    ask_approval(
        case=page.row, kind=kind, proposal=proposal, exceeds=beyond(page.terms, request.user.role, wanted),
        note=form.cleaned_data["note"], requester=request.user, at=page.at,
    )  # fmt: skip
    messages.success(request, _("A second person has been asked. It is agreed as soon as they approve."))


def _refuse(
    request: StaffRequest,
    page: CasePage,
    name: str,
    form: forms.Form,
    refused: Exception,
    wanted: Mapping[str, int],
) -> HttpResponse:
    """The form again; where only the person's own authority is too small, with the way to a second one."""
    own = beyond(page.terms, request.user.role, wanted)
    form.askable = bool(own) and not beyond_everybody(page.terms, wanted)  # type: ignore[attr-defined]
    return refused_form(request, page, name, form, str(refused))


@deed("cases.work_case")
def case_affordability(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "affordability", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "affordability", form)
    data = form.cleaned_data
    household = Household(data["income"], data["essentials"], data["other_debts"], data["dependants"])
    try:
        record_affordability(
            case=page.row, household=household, taken_on=data["taken_on"], source=data["source"], by=by(request),
            at=page.at,
        )  # fmt: skip
    except AgreementRefused as refused:
        return refused_form(request, page, "affordability", form, str(refused))
    return redirect(f"{reverse('case', args=[page.row.pk])}?open=plan")
