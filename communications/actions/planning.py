"""Planning messages: one, or a day's run of them. A planned message is an intent; nothing is decided or sent
by it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint
from communications.models import Message, MessageStatus, TemplateVersion
from communications.texts import DETAILS
from compliance.audit import Actor, Stream, record_many
from compliance.facts import KIND_OF_CHANNEL
from compliance.models import Channel

TRIES = 5
"""How many messages may be tried, one in the place of the other, while a provider refuses for the time being."""

TRY_AGAIN = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
"""What fails for now is tried after 5, 10, 20 … minutes, at last every 6 hours."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One message to plan. `not_before` is the earliest lawful moment the planner knows, `details` what the
    text says beyond the loans' standing (`DETAILS`: amounts in minor units, dates), `case` the case it is
    for.
    """

    borrower_id: UUID
    contact_point_id: UUID
    template_version: TemplateVersion
    loans: tuple[UUID, ...]
    dedupe_key: str
    not_before: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    case: UUID | None = None


@transaction.atomic
def plan(
    *,
    borrower: Borrower,
    contact_point: ContactPoint,
    template_version: TemplateVersion,
    purpose: str,
    loans: Iterable[UUID],
    dedupe_key: str,
    not_before: datetime,
    by: Actor,
    at: datetime,
    case: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> Message:
    """Plan one message; with a key that is known already, the message of that key as it is. Raises
    `ValueError` as `plan_many`, and where the text is for another purpose.
    """
    if template_version.template.purpose != purpose:
        raise ValueError(f"{template_version.template} is a text for {template_version.template.purpose}.")
    row = Planned(
        borrower_id=borrower.pk,
        contact_point_id=contact_point.pk,
        template_version=template_version,
        loans=tuple(loans),
        dedupe_key=dedupe_key,
        not_before=not_before,
        details=details or {},
        case=case,
    )
    plan_many([row], stream=Stream.borrower(borrower.pk), by=by, at=at)
    return Message.objects.get(dedupe_key=dedupe_key)


CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS message_to_plan (
    place integer, id uuid, borrower_id uuid, contact_point_id uuid, kind text, channel text, purpose text,
    template_version_id bigint, loans uuid[], details jsonb, dedupe_key text, not_before timestamptz
) ON COMMIT DROP
"""
COPY = """
COPY message_to_plan (place, id, borrower_id, contact_point_id, kind, channel, purpose, template_version_id, loans, details,
    dedupe_key, not_before) FROM STDIN
"""
STRANGERS = """
SELECT m.dedupe_key FROM message_to_plan m
LEFT JOIN accounts_contactpoint p ON p.id = m.contact_point_id AND p.borrower_id = m.borrower_id AND p.kind = m.kind
    AND p.related_person_id IS NULL
LEFT JOIN accounts_loan l ON l.id = ANY(m.loans) AND l.borrower_id <> m.borrower_id
WHERE p.id IS NULL OR l.id IS NOT NULL
ORDER BY m.place LIMIT 1
"""
INSERT = """
INSERT INTO communications_message (id, borrower_id, contact_point_id, channel, purpose, template_version_id, loans, details,
    dedupe_key, status, not_before, deferred, provider_reference, reason, temporary, created_at, status_at)
SELECT id, borrower_id, contact_point_id, channel, purpose, template_version_id, loans, details,
    dedupe_key, 'planned', not_before, 0, '', '', false, %(at)s, %(at)s
FROM message_to_plan ORDER BY place
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING id, dedupe_key
"""


@transaction.atomic
def plan_many(rows: Iterable[Planned], *, stream: Stream, by: Actor, at: datetime) -> dict[str, UUID]:
    """Plan any number of messages at once, each with its event in `stream`. Returns dedupe key → id of those
    that are new; a key that is known already plans nothing.

    Raises `ValueError`, and plans none, for a contact point or loan that is not the borrower's own, an
    address of another kind than the channel's, and details that no text knows.
    """
    by_id = {uuid7(): row for row in rows}
    if not by_id:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        cursor.execute("TRUNCATE message_to_plan")
        with cursor.copy(COPY) as copy:
            for place_in_line, (message_id, row) in enumerate(by_id.items()):
                copy.write_row(_row(place_in_line, message_id, row))
        cursor.execute(STRANGERS)
        if stranger := cursor.fetchone():
            raise ValueError(
                f"{stranger[0]}: the address or a loan is not this borrower's, or not for this channel."
            )
        cursor.execute(INSERT, {"at": at})
        new: dict[UUID, str] = dict(cursor.fetchall())
    record_many(
        "message.planned",
        stream=stream,
        by=by,
        at=at,
        rows=(_planned_event(message_id, row) for message_id, row in by_id.items() if message_id in new),
        count=len(new),
    )
    return {key: message_id for message_id, key in new.items()}


def _row(place_in_line: int, message_id: UUID, row: Planned) -> tuple[Any, ...]:
    template = row.template_version.template
    if unknown := row.details.keys() - DETAILS.keys():
        raise ValueError(f"{row.dedupe_key}: no text knows {', '.join(sorted(unknown))}.")
    details = {
        key: value if isinstance(value, int) else value.isoformat() for key, value in row.details.items()
    }
    return (
        place_in_line, message_id, row.borrower_id, row.contact_point_id, KIND_OF_CHANNEL[Channel(template.channel)],
        template.channel, template.purpose, row.template_version.pk, sorted(set(row.loans)), json.dumps(details),
        row.dedupe_key, row.not_before,
    )  # fmt: skip


def _planned_event(message_id: UUID, row: Planned) -> dict[str, Any]:
    template = row.template_version.template
    return {
        "case": row.case,
        "borrower": row.borrower_id,
        "message": message_id,
        "channel": template.channel,
        "purpose": template.purpose,
        "template": f"{template.key}/{template.language}/{row.template_version.number}",
        "not_before": row.not_before,
    }


@transaction.atomic
def plan_again(*, message: Message, by: Actor, at: datetime, case: UUID | None = None) -> Message | None:
    """Another message in the place of one that was refused for the time being, a while later. The same one
    when asked twice; None where the failure was for good, or after `TRIES` messages.
    """
    if message.status != MessageStatus.FAILED or not message.temporary:
        return None
    key, _mark, number = message.dedupe_key.partition("~")
    tries = int(number or 1)
    if tries >= TRIES:
        return None
    version = TemplateVersion.objects.select_related("template").get(pk=message.template_version_id)
    row = Planned(
        borrower_id=message.borrower_id,
        contact_point_id=message.contact_point_id,
        template_version=version,
        loans=tuple(message.loans),
        dedupe_key=f"{key}~{tries + 1}",
        not_before=at + wait(tries),
        details={name: DETAILS[name](value) for name, value in message.details.items()},
        case=case,
    )
    plan_many([row], stream=Stream.borrower(message.borrower_id), by=by, at=at)
    return Message.objects.get(dedupe_key=row.dedupe_key)


def keys_of(key: str) -> list[str]:
    """The keys that a message and those in its place may have."""
    return [key, *(f"{key}~{number}" for number in range(2, TRIES + 1))]


def wait(tries: int) -> timedelta:
    """How long to wait after so many tries in vain."""
    return min(TRY_AGAIN * 2 ** min(tries - 1, 10), LONGEST_WAIT)
