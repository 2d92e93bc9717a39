"""Contacts that others made: kept as reported, which no permit covers and nobody can send, counted by every rule.

Each is judged on arrival by the law that was in force at its moment. One that it did not permit opens a finding.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.actions.histories import Batch, Located, Made, write_history
from accounts.actions.imports import Outcome
from accounts.copying import copy_in
from accounts.models import Loan, Portfolio
from accounts.tapes.records import CleanRecord, Refused
from compliance.actions.gate import FACTS_LIMIT, packs
from compliance.audit import Actor, Stream, record_many
from compliance.audit.canonical import canonical
from compliance.facts import Happened, Question, situations_then
from compliance.models import ContactAttempt, ContactOutcome, Finding
from compliance.models.contact import Direction
from compliance.rules import Decision, Facts, decide
from compliance.rules.canonical import plain

JUDGED_AT_ONCE = 2000


class Result(NamedTuple):
    """The facts about a contact that follow from the word for its result."""

    connected: bool | None
    answered: bool | None
    right_party: bool | None
    conversation: bool | None


RESULTS = {
    "no_answer": Result(True, False, False, False),
    "busy": Result(False, False, False, False),
    "not_in_service": Result(False, False, False, False),
    "voicemail": Result(True, False, False, False),
    "hung_up": Result(True, True, None, False),
    "wrong_number": Result(True, True, False, False),
    "third_party": Result(True, True, False, False),
    "conversation": Result(True, True, True, True),
    "delivered": Result(True, None, None, None),
    "not_delivered": Result(False, None, None, None),
}
"""By the words of `accounts.tapes.fields.ATTEMPT`. Unknown is not among them: every rule then takes the stricter answer."""


class Reported(NamedTuple):
    """A reported contact that waits to be judged, with what its row does not keep."""

    row: ContactAttempt
    role: str | None
    owner_unknown: bool


@transaction.atomic
def write_attempts(
    records: Iterable[CleanRecord | Refused],
    *,
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> Outcome:
    """Keep the contacts of a file, each id once, then judge them: whatever the order of the rows, each is judged with all
    that went before it. In the outcome's `changes`, `findings` counts those the law did not permit."""
    waiting: list[Reported] = []

    def keep(chunk: Sequence[Located], batch: Batch) -> Iterable[Made]:
        rows = [_attempt(each, batch) for each in chunk]
        copy_in(ContactAttempt, rows)
        outcomes = [_outcome(each, row, batch) for each, row in zip(chunk, rows, strict=True)]
        copy_in(ContactOutcome, filter(None, outcomes))
        _record(chunk, rows, batch)
        waiting.extend(
            Reported(row, each.of.get("role"), each.owner_unknown)
            for each, row in zip(chunk, rows, strict=True)
            if row.direction == Direction.OUT
        )
        return [Made(each, row.pk, row.local_date) for each, row in zip(chunk, rows, strict=True)]

    outcome = write_history(records, portfolio=portfolio, run=run, by=by, at=at, keep=keep, progress=progress)
    if found := judge(waiting, portfolio=portfolio, run=run, by=by, at=at):
        outcome.changes["findings"] = found
    return outcome


def _attempt(each: Located, batch: Batch) -> ContactAttempt:
    moment = each.of["at"]
    inbound = each.of.get("direction", "out") == "in"
    return ContactAttempt(
        id=uuid7(),
        borrower_id=each.borrower,
        contact_point_id=each.contact_point,
        direction=Direction.IN if inbound else Direction.OUT,
        channel=each.of["channel"],
        purpose="inbound" if inbound else each.of.get("purpose", "collect"),
        loans=[each.loan] if each.loan else [],
        at=moment,
        local_date=moment.astimezone(ZoneInfo(each.zone)).date(),
        reported=True,
        reported_by=each.record.source,
        actor=batch.by.ref,
    )


