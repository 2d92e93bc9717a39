"""What is owed, component by component, and the bookings that add up to each: to the cent, and by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import EntryKind, Portfolio
from cases.actions.accruing import BACK, FEE, INTEREST
from cases.desk.facts import Booking
from cases.words import day

COMPONENTS: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    ("principal", gettext_lazy("principal"), gettext_lazy("What was lent and is not paid back yet.")),
    (
        "interest",
        gettext_lazy("interest"),
        gettext_lazy("The charge agreed in the contract, and the interest for being late."),
    ),
    (
        "fees",
        gettext_lazy("fees and costs"),
        gettext_lazy("Fees by the contract, fees for being late and costs of legal steps."),
    ),
    ("credit", gettext_lazy("paid beyond the debt"), gettext_lazy("The borrower's own money.")),
)
NEXT_MORNING = timedelta(days=1)
# What we booked ourselves says by its reference what it was for.
NAMES: dict[tuple[str, str], str | Promise] = {
    (EntryKind.INTEREST, INTEREST): gettext_lazy("Late interest"),
    (EntryKind.FEE, FEE): gettext_lazy("Late fee"),
    (EntryKind.FEE, "legal:"): gettext_lazy("Cost of a legal step"),
    (EntryKind.WAIVER, BACK): gettext_lazy("Late charge taken back"),
    (EntryKind.WAIVER, "paused:"): gettext_lazy("Taken back, a hold stops charges"),
    (EntryKind.WAIVER, "plan:"): gettext_lazy("Forgiven by the plan"),
    (EntryKind.WAIVER, "settlement:"): gettext_lazy("Forgiven by the settlement"),
}


@dataclass(frozen=True)
class Line:
    """A booking, or those of one name in one month, as far as it changes the component. `entered` is the day on which it was
    entered, where that is later than the morning after the day from which it counts."""

    text: str
    days: str
    amount: int
    entered: str


@dataclass(frozen=True)
class Component:
    """`lines` add up to `amount`."""

    label: str
    amount: int
    why: str
    lines: list[Line]


def components(bookings: Sequence[Booking], portfolio: Portfolio, on: date) -> list[Component]:
    """What is owed of each on a date; together it is all that is owed. `bookings` are the loan's ledger, oldest first."""
    counting = [booking for booking in bookings if booking.value_date <= on]
    found = []
    for name, label, why in COMPONENTS:
        own = [booking for booking in counting if getattr(booking, name)]
        if owed := sum(getattr(booking, name) for booking in own):
            found.append(Component(str(label), owed, str(why), _lines(own, name, portfolio)))
    return found


def _lines(bookings: Sequence[Booking], component: str, portfolio: Portfolio) -> list[Line]:
    lines = []
    for (text, entered, *_month), alike in groupby(bookings, key=lambda each: _alike(each, portfolio)):
        several = list(alike)
        first, last = several[0].value_date, several[-1].value_date
        days = (
            day(first)
            if first == last
            else _("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}
        )
        lines.append(Line(text, days, sum(getattr(each, component) for each in several), entered))
    return lines


def _alike(booking: Booking, portfolio: Portfolio) -> tuple[str, str, object]:
    """The daily interest of a month is one line; anything else is its own."""
    entered_on = portfolio.business_date(booking.booked_at)
    # A day's payments come in the next morning, and an import opens a loan long after it was lent: that says nothing.
    late = entered_on > booking.value_date + NEXT_MORNING and booking.kind != EntryKind.OPENING
    daily = is_daily(booking) and not late
    together = booking.value_date.replace(day=1) if daily else booking.reference + booking.kind
    return name_of(booking), day(entered_on) if late else "", together


def is_daily(booking: Booking) -> bool:
    """Whether it is the interest for being late, of which every night books a little."""
    return booking.kind == EntryKind.INTEREST and booking.reference.startswith(INTEREST)


def name_of(booking: Booking) -> str:
    for (kind, prefix), name in NAMES.items():
        if booking.kind == kind and booking.reference.startswith(prefix):
            return str(name)
    return str(EntryKind(booking.kind).label)
