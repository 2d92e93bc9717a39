"""A call that is presumed to be one too many, from the agent's desk to the second person and back."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cases.models import Call
from compliance.actions.contacts import note_inbound
from compliance.models import ContactDecision, Override
from tests.cases.stories import DAY, make_case, phone_of
from tests.factories import NOW, SYSTEM, make_people, make_portfolio

pytestmark = pytest.mark.django_db
REASON = "responding_to_consumer_request"


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people, clock):
    case = make_case(portfolio, at=NOW - 9 * DAY, due_on=(NOW - 20 * DAY).date())
    talk(case, NOW - DAY)
    return case


def talk(case, at) -> None:
    """The borrower called us: some quiet days follow."""
    note_inbound(
        borrower=case.borrower, channel="call", loans=[case.loan_id], by=SYSTEM, at=at, disposition="x",
        right_party=True, conversation=True,
    )  # fmt: skip


@pytest.fixture
def alice(client, people) -> Client:
    client.force_login(people.alice)
    return client


@pytest.fixture
def bob(people) -> Client:
    client = Client()
    client.force_login(people.bob)
    return client


def page(client: Client, case, **query):
    return client.get(reverse("case", args=[case.pk]), query)


def ask(client: Client, case, **changed):
    form = {
        "contact_point": phone_of(case.borrower).pk,
        "reasons": [REASON],
        "note": "She wrote to us.",
    } | changed
    return client.post(reverse("case_override", args=[case.pk]), form, follow=True)


def test_from_the_desk_to_the_second_person_and_back(alice, bob, case, people, clock):
    shown = page(alice, case).context
    [contact] = [each for each in shown["who"].contacts if each.id == phone_of(case.borrower).pk]
    assert (contact.allowed, contact.may_ask, contact.asked) == (False, True, False)
    form = page(alice, case, open="override", contact_point=phone_of(case.borrower).pk)
    assert form.context["open"] == "override"
    assert REASON in [code for code, _label in form.context["form"].fields["reasons"].choices]
    assert form.context["presumed"].source

    answer = ask(alice, case)
    assert [str(each) for each in answer.context["messages"]] == [
        "A second person has been asked. The call opens here once it is approved."
    ]
    override = Override.objects.get()
    assert (override.case_ref, override.requested_by) == (case.pk, people.alice)
    assert page(alice, case).context["who"].contacts[0].asked is True

    clock.go_on(minutes=2)
    bob.post(reverse("override_answer", args=[override.pk]), {"answer": "yes"})
    strip = page(alice, case).context["strip"]
    assert strip.call.allowed
    assert strip.call.flag == "A second person has approved one call, to be begun within 15 min."
    assert not page(bob, case).context["strip"].call.allowed  # for the one who asked

    clock.go_on(minutes=1)
    alice.post(reverse("case_dial", args=[case.pk]), {"contact_point": phone_of(case.borrower).pk})
    placed = Call.objects.latest("placed_at")
    decision = placed.attempt.permit.decision
    assert (decision.outcome, decision.allowed, decision.override) == ("presumed_violation", True, override)
    assert not page(alice, case).context["strip"].call.allowed


def test_without_an_answer_or_too_late_there_is_no_call(alice, bob, case, clock):
    ask(alice, case)
    dial = reverse("case_dial", args=[case.pk])
    before = Call.objects.count()
    alice.post(dial, {"contact_point": phone_of(case.borrower).pk})
    bob.post(reverse("override_answer", args=[Override.objects.get().pk]), {"answer": "yes"})
    clock.go_on(minutes=16)
    alice.post(dial, {"contact_point": phone_of(case.borrower).pk})
    assert Call.objects.count() == before
    assert ContactDecision.objects.filter(allowed=True, outcome="presumed_violation").count() == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"reasons": []}, "reasons"), ({"reasons": ["because"]}, "reasons"), ({"note": ""}, "note")],
    ids=["no reason", "own reason", "no note"],
)
def test_what_is_missing_is_said_in_the_form(alice, case, changed, field):
    answer = ask(alice, case, **changed)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert answer.context["open"] == "override"
    assert not Override.objects.exists()


def test_where_nothing_is_presumed_nothing_is_asked(alice, portfolio, people, clock):
    free = make_case(portfolio)
    contact = page(alice, free).context["who"].contacts[0]
    assert (contact.allowed, contact.may_ask) == (True, False)
    assert ask(alice, free).status_code == 422  # no reasons to choose from
    clock.at = NOW + timedelta(hours=12)
    contact = page(alice, free).context["who"].contacts[0]
    assert (contact.allowed, contact.may_ask) == (
        False,
        False,
    )  # closed hours: prohibited, and nobody can allow it
