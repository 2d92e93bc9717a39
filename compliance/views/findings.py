"""Findings: contacts that others made and the law did not permit. Masks and codes; the officer explains or closes each."""

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import StaffRequest
from compliance.actions.findings import MOST_WORDS, FindingRefused, answer_finding, read_note
from compliance.actions.gate import packs
from compliance.audit import Actor
from compliance.models import Finding, FindingState
from compliance.rules import Outcome
from compliance.rules.shapes import Words
from compliance.sentences import cited, sentence

PAGE = 50
FORBIDS = frozenset({Outcome.PROHIBITED.value, Outcome.PRESUMED_VIOLATION.value})


@dataclass(frozen=True)
class Why:
    """One rule that forbade the contact: a plain sentence, and where it stands."""

    text: str
    citation: Words | None


class FindingForm(forms.Form):
    state = forms.ChoiceField(label=gettext_lazy("The finding is now"), widget=forms.RadioSelect)
    note = forms.CharField(
        label=gettext_lazy("What you found out"),
        max_length=MOST_WORDS,
        help_text=gettext_lazy("It is kept sealed, beside what was written before."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, finding: Finding, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        left = [FindingState.EXPLAINED, FindingState.CLOSED]
        if finding.state == FindingState.EXPLAINED:
            left = [FindingState.CLOSED]
        self.fields["state"].choices = [(each.value, each.label) for each in left]  # type: ignore[attr-defined]


@require_safe
@login_required
@permission_required("compliance.view_finding", raise_exception=True)
def findings(request: StaffRequest) -> HttpResponse:
    """`?show=explained` or `closed` lists those; otherwise the open ones, the newest first."""
    show = request.GET.get("show", "")
    show = show if show in FindingState.values else FindingState.OPEN.value
    visible = Finding.objects.visible_to(request.user)
    listed = visible.filter(state=show).select_related("borrower", "attempt", "portfolio", "person")
    page = Paginator(listed.defer("facts", "note_sealed"), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": [(finding, why(finding)[:1]) for finding in page],
        "show": show,
        "open": visible.filter(state=FindingState.OPEN).count(),
        "states": FindingState.choices,
    }
    return render(request, "compliance/findings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("compliance.view_finding", raise_exception=True)
def finding(request: StaffRequest, finding_id: UUID) -> HttpResponse:
    """One finding with every rule that forbade the contact; posted: the officer's answer."""
    row = get_object_or_404(
        Finding.objects.visible_to(request.user).select_related(
            "borrower__key", "attempt__contact_point", "portfolio", "person"
        ),
        pk=finding_id,
    )
    may_answer = request.user.has_perm("compliance.answer_finding")
    form = FindingForm(row, request.POST or None)
    if request.method == "POST":
        if not may_answer:
            raise PermissionDenied
        if form.is_valid() and _answered(request, row, form):
            return redirect("findings")
    context = {
        "finding": row,
        "why": why(row),
        "note": read_note(row),
        "form": form if may_answer and row.state != FindingState.CLOSED else None,
    }
    return render(request, "compliance/finding.html", context, status=422 if form.errors else 200)


def _answered(request: StaffRequest, row: Finding, form: FindingForm) -> bool:
    try:
        answer_finding(
            finding=row,
            state=form.cleaned_data["state"],
            note=form.cleaned_data["note"],
            by=Actor.staff(request.user),
            at=timezone.now(),
        )
    except FindingRefused as refused:
        form.add_error(None, str(refused))
        return False
    messages.success(request, _("The finding is answered."))
    return True


def why(row: Finding) -> list[Why]:
    """The rules that forbade the contact, the strictest first, in the reader's language."""
    forbidding = [result for result in row.results if result["outcome"] in FORBIDS]
    forbidding.sort(key=lambda result: result["outcome"] != Outcome.PROHIBITED.value)
    return [Why(_sentence(result), _citation(result["rule"])) for result in forbidding]


def _sentence(result: dict) -> str:
    counts = {"limit": result.get("limit"), "days": result.get("days"), "counted": result.get("counted")}
    return sentence(result["reason"], {**result.get("params", {}), **counts})


def _citation(rule_id: str) -> Words | None:
    rule = packs().rule(rule_id)
    return cited(rule.citation) if rule else None
