"""The payments of a case's loan, taken back where they went back; and what was paid beyond the debt, moved or paid out."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.ledger import TAKES_BACK, LedgerRefused
from accounts.actions.payments import PaymentRefused
from accounts.http import StaffRequest
from accounts.models import EntryKind, Loan, Payment
from accounts.standing import standing_of
from cases.actions import payments
from cases.actions.credit import move_credit, refund_credit
from cases.forms import AmountField, DayField
from cases.models import Case
from cases.views.found import case_or_404
from compliance.audit import Actor


@dataclass(frozen=True)
class Received:
    """A payment, and what of it went back: as if it had never come (`never`), or from a day on. Minor units."""

    payment: Payment
    back: int
    back_on: date | None
    never: bool


def amount_field(case: Case) -> AmountField:
    currency = case.portfolio.currency
    return AmountField(currency, label=_("Amount in %(currency)s") % {"currency": currency})


class BackForm(forms.Form):
    """How much of a payment went back, and from when on."""

    day = DayField(label=gettext_lazy("Since"))

    def __init__(self, case: Case, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = amount_field(case)


class LoanField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Loan) -> str:
        return obj.external_id


class CreditForm(forms.Form):
    """What becomes of what was paid beyond the debt. Without a loan it was paid out."""

    to = LoanField(
        Loan.objects.none(), required=False, label=gettext_lazy("To the loan"),
        empty_label=gettext_lazy("paid out to the borrower"),
    )  # fmt: skip
    reference = forms.CharField(label=gettext_lazy("Reference"), max_length=100)

    def __init__(self, case: Case, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        loans = Loan.objects.filter(borrower=case.borrower_id, portfolio=case.portfolio).exclude(
            pk=case.loan_id
        )
        self.fields["to"].queryset = loans.order_by("external_id")  # type: ignore[attr-defined]
        self.fields["amount"] = amount_field(case)


@require_safe
@login_required
@permission_required("accounts.match_payment", raise_exception=True)
def case_received(request: StaffRequest, case_id: UUID) -> HttpResponse:
    return _page(request, case_or_404(request, case_id))


def _page(request: StaffRequest, case: Case, *, status: int = 200, credit: CreditForm | None = None):
    on = case.portfolio.business_date(timezone.now())
    standing = standing_of([case.loan_id], on)[case.loan_id]
    context = {
        "case": case,
        "received": _received(case),
        "credit": standing.credit,
        "today": on.isoformat(),
        "form": credit or CreditForm(case, initial={"amount": None}),
    }
    return render(request, "cases/received.html", context, status=status)


def _received(case: Case) -> list[Received]:
    """The newest first."""
    entries = case.loan.entries.filter(kind__in=TAKES_BACK)
    back = {entry.reference: entry for entry in entries}
    found = []
    for payment in case.loan.payments.order_by("-value_date", "-pk"):
        entry = back.get(payment.reference)
        found.append(
            Received(
                payment=payment,
                back=entry.amount if entry else 0,
                back_on=entry.value_date if entry else None,
                never=bool(entry and entry.kind == EntryKind.REVERSAL),
            )
        )
    return found


@require_POST
@login_required
@permission_required("accounts.match_payment", raise_exception=True)
def case_received_back(request: StaffRequest, case_id: UUID, payment_id: UUID) -> HttpResponse:
    """The payment never really came (`how` is `never`), or the provider took an amount of it back on a day."""
    case = case_or_404(request, case_id)
    payment = get_object_or_404(Payment, pk=payment_id, loan=case.loan_id)
    by, at = Actor.staff(request.user), timezone.now()
    form = BackForm(case, request.POST)
    never = request.POST.get("how") == "never"
    if not never and not form.is_valid():
        messages.warning(
            request, _("Please give the amount that went back, and the day. Nothing was changed.")
        )
        return redirect("case_received", case.pk)
    try:
        if never:
            payments.reverse_payment(payment=payment, reason="bounced", by=by, at=at)
        else:
            payments.charge_back(
                payment=payment, amount=form.cleaned_data["amount"], value_date=form.cleaned_data["day"],
                by=by, at=at,
            )  # fmt: skip
    except PaymentRefused as refused:
        messages.warning(request, _("%(why)s Nothing was changed.") % {"why": refused})
    else:
        messages.success(request, _("Taken back. What it had paid, kept or cured was looked at again."))
    return redirect("case_received", case.pk)


@require_POST
@login_required
@permission_required("accounts.match_payment", raise_exception=True)
def case_credit(request: StaffRequest, case_id: UUID) -> HttpResponse:
    """Move credit to another loan of the borrower, or note that it was paid out."""
    case = case_or_404(request, case_id)
    form = CreditForm(case, request.POST)
    if form.is_valid():
        to, amount, reference = (form.cleaned_data[name] for name in ("to", "amount", "reference"))
        by, at = Actor.staff(request.user), timezone.now()
        try:
            if to:
                move_credit(case=case, to=to, amount=amount, reference=reference, by=by, at=at)
            else:
                refund_credit(case=case, amount=amount, reference=reference, by=by, at=at)
        except LedgerRefused as refused:
            form.add_error(None, str(refused))
    if not form.is_valid():
        return _page(request, case, status=422, credit=form)
    messages.success(request, _("Moved.") if form.cleaned_data["to"] else _("Noted: paid out."))
    return redirect("case_received", case.pk)
