"""Reporting to credit bureaus: what is to be furnished, what waits for its notice, disputes by due date, one loan's
record."""

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from accounts.models import Portfolio
from cases.actions import bureau as actions
from cases.actions import credit_disputes, furnishing
from cases.actions.bureau import BureauRefused
from cases.actions.furnishing import Candidate
from cases.forms import note_field
from cases.models import BureauFile, BureauNotice, Case, CreditDispute, DisputeAbout, Furnished
from cases.views.found import case_or_404
from cases.words import day
from compliance.audit import Actor
from compliance.models import Channel

SHOWS = ("furnish", "waiting", "disputes", "files")
MOST = 200
WHY = {
    "": gettext_lazy("ready"),
    "no_notice": gettext_lazy("not told yet"),
    "waiting": gettext_lazy("told; its days are running"),
    "hold": gettext_lazy("protected by a hold"),
    "disputed": gettext_lazy("disputed; left out"),
}


class DisputeForm(forms.Form):
    about = forms.ChoiceField(label=gettext_lazy("What is disputed?"), choices=DisputeAbout.choices)
    channel = forms.ChoiceField(label=gettext_lazy("How it came"), choices=Channel.choices)
    words = note_field(label=gettext_lazy("In the borrower's own words"), required=True)


@dataclass(frozen=True)
class Book:
    """One portfolio on the page."""

    portfolio: Portfolio
    bureau: str
    ready: list[Candidate]
    waiting: list[Candidate]
    made: BureauFile | None


@require_safe
@login_required
@permission_required("cases.view_furnished", raise_exception=True)
def bureau(request: StaffRequest) -> HttpResponse:
    at, show = timezone.now(), request.GET.get("show", "furnish")
    show = show if show in SHOWS else "furnish"
    portfolios = list(Portfolio.objects.visible_to(request.user).select_related("entity").order_by("code"))
    disputes = CreditDispute.objects.visible_to(request.user)
    context = {
        "show": show,
        "books": [_book(each, at) for each in portfolios] if show in ("furnish", "waiting") else [],
        "disputes": _disputes(disputes, at) if show == "disputes" else [],
        "open_disputes": disputes.open().count(),
        "files": BureauFile.objects.filter(portfolio__in=portfolios)
        .select_related("portfolio")
        .order_by("-made_at")[:MOST]
        if show == "files"
        else [],
        "why": WHY,
        "furnishes": request.user.has_perm("cases.furnish"),
        "answers": request.user.has_perm("cases.answer_credit_dispute"),
    }
    return render(request, "cases/bureau.html", context)


def _book(portfolio: Portfolio, at) -> Book:
    today = portfolio.business_date(at)
    to = actions.reporting_to(portfolio, today)
    found = furnishing.candidates(portfolio, at) if to else []
    for each in found:
        each.loan.why = WHY[each.why]  # type: ignore[attr-defined]
    month = today.replace(day=1)
    return Book(
        portfolio, to, [each for each in found if not each.why][:MOST], [each for each in found if each.why][:MOST],
        BureauFile.objects.filter(portfolio=portfolio, month=month, kind="month").first(),
    )  # fmt: skip


def _disputes(disputes, at) -> list[CreditDispute]:
    rows = list(
        disputes.open()
        .select_related("case__borrower__key", "loan__portfolio")
        .order_by("due_on", "pk")[:MOST]
    )
    for each in rows:
        each.late = each.is_overdue(at)
    return rows


def _answer(request: StaffRequest, act, said: str) -> None:
    """Do it, and say that it was done, or why not."""
    try:
        act()
    except BureauRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, said)


def _portfolio(request: StaffRequest, code: str) -> Portfolio:
    return get_object_or_404(Portfolio.objects.visible_to(request.user), code=code)


@require_POST
@login_required
@permission_required("cases.furnish", raise_exception=True)
def bureau_reporting(request: StaffRequest, code: str) -> HttpResponse:
    portfolio, at = _portfolio(request, code), timezone.now()
    named = request.POST.get("bureau", "").replace("\0", "")[:30]
    _answer(
        request,
        lambda: actions.set_reporting(
            portfolio=portfolio,
            bureau=named,
            from_on=portfolio.business_date(at),
            by=Actor.staff(request.user),
            at=at,
        ),
        _("From today on this holds."),
    )
    return redirect("bureau")


@require_POST
@login_required
@permission_required("cases.furnish", raise_exception=True)
def bureau_notices(request: StaffRequest, code: str) -> HttpResponse:
    """Tell everybody of a portfolio who is late and was not told yet."""
    portfolio, at = _portfolio(request, code), timezone.now()
    untold = [each.loan.pk for each in furnishing.candidates(portfolio, at) if each.why == "no_notice"]
    told, others = 0, 0
    for case in Case.objects.visible_to(request.user).open().filter(loan__in=untold).order_by("pk"):
        try:
            actions.plan_bureau_notice(case=case, by=Actor.staff(request.user), at=at)
            told += 1
        except BureauRefused:
            others += 1
    messages.success(
        request,
        ngettext("One notice is planned.", "%(number)s notices are planned.", told) % {"number": told},
    )
    if others:
        messages.warning(
            request,
            ngettext(
                "One borrower has no address for it.", "%(number)s borrowers have no address for it.", others
            )
            % {"number": others},
        )
    return redirect("bureau")


