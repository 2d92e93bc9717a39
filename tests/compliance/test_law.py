"""The law in the database: texts kept as they are, signed by two people, drafts set aside by two people, and what of it the
gate's facts say. What must never be broken is tried as the app's own role."""

import threading
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, ProgrammingError, connections, transaction

from accounts.models import Role
from compliance.actions import set_asides
from compliance.actions.gate import packs
from compliance.actions.packs import PackRefused, sign, store_packs, store_text
from compliance.actions.set_asides import SetAsideRefused, approve, end, propose
from compliance.audit import Actor
from compliance.facts import Question, situations
from compliance.law import law_at
from compliance.models import AuditEvent, ContactDecision, PackVersion, SetAside, Signature
from compliance.rules import Packs, parse_pack
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_portfolio, make_user

DAY = timedelta(days=1)
RULE = "US.REGF.CALLS.7IN7"


@pytest.fixture
def officers(db):
    """Three compliance officers: two are enough, the third comes too late."""
    return [make_user(name, role=Role.COMPLIANCE) for name in ("officer-1", "officer-2", "officer-3")]


@pytest.fixture
def us(db) -> PackVersion:
    store_packs(packs=packs(), by=SYSTEM, at=NOW)
    return PackVersion.objects.get(pack="us", digest=digest_of("us"))


def digest_of(pack_id: str) -> str:
    return next(pack.digest for pack in packs().all if pack.id == pack_id)


def facts_of(dana, *, at=NOW, loans=None):
    question = Question(
        borrower=dana.borrower.pk, channel="call", purpose="collect", loans=loans or (dana.loan.pk,)
    )
    [situation] = situations([question], at=at, packs=packs())
    return situation.facts


def types() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("type", flat=True))


# Texts


def test_every_text_is_stored_once_and_as_it_is(db):
    assert store_packs(packs=packs(), by=SYSTEM, at=NOW) == len(packs().all)
    assert store_packs(packs=packs(), by=SYSTEM, at=NOW) == 0
    assert {
        (each.digest, each.pack, each.jurisdiction, each.version, each.text)
        for each in PackVersion.objects.all()
    } == {(each.digest, each.id, each.jurisdiction or "", each.version, each.text) for each in packs().all}
    assert types().count("pack.stored") == len(packs().all)


def test_the_first_question_stores_what_it_rests_on(dana):
    assert not PackVersion.objects.exists()
    dana.ask()
    decision = ContactDecision.objects.get()
    assert PackVersion.objects.filter(digest__in=decision.packs.values()).count() == len(decision.packs) > 1


@pytest.mark.django_db(transaction=True)
def test_many_store_at_once_and_each_text_is_there_once():
    start = threading.Barrier(8)
    stored = []

    def work() -> None:
        start.wait()
        stored.append(store_packs(packs=packs(), by=SYSTEM, at=NOW))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == PackVersion.objects.count() == len(packs().all)
    assert types().count("pack.stored") == len(packs().all)


@pytest.mark.parametrize(
    "change", [{"text": "pack: other"}, {"pack": "other"}, {"version": TODAY}, {"jurisdiction": ""}]
)
def test_a_text_never_changes(us, change):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        PackVersion.objects.filter(pk=us.pk).update(**change)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        us.delete()


def test_a_text_is_what_its_digest_says(db):
    with pytest.raises(IntegrityError, match="pack_is_its_digest"), transaction.atomic():
        PackVersion.objects.create(
            digest=digest_of("us"),
            pack="us",
            jurisdiction="US",
            version=TODAY,
            text="rules: []",
            stored_by="x",
        )


def test_a_text_that_somebody_brings_is_checked_and_changes_nothing_in_force(officers):
    by = Actor.staff(officers[0])
    text = next(pack.text for pack in packs().all if pack.id == "us").replace("limit: 7", "limit: 5")
    stored = store_text(text=text, by=by, at=NOW)
    assert (stored.pack, stored.stored_by) == ("us", str(officers[0].ref))
    assert digest_of("us") != stored.digest
    assert store_text(text=text, by=by, at=NOW) == stored
    for wrong, code in (("pack: us", "text"), ("[", "text"), ("#" * 500_001, "too_long")):
        with pytest.raises(PackRefused) as refused:
            store_text(text=wrong, by=by, at=NOW)
        assert refused.value.code == code
    for role in set(Role) - {Role.COMPLIANCE}:
        with pytest.raises(PermissionDenied):
            store_text(text=text, by=Actor.staff(make_user(role=role)), at=NOW)
    assert types().count("pack.stored") == 1


# Signatures


