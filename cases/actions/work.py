"""What is next on a case, and who sits on it. Nobody waits: a case somebody holds is skipped, not queued for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import User
from cases.chronicle import tell
from cases.models import Case, DayRun, Lease, WorkItem, WorkKind
from compliance.audit import Actor, Stream, record

LEASE = timedelta(minutes=15)

# Smaller comes first; within a rank the oldest due. What somebody was told or is waiting for comes before what we want.
RANKS = {
    WorkKind.CALLBACK: 10,
    WorkKind.TRACE: 20,
    WorkKind.PROMISE_BROKEN: 30,
    WorkKind.PLAN_MISSED: 40,
    WorkKind.FIRST_CALL: 50,
    WorkKind.FOLLOW_UP: 60,
    WorkKind.ADDRESS: 70,
    WorkKind.REVIEW: 80,
}
# What a call to the borrower takes care of, whatever came of it: the outcome says what is next.
CALL_KINDS = (
    WorkKind.CALLBACK,
    WorkKind.PROMISE_BROKEN,
    WorkKind.PLAN_MISSED,
    WorkKind.FIRST_CALL,
    WorkKind.FOLLOW_UP,
)


class LeaseHeld(Exception):
    """Somebody else works on the case until `until`."""

    def __init__(self, holder: User, until: datetime) -> None:
        super().__init__(_("%(name)s works on this case now.") % {"name": holder.display_name})
        self.holder = holder
        self.until = until


class LeaseLost(Exception):
    """The case is not leased to this person any more: released, or taken by somebody else after it ran out."""

    def __init__(self) -> None:
        super().__init__(_("You do not hold this case any more."))


@transaction.atomic
def plan_work(
    *,
    case: Case,
    kind: str,
    due_at: datetime,
    reason: str,
    by: Actor,
    at: datetime,
    assignee: User | None = None,
) -> WorkItem:
    """One next step on a case, for `assignee`, else for whom the case was given to. An open one of the same kind gives
    way: it is done with the result `replanned`."""
    finish_work(case=case, kinds=[kind], result="replanned", by=by, at=at)
    given_to = Case.objects.values_list("assignee", flat=True).get(pk=case.pk)
    item = WorkItem.objects.create(
        case=case, portfolio_id=case.portfolio_id, kind=kind, rank=RANKS[WorkKind(kind)], due_at=due_at, reason=reason,
        assignee_id=assignee.pk if assignee else given_to, created_at=at,
    )  # fmt: skip
    tell(
        "work.planned",
        rows=[_planned(item.pk, case.pk, case.borrower_id, kind, due_at, reason)],
        by=by,
        at=at,
    )
    return item


@dataclass(frozen=True)
class Step:
    """A step to plan on one case, for runs."""

    case: UUID
    borrower: UUID
    kind: WorkKind
    due_at: datetime
    reason: str


PLAN_MANY = """
INSERT INTO cases_workitem (id, case_id, portfolio_id, kind, rank, due_at, reason, assignee_id, created_at, result)
SELECT step.id, c.id, c.portfolio_id, step.kind, step.rank, step.due_at, step.reason, c.assignee_id, %s, ''
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::timestamptz[], %s::text[])
    AS step (id, case_id, kind, rank, due_at, reason)
JOIN cases_case c ON c.id = step.case_id
ON CONFLICT (case_id, kind) WHERE done_at IS NULL DO NOTHING
RETURNING id
"""


def plan_many(*, steps: Sequence[Step], by: Actor, at: datetime, run: DayRun | None = None) -> int:
    """Plan steps in one statement and return how many; where one of the kind is open already, it stays."""
    if not steps:
        return 0
    named = {uuid7(): step for step in steps}
    columns: list[list[Any]] = [
        [step.case for step in named.values()],
        [str(step.kind) for step in named.values()],
        [RANKS[step.kind] for step in named.values()],
        [step.due_at for step in named.values()],
        [step.reason for step in named.values()],
    ]
    with connection.cursor() as cursor:
        cursor.execute(PLAN_MANY, [at, list(named), *columns])
        planned = [(item, named[item]) for (item,) in cursor.fetchall()]
    rows = [
        _planned(item, step.case, step.borrower, step.kind, step.due_at, step.reason)
        for item, step in planned
    ]
    tell("work.planned", rows=rows, by=by, at=at, run=run)
    return len(rows)


def _planned(item: UUID, case: UUID, borrower: UUID, kind: str, due_at: datetime, reason: str) -> dict:
    return {
        "case": case, "borrower": borrower, "item": item, "kind": str(kind), "due_at": due_at, "reason": reason,
    }  # fmt: skip


FINISH = """
UPDATE cases_workitem item SET done_at = %(at)s, result = %(result)s
FROM cases_case c
WHERE item.case_id = c.id AND item.case_id = ANY(%(cases)s) AND item.done_at IS NULL
    AND (%(kinds)s::text[] IS NULL OR item.kind = ANY(%(kinds)s)) AND item.due_at <= %(due_by)s
