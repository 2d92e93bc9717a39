"""Work items and leases: what comes next, for whom, and that no two people get the same case nor wait for each other."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from cases.actions.work import (
    AT_ONCE,
    LEASE,
    RANKS,
    LeaseHeld,
    LeaseLost,
    Step,
    claim_of,
    claim_values,
    finish_work,
    plan_many,
    plan_work,
    reassign,
    release,
    renew,
    take,
    take_next,
)
from cases.models import Case, Lease, WorkItem, WorkKind
from compliance.audit import Actor
from tests.cases.stories import events, fill, fresh, make_case, steps
from tests.factories import NOW, SYSTEM, make_people, make_portfolio, make_team, make_user

HOUR = timedelta(hours=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


def due(case: Case, kind: str = WorkKind.FIRST_CALL, at=NOW, **more) -> WorkItem:
    return plan_work(case=case, kind=kind, due_at=at, reason="test", by=SYSTEM, at=NOW - HOUR, **more)


def test_every_kind_of_work_has_a_rank_of_its_own():
    assert set(RANKS) == set(WorkKind)
    assert len(set(RANKS.values())) == len(RANKS)


def test_rank_comes_before_age_and_age_before_order(portfolio, people):
    late, early, callback = (make_case(portfolio) for _number in range(3))
    due(late, at=NOW - HOUR)
    due(early, at=NOW - 2 * HOUR)
    due(callback, WorkKind.CALLBACK, at=NOW)
    taken = [take_next(user=people.alice, at=NOW) for _number in range(3)]
    assert taken == [callback, early, late]


def test_nothing_due_is_none_and_keeps_what_one_has(portfolio, people):
    case = make_case(portfolio)
    take(case=case, user=people.alice, at=NOW)
    due(case, at=NOW + HOUR)
    assert take_next(user=people.alice, at=NOW) is None
    assert Lease.objects.get(case=case).holder == people.alice


def test_others_portfolios_leased_cases_and_others_own_cases_do_not_come_up(portfolio, people):
    mine, leased, assigned, later, of_step = (make_case(portfolio) for _number in range(5))
    due(make_case())
    for case in (mine, leased, assigned, of_step):
        due(case)
    due(later, at=NOW + HOUR)
    take(case=leased, user=people.bob, at=NOW)
    reassign(case=assigned, assignee=people.bob, by=Actor.staff(people.bob), at=NOW)
    due(of_step, assignee=people.bob)
    assert take_next(user=people.charlie, at=NOW) is None
    assert take_next(user=make_user(team=None), at=NOW) is None
    assert take_next(user=people.alice, at=NOW) == mine
    assert take_next(user=people.alice, at=NOW) is None
    assert {take_next(user=people.bob, at=NOW), take_next(user=people.bob, at=NOW)} == {assigned, of_step}


def test_a_review_waits_for_a_supervisor(portfolio, people):
    case = make_case(portfolio)
    due(case, WorkKind.REVIEW)
    assert take_next(user=people.alice, at=NOW) is None
    assert take_next(user=people.bob, at=NOW) == case


def test_a_lease_runs_out_and_the_case_comes_up_again(portfolio, people):
    case = make_case(portfolio)
    due(case)
    assert take_next(user=people.alice, at=NOW) == case
    bob = people.bob
    assert take_next(user=bob, at=NOW + LEASE - timedelta(seconds=1)) is None
    assert take_next(user=bob, at=NOW + LEASE) == case
    with pytest.raises(LeaseLost):
        renew(case=case, user=people.alice, at=NOW + LEASE)


def test_taking_the_next_lets_go_what_is_done_and_keeps_what_is_not(portfolio, people):
    first, second, third = make_case(portfolio), make_case(portfolio), make_case(portfolio)
    due(first, at=NOW - 2 * HOUR)
    due(second, at=NOW - HOUR)
    due(third)
    assert take_next(user=people.alice, at=NOW) == first
    assert take_next(user=people.alice, at=NOW) == second
    finish_work(case=second, result="done", by=SYSTEM, at=NOW)
    assert take_next(user=people.alice, at=NOW) == third
    held = Lease.objects.filter(holder=people.alice).values_list("case", flat=True)
    assert set(held) == {first.pk, third.pk}
    assert events(second)[-2:] == ["work.done", "case.released"]


def test_a_lease_is_taken_renewed_and_released_by_its_holder_alone(portfolio, people):
    case = make_case(portfolio)
    assert take(case=case, user=people.alice, at=NOW) == NOW + LEASE
    with pytest.raises(LeaseHeld) as held:
        take(case=case, user=people.bob, at=NOW)
    assert (held.value.holder, held.value.until) == (people.alice, NOW + LEASE)
    assert renew(case=case, user=people.alice, at=NOW + HOUR / 6) == NOW + HOUR / 6 + LEASE
    assert release(case=case, user=people.bob, at=NOW) is False
    assert release(case=case, user=people.alice, at=NOW) is True
    assert release(case=case, user=people.alice, at=NOW) is False
    assert events(case) == ["case.opened", "case.leased", "case.released"]


def test_taking_ones_own_case_again_is_no_second_event(portfolio, people):
    case = make_case(portfolio)
    take(case=case, user=people.alice, at=NOW)
    assert take(case=case, user=people.alice, at=NOW + HOUR / 6) == NOW + HOUR / 6 + LEASE
    assert events(case).count("case.leased") == 1


def test_a_step_of_a_kind_gives_way_to_a_newer_one(portfolio):
    case = make_case(portfolio)
    due(case, at=NOW + HOUR)
    due(case, at=NOW + 2 * HOUR)
    assert steps(case) == [("first_call", NOW + 2 * HOUR, "test")]
    assert case.work_items.exclude(done_at=None).get().result == "replanned"


def test_planning_many_leaves_open_steps_of_the_kind_alone(portfolio):
    first, second = make_case(portfolio), make_case(portfolio)
    due(first, WorkKind.FOLLOW_UP)
    wanted = [
        Step(case.pk, case.borrower_id, WorkKind.FOLLOW_UP, NOW + HOUR, "run") for case in (first, second)
    ]
    assert plan_many(steps=wanted, by=SYSTEM, at=NOW) == 1
    assert plan_many(steps=wanted, by=SYSTEM, at=NOW) == 0
    assert steps(first) == [("follow_up", NOW, "test")]
    assert steps(second) == [("follow_up", NOW + HOUR, "run")]


def test_finishing_ends_the_named_kinds_that_are_due(portfolio):
    case = make_case(portfolio)
    due(case)
    due(case, WorkKind.FOLLOW_UP, at=NOW + HOUR)
    due(case, WorkKind.TRACE)
    kinds = [WorkKind.FIRST_CALL, WorkKind.FOLLOW_UP]
    assert finish_work(case=case, kinds=kinds, due_by=NOW, result="done", by=SYSTEM, at=NOW) == 1
    assert [kind for kind, _due, _reason in steps(case)] == ["trace", "follow_up"]
    assert finish_work(case=case, result="done", by=SYSTEM, at=NOW) == 2


def test_reassigning_is_for_supervisors_and_to_people_who_see_the_case(portfolio, people):
    case = make_case(portfolio)
    due(case)
    with pytest.raises(PermissionDenied):
        reassign(case=case, assignee=people.bob, by=Actor.staff(people.alice), at=NOW)
    with pytest.raises(PermissionDenied):
        reassign(case=case, assignee=people.charlie, by=Actor.staff(people.bob), at=NOW)
    reassign(case=case, assignee=people.alice, by=Actor.staff(people.bob), at=NOW)
    assert fresh(case).assignee == people.alice
    assert case.work_items.get().assignee == people.alice
    due(case, WorkKind.TRACE)
    follow_up = Step(case.pk, case.borrower_id, WorkKind.FOLLOW_UP, NOW, "run")
    plan_many(steps=[follow_up], by=SYSTEM, at=NOW)
    assert {item.assignee for item in case.work_items.all()} == {people.alice}
    reassign(case=case, assignee=None, by=Actor.staff(people.bob), at=NOW)
    assert fresh(case).assignee is None
    assert {item.assignee for item in case.work_items.all()} == {None}


def nodes(plan: dict) -> Iterator[dict]:
    """Every step of a query plan, with what it is fed by."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_the_claim_reads_the_index_in_order_and_never_what_waits_behind(owner_connection, name):
    """Also for a team that has nothing to do while others have thousands."""
    portfolio = make_portfolio()
    people = make_people(portfolio)
    people.charlie.team.portfolios.add(make_portfolio())
    fill(make_case(portfolio), 5000)
    owner_connection.execute("ANALYZE")
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + claim_of(getattr(people, name)),
            claim_values(getattr(people, name), NOW),
        )
        [[[plan]]] = cursor.fetchall()
    steps = list(nodes(plan["Plan"]))
    assert "work_next" in {step.get("Index Name") for step in steps}
    assert max(step["Actual Rows"] * step["Actual Loops"] for step in steps) <= AT_ONCE + 10


