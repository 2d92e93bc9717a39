"""Kept, in part or broken: what became of promises and plans, read from the ledger, never by hand.

A payment counts from the business date of the agreement to its last day and the days of grace of that date's terms, by its
value date; what was booked before the agreement was made had been counted then. Promises of one series share what comes, the
one due first before the next: nothing counts twice. One that was taken back never came. So whatever comes in whatever order,
what is found at the end is the same; also of what was decided before, as long as its case is open.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Portfolio, Terms
from accounts.money import decimal_text
from cases.chronicle import tell
from cases.models import CaseMessage, DayRun, Plan, PlanState, Promise, PromiseState
from cases.slices import EVERYBODY, Slice, within
from communications.actions.messages import cancel
from communications.actions.planning import keys_of
from communications.models import MessageStatus
from compliance.audit import Actor


def _term(column: str, on: str, otherwise: int) -> str:
    """What the portfolio's terms said on the day of an agreement (`c` is its case)."""
    return f"""coalesce((
        SELECT t.{column} FROM accounts_terms t WHERE t.portfolio_id = c.portfolio_id AND t.from_on <= {on}
        ORDER BY t.from_on DESC, t.id DESC LIMIT 1
    ), {otherwise})::integer"""


GRACE = _term("promise_grace_days", "p.made_on", Terms().promise_grace_days)
PLAN_GRACE = _term("promise_grace_days", "p.agreed_on", Terms().promise_grace_days)
BREAKS_AT = _term("plan_breaks_at", "p.agreed_on", Terms().plan_breaks_at)
# What was booked after the agreement, and what was taken back of that: of a reversal on the day of its payment.
COUNTED = "r.loan_id = c.loan_id AND r.paid_number > p.after_entry"
# Within a series the promise due first takes first, and no more than its amount: `reached` is what it and those before it
# have got of all that came by its last day, so nothing counts twice.
PAID_TO_PROMISES = f"""
    SELECT id, amount, due_on, grace, state, latest, reached - lag(reached, 1, 0::bigint) OVER series AS paid
    FROM (
        SELECT f.*, by_then + least(0, min(came - by_then) OVER (
            PARTITION BY series ORDER BY due_on, number
        )) AS reached
        FROM (
            SELECT p.id, p.amount, p.due_on, p.state, p.series, p.number, {GRACE} AS grace,
                sum(p.amount) OVER (PARTITION BY p.series ORDER BY p.due_on, p.number)::bigint AS by_then,
                (
                    SELECT coalesce(sum(r.amount), 0)::bigint FROM accounts_receipt r
                    WHERE {COUNTED} AND r.paid_on >= p.made_on AND r.value_date <= p.due_on + {GRACE}
                ) AS came,
                NOT EXISTS (
                    SELECT FROM cases_promise q
                    WHERE q.case_id = p.case_id AND q.series <> p.series AND q.made_at >= p.made_at
                ) AND NOT EXISTS (
                    SELECT FROM cases_plan q WHERE q.case_id = p.case_id AND q.agreed_at >= p.made_at
                ) AS latest
            FROM cases_promise p JOIN cases_case c ON c.id = p.case_id
            WHERE p.state <> 'cancelled' AND {{scope}}
                AND p.series IN (SELECT s.series FROM cases_promise s
                    WHERE s.case_id = c.id AND s.state = ANY(%(states)s))
        ) AS f
    ) AS counted
    WINDOW series AS (PARTITION BY series ORDER BY due_on, number)
"""
PAID_TO_PLANS = f"""
    SELECT p.id, p.case_id, c.loan_id, c.borrower_id, p.total, p.state, p.agreed_on, p.after_entry,
        {PLAN_GRACE} AS grace, {BREAKS_AT} AS breaks_at, coalesce(sum(r.amount), 0)::bigint AS paid,
        NOT EXISTS (
            SELECT FROM cases_plan q WHERE q.case_id = p.case_id AND q.id <> p.id AND q.agreed_at >= p.agreed_at
        ) AS latest
    FROM cases_plan p
    JOIN cases_case c ON c.id = p.case_id
    LEFT JOIN accounts_receipt r ON {COUNTED} AND r.paid_on >= p.agreed_on AND r.value_date <= %(on)s
    WHERE p.state = ANY(%(plans)s) AND {{scope}}
    GROUP BY p.id, c.id
"""
DECIDE_PROMISES = f"""
WITH counted AS ({PAID_TO_PROMISES}), verdict AS (
    SELECT id, paid, CASE
        WHEN paid >= amount THEN 'kept'
        WHEN %(on)s <= due_on + grace THEN CASE WHEN latest THEN 'open' ELSE state END
        WHEN paid > 0 THEN 'part_kept'
        ELSE 'broken'
    END AS state
    FROM counted WHERE state = ANY(%(states)s)
)
UPDATE cases_promise p SET state = verdict.state,
    decided_at = CASE WHEN verdict.state = 'open' THEN NULL ELSE %(at)s END
FROM verdict, cases_case c
WHERE p.id = verdict.id AND c.id = p.case_id AND p.state <> verdict.state
RETURNING p.id, verdict.state, verdict.paid, c.id, c.borrower_id
"""
# A plan breaks on the day after an instalment's grace on which so many are missed, by all we know of that day now, or where
# so many are missed today. `breaking` is what must have come by an instalment's day lest it break.
WATCH_PLANS = f"""
WITH counted AS ({PAID_TO_PLANS}), due AS (
    SELECT i.plan_id, i.number, i.due_on, i.due_on + p.grace + 1 AS missed_on, p.breaks_at,
        sum(i.amount) OVER (PARTITION BY i.plan_id ORDER BY i.number) AS by_then
    FROM cases_planinstalment i JOIN counted p ON p.id = i.plan_id
), checked AS (
    SELECT d.*, lag(by_then, breaks_at - 1) OVER (PARTITION BY plan_id ORDER BY number) AS breaking FROM due d
), day AS (
    SELECT p.id AS plan_id, r.value_date AS day, r.amount, NULL::numeric AS breaking
    FROM counted p JOIN accounts_receipt r ON r.loan_id = p.loan_id AND r.paid_number > p.after_entry
        AND r.paid_on >= p.agreed_on AND r.value_date <= %(on)s
    UNION ALL
    SELECT plan_id, missed_on, 0, breaking FROM checked WHERE missed_on <= %(on)s
), broken AS (
    SELECT DISTINCT plan_id FROM (
        SELECT plan_id, breaking, sum(amount) OVER (PARTITION BY plan_id ORDER BY day) AS paid FROM day
    ) AS so_far
    WHERE breaking > paid
)
SELECT p.id, p.case_id, p.borrower_id, p.state, p.latest, p.paid >= p.total AS complete,
    count(*) FILTER (WHERE due.by_then > p.paid AND due.missed_on <= %(on)s) AS missed,
    min(due.due_on) FILTER (WHERE due.by_then > p.paid) AS next_due_on,
    coalesce(bool_or(due.by_then > p.paid AND due.missed_on = %(on)s), false) AS newly_missed,
    p.id IN (SELECT plan_id FROM broken)
        OR count(*) FILTER (WHERE due.by_then > p.paid AND due.missed_on <= %(on)s) >= p.breaks_at AS breaks
FROM counted p JOIN due ON due.plan_id = p.id
GROUP BY p.id, p.case_id, p.borrower_id, p.state, p.latest, p.paid, p.total, p.breaks_at
"""
CLOSE_PROMISES = f"""
WITH counted AS ({PAID_TO_PROMISES})
UPDATE cases_promise p
SET state = CASE WHEN counted.paid >= counted.amount THEN 'kept' ELSE 'cancelled' END, decided_at = %(at)s
FROM counted, cases_case c
WHERE p.id = counted.id AND c.id = p.case_id AND p.state = 'open'
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
# All that was ever agreed: an ended plan got what counts from a day up to its end and was not booked for the one that
# replaced it.
CAME_TO_PLANS = f"""
    SELECT p.id, coalesce(sum(r.amount), 0)::bigint AS paid, {PLAN_GRACE} AS grace
    FROM cases_plan p
    JOIN cases_case c ON c.id = p.case_id
    JOIN accounts_portfolio f ON f.id = c.portfolio_id
    LEFT JOIN cases_plan q ON q.replaces_id = p.id
    LEFT JOIN accounts_receipt r ON {COUNTED} AND r.paid_on >= p.agreed_on AND r.value_date <= %(on)s
        AND (p.ended_at IS NULL OR r.value_date <= (p.ended_at AT TIME ZONE f.zone)::date)
        AND (q.id IS NULL OR r.paid_number <= q.after_entry)
    WHERE {{scope}}
    GROUP BY p.id, c.id
