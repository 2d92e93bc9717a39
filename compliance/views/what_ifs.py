"""A text tried over past contacts: asked for, watched while it runs, read as a table or a file."""

import csv
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import StaffRequest
from compliance.actions.packs import PackRefused, store_text
from compliance.actions.what_ifs import WhatIfRefused, start
from compliance.audit import Actor
from compliance.forms import WhatIfForm
from compliance.models import WhatIf
from compliance.pack_words import said, title
from compliance.rules import Pack, parse_pack
from compliance.rules.shapes import Words
from compliance.tasks import queue_what_if

PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("compliance.try_pack", raise_exception=True)
def what_ifs(request: StaffRequest) -> HttpResponse:
    form = WhatIfForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            text = form.cleaned_data["text"]
            version = (
                store_text(text=text, by=Actor.staff(request.user), at=timezone.now())
                if text
                else form.cleaned_data["version"]
            )
            found = start(
                version=version, days=form.cleaned_data["days"], asker=request.user, at=timezone.now()
            )
        except PackRefused as refusal:
            form.add_error("file", str(refusal))
        except WhatIfRefused as refusal:
            form.add_error("days", str(refusal))
        else:
            queue_what_if(found.pk)
            return redirect("what_if", what_if_id=found.pk)
    every = WhatIf.objects.select_related("version", "asked_by").defer("version__text", "found")
    page = Paginator(every, PAGE).get_page(request.GET.get("page"))
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "compliance/what_ifs.html", {"form": form, "page": page}, status=status)


@dataclass(frozen=True)
class RuleLine:
    """What one rule would have stopped, in all and by team; `hours` are 24 numbers, from midnight."""

    rule: str
    says: Words | None
    stopped: int
    teams: list[tuple[str, int]]
    hours: list[int]
    most: int


@require_safe
@login_required
@permission_required("compliance.try_pack", raise_exception=True)
def what_if(request: StaffRequest, what_if_id: UUID) -> HttpResponse:
    found = get_object_or_404(WhatIf.objects.select_related("version", "asked_by"), pk=what_if_id)
    pack = parse_pack(found.version.text, found.version.pack)
    context = {"what_if": found, "title": title(pack), "lines": _lines(found, pack), "hours": range(24)}
    return render(request, "compliance/what_if.html", context)


def _lines(found: WhatIf, pack: Pack) -> list[RuleLine]:
    says = {rule.id: said(rule) for rule in pack.rules}
    teams: dict[str, Counter[str]] = {}
    hours: dict[str, Counter[int]] = {}
    for row in found.found:
        teams.setdefault(row["rule"], Counter())[row["team"]] += row["stopped"]
        hours.setdefault(row["rule"], Counter())[row["hour"]] += row["stopped"]
    lines = [
        RuleLine(
            rule=rule,
            says=says.get(rule),
            stopped=counted.total(),
            teams=[(team or _("sent by itself"), number) for team, number in counted.most_common()],
            hours=[hours[rule][hour] for hour in range(24)],
            most=max(hours[rule].values()),
        )
        for rule, counted in teams.items()
    ]
    return sorted(lines, key=lambda line: -line.stopped)


@require_safe
@login_required
@permission_required("compliance.try_pack", raise_exception=True)
def what_if_csv(request: StaffRequest, what_if_id: UUID) -> HttpResponse:
    """One line for each rule, team and hour."""
    found = get_object_or_404(WhatIf.objects.select_related("version").defer("version__text"), pk=what_if_id)
    buffer = StringIO()
    rows = csv.writer(buffer)
    rows.writerow(["rule", "team", "hour", "stopped"])
    for row in found.found:
        team = row["team"]
        # A name that begins like a formula is text all the same.
        rows.writerow(
            [row["rule"], f"'{team}" if team[:1] in "=+-@" and team else team, row["hour"], row["stopped"]]
        )
    name = f"what-if-{found.version.pack}-{found.version.version}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(buffer.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
