"""Which part of a debt each payment pays. Pure: charges and credits in, every credit's split out.

The canonical split depends on value dates alone, never on the order in which things reached us: walk
charges and credits by (value date, charges before credits, key), let each credit pay what is open in the
portfolio's order, keep what is left over as the borrower's credit, and let the next charge consume it. A
payment that arrives late, or a reversal (its payment is simply left out), therefore changes the splits of
others exactly as if it had come in time.

Three things more, each a function of the facts alone. A credit that names components covers those first. A write-off
takes whatever its day leaves open, so that a payment learned of later makes it smaller by itself. Money that comes
after it pays what is open, then takes back from what was written off, and only the rest is the borrower's credit.

The ledger only appends. It stores each payment's split as it was at posting and, when the canonical splits
have moved since, posts one reallocation entry of sum zero: `repost`.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

COMPONENTS = ("fees", "interest", "principal")
"""What a debt consists of, in the usual order of payment."""

CREDIT = "credit"
"""What the borrower paid beyond everything charged so far: owed to the borrower until a later charge takes
it."""

ZERO = dict.fromkeys((*COMPONENTS, CREDIT), 0)


class Charge(NamedTuple):
    """A claim against the borrower, effective on its value date. Minor units by component, none negative."""

    value_date: date
    key: str
    amounts: Mapping[str, int]


class Credit(NamedTuple):
    """A payment, or anything else that reduces the debt, effective on its value date. Minor units, above
    zero. `first`: what it covers before anything else, by component. `recovers`: it is money, and takes back what was
    written off before it becomes the borrower's."""

    value_date: date
    key: str
    amount: int
    first: Mapping[str, int] | None = None
    recovers: bool = False


class WriteOff(NamedTuple):
    """All that is still open when its value date ends is given up."""

    value_date: date
    key: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """`splits`: by credit key, minor units by component and `credit`; every key present, adding up to the
    credit. `outstanding`: what is still owed by component. `unapplied`: the borrower's credit. `written_off`: what was
    given up and did not come back, by component."""

    splits: dict[str, dict[str, int]]
    outstanding: dict[str, int]
    unapplied: int
    written_off: dict[str, int]

    @property
    def total(self) -> dict[str, int]:
        """All splits and what is written off added up: what the ledger's entries that are no charges must come to."""
        return {
            part: sum(split[part] for split in self.splits.values()) + self.written_off.get(part, 0)
            for part in ZERO
        }

    @property
    def balance(self) -> int:
        """Charges less credits: owed by the borrower if positive, owed to the borrower if negative."""
        return sum(self.outstanding.values()) - self.unapplied


def allocate(
    charges: Iterable[Charge],
    credited: Iterable[Credit],
    order: Sequence[str] = COMPONENTS,
    write_offs: Iterable[WriteOff] = (),
) -> Allocation:
    """The canonical allocation. The order within the inputs does not matter.

    `order` names every component once. Keys are unique among charges and among credits. Earlier credits are
    consumed before later ones. ValueError when an input breaks this, or an amount is negative, or a credit
    is nothing.
    """
    if sorted(order) != sorted(COMPONENTS):
        raise ValueError(f"the order must name each of {COMPONENTS} once: {order!r}")
    charges = sorted(charges, key=lambda charge: (charge.value_date, charge.key))
    waiting = deque(sorted(credited, key=lambda credit: (credit.value_date, credit.key)))
    if len({charge.key for charge in charges}) != len(charges):
        raise ValueError("two charges have one key")
    splits = {credit.key: dict(ZERO) for credit in waiting}
    if len(splits) != len(waiting):
        raise ValueError("two credits have one key")
    giving_up = deque(sorted(each.value_date for each in write_offs))
    outstanding = dict.fromkeys(COMPONENTS, 0)
    written_off = dict.fromkeys(COMPONENTS, 0)
    unapplied: deque[str] = deque()

    def pay(key: str, owed: dict[str, int], component: str, most: int | None = None) -> None:
        split = splits[key]
        paid = min(split[CREDIT], owed[component])
        if most is not None:
            paid = min(paid, most)
        split[CREDIT] -= paid
        split[component] += paid
        owed[component] -= paid

    def apply(key: str) -> None:
        """Let the credit's remainder pay what is open."""
        for component in order:
            pay(key, outstanding, component)

    def post(credit: Credit) -> None:
        if credit.amount <= 0:
            raise ValueError("a credit must be above zero")
        splits[credit.key][CREDIT] = credit.amount
        for component, most in (credit.first or {}).items():
            pay(credit.key, outstanding, component, most)
        apply(credit.key)
        if credit.recovers:
            for component in order:
                pay(credit.key, written_off, component)
        if splits[credit.key][CREDIT]:
            unapplied.append(credit.key)

    def pass_until(day: date | None) -> None:
        """What happened before the charges of a day; without one, all the rest."""
        while True:
            of_credit = waiting[0].value_date if waiting else None
            of_write_off = giving_up[0] if giving_up else None
            # On one day credits count before the write-off.
            if of_credit is not None and (of_write_off is None or of_credit <= of_write_off):
                if day is not None and of_credit >= day:
                    return
                post(waiting.popleft())
            elif of_write_off is not None:
                if day is not None and of_write_off >= day:
                    return
                giving_up.popleft()
                for component in COMPONENTS:
                    written_off[component] += outstanding[component]
                    outstanding[component] = 0
            else:
                return

    for charge in charges:
        pass_until(charge.value_date)
        for component, amount in charge.amounts.items():
            if component not in outstanding:
                raise ValueError(f"unknown component {component!r}")
            if amount < 0:
                raise ValueError("a charge is negative")
            outstanding[component] += amount
        while unapplied and any(outstanding.values()):
            apply(unapplied[0])
            if not splits[unapplied[0]][CREDIT]:
                unapplied.popleft()
    pass_until(None)
    return Allocation(splits, outstanding, sum(splits[key][CREDIT] for key in unapplied), written_off)


def repost(existing: Mapping[str, int], canonical: Mapping[str, int]) -> dict[str, int]:
    """The reallocation entry, by component and `credit`, that turns what the ledger has into what it should
    have; empty when nothing moved.

    `existing` adds up the stored splits of all standing payments and all reallocations so far; `canonical`
    is `Allocation.total`. ValueError when the two sums differ: then money is missing, and no reallocation
    may hide it.
    """
    if unknown := (existing.keys() | canonical.keys()) - ZERO.keys():
        raise ValueError(f"unknown components {sorted(unknown)!r}")
    moved = {part: canonical.get(part, 0) - existing.get(part, 0) for part in ZERO}
    if sum(moved.values()):
        raise ValueError("the stored and the canonical splits do not add up to the same amount")
    return {part: amount for part, amount in moved.items() if amount}