"""
PROGRESS = f"""
SELECT id, paid FROM ({PAID_TO_PROMISES}) AS promises WHERE state = 'open'
UNION ALL SELECT id, paid FROM ({PAID_TO_PLANS}) AS plans
"""
CAME = f"""
SELECT id, paid, grace FROM ({PAID_TO_PROMISES}) AS promises
UNION ALL SELECT id, paid, grace FROM ({CAME_TO_PLANS}) AS plans
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
    reopened: list[Party] = field(default_factory=list)  # a payment that had kept it was taken back in time
    part_kept: list[Party] = field(default_factory=list)
    broken: list[Party] = field(default_factory=list)
    plans_completed: list[Party] = field(default_factory=list)
    plans_broken: list[Party] = field(default_factory=list)
    plans_reopened: list[Party] = field(
        default_factory=list
    )  # the same of a plan, or its money had come in time after all
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

    The caller has locked the cases. A run looks at what is open and breaks plans; a look at some loans, after a payment or
    one taken back, also at what was decided before, and breaks no running plan: that waits for the day's run.
    """
    values: dict[str, Any] = {"on": on, "at": at, "portfolio": portfolio.pk}
    values["states"], values["plans"] = [PromiseState.OPEN], [PlanState.ACTIVE]
    scope = f"c.closed_at IS NULL AND c.portfolio_id = %(portfolio)s AND {within('c.borrower_id')}"
    values |= part.values
    if loan_ids is not None:
        scope += " AND c.loan_id = ANY(%(loans)s)"
        values["loans"] = list(loan_ids)
        # A payment that arrives late with an early value date keeps a broken promise, one taken back breaks a kept one.
        values["states"] += [PromiseState.BROKEN, PromiseState.PART_KEPT, PromiseState.KEPT]
        values["plans"] += [PlanState.BROKEN, PlanState.COMPLETED]
    decided = Decided()
    with connection.cursor() as cursor:
        cursor.execute(DECIDE_PROMISES.format(scope=scope), values)
        promises = cursor.fetchall()
        cursor.execute(WATCH_PLANS.format(scope=scope), values)
        plans = cursor.fetchall()
    _tell_promises(decided, promises, portfolio.currency, by, at, run)
    _move_plans(decided, plans, by, at, run, breaks=loan_ids is None)
    return decided


def _tell_promises(
    decided: Decided, rows: list[tuple], currency: str, by: Actor, at: datetime, run: DayRun | None
) -> None:
    events = defaultdict(list)
    over: list[UUID] = []
    for promise, state, paid, case, borrower in rows:
        if state == PromiseState.OPEN:
            decided.reopened.append(Party(case, borrower))
        else:
            getattr(decided, state).append(Party(case, borrower))
            over.append(promise)
        event = {"case": case, "borrower": borrower, "promise": promise}
        if state != PromiseState.KEPT:
            event |= {"currency": currency, "paid": decimal_text(paid, currency)}
        events[state].append(event)
    for state, found in events.items():
        name = "reopened" if state == PromiseState.OPEN else state
        tell(f"promise.{name}", rows=found, by=by, at=at, run=run)
    forget_reminders(over, reason="promise_over", by=by, at=at)


def forget_reminders(promises: Sequence[UUID], *, reason: str, by: Actor, at: datetime) -> None:
    """Nobody is reminded of what was kept, replaced or is past."""
    keys = [key for promise in promises for key in keys_of(reminder_key(promise))]
    planned = CaseMessage.objects.filter(message__dedupe_key__in=keys, message__status=MessageStatus.PLANNED)
    for link in planned.select_related("message").order_by("message"):
        cancel(message=link.message, reason=reason, by=by, at=at, case=link.case_id)


def reminder_key(promise: UUID) -> str:
    """The key under which the reminder of a promise is planned, once."""
    return f"promise_reminder:{promise.hex}"


def _move_plans(
    decided: Decided, rows: list[tuple], by: Actor, at: datetime, run: DayRun | None, breaks: bool
) -> None:
    moved = defaultdict(list)
    for plan, case, borrower, state, latest, complete, missed, next_due_on, newly_missed, broken in rows:
        party = Party(case, borrower)
        to = _plan_state(state, latest=latest, complete=complete, broken=broken, breaks=breaks)
        if to != state:
            event = {"case": case, "borrower": borrower, "plan": plan}
            moved[to].append(event | ({"missed_due_on": next_due_on} if to == PlanState.BROKEN else {}))
            found = {
                PlanState.COMPLETED: decided.plans_completed,
                PlanState.BROKEN: decided.plans_broken,
                PlanState.ACTIVE: decided.plans_reopened,
            }
            found[to].append(party)
        if to != PlanState.ACTIVE:
            continue
        if newly_missed:
            decided.newly_missed.append(party)
        elif not missed:
            decided.on_time.append(party)
    for to, found_rows in moved.items():
        ended_at = None if to == PlanState.ACTIVE else at
        Plan.objects.filter(pk__in=[row["plan"] for row in found_rows]).update(state=to, ended_at=ended_at)
        name = "reopened" if to == PlanState.ACTIVE else to
        tell(f"plan.{name}", rows=found_rows, by=by, at=at, run=run)


def _plan_state(state: str, *, latest: bool, complete: bool, broken: bool, breaks: bool) -> PlanState:
    """What the facts make of a plan. One that another has followed never runs again, and what comes is the other's."""
    if not latest and state == PlanState.BROKEN:
        return PlanState.BROKEN
    if complete:
        return PlanState.COMPLETED
    if not latest:
        return PlanState.BROKEN if state == PlanState.COMPLETED or (broken and breaks) else PlanState(state)
    if broken and (breaks or state != PlanState.ACTIVE):
        return PlanState.BROKEN
    return PlanState.ACTIVE


