"""What people do with a case. Each view translates one form into one action and goes back to the case."""

from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.actions.borrowers import open_identity
from accounts.actions.payments import PaymentRefused
from accounts.http import StaffRequest, sent_id
from accounts.models import ContactKind, ContactPoint, User
from cases.actions import agreements, calls, legal, notes, payments, scripts, work
from cases.actions.approvals import ApprovalRefused
from cases.actions.complaints import complain
from cases.actions.ending import end_case
from cases.actions.transition import MoveRefused, lock
from cases.desk.page import CasePage
from cases.desk.talk import FINISH
from cases.desk.who import REASONS, note_open
from cases.dispositions import DISPOSITIONS
from cases.forms import NoteForm
from cases.models import ScriptRun
from cases.views.desk import page_of, show
from cases.views.opened import form_for, opened_form
from cases.words import day, moment
from compliance.actions import contacts
from compliance.actions.complaints import ComplaintRefused
from compliance.actions.holds import open_hold
from compliance.actions.overrides import OverrideRefused, ask_override
from compliance.audit import Actor
from compliance.models import Channel
from compliance.rules import Purpose

REFUSALS = (
    agreements.AgreementRefused,
    calls.CallNotLogged,
    calls.CallOpen,
    calls.NotPlaced,
    contacts.NoPermit,
    notes.NoteRefused,
    scripts.ScriptRefused,
    work.LeaseHeld,
    ComplaintRefused,
    MoveRefused,
    PaymentRefused,
)


def deed(permission: str):
    """A POST on a case by a person with a permission; what an action refuses is said on the page, and nothing is stored."""

    def decorate(view):
        @require_POST
        @login_required
        @permission_required(permission, raise_exception=True)
        @wraps(view)
        def deed_view(request: StaffRequest, case_id: UUID) -> HttpResponse:
            page = page_of(request, case_id)
            try:
                if request.user.agency_id and permission != "compliance.place_contact":
                    return while_placed(request, case_id, view)
                return view(request, page) or redirect("case", page.row.pk)
            except REFUSALS as refused:
                messages.warning(request, str(refused))
                return redirect("case", page.row.pk)

        return deed_view

    return decorate


def while_placed(request: StaffRequest, case_id: UUID, view: Any) -> HttpResponse:
    """What an agency does with a case, it does while it has it: a recall waits, or has come first and the case is not there.
    A call is no part of this: the gate's answer is kept whatever follows, and its attempt has its own lock."""
    with transaction.atomic():
        lock(case_id)
        page = page_of(request, case_id)
        return view(request, page) or redirect("case", page.row.pk)


def by(request: StaffRequest) -> Actor:
    return Actor.staff(request.user)


def refused_form(request: StaffRequest, page: CasePage, name: str, form: Any, why: str = "") -> HttpResponse:
    """The page again with the form open, what was typed, and the reason."""
    if why:
        form.add_error(None, why)
    return show(request, page, status=422, **opened_form(page, name, form))


def note_besides(request: StaffRequest, page: CasePage, text: str) -> None:
    if text.strip():
        notes.add_note(case=page.row, body=text, author=request.user, at=page.at)


@deed("accounts.unseal")
def case_unseal(request: StaffRequest, page: CasePage) -> None:
    reason = request.POST.get("reason", "")
    if reason not in dict(REASONS):
        messages.warning(request, _("Please choose why you need to see it."))
        return
    open_identity(borrower=page.row.borrower, by=by(request), at=page.at, why=reason, case=page.row.pk)
    note_open(request, page.row, page.at)


@deed("compliance.place_contact")
def case_dial(request: StaffRequest, page: CasePage) -> None:
    points = ContactPoint.objects.usable().filter(borrower=page.row.borrower_id)
    point = get_object_or_404(points, pk=sent_id(request, "contact_point"))
    try:
        calls.place_call(case=page.row, contact_point=point, user=request.user, at=page.at)
    except calls.CallRefused as refused:
        words = {"why": refused, "when": _until(refused.next_allowed, page)}
        messages.warning(request, _("The call was not placed. %(why)s %(when)s") % words)
        return
    scripts.start_script(case=page.row, user=request.user, at=page.at, call=page.open_call)


