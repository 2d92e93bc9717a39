"""Writing events: canonical leaves, contiguous streams, nothing without its transaction."""

import contextlib
import json
import unicodedata
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
import rfc8785
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team
from compliance.audit import Actor, Stream, record, record_many
from compliance.audit.canonical import MAX_BYTES, MAX_INTEGER, Leaves, NotCanonical, canonical
from compliance.models import AuditEvent, AuditStream
from tests.factories import NOW, SYSTEM, make_team

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
    lambda text: unicodedata.normalize("NFC", text)
)
LEAVES = st.dictionaries(
    st.text(st.characters(max_codepoint=127), max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=4)
        ),
        max_leaves=8,
    ),
    max_size=6,
)

# A busy machine draws slowly; that says nothing about the bytes.
QUIETLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


# The canonical form


@QUIETLY
@given(LEAVES)
def test_the_bytes_are_those_of_another_rfc_8785_implementation(leaf):
    assert canonical(leaf) == rfc8785.dumps(leaf)


@QUIETLY
@given(LEAVES)
def test_what_was_written_reads_back_and_writes_the_same(leaf):
    assert canonical(json.loads(canonical(leaf))) == canonical(leaf)


@QUIETLY
@given(LEAVES, TEXT, st.integers(1, 2**40), st.none() | st.uuids(), st.none() | st.uuids(), st.uuids())
def test_a_leaf_in_its_frame_is_the_canonical_form_of_the_whole(data, ref, seq, case, borrower, event):
    about = {name: str(whom) for name, whom in (("case", case), ("borrower", borrower)) if whom}
    frame = {"v": 1, "at": "2026-03-03T12:00:00.000000Z", "actor": {"kind": "system", "ref": ref}}
    stream = {"kind": "run", "ref": str(event)}
    whole = {**frame, **about, "type": "x", "id": str(event), "stream": {**stream, "seq": seq}, "data": data}
    leaves = Leaves("x", stream=stream, **frame)
    assert leaves.leaf(event, seq=seq, case=case, borrower=borrower, data=data) == canonical(whole)


@pytest.mark.parametrize("words", ["\ud800", "e\u0301", 1.5, "x" * MAX_BYTES])
def test_a_frame_refuses_what_the_canonical_form_refuses(words):
    leaves = Leaves("x", v=1, at="", stream={"kind": "run", "ref": ""}, actor={"kind": "system", "ref": ""})
    with pytest.raises(NotCanonical):
        leaves.leaf(uuid4(), seq=1, case=None, borrower=None, data={"words": words})


def test_order_of_keys_does_not_matter():
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"amount": 1.5}, "leaf.amount: float has no canonical form"),
        ({"amount": float("nan")}, "leaf.amount: float has no canonical form"),
        ({"amount": 2**53}, "leaf.amount: integer beyond 2^53−1"),
        ({"amount": -(2**53)}, "leaf.amount: integer beyond 2^53−1"),
        ({"words": ["fine", "\ud800"]}, "leaf.words[1]: lone surrogate"),
        ({"words": "e\u0301"}, "leaf.words: text is not NFC"),
        ({"näme": 1}, "leaf: key 'näme' is not ASCII text"),
        ({1: 1}, "leaf: key 1 is not ASCII text"),
        ({"on": date(2026, 3, 3)}, "leaf.on: date has no canonical form"),
        ({"raw": b"x"}, "leaf.raw: bytes has no canonical form"),
        ({"words": "x" * (17 * 1024)}, "leaf has 17420 bytes, more than 16384"),
    ],
)
def test_what_libraries_would_write_differently_is_refused(value, reason):
    with pytest.raises(NotCanonical) as refusal:
        canonical(value)
    assert str(refusal.value) == reason


def test_the_largest_leaf():
    frame = len(canonical({"words": ""}))
    assert len(canonical({"words": "x" * (MAX_BYTES - frame)})) == MAX_BYTES
    with pytest.raises(NotCanonical):
        canonical({"words": "x" * (MAX_BYTES - frame + 1)})


# Events


