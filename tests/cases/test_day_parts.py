"""A day's run in parts: done side by side, gone on with after a worker was killed, told on its page."""

import os
import random
import signal
import time
from multiprocessing import get_context

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.urls import reverse

from accounts.models import Portfolio, Role
from cases.actions import day as day_module
from cases.actions.day import begin_due, finish, open_parts, run_day, work_part
from cases.actions.part import Part
from cases.models import Case, DayPart, DayReport, DayRun, WorkItem
from communications.actions.texts import load_texts
from communications.models import Message
from compliance.models import AuditEvent
from tests.cases.stories import DAY, make_reachable
from tests.cases.test_day import RUN, at_six, late_loan
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user
from tests.locks import HERE


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(day_module, "PART_LOANS", 3)


def told() -> dict[str, int]:
    """What happened, by type; how many."""
    return {
        name: AuditEvent.objects.filter(type=name).count()
        for name in ("case.opened", "message.planned", "work.planned", "day.part_done", "day.reported",
                     "day.finished")
    }  # fmt: skip


def result() -> dict:
    summary = dict(DayRun.objects.get().summary)
    summary.pop("seconds")
    portfolios = {code: {**one, "seconds": 0} for code, one in summary.pop("portfolios").items()}
    return {
        "summary": summary,
        "portfolios": portfolios,
        "report": sorted(
            DayReport.objects.values_list("portfolio__code", "bucket", "loans", "arrears", "newly_overdue")
        ),
        "cases": sorted(Case.objects.values_list("loan__external_id", "state", "opened_on")),
        "work": sorted(WorkItem.objects.values_list("case__loan__external_id", "kind", "due_at", "reason")),
        "messages": sorted(Message.objects.values_list("status", "not_before", "borrower")),
        "told": told(),
    }


def fill(loans: int = 10) -> None:
    load_texts(by=SYSTEM, at=NOW)
    for code in ("river", "second"):
        portfolio = make_portfolio(code)
        for number in range(loans):
            late_loan(portfolio, number)


def test_the_parts_hold_everybody_once(few, db):
    fill()
    run = begin_due(by=RUN, at=at_six(TODAY))
    assert run.parts.count() == 8
    for code in ("river", "second"):
        edges = list(run.parts.filter(portfolio__code=code).order_by("number").values_list("after", "upto"))
        assert [upto for _after, upto in edges[:-1]] == [after for after, _upto in edges[1:]]
        assert (edges[0][0].int, edges[-1][1].int) == (0, 2**128 - 1)
    make_reachable(make_portfolio("third"))  # comes with the next date
    for part in open_parts(run):
        assert work_part(part_id=part, by=RUN, at=at_six(TODAY)) is True
        assert work_part(part_id=part, by=RUN, at=at_six(TODAY)) is False
    assert finish(run_id=run.pk, by=RUN, at=at_six(TODAY)) is True
    assert (Case.objects.count(), told()["case.opened"]) == (18, 18)
    assert begin_due(by=RUN, at=at_six(TODAY)) is None


def test_in_parts_or_whole_it_comes_to_the_same(db, monkeypatch):
    fill()
    outcomes = []
    for loans in (3, 1000):
        with transaction.atomic():
            monkeypatch.setattr(day_module, "PART_LOANS", loans)
            run_day(date=TODAY, by=RUN, at=at_six(TODAY))
            outcomes.append(result())
            transaction.set_rollback(True)
    assert [each["told"].pop("day.part_done") for each in outcomes] == [8, 2]
    assert outcomes[0] == outcomes[1]


HANGS = 77
KILLS = int(os.environ.get("FORBEAR_KILLS", "12"))


def _work_and_hang(login: dict, run_id, parts: int) -> None:
    """A worker: does some parts, and hangs in the next one with everything written but nothing committed."""
    connection.settings_dict.update(login)

    def hang(part: Part) -> None:
        part.select(f"SELECT pg_advisory_xact_lock({HANGS})")
        time.sleep(60)

    run = DayRun.objects.get(pk=run_id)
    for part in open_parts(run)[:parts]:
        work_part(part_id=part, by=RUN, at=at_six(TODAY))
    day_module.STEPS = (*day_module.STEPS, ("hangs", hang))
    work_part(part_id=open_parts(run)[0], by=RUN, at=at_six(TODAY))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killed_after", [0, 2])
