"""No contact without a permit: tried by every way a row can come into the contact log. All of it as the app, whose
rights are those of any code path of ours; some of it as the owner of the tables."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from psycopg.types.json import Jsonb

from communications.models import Message, Template, TemplateVersion
from compliance.actions.contacts import NoPermit, open_for_contact
from compliance.actions.gate import packs
from compliance.actions.packs import store_packs
from compliance.facts import Question, situations
from compliance.models import Channel, ContactAttempt, ContactDecision, Permit
from tests.compliance.conftest import Dana, make_dana
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_portfolio

MINUTE = timedelta(minutes=1)
REFUSED = (DatabaseError, psycopg.Error)
"""COPY bypasses Django's translation of errors."""


def run(sql: str, parameters=None) -> list:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def refused(sql: str, parameters=None, *, saying: str = "permission denied") -> None:
    with pytest.raises(DatabaseError, match=saying), transaction.atomic():
        run(sql, parameters)


# Ways into the contact log


def columns(row: dict) -> str:
    return ", ".join(row)


def marks(row: dict) -> str:
    return ", ".join(["%s"] * len(row))


def by_save(row: dict) -> None:
    ContactAttempt(**row).save(force_insert=True)


def by_bulk_create(row: dict) -> None:
    ContactAttempt.objects.bulk_create([ContactAttempt(**row)])


def by_bulk_create_ignoring_conflicts(row: dict) -> None:
    ContactAttempt.objects.bulk_create([ContactAttempt(**row)], ignore_conflicts=True)


def by_sql(row: dict) -> None:
    run(
        f"INSERT INTO compliance_contactattempt ({columns(row)}) VALUES ({marks(row)})",
        list(row.values()),
    )


def by_sql_on_conflict(row: dict) -> None:
    run(
        f"INSERT INTO compliance_contactattempt ({columns(row)}) VALUES ({marks(row)}) ON CONFLICT DO NOTHING",
        list(row.values()),
    )


def by_copy(row: dict) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY compliance_contactattempt ({columns(row)}) FROM STDIN") as copy,
    ):
        copy.write_row([str(value) if isinstance(value, UUID) else value for value in row.values()])


def by_merge(row: dict) -> None:
    run(
        f"MERGE INTO compliance_contactattempt USING (VALUES (1)) AS one ON false"
        f" WHEN NOT MATCHED THEN INSERT ({columns(row)}) VALUES ({marks(row)})",
        list(row.values()),
    )


WAYS: dict[str, Callable[[dict], None]] = {
    "save": by_save,
    "bulk_create": by_bulk_create,
    "bulk_create ignoring conflicts": by_bulk_create_ignoring_conflicts,
    "SQL": by_sql,
    "SQL on conflict": by_sql_on_conflict,
    "COPY": by_copy,
    "MERGE": by_merge,
}


def a_contact(dana: Dana, permit_id: UUID | None, **changed) -> dict:
    return {
        "id": uuid4(),
        "borrower_id": dana.borrower.pk,
        "permit_id": permit_id,
        "contact_point_id": dana.phone.pk,
        "direction": "out",
        "channel": "call",
        "purpose": "collect",
        "loans": [dana.loan.pk],
        "at": NOW,
        "local_date": TODAY,
        "reported": False,
        "reported_by": "",
        "actor": "attacker",
    } | changed


# What is tried: the row that an otherwise good permit is asked to carry


def _expired(dana: Dana) -> dict:
    permit = decide(dana, life="1 millisecond")
    time.sleep(0.01)
    return a_contact(dana, permit)


def _used(dana: Dana) -> dict:
    permit = dana.ask().permit_id
    by_sql(a_contact(dana, permit))
    return a_contact(dana, permit)


def _for_another_borrower(dana: Dana) -> dict:
    other = make_dana()
    return a_contact(other, dana.ask().permit_id)


def _another_borrower_s_number(dana: Dana) -> dict:
    other = make_dana()
    return a_contact(dana, dana.ask().permit_id, contact_point_id=other.phone.pk)