@pytest.mark.django_db(transaction=True)
def test_twenty_people_taking_next_cases_never_get_the_same_and_never_wait():
    portfolio = make_portfolio()
    team = make_team(portfolios=[portfolio])
    users = [make_user(team=team) for _number in range(20)]
    fill(make_case(portfolio), 200)
    start = threading.Barrier(len(users))
    taken: list[tuple[int, object]] = []
    failed: list[BaseException] = []

    def work(user) -> None:
        try:
            with connection.cursor() as cursor:
                # Whoever had to wait for a lock, even briefly, would fail here.
                cursor.execute("SET lock_timeout = '1500ms'")
            start.wait(timeout=60)
            for _number in range(10):
                case = take_next(user=user, at=NOW)
                finish_work(case=case, result="done", by=Actor.staff(user), at=NOW)
                taken.append((user.pk, case.pk))
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(taken) == 200
    assert len({case for _user, case in taken}) == 200
    assert WorkItem.objects.filter(done_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_case_somebody_is_just_taking_is_skipped_not_waited_for():
    portfolio = make_portfolio()
    people = make_people(portfolio)
    first, second = make_case(portfolio), make_case(portfolio)
    due(first, at=NOW - HOUR)
    due(second)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            take_next(user=people.bob, at=NOW)
            locked.set()
            done.wait(timeout=60)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(timeout=60)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1ms'")
    assert take_next(user=people.alice, at=NOW) == second
    done.set()
    thread.join()
