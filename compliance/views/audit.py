"""The audit log for the compliance officer: search it, read it, take it away. Searching and exporting are events too."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.db.models.functions import Now
from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from accounts.http import StaffRequest
from accounts.models import User
from compliance import audit_search
from compliance.audit import Actor, Stream, record
from compliance.audit_search import Cut
from compliance.audit_words import name_of, told
from compliance.forms import AuditSearchForm
from compliance.models import AuditEvent

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


@dataclass(frozen=True)
class Row:
    """One event as it is read: who, did what, to which case or borrower, when; the leaf for who wants it exact."""

    event_id: UUID
    at: datetime
    who: str
    what: str
    tells: str
    code: str
    case: UUID | None
    borrower: UUID | None
    leaf: str


@require_safe
@login_required
@permission_required("compliance.search_audit", raise_exception=True)
def audit(request: StaffRequest) -> HttpResponse:
    """Newest first, a page at a time. A search leaves its event once; turning its pages and opening the log do not."""
    form = AuditSearchForm(request.GET)
    if not form.is_valid():
        context = {"form": form, "rows": [], "status": audit_search.status()}
        return render(request, "compliance/audit.html", context, status=422)
    search, before = form.search(), Cut.read(request.GET.get("before", ""))
    found = audit_search.count(search) if search.as_data() else None
    if found is not None and before is None:
        _record(request, "audit.searched", filters=search.as_data(), found=found)
    events, older = audit_search.page(search, before)
    asked = {name: str(value) for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "rows": _rows(events),
        "status": audit_search.status(),
        "found": found,
        "most_counted": audit_search.MOST_COUNTED,
        "asked": bool(asked),
        "export_query": urlencode(asked),
        "older_query": urlencode({**asked, "before": str(older)}) if older else "",
        "newest_query": urlencode(asked) if before else None,
    }
    return render(request, "compliance/audit.html", context)


@require_safe
@login_required
@permission_required("compliance.search_audit", raise_exception=True)
def audit_export(request: StaffRequest) -> HttpResponse | StreamingHttpResponse:
    """The same search as a file, oldest first: `?format=csv` for spreadsheets, `?format=jsonl` for the exact leaves.

    The event is written before the first byte leaves and says how many events there were. None that was written later is in
    the file, this one included."""
    form = AuditSearchForm(request.GET)
    file_format = request.GET.get("format", "")
    if file_format not in FORMATS or not form.is_valid():
        return HttpResponseBadRequest(
            _("This export cannot be made. Please go back to the log and ask again.")
        )
    search = form.search()
    until = _database_time()
    number = search.events().filter(recorded_at__lte=until).count()
    _record(request, "audit.exported", filters=search.as_data(), format=file_format, events=number)
    events = audit_search.exported(search, until=until)
    if file_format == "jsonl":
        body = audit_search.as_jsonl(events)
    else:
        body = audit_search.as_csv(_headings(), _names_of_all(), events)
    name = f"audit-{until:%Y%m%dT%H%M%SZ}.{file_format}"
    return StreamingHttpResponse(
        body,
        content_type=FORMATS[file_format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _rows(events: list[AuditEvent]) -> list[Row]:
    names = audit_search.staff_names(events)
    rows = []
    for event in events:
        leaf = json.loads(bytes(event.leaf))
        rows.append(
            Row(
                event_id=event.pk,
                at=event.at,
                who=_who(event, names),
                what=name_of(event.type),
                tells=told(event.type, leaf["data"], names),
                code=event.type,
                case=event.case_ref,
                borrower=event.borrower_ref,
                leaf=json.dumps(leaf, ensure_ascii=False, indent=2),
            )
        )
    return rows


def _who(event: AuditEvent, names: dict[str, str]) -> str:
    match event.actor_kind:
        case "staff":
            return names.get(event.actor) or _("former staff")
        case "borrower":
            return _("the borrower")
        case "provider":
            return _("provider %(name)s") % {"name": event.actor}
    return _("system: %(part)s") % {"part": event.actor.replace("_", " ")}


def _headings() -> list[str]:
    return [
        _("When (UTC)"),
        _("Kind of actor"),
        _("Actor"),
        _("Name"),
        pgettext("kind of event", "Event"),
        _("Case"),
        _("Borrower"),
        _("Kind of stream"),
        _("Stream"),
        _("Number in the stream"),
        _("Event id"),
        _("Details"),
    ]


def _names_of_all() -> dict[str, str]:
    return {str(user.ref): user.display_name for user in User.objects.all()}


def _database_time() -> datetime:
    """By the clock that stamps events as they are written."""
    return User.objects.values_list(Now(), flat=True)[0]


def _record(request: StaffRequest, event_type: str, **data: Any) -> None:
    user = request.user
    record(event_type, stream=Stream.staff(user.ref), by=Actor.staff(user), at=timezone.now(), **data)
