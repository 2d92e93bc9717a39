"""Holds: what each stops, from when to when, and that the database lets none be reworded."""

import json
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.models import Role
from compliance.actions.consents import record_consent
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.holds import HOLDS, FoundKind, Stop, stopped_purposes, stops_legal_steps
from compliance.models import AuditEvent, ConsentKind, Hold, HoldKind
from compliance.rules import Purpose
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_user

DAY = timedelta(days=1)
REPLYING = {Purpose.REPLY}
ANSWERING = {Purpose.REPLY, Purpose.SERVICE}

MAY_STILL = {
    HoldKind.DISPUTE: ANSWERING,
    HoldKind.COMPLAINT: ANSWERING,
    HoldKind.HARDSHIP: ANSWERING,
    HoldKind.CEASE: REPLYING,
    HoldKind.ATTORNEY: REPLYING,
    HoldKind.SAYS_PAID: ANSWERING,
    HoldKind.ILL_OR_BEREAVED: ANSWERING,
    HoldKind.DECEASED: set(),
    HoldKind.BREATHING_SPACE: ANSWERING,
    HoldKind.ADVISER_PAUSE: ANSWERING,
    HoldKind.BANKRUPTCY: ANSWERING,
    HoldKind.IDENTITY_THEFT: ANSWERING,
    HoldKind.DISASTER: ANSWERING,
}


def events(event_type: str) -> list[dict]:
    found = AuditEvent.objects.filter(type=event_type).order_by("stream", "seq")
    return [json.loads(bytes(event.leaf))["data"] for event in found]


# The table


def test_every_kind_has_its_line():
    assert set(HOLDS) == set(HoldKind) | set(FoundKind)


@pytest.mark.parametrize("kind", HoldKind)
def test_what_a_hold_lets_through_is_exactly_this(dana, kind):
    open_hold(borrower=dana.borrower, kind=kind, by=SYSTEM, at=NOW)
    allowed = {purpose for purpose in Purpose if dana.ask(purpose=purpose, at=NOW).decision.allowed}
    # A permit just issued counts as a contact: ask anew for each, none spent.
    assert allowed <= MAY_STILL[kind]
    for purpose in MAY_STILL[kind]:
        assert purpose not in stopped_purposes(kind)
    assert not stopped_purposes(HoldKind.DECEASED)  # empty: every one of them


@pytest.mark.parametrize("kind", HoldKind)
def test_legal_steps_wait_for_what_is_not_settled(kind):
    assert stops_legal_steps(kind) == (kind not in {HoldKind.CEASE, HoldKind.ATTORNEY})
    assert stops_legal_steps(kind) == (Stop.LEGAL in HOLDS[kind].stops)


# Opening


def test_a_hold_begins_on_the_borrower_s_own_date(dana):
    late = NOW.replace(day=4, hour=3)  # 22:00 of the third in New York
    hold = open_hold(borrower=dana.borrower, kind=HoldKind.DISPUTE, by=SYSTEM, at=late, loan=dana.loan)
    assert (hold.starts_on, hold.ends_on, hold.opened_at) == (TODAY, None, late)
    assert events("hold.opened") == [
        {
            "hold": str(hold.pk),
            "kind": "dispute",
            "starts_on": "2026-03-03",
            "ends_on": None,
            "loan": str(dana.loan.pk),
            "review_on": "2026-03-17",
            "evidence": "",
        }
    ]


def test_says_paid_holds_for_three_days_the_first_included(dana):
    hold = open_hold(borrower=dana.borrower, kind=HoldKind.SAYS_PAID, by=SYSTEM, at=NOW)
    assert (hold.starts_on, hold.ends_on) == (date(2026, 3, 3), date(2026, 3, 5))
    assert [dana.ask(at=NOW + days * DAY).decision.allowed for days in range(4)] == [
        False, False, False, True,
    ]  # fmt: skip


def test_a_hold_on_one_loan_leaves_the_others(dana):
    other = make_loan(dana.borrower, portfolio=dana.portfolio)
    open_hold(borrower=dana.borrower, kind=HoldKind.DISPUTE, by=SYSTEM, at=NOW, loan=dana.loan)
    assert not dana.ask().decision.allowed
    assert not dana.ask(loans=[dana.loan.pk, other.pk]).decision.allowed
    assert dana.ask(loans=[other.pk]).decision.allowed


