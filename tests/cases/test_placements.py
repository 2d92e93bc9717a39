"""Cases with a collection agency: who may place them, what stops it, how they come back, and what the database refuses."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.actions.agencies import bar_agency, lift_bar
from accounts.actions.payments import receive
from accounts.models import Role, User
from cases.actions.calls import CallNotLogged, NotPlaced, log_call, place_call
from cases.actions.day import run_day
from cases.actions.ending import end_case
from cases.actions.placements import STOPPING, UNKNOWN, PlacementRefused, place_cases, recall, stop_of
from cases.actions.work import plan_work, take_next
from cases.models import Case, Placement, PlacementBatch
from compliance.actions import contacts, gate
from compliance.actions.complaints import log_complaint, resolve
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.facts import Question
from compliance.models import ContactAttempt, ContactDecision, ContactOutcome, HoldKind
from tests.cases.stories import call, events, fresh, make_case, phone_of
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_agency,
    make_people,
    make_portfolio,
    make_user,
)

pytestmark = pytest.mark.django_db
TERM = TODAY + timedelta(days=90)
HOUR = timedelta(hours=1)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def portfolio():
    return make_portfolio(terms={"placement_after_days": 60})


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def agency():
    return make_agency("Kind Collectors")


@pytest.fixture
def ana(agency):
    return make_user("ana", role=Role.AGENCY, agency=agency)


@pytest.fixture
def officer():
    return make_user("officer", role=Role.COMPLIANCE)


def late_case(portfolio, days=70, **terms):
    return make_case(portfolio, due_on=days_ago(days), **terms)


def place(agency, user, *cases, at=NOW, **terms):
    terms = {"return_on": TERM, "commission_percent": Decimal("12.50")} | terms
    return place_cases(cases=[case.pk for case in cases], agency=agency, by=Actor.staff(user), at=at, **terms)


def test_a_supervisor_places_a_batch_and_our_own_people_let_go(portfolio, people, agency, ana):
    first, second = late_case(portfolio), late_case(portfolio)
    for case in (first, second):
        plan_work(case=case, kind="follow_up", due_at=NOW, reason="test", by=SYSTEM, at=NOW)
    assert take_next(user=people.alice, at=LATER) in (first, second)
    batch = place(agency, people.bob, first, second)
    placed = Placement.objects.order_by("case")
    assert [
        (each.case, each.agency, each.batch, each.placed_on, each.return_on, each.commission_percent)
        for each in placed
    ] == [
        (case, agency, batch, TODAY, TERM, Decimal("12.50"))
        for case in sorted((first, second), key=lambda case: case.pk)
    ]
    assert events(first)[-1] == "case.placed"
    assert set(Case.objects.visible_to(ana)) == {first, second}
    # The work is the agency's now.
    assert take_next(user=people.alice, at=LATER) is None
    assert take_next(user=ana, at=LATER) in (first, second)


def test_only_who_may_place_places(portfolio, people, agency, ana, officer):
    case = late_case(portfolio)
    for user in (people.alice, ana, officer, make_user(role=Role.LEGAL), make_user(role=Role.ADMINISTRATOR)):
        with pytest.raises(PermissionDenied):
            place(agency, user, case)
        with pytest.raises(PermissionDenied):
            recall(cases=[case.pk], by=Actor.staff(user), at=NOW)
    with pytest.raises(PlacementRefused) as refused:
        place(agency, make_user(role=Role.SUPERVISOR), case)
    assert refused.value.code == "unseen"
    assert not PlacementBatch.objects.exists()


@pytest.mark.parametrize(("days", "code"), [(59, "days"), (60, None)])
def test_not_before_the_portfolios_day(portfolio, people, agency, days, code):
    case = late_case(portfolio, days)
    if code is None:
        place(agency, people.bob, case)
        return
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, case)
    assert (refused.value.code, refused.value.case) == (code, case.pk)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"return_on": TODAY}, "term"),
        ({"return_on": TODAY + timedelta(days=367)}, "term"),
        ({"commission_percent": Decimal("100.01")}, "commission"),
        ({"commission_percent": Decimal("-1")}, "commission"),
    ],
)
def test_odd_terms_are_refused(portfolio, people, agency, terms, code):
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, late_case(portfolio), **terms)
    assert refused.value.code == code


@pytest.mark.parametrize("kind", HoldKind.values)
def test_what_a_hold_stops_neither_the_action_nor_raw_sql_does(portfolio, people, agency, kind):
    case, other = late_case(portfolio), late_case(portfolio)
    batch = place(agency, people.bob, other)
    open_hold(borrower=case.borrower, kind=kind, days=5, by=SYSTEM, at=NOW)
    if kind not in STOPPING:
        insert(batch, case)
        return
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, case)
    assert refused.value.code == "hold"
    with pytest.raises(DatabaseError, match="A hold stops the placement"), transaction.atomic():
        insert(batch, case)


def insert(batch, case, **more):
    terms = {
        "batch": batch, "case": case, "agency": batch.agency, "commission_percent": batch.commission_percent,
        "placed_at": batch.placed_at, "placed_on": TODAY, "return_on": batch.return_on,
    } | more  # fmt: skip
    return Placement.objects.create(**terms)


def test_a_batch_is_placed_whole_or_not_at_all(portfolio, people, agency):
    good, early = late_case(portfolio), late_case(portfolio, 3)
    with pytest.raises(PlacementRefused):
        place(agency, people.bob, good, early)
    assert not Placement.objects.exists()


def test_closed_and_placed_cases_are_refused_by_raw_sql_too(portfolio, people, agency):
    case, other, closed = late_case(portfolio), late_case(portfolio), late_case(portfolio)
    batch = place(agency, people.bob, case)
    end_case(case=fresh(closed), ending="not_worth_it", by=Actor.staff(people.bob), at=NOW)
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, case)
    assert refused.value.code == "placed"
    for wrong, more in (
        (case, {}),
        (closed, {}),
        (other, {"commission_percent": Decimal(50)}),
        (other, {"ended_at": NOW}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            insert(batch, wrong, **more)


def test_a_barred_agency_gets_nothing_until_the_bar_is_over(portfolio, people, agency, officer):
    case, other = late_case(portfolio), late_case(portfolio)
    batch = place(agency, people.bob, other)
    bar = bar_agency(
        agency=agency, reason="conduct", words="Threats on two calls.", from_on=TODAY, ends_on=TODAY + timedelta(days=9),
        person=officer, at=NOW,
    )  # fmt: skip
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, case)
    assert refused.value.code == "barred"
    with pytest.raises(DatabaseError, match="gets no case: barred"), transaction.atomic():
        insert(batch, case)
    assert stop_of(agency, at=NOW, on=TODAY + timedelta(days=9)) == "barred"
    assert stop_of(agency, at=NOW, on=TODAY + timedelta(days=10)) is None
    with pytest.raises(PermissionDenied):
        lift_bar(bar=bar, person=people.bob, at=NOW)
    lift_bar(bar=bar, person=officer, at=NOW)
    assert len(place(agency, people.bob, case).placements.all()) == 1


def test_upheld_complaints_bar_an_agency_by_the_agencys_rule(portfolio, people, officer):
    agency = make_agency(upheld_most=2, upheld_days=30)
    ours, later = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, ours)
    by = Actor.staff(officer)

    def complaint(category, outcome, at):
        logged = log_complaint(
            borrower=ours.borrower, portfolio=portfolio, loan=ours.loan, category=category, words="Rude.",
            channel="call", by=by, at=at,
        )  # fmt: skip
        resolve(complaint=logged, outcome=outcome, answer="We are sorry.", by=by, at=at + HOUR)

    complaint("tone", "upheld", NOW + HOUR)
    complaint("amount", "upheld", NOW + 2 * HOUR)  # the lender's, not the agency's
    complaint("tone", "not_upheld", NOW + 3 * HOUR)
    assert stop_of(agency, at=NOW + 9 * HOUR, on=TODAY) is None
    complaint("too_often", "partly_upheld", NOW + 4 * HOUR)
    assert stop_of(agency, at=NOW + 9 * HOUR, on=TODAY) == "complaints"
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, later, at=NOW + 9 * HOUR)
    assert refused.value.code == "complaints"
    assert stop_of(agency, at=NOW + timedelta(days=32), on=TODAY + timedelta(days=32)) is None


def test_an_agency_that_works_for_us_no_more_gets_nothing(portfolio, people):
    for agency in (make_agency(until=days_ago(1)), make_agency(since=TODAY + timedelta(days=1))):
        with pytest.raises(PlacementRefused) as refused:
            place(agency, people.bob, late_case(portfolio))
        assert refused.value.code == "ended"


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE cases_placement SET agency_id = agency_id, commission_percent = 99",
        "UPDATE cases_placement SET return_on = return_on + 1",
        "DELETE FROM cases_placement",
        "TRUNCATE cases_placement",
        "UPDATE cases_placementbatch SET commission_percent = 99",
        "DELETE FROM cases_placementbatch",
        "UPDATE cases_placement SET ended_at = placed_at - interval '1 day', ended_on = placed_on, "
        "end_reason = 'term', ended_by = 'x'",
        "UPDATE accounts_user SET agency_id = NULL WHERE role = 'agency'",
        "UPDATE accounts_user SET role = 'supervisor' WHERE role = 'agency'",
        "UPDATE accounts_user SET agency_id = (SELECT max(id) FROM accounts_agency) WHERE role = 'agent'",
        "DELETE FROM accounts_agency",
    ],
)
def test_the_database_holds_it(portfolio, people, agency, ana, attack):
    place(agency, people.bob, late_case(portfolio))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_an_ended_placement_is_not_revived(portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    assert recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW + HOUR) == 1
    assert recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW + HOUR) == 0
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE cases_placement SET ended_at = NULL, ended_on = NULL, end_reason = '', ended_by = ''"
        )
    place(agency, people.bob, case, at=NOW + 2 * HOUR)
    assert list(Placement.objects.order_by("placed_at").values_list("end_reason", flat=True)) == [
        "recalled",
        "",
    ]


# What the agency does


def test_the_gate_judges_an_agencys_call_as_a_third_partys(portfolio, people, agency, ana):
    case, own = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case)
    place_call(case=case, contact_point=phone_of(case.borrower), user=ana, at=NOW)
    place_call(case=own, contact_point=phone_of(own.borrower), user=people.alice, at=NOW)
    roles = {
        decision.actor: b'"role":"third_party_debt_collector"' in bytes(decision.facts)
        for decision in ContactDecision.objects.all()
    }
    assert roles == {str(ana.ref): True, str(people.alice.ref): False}


def test_the_stricter_rules_bind(people):
    """Regulation F binds collectors: no more calls within seven days of a conversation; the creditor itself may call."""
    portfolio = make_portfolio(team=people.alice.team, terms={"placement_after_days": 60})
    case = late_case(portfolio)
    agency = make_agency()
    ana = make_user(role=Role.AGENCY, agency=agency)
    call(case, people.alice, "refuses")
    place(agency, people.bob, case, at=NOW + HOUR)
    later = NOW + timedelta(days=3)
    asked = {
        role: gate.look_many(
            [
                Question(
                    borrower=case.borrower_id,
                    channel="call",
                    purpose="collect",
                    loans=(case.loan_id,),
                    role=role,
                )
            ],
            at=later,
        )[0]
        for role in (None, ana.acts_as)
    }
    assert not asked[ana.acts_as].allowed
    bound = {result.rule for result in asked[ana.acts_as].results if result.outcome != "permitted"}
    alone = {result.rule for result in asked[None].results if result.outcome != "permitted"}
    assert "US.REGF.CALLS.AFTERTALK" in bound - alone


def test_no_contact_about_what_is_not_placed(portfolio, people, agency, ana):
    case, other = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case)
    with pytest.raises(NotPlaced):
        place_call(case=other, contact_point=phone_of(other.borrower), user=ana, at=NOW)
    # Not even by spending a permit past the action.
    answer = gate.ask(
        borrower=other.borrower, contact_point=phone_of(other.borrower), channel="call", purpose="collect",
        loans=[other.loan_id], by=Actor.staff(ana), at=NOW,
    )  # fmt: skip
    assert answer.permit_id is not None
    with pytest.raises(contacts.NoPermit):
        contacts.place(permit_id=answer.permit_id, by=Actor.staff(ana), at=NOW)
    assert not ContactAttempt.objects.exists()


def test_a_recall_during_a_call_leaves_its_outcome_unknown_and_the_caller_free(
    portfolio, people, agency, ana
):
    case, next_one = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case, next_one)
    call = place_call(case=case, contact_point=phone_of(case.borrower), user=ana, at=NOW)
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW + timedelta(minutes=2))
    outcome = ContactOutcome.objects.get(attempt=call.attempt)
    assert (outcome.disposition, outcome.connected, outcome.answered, outcome.right_party, outcome.conversation) == (
        UNKNOWN, None, None, None, None,
    )  # fmt: skip
    with pytest.raises(CallNotLogged) as refused:
        log_call(call=call, disposition="promises", by=Actor.staff(ana), at=NOW + timedelta(minutes=3))
    assert refused.value.code == "logged"
    assert list(Case.objects.visible_to(ana)) == [next_one]
    place_call(
        case=next_one, contact_point=phone_of(next_one.borrower), user=ana, at=NOW + timedelta(minutes=4)
    )
    # Our own desk goes on with it.
    plan_work(case=case, kind="follow_up", due_at=NOW, reason="test", by=SYSTEM, at=NOW)
    assert take_next(user=people.alice, at=NOW + timedelta(minutes=5)) == case


# How it comes back


def test_the_days_run_brings_back_what_is_past_its_term(portfolio, people, agency, ana):
    case, longer = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case, return_on=TODAY + timedelta(days=1))
    place(agency, people.bob, longer)
    run_day(date=TODAY + timedelta(days=1), by=SYSTEM, at=NOW + timedelta(days=1))
    assert Placement.objects.live().count() == 2
    run = run_day(date=TODAY + timedelta(days=2), by=SYSTEM, at=NOW + timedelta(days=2))
    assert run.summary["returned"] == 1
    ended = Placement.objects.get(case=case)
    assert (ended.end_reason, ended.ended_on, ended.ended_by) == ("term", TODAY + timedelta(days=2), "test")
    assert list(Case.objects.visible_to(ana)) == [longer]


def test_a_case_that_closes_leaves_its_agency_at_once(portfolio, people, agency, ana):
    case, paid = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case, paid)
    end_case(case=fresh(case), ending="lender_asked", by=Actor.staff(people.bob), at=NOW + HOUR)
    assert Placement.objects.get(case=case).end_reason == "closed"
    receive(
        portfolio=portfolio,
        reference="P-1",
        amount=100_00,
        value_date=TODAY,
        loan=paid.loan,
        by=SYSTEM,
        at=NOW,
    )
    run_day(date=TODAY, by=SYSTEM, at=NOW + HOUR)
    assert (fresh(paid).state, Placement.objects.get(case=paid).end_reason) == ("cured", "closed")
    assert not Case.objects.visible_to(ana).exists()


@pytest.mark.django_db(transaction=True)
def test_two_supervisors_place_the_same_case_at_once():
    portfolio = make_portfolio(terms={"placement_after_days": 60})
    people = make_people(portfolio)
    dora = make_user("dora", role=Role.SUPERVISOR, team=people.bob.team)
    case, agencies, start, ends = late_case(portfolio), [make_agency(), make_agency()], Barrier(2), []

    def work(user: User, agency) -> None:
        try:
            start.wait(10)
            place(agency, user, case)
            ends.append("done")
        except PlacementRefused as refused:
            ends.append(refused.code)
        finally:
            connection.close()

    threads = [Thread(target=work, args=pair) for pair in zip((people.bob, dora), agencies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ends) == ["done", "placed"]
    assert Placement.objects.live().count() == 1
