"""The measures of the work, always side by side: recovery, delinquency and complaints; and the load of the queues.

Definitions, over `days` business days up to and including `on`, for a set of portfolios, each by its own calendar:

- recovery rate: what was paid on loans while a case was open on them, as a share of that plus the arrears still open in
  the last overdue report; what comes after a write-off is a recovery of another kind, and no part of it;
- delinquency rate: overdue loans as a share of all loans with something outstanding, in the last overdue report;
- complaint rate: complaints received for every 1,000 cases that were open at some time in the period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from cases.models import WorkKind


@dataclass(frozen=True)
class Measures:
    """One portfolio (or one week) at a glance. Money in minor units of `currency`; rates are shares, None without cases."""

    label: str
    currency: str
    recovered: int
    arrears: int
    loans: int
    overdue: int
    complaints: int
    cases: int

    @property
    def recovery_rate(self) -> float | None:
        total = self.recovered + self.arrears
        return self.recovered / total if total else None

    @property
    def delinquency_rate(self) -> float | None:
        return self.overdue / self.loans if self.loans else None

    @property
    def complaint_rate(self) -> float | None:
        """Per 1,000 cases."""
        return 1000 * self.complaints / self.cases if self.cases else None


PERIOD_SQL = """
WITH period AS (
    SELECT last_day - %(days)s + 1 AS first_day, last_day
    FROM unnest(%(last_days)s::date[]) AS last_day
),
worked AS (
    SELECT c.portfolio_id, p.last_day, count(*) AS cases
    FROM period p JOIN cases_case c ON c.opened_on <= p.last_day
    JOIN accounts_portfolio f ON f.id = c.portfolio_id
    WHERE f.id = ANY(%(portfolios)s)
        AND (c.closed_at IS NULL OR (c.closed_at AT TIME ZONE f.zone)::date >= p.first_day)
    GROUP BY 1, 2
),
recovered AS (
    SELECT c.portfolio_id, p.last_day, -sum(e.amount) AS amount
    FROM period p
    JOIN accounts_ledgerentry e ON e.value_date BETWEEN p.first_day AND p.last_day
    JOIN cases_case c ON c.loan_id = e.loan_id AND e.value_date >= c.opened_on
    JOIN accounts_portfolio f ON f.id = c.portfolio_id
    WHERE e.kind IN ('repayment', 'reversal', 'chargeback') AND f.id = ANY(%(portfolios)s)
        AND (c.closed_at IS NULL OR e.value_date <= (c.closed_at AT TIME ZONE f.zone)::date)
    GROUP BY 1, 2
),
complained AS (
    SELECT k.portfolio_id, p.last_day, count(*) AS complaints
    FROM period p CROSS JOIN accounts_portfolio f
    JOIN compliance_complaint k ON k.portfolio_id = f.id
        AND (k.received_at AT TIME ZONE f.zone)::date BETWEEN p.first_day AND p.last_day
    WHERE f.id = ANY(%(portfolios)s)
    GROUP BY 1, 2
),
reported AS (
    SELECT r.portfolio_id, p.last_day, sum(r.arrears) AS arrears, sum(r.loans) AS loans,
        sum(r.loans) FILTER (WHERE r.bucket <> 'current') AS overdue
    FROM period p
    JOIN LATERAL (
        SELECT id FROM cases_dayrun WHERE date BETWEEN p.first_day AND p.last_day AND finished_at IS NOT NULL
        ORDER BY date DESC LIMIT 1
    ) run ON true
    JOIN cases_dayreport r ON r.run_id = run.id
    WHERE r.portfolio_id = ANY(%(portfolios)s)
    GROUP BY 1, 2
)
SELECT p.last_day, f.code, f.currency, coalesce(recovered.amount, 0), coalesce(reported.arrears, 0),
    coalesce(reported.loans, 0), coalesce(reported.overdue, 0), coalesce(complained.complaints, 0),
    coalesce(worked.cases, 0)