def test_one_that_covers_it_already_is_enough(dana):
    arguments = {"borrower": dana.borrower, "kind": HoldKind.DISPUTE, "by": SYSTEM, "at": NOW}
    narrow = open_hold(**arguments, loan=dana.loan, days=5)
    assert open_hold(**arguments, loan=dana.loan, days=3) == narrow
    longer = open_hold(**arguments, loan=dana.loan)
    assert longer != narrow
    whole = open_hold(**arguments)
    assert whole not in (narrow, longer)
    assert open_hold(**arguments, loan=make_loan(dana.borrower, portfolio=dana.portfolio), days=9) == whole
    assert len(events("hold.opened")) == 3


@pytest.mark.parametrize(
    "changed", [{"kind": "whim"}, {"days": 0}, {"days": -1}], ids=["kind", "no days", "negative"]
)
def test_what_makes_no_sense_is_refused(dana, changed):
    with pytest.raises(ValueError, match=r"whim|a day at least"):
        open_hold(**{"borrower": dana.borrower, "kind": HoldKind.DISPUTE, "by": SYSTEM, "at": NOW} | changed)
    assert not Hold.objects.exists()


# Ending


def test_ending_is_for_those_who_may_and_happens_once(dana):
    hold = open_hold(borrower=dana.borrower, kind=HoldKind.CEASE, by=SYSTEM, at=NOW)
    agent, officer = (Actor.staff(make_user(role=role)) for role in (Role.AGENT, Role.COMPLIANCE))
    with pytest.raises(PermissionDenied):
        end_hold(hold=hold, by=agent, at=NOW, reason="asked_again")
    assert not dana.ask().decision.allowed
    ended = end_hold(hold=hold, by=officer, at=NOW, reason="asked_again")
    assert (ended.ended_at, ended.ended_by) == (NOW, officer.ref)
    again = end_hold(hold=hold, by=SYSTEM, at=NOW + DAY, reason="other")
    assert (again.ended_at, again.ended_by) == (NOW, officer.ref)
    assert events("hold.ended") == [{"hold": str(hold.pk), "kind": "cease", "reason": "asked_again"}]
    assert dana.ask().decision.allowed


# In the database


def run(sql: str, parameters=None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'says_paid'",
        "ends_on = current_date - 400, starts_on = current_date - 401",
        "loan_id = NULL",
        "ended_at = now()",
        "ended_at = now(), ended_by = 'x', kind = 'cease'",
        "opened_by = 'somebody'",
    ],
)
def test_a_hold_is_not_reworded(dana, change):
    open_hold(borrower=dana.borrower, kind=HoldKind.DISPUTE, by=SYSTEM, at=NOW, loan=dana.loan)
    with pytest.raises(DatabaseError, match="can only be ended, once"), transaction.atomic():
        run(f"UPDATE compliance_hold SET {change}")


def test_an_ended_hold_stays_ended_and_a_withdrawn_consent_withdrawn(dana):
    hold = open_hold(borrower=dana.borrower, kind=HoldKind.DISPUTE, by=SYSTEM, at=NOW)
    end_hold(hold=hold, by=SYSTEM, at=NOW, reason="settled")
    with pytest.raises(DatabaseError, match="can only be ended, once"), transaction.atomic():
        run("UPDATE compliance_hold SET ended_at = NULL, ended_by = ''")
    record_consent(
        borrower=dana.borrower, kind=ConsentKind.CALL_BACK, from_on=TODAY, evidence="call:1", by=SYSTEM, at=NOW
    )  # fmt: skip
    for change in ("from_on = current_date", "to_on = NULL", "evidence = 'x'", "revoked_at = NULL"):
        with pytest.raises(DatabaseError, match="can only be withdrawn, once"), transaction.atomic():
            run(f"UPDATE compliance_consent SET {change}")


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["compliance_hold", "compliance_consent", "compliance_complaint"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_none_is_removed(table, sql):
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run(sql.format(table))


@pytest.mark.parametrize("table", ["compliance_hold", "compliance_consent", "compliance_complaint"])
def test_none_is_removed_by_the_owner(owner_connection, table):
    owner_connection.execute("SET lock_timeout = '5s'")
    for sql in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(Exception, match="is refused"):
            owner_connection.execute(sql)


def test_the_end_is_after_the_beginning(dana):
    with pytest.raises(DatabaseError, match="hold_dates"), transaction.atomic():
        Hold.objects.create(
            id=uuid4(),
            borrower=dana.borrower,
            kind=HoldKind.DISPUTE,
            starts_on=TODAY,
            ends_on=TODAY - DAY,
            opened_at=NOW,
            opened_by="x",
        )
