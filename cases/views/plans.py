"""What the borrower was shown before agreeing to a plan, as it was stored then, and the plans before it."""

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from cases.desk.deals import way_label
from cases.models import Case, Plan


@dataclass(frozen=True)
class Shown:
    """One way to pay as it stood there, every instalment of it, minor units."""

    label: str
    agreed: bool
    instalments: list[tuple[date, int]]
    total: int


@require_safe
@login_required
@permission_required("cases.view_case", raise_exception=True)
def case_plan_shown(request: StaffRequest, case_id: UUID, plan_id: UUID) -> HttpResponse:
    if request.user.agency_id:
        raise PermissionDenied  # who collects for others has no part in plans
    case = get_object_or_404(
        Case.objects.visible_to(request.user).select_related("borrower", "portfolio"), pk=case_id
    )
    plan = get_object_or_404(Plan.objects.select_related("replaces", "replaced_by"), pk=plan_id, case=case)
    whole = bool(plan.shown) and sha256(plan.shown.encode()).hexdigest() == plan.digest
    told = json.loads(plan.shown) if whole else {}
    ways = [_way(_("agreed"), told["agreed"], agreed=True)] if told else []
    ways += [_way(way_label(each.get("code", "")), each) for each in told.get("alternatives", [])]
    context = {
        "case": case,
        "plan": plan,
        "whole": whole,
        "currency": told.get("currency", case.portfolio.currency),
        "outstanding": told.get("outstanding"),
        "ways": ways,
        "earlier": _earlier(plan),
        "later": getattr(plan, "replaced_by", None),
    }
    return render(request, "cases/plan_shown.html", context)


def _way(label: str, told: dict, agreed: bool = False) -> Shown:
    parts = [(date.fromisoformat(due_on), amount) for due_on, amount in told["instalments"]]
    return Shown(label, agreed, parts, sum(amount for _due_on, amount in parts))


def _earlier(plan: Plan) -> list[Plan]:
    """Those that gave way, the newest first."""
    before = []
    found = plan.replaces
    while found is not None:
        before.append(found)
        found = found.replaces
    return before
