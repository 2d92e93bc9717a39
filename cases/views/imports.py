"""Tapes, payment files and histories in the browser: upload, preview, confirm, watch, download what was rejected."""

from collections import Counter
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import tapes
from accounts.http import StaffRequest
from accounts.models import HISTORIES, ImportKind, ImportRun, ImportState, Portfolio
from accounts.resources import TapeResource
from accounts.tapes.codes import TapeError
from accounts.tapes.mapping import load_mapping, mapping_names
from cases.tasks import perform_import
from compliance.audit import Actor

LARGEST_FILE = 20 * 1024 * 1024
SHOWN_ROWS = 200


def _kinds(user) -> list[ImportKind]:
    return [kind for kind in ImportKind if user.has_perm(kind.permission)]


def _checked(request: StaffRequest) -> list[ImportKind]:
    """The kinds this person may import; nobody comes further without one."""
    kinds = _kinds(request.user)
    if not kinds:
        raise PermissionDenied
    return kinds


gettext_noop("Standard tape")  # the title of our own mapping; lenders' are called as they call them


class FileForm(forms.Form):
    """A file, the portfolio it is for, and how its columns are called."""

    portfolio = forms.ModelChoiceField(Portfolio.objects.none(), label=gettext_lazy("Portfolio"))
    mapping = forms.ChoiceField(
        label=gettext_lazy("Columns are named as in"),
        help_text=gettext_lazy("“standard” is documented with all its columns; others are the lenders' own."),
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV (UTF-8) or XLSX, up to 20 MB. For more, use the command line."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.gz,.xlsx"}),
    )

    def __init__(self, kind: str, user, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["portfolio"].queryset = Portfolio.objects.visible_to(user)  # type: ignore[attr-defined]
        section = ImportKind(kind).section
        names = [name for name in mapping_names() if getattr(load_mapping(name), section) is not None]
        self.fields["mapping"].choices = [(name, _(load_mapping(name).title)) for name in names]  # type: ignore[attr-defined]

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(
                _("The file is larger than 20 MB. Please import it on the command line.")
            )
        return file


@require_safe
@login_required
def imports(request: StaffRequest) -> HttpResponse:
    kinds = _checked(request)
    runs = (
        ImportRun.objects.visible_to(request.user)
        .filter(kind__in=kinds)
        .select_related("portfolio", "started_by")
        .defer("file_sealed", "rejected_sealed")
    )
    page = Paginator(runs, 25).get_page(request.GET.get("page"))
    return render(
        request,
        "cases/imports.html",
        {"page": page, "kinds": kinds, "histories": [kind for kind in HISTORIES if kind in kinds]},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def import_new(request: StaffRequest, kind: str) -> HttpResponse:
    """Choose a file; a file that is no such tape is refused here, and nothing of it is kept."""
    kinds = _checked(request)
    if kind not in ImportKind.values:
        raise Http404
    if kind not in kinds:
        raise PermissionDenied
    form = FileForm(kind, request.user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        run = _keep(request, kind, form)
        if run is not None:
            return redirect("import_run", run.pk)
    status = 422 if form.errors else 200
    return render(
        request,
        "cases/import_new.html",
        {"form": form, "kind": ImportKind(kind), "history": kind in HISTORIES},
        status=status,
    )


def _keep(request: StaffRequest, kind: str, form: FileForm) -> ImportRun | None:
    file = form.cleaned_data["file"]
    by, now = Actor.staff(request.user), timezone.now()
    try:
        with transaction.atomic():
            run = tapes.keep_file(
                kind=kind,
                portfolio=form.cleaned_data["portfolio"],
                mapping=form.cleaned_data["mapping"],
                name=file.name,
                content=file.read(),
                by=by,
                at=now,
            )
            result = _preview(run)
            tapes.note_preview(
                run=run, rows=result.total_rows, rejected=len(result.invalid_rows), by=by, at=now
            )
            return run
    except TapeError as error:
        form.add_error("file", _("%(why)s Nothing was stored.") % {"why": tapes.whole_file_sentence(error)})
        return None


def _preview(run: ImportRun):
    tape, cleaning = tapes.tape_of(run)
    resource = TapeResource(run, tape, cleaning)
    result = resource.import_data(resource.dataset(), dry_run=True)
    if result.base_errors:
        raise result.base_errors[0].error
    return result


def _run(request: StaffRequest, run_id: UUID) -> ImportRun:
    kinds = _checked(request)
    return get_object_or_404(
        ImportRun.objects.visible_to(request.user).filter(kind__in=kinds).select_related("portfolio"),
        pk=run_id,
    )


@require_safe
@login_required
def import_run(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """Before confirmation: what would happen, with every row's errors. After it: progress, then the result."""
    run = _run(request, run_id)
    context: dict[str, Any] = {"run": run}
    if run.state == ImportState.PREVIEWED and run.file_sealed is not None:
        result = _preview(run)
        context |= {
            "totals": result.totals,
            "invalid_rows": result.invalid_rows[:SHOWN_ROWS],
            "hidden_rows": max(0, len(result.invalid_rows) - SHOWN_ROWS),
            "changes": dict(Counter(part for row in result.rows for part in row.diff or ())),
        }
    elif run.state == ImportState.DONE:
        reasons = run.summary.get("reasons", {})
        context["reasons"] = [(tapes.general_sentence(code), count) for code, count in reasons.items()]
    template = "cases/_import_run.html" if request.htmx else "cases/import_run.html"
    return render(request, template, context)


@require_POST
@login_required
def import_confirm(request: StaffRequest, run_id: UUID) -> HttpResponse:
    run = _run(request, run_id)
    with transaction.atomic():
        if tapes.confirm(run=run, by=Actor.staff(request.user), at=timezone.now()):
            perform_import.delay(str(run.pk))
        else:
            messages.info(request, _("This file has been confirmed before, or it is not kept any more."))
    return redirect("import_run", run.pk)


@require_safe
@login_required
def import_rejected(request: StaffRequest, run_id: UUID) -> HttpResponse:
    """The rejected rows as they were, each with its reasons, as CSV."""
    run = _run(request, run_id)
    if run.rejected_sealed is None or run.wrapped_key is None:
        raise Http404
    content = tapes.open_rejected(run=run, by=Actor.staff(request.user), at=timezone.now())
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="rejected-{run.pk}.csv"'
    return response
