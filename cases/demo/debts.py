"""How the demo's borrowers pay: by themselves as the book says, and as they agree when somebody talks with them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from cases.demo import figures
from cases.demo.book import DemoLoan, Product

DAY = timedelta(days=1)


class Coming(NamedTuple):
    """A payment that will be made on a day, minor units. `named`: with its loan id."""

    on: date
    amount: int
    named: bool = True


@dataclass
class Debt:
    """One loan as the simulation follows it. `sent` is what the borrower has paid, `posted` what the ledger has of it,
    `charged` what was charged beside the contract, `rng` the borrower's own luck."""

    product: Product
    loan: DemoLoan
    rng: random.Random
    coming: list[Coming] = field(default_factory=list)
    sent: int = 0
    posted: int = 0
    charged: int = 0
    calls: int = 0
    known: bool = False  # a tape has brought it

    @classmethod
    def of(cls, product: Product, loan: DemoLoan, seed: int) -> "Debt":
        rng = random.Random(f"{seed}:{loan.external_id}")
        coming = [Coming(on, amount, rng.random() >= figures.NAMES_NO_LOAN) for on, amount in loan.payments]
        return cls(product, loan, rng, coming)

    def begin(self, as_of: date) -> None:
        """A tape has brought the loan with all that was paid up to a day (included)."""
        self.known = True
        self.sent = self.posted = sum(amount for on, amount in self.loan.payments if on <= as_of)
        self.coming = [payment for payment in self.coming if payment.on > as_of]

    def forgiven(self) -> None:
        """The rest need not be paid."""
        self.sent = self.posted = self.loan.total + self.charged
        self.coming = []

    def booked(self, amount: int) -> None:
        """Paid or forgiven past the payment file; negative: taken back."""
        self.sent += amount
        self.posted += amount

    @property
    def outstanding(self) -> int:
        return self.loan.total + self.charged - self.posted

    def arrears(self, on: date) -> int:
        """What fell due before `on` and is not posted as paid, and what was charged."""
        due = self.charged + sum(amount for due_on, amount in self.loan.instalments if due_on < on)
        return max(0, due - self.posted)

    def oldest_due(self) -> date | None:
        """The due date of the oldest instalment that is not paid in full."""
        due = 0
        for due_on, amount in self.loan.instalments:
            due += amount
            if due > self.posted:
                return due_on
        return None

    def payments_on(self, day: date) -> list[Coming]:
        """What is paid on a day, and not more than is left to pay; the last payment of the contract pays the charges."""
        left, found = self.loan.total + self.charged - self.sent, []
        for payment in self.coming:
            if payment.on == day and left > 0:
                amount = left if left - payment.amount <= self.charged else payment.amount
                found.append(payment._replace(amount=amount))
                left -= found[-1].amount
        self.coming = [payment for payment in self.coming if payment.on > day]
        self.sent = self.loan.total + self.charged - left
        return found

    def promised(self, amount: int, made_on: date, due_on: date) -> None:
        """Whoever promises waits with everything else until the promise is over."""
        before, after = self._split(due_on + DAY)
        luck = self.rng.random()
        days = self.rng.randint(0, (due_on - made_on).days)
        if luck < figures.PROMISES_KEPT:
            self.coming = [Coming(made_on + days * DAY, amount), *after]
            return
        part = []
        if self.rng.random() < figures.PROMISES_PART_KEPT:
            share = figures.quantile(figures.PART_PAID, self.rng.random())
            part = [Coming(due_on, max(1, int(amount * share)))]
        late = timedelta(days=self.rng.randint(8, 20))
        self.coming = [*part, *(payment._replace(on=due_on + late) for payment in before), *after]

    def plans(self, instalments: Sequence[tuple[date, int]]) -> None:
        """Paid to the end, or up to some instalment."""
        count = len(instalments)
        pays = count if self.rng.random() < figures.PLANS_PAID else self.rng.randint(0, count - 1)
        self.coming = [Coming(due_on, amount) for due_on, amount in instalments[:pays]]

    def says_paid(self, on: date) -> None:
        """Some have paid and did not name their loan; some only believe they have."""
        if self.rng.random() < figures.SAYS_PAID_RIGHTLY:
            _before, after = self._split(on + 3 * DAY)
            self.coming = [Coming(on, self.arrears(on) or 1, named=self.rng.random() < 0.5), *after]

    def rests(self, until: date) -> None:
        """Nothing comes before `until`; what would have come is paid after it."""
        before, after = self._split(until)
        moved = [payment._replace(on=until + (number + 1) * DAY) for number, payment in enumerate(before)]
        self.coming = [*moved, *after]

    def _split(self, day: date) -> tuple[list[Coming], list[Coming]]:
        """What comes up to `day` (included), and what after it."""
        before = [payment for payment in self.coming if payment.on <= day]
        return before, [payment for payment in self.coming if payment.on > day]
