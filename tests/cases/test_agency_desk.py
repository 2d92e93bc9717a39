"""The agency's desk: what is placed with it and nothing else, always masked; the pages about agencies; the commission."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.actions.payments import receive, reverse_payment
from accounts.models import AgencyBar, Role
from cases.actions.notes import add_note
from cases.actions.placements import recall
from cases.commission import commission, lines_of, totals
from cases.models import AgencyEvaluation, Call, Placement, Promise
from compliance.actions.complaints import log_complaint
from compliance.audit import Actor
from compliance.models import Complaint
from tests.cases.stories import phone_of
from tests.cases.test_placements import TERM, late_case, place
from tests.factories import NOW, SYSTEM, TODAY, make_agency, make_people, make_portfolio, make_user
from tests.test_access import PAGES, addresses

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


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


def of_case(case):
    return {
        name: reverse(name, args=[case.pk])
        for name, pattern in addresses().items()
        if set(pattern.pattern.converters) == {"case_id"}
    }


def reachable(client, case):
    return {
        name for name, page in of_case(case).items()
        if {client.get(page).status_code, client.post(page).status_code} - {403, 404, 405}
    }  # fmt: skip


def test_placed_it_is_there_and_before_and_after_nothing_of_it_is(client, portfolio, people, agency, ana):
    case = late_case(portfolio)
    client.force_login(ana)
    assert reachable(client, case) == set()
    place(agency, people.bob, case)
    open_to_agencies = {name for name in of_case(case) if Role.AGENCY in PAGES[name]}
    # Those that name something of the case that was not sent answer 404 themselves.
    assert reachable(client, case) >= open_to_agencies - {"case_dial", "case_script", "case_wish_back"}
    assert reachable(client, case) <= open_to_agencies
    # Another agency's people see nothing of it.
    client.force_login(make_user(role=Role.AGENCY))
    assert reachable(client, case) == set()
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW)
    client.force_login(ana)
    assert reachable(client, case) == set()


def test_the_desk_works_from_the_queue_to_the_promise(client, portfolio, people, agency, ana):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    add_note(case=case, body="She told our own agent of her illness.", author=people.alice, at=NOW)
    client.force_login(ana)
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert case.borrower.name_mask in page
    assert "Dana Field" not in page
    assert "her illness" not in page
    assert reverse("case_unseal", args=[case.pk]) not in page
    assert "?open=plan" not in page
    client.post(reverse("case_dial", args=[case.pk]), {"contact_point": phone_of(case.borrower).pk})
    placed = Call.objects.get()
    assert (placed.case, placed.agent) == (case, ana)
    terms = {"amount": "100.00", "due_on": TODAY + 7 * DAY}
    answer = client.post(reverse("case_promise", args=[case.pk]), terms)
    assert answer.status_code == 302
    assert Promise.objects.get().actor == str(ana.ref)
    client.post(reverse("case_note", args=[case.pk]), {"note": "Pays on Friday."})
    assert "Pays on Friday." in client.get(reverse("case", args=[case.pk])).content.decode()
    words = {"category": "tone", "words": "Too loud.", "channel": "call"}
    client.post(reverse("case_complaint", args=[case.pk]), words)
    assert Complaint.objects.get().category == "tone"


def test_everybody_may_read_who_collects_for_us(client):
    make_agency("Kind Collectors")
    make_agency("Gone Collectors", until=TODAY - DAY)
    page = client.get(reverse("agencies"))
    assert page.status_code == 200
    assert "Kind Collectors" in page.content.decode()
    assert "Gone Collectors" not in page.content.decode()


def test_a_supervisor_places_and_recalls_on_the_pages(client, portfolio, people, agency):
    case, early = late_case(portfolio), late_case(portfolio, 5)
    client.force_login(people.bob)
    url = reverse("agency_place", args=[agency.ref])
    assert client.get(url).status_code == 200
    terms = {"return_on": TERM, "commission_percent": "10"}
    assert client.post(url, terms | {"cases": [early.pk]}).status_code == 422
    assert client.post(url, terms | {"cases": [case.pk]}).status_code == 302
    assert Placement.objects.live().get().case == case
    assert case.borrower.name_mask in client.get(reverse("agency", args=[agency.ref])).content.decode()
    # Another team's supervisor neither sees nor recalls it.
    client.force_login(make_user(role=Role.SUPERVISOR))
    assert str(case.pk) not in client.get(reverse("agency", args=[agency.ref])).content.decode()
    client.post(reverse("agency_recall", args=[agency.ref]), {"case": case.pk})
    assert Placement.objects.live().count() == 1
    client.force_login(people.bob)
    client.post(reverse("agency_recall", args=[agency.ref]), {"case": [case.pk, "no"]})
    assert not Placement.objects.live().exists()


def test_an_officer_bars_lifts_and_evaluates_beside_the_figures(client, portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case, at=NOW - DAY)
    receive(
        portfolio=portfolio,
        reference="P-1",
        amount=20_00,
        value_date=TODAY,
        loan=case.loan,
        by=SYSTEM,
        at=NOW,
    )
    log_complaint(
        borrower=case.borrower, portfolio=portfolio, loan=case.loan, category="tone", words="Rude.", channel="call",
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    client.force_login(make_user(role=Role.COMPLIANCE))
    client.post(reverse("agency_bar", args=[agency.ref]), {"reason": "conduct", "words": "Threats."})
    bar = AgencyBar.objects.get()
    assert (bar.reason, bar.words, bar.from_on, bar.ends_on) == ("conduct", "Threats.", TODAY, None)
    client.post(reverse("agency_lift", args=[agency.ref]), {"bar": bar.pk})
    bar.refresh_from_db()
    assert bar.lifted_at == NOW
    client.post(
        reverse("agency_evaluate", args=[agency.ref]),
        {"year": 2026, "decision": "improve", "words": "Train them."},
    )
    stored = AgencyEvaluation.objects.get()
    assert (stored.decision, stored.figures["recovered"], stored.figures["complaints"], stored.figures["placed"]) == (
        "improve", {"USD": "20.00"}, 1, 1,
    )  # fmt: skip
    page = client.get(reverse("agency", args=[agency.ref])).content.decode()
    assert "Train them." in page
    assert client.get(reverse("agency_board")).status_code == 200


def test_commission_is_earned_while_placed_and_taken_back(client, portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case, commission_percent=Decimal("12.50"))
    later = NOW + 5 * DAY
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=later)
    for number, day in enumerate((TODAY, TODAY + DAY, TODAY + 5 * DAY, TODAY + 6 * DAY)):
        paid = receive(
            portfolio=portfolio, reference=f"P-{number}", amount=10_01, value_date=day, loan=case.loan, by=SYSTEM,
            at=NOW + 7 * DAY
        )  # fmt: skip
        if number == 1:
            bounced = paid
    march = {"portfolios": [portfolio.pk], "first": date(2026, 3, 1), "last": date(2026, 3, 31)}
    lines = lines_of(agency, **march)
    assert [(line.reference, line.repaid, line.commission) for line in lines] == [
        ("P-1", 10_01, 1_25),
        ("P-2", 10_01, 1_25),
    ]
    # Bounced in April: March stays as it was, April takes it back.
    reverse_payment(payment=bounced, reason="chargeback", by=SYSTEM, at=NOW + 35 * DAY)
    assert lines_of(agency, **march) == lines
    april = lines_of(agency, portfolios=[portfolio.pk], first=date(2026, 4, 1), last=date(2026, 4, 30))
    [back] = totals(april)
    assert (back.currency, back.repaid, back.commission) == ("USD", -10_01, -1_25)
    client.force_login(people.bob)
    url = reverse("agency_commission", args=[agency.ref])
    assert client.get(url, {"month": "2026-03"}).status_code == 200
    rows = client.get(url, {"month": "2026-03", "as": "csv"}).content.decode().splitlines()
    assert [row.split(",")[-4:] for row in rows[1:]] == [["10.01", "12.50", "1.25", ""]] * 2


@given(st.integers(0, 10**12), st.decimals(0, 100, places=2))
def test_what_is_taken_back_is_what_was_earned(amount, percent):
    assert commission(-amount, percent) == -commission(amount, percent)
    assert abs(commission(amount, percent) - amount * percent / 100) <= Decimal("0.5")
    assert 0 <= commission(amount, percent) <= amount