RETURNING item.id, item.kind, c.id, c.borrower_id
"""


def finish_many(
    *,
    case_ids: Sequence[UUID],
    result: str,
    by: Actor,
    at: datetime,
    kinds: Collection[str] | None = None,
    due_by: datetime | None = None,
    run: DayRun | None = None,
) -> int:
    """End open steps of these kinds (all, when none are named) on these cases; `due_by` leaves later ones open."""
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "result": result,
        "kinds": None if kinds is None else [str(kind) for kind in kinds],
        "at": at,
        "due_by": due_by or datetime.max.replace(tzinfo=UTC),
    }
    with connection.cursor() as cursor:
        cursor.execute(FINISH, values)
        rows = [
            {"case": case, "borrower": borrower, "item": item, "kind": kind, "result": result}
            for item, kind, case, borrower in cursor.fetchall()
        ]
    tell("work.done", rows=rows, by=by, at=at, run=run)
    return len(rows)


@transaction.atomic
def finish_work(
    *,
    case: Case,
    result: str,
    by: Actor,
    at: datetime,
    kinds: Collection[str] | None = None,
    due_by: datetime | None = None,
) -> int:
    """The same for one case; returns how many steps were ended."""
    return finish_many(case_ids=[case.pk], result=result, by=by, at=at, kinds=kinds, due_by=due_by)


STEPS = """
SELECT step.id, kind.rank, step.due_at
FROM accounts_team_portfolios of
CROSS JOIN unnest(%(ranks)s::smallint[]) AS kind (rank)
CROSS JOIN LATERAL (
    SELECT item.id, item.due_at FROM cases_workitem item
    WHERE item.done_at IS NULL AND item.portfolio_id = of.portfolio_id AND item.rank = kind.rank
        AND (item.assignee_id IS NULL OR item.assignee_id = %(user)s) AND {scope}
        AND NOT EXISTS (SELECT FROM cases_placement p WHERE p.case_id = item.case_id AND p.ended_at IS NULL)
    ORDER BY item.due_at, item.id LIMIT %(limit)s
) step
WHERE of.team_id = %(team)s
"""
"""Open steps that a person may do, at most `limit` of each kind and portfolio; what an agency has is the agency's to do.

Each kind of each portfolio is read from its own place in the index `work_next`: the time hangs on `limit`, not on how much
waits.
"""
AGENCY_STEPS = """
SELECT item.id, item.rank, item.due_at
FROM cases_placement p JOIN cases_workitem item ON item.case_id = p.case_id
WHERE p.agency_id = %(agency)s AND p.ended_at IS NULL AND item.done_at IS NULL AND item.rank = ANY(%(ranks)s)
    AND (item.assignee_id IS NULL OR item.assignee_id = %(user)s) AND {scope}
ORDER BY item.rank, item.due_at, item.id LIMIT %(limit)s
"""
"""The same for somebody who collects for an agency: of the cases placed with it."""


def steps_of(user: User) -> str:
    """The steps of a person, by who they work for; `scope` is left to fill in."""
    return AGENCY_STEPS if user.agency_id else STEPS


FIRST = "SELECT id FROM ({steps}) AS step ORDER BY rank, due_at, id LIMIT %(limit)s"
"""The first of them, in the order in which they are handed out."""
DUE = "item.due_at <= %(at)s"
FREE = """EXISTS (
    SELECT FROM cases_lease free
    WHERE free.case_id = item.case_id AND (free.holder_id IS NULL OR free.until <= %(at)s)
)"""
CLAIM = """
UPDATE cases_lease SET holder_id = %(user)s, until = %(until)s
WHERE case_id = (
    SELECT lease.case_id
    FROM unnest(ARRAY({first})) WITH ORDINALITY AS found (item, place)
    JOIN cases_workitem item ON item.id = found.item
    JOIN cases_lease lease ON lease.case_id = item.case_id
    WHERE item.done_at IS NULL AND (lease.holder_id IS NULL OR lease.until <= %(at)s)
    ORDER BY found.place
    LIMIT 1
    FOR UPDATE OF lease, item SKIP LOCKED
)
RETURNING case_id
"""
AT_ONCE = 100
"""More than will ever claim at the same instant: so many steps are looked at for one that nobody is just taking."""


def steps_values(user: User, at: datetime, *, limit: int) -> dict[str, Any]:
    """The values of `STEPS`: the team's portfolios, and the kinds that this person does; reviews are for who leads."""
    ranks = [
        rank for kind, rank in RANKS.items() if kind != WorkKind.REVIEW or user.has_perm("cases.see_board")
    ]
    return {
        "user": user.pk,
        "team": user.team_id,
        "agency": user.agency_id,
        "ranks": ranks,
        "at": at,
        "limit": limit,
    }


def claim_of(user: User) -> str:
    """The statement that claims the next case for a person."""
    return CLAIM.format(first=FIRST.format(steps=steps_of(user).format(scope=f"{DUE} AND {FREE}")))


def claim_values(user: User, at: datetime) -> dict[str, Any]:
    return steps_values(user, at, limit=AT_ONCE) | {"until": at + LEASE}


