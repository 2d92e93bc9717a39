"""The ledger: opening a loan, charging, paying, forgiving, reversing. Entries are only ever added.

Every posting locks its loan, adds the entry, and brings the books to where the waterfall by value date puts
them (`accounts/waterfall.py`): on every date whose stored components differ from the canonical ones, one
re-allocation of sum zero is added with that value date. So whatever order things arrive in, the components,
their sums and the standing on any date are the same.

A reversal carries the value date of what it reverses: money that bounced never came, and the days count on.
When we learned of it stands in `booked_at`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts import money
from accounts.models import Borrower, EntryKind, Instalment, LedgerEntry, Loan, Portfolio
from accounts.seal import row_digest
from accounts.waterfall import COMPONENTS, ZERO, Charge, Credit, allocate, repost
from compliance.audit import Actor, Stream, record, record_many

CHARGES = (EntryKind.OPENING, EntryKind.FEE, EntryKind.INTEREST)
CREDITS = (EntryKind.REPAYMENT, EntryKind.WAIVER)
NAMED = "waiver:"
"""How the reference of a waiver by component begins: what its entry says is what was forgiven of each."""


class LedgerRefused(Exception):
    """A posting that cannot be. `code` for machines; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is to be posted on a loan. `amounts`: minor units by component, none negative; for a repayment leave
    it empty and give `amount`, the waterfall splits it; a waiver has either: by component its reference begins with
    `NAMED`. A reversal needs neither, its reference names the repayment."""

    loan_id: UUID
    kind: str
    reference: str
    value_date: date | None = None
    amounts: Mapping[str, int] | None = None
    amount: int = 0


class Due(NamedTuple):
    """One instalment of a new loan's schedule, minor units."""

    due_on: date
    amount: int


@transaction.atomic
def open_loan(
    *,
    borrower: Borrower,
    portfolio: Portfolio,
    external_id: str,
    principal: int,
    instalments: Sequence[tuple[date, int]],
    by: Actor,
    at: datetime,
    interest: int = 0,
    fees: int = 0,
    value_date: date | None = None,
    disbursed_on: date | None = None,
    product: str = "",
    tape_digest: bytes | None = None,
) -> Loan:
    """Take over a loan with what was owed on it at the beginning, in minor units of the portfolio's
    currency. The schedule must come to exactly that. The opening counts from `value_date`, else from the
    disbursement, else from the first due date. Raises `LedgerRefused` (negative, not_positive, schedule_sum,
    other_entity)."""
    total = principal + interest + fees
    if min(principal, interest, fees) < 0 or any(amount <= 0 for _due_on, amount in instalments):
        raise LedgerRefused("negative", _("An amount owed cannot be negative."))
    if total == 0:
        raise LedgerRefused("not_positive", _("Nothing is owed on this loan."))
    if sum(amount for _due_on, amount in instalments) != total:
        raise LedgerRefused("schedule_sum", _("The instalments do not add up to the amount of the loan."))
    if borrower.entity_id != portfolio.entity_id:
        raise LedgerRefused("other_entity", _("Borrower and portfolio belong to different legal entities."))
    loan = Loan.objects.create(
        borrower=borrower,
        portfolio=portfolio,
        external_id=external_id,
        product=product,
        disbursed_on=disbursed_on,
        tape_digest=tape_digest or row_digest(external_id.encode()),
    )
    schedule = sorted(Due(*instalment) for instalment in instalments)
    Instalment.objects.bulk_create(
        Instalment(loan=loan, number=number, due_on=due.due_on, amount=due.amount)
        for number, due in enumerate(schedule, 1)
    )
    record(
        "loan.imported",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        borrower=borrower.pk,
        loan=loan.pk,
        currency=portfolio.currency,
        principal=money.decimal_text(principal, portfolio.currency),
        interest=money.decimal_text(interest, portfolio.currency),
        fees=money.decimal_text(fees, portfolio.currency),
        paid=money.decimal_text(0, portfolio.currency),
        instalments=len(schedule),
    )
    post(
        [
            Posting(
                loan_id=loan.pk,
                kind=EntryKind.OPENING,
                reference="opening",
                value_date=value_date or disbursed_on or schedule[0].due_on,
                amounts={"principal": principal, "interest": interest, "fees": fees},
            )
        ],
        by=by,
        at=at,
    )
    return loan


def post_charge(
    *, loan: Loan, kind: str, amount: int, value_date: date, reference: str, by: Actor, at: datetime
) -> LedgerEntry:
    """A fee or interest charged after the opening, due on its value date. It first takes what the borrower
    had paid beyond the debt. The same reference again with the same amount and date changes nothing; with
    others it raises `LedgerRefused` (reference_reused)."""
    components = {EntryKind.FEE: "fees", EntryKind.INTEREST: "interest"}
    if kind not in components:
        raise ValueError(f"{kind!r} is not charged.")
    if amount <= 0:
        raise LedgerRefused("not_positive", _("A charge must be above zero."))
    amounts = {components[EntryKind(kind)]: amount}
    [entry] = post(
        [Posting(loan_id=loan.pk, kind=kind, reference=reference, value_date=value_date, amounts=amounts)],
        by=by,
        at=at,
    )
    return entry


