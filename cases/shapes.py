"""What a plan looks like, before anybody agrees to it: how many parts, when, how they grow. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.schedules import Every, Instalment, equal_instalments, payday_instalments, stepped_instalments

LEAST_INSTALMENTS = 2
MONTHLY = Every(months=1)


@dataclass(frozen=True)
class Shape:
    """`count` parts from `first_due_on` on, every so often or on the borrower's `paydays` (days of a month, 31 for its
    last), growing by `rise` percent of the first. `down` is paid first, on `down_on`, and is no part of the count.
    `waives_interest` is given up when the plan is agreed. Amounts in minor units."""

    count: int
    first_due_on: date
    every: Every = MONTHLY
    rise: int = 0
    paydays: tuple[int, ...] = ()
    down: int = 0
    down_on: date | None = None
    waives_interest: int = 0

    def instalments(self, total: int) -> Sequence[Instalment]:
        """Every minor unit of `total` (what is left after the waiver) in its place. ValueError where there are more parts
        than minor units, where it rises and falls on paydays at once, or where the down payment is not before the rest."""
        rest = total - self.down
        if self.down < 0 or (self.rise and self.paydays):
            raise ValueError("no such plan")
        if self.paydays:
            parts = payday_instalments(rest, self.count, self.first_due_on, self.paydays)
        elif self.rise:
            parts = stepped_instalments(rest, self.count, self.first_due_on, self.every, self.rise)
        else:
            parts = equal_instalments(rest, self.count, self.first_due_on, self.every)
        if not self.down:
            return parts
        if self.down_on is None or self.down_on >= parts[0].due_on:
            raise ValueError("a down payment comes first")
        return (Instalment(self.down_on, self.down), *parts)

    def as_json(self) -> dict[str, Any]:
        """What `of_json` reads again; the extras only where there are some."""
        extras = {
            "rise": self.rise,
            "paydays": list(self.paydays),
            "down": self.down,
            "down_on": self.down_on and self.down_on.isoformat(),
            "waives_interest": self.waives_interest,
        }
        return {
            "count": self.count,
            "first_due_on": self.first_due_on.isoformat(),
            "months": self.every.months,
            "days": self.every.days,
        } | {name: value for name, value in extras.items() if value}

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> "Shape":
        down_on = given.get("down_on")
        return cls(
            count=given["count"],
            first_due_on=date.fromisoformat(given["first_due_on"]),
            every=Every(months=given["months"], days=given["days"]),
            rise=given.get("rise", 0),
            paydays=tuple(given.get("paydays", ())),
            down=given.get("down", 0),
            down_on=date.fromisoformat(down_on) if down_on else None,
            waives_interest=given.get("waives_interest", 0),
        )
