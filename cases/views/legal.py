"""Legal's first page: cases at law, and cases old enough to be looked at by legal."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.standing import standing_at
from cases.models import Case, CaseState
from compliance.models import Hold

PAGE = 50


@require_safe
@login_required
@permission_required("cases.see_legal", raise_exception=True)
def legal_cases(request: StaffRequest) -> HttpResponse:
    """`?show=candidates` lists open cases past their portfolio's days for legal steps; otherwise those already at law."""
    now = timezone.now()
    today = now.date()
    show = "candidates" if request.GET.get("show") == "candidates" else "legal"
    cases = Case.objects.visible_to(request.user)
    at_law, old_enough = cases.filter(state=CaseState.LEGAL), _old_enough(cases)
    page = Paginator(_listed(old_enough if show == "candidates" else at_law, today), PAGE).get_page(
        request.GET.get("page")
    )
    standing = standing_at([case.loan_id for case in page], now)
    for case in page:
        case.standing = standing[case.loan_id]
    context = {"page": page, "show": show, "at_law": at_law.count(), "candidates": old_enough.count()}
    return render(request, "cases/legal_cases.html", context)


def _old_enough(cases):
    """A case opens on its loan's first overdue day, so its age is a lower bound of the loan's days past due."""
    return (
        cases.open()
        .exclude(state=CaseState.LEGAL)
        .filter(opened_on__lte=Now() - F("portfolio__legal_after_days") * timedelta(days=1))
    )


def _listed(cases, today):
    held = Hold.objects.active(today).filter(borrower=OuterRef("borrower"))
    return (
        cases.select_related("borrower", "loan", "portfolio", "assignee")
        .annotate(held=Exists(held))
        .order_by("opened_on", "pk")
    )
