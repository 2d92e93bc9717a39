"""Everything that happened on a case, newest first, in sentences. Read from the audit log: what is shown is what is proven.

An event type without a sentence (`cases.story`) is not shown: it is a detail of another one, or nobody's business on a case
page.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import EntryKind, User
from cases.actions.notes import open_note
from cases.models import Case, Note
from cases.story import SENTENCES
from cases.story.line import Data, Told
from compliance.audit_search import Cut

KINDS = ("all", "contacts", "money", "law")
OF_PERSON = [
    "contact.%",
    "hold.%",
    "complaint.%",
    "designation.%",
    "media.%",
    "finding.%",
]  # of the borrower's other cases too: what may be done here hangs on them
LIMIT = 60


@dataclass(frozen=True)
class Entry:
    """One line. `tone` is "", done, attention or stop; `words` what was noted; `code` the event, for hovering."""

    at: datetime
    icon: str
    text: str
    tone: str = ""
    words: str = ""
    by: str = ""
    code: str = ""


@dataclass(frozen=True)
class Timeline:
    """`older` is the query string that shows what came before, empty where there is nothing more."""

    entries: list[Entry]
    kind: str
    older: str


def timeline(
    case: Case, user: User, limit: int = LIMIT, *, kind: str = "all", before: Cut | None = None
) -> Timeline:
    """The newest `limit` events of a case and of its borrower, as lines; with `before`, those that came earlier.

    Contacts, holds and complaints of the borrower's other cases are in it, because they decide what may be done here. Notes
    are opened for who may see cases. One statement, where `case.borrower.key` and `case.portfolio` were selected before.
    """
    kind = kind if kind in KINDS else "all"
    types = [name for name, (of_kind, _maker) in SENTENCES.items() if kind in ("all", of_kind)]
    # An agency is told of what it works on, not of the borrower's other debts.
    of_person = [] if user.agency_id else OF_PERSON
    found = _find(case, types, before, limit + 1, of_person)
    older = ""
    if len(found) > limit:
        found.pop()
        older = urlencode({"timeline": kind, "before": str(Cut(found[-1].at, found[-1].id))})
    told = _told(found, case, user)
    entries = []
    of_loan = [each for each in found if each.data.get("loan") in (None, str(case.loan_id))]
    for each in _nights_as_one(of_loan):
        if line := SENTENCES[each.event][1](each.data, told):
            by = _who(each.actor_kind, each.actor, told)
            entries.append(Entry(each.at, line.icon, line.text, line.tone, line.words, by, each.event))
    return Timeline(entries, kind, older)


def _nights_as_one(found: Sequence["Found"]) -> Iterator["Found"]:
    """What night after night booked as interest, with nothing between, is one line: at the newest, over all of its days."""
    for nightly, several in groupby(found, key=_is_nightly):
        newest, *before = several
        if nightly and before:
            amounts = sum(Decimal(each.data["amount"]) for each in (newest, *before))
            yield newest._replace(
                data=newest.data | {"amount": str(amounts), "since": before[-1].data["value_date"]}
            )
        else:
            yield from (newest, *before)


def _is_nightly(found: "Found") -> bool:
    return (found.event, found.actor_kind, found.data.get("entry_kind")) == (
        "ledger.posted", "system", EntryKind.INTEREST
    )  # fmt: skip


NAME = "coalesce(nullif(trim({0}.first_name || ' ' || {0}.last_name), ''), {0}.username)"
FOUND = f"""
WITH event AS (
    SELECT id, at, type, actor_kind, actor, convert_from(leaf, 'UTF8')::jsonb -> 'data' AS data
    FROM compliance_auditevent
    WHERE type = ANY(%(types)s) AND (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s::uuid)) AND (
        case_ref = %(case)s OR borrower_ref = %(borrower)s AND (case_ref IS NULL OR type LIKE ANY(%(of_person)s))
    )
    ORDER BY at DESC, id DESC LIMIT %(limit)s
)
SELECT event.id, event.at, event.type, event.actor_kind, event.actor, event.data,
    {NAME.format("person")} || coalesce(' · ' || agency.name, ''), {NAME.format("assignee")},
    message.channel, template.key, note.body_sealed
FROM event
LEFT JOIN accounts_user person ON person.ref = CASE event.actor_kind WHEN 'staff' THEN event.actor::uuid END
LEFT JOIN accounts_agency agency ON agency.id = person.agency_id
LEFT JOIN accounts_user assignee
    ON assignee.ref = CASE event.type WHEN 'case.reassigned' THEN (event.data ->> 'assignee')::uuid END
LEFT JOIN communications_message message
    ON message.id = CASE WHEN event.type LIKE 'message.%%' THEN (event.data ->> 'message')::uuid END
LEFT JOIN communications_templateversion version ON version.id = message.template_version_id
LEFT JOIN communications_template template ON template.id = version.template_id
LEFT JOIN cases_note note
    ON note.id = CASE event.type WHEN 'case.noted' THEN (event.data ->> 'note')::uuid END AND note.case_id = %(case)s
ORDER BY event.at DESC, event.id DESC
"""


class Found(NamedTuple):
    """An event, with what its sentence needs beyond its own data where that is known: the name of who did it and of who
    got the case, the message's channel and the key of its text, the sealed words of the note."""

    id: UUID
    at: datetime
    event: str
    actor_kind: str
    actor: str
    data: Data
    person: str | None
    assignee: str | None
    channel: str | None
    text: str | None
    note: bytes | None


def _find(
    case: Case, types: Sequence[str], before: Cut | None, limit: int, of_person: Sequence[str]
) -> list[Found]:
    values: dict[str, Any] = {
        "case": case.pk,
        "borrower": case.borrower_id,
        "types": types,
        "of_person": list(of_person),
        "at": before and before.at,
        "id": before and before.event_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(FOUND, values)
        return [Found._make((*row[:5], json.loads(row[5]), *row[6:])) for row in cursor.fetchall()]


def _told(found: Sequence[Found], case: Case, user: User) -> Told:
    told = Told(zone=ZoneInfo(case.portfolio.zone))
    # Of other people's work an agency reads what happened, neither their names nor their words.
    colleagues = user.agency_id and {
        str(ref) for ref in User.objects.filter(agency=user.agency_id).values_list("ref", flat=True)
    }
    for each in found:
        if colleagues and each.actor not in colleagues:
            each = each._replace(person=None, assignee=None, note=None)
        if each.event == "contact.attempted":
            told.attempts[each.data["attempt"]] = each.data
        elif each.event == "contact.outcome":
            told.outcomes.add(each.data["attempt"])
        if each.person:
            told.names[each.actor] = each.person
        if each.assignee:
            told.names[each.data["assignee"]] = each.assignee
        if each.channel and each.text:
            told.messages[each.data["message"]] = (each.channel, each.text)
        if each.note is not None and user.has_perm("cases.view_case"):
            note = Note(pk=UUID(each.data["note"]), case=case, body_sealed=each.note)
            told.notes[each.data["note"]] = open_note(note)
    return told


def _who(kind: str, actor: str, told: Told) -> str:
    match kind:
        case "staff":
            return told.names.get(actor, _("a colleague"))
        case "borrower":
            return _("the borrower")
        case "provider":
            return _("the provider")
        case _:
            return ""
