"""What an agency has earned: a percentage of every repayment whose value date lies in a placement, taken back where the
repayment is reversed or charged back, whenever that is and whoever has the case by then. Line by line, so that a statement
is its lines' sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Agency


def commission(amount: int, percent: Decimal) -> int:
    """In minor units, rounded half to even; of what is taken back exactly as much as of what was paid."""
    return int((Decimal(amount) * percent / 100).quantize(Decimal(1), ROUND_HALF_EVEN))


@dataclass(frozen=True)
class Line:
    """One entry of a loan's ledger. `repaid` is negative where a repayment was taken back: a correction of what was
    earned on `earned_on`."""

    booked_on: date
    value_date: date
    reference: str
    loan: str
    case: UUID
    portfolio: str
    currency: str
    placed_on: date
    ended_on: date | None
    repaid: int
    percent: Decimal
    earned_on: date

    @property
    def corrects(self) -> bool:
        return self.repaid < 0

    @property
    def commission(self) -> int:
        return commission(self.repaid, self.percent)


# What takes a repayment back follows it: into the placement in which it was earned, however late it is booked and whatever
# its own day.
LINES = """
SELECT (r.booked_at AT TIME ZONE f.zone)::date, r.value_date, r.reference, l.external_id, c.id, f.code, f.currency,
    p.placed_on, p.ended_on, r.amount, p.commission_percent, r.paid_on
FROM cases_placement p
JOIN cases_case c ON c.id = p.case_id
JOIN accounts_loan l ON l.id = c.loan_id
JOIN accounts_portfolio f ON f.id = c.portfolio_id
JOIN accounts_receipt r ON r.loan_id = c.loan_id AND r.paid_on > p.placed_on
    AND (p.ended_on IS NULL OR r.paid_on <= p.ended_on)
WHERE p.agency_id = %(agency)s AND c.portfolio_id = ANY(%(portfolios)s)
    AND (r.booked_at AT TIME ZONE f.zone)::date BETWEEN %(first)s AND %(last)s
ORDER BY f.currency, 1, r.value_date, r.id
"""


def lines_of(agency: Agency, *, portfolios: Sequence[int], first: date, last: date) -> list[Line]:
    """What was booked from the first to the last day (included), by each portfolio's calendar. What is booked later, though
    it counts from an earlier day, stands in a later statement: one that was sent never changes."""
    values: dict[str, Any] = {
        "agency": agency.pk,
        "portfolios": list(portfolios),
        "first": first,
        "last": last,
    }
    with connection.cursor() as cursor:
        cursor.execute(LINES, values)
        return [Line(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Total:
    currency: str
    repaid: int
    commission: int


def totals(lines: Sequence[Line]) -> list[Total]:
    """By currency."""
    return [
        Total(
            currency,
            sum(line.repaid for line in lines if line.currency == currency),
            sum(line.commission for line in lines if line.currency == currency),
        )
        for currency in sorted({line.currency for line in lines})
    ]
