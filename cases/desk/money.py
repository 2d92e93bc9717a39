"""What is owed and how it came about: the overdue items, each with what was paid on it, what is not due yet, and all of it
by component."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from accounts.actions.ledger import FORGIVES, MONEY, TAKES_BACK
from accounts.models import EntryKind
from accounts.standing import Standing
from cases.desk.entries import Component, components, is_daily, name_of
from cases.desk.facts import Booking, Due
from cases.models import Case
from cases.words import amount as in_words
from cases.words import day


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
    """Minor units of the portfolio's currency. `parts` add up to `owed_now`, and are none where all that is owed is late:
    then `components` say it. These add up to `owed`, late or not."""

    owed_now: int
    parts: list[Part]
    owed: int
    components: list[Component]
    rest: int | None
    paid: int
    forgiven: int
    written_off: int
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
        owed=standing.outstanding,
        components=components(bookings, case.portfolio, on),
        rest=rest if rest > 0 else None,
        paid=paid,
        forgiven=forgiven,
        written_off=written_off,
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
    """By the item that is late, oldest first, what every night adds in one; none where everything is."""
    if standing.arrears == standing.outstanding:
        return []
    items = [(due.due_on, due.amount, "", False) for due in instalments] + [
        (each.value_date, each.amount, name_of(each), is_daily(each))
        for each in bookings
        if each.kind in (EntryKind.FEE, EntryKind.INTEREST)
        or (each.kind == EntryKind.TRANSFER and each.amount > 0)
    ]
    parts, nightly = [], []
    for due_on, due, name, daily in sorted(items):
        paid = min(covered, due)
        covered -= paid
        if due_on >= on or paid == due:
            continue
        if daily:
            nightly.append((due_on, due - paid))
        else:
            parts.append(_part(due_on, name, due, paid, case.portfolio.currency))
    if nightly:
        words = {"day": day(nightly[0][0])}
        parts.append(Part(_("late interest since %(day)s") % words, sum(each for _day, each in nightly), ""))
    return parts


def _part(due_on: date, name: str, due: int, paid: int, currency: str) -> Part:
    """What is left of a contract's instalment, or of a charge with its name."""
    words = {
        "what": name,
        "day": day(due_on),
        "paid": in_words(paid, currency),
        "amount": in_words(due, currency),
    }
    label = _("%(what)s, %(day)s") if name else _("due on %(day)s")
    return Part(label % words, due - paid, _("%(paid)s of %(amount)s is paid.") % words if paid else "")
