"""What became of agreements, to the cent, and what the borrower was shown before: the case page and the plan's own."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.schedules import Every
from cases.actions.affordability import record_affordability
from cases.actions.agreements import agree_plan, record_promises
from cases.actions.deciding import came_in, decide
from cases.actions.payments import record_payment, reverse_payment
from cases.affordability import Household
from cases.models import Plan
from compliance.audit import Actor
from tests.cases.stories import DAY, call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return make_people(make_portfolio(terms={"promise_grace_days": 2, "plan_breaks_at": 2}))


@pytest.fixture
def case(people):
    case = make_case(people.alice.team.portfolios.get(), principal=100_00)
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def pay(case, day, amount):
    return record_payment(
        case=case, amount=amount, value_date=TODAY + day * DAY, reference=f"{amount} on {day}", by=SYSTEM,
        at=NOW + day * DAY + timedelta(hours=1),
    )  # fmt: skip


def agree(case, user, **more):
    terms = {"count": 4, "first_due_on": TODAY + 7 * DAY, "every": Every(days=7)} | more
    return agree_plan(
        case=fresh(case), channel="call", by=Actor.staff(user), at=NOW + timedelta(minutes=5), **terms
    )


@pytest.fixture
def shown(client, clock, case, people):
    """What the case page says of agreements on a later day, as (text, status, instalments)."""

    def look(day):
        clock.go_on(days=day - (clock.at - NOW).days)
        client.force_login(people.alice)
        found = client.get(reverse("case", args=[case.pk])).context["agreements"]
        return [
            (each.text, each.status, [(line.amount, line.paid, line.status) for line in each.instalments])
            for each in found
        ]

    return look


def test_instalments_say_what_came_what_is_due_and_what_was_missed(case, people, shown):
    agree(case, people.alice)  # 25.00 on days 7, 14, 21 and 28
    pay(case, 3, 30_00)

    def statuses(day):
        [(_text, status, lines)] = shown(day)
        return status, [(paid, said) for _amount, paid, said in lines]

    part = (5_00, "$5.00 of $25.00 paid")
    assert statuses(6) == ("running", [(25_00, "paid"), part, (0, "to come"), (0, "to come")])
    # Two days of grace are not missed yet.
    assert statuses(16)[1][1] == part
    assert statuses(17)[1][1] == (5_00, "missed, $5.00 of $25.00 came")
    assert statuses(21)[1][2:] == [(0, "due now"), (0, "to come")]
    assert statuses(24)[1][2:] == [(0, "missed"), (0, "to come")]


def test_a_broken_plan_says_what_came_by_its_end_and_what_is_asked_for_no_more(case, people, shown):
    plan = agree(case, people.alice)
    pay(case, 3, 30_00)
    decide(portfolio=case.portfolio, on=TODAY + 24 * DAY, by=SYSTEM, at=NOW + 24 * DAY)
    plan.refresh_from_db()
    assert plan.state == "broken"
    pay(case, 25, 10_00)  # after its end: not the plan's
    assert shown(25) == [
        (
            "$100.00 in 4 parts",
            "broken",
            [
                (25_00, 25_00, "paid"),
                (25_00, 5_00, "missed, $5.00 of $25.00 came"),
                (25_00, 0, "missed"),
                (25_00, 0, "no longer asked for"),
            ],
        )
    ]


def test_promises_say_what_came_in(case, people, shown):
    record_promises(
        case=case, parts=[(TODAY + 5 * DAY, 20_00), (TODAY + 10 * DAY, 20_00), (TODAY + 15 * DAY, 20_00)],
        channel="call", by=Actor.staff(people.alice), at=NOW + timedelta(minutes=5),
    )  # fmt: skip
    pay(case, 5, 20_00)
    bounced = pay(case, 8, 12_50)
    assert [status for _text, status, _none in shown(9)] == ["kept", "$12.50 paid so far", "open"]
    decide(portfolio=case.portfolio, on=TODAY + 13 * DAY, by=SYSTEM, at=NOW + 13 * DAY)
    decide(portfolio=case.portfolio, on=TODAY + 18 * DAY, by=SYSTEM, at=NOW + 18 * DAY)
    assert [status for _text, status, _none in shown(18)] == [
        "kept", "kept in part: $12.50 came", "not kept: nothing came"
    ]  # fmt: skip
    reverse_payment(payment=bounced, reason="chargeback", by=SYSTEM, at=NOW + 19 * DAY)
    assert sorted(each.paid for each in came_in(case_ids=[case.pk], on=TODAY + 19 * DAY).values()) == [
        0,
        0,
        20_00,
    ]


@pytest.mark.parametrize(
    ("currency", "said"), [("JPY", "￥3 of ￥34 paid"), ("KWD", "KWD0.003 of KWD0.034 paid")]
)
def test_in_currencies_without_and_with_three_decimals(client, clock, currency, said):
    people = make_people(make_portfolio(currency=currency))
    case = make_case(people.alice.team.portfolios.get(), principal=100)
    call(case, people.alice, "cannot_pay")
    agree(case, people.alice, count=3)  # 34, 33 and 33
    pay(case, 0, 3)
    client.force_login(people.alice)
    [agreement] = client.get(reverse("case", args=[case.pk])).context["agreements"]
    assert [line.amount for line in agreement.instalments] == [34, 33, 33]
    status = agreement.instalments[0].status
    assert status.replace("\xa0", "").replace("¥", "￥") == said


# What was shown


def test_what_was_shown_is_opened_again_as_it_was(client, clock, case, people):
    record_affordability(
        case=case, household=Household(2000_00, 1700_00, 50_00, 0), taken_on=TODAY, source="told", by=SYSTEM, at=NOW
    )  # fmt: skip
    client.force_login(people.alice)
    form = client.get(reverse("case", args=[case.pk]), {"open": "plan"}).context["offered"]
    terms = {"total": "100.00", "count": "3", "first_on": str(TODAY + 7 * DAY), "every": "month"}
    answer = client.post(reverse("case_plan", args=[case.pk]), {**terms, "shown": form.shown})
    assert answer.status_code == 302, answer.context["form"].errors
    plan = Plan.objects.get()
    page = client.get(reverse("case_plan_shown", args=[case.pk, plan.pk]))
    told = json.loads(plan.shown)
    ways = page.context["ways"]
    assert len(ways) == 1 + len(form.alternatives) > 1
    assert [each.agreed for each in ways] == [True] + [False] * len(form.alternatives)
    assert [each.label for each in ways[1:]] == [each.label for each in form.alternatives]
    stored = [told["agreed"], *told["alternatives"]]
    assert [[[str(due_on), much] for due_on, much in each.instalments] for each in ways] == [
        each["instalments"] for each in stored
    ]
    assert plan.digest in page.content.decode()
    assert (
        reverse("case_plan_shown", args=[case.pk, plan.pk])
        in client.get(reverse("case", args=[case.pk])).content.decode()
    )
    # What is owed has changed since: the page has not.
    pay(case, 1, 40_00)
    again = client.get(reverse("case_plan_shown", args=[case.pk, plan.pk]))
    assert again.context["ways"] == ways
    assert "Owed then: $100.00." in again.content.decode()


def test_a_renegotiated_plan_shows_its_earlier_versions(client, clock, case, people, shown):
    plans = [agree(case, people.alice, count=count) for count in (4, 3, 2)]
    client.force_login(people.alice)
    page = client.get(reverse("case_plan_shown", args=[case.pk, plans[2].pk])).context
    assert ([each.pk for each in page["earlier"]], page["later"]) == ([plans[1].pk, plans[0].pk], None)
    page = client.get(reverse("case_plan_shown", args=[case.pk, plans[0].pk])).context
    assert (page["earlier"], page["later"].pk, page["whole"]) == ([], plans[1].pk, True)
    assert [status for _text, status, _lines in shown(0)] == [
        "running", "replaced on 3 Mar 2026", "replaced on 3 Mar 2026"
    ]  # fmt: skip


def test_who_may_open_it(client, clock, case, people):
    plan = agree(case, people.alice)
    page = reverse("case_plan_shown", args=[case.pk, plan.pk])
    other = make_case(case.portfolio)
    answers = {}
    for user in (people.alice, people.bob, people.charlie, make_user(role="agency")):
        client.force_login(user)
        answers[user.role, user.username in ("charlie",)] = client.get(page).status_code
    assert answers == {
        ("agent", False): 200, ("supervisor", False): 200, ("agent", True): 404, ("agency", False): 403
    }  # fmt: skip
    client.force_login(people.alice)
    assert client.get(reverse("case_plan_shown", args=[other.pk, plan.pk])).status_code == 404
    assert client.post(page).status_code == 405
