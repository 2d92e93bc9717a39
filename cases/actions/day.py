"""The business day: what is overdue, which cases open and close, which agreements held, what is to be done next.

One run per date, cut into parts: a slice of a portfolio's borrowers is done in one transaction, all of it or nothing.
`run_day` does the parts one after the other; workers do them side by side (`begin_due`, `work_part`). A run that was cut
off goes on with the parts that are not done; a date that is done is never done again. Set-based: the number of statements
hangs on the parts, not on the loans.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Portfolio
from accounts.money import decimal_text
from cases.actions import steps
from cases.actions.part import Part
from cases.models import DayPart, DayReport, DayRun
from cases.slices import FIRST, LAST
from compliance.audit import Actor, record

DAY = timedelta(days=1)
# "run_day", as a number for PostgreSQL's advisory locks.
LOCK = int.from_bytes(b"run_day")
# The loans of a part: few enough for one short transaction, enough for sets to pay.
PART_LOANS = 5000

STEPS: tuple[tuple[str, Callable[[Part], None]], ...] = (
    ("charged", steps.charge_lateness),
    ("standing", steps.take_standing),
    ("report", steps.report),
    ("lock", steps.lock_cases),
    ("returned", steps.return_placements),
    ("settled", steps.settle),
    ("cured", steps.cure),
    ("agreements", steps.decide_agreements),
    ("lapsed", steps.lapse),
    ("opened", steps.open_cases),
    ("notices", steps.plan_notices),
    ("reminders", steps.remind),
    ("requeued", steps.requeue),
    # Borrowers are locked after cases: the steps that lock them come last.
    ("reviews", steps.review_holds),
    ("holds", steps.end_holds),
)
"""The day, step by step, in this order on every part of it."""

COUNTS = (
    "loans", "overdue", "newly_overdue", "opened", "reopened", "cured", "promises_kept", "promises_part_kept",
    "promises_broken", "plans_completed", "plans_missed", "plans_broken", "notices", "first_calls", "addresses",
    "follow_ups", "hold_reviews", "holds_ended", "returned", "charged",
    "taken_back", "reminders", "settled", "lapsed",
)  # fmt: skip
"""What the steps count, in the order in which it is told."""


class DayRefused(Exception):
    """The run does not begin, or does not end here; the text is a sentence.

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
    `progress` is told how many parts of those begun are done. Raises `DayRefused`.
    """
    done = total = 0
    for day in _dates_to_run(date, at):
        run = _begin(day, by, at)
        waiting = open_parts(run)
        total += len(waiting)
        for part in waiting:
            work_part(part_id=part, by=by, at=at)
            done += 1
            progress(done, total)
        if not finish(run_id=run.pk, by=by, at=at):
            raise _busy()
    return DayRun.objects.get(date=date)


def begin_due(*, by: Actor, at: datetime) -> DayRun | None:
    """Begin the date that has begun in every portfolio's zone, or the first of those missed before it; returns the run that
    has parts to do, None where all is done. Whoever calls it sees to the parts. Raises `DayRefused` (`busy`)."""
    begun = [portfolio.business_date(at) for portfolio in Portfolio.objects.all()]
    last = last_finished()
    if not begun or (last and last.date >= min(begun)):
        return None
    for day in _dates_to_run(min(begun), at):
        run = _begin(day, by, at)
        if not finish(run_id=run.pk, by=by, at=at):
            return run
    return None


def open_parts(run: DayRun) -> list[UUID]:
    """The parts that are not done, in order."""
    return list(run.parts.filter(finished_at=None).order_by("pk").values_list("pk", flat=True))


def unfinished() -> DayRun | None:
    """The run that has begun and not ended."""
    return DayRun.objects.filter(finished_at=None).order_by("date").first()


@transaction.atomic
def work_part(*, part_id: UUID, by: Actor, at: datetime) -> bool:
    """Do one part of a run, all of it or nothing. False, and nothing happens, where it is done or somebody is doing it."""
    waiting = DayPart.objects.select_for_update(of=("self",), skip_locked=True)
    row = waiting.select_related("run", "portfolio").filter(pk=part_id, finished_at=None).first()
    if row is None:
        return False
    began = time.monotonic()
    part = Part(row, by, at)
    # A part is a small piece of large tables: found by index, or every part would read all of them.
    part.execute("SET LOCAL random_page_cost = 1.1")
    seconds = {}
    for name, step in STEPS:
        before = time.monotonic()
        step(part)
        seconds[name] = round(time.monotonic() - before, 4)
    part.execute("DROP TABLE day_standing")
    record(
        "day.part_done", stream=part.run.stream, by=by, at=at, run=row.run_id, part=row.pk,
        portfolio=row.portfolio.ref, loans=part.counts["loans"],
    )  # fmt: skip
    row.finished_at = at
    row.result = {
        "counts": {name: part.counts[name] for name in COUNTS},
        "buckets": part.buckets,
        "steps": seconds,
        "seconds": round(time.monotonic() - began, 3),
    }
    row.save(update_fields=["finished_at", "result"])
    return True


@transaction.atomic
def finish(*, run_id: UUID, by: Actor, at: datetime) -> bool:
    """End a run whose parts are all done, with its report; whether it has ended, by this or before."""
    if DayPart.objects.filter(run=run_id, finished_at=None).exists():
        return False
    run = DayRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.finished_at:
        return True
    parts = list(run.parts.select_related("portfolio").order_by("pk"))
    total: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    portfolios = {}
    for portfolio in sorted({part.portfolio for part in parts}, key=lambda portfolio: portfolio.pk):
        own = [part for part in parts if part.portfolio == portfolio]
        counts = {name: sum(part.result["counts"][name] for part in own) for name in COUNTS}
        total.update(counts)
        _report(run, portfolio, own, counts, by, at)
        portfolios[portfolio.code] = counts | {"seconds": _seconds(own)}
    run.summary = {
        "date": run.date.isoformat(), **total, "seconds": _seconds(parts), "portfolios": portfolios,
    }  # fmt: skip
    run.finished_at = at
    run.save(update_fields=["summary", "finished_at"])
    record(
        "day.finished", stream=run.stream, by=by, at=at, run=run.pk, date=run.date,
        opened=total["opened"], cured=total["cured"], planned=total["notices"],
        promises_broken=total["promises_broken"] + total["promises_part_kept"],
        promises_kept=total["promises_kept"],
    )  # fmt: skip
    return True


def _seconds(parts: list[DayPart]) -> float:
    return round(sum(part.result["seconds"] for part in parts), 3)


def _report(
    run: DayRun, portfolio: Portfolio, parts: list[DayPart], counts: dict[str, int], by: Actor, at: datetime
) -> None:
    """All buckets get a row, so that a date can be told from a date that has not been run."""
    buckets: dict[str, list[int]] = {}
    for part in parts:
        for name, numbers in part.result["buckets"].items():
            buckets[name] = [sum(pair) for pair in zip(buckets.get(name, [0] * 4), numbers, strict=True)]
    DayReport.objects.bulk_create(
        DayReport(
            run=run, portfolio=portfolio, bucket=name, loans=loans, arrears=arrears, outstanding=outstanding,
            newly_overdue=newly,
        )
        for name, (loans, arrears, outstanding, newly) in buckets.items()
    )  # fmt: skip
    record(
        "day.reported", stream=run.stream, by=by, at=at, run=run.pk, date=run.date, portfolio=portfolio.ref,
        loans=counts["loans"], overdue=counts["overdue"], newly_overdue=counts["newly_overdue"],
        currency=portfolio.currency,
        arrears=decimal_text(sum(numbers[1] for numbers in buckets.values()), portfolio.currency),
        buckets={name: numbers[0] for name, numbers in buckets.items()},
    )  # fmt: skip


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


def _busy() -> DayRefused:
    return DayRefused(
        "busy", _("Another run of the day is working; what it has not done yet can be run again.")
    )


# Every so many loans of a portfolio, the borrower there: where the parts are cut.
CUTS = """
SELECT DISTINCT borrower_id FROM (
    SELECT borrower_id, row_number() OVER (ORDER BY borrower_id) AS place
    FROM accounts_loan WHERE portfolio_id = %s
) AS numbered
WHERE place %% %s = 0 ORDER BY borrower_id
"""


@transaction.atomic
def _begin(day: date, by: Actor, at: datetime) -> DayRun:
    """The run of a date with its parts, made once. Two never begin at the same time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise _busy()
    run, new = DayRun.objects.get_or_create(date=day, defaults={"started_at": at})
    if new:
        with connection.cursor() as cursor:
            cursor.execute("SELECT day_statistics()")
        record("day.started", stream=run.stream, by=by, at=at, run=run.pk, date=day)
        for portfolio in Portfolio.objects.order_by("pk"):
            DayPart.objects.bulk_create(_parts(run, portfolio))
    return run


def _parts(run: DayRun, portfolio: Portfolio) -> list[DayPart]:
    """Slices of the portfolio's borrowers, about as many loans in each; together they hold everybody, newcomers too."""
    with connection.cursor() as cursor:
        cursor.execute(CUTS, [portfolio.pk, PART_LOANS])
        cuts = [borrower for (borrower,) in cursor.fetchall()]
    edges = [FIRST, *cuts, LAST]
    return [
        DayPart(run=run, portfolio=portfolio, number=number, after=after, upto=upto)
        for number, (after, upto) in enumerate(pairwise(edges), 1)
    ]
