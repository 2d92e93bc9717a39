"""The ledger: opening a loan, charging, paying, forgiving, reversing, writing off. Entries are only ever added.

Every posting locks its loan, adds the entry, and brings the books to where the waterfall by value date puts
them (`accounts/waterfall.py`): on every date whose stored components differ from the canonical ones, one
re-allocation of sum zero is added with that value date. So whatever order things arrive in, the components,
their sums and the standing on any date are the same.

A reversal carries the value date of what it reverses: money that bounced never came, and the days count on.
When we learned of it stands in `booked_at`. A waiver that is taken back was never given, in the same way.

A chargeback counts from its own value date: the money was there until then, the days in between were not late, and what
was decided on them stays explained. From its day on the payment is left out as a reversed one is. Both are functions of
the facts, so the order in which we learn them matters to neither.

A write-off gives up what its day left open, as far as we know today: a payment of before that arrives later makes it
smaller, one that is reversed makes it larger. Money after it is a recovery: it pays what was charged since, takes back
from what was written off, and the rest is the borrower's credit. Entries of kind write-off that follow say by how much.
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
from accounts.models import (
    Basis,
    Borrower,
    EntryKind,
    Instalment,
    LedgerEntry,
    Loan,
    Pause,
    Paused,
    Portfolio,
)
from accounts.seal import row_digest
from accounts.waterfall import (
    COMPONENTS,
    CREDIT,
    ZERO,
    Allocation,
    Charge,
    Credit,
    WriteOff,
    allocate,
    repost,
)
from compliance.audit import Actor, Stream, record, record_many

CHARGES = (EntryKind.OPENING, EntryKind.FEE, EntryKind.INTEREST)
MONEY = (EntryKind.REPAYMENT, EntryKind.RECOVERY)
FORGIVES = (EntryKind.WAIVER, EntryKind.WAIVER_BACK)
CREDITS = (*MONEY, EntryKind.WAIVER, EntryKind.TRANSFER)
TAKES_BACK = (EntryKind.REVERSAL, EntryKind.CHARGEBACK)


class LedgerRefused(Exception):
    """A posting that cannot be. `code` for machines; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is to be posted on a loan. `amounts`: minor units by component, none negative; for a repayment or a waiver
    leave it empty and give `amount`, the waterfall splits it. A waiver with `amounts` forgives exactly these
    components. A reversal needs neither, its reference names the repayment; so does that of a chargeback, whose
    `amount` may be a part. That of a waiver taken back names the waiver. A write-off needs neither. A transfer out has
    `amounts` (principal), one in has `amount`.

    A repayment that counts from after a write-off is booked as a recovery; nobody need know."""

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

    Raises `LedgerRefused`: reference_reused (posted before with another amount or date), nothing_to_reverse, taken_back
    (reversed or charged back before), beyond_payment (a chargeback of more, or dated before its payment), not_positive,
    not_owed (a waiver of components beyond what is owed of them; a write-off of nothing), written_off (before),
    charges_paused (a fee or interest on a day on which a hold stops charges).
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
    _refuse_paused(added, loans)
    LedgerEntry.objects.bulk_create(added, batch_size=2000)
    record_posted(added, loans, by=by, at=at, stream=stream)
    return answers


def _refuse_paused(added: Sequence[LedgerEntry], loans: Mapping[UUID, Loan]) -> None:
    """The database refuses such a charge too; here is the sentence. Who is just opening a hold is waited for."""
    charged = [entry for entry in added if entry.kind in (EntryKind.FEE, EntryKind.INTEREST)]
    if not charged:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM accounts_borrower WHERE id = ANY(%s) ORDER BY id FOR SHARE",
            [list({entry.borrower_id for entry in charged})],
        )
    for entry in charged:
        if charges_paused(loans[entry.loan_id], entry.value_date):
            raise LedgerRefused("charges_paused", _("A hold stops charges on that day."))


def charges_paused(loan: Loan, on: date) -> bool:
    """Whether a hold keeps anything from being charged on this loan on a day."""
    return Pause.objects.of_loan(loan).on(on).filter(what=Paused.CHARGES).exists()


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
    known = _known(existing, posting)
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
    order = loan.portfolio.allocation_order
    if posting.kind in (EntryKind.REVERSAL, EntryKind.WAIVER_BACK):
        reversed_entry = _taken_back(existing, posting)
        entry.value_date = reversed_entry.value_date
        for part in ZERO:
            setattr(entry, part, -getattr(reversed_entry, part))
    else:
        if posting.value_date is None:
            raise ValueError("A posting needs its value date.")
        entry.value_date = posting.value_date
        if posting.kind == EntryKind.CHARGEBACK:
            _charge_back(existing, entry, posting, order)
        elif posting.kind == EntryKind.WRITE_OFF:
            _give_up(existing, entry, order)
        elif posting.kind in CREDITS and posting.amounts is None:
            if posting.amount <= 0:
                raise LedgerRefused("not_positive", _("What is posted must be above zero."))
            if posting.kind == EntryKind.REPAYMENT and _written_off_before(existing, entry.value_date):
                entry.kind = EntryKind.RECOVERY
            _put(entry, _split_on_its_day(existing, entry, posting.amount, order), -1)
        elif posting.kind == EntryKind.WAIVER:
            _forgive_named(existing, entry, posting.amounts or {}, order)
        else:
            _put(entry, posting.amounts or {}, 1)
    if not existing and _is_charge(entry):
        # The first charge finds no credit that it could move.
        return entry, [entry]
    moved = _followers(loan, [*existing, entry], cause=entry, at=at)
    return entry, [entry, *moved]


def _put(entry: LedgerEntry, amounts: Mapping[str, int], sign: int) -> None:
    for part, amount in amounts.items():
        setattr(entry, part, sign * amount)


def _find(entries: Iterable[LedgerEntry], kind: str, reference: str) -> LedgerEntry | None:
    return next((each for each in entries if each.kind == kind and each.reference == reference), None)


def _known(entries: Sequence[LedgerEntry], posting: Posting) -> LedgerEntry | None:
    """The entry of the same posting before. A repayment may have been booked as a recovery."""
    kinds = MONEY if posting.kind in MONEY else (posting.kind,)
    return next((found for kind in kinds if (found := _find(entries, kind, posting.reference))), None)


def _taken_back(entries: Sequence[LedgerEntry], posting: Posting) -> LedgerEntry:
    if posting.kind == EntryKind.REVERSAL:
        return _payment(entries, posting.reference)
    waiver = _find(entries, EntryKind.WAIVER, posting.reference)
    if waiver is None:
        raise LedgerRefused("nothing_to_reverse", _("There is no such waiver on this loan."))
    return waiver


def _payment(entries: Sequence[LedgerEntry], reference: str) -> LedgerEntry:
    """The payment of a reference that stands, to be taken back."""
    payment = _find(entries, EntryKind.REPAYMENT, reference) or _find(entries, EntryKind.RECOVERY, reference)
    if payment is None:
        raise LedgerRefused("nothing_to_reverse", _("There is no such payment on this loan."))
    if any(_find(entries, kind, reference) for kind in TAKES_BACK):
        raise LedgerRefused("taken_back", _("This payment was taken back before."))
    return payment


def _written_off_before(entries: Iterable[LedgerEntry], day: date) -> bool:
    return any(
        each.kind == EntryKind.WRITE_OFF and each.basis != Basis.FOLLOWS and each.value_date < day
        for each in entries
    )


def _charge_back(
    existing: Sequence[LedgerEntry], entry: LedgerEntry, posting: Posting, order: Sequence[str]
) -> None:
    """The payment, or a part of it, out of what it paid as of the day: the borrower's credit first, what it paid first
    last."""
    payment = _payment(existing, posting.reference)
    left = posting.amount or -total(payment)
    if not 0 < left <= -total(payment) or entry.value_date < payment.value_date:
        raise LedgerRefused(
            "beyond_payment", _("No more is taken back than was paid, and not before it was paid.")
        )
    split = _Facts(existing).allocated(entry.value_date, order).splits[_credit_key(payment)]
    for part in (CREDIT, *reversed(order)):
        back = min(left, split[part])
        setattr(entry, part, back)
        left -= back


def _give_up(existing: Sequence[LedgerEntry], entry: LedgerEntry, order: Sequence[str]) -> None:
    if any(each.kind == EntryKind.WRITE_OFF for each in existing):
        raise LedgerRefused("written_off", _("This loan was written off before."))
    owed = _Facts(existing).allocated(entry.value_date, order).outstanding
    if not any(owed.values()):
        raise LedgerRefused("not_owed", _("Nothing is owed that could be written off."))
    _put(entry, owed, -1)


def _forgive_named(
    existing: Sequence[LedgerEntry], entry: LedgerEntry, amounts: Mapping[str, int], order: Sequence[str]
) -> None:
    """Exactly these components, none of them more than is owed on the day."""
    named = {part: amount for part, amount in amounts.items() if amount}
    if not named or min(named.values()) < 0:
        raise LedgerRefused("not_positive", _("What is posted must be above zero."))
    if unknown := named.keys() - set(COMPONENTS):
        raise ValueError(f"unknown components {sorted(unknown)!r}")
    owed = _Facts(existing).allocated(entry.value_date, order).outstanding
    if any(amount > owed[part] for part, amount in named.items()):
        raise LedgerRefused(
            "not_owed", _("No more can be forgiven of a part than is owed of it on that day.")
        )
    entry.basis = Basis.NAMED
    _put(entry, named, -1)


def _check_same(known: LedgerEntry, posting: Posting) -> None:
    if posting.kind in (EntryKind.REVERSAL, EntryKind.WAIVER_BACK, EntryKind.WRITE_OFF):
        return
    if posting.kind == EntryKind.CHARGEBACK:
        wanted = posting.amount or total(known)
    elif posting.kind in CREDITS and posting.amounts is None:
        wanted = -posting.amount
    else:
        wanted = sum((posting.amounts or {}).values())
        if posting.kind == EntryKind.WAIVER:
            wanted = -wanted
    same_parts = (
        posting.kind != EntryKind.WAIVER
        or posting.amounts is None
        or all(-getattr(known, part) == posting.amounts.get(part, 0) for part in COMPONENTS)
    )
    if (known.value_date, total(known)) != (posting.value_date, wanted) or not same_parts:
        raise LedgerRefused(
            "reference_reused", _("This reference was posted before, with another amount or date.")
        )


def total(entry: LedgerEntry) -> int:
    """The entry's amount, also before the database has generated it."""
    return sum(getattr(entry, part) for part in ZERO)


