"""The business day: report, cases opened and cured, agreements decided, notices planned; once, in order, never twice."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.actions.borrowers import add_contact_point
from accounts.actions.payments import receive, reverse_payment
from accounts.models import Loan, Terms
from accounts.schedules import Every
from cases import tasks
from cases.actions import day as day_module
from cases.actions import outreach
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.day import DayRefused, run_day
from cases.actions.ending import end_case
from cases.actions.part import Part
from cases.actions.transition import move
from cases.models import Case, CaseState, DayPart, DayReport, DayRun, Lease, WorkItem
from communications.actions.texts import load_texts
from communications.models import Message
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, fresh, make_reachable, steps
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
)

RUN = Actor.system("run_day")


@pytest.fixture
def portfolio(db):
    load_texts(by=SYSTEM, at=NOW)
    return make_portfolio("river")


def at_six(on: date) -> datetime:
    """One in the morning in New York."""
    return datetime(on.year, on.month, on.day, 6, tzinfo=UTC)


def run(on: date = TODAY, at: datetime | None = None) -> DayRun:
    return run_day(date=on, by=RUN, at=at or at_six(on))


def late_loan(portfolio, days: int, principal: int = 100_00, **fields) -> Loan:
    borrower = make_reachable(portfolio)
    return make_loan(borrower, portfolio=portfolio, due_on=days_ago(days), principal=principal, **fields)


def case_of(loan: Loan) -> Case:
    return Case.objects.select_related("portfolio", "loan", "borrower").get(loan=loan)


def pay(loan: Loan, amount: int, on: date, reference: str = "P-1"):
    return receive(
        portfolio=loan.portfolio, loan=loan, reference=reference, amount=amount, value_date=on, by=SYSTEM,
        at=at_six(on) + timedelta(hours=1),
    )  # fmt: skip


def counts(day: DayRun) -> dict[str, int]:
    """What happened at all."""
    return {name: day.summary[name] for name in day_module.COUNTS if day.summary[name]}


# The report


def test_the_report_counts_loans_arrears_and_new_ones_by_bucket(portfolio):
    for days, principal in ((0, 10_00), (1, 20_00), (1, 5_00), (30, 30_00), (31, 40_00), (200, 50_00)):
        late_loan(portfolio, days, principal)
    late_loan(portfolio, -5, 70_00)  # not due yet
    repaid = late_loan(portfolio, 9, 80_00)
    pay(repaid, 80_00, days_ago(1))
    day = run()
    found = DayReport.objects.filter(run=day).values_list(
        "bucket", "loans", "arrears", "outstanding", "newly_overdue"
    )
    assert set(found) == {
        ("current", 2, 0, 80_00, 0),
        ("1-30", 3, 55_00, 55_00, 2),
        ("31-60", 1, 40_00, 40_00, 0),
        ("61-90", 0, 0, 0, 0),
        ("91+", 1, 50_00, 50_00, 0),
    }
    assert (day.summary["loans"], day.summary["overdue"], day.summary["newly_overdue"]) == (7, 5, 2)
    event = json.loads(bytes(AuditEvent.objects.get(type="day.reported").leaf))["data"]
    assert (event["arrears"], event["currency"], event["buckets"]["1-30"]) == ("145.00", "USD", 3)


# Cases


def test_every_overdue_loan_gets_one_case_with_its_lease_and_event(portfolio):
    late, current = late_loan(portfolio, 14), late_loan(portfolio, 0)
    day = run()
    case = case_of(late)
    assert (case.state, case.opened_on, case.portfolio, case.borrower) == (
        CaseState.OVERDUE,
        TODAY,
        portfolio,
        late.borrower,
    )
    assert not Case.objects.filter(loan=current).exists()
    assert Lease.objects.get(case=case).holder is None
    event = AuditEvent.objects.get(type="case.opened")
    assert (event.case_ref, event.borrower_ref, event.stream) == (
        case.pk,
        late.borrower_id,
        DayPart.objects.get(run=day).pk,
    )
    assert json.loads(bytes(event.leaf))["data"] == {
        "loan": str(late.pk),
        "days_past_due": 14,
        "currency": "USD",
        "arrears": "100.00",
        "earlier_cases": 0,
    }


def test_running_a_date_again_changes_nothing(portfolio):
    late_loan(portfolio, 14)
    first = run()
    tables = [AuditEvent, Case, WorkItem, Message, DayReport]
    before = [table.objects.count() for table in tables]
    again = run(at=NOW)
    assert (again.pk, again.finished_at, again.summary) == (first.pk, first.finished_at, first.summary)
    assert [table.objects.count() for table in tables] == before


def test_an_older_date_and_one_that_has_not_begun_are_refused(portfolio):
    run()
    with pytest.raises(DayRefused) as refused:
        run(TODAY - DAY)
    assert refused.value.code == "older"
    with pytest.raises(DayRefused) as refused:
        run(TODAY + 2 * DAY, at=at_six(TODAY))
    assert refused.value.code == "future"
    assert list(DayRun.objects.values_list("date", flat=True)) == [TODAY]


def test_missed_dates_are_caught_up_in_order(portfolio):
    run(TODAY - 4 * DAY)
    early, late = late_loan(portfolio, 3), late_loan(portfolio, 1)  # overdue from 2 days ago, and from today
    day = run()
    assert list(DayRun.objects.order_by("date").values_list("date", flat=True)) == [
        TODAY - number * DAY for number in (4, 3, 2, 1, 0)
    ]
    assert (case_of(early).opened_on, case_of(late).opened_on) == (TODAY - 2 * DAY, TODAY)
    assert day.date == TODAY
    assert [event.type for event in AuditEvent.objects.filter(type="day.finished")] == ["day.finished"] * 5


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(portfolio, monkeypatch):
    other = make_portfolio("second")
    late_loan(portfolio, 5), late_loan(other, 5)

    def dies_in_the_second(part: Part) -> None:
        if part.portfolio == other:
            raise KeyboardInterrupt

    monkeypatch.setattr(day_module, "STEPS", (*day_module.STEPS, ("dies", dies_in_the_second)))
    with pytest.raises(KeyboardInterrupt):
        run()
    assert (Case.objects.count(), DayRun.objects.get().finished_at) == (1, None)
    monkeypatch.undo()
    day = run()
    assert (Case.objects.count(), day.summary["opened"]) == (2, 2)
    assert set(day.summary["portfolios"]) == {"river", "second"}


def test_two_runs_do_not_work_at_the_same_time(portfolio, owner_connection):
    owner_connection.execute("SELECT pg_advisory_lock(%s)", [day_module.LOCK])
    try:
        with pytest.raises(DayRefused) as refused:
            run()
    finally:
        owner_connection.execute("SELECT pg_advisory_unlock(%s)", [day_module.LOCK])
    assert refused.value.code == "busy"
    assert DayRun.objects.count() == 0


def test_the_number_of_statements_does_not_hang_on_the_loans(portfolio, django_assert_max_num_queries):
    def queries(on: date) -> int:
        with django_assert_max_num_queries(500) as captured:
            run(on)
        return len(captured)

    late_loan(portfolio, 1)
    one = queries(TODAY)
    for _number in range(12):
        late_loan(portfolio, 0)
    assert queries(TODAY + DAY) <= one


def test_a_paid_loan_is_cured_by_the_run_with_everything_that_hung_on_it(portfolio):
    loan = late_loan(portfolio, 14)
    run()
    case = case_of(loan)
    assert (Message.objects.get().status, len(steps(case))) == ("planned", 1)
    pay(loan, 100_00, TODAY)
    day = run(TODAY + DAY)
    cured = fresh(case)
    assert (cured.state, cured.closed_at) == (CaseState.CURED, at_six(TODAY + DAY))
    assert counts(day) == {"cured": 1}
    assert (Message.objects.get().status, steps(case)) == ("cancelled", [])
    moved = AuditEvent.objects.get(type="case.moved")
    assert (moved.case_ref, moved.actor, moved.stream) == (
        case.pk,
        "run_day",
        DayPart.objects.get(run=day).pk,
    )


def test_late_again_is_a_new_case_that_knows_of_the_earlier(portfolio):
    loan = late_loan(portfolio, 14, instalments=[(days_ago(14), 60_00), (TODAY + DAY, 40_00)])
    run()
    pay(loan, 60_00, TODAY)
    run(TODAY + DAY)
    day = run(TODAY + 2 * DAY)
    assert list(Case.objects.filter(loan=loan).order_by("pk").values_list("state", "opened_on")) == [
        ("cured", TODAY),
        ("overdue", TODAY + 2 * DAY),
    ]
    assert (day.summary["opened"], day.summary["newly_overdue"]) == (1, 1)
    event = AuditEvent.objects.filter(type="case.opened").order_by("at").last()
    assert json.loads(bytes(event.leaf))["data"]["earlier_cases"] == 1


def test_a_payment_taken_back_reopens_its_case_rather_than_a_new_one(portfolio):
    loan = late_loan(portfolio, 14)
    run()
    payment = pay(loan, 100_00, TODAY)
    run(TODAY + DAY)
    reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=at_six(TODAY + DAY) + DAY / 2)
    day = run(TODAY + 2 * DAY)
    case = Case.objects.get(loan=loan)
    assert (case.state, case.closed_at) == (CaseState.NEGOTIATING, None)
    assert (day.summary["reopened"], day.summary["opened"]) == (1, 0)
    assert steps(case) == [("follow_up", at_six(TODAY + 2 * DAY), "payment_reversed")]


@pytest.mark.parametrize("given_up", ["written_off", "recalled"])
def test_a_loan_that_was_given_up_gets_no_new_case(portfolio, given_up):
    loan = late_loan(portfolio, 14)
    run()
    bob = make_people(portfolio).bob
    move(case=case_of(loan), to=given_up, by=Actor.staff(bob), at=NOW, reason="test")
    assert run(TODAY + DAY).summary["opened"] == 0


def test_a_settled_case_is_taken_up_again_when_the_payment_bounces(portfolio):
    half = {"settlement_after_days": 14, "authority": {"supervisor": {"settlement_percent": 80}}}
    Terms.objects.create(portfolio=portfolio, from_on=days_ago(30), **half)
    loan = late_loan(portfolio, 14)
    run()
    by = Actor.staff(make_people(portfolio).bob)
    payment = pay(loan, 20_00, TODAY, "part")
    end_case(case=case_of(loan), ending="settled", by=by, at=NOW)
    assert run(TODAY + DAY).summary["opened"] == 0
    reverse_payment(payment=payment, reason="chargeback", by=by, at=at_six(TODAY + DAY) + DAY / 2)
    assert run(TODAY + 2 * DAY).summary["opened"] == 0
    assert (case_of(loan).state, loan.cases.count()) == (CaseState.NEGOTIATING, 1)


# Agreements


def test_promises_and_plans_are_decided_and_give_work(portfolio):
    alice = make_people(portfolio).alice
    by = Actor.staff(alice)
    kept, part, broken, planned = (late_loan(portfolio, 14) for _number in range(4))
    run()
    for loan in (kept, part, broken):
        record_promise(case=case_of(loan), amount=50_00, due_on=TODAY + DAY, channel="call", by=by, at=NOW)
        WorkItem.objects.filter(case__loan=loan).update(done_at=NOW)
    call(case_of(planned), alice, "cannot_pay")
    WorkItem.objects.filter(case__loan=planned).update(done_at=NOW)
    agree_plan(
        case=case_of(planned), count=4, first_due_on=TODAY, every=Every(days=2), channel="call", by=by,
        at=NOW + DAY / 24,
    )  # fmt: skip
    pay(kept, 50_00, TODAY + DAY, "kept")
    pay(part, 20_00, TODAY + DAY, "part")
    days = {number: counts(run(TODAY + number * DAY)) for number in (1, 2, 3, 4)}
    assert days == {
        1: days[1] | {"promises_kept": 1},
        2: days[2] | {"plans_missed": 1},
        3: days[3] | {"promises_part_kept": 1, "promises_broken": 1},
        4: days[4] | {"plans_broken": 1},
    }
    when = [at_six(TODAY + number * DAY) for number in range(5)]
    assert steps(case_of(kept))[-1] == ("follow_up", when[1], "promise_kept")
    assert ("promise_broken", when[3], "part_kept") in steps(case_of(part))
    assert ("promise_broken", when[3], "not_kept") in steps(case_of(broken))
    assert ("plan_missed", when[2], "instalment_missed") in steps(case_of(planned))
    assert case_of(planned).state == CaseState.NEGOTIATING


def test_nobody_is_forgotten_and_nobody_on_hold_is_asked(portfolio):
    alice = make_people(portfolio).alice
    forgotten, held = late_loan(portfolio, 14), late_loan(portfolio, 14)
    run()
    call(case_of(forgotten), alice, "refuses")
    call(case_of(held), alice, "disputes", at=NOW + timedelta(minutes=10))
    WorkItem.objects.update(done_at=NOW)
    Message.objects.update(status="cancelled")
    day = run(TODAY + DAY)
    assert day.summary["follow_ups"] == 1
    assert steps(case_of(forgotten)) == [("follow_up", at_six(TODAY + DAY), "nothing_planned")]
    assert steps(case_of(held)) == []


# Notices


def test_a_first_notice_is_planned_for_the_earliest_lawful_moment_and_a_call_for_the_day_after(portfolio):
    loan = late_loan(portfolio, 14)
    day = run(at=datetime(2026, 3, 3, 4, 30, tzinfo=UTC))  # before midnight of the 2nd in New York
    message = Message.objects.get()
    case = case_of(loan)
    assert (message.channel, message.purpose, message.loans, message.status) == (
        "email",
        "first_notice",
        [loan.pk],
        "planned",
    )
    assert message.for_case.case == case
    assert message.not_before.astimezone(UTC).date() == TODAY
    assert message.not_before > datetime(2026, 3, 3, 4, 30, tzinfo=UTC)
    assert steps(case) == [("first_call", message.not_before + DAY, "after_notice")]
    assert counts(day) == {
        "loans": 1, "overdue": 1, "opened": 1, "notices": 1, "first_calls": 1,
    }  # fmt: skip


def test_planning_only_looks(portfolio):
    late_loan(portfolio, 14)
    run()
    assert not AuditEvent.objects.filter(type="contact.decided").exists()


def test_the_next_day_plans_no_second_notice(portfolio):
    late_loan(portfolio, 14)
    run()
    assert run(TODAY + DAY).summary["notices"] == 0
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("reach", "planned", "step"),
    [
        ({"phone": "+1 212 555 0100"}, 0, ("first_call", "no_written_way")),
        ({"email": "dana@example.com"}, 1, ("address", "no_number")),
        ({}, 0, ("address", "no_way")),
    ],
)
def test_whoever_cannot_be_written_to_is_called_and_who_cannot_be_reached_is_looked_for(
    portfolio, reach, planned, step
):
    borrower = make_borrower(portfolio, zones=["America/New_York"], **reach)
    loan = make_loan(borrower, due_on=days_ago(5))
    run()
    assert Message.objects.count() == planned
    assert [(kind, reason) for kind, _due, reason in steps(case_of(loan))] == [step]


def test_a_portfolio_that_is_closed_gets_its_report_and_cases_and_no_contact(portfolio):
    portfolio.contact_open = False
    portfolio.save()
    late_loan(portfolio, 14)
    assert counts(run()) == {"loans": 1, "overdue": 1, "opened": 1}
    portfolio.contact_open = True
    portfolio.save()
    assert counts(run(TODAY + DAY))["notices"] == 1


def test_a_notice_that_failed_for_good_is_tried_another_way(portfolio):
    loan = late_loan(portfolio, 14)
    run()
    Message.objects.update(status="failed")
    day = run(TODAY + DAY)
    assert (day.summary["notices"], Message.objects.count()) == (0, 1)
    # The first call stands; nobody is looked for who has a number.
    assert [kind for kind, _due, _reason in steps(case_of(loan))] == ["first_call"]


def test_whoever_waits_for_a_call_is_judged_again_only_when_an_address_has_come(portfolio, monkeypatch):
    judged = []
    look_many = outreach.gate.look_many

    def look(questions, *, at):
        judged.extend(question.channel for question in questions)
        return look_many(questions, at=at)

    monkeypatch.setattr(outreach.gate, "look_many", look)
    borrower = make_borrower(portfolio, phone="+1 212 555 0100", zones=["America/New_York"])
    loan = make_loan(borrower, due_on=days_ago(5))
    run()
    assert (judged, Message.objects.count()) == (["call"], 0)
    run(TODAY + DAY)
    assert judged == ["call"]
    add_contact_point(
        borrower=borrower, kind="email", text="dana@example.com", region=None, source="borrower",
        ground="contract", by=SYSTEM, at=NOW,
    )  # fmt: skip
    assert run(TODAY + 2 * DAY).summary["notices"] == 1
    assert (judged, Message.objects.get().for_case.case) == (["call", "email"], case_of(loan))
    Message.objects.update(status="failed")
    run(TODAY + 3 * DAY)
    assert (judged, Message.objects.count()) == (["call", "email"], 1)


# The command and the clock


def test_the_command_says_what_was_done_as_one_json_object(portfolio):
    late_loan(portfolio, 14)
    today = timezone.now().date()
    out = StringIO()
    call_command("run_day", date=today - 2 * DAY, stdout=out)
    *_before, last = out.getvalue().strip().splitlines()
    summary = json.loads(last)
    assert (summary["date"], summary["loans"], summary["opened"]) == (
        (today - 2 * DAY).isoformat(),
        1,
        1,
    )
    with pytest.raises(CommandError, match="an older day is not run after it"):
        call_command("run_day", date=today - 3 * DAY, stdout=out)


def test_the_clock_runs_the_date_that_has_begun_everywhere_and_once(portfolio, monkeypatch):
    make_portfolio("far", zone="Asia/Shanghai")

    def clock(moment: datetime) -> Callable[[], datetime]:
        return lambda: moment

    handed_out = []
    monkeypatch.setattr(tasks.work_day_part, "delay", handed_out.append)

    def work() -> None:
        while handed_out:
            tasks.work_day_part(handed_out.pop())

    monkeypatch.setattr(tasks.timezone, "now", clock(datetime(2026, 3, 3, 4, 0, tzinfo=UTC)))
    tasks.run_due_day()
    assert len(handed_out) == 2
    tasks.work_day_part(handed_out[0])
    tasks.sweep()
    assert handed_out == [handed_out[0], handed_out[1], handed_out[1]]  # what waits is handed out again
    work()
    assert DayRun.objects.get().date == date(
        2026, 3, 2
    )  # noon of the 3rd in Shanghai, 23:00 of the 2nd in New York
    tasks.run_due_day()
    monkeypatch.setattr(tasks.timezone, "now", clock(datetime(2026, 3, 3, 5, 0, tzinfo=UTC)))
    tasks.run_due_day()
    work()
    assert list(DayRun.objects.order_by("date").values_list("date", flat=True)) == [
        date(2026, 3, 2),
        date(2026, 3, 3),
    ]


def test_nothing_is_left_behind_in_the_session(portfolio):
    late_loan(portfolio, 3)
    run()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('day_standing')")
        assert cursor.fetchone() == (None,)
