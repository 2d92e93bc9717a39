"""Providers' settlement files beside our books: the reports, their differences, and what people do about them."""

import csv
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.payments import PaymentRefused
from accounts.actions.provider_files import SAID_BY_PEOPLE, ProviderLineRefused, answer_line, figures_of
from accounts.actions.tapes import plain_cell
from accounts.http import StaffRequest
from accounts.models import Compared, Explained, ImportKind, ImportRun, ImportState, ProviderLine
from accounts.money import decimal_text
from cases.actions.provider_files import book_line, take_back_line
from compliance.audit import Actor

PAGE = 50
COLUMNS = (
    "result", "rows", "reference", "takes_back", "amount", "day", "our_amount", "our_day", "currency", "answer",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One result of a comparison: how many, and what each side says they sum to, in minor units."""

    result: Compared
    count: int
    theirs: int
    ours: int


@require_safe
@login_required
@permission_required("accounts.view_provider_file", raise_exception=True)
def provider_files(request: StaffRequest) -> HttpResponse:
    open_differences = Count(
        "provider_lines",
        filter=~Q(provider_lines__result=Compared.EQUAL) & Q(provider_lines__answer__isnull=True),
    )
    runs = _runs(request).annotate(waiting=open_differences).order_by("-created_at")
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    return render(request, "cases/provider_files.html", {"page": page})


@require_safe
@login_required
@permission_required("accounts.view_provider_file", raise_exception=True)
def provider_file(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """One file: what both sides sum to by result, and the differences, all of them or of one kind."""
    run = get_object_or_404(_runs(request), pk=run_id)
    if request.GET.get("as") == "csv":
        return _csv(run)
    figures = [
        Figure(Compared(result), count, theirs, ours) for result, count, theirs, ours in figures_of(run.pk)
    ]
    figures.sort(key=lambda figure: list(Compared).index(figure.result))
    shown = request.GET.get("result", "")
    lines = run.provider_lines.differences().select_related("answer")
    if shown in Compared.values:
        lines = run.provider_lines.filter(result=shown).select_related("answer")
    page = Paginator(lines.order_by("result", "reference", "id"), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "cases/provider_file.html",
        {
            "run": run,
            "figures": figures,
            "shown": shown if shown in Compared.values else "",
            "page": page,
            "answers": [(what.value, what.label) for what in SAID_BY_PEOPLE],
            "may_answer": request.user.has_perm("accounts.answer_provider_line"),
        },
    )


@require_POST
@login_required
@permission_required("accounts.answer_provider_line", raise_exception=True)
def provider_line(request: StaffRequest, line_id: UUID) -> HttpResponse:
    """Book the line, take its payment back, or say what the difference comes from."""
    runs = _runs(request)
    line = get_object_or_404(
        ProviderLine.objects.select_related("run__portfolio").filter(run__in=runs), pk=line_id
    )
    by, at, what = Actor.staff(request.user), timezone.now(), request.POST.get("what", "")
    try:
        if what == Explained.BOOKED:
            book_line(line=line, by=by, at=at)
        elif what == Explained.TAKEN_BACK:
            take_back_line(line=line, by=by, at=at)
        elif what in SAID_BY_PEOPLE:
            answer_line(line=line, what=what, by=by, at=at)
        else:
            messages.warning(request, _("Please choose what the difference comes from."))
            return redirect(_back(request, line))
    except (ProviderLineRefused, PaymentRefused) as refused:
        messages.warning(request, _("%(why)s Nothing was changed.") % {"why": refused})
    else:
        messages.success(request, _("Answered: %(what)s.") % {"what": Explained(what).label})
    return redirect(_back(request, line))


def _back(request: StaffRequest, line: ProviderLine) -> str:
    """The page of the file, with the kind of difference that was looked at."""
    shown = request.POST.get("shown", "")
    query = f"?result={shown}" if shown in Compared.values else ""
    return reverse("provider_file", args=[line.run_id]) + query


def _runs(request: StaffRequest) -> QuerySet[ImportRun]:
    runs = ImportRun.objects.visible_to(request.user).filter(kind=ImportKind.PROVIDER, state=ImportState.DONE)
    return runs.select_related("portfolio", "started_by").defer("file_sealed", "rejected_sealed")


def _csv(run: ImportRun) -> HttpResponse:
    """Every line, the equal ones too, as text that no spreadsheet calculates."""
    currency, text = run.portfolio.currency, StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    lines = run.provider_lines.select_related("answer").order_by("result", "reference", "id")
    for line in lines.iterator(chunk_size=2000):
        writer.writerow(plain_cell(str(cell)) for cell in _cells(line, currency))
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="settlement-{run.pk}.csv"'
    return response


def _cells(line: ProviderLine, currency: str) -> list[Any]:
    answer = getattr(line, "answer", None)
    theirs, ours = (
        "" if amount is None else decimal_text(amount, currency) for amount in (line.amount, line.our_amount)
    )
    return [
        line.result, " ".join(map(str, line.rows)), line.reference, "yes" if line.takes_back else "no", theirs,
        line.day or "", ours, line.our_day or "", currency, answer.what if answer else "",
    ]  # fmt: skip
