"""What papers tell of a loan: its ledger as it was known at a moment, up to a date. Minor units of the portfolio's currency.

Entries are only ever added, so the same date and the same moment give the same facts for ever.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import EntryKind, LedgerEntry, Loan, Payment, PaymentState
from cases.models import Plan

PARTS = ("fees", "interest", "principal", "credit")
CHARGED = {"opening", "fee", "interest"}
PAID = {"repayment", "reversal", "chargeback", "recovery"}
FORGIVEN = {"waiver", "waiver_back"}
MOVED = {"reallocation"}
OFF_THE_BOOKS = {"write_off"}
"""Bookings of the lender's own accounts: what the borrower owes stays as it was."""


class PaperRefused(Exception):
    """The facts do not carry such a paper. `code` for machines; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Line:
    """One booking, and the sum of all up to it."""

    value_date: date
    booked_on: date
    kind: str
    fees: int
    interest: int
    principal: int
    credit: int
    balance: int

    @property
    def amount(self) -> int:
        return self.fees + self.interest + self.principal + self.credit


@dataclass(frozen=True, slots=True)
class Account:
    """A loan's bookings in the order of their days; sums are of these and of nothing else."""

    lines: tuple[Line, ...]

    def of(self, part: str, kinds: Iterable[str] | None = None) -> int:
        """The sum of a part, of some kinds of booking or of all."""
        return sum(getattr(line, part) for line in self.lines if kinds is None or line.kind in kinds)

    @property
    def outstanding(self) -> int:
        return self.of("amount")

    @property
    def owed(self) -> int:
        """What the borrower owes, whether the lender still has it on its books or not."""
        return sum(line.amount for line in self.lines if line.kind not in OFF_THE_BOOKS)

    @property
    def paid(self) -> int:
        return -self.of("amount", PAID)

    @property
    def forgiven(self) -> int:
        return -self.of("amount", FORGIVEN)

    @property
    def other_kinds(self) -> set[str]:
        return {line.kind for line in self.lines} - CHARGED - PAID - FORGIVEN - MOVED

    @property
    def settled_on(self) -> date | None:
        """The day from which nothing was owed any more; None while something is."""
        running, since = 0, None
        for line in self.lines:
            if line.kind in OFF_THE_BOOKS:
                continue
            running += line.amount
            since = None if running > 0 else since or line.value_date
        return since


def account(loan: Loan, *, on: date, at: datetime) -> Account:
    """The bookings that count up to a date (included) and were known at a moment."""
    entries = LedgerEntry.objects.filter(loan=loan, value_date__lte=on, booked_at__lte=at)
    lines, balance = [], 0
    for entry in entries.order_by("value_date", "booked_at", "pk"):
        balance += entry.amount
        lines.append(
            Line(
                value_date=entry.value_date,
                booked_on=loan.portfolio.business_date(entry.booked_at),
                kind=entry.kind,
                balance=balance,
                **{part: getattr(entry, part) for part in PARTS},
            )
        )
    return Account(tuple(lines))


@dataclass(frozen=True, slots=True)
class Booked:
    """A payment or a waiver with the parts it was counted towards when it was booked, positive."""

    value_date: date
    amount: int
    parts: dict[str, int]
    reference: str = ""


def payment(loan: Loan, subject: UUID | None, *, at: datetime) -> Booked:
    """A payment of the loan that stands. Raises `PaperRefused` (subject, taken_back)."""
    posted = Payment.objects.filter(loan=loan, state=PaymentState.POSTED, received_at__lte=at)
    found = posted.filter(pk=subject).first() if subject else None
    entries = LedgerEntry.objects.filter(loan=loan, booked_at__lte=at)
    entry = entries.filter(kind=EntryKind.REPAYMENT, reference=found.reference).first() if found else None
    if found is None or entry is None:
        raise PaperRefused("subject", _("Please choose a payment of this loan."))
    if entries.filter(kind__in=["reversal", "chargeback"], reference=found.reference).exists():
        raise PaperRefused("taken_back", _("This payment was taken back; there is no receipt for it."))
    return Booked(entry.value_date, -entry.amount, _parts(entry), found.reference)


def waiver(loan: Loan, subject: UUID | None, *, at: datetime) -> Booked:
    """A waiver of the loan that stands. Raises `PaperRefused` (subject, taken_back)."""
    entries = LedgerEntry.objects.filter(loan=loan, booked_at__lte=at)
    entry = entries.filter(kind=EntryKind.WAIVER, pk=subject).first() if subject else None
    if entry is None:
        raise PaperRefused("subject", _("Please choose a waiver of this loan."))
    if entries.filter(kind=EntryKind.WAIVER_BACK, reference=entry.reference).exists():
        raise PaperRefused("taken_back", _("This waiver was taken back; there is no agreement for it."))
    return Booked(entry.value_date, -entry.amount, _parts(entry))


def _parts(entry: LedgerEntry) -> dict[str, int]:
    return {part: -getattr(entry, part) for part in PARTS}


def plan(loan: Loan, subject: UUID | None) -> tuple[Plan, list[tuple[int, date, int]]]:
    """A plan of the loan and its parts: number, day, amount. Raises `PaperRefused` (subject, sum)."""
    found = Plan.objects.filter(pk=subject, case__loan=loan).first() if subject else None
    if found is None:
        raise PaperRefused("subject", _("Please choose a plan of this loan."))
    parts = list(found.instalments.order_by("number").values_list("number", "due_on", "amount"))
    if sum(amount for _number, _day, amount in parts) != found.total:
        raise PaperRefused("sum", _("The parts of this plan do not add up to its total."))
    return found, parts
