"""Collection agencies: the public list; for supervisors and compliance officers how each one works, what it has and what it
has earned; placing, recalling, barring and the yearly evaluation."""

import csv
from collections import defaultdict
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
    lift_stop,
    place_cases,
    reasons_against,
    recall,
    stop_of,
    stopped_portfolios,
)
from cases.agency_figures import by_month
from cases.agency_quality import Quality, quality
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
    house_writes = forms.BooleanField(label=gettext_lazy("Our own reminders go on"), required=False)
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


class PeriodForm(forms.Form):
    """Days to look at; without any the last year."""

    first = _day(gettext_lazy("From"), required=False)
    last = _day(gettext_lazy("To"), required=False)

    def days(self, today: date) -> tuple[date, date]:
        """What was asked for, the earlier day first."""
        given = self.cleaned_data if self.is_valid() else {}
        last = given.get("last") or today
        first = given.get("first") or last - A_YEAR
        return min(first, last), max(first, last)


@require_safe
@login_required
@permission_required("cases.view_placement", raise_exception=True)
def agency_board(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    form = PeriodForm(request.GET)
    first, last = form.days(now.date())
    seen = {each.pk: each for each in Portfolio.objects.visible_to(request.user)}
    by_agency: dict[int, list[Quality]] = defaultdict(list)
    for row in quality(portfolios=list(seen), first=first, last=last):
        by_agency[row.agency].append(row)
    lines = []
    for each in Agency.objects.all():
        stopped = stopped_portfolios(each, [row.portfolio for row in by_agency[each.pk]])
        parts = [
            {"portfolio": seen[row.portfolio], "figures": row, "complaints_stop": stopped.get(row.portfolio)}
            for row in sorted(by_agency[each.pk], key=lambda row: seen[row.portfolio].code)
        ]
        lines.append({"agency": each, "stop": _stop(each, now), "parts": parts})
    shown = PeriodForm(initial={"first": first, "last": last})
    return render(
        request, "cases/agency_board.html", {"lines": lines, "period": shown, "first": first, "last": last}
    )


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
        "stops": _stops(request, row),
        "lifts": row.lifts.filter(portfolio__in=_portfolios(request)).select_related(
            "portfolio", "lifted_by"
        ),
        "may_lift": user.has_perm("accounts.bar_agency"),
    }
    return render(request, "cases/agency.html", context | forms_bound, status=status)


def _stops(request: StaffRequest, row: Agency) -> list[dict[str, Any]]:
    """The portfolios of which it gets no more cases until somebody lifts it."""
    seen = {each.pk: each for each in Portfolio.objects.visible_to(request.user)}
    stopped = stopped_portfolios(row, list(seen))
    return [{"portfolio": seen[pk], "complaints": number} for pk, number in sorted(stopped.items())]


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
                house_writes=form.cleaned_data["house_writes"], by=Actor.staff(request.user), at=now,
            )  # fmt: skip
        except PlacementRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(count)s cases placed.") % {"count": batch.placements.count()})
            return redirect("agency", row.ref)
    page = Paginator(possible, PAGE).get_page(request.GET.get("page"))
    stopped = stopped_portfolios(row, sorted({case.portfolio_id for case in page}))
    against = dict.fromkeys((case.pk for case in page if case.portfolio_id in stopped), "stopped")
    against |= reasons_against(list(page), at=now)
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
         "currency", "repaid", "percent", "commission", "corrects"]
    )  # fmt: skip
    for line in lines:
        rows.writerow(
            [line.booked_on, line.value_date, _plain(line.reference), _plain(line.loan), line.portfolio, line.placed_on,
             line.ended_on or "", line.currency, decimal_text(line.repaid, line.currency), line.percent,
             decimal_text(line.commission, line.currency), line.earned_on if line.corrects else ""]
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
@permission_required("accounts.bar_agency", raise_exception=True)
def agency_lift_stop(request: StaffRequest, agency_ref: UUID) -> HttpResponse:
    """New placements that complaints had stopped may go on in one portfolio."""
    row = get_object_or_404(Agency, ref=agency_ref)
    portfolio = get_object_or_404(
        Portfolio.objects.visible_to(request.user), ref=_uuid(request.POST.get("portfolio", ""))
    )
    try:
        lift_stop(
            agency=row,
            portfolio=portfolio,
            words=request.POST.get("words", ""),
            person=request.user,
            at=timezone.now(),
        )
    except PlacementRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("It may have cases of this portfolio again."))
    return redirect("agency", row.ref)


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
