"""The desk's two pages ask the database a fixed number of times, whatever there is to show."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions.borrowers import add_contact_point, add_related_person, refuse_related_person
from accounts.actions.ledger import post_charge
from accounts.models import Borrower, ContactKind
from accounts.schedules import Every
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.calls import ComplaintTerms, Details, PromiseTerms, log_inbound, place_call
from cases.actions.notes import add_note
from cases.actions.payments import record_payment
from cases.actions.scripts import answer_step, start_script
from cases.actions.work import plan_work, reassign
from cases.models import Case, WorkKind
from communications.actions.messages import plan
from communications.texts import current_template
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import Channel, HoldKind
from tests.cases.stories import DAY, call, fresh, make_case, phone_of
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_people, make_portfolio

HOUR = timedelta(hours=1)

# Session and person; then what is due, what comes later, the page's rows, their standings, and the gate's four.
OF_THE_QUEUE = 10
# Session and person; then the case, its facts, standings, the gate's four, the story.
OF_A_CASE = 11


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    people = make_people(portfolio)
    # Another zone has another business date: that must not be another query.
    people.alice.team.portfolios.add(
        make_portfolio(zone="Pacific/Kiritimati"), make_portfolio(zone="Pacific/Midway")
    )
    return people


@pytest.fixture
def alice(client, people) -> Client:
    client.force_login(people.alice)
    client.get(reverse("queue"))  # what is read once per process: packs, icons, templates
    return client


@pytest.mark.parametrize(("steps", "page"), [(1, 1), (50, 1), (50, 2)])
def test_a_queue_costs_the_same_whatever_its_length(alice, people, steps, page, django_assert_num_queries):
    portfolios = list(people.alice.team.portfolios.all())
    for number in range(steps):
        due(make_case(portfolios[number % len(portfolios)]))
    with django_assert_num_queries(OF_THE_QUEUE):
        answer = alice.get(reverse("queue"), {"page": page})
    assert len(answer.context["items"]) == min(steps, 25)


def due(case: Case, kind: str = WorkKind.FIRST_CALL) -> None:
    plan_work(case=case, kind=kind, due_at=NOW, reason="after_notice", by=SYSTEM, at=NOW)


def test_a_case_with_nothing_on_it(alice, portfolio, django_assert_num_queries):
    case = make_case(portfolio)
    with django_assert_num_queries(OF_A_CASE):
        alice.get(reverse("case", args=[case.pk]))


def test_a_case_with_everything_on_it_costs_one_query_more_for_what_is_paid_towards_agreements(
    alice, people, portfolio, django_assert_num_queries
):
    schedule = [(TODAY - 40 * DAY, 60_00), (TODAY + 20 * DAY, 40_00)]
    case = make_case(portfolio, principal=100_00, instalments=schedule, at=NOW - 12 * DAY)
    live(case, people)
    with django_assert_num_queries(OF_A_CASE + 1):
        answer = alice.get(reverse("case", args=[case.pk]))
    shown = answer.context
    assert [len(each.instalments) for each in shown["agreements"]] == [0, 3, 0]
    assert [(person.relation, person.why) for person in shown["who"].related] == [
        ("Guarantor", "No number of this person is known."),
        ("Emergency contact", "This person does not want to be contacted."),
    ]
    assert len(shown["who"].contacts) == 3
    assert len(shown["other_cases"]) == 1
    assert shown["script"].step == 2
    assert shown["call"].number == case.calls.get(logged_at=None).attempt.contact_point.mask
    assert shown["money"].paid == 10_00
    assert [entry.words for entry in shown["timeline"].entries if entry.words] == [
        "Note 3",
        "Note 2",
        "Note 1",
        "Note 0",
    ]
    codes = {entry.code for entry in shown["timeline"].entries}
    assert {"message.planned", "case.reassigned", "plan.agreed", "hold.opened", "complaint.logged"} <= codes


def test_the_strip_alone_asks_less(alice, people, portfolio, django_assert_num_queries):
    case = make_case(portfolio, due_on=TODAY - 20 * DAY, at=NOW - 12 * DAY)
    live(case, people)
    with django_assert_num_queries(OF_A_CASE - 3):
        alice.get(reverse("case_strip", args=[case.pk]))


def live(case: Case, people) -> None:
    """Calls, notes, a message, agreements, a payment, a fee, holds and a complaint, a script and a call that are open,
    people around the borrower and other cases, of which one is another team's."""
    by = Actor.staff(people.alice)
    call(case, people.alice, "no_answer", NOW - 10 * DAY)
    promised = PromiseTerms(amount=20_00, due_on=TODAY)
    call(case, people.alice, "promises", NOW - 9 * DAY, Details(promise=promised))
    agree_plan(
        case=fresh(case),
        count=3,
        first_due_on=TODAY + DAY,
        every=Every(months=1),
        channel="call",
        by=by,
        at=NOW - 8 * DAY,
    )
    record_promise(
        case=fresh(case), amount=10_00, due_on=TODAY + DAY, channel="call", by=by, at=NOW - 7 * DAY
    )
    record_payment(case=case, amount=10_00, value_date=TODAY, reference="P-1", by=by, at=NOW)
    post_charge(loan=case.loan, kind="fee", amount=3_00, value_date=TODAY, reference="F", by=SYSTEM, at=NOW)
    for number in range(4):
        add_note(case=case, body=f"Note {number}", author=people.alice, at=NOW + number * HOUR)
    write(case)
    place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    surround(case.borrower)
    make_case(loan=make_loan(case.borrower, portfolio=case.portfolio))
    make_case(loan=make_loan(case.borrower, portfolio=make_portfolio(entity=case.portfolio.entity)))
    open_hold(borrower=case.borrower, kind=HoldKind.HARDSHIP, by=by, at=NOW + HOUR, case=case.pk)
    complaint = ComplaintTerms(category="tone", words="…")
    log_inbound(
        case=case,
        disposition="complaint",
        user=people.alice,
        at=NOW + HOUR,
        details=Details(complaint=complaint),
    )
    run = start_script(case=case, user=people.alice, at=NOW + HOUR)
    answer_step(run=run, step="greet", answer="speaking", by=by, at=NOW + HOUR, said=True)
    reassign(case=case, assignee=people.alice, by=Actor.staff(people.bob), at=NOW + HOUR)


def write(case: Case) -> None:
    text = current_template("reminder", Channel.EMAIL, case.borrower.language)
    plan(
        borrower=case.borrower,
        contact_point=case.borrower.contact_points.get(kind=ContactKind.EMAIL),
        template_version=text,
        purpose=text.template.purpose,
        loans=[case.loan_id],
        dedupe_key="one",
        not_before=NOW,
        by=SYSTEM,
        at=NOW,
        case=case.pk,
    )


def surround(borrower: Borrower) -> None:
    said = {"given_by": "borrower", "given_on": TODAY, "ground": "contract", "by": SYSTEM, "at": NOW}
    add_related_person(borrower=borrower, relation="guarantor", name="Robin Field", **said)
    cousin = add_related_person(borrower=borrower, relation="emergency_contact", name="Lee Field", **said)
    kept = {"source": "application", "ground": "contract", "by": SYSTEM, "at": NOW}
    add_contact_point(borrower=borrower, kind="phone", text="+1 310 555 0199", region="US", **kept)
    add_contact_point(
        borrower=borrower, kind="phone", text="+1 310 555 0188", region="US", related_person=cousin, **kept
    )
    refuse_related_person(person=cousin, channel="call", by=SYSTEM, at=NOW)
