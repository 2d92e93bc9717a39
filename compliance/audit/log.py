"""Writing events. Called by actions, inside the transaction of the fact itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from compliance.audit.actor import Actor
from compliance.audit.canonical import Leaves
from compliance.audit.events import EVENTS

SCHEMA_VERSION = 1
# The system's own stream has a fixed name, so that every installation finds it again.
SYSTEM_STREAM = UUID("00000000-0000-7000-8000-000000000001")
COLUMNS = "id, stream, stream_kind, seq, type, at, actor_kind, actor, case_ref, borrower_ref, leaf"


@dataclass(frozen=True)
class Stream:
    """What an event belongs to: exactly one case, borrower, staff session, run, or the system."""

    kind: str
    ref: UUID

    @classmethod
    def case(cls, ref: UUID) -> "Stream":
        return cls("case", ref)

    @classmethod
    def borrower(cls, ref: UUID) -> "Stream":
        return cls("borrower", ref)

    @classmethod
    def staff(cls, ref: UUID) -> "Stream":
        return cls("staff", ref)

    @classmethod
    def run(cls, ref: UUID) -> "Stream":
        return cls("run", ref)

    @classmethod
    def system(cls) -> "Stream":
        return cls("system", SYSTEM_STREAM)


def record(
    event_type: str,
    *,
    stream: Stream,
    by: Actor,
    at: datetime,
    case: UUID | None = None,
    borrower: UUID | None = None,
    **data: Any,
) -> UUID:
    """Write one event and return its id.

    `at` is when the fact happened (aware); `data` must be exactly the fields that `EVENTS` names for the type, or fewer.
    Raises `ValueError` for an unknown type or field and `NotCanonical` for a value with no canonical form.
    """
    refs = {"case": case, "borrower": borrower}
    [event_id] = _insert(event_type, stream=stream, by=by, at=at, rows=[refs | data], count=1)
    return event_id


def record_many(
    event_type: str, *, stream: Stream, by: Actor, at: datetime, rows: Iterable[dict[str, Any]], count: int
) -> None:
    """Write `count` events of one type with one range of numbers, by COPY. Each row: case, borrower and its data."""
    if count:
        _insert(event_type, stream=stream, by=by, at=at, rows=rows, count=count)


def _insert(
    event_type: str, *, stream: Stream, by: Actor, at: datetime, rows: Iterable[dict[str, Any]], count: int
) -> list[UUID]:
    # No savepoint of its own: an event that cannot be written takes the whole transaction down, whoever catches the error.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT audit_take(%s, %s, %s)", [stream.ref, stream.kind, count])
        first = cursor.fetchone()[0]
        values = _values(event_type, stream, by, at, rows, first)
        if count == 1:
            [row] = values
            cursor.execute(
                f"INSERT INTO compliance_auditevent ({COLUMNS}) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)",
                row,
            )
            return [row[0]]
        with cursor.copy(f"COPY compliance_auditevent ({COLUMNS}) FROM STDIN") as copy:
            written = 0
            for row in islice(values, count):
                copy.write_row(row)
                written += 1
        if written != count:
            raise ValueError(f"{count} events were announced, {written} given.")
        return []


def _values(
    event_type: str, stream: Stream, by: Actor, at: datetime, rows: Iterable[dict[str, Any]], first: int
) -> Iterator[tuple[Any, ...]]:
    try:
        fields = EVENTS[event_type]
    except KeyError:
        raise ValueError(f"There is no event type {event_type!r}.") from None
    leaves = Leaves(
        event_type,
        v=SCHEMA_VERSION,
        at=_plain(at),
        stream={"kind": stream.kind, "ref": str(stream.ref)},
        actor={"kind": by.kind, "ref": by.ref},
    )
    for seq, row in enumerate(rows, first):
        case, borrower = row.get("case"), row.get("borrower")
        data = {key: _plain(value) for key, value in row.items() if key not in ("case", "borrower")}
        if extra := data.keys() - fields:
            raise ValueError(f"{event_type} has no field {', '.join(sorted(extra))}.")
        event_id = uuid7()
        leaf = leaves.leaf(event_id, seq=seq, case=case, borrower=borrower, data=data)
        yield event_id, stream.ref, stream.kind, seq, event_type, at, by.kind, by.ref, case, borrower, leaf


def _plain(value: Any) -> Any:
    """Ids, dates, moments and decimal amounts as text; the rest must be canonical already."""
    if type(value) is str:  # as most of them are
        return value
    match value:
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case UUID() | date() | Decimal():
            return str(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted(_plain(item) for item in value)
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return value
