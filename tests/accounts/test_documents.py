"""Documents: taken in by what they are, sealed, opened with an event, never changed, destroyed when their time has come."""

import hashlib
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.actions import documents
from accounts.actions.documents import (
    LARGEST,
    DocumentRefused,
    add_document,
    destroy_documents,
    open_document,
    prove,
    retention,
    years_after,
)
from accounts.models import BorrowerKey, Document, DocumentKind
from accounts.seal import SealBroken
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.accounts.test_files import ZIP, jpeg, pdf, png
from tests.factories import NOW, SYSTEM, make_borrower, make_loan, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db


PDF, PNG, JPEG = pdf(), png(), jpeg()


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def loan(portfolio):
    return make_loan(make_borrower(portfolio), portfolio=portfolio)


def add(loan, content=PDF, *, kind="contract", by=SYSTEM, at=NOW, **fields):
    return add_document(borrower=loan.borrower, loan=loan, kind=kind, content=content, by=by, at=at, **fields)


def events(kind="document."):
    return list(
        AuditEvent.objects.filter(type__startswith=kind).order_by("seq").values_list("type", flat=True)
    )


# What a file is


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "contract", "empty"),
        (b"PK\x03\x04\x00\x00", "contract", "media"),
        (b"%PDF-" + b"0" * LARGEST, "contract", "too_large"),
        (PDF, "settlement_certificate", "kind"),
        (jpeg(behind=ZIP), "contract", "archive"),
        (png(60_000, 60_000), "contract", "pixels"),
        (pdf(b"<</S /Launch>>"), "contract", "acts"),
    ],
)
def test_what_is_refused_leaves_nothing(loan, content, kind, code):
    with pytest.raises(DocumentRefused) as refused:
        add(loan, content, kind=kind)
    assert refused.value.code == code
    assert not Document.objects.exists()
    assert events() == []


# Taking in


def test_the_largest_that_is_taken_in(loan):
    text = b"x" * LARGEST
    assert add(loan, text).size == LARGEST
    with pytest.raises(DocumentRefused):
        add(loan, text + b"x")


def test_it_is_sealed_and_told_without_what_it_says(loan, people):
    document = add(loan, PDF, by=Actor.staff(people.alice))
    row = Document.objects.get()
    assert (row.media, row.size, row.added_by, row.made) == ("application/pdf", len(PDF), people.alice, False)
    assert row.retain_until == date(2029, 3, 3)
    assert b"Catalog" not in bytes(row.content_sealed)
    leaf = bytes(AuditEvent.objects.get(type="document.added").leaf).decode()
    assert row.digest in leaf
    assert hashlib.sha256(PDF).hexdigest() not in leaf
    proof = prove(document)
    assert proof.content == PDF
    assert hashlib.sha256(proof.salt + proof.content).hexdigest() == row.digest


def test_legal_asks_whether_there_is_a_contract(loan):
    add(loan)
    other = make_loan(loan.borrower, portfolio=loan.portfolio)
    assert Document.objects.of_loan(loan).kind("contract").exists()
    assert Document.objects.filter(loan=loan, kind="contract", destroyed_at=None).exists()
    assert not Document.objects.of_loan(loan).kind("id").exists()
    assert not Document.objects.of_loan(other).kind("contract").exists()


def test_the_same_file_twice_is_one_document(loan):
    assert add(loan) == add(loan, at=NOW + timedelta(hours=1))
    assert events() == ["document.added"]
    add(loan, kind="letter")
    assert Document.objects.count() == 2


def test_another_borrowers_loan_is_refused(loan, portfolio):
    with pytest.raises(DocumentRefused) as refused:
        add_document(borrower=make_borrower(portfolio), loan=loan, kind="id", content=PNG, by=SYSTEM, at=NOW)
    assert refused.value.code == "other_loan"


def test_the_administrator_takes_nothing_in(loan):
    with pytest.raises(PermissionDenied):
        add(loan, by=Actor.staff(make_user(role="administrator")))


def test_every_kind_has_its_time_and_its_source():
    assert set(retention()) == set(DocumentKind.values)
    assert all(term.source for term in retention().values())
    assert retention()["contract"].years == 3
    assert retention()["medical_proof"].years == 1


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)), st.integers(1, 30))
def test_years_are_whole_years(day, years):
    later = years_after(day, years)
    assert (later.year, later.month) == (day.year + years, day.month)
    assert later.day == day.day or (day.day, later.day) == (29, 28)


# Who sees which


