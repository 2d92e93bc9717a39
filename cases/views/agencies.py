"""Collection agencies: the public list; for supervisors and compliance officers how each one works, what it has and what it
has earned; placing, recalling, barring and the yearly evaluation."""

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import agencies as deeds
from accounts.http import StaffRequest
from accounts.models import Agency, AgencyBar, BarReason, Portfolio
from accounts.money import decimal_text
from cases import commission
from cases.actions.placements import (
    WHY_NOT,
    PlacementRefused,
    evaluate_agency,
    place_cases,
    reasons_against,
    recall,
    stop_of,
)
from cases.agency_figures import by_month
from cases.models import Case, CaseState, EvaluationDecision, Placement
from compliance.audit import Actor

PAGE = 100
A_YEAR = timedelta(days=365)


def _text(label: Any, most: int) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, widget=forms.Textarea(attrs={"rows": 3}))


def _day(label: Any, *, required: bool = True) -> forms.DateField:
    return forms.DateField(label=label, required=required, widget=forms.DateInput(attrs={"type": "date"}))


class PlaceForm(forms.Form):
    return_on = _day(gettext_lazy("They come back after"))
    commission_percent = forms.DecimalField(
        label=gettext_lazy("Commission, percent of what is repaid"), max_digits=5, decimal_places=2, min_value=Decimal(0),
        max_value=Decimal(100),
    )  # fmt: skip
    cases: forms.ModelMultipleChoiceField = forms.ModelMultipleChoiceField(
        queryset=None, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, cases, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.fields["cases"].queryset = cases  # type: ignore[attr-defined]


class BarForm(forms.Form):
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=BarReason)
    ends_on = _day(gettext_lazy("Until; empty: until it is lifted"), required=False)
    words = _text(gettext_lazy("Why, in your own words"), 2000)


class EvaluationForm(forms.Form):
    year = forms.IntegerField(label=gettext_lazy("Year"), min_value=2000, max_value=2100)
    decision = forms.ChoiceField(label=gettext_lazy("Decision"), choices=EvaluationDecision)
    words = _text(gettext_lazy("How the agency works, in your own words"), 4000)


@require_safe
def agencies(request: HttpRequest) -> HttpResponse:
    """For everybody: who may collect for us."""
    listed = Agency.objects.listed(timezone.now().date())
    return render(request, "cases/agencies.html", {"agencies": listed})


@require_safe
@login_required
@permission_required("cases.view_placement", raise_exception=True)
def agency_board(request: StaffRequest) -> HttpResponse:
    now, portfolios = timezone.now(), _portfolios(request)
    lines = []
    for row in Agency.objects.all():
        months = by_month(row, portfolios=portfolios, first=now.date() - A_YEAR, last=now.date())
        lines.append(
            {
                "agency": row,
                "stop": _stop(row, now),
                "live": Placement.objects.live().visible_to(request.user).filter(agency=row).count(),
                "complaints": sum(month.counts["complaints"] for month in months),
                "upheld": sum(month.counts["upheld"] for month in months),
                "refused": sum(month.counts["refused"] + month.counts["presumed"] for month in months),
                "amounts": _together(months),
            }
        )
    return render(request, "cases/agency_board.html", {"lines": lines})


def _together(months) -> list[tuple[int, str]]:
    currencies = sorted({currency for month in months for currency in month.recovered})
    return [(sum(month.recovered.get(each, 0) for month in months), each) for each in currencies]


def _stop(agency: Agency, now: datetime) -> str:
    stop = stop_of(agency, at=now, on=now.date())
    return str(WHY_NOT[stop]) if stop else ""


def _portfolios(request: StaffRequest) -> list[int]:
    return list(Portfolio.objects.visible_to(request.user).values_list("pk", flat=True))


