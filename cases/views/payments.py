"""Payments that wait for their loan: a visible list, and matching by hand."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.payments import PaymentRefused
from accounts.http import StaffRequest, sent_id
from accounts.models import Loan, Payment, PaymentCandidate
from cases.actions.payments import match_payment
from compliance.audit import Actor

PAGE = 25
WHY = {
    "loan_id": gettext_lazy("the loan id is nearly the same"),
    "payer": gettext_lazy("the payer is this borrower"),
    "arrears": gettext_lazy("exactly what is overdue"),
    "instalment": gettext_lazy("exactly one instalment"),
}


@require_safe
@login_required
@permission_required("accounts.match_payment", raise_exception=True)
def payments_unmatched(request: StaffRequest) -> HttpResponse:
    candidates = PaymentCandidate.objects.select_related("loan__borrower").order_by("pk")
    waiting = (
        Payment.objects.visible_to(request.user)
        .unmatched()
        .select_related("portfolio")
        .prefetch_related(Prefetch("candidates", candidates))
        .order_by("received_at", "pk")
    )
    page = Paginator(waiting, PAGE).get_page(request.GET.get("page"))
    for payment in page:
        for candidate in payment.candidates.all():
            candidate.words = WHY.get(candidate.why, candidate.why)  # type: ignore[attr-defined]
    return render(request, "cases/payments_unmatched.html", {"page": page})


@require_POST
@login_required
@permission_required("accounts.match_payment", raise_exception=True)
def payment_match(request: StaffRequest, payment_id: UUID) -> HttpResponse:
    """To the loan chosen from the list, or named by its id."""
    payment = get_object_or_404(
        Payment.objects.visible_to(request.user).unmatched().select_related("portfolio"), pk=payment_id
    )
    loans = Loan.objects.visible_to(request.user).filter(portfolio=payment.portfolio)
    named = request.POST.get("external_id", "").replace("\0", "").strip()
    chosen = {"pk": sent_id(request, "loan")} if request.POST.get("loan") else {"external_id": named}
    loan = loans.filter(**chosen).first()
    if loan is None:
        messages.warning(request, _("There is no such loan in this portfolio. The payment still waits."))
        return redirect("payments_unmatched")
    try:
        match_payment(payment=payment, loan=loan, by=Actor.staff(request.user), at=timezone.now())
    except PaymentRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("The payment has found its loan."))
    return redirect("payments_unmatched")
