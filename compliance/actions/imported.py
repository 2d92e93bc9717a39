"""Wishes, holds, consents and open complaints that were known before us: files of a lender or an earlier system, by sets.

Each record becomes the row it would be had it been told to us, with its own dates, and the events say so on the run.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from accounts.actions.histories import Batch, Located, Made, write_history
from accounts.copying import copy_in
from accounts.models import Borrower
from accounts.seal import seal_of
from compliance.actions.complaints import clock_of, words_field
from compliance.actions.consents import consent_facts
from compliance.actions.media import media_facts
from compliance.audit import Stream, record_many
from compliance.holds import HOLDS
from compliance.models import Complaint, Consent, Hold, HoldKind, MediaRequest, MediaWish


def _own_date(each: Located, at: datetime) -> date:
    return at.astimezone(ZoneInfo(each.zone)).date()


def _record(event_type: str, batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
    record_many(
        event_type, stream=Stream.run(batch.run), by=batch.by, at=batch.at, rows=rows, count=len(rows)
    )


def _keep_opt_outs(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
    rows = [
        MediaRequest(
            id=uuid7(),
            borrower_id=each.borrower,
            wish=each.of.get("wish", MediaWish.STOP.value),
            channel=each.of["channel"],
            contact_point_id=each.contact_point,
            received_at=each.of["received_at"],
            how=each.of["how"],
            evidence=each.of.get("evidence", ""),
            recorded_by=batch.by.ref,
        )
        for each in chunk
    ]
    copy_in(MediaRequest, rows)
    _record("media.requested", batch, [{"borrower": row.borrower_id} | media_facts(row) for row in rows])
    return [
        Made(each, row.pk, _own_date(each, row.received_at)) for each, row in zip(chunk, rows, strict=True)
    ]


def _keep_holds(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
    rows = [
        Hold(
            id=uuid7(),
            borrower_id=each.borrower,
            loan_id=each.loan,
            kind=each.of["kind"],
            variant=each.of.get("variant", ""),
            starts_on=each.of["from_on"],
            ends_on=each.of.get("to_on"),
            opened_at=batch.at,
            opened_by=batch.by.ref,
        )
        for each in chunk
    ]
    copy_in(Hold, rows)
    _record_holds(rows, batch)
    return [Made(each, row.pk, row.starts_on) for each, row in zip(chunk, rows, strict=True)]


def _record_holds(rows: Sequence[Hold], batch: Batch) -> None:
    facts = [
        {
            "borrower": row.borrower_id,
            "hold": row.pk,
            "kind": row.kind,
            "starts_on": row.starts_on,
            "ends_on": row.ends_on,
            "loan": row.loan_id,
        }
        for row in rows
    ]
    _record("hold.opened", batch, facts)


def _keep_consents(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
    rows = [
        Consent(
            id=uuid7(),
            borrower_id=each.borrower,
            kind=each.of["kind"],
            channel=each.of.get("channel", ""),
            days=list(each.of.get("days", ())),
            from_time=each.of.get("from_hour"),
            to_time=each.of.get("to_hour"),
            only_convenient=each.of.get("only_convenient", False),
            most=each.of.get("most"),
            given_to=each.of["given_to"],
            from_on=each.of.get("from_on") or _own_date(each, each.of["given_at"]),
            to_on=each.of.get("to_on"),
            evidence=each.of["evidence"],
            recorded_at=each.of["given_at"],
        )
        for each in chunk
    ]
    copy_in(Consent, rows)
    _record("consent.recorded", batch, [{"borrower": row.borrower_id} | consent_facts(row) for row in rows])
    return [
        Made(each, row.pk, _own_date(each, row.recorded_at)) for each, row in zip(chunk, rows, strict=True)
    ]


def _keep_complaints(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
    """An open complaint holds collection from now on, and its clock runs from the day it came, wherever that was."""
    borrowers = Borrower.objects.select_related("key").in_bulk([each.borrower for each in chunk])
    holds = [_complaint_hold(each, batch) for each in chunk]
    rows = [
        _complaint(each, hold, borrowers[each.borrower], batch)
        for each, hold in zip(chunk, holds, strict=True)
    ]
    copy_in(Hold, holds)
    copy_in(Complaint, rows)
    _record_holds(holds, batch)
    facts = [
        {
            "borrower": row.borrower_id,
            "complaint": row.pk,
            "category": row.category,
            "channel": row.channel,
            "due_on": row.due_on,
            "clock": row.clock,
            "hold": row.hold_id,
            "owner": None,
        }
        for row in rows
    ]
    _record("complaint.logged", batch, facts)
    return [
        Made(each, row.pk, _own_date(each, row.received_at)) for each, row in zip(chunk, rows, strict=True)
    ]


def _complaint_hold(each: Located, batch: Batch) -> Hold:
    assert HOLDS[HoldKind.COMPLAINT].days is None  # until it is answered
    return Hold(
        id=uuid7(),
        borrower_id=each.borrower,
        kind=HoldKind.COMPLAINT,
        starts_on=_own_date(each, each.of["received_at"]),
        opened_at=batch.at,
        opened_by=batch.by.ref,
    )


def _complaint(each: Located, hold: Hold, borrower: Borrower, batch: Batch) -> Complaint:
    pk = uuid7()
    received_at = each.of["received_at"]
    clock = clock_of(batch.portfolio, received_at)
    return Complaint(
        id=pk,
        borrower_id=each.borrower,
        loan_id=each.loan,
        portfolio=batch.portfolio,
        category=each.of["category"],
        channel=each.of["channel"],
        words_sealed=seal_of(borrower).seal(words_field(pk), each.of["words"]),
        received_at=received_at,
        due_on=clock.due_on,
        clock=clock.term,
        hold_id=hold.pk,
    )


write_opt_outs = partial(write_history, keep=_keep_opt_outs)
write_holds = partial(write_history, keep=_keep_holds)
write_consents = partial(write_history, keep=_keep_consents)
write_complaints = partial(write_history, keep=_keep_complaints)