@require_POST
@login_required
@permission_required("cases.furnish", raise_exception=True)
def bureau_furnish(request: StaffRequest, code: str) -> HttpResponse:
    portfolio = _portfolio(request, code)
    _answer(
        request,
        lambda: furnishing.furnish(portfolio=portfolio, by=Actor.staff(request.user), at=timezone.now()),
        _("The file is made; it stands under Files."),
    )
    return redirect("bureau")


@require_POST
@login_required
@permission_required("cases.furnish", raise_exception=True)
def bureau_file(request: StaffRequest, file_id: UUID) -> HttpResponse:
    """The file for the bureau; that it was taken out is in the log."""
    portfolios = Portfolio.objects.visible_to(request.user)
    file = get_object_or_404(
        BureauFile.objects.select_related("portfolio"), pk=file_id, portfolio__in=portfolios
    )
    text = furnishing.download(file=file, by=Actor.staff(request.user), at=timezone.now())
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"{file.portfolio.code}-{file.month:%Y-%m}-{file.kind}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@login_required
@permission_required("cases.furnish", raise_exception=True)
def bureau_line(request: StaffRequest, line_id: UUID) -> HttpResponse:
    """Correct one line from the ledger, or take it back."""
    line = get_object_or_404(Furnished.objects.visible_to(request.user), pk=line_id)
    back = request.POST.get("what") == "withdraw"
    act = furnishing.withdraw if back else furnishing.correct
    _answer(
        request,
        lambda: act(line=line, by=Actor.staff(request.user), at=timezone.now()),
        _("Taken back; the file stands under Files.")
        if back
        else _("Corrected; the file stands under Files."),
    )
    case = (
        Case.objects.visible_to(request.user).filter(loan=line.loan_id).order_by("-opened_on", "-pk").first()
    )
    return redirect("credit_record", case.pk) if case else redirect("bureau")


# One loan's record


@require_safe
@login_required
@permission_required("cases.log_credit_dispute", raise_exception=True)
def credit_record(request: StaffRequest, case_id: UUID) -> HttpResponse:
    """The page of a case's credit record, or the small section that its case page asks for."""
    return _record(request, case_or_404(request, case_id))


def _record(
    request: StaffRequest, case: Case, form: DisputeForm | None = None, status: int = 200
) -> HttpResponse:
    at = timezone.now()
    disputes = list(CreditDispute.objects.filter(loan=case.loan_id).order_by("-pk"))
    lines = list(Furnished.objects.filter(loan=case.loan_id).select_related("file").order_by("-pk"))
    notices = BureauNotice.objects.filter(loan=case.loan_id).select_related("message").order_by("-pk")
    context = {
        "case": case,
        "bureau": actions.reporting_to(case.portfolio, case.portfolio.business_date(at)),
        "notice": notices.first(),
        "lines": lines,
        "newest": lines[0] if lines and lines[0].kind != "withdrawal" else None,
        "disputes": disputes,
        "open_dispute": next((each for each in disputes if each.state == "open"), None),
        "form": form or DisputeForm(initial={"channel": "call"}),
        "due_on": actions.dispute_clock(case.portfolio, at).due_on,
        "furnishes": request.user.has_perm("cases.furnish"),
    }
    small = request.method == "GET" and request.htmx.target == "credit-record"
    return render(
        request, "cases/_credit_record.html" if small else "cases/credit_record.html", context, status=status
    )


@require_POST
@login_required
@permission_required("cases.log_credit_dispute", raise_exception=True)
def credit_dispute(request: StaffRequest, case_id: UUID) -> HttpResponse:
    case = case_or_404(request, case_id)
    form = DisputeForm(request.POST)
    if form.is_valid():
        try:
            found = credit_disputes.log_dispute(
                case=case, about=form.cleaned_data["about"], channel=form.cleaned_data["channel"],
                words=form.cleaned_data["words"], by=Actor.staff(request.user), at=timezone.now(),
            )  # fmt: skip
        except BureauRefused as refused:
            form.add_error(None, str(refused))
    if not form.is_valid():
        return _record(request, case, form, status=422)
    messages.success(
        request, _("Taken down; it is answered by %(day)s at the latest.") % {"day": day(found.due_on)}
    )
    return redirect("credit_record", case.pk)


@require_POST
@login_required
@permission_required("cases.answer_credit_dispute", raise_exception=True)
def credit_dispute_answer(request: StaffRequest, dispute_id: UUID) -> HttpResponse:
    dispute = get_object_or_404(CreditDispute.objects.visible_to(request.user), pk=dispute_id)
    right = request.POST.get("answer") == "right"
    _answer(
        request,
        lambda: credit_disputes.answer_dispute(
            dispute=dispute, right=right, answer=request.POST.get("words", ""), by=Actor.staff(request.user),
            at=timezone.now(),
        ),
        _("Answered; what the bureau holds was set right.") if right else _("Answered; the record stays as it is."),
    )  # fmt: skip
    return redirect("credit_record", dispute.case_id)