def close_agreements(
    *, case_ids: Sequence[UUID], by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> None:
    """A closing case's open promise is kept where it was paid, its plan completed; otherwise both are cancelled."""
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "states": [PromiseState.OPEN],
        "plans": [PlanState.ACTIVE],
        "on": date.max,
        "at": at,
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
        "plans": [PlanState.ACTIVE],
        "on": on,
    }
    with connection.cursor() as cursor:
        cursor.execute(PROGRESS.format(scope=OF_CASES), values)
        return dict(cursor.fetchall())


@dataclass(frozen=True)
class Came:
    """What has come in towards an agreement, minor units, and the days of grace it has."""

    paid: int
    grace: int


def came_in(*, case_ids: Sequence[UUID], on: date) -> dict[UUID, Came]:
    """By id, what came by that date towards every promise of these cases that was not cancelled, and every plan."""
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "states": [state.value for state in PromiseState if state != PromiseState.CANCELLED],
        "on": on,
    }
    with connection.cursor() as cursor:
        cursor.execute(CAME.format(scope=OF_CASES), values)
        return {pk: Came(paid, grace) for pk, paid, grace in cursor.fetchall()}


def cancel_promise(*, promise: Promise, reason: str, by: Actor, at: datetime) -> None:
    """Another agreement takes its place."""
    Promise.objects.filter(pk=promise.pk).update(state=PromiseState.CANCELLED, decided_at=at)
    forget_reminders([promise.pk], reason=f"promise_{reason}", by=by, at=at)
    event = {"case": promise.case_id, "borrower": promise.case.borrower_id, "promise": promise.pk}
    tell("promise.cancelled", rows=[event | {"reason": reason}], by=by, at=at)


def cancel_plan(*, plan: Plan, reason: str, by: Actor, at: datetime) -> None:
    Plan.objects.filter(pk=plan.pk).update(state=PlanState.CANCELLED, ended_at=at)
    event = {"case": plan.case_id, "borrower": plan.case.borrower_id, "plan": plan.pk}
    tell("plan.cancelled", rows=[event | {"reason": reason}], by=by, at=at)
