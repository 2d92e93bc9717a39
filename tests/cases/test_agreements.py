"""Promises and plans: what terms hold, and what the ledger says became of them."""

from datetime import date, timedelta

import pytest

from accounts.actions.payments import receive
from accounts.schedules import Every
from cases.actions.agreements import AgreementRefused, agree_plan, propose_plan, record_promise
from cases.actions.deciding import decide, progress
from cases.actions.payments import record_payment
from cases.actions.transition import MoveRefused, move
from cases.models import Case, CaseState, Plan, PlanState, Promise, PromiseState
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, events, fresh, make_case, steps
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio

MONTHLY = Every(months=1)
WEEKLY = Every(days=7)


@pytest.fixture
def portfolio(db):
    return make_portfolio(terms={"authority": {"agent": {"promise_days": 30, "plan_instalments": 6}}})


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def alice(people):
    return Actor.staff(people.alice)


def promise(case: Case, by: Actor, amount: int = 40_00, due_on: date = TODAY + 7 * DAY, at=NOW) -> Promise:
    return record_promise(case=case, amount=amount, due_on=due_on, channel="call", by=by, at=at)


def pay(case: Case, amount: int, on: date, at=None, reference: str | None = None) -> None:
    """Money reaches the ledger, and nothing else happens yet."""
    receive(
        portfolio=case.portfolio, loan=case.loan, reference=reference or f"{amount} on {on}", amount=amount,
        value_date=on, by=SYSTEM, at=at or NOW + DAY * (on - TODAY).days + timedelta(hours=1),
    )  # fmt: skip


def decide_on(case: Case, on: date) -> None:
    decide(portfolio=case.portfolio, on=on, by=SYSTEM, at=NOW + DAY * (on - TODAY).days)


# Promises


