"""Opening cases: by the thousand, when a day's run finds loans overdue that nobody works on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.copying import copy_in
from accounts.models import Portfolio
from accounts.money import decimal_text
from cases.chronicle import tell
from cases.models import Case, DayRun, Lease
from compliance.audit import Actor


@dataclass(frozen=True)
class Overdue:
    """A loan to open a case on; `arrears` in minor units, `earlier_cases` those it has had before."""

    loan: UUID
    borrower: UUID
    days_past_due: int
    arrears: int
    earlier_cases: int


@transaction.atomic
def open_cases(
    *,
    portfolio: Portfolio,
    loans: Sequence[Overdue],
    on: date,
    by: Actor,
    at: datetime,
    run: DayRun | None = None,
) -> list[UUID]:
    """One case each, in the state overdue, with its lease row, opened on a business date; by COPY."""
    cases = {uuid7(): loan for loan in loans}
    copy_in(
        Case,
        (
            Case(id=case, borrower_id=loan.borrower, loan_id=loan.loan, portfolio=portfolio, opened_on=on)
            for case, loan in cases.items()
        ),
    )
    copy_in(Lease, (Lease(case_id=case) for case in cases))
    rows = [
        {
            "case": case,
            "borrower": loan.borrower,
            "loan": loan.loan,
            "days_past_due": loan.days_past_due,
            "currency": portfolio.currency,
            "arrears": decimal_text(loan.arrears, portfolio.currency),
            "earlier_cases": loan.earlier_cases,
        }
        for case, loan in cases.items()
    ]
    tell("case.opened", rows=rows, by=by, at=at, run=run)
    return list(cases)
