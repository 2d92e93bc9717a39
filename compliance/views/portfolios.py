"""Which portfolios may be contacted at all: opened by the compliance officer once the import has been reconciled."""

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions.portfolios import NotReconciled, close_contact, open_contact
from accounts.actions.reconciliation import (
    NOTE_LENGTH,
    Figures,
    ReconciliationRefused,
    figures_of,
    is_reconciled,
    sign_reconciliation,
)
from accounts.http import StaffRequest
from accounts.models import ChargeCap, ImportKind, Portfolio
from accounts.money import decimal_text
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
    caps = {cap.portfolio_id: cap for cap in ChargeCap.objects.in_force(timezone.now().date())}
    for row in rows:
        row.caps = _caps_in_words(row, caps.get(row.pk))  # type: ignore[attr-defined]
        # Opened or not, nobody is contacted where the law of the place is not known.
        row.unknown = packs().unknown(row.jurisdictions) if row.jurisdictions else [_("none named")]  # type: ignore[attr-defined]
        row.reconciled = row.contact_open or is_reconciled(row)  # type: ignore[attr-defined]
    return render(request, "compliance/portfolios.html", {"portfolios": rows})


def _caps_in_words(portfolio: Portfolio, cap: ChargeCap | None) -> list[tuple[str, str]]:
    """What being late may cost by law at most, each with the rule that says so."""
    if cap is None:
        return []
    fee = f"{decimal_text(cap.fee or 0, portfolio.currency)} {portfolio.currency}"
    said = {
        "year_percent": _("%(percent)s %% a year") % {"percent": _number(cap.year_percent)},
        "charges_percent": _("%(percent)s %% of the principal in all")
        % {"percent": _number(cap.charges_percent)},
        "fee": _("a fee of %(amount)s") % {"amount": fee},
        "fee_percent": _("a fee of %(percent)s %% of the instalment") % {"percent": _number(cap.fee_percent)},
        "after_days": _("nothing in the first %(days)s days") % {"days": cap.after_days},
    }
    return [(words, cap.rules[name]) for name, words in said.items() if name in cap.rules]


def _number(value: Decimal | None) -> str:
    return f"{value or Decimal(0):.4f}".rstrip("0").rstrip(".")


@require_POST
@login_required
@permission_required("accounts.open_contact", raise_exception=True)
def portfolio_contact(request: StaffRequest, code: str) -> HttpResponse:
    """Open a portfolio for contact, or close it at once."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), code=code)
    by, now = Actor.staff(request.user), timezone.now()
    words = {"portfolio": portfolio.code}
    if request.POST.get("contact") == "open":
        try:
            open_contact(portfolio=portfolio, by=by, at=now)
        except NotReconciled as refused:
            messages.warning(request, str(refused))
            return redirect("portfolio_reconciliation", portfolio.code)
        messages.success(request, _("%(portfolio)s may be contacted from now on, within the law.") % words)
    else:
        close_contact(portfolio=portfolio, reason="closed_by_compliance", by=by, at=now)
        messages.success(request, _("Nobody of %(portfolio)s is contacted from now on.") % words)
    return redirect("portfolios")


class ReconciliationForm(forms.Form):
    """The signer's words: which kinds there was nothing of, and a note. `shown` are the figures they have seen."""

    shown = forms.CharField(widget=forms.HiddenInput)
    nothing = forms.MultipleChoiceField(
        label=gettext_lazy("There was nothing to import of"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=NOTE_LENGTH,
        help_text=gettext_lazy(
            "What became of rows that were refused. No names or numbers of people, please."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    open = forms.BooleanField(label=gettext_lazy("Open it for contact at once"), required=False)

    def __init__(self, figures: Figures, may_open: bool, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"shown": figures.digest})
        choices = [(kind, str(ImportKind(kind).label)) for kind in figures.empty]
        self.fields["nothing"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["nothing"]
        if not may_open:
            del self.fields["open"]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("accounts.sign_reconciliation", raise_exception=True)
def portfolio_reconciliation(request: StaffRequest, code: str) -> HttpResponse:
    """What was imported, beside what the lender sent: signed here, and opened for contact with it if so wished."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), code=code)
    figures = figures_of(portfolio)
    may_open = not portfolio.contact_open and request.user.has_perm("accounts.open_contact")
    form = ReconciliationForm(figures, may_open, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _sign(request, portfolio, form)
            return redirect("portfolios")
        except ReconciliationRefused as refused:
            # The figures may be others by now; they are shown as they are, to be signed anew.
            figures = figures_of(portfolio)
            posted = request.POST.copy()
            posted["shown"] = figures.digest
            form = ReconciliationForm(figures, may_open, posted)
            form.add_error(None, str(refused))
    context = {
        "portfolio": portfolio,
        "figures": figures,
        "kinds": [(ImportKind(each.kind).label, each) for each in figures.kinds],
        "signed": portfolio.reconciliations.order_by("-pk").first(),
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "compliance/reconciliation.html", context, status=status)


@transaction.atomic
def _sign(request: StaffRequest, portfolio: Portfolio, form: ReconciliationForm) -> None:
    by, now = Actor.staff(request.user), timezone.now()
    data = form.cleaned_data
    sign_reconciliation(
        portfolio=portfolio,
        shown=data["shown"],
        nothing=data.get("nothing", []),
        note=data["note"],
        by=by,
        at=now,
    )
    words = {"portfolio": portfolio.code}
    messages.success(request, _("The reconciliation of %(portfolio)s is signed.") % words)
    if data.get("open"):
        open_contact(portfolio=portfolio, by=by, at=now)
        messages.success(request, _("%(portfolio)s may be contacted from now on, within the law.") % words)