def test_medical_proof_is_for_few_eyes(loan, portfolio, people):
    by_alice = add(loan, PNG, kind="medical_proof", by=Actor.staff(people.alice))
    add(loan)
    dave = make_user("dave", team=people.alice.team)
    seen = {
        user.username: set(Document.objects.visible_to(user).values_list("kind", flat=True))
        for user in (
            *people, dave, make_user("eve", role="compliance"), make_user("lee", role="legal"),
            make_user("sue", role="supervisor"),
        )
    }  # fmt: skip
    both = {"medical_proof", "contract"}
    assert seen == {
        "alice": both, "bob": both, "eve": both,
        "dave": {"contract"}, "lee": {"contract"},
        "charlie": set(), "sue": set(),
    }  # fmt: skip
    with pytest.raises(PermissionDenied):
        open_document(document=by_alice, by=Actor.staff(dave), at=NOW, why="check")
    assert events("borrower.unsealed") == []


def test_a_loan_of_another_team_keeps_its_documents(loan, portfolio, people):
    elsewhere = make_portfolio(entity=portfolio.entity, team=people.charlie.team)
    other = make_loan(loan.borrower, portfolio=elsewhere)
    add(loan)
    add(other, PNG)
    add_document(borrower=loan.borrower, kind="id", content=JPEG, by=SYSTEM, at=NOW)
    kinds = [set(Document.objects.visible_to(user).values_list("media", flat=True)) for user in people]
    assert kinds == [{"application/pdf", "image/jpeg"}] * 2 + [{"image/png", "image/jpeg"}]


# Opening


def test_opened_with_the_event_first(loan, people):
    document = add(loan, PNG, kind="id")
    assert open_document(document=document, by=Actor.staff(people.alice), at=NOW, why="check") == PNG
    told = AuditEvent.objects.get(type="borrower.unsealed")
    assert (told.actor, told.borrower_ref) == (str(people.alice.ref), loan.borrower_id)
    assert f'"what":"document:{document.pk}","why":"check"'.encode() in bytes(told.leaf)


def test_the_event_stays_when_the_reading_fails(loan, people, monkeypatch):
    document = add(loan)
    monkeypatch.setattr(documents, "read_document", lambda document: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_document(document=document, by=Actor.staff(people.alice), at=NOW, why="check")
    assert events("borrower.unsealed") == ["borrower.unsealed"]


def test_an_erased_borrowers_documents_open_for_nobody(loan, people):
    document = add(loan)
    BorrowerKey.objects.filter(borrower=loan.borrower_id).delete()
    document = Document.objects.get(pk=document.pk)
    with pytest.raises(SealBroken):
        open_document(document=document, by=Actor.staff(people.bob), at=NOW, why="check")
    assert document.digest
    with pytest.raises(SealBroken):
        add(type(loan).objects.get(pk=loan.pk), PNG)


def test_a_content_moved_to_another_row_does_not_open(loan):
    first, second = add(loan), add(loan, PNG)
    first.content_sealed = second.content_sealed
    with pytest.raises(SealBroken):
        prove(first)


# What never changes


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE accounts_document SET kind = 'other'",
        "UPDATE accounts_document SET retain_until = '2000-01-01'",
        "UPDATE accounts_document SET digest = repeat('0', 64)",
        "UPDATE accounts_document SET content_sealed = 'x'",
        "UPDATE accounts_document SET content_sealed = NULL",
        "UPDATE accounts_document SET content_sealed = NULL, destroyed_at = '2029-03-03 12:00Z'",
        "UPDATE accounts_document SET content_sealed = NULL, destroyed_at = '2029-03-04 11:59Z'",
        "UPDATE accounts_document SET content_sealed = NULL, destroyed_at = '2029-03-06', kind = 'other'",
        "UPDATE accounts_document SET borrower_id = gen_random_uuid()",
        "DELETE FROM accounts_document",
        "TRUNCATE accounts_document",
        "ALTER TABLE accounts_document DISABLE TRIGGER ALL",
        "INSERT INTO accounts_document SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*"
        " FROM accounts_document d",
    ],
)
def test_the_database_holds_it(loan, attack):
    add(loan)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_a_destroyed_document_stays_destroyed(loan):
    document = add(loan)
    at = NOW.replace(year=2029, month=3, day=4, hour=12)
    assert destroy_documents(documents=[document.pk], by=SYSTEM, at=at) == 1
    for attack in ("content_sealed = 'x', destroyed_at = NULL", "destroyed_at = now()"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE accounts_document SET {attack}")


def test_destroyed_only_when_the_day_has_ended_everywhere(loan):
    document = add(loan)
    early = NOW.replace(year=2029, month=3, day=4, hour=11)
    assert destroy_documents(documents=[document.pk], by=SYSTEM, at=early) == 0
    late = early + timedelta(hours=1)
    assert destroy_documents(documents=[document.pk], by=SYSTEM, at=late) == 1
    assert destroy_documents(documents=[document.pk], by=SYSTEM, at=late) == 0
    row = Document.objects.get()
    assert (row.content_sealed, row.destroyed_at, row.digest) == (None, late, document.digest)
    assert events() == ["document.added", "document.destroyed"]
    with pytest.raises(DocumentRefused) as refused:
        prove(row)
    assert refused.value.code == "destroyed"
    # What was destroyed may come again.
    assert add(loan, at=late) != document
