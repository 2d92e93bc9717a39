"""Contacts that are presumed to be violations and wait for a second person, and what became of today's."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import StaffRequest
from compliance.actions.gate import packs
from compliance.actions.overrides import OverrideRefused, answer_override, open_note
from compliance.models import Override
from compliance.models.override import ANSWER_WITHIN
from compliance.pack_words import said
from compliance.rules.shapes import Words
from compliance.sentences import cited, override_reason

SHOWN = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """One request in words. `mine`: the reader's own, which somebody else answers. `waits`: it may be answered now."""

    override: Override
    rules: list[tuple[Words, Words]]  # what the rule says, and where it stands
    reasons: list[str]
    note: str
    mine: bool
    waits: bool
    minutes_left: int
    used: bool


@require_safe
@login_required
@permission_required("compliance.view_override", raise_exception=True)
def overrides(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    found = (
        Override.objects.visible_to(request.user)
        .filter(requested_at__gt=now - SHOWN)
        .select_related(
            "borrower__key", "portfolio", "contact_point", "requested_by", "answered_by", "used_by"
        )
        .order_by("-requested_at", "-pk")[:200]
    )
    lines = [_line(request, each, now) for each in found]
    context = {
        "waiting": [line for line in lines if line.waits],
        "answered": [line for line in lines if not line.waits],
        "may_answer": request.user.has_perm("compliance.answer_override"),
    }
    return render(request, "compliance/overrides.html", context)


def _line(request: StaffRequest, override: Override, now) -> Line:
    left = override.requested_at + ANSWER_WITHIN - now
    waits = override.answered_at is None and left > timedelta()
    rules = [packs().rule(rule) for rule in override.rules]
    return Line(
        override=override,
        rules=[
            (said(rule), cited(rule.citation)) if rule else (Words(rule_id, "en"), Words("", "en"))
            for rule_id, rule in zip(override.rules, rules, strict=True)
        ],
        reasons=[override_reason(code) for code in override.reasons],
        note=open_note(override) if hasattr(override.borrower, "key") else "",
        mine=override.requested_by_id == request.user.pk,
        waits=waits,
        minutes_left=max(-int(-left.total_seconds() // 60), 0),
        used=hasattr(override, "used_by"),
    )


@require_POST
@login_required
@permission_required("compliance.answer_override", raise_exception=True)
def override_answer(request: StaffRequest, override_id: UUID) -> HttpResponse:
    override = get_object_or_404(Override.objects.visible_to(request.user), pk=override_id)
    approve = request.POST.get("answer") == "yes"
    try:
        answer_override(override=override, approve=approve, person=request.user, at=timezone.now())
    except OverrideRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        told = _("Approved: one call, within a quarter of an hour.") if approve else _("Not approved.")
        messages.success(request, told)
    return redirect("overrides")
