"""What is owed and how it came about: the overdue items, each with what was paid on it, and what is not due yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actions.ledger import FORGIVES, MONEY, TAKES_BACK
from accounts.models import EntryKind
from accounts.standing import Standing
from cases.desk.facts import Booking, Due
from cases.models import Case
from cases.words import amount as in_words
from cases.words import day

COMPONENTS = (
    ("principal", gettext_lazy("principal"), gettext_lazy("What was lent and is not paid back yet.")),
    ("interest", gettext_lazy("interest"), gettext_lazy("The charge agreed in the contract.")),
    ("fees", gettext_lazy("fees"), gettext_lazy("Fees by the contract; each is in the timeline.")),
)


@dataclass(frozen=True)
class Part:
    label: str
    amount: int
    why: str


@dataclass(frozen=True)
class Sum:
    amount: int
    on: date


@dataclass(frozen=True)
class Money:
    """Minor units of the portfolio's currency. `parts` add up to `owed_now`."""

    owed_now: int
    parts: list[Part]
    rest: int | None
    paid: int
    forgiven: int
    written_off: int
    credit: int
    last_payment: Sum | None
    next_due: Sum | None


def money(
    case: Case, standing: Standing, bookings: Sequence[Booking], instalments: Sequence[Due], on: date
) -> Money:
    """`bookings` and `instalments` are the loan's ledger and its schedule, oldest first."""
    payments = [booking for booking in bookings if booking.kind in MONEY]
    paid = -sum(each.amount for each in bookings if each.kind in (*MONEY, *TAKES_BACK))
    forgiven = -sum(each.amount for each in bookings if each.kind in FORGIVES)
    written_off = -sum(each.amount for each in bookings if each.kind == EntryKind.WRITE_OFF)
    moved_in = -sum(each.amount for each in bookings if each.kind == EntryKind.TRANSFER and each.amount < 0)
    last = max(payments, key=lambda payment: payment.value_date, default=None)
    coming = next((due for due in instalments if due.due_on >= on), None)
    rest = standing.outstanding - standing.arrears
    return Money(
        owed_now=standing.arrears,
        parts=_parts(case, standing, bookings, instalments, paid + forgiven + written_off + moved_in, on),
        rest=rest if rest > 0 else None,
        paid=paid,
        forgiven=forgiven,
        written_off=written_off,
        credit=standing.credit,
        last_payment=Sum(-last.amount, last.value_date) if last else None,
        next_due=Sum(coming.amount, coming.due_on) if coming and rest > 0 else None,
    )


def _parts(
    case: Case,
    standing: Standing,
    bookings: Sequence[Booking],
    instalments: Sequence[Due],
    covered: int,
    on: date,
) -> list[Part]:
    """By component where everything is due; otherwise by the item that is late, oldest first."""
    if standing.arrears == standing.outstanding:
        return [
            Part(str(label), amount, str(why))
            for name, label, why in COMPONENTS
            if (amount := getattr(standing, name))
        ]
    charges = [
        Due(each.value_date, each.amount)
        for each in bookings
        if each.kind in (EntryKind.FEE, EntryKind.INTEREST)
        or (each.kind == EntryKind.TRANSFER and each.amount > 0)
    ]
    parts = []
    for due in sorted([*instalments, *charges]):
        part = min(covered, due.amount)
        covered -= part
        if due.due_on < on and part < due.amount:
            why = (
                _("%(paid)s of %(amount)s is paid.")
                % {
                    "paid": in_words(part, case.portfolio.currency),
                    "amount": in_words(due.amount, case.portfolio.currency),
                }
                if part
                else ""
            )
            parts.append(Part(_("due on %(day)s") % {"day": day(due.due_on)}, due.amount - part, why))
    return parts