@transaction.atomic
def post(
    postings: Sequence[Posting], *, by: Actor, at: datetime, stream: Stream | None = None
) -> list[LedgerEntry]:
    """Add these postings, and the re-allocations they cause, to their loans; returns the entry of each
    posting, the one already there where the reference was posted before. Loans are locked in the order of
    their keys. Events go to each borrower's stream, or all to `stream`.

    Raises `LedgerRefused`: reference_reused (posted before with another amount or date), nothing_to_reverse.
    """
    loans = lock_loans({posting.loan_id for posting in postings})
    entries: dict[UUID, list[LedgerEntry]] = {loan_id: [] for loan_id in loans}
    for entry in LedgerEntry.objects.filter(loan__in=list(loans)):
        entries[entry.loan_id].append(entry)
    added: list[LedgerEntry] = []
    answers: list[LedgerEntry] = []
    for posting in postings:
        loan = loans[posting.loan_id]
        entry, new = entries_for(loan, entries[loan.pk], posting, at=at)
        entries[loan.pk] += new
        added += new
        answers.append(entry)
    LedgerEntry.objects.bulk_create(added, batch_size=2000)
    record_posted(added, loans, by=by, at=at, stream=stream)
    return answers


def lock_loans(loan_ids: Iterable[UUID]) -> dict[UUID, Loan]:
    """The loans with their portfolios, locked until the transaction ends, in the order of their keys: two
    transactions that want the same loans wait for each other and never deadlock.

    Call it before the first event: numbering one locks its stream. Everywhere the order is cases, payments,
    loans, borrowers, streams. The borrowers are held as the foreign key of an entry would hold them: nobody
    else who posts waits, the gate does.
    """
    locked = (
        Loan.objects.select_for_update(of=("self",), no_key=True)
        .select_related("portfolio")
        .filter(pk__in=set(loan_ids))
        .order_by("pk")
    )
    loans = {loan.pk: loan for loan in locked}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM accounts_borrower WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
            [list({loan.borrower_id for loan in loans.values()})],
        )
    return loans


def entries_for(
    loan: Loan, existing: Sequence[LedgerEntry], posting: Posting, *, at: datetime
) -> tuple[LedgerEntry, list[LedgerEntry]]:
    """The entry of a posting and all unsaved entries it needs, given all entries of the loan. Touches no
    database, so that an import may call it for many loans and write the rows itself. `LedgerRefused` as
    `post`."""
    known = _find(existing, posting.kind, posting.reference)
    if known is not None:
        _check_same(known, posting)
        return known, []
    entry = LedgerEntry(
        id=uuid7(),
        borrower_id=loan.borrower_id,
        loan=loan,
        kind=posting.kind,
        reference=posting.reference,
        booked_at=at,
    )
    if posting.kind == EntryKind.REVERSAL:
        reversed_entry = _find(existing, EntryKind.REPAYMENT, posting.reference)
        if reversed_entry is None:
            raise LedgerRefused("nothing_to_reverse", _("There is no such payment on this loan."))
        entry.value_date = reversed_entry.value_date
        for part in ZERO:
            setattr(entry, part, -getattr(reversed_entry, part))
    else:
        if posting.value_date is None:
            raise ValueError("A posting needs its value date.")
        entry.value_date = posting.value_date
        if posting.kind == EntryKind.WAIVER and posting.amounts:
            if not posting.reference.startswith(NAMED) or min(posting.amounts.values()) < 0:
                raise ValueError("A waiver by component has its own kind of reference, and nothing negative.")
            for part, amount in posting.amounts.items():
                setattr(entry, part, -amount)
        elif posting.kind in CREDITS:
            split = _split_on_its_day(existing, entry, posting.amount, loan.portfolio.allocation_order)
            for part, amount in split.items():
                setattr(entry, part, -amount)
        else:
            for part, amount in (posting.amounts or {}).items():
                setattr(entry, part, amount)
    moved = _reallocations(loan, [*existing, entry], cause=entry, at=at)
    return entry, [entry, *moved]


def _find(entries: Iterable[LedgerEntry], kind: str, reference: str) -> LedgerEntry | None:
    return next((each for each in entries if each.kind == kind and each.reference == reference), None)


def _check_same(known: LedgerEntry, posting: Posting) -> None:
    if posting.kind == EntryKind.REVERSAL:
        return
    wanted = sum((posting.amounts or {}).values())
    if posting.kind in CREDITS:
        wanted = -(wanted or posting.amount)
    if (known.value_date, total(known)) != (posting.value_date, wanted):
        raise LedgerRefused(
            "reference_reused", _("This reference was posted before, with another amount or date.")
        )


