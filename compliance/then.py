"""What was overdue at moments long past, of many loans, by three statements."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.ageing import age
from accounts.standing import CHARGED_LATER, COVERS

DUES = f"""
SELECT loan_id, due_on, amount FROM accounts_instalment WHERE loan_id = ANY(%(loans)s)
UNION ALL
SELECT loan_id, value_date, amount FROM accounts_ledgerentry
WHERE loan_id = ANY(%(loans)s) AND {CHARGED_LATER}
"""
CREDITS = f"""
SELECT loan_id, value_date, sum(-amount)::bigint FROM accounts_ledgerentry
WHERE loan_id = ANY(%(loans)s) AND {COVERS}
GROUP BY loan_id, value_date ORDER BY loan_id, value_date
"""
PAUSES = """
SELECT loan.id, p.starts_on, p.ends_on FROM accounts_pause p
JOIN accounts_loan loan ON loan.borrower_id = p.borrower_id AND (p.loan_id IS NULL OR p.loan_id = loan.id)
WHERE loan.id = ANY(%(loans)s) AND p.what = 'ageing'
"""


@dataclass(slots=True)
class _Loan:
    dues: list[tuple[date, int]] = field(default_factory=list)
    dates: list[date] = field(default_factory=list)  # of credits, rising
    sums: list[int] = field(default_factory=list)  # credited up to and including each
    pauses: list[tuple[date, date | None]] = field(default_factory=list)  # days that do not count


class Arrears:
    """Arrears (minor units) and days past due of loans on any date. What was paid in parts before the first tape stands in
    the ledger as one sum on its last day, so a loan may look later than it was, never less late."""

    def __init__(self, loans: dict[UUID, _Loan]) -> None:
        self._loans = loans
        self._known: dict[tuple[UUID, date], tuple[int, int]] = {}

    def of(self, loan: UUID, zone: str, at: datetime) -> tuple[int, int]:
        """On the business date of a moment in the portfolio's zone."""
        on = at.astimezone(ZoneInfo(zone)).date()
        if (loan, on) not in self._known:
            row = self._loans[loan]
            place = bisect_right(row.dates, on)
            found = age(row.dues, max(0, row.sums[place - 1]) if place else 0, on, row.pauses)
            self._known[loan, on] = (found.arrears, found.days_past_due)
        return self._known[loan, on]


def past_arrears(loans: Iterable[UUID]) -> Arrears:
    """The dues and credits of these loans, ready to be asked for any moment."""
    rows = {loan: _Loan() for loan in loans}
    with connection.cursor() as cursor:
        cursor.execute(DUES, {"loans": list(rows)})
        for loan, due_on, amount in cursor.fetchall():
            rows[loan].dues.append((due_on, amount))
        cursor.execute(CREDITS, {"loans": list(rows)})
        for loan, value_date, amount in cursor.fetchall():
            row = rows[loan]
            row.dates.append(value_date)
            row.sums.append(amount + (row.sums[-1] if row.sums else 0))
        cursor.execute(PAUSES, {"loans": list(rows)})
        for loan, starts_on, ends_on in cursor.fetchall():
            rows[loan].pauses.append((starts_on, ends_on))
    return Arrears(rows)
