"""What somebody who collects for an agency can get at: every address of the site, with everything that there is, tried."""

import re
import uuid

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.actions.payments import receive
from accounts.models import ContactKind, Role
from cases.actions.notes import add_note
from cases.actions.placements import recall
from communications.discretion import threatens
from communications.scripts import validate
from communications.texts import TextFile, check, read_texts
from compliance.actions.complaints import log_complaint
from compliance.audit import Actor
from tests.cases.stories import make_case, paper
from tests.cases.test_placements import late_case, place
from tests.factories import (
    NOW,
    SYSTEM,
    days_ago,
    make_agency,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)
from tests.test_access import PAGES, addresses

SHUT = {403, 404, 405}
FORMS = (
    "call", "promise", "plan", "affordability", "extension", "waiver", "settlement", "payment", "complaint", "hold",
    "override", "pass", "wish", "end", "legal", "ask_legal", "write",
)  # fmt: skip


@pytest.fixture
def world(db, monkeypatch):
    """One case that is placed; another of the same borrower and one of somebody else, which are not."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    portfolio = make_portfolio(terms={"placement_after_days": 60})
    people = make_people(portfolio)
    placed = late_case(portfolio)
    second = make_case(
        loan=make_loan(placed.borrower, portfolio=portfolio, external_id="SECOND-LOAN-77", principal=7_654_32)
    )
    strange = late_case(portfolio)
    agency = make_agency("Kind Collectors")
    place(agency, people.bob, placed)
    add_note(case=placed, body="Words of our own people.", author=people.alice, at=NOW)
    complaint = log_complaint(
        borrower=placed.borrower,
        portfolio=portfolio,
        category="tone",
        words="Unkind.",
        channel="call",
        by=SYSTEM,
        at=NOW,
    )
    payment = receive(
        portfolio=portfolio, reference="P-1", amount=1_00, value_date=days_ago(1), by=SYSTEM, at=NOW
    )
    return {
        "people": people, "placed": placed, "second": second, "strange": strange, "agency": agency,
        "ana": make_user("ana", role=Role.AGENCY, agency=agency),
        "ids": {
            "complaint_id": complaint.pk, "payment_id": payment.pk, "agency_ref": agency.ref,
            "document_id": paper(placed).pk,
        },
    }  # fmt: skip


def pages_about(world, case):
    """Every address that names something, filled with what there is; what there is not of gets any key."""
    for name, pattern in sorted(addresses().items()):
        keys = pattern.pattern.converters
        if not keys:
            continue
        values = {
            key: case.pk
            if key == "case_id"
            else world["ids"].get(key, uuid.UUID(int=7) if "UUID" in type(kind).__name__ else "1")
            for key, kind in keys.items()
        }
        yield name, reverse(name, kwargs=values)


def test_no_address_gives_what_is_not_placed(client, world):
    client.force_login(world["ana"])
    tried = 0
    for case in (world["second"], world["strange"]):
        for name, url in pages_about(world, case):
            assert {client.get(url).status_code, client.post(url).status_code} <= SHUT, name
            tried += 1
    assert tried > 100


def test_after_the_recall_not_even_what_was_placed(client, world):
    recall(cases=[world["placed"].pk], by=Actor.staff(world["people"].bob), at=NOW)
    client.force_login(world["ana"])
    for name, url in pages_about(world, world["placed"]):
        assert {client.get(url).status_code, client.post(url).status_code} <= SHUT, name


def test_pages_without_a_name_are_shut_or_show_nobody_else(client, world):
    client.force_login(world["ana"])
    open_to = set()
    for name, pattern in sorted(addresses().items()):
        if pattern.pattern.converters:
            continue
        answer = client.get(reverse(name))
        if answer.status_code in SHUT:
            # Only what wants a POST is its own and not there for reading.
            assert answer.status_code == 405 or Role.AGENCY not in PAGES.get(name, ()), name
            continue
        open_to.add(name)
        hidden(world, answer.content.decode())
    assert open_to <= {"agencies", "health", "home", "preferences", "queue", "sign_in", "sign_out", "states"}
    assert {"queue", "states"} <= open_to


def hidden(world, page):
    """Nothing that is sealed, nothing of another case, no word of our own people."""
    for case in (world["placed"], world["second"], world["strange"]):
        email = case.borrower.contact_points.get(kind=ContactKind.EMAIL)
        assert f"borrower{email.mask}" not in page
    assert "Dana Field" not in page
    assert not re.search(r"borrower\d+@example\.com", page)
    assert not re.search(r"212[ -]?555[ -]?\d{4}", page.replace("+1 212 555 0100", ""))
    assert "SECOND-LOAN-77" not in page
    assert "7,654" not in page
    assert str(world["second"].pk) not in page
    assert str(world["strange"].pk) not in page
    assert "Words of our own people." not in page
    assert "Unkind." not in page


def test_what_is_placed_is_always_masked_whatever_form_is_open(client, world):
    client.force_login(world["ana"])
    case = world["placed"]
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert case.borrower.name_mask in page
    hidden(world, page)
    for name in FORMS:
        hidden(world, client.get(reverse("case", args=[case.pk]), {"open": name}).content.decode())
    for name, url in pages_about(world, case):
        answer = client.get(url)
        if answer.status_code not in SHUT:
            hidden(world, answer.content.decode())
        if answer.status_code == 200:
            assert Role.AGENCY in PAGES.get(name, {Role.AGENCY}), name


def test_no_page_of_the_administrators_opens(client, world):
    client.force_login(world["ana"])
    for model in admin.site._registry:
        for verb in ("changelist", "add"):
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}")
            answer = client.get(url)
            assert answer.status_code in (302, 403), url
            assert answer.status_code == 403 or "login" in answer.url or "sign" in answer.url


# Nobody is threatened


def test_no_approved_text_and_no_script_threatens():
    for text in read_texts():
        for wording in text.languages.values():
            assert threatens(f"{wording.subject} {wording.body}") is None, text.key


@pytest.mark.parametrize(
    ("language", "threat"),
    [
        ("en", "Otherwise we will sue you."),
        ("en", "We may take legal action."),
        ("en", "A court decides then."),
        ("en", "The bailiffs will come."),
        ("zh-hans", "否则我们将向法院起诉。"),
        ("zh-hans", "您将承担法律责任。"),
        ("zh-hans", "我们会发出律师函。"),
    ],
)
def test_a_text_that_threatens_cannot_be_used(language, threat):
    [text] = [each for each in read_texts() if each.key == "agency_reminder"]
    data = text.model_dump(mode="json")
    data["languages"][language]["body"] += f"\n\n{threat}"
    assert any("threatens" in problem for problem in check(TextFile.model_validate(data)))


def test_a_script_that_threatens_cannot_be_used():
    step = {"id": "a", "say": {"en": "We will sue you.", "zh-hans": "我们将起诉您。"}, "end": {"result": "x"}}
    assert sum("threatens" in problem for problem in validate([step])) == 2
