"""Borrowers: sealed, found exactly, opened only with an event; the people around them and their refusals."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.actions.borrowers import (
    BorrowerRefused,
    add_borrower,
    add_contact_point,
    add_related_person,
    find,
    open_contact_point,
    open_for_attempt,
    open_identity,
    open_related_person,
    refuse_related_person,
    retire_contact_point,
)
from accounts.models import Borrower, ContactPoint, RelatedPerson, Role
from accounts.phones import ContactError
from accounts.seal import SealBroken
from compliance.audit import Actor
from compliance.audit.models import AuditEvent
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio("usd")


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def alice(people):
    return Actor.staff(people.alice)


@pytest.fixture
def dana(portfolio):
    borrower = make_borrower(
        portfolio, name="Dana Field", external_id="CUST-7", phone="(212) 555-0123", email="Dana@Example.com"
    )
    make_loan(borrower, external_id="LN-1")
    return borrower


@pytest.fixture
def phone(dana):
    return dana.contact_points.get(kind="phone")


def last_event(kind):
    event = AuditEvent.objects.filter(type=kind).latest("recorded_at")
    return json.loads(bytes(event.leaf))


def add_point(borrower, kind="phone", text="212 555 0199", source="application", ground="contract", **other):
    return add_contact_point(
        borrower=borrower,
        kind=kind,
        text=text,
        source=source,
        ground=ground,
        region="US",
        by=SYSTEM,
        at=NOW,
        **other,
    )


def add_guarantor(borrower, **changed):
    details = {"relation": "guarantor", "given_by": "borrower", "ground": "contract"} | changed
    return add_related_person(
        borrower=borrower, name="Gale Stone", given_on=TODAY, by=SYSTEM, at=NOW, **details
    )


# What the database holds


def test_nothing_readable_is_stored(dana):
    add_guarantor(dana)
    tables = ("accounts_borrower", "accounts_contactpoint", "accounts_relatedperson")
    readable = ["Dana", "Field", "Gale", "Stone", "2125550123", "5550123", "example.com", "CUST-7"]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            text = cursor.fetchone()[0]
            # Bytes show as hexadecimal digits: what would be readable in them must not be there either.
            for secret in readable:
                assert secret not in text, table
                assert secret.encode().hex() not in text, table


def test_masks_and_what_rules_need_stand_beside(dana, phone):
    email = dana.contact_points.get(kind="email")
    assert (dana.name_mask, phone.mask, email.mask) == ("D*** F***", "+1 2******123", "d***@e***.com")
    assert (phone.country, phone.zones, phone.line_type) == ("US", ["America/New_York"], "fixed_or_mobile")
    assert (phone.owner, phone.status) == ("borrower", "active")


def test_no_event_holds_personal_data(dana, alice):
    person = add_guarantor(dana)
    open_identity(borrower=dana, by=alice, at=NOW, why="call")
    find(kind="phone", text="212 555 0123", by=alice, at=NOW)
    refuse_related_person(person=person, channel="call", by=SYSTEM, at=NOW)
    leaves = b" ".join(bytes(leaf) for leaf in AuditEvent.objects.values_list("leaf", flat=True))
    for secret in ("Dana", "Gale", "Stone", "2125550123", "0123", "example.com", "CUST-7", "alice"):
        assert secret.encode() not in leaves


def test_one_person_to_one_entity(portfolio, dana):
    details = {"identity": {"name": "D. Field"}, "language": "en", "by": SYSTEM, "at": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        add_borrower(entity=portfolio.entity, external_id="CUST-7", **details)
    other = make_portfolio().entity
    assert add_borrower(entity=other, external_id="CUST-7", **details).entity == other


def test_an_identity_has_a_closed_list_of_fields(portfolio):
    with pytest.raises(ValueError, match="shoe_size"):
        add_borrower(
            entity=portfolio.entity,
            external_id="X",
            identity={"name": "D", "shoe_size": "9"},
            language="en",
            by=SYSTEM,
            at=NOW,
        )


# Opening a seal


def test_opening_leaves_an_event(dana, phone, people, alice):
    assert open_identity(borrower=dana, by=alice, at=NOW, why="call") == {
        "name": "Dana Field",
        "external_id": "CUST-7",
    }
    assert last_event("borrower.unsealed") | {"id": "", "stream": ""} == {
        "v": 1,
        "id": "",
        "type": "borrower.unsealed",
        "at": "2026-03-03T17:00:00.000000Z",
        "stream": "",
        "actor": {"kind": "staff", "ref": str(people.alice.ref)},
        "borrower": str(dana.pk),
        "data": {"what": "identity", "why": "call"},
    }
    assert open_contact_point(point=phone, by=alice, at=NOW, why="call") == "+12125550123"
    assert last_event("borrower.unsealed")["data"]["what"] == f"contact_point:{phone.pk}"
    person = add_guarantor(dana)
    assert open_related_person(person=person, by=alice, at=NOW, why="call") == "Gale Stone"
    assert last_event("borrower.unsealed")["data"]["what"] == f"related_person:{person.pk}"


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.AGENT, True),
        (Role.SUPERVISOR, True),
        (Role.COMPLIANCE, True),
        (Role.LEGAL, True),
        (Role.ADMINISTRATOR, False),
    ],
)
def test_who_may_open(dana, phone, role, may):
    by = Actor.staff(make_user(role=role))
    for opening in (
        lambda: open_identity(borrower=dana, by=by, at=NOW, why="call"),
        lambda: open_contact_point(point=phone, by=by, at=NOW, why="call"),
    ):
        if may:
            assert opening()
        else:
            with pytest.raises(PermissionDenied):
                opening()
    assert AuditEvent.objects.filter(type="borrower.unsealed").count() == (2 if may else 0)


@pytest.mark.django_db(transaction=True)
def test_without_its_event_nothing_is_opened(dana, phone, alice, owner_connection):
    owner_connection.execute(
        "ALTER TABLE compliance_auditevent ADD CONSTRAINT log_is_full CHECK (type <> 'borrower.unsealed') NOT VALID"
    )
    for opening in (
        lambda: open_identity(borrower=dana, by=alice, at=NOW, why="call"),
        lambda: open_contact_point(point=phone, by=alice, at=NOW, why="call"),
    ):
        with pytest.raises(IntegrityError):
            opening()


def test_the_reason_of_an_opening_is_a_code(dana, alice):
    with pytest.raises(ValueError, match="short code"):
        open_identity(borrower=dana, by=alice, at=NOW, why="I was curious about Dana")


def test_opening_inside_another_transaction_is_refused(dana, alice):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        open_identity(borrower=dana, by=alice, at=NOW, why="call")
    assert not AuditEvent.objects.filter(type="borrower.unsealed").exists()


def test_a_value_opens_in_its_own_contact_point_only(dana, phone):
    email = dana.contact_points.get(kind="email")
    ContactPoint.objects.filter(pk=email.pk).update(value_sealed=phone.value_sealed)
    with pytest.raises(SealBroken):
        open_for_attempt(point=ContactPoint.objects.get(pk=email.pk))


# Searching


@pytest.mark.parametrize(
    "text",
    [
        "2125550123",
        "212 555 0123",
        "(212) 555-0123",
        "212.555.0123",
        "1 212 555 0123",
        "+1 212-555-0123",
        "+12125550123",
        "0012125550123",
        "２１２５５５０１２３",
        " 212-555-0123 ",
    ],
)
def test_a_phone_number_is_found_in_any_common_spelling(dana, alice, text):
    assert find(kind="phone", text=text, by=alice, at=NOW) == [dana]


@pytest.mark.parametrize(
    "text", ["13800138000", "138 0013 8000", "+86 138 0013 8000", "008613800138000", "86 13800138000"]
)
def test_a_chinese_number_is_read_in_the_portfolios_country(alice, portfolio, text):
    cny = make_portfolio("cny", currency="CNY", jurisdictions=["CN"], zone="Asia/Shanghai")
    cny.team_set.set(portfolio.team_set.all())
    wang = make_borrower(cny, name="王芳", phone="138 0013 8000")
    make_loan(wang)
    assert find(kind="phone", text=text, by=alice, at=NOW) == [wang]
    assert (wang.name_mask, wang.contact_points.get().mask) == ("王*", "+86 138****8000")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("email", "dana@example.com"),
        ("email", " DANA@EXAMPLE.COM "),
        ("customer", "CUST-7"),
        ("customer", " CUST-7 "),
        ("loan", "LN-1"),
    ],
)
def test_exact_search_by_other_kinds(dana, alice, kind, text):
    assert find(kind=kind, text=text, by=alice, at=NOW) == [dana]
    assert last_event("borrower.searched")["data"] == {"kind": kind, "found": 1}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "212 555 012"),
        ("phone", "0123"),
        ("phone", "not a number"),
        ("phone", ""),
        ("email", "dana@example"),
        ("email", "ana@example.com"),
        ("customer", "cust-7"),
        ("customer", "CUST"),
        ("loan", "LN"),
        ("loan", "LN-%"),
        ("phone", "LN-1"),
        ("email", "CUST-7"),
    ],
)
def test_nothing_is_found_by_halves(dana, alice, kind, text):
    assert find(kind=kind, text=text, by=alice, at=NOW) == []
    assert last_event("borrower.searched")["data"] == {"kind": kind, "found": 0}


def test_a_related_persons_number_finds_the_borrower(dana, alice):
    add_point(dana, related_person=add_guarantor(dana))
    assert find(kind="phone", text="212 555 0199", by=alice, at=NOW) == [dana]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("phone", "212 555 0123"), ("email", "dana@example.com"), ("customer", "CUST-7"), ("loan", "LN-1")],
)
def test_search_shows_only_what_one_may_see(dana, people, kind, text):
    assert find(kind=kind, text=text, by=Actor.staff(people.bob), at=NOW) == [dana]
    assert find(kind=kind, text=text, by=Actor.staff(people.charlie), at=NOW) == []
    compliance = make_user(role=Role.COMPLIANCE)
    assert find(kind=kind, text=text, by=Actor.staff(compliance), at=NOW) == [dana]


def test_a_borrower_with_loans_of_two_teams(dana, people):
    theirs = make_portfolio("other", entity=dana.entity, team=people.charlie.team)
    make_loan(dana, portfolio=theirs, external_id="LN-9")
    charlie = Actor.staff(people.charlie)
    assert find(kind="customer", text="CUST-7", by=charlie, at=NOW) == [dana]
    assert find(kind="loan", text="LN-9", by=charlie, at=NOW) == [dana]
    assert find(kind="loan", text="LN-1", by=charlie, at=NOW) == []


def test_only_staff_search_and_only_by_known_kinds(dana, alice):
    with pytest.raises(PermissionDenied):
        find(kind="phone", text="212 555 0123", by=SYSTEM, at=NOW)
    with pytest.raises(ValueError, match="search"):
        find(kind="name", text="Dana", by=alice, at=NOW)


# Contact points


@pytest.mark.parametrize(
    "source", ["address_book", "contact_list", "call_log", "bought", "data_broker", "scraped", "通讯录"]
)
def test_harvested_and_bought_data_are_refused(dana, source):
    with pytest.raises(BorrowerRefused) as refusal:
        add_point(dana, source=source, ground="consent")
    assert refusal.value.code == "harvested"
    with pytest.raises(BorrowerRefused):
        add_guarantor(dana, given_by=source)
    assert dana.contact_points.count() == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [({"source": "a friend"}, "source_unknown"), ({"ground": "because"}, "ground_unknown"),
     ({"source": ""}, "source_unknown"), ({"ground": ""}, "ground_unknown")],
)  # fmt: skip
def test_source_and_ground_come_from_closed_lists(dana, change, code):
    with pytest.raises(BorrowerRefused) as refusal:
        add_point(dana, **change)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("kind", "text"), [("phone", "12"), ("phone", ""), ("email", "dana"), ("wechat", "  "), ("app", "")]
)
def test_what_is_no_address_is_refused(dana, kind, text):
    with pytest.raises(ContactError):
        add_point(dana, kind=kind, text=text)


def test_adding_a_point(dana):
    point = add_point(dana, verified_on=TODAY, zones=["America/Chicago"])
    assert (point.zones, point.verified_on) == (["America/Chicago", "America/New_York"], TODAY)
    assert last_event("contact_point.added")["data"] == {
        "contact_point": str(point.pk),
        "kind": "phone",
        "source": "application",
        "ground": "contract",
    }


def test_a_known_point_is_not_added_twice(dana, phone):
    events = AuditEvent.objects.count()
    assert add_point(dana, text="+1 212 555 0123") == phone
    assert AuditEvent.objects.count() == events


def test_retiring_and_giving_again(dana, phone):
    for reason in ("wrong_number", "again"):
        retired = retire_contact_point(point=phone, status="wrong", reason=reason, by=SYSTEM, at=NOW)
    assert (retired.status, retired.status_reason) == ("wrong", "wrong_number")
    assert not dana.contact_points.usable().filter(kind="phone").exists()
    assert last_event("contact_point.retired")["data"] == {
        "contact_point": str(phone.pk),
        "reason": "wrong_number",
    }
    again = add_point(dana, text="212 555 0123", source="borrower", ground="consent")
    assert (again.pk, again.status, again.source, again.ground) == (phone.pk, "active", "borrower", "consent")
    assert last_event("contact_point.added")["data"]["source"] == "borrower"


def test_a_point_is_retired_in_one_of_three_ways(phone):
    with pytest.raises(ValueError, match="active"):
        retire_contact_point(point=phone, status="active", reason="code", by=SYSTEM, at=NOW)


# Related persons


def test_a_related_person_carries_who_named_them_and_why(dana):
    person = add_guarantor(dana)
    assert person.name_mask == "G*** S***"
    assert last_event("related_person.added")["data"] == {
        "related_person": str(person.pk),
        "relation": "guarantor",
        "given_by": "borrower",
        "given_on": str(TODAY),
        "ground": "contract",
    }
    assert add_point(dana, related_person=person).owner == "guarantor"


def test_an_unknown_relation_is_refused(dana):
    with pytest.raises(ValueError, match="colleague"):
        add_guarantor(dana, relation="colleague")


def test_a_refusal_holds_for_ever(dana):
    person = add_guarantor(dana)
    point = add_point(dana, related_person=person)
    refusal = refuse_related_person(person=person, channel="call", by=SYSTEM, at=NOW)
    assert refuse_related_person(person=person, channel="call", by=SYSTEM, at=NOW) == refusal
    point.refresh_from_db()
    assert (point.status, point.status_reason) == ("retired", "refused")
    assert last_event("related_person.refused")["data"] == {
        "related_person": str(person.pk),
        "channel": "call",
    }
    for attempt in (
        lambda: add_point(dana, related_person=person),
        lambda: add_point(dana, text="212 555 0177", related_person=person),
        lambda: add_point(dana, related_person=add_guarantor(dana)),
        lambda: add_point(dana),
    ):
        with pytest.raises(BorrowerRefused) as refused:
            attempt()
        assert refused.value.code == "refused_for_ever"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts_relatedpersonrefusal",
        "UPDATE accounts_relatedpersonrefusal SET channel = 'sms'",
        "TRUNCATE accounts_relatedpersonrefusal",
    ],
)
def test_a_refusal_cannot_be_taken_back(dana, statement):
    refuse_related_person(person=add_guarantor(dana), channel="call", by=SYSTEM, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_person_stands_by_their_own_borrower(portfolio, dana):
    stranger = make_borrower(portfolio)
    with pytest.raises(ValueError, match="another borrower"):
        add_point(stranger, related_person=add_guarantor(dana))


# Who sees whom


def test_borrowers_and_loans_are_seen_by_their_team(dana, people):
    make_loan(dana)
    assert list(Borrower.objects.visible_to(people.alice)) == [dana]
    assert list(Borrower.objects.visible_to(people.charlie)) == []
    assert list(Borrower.objects.visible_to(make_user())) == []
    assert RelatedPerson.objects.count() == 0
