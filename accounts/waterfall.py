"""Which part of a debt each payment pays. Pure: charges and credits in, every credit's split out.

The canonical split depends on value dates alone, never on the order in which things reached us: walk
charges and credits by (value date, charges before credits, key), let each credit pay what is open in the
portfolio's order, keep what is left over as the borrower's credit, and let the next charge consume it. A
payment that arrives late, or a reversal (its payment is simply left out), therefore changes the splits of
others exactly as if it had come in time.

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
    zero. With `amounts` it is meant for these components first, each up to its amount; what a component no longer takes
    goes the usual way."""

    value_date: date
    key: str
    amount: int
    amounts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """`splits`: by credit key, minor units by component and `credit`; every key present, adding up to the
    credit. `outstanding`: what is still owed by component. `unapplied`: the borrower's credit."""

    splits: dict[str, dict[str, int]]
    outstanding: dict[str, int]
    unapplied: int

    @property
    def total(self) -> dict[str, int]:
        """All splits added up: what the ledger's payment and reallocation entries must come to."""
        return {part: sum(split[part] for split in self.splits.values()) for part in ZERO}

    @property
    def balance(self) -> int:
        """Charges less credits: owed by the borrower if positive, owed to the borrower if negative."""
        return sum(self.outstanding.values()) - self.unapplied


def allocate(
    charges: Iterable[Charge], credited: Iterable[Credit], order: Sequence[str] = COMPONENTS
) -> Allocation:
    """The canonical allocation. The order of the two inputs does not matter.

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
    outstanding = dict.fromkeys(COMPONENTS, 0)
    unapplied: deque[str] = deque()

    def apply(key: str) -> None:
        """Let the credit's remainder pay what is open."""
        split = splits[key]
        for component in order:
            paid = min(split[CREDIT], outstanding[component])
            split[CREDIT] -= paid
            split[component] += paid
            outstanding[component] -= paid

    def post(credit: Credit) -> None:
        if credit.amount <= 0:
            raise ValueError("a credit must be above zero")
        split = splits[credit.key]
        split[CREDIT] = credit.amount
        for component, meant in (credit.amounts or {}).items():
            paid = min(meant, split[CREDIT], outstanding[component])
            split[CREDIT] -= paid
            split[component] += paid
            outstanding[component] -= paid
        apply(credit.key)
        if splits[credit.key][CREDIT]:
            unapplied.append(credit.key)

    for charge in charges:
        while waiting and waiting[0].value_date < charge.value_date:
            post(waiting.popleft())
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
    while waiting:
        post(waiting.popleft())
    return Allocation(splits, outstanding, sum(splits[key][CREDIT] for key in unapplied))


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
