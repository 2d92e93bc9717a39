"""Kept, in part or broken: what became of promises and plans, read from the ledger, never by hand.

A payment counts from the business date of the agreement to its last day and one day of grace, by its value date; what was
booked before the agreement was made had been counted then.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Portfolio
from accounts.money import decimal_text
from cases.chronicle import tell
from cases.models import DayRun, Plan, PlanState, Promise, PromiseState
from cases.slices import EVERYBODY, Slice, within
from compliance.audit import Actor

GRACE_DAYS = 1
PLAN_BREAKS_AT = 2  # instalments missed at once

PAID_TO_PROMISES = """
    SELECT p.id, p.amount, p.due_on, coalesce(sum(-e.amount), 0)::bigint AS paid
    FROM cases_promise p
    JOIN cases_case c ON c.id = p.case_id
    LEFT JOIN accounts_ledgerentry e ON e.loan_id = c.loan_id
        AND e.kind IN ('repayment', 'recovery', 'reversal', 'chargeback')
        AND e.value_date BETWEEN p.made_on AND p.due_on + %(grace)s AND e.booked_at > p.made_at
    WHERE p.state = ANY(%(states)s) AND {scope}
    GROUP BY p.id
"""
PAID_TO_PLANS = """
    SELECT p.id, p.case_id, c.borrower_id, p.total, coalesce(sum(-e.amount), 0)::bigint AS paid
    FROM cases_plan p
    JOIN cases_case c ON c.id = p.case_id
    LEFT JOIN accounts_ledgerentry e ON e.loan_id = c.loan_id
        AND e.kind IN ('repayment', 'recovery', 'reversal', 'chargeback')
        AND e.value_date BETWEEN p.agreed_on AND %(on)s AND e.booked_at > p.agreed_at
    WHERE p.state = 'active' AND {scope}
    GROUP BY p.id, c.id
"""
DECIDE_PROMISES = f"""
WITH counted AS ({PAID_TO_PROMISES}), verdict AS (
    SELECT id, paid, CASE
        WHEN paid >= amount THEN 'kept'
        WHEN %(on)s <= due_on + %(grace)s THEN 'open'
        WHEN paid > 0 THEN 'part_kept'
        ELSE 'broken'
    END AS state
    FROM counted
)
UPDATE cases_promise p SET state = verdict.state, decided_at = %(at)s
FROM verdict, cases_case c
WHERE p.id = verdict.id AND c.id = p.case_id AND p.state <> verdict.state AND verdict.state <> 'open'
RETURNING p.id, verdict.state, verdict.paid, c.id, c.borrower_id
"""
WATCH_PLANS = f"""
WITH counted AS ({PAID_TO_PLANS}), due AS (
    SELECT plan_id, due_on, sum(amount) OVER (PARTITION BY plan_id ORDER BY number) AS by_then
    FROM cases_planinstalment WHERE plan_id IN (SELECT id FROM counted)
)
SELECT p.id, p.case_id, p.borrower_id, p.paid >= p.total AS complete,
    count(*) FILTER (WHERE due.by_then > p.paid AND due.due_on + %(grace)s < %(on)s) AS missed,
    min(due.due_on) FILTER (WHERE due.by_then > p.paid) AS next_due_on,
    coalesce(bool_or(due.by_then > p.paid AND due.due_on + %(grace)s + 1 = %(on)s), false) AS newly_missed
