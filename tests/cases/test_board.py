"""The supervisor's board: the three measures on an example counted by hand, queues, load, promises and complaints."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.actions.payments import receive, reverse_payment
from accounts.models import Role
from cases import measures
from cases.actions.agreements import record_promise
from cases.actions.complaints import complain
from cases.actions.day import run_day
from cases.actions.payments import record_payment
from cases.actions.work import plan_work
from cases.measures import AgentLine, Measures, QueueLine, Week
from cases.models import Case, WorkKind
from compliance.audit import Actor
from tests.cases.stories import DAY, call, make_case, make_reachable
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_loan,
    make_people,
    make_portfolio,
    make_team,
    make_user,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def river(db, clock):
    return make_portfolio("river")


@pytest.fixture
def sea(river):
    return make_portfolio("sea", currency="CNY", zone="Asia/Shanghai", jurisdictions=["CN"])


@pytest.fixture
def people(river):
    return make_people(river)


def pay(case: Case, amount: int, on, reference: str) -> None:
    record_payment(
        case=case, amount=amount, value_date=on, reference=reference, source="desk", by=SYSTEM, at=NOW + HOUR
    )


@pytest.fixture
def example(river, people) -> list[Case]:
    """Ten loans of 100.00, five of them late: one cured, one paid in part, one with a complaint, and two left alone.

    Today's run reports what is still late then: 4 loans with 360.00 of 9 that have something outstanding.
    """
    for _number in range(5):
        make_loan(make_reachable(river), portfolio=river, principal=100_00, due_on=TODAY + DAY)
    cases = [make_case(river, principal=100_00, due_on=days_ago(3), at=NOW - 2 * DAY) for _number in range(5)]
    pay(cases[0], 100_00, TODAY, "P1")
    pay(cases[1], 40_00, days_ago(1), "P2")
    # Before its case was open, and long before: nobody's work.
    receive(
        portfolio=river,
        loan=cases[2].loan,
        reference="P3",
        amount=5_00,
        value_date=days_ago(20),
        by=SYSTEM,
        at=NOW,
    )
    reverse_payment(payment=cases[2].loan.payments.get(), reason="chargeback", by=SYSTEM, at=NOW)
    complain(
        case=cases[2], category="tone", words="Unkind.", channel="call", by=Actor.staff(people.alice), at=NOW
    )
    run_day(date=TODAY, by=SYSTEM, at=NOW + 2 * HOUR)
    return cases


def test_the_three_measures(river, example):
    [line] = measures.by_portfolio([river.pk], on=TODAY)
    assert line == Measures(
        label="river",
        currency="USD",
        recovered=140_00,
        arrears=360_00,
        loans=9,
        overdue=4,
        complaints=1,
        cases=5,
    )
    assert (line.recovery_rate, line.delinquency_rate, line.complaint_rate) == (0.28, 4 / 9, 200.0)


def test_a_payment_taken_back_recovers_nothing(river, example):
    payment = example[0].loan.payments.get()
    reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=NOW + 3 * HOUR)
    [line] = measures.by_portfolio([river.pk], on=TODAY)
    assert line.recovered == 40_00


def test_outside_the_period_nothing_counts(river, example):
    [line] = measures.by_portfolio([river.pk], on=days_ago(30))
    assert line == Measures("river", "USD", 0, 0, 0, 0, 0, 0)
    assert (line.recovery_rate, line.delinquency_rate, line.complaint_rate) == (None, None, None)
    # The cured case is not worked on any more a day later; the complaint is out of the period after it.
    [later] = measures.by_portfolio([river.pk], on=TODAY + 8 * DAY, days=7)
    assert (later.recovered, later.complaints, later.cases) == (0, 0, 4)


def test_week_by_week(river, sea, example):
    weeks = measures.by_week([river.pk, sea.pk], on=TODAY, weeks=3)
    assert weeks == [
        Week(days_ago(14), None, None),
        Week(days_ago(7), None, None),
        Week(TODAY, 0.28, 200.0),
    ]
    assert measures.by_week([], on=TODAY, weeks=1) == [Week(TODAY, None, None)]


def test_days_are_the_portfolios_own(sea):
    """Half past eleven at night by UTC is the next morning in Shanghai."""
    at = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    case = make_case(sea, principal=100_00, at=at)
    complain(case=case, category="tone", words="…", channel="call", by=SYSTEM, at=at)
    [today] = measures.by_portfolio([sea.pk], on=TODAY)
    assert (today.complaints, today.cases) == (0, 0)
    [tomorrow] = measures.by_portfolio([sea.pk], on=TODAY + DAY)
    assert (tomorrow.complaints, tomorrow.cases) == (1, 1)


def test_queues(river, sea):
    for due_at, kind in (
        (NOW - 2 * HOUR, "first_call"),
        (NOW, "first_call"),
        (NOW + HOUR, "first_call"),
        (NOW, "callback"),
    ):
        plan_work(
            case=make_case(river),
            kind=WorkKind(kind),
            due_at=due_at,
            reason="after_notice",
            by=SYSTEM,
            at=NOW,
        )
    plan_work(case=make_case(sea), kind=WorkKind.TRACE, due_at=NOW, reason="says_paid", by=SYSTEM, at=NOW)
    lines = measures.queues([river.pk], at=NOW)
    assert lines == [
        QueueLine("callback", waiting=1, later=0, oldest=NOW),
        QueueLine("first_call", waiting=2, later=1, oldest=NOW - 2 * HOUR),
    ]
    assert [line.label for line in lines] == ["Call back as agreed", "First call"]


def test_load(river, sea, people):
    make_user("zoe", team=make_team("Sea", [sea]))
    yesterday = make_case(river)
    call(yesterday, people.alice, "no_answer", at=NOW - DAY)
    call(make_case(river), people.alice, "no_answer", at=NOW - HOUR)
    spoken = make_case(river)
    call(spoken, people.alice, "cannot_pay", at=NOW - 30 * timedelta(minutes=1))
    record_promise(
        case=spoken, amount=10_00, due_on=TODAY + DAY, channel="call", by=Actor.staff(people.alice), at=NOW
    )
    midnight = NOW.replace(hour=0)
    assert measures.load([river.pk], since=midnight, at=NOW - 29 * timedelta(minutes=1)) == [
        AgentLine("alice", leases=1, calls=2, reached=1, promises=1)
    ]
    assert [line.name for line in measures.load([sea.pk], since=midnight, at=NOW)] == ["zoe"]


# The page


def test_the_board(client, river, sea, people, example, clock):
    other = make_case(sea, principal=999_00)
    complain(case=other, category="tone", words="…", channel="call", by=SYSTEM, at=NOW)
    record_promise(
        case=example[3],
        amount=10_00,
        due_on=TODAY + 2 * DAY,
        channel="call",
        by=Actor.staff(people.alice),
        at=NOW,
    )
    record_promise(
        case=example[4], amount=10_00, due_on=TODAY, channel="call", by=Actor.staff(people.alice), at=NOW
    )
    clock.at = NOW + 3 * HOUR
    client.force_login(people.bob)
    answer = client.get(reverse("board"))
    assert [(line.label, line.recovered) for line in answer.context["measures"]] == [("river", 140_00)]
    assert answer.context["promises"] == {"today": 1, "week": 2, "kept": 0, "broken": 0}
    assert answer.context["complaints"] == {"open": 1, "overdue": 0, "soon": 0}
    text = " ".join(answer.content.decode().replace("\xa0", " ").split())
    for cell in ("28%", "200", "44.4%", "$140.00", "$360.00"):
        assert f'">{cell}</td>' in text
    assert "999.00" not in text
    assert "1 open" in text


def test_a_complaint_near_its_clock(client, river, people, example, clock):
    [complaint] = example[2].borrower.complaints.all()
    for days, overdue, soon in ((4, 0, 0), (3, 0, 1), (0, 0, 1), (-1, 1, 0)):
        clock.at = datetime.combine(complaint.due_on - days * DAY, NOW.timetz())
        client.force_login(people.bob)
        complaints = client.get(reverse("board")).context["complaints"]
        assert (complaints["overdue"], complaints["soon"]) == (overdue, soon)


def test_what_was_kept_and_not_kept(client, river, people, clock):
    kept, broken = make_case(river, principal=100_00), make_case(river, principal=100_00)
    for case in (kept, broken):
        record_promise(
            case=case, amount=50_00, due_on=TODAY, channel="call", by=Actor.staff(people.alice), at=NOW
        )
    pay(kept, 50_00, TODAY, "P1")
    # Nothing is called broken before a day of grace is over.
    run_day(date=TODAY + 2 * DAY, by=SYSTEM, at=NOW + 2 * DAY)
    for days, kept_then, broken_then in ((2, 1, 1), (6, 1, 1), (8, 0, 1), (10, 0, 0)):
        clock.at = NOW + days * DAY + 2 * HOUR
        client.force_login(people.bob)
        promises = client.get(reverse("board")).context["promises"]
        assert (promises["kept"], promises["broken"]) == (kept_then, broken_then)


def test_an_empty_board(client, db, clock):
    client.force_login(make_user(role=Role.SUPERVISOR))
    text = client.get(reverse("board")).content.decode()
    for words in ("No portfolio yet", "Nothing is waiting.", "No agent is in a team with these portfolios."):
        assert words in text


def test_who_oversees_sees_every_portfolio(client, river, sea, example):
    client.force_login(make_user(role=Role.COMPLIANCE))
    answer = client.get(reverse("board"))
    assert [line.label for line in answer.context["measures"]] == ["river", "sea"]
