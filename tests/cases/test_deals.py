"""Series of promises, plans of every shape, what is affordable, and words before and after: from agreement to verdict."""

import json
from datetime import timedelta
from hashlib import sha256
from itertools import permutations

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.actions.payments import receive
from accounts.models import Payment
from accounts.schedules import Every
from cases.actions.affordability import household_of, record_affordability
from cases.actions.agreements import AgreementRefused, agree_plan, record_promises
from cases.actions.answering import answer_approval
from cases.actions.day import run_day
from cases.actions.deciding import decide
from cases.actions.payments import record_payment, reverse_payment
from cases.affordability import Household
from cases.models import Affordability, Approval, Plan, PlanInstalment, Promise
from communications.models import Message
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, events, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio

pytestmark = pytest.mark.django_db
HOUSEHOLD = Household(income=2000_00, essentials=1700_00, other_debts=50_00, dependants=0)  # 50.00 a month


@pytest.fixture
def portfolio():
    return make_portfolio(
        terms={
            "authority": {
                "agent": {"promise_days": 30, "plan_instalments": 3},
                "supervisor": {"promise_days": 60, "plan_instalments": 12, "waive_interest": 10_00},
            },
            "promise_grace_days": 2,
            "plan_breaks_at": 1,
        }
    )


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people):
    case = make_case(portfolio, principal=90_00, interest=10_00)
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def series(case, people, *parts):
    return record_promises(
        case=case, parts=[(TODAY + day * DAY, amount) for day, amount in parts], channel="call",
        by=Actor.staff(people.alice), at=NOW + timedelta(minutes=5),
    )  # fmt: skip


def states(promises) -> list[str]:
    return [Promise.objects.get(pk=each.pk).state for each in promises]


def pay(case, day: int, amount: int) -> None:
    receive(
        portfolio=case.portfolio, loan=case.loan, reference=f"{amount} on {day}", amount=amount,
        value_date=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY + timedelta(hours=1),
    )  # fmt: skip


def decide_on(case, day: int) -> None:
    decide(portfolio=case.portfolio, on=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY)


@pytest.mark.parametrize(
    ("payments", "verdicts"),
    [
        ([(5, 30_00)], ["kept", "broken"]),
        ([(5, 50_00)], ["kept", "part_kept"]),
        ([(5, 60_00)], ["kept", "kept"]),
        ([(9, 30_00)], ["kept", "broken"]),  # the second day of grace
        ([(10, 30_00)], ["broken", "kept"]),
        ([(8, 10_00), (15, 30_00)], ["part_kept", "kept"]),
        ([(10, 60_00)], ["broken", "kept"]),
    ],
)
def test_promises_of_a_series_never_count_the_same_money_twice(case, people, payments, verdicts):
    made = series(case, people, (7, 30_00), (14, 30_00))
    for day, amount in payments:
        pay(case, day, amount)
    decide_on(case, 20)
    assert states(made) == verdicts


def test_payments_in_any_order_give_the_same_verdicts(portfolio, people):
    found = set()
    for order in permutations([(3, 20_00), (9, 15_00), (15, 25_00)]):
        case = make_case(portfolio, principal=100_00)
        made = series(case, people, (7, 30_00), (14, 30_00))
        decide_on(case, 20)
        for day, amount in order:
            record_payment(
                case=case, amount=amount, value_date=TODAY + day * DAY, reference=f"{case.pk}{day}", by=SYSTEM,
                at=NOW + 20 * DAY,
            )  # fmt: skip
        found.add(tuple(states(made)))
    assert found == {("kept", "kept")}


def test_a_payment_taken_back_opens_its_promise_again_or_breaks_it(case, people):
    made = series(case, people, (7, 30_00))
    record_payment(case=case, amount=30_00, value_date=TODAY, reference="r", by=SYSTEM, at=NOW + DAY)
    assert states(made) == ["kept"]
    reverse_payment(payment=Payment.objects.get(), reason="bounced", by=SYSTEM, at=NOW + 2 * DAY)
    assert states(made) == ["open"]
    assert "promise.reopened" in events(case)
    decide_on(case, 10)
    assert states(made) == ["broken"]


def test_a_series_has_its_limits(case, people):
    for parts in ([(day, 1_00) for day in range(5)], [(7, 1_00), (7, 2_00)]):
        with pytest.raises(AgreementRefused) as refused:
            series(case, people, *parts)
        assert (refused.value.code, refused.value.params["most"]) == ("count", 4)
    with pytest.raises(AgreementRefused) as refused:
        series(case, people, (7, 60_00), (14, 60_00))
    assert refused.value.code == "amount"


def agree(case, by, **more):
    terms = {"count": 3, "first_due_on": TODAY + 7 * DAY, "every": Every(months=1)} | more
    return agree_plan(case=case, channel="call", by=Actor.staff(by), at=NOW + timedelta(minutes=5), **terms)


def test_a_plan_keeps_what_was_shown_and_names_the_one_it_replaces(case, people):
    first = agree(case, people.alice)
    ways = [{"code": "equal", "count": 3}]
    second = agree(case, people.alice, count=2, rise=50, down=10_00, alternatives=ways)
    assert list(second.instalments.values_list("due_on", "amount")) == [
        (TODAY, 10_00), (TODAY + 7 * DAY, 36_00), ((TODAY + 7 * DAY).replace(month=4), 54_00),
    ]  # fmt: skip
    first.refresh_from_db()
    assert (second.replaces, first.state) == (first, "cancelled")
    shown = json.loads(second.shown)
    assert (shown["alternatives"], shown["agreed"]["instalments"][0]) == (ways, [TODAY.isoformat(), 10_00])
    assert second.digest == sha256(second.shown.encode()).hexdigest()


