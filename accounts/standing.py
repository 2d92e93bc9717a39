"""Where loans stand on a date: days past due, bucket, arrears and balances. One SQL expression for any
number of loans.

It says what the pure functions say (`accounts.ageing.age`, `accounts.ageing.bucket`; a property test holds
them equal): the instalments, and fees and interest charged later, are covered oldest first by all that was
paid and not reversed, or forgiven; what is short is late from the day after it was due, and days on which
ageing is paused do not count. Entries and charges with a value date after the date asked about are left out. An
extension agreed by that date makes later due dates of what it covers (`accounts.ageing.extended`).
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from accounts.ageing import buckets
from accounts.models.portfolio import Portfolio
from accounts.rolls import PAID, Matrix
from accounts.statements import FEW, Rows, Statement, rows_of


@dataclass(frozen=True, slots=True)
class Standing:
    """One loan on one date. Amounts in minor units of its portfolio's currency.

    `fees`, `interest` and `principal` are what is owed of each, due or not; `credit` is what the borrower
    has paid beyond the debt, zero or more; `outstanding` is the sum of the ledger: the three less the
    credit. `oldest_due_on` is the due date of the oldest amount that is late, None where nothing is.
    """

    days_past_due: int
    arrears: int
    outstanding: int
    fees: int
    interest: int
    principal: int
    credit: int
    oldest_due_on: date | None
    bucket: str


COLUMNS = ("loan_id", "borrower_id", "portfolio_id", *(field.name for field in fields(Standing)))


CHARGED_LATER = "(kind IN ('fee', 'interest') OR (kind = 'transfer' AND amount > 0))"
"""SQL on a ledger entry: due on its value date, beside the contract's instalments."""

COVERS = (
    "(kind NOT IN ('opening', 'fee', 'interest', 'reallocation') AND NOT (kind = 'transfer' AND amount > 0))"
)
"""SQL on a ledger entry: counts towards what was paid, forgiven or given up, or takes it back."""


def standing_sql(loans: str, on: str = "%(on)s") -> str:
    """A SELECT of one row for each loan, with `COLUMNS`. `loans` is a condition on `loan` (accounts_loan)
    and `portfolio` (accounts_portfolio), `on` the date, which may hang on them: SQL with named parameters,
    never anybody's text.

    The bucket's key is that of `accounts.ageing.bucket`: "current", "1-30", … "91+".
    """
    return f"""
    WITH wanted AS MATERIALIZED (
        SELECT loan.id AS loan_id, loan.borrower_id, loan.portfolio_id, portfolio.bucket_edges, {on}::date AS today
        FROM accounts_loan loan JOIN accounts_portfolio portfolio ON portfolio.id = loan.portfolio_id
        WHERE {loans}
    ),
    booked AS MATERIALIZED (
        SELECT loan_id, sum(amount)::bigint AS outstanding, sum(fees)::bigint AS fees,
            sum(interest)::bigint AS interest, sum(principal)::bigint AS principal, -sum(credit)::bigint AS credit,
            COALESCE(-sum(amount) FILTER (WHERE {COVERS}), 0)::bigint AS credited
        FROM accounts_ledgerentry JOIN wanted USING (loan_id)
        WHERE value_date <= today
        GROUP BY loan_id
    ),
    extended AS MATERIALIZED (SELECT DISTINCT loan_id FROM accounts_extension JOIN wanted USING (loan_id)),
    contracted AS (
        SELECT loan_id, due_on, amount, today, false AS charged FROM accounts_instalment JOIN wanted USING (loan_id)
        WHERE due_on < today
        UNION ALL
        SELECT loan_id, value_date, amount, today, true FROM accounts_ledgerentry JOIN wanted USING (loan_id)
        WHERE {CHARGED_LATER} AND value_date < today
    ),
    moved AS (
        SELECT c.loan_id, c.amount, c.today, c.due_on + COALESCE((
            SELECT sum(e.days)::integer FROM accounts_extension e
            WHERE e.loan_id = c.loan_id AND e.agreed_on <= c.today AND e.due_from <= c.due_on
                AND (NOT c.charged OR c.due_on <= e.agreed_on)
        ), 0) AS due_on
        FROM contracted c JOIN extended USING (loan_id)
    ),
    item AS (
        SELECT loan_id, due_on, amount FROM contracted c
        WHERE NOT EXISTS (SELECT FROM extended e WHERE e.loan_id = c.loan_id)
        UNION ALL
        SELECT loan_id, due_on, amount FROM moved WHERE due_on < today
    ),
    due AS (
        SELECT loan_id, due_on, sum(amount) OVER (PARTITION BY loan_id ORDER BY due_on)::bigint AS so_far FROM item
    ),
    late AS (
        SELECT loan_id, max(so_far - COALESCE(credited, 0)) AS arrears, min(due_on) AS oldest
        FROM due LEFT JOIN booked USING (loan_id)
        WHERE so_far > COALESCE(credited, 0)
        GROUP BY loan_id
    ),
    paused AS (
        SELECT loan_id, (SELECT sum(upper(span) - lower(span)) FROM unnest(spans) AS span)::integer AS days FROM (
            SELECT late.loan_id, range_agg(
                daterange(greatest(p.starts_on, oldest + 1), least(p.ends_on, today), '[]')
            ) AS spans
            FROM late JOIN wanted USING (loan_id) JOIN accounts_pause p USING (borrower_id)
            WHERE p.what = 'ageing' AND (p.loan_id IS NULL OR p.loan_id = late.loan_id)
                AND p.starts_on <= today AND (p.ends_on IS NULL OR (p.ends_on > oldest AND p.ends_on >= p.starts_on))
            GROUP BY late.loan_id
        ) AS spans
    ),
    aged AS (
        SELECT loan_id, arrears, oldest, today - oldest - COALESCE(days, 0) AS days
        FROM late JOIN wanted USING (loan_id) LEFT JOIN paused USING (loan_id)
    )
    SELECT loan_id, borrower_id, portfolio_id, COALESCE(days, 0) AS days_past_due, COALESCE(arrears, 0) AS arrears,
        COALESCE(outstanding, 0) AS outstanding, COALESCE(fees, 0) AS fees, COALESCE(interest, 0) AS interest,
        COALESCE(principal, 0) AS principal, COALESCE(credit, 0) AS credit, oldest AS oldest_due_on,
        CASE WHEN COALESCE(days, 0) = 0 THEN 'current' ELSE (
            SELECT (COALESCE(max(edge) FILTER (WHERE edge < days), 0) + 1)
                || COALESCE('-' || min(edge) FILTER (WHERE edge >= days), '+')
            FROM unnest(bucket_edges) AS edge
        ) END AS bucket
    FROM wanted LEFT JOIN booked USING (loan_id) LEFT JOIN aged USING (loan_id)"""


