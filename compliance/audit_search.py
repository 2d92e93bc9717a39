"""Searching the audit log: who did what to which case or borrower, when. Reads only; the pages and exports share it."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import Q, QuerySet

from accounts.actions.tapes import plain_cell
from accounts.models import User
from compliance.audit_words import STAFF_FIELDS, types_of
from compliance.models import AuditEvent

PAGE = 50
MOST_COUNTED = 10_000
CHUNK = 2_000
STATUS_SECONDS = 60

NOBODY = "nobody"
"""The pseudonym of whoever was looked for and is not there: matches no event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; dates are UTC, both included. `actor` is a pseudonym or the name of a part of the system."""

    actor: str = ""
    group: str = ""
    event_type: str = ""
    subject: UUID | None = None  # a case or a borrower
    since: date | None = None
    until: date | None = None

    def events(self) -> QuerySet[AuditEvent]:
        """All that fits, in no order."""
        found = AuditEvent.objects.all()
        if self.actor:
            found = found.filter(actor=self.actor)
        if self.event_type:
            found = found.filter(type=self.event_type)
        elif self.group:
            found = found.filter(type__in=types_of(self.group))
        if self.subject:
            found = found.filter(Q(case_ref=self.subject) | Q(borrower_ref=self.subject))
        if self.since:
            found = found.filter(at__gte=_midnight(self.since))
        if self.until:
            found = found.filter(at__lte=datetime.combine(self.until, time.max, UTC))
        return found

    def as_data(self) -> dict[str, Any]:
        """For the event that says what was looked for: pseudonyms, codes and dates."""
        return {
            name: value
            for name in ("actor", "group", "event_type", "subject", "since", "until")
            if (value := getattr(self, name))
        }


@dataclass(frozen=True, slots=True)
class Cut:
    """A place in the order of events: what comes before it is older."""

    at: datetime
    event_id: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.event_id}"

    @classmethod
    def read(cls, text: str) -> "Cut | None":
        """None for what is no cut."""
        at, _line, event_id = text.partition("_")
        try:
            moment = datetime.fromisoformat(at)
            return cls(moment, UUID(event_id)) if moment.tzinfo else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Status:
    """How the log stands: events by its counters, the newest one's moment, and numbers without an event."""

    events: int
    newest: datetime | None
    gaps: int


def find_actor(text: str) -> str:
    """The pseudonym for a username, a pseudonym itself, or the name of a part of the system; `NOBODY` where there is no
    such actor, so that a misspelled name finds nothing rather than everything."""
    text = text.strip()
    if not text:
        return ""
    ref = User.objects.filter(username=text).values_list("ref", flat=True).first()
    if ref:
        return str(ref)
    return text if AuditEvent.objects.filter(actor=text).exists() else NOBODY


def page(search: Search, before: Cut | None = None) -> tuple[list[AuditEvent], Cut | None]:
    """The newest events that fit, older than `before`; and where the next page begins, if there is one."""
    found = search.events()
    if before:
        found = found.filter(at__lte=before.at).exclude(at=before.at, id__gte=before.event_id)
    events = list(found.order_by("-at", "-id")[: PAGE + 1])
    if len(events) <= PAGE:
        return events, None
    last = events[PAGE - 1]
    return events[:PAGE], Cut(last.at, last.pk)


def count(search: Search) -> int:
    """How many fit; `MOST_COUNTED` + 1 for more than that."""
    return search.events()[: MOST_COUNTED + 1].count()


def staff_names(events: Iterable[AuditEvent]) -> dict[str, str]:
    """Pseudonyms that stand in these events, as actor or in their data, and whose they are."""
    refs = set()
    for event in events:
        if event.actor_kind == "staff":
            refs.add(event.actor)
        data = json.loads(bytes(event.leaf))["data"]
        refs |= {str(data[field]) for field in STAFF_FIELDS if data.get(field)}
    known = {ref for ref in refs if _is_id(ref)}
    return {str(user.ref): user.display_name for user in User.objects.filter(ref__in=known)}


def status() -> Status:
    """How the log stands, at most a minute old: counting every event costs too much for every page."""
    known: Status | None = cache.get("audit-status")
    if known is None:
        known = _status()
        cache.set("audit-status", known, STATUS_SECONDS)
    return known


def _status() -> Status:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT sum(last_seq) FROM compliance_auditstream), 0)::bigint,"
            " (SELECT count(*) FROM compliance_auditevent), (SELECT max(at) FROM compliance_auditevent)"
        )
        given, found, newest = cursor.fetchone()
    return Status(given, newest, given - found)


# Exports


def exported(search: Search, *, until: datetime) -> Iterator[AuditEvent]:
    """What fits and was written by `until`, oldest first, a part at a time: no cursor is held open, so that it works behind
    a connection pooler as well."""
    found = search.events().filter(recorded_at__lte=until).order_by("at", "id")
    last: AuditEvent | None = None
    while True:
        part = found if last is None else found.filter(at__gte=last.at).exclude(at=last.at, id__lte=last.pk)
        events = list(part[:CHUNK])
        yield from events
        if len(events) < CHUNK:
            return
        last = events[-1]


def as_jsonl(events: Iterable[AuditEvent]) -> Iterator[bytes]:
    """The exact bytes of every leaf, one a line."""
    for event in events:
        yield bytes(event.leaf) + b"\n"


def as_csv(headings: list[str], names: dict[str, str], events: Iterable[AuditEvent]) -> Iterator[bytes]:
    """A table for spreadsheets: UTF-8 with its mark, no cell taken for a formula. `names` are those of staff by pseudonym;
    events are called by their type, in no language. Headings are given: a body is streamed after its page's language."""
    yield b"\xef\xbb\xbf" + _line(headings)
    for event in events:
        leaf = json.loads(bytes(event.leaf))
        yield _line(
            [
                leaf["at"],
                event.actor_kind,
                event.actor,
                names.get(event.actor, ""),
                event.type,
                str(event.case_ref or ""),
                str(event.borrower_ref or ""),
                event.stream_kind,
                str(event.stream),
                str(event.seq),
                str(event.pk),
                json.dumps(leaf["data"], ensure_ascii=False, sort_keys=True),
            ]
        )


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([plain_cell(cell) for cell in cells])
    return text.getvalue().encode()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
