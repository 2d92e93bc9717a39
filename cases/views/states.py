"""Help that is drawn from what the code holds: the map of a case's life."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import Role
from accounts.roles import ROLES
from cases.machine import EDGES
from cases.models import CaseState
from cases.picture import draw

GUARDS: dict[str, str | Promise] = {
    "notice_sent": _("a first notice was really sent"),
    "spoke_or_replied": _("somebody spoke with the borrower, or the borrower replied, since the case opened"),
    "plan_accepted": _("a payment plan runs"),
    "plan_over": _("there was a plan, and it runs no more"),
    "arrears_paid": _("nothing is overdue any more, by the ledger"),
    "payment_reversed": _("a payment that had closed the case was taken back, and no newer case is open"),
    "legal_ready": _(
        "late enough, the evidence complete, the debt not too old, nothing bars it, and two people agreed, one of legal"
    ),
    "settlement_paid": _("a person decides; something was paid, and nothing is left to pay"),
    "decided": _("a person decides; never a machine"),
}


@require_safe
@login_required
def states(request: StaffRequest) -> HttpResponse:
    """The picture, and every edge with who may and what must be true."""
    labels = {state.value: str(state.label) for state in CaseState}
    edges = [
        {
            "source": labels[edge.source],
            "target": labels[edge.target],
            "who": [role.label for role in Role if edge.permission in ROLES[role]],
            "guard": GUARDS[edge.guard],
        }
        for edge in EDGES
    ]
    return render(request, "cases/states.html", {"picture": draw(labels), "edges": edges})
