"""Attacks on what may never be altered, as the app and as the owner of the tables. All of them fail."""

import json
import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from compliance.audit import Stream, record
from compliance.audit.canonical import canonical
from compliance.models import AuditEvent, AuditStream
from tests.factories import NOW, SYSTEM

APPEND_ONLY = {
    "accounts_debit",
    "accounts_debitdecision",
    "accounts_debitoutcome",
    "accounts_extension",
    "accounts_importedrecord",
    "accounts_ledgerentry",
    "accounts_reconciliation",
    "accounts_provideranswer",
    "accounts_providerline",
    "accounts_relatedpersonrefusal",
    "accounts_terms",
    "accounts_chargecap",
    "cases_affordability",
    "cases_agencyevaluation",
    "cases_bureaufile",
    "cases_bureaunotice",
    "cases_bureaureporting",
    "cases_casemessage",
    "cases_dayreport",
    "cases_debitmessage",
    "cases_furnished",
    "cases_legalstep",
    "cases_limitation",
    "cases_note",
    "cases_placementbatch",
    "cases_placementlift",
    "cases_planinstalment",
    "cases_reason",
    "cases_scriptstep",
    "cases_transition",
    "communications_scriptversion",
    "communications_templateversion",
    "compliance_auditevent",
    "compliance_contactattempt",
    "compliance_contactdecision",
    "compliance_contactoutcome",
    "compliance_mediarequest",
    "compliance_packversion",
    "compliance_signature",
}
"""Tables whose rows are written once. A new one belongs here and into a migration, by `forbear_append_only`."""

KEYS = {"accounts_provideranswer": "line_id", "compliance_packversion": "digest"}
MOVES = {
    "UPDATE": "UPDATE {table} SET {key} = {key}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
}


def moved(move: str, table: str) -> str:
    return MOVES[move].format(table=table, key=KEYS.get(table, "id"))


# COPY bypasses Django's translation of errors.
BROKEN = (IntegrityError, psycopg.IntegrityError)


def run(sql: str, parameters=None) -> list:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def refused(sql: str, parameters=None, *, saying: str = "permission denied", error=ProgrammingError) -> None:
    with pytest.raises(error, match=saying), transaction.atomic():
        run(sql, parameters)


# Append-only tables


def test_the_list_of_append_only_tables_is_the_database_s_own(owner_connection):
    found = owner_connection.execute(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'append_only'"
    ).fetchall()
    assert {name for (name,) in found} == APPEND_ONLY


def test_every_guard_fires_always_even_under_the_replica_role(owner_connection):
    found = owner_connection.execute(
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND t.tgenabled <> 'A'"
    ).fetchall()
    assert found == []


def test_every_function_of_a_guard_reads_the_tables_its_author_meant(owner_connection):
    """One that reads a table by its bare name could be shown a temporary table of the attacker instead."""
    found = owner_connection.execute(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.prokind = 'f'"
        " AND p.prosrc ~ '[^.a-z_](accounts|cases|communications|compliance)_[a-z]'"
        " AND NOT coalesce('search_path=pg_catalog, public, pg_temp' = ANY (p.proconfig), false)"
    ).fetchall()
    assert found == []


