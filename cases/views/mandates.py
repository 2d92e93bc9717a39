"""Debit mandates of a case: what the borrower allowed, what was announced, why it was drawn or not; and debits that
nobody knows the end of."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.mandates import MandateRefused, Scope, end_mandate, give_mandate
from accounts.actions.payments import PaymentRefused
from accounts.debiting import DebitRule
from accounts.http import StaffRequest
from accounts.models import (
    Debit,
    DebitDecision,
    DebitNotice,
    DebitOutcome,
    DebitSource,
    DebitState,
    Mandate,
    MandateEnd,
    Portfolio,
)
from cases.actions.debits import (
    DebitRefused,
    announce_debit,
    limits_of,
    settle_debit,
    withdraw_announcement,
)
from cases.forms import AmountField, DayField
from cases.models import Case
from cases.views.found import case_or_404
from compliance.audit import Actor

NO: dict[str, object] = {
    DebitRule.MANDATE: gettext_lazy("the mandate has ended"),
    DebitRule.DATES: gettext_lazy("not within the days of the mandate"),
    DebitRule.MOST: gettext_lazy("more than the mandate allows at once"),
    DebitRule.MONTH: gettext_lazy("more than the mandate allows in a month"),
    DebitRule.NOTICE: gettext_lazy("not announced by a message that left days before"),
    DebitRule.DUE: gettext_lazy("nothing of it is due"),
    DebitRule.FLOOR: gettext_lazy("the balance would fall below what is left untouched, or is not known"),
    DebitRule.HOLD: gettext_lazy("a hold stops collecting"),
    DebitRule.TRIES: gettext_lazy("too many failures in a row"),
    DebitRule.OPEN: gettext_lazy("another debit is under way or uncertain"),
    DebitRule.KNOWN: gettext_lazy("payments are not known well enough"),
    DebitRule.PORTFOLIO: gettext_lazy("the portfolio or the case is closed"),
}
"""Why a debit was not drawn, in words."""


class GiveForm(forms.Form):
    source = forms.ChoiceField(label=gettext_lazy("Drawn from"), choices=DebitSource.choices)
    instrument = forms.CharField(
        label=gettext_lazy("The provider's token"), max_length=64,
        help_text=gettext_lazy("Never the number of a card or account."),
    )  # fmt: skip
    proof = forms.CharField(
        label=gettext_lazy("Reference of the proof"), max_length=80,
        help_text=gettext_lazy("Where the borrower's own agreement is kept: a recording, a form, the provider's record."),
    )  # fmt: skip
    from_on = DayField(label=gettext_lazy("From"))
    to_on = DayField(label=pgettext_lazy("a period", "To"), required=False)

    def __init__(self, portfolio: Portfolio, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        words = {"currency": portfolio.currency}
        self.fields["most_per_debit"] = AmountField(
            portfolio.currency, label=_("At most at once, in %(currency)s") % words
        )
        self.fields["most_per_month"] = AmountField(
            portfolio.currency, label=_("At most in a month, in %(currency)s") % words
        )
        self.fields["floor"] = AmountField(
            portfolio.currency, required=False, label=_("Left untouched, in %(currency)s") % words
        )


class AnnounceForm(forms.Form):
    collect_on = DayField(label=gettext_lazy("On"))

    def __init__(self, portfolio: Portfolio, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(
            portfolio.currency, label=_("At most, in %(currency)s") % {"currency": portfolio.currency}
        )


@require_safe
@login_required
@permission_required("accounts.view_mandate", raise_exception=True)
def mandates(request: StaffRequest, case_id: UUID) -> HttpResponse:
    return _page(request, case_or_404(request, case_id))


def _page(request: StaffRequest, case: Case, *, status: int = 200, **forms_: forms.Form) -> HttpResponse:
    at = timezone.now()
    notices = DebitNotice.objects.select_related("told_by__message", "debit").order_by("-collect_on")
    found = list(
        Mandate.objects.filter(loan=case.loan_id)
        .prefetch_related(
            Prefetch("notices", notices),
            Prefetch("notices__decisions", DebitDecision.objects.order_by("-at")),
            Prefetch("notices__debit__outcomes", DebitOutcome.objects.order_by("pk")),
        )
        .order_by("-given_at")
    )  # fmt: skip
    for mandate in found:
        for notice in mandate.notices.all():
            notice.words = _words(notice)  # type: ignore[attr-defined]
    limits = limits_of(case.portfolio, at)
    alive = next((each for each in found if each.ended_at is None), None)
    context = {
        "case": case,
        "mandates": found,
        "alive": alive,
        "limits": limits,
        "give": forms_.get("give")
        or GiveForm(case.portfolio, initial={"from_on": case.portfolio.business_date(at)}),
        "announce": forms_.get("announce") or AnnounceForm(case.portfolio),
    }
    return render(request, "cases/mandates.html", context, status=status)


def _words(notice: DebitNotice) -> str:
    """What became of an announcement, in a line."""
    debit = getattr(notice, "debit", None)
    if debit is not None:
        outcome = max(
            debit.outcomes.all(), key=lambda each: (each.state != DebitState.UNCERTAIN, each.pk), default=None
        )
        return str(DebitState(outcome.state).label) if outcome else _("under way")
    if notice.withdrawn_at is not None:
        return _("withdrawn")
    decisions = notice.decisions.all()
    if decisions:
        return _("not drawn: %(why)s") % {"why": "; ".join(str(NO[each]) for each in decisions[0].against)}
    return str(notice.told_by.message.get_status_display())


@require_POST
@login_required
@permission_required("accounts.give_mandate", raise_exception=True)
def mandate_give(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case, at = case_or_404(request, case_id), timezone.now()
    form = GiveForm(case.portfolio, request.POST)
    if not form.is_valid():
        return _page(request, case, status=422, give=form)
    told = form.cleaned_data
    scope = Scope(
        most_per_debit=told["most_per_debit"], most_per_month=told["most_per_month"], floor=told["floor"],
        from_on=told["from_on"], to_on=told["to_on"],
    )  # fmt: skip
    try:
        give_mandate(
            loan=case.loan, source=told["source"], instrument=told["instrument"], proof=told["proof"], scope=scope,
            limits=limits_of(case.portfolio, at), by=Actor.staff(request.user), at=at, case=case.pk,
        )  # fmt: skip
    except MandateRefused as refused:
        form.add_error(None, str(refused))
        return _page(request, case, status=422, give=form)
    messages.success(request, _("The mandate is recorded. Each debit is announced before."))
    return redirect("mandates", case.pk)


@require_POST
@login_required
@permission_required("accounts.end_mandate", raise_exception=True)
def mandate_end(request: StaffRequest, case_id: UUID, mandate_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    mandate = get_object_or_404(Mandate, pk=mandate_id, loan=case.loan_id)
    by = Actor.staff(request.user)
    end_mandate(mandate=mandate, reason=MandateEnd.REVOKED, by=by, at=timezone.now(), case=case.pk)
    messages.success(request, _("Revoked. From now on nothing is drawn under it."))
    return redirect("mandates", case.pk)


@require_POST
@login_required
@permission_required("cases.announce_debit", raise_exception=True)
def debit_announce(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    mandate = get_object_or_404(Mandate, loan=case.loan_id, ended_at=None)
    form = AnnounceForm(case.portfolio, request.POST)
    if form.is_valid():
        try:
            announce_debit(
                case=case, mandate=mandate, amount=form.cleaned_data["amount"],
                collect_on=form.cleaned_data["collect_on"], by=Actor.staff(request.user), at=timezone.now(),
            )  # fmt: skip
        except DebitRefused as refused:
            form.add_error(None, str(refused))
    if not form.is_valid():
        return _page(request, case, status=422, announce=form)
    messages.success(
        request, _("The announcement goes out at the next lawful moment. Without it nothing is drawn.")
    )
    return redirect("mandates", case.pk)


@require_POST
@login_required
@permission_required("cases.announce_debit", raise_exception=True)
def debit_withdraw(request: StaffRequest, case_id: UUID, notice_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    notice = get_object_or_404(DebitNotice, pk=notice_id, mandate__loan=case.loan_id)
    withdraw_announcement(notice=notice, reason="by_hand", by=Actor.staff(request.user), at=timezone.now())
    return redirect("mandates", case.pk)


@require_safe
@login_required
@permission_required("cases.settle_debit", raise_exception=True)
def debits(request: StaffRequest) -> HttpResponse:
    """Debits of unknown outcome: a person looks into the provider's papers."""
    return render(request, "cases/debits.html", {"debits": _uncertain(request)[:200]})


def _uncertain(request: StaffRequest):
    portfolios = Portfolio.objects.visible_to(request.user)
    found = Debit.objects.unanswered().filter(
        loan__portfolio__in=portfolios, outcomes__state=DebitState.UNCERTAIN
    )
    return found.select_related("loan__portfolio", "borrower", "notice__told_by").order_by("at")


@require_POST
@login_required
@permission_required("cases.settle_debit", raise_exception=True)
def debit_settle(request: StaffRequest, debit_id: UUID) -> HttpResponse:
    debit = get_object_or_404(_uncertain(request), pk=debit_id)
    paid, reference = (
        request.POST.get("answer") == "paid",
        request.POST.get("reference", "").replace("\0", "").strip()[:120],
    )
    try:
        settle_debit(
            debit=debit, paid=paid, reference=reference, by=Actor.staff(request.user), at=timezone.now()
        )
    except (DebitRefused, PaymentRefused) as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("Booked as paid.") if paid else _("Noted: nothing was drawn."))
    return redirect("debits")
