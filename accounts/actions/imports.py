"""Writing cleaned tapes: one writer for the browser and the command line, set by set, in one transaction.

A loan that is new is written by COPY with everything that belongs to it; one that a later tape changed is changed, and the
event says what; what a tape may not change is refused with its reason. Either the whole run is in the database or nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from uuid_utils.compat import uuid7

from accounts import money
from accounts.actions.borrowers import (
    IDENTITY,
    Address,
    customer_index,
    person_name,
    sealed_borrower,
    sealed_person,
    sealed_point,
)
from accounts.actions.ledger import (
    CHARGES,
    MONEY,
    TAKES_BACK,
    Posting,
    charges_paused,
    entries_for,
    lock_loans,
    post,
    record_posted,
)
from accounts.copying import copy_in
from accounts.models import (
    Borrower,
    BorrowerKey,
    ContactPoint,
    EntryKind,
    Instalment,
    LedgerEntry,
    Loan,
    Portfolio,
    RelatedPerson,
    RelatedPersonRefusal,
)
from accounts.places import zones_of_address
from accounts.seal import Seal, blind_index, row_digest, seal_of
from accounts.tapes.codes import Code, Refusal
from accounts.tapes.records import PARTS, CleanBorrower, CleanLoan, CreditKind, Refused, canonical
from compliance.audit import Actor, Stream, record_many

CHUNK = 2000
PART_BYTES = 8  # of the keyed digest of each part: enough to see a change, nothing to guess from


@dataclass
class Outcome:
    """What a run came to. Loans are counted; `rejected` counts rows of the file."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    # Loans on which money was posted: their cases may be over.
    touched: set[UUID] = field(default_factory=set)

    def refuse(self, refused: Refused) -> None:
        self.rejected += len(refused.rows)
        self.reasons.update({str(reason.code) for reason in refused.reasons})
        self.refused.append(refused)

    def summary(self) -> dict[str, Any]:
        """The last line of the command, without the seconds."""
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "reasons": dict(sorted(self.reasons.items())),
            "changes": dict(sorted(self.changes.items())),
        }


