"""Odd dates, huge and empty amounts, closed cases, stale pages: every form of an agreement says no, and keeps nothing."""

import pytest
from django.urls import reverse

from accounts.models import Extension, LedgerEntry, Pause
from cases.actions.payments import record_payment
from cases.models import Affordability, Approval, Case, Offer, Plan, Promise
from compliance.models import Hold
from tests.cases.stories import call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
WEEK = str(days_ago(-7))
PLAN = {"total": "100.00", "count": "3", "first_on": WEEK, "every": "month"}
HOUSEHOLD = {"income": "1", "essentials": "1", "other_debts": "0", "dependants": "0", "source": "told"}
ODD_DAYS = ["", "0001-01-01", "9999-12-31", "2026-02-30", "yesterday", "2026-03-10T00:00", "\0"]
ODD_AMOUNTS = [
    "0",
    "-1",
    "NaN",
    "Infinity",
    "1e9",
    "99999999999999999999999",
    "10.001",
    "12,34,5",
    "\0",
    "٣x",
]

FORMS = {
    "case_promise": {"amount": "10", "due_on": WEEK},
    "case_plan": PLAN,
    "case_extension": {"days": "7", "agreed": "on"},
    "case_waiver": {"fees": "1", "agreed": "on"},
    "case_settlement": {"amount": "80", "pay_by": WEEK, "agreed": "on"},
    "case_affordability": HOUSEHOLD | {"taken_on": str(TODAY)},
    "case_hold": {"kind": "hardship", "since": str(TODAY), "until": "", "why": ""},
}
HOSTILE = [
    *(("case_promise", {"due_on": day}) for day in ODD_DAYS),
    *(("case_promise", {"amount": much}) for much in ODD_AMOUNTS),
    *(("case_plan", {"first_on": day}) for day in ODD_DAYS),
    *(("case_plan", {"count": much}) for much in ["0", "1", "-3", "999999999999", "3.5", "\0"]),
    *(("case_plan", {"rise": much}) for much in ["-1", "100000000000", "x"]),
    *(("case_plan", {"down": much}) for much in ["-1", "NaN", "100.00", "99999999999999999999999"]),
    *(("case_plan", {"waives": much}) for much in ["-1", "0.01", "99999999999999999999999"]),
    *(("case_plan", {"every": each}) for each in ["", "second", "\0"]),
    *(("case_extension", {"days": much}) for much in ["0", "-1", "367", "99999999999999", "1.5", "\0"]),
    *(("case_waiver", {"fees": much}) for much in ["-1", "NaN", "99999999999999999999999", "1"]),
    *(("case_settlement", {"pay_by": day}) for day in ODD_DAYS),
    *(("case_settlement", {"amount": much}) for much in [*ODD_AMOUNTS, "100"]),
    *(("case_affordability", {"taken_on": day}) for day in ["", "9999-12-31", "2026-02-30", WEEK]),
    *(("case_affordability", {"income": much}) for much in ["-1", "NaN", "99999999999999999999999"]),
    *(("case_affordability", {"dependants": much}) for much in ["-1", "99999999999", "x"]),
    *(("case_hold", {"since": day}) for day in ["", "2026-02-30", "x"]),
    *(("case_hold", {"until": day}) for day in ["0001-01-01", str(days_ago(1)), "2026-02-30"]),
    *(("case_hold", {"kind": each}) for each in ["", "vacation", "\0"]),
]


@pytest.fixture
def people():
    return make_people(make_portfolio())


@pytest.fixture
def case(people) -> Case:
    case = make_case(people.alice.team.portfolios.get(), principal=100_00, due_on=days_ago(70))
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def kept() -> list[int]:
    """How much there is of everything that an agreement leaves behind."""
    nouns = (Promise, Plan, Offer, Approval, Affordability, Hold, Extension, LedgerEntry, Pause)
    return [noun.objects.count() for noun in nouns]


@pytest.mark.parametrize(("name", "changes"), HOSTILE, ids=lambda each: str(each)[:40])
def test_what_makes_no_sense_is_said_with_the_form_open(client, clock, case, people, name, changes):
    before = kept()
    client.force_login(people.bob)
    answer = client.post(reverse(name, args=[case.pk]), FORMS[name] | {"note": ""} | changes)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert kept() == before


@pytest.mark.parametrize("name", [name for name in FORMS if name != "case_hold"])
def test_a_page_that_was_open_when_the_case_closed_changes_nothing(client, clock, case, people, name):
    record_payment(case=case, amount=100_00, value_date=TODAY, reference="all", by=SYSTEM, at=NOW)
    assert not fresh(case).is_open
    before = kept()
    client.force_login(people.bob)
    sent = {**FORMS[name], "note": "Why."}
    answers = [
        client.post(reverse(name, args=[case.pk]), sent),
        client.post(reverse(name, args=[case.pk]), sent),
    ]
    assert {each.status_code for each in answers} == {422}
    assert kept() == before


@pytest.mark.parametrize("name", ["case_promise", "case_plan", "case_settlement"])
def test_a_double_click_is_one(client, clock, case, people, name):
    client.force_login(people.bob)
    counts = []
    for _click in range(2):
        assert client.post(reverse(name, args=[case.pk]), {**FORMS[name], "note": ""}).status_code == 302
        counts.append(kept())
    assert counts[0] == counts[1]


@pytest.mark.parametrize("role", ["compliance", "legal", "administrator"])
@pytest.mark.parametrize("name", FORMS)
def test_other_roles_agree_nothing(client, clock, case, name, role):
    before = kept()
    client.force_login(make_user(role=role))
    assert client.post(reverse(name, args=[case.pk]), FORMS[name]).status_code == 403
    assert kept() == before
