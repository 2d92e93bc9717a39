"""The steps of the business day, each set-based on one part of a run. Their order stands in `cases.actions.day`."""

from collections.abc import Iterator
from uuid import UUID

from accounts.ageing import buckets
from accounts.standing import standing_sql
from cases.actions.accruing import accrue
from cases.actions.deciding import Party, decide
from cases.actions.offer_ends import lapse_offers
from cases.actions.opening import Overdue
from cases.actions.opening import open_cases as open_many
from cases.actions.outreach import plan_first_notices
from cases.actions.part import Part
from cases.actions.payments import reopen, reversed_cases
from cases.actions.placements import return_due
from cases.actions.reminders import plan_nudges, plan_reminders
from cases.actions.settling import complete_settlements
from cases.actions.transition import move_many
from cases.actions.work import finish_many
from cases.models import Case, CaseState, WorkKind
from cases.slices import within
from compliance.actions.holds import end_lapsed

CHUNK = 5000
HOLD_REVIEW = "hold_review"

STANDING = f"""
CREATE TEMPORARY TABLE day_standing ON COMMIT DROP AS
SELECT s.loan_id, s.borrower_id, s.days_past_due, s.arrears::bigint, s.outstanding::bigint, s.bucket, c.id AS case_id
FROM ({standing_sql("portfolio.id = %(portfolio)s AND " + within("loan.borrower_id"))}) AS s
LEFT JOIN cases_case c ON c.loan_id = s.loan_id AND c.closed_at IS NULL AND {within("c.borrower_id")}
"""
# Newly overdue: late by one day that counted, and not so the day before.
REPORT = """
SELECT s.bucket, count(*), sum(s.arrears)::bigint, sum(s.outstanding)::bigint,
    count(*) FILTER (WHERE s.days_past_due = 1 AND NOT EXISTS (
        SELECT FROM accounts_pause p
        WHERE p.borrower_id = s.borrower_id AND (p.loan_id IS NULL OR p.loan_id = s.loan_id) AND p.what = 'ageing'
            AND p.starts_on <= %(on)s AND (p.ends_on IS NULL OR p.ends_on >= %(on)s)
    ))
FROM day_standing s WHERE s.outstanding > 0 GROUP BY s.bucket
"""
LOCK_CASES = f"""
SELECT c.id FROM cases_case c
WHERE c.portfolio_id = %(portfolio)s AND {within("c.borrower_id")} AND c.closed_at IS NULL AND (
    c.id IN (SELECT case_id FROM day_standing WHERE arrears = 0)
    OR EXISTS (SELECT FROM cases_promise p WHERE p.case_id = c.id AND p.state = 'open')
    OR EXISTS (SELECT FROM cases_plan p WHERE p.case_id = c.id AND p.state = 'active')
    OR EXISTS (SELECT FROM cases_placement p WHERE p.case_id = c.id AND p.ended_at IS NULL AND p.return_on < %(on)s)
    OR EXISTS (SELECT FROM cases_offer o WHERE o.case_id = c.id AND o.state IN ('offered', 'agreed'))
)
ORDER BY c.id FOR NO KEY UPDATE
"""
# A loan that was given up, or whose case closed on this date or a later one (while dates were caught up), gets no new case.
NEW_CASES = """
SELECT s.loan_id, s.borrower_id, s.days_past_due, s.arrears,
    (SELECT count(*) FROM cases_case c WHERE c.loan_id = s.loan_id)
FROM day_standing s
WHERE s.days_past_due > 0 AND s.case_id IS NULL AND s.loan_id > %(after)s AND NOT EXISTS (
    SELECT FROM cases_case c WHERE c.loan_id = s.loan_id AND (
        c.state IN ('written_off', 'recalled')
        OR (c.closed_at AT TIME ZONE %(zone)s)::date >= %(on)s
        OR c.id = ANY(%(reopened)s)
    )
)
ORDER BY s.loan_id LIMIT %(limit)s
"""
LATE_AGAIN = """
SELECT s.loan_id FROM day_standing s
WHERE s.arrears > 0 AND s.case_id IS NULL
    AND EXISTS (SELECT FROM cases_case c WHERE c.loan_id = s.loan_id AND c.state IN ('cured', 'settled'))
"""
CURED = "SELECT case_id FROM day_standing WHERE case_id IS NOT NULL AND arrears = 0 ORDER BY case_id"
# Nobody is forgotten: an open case that nothing is planned for, nothing is awaited on and no hold protects.
FORGOTTEN = f"""
SELECT c.id, c.borrower_id FROM cases_case c
WHERE c.portfolio_id = %(portfolio)s AND {within("c.borrower_id")} AND c.closed_at IS NULL
    AND c.state IN ('notified', 'negotiating', 'installment_plan')
    AND NOT EXISTS (SELECT FROM cases_workitem w WHERE w.case_id = c.id AND w.done_at IS NULL)
    AND NOT EXISTS (SELECT FROM cases_promise p WHERE p.case_id = c.id AND p.state = 'open')
    AND NOT EXISTS (SELECT FROM cases_plan p WHERE p.case_id = c.id AND p.state = 'active')
    AND NOT EXISTS (SELECT FROM cases_offer o WHERE o.case_id = c.id AND o.state IN ('offered', 'agreed'))
    AND NOT EXISTS (
        SELECT FROM cases_casemessage l JOIN communications_message m ON m.id = l.message_id
        WHERE l.case_id = c.id AND m.status IN ('planned', 'sending')
    )
    AND NOT EXISTS (
        SELECT FROM compliance_hold h
        WHERE h.borrower_id = c.borrower_id AND (h.loan_id IS NULL OR h.loan_id = c.loan_id)
            AND h.ended_at IS NULL AND h.starts_on <= %(on)s AND (h.ends_on IS NULL OR h.ends_on >= %(on)s)
    )
ORDER BY c.id
"""
# Who waits for a look at a hold: the open cases of the borrower that it covers.
REVIEWS = f"""
SELECT c.id, c.borrower_id FROM cases_case c
WHERE c.portfolio_id = %(portfolio)s AND {within("c.borrower_id")} AND c.closed_at IS NULL AND EXISTS (
    SELECT FROM compliance_hold h
    WHERE h.borrower_id = c.borrower_id AND (h.loan_id IS NULL OR h.loan_id = c.loan_id) AND h.ended_at IS NULL
        AND h.starts_on <= %(on)s AND (h.ends_on IS NULL OR h.ends_on >= %(on)s) AND h.review_on <= %(on)s
)
ORDER BY c.id
"""


