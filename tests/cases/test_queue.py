"""My queue: the same steps in the same order as "next case" hands them out, counted as far as anybody works through."""

from datetime import timedelta

import pytest

from cases.actions.work import Step, plan_many, plan_work, reassign, take, take_next
from cases.desk.queue import MOST, items, queue
from cases.models import Case, WorkItem, WorkKind
from compliance.audit import Actor
from tests.cases.stories import DAY, fill, make_case
from tests.factories import NOW, SYSTEM, make_people, make_portfolio, make_team, make_user

HOUR = timedelta(hours=1)


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


def due(case: Case, kind: str = WorkKind.FIRST_CALL, at=NOW) -> Case:
    plan_work(case=case, kind=kind, due_at=at, reason="after_notice", by=SYSTEM, at=NOW - HOUR)
    return case


def cases_of(user, at=NOW) -> list[Case]:
    steps = WorkItem.objects.in_bulk(queue(user, at).steps)
    return [steps[step].case for step in queue(user, at).steps]


def handed_out(user, at=NOW) -> list[Case]:
    cases = []
    while case := take_next(user=user, at=at):
        cases.append(case)
    return cases


def test_the_queue_is_what_next_case_hands_out_in_that_order(portfolio, people):
    second = make_portfolio()
    people.alice.team.portfolios.add(second)
    others = due(make_case(make_portfolio()))
    late = due(make_case(portfolio), at=NOW - HOUR)
    later = due(make_case(second), at=NOW + HOUR)
    callback = due(make_case(second), WorkKind.CALLBACK)
    early = due(make_case(second), at=NOW - 2 * HOUR)
    review = due(make_case(portfolio), WorkKind.REVIEW, at=NOW - DAY)
    bobs = due(make_case(portfolio), at=NOW - DAY)
    reassign(case=bobs, assignee=people.bob, by=Actor.staff(people.bob), at=NOW)
    assert cases_of(people.alice) == [callback, early, late]
    assert cases_of(people.bob) == [callback, bobs, early, late, review]
    assert cases_of(people.charlie) == []
    assert cases_of(make_user(team=None)) == []
    assert cases_of(make_user(team=make_team(portfolios=[others.portfolio]))) == [others]
    assert cases_of(people.alice, NOW + HOUR) == [callback, early, late, later]
    assert handed_out(people.alice) == [callback, early, late]


def test_a_case_somebody_works_on_stays_in_sight_with_the_name(portfolio, people):
    case = due(make_case(portfolio))
    take(case=case, user=people.bob, at=NOW)
    [item] = items(queue(people.alice, NOW).steps, people.alice, NOW)
    assert (item.url, item.lease) == (f"/cases/{case.pk}/", "bob")


def test_what_comes_later_is_counted_and_the_first_of_it_named(portfolio, people):
    empty = queue(people.alice, NOW)
    assert (empty.waiting, empty.later, empty.next_at) == (0, 0, None)
    due(make_case(portfolio))
    due(make_case(portfolio), at=NOW + DAY)
    due(make_case(portfolio), WorkKind.FOLLOW_UP, at=NOW + HOUR)
    mine = queue(people.alice, NOW)
    assert (mine.waiting, mine.more_waiting, mine.later, mine.more_later) == (1, False, 2, False)
    assert mine.next_at == NOW + HOUR


def test_beyond_a_thousand_nothing_is_counted(portfolio, people, client):
    fill(make_case(portfolio), MOST + 5)
    before = queue(people.alice, NOW - 30 * DAY)
    assert (before.waiting, before.later, before.more_later) == (0, MOST, True)
    mine = queue(people.alice, NOW)
    assert (mine.waiting, mine.more_waiting, mine.later) == (MOST, True, 0)
    urgent = make_case(portfolio)
    plan_many(
        steps=[Step(urgent.pk, urgent.borrower_id, WorkKind.CALLBACK, NOW, "asked_for")], by=SYSTEM, at=NOW
    )
    assert cases_of(people.alice)[0] == urgent
    client.force_login(people.alice)
    page = client.get("/queue/", {"page": 40}).content.decode()
    assert "More than 1000 cases may be worked now" in page
    assert "Page 40 / 40" in page