PORTFOLIO_STANDING_SQL = standing_sql("loan.portfolio_id = ANY(%(portfolios)s)")
"""Every loan of the portfolios (a list of their ids) on a date. For statements that go on in SQL, such as a
day's run."""


def standing_of(loan_ids: Collection[UUID], on: date) -> dict[UUID, Standing]:
    """The standing of each of these loans on a date, in one statement. Ids of no loan are left out."""
    return _standings(_ON_A_DATE, loan_ids, {"on": on})


def standing_at(loan_ids: Collection[UUID], at: datetime) -> dict[UUID, Standing]:
    """The same at a moment (aware): of each loan on the business date of its portfolio."""
    return _standings(_AT_A_MOMENT, loan_ids, {"at": at})


_ON_A_DATE = standing_sql("loan.id = ANY(%(loans)s)")
_AT_A_MOMENT = standing_sql("loan.id = ANY(%(loans)s)", on="(%(at)s AT TIME ZONE portfolio.zone)")


_OF_BORROWERS = standing_sql(
    "loan.borrower_id = ANY(%(borrowers)s)", on="(%(at)s AT TIME ZONE portfolio.zone)"
)


def borrowers_statement(borrower_ids: Collection[UUID], at: datetime) -> Statement:
    """The statement for every loan of these borrowers at a moment; `standings` reads its rows."""
    return _OF_BORROWERS, {"borrowers": list(borrower_ids), "at": at}


def standings(rows: Rows) -> dict[UUID, Standing]:
    """By loan."""
    return {row[0]: Standing(*row[3:]) for row in rows}


_ROLLS = f"""
WITH before AS ({standing_sql("loan.portfolio_id = %(portfolio)s", "%(since)s")}),
    after AS ({standing_sql("loan.portfolio_id = %(portfolio)s", "%(until)s")})
SELECT before.bucket, CASE WHEN after.outstanding > 0 THEN after.bucket ELSE '{PAID}' END, count(*),
    sum(before.outstanding)::bigint
FROM before JOIN after USING (loan_id)
WHERE before.outstanding > 0
GROUP BY 1, 2
"""


def rolls_between(portfolio: Portfolio, since: date, until: date) -> Matrix:
    """Where the loans on which something was owed on one business date stood on a later one, by the ledger as it is known
    today: a payment that was learned of late counts from its value date."""
    [rows] = rows_of((_ROLLS, {"portfolio": portfolio.pk, "since": since, "until": until}), about=FEW + 1)
    return Matrix(
        (*buckets(portfolio.bucket_edges), PAID),
        {(before, after): loans for before, after, loans, _money in rows},
        {(before, after): money for before, after, _loans, money in rows},
    )


def _standings(
    statement: str, loan_ids: Collection[UUID], when: dict[str, date | datetime]
) -> dict[UUID, Standing]:
    if not loan_ids:
        return {}
    [rows] = rows_of((statement, {"loans": list(loan_ids), **when}), about=len(loan_ids))
    return standings(rows)