def _until(next_allowed: datetime | None, page: CasePage) -> str:
    if next_allowed is None:
        return ""
    return _("It becomes possible at %(moment)s.") % {"moment": moment(next_allowed, page.zone)}


@deed("cases.talk_case")
def case_call(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "call", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "call", form)
    data = form.cleaned_data
    try:
        with transaction.atomic():
            _log(request, page, data)
            if page.run is not None:
                scripts.finish_script(run=page.run, by=by(request), at=page.at)
    except (calls.CallNotLogged, agreements.AgreementRefused, MoveRefused, ComplaintRefused) as refused:
        return refused_form(request, page, "call", form, str(refused))
    return None


def _log(request: StaffRequest, page: CasePage, data: dict[str, Any]) -> None:
    disposition = data["disposition"]
    promise = complaint = None
    if DISPOSITIONS[disposition].needs == "agreement" and data["amount"] and data["due_on"]:
        promise = calls.PromiseTerms(amount=data["amount"], due_on=data["due_on"])
    if data["category"] and data["words"]:
        complaint = calls.ComplaintTerms(category=data["category"], words=data["words"])
    details = calls.Details(
        call_back_at=data["call_back_at"],
        promise=promise,
        complaint=complaint,
        reason=data["reason"],
        note=data["note"],
    )
    # The form of a call that was logged meanwhile, sent again, is about that call: nobody has called us.
    placed = (
        get_object_or_404(page.row.calls, pk=data["call"], agent=request.user)
        if data["call"]
        else page.open_call
    )
    if placed is not None:
        calls.log_call(call=placed, disposition=disposition, by=by(request), at=page.at, details=details)
    else:
        calls.log_inbound(
            case=page.row, disposition=disposition, user=request.user, at=page.at, details=details
        )


@deed("accounts.add_payment")
def case_payment(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "payment", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "payment", form)
    data = form.cleaned_data
    try:
        with transaction.atomic():
            payments.record_payment(
                case=page.row,
                amount=data["amount"],
                value_date=data["paid_on"],
                reference=data["reference"],
                source=f"desk_{data['method']}",
                by=by(request),
                at=page.at,
            )
            note_besides(request, page, data["note"])
    except PaymentRefused as refused:
        return refused_form(request, page, "payment", form, str(refused))
    return None


@deed("compliance.log_complaint")
def case_complaint(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "complaint", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "complaint", form)
    data = form.cleaned_data
    try:
        complain(
            case=page.row,
            category=data["category"],
            words=data["words"],
            channel=data["channel"],
            by=by(request),
            at=page.at,
        )
    except ComplaintRefused as refused:
        return refused_form(request, page, "complaint", form, str(refused))
    return None


@deed("cases.talk_case")
def case_hold(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "hold", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "hold", form)
    data = form.cleaned_data
    days = (data["until"] - data["since"]).days + 1 if data["until"] else None
    with transaction.atomic():
        open_hold(
            borrower=page.row.borrower,
            kind=data["kind"],
            by=by(request),
            at=page.at,
            starts_on=data["since"],
            days=days,
            case=page.row.pk,
        )
        note_besides(request, page, data["why"])
    return None