def charge_lateness(part: Part) -> None:
    """What being late costs by the portfolio's terms is charged, before anybody looks where the loans stand."""
    part.counts.update(accrue(portfolio=part.portfolio, on=part.on, by=part.by, at=part.at, part=part.slice))


def take_standing(part: Part) -> None:
    """Where every loan stands on the date."""
    part.execute(STANDING)
    part.execute("ANALYZE day_standing")


def report(part: Part) -> None:
    """Loans and amounts by bucket, the empty ones included."""
    names = buckets(part.portfolio.bucket_edges)
    found = {bucket: list(numbers) for bucket, *numbers in part.select(REPORT)}
    part.buckets = {name: found.get(name, [0, 0, 0, 0]) for name in names}
    loans = sum(numbers[0] for numbers in part.buckets.values())
    part.counts["loans"] += loans
    part.counts["overdue"] += loans - part.buckets[names[0]][0]
    part.counts["newly_overdue"] += sum(numbers[3] for numbers in part.buckets.values())


def lock_cases(part: Part) -> None:
    """Cases that may change are locked first, in the order of their ids."""
    part.select(LOCK_CASES)


def return_placements(part: Part) -> None:
    """What was placed with an agency until yesterday comes back."""
    part.counts["returned"] += return_due(
        portfolio=part.portfolio.pk, on=part.on, by=part.by, at=part.at, run=part.run, part=part.slice
    )


def settle(part: Part) -> None:
    """Settlements whose amount has come in are carried out."""
    part.counts["settled"] += len(
        complete_settlements(portfolio=part.portfolio, by=part.by, at=part.at, part=part.slice)
    )


def lapse(part: Part) -> None:
    """An offer that is over never goes silently: a person looks at the case."""
    lapsed = lapse_offers(
        portfolio=part.portfolio, on=part.on, by=part.by, at=part.at, run=part.run, part=part.slice
    )
    part.counts["lapsed"] += len(lapsed.unpaid) + len(lapsed.unanswered)
    part.plan(lapsed.unpaid, WorkKind.FOLLOW_UP, "settlement_not_paid")
    part.plan(lapsed.unanswered, WorkKind.FOLLOW_UP, "offer_lapsed")


def cure(part: Part) -> None:
    """What is paid up is closed."""
    cases = [case for (case,) in part.select(CURED)]
    cured = move_many(
        case_ids=cases, to=CaseState.CURED, by=part.by, at=part.at, reason="arrears_paid", run=part.run
    )
    part.counts["cured"] += len(cured)