TRIES: dict[str, Callable[[Dana], dict]] = {
    "no permit": lambda dana: a_contact(dana, None),
    "no such permit": lambda dana: a_contact(dana, uuid4()),
    "expired": _expired,
    "used": _used,
    "another borrower": _for_another_borrower,
    "another borrower's number": _another_borrower_s_number,
    "another channel": lambda dana: a_contact(dana, dana.ask().permit_id, channel="sms"),
    "another address": lambda dana: a_contact(dana, dana.ask().permit_id, contact_point_id=dana.email.pk),
    "no address": lambda dana: a_contact(dana, dana.ask().permit_id, contact_point_id=None),
    "another purpose": lambda dana: a_contact(dana, dana.ask().permit_id, purpose="reminder"),
    "another loan": lambda dana: a_contact(dana, dana.ask().permit_id, loans=[make_loan(dana.borrower).pk]),
    "one loan more": lambda dana: a_contact(
        dana, dana.ask().permit_id, loans=[dana.loan.pk, make_loan(dana.borrower).pk]
    ),
    "no loan": lambda dana: a_contact(dana, dana.ask().permit_id, loans=[]),
    "before its moment": lambda dana: a_contact(dana, dana.ask().permit_id, at=NOW - MINUTE),
    "after its moment": lambda dana: a_contact(dana, dana.ask().permit_id, at=NOW + 10 * MINUTE),
    "said to be reported": lambda dana: a_contact(dana, dana.ask().permit_id, reported=True),
    "said to be inbound": lambda dana: a_contact(dana, dana.ask().permit_id, direction="in"),
    "a third direction": lambda dana: a_contact(dana, None, direction="up"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_good_permit_lets_one_contact_in_by_any_way(dana, way):
    permit = dana.ask().permit_id
    WAYS[way](a_contact(dana, permit))
    assert ContactAttempt.objects.get().permit_id == permit


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("attempt", TRIES)
def test_nothing_else_comes_in(dana, attempt, way):
    row = TRIES[attempt](dana)
    before = set(ContactAttempt.objects.values_list("pk", flat=True))
    with pytest.raises(REFUSED), transaction.atomic():
        WAYS[way](row)
    assert set(ContactAttempt.objects.values_list("pk", flat=True)) == before
    assert Permit.objects.filter(used_at=None).count() == Permit.objects.count() - len(before)


def test_a_batch_with_one_bad_row_leaves_nothing_and_spends_nothing(dana):
    rows = [a_contact(dana, dana.ask().permit_id), a_contact(dana, None)]
    with pytest.raises(ProgrammingError, match="No contact without a permit"), transaction.atomic():
        ContactAttempt.objects.bulk_create([ContactAttempt(**row) for row in rows])
    assert not ContactAttempt.objects.exists()
    assert Permit.objects.get().used_at is None


def test_a_refused_decision_carries_nothing(dana):
    answer = dana.ask(at=NOW.replace(hour=6))
    assert answer.permit_id is None
    with pytest.raises(ProgrammingError, match="No contact without a permit"), transaction.atomic():
        by_sql(a_contact(dana, answer.decision_id, at=NOW.replace(hour=6)))


def test_the_moment_of_an_outbound_contact_is_the_database_s_own(dana):
    before = datetime.now(UTC)
    by_sql(a_contact(dana, dana.ask().permit_id, recorded_at=datetime(2001, 1, 1, tzinfo=UTC)))
    assert ContactAttempt.objects.get().recorded_at >= before


# Turning one row into another


@pytest.mark.parametrize(
    "change",
    ["direction = 'out'", "reported = false", "at = now()", "contact_point_id = NULL", "permit_id = NULL"],
)
def test_an_attempt_is_never_changed(dana, change):
    by_sql(a_contact(dana, None, direction="in"))
    refused(f"UPDATE compliance_contactattempt SET {change}")
    row = a_contact(dana, dana.ask().permit_id, id=ContactAttempt.objects.get().pk)
    refused(
        f"INSERT INTO compliance_contactattempt ({columns(row)}) VALUES ({marks(row)})"
        f" ON CONFLICT (id) DO UPDATE SET {change}",
        list(row.values()),
    )
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ContactAttempt.objects.update(direction="out")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ContactAttempt.objects.all().delete()


# Reported attempts


def a_reported_one(dana: Dana, **changed) -> ContactAttempt:
    row = {
        "channel": Channel.EMAIL,
        "contact_point_id": dana.email.pk,
        "reported": True,
        "reported_by": "earlier_system",
    } | changed
    by_sql(a_contact(dana, None, **row))
    return ContactAttempt.objects.get()


def a_message(dana: Dana, **fields) -> Message:
    template = Template.objects.create(
        key=str(uuid4())[:30], channel="email", language="en", purpose="collect"
    )
    version = TemplateVersion.objects.create(template=template, number=1, body="Hello", approved_at=NOW)
    return Message.objects.create(
        borrower=dana.borrower,
        contact_point=dana.email,
        channel=Channel.EMAIL,
        purpose="collect",
        template_version=version,
        loans=[dana.loan.pk],
        dedupe_key=str(uuid4()),
        not_before=NOW,
        created_at=NOW,
        status_at=NOW,
        **fields,
    )


@pytest.mark.parametrize("kind", ["reported", "inbound"])
def test_what_others_did_is_counted_and_never_sendable(dana, kind):
    changed = {} if kind == "reported" else {"direction": "in", "reported": False, "reported_by": ""}
    attempt = a_reported_one(dana, **changed)
    with pytest.raises(NoPermit):
        open_for_contact(attempt=attempt)
    message = a_message(dana)
    with pytest.raises(IntegrityError, match="an attempt with a permit"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(status="sending", attempt=attempt)
    with pytest.raises(IntegrityError, match="an attempt with a permit"), transaction.atomic():
        a_message(dana, status="sending", attempt=attempt)


def test_a_message_leaves_by_its_own_borrower_s_attempt_alone(dana):
    other = make_dana()
    theirs, call = other.contact(Channel.EMAIL), dana.contact(Channel.CALL, purpose="reply")
    message = a_message(dana)
    for attempt in (theirs, call):
        with pytest.raises(IntegrityError, match="an attempt with a permit"), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(status="sending", attempt=attempt)
    own = dana.contact(Channel.EMAIL)
    assert Message.objects.filter(pk=message.pk).update(status="sending", attempt=own) == 1


# Forging decisions and permits


def result(outcome: str, **changed) -> dict:
    """One rule's result, as the gate stores it."""
    return {
        "rule": "HOUSE.PARTY",
        "pack": "house_gentle",
        "outcome": outcome,
        "override_reasons": [],
    } | changed


def decide(dana: Dana, **changed) -> UUID:
    """Call the database's own function, as forged code would. Gives the permit's id, spendable or not."""
    store_packs(packs=packs(), by=SYSTEM, at=NOW)
    question = Question(
        borrower=dana.borrower.pk,
        channel="call",
        purpose="collect",
        contact_point=dana.phone.pk,
        loans=(dana.loan.pk,),
    )
    [situation] = situations([question], at=NOW, packs=packs())
    outcome = changed.get("outcome", "permitted")
    arguments = {
        "decision": uuid4(),
        "permit": uuid4(),
        "borrower": dana.borrower.pk,
        "contact_point": dana.phone.pk,
        "channel": "call",
        "purpose": "collect",
        "loans": [dana.loan.pk],
        "outcome": outcome,
        "at": NOW,
        "next_allowed": None,
        "facts": situation.facts.to_json().encode(),
        "results": Jsonb([result(outcome)]),
        "packs": Jsonb(packs().versions(["US"])),
        "channels": Jsonb({}),
        "actor": "attacker",
        "life": "10 minutes",
        "override": None,
    } | changed
    names = ", ".join(f"p_{name} => %({name})s" for name in arguments).replace(
        "p_life => %(life)s", "p_life => %(life)s::interval"
    )
    run(f"SELECT gate_decide({names})", arguments)
    run("SET CONSTRAINTS ALL IMMEDIATE")  # foreign keys that the end of the transaction would check
    return arguments["permit"]


@pytest.mark.parametrize("table", ["compliance_contactdecision", "compliance_permit"])
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {table} SELECT * FROM {table}",
        "INSERT INTO {table} DEFAULT VALUES",
        "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO NOTHING",
        "UPDATE {table} SET at = now()",
        "DELETE FROM {table}",
        "TRUNCATE {table} CASCADE",
        "MERGE INTO {table} t USING {table} s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ],
)
def test_the_app_writes_neither_decisions_nor_permits(dana, table, sql):
    dana.ask()
    refused(sql.format(table=table))


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["compliance_contactdecision", "compliance_permit"])
def test_not_by_copy_either(table):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write_row(["x"])


def test_a_spent_permit_is_not_made_new_and_an_old_one_not_younger(dana):
    dana.contact()
    for change in ("used_at = NULL", "expires_at = now() + interval '1 day'", "channel = 'sms'"):
        refused(f"UPDATE compliance_permit SET {change}")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Permit.objects.update(used_at=None)


@pytest.mark.parametrize(
    ("changed", "saying"),
    [
        ({"outcome": "fine"}, "knows no outcome"),
        ({"life": "0 seconds"}, "permit_life"),
        ({"life": "-1 hour"}, "permit_life"),
        ({"contact_point": None}, "not about the contact"),
        ({"borrower": uuid4()}, "law of these loans|foreign key constraint|permit_point_of_borrower"),
        ({"results": Jsonb([])}, "strictest of the results"),
        ({"results": Jsonb([result("prohibited")])}, "strictest of the results"),
        ({"results": Jsonb([result("permitted"), result("presumed_violation")])}, "strictest of the results"),
        ({"results": Jsonb([result("fine")])}, "name their rule"),
        ({"results": Jsonb([result("permitted", pack="my_own")])}, "name their rule"),
        ({"results": Jsonb([result("permitted", pack="")])}, "name their rule"),
        ({"results": Jsonb({})}, "name their rule"),
        ({"results": Jsonb(["permitted"])}, "name their rule"),
        ({"packs": Jsonb({"house_gentle": "0" * 64})}, "whose text is stored"),
        ({"packs": Jsonb([])}, "whose text is stored"),
        ({"packs": Jsonb({})}, "name their rule|law of these loans"),
        ({"packs": Jsonb({"house_gentle": packs().versions([])["house_gentle"]})}, "law of these loans"),
        ({"facts": b"{}"}, "not about the contact"),
        ({"facts": b"[]"}, "not about the contact"),
        ({"facts": b"nothing"}, "invalid input syntax"),
        ({"facts": b"\xff"}, "invalid byte sequence"),
        ({"channel": "sms"}, "not about the contact"),
        ({"purpose": "reply"}, "not about the contact"),
        ({"loans": []}, "not about the contact"),
        ({"override": uuid4()}, "No override lets this contact happen"),
        ({"override": uuid4(), "outcome": "presumed_violation"}, "No override lets this contact happen"),
        ({"override": uuid4(), "outcome": "prohibited"}, "No override lets this contact happen"),
    ],
)
def test_the_database_s_own_function_gives_no_odd_permits(dana, changed, saying):
    with pytest.raises(DatabaseError, match=saying), transaction.atomic():
        decide(dana, **changed)
    assert not Permit.objects.exists()
    assert not ContactDecision.objects.exists()


def forged_facts(dana: Dana, **changed) -> bytes:
    """Facts about Dana's call, with something else in them."""
    facts = {
        "channel": "call",
        "purpose": "collect",
        "contact_point": str(dana.phone.pk),
        "debts": [str(dana.loan.pk)],
        "jurisdictions": ["US"],
        "role": "creditor",
    }
    return json.dumps(facts | changed).encode()


def test_it_binds_a_permit_to_the_borrower_s_own_address(dana):
    other = make_dana()
    with pytest.raises(IntegrityError, match="permit_point_of_borrower"), transaction.atomic():
        decide(
            dana,
            contact_point=other.phone.pk,
            facts=forged_facts(dana, contact_point=str(other.phone.pk)),
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"jurisdictions": []},
        {"jurisdictions": ["XX"]},
        {"jurisdictions": ["CN"]},
        {"role": "third_party_debt_collector"},
    ],
    ids=str,
)
def test_it_asks_for_the_law_of_the_loans_own_portfolio(dana, changed):
    everything = Jsonb(packs().versions(["US", "CN"]))
    with pytest.raises(IntegrityError, match="law of these loans"), transaction.atomic():
        decide(dana, facts=forged_facts(dana, **changed), packs=everything)
    assert not Permit.objects.exists()