def test_a_pack_is_signed_by_two_people_and_by_no_fewer(us, officers, dana):
    assert facts_of(dana).signed == ()
    sign(version=us, signer=officers[0], at=NOW)
    with pytest.raises(PackRefused, match="signed this text already"):
        sign(version=us, signer=officers[0], at=NOW)
    assert facts_of(dana).signed == ()
    assert list(PackVersion.objects.signed()) == []
    sign(version=us, signer=officers[1], at=NOW + DAY)
    assert facts_of(dana, at=NOW + DAY).signed == ("us",)
    assert facts_of(dana, at=NOW).signed == ()  # by the legal clock there was only one then
    assert list(PackVersion.objects.signed()) == [us]
    assert types()[-2:] == ["pack.signed", "pack.signed"]


def test_legal_signs_too_and_nobody_else(us):
    sign(version=us, signer=make_user(role=Role.LEGAL), at=NOW)
    for role in set(Role) - {Role.LEGAL, Role.COMPLIANCE}:
        with pytest.raises(PermissionDenied):
            sign(version=us, signer=make_user(role=role), at=NOW)
    assert Signature.objects.count() == 1


def test_the_database_takes_one_signature_of_a_person_and_never_lets_it_change(us, officers):
    sign(version=us, signer=officers[0], at=NOW)
    with pytest.raises(IntegrityError, match="signature_of_two_people"), transaction.atomic():
        Signature.objects.create(version=us, signer=officers[0], at=NOW)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Signature.objects.update(signer=officers[1])
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Signature.objects.all().delete()


def test_another_text_of_the_pack_is_not_signed_with_it(us, officers, dana, monkeypatch):
    for officer in officers[:2]:
        sign(version=us, signer=officer, at=NOW)
    assert facts_of(dana).signed == ("us",)
    changed = Packs(
        parse_pack(pack.text + "\n# one word more\n" if pack.id == "us" else pack.text, pack.id)
        for pack in packs().all
    )
    assert law_at(NOW, changed).signed == frozenset()


def test_a_decision_says_what_was_signed_when_it_was_made(us, officers, dana):
    for officer in officers[:2]:
        sign(version=us, signer=officer, at=NOW)
    answer = dana.ask()
    stored = ContactDecision.objects.get(pk=answer.decision_id)
    assert b'"signed":["us"]' in bytes(stored.facts)


# Setting aside


def set_aside(portfolio, officers, *, ends_on=TODAY + 30 * DAY, at=NOW, rule=RULE) -> SetAside:
    proposed = propose(
        rule=rule,
        portfolio=portfolio,
        reason="We are no collector.",
        ends_on=ends_on,
        proposer=officers[0],
        at=at,
    )
    return approve(set_aside=proposed, approver=officers[1], at=at)


def test_a_draft_is_set_aside_by_two_people_from_then_to_its_last_day(us, officers, dana):
    proposed = propose(
        rule=RULE, portfolio=dana.portfolio, reason="We are no collector.", ends_on=TODAY + DAY,
        proposer=officers[0], at=NOW,
    )  # fmt: skip
    assert facts_of(dana).set_aside == ()
    with pytest.raises(SetAsideRefused) as refused:
        approve(set_aside=proposed, approver=officers[0], at=NOW)
    assert refused.value.code == "own"
    approve(set_aside=proposed, approver=officers[1], at=NOW)
    assert facts_of(dana).set_aside == (RULE,)
    # Its last day is the portfolio's: in New York it ends at 05:00 UTC.
    assert facts_of(dana, at=NOW + DAY + timedelta(hours=11)).set_aside == (RULE,)
    assert facts_of(dana, at=NOW + DAY + timedelta(hours=12)).set_aside == ()
    assert types()[-2:] == ["set_aside.proposed", "set_aside.approved"]


def test_one_person_is_enough_to_let_it_bind_again(us, officers, dana):
    found = set_aside(dana.portfolio, officers)
    end(set_aside=found, person=officers[0], at=NOW + timedelta(hours=1))
    assert facts_of(dana, at=NOW + timedelta(hours=2)).set_aside == ()
    with pytest.raises(SetAsideRefused):
        end(set_aside=found, person=officers[0], at=NOW)
    with pytest.raises(SetAsideRefused):
        approve(set_aside=found, approver=officers[2], at=NOW)
    assert set_aside(dana.portfolio, officers, at=NOW + DAY) != found


def test_it_is_for_one_portfolio_and_a_contact_about_two_needs_both(us, officers, dana):
    other = make_portfolio(entity=dana.portfolio.entity)
    second = make_loan(dana.borrower, portfolio=other)
    set_aside(dana.portfolio, officers)
    both = tuple(sorted([dana.loan.pk, second.pk]))
    assert facts_of(dana).set_aside == (RULE,)
    assert facts_of(dana, loans=(second.pk,)).set_aside == ()
    assert facts_of(dana, loans=both).set_aside == ()
    set_aside(other, officers)
    assert facts_of(dana, loans=both).set_aside == (RULE,)