def decide_agreements(part: Part) -> None:
    """Promises and plans, kept or not, and what follows for people."""
    decided = decide(
        portfolio=part.portfolio, on=part.on, by=part.by, at=part.at, run=part.run, part=part.slice
    )
    for name in ("kept", "part_kept", "broken"):
        part.counts[f"promises_{name}"] += len(getattr(decided, name))
    part.counts["plans_completed"] += len(decided.plans_completed)
    part.counts["plans_missed"] += len(decided.newly_missed)
    part.counts["plans_broken"] += len(decided.plans_broken)
    part.missed = [party.case for party in decided.newly_missed]
    part.plan(decided.kept, WorkKind.FOLLOW_UP, "promise_kept")
    part.plan(decided.part_kept, WorkKind.PROMISE_BROKEN, "part_kept")
    part.plan(decided.broken, WorkKind.PROMISE_BROKEN, "not_kept")
    part.plan(decided.newly_missed, WorkKind.PLAN_MISSED, "instalment_missed")
    paid = [party.case for party in decided.on_time]
    finish_many(
        case_ids=paid, kinds=[WorkKind.PLAN_MISSED], result="paid", by=part.by, at=part.at, run=part.run
    )
    for parties, reason, kind in (
        (decided.plans_broken, "plan_broken", WorkKind.PLAN_MISSED),
        (decided.plans_completed, "plan_completed", WorkKind.FOLLOW_UP),
    ):
        on_plan = Case.objects.filter(
            pk__in=[party.case for party in parties], state=CaseState.INSTALLMENT_PLAN
        ).values_list("pk", flat=True)
        move_many(
            case_ids=list(on_plan), to=CaseState.NEGOTIATING, by=part.by, at=part.at, reason=reason,
            run=part.run,
        )  # fmt: skip
        part.plan(parties, kind, reason)


def open_cases(part: Part) -> None:
    """A case for every overdue loan without one; where a payment was taken back, the old one opens again."""
    late = [loan for (loan,) in part.select(LATE_AGAIN)]
    cured = Case.objects.select_related("portfolio").in_bulk(reversed_cases(late))
    reopened = [case.pk for _pk, case in sorted(cured.items()) if reopen(case=case, at=part.at, by=part.by)]
    part.counts["reopened"] += len(reopened)
    for loans in _new_loans(part, reopened):
        opened = open_many(
            portfolio=part.portfolio, loans=loans, on=part.on, by=part.by, at=part.at, run=part.run
        )
        part.counts["opened"] += len(opened)


def _new_loans(part: Part, reopened: list[UUID]) -> Iterator[list[Overdue]]:
    after = UUID(int=0)
    while rows := part.select(
        NEW_CASES, after=after, zone=part.portfolio.zone, reopened=reopened, limit=CHUNK
    ):
        yield [Overdue(*row) for row in rows]
        after = rows[-1][0]


def plan_notices(part: Part) -> None:
    """The first word to whoever has not been told, the first call, or somebody to look for an address."""
    planned = plan_first_notices(
        portfolio=part.portfolio, by=part.by, at=part.at, run=part.run, part=part.slice
    )
    part.counts.update(planned)


def remind(part: Part) -> None:
    """A word before a promised day, and a gentle one where an instalment did not come."""
    part.counts["reminders"] += plan_reminders(
        portfolio=part.portfolio, by=part.by, at=part.at, run=part.run, part=part.slice
    ) + plan_nudges(case_ids=part.missed, by=part.by, at=part.at, run=part.run)


def requeue(part: Part) -> None:
    """Nobody is forgotten."""
    if part.portfolio.contact_open:
        forgotten = [Party(*row) for row in part.select(FORGOTTEN)]
        part.counts["follow_ups"] += part.plan(forgotten, WorkKind.FOLLOW_UP, "nothing_planned")


def end_holds(part: Part) -> None:
    """Holds whose last day is over have ended."""
    part.counts["holds_ended"] += end_lapsed(
        portfolio=part.portfolio.pk, borrowers=(part.slice.after, part.slice.upto), on=part.on, by=part.by,
        at=part.at, stream=part.run.stream,
    )  # fmt: skip


def review_holds(part: Part) -> None:
    """Holds that are to be looked at again today give work to a supervisor."""
    waiting = [Party(*row) for row in part.select(REVIEWS)]
    part.counts["hold_reviews"] += part.plan(waiting, WorkKind.REVIEW, HOLD_REVIEW)
