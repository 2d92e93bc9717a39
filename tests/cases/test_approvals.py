"""What goes beyond somebody's authority waits for a second person, and is done when they say yes, or not at all."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.schedules import Every
from cases.actions.agreements import AgreementRefused, agree_plan
from cases.actions.answering import answer_approval
from cases.actions.approvals import ApprovalRefused, ask_approval, beyond, open_note
from cases.models import Approval, CaseState, Plan
from compliance.audit import Actor
from tests.cases.stories import DAY, call, make_case
from tests.factories import NOW, TODAY, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
AUTHORITY = {"agent": {"promise_days": 30, "plan_instalments": 3}, "supervisor": {"plan_instalments": 6}}
WHY = "She is paid on the first of the month and can spare twenty."


@pytest.fixture
def portfolio():
    return make_portfolio(terms={"authority": AUTHORITY})


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people):
    case = make_case(portfolio, principal=100_00)
    call(case, people.alice, "cannot_pay")
    case.refresh_from_db()
    return case


def ask(case, user, count=5, note=WHY):
    proposal = {
        "count": count,
        "first_due_on": str(TODAY + 7 * DAY),
        "months": 1,
        "days": 0,
        "channel": "call",
    }
    terms = case.portfolio.terms_on(TODAY)
    return ask_approval(
        case=case, kind="plan", proposal=proposal, exceeds=beyond(terms, user.role, {"plan_instalments": count}),
        note=note, requester=user, at=NOW,
    )  # fmt: skip


def test_a_plan_of_more_parts_than_an_agent_may_agree_is_refused(case, people):
    with pytest.raises(AgreementRefused) as refused:
        agree_plan(
            case=case, count=5, first_due_on=TODAY + 7 * DAY, every=Every(months=1), channel="call",
            by=Actor.staff(people.alice), at=NOW,
        )  # fmt: skip
    assert (refused.value.code, refused.value.params["most"]) == ("count", 3)


def test_approved_it_is_agreed_at_once(case, people):
    approval = ask(case, people.alice)
    assert (approval.beyond, open_note(approval)) == (["plan_instalments"], WHY)
    assert not Plan.objects.exists()
    answer_approval(approval=approval, approve=True, person=people.bob, at=NOW + timedelta(hours=1))
    plan = Plan.objects.get()
    assert plan.instalments.count() == 5
    case.refresh_from_db()
    assert case.state == CaseState.INSTALLMENT_PLAN


def test_refused_nothing_is_done(case, people):
    approval = ask(case, people.alice)
    answer_approval(approval=approval, approve=False, person=people.bob, at=NOW + timedelta(hours=1))
    assert not Plan.objects.exists()
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.bob, at=NOW + timedelta(hours=2))
    assert refused.value.code == "over"


def test_nobody_answers_what_they_asked_themselves(case, people):
    approval = ask(case, people.bob)
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.bob, at=NOW)
    assert refused.value.code == "own"


def test_an_agent_answers_nothing(case, people):
    approval = ask(case, people.alice)
    with pytest.raises(PermissionDenied):
        answer_approval(approval=approval, approve=True, person=people.alice, at=NOW)


def test_what_goes_beyond_a_supervisor_is_not_approved(case, people):
    approval = ask(case, people.alice, count=7)
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.bob, at=NOW)
    assert refused.value.code == "authority"


def test_asked_twice_it_is_one_proposal_and_another_waits(case, people):
    first = ask(case, people.alice)
    assert ask(case, people.alice) == first
    with pytest.raises(ApprovalRefused) as refused:
        ask(case, people.alice, count=4)
    assert refused.value.code == "asked"


def test_an_expired_proposal_is_answered_by_nobody(case, people):
    approval = ask(case, people.alice)
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=people.bob, at=NOW + timedelta(days=7))
    assert refused.value.code == "over"


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE cases_approval SET proposal = '{}'",
        "UPDATE cases_approval SET approved = true, answered_by_id = requested_by_id, answered_at = requested_at",
        "UPDATE cases_approval SET approved = true",
        "DELETE FROM cases_approval",
        "TRUNCATE cases_approval",
    ],
)
def test_the_database_holds_it(case, people, attack):
    ask(case, people.alice)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_a_supervisor_answers_on_the_page(client, case, people, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(hours=1))
    approval = ask(case, people.alice)
    client.force_login(people.bob)
    page = client.get(reverse("approvals")).content.decode()
    assert WHY in page
    assert "5" in page
    answer = client.post(reverse("approval_answer", args=[approval.pk]), {"answer": "yes", "note": "Fine."})
    assert answer.url == reverse("approvals")
    assert Approval.objects.get().approved is True
    assert Plan.objects.count() == 1


def test_another_teams_proposals_are_not_shown(client, case, people):
    approval = ask(case, people.alice)
    client.force_login(make_user(role="supervisor"))
    assert WHY not in client.get(reverse("approvals")).content.decode()
    assert client.post(reverse("approval_answer", args=[approval.pk]), {"answer": "yes"}).status_code == 404
