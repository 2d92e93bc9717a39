"""What the worker runs: ids in, one call into an action. Each may run twice, or be lost and run later, without harm."""

from collections.abc import Callable
from datetime import timedelta
from functools import update_wrapper
from typing import Any
from uuid import UUID

import django_rq
from django.utils import timezone

from accounts.actions import tapes
from accounts.models import ImportRun, ImportState
from cases.actions import day, debits, outreach, retention
from cases.actions.day import DayRefused
from cases.actions.payments import after_payments
from communications.actions import messages
from compliance.audit import Actor
from compliance.tasks import requeue_what_ifs

SHARDS = 16
MINUTE = timedelta(minutes=1)
CRON = Actor.system("cron")
RUN_DAY = Actor.system("run_day")


class Job:
    """A function for a queue: `delay` puts it there once the transaction has committed.

    The queue is looked up only then, so that importing this module needs no queue server.
    """

    def __init__(self, function: Callable[..., Any], queue: str) -> None:
        self.function, self.queue = function, queue
        update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def delay(self, *args: Any) -> None:
        name = f"{self.function.__module__}.{self.function.__name__}"
        django_rq.get_queue(self.queue).enqueue(name, *args)


def job(queue: str) -> Callable[[Callable[..., Any]], Job]:
    return lambda function: Job(function, queue)


@job("bulk")
def perform_import(run_id: str) -> None:
    """Import a confirmed file; what its payments change follows at once."""
    run = ImportRun.objects.select_related("started_by").get(pk=run_id)
    by = Actor.staff(run.started_by) if run.started_by else Actor.system(f"import_{run.kind}")
    done = tapes.perform_kept(run_id=UUID(run_id), by=by, at=timezone.now())
    if done and done.outcome.touched:
        after_payments(loan_ids=done.outcome.touched, at=timezone.now())


@job("outreach")
def send_due(shard: int, shards: int) -> None:
    """Send the due messages of one share of the borrowers."""
    outreach.send_due(shard=shard, shards=shards, now=timezone.now)


@job("outreach")
def send_written(message_id: str, case_id: str) -> None:
    """Send what somebody of the desk has just written, if the gate allows it now."""
    outreach.deliver(message_id=UUID(message_id), case_id=UUID(case_id), at=timezone.now())


@job("bulk")
def work_day_part(part_id: str) -> None:
    """One part of a day's run; with the last one the run ends, and the next missed date begins."""
    day.work_part(part_id=UUID(part_id), by=RUN_DAY, at=timezone.now())
    run = day.unfinished()
    if run and day.finish(run_id=run.pk, by=RUN_DAY, at=timezone.now()):
        run_due_day()


@job("outreach")
def draw_debit(notice_id: str) -> None:
    """Draw one announced debit whose day has come, if all its rules still say yes."""
    debits.draw(notice_id=UUID(notice_id), at=timezone.now())


# Called by the clock (collections_site/cron.py)


def dispatch() -> None:
    """One job for every share of the borrowers that has something due."""
    for shard in outreach.shards_due(shards=SHARDS, at=timezone.now()):
        send_due.delay(shard, SHARDS)


def dispatch_debits() -> None:
    """One job for every announced debit whose day has come."""
    for notice_id in debits.due_notices(timezone.now()):
        draw_debit.delay(str(notice_id))


def sweep() -> None:
    """Whatever a dead worker or a flushed queue has left lying is found in the database and taken up again."""
    at = timezone.now()
    messages.sweep(at=at)
    debits.sweep(at=at)
    outreach.catch_up(at=at)
    tapes.requeue_abandoned(by=CRON, at=at)
    requeue_what_ifs(at)
    if day.unfinished():
        run_due_day()
    for run_id in ImportRun.objects.filter(state=ImportState.QUEUED).values_list("pk", flat=True):
        perform_import.delay(str(run_id))


def run_due_day() -> None:
    """Begin the business date that has begun in every portfolio's zone, or the first missed before it, and hand out its
    parts; whoever does the last of them comes back for the next date."""
    try:
        run = day.begin_due(by=RUN_DAY, at=timezone.now())
    except DayRefused as refused:
        if refused.code != "busy":
            raise
        return
    if run:
        for part in day.open_parts(run):
            work_day_part.delay(str(part))


def destroy_expired_files() -> None:
    """Files and rejected rows of imports are kept for seven days."""
    tapes.destroy_expired(by=CRON, at=timezone.now())


def destroy_expired_documents() -> None:
    """Documents are kept as long as `accounts/retention.yaml` says, and as long as something is open."""
    retention.destroy_expired(by=CRON, at=timezone.now())
