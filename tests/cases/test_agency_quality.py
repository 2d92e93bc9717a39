"""How an agency works beside what it recovers; complaints that stop new placements; and commission that is taken back."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.actions.ledger import Posting, post
from accounts.actions.payments import receive, reverse_payment
from accounts.models import EntryKind, Role, Terms
from cases.actions.calls import CallRefused, log_call, place_call
from cases.actions.placements import (
    PlacementRefused,
    lift_stop,
    recall,
    stopped_portfolios,
)
from cases.actions.scripts import answer_step, finish_script, start_script, walk
from cases.agency_quality import quality
from cases.commission import lines_of, totals
from cases.models import Placement, PlacementLift
from communications.actions.texts import load_texts
from compliance.actions.complaints import log_complaint, resolve
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent, Complaint, MediaRequest
from tests.cases.stories import DAY, fresh, phone_of
from tests.cases.test_placements import insert, late_case, place
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_agency,
    make_people,
    make_portfolio,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
MARCH = {"first": date(2026, 3, 1), "last": date(2026, 3, 31)}


@pytest.fixture
def portfolio():
    return make_portfolio(
        terms={"placement_after_days": 60, "agency_complaints_most": 2, "agency_complaints_days": 30}
    )


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def agency():
    return make_agency("Kind Collectors", upheld_most=50)


@pytest.fixture
def ana(agency):
    return make_user("ana", role=Role.AGENCY, agency=agency)


@pytest.fixture
def officer():
    return make_user("officer", role=Role.COMPLIANCE)


def complain(case, category="tone", at=NOW):
    """Each in other words: the same ones again within minutes are a second click."""
    words = f"Rude, the {Complaint.objects.count()}th time."
    return log_complaint(
        borrower=case.borrower, portfolio=case.portfolio, loan=case.loan, category=category, words=words, channel="call",
        by=SYSTEM, at=at,
    )  # fmt: skip


def figures(portfolio, **days):
    [row] = quality(portfolios=[portfolio.pk], **(MARCH | days))
    return row


# How it works


def test_calls_scripts_refusals_opt_outs_and_complaints_stand_beside_the_money(
    portfolio, people, agency, ana
):
    load_texts(by=SYSTEM, at=NOW)
    reached, missed, held = late_case(portfolio), late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, reached, missed, held)
    for case, outcome in ((reached, "refuses"), (missed, "no_answer")):
        call = place_call(case=case, contact_point=phone_of(case.borrower), user=ana, at=NOW)
        log_call(call=call, disposition=outcome, by=Actor.staff(ana), at=NOW + MINUTE)
    open_hold(borrower=held.borrower, kind="dispute", days=5, by=SYSTEM, at=NOW)
    with pytest.raises(CallRefused):
        place_call(case=held, contact_point=phone_of(held.borrower), user=ana, at=NOW + 2 * MINUTE)
    MediaRequest.objects.create(
        borrower=reached.borrower, wish="stop", channel="sms", received_at=NOW, how="call", recorded_by="test"
    )
    complain(reached)
    receive(
        portfolio=portfolio,
        reference="P",
        amount=30_00,
        value_date=TODAY + DAY,
        loan=reached.loan,
        by=SYSTEM,
        at=NOW,
    )
    row = figures(portfolio)
    assert {name: number for name, number in row.counts.items() if number} == {
        "placed": 3, "live": 3, "recovered": 30_00, "calls": 2, "reached": 1, "asked": 3, "refused": 1, "complaints": 1,
        "opt_outs": 1,
    }  # fmt: skip
    assert (row.right_party, row.prohibited, row.complete) == (50, 33, None)
    assert {name for name, number in figures(portfolio, last=days_ago(1)).counts.items() if number} == {
        "live"
    }


def test_a_script_counts_as_complete_where_it_came_to_an_end(portfolio, people, agency, ana):
    load_texts(by=SYSTEM, at=NOW)
    first, second = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, first, second)
    for case, to_the_end in ((first, True), (second, False)):
        run = start_script(case=case, user=ana, at=NOW, key="first_call", call=None)
        while to_the_end and walk(run).step.answers:
            here = walk(run).step
            answer_step(
                run=run, step=here.id, answer=here.answers[-1].key, by=Actor.staff(ana), at=NOW, said=True
            )
        finish_script(run=run, by=Actor.staff(ana), at=NOW)
    row = figures(portfolio)
    assert (row.counts["scripts"], row.counts["completed"], row.complete) == (2, 1, 50)


def test_portfolios_and_agencies_are_told_apart(portfolio, people, agency):
    other = make_portfolio(team=people.bob.team, terms={"placement_after_days": 60})
    here, there = late_case(portfolio), late_case(other)
    place(agency, people.bob, here, there)
    place(rival := make_agency(), people.bob, late_case(portfolio))
    complain(there)
    found = {
        (row.agency, row.portfolio): (row.counts["placed"], row.counts["complaints"])
        for row in quality(portfolios=[portfolio.pk, other.pk], **MARCH)
    }
    assert found == {
        (agency.pk, portfolio.pk): (1, 0), (agency.pk, other.pk): (1, 1), (rival.pk, portfolio.pk): (1, 0),
    }  # fmt: skip


def test_the_board_shows_the_chosen_days_of_ones_own_portfolios(
    client, portfolio, people, agency, monkeypatch
):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    strange = make_portfolio(name="Not yours", terms={"placement_after_days": 60})
    make_team("Theirs", [strange])
    case = late_case(portfolio)
    place(agency, people.bob, case)
    complain(case)
    client.force_login(people.bob)
    page = client.get(reverse("agency_board")).content.decode()
    assert portfolio.name in page
    assert "Not yours" not in page
    [line] = client.get(reverse("agency_board"), {"first": "2026-03-05", "last": "2026-03-01"}).context[
        "lines"
    ]
    assert line["parts"][0]["figures"].counts["complaints"] == 1
    [line] = client.get(reverse("agency_board"), {"first": "2026-04-01", "last": "2026-04-30"}).context[
        "lines"
    ]
    assert line["parts"][0]["figures"].counts["complaints"] == 0
    assert client.get(reverse("agency_board"), {"first": "no", "last": "\x00"}).status_code == 200


# Complaints that stop new placements


def test_more_complaints_than_the_terms_bear_stop_the_portfolio_until_somebody_lifts_it(
    portfolio, people, agency, officer
):
    free = make_portfolio(team=people.bob.team, terms={"placement_after_days": 60})
    case, wanted = late_case(portfolio), late_case(portfolio)
    batch = place(agency, people.bob, case)
    complain(case, "amount")  # the lender's, not the agency's
    for _number in range(2):
        complain(case)
    assert stopped_portfolios(agency, [portfolio.pk, free.pk]) == {}
    last = complain(case, "too_often")
    assert stopped_portfolios(agency, [portfolio.pk, free.pk]) == {portfolio.pk: 3}
    with pytest.raises(PlacementRefused) as refused:
        place(agency, people.bob, wanted)
    assert (refused.value.code, refused.value.case) == ("stopped", wanted.pk)
    with pytest.raises(DatabaseError, match="Complaints stop new placements"), transaction.atomic():
        insert(batch, wanted)
    place(make_agency(), people.bob, late_case(portfolio))
    place(agency, people.bob, late_case(free))
    # Neither a decision for the agency nor the days that pass lift it.
    resolve(
        complaint=last, outcome="not_upheld", answer="It was one call.", by=Actor.staff(officer), at=NOW + DAY
    )
    with pytest.raises(PlacementRefused):
        place(agency, people.bob, wanted, at=NOW + 60 * DAY, return_on=TODAY + 90 * DAY)
    lift_stop(
        agency=agency, portfolio=portfolio, words="New people, trained.", person=officer, at=NOW + 61 * DAY
    )
    place(agency, people.bob, wanted, at=NOW + 62 * DAY, return_on=TODAY + 90 * DAY)
    lift = PlacementLift.objects.get()
    assert (lift.complaints, lift.words, lift.lifted_by) == (3, "New people, trained.", officer)
    assert AuditEvent.objects.filter(type="agency.stop_lifted").count() == 1
    assert b"trained" not in bytes(AuditEvent.objects.get(type="agency.stop_lifted").leaf)


def test_the_terms_of_a_complaints_own_day_count(portfolio, people, agency):
    """Terms that bear more, from today on, do not lift what stopped before; and stricter ones do not stop in hindsight."""
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for _number in range(3):
        complain(case)
    Terms.objects.create(
        portfolio=portfolio, from_on=TODAY + DAY, placement_after_days=60, agency_complaints_most=9
    )
    assert stopped_portfolios(agency, [portfolio.pk]) == {portfolio.pk: 3}
    rival = make_agency()
    other = late_case(portfolio)
    place(rival, people.bob, other)
    complain(other)
    Terms.objects.create(
        portfolio=portfolio, from_on=TODAY + 2 * DAY, placement_after_days=60, agency_complaints_most=0
    )
    assert stopped_portfolios(rival, [portfolio.pk]) == {}
    complain(other, at=NOW + 2 * DAY)
    assert stopped_portfolios(rival, [portfolio.pk]) == {portfolio.pk: 2}


def test_complaints_far_apart_do_not_add_up(portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for number in range(3):
        complain(case, at=NOW + number * 20 * DAY)
    assert stopped_portfolios(agency, [portfolio.pk]) == {}
    complain(case, at=NOW + 45 * DAY)
    assert stopped_portfolios(agency, [portfolio.pk]) == {portfolio.pk: 3}


def test_only_who_may_bar_lifts_with_a_reason_and_only_what_is_stopped(
    portfolio, people, agency, officer, ana
):
    with pytest.raises(PlacementRefused) as refused:
        lift_stop(agency=agency, portfolio=portfolio, words="Why not.", person=officer, at=NOW)
    assert refused.value.code == "not_stopped"
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for _number in range(3):
        complain(case)
    for person in (people.alice, people.bob, ana):
        with pytest.raises(PermissionDenied):
            lift_stop(agency=agency, portfolio=portfolio, words="Please.", person=person, at=NOW)
    with pytest.raises(PlacementRefused) as refused:
        lift_stop(agency=agency, portfolio=portfolio, words=" \0", person=officer, at=NOW)
    assert refused.value.code == "words"


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE cases_placementlift SET words = 'x'",
        "DELETE FROM cases_placementlift",
        "TRUNCATE cases_placementlift",
        "INSERT INTO cases_placementlift SELECT gen_random_uuid(), 3, 'x', now(), agency_id, lifted_by_id, portfolio_id "
        "FROM cases_placementlift",
        "UPDATE accounts_terms SET agency_complaints_most = 99",
    ],
)
def test_the_database_keeps_the_stop_and_what_lifted_it(portfolio, people, agency, officer, attack):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for _number in range(3):
        complain(case)
    lift_stop(agency=agency, portfolio=portfolio, words="New people.", person=officer, at=NOW + MINUTE)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_nobody_lifts_by_raw_sql_what_is_still_to_come(portfolio, people, agency, officer):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for _number in range(3):
        complain(case)
    row = {
        "agency": agency, "portfolio": portfolio, "complaints": 3, "words": "x", "lifted_by": officer, "lifted_at": NOW
    }  # fmt: skip
    for wrong in ({"lifted_at": NOW + 9999 * DAY}, {"complaints": 2}, {"words": " "}):
        with pytest.raises(DatabaseError), transaction.atomic():
            PlacementLift.objects.create(**(row | wrong))


@pytest.mark.django_db(transaction=True)
def test_two_officers_lift_the_same_stop_at_once():
    portfolio = make_portfolio(terms={"placement_after_days": 60, "agency_complaints_most": 0})
    people, agency = make_people(portfolio), make_agency(upheld_most=50)
    case = late_case(portfolio)
    place(agency, people.bob, case)
    complain(case)
    officers, start, ends = [make_user(role=Role.COMPLIANCE) for _number in range(2)], Barrier(2), []

    def work(person):
        try:
            start.wait(10)
            lift_stop(agency=agency, portfolio=portfolio, words="Trained.", person=person, at=NOW + MINUTE)
            ends.append("done")
        except PlacementRefused as refused:
            ends.append(refused.code)
        finally:
            connection.close()

    threads = [Thread(target=work, args=[person]) for person in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ends) == ["done", "not_stopped"]


def test_an_officer_lifts_it_on_the_page(client, portfolio, people, agency, officer, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + MINUTE)
    case, wanted = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case)
    for _number in range(3):
        complain(case)
    client.force_login(people.bob)
    page = client.get(reverse("agency", args=[agency.ref])).content.decode()
    assert "3 complaints about conduct" in page
    assert "Let it have cases again" not in page
    assert (
        "Too many complaints came" in client.get(reverse("agency_place", args=[agency.ref])).content.decode()
    )
    client.force_login(officer)
    url, sent = (
        reverse("agency_lift_stop", args=[agency.ref]),
        {"portfolio": portfolio.ref, "words": "Trained."},
    )
    assert "Let it have cases again" in client.get(reverse("agency", args=[agency.ref])).content.decode()
    assert client.post(url, sent | {"portfolio": "x"}).status_code == 404
    client.post(url, sent)
    assert stopped_portfolios(agency, [portfolio.pk]) == {}
    assert "Trained." in client.get(reverse("agency", args=[agency.ref])).content.decode()
    place(agency, people.bob, wanted, at=NOW + 2 * MINUTE)


# Commission


def paid(portfolio, case, day, reference="P", at=NOW):
    return receive(
        portfolio=portfolio,
        reference=reference,
        amount=40_00,
        value_date=day,
        loan=case.loan,
        by=SYSTEM,
        at=at,
    )


def charge_back(case, day, at, reference="P", amount=0):
    posting = Posting(
        loan_id=case.loan_id, kind=EntryKind.CHARGEBACK, reference=reference, value_date=day, amount=amount
    )
    return post([posting], by=SYSTEM, at=at)


def statement(agency, portfolio, month):
    first = date(2026, month, 1)
    last = (first + timedelta(days=31)).replace(day=1) - DAY
    return lines_of(agency, portfolios=[portfolio.pk], first=first, last=last)


def test_a_chargeback_after_the_placement_has_ended_is_taken_off_its_own_month(
    client, portfolio, people, agency
):
    case = late_case(portfolio)
    place(agency, people.bob, case, commission_percent=Decimal(10))
    paid(portfolio, case, TODAY + DAY, at=NOW + DAY)
    march = statement(agency, portfolio, 3)
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW + 5 * DAY)
    # Charged back in May, counting from a day in April on which nobody had the case.
    charge_back(case, date(2026, 4, 20), NOW + 65 * DAY)
    assert [(line.repaid, line.commission) for line in march] == [(40_00, 4_00)]
    assert statement(agency, portfolio, 3)[0].commission == 4_00
    assert statement(agency, portfolio, 4) == []
    [back] = statement(agency, portfolio, 5)
    assert (back.repaid, back.commission, back.corrects, back.earned_on) == (-40_00, -4_00, True, TODAY + DAY)
    client.force_login(people.bob)
    url = reverse("agency_commission", args=[agency.ref])
    assert (
        "takes back what was repaid on 4 Mar 2026" in client.get(url, {"month": "2026-05"}).content.decode()
    )
    assert (
        client.get(url, {"month": "2026-05", "as": "csv"})
        .content.decode()
        .strip()
        .endswith(",-4.00,2026-03-04")
    )


def test_a_part_charged_back_takes_back_its_part_from_who_earned_it(portfolio, people, agency):
    """Another agency has the case by then: it never earned on this payment, and nothing is taken from it."""
    case = late_case(portfolio)
    place(agency, people.bob, case, commission_percent=Decimal(10))
    paid(portfolio, case, TODAY + DAY, at=NOW + DAY)
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW + 2 * DAY)
    rival = make_agency()
    place(rival, people.bob, case, at=NOW + 3 * DAY, commission_percent=Decimal(20))
    charge_back(case, TODAY + 8 * DAY, NOW + 8 * DAY, amount=15_00)
    assert [(line.repaid, line.commission) for line in statement(agency, portfolio, 3)] == [
        (40_00, 4_00),
        (-15_00, -1_50),
    ]
    [total] = totals(statement(agency, portfolio, 3))
    assert (total.repaid, total.commission) == (25_00, 2_50)
    assert statement(rival, portfolio, 3) == []
    [ours, theirs] = sorted(
        quality(portfolios=[portfolio.pk], **MARCH), key=lambda row: row.agency != agency.pk
    )
    assert (ours.counts["recovered"], theirs.counts["recovered"]) == (25_00, 0)


def test_what_was_paid_before_the_placement_is_nobodys_to_give_back(portfolio, people, agency):
    case = late_case(portfolio)
    early = paid(portfolio, case, days_ago(5))
    paid(portfolio, case, days_ago(4), reference="Q")
    place(agency, people.bob, case)
    charge_back(case, TODAY + DAY, NOW + DAY)
    reverse_payment(payment=early, reason="chargeback", by=SYSTEM, at=NOW + DAY)
    charge_back(case, TODAY + DAY, NOW + DAY, reference="Q")
    assert statement(agency, portfolio, 3) == []
    assert fresh(case).is_open
    assert Placement.objects.live().count() == 1
