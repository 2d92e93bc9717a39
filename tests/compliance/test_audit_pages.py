"""The audit log as the compliance officer reads it: searched, paged, exported, each leaving its event."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import translation

from accounts.models import Role
from compliance import audit_search
from compliance.audit import Actor, Stream, record
from compliance.audit.events import EVENTS
from compliance.audit_search import CHUNK, Cut, Search
from compliance.audit_words import AMOUNT_FIELDS, CODES, GROUPS, NUMBERS, STAFF_FIELDS, WORDS, told
from compliance.models import AuditEvent
from compliance.rules import Purpose, ReasonCode
from tests.factories import NOW, SYSTEM, make_user

DAY = timedelta(days=1)
CASE, BORROWER = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def fresh_status():
    cache.clear()


@pytest.fixture
def officer(db, client):
    user = make_user("olga", role=Role.COMPLIANCE, first_name="Olga", last_name="Price")
    client.force_login(user)
    return user


@pytest.fixture
def agent(db):
    return make_user("alice", first_name="Alice", last_name="Moore")


def happen(
    event_type="hold.ended", *, by=SYSTEM, at=NOW, case=None, borrower=None, stream=None, **data
) -> None:
    record(event_type, stream=stream or Stream.system(), by=by, at=at, case=case, borrower=borrower, **data)


def some_events(agent) -> None:
    """Five events over three days, by an agent and by a part of the system."""
    by = Actor.staff(agent)
    happen("day.started", at=NOW - 2 * DAY, date=NOW.date(), by=Actor.system("run_day"))
    happen("case.opened", at=NOW - 2 * DAY, case=CASE, borrower=BORROWER, days_past_due=3,
           arrears="120.00", currency="USD", by=Actor.system("run_day"))  # fmt: skip
    happen(
        "borrower.unsealed", at=NOW - DAY, case=CASE, borrower=BORROWER, what="identity", why="call", by=by
    )
    happen("promise.recorded", at=NOW, case=CASE, borrower=BORROWER, amount="60.00", currency="USD",
           due_on=NOW.date() + DAY, channel="call", by=by)  # fmt: skip
    happen("borrower.unsealed", at=NOW, borrower=uuid4(), what="identity", why="call", by=by)


def search_page(client, **asked):
    return client.get(reverse("audit"), asked)


def types(answer) -> list[str]:
    return [row.code for row in answer.context["rows"]]


def last_event() -> tuple[str, dict]:
    event = AuditEvent.objects.order_by("recorded_at", "seq").last()
    return event.type, json.loads(bytes(event.leaf))["data"]


# Words


def test_every_event_has_its_words_and_its_group():
    assert set(WORDS) == set(EVENTS)
    assert {words.group for words in WORDS.values()} == set(GROUPS)


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_what_is_told_of_an_event_is_among_its_fields(event_type):
    assert set(WORDS[event_type].tells) <= EVENTS[event_type]


def test_every_reason_of_the_gate_has_its_word():
    assert set(CODES["reasons"][0]) == set(ReasonCode)
    assert set(CODES["purpose"][0]) == {*Purpose, "inbound"}
    assert not (AMOUNT_FIELDS | STAFF_FIELDS | set(CODES)) & set(NUMBERS)


@pytest.mark.parametrize(
    ("event_type", "data", "line"),
    [
        ("hold.opened", {"kind": "says_paid", "starts_on": "2026-03-03", "ends_on": "2026-03-05", "loan": None},
         "Says it is paid · 3 Mar 2026 · 5 Mar 2026"),
        ("contact.decided",
         {"channel": "call", "purpose": "collect", "outcome": "prohibited", "reasons": ["hold", "quiet_period"]},
         "Call · to talk about paying · prohibited · a hold, quiet days"),
        ("promise.recorded", {"amount": "60.00", "currency": "USD", "due_on": "2026-03-04"},
         "USD 60.00 · 4 Mar 2026"),
        ("complaint.assigned", {"owner": "ref-1"}, "Olga Price"),
        ("case.moved", {"source": "overdue", "target": "notified", "reason": "notice_sent"},
         "overdue · notified · notice sent"),
        ("borrower.unsealed", {"what": f"contact_point:{CASE}", "why": "call"}, "contact point · call"),
        ("audit.searched", {"found": 3}, "3 found"),
        ("message.planned", {"channel": "email", "not_before": "2026-03-03T13:00:00.000000Z"},
         "E-mail · 3 Mar 2026, 13:00:00 UTC"),
        ("case.noted", {"note": "x"}, ""),
    ],
)  # fmt: skip
def test_what_an_event_says(event_type, data, line):
    with translation.override("en"):
        assert told(event_type, data, {"ref-1": "Olga Price"}) == line


# Searching


def test_the_newest_first_with_names_instead_of_pseudonyms(client, officer, agent):
    some_events(agent)
    answer = search_page(client)
    assert types(answer)[:2] == ["borrower.unsealed", "promise.recorded"]
    row = answer.context["rows"][1]
    assert (row.who, row.what, row.tells) == ("Alice Moore", "Promise recorded", "USD 60.00 · 4 Mar 2026")
    assert (row.case, row.borrower) == (CASE, BORROWER)
    assert json.loads(row.leaf)["data"]["amount"] == "60.00"
    page = answer.content.decode()
    assert "Alice Moore" in page
    assert "system: run day" in page


def test_opening_the_log_leaves_no_event_but_a_search_does(client, officer, agent):
    some_events(agent)
    search_page(client)
    assert not AuditEvent.objects.filter(type="audit.searched").exists()
    answer = search_page(client, who="alice", since="2026-03-03")
    assert answer.context["found"] == 2
    assert last_event() == (
        "audit.searched",
        {"filters": {"actor": str(agent.ref), "since": "2026-03-03"}, "found": 2},
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"who": "alice"}, ["borrower.unsealed", "promise.recorded", "borrower.unsealed"]),
        ({"who": "run_day"}, ["case.opened", "day.started"]),
        ({"who": "alic"}, []),
        ({"what": "case.opened"}, ["case.opened"]),
        ({"what": "group:cases"}, ["case.opened", "day.started"]),
        ({"what": "group:agreements", "who": "alice"}, ["promise.recorded"]),
        ({"subject": str(CASE)}, ["promise.recorded", "borrower.unsealed", "case.opened"]),
        ({"subject": str(BORROWER)}, ["promise.recorded", "borrower.unsealed", "case.opened"]),
        ({"since": "2026-03-02", "until": "2026-03-02"}, ["borrower.unsealed"]),
        ({"until": "2026-03-01"}, ["case.opened", "day.started"]),
        ({"who": "alice", "until": "2026-03-02"}, ["borrower.unsealed"]),
    ],
)
def test_who_did_what_to_which_case_when(client, officer, agent, asked, expected):
    some_events(agent)
    assert types(search_page(client, **asked)) == expected


def test_dates_are_utc_and_both_included(client, officer):
    for moment in (
        datetime(2026, 3, 1, 23, 59, 59, 999999, UTC),
        datetime(2026, 3, 2, 0, 0, tzinfo=UTC),
        datetime(2026, 3, 2, 23, 59, 59, 999999, UTC),
        datetime(2026, 3, 3, 0, 0, tzinfo=UTC),
    ):
        happen(at=moment)
    rows = search_page(client, since="2026-03-02", until="2026-03-02").context["rows"]
    assert [row.at.day for row in rows] == [2, 2]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"subject": "W*** Z***"}, "subject"),
        ({"what": "hold.invented"}, "what"),
        ({"since": "31/02/2026"}, "since"),
        ({"since": "2026-03-03", "until": "2026-03-02"}, "until"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_the_field(client, officer, asked, field):
    answer = search_page(client, **asked)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not AuditEvent.objects.filter(type="audit.searched").exists()


def test_pages_follow_each_other_without_gap_or_double_even_at_one_moment(client, officer):
    for number in range(130):
        happen(reason=f"r{number}", at=NOW + timedelta(seconds=number // 40))
    seen, query, pages = [], {"what": "hold.ended"}, 0
    while query is not None:
        answer = client.get(reverse("audit"), query)
        seen += [row.event_id for row in answer.context["rows"]]
        pages += 1
        older = answer.context["older_query"]
        query = dict(parse_qsl(older)) or None
    assert pages == 3
    assert seen == list(
        AuditEvent.objects.filter(type="hold.ended").order_by("-at", "-id").values_list("pk", flat=True)
    )
    assert AuditEvent.objects.filter(type="audit.searched").count() == 1  # turning pages is no new search


@pytest.mark.parametrize("text", ["", "x", "2026-03-03_x", "2026-03-03T00:00:00_" + str(CASE), "_"])
def test_a_place_that_is_none_is_the_beginning(text):
    assert Cut.read(text) is None


def test_a_place_reads_back():
    cut = Cut(NOW, CASE)
    assert Cut.read(str(cut)) == cut


def test_a_page_costs_the_same_for_one_and_for_many(client, officer, django_assert_num_queries):
    happen(by=Actor.staff(make_user()))
    search_page(client)  # the status is counted once a minute
    with django_assert_num_queries(4):
        search_page(client)
    for _number in range(60):
        happen(by=Actor.staff(make_user()), borrower=uuid4())
    with django_assert_num_queries(4):
        assert len(search_page(client).context["rows"]) == 50


def test_the_line_on_top_counts_events_and_gaps(client, officer, agent):
    assert "Nothing has happened yet." in search_page(client).content.decode()
    cache.clear()
    some_events(agent)
    status = search_page(client).context["status"]
    assert (status.events, status.newest, status.gaps) == (5, NOW, 0)
    assert "no gap in the numbers" in search_page(client).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_missing_event_is_seen(client, owner_connection):
    client.force_login(make_user(role=Role.COMPLIANCE))
    for _number in range(3):
        happen()
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE compliance_auditevent DISABLE TRIGGER append_only")
        owner_connection.execute("DELETE FROM compliance_auditevent WHERE seq = 2 AND type = 'hold.ended'")
    answer = search_page(client)
    assert answer.context["status"].gaps == 1
    assert "1 number without its event" in answer.content.decode()


# Exports


def export(client, **asked) -> bytes:
    answer = client.get(reverse("audit_export"), asked)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_json_lines_are_the_exact_leaves_oldest_first(client, officer, agent):
    some_events(agent)
    leaves = [bytes(leaf) for leaf in AuditEvent.objects.order_by("at", "id").values_list("leaf", flat=True)]
    assert export(client, format="jsonl") == b"".join(leaf + b"\n" for leaf in leaves)
    assert last_event() == ("audit.exported", {"filters": {}, "format": "jsonl", "events": 5})


def test_a_table_has_names_and_the_same_events(client, officer, agent):
    some_events(agent)
    body = export(client, format="csv", who="alice")
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert [(row["When (UTC)"], row["Name"], row["Event"], row["Case"]) for row in rows] == [
        ("2026-03-02T17:00:00.000000Z", "Alice Moore", "borrower.unsealed", str(CASE)),
        ("2026-03-03T17:00:00.000000Z", "Alice Moore", "promise.recorded", str(CASE)),
        ("2026-03-03T17:00:00.000000Z", "Alice Moore", "borrower.unsealed", ""),
    ]
    assert json.loads(rows[1]["Details"]) == {
        "amount": "60.00", "channel": "call", "currency": "USD", "due_on": "2026-03-04",
    }  # fmt: skip
    assert last_event() == (
        "audit.exported",
        {"filters": {"actor": str(agent.ref)}, "format": "csv", "events": 3},
    )


def test_headings_are_in_the_reader_s_language_although_the_body_is_streamed(client, officer):
    officer.language = "zh-hans"
    officer.save()
    happen()
    heading = export(client, format="csv").decode("utf-8-sig").splitlines()[0]
    with translation.override("zh-hans"):
        assert heading.split(",")[0] == str(translation.gettext("When (UTC)"))


@pytest.mark.parametrize("name", ["=HYPERLINK(0)", "+1", "-1", "@SUM(1)"])
def test_no_cell_is_a_formula(client, officer, name):
    villain = make_user("villain", first_name=name, last_name="")
    happen(by=Actor.staff(villain))
    [row] = csv.DictReader(io.StringIO(export(client, format="csv").decode("utf-8-sig")))
    assert row["Name"] == f"'{name}"


def test_what_is_written_meanwhile_is_not_in_the_file(client, officer):
    happen(reason="before")
    answer = client.get(reverse("audit_export"), {"format": "jsonl"})
    happen(reason="after")
    lines = b"".join(answer.streaming_content).splitlines()
    assert [json.loads(line)["data"] for line in lines] == [{"reason": "before"}]


def test_an_export_of_many_parts_is_whole(client, officer, monkeypatch):
    monkeypatch.setattr(audit_search, "CHUNK", 7)
    for number in range(30):
        happen(reason=f"r{number}", at=NOW + timedelta(seconds=number // 10))
    assert CHUNK == 2_000
    lines = export(client, format="jsonl").splitlines()
    assert len(lines) == 30
    assert len({json.loads(line)["id"] for line in lines}) == 30


@pytest.mark.parametrize("asked", [{}, {"format": "xlsx"}, {"format": "csv", "since": "never"}])
def test_an_export_that_cannot_be_made_leaves_no_event(client, officer, asked):
    assert client.get(reverse("audit_export"), asked).status_code == 400
    assert not AuditEvent.objects.filter(type="audit.exported").exists()


# Who may


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", ["audit", "audit_export"])
def test_the_log_is_the_compliance_officer_s(client, role, name):
    client.force_login(make_user(role=role))
    expected = 200 if role == Role.COMPLIANCE else 403
    assert client.get(reverse(name), {"format": "csv"}).status_code == expected


@pytest.mark.django_db
def test_the_text_of_a_search_never_reaches_the_log():
    make_user("dana.field")
    search = Search(actor=audit_search.find_actor("Dana Field 0152"))
    assert search.as_data() == {"actor": "nobody"}