@transaction.atomic
def take_next(*, user: User, at: datetime) -> Case | None:
    """The most pressing due case of the user's team that nobody holds, leased to the user; None when there is none.

    One statement claims it: two people never get the same case, and none waits for the other. Cases the user is done with
    are let go; one that was left with something due stays the user's until its lease runs out, and does not come up again
    before.
    """
    with connection.cursor() as cursor:
        cursor.execute(claim_of(user), claim_values(user, at))
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    case = Case.objects.select_related("borrower", "loan", "portfolio").get(pk=claimed[0])
    _leased(case, user, at)
    return case


@transaction.atomic
def take(*, case: Case, user: User, at: datetime) -> datetime:
    """Lease one chosen case, or go on with one's own; returns until when. Raises `LeaseHeld`. Nobody holds a case that has
    ended: nothing is leased then, and `at` comes back."""
    # Alone, and its holder after: a row joined to a lock that was waited for is the one from before the wait.
    lease = Lease.objects.select_for_update().get(case=case)
    if lease.holder and lease.until and lease.until > at and lease.holder_id != user.pk:
        raise LeaseHeld(lease.holder, lease.until)
    # Whoever ends the case has its lease locked first.
    if not Case.objects.open().filter(pk=case.pk).exists():
        return at
    mine = lease.holder_id == user.pk and lease.until is not None and lease.until > at
    Lease.objects.filter(pk=lease.pk).update(holder=user, until=at + LEASE)
    if not mine:
        _leased(case, user, at)
    return at + LEASE


def _leased(case: Case, user: User, at: datetime) -> None:
    by = Actor.staff(user)
    waiting = WorkItem.objects.filter(case=OuterRef("case"), done_at=None, due_at__lte=at)
    done_with = Lease.objects.filter(~Exists(waiting), holder=user).exclude(case=case)
    for lease in done_with.select_related("case").select_for_update(of=("self",), skip_locked=True):
        release(case=lease.case, user=user, at=at, reason="done")
    record(
        "case.leased", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        until=at + LEASE,
    )  # fmt: skip


def renew(*, case: Case, user: User, at: datetime) -> datetime:
    """Fifteen more minutes for whoever holds the case; returns until when. Raises `LeaseLost`."""
    if not Lease.objects.filter(case=case, holder=user).update(until=at + LEASE):
        raise LeaseLost
    return at + LEASE


@transaction.atomic
def release(*, case: Case, user: User, at: datetime, reason: str = "left") -> bool:
    """Let the case go; False when the user did not hold it."""
    if not Lease.objects.filter(case=case, holder=user).update(holder=None, until=None):
        return False
    record(
        "case.released", stream=Stream.case(case.pk), by=Actor.staff(user), at=at, case=case.pk,
        borrower=case.borrower_id, reason=reason,
    )  # fmt: skip
    return True


RELEASE_MANY = """
UPDATE cases_lease lease SET holder_id = NULL, until = NULL
FROM cases_case c
WHERE c.id = lease.case_id AND lease.case_id = ANY(%s) AND lease.holder_id IS NOT NULL
RETURNING c.id, c.borrower_id
"""


def release_many(
    *, case_ids: Sequence[UUID], reason: str, by: Actor, at: datetime, run: DayRun | None = None
) -> None:
    """Nobody sits on these cases any more."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE_MANY, [list(case_ids)])
        rows = [
            {"case": case, "borrower": borrower, "reason": reason} for case, borrower in cursor.fetchall()
        ]
    tell("case.released", rows=rows, by=by, at=at, run=run)


@transaction.atomic
def reassign(*, case: Case, assignee: User | None, by: Actor, at: datetime) -> Case:
    """Give a case and its open steps to one person, or back to the team with None. Raises `PermissionDenied`."""
    if not by.may("cases.reassign_case"):
        raise PermissionDenied(_("Giving cases to others is not part of your role."))
    return _give(case=case, assignee=assignee, by=by, at=at)


@transaction.atomic
def hand_over(*, case: Case, to: User | None, user: User, at: datetime) -> Case:
    """Pass a case on to a colleague, or back to the team with None, and let it go. Anybody may who works on cases, as long
    as nobody else holds this one. Raises `LeaseHeld`, and `PermissionDenied` for a colleague who may not see the case."""
    # The case before its lease, as whoever closes it does.
    Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    take(case=case, user=user, at=at)
    given = _give(case=case, assignee=to, by=Actor.staff(user), at=at)
    release(case=case, user=user, at=at, reason="passed_on")
    return given


def _give(*, case: Case, assignee: User | None, by: Actor, at: datetime) -> Case:
    if assignee and not Case.objects.filter(pk=case.pk).visible_to(assignee).exists():
        raise PermissionDenied(_("This colleague does not see the case."))
    case = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    case.assignee = assignee
    case.save(update_fields=["assignee"])
    case.work_items.filter(done_at=None).update(assignee=assignee)
    record(
        "case.reassigned", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        assignee=assignee and assignee.ref,
    )  # fmt: skip
    return case
