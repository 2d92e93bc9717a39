"""Finding a borrower by what is exactly known, and legal's first page."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Role
from cases.actions.payments import record_payment
from cases.models import Case
from compliance.actions.holds import open_hold
from compliance.models import AuditEvent
from tests.cases.stories import DAY, make_case
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)


@pytest.fixture
def river(db, clock):
    return make_portfolio("river")


@pytest.fixture
def people(river):
    return make_people(river)


@pytest.fixture
def dana(river) -> Case:
    borrower = make_borrower(
        river, name="Dana Field", external_id="C-77", phone="+1 212 555 0142", email="Dana@mail.example"
    )
    return make_case(loan=make_loan(borrower, portfolio=river, external_id="L-77", principal=100_00))


@pytest.fixture
def find(client, people, dana):
    client.force_login(people.alice)
    return lambda kind, text, **more: client.post(reverse("search"), {"kind": kind, "text": text}, **more)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "+1 212 555 0142"),
        ("phone", "(212) 555-0142"),
        ("phone", "001 212 555 0142"),
        ("email", "dana@MAIL.example"),
        ("customer", " C-77 "),
        ("loan", "L-77"),
    ],
)
def test_one_case_is_opened_at_once(find, dana, people, kind, text):
    answer = find(kind, text)
    assert (answer.status_code, answer.url) == (302, reverse("case", args=[dana.pk]))
    event = AuditEvent.objects.get(type="borrower.searched")
    assert event.actor == str(people.alice.ref)
    # Only that somebody searched, and how many were found.
    assert json.loads(bytes(event.leaf))["data"] == {"kind": kind, "found": 1}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "212 555 014"), ("phone", "Dana"), ("email", "dana@mail"), ("email", "dana@mail.example.com"),
        ("customer", "C-7"), ("loan", "l-77"), ("loan", "%"),
    ],
)  # fmt: skip
def test_nothing_is_found_by_a_part(find, kind, text):
    answer = find(kind, text)
    assert "Nobody found" in answer.content.decode()
    assert AuditEvent.objects.filter(type="borrower.searched").count() == 1


def test_several_cases_are_listed_with_masks(find, dana, river):
    make_case(loan=make_loan(dana.borrower, portfolio=river, principal=20_00, due_on=days_ago(3)))
    answer = find("phone", "+12125550142")
    assert len(answer.context["cases"]) == 2
    text = answer.content.decode()
    assert text.count("D*** F***") == 2
    assert "Dana" not in text
    assert "$20.00" in text.replace("\xa0", " ")


def test_somebody_without_a_case(find, river):
    make_loan(make_borrower(river, external_id="C-1"), portfolio=river, due_on=TODAY + DAY)
    assert (
        "We know this borrower, and nothing of theirs is overdue." in find("customer", "C-1").content.decode()
    )


def test_only_one_s_own_portfolios(client, find, people):
    client.force_login(people.charlie)
    assert "Nobody found" in find("phone", "+12125550142").content.decode()
    client.force_login(make_user(role=Role.COMPLIANCE))
    assert find("phone", "+12125550142").status_code == 302


def test_what_is_searched_for_stands_in_no_address(client, find):
    client.get(reverse("search"), {"kind": "phone", "text": "+12125550142"})
    assert not AuditEvent.objects.filter(type="borrower.searched").exists()
    text = client.get(reverse("search")).content.decode()
    assert '<form method="post"' in text
    assert find("phone", "").status_code == 422
    assert find("address", "x").status_code == 422
    assert find("phone", "\0").status_code == 422


# Legal


@pytest.fixture
def legal(client, db):
    client.force_login(make_user(role=Role.LEGAL))
    return client


def listed(client, show: str = "candidates") -> list[str]:
    return [
        case.loan.external_id for case in client.get(reverse("legal_cases"), {"show": show}).context["page"]
    ]


def old_loan(portfolio, name: str, days: int, **fields) -> Case:
    """A case opened today on a loan that has been late for so long: as after the first tape."""
    borrower = make_borrower(portfolio, phone="+1 212 555 0142")
    return make_case(
        loan=make_loan(borrower, portfolio=portfolio, external_id=name, due_on=days_ago(days), **fields)
    )


def test_cases_old_enough_to_be_looked_at(legal, river, people):
    for days in (89, 90, 200):
        old_loan(river, f"L{days}", days)
    stricter = make_portfolio("sea", terms={"legal_after_days": 30})
    old_loan(stricter, "S31", 31)
    assert sorted(listed(legal)) == ["L200", "L90", "S31"]
    # Paid in part, so that the oldest amount open is younger.
    schedule = [(days_ago(200), 50_00), (days_ago(20), 50_00)]
    parts = old_loan(river, "LP", 200, instalments=schedule, principal=100_00)
    assert "LP" in listed(legal)
    record_payment(
        case=parts, amount=50_00, value_date=TODAY, reference="P", source="desk", by=SYSTEM, at=NOW
    )
    assert "LP" not in listed(legal)


def test_what_the_list_says(legal, river):
    case = old_loan(river, "L200", 200, principal=100_00)
    open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=NOW)
    answer = legal.get(reverse("legal_cases"), {"show": "candidates"})
    assert (answer.context["at_law"], answer.context["candidates"]) == (0, 1)
    text = " ".join(answer.content.decode().replace("\xa0", " ").split())
    assert "on hold" in text
    assert '<td class="number">200</td>' in text
    assert '<td class="number">$100.00</td>' in text
    assert "No case is at law" in legal.get(reverse("legal_cases")).content.decode()


def test_days_are_counted_by_the_portfolios_calendar(legal, clock):
    """At two in the morning by UTC New York is still a day behind."""
    old_loan(make_portfolio("river"), "L89", 89)
    old_loan(make_portfolio("sea", zone="Asia/Shanghai"), "S89", 89)
    clock.at = NOW.replace(hour=23)
    assert listed(legal) == ["S89"]
    clock.at += timedelta(hours=7)
    assert sorted(listed(legal)) == ["L89", "S89"]
    assert timedelta(hours=6) < DAY