@transaction.atomic
def write_loans(
    records: Iterable[CleanLoan | Refused],
    *,
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> Outcome:
    """Bring cleaned loans into `portfolio`; refused records are counted and kept in the outcome.

    `progress` is told how many rows of the file are done. Loans that the tape does not mention stay as they are.
    """
    outcome = Outcome()
    writer = _Writer(portfolio, Stream.run(run), run, by, at, outcome)
    told_on: date | None = None
    for chunk in chunks(records):
        loans = []
        for each in chunk:
            outcome.rows += len(each.rows)
            if isinstance(each, Refused):
                outcome.refuse(each)
            else:
                loans.append(each)
        writer.write(loans)
        told_on = max([*(loan.as_of for loan in loans), *filter(None, [told_on])], default=None)
        progress(outcome.rows)
    if told_on is not None:
        _note_told(portfolio, told_on, at)
    return outcome


def _note_told(portfolio: Portfolio, told_on: date, at: datetime) -> None:
    """How fresh the balances are: a tape speaks for the end of its own day, whenever it is read."""
    end_of_day = datetime.combine(told_on + timedelta(days=1), time(), ZoneInfo(portfolio.zone))
    told_at = min(at, end_of_day)
    known = Portfolio.objects.filter(pk=portfolio.pk)
    known.filter(Q(loans_told_at=None) | Q(loans_told_at__lt=told_at)).update(loans_told_at=told_at)


def chunks(records: Iterable[Any]) -> Iterator[list[Any]]:
    """Records in lists of at most `CHUNK`: what is held in memory at once."""
    rest = iter(records)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def tape_digest(loan: CleanLoan) -> bytes:
    """A keyed digest of each part side by side, so that a later tape can say which part changed."""
    return b"".join(row_digest(canonical(loan, part))[:PART_BYTES] for part in PARTS)


def changed_parts(known: bytes | memoryview, now: bytes) -> list[str]:
    """The parts of a loan whose digest differs."""
    known = bytes(known)
    return [
        part
        for number, part in enumerate(PARTS)
        if known[number * PART_BYTES : (number + 1) * PART_BYTES]
        != now[number * PART_BYTES : (number + 1) * PART_BYTES]
    ]


class _Stop(Exception):
    """This loan is refused; the reasons say why."""

    def __init__(self, code: Code, column: str | None = None, **params: Any) -> None:
        self.code, self.column, self.params = code, column, params


@dataclass
class _Rows:
    """Unsaved rows of one chunk, in the order they must be written."""

    borrowers: list[Borrower] = field(default_factory=list)
    keys: list[BorrowerKey] = field(default_factory=list)
    persons: list[RelatedPerson] = field(default_factory=list)
    points: list[ContactPoint] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    instalments: list[Instalment] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    # Facts of the events that go with them, by event type.
    facts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def write(self) -> None:
        for model, rows in (
            (Borrower, self.borrowers),
            (BorrowerKey, self.keys),
            (RelatedPerson, self.persons),
            (ContactPoint, self.points),
            (Loan, self.loans),
            (Instalment, self.instalments),
            (LedgerEntry, self.entries),
        ):
            copy_in(model, rows)


@dataclass
class _Known:
    """A borrower of this chunk: an id, and the seal once something must be sealed."""

    id: UUID
    row: Borrower | None = None  # as the database has it; None for one that this chunk adds
    part: bytes = b""  # digest of the borrower's part in the newest tape
    own_seal: Seal | None = None
    points: set[tuple[str, bytes]] = field(default_factory=set)
    persons: list[RelatedPerson] = field(default_factory=list)  # with `refused`

    @property
    def seal(self) -> Seal:
        if self.own_seal is None:
            assert self.row is not None
            self.own_seal = seal_of(self.row)
        return self.own_seal


@dataclass
class _Writer:
    portfolio: Portfolio
    stream: Stream
    run: UUID
    by: Actor
    at: datetime
    outcome: Outcome

    def write(self, loans: Sequence[CleanLoan]) -> None:
        known = {
            loan.external_id: loan
            for loan in Loan.objects.filter(
                portfolio=self.portfolio, external_id__in=[loan.external_id for loan in loans]
            ).select_related("borrower__key")
        }
        new = [loan for loan in loans if loan.external_id not in known]
        self._add(new)
        changed = []
        for loan in loans:
            if before := known.get(loan.external_id):
                parts = changed_parts(before.tape_digest, tape_digest(loan))
                if parts:
                    changed.append((before, loan, parts))
                else:
                    self.outcome.unchanged += 1
        self._change(changed)

    # New loans

    def _add(self, loans: Sequence[CleanLoan]) -> None:
        if not loans:
            return
        rows = _Rows()
        borrowers = self._borrowers([loan.borrower for loan in loans])
        for loan in loans:
            digest = tape_digest(loan)
            borrower = self._borrower(loan, digest, borrowers, rows)
            row = Loan(
                id=uuid7(),
                borrower_id=borrower.id,
                portfolio=self.portfolio,
                external_id=loan.external_id,
                product=loan.product,
                disbursed_on=loan.disbursed_on,
                tape_digest=digest,
            )
            rows.loans.append(row)
            rows.instalments += [
                Instalment(loan_id=row.pk, number=number, due_on=due.due_on, amount=due.amount)
                for number, due in enumerate(sorted(loan.instalments), 1)
            ]
            rows.entries += self._opening(row, loan)
            rows.facts["loan.imported"].append(self._loan_facts(row, loan))
        self._write(rows)
        loans_by_id = {row.pk: row for row in rows.loans}
        record_posted(rows.entries, loans_by_id, by=self.by, at=self.at, stream=self.stream)
        self.outcome.created += len(loans)

    def _opening(self, row: Loan, loan: CleanLoan) -> list[LedgerEntry]:
        opened_on = min(
            [loan.disbursed_on or loan.instalments[0].due_on, *(credit.value_date for credit in loan.credits)]
        )
        amounts = {"principal": loan.principal, "interest": loan.interest, "fees": loan.fees}
        postings = [
            Posting(
                loan_id=row.pk,
                kind=EntryKind.OPENING,
                reference="opening",
                value_date=opened_on,
                amounts=amounts,
            ),
            *(
                Posting(
                    loan_id=row.pk,
                    kind=EntryKind.REPAYMENT,
                    reference=credit.reference,
                    value_date=credit.value_date,
                    amount=credit.amount,
                )
                for credit in loan.credits
            ),
        ]
        entries: list[LedgerEntry] = []
        for posting in postings:
            _entry, new = entries_for(row, entries, posting, at=self.at)
            entries += new
        return entries

    def _loan_facts(self, row: Loan, loan: CleanLoan) -> dict[str, Any]:
        currency = self.portfolio.currency
        return {
            "borrower": row.borrower_id,
            "loan": row.pk,
            "currency": currency,
            "principal": money.decimal_text(loan.principal, currency),
            "interest": money.decimal_text(loan.interest, currency),
            "fees": money.decimal_text(loan.fees, currency),
            "paid": money.decimal_text(sum(credit.amount for credit in loan.credits), currency),
            "instalments": len(loan.instalments),
        }

    # Borrowers

    def _borrowers(self, wanted: Sequence[CleanBorrower]) -> dict[bytes, _Known]:
        """Those of the chunk that the entity already knows, by the blind index of their customer id."""
        indexes = {customer_index(each.external_id) for each in wanted}
        known = {
            bytes(row.external_index): _Known(row.pk, row)
            for row in Borrower.objects.filter(
                entity=self.portfolio.entity_id, external_index__in=indexes
            ).select_related("key")
        }
        by_id = {each.id: each for each in known.values()}
        for borrower_id, kind, index in ContactPoint.objects.filter(borrower__in=list(by_id)).values_list(
            "borrower", "kind", "value_index"
        ):
            by_id[borrower_id].points.add((kind, bytes(index)))
        if any(each.related for each in wanted):
            refused = RelatedPersonRefusal.objects.filter(person=OuterRef("pk"))
            persons = RelatedPerson.objects.filter(borrower__in=list(by_id)).annotate(refused=Exists(refused))
            for person in persons.order_by("pk"):
                by_id[person.borrower_id].persons.append(person)
        newest = Loan.objects.filter(borrower__in=list(by_id)).order_by("borrower", "-updated_at")
        for borrower_id, digest in newest.distinct("borrower").values_list("borrower", "tape_digest"):
            by_id[borrower_id].part = bytes(digest)[:PART_BYTES]
        return known

    def _borrower(
        self, loan: CleanLoan, digest: bytes, borrowers: dict[bytes, _Known], rows: _Rows
    ) -> _Known:
        """The borrower of a loan with this tape digest: the known one, brought up to date, or a new one."""
        clean = loan.borrower
        index = customer_index(clean.external_id)
        part = digest[:PART_BYTES]  # the borrower's comes first
        known = borrowers.get(index)
        if known is None:
            known = borrowers[index] = self._new_borrower(clean, rows)
        elif known.part != part:
            self._update_borrower(known, clean, rows)
        known.part = part
        return known

    def _new_borrower(self, clean: CleanBorrower, rows: _Rows) -> _Known:
        row, key, seal = sealed_borrower(
            entity_id=self.portfolio.entity_id,
            external_id=clean.external_id,
            identity=_identity(clean),
            language=clean.language or self.portfolio.language,
            country=clean.country or self.portfolio.country,
            zones=zones_of_address(clean.country, clean.state),
            preferred_channel=clean.preferred_channel,
        )
        rows.borrowers.append(row)
        rows.keys.append(key)
        known = _Known(row.pk, own_seal=seal)
        points, persons = self._people(known, clean, rows)
        rows.facts["borrower.imported"].append(
            {"borrower": row.pk, "contact_points": points, "related_persons": persons}
        )
        return known

    def _update_borrower(self, known: _Known, clean: CleanBorrower, rows: _Rows) -> None:
        """What the tape says of somebody we know. Nothing is forgotten: what it leaves out stays."""
        fields = []
        if known.row is not None:
            row = known.row
            told = {key: value for key, value in _identity(clean).items() if value}
            known_so_far = known.seal.open_json(IDENTITY, row.identity_sealed)
            row.identity_sealed = known.seal.seal_json(IDENTITY, known_so_far | told)
            row.name_mask = clean.name_mask or row.name_mask
            row.language = clean.language or row.language
            row.country = clean.country or row.country
            row.zones = list(zones_of_address(clean.country, clean.state)) or row.zones
            row.preferred_channel = clean.preferred_channel or row.preferred_channel
            row.save()
            fields.append("identity")
        points, persons = self._people(known, clean, rows)
        if points:
            fields.append("contact_points")
        if persons:
            fields.append("related_persons")
        if fields:
            rows.facts["borrower.changed"].append({"borrower": known.id, "fields": fields})

    def _people(self, known: _Known, clean: CleanBorrower, rows: _Rows) -> tuple[int, int]:
        """Add the contact points and the persons around the borrower that are not there yet; how many of each. Whoever
        refused contact gets no new number."""
        added = sum(self._point(known, contact, rows) for contact in clean.contacts)
        there = (
            {(person.relation, person_name(known.seal, person)): person for person in known.persons}
            if clean.related
            else {}
        )
        persons = 0
        for related in clean.related:
            person = there.get((related.relation, related.name))
            if person is None:
                person = sealed_person(
                    seal=known.seal,
                    borrower_id=known.id,
                    relation=related.relation,
                    name=related.name,
                    given_by=related.given_by,
                    given_on=related.given_on,
                    ground=related.ground,
                )
                rows.persons.append(person)
                persons += 1
            elif person.refused:  # type: ignore[attr-defined]
                continue
            added += sum(self._point(known, contact, rows, person) for contact in related.contacts)
        return added, persons

    def _point(self, known: _Known, contact: Any, rows: _Rows, person: RelatedPerson | None = None) -> int:
        index = blind_index(contact.kind, contact.value)
        if (contact.kind, index) in known.points:
            return 0
        known.points.add((contact.kind, index))
        rows.points.append(
            sealed_point(
                seal=known.seal,
                borrower_id=known.id,
                kind=contact.kind,
                address=Address(
                    contact.value, contact.mask, contact.country, contact.zones, contact.line_type
                ),
                source=contact.source,
                ground=contact.ground,
                verified_on=contact.verified_on,
                related_person_id=person.pk if person else None,
                owner=person.relation if person else "borrower",
            )
        )
        return 1

    # Loans that a later tape changed

    def _change(self, changed: Sequence[tuple[Loan, CleanLoan, list[str]]]) -> None:
        changed = self._locked(changed)
        if not changed:
            return
        entries: dict[UUID, list[LedgerEntry]] = {loan.pk: [] for loan, _clean, _parts in changed}
        for entry in LedgerEntry.objects.filter(loan__in=list(entries)):
            entries[entry.loan_id].append(entry)
        borrowers = self._borrowers([clean.borrower for _loan, clean, _parts in changed])
        rows, postings = _Rows(), []
        for loan, clean, parts in changed:
            try:
                found = self._postings(loan, clean, entries[loan.pk])
            except _Stop as stop:
                self._refuse(clean, stop)
                continue
            postings += found
            self._change_loan(loan, clean, parts)
            self._borrower(clean, bytes(loan.tape_digest), borrowers, rows)
            rows.facts["loan.changed"].append(
                {"borrower": loan.borrower_id, "loan": loan.pk, "fields": parts}
            )
            self.outcome.updated += 1
            self.outcome.changes.update(parts)
        self._write(rows)
        post(postings, by=self.by, at=self.at, stream=self.stream)
        self.outcome.touched.update(posting.loan_id for posting in postings)

    def _locked(
        self, changed: Sequence[tuple[Loan, CleanLoan, list[str]]]
    ) -> list[tuple[Loan, CleanLoan, list[str]]]:
        """Lock the loans before their books are read; whoever posted on them meanwhile has finished then."""
        locked = lock_loans(loan.pk for loan, _clean, _parts in changed)
        still = []
        for loan, clean, _parts in changed:
            loan.tape_digest = locked[loan.pk].tape_digest
            if parts := changed_parts(loan.tape_digest, tape_digest(clean)):
                still.append((loan, clean, parts))
            else:
                self.outcome.unchanged += 1
        return still

    def _change_loan(self, loan: Loan, clean: CleanLoan, parts: list[str]) -> None:
        loan.product = clean.product
        loan.disbursed_on = clean.disbursed_on
        loan.tape_digest = tape_digest(clean)
        loan.save()
        # The schedule comes to what was taken over; charges that came later are due on their own day.
        if "schedule" in parts and clean.total == sum(each.amount for each in loan.instalments.all()):
            loan.instalments.all().delete()
            Instalment.objects.bulk_create(
                Instalment(loan=loan, number=number, due_on=due.due_on, amount=due.amount)
                for number, due in enumerate(sorted(clean.instalments), 1)
            )

    def _postings(self, loan: Loan, clean: CleanLoan, entries: Sequence[LedgerEntry]) -> list[Posting]:
        """What the ledger needs to agree with the tape. Raises `_Stop` where the tape takes back what was booked."""
        found = []
        opening = next(entry for entry in entries if entry.kind == EntryKind.OPENING)
        if loan.borrower.external_index != customer_index(clean.borrower.external_id):
            raise _Stop(Code.OTHER_BORROWER, "borrower_id")
        if clean.principal != opening.principal:
            raise _Stop(Code.OPENING_CHANGED, "principal")
        found += self._more_charged(loan, clean, entries)
        known = {entry.reference: entry for entry in entries if entry.kind in MONEY}
        for credit in clean.credits:
            amount = credit.amount
            if credit.kind == CreditKind.TO_DATE:
                # The tape speaks for all that was paid up to that day, whoever told us first.
                amount -= -sum(
                    entry.amount
                    for entry in entries
                    if entry.kind in (*MONEY, *TAKES_BACK) and entry.value_date <= credit.value_date
                )
                if amount < 0:
                    raise _Stop(Code.PAID_SHRANK, "paid")
                if amount == 0:
                    continue
            elif booked := known.pop(credit.reference, None):
                if (booked.value_date, -booked.amount) != (credit.value_date, credit.amount):
                    raise _Stop(Code.BOOKED_OTHERWISE)
                continue
            found.append(
                Posting(
                    loan_id=loan.pk,
                    kind=EntryKind.REPAYMENT,
                    reference=f"{credit.reference}:{self.run}"
                    if credit.kind == CreditKind.TO_DATE
                    else credit.reference,
                    value_date=credit.value_date,
                    amount=amount,
                )
            )
        return found

    def _more_charged(self, loan: Loan, clean: CleanLoan, entries: Sequence[LedgerEntry]) -> list[Posting]:
        """Interest and fees that became known since: charged on the day the tape speaks for. Less than was booked is
        refused; a waiver is not read off a tape."""
        found = []
        for column, kind in (("interest", EntryKind.INTEREST), ("fees", EntryKind.FEE)):
            # What we charged for being late is none of the tape's.
            booked = sum(
                getattr(entry, column)
                for entry in entries
                if entry.kind in CHARGES and not entry.reference.startswith("late_")
            )
            more = getattr(clean, column) - booked
            if more < 0:
                raise _Stop(Code.OPENING_CHANGED, column)
            if more and charges_paused(loan, clean.as_of):
                raise _Stop(Code.CHARGES_PAUSED, column)
            if more:
                found.append(
                    Posting(
                        loan_id=loan.pk,
                        kind=kind,
                        reference=f"tape:{self.run}",
                        value_date=clean.as_of,
                        amounts={column: more},
                    )
                )
        return found

    def _refuse(self, clean: CleanLoan, stop: _Stop) -> None:
        self.outcome.refuse(
            Refused(clean.rows, (Refusal(clean.rows[0], stop.column, stop.code, stop.params),), ())
        )

    def _write(self, rows: _Rows) -> None:
        rows.write()
        for event, facts in rows.facts.items():
            record_many(event, stream=self.stream, by=self.by, at=self.at, rows=facts, count=len(facts))


def _identity(clean: CleanBorrower) -> dict[str, str]:
    """What is sealed of a person; a tape without names still has the customer id."""
    identity = {
        "name": clean.name,
        "national_id": clean.national_id,
        "born_on": str(clean.birth_year or ""),
        "address": " ".join(part for part in (clean.zip, clean.state, clean.country) if part),
    }
    return {key: value for key, value in identity.items() if value or key == "name"}