def test_it_asks_for_the_law_of_every_loan_and_of_this_borrower_s_alone(dana):
    stranger = make_dana(make_portfolio(jurisdictions=["CN"], currency="CNY")).loan
    for loans in ([stranger.pk], sorted([dana.loan.pk, stranger.pk])):
        with pytest.raises(IntegrityError, match="law of these loans"), transaction.atomic():
            decide(dana, loans=loans, facts=forged_facts(dana, debts=[str(each) for each in loans]))
    abroad = make_portfolio(jurisdictions=["CN"], currency="CNY", entity=dana.portfolio.entity)
    second = make_loan(dana.borrower, portfolio=abroad)
    both = sorted([dana.loan.pk, second.pk])
    facts = {"debts": [str(each) for each in both]}
    with pytest.raises(IntegrityError, match="law of these loans"), transaction.atomic():
        decide(dana, loans=both, facts=forged_facts(dana, **facts))
    permit = decide(
        dana,
        loans=both,
        facts=forged_facts(dana, **facts, jurisdictions=["CN", "US"]),
        packs=Jsonb(packs().versions(["US", "CN"])),
    )
    assert Permit.objects.get().pk == permit


@pytest.mark.parametrize("outcome", ["prohibited", "presumed_violation"])
def test_it_gives_no_permit_for_a_refusal(dana, outcome):
    permit = decide(dana, outcome=outcome)
    assert not Permit.objects.filter(pk=permit).exists()
    assert ContactDecision.objects.get().allowed is False