FROM period p CROSS JOIN accounts_portfolio f
LEFT JOIN worked ON worked.portfolio_id = f.id AND worked.last_day = p.last_day
LEFT JOIN recovered ON recovered.portfolio_id = f.id AND recovered.last_day = p.last_day
LEFT JOIN complained ON complained.portfolio_id = f.id AND complained.last_day = p.last_day
LEFT JOIN reported ON reported.portfolio_id = f.id AND reported.last_day = p.last_day
WHERE f.id = ANY(%(portfolios)s)
ORDER BY f.code, p.last_day
"""


def _periods(portfolios: Sequence[int], last_days: Sequence[date], days: int) -> list[tuple[date, Measures]]:
    with connection.cursor() as cursor:
        cursor.execute(
            PERIOD_SQL, {"portfolios": list(portfolios), "last_days": list(last_days), "days": days}
        )
        return [(row[0], Measures(*row[1:3], *map(int, row[3:]))) for row in cursor.fetchall()]


def by_portfolio(portfolios: Sequence[int], *, on: date, days: int = 30) -> list[Measures]:
    """The three measures of each portfolio over the last `days` days, `on` included."""
    return [measures for _day, measures in _periods(portfolios, [on], days)]


@dataclass(frozen=True)
class Week:
    """All portfolios together in one week: rates only, since currencies do not add."""

    last_day: date
    recovery: float | None
    complaints: float | None


def by_week(portfolios: Sequence[int], *, on: date, weeks: int = 8) -> list[Week]:
    """Week by week, oldest first, the last one ending `on`. Recovery is the mean of the portfolios' rates."""
    last_days = [on - timedelta(days=7 * back) for back in range(weeks - 1, -1, -1)]
    rows = _periods(portfolios, last_days, 7)
    found = []
    for last_day in last_days:
        week = [measures for day, measures in rows if day == last_day]
        rates = [m.recovery_rate for m in week if m.recovery_rate is not None]
        cases = sum(m.cases for m in week)
        found.append(
            Week(
                last_day,
                sum(rates) / len(rates) if rates else None,
                1000 * sum(m.complaints for m in week) / cases if cases else None,
            )
        )
    return found


@dataclass(frozen=True)
class QueueLine:
    kind: str
    waiting: int
    later: int
    oldest: datetime | None

    @property
    def label(self) -> str:
        return str(WorkKind(self.kind).label)


def queues(portfolios: Sequence[int], *, at: datetime) -> list[QueueLine]:
    """Open work by kind: due now, due later, and since when the oldest waits; most urgent kind first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT w.kind, count(*) FILTER (WHERE w.due_at <= %(at)s), count(*) FILTER (WHERE w.due_at > %(at)s),
                min(w.due_at) FILTER (WHERE w.due_at <= %(at)s)
            FROM cases_workitem w
            WHERE w.done_at IS NULL AND w.portfolio_id = ANY(%(portfolios)s)
            GROUP BY w.kind ORDER BY min(w.rank), w.kind
            """,
            {"at": at, "portfolios": list(portfolios)},
        )
        return [QueueLine(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class AgentLine:
    name: str
    leases: int
    calls: int
    reached: int
    promises: int


def load(portfolios: Sequence[int], *, since: datetime, at: datetime) -> list[AgentLine]:
    """What each agent of the teams on these portfolios holds now and has done since."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH agent AS (
                SELECT DISTINCT u.id, u.ref,
                    coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.username) AS name
                FROM accounts_user u JOIN accounts_team_portfolios t ON t.team_id = u.team_id
                WHERE t.portfolio_id = ANY(%(portfolios)s) AND u.role = 'agent' AND u.is_active
            )
            SELECT a.name,
                (SELECT count(*) FROM cases_lease l WHERE l.holder_id = a.id AND l.until > %(at)s),
                (SELECT count(*) FROM cases_call k WHERE k.agent_id = a.id AND k.placed_at >= %(since)s),
                (SELECT count(DISTINCT k.id) FROM cases_call k
                    JOIN compliance_contactoutcome o ON o.attempt_id = k.attempt_id
                    WHERE k.agent_id = a.id AND k.placed_at >= %(since)s AND o.right_party),
                (SELECT count(*) FROM cases_promise p WHERE p.actor = a.ref::text AND p.made_at >= %(since)s)
            FROM agent a ORDER BY a.name
            """,
            {"portfolios": list(portfolios), "since": since, "at": at},
        )
        return [AgentLine(*row) for row in cursor.fetchall()]