def total(entry: LedgerEntry) -> int:
    """The entry's amount, also before the database has generated it."""
    return sum(getattr(entry, part) for part in ZERO)


def _charges_and_credits(entries: Iterable[LedgerEntry]) -> tuple[list[Charge], list[Credit]]:
    """What the waterfall takes: keys say what a thing is, never when it reached us. A reversed payment is
    left out."""
    entries = list(entries)
    reversed_references = {entry.reference for entry in entries if entry.kind == EntryKind.REVERSAL}
    charges = [
        Charge(
            entry.value_date,
            f"{entry.kind}:{entry.reference}",
            {part: getattr(entry, part) for part in COMPONENTS},
        )
        for entry in entries
        if entry.kind in CHARGES
    ]
    credited = [
        Credit(entry.value_date, _credit_key(entry), -total(entry), _meant_for(entry))
        for entry in entries
        if entry.kind == EntryKind.WAIVER
        or (entry.kind == EntryKind.REPAYMENT and entry.reference not in reversed_references)
    ]
    return charges, credited


def _meant_for(entry: LedgerEntry) -> dict[str, int] | None:
    """Minor units by component that a waiver by component was meant for."""
    if entry.kind != EntryKind.WAIVER or not entry.reference.startswith(NAMED):
        return None
    return {part: -getattr(entry, part) for part in COMPONENTS}


def _credit_key(entry: LedgerEntry) -> str:
    """A provider's reference may read like one of ours. On one day what was paid counts before what is forgiven."""
    return f"{entry.kind}:{entry.reference}"


def _split_on_its_day(
    existing: Sequence[LedgerEntry], entry: LedgerEntry, amount: int, order: Sequence[str]
) -> dict[str, int]:
    """How a repayment splits among all that is known with a value date up to its own. Minor units,
    positive."""
    charges, credited = _charges_and_credits(each for each in existing if each.value_date <= entry.value_date)
    credit = Credit(entry.value_date, _credit_key(entry), amount)
    return allocate(charges, [*credited, credit], order).splits[credit.key]


def _reallocations(
    loan: Loan, entries: Sequence[LedgerEntry], *, cause: LedgerEntry, at: datetime
) -> list[LedgerEntry]:
    """The zero-sum entries that bring the stored components of every date to the canonical ones, at most
    one a date. Nothing before the value date of the cause can have moved."""
    charges, credited = _charges_and_credits(entries)
    stored: dict[date, dict[str, int]] = defaultdict(lambda: dict(ZERO))
    for entry in entries:
        if entry.kind not in CHARGES:
            for part in ZERO:
                stored[entry.value_date][part] -= getattr(entry, part)
    running = dict(ZERO)
    moved = []
    for day in sorted({*stored, *(charge.value_date for charge in charges)}):
        for part, amount in stored[day].items():
            running[part] += amount
        if day < cause.value_date:
            continue
        canonical = allocate(
            [charge for charge in charges if charge.value_date <= day],
            [credit for credit in credited if credit.value_date <= day],
            loan.portfolio.allocation_order,
        ).total
        difference = repost(running, canonical)
        if difference:
            moved.append(
                LedgerEntry(
                    id=uuid7(),
                    borrower_id=loan.borrower_id,
                    loan=loan,
                    kind=EntryKind.REALLOCATION,
                    value_date=day,
                    booked_at=at,
                    reference=f"{cause.pk}:{day}",
                    **{part: -amount for part, amount in difference.items()},
                )
            )
            running = canonical
    return moved


def record_posted(
    entries: Sequence[LedgerEntry],
    loans: Mapping[UUID, Loan],
    *,
    by: Actor,
    at: datetime,
    stream: Stream | None,
) -> None:
    by_stream: dict[Stream, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        by_stream[stream or Stream.borrower(entry.borrower_id)].append(entry)
    # In the order of their keys, as the loans: streams are locked too.
    for each in sorted(by_stream, key=lambda stream: stream.ref):
        rows = by_stream[each]
        record_many(
            "ledger.posted",
            stream=each,
            by=by,
            at=at,
            rows=({"borrower": entry.borrower_id} | _facts(entry, loans[entry.loan_id]) for entry in rows),
            count=len(rows),
        )


def _facts(entry: LedgerEntry, loan: Loan) -> dict[str, object]:
    currency = loan.portfolio.currency
    return {
        "loan": loan.pk,
        "entry": entry.pk,
        "entry_kind": entry.kind,
        "value_date": entry.value_date,
        "currency": currency,
        "amount": money.decimal_text(total(entry), currency),
        **{part: money.decimal_text(getattr(entry, part), currency) for part in ZERO},
    }
