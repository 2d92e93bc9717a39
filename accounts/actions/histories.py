"""What was known before, row by row of a file: whose it is, whether we have it already, and what it became.

The apps above keep the rows, each kind as what it is; here is what all kinds share. Sets only: some statements a chunk.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.actions.borrowers import customer_index
from accounts.actions.imports import Outcome, chunks
from accounts.copying import copy_in
from accounts.models import (
    Borrower,
    ContactKind,
    ContactPoint,
    ImportedRecord,
    ImportKind,
    Loan,
    PointStatus,
    Portfolio,
)
from accounts.seal import blind_index, row_digest
from accounts.tapes.codes import Code, Refusal
from accounts.tapes.records import CleanRecord, Refused, record_bytes
from compliance.audit import Actor

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Located:
    """A record of one of the portfolio's borrowers. `zone` is that of the borrower's own dates. `owner_unknown`: the record
    names a number or address that is not among the borrower's."""

    record: CleanRecord
    borrower: UUID
    loan: UUID | None
    contact_point: UUID | None
    owner_unknown: bool
    zone: str

    @property
    def of(self) -> Any:
        return self.record.of


@dataclass(slots=True)
class Found:
    """What became of the records asked about: those to be kept, those we have, those refused."""

    located: list[Located] = field(default_factory=list)
    known: list[CleanRecord] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Made(NamedTuple):
    """What a record became: the id of its row, the day it happened on, and an amount where the kind has one."""

    located: Located
    id: UUID
    on: date
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The run that a chunk of records belongs to."""

    portfolio: Portfolio
    run: UUID
    by: Actor
    at: datetime
    outcome: Outcome

    def refuse(self, located: Located, code: Code, **params: Any) -> None:
        """This record is not kept after all."""
        self.outcome.refuse(refused_record(located.record, code, **params))


Keep = Callable[[Sequence[Located], Batch], Iterable[Made]]


@transaction.atomic
def write_history(
    records: Iterable[CleanRecord | Refused],
    *,
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    keep: Keep,
    progress: Callable[[int], None] = lambda rows: None,
) -> Outcome:
    """Keep cleaned records, each id once. `keep` writes the rows of a chunk with their events and says what they became."""
    outcome = Outcome()
    batch = Batch(portfolio, run, by, at, outcome)
    for chunk in chunks(records):
        clean = []
        for each in chunk:
            outcome.rows += len(each.rows)
            if isinstance(each, Refused):
                outcome.refuse(each)
            else:
                clean.append(each)
        found = locate(clean, portfolio)
        for refused in found.refused:
            outcome.refuse(refused)
        outcome.unchanged += len(found.known)
        outcome.created += _note(list(keep(found.located, batch)), batch)
        progress(outcome.rows)
    return outcome


def _note(made: Sequence[Made], batch: Batch) -> int:
    return copy_in(
        ImportedRecord,
        (
            ImportedRecord(
                portfolio=batch.portfolio,
                kind=each.located.record.kind,
                source=each.located.record.source,
                external_id=each.located.record.external_id,
                digest=_digest(each.located.record),
                made=each.id,
                happened_on=each.on,
                amount=each.amount,
                run_id=batch.run,
            )
            for each in made
        ),
    )


def refused_record(record: CleanRecord, code: Code, column: str | None = None, **params: Any) -> Refused:
    return Refused(record.rows, (Refusal(record.row_number, column, code, params),), ())


def _digest(record: CleanRecord) -> bytes:
    return row_digest(record_bytes(record))[:DIGEST_BYTES]


def locate(records: Sequence[CleanRecord], portfolio: Portfolio) -> Found:
    """Whose records these are, by loan, by borrower, or by both; which ids we have, and which rows are refused."""
    found = Found()
    if not records:
        return found
    known = _known(records, portfolio)
    people = _People(records, portfolio)
    for record in records:
        if (digest := known.get(record.key)) is not None:
            if digest == _digest(record):
                found.known.append(record)
            else:
                found.refused.append(refused_record(record, Code.KNOWN_OTHERWISE))
            continue
        located = people.locate(record)
        if isinstance(located, Located):
            found.located.append(located)
        else:
            found.refused.append(located)
    return found


def _known(records: Sequence[CleanRecord], portfolio: Portfolio) -> dict[tuple[str, str], bytes]:
    rows = ImportedRecord.objects.filter(
        portfolio=portfolio,
        kind=records[0].kind,
        external_id__in=[record.external_id for record in records],
    ).values_list("source", "external_id", "digest")
    return {(source, external_id): bytes(digest) for source, external_id, digest in rows}


class _People:
    """The borrowers, loans and addresses that a chunk of records names."""

    def __init__(self, records: Sequence[CleanRecord], portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        loans = {record.of["loan_id"] for record in records if "loan_id" in record.of}
        self.loans: dict[str, tuple[UUID, UUID]] = {
            external_id: (pk, borrower)
            for external_id, pk, borrower in Loan.objects.filter(
                portfolio=portfolio, external_id__in=loans
            ).values_list("external_id", "pk", "borrower")
        }
        indexes = {
            customer_index(record.of["borrower_id"]) for record in records if "borrower_id" in record.of
        }
        of_portfolio = Loan.objects.filter(borrower=OuterRef("pk"), portfolio=portfolio)
        self.borrowers = {
            bytes(index): pk
            for index, pk in Borrower.objects.filter(
                Exists(of_portfolio), entity=portfolio.entity_id, external_index__in=indexes
            ).values_list("external_index", "pk")
        }
        self._read({*self.borrowers.values(), *(borrower for _pk, borrower in self.loans.values())})

    def _read(self, borrowers: set[UUID]) -> None:
        self.zones = {
            pk: zones[0]
            for pk, zones in Borrower.objects.filter(pk__in=borrowers).values_list("pk", "zones")
            if zones
        }
        self.points: dict[tuple[UUID, str, bytes], UUID] = {}
        points = ContactPoint.objects.filter(borrower__in=borrowers).order_by("created_at", "pk")
        for pk, borrower, kind, index, zones, status, person in points.values_list(
            "pk", "borrower", "kind", "value_index", "zones", "status", "related_person"
        ):
            self.points[borrower, kind, bytes(index)] = pk
            if kind == ContactKind.PHONE and status == PointStatus.ACTIVE and person is None and zones:
                self.zones.setdefault(borrower, zones[0])

    def locate(self, record: CleanRecord) -> Located | Refused:
        loan = borrower = None
        if "loan_id" in record.of:
            if (row := self.loans.get(record.of["loan_id"])) is None:
                return refused_record(record, Code.UNKNOWN_LOAN)
            loan, borrower = row
        if "borrower_id" in record.of:
            named = self.borrowers.get(customer_index(record.of["borrower_id"]))
            if named is None:
                return refused_record(record, Code.UNKNOWN_BORROWER)
            if borrower is not None and borrower != named:
                return refused_record(record, Code.NOT_THEIR_LOAN)
            borrower = named
        assert borrower is not None  # cleaning refuses rows that name nobody
        point, unknown = self._point(record, borrower)
        if unknown and record.kind != ImportKind.ATTEMPTS:
            return refused_record(record, Code.NOT_THEIR_ADDRESS)
        zone = self.zones.get(borrower, self.portfolio.zone)
        return Located(record, borrower, loan, point, unknown, zone)

    def _point(self, record: CleanRecord, borrower: UUID) -> tuple[UUID | None, bool]:
        """The contact point a record names, and whether it names one that we do not know as the borrower's."""
        for name, kind in (("phone", ContactKind.PHONE), ("email", ContactKind.EMAIL)):
            if (value := record.of.get(name)) is not None:
                index = blind_index(kind, getattr(value, "e164", value))
                point = self.points.get((borrower, kind.value, index))
                return point, point is None
        return None, False
