"""The business day: what is overdue, which cases open and close, which agreements held, what is to be done next.

One run per date, one transaction per date and portfolio. A run that was cut off goes on where it stopped; a date
that is done is never done again. Set-based: the number of statements hangs on the portfolios, not on the loans.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.ageing import buckets
from accounts.models import Portfolio
from accounts.money import decimal_text
from accounts.standing import standing_sql
from cases.actions.deciding import Party, decide
from cases.actions.offer_ends import lapse_offers
from cases.actions.opening import Overdue, open_cases
from cases.actions.outreach import plan_first_notices
from cases.actions.payments import reopen, reversed_cases
from cases.actions.settling import complete_settlements
from cases.actions.transition import move_many
from cases.actions.work import Step, finish_many, plan_many
from cases.models import Case, CaseState, DayReport, DayRun, WorkKind
from compliance.audit import Actor, Stream, record

DAY = timedelta(days=1)
CHUNK = 5000
# "run_day", as a number for PostgreSQL's advisory locks.
LOCK = int.from_bytes(b"run_day")
COUNTS = (
    "loans", "overdue", "newly_overdue", "opened", "reopened", "cured", "promises_kept", "promises_part_kept",
    "promises_broken", "plans_completed", "plans_missed", "plans_broken", "notices", "first_calls", "addresses",
    "follow_ups",
)  # fmt: skip


class DayRefused(Exception):
    """The run does not begin; the text is a sentence.

    `code`: `older` (than the last finished date), `future` (the date has begun nowhere yet), `busy` (another run works).
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def run_day(
    *,
    date: date,
    by: Actor,
    at: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DayRun:
    """Run a business date, and before it the dates missed since the last one, in order; returns the run of `date`.

    The last finished date again returns its run and changes nothing. `at` is the moment of the run and of all it records.
    `progress` is told how many units (dates × portfolios) are done. Raises `DayRefused`.
    """
    dates = _dates_to_run(date, at)
    portfolios = list(Portfolio.objects.order_by("pk"))
    for number, day in enumerate(dates):
        run = _begin(day, by, at)
        for place, portfolio in enumerate(portfolios):
            _run_portfolio(run, portfolio, by, at)
            progress(number * len(portfolios) + place + 1, len(dates) * len(portfolios))
        _finish(run, by, at)
    return DayRun.objects.get(date=date)


def last_finished() -> DayRun | None:
    return DayRun.objects.filter(finished_at__isnull=False).order_by("-date").first()


def _dates_to_run(wanted: date, at: datetime) -> list[date]:
    last = last_finished()
    if last and wanted < last.date:
        raise DayRefused(
            "older", _("%(last)s has been run; an older day is not run after it.") % {"last": last.date}
        )
    # The first place on earth where it is that day.
    if wanted > (at.astimezone(UTC) + timedelta(hours=14)).date():
        raise DayRefused("future", _("%(date)s has not begun yet.") % {"date": wanted})
    if last:
        first = last.date + DAY
    else:
        begun = DayRun.objects.order_by("date").first()
        first = min(begun.date, wanted) if begun else wanted
    return [first + number * DAY for number in range((wanted - first).days + 1)]


def _claim() -> None:
    """Two runs never work at the same time: the lock lasts as long as the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise DayRefused("busy", _("Another run of the day is working; nothing was changed."))


@transaction.atomic
def _begin(day: date, by: Actor, at: datetime) -> DayRun:
    _claim()
    run, new = DayRun.objects.get_or_create(date=day, defaults={"started_at": at})
    if new:
        record("day.started", stream=Stream.run(run.pk), by=by, at=at, run=run.pk, date=day)
    return run


@transaction.atomic
def _finish(run: DayRun, by: Actor, at: datetime) -> None:
    _claim()
    run.refresh_from_db()
    if run.finished_at:
        return
    total: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    seconds = 0.0
    for part in run.summary.get("portfolios", {}).values():
        total.update({name: part[name] for name in COUNTS})
        seconds += part["seconds"]
    run.summary = {"date": run.date.isoformat(), **total, "seconds": round(seconds, 3), **run.summary}
    run.finished_at = at
    run.save(update_fields=["summary", "finished_at"])
    record(
        "day.finished", stream=Stream.run(run.pk), by=by, at=at, run=run.pk, date=run.date,
        opened=total["opened"], cured=total["cured"], planned=total["notices"],
        promises_broken=total["promises_broken"] + total["promises_part_kept"],
        promises_kept=total["promises_kept"],
    )  # fmt: skip


@transaction.atomic
def _run_portfolio(run: DayRun, portfolio: Portfolio, by: Actor, at: datetime) -> None:
    """One portfolio's date, all of it or nothing; done already: nothing."""
    _claim()
    if DayReport.objects.filter(run=run, portfolio=portfolio).exists():
        return
    began = time.monotonic()
    day = _PortfolioDay(run, portfolio, by, at)
    day.work()
    run.refresh_from_db(fields=["summary"])
    counts = {name: day.counts[name] for name in COUNTS} | {"seconds": round(time.monotonic() - began, 3)}
    run.summary.setdefault("portfolios", {})[portfolio.code] = counts
    run.save(update_fields=["summary"])


STANDING = f"""
CREATE TEMPORARY TABLE day_standing ON COMMIT DROP AS
SELECT s.loan_id, s.borrower_id, s.days_past_due, s.arrears::bigint, s.outstanding::bigint, s.bucket, c.id AS case_id
FROM ({standing_sql("portfolio.id = %(portfolio)s")}) AS s
LEFT JOIN cases_case c ON c.loan_id = s.loan_id AND c.closed_at IS NULL
"""
# Newly overdue: the oldest thing due was due the day before. All buckets get a row, so that a date can be told from a
# date that has not been run.
REPORT = """
INSERT INTO cases_dayreport (run_id, portfolio_id, bucket, loans, arrears, outstanding, newly_overdue)
SELECT %(run)s, %(portfolio)s, b.bucket, count(s.loan_id), coalesce(sum(s.arrears), 0),
    coalesce(sum(s.outstanding), 0), count(s.loan_id) FILTER (WHERE s.days_past_due = 1)
FROM unnest(%(buckets)s::text[]) AS b (bucket)
LEFT JOIN day_standing s ON s.bucket = b.bucket AND s.outstanding > 0
GROUP BY b.bucket
RETURNING bucket, loans, arrears, newly_overdue
"""
LOCK_CASES = """
SELECT c.id FROM cases_case c
WHERE c.portfolio_id = %(portfolio)s AND c.closed_at IS NULL AND (
    c.id IN (SELECT case_id FROM day_standing WHERE arrears = 0)
    OR EXISTS (SELECT FROM cases_promise p WHERE p.case_id = c.id AND p.state = 'open')
    OR EXISTS (SELECT FROM cases_plan p WHERE p.case_id = c.id AND p.state = 'active')
    OR EXISTS (SELECT FROM cases_offer o WHERE o.case_id = c.id AND o.state IN ('offered', 'agreed'))
)
ORDER BY c.id FOR NO KEY UPDATE
"""
# A loan that was given up, or whose case closed on this date or a later one (while dates were caught up), gets no new case.
NEW_CASES = """
SELECT s.loan_id, s.borrower_id, s.days_past_due, s.arrears,
    (SELECT count(*) FROM cases_case c WHERE c.loan_id = s.loan_id)
FROM day_standing s
WHERE s.arrears > 0 AND s.case_id IS NULL AND s.loan_id > %(after)s AND NOT EXISTS (
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
    AND EXISTS (SELECT FROM cases_case c WHERE c.loan_id = s.loan_id AND c.state = 'cured')
"""
CURED = "SELECT case_id FROM day_standing WHERE case_id IS NOT NULL AND arrears = 0 ORDER BY case_id"
# Nobody is forgotten: an open case that nothing is planned for, nothing is awaited on and no hold protects.
FORGOTTEN = """
SELECT c.id, c.borrower_id FROM cases_case c
WHERE c.portfolio_id = %(portfolio)s AND c.closed_at IS NULL AND c.state IN ('notified', 'negotiating', 'installment_plan')
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


class _PortfolioDay:
    """The work of one date on one portfolio, inside its transaction."""

    def __init__(self, run: DayRun, portfolio: Portfolio, by: Actor, at: datetime) -> None:
        self.run, self.portfolio, self.by, self.at = run, portfolio, by, at
        self.on = run.date
        self.counts: Counter[str] = Counter()
        self.values: dict[str, Any] = {"portfolio": portfolio.pk, "run": run.pk, "on": self.on}

    def work(self) -> None:
        self._execute(STANDING)
        self._execute("ANALYZE day_standing")
        self._report()
        self._select(LOCK_CASES)
        self._settle()
        self._cure()
        self._decide()
        self._lapse()
        self._open()
        self.counts.update(plan_first_notices(portfolio=self.portfolio, by=self.by, at=self.at, run=self.run))
        if self.portfolio.contact_open:
            forgotten = [Party(*row) for row in self._select(FORGOTTEN)]
            self.counts["follow_ups"] += self._plan(forgotten, WorkKind.FOLLOW_UP, "nothing_planned")
        self._execute("DROP TABLE day_standing")

    def _report(self) -> None:
        names = buckets(self.portfolio.bucket_edges)
        rows = self._select(REPORT, buckets=list(names))
        by_bucket = {bucket: (loans, arrears) for bucket, loans, arrears, _newly in rows}
        self.counts["loans"] = sum(loans for loans, _arrears in by_bucket.values())
        self.counts["overdue"] = self.counts["loans"] - by_bucket[names[0]][0]
        self.counts["newly_overdue"] = sum(row[3] for row in rows)
        currency = self.portfolio.currency
        record(
            "day.reported", stream=Stream.run(self.run.pk), by=self.by, at=self.at, run=self.run.pk, date=self.on,
            portfolio=self.portfolio.ref, loans=self.counts["loans"], overdue=self.counts["overdue"],
            newly_overdue=self.counts["newly_overdue"], currency=currency,
            arrears=decimal_text(sum(arrears for _loans, arrears in by_bucket.values()), currency),
            buckets={name: by_bucket[name][0] for name in names},
        )  # fmt: skip

    def _cure(self) -> None:
        cases = [case for (case,) in self._select(CURED)]
        cured = move_many(
            case_ids=cases, to=CaseState.CURED, by=self.by, at=self.at, reason="arrears_paid", run=self.run
        )
        self.counts["cured"] = len(cured)

    def _settle(self) -> None:
        complete_settlements(portfolio=self.portfolio, by=self.by, at=self.at)

    def _lapse(self) -> None:
        """An offer that is over never goes silently: a person looks at the case."""
        lapsed = lapse_offers(portfolio=self.portfolio, on=self.on, by=self.by, at=self.at, run=self.run)
        self._plan(lapsed.unpaid, WorkKind.FOLLOW_UP, "settlement_not_paid")
        self._plan(lapsed.unanswered, WorkKind.FOLLOW_UP, "offer_lapsed")

    def _decide(self) -> None:
        decided = decide(portfolio=self.portfolio, on=self.on, by=self.by, at=self.at, run=self.run)
        for name in ("kept", "part_kept", "broken"):
            self.counts[f"promises_{name}"] = len(getattr(decided, name))
        self.counts["plans_completed"] = len(decided.plans_completed)
        self.counts["plans_missed"] = len(decided.newly_missed)
        self.counts["plans_broken"] = len(decided.plans_broken)
        self._plan(decided.kept, WorkKind.FOLLOW_UP, "promise_kept")
        self._plan(decided.part_kept, WorkKind.PROMISE_BROKEN, "part_kept")
        self._plan(decided.broken, WorkKind.PROMISE_BROKEN, "not_kept")
        self._plan(decided.newly_missed, WorkKind.PLAN_MISSED, "instalment_missed")
        paid = [party.case for party in decided.on_time]
        finish_many(
            case_ids=paid, kinds=[WorkKind.PLAN_MISSED], result="paid", by=self.by, at=self.at, run=self.run
        )
        for parties, reason, kind in (
            (decided.plans_broken, "plan_broken", WorkKind.PLAN_MISSED),
            (decided.plans_completed, "plan_completed", WorkKind.FOLLOW_UP),
        ):
            on_plan = Case.objects.filter(
                pk__in=[party.case for party in parties], state=CaseState.INSTALLMENT_PLAN
            ).values_list("pk", flat=True)
            move_many(
                case_ids=list(on_plan), to=CaseState.NEGOTIATING, by=self.by, at=self.at, reason=reason,
                run=self.run,
            )  # fmt: skip
            self._plan(parties, kind, reason)

    def _open(self) -> None:
        late = [loan for (loan,) in self._select(LATE_AGAIN)]
        cured = Case.objects.select_related("portfolio").in_bulk(reversed_cases(late))
        reopened = [
            case.pk for _pk, case in sorted(cured.items()) if reopen(case=case, at=self.at, by=self.by)
        ]
        self.counts["reopened"] = len(reopened)
        for loans in self._new_loans(reopened):
            opened = open_cases(
                portfolio=self.portfolio, loans=loans, on=self.on, by=self.by, at=self.at, run=self.run
            )
            self.counts["opened"] += len(opened)

    def _new_loans(self, reopened: list[UUID]) -> Iterator[list[Overdue]]:
        after = UUID(int=0)
        while rows := self._select(
            NEW_CASES, after=after, zone=self.portfolio.zone, reopened=reopened, limit=CHUNK
        ):
            yield [Overdue(*row) for row in rows]
            after = rows[-1][0]

    def _plan(self, parties: list[Party], kind: WorkKind, reason: str) -> int:
        steps = [Step(party.case, party.borrower, kind, self.at, reason) for party in parties]
        return plan_many(steps=steps, by=self.by, at=self.at, run=self.run)

    def _execute(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, self.values)

    def _select(self, statement: str, **more: Any) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement, self.values | more)
            return cursor.fetchall()
