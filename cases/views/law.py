"""The legal side of one case: evidence, how long it may be sued for, steps, questions. And what is done there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from accounts.models import Document
from cases.actions import legal
from cases.desk.page import CasePage
from cases.evidence import evidence
from cases.legal_forms import AnswerForm, LimitationForm, StepForm
from cases.models import ApprovalKind, Case, LegalQuestion, LegalStep, Limitation
from cases.views.desk import page_of


@dataclass(frozen=True)
class StepLine:
    """One step in words; `last`: the one that may be taken back."""

    step: LegalStep
    reference: str
    note: str
    withdrawn: str
    last: bool


@dataclass(frozen=True)
class QuestionLine:
    row: LegalQuestion
    question: str
    answer: str
    overdue: bool


def question_line(row: LegalQuestion, page: CasePage) -> QuestionLine:
    row.case = page.row
    return QuestionLine(row, *legal.open_question(row), overdue=row.overdue(page.on))


def law_context(page: CasePage, **more: Any) -> dict[str, Any]:
    case, user = page.row, page.request.user
    oversees = user.has_perm("cases.propose_legal")
    questions = case.legal_questions.select_related("asked_by", "answered_by").order_by("-asked_at")
    readable = hasattr(case.borrower, "key")  # words of who was erased are gone
    return {
        "case": case,
        "zone": page.zone,
        "on": page.on,
        "standing": page.standing,
        "oversees": oversees,
        "evidence": evidence(case, page.on) if oversees and case.is_open else [],
        "waiting": case.approvals.waiting(page.at).filter(kind=ApprovalKind.LEGAL).exists(),
        "questions": [question_line(row, page) for row in questions] if readable else [],
        **(_at_law(page, readable) if oversees else {}),
        **more,
    }


def _at_law(page: CasePage, readable: bool) -> dict[str, Any]:
    """Steps, what stops the next one, and the forms of who takes them."""
    case = page.row
    known = Limitation.objects.filter(loan=case.loan_id).select_related("recorded_by").order_by("-id").first()
    if known is not None:
        known.case = case
    stay = legal.stay_of(case)
    standing = legal.taken_in(stay) if stay else []
    possible = legal.possible_steps(case, standing, page.on) if stay else []
    stopped = legal.stopped_now(case, standing, page.on) if stay else []
    takes = page.request.user.has_perm("cases.move_to_legal")
    form = None
    if takes and possible and not stopped:
        papers = _papers(page, possible)
        form = StepForm(case.portfolio, possible, papers, initial={"taken_on": page.on})
    return {
        "limitation": known,
        "known_by": legal.open_limitation(known) if known and readable else "",
        "at_law": stay is not None,
        "steps": _step_lines(case, standing, readable),
        "stopped": legal.sentence_of(stopped),
        "takes": takes,
        "step_form": form,
        "limitation_form": LimitationForm() if takes and case.is_open else None,
    }


def _papers(page: CasePage, kinds: Sequence[str]) -> QuerySet[Document]:
    """What a step may name, of what this person sees."""
    seen = Document.objects.visible_to(page.request.user).of_loan(page.row.loan)
    return legal.papers_of(page.row, kinds).filter(pk__in=seen.values("pk"))


def _step_lines(case: Case, standing: list[LegalStep], readable: bool) -> list[StepLine]:
    steps = case.legal_steps.select_related("taken_by", "withdrawal", "document").exclude(kind="withdrawal")
    steps = steps.defer("document__content_sealed")
    lines = []
    for step in steps.order_by("id"):
        step.case = case
        back = getattr(step, "withdrawal", None)
        if back is not None:
            back.case = case
        lines.append(
            StepLine(
                step,
                reference=legal.open_words(step, "reference") if readable else "",
                note=legal.open_words(step, "note") if readable else "",
                withdrawn=legal.open_words(back, "note") if back and readable else "",
                last=bool(standing) and standing[-1].pk == step.pk,
            )
        )
    return lines


@require_safe
@login_required
@permission_required("accounts.view_loan", raise_exception=True)
def case_law(request: StaffRequest, case_id: UUID) -> HttpResponse:
    """Alone, or as the part of the case page that asks for it."""
    page = page_of(request, case_id)
    part = request.htmx.target == "law"
    return render(request, "cases/_law_part.html" if part else "cases/legal_case.html", law_context(page))


def law_deed(permission: str) -> Callable:
    """A POST on the legal page of a case; what an action refuses is said there, and nothing is stored."""

    def decorate(view: Callable) -> Callable:
        @require_POST
        @login_required
        @permission_required(permission, raise_exception=True)
        def law_view(request: StaffRequest, case_id: UUID, **more: Any) -> HttpResponse:
            page = page_of(request, case_id)
            try:
                return view(request, page, **more) or redirect("case_law", case_id)
            except legal.LegalRefused as refused:
                messages.warning(request, str(refused))
                return redirect("case_law", case_id)

        return law_view

    return decorate


def _again(request: StaffRequest, page: CasePage, **forms: Any) -> HttpResponse:
    return render(request, "cases/legal_case.html", law_context(page, **forms), status=422)


@law_deed("cases.move_to_legal")
def case_limitation(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    form = LimitationForm(request.POST)
    if form.is_valid():
        try:
            legal.set_limitation(case=page.row, person=request.user, at=page.at, **form.cleaned_data)
        except legal.LegalRefused as refused:
            form.add_error(refused.code, str(refused))
        else:
            messages.success(request, _("Kept. What was said before stays on record."))
            return None
    return _again(request, page, limitation_form=form)


@law_deed("cases.move_to_legal")
def case_step(request: StaffRequest, page: CasePage) -> HttpResponse | None:
    stay = legal.stay_of(page.row)
    kinds = legal.possible_steps(page.row, legal.taken_in(stay), page.on) if stay else []
    form = StepForm(page.row.portfolio, kinds, _papers(page, kinds), request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            legal.take_step(
                case=page.row,
                kind=data["kind"],
                taken_on=data["taken_on"],
                next_on=data["next_on"],
                lawyer=form.signed_by(),
                document=data["document"],
                cost=data["cost"] or 0,
                reference=data["reference"],
                note=data["note"],
                person=request.user,
                at=page.at,
            )
        except legal.LegalRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The step is recorded."))
            return None
    return _again(request, page, step_form=form)


@law_deed("cases.move_to_legal")
def case_step_back(request: StaffRequest, page: CasePage, step_id: UUID) -> None:
    step = get_object_or_404(LegalStep, pk=step_id, case=page.row)
    legal.withdraw_step(step=step, note=request.POST.get("note", ""), person=request.user, at=page.at)
    messages.success(request, _("The step is taken back. What it cost stays until somebody forgives it."))


@require_POST
@login_required
@permission_required("cases.answer_legal", raise_exception=True)
def question_answer(request: StaffRequest, question_id: UUID) -> HttpResponse:
    questions = LegalQuestion.objects.visible_to(request.user).select_related("case__portfolio")
    question = get_object_or_404(questions, pk=question_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        messages.warning(request, _("Please write the answer."))
        return redirect("case_law", question.case_id)
    try:
        legal.answer_legal(
            question=question, answer=form.cleaned_data["answer"], person=request.user, at=timezone.now()
        )
    except legal.LegalRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("Answered. The answer stands on the case."))
    return redirect("case_law", question.case_id)