def _is_charge(entry: LedgerEntry) -> bool:
    """What left with a transfer is owed again where the credit it was taken from turns out not to be there."""
    return entry.kind in CHARGES or (entry.kind == EntryKind.TRANSFER and total(entry) > 0)


class _Facts:
    """What the waterfall takes: keys say what a thing is, never when it reached us. A reversed payment and a waiver taken
    back are left out, a payment that was charged back from the day of that."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        entries = list(entries)
        reversed_references = {each.reference for each in entries if each.kind == EntryKind.REVERSAL}
        owed_again = {each.reference for each in entries if each.kind == EntryKind.WAIVER_BACK}
        self.charged_back = {
            each.reference: (each.value_date, total(each))
            for each in entries
            if each.kind == EntryKind.CHARGEBACK
        }
        self.charges = [
            Charge(
                entry.value_date,
                f"{entry.kind}:{entry.reference}",
                {part: getattr(entry, part) for part in COMPONENTS},
            )
            for entry in entries
            if _is_charge(entry)
        ]
        self.credited = [
            (_credit(entry, -total(entry)), entry.reference if entry.kind in MONEY else None)
            for entry in entries
            if entry.kind in CREDITS
            and not _is_charge(entry)
            and not (entry.kind in MONEY and entry.reference in reversed_references)
            and not (entry.kind == EntryKind.WAIVER and entry.reference in owed_again)
        ]
        self.write_offs = [
            WriteOff(entry.value_date, entry.reference)
            for entry in entries
            if entry.kind == EntryKind.WRITE_OFF and entry.basis != Basis.FOLLOWS
        ]

    def allocated(self, day: date, order: Sequence[str], also: Sequence[Credit] = ()) -> Allocation:
        """By all that counts up to and including a day."""
        credited = [
            standing
            for credit, reference in self.credited
            if credit.value_date <= day and (standing := self._on(credit, reference, day)).amount > 0
        ]
        return allocate(
            [charge for charge in self.charges if charge.value_date <= day],
            [*credited, *also],
            order,
            [each for each in self.write_offs if each.value_date <= day],
        )

    def _on(self, credit: Credit, reference: str | None, day: date) -> Credit:
        since, back = self.charged_back.get(reference, (None, 0)) if reference is not None else (None, 0)
        return credit._replace(amount=credit.amount - back) if since is not None and since <= day else credit


def _credit(entry: LedgerEntry, amount: int) -> Credit:
    named = entry.kind == EntryKind.WAIVER and entry.basis == Basis.NAMED
    first = {part: -getattr(entry, part) for part in COMPONENTS} if named else None
    return Credit(entry.value_date, _credit_key(entry), amount, first, entry.kind in MONEY)


def _credit_key(entry: LedgerEntry) -> str:
    """A provider's reference may read like one of ours. On one day what was paid counts before what is forgiven, and a
    recovery is a payment by another name."""
    kind = EntryKind.REPAYMENT if entry.kind == EntryKind.RECOVERY else entry.kind
    return f"{kind}:{entry.reference}"


def _split_on_its_day(
    existing: Sequence[LedgerEntry], entry: LedgerEntry, amount: int, order: Sequence[str]
) -> dict[str, int]:
    """How a repayment splits among all that is known with a value date up to its own. Minor units,
    positive."""
    credit = _credit(entry, amount)
    return _Facts(existing).allocated(entry.value_date, order, [credit]).splits[credit.key]


def _followers(
    loan: Loan, entries: Sequence[LedgerEntry], *, cause: LedgerEntry, at: datetime
) -> list[LedgerEntry]:
    """The entries that bring the stored components of every date to the canonical ones: at most one write-off that follows
    and one of sum zero a date. Nothing before the value date of the cause can have moved."""
    facts = _Facts(entries)
    stored: dict[date, dict[str, int]] = defaultdict(lambda: dict(ZERO))
    for entry in entries:
        if not _is_charge(entry):
            for part in ZERO:
                stored[entry.value_date][part] -= getattr(entry, part)
    running = dict(ZERO)
    moved = []
    for day in sorted({*stored, *(charge.value_date for charge in facts.charges)}):
        for part, amount in stored[day].items():
            running[part] += amount
        if day < cause.value_date:
            continue
        canonical = facts.allocated(day, loan.portfolio.allocation_order).total
        parts = []
        given_up = sum(canonical.values()) - sum(running.values())
        if given_up and facts.write_offs:
            more = _one_sign(given_up, {part: canonical[part] - running[part] for part in ZERO})
            parts.append((EntryKind.WRITE_OFF, Basis.FOLLOWS, more))
            running = {part: amount + more.get(part, 0) for part, amount in running.items()}
        if difference := repost(running, canonical):
            parts.append((EntryKind.REALLOCATION, Basis.WATERFALL, difference))
            running = canonical
        moved += [
            LedgerEntry(
                id=uuid7(),
                borrower_id=loan.borrower_id,
                loan=loan,
                kind=kind,
                basis=basis,
                value_date=day,
                booked_at=at,
                reference=f"{cause.pk}:{day}",
                **{part: -amount for part, amount in amounts.items()},
            )
            for kind, basis, amounts in parts
        ]
    return moved


def _one_sign(amount: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """As much of what is wanted as has the amount's sign, up to the amount: a write-off gives up or takes back, never both
    at once."""
    sign = 1 if amount > 0 else -1
    left, parts = abs(amount), {}
    for part, difference in wanted.items():
        if taken := min(left, max(0, sign * difference)):
            parts[part] = sign * taken
            left -= taken
    return parts


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