def _outcome(each: Located, row: ContactAttempt, batch: Batch) -> ContactOutcome | None:
    result = RESULTS.get(each.of.get("result", "unknown"))
    if result is None:
        return None
    return ContactOutcome(
        id=uuid7(),
        attempt=row,
        disposition=each.of["result"],
        at=row.at,
        actor=batch.by.ref,
        **result._asdict(),
    )


def _record(chunk: Sequence[Located], rows: Sequence[ContactAttempt], batch: Batch) -> None:
    facts = [
        {
            "borrower": row.borrower_id,
            "attempt": row.pk,
            "channel": row.channel,
            "purpose": row.purpose,
            "direction": row.direction,
            "happened_at": row.at,
            "reported_by": row.reported_by,
            "disposition": each.of.get("result", "unknown"),
        }
        for each, row in zip(chunk, rows, strict=True)
    ]
    record_many(
        "contact.reported",
        stream=Stream.run(batch.run),
        by=batch.by,
        at=batch.at,
        rows=facts,
        count=len(facts),
    )


# Judging


@transaction.atomic
def judge(reported: Sequence[Reported], *, portfolio: Portfolio, run: UUID, by: Actor, at: datetime) -> int:
    """Judge contacts that others made by the law in force at their moment, on the facts as of then, and open a finding for
    each that it did not permit; returns how many. Our own house policy binds us, not those who were before us."""
    law = packs().without_house()
    ordered = sorted(reported, key=lambda each: (each.row.borrower_id, each.row.at, each.row.pk))
    found = 0
    for start in range(0, len(ordered), JUDGED_AT_ONCE):
        part = ordered[start : start + JUDGED_AT_ONCE]
        situations = situations_then(_happened(part, portfolio), at=at, packs=law)
        judged = [
            (each.row, situation.facts, decide(situation.facts, law, each.row.at, ahead=False))
            for each, situation in zip(part, situations, strict=True)
        ]
        unlawful = [(row, facts, decision) for row, facts, decision in judged if not decision.allowed]
        _open_findings(unlawful, portfolio, run, by, at)
        found += len(unlawful)
    return found


def _happened(part: Sequence[Reported], portfolio: Portfolio) -> list[Happened]:
    loans: dict[UUID, list[UUID]] = {}
    owed = Loan.objects.filter(portfolio=portfolio, borrower__in={each.row.borrower_id for each in part})
    for borrower, loan in owed.order_by("pk").values_list("borrower", "pk"):
        loans.setdefault(borrower, []).append(loan)
    return [
        Happened(
            question=Question(
                borrower=each.row.borrower_id,
                channel=each.row.channel,
                purpose=each.row.purpose,
                contact_point=each.row.contact_point_id,
                loans=tuple(each.row.loans) or None,
            ),
            at=each.row.at.astimezone(UTC),
            attempt=each.row.pk,
            among=tuple(loans[each.row.borrower_id]),
            role=each.role,
            owner_unknown=each.owner_unknown,
        )
        for each in part
    ]


def _open_findings(
    unlawful: Sequence[tuple[ContactAttempt, Facts, Decision]],
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
) -> None:
    rows = [
        Finding(
            id=uuid7(),
            borrower_id=attempt.borrower_id,
            attempt=attempt,
            portfolio=portfolio,
            outcome=decision.outcome,
            facts=canonical(plain(facts), limit=FACTS_LIMIT),
            results=decision.as_data()["results"],
            packs=decision.packs,
            found_at=at,
        )
        for attempt, facts, decision in unlawful
    ]
    copy_in(Finding, rows)
    facts = [
        {
            "borrower": row.borrower_id,
            "finding": row.pk,
            "attempt": row.attempt_id,
            "outcome": row.outcome,
            "rules": list(dict.fromkeys(result.rule for result in decision.reasons)),
            "packs": decision.packs,
        }
        for row, (_attempt, _facts, decision) in zip(rows, unlawful, strict=True)
    ]
    record_many("finding.opened", stream=Stream.run(run), by=by, at=at, rows=facts, count=len(facts))
