"""The invented loan book: who borrowed what, when it is due, and when they would pay by themselves."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import TypeVar

from accounts.schedules import Every, equal_instalments
from cases.demo import figures
from cases.demo.people import Person, american, chinese

Chosen = TypeVar("Chosen", int, float)


@dataclass(frozen=True)
class Product:
    """One portfolio of the demo. `unit` is the smallest loan, in minor units; `shift` the hours its team works, on the clock
    of `zone`; `dispatch` when messages leave, UTC: hourly while somewhere the morning has just come."""

    code: str
    name: str
    entity: str
    currency: str
    jurisdictions: tuple[str, ...]
    zone: str
    language: str
    product: str
    unit: int
    share: float
    shift: range
    dispatch: tuple[time, ...]
    person: Callable[[random.Random, int], Person]


PRODUCTS = (
    Product("WALLET-CN", "Wallet cash loan", "Demo Consumer Finance (China)", "CNY", ("CN",), "Asia/Shanghai",
            "zh-hans", "wallet cash", 50000, 0.5, range(9, 19), (time(0, 5), time(6)), chinese),
    Product("WALLET-US", "Wallet advance", "Demo Wallet Credit Inc.", "USD", ("US",), "America/New_York",
            "en", "wallet advance", 10000, 0.5, range(11, 19), (*(time(hour, 1) for hour in range(12, 20)), time(22, 1)),
            american),
)  # fmt: skip


@dataclass(frozen=True)
class DemoLoan:
    """Amounts in minor units. `payments` is what the borrower would pay unasked: (date, amount), possibly nothing."""

    person: Person
    external_id: str
    principal: int
    interest: int
    disbursed_on: date
    instalments: tuple[tuple[date, int], ...]
    payments: tuple[tuple[date, int], ...] = field(repr=False)

    @property
    def total(self) -> int:
        return self.principal + self.interest


def loans(
    product: Product, count: int, *, seed: int, today: date, days_back: int = 110
) -> Iterator[DemoLoan]:
    """`count` loans disbursed over the last `days_back` days; the same for the same arguments, whatever the clock says."""
    rng = random.Random(f"{seed}:{product.code}")
    people: list[Person] = []
    for number in range(count):
        # One in eight is another loan of somebody already here.
        if people and rng.random() < 0.12:
            person = rng.choice(people)
        else:
            person = product.person(rng, len(people))
            people.append(person)
        yield _loan(product, number, person, rng, today, days_back)


def _loan(
    product: Product, number: int, person: Person, rng: random.Random, today: date, days_back: int
) -> DemoLoan:
    term = _pick(rng, figures.TERM_SHARE)
    principal = int(product.unit * _pick(rng, figures.PRINCIPAL_STEPS))
    low, middle, high = figures.CHARGE_SHARE[term]
    interest = round(principal * rng.choice((low, middle, high)))
    disbursed_on = today - timedelta(days=rng.randint(1, days_back))
    count = figures.TERM_INSTALMENTS[term]
    step = term // count
    first_due = _off_weekend(disbursed_on + timedelta(days=step))
    instalments = equal_instalments(principal + interest, count, first_due, Every(days=step))
    return DemoLoan(
        person=person,
        external_id=f"{product.code[-2:]}{2026000000 + number}",
        principal=principal,
        interest=interest,
        disbursed_on=disbursed_on,
        instalments=instalments,
        payments=tuple(_payments(rng, instalments, disbursed_on)),
    )


def _payments(
    rng: random.Random, instalments: tuple[tuple[date, int], ...], disbursed_on: date
) -> Iterator[tuple[date, int]]:
    # One in sixteen stops paying for good: what keeps a live book's late share above that of closed loans.
    stops = rng.random() < (figures.BAD_SHARE - figures.LATE) * 1.5
    for due_on, amount in instalments:
        if stops and rng.random() < 0.9:
            return
        share = rng.random()
        if share < figures.EARLY:
            days = -round(figures.quantile(figures.DAYS_EARLY, rng.random()))
        elif share < figures.EARLY + figures.ON_THE_DAY:
            days = 0
        else:
            days = round(figures.quantile(figures.DAYS_LATE, rng.random()))
        # The early payers of long terms must not pay back before they have borrowed.
        paid_on = max(due_on + timedelta(days=days), disbursed_on)
        if days > 0 and rng.random() < figures.PAYS_IN_PARTS and amount > 100:
            part = max(1, int(amount * figures.quantile(figures.PART_PAID, rng.random())))
            yield due_on + timedelta(days=max(1, days // 2)), part
            yield paid_on, amount - part
        else:
            yield paid_on, amount


def _pick(rng: random.Random, shares: dict[Chosen, float]) -> Chosen:
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def _off_weekend(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) if day.weekday() > 4 else 0)