@pytest.mark.django_db
def test_an_event_is_its_leaf():
    borrower, case = uuid4(), uuid4()
    event_id = record(
        "hold.opened",
        stream=Stream.borrower(borrower),
        by=Actor("staff", "0b4d1c1e-0000-4000-8000-000000000001"),
        at=datetime(2026, 3, 3, 12, 0, 0, 250, tzinfo=UTC),
        case=case,
        borrower=borrower,
        kind="dispute",
        starts_on=date(2026, 3, 3),
        ends_on=None,
    )
    event = AuditEvent.objects.get()
    assert event.pk == event_id
    assert (
        bytes(event.leaf)
        == (
            f'{{"actor":{{"kind":"staff","ref":"0b4d1c1e-0000-4000-8000-000000000001"}},'
            f'"at":"2026-03-03T12:00:00.000250Z","borrower":"{borrower}","case":"{case}",'
            f'"data":{{"ends_on":null,"kind":"dispute","starts_on":"2026-03-03"}},"id":"{event_id}",'
            f'"stream":{{"kind":"borrower","ref":"{borrower}","seq":1}},"type":"hold.opened","v":1}}'
        ).encode()
    )
    assert (event.stream, event.stream_kind, event.seq) == (borrower, "borrower", 1)
    assert (event.type, event.actor_kind, event.case_ref, event.borrower_ref) == (
        "hold.opened", "staff", case, borrower,
    )  # fmt: skip


@pytest.mark.django_db
def test_a_stream_is_numbered_without_gaps_by_single_events_and_by_ranges():
    stream = Stream.run(uuid4())
    record("day.started", stream=stream, by=SYSTEM, at=NOW)
    record_many(
        "case.opened", stream=stream, by=SYSTEM, at=NOW, count=3,
        rows=[{"case": uuid4(), "borrower": uuid4(), "days_past_due": days} for days in (1, 2, 3)],
    )  # fmt: skip
    record("day.finished", stream=stream, by=SYSTEM, at=NOW)
    events = AuditEvent.objects.filter(stream=stream.ref).order_by("seq")
    assert [(event.seq, event.type) for event in events] == [
        (1, "day.started"),
        (2, "case.opened"),
        (3, "case.opened"),
        (4, "case.opened"),
        (5, "day.finished"),
    ]
    assert AuditStream.objects.get(ref=stream.ref).last_seq == 5
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("event_type", "data"),
    [("hold.invented", {}), ("hold.ended", {"name": "Dana"})],
    ids=["unknown type", "unknown field"],
)
def test_what_is_not_on_the_list_is_not_written(event_type, data):
    with pytest.raises(ValueError, match="hold"), transaction.atomic():
        record(event_type, stream=Stream.system(), by=SYSTEM, at=NOW, **data)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(("kind", "ref"), [("", "x"), ("staff", ""), ("somebody", "x")])
def test_there_is_no_anonymous_actor(kind, ref):
    with pytest.raises(ValueError, match="actor"):
        Actor(kind, ref)


@pytest.mark.django_db
def test_fewer_or_more_rows_than_announced_are_an_error():
    with pytest.raises(ValueError, match="2 events were announced, 1 given"), transaction.atomic():
        record_many("day.started", stream=Stream.system(), by=SYSTEM, at=NOW, rows=[{}], count=2)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_no_event_and_no_number():
    stream = Stream.borrower(uuid4())
    with transaction.atomic():
        record("hold.ended", stream=stream, by=SYSTEM, at=NOW)
        transaction.set_rollback(True)
    with transaction.atomic():
        record("hold.ended", stream=stream, by=SYSTEM, at=NOW, reason="kept")
        with transaction.atomic():
            record("hold.ended", stream=stream, by=SYSTEM, at=NOW, reason="undone")
            transaction.set_rollback(True)
    events = [(event.seq, json.loads(bytes(event.leaf))["data"]) for event in AuditEvent.objects.all()]
    assert events == [(1, {"reason": "kept"})]
    assert AuditStream.objects.get().last_seq == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("data", [{"reason": 1.5}, {"reason": "x" * 17_000}, {"name": "Dana"}])
def test_an_event_that_cannot_be_written_undoes_the_fact_even_when_the_error_is_caught(data):
    with transaction.atomic():
        team = make_team("Unrecorded")
        with contextlib.suppress(ValueError):
            record("hold.ended", stream=Stream.system(), by=SYSTEM, at=NOW, **data)
    assert not Team.objects.filter(pk=team.pk).exists()
    assert not AuditEvent.objects.exists()