@deed("compliance.ask_override")
def case_override(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "override", request.POST)
    points = ContactPoint.objects.usable().filter(borrower=page.row.borrower_id, kind=ContactKind.PHONE)
    point = get_object_or_404(points, pk=sent_id(request, "contact_point"))
    if not form.is_valid():
        return refused_form(request, page, "override", form)
    try:
        ask_override(
            borrower=page.row.borrower,
            contact_point=point,
            channel=Channel.CALL,
            purpose=Purpose.COLLECT,
            loans=[page.row.loan_id],
            reasons=form.cleaned_data["reasons"],
            note=form.cleaned_data["note"],
            requester=request.user,
            at=page.at,
            case=page.row.pk,
        )
    except OverrideRefused as refused:
        return refused_form(request, page, "override", form, str(refused))
    messages.success(request, _("A second person has been asked. The call opens here once it is approved."))
    return None


@deed("cases.work_case")
def case_pass(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "pass", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "pass", form)
    to = form.cleaned_data["to"]
    with transaction.atomic():
        note_besides(request, page, form.cleaned_data["note"])
        work.hand_over(
            case=page.row, to=User.objects.get(pk=to) if to else None, user=request.user, at=page.at
        )
    messages.success(request, _("The case has been passed on."))
    return redirect("queue")


@deed("cases.close_case")
def case_end(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "end", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "end", form)
    try:
        with transaction.atomic():
            note_besides(request, page, form.cleaned_data["note"])
            end_case(case=page.row, ending=form.cleaned_data["ending"], by=by(request), at=page.at)
    except (agreements.AgreementRefused, MoveRefused) as refused:
        return refused_form(request, page, "end", form, str(refused))
    return None


@deed("cases.propose_legal")
def case_legal(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    """A second person of legal is asked; the case goes there when they agree."""
    form = form_for(page, "legal", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "legal", form)
    try:
        legal.propose_legal(case=page.row, note=form.cleaned_data["note"], requester=request.user, at=page.at)
    except (MoveRefused, ApprovalRefused) as refused:
        return refused_form(request, page, "legal", form, str(refused))
    messages.success(request, _("A second person has been asked whether the case goes to legal."))
    return None


@deed("cases.ask_legal")
def case_ask_legal(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = form_for(page, "ask_legal", request.POST)
    if not form.is_valid():
        return refused_form(request, page, "ask_legal", form)
    try:
        asked = legal.ask_legal(
            case=page.row, question=form.cleaned_data["note"], person=request.user, at=page.at
        )
    except legal.LegalRefused as refused:
        return refused_form(request, page, "ask_legal", form, str(refused))
    messages.success(request, _("Legal has been asked, and answers by %(day)s.") % {"day": day(asked.due_on)})
    return None


@deed("cases.talk_case")
def case_note(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = NoteForm(request.POST, auto_id="note_%s")
    if not form.is_valid():
        return show(request, page, status=422, note=form)
    notes.add_note(case=page.row, body=form.cleaned_data["note"], author=request.user, at=page.at)
    return None


@deed("cases.talk_case")
def case_script(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    post, actor = request.POST, by(request)
    if "start" in post:
        scripts.start_script(
            case=page.row,
            user=request.user,
            at=page.at,
            key=post["start"].replace("\0", ""),
            call=page.open_call,
        )
        return None
    run = get_object_or_404(
        ScriptRun.objects.select_related("case__borrower", "version__script"),
        pk=sent_id(request, "run"),
        case=page.row,
        agent=request.user,
    )
    if "back" in post:
        scripts.step_back(run=run, by=actor, at=page.at)
        return None
    if post.get("answer") == FINISH:
        return redirect(f"{reverse('case', args=[page.row.pk])}?open=call")
    here = scripts.answer_step(
        run=run,
        step=post.get("step", ""),
        answer=post.get("answer", ""),
        by=actor,
        at=page.at,
        said="said" in post.getlist("said"),
    )
    if here.form in ("promise", "plan", "complaint", "hold"):
        return redirect(f"{reverse('case', args=[page.row.pk])}?open={here.form}")
    return None


@deed("cases.talk_case")
def case_leave(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    """Let the case go, for somebody else to take."""
    work.release(case=page.row, user=request.user, at=page.at)
    return redirect("queue")
