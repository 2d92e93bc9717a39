"""The only way a case changes its state: along an edge of the map, under a lock, with a row that names who and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from cases.actions.closing import close_up, stop_work
from cases.chronicle import tell
from cases.guards import GUARDS, Question, agreed_to_legal
from cases.machine import BY_MOVE, CLOSED_STATES
from cases.models import Case, CaseState, DayRun, Transition
from compliance.audit import Actor, Stream, record

SENTENCES = {
    "off_the_map": _("A case does not go from “%(source)s” to “%(target)s”."),
    "moved_meanwhile": _("The case was moved meanwhile; it is now “%(source)s”. Nothing was changed."),
    "not_permitted": _("Your role does not move a case to “%(target)s”."),
}
MISSING = {
    "notice": _("a first notice that was really sent"),
    "conversation": _("a conversation with the borrower, or a reply"),
    "plan": _("an agreed plan"),
    "plan_running": _("the plan still runs"),
    "arrears": _("something is still overdue"),
    "reversal": _("a payment taken back"),
    "newer_case": _("a newer case works on this loan"),
    "days": _("the portfolio's days before legal steps"),
    "offer": _("an offer that fits what the borrower can pay"),
    "promise_running": _("a promise is still open"),
    "contract": _("the contract"),
    "statement": _("a statement of account"),
    "findings": _("contacts of others wait for an explanation"),
    "identity": _("proof that it is the right person"),
    "limitation": _("nobody knows whether it may still be sued for"),
    "time_barred": _("the debt is too old to be sued for"),
    "approval": _("the agreement of a second person"),
    "hold": _("a hold stops legal steps"),
    "complaint": _("a complaint is open"),
    "decision": _("a person's decision"),
    "payment": _("a payment since the case opened"),
    "outstanding": _("something is still owed"),
}


class MoveRefused(Exception):
    """The case does not go there now; the text is a sentence.

    `code`: `off_the_map` (no such edge), `moved_meanwhile` (somebody else moved it since it was read), `not_permitted`
    (the edge's permission is missing), or the name of the guard that does not hold; `missing` then holds the codes of what
    stands against it, the keys of `MISSING`.
    """

    def __init__(self, code: str, source: str, to: str, missing: Sequence[str] = ()) -> None:
        self.code = code
        self.source = source
        self.to = to
        self.missing = tuple(missing)
        names = {"source": _label(source), "target": _label(to)}
        if code in SENTENCES:
            sentence = SENTENCES[code] % names
        else:
            names["missing"] = pgettext("between items of a list", ", ").join(
                str(MISSING[each]) for each in missing
            )
            sentence = gettext("The case does not go to “%(target)s” yet: %(missing)s.") % names
        super().__init__(sentence)


def _label(state: str) -> str:
    return str(CaseState(state).label) if state in CaseState else state


def lock(case_id: UUID) -> Case:
    """The case as it stands, locked until the transaction ends, its borrower, loan and portfolio with it.

    Cases are locked before anything that hangs on them; several at once in the order of their ids. The lease comes next: who
    takes a case holds its lease and then writes to its stream, and must not be waited for the other way round.
    """
    cases = Case.objects.select_for_update(of=("self",), no_key=True)
    case = cases.select_related("portfolio", "loan", "borrower__key").get(pk=case_id)
    lock_leases([case.pk])
    return case


def lock_leases(case_ids: Sequence[UUID]) -> None:
    """The leases of cases that are locked, before the first event on them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM cases_lease WHERE case_id = ANY(%s) ORDER BY case_id FOR NO KEY UPDATE",
            [list(case_ids)],
        )


@transaction.atomic
def move(*, case: Case, to: str, by: Actor, at: datetime, reason: str) -> Case:
    """Move one case and return it as it then stands. Raises `MoveRefused`.

    `case` is what the caller saw: if it was moved since, this move is refused. `reason` is a code for the record. A
    closing move also ends what hangs on the case: work, lease, planned messages, promise and plan; a move to legal stops
    the desk's work on it.
    """
    seen = case.state_seq
    case = lock(case.pk)
    source = case.state
    if case.state_seq != seen:
        raise MoveRefused("moved_meanwhile", source, to)
    edge = BY_MOVE.get((source, to))
    if edge is None:
        raise MoveRefused("off_the_map", source, to)
    if not by.may(edge.permission):
        raise MoveRefused("not_permitted", source, to)
    if missing := GUARDS[edge.guard](Question(case, by, at)):
        raise MoveRefused(edge.guard, source, to, missing)

    Transition.objects.create(
        case=case,
        seq=seen + 1,
        source=source,
        target=to,
        at=at,
        actor_kind=by.kind,
        actor=by.ref,
        reason=reason,
        approval=agreed_to_legal(case) if to == CaseState.LEGAL else None,
    )
    getattr(case, f"to_{to}")()
    case.closed_at = at if to in CLOSED_STATES else None
    case.save(update_fields=["state", "closed_at"])
    case.state_seq = seen + 1  # as the database's trigger has counted
    record(
        "case.moved", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        source=source, target=to, seq=case.state_seq, reason=reason,
    )  # fmt: skip
    if case.closed_at:
        close_up(case_ids=[case.pk], by=by, at=at, reason=to)
    elif to == CaseState.LEGAL:
        stop_work(case_ids=[case.pk], by=by, at=at, reason=to)
    return case


MOVE_MANY = """
WITH moving AS (
    SELECT id, state, state_seq FROM cases_case WHERE id = ANY(%(cases)s) AND state = ANY(%(sources)s)
    ORDER BY id FOR NO KEY UPDATE
)
INSERT INTO cases_transition (case_id, seq, source, target, at, actor_kind, actor, reason)
SELECT id, state_seq + 1, state, %(to)s, %(at)s, %(kind)s, %(actor)s, %(reason)s FROM moving
RETURNING case_id, seq, source
"""


@transaction.atomic
def move_many(
    *, case_ids: Sequence[UUID], to: str, by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> list[UUID]:
    """Move many cases in a few statements; returns those that moved, the others had no such edge.

    Only for a part of the system whose own query has just answered the guard for every case in this transaction; never
    to legal.
    """
    if by.kind != "system" or to == CaseState.LEGAL:
        raise ValueError("People move one case at a time, and to legal only people do.")
    if not case_ids:
        return []
    values: dict[str, Any] = {
        "cases": list(case_ids),
        "sources": [source for source, target in BY_MOVE if target == to],
        "to": to,
        "at": at,
        "kind": by.kind,
        "actor": by.ref,
        "reason": reason,
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVE_MANY, values)
        moved = {case: (seq, source) for case, seq, source in cursor.fetchall()}
        closed_at = at if to in CLOSED_STATES else None
        cursor.execute(
            "UPDATE cases_case SET state = %s, closed_at = %s WHERE id = ANY(%s) RETURNING id, borrower_id",
            [to, closed_at, list(moved)],
        )
        rows = [
            {
                "case": case,
                "borrower": borrower,
                "source": moved[case][1],
                "target": to,
                "seq": moved[case][0],
                "reason": reason,
            }
            for case, borrower in cursor.fetchall()
        ]
    tell("case.moved", rows=rows, by=by, at=at, run=run)
    if closed_at:
        close_up(case_ids=list(moved), by=by, at=at, reason=to, run=run)
    return list(moved)
