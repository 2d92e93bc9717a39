"""Charges for being late, for a whole portfolio on one business date: what `accounts/accrual.py` says by all we know today,
less what was booked before, and no more than the law lets be charged.

More is charged with the date as its value date. Less, because a payment came late with an early value date or a hold was
learned of, is taken back by a waiver; no entry is ever altered. The references name the date or the instalment, so that the
same date again books nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.accrual import Late, LateCaps, LateTerms, kept_to, late_charges
from accounts.actions.caps import FIELDS, caps_of, keep_caps
from accounts.actions.ledger import Posting, lock_loans, post
from accounts.models import EntryKind, Portfolio, Terms
from accounts.standing import CHARGED_LATER, COVERS, standing_of, standing_sql
from cases.slices import EVERYBODY, Slice, within
from compliance.audit import Actor
from compliance.holds import HOLDS, Stop
from compliance.models import Hold, HoldKind

INTEREST, FEE, BACK = "late_interest:", "late_fee:", "late_taken_back:"
PAUSED = "paused:"  # and the id of the entry that a hold took back (`accounts/actions/pauses.py`)
OURS = f"(reference LIKE '{INTEREST}%%' OR reference LIKE '{FEE}%%' OR reference LIKE '{BACK}%%')"
STOPPING = [kind for kind in HoldKind if Stop.CHARGES in HOLDS[kind].stops]
CHUNK = 5000

# Late today, or charged before for being so: then a payment may have come that takes some of it back. Given up: no more.
CONCERNED = f"""
SELECT s.loan_id FROM ({standing_sql("portfolio.id = %(portfolio)s AND " + within("loan.borrower_id"))}) AS s
WHERE s.loan_id > %(after)s AND NOT EXISTS (
    SELECT FROM accounts_ledgerentry e WHERE e.loan_id = s.loan_id AND e.kind = 'write_off'
) AND (s.arrears > 0 OR EXISTS (
    SELECT FROM accounts_ledgerentry e WHERE e.loan_id = s.loan_id AND e.kind IN ('fee', 'interest')
        AND e.value_date <= %(on)s AND {OURS}
))
ORDER BY s.loan_id LIMIT %(limit)s
"""
# An extension agreed by the date moves what it covers, and what is not due is not late.
INSTALMENTS = """
SELECT loan_id, number, due_on, amount FROM (
    SELECT i.loan_id, i.number, i.amount, i.due_on + COALESCE((
        SELECT sum(e.days)::integer FROM accounts_extension e
        WHERE e.loan_id = i.loan_id AND e.agreed_on <= %(on)s AND e.due_from <= i.due_on
    ), 0) AS due_on
    FROM accounts_instalment i WHERE i.loan_id = ANY(%(loans)s) AND i.due_on < %(on)s
) AS moved WHERE due_on < %(on)s
"""
ENTRIES = f"""
SELECT id::text, loan_id, kind, reference, value_date, principal, interest, amount, {OURS}, {CHARGED_LATER}, {COVERS}
FROM accounts_ledgerentry WHERE loan_id = ANY(%(loans)s) AND value_date <= %(on)s AND kind <> 'reallocation'
"""


@dataclass
class _Loan:
    """What the rules want to know of one loan, and what was booked by them before."""

    instalments: list[tuple[int, date, int]] = field(default_factory=list)
    charges: list[tuple[date, int]] = field(default_factory=list)
    credited: list[tuple[date, int]] = field(default_factory=list)
    held: list[tuple[date, date]] = field(default_factory=list)
    principal: int = 0
    opening: int = 0
    interest: int = 0
    fees: dict[int, int] = field(default_factory=dict)
    taken_back: int = 0
    today: bool = False

    def is_held(self, on: date) -> bool:
        """Whether a hold stops charges on a day."""
        return any(first <= on <= last for first, last in self.held)

    @property
    def booked(self) -> int:
        return self.interest + sum(self.fees.values()) - self.taken_back


@transaction.atomic
def accrue(
    *, portfolio: Portfolio, on: date, by: Actor, at: datetime, part: Slice = EVERYBODY
) -> dict[str, int]:
    """Charge, or take back, what being late costs the loans of a portfolio up to and including a business date; returns how
    many loans were `charged` and of how many something was `taken_back`. The same date again changes nothing. The number
    of statements hangs on the chunks of loans, not on the loans.
    """
    counts = {"charged": 0, "taken_back": 0}
    if not any(each.rate or each.fee for each in own_terms(portfolio, on)):
        return counts
    keep_caps(portfolio=portfolio, by=by, at=at)
    terms = kept_to(own_terms(portfolio, on), caps_until(portfolio, on))
    after = UUID(int=0)
    while loans := _select(CONCERNED, portfolio=portfolio.pk, on=on, after=after, limit=CHUNK, **part.values):
        ids = [loan for (loan,) in loans]
        lock_loans(ids)
        postings: list[Posting] = []
        corrected: dict[UUID, int] = {}
        for loan, facts in _facts(ids, portfolio, on).items():
            if facts.today or not facts.instalments:
                continue
            late = late_charges(
                facts.instalments, facts.credited, principal=facts.principal, opening=facts.opening, terms=terms,
                through=on, charges=facts.charges, held=facts.held,
            )  # fmt: skip
            if late.total < facts.booked:
                corrected[loan] = facts.booked - late.total
            elif not facts.is_held(on):  # what earlier days still cost is charged when the hold has ended
                postings += _more(loan, facts, late, on)
        counts["charged"] += len({posting.loan_id for posting in postings})
        counts["taken_back"] += len(corrected)
        post([*postings, *_less(corrected, on)], by=by, at=at)
        after = ids[-1]
    return counts


def caps_until(portfolio: Portfolio, on: date) -> list[LateCaps]:
    """What the law lets be charged, for every day up to the date."""
    return [
        LateCaps(from_on=day, **{name: getattr(row, name) for name in FIELDS})
        for day, row in caps_of(portfolio).items()
        if day <= on
    ]


def own_terms(portfolio: Portfolio, on: date) -> list[LateTerms]:
    """All that began by the date, the last said of each day; before the first nothing is charged."""
    by_day: dict[date, Terms] = {}
    for row in portfolio.terms.filter(from_on__lte=on).order_by("from_on", "id"):
        by_day[row.from_on] = row
    return [
        LateTerms(
            from_on=day, rate=row.late_rate, fee=row.late_fee, grace_days=row.grace_days, day_count=row.day_count,
            rounding=row.rounding, fees_most=row.late_fee_most, most_percent=row.charges_most_percent,
        )
        for day, row in by_day.items()
    ]  # fmt: skip


def _facts(loans: list[UUID], portfolio: Portfolio, on: date) -> dict[UUID, _Loan]:
    found: dict[UUID, _Loan] = defaultdict(_Loan)
    for loan, number, due_on, amount in _select(INSTALMENTS, loans=loans, on=on):
        found[loan].instalments.append((number, due_on, amount))
    rows = _select(ENTRIES, loans=loans, on=on)
    taken_back_by_holds = {f"{PAUSED}{pk}" for pk, *_rest, ours, _due, _covers in rows if ours}
    for _pk, loan, kind, reference, day, principal, interest, amount, ours, due, covers in rows:
        facts = found[loan]
        ours = ours or reference in taken_back_by_holds
        if kind == EntryKind.OPENING:
            facts.principal, facts.opening = principal, amount
        elif ours and kind in (EntryKind.INTEREST, EntryKind.FEE, EntryKind.WAIVER):
            facts.today |= reference in (f"{INTEREST}{on}", f"{BACK}{on}")
            if kind == EntryKind.INTEREST:
                facts.interest += interest
            elif kind == EntryKind.FEE:
                facts.fees[int(reference.removeprefix(FEE))] = amount
            else:
                facts.taken_back -= amount
        elif due:
            facts.charges.append((day, amount))
        elif covers:
            facts.credited.append((day, -amount))
    _add_holds(found, portfolio, on)
    return found


def _add_holds(found: dict[UUID, _Loan], portfolio: Portfolio, on: date) -> None:
    """The days of holds that stop charges, the day one was ended included."""
    holds = Hold.objects.filter(kind__in=STOPPING, starts_on__lte=on, borrower__loans__in=list(found))
    rows = holds.values_list("borrower__loans", "loan", "starts_on", "ends_on", "ended_at")
    for loan, only, starts_on, ends_on, ended_at in rows:
        if loan in found and only in (None, loan):
            ended_on = portfolio.business_date(ended_at) if ended_at else date.max
            found[loan].held.append((starts_on, min(ends_on or date.max, ended_on)))


def _more(loan: UUID, facts: _Loan, late: Late, on: date) -> Iterable[Posting]:
    """New fees first; interest is what then is missing to the whole."""
    more = late.total - facts.booked
    for number, (_day, amount) in late.fees.items():
        if number not in facts.fees and (fee := min(amount, more)):
            more -= fee
            yield Posting(
                loan_id=loan,
                kind=EntryKind.FEE,
                reference=f"{FEE}{number}",
                value_date=on,
                amounts={"fees": fee},
            )
    if more:
        yield Posting(
            loan_id=loan, kind=EntryKind.INTEREST, reference=f"{INTEREST}{on}", value_date=on,
            amounts={"interest": more},
        )  # fmt: skip


def _less(corrected: dict[UUID, int], on: date) -> Iterable[Posting]:
    """Taken back where it is still open, interest before fees; what was paid of it covers what else is open, or becomes the
    borrower's credit."""
    standings = standing_of(list(corrected), on)
    for loan, amount in corrected.items():
        interest = min(amount, standings[loan].interest)
        fees = min(amount - interest, standings[loan].fees)
        named = {part: much for part, much in (("interest", interest), ("fees", fees)) if much}
        whole = sum(named.values()) == amount
        yield Posting(
            loan_id=loan, kind=EntryKind.WAIVER, reference=f"{BACK}{on}", value_date=on,
            **({"amounts": named} if whole else {"amount": amount}),
        )  # fmt: skip


def _select(statement: str, **values: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
