"""How an agency works, month by month: what it recovers beside what borrowers complain of, what the gate refused its staff,
and what became of the promises it took."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import Agency
from accounts.money import decimal_text

COUNTS = (
    "placed", "returned", "calls", "complaints", "upheld", "refused", "presumed", "kept", "not_kept", "findings",
)  # fmt: skip
"""Cases placed and returned; contacts made; complaints received while it had the case, and those upheld; contacts that the
gate prohibited, and those that it presumed to be violations; promises kept, and not or only in part; findings about contacts
that were reported while it had the case."""

MONTHS = """
WITH placed AS (
    SELECT p.*, c.loan_id, c.borrower_id, f.currency, f.zone
    FROM cases_placement p JOIN cases_case c ON c.id = p.case_id JOIN accounts_portfolio f ON f.id = c.portfolio_id
    WHERE p.agency_id = %(agency)s AND c.portfolio_id = ANY(%(portfolios)s)
), staff AS (SELECT ref::text AS ref FROM accounts_user WHERE agency_id = %(agency)s),
complaint AS (
    SELECT DISTINCT ON (k.id) k.id, k.state, (k.received_at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN compliance_complaint k ON k.borrower_id = p.borrower_id
        AND (k.loan_id IS NULL OR k.loan_id = p.loan_id)
        AND k.received_at >= p.placed_at AND (p.ended_at IS NULL OR k.received_at < p.ended_at + interval '30 days')
), decided AS (
    SELECT d.outcome, d.allowed, (d.at AT TIME ZONE 'UTC')::date AS day FROM compliance_contactdecision d
    WHERE d.borrower_id IN (SELECT borrower_id FROM placed) AND d.actor IN (SELECT ref FROM staff)
), fact AS (
    SELECT placed_on AS day, 'placed' AS what, '' AS currency, 1 AS number FROM placed
    UNION ALL SELECT ended_on, 'returned', '', 1 FROM placed WHERE ended_on IS NOT NULL
    UNION ALL SELECT r.value_date, 'recovered', p.currency, r.amount
        FROM placed p JOIN accounts_receipt r ON r.loan_id = p.loan_id AND r.paid_on > p.placed_on
            AND (p.ended_on IS NULL OR r.paid_on <= p.ended_on)
    UNION ALL SELECT day, 'complaints', '', 1 FROM complaint
    UNION ALL SELECT day, 'upheld', '', 1 FROM complaint WHERE state IN ('upheld', 'partly_upheld')
    UNION ALL SELECT day, 'refused', '', 1 FROM decided WHERE outcome = 'prohibited'
    UNION ALL SELECT day, 'presumed', '', 1 FROM decided WHERE outcome = 'presumed_violation'
    UNION ALL SELECT (a.at AT TIME ZONE 'UTC')::date, 'calls', '', 1 FROM compliance_contactattempt a
        WHERE a.borrower_id IN (SELECT borrower_id FROM placed) AND a.direction = 'out' AND NOT a.reported
            AND a.actor IN (SELECT ref FROM staff)
    UNION ALL SELECT m.due_on, CASE m.state WHEN 'kept' THEN 'kept' ELSE 'not_kept' END, '', 1 FROM cases_promise m
        WHERE m.case_id IN (SELECT case_id FROM placed) AND m.actor IN (SELECT ref FROM staff)
            AND m.state IN ('kept', 'part_kept', 'broken')
    UNION ALL SELECT DISTINCT (a.at AT TIME ZONE p.zone)::date, 'findings', '', count(*) OVER (PARTITION BY f.id)
        FROM placed p JOIN compliance_contactattempt a ON a.borrower_id = p.borrower_id AND a.at >= p.placed_at
            AND (p.ended_at IS NULL OR a.at < p.ended_at)
        JOIN compliance_finding f ON f.attempt_id = a.id
)
SELECT date_trunc('month', day)::date, what, currency, sum(number)::bigint FROM fact
WHERE day BETWEEN %(first)s AND %(last)s GROUP BY 1, 2, 3 ORDER BY 1 DESC
"""


@dataclass
class Month:
    """`recovered` by currency, minor units, by the day the money counts from."""

    first: date
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    recovered: dict[str, int] = field(default_factory=dict)

    @property
    def amounts(self) -> list[tuple[int, str]]:
        return [(amount, currency) for currency, amount in sorted(self.recovered.items())]


def by_month(agency: Agency, *, portfolios: Sequence[int], first: date, last: date) -> list[Month]:
    """The months in which something happened, the newest first."""
    values: dict[str, Any] = {
        "agency": agency.pk,
        "portfolios": list(portfolios),
        "first": first,
        "last": last,
    }
    months: dict[date, Month] = {}
    with connection.cursor() as cursor:
        cursor.execute(MONTHS, values)
        for day, what, currency, number in cursor.fetchall():
            month = months.setdefault(day, Month(day))
            if what == "recovered":
                month.recovered[currency] = number
            else:
                month.counts[what] = number
    return list(months.values())


def of_year(agency: Agency, *, portfolios: Sequence[int], year: int) -> dict[str, Any]:
    """The figures of a year, for its evaluation, as JSON: amounts as decimal text."""
    months = by_month(agency, portfolios=portfolios, first=date(year, 1, 1), last=date(year, 12, 31))
    recovered: dict[str, int] = defaultdict(int)
    for month in months:
        for currency, amount in month.recovered.items():
            recovered[currency] += amount
    return {name: sum(month.counts[name] for month in months) for name in COUNTS} | {
        "recovered": {
            currency: decimal_text(amount, currency) for currency, amount in sorted(recovered.items())
        }
    }
