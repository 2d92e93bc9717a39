"""Legal's first page: cases at law, and cases old enough to be looked at by legal."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio, Terms, User
from accounts.standing import standing_at, standing_sql
from cases.models import Case, CaseState
from compliance.models import Hold

PAGE = 50


@require_safe
@login_required
@permission_required("cases.see_legal", raise_exception=True)
def legal_cases(request: StaffRequest) -> HttpResponse:
    """`?show=candidates` lists open cases past their portfolio's days for legal steps; otherwise those already at law."""
    now = timezone.now()
    show = "candidates" if request.GET.get("show") == "candidates" else "legal"
    cases = Case.objects.visible_to(request.user)
    at_law = cases.filter(state=CaseState.LEGAL)
    old_enough = cases.filter(pk__in=_old_enough(request.user, now))
    page = Paginator(_listed(old_enough if show == "candidates" else at_law, now.date()), PAGE).get_page(
        request.GET.get("page")
    )
    standing = standing_at([case.loan_id for case in page], now)
    for case in page:
        case.standing = standing[case.loan_id]
    context = {"page": page, "show": show, "at_law": at_law.count(), "candidates": old_enough.count()}
    return render(request, "cases/legal_cases.html", context)


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