def test_a_promise_keeps_its_terms_and_its_event(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    made = promise(case, alice)
    assert (made.amount, made.due_on, made.made_on, made.state, made.actor) == (
        40_00, TODAY + 7 * DAY, TODAY, PromiseState.OPEN, alice.ref,
    )  # fmt: skip
    assert events(case) == ["case.opened", "promise.recorded"]


@pytest.mark.parametrize(
    ("amount", "days", "code", "params"),
    [
        (0, 7, "amount", {"most": 100_00}),
        (-5, 7, "amount", {"most": 100_00}),
        (100_01, 7, "amount", {"most": 100_00}),
        (50_00, -1, "due_on", {"earliest": TODAY, "latest": TODAY + 30 * DAY}),
        (50_00, 31, "due_on", {"earliest": TODAY, "latest": TODAY + 30 * DAY}),
    ],
)
def test_terms_that_do_not_hold_are_refused_with_those_that_would(
    portfolio, alice, amount, days, code, params
):
    case = make_case(portfolio, principal=100_00)
    with pytest.raises(AgreementRefused) as refused:
        promise(case, alice, amount, TODAY + days * DAY)
    assert (refused.value.code, refused.value.params) == (code, params)
    assert Promise.objects.count() == 0


def test_the_edges_of_the_terms_hold(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    assert promise(case, alice, 100_00, TODAY + 30 * DAY).amount == 100_00
    assert promise(case, alice, 1, TODAY).due_on == TODAY


def test_a_new_promise_takes_the_place_of_the_open_one(portfolio, alice):
    case = make_case(portfolio)
    first, second = promise(case, alice), promise(case, alice, 20_00)
    first.refresh_from_db()
    assert (first.state, second.state) == (PromiseState.CANCELLED, PromiseState.OPEN)
    assert events(case) == ["case.opened", "promise.recorded", "promise.cancelled", "promise.recorded"]


def test_nothing_is_agreed_on_a_closed_case(portfolio, people, alice):
    case = make_case(portfolio)
    move(case=case, to="recalled", by=Actor.staff(people.bob), at=NOW, reason="test")
    with pytest.raises(AgreementRefused) as refused:
        promise(case, alice)
    assert (refused.value.code, str(refused.value)) == (
        "closed",
        "This case is closed; nothing is agreed on it any more.",
    )


@pytest.mark.parametrize(
    ("payments", "on", "state"),
    [
        ([], 8, "open"),  # the day of grace
        ([], 9, "broken"),
        ([(39_99, 7)], 8, "open"),
        ([(39_99, 7)], 9, "part_kept"),
        ([(40_00, 7)], 8, "kept"),
        ([(15_00, 2), (25_00, 5)], 6, "kept"),
        ([(40_00, 8)], 9, "kept"),  # paid on the day of grace
        ([(40_00, 9)], 9, "broken"),
        ([(40_00, 0)], 1, "kept"),  # the same day, after it was promised
    ],
)
def test_what_became_of_a_promise_is_read_from_the_ledger(portfolio, alice, payments, on, state):
    case = make_case(portfolio, principal=100_00)
    made = promise(case, alice, 40_00, TODAY + 7 * DAY)
    for amount, day in payments:
        pay(case, amount, TODAY + day * DAY)
    decide_on(case, TODAY + on * DAY)
    made.refresh_from_db()
    assert made.state == state


def test_what_was_paid_before_the_promise_does_not_count_towards_it(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    pay(case, 40_00, TODAY, at=NOW - timedelta(hours=2))
    made = promise(case, alice, 40_00)
    assert progress(case_ids=[case.pk], on=TODAY + DAY) == {made.pk: 0}
    pay(case, 10_00, TODAY + DAY)
    assert progress(case_ids=[case.pk], on=TODAY + DAY) == {made.pk: 10_00}


def test_a_payment_that_arrives_late_with_an_early_date_keeps_a_broken_promise_after_all(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    made = promise(case, alice, 40_00, TODAY + 2 * DAY)
    decide_on(case, TODAY + 4 * DAY)
    record_payment(
        case=case, amount=40_00, value_date=TODAY + 2 * DAY, reference="late", by=alice, at=NOW + 6 * DAY
    )
    made.refresh_from_db()
    assert made.state == PromiseState.KEPT
    assert [each for each in events(case) if each.startswith("promise")] == [
        "promise.recorded",
        "promise.broken",
        "promise.kept",
    ]


def test_the_event_of_a_promise_kept_in_part_says_how_much_came(portfolio, alice):
    case = make_case(portfolio, principal=100_00)
    promise(case, alice, 40_00, TODAY)
    pay(case, 12_34, TODAY)
    decide_on(case, TODAY + 2 * DAY)
    event = AuditEvent.objects.get(type="promise.part_kept")
    assert b'"currency":"USD","paid":"12.34"' in bytes(event.leaf)


# Plans


def agree(case: Case, by: Actor, count: int = 3, first: date = TODAY, every: Every = MONTHLY, at=NOW) -> Plan:
    return agree_plan(
        case=case, count=count, first_due_on=first, every=every, channel="call", by=by,
        at=at + timedelta(minutes=5),
    )  # fmt: skip


@pytest.fixture
def spoken(portfolio, people):
    """A case on 100.00, in conversation."""
    case = make_case(portfolio, principal=100_00)
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def test_a_plan_shares_everything_outstanding_and_moves_the_case(spoken, alice):
    plan = agree(spoken, alice)
    assert list(plan.instalments.values_list("number", "due_on", "amount")) == [
        (1, date(2026, 3, 3), 33_34),
        (2, date(2026, 4, 3), 33_33),
        (3, date(2026, 5, 3), 33_33),
    ]
    assert (plan.total, plan.agreed_on, fresh(spoken).state) == (100_00, TODAY, CaseState.INSTALLMENT_PLAN)


@pytest.mark.parametrize(
    ("count", "first", "every", "code"),
    [
        (1, 0, MONTHLY, "count"),
        (7, 0, MONTHLY, "count"),
        (3, -1, MONTHLY, "first_due_on"),
        (3, 31, MONTHLY, "first_due_on"),
        (3, 0, Every(months=2), "interval"),
        (3, 0, Every(days=32), "interval"),
    ],
)
def test_a_plan_beyond_the_portfolios_terms_is_refused(spoken, alice, count, first, every, code):
    with pytest.raises(AgreementRefused) as refused:
        agree(spoken, alice, count, TODAY + first * DAY, every)
    assert refused.value.code == code
    assert Plan.objects.count() == 0


def test_a_proposal_is_what_would_be_agreed_and_stores_nothing(spoken):
    parts = propose_plan(case=spoken, count=2, first_due_on=TODAY, every=WEEKLY, at=NOW)
    assert [tuple(part) for part in parts] == [(TODAY, 50_00), (TODAY + 7 * DAY, 50_00)]
    assert Plan.objects.count() == 0


def test_nobody_agrees_a_plan_with_somebody_they_never_spoke_with(portfolio, alice):
    case = make_case(portfolio)
    with pytest.raises(MoveRefused) as refused:
        agree(case, alice)
    assert refused.value.missing == ("conversation",)
    assert (Plan.objects.count(), fresh(case).state) == (0, CaseState.OVERDUE)


def test_a_plan_takes_the_place_of_a_promise_and_of_an_earlier_plan(spoken, alice):
    made = promise(spoken, alice)
    first = agree(spoken, alice)
    second = agree(spoken, alice, count=2)
    made.refresh_from_db()
    first.refresh_from_db()
    assert (made.state, first.state, second.state) == (
        PromiseState.CANCELLED,
        PlanState.CANCELLED,
        PlanState.ACTIVE,
    )


def found_on(case: Case, on: date) -> dict[str, int]:
    decided = decide(portfolio=case.portfolio, on=on, by=SYSTEM, at=NOW + DAY * (on - TODAY).days)
    return {name: len(parties) for name, parties in vars(decided).items() if parties}


def test_a_plan_is_followed_instalment_by_instalment(spoken, alice):
    plan = agree(spoken, alice, count=3, first=TODAY, every=WEEKLY)  # 33.34, 33.33, 33.33
    assert found_on(spoken, TODAY + DAY) == {"on_time": 1}  # the day of grace
    assert found_on(spoken, TODAY + 2 * DAY) == {"newly_missed": 1}
    assert found_on(spoken, TODAY + 3 * DAY) == {}  # said once
    pay(spoken, 33_34, TODAY + 4 * DAY)
    assert found_on(spoken, TODAY + 4 * DAY) == {"on_time": 1}
    assert found_on(spoken, TODAY + 9 * DAY) == {"newly_missed": 1}
    assert found_on(spoken, TODAY + 16 * DAY) == {"plans_broken": 1}
    plan.refresh_from_db()
    assert plan.state == PlanState.BROKEN
    event = AuditEvent.objects.get(type="plan.broken")
    assert b'"missed_due_on":"2026-03-10"' in bytes(event.leaf)


def test_money_counts_towards_the_plan_as_a_whole_not_by_its_date(spoken, alice):
    agree(spoken, alice, count=4, first=TODAY + 7 * DAY, every=WEEKLY)  # 25.00 each
    pay(spoken, 60_00, TODAY + DAY)  # two instalments and a part of the third, ahead
    assert found_on(spoken, TODAY + 20 * DAY) == {"on_time": 1}
    assert found_on(spoken, TODAY + 23 * DAY) == {"newly_missed": 1}


def test_a_plan_is_paid_when_everything_came(portfolio, spoken, alice):
    plan = agree(spoken, alice, count=2, first=TODAY + DAY, every=WEEKLY)
    record_payment(
        case=spoken, amount=100_00, value_date=TODAY + 2 * DAY, reference="all", by=alice, at=NOW + 2 * DAY
    )
    plan.refresh_from_db()
    assert (plan.state, fresh(spoken).state) == (PlanState.COMPLETED, CaseState.CURED)
    assert steps(spoken) == []
