"""How well agencies work, beside what they recover: for each agency and portfolio, over any days. Counted from what is
stored, and from nothing that an agency says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

COUNTS = (
    "placed", "live", "recovered", "calls", "written", "reached", "scripts", "completed", "asked", "refused", "presumed",
    "complaints", "upheld", "opt_outs", "kept", "not_kept",
)  # fmt: skip
"""Cases placed in these days, and those it has now; what was repaid, in minor units; calls made and messages sent by its
people; calls that reached the borrower; walks through a script, and those that came to an end of it; what the gate was
asked, prohibited, and presumed to be a violation; complaints received while it had the case or within thirty days, and those
upheld; channels that borrowers wanted no more of while it had the case; promises kept, and not or only in part."""

FIGURES = """
WITH placed AS (
    SELECT p.id, p.agency_id, p.case_id, p.placed_at, p.placed_on, p.ended_at, p.ended_on, c.loan_id, c.borrower_id,
        c.portfolio_id, f.zone
    FROM cases_placement p JOIN cases_case c ON c.id = p.case_id JOIN accounts_portfolio f ON f.id = c.portfolio_id
    WHERE c.portfolio_id = ANY(%(portfolios)s)
), staff AS (SELECT id, ref::text AS ref, agency_id FROM accounts_user WHERE agency_id IS NOT NULL
), attempt AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, a.id, a.channel, (a.at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN compliance_contactattempt a ON a.borrower_id = p.borrower_id AND p.loan_id = ANY(a.loans)
        AND a.direction = 'out' AND NOT a.reported
    JOIN staff s ON s.ref = a.actor AND s.agency_id = p.agency_id
), decided AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, d.id, d.outcome, (d.at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN compliance_contactdecision d ON d.borrower_id = p.borrower_id
    JOIN staff s ON s.ref = d.actor AND s.agency_id = p.agency_id
    WHERE p.loan_id = ANY(loans_of(d.facts))
), complaint AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, k.id, k.state, (k.received_at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN compliance_complaint k ON k.borrower_id = p.borrower_id
        AND (k.loan_id IS NULL OR k.loan_id = p.loan_id) AND k.received_at >= p.placed_at
        AND (p.ended_at IS NULL OR k.received_at < p.ended_at + interval '30 days')
), wish AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, m.id, (m.received_at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN compliance_mediarequest m ON m.borrower_id = p.borrower_id AND m.wish = 'stop'
        AND m.received_at >= p.placed_at AND (p.ended_at IS NULL OR m.received_at < p.ended_at)
), walked AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, r.id, r.result, (r.started_at AT TIME ZONE p.zone)::date AS day
    FROM placed p JOIN cases_scriptrun r ON r.case_id = p.case_id AND r.finished_at IS NOT NULL
    JOIN staff s ON s.id = r.agent_id AND s.agency_id = p.agency_id
), promised AS (
    SELECT DISTINCT p.agency_id, p.portfolio_id, m.id, m.state, m.due_on AS day
    FROM placed p JOIN cases_promise m ON m.case_id = p.case_id AND m.state IN ('kept', 'part_kept', 'broken')
    JOIN staff s ON s.ref = m.actor AND s.agency_id = p.agency_id
), fact AS (
    SELECT agency_id, portfolio_id, placed_on AS day, 'placed' AS what, 1 AS number FROM placed
    UNION ALL SELECT p.agency_id, p.portfolio_id, r.value_date, 'recovered', r.amount
        FROM placed p JOIN accounts_receipt r ON r.loan_id = p.loan_id AND r.paid_on > p.placed_on
            AND (p.ended_on IS NULL OR r.paid_on <= p.ended_on)
    UNION ALL SELECT agency_id, portfolio_id, day, CASE channel WHEN 'call' THEN 'calls' ELSE 'written' END, 1 FROM attempt
    UNION ALL SELECT agency_id, portfolio_id, day, 'reached', 1 FROM attempt a WHERE channel = 'call' AND (
        SELECT o.right_party FROM compliance_contactoutcome o WHERE o.attempt_id = a.id
        ORDER BY o.at DESC, o.id DESC LIMIT 1)
    UNION ALL SELECT agency_id, portfolio_id, day, 'asked', 1 FROM decided
    UNION ALL SELECT agency_id, portfolio_id, day, 'refused', 1 FROM decided WHERE outcome = 'prohibited'
    UNION ALL SELECT agency_id, portfolio_id, day, 'presumed', 1 FROM decided WHERE outcome = 'presumed_violation'
    UNION ALL SELECT agency_id, portfolio_id, day, 'complaints', 1 FROM complaint
    UNION ALL SELECT agency_id, portfolio_id, day, 'upheld', 1 FROM complaint WHERE state IN ('upheld', 'partly_upheld')
    UNION ALL SELECT agency_id, portfolio_id, day, 'opt_outs', 1 FROM wish
    UNION ALL SELECT agency_id, portfolio_id, day, 'scripts', 1 FROM walked
    UNION ALL SELECT agency_id, portfolio_id, day, 'completed', 1 FROM walked WHERE result NOT IN ('', 'left')
    UNION ALL SELECT agency_id, portfolio_id, day, CASE state WHEN 'kept' THEN 'kept' ELSE 'not_kept' END, 1 FROM promised
)
SELECT agency_id, portfolio_id, what, sum(number)::bigint FROM fact WHERE day BETWEEN %(first)s AND %(last)s GROUP BY 1, 2, 3
UNION ALL SELECT agency_id, portfolio_id, 'live', count(*) FROM placed WHERE ended_at IS NULL GROUP BY 1, 2
ORDER BY 1, 2, 3
"""


@dataclass
class Quality:
    """One agency in one portfolio. `recovered` is minor units of the portfolio's currency."""

    agency: int
    portfolio: int
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))

    def share(self, part: str, whole: str) -> int | None:
        """Percent, half up; nothing where there is nothing to take a share of."""
        all_of_it = self.counts[whole]
        return (200 * self.counts[part] + all_of_it) // (2 * all_of_it) if all_of_it else None

    @property
    def right_party(self) -> int | None:
        return self.share("reached", "calls")

    @property
    def complete(self) -> int | None:
        return self.share("completed", "scripts")

    @property
    def prohibited(self) -> int | None:
        return self.share("refused", "asked")


def quality(*, portfolios: Sequence[int], first: date, last: date) -> list[Quality]:
    """Every agency in every one of these portfolios of which it has, or ever had, a case; days are each portfolio's own."""
    values: dict[str, Any] = {"portfolios": list(portfolios), "first": first, "last": last}
    rows: dict[tuple[int, int], Quality] = {}
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, values)
        for agency, portfolio, what, number in cursor.fetchall():
            rows.setdefault((agency, portfolio), Quality(agency, portfolio)).counts[what] = number
    return list(rows.values())