def test_it_never_gives_more_than_fifteen_minutes(dana):
    permit = Permit.objects.get(pk=decide(dana, life="30 days"))
    assert permit.expires_at - permit.issued_at == 15 * MINUTE


def test_temporary_tables_do_not_stand_in(dana):
    """Neither a permit of the attacker's own making nor a clock of theirs."""
    run("CREATE TEMPORARY TABLE compliance_permit (LIKE public.compliance_permit INCLUDING DEFAULTS)")
    permit = uuid4()
    run(
        "INSERT INTO pg_temp.compliance_permit (id, decision_id, borrower_id, contact_point_id, channel, purpose, loans, at,"
        " expires_at) VALUES (%s, %s, %s, %s, 'call', 'collect', %s, %s, now() + interval '5 minutes')",
        [permit, uuid4(), dana.borrower.pk, dana.phone.pk, [dana.loan.pk], NOW],
    )
    with pytest.raises(ProgrammingError, match="No contact without a permit"), transaction.atomic():
        by_sql(a_contact(dana, permit))


@pytest.fixture
def real_clock(owner_connection):
    """The legal clock of a working database; the scratch mark comes back afterwards."""
    owner_connection.execute("UPDATE compliance_legalclock SET simulated = false")
    yield
    owner_connection.execute("UPDATE compliance_legalclock SET simulated = true")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("away", [-15, -3, 3, 24 * 60])