def test_a_worker_that_is_killed_leaves_nothing_half_done(few, killed_after, owner_connection):
    fill(5)
    run_id = begin_due(by=RUN, at=at_six(TODAY)).pk
    login = {key: connection.settings_dict[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    connections.close_all()
    worker = get_context("fork").Process(target=_work_and_hang, args=(login, run_id, killed_after))
    worker.start()

    def hangs() -> int:
        held = f"SELECT count(*) FROM {HERE} AND locktype = 'advisory' AND objid = {HANGS}"
        return owner_connection.execute(held).fetchone()[0]

    while not hangs():
        assert worker.is_alive()
        time.sleep(0.05)
    waiting = open_parts(DayRun.objects.get())
    # Somebody has the part: nobody else takes it, and the run does not end without it.
    assert work_part(part_id=waiting[0], by=RUN, at=at_six(TODAY)) is False
    assert finish(run_id=run_id, by=RUN, at=at_six(TODAY)) is False
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    while hangs():
        time.sleep(0.02)
    assert DayPart.objects.exclude(finished_at=None).count() == killed_after
    assert len(open_parts(DayRun.objects.get())) == 4 - killed_after
    assert told()["day.part_done"] == killed_after
    run_day(date=TODAY, by=RUN, at=at_six(TODAY))
    broken = result()
    assert broken["told"]["day.part_done"] == 4
    assert broken["told"]["case.opened"] == Case.objects.count() == 8
    assert broken["told"]["day.finished"] == 1
    assert broken["summary"]["opened"] == 8
    assert broken["summary"]["notices"] == Message.objects.count() == broken["told"]["message.planned"] == 8
    assert len(broken["report"]) == 10


def _work_and_hang_at(login: dict, run_id, statement: int) -> None:
    """A worker that hangs before one of its statements, counted over all parts that it does."""
    connection.settings_dict.update(login)
    left = statement

    def count(execute, sql, params, many, context):
        nonlocal left
        left -= 1
        if left == 0:
            execute(f"SELECT pg_advisory_lock({HANGS})", None, False, context)
            time.sleep(60)
        return execute(sql, params, many, context)

    run = DayRun.objects.get(pk=run_id)
    with connection.execute_wrapper(count):
        for part in open_parts(run):
            work_part(part_id=part, by=RUN, at=at_six(TODAY))


@pytest.mark.django_db(transaction=True)
def test_wherever_workers_are_killed_it_comes_to_what_an_undisturbed_run_comes_to(few, owner_connection):
    fill(5)
    with transaction.atomic():
        run_day(date=TODAY, by=RUN, at=at_six(TODAY))
        undisturbed = result()
        transaction.set_rollback(True)
    assert undisturbed["summary"]["opened"] == undisturbed["summary"]["notices"] == 8
    pick = random.Random(13)
    run_id = begin_due(by=RUN, at=at_six(TODAY)).pk
    login = {key: connection.settings_dict[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}

    def held() -> bool:
        found = owner_connection.execute(f"SELECT FROM {HERE} AND locktype = 'advisory' AND objid = {HANGS}")
        return found.fetchone() is not None

    killed = 0
    for _try in range(KILLS):
        connections.close_all()
        statement = pick.randint(1, 60)
        worker = get_context("fork").Process(target=_work_and_hang_at, args=(login, run_id, statement))
        worker.start()
        while worker.is_alive() and not held():
            time.sleep(0.01)
        killed += worker.is_alive()
        worker.kill()
        worker.join()
        while held():
            time.sleep(0.01)
        done = set(DayPart.objects.exclude(finished_at=None).values_list("pk", flat=True))
        # What is in the log is of parts that are done: all of each, nothing of the others.
        assert set(AuditEvent.objects.filter(type="day.part_done").values_list("stream", flat=True)) == done
        assert set(AuditEvent.objects.filter(type="case.opened").values_list("stream", flat=True)) <= done
    assert killed >= KILLS // 3
    run_day(date=TODAY, by=RUN, at=at_six(TODAY))
    assert result() == undisturbed
    run_day(date=TODAY, by=RUN, at=NOW)
    assert result() == undisturbed


def test_a_part_is_done_once_and_never_taken_away(few, db):
    fill(2)
    run_day(date=TODAY, by=RUN, at=at_six(TODAY))
    for change in ("finished_at = NULL", "result = '{}'", "upto = after", "number = number + 1"):
        with pytest.raises(DatabaseError, match="A part of a run is done once"), transaction.atomic():
            connection.cursor().execute(f"UPDATE cases_daypart SET {change}")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("DELETE FROM cases_daypart")


# The pages


def test_the_page_tells_progress_counts_and_what_was_different_the_day_before(few, db, client):
    fill()
    people = make_people(Portfolio.objects.get(code="river"))
    client.force_login(people.bob)
    assert "No day has been run yet" in client.get(reverse("days")).content.decode()
    run_day(date=TODAY, by=RUN, at=at_six(TODAY))
    run = begin_due(by=RUN, at=at_six(TODAY + DAY))
    work_part(part_id=open_parts(run)[0], by=RUN, at=at_six(TODAY + DAY))
    under_way = client.get(reverse("day", args=["2026-03-04"]))
    seen = under_way.context["run"]
    assert (seen.done, seen.parts, seen.finished) == (1, 4, False)  # of the supervisor's own portfolio
    assert 'hx-trigger="every 5s"' in under_way.content.decode()
    run_day(date=TODAY + DAY, by=RUN, at=at_six(TODAY + DAY))
    done = client.get(reverse("day", args=["2026-03-04"]))
    lines = {line.label: (line.now, line.before, line.difference) for line in done.context["counts"]}
    assert lines["Overdue loans"] == (10, 9, 1)
    assert lines["Cases opened"] == (1, 9, -8)
    assert 'hx-trigger="every 5s"' not in done.content.decode()
    client.force_login(make_user(role=Role.COMPLIANCE))
    everything = client.get(reverse("day", args=["2026-03-03"]))
    assert [code for code, _run in everything.context["portfolios"]] == ["river", "second"]
    assert everything.context["before"] is None
    runs = client.get(reverse("days")).context["runs"]
    assert [(run.counts["opened"], run.finished) for run in runs] == [(2, True), (18, True)]
    assert [run.seconds > 0 for run in runs] == [True, True]
    client.force_login(people.bob)
    runs = client.get(reverse("days")).context["runs"]
    assert [(run.counts["opened"], run.counts["loans"]) for run in runs] == [(1, 10), (9, 10)]
    assert client.get(reverse("day", args=["2026-03-09"])).status_code == 404
    assert client.get(reverse("day", args=["soon"])).status_code == 404