def test_signing_the_pack_ends_what_was_set_aside(us, officers, dana):
    set_aside(dana.portfolio, officers)
    for officer in officers[:2]:
        sign(version=us, signer=officer, at=NOW)
    assert facts_of(dana).set_aside == ()
    with pytest.raises(SetAsideRefused) as refused:
        set_aside(make_portfolio(), officers)
    assert refused.value.code == "rule"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rule": "HOUSE.TIME"}, "rule"),
        ({"rule": "NO.SUCH"}, "rule"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"ends_on": TODAY - DAY}, "ends_on"),
        ({"ends_on": TODAY + 400 * DAY}, "ends_on"),
    ],
    ids=str,
)
def test_what_is_no_draft_has_no_reason_or_no_end_is_refused(us, officers, dana, changed, code):
    asked = {"rule": RULE, "reason": "Why.", "ends_on": TODAY + DAY} | changed
    with pytest.raises(SetAsideRefused) as refused:
        propose(portfolio=dana.portfolio, proposer=officers[0], at=NOW, **asked)
    assert refused.value.code == code


def test_one_at_a_time_and_one_that_is_past_gives_way(us, officers, dana):
    first = set_aside(dana.portfolio, officers, ends_on=TODAY + DAY)
    with pytest.raises(SetAsideRefused) as refused:
        set_aside(dana.portfolio, officers)
    assert refused.value.code == "open"
    set_aside(dana.portfolio, officers, at=NOW + 3 * DAY, ends_on=TODAY + 9 * DAY)
    first.refresh_from_db()
    assert first.ended_at == NOW + 3 * DAY


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.COMPLIANCE, Role.LEGAL}))
def test_who_does_not_oversee_sets_nothing_aside(us, officers, dana, role):
    found = set_aside(dana.portfolio, officers)
    user = make_user(role=role)
    with pytest.raises(PermissionDenied):
        set_asides.end(set_aside=found, person=user, at=NOW)
    with pytest.raises(PermissionDenied):
        propose(rule=RULE, portfolio=make_portfolio(), reason="x", ends_on=TODAY, proposer=user, at=NOW)
    with pytest.raises(PermissionDenied):
        approve(set_aside=found, approver=user, at=NOW)


def a_row(dana, officers, **changed) -> dict:
    return {
        "id": uuid4(), "rule": RULE, "pack": "us", "portfolio": dana.portfolio, "reason": "Why.",
        "ends_on": TODAY + DAY, "proposed_by": officers[0], "proposed_at": NOW,
    } | changed  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"approved_by": 1, "approved_at": NOW},
        {"ended_by": 1, "ended_at": NOW},
        {"reason": ""},
        {"approved_at": NOW},
    ],
    ids=str,
)
def test_the_database_lets_nothing_begin_but_a_proposal(dana, officers, changed):
    people = {name: officers[value] if value == 1 else value for name, value in changed.items()}
    with pytest.raises(DatabaseError), transaction.atomic():
        SetAside.objects.bulk_create([SetAside(**a_row(dana, officers, **people))])


def test_the_database_holds_two_people_and_what_was_said(us, officers, dana):
    SetAside.objects.create(**a_row(dana, officers))
    rows = SetAside.objects.all()
    with pytest.raises(IntegrityError, match="set_aside_by_two_people"), transaction.atomic():
        rows.update(approved_by=officers[0], approved_at=NOW)
    for change in (
        {"rule": "US.REGF.TIME.DEFAULT"}, {"reason": "Another."}, {"ends_on": TODAY + 90 * DAY},
        {"proposed_by": officers[2]}, {"portfolio": make_portfolio()},
    ):  # fmt: skip
        with pytest.raises(ProgrammingError, match="nothing else of it changes"), transaction.atomic():
            rows.update(**change)
    rows.update(approved_by=officers[1], approved_at=NOW)
    for change in (
        {"approved_by": officers[2]}, {"approved_by": None, "approved_at": None}, {"ends_on": date(2099, 1, 1)},
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    rows.update(ended_by=officers[2], ended_at=NOW)
    with pytest.raises(ProgrammingError, match="nothing else of it changes"), transaction.atomic():
        rows.update(ended_by=None, ended_at=None)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        rows.delete()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        SetAside.objects.raw("TRUNCATE compliance_setaside")[0]


def test_the_law_costs_one_statement(us, officers, dana, django_assert_num_queries):
    set_aside(dana.portfolio, officers)
    with django_assert_num_queries(1):
        law = law_at(NOW, packs())
    assert law.aside == {dana.portfolio.pk: frozenset({RULE})}
    assert law.missing == frozenset()


def test_nothing_is_missing_that_make_dana_asks(db):
    dana = make_dana()
    dana.ask()
    assert law_at(NOW, packs()).missing == frozenset()