@pytest.mark.django_db
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_the_app_cannot_change_rows(table, move):
    refused(moved(move, table))


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_the_owner_s_own_hand_is_stopped_by_the_trigger(owner_connection, table, move):
    owner_connection.execute("SET lock_timeout = '5s'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"{move} on .* is refused"):
        owner_connection.execute(moved(move, table))


@pytest.mark.parametrize("move", MOVES)
def test_only_without_its_trigger_would_the_log_give_way(owner_connection, move):
    """What is tested above is the trigger, and nothing else that happens to stand in the way."""
    with owner_connection.transaction(force_rollback=True):
        owner_connection.execute("ALTER TABLE compliance_auditevent DISABLE TRIGGER append_only")
        owner_connection.execute("ALTER TABLE compliance_auditevent DISABLE TRIGGER append_only_truncate")
        owner_connection.execute(moved(move, "compliance_auditevent"))


# The log, as the app


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "saying"),
    [
        ("ALTER TABLE compliance_auditevent ADD COLUMN note text", "must be owner"),
        ("ALTER TABLE compliance_auditevent ALTER COLUMN type TYPE text USING 'x'", "must be owner"),
        ("ALTER TABLE compliance_auditevent DISABLE TRIGGER append_only", "must be owner"),
        ("ALTER TABLE compliance_auditevent DISABLE TRIGGER ALL", "must be owner"),
        ("DROP TRIGGER append_only ON compliance_auditevent", "must be owner"),
        ("DROP TABLE compliance_auditevent", "must be owner"),
        ("CREATE RULE swallow AS ON INSERT TO compliance_auditevent DO INSTEAD NOTHING", "must be owner"),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON compliance_auditevent FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "permission denied",
        ),
        ("CREATE OR REPLACE FUNCTION forbear_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
         "permission denied|must be owner"),
        ("DROP FUNCTION forbear_refuse() CASCADE", "must be owner"),
        ("SET session_replication_role = 'replica'", "permission denied"),
        ("SET SESSION AUTHORIZATION forbear_owner", "permission denied"),
        ("SET ROLE forbear_owner", "permission denied"),
        ("UPDATE pg_trigger SET tgenabled = 'D'", "permission denied"),
        ("COPY compliance_auditevent TO '/tmp/events'", "permission denied"),
        ("COPY compliance_auditevent FROM PROGRAM 'true'", "permission denied"),
        ("UPDATE compliance_auditstream SET last_seq = 0", "permission denied"),
        ("DELETE FROM compliance_auditstream", "permission denied"),
        ("TRUNCATE compliance_auditstream", "permission denied"),
        ("INSERT INTO compliance_auditstream (ref, kind, last_seq) VALUES (gen_random_uuid(), 'case', 9)",
         "permission denied"),
        ("UPDATE compliance_legalclock SET simulated = true", "permission denied"),
        ("UPDATE django_migrations SET applied = now()", "permission denied"),
    ],
)  # fmt: skip
def test_the_app_cannot_take_the_guards_down(sql, saying):
    refused(sql, saying=saying)


@pytest.mark.django_db
def test_the_app_cannot_write_over_an_event():
    record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW, reason="first")
    [event] = AuditEvent.objects.all()
    names = "id, stream, stream_kind, seq, type, at, actor_kind, actor, case_ref, borrower_ref, leaf"
    again = f"INSERT INTO compliance_auditevent ({names}) SELECT {names} FROM compliance_auditevent"
    refused(f"{again} ON CONFLICT (id) DO UPDATE SET type = 'x'")
    refused(f"{again} ON CONFLICT (stream, seq) DO UPDATE SET leaf = ''")
    refused(again, saying="unique constraint", error=IntegrityError)
    with pytest.raises(BROKEN, match="unique constraint"), transaction.atomic():
        copy_event(event_row(leaf_of(event)))
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AuditEvent.objects.update(type="x")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AuditEvent.objects.bulk_update([event], ["leaf"])
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        event.delete()
    assert AuditEvent.objects.get() == event


# Numbers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kept", [0, 1])
def test_a_number_taken_without_its_event_does_not_survive_the_transaction(kept):
    def take_three() -> None:
        with transaction.atomic():
            for _number in range(kept):
                record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW)
            run("SELECT audit_take(%s, 'system', %s)", [Stream.system().ref, 3 - kept])

    with pytest.raises(IntegrityError, match="has given out numbers"):
        take_three()
    assert not AuditStream.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("how_many", [0, -1, -(2**40)])
def test_a_stream_is_not_wound_back(how_many):
    record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW)
    refused(
        "SELECT audit_take(%s, 'system', %s)", [Stream.system().ref, how_many],
        saying="moves forward by at least one", error=DatabaseError,
    )  # fmt: skip
    assert AuditStream.objects.get().last_seq == 1


@pytest.mark.django_db
def test_a_stream_keeps_its_kind():
    record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW)
    refused(
        "SELECT audit_take(%s, 'case', 1)",
        [Stream.system().ref],
        saying="is not of kind",
        error=DatabaseError,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE compliance_auditstream SET last_seq = last_seq - 1",
        "UPDATE compliance_auditstream SET last_seq = last_seq",
        "UPDATE compliance_auditstream SET kind = 'case'",
        "DELETE FROM compliance_auditstream",
        "TRUNCATE compliance_auditstream",
    ],
)
def test_the_owner_does_not_wind_a_stream_back(owner_connection, sql):
    for _number in range(2):
        record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"only moves forward|is refused"):
        owner_connection.execute(sql)
    assert AuditStream.objects.get().last_seq == 2


# Forged events


def leaf_of(event: AuditEvent) -> dict:
    return json.loads(bytes(event.leaf))