def test_a_working_database_decides_for_now_and_for_no_other_moment(real_clock, away):
    dana = make_dana()
    with pytest.raises(IntegrityError, match="A contact is decided for now"):
        decide(dana, at=datetime.now(UTC) + away * MINUTE)
    assert not Permit.objects.exists()
    with pytest.raises(ProgrammingError, match="permission denied"):
        run("UPDATE compliance_legalclock SET simulated = true")
    decide(dana, at=datetime.now(UTC))
    assert Permit.objects.count() == 1


# The guards themselves


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE compliance_contactattempt DISABLE TRIGGER permit_spend",
        "ALTER TABLE compliance_contactattempt DISABLE TRIGGER ALL",
        "ALTER TABLE compliance_contactattempt DROP CONSTRAINT outbound_has_permit",
        "ALTER TABLE compliance_contactattempt ALTER COLUMN permit_id DROP NOT NULL",
        "ALTER TABLE compliance_permit DISABLE TRIGGER permit_freeze",
        "ALTER TABLE compliance_permit ADD COLUMN mine int",
        "DROP TRIGGER permit_spend ON compliance_contactattempt",
        "CREATE OR REPLACE FUNCTION permit_spend() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION gate_decide",
        "ALTER FUNCTION gate_decide SECURITY INVOKER",
        "CREATE RULE free AS ON INSERT TO compliance_contactattempt DO INSTEAD NOTHING",
        "SET session_replication_role = 'replica'",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id int)",
    ],
)
def test_the_app_cannot_take_the_guards_down(sql):
    refused(sql, saying=r"permission denied|must be owner|no privileges")


@pytest.mark.django_db
def test_the_app_cannot_give_itself_rights():
    run(
        "GRANT INSERT, UPDATE ON compliance_permit, compliance_contactdecision TO forbear_app"
    )  # a warning, no more
    for table in ("compliance_permit", "compliance_contactdecision"):
        assert run("SELECT has_table_privilege(%s, 'INSERT, UPDATE, DELETE, TRUNCATE')", [table]) == [
            (False,)
        ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE compliance_permit SET used_at = NULL",
        "UPDATE compliance_permit SET expires_at = expires_at + interval '1 minute'",
        "UPDATE compliance_permit SET used_at = now(), channel = 'sms'",
        "DELETE FROM compliance_permit",
        "TRUNCATE compliance_permit CASCADE",
    ],
)
def test_not_even_the_owner_changes_a_permit(owner_connection, sql):
    make_dana().ask()
    owner_connection.execute("SET lock_timeout = '5s'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner_connection.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_contacts_without_a_permit(owner_connection):
    dana = make_dana()
    row = a_contact(dana, None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="No contact without a permit"):
        owner_connection.execute(
            f"INSERT INTO compliance_contactattempt ({columns(row)}) VALUES ({marks(row)})",
            list(row.values()),
        )
