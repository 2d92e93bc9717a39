"""Legal's first page: cases at law, cases old enough to be looked at by legal, and what staff ask."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Exists, F, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio, Terms, User
from accounts.standing import standing_at, standing_sql
from cases.models import Case, CaseState, LegalQuestion, LegalStep
from compliance.models import Hold

PAGE = 50


@require_safe
@login_required
@permission_required("cases.see_legal", raise_exception=True)
def legal_cases(request: StaffRequest) -> HttpResponse:
    """`?show=candidates` lists open cases past their portfolio's days for legal steps, `?show=questions` what staff ask;
    otherwise those already at law."""
    now = timezone.now()
    show = request.GET.get("show", "")
    show = show if show in ("candidates", "questions") else "legal"
    cases = Case.objects.visible_to(request.user)
    at_law = cases.filter(state=CaseState.LEGAL)
    old_enough = cases.filter(pk__in=_old_enough(request.user, now))
    asked = LegalQuestion.objects.visible_to(request.user).open()
    counts = {"at_law": at_law.count(), "candidates": old_enough.count(), "asked": asked.count()}
    if show == "questions":
        return _questions(request, asked, now, {"show": show, **counts})
    page = Paginator(_listed(old_enough if show == "candidates" else at_law, now.date()), PAGE).get_page(
        request.GET.get("page")
    )
    standing = standing_at([case.loan_id for case in page], now)
    last = _last_steps(page) if show == "legal" else {}
    for case in page:
        case.standing, case.last_step = standing[case.loan_id], last.get(case.pk)
        case.today = case.portfolio.business_date(now)
    return render(request, "cases/legal_cases.html", {"page": page, "show": show, **counts})


def _questions(request: StaffRequest, asked: Any, now: datetime, context: dict[str, Any]) -> HttpResponse:
    """What waits for an answer, the oldest clock first."""
    questions = asked.select_related("case__borrower", "case__portfolio", "asked_by")
    page = Paginator(questions.order_by("due_on", "asked_at", "pk"), PAGE).get_page(request.GET.get("page"))
    for question in page:
        question.late = question.overdue(question.case.portfolio.business_date(now))
    return render(request, "cases/legal_questions.html", {"page": page, **context})


def _last_steps(cases: Iterable[Case]) -> dict[UUID, LegalStep]:
    """The last step that stands of each case, in its present stay at law."""
    steps = LegalStep.objects.standing().filter(
        case__in=[case.pk for case in cases], stay__seq=F("case__state_seq")
    )
    return {step.case_id: step for step in steps.order_by("id")}


TODAY = "(%(at)s AT TIME ZONE portfolio.zone)::date"
LEGAL_AFTER = f"""COALESCE((
    SELECT t.legal_after_days FROM accounts_terms t WHERE t.portfolio_id = {{portfolio}} AND t.from_on <= {{on}}
    ORDER BY t.from_on DESC, t.id DESC LIMIT 1
), {Terms._meta.get_field("legal_after_days").default})"""
# Only loans with an instalment that old can be that late; of those the ledger is read.
PERHAPS = f"""
    portfolio.id = ANY(%(portfolios)s)
    AND EXISTS (
        SELECT FROM cases_case c WHERE c.loan_id = loan.id AND c.closed_at IS NULL AND c.state <> 'legal'
    )
    AND EXISTS (
        SELECT FROM accounts_instalment i
        WHERE i.loan_id = loan.id AND i.due_on <= {TODAY} - {LEGAL_AFTER.format(portfolio="portfolio.id", on=TODAY)}
    )
"""
OLD_ENOUGH = f"""
SELECT c.id FROM ({standing_sql(PERHAPS, on=TODAY)}) AS s
JOIN cases_case c ON c.loan_id = s.loan_id AND c.closed_at IS NULL
JOIN accounts_portfolio f ON f.id = s.portfolio_id
WHERE s.days_past_due >= {LEGAL_AFTER.format(portfolio="f.id", on="(%(at)s AT TIME ZONE f.zone)::date")}
"""


def _old_enough(user: User, at: datetime) -> list[UUID]:
    """Open cases not at law whose loans are late by as many days as their portfolio asks for."""
    portfolios = list(Portfolio.objects.visible_to(user).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(OLD_ENOUGH, {"portfolios": portfolios, "at": at})
        return [case for (case,) in cursor.fetchall()]


def _listed(cases, today):
    held = Hold.objects.active(today).filter(borrower=OuterRef("borrower"))
    return (
        cases.select_related("borrower", "loan", "portfolio", "assignee")
        .annotate(held=Exists(held))
        .order_by("opened_on", "pk")
    )