@require_safe
@login_required
@permission_required("cases.view_placement", raise_exception=True)
def agency(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    return _show(request, get_object_or_404(Agency, ref=agency_ref))


def _show(
    request: StaffRequest, row: Agency, *, status: int = 200, **forms_bound: forms.Form
) -> HttpResponse:
    now, user = timezone.now(), request.user
    live = (
        Placement.objects.live().visible_to(user).filter(agency=row)
        .select_related("case__borrower", "case__portfolio").order_by("return_on", "pk")
    )  # fmt: skip
    context = {
        "agency": row,
        "stop": _stop(row, now),
        "months": by_month(row, portfolios=_portfolios(request), first=now.date() - A_YEAR, last=now.date()),
        "page": Paginator(live, PAGE).get_page(request.GET.get("page")),
        "bars": row.bars.select_related("set_by", "lifted_by"),
        "evaluations": row.evaluations.select_related("person"),
        "bar_form": BarForm() if user.has_perm("accounts.bar_agency") else None,
        "evaluation_form": EvaluationForm(initial={"year": now.year})
        if user.has_perm("cases.evaluate_agency")
        else None,
        "may_place": user.has_perm("cases.place_case"),
    }
    return render(request, "cases/agency.html", context | forms_bound, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("cases.place_case", raise_exception=True)
def agency_place(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    row, now = get_object_or_404(Agency, ref=agency_ref), timezone.now()
    possible = (
        Case.objects.visible_to(request.user).open().exclude(state=CaseState.LEGAL)
        .exclude(pk__in=Placement.objects.live().values("case")).select_related("portfolio", "borrower")
        .order_by("opened_on", "pk")
    )  # fmt: skip
    initial = {"return_on": now.date() + timedelta(days=90), "commission_percent": row.commission_percent}
    form = PlaceForm(possible, request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            batch = place_cases(
                cases=[case.pk for case in form.cleaned_data["cases"]], agency=row,
                return_on=form.cleaned_data["return_on"], commission_percent=form.cleaned_data["commission_percent"],
                by=Actor.staff(request.user), at=now,
            )  # fmt: skip
        except PlacementRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(count)s cases placed.") % {"count": batch.placements.count()})
            return redirect("agency", row.ref)
    page = Paginator(possible, PAGE).get_page(request.GET.get("page"))
    against = reasons_against(list(page), at=now)
    rows = [
        {"case": case, "why": str(WHY_NOT[against[case.pk]]) if case.pk in against else ""} for case in page
    ]
    context = {"agency": row, "form": form, "rows": rows, "page": page, "stop": _stop(row, now)}
    return render(request, "cases/agency_place.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
@permission_required("cases.place_case", raise_exception=True)
def agency_recall(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    row = get_object_or_404(Agency, ref=agency_ref)
    live = Placement.objects.live().visible_to(request.user).filter(agency=row)
    wanted = [each for text in request.POST.getlist("case") if (each := _uuid(text))]
    cases = list(live.filter(case__in=wanted).values_list("case", flat=True))
    count = recall(cases=cases, by=Actor.staff(request.user), at=timezone.now())
    messages.success(request, _("%(count)s cases recalled.") % {"count": count})
    return redirect("agency", row.ref)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_safe
@login_required
@permission_required("cases.view_placement", raise_exception=True)
def agency_commission(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    """The statement of a month, `?month=2026-03`; as a file with `&as=csv`."""
    row, now = get_object_or_404(Agency, ref=agency_ref), timezone.now()
    first = _month(request.GET.get("month", ""), now.date())
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    lines = commission.lines_of(row, portfolios=_portfolios(request), first=first, last=last)
    if request.GET.get("as") == "csv":
        return _csv(row, first, lines)
    context = {
        "agency": row, "first": first, "last": last, "lines": lines, "totals": commission.totals(lines),
        "earlier": (first - timedelta(days=1)).strftime("%Y-%m"), "later": (last + timedelta(days=1)).strftime("%Y-%m"),
        "month": first.strftime("%Y-%m"),
    }  # fmt: skip
    return render(request, "cases/agency_commission.html", context)


def _month(text: str, today: date) -> date:
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return found if 2000 <= found.year <= 2100 else today.replace(day=1)


def _csv(agency: Agency, first: date, lines: list[commission.Line]) -> HttpResponse:
    buffer = StringIO()
    rows = csv.writer(buffer)
    rows.writerow(
        ["booked_on", "value_date", "reference", "loan", "portfolio", "placed_on", "ended_on",
         "currency", "repaid", "percent", "commission"]
    )  # fmt: skip
    for line in lines:
        rows.writerow(
            [line.booked_on, line.value_date, _plain(line.reference), _plain(line.loan), line.portfolio, line.placed_on,
             line.ended_on or "", line.currency, decimal_text(line.repaid, line.currency), line.percent,
             decimal_text(line.commission, line.currency)]
        )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="commission-{agency.pk}-{first:%Y-%m}.csv"'}
    return HttpResponse(buffer.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _plain(text: str) -> str:
    """What begins like a formula is text all the same."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@require_POST
@login_required
@permission_required("accounts.bar_agency", raise_exception=True)
def agency_bar(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    row, now, form = get_object_or_404(Agency, ref=agency_ref), timezone.now(), BarForm(request.POST)
    if form.is_valid():
        try:
            deeds.bar_agency(agency=row, from_on=now.date(), person=request.user, at=now, **form.cleaned_data)
        except ValidationError as refused:
            form.add_error(None, refused)
        else:
            return redirect("agency", row.ref)
    return _show(request, row, status=422, bar_form=form)


@require_POST
@login_required
@permission_required("accounts.bar_agency", raise_exception=True)
def agency_lift(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    sent = request.POST.get("bar", "")
    bar = get_object_or_404(
        AgencyBar, agency__ref=agency_ref, pk=int(sent) if sent.isdecimal() and len(sent) < 19 else 0
    )
    deeds.lift_bar(bar=bar, person=request.user, at=timezone.now())
    return redirect("agency", agency_ref)


@require_POST
@login_required
@permission_required("cases.evaluate_agency", raise_exception=True)
def agency_evaluate(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    row, form = get_object_or_404(Agency, ref=agency_ref), EvaluationForm(request.POST)
    if form.is_valid():
        try:
            evaluate_agency(agency=row, person=request.user, at=timezone.now(), **form.cleaned_data)
        except PlacementRefused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("agency", row.ref)
    return _show(request, row, status=422, evaluation_form=form)