FROM counted p JOIN due ON due.plan_id = p.id
GROUP BY p.id, p.case_id, p.borrower_id, p.paid, p.total
"""
CLOSE_PROMISES = f"""
WITH counted AS ({PAID_TO_PROMISES})
UPDATE cases_promise p
SET state = CASE WHEN counted.paid >= counted.amount THEN 'kept' ELSE 'cancelled' END, decided_at = %(at)s
FROM counted, cases_case c
WHERE p.id = counted.id AND c.id = p.case_id
RETURNING p.id, p.state, c.id, c.borrower_id
"""
CLOSE_PLANS = f"""
WITH counted AS ({PAID_TO_PLANS})
UPDATE cases_plan p
SET state = CASE WHEN counted.paid >= counted.total THEN 'completed' ELSE 'cancelled' END, ended_at = %(at)s
FROM counted, cases_case c
WHERE p.id = counted.id AND c.id = p.case_id
RETURNING p.id, p.state, c.id, c.borrower_id
"""
PROGRESS = f"""
SELECT id, paid FROM ({PAID_TO_PROMISES}) AS promises
UNION ALL SELECT id, paid FROM ({PAID_TO_PLANS}) AS plans
"""
OF_CASES = "p.case_id = ANY(%(cases)s)"


@dataclass(frozen=True)
class Party:
    """Whose agreement it was."""

    case: UUID
    borrower: UUID


@dataclass
class Decided:
    """What was found, as the cases it happened on."""

    kept: list[Party] = field(default_factory=list)
    part_kept: list[Party] = field(default_factory=list)
    broken: list[Party] = field(default_factory=list)
    plans_completed: list[Party] = field(default_factory=list)
    plans_broken: list[Party] = field(default_factory=list)
    newly_missed: list[Party] = field(default_factory=list)
    on_time: list[Party] = field(default_factory=list)  # a running plan with nothing missed


def decide(
    *,
    portfolio: Portfolio,
    on: date,
    by: Actor,
    at: datetime,
    loan_ids: Sequence[UUID] | None = None,
    run: DayRun | None = None,
    part: Slice = EVERYBODY,
) -> Decided:
    """Decide the promises and plans of a portfolio's open cases, of a slice of its borrowers, or of some of its loans, on
    a business date.

    The caller has locked the cases. A run looks at what is open and breaks plans; a look at some loans, after a payment,
    also turns broken promises into kept ones and breaks nothing: that waits for the day's run.
    """
    values: dict[str, Any] = {"on": on, "at": at, "grace": GRACE_DAYS, "portfolio": portfolio.pk}
    values["states"] = [PromiseState.OPEN]
    scope = f"c.closed_at IS NULL AND c.portfolio_id = %(portfolio)s AND {within('c.borrower_id')}"
    values |= part.values
    if loan_ids is not None:
        scope += " AND c.loan_id = ANY(%(loans)s)"
        values["loans"] = list(loan_ids)
        # A payment that arrives late with an early value date makes a broken promise kept.
        values["states"] += [PromiseState.BROKEN, PromiseState.PART_KEPT]
    decided = Decided()
    with connection.cursor() as cursor:
        cursor.execute(DECIDE_PROMISES.format(scope=scope), values)
        promises = cursor.fetchall()
        cursor.execute(WATCH_PLANS.format(scope=scope), values)
        plans = cursor.fetchall()
    _tell_promises(decided, promises, portfolio.currency, by, at, run)
    _end_plans(decided, plans, by, at, run, breaks=loan_ids is None)
    return decided


def _tell_promises(
    decided: Decided, rows: list[tuple], currency: str, by: Actor, at: datetime, run: DayRun | None
) -> None:
    events = defaultdict(list)
    for promise, state, paid, case, borrower in rows:
        getattr(decided, state).append(Party(case, borrower))
        event = {"case": case, "borrower": borrower, "promise": promise}
        if state != PromiseState.KEPT:
            event |= {"currency": currency, "paid": decimal_text(paid, currency)}
        events[state].append(event)
    for state, found in events.items():
        tell(f"promise.{state}", rows=found, by=by, at=at, run=run)


def _end_plans(
    decided: Decided, rows: list[tuple], by: Actor, at: datetime, run: DayRun | None, breaks: bool
) -> None:
    ended = defaultdict(list)
    for plan, case, borrower, complete, missed, next_due_on, newly_missed in rows:
        party = Party(case, borrower)
        event = {"case": case, "borrower": borrower, "plan": plan}
        if complete:
            decided.plans_completed.append(party)
            ended[PlanState.COMPLETED].append(event)
        elif missed >= PLAN_BREAKS_AT and breaks:
            decided.plans_broken.append(party)
            ended[PlanState.BROKEN].append(event | {"missed_due_on": next_due_on})
        elif newly_missed:
            decided.newly_missed.append(party)
        elif not missed:
            decided.on_time.append(party)
    for state, found in ended.items():
        Plan.objects.filter(pk__in=[row["plan"] for row in found]).update(state=state, ended_at=at)
        tell(f"plan.{state}", rows=found, by=by, at=at, run=run)


def close_agreements(
    *, case_ids: Sequence[UUID], by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> None:
    """A closing case's open promise is kept where it was paid, its plan completed; otherwise both are cancelled."""
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "states": [PromiseState.OPEN],
        "on": date.max,
        "at": at,
        "grace": GRACE_DAYS,
    }
    for name, statement in (("promise", CLOSE_PROMISES), ("plan", CLOSE_PLANS)):
        with connection.cursor() as cursor:
            cursor.execute(statement.format(scope=OF_CASES), values)
            rows = cursor.fetchall()
        events = defaultdict(list)
        for agreement, state, case, borrower in rows:
            event = {"case": case, "borrower": borrower, name: agreement}
            events[state].append(event | ({"reason": reason} if state == "cancelled" else {}))
        for state, found in events.items():
            tell(f"{name}.{state}", rows=found, by=by, at=at, run=run)


def progress(*, case_ids: Sequence[UUID], on: date) -> dict[UUID, int]:
    """Id of every open promise and running plan of these cases: minor units paid towards it by that date."""
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "states": [PromiseState.OPEN],
        "on": on,
        "grace": GRACE_DAYS,
    }
    with connection.cursor() as cursor:
        cursor.execute(PROGRESS.format(scope=OF_CASES), values)
        return dict(cursor.fetchall())


def cancel_promise(*, promise: Promise, reason: str, by: Actor, at: datetime) -> None:
    """Another agreement takes its place."""
    Promise.objects.filter(pk=promise.pk).update(state=PromiseState.CANCELLED, decided_at=at)
    event = {"case": promise.case_id, "borrower": promise.case.borrower_id, "promise": promise.pk}
    tell("promise.cancelled", rows=[event | {"reason": reason}], by=by, at=at)


def cancel_plan(*, plan: Plan, reason: str, by: Actor, at: datetime) -> None:
    Plan.objects.filter(pk=plan.pk).update(state=PlanState.CANCELLED, ended_at=at)
    event = {"case": plan.case_id, "borrower": plan.case.borrower_id, "plan": plan.pk}
    tell("plan.cancelled", rows=[event | {"reason": reason}], by=by, at=at)