def new_leaf(**changed) -> dict:
    return {
        "v": 1,
        "id": str(uuid4()),
        "type": "hold.ended",
        "at": "2026-03-03T17:00:00.000000Z",
        "stream": {"kind": "system", "ref": str(Stream.system().ref), "seq": 1},
        "actor": {"kind": "system", "ref": "test"},
        "case": str(UUID(int=1)),
        "borrower": str(UUID(int=2)),
        "data": {},
    } | changed


def event_row(leaf: dict, **changed) -> dict:
    return {
        "id": leaf["id"],
        "stream": leaf["stream"]["ref"],
        "stream_kind": leaf["stream"]["kind"],
        "seq": leaf["stream"]["seq"],
        "type": leaf["type"],
        "at": leaf["at"],
        "actor_kind": leaf["actor"]["kind"],
        "actor": leaf["actor"]["ref"],
        "case_ref": leaf.get("case"),
        "borrower_ref": leaf.get("borrower"),
        "leaf": canonical(leaf),
    } | changed


def insert_event(row: dict) -> None:
    run(
        f"INSERT INTO compliance_auditevent ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
        list(row.values()),
    )


def copy_event(row: dict) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY compliance_auditevent ({', '.join(row)}) FROM STDIN") as copy,
    ):
        copy.write_row(list(row.values()))


WAYS = {"insert": insert_event, "copy": copy_event}


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_an_event_that_agrees_with_its_leaf_and_its_stream_is_written(way):
    run("SELECT audit_take(%s, 'system', 1)", [Stream.system().ref])
    WAYS[way](event_row(new_leaf()))
    assert AuditEvent.objects.get().seq == 1


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changed",
    [
        {"id": str(UUID(int=9))},
        {"type": "hold.opened"},
        {"at": "2026-03-03T17:00:00.000001Z"},
        {"stream": str(UUID(int=9))},
        {"stream_kind": "case"},
        {"seq": 2},
        {"actor_kind": "staff"},
        {"actor": "somebody"},
        {"case_ref": None},
        {"case_ref": str(UUID(int=3))},
        {"borrower_ref": None},
    ],
    ids=lambda changed: "-".join(f"{name}={value}"[:20] for name, value in changed.items()),
)
def test_a_column_that_says_something_else_than_the_leaf_is_refused(way, changed):
    run("SELECT audit_take(%s, 'system', 1)", [Stream.system().ref])
    with pytest.raises(BROKEN, match="do not say what its leaf says"), transaction.atomic():
        WAYS[way](event_row(new_leaf(), **changed))
    WAYS[way](event_row(new_leaf()))  # the number is used after all


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "stream",
    [
        {"kind": "system", "ref": str(Stream.system().ref), "seq": 2},
        {"kind": "system", "ref": str(Stream.system().ref), "seq": 0},
        {"kind": "case", "ref": str(UUID(int=9)), "seq": 1},
    ],
    ids=["beyond the last", "before the first", "no such stream"],
)
def test_a_number_that_the_stream_has_not_given_out_is_refused(way, stream):
    record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW)
    with pytest.raises(BROKEN, match="has not given out"), transaction.atomic():
        WAYS[way](event_row(new_leaf(stream=stream)))


@pytest.mark.django_db
def test_the_moment_of_writing_is_the_database_s_own():
    before = datetime.now(UTC)
    run("SELECT audit_take(%s, 'system', 1)", [Stream.system().ref])
    insert_event(event_row(new_leaf(), recorded_at="2001-01-01T00:00:00Z"))
    assert AuditEvent.objects.get().recorded_at >= before


@pytest.mark.django_db
def test_a_temporary_table_does_not_stand_in_for_a_real_one():
    """Names are looked up where the author meant them, whatever the session has put in front."""
    run("CREATE TEMPORARY TABLE compliance_auditstream (ref uuid, kind text, last_seq bigint)")
    run(
        "INSERT INTO pg_temp.compliance_auditstream VALUES (%s, 'system', 100)",
        [Stream.system().ref],
    )
    with pytest.raises(BROKEN, match="has not given out"), transaction.atomic():
        insert_event(
            event_row(new_leaf(stream={"kind": "system", "ref": str(Stream.system().ref), "seq": 7}))
        )


def test_no_leaf_of_ours_holds_a_field_for_words():
    """Free text has no field to go to; what identifies a person has none either."""
    from compliance.audit.events import EVENTS

    fields = {field for fields in EVENTS.values() for field in fields}
    assert not {
        field for field in fields if re.search(r"name|phone|e-?mail|address|text|note_body|words", field)
    }
