"""Which portfolios may be contacted at all: opened by the compliance officer once the import has been checked."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.portfolios import close_contact, open_contact
from accounts.http import StaffRequest
from accounts.models import Portfolio
from compliance.actions.gate import packs
from compliance.audit import Actor


@require_safe
@login_required
@permission_required("accounts.open_contact", raise_exception=True)
def portfolios(request: StaffRequest) -> HttpResponse:
    rows = list(
        Portfolio.objects.visible_to(request.user)
        .select_related("entity")
        .annotate(loan_count=Count("loans"))
    )
    for row in rows:
        # Opened or not, nobody is contacted where the law of the place is not known.
        row.unknown = packs().unknown(row.jurisdictions) if row.jurisdictions else [_("none named")]  # type: ignore[attr-defined]
    return render(request, "compliance/portfolios.html", {"portfolios": rows})


@require_POST
@login_required
@permission_required("accounts.open_contact", raise_exception=True)
def portfolio_contact(request: StaffRequest, code: str) -> HttpResponse:
    """Open a portfolio for contact, or close it at once."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), code=code)
    by, now = Actor.staff(request.user), timezone.now()
    words = {"portfolio": portfolio.code}
    if request.POST.get("contact") == "open":
        open_contact(portfolio=portfolio, by=by, at=now)
        messages.success(request, _("%(portfolio)s may be contacted from now on, within the law.") % words)
    else:
        close_contact(portfolio=portfolio, reason="closed_by_compliance", by=by, at=now)
        messages.success(request, _("Nobody of %(portfolio)s is contacted from now on.") % words)
    return redirect("portfolios")