def test_interest_is_given_up_only_by_who_may(case, people):
    with pytest.raises(AgreementRefused) as refused:
        agree(case, people.alice, waives_interest=5_00)
    assert refused.value.code == "waives_interest"
    plan = agree(case, people.bob, waives_interest=5_00)
    assert (plan.total, sum(plan.instalments.values_list("amount", flat=True))) == (95_00, 95_00)
    assert list(case.loan.entries.filter(kind="waiver").values_list("amount", flat=True)) == [-5_00]


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE cases_plan SET total = 1",
        "UPDATE cases_plan SET shown = '{}'",
        "UPDATE cases_promise SET amount = 1",
        "UPDATE cases_affordability SET taken_on = now()",
        "DELETE FROM cases_affordability",
        """INSERT INTO cases_planinstalment (plan_id, number, due_on, amount) SELECT id, 99, now(), 1 FROM cases_plan;
        SET CONSTRAINTS ALL IMMEDIATE""",
        """INSERT INTO cases_promise (id, case_id, series, number, amount, due_on, channel, state, made_at, made_on, actor)
        SELECT gen_random_uuid(), case_id, gen_random_uuid(), 9, 1, now(), 'call', 'open', now(), now(), 'x'
        FROM cases_promise""",
    ],
)
def test_the_database_holds_agreements(case, people, attack):
    agree(case, people.alice)
    series(case, people, (7, 30_00))
    write_down(case)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    assert PlanInstalment.objects.count() == 3


def write_down(case) -> Affordability:
    return record_affordability(
        case=case,
        household=HOUSEHOLD,
        taken_on=TODAY,
        source="told",
        by=SYSTEM,
        at=NOW + timedelta(minutes=5),
    )


def test_figures_of_a_household_are_sealed_and_the_newest_count(case):
    form = write_down(case)
    assert b"200000" not in bytes(form.figures_sealed)
    assert household_of(case) == (form, HOUSEHOLD)
    leaf = bytes(AuditEvent.objects.get(type="affordability.recorded").leaf)
    assert b"200000" not in leaf
    assert b"2000.00" not in leaf


def test_a_promise_is_brought_to_mind_and_forgotten_when_kept(portfolio, people):
    case = make_case(portfolio, principal=100_00)
    [promise] = series(case, people, (4, 30_00))
    for day in (1, 2, 3):
        run_day(date=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY)
    reminder = Message.objects.get(dedupe_key=f"promise_reminder:{promise.pk.hex}")
    assert (reminder.status, reminder.purpose, reminder.details["promise_amount"]) == (
        "planned",
        "reminder",
        30_00,
    )
    record_payment(case=case, amount=30_00, value_date=TODAY, reference="r", by=SYSTEM, at=NOW + 3 * DAY)
    reminder.refresh_from_db()
    assert (reminder.status, reminder.reason) == ("cancelled", "promise_over")


def page(client, monkeypatch, user):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(minutes=10))
    client.force_login(user)


def test_the_desk_asks_a_second_person_and_shows_what_is_affordable(client, case, people, monkeypatch):
    page(client, monkeypatch, people.alice)
    url = reverse("case", args=[case.pk])
    sent = {
        "income": "2000",
        "essentials": "1700",
        "other_debts": "50",
        "dependants": "0",
        "taken_on": str(TODAY),
        "source": "told",
    }
    answer = client.post(reverse("case_affordability", args=[case.pk]), sent)
    assert answer.url == f"{url}?open=plan"
    opened = client.get(f"{url}?open=plan")
    offered = opened.context["offered"]
    assert (offered.monthly, [way.parts for way in offered.alternatives]) == (50_00, [2, 3, 4])
    assert "50.00 a month is sustainable" in opened.content.decode()
    assert "this is more" in client.get(f"{url}?open=promise&amount=60").content.decode()
    plan = {
        "count": "5",
        "first_on": str(TODAY + 7 * DAY),
        "every": "paydays",
        "shown": offered.shown,
        "note": "She is paid then.",
    }
    refused = client.post(reverse("case_plan", args=[case.pk]), plan)
    assert refused.status_code == 422
    assert 'name="ask"' in refused.content.decode()
    client.post(reverse("case_plan", args=[case.pk]), plan | {"ask": "1"})
    approval = Approval.objects.get()
    assert (approval.kind, approval.beyond, len(approval.proposal["alternatives"])) == (
        "plan",
        ["plan_instalments"],
        3,
    )
    answer_approval(approval=approval, approve=True, person=people.bob, at=NOW + timedelta(hours=1))
    assert len(json.loads(Plan.objects.get().shown)["alternatives"]) == 3


def test_a_late_promise_waits_for_a_second_person(client, case, people, monkeypatch):
    page(client, monkeypatch, people.alice)
    sent = {
        "amount": "20",
        "due_on": str(TODAY + 7 * DAY),
        "amount_2": "30",
        "due_on_2": str(TODAY + 45 * DAY),
        "note": "Season work.",
    }
    refused = client.post(reverse("case_promise", args=[case.pk]), sent)
    assert (refused.status_code, 'name="ask"' in refused.content.decode()) == (422, True)
    client.post(reverse("case_promise", args=[case.pk]), sent | {"ask": "1"})
    assert not Promise.objects.exists()
    answer_approval(
        approval=Approval.objects.get(), approve=True, person=people.bob, at=NOW + timedelta(hours=1)
    )
    assert list(Promise.objects.order_by("number").values_list("number", "amount", "state")) == [
        (1, 20_00, "open"), (2, 30_00, "open"),
    ]  # fmt: skip
