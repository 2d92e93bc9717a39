"""Finding a borrower by an exact number, address or id. What was searched for is never kept, only that it was."""

from django import forms
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.actions.borrowers import Search, find
from accounts.http import StaffRequest
from accounts.standing import standing_at
from cases.models import Case
from compliance.audit import Actor


class SearchForm(forms.Form):
    kind = forms.ChoiceField(
        label=pgettext_lazy("what is searched for", "By"),
        choices=[
            (Search.PHONE, _("phone number")),
            (Search.EMAIL, _("e-mail address")),
            (Search.CUSTOMER, _("customer id")),
            (Search.LOAN, _("loan id")),
        ],
    )
    text = forms.CharField(
        label=_("Exactly"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("accounts.view_borrower", raise_exception=True)
def search(request: StaffRequest) -> HttpResponse:
    """By POST, so that no number stands in an address or a log. One case found: straight to it."""
    form = SearchForm(request.POST or None)
    context: dict = {"form": form, "searched": False}
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        borrowers = find(
            kind=form.cleaned_data["kind"],
            text=form.cleaned_data["text"],
            by=Actor.staff(request.user),
            at=now,
        )
        cases = list(
            Case.objects.visible_to(request.user)
            .filter(borrower__in=borrowers)
            .select_related("borrower", "portfolio")
            .order_by("closed_at", "-opened_on")[:50]
        )
        if len(cases) == 1:
            return redirect("case", cases[0].pk)
        standings = standing_at([case.loan_id for case in cases], now)
        for case in cases:
            case.standing = standings[case.loan_id]
        context |= {"searched": True, "cases": cases, "without_case": len(borrowers) if not cases else 0}
    return render(request, "cases/search.html", context, status=422 if form.errors else 200)
