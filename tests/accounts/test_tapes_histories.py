"""Files of what was known before: what is read, what is refused."""

from datetime import UTC, date, datetime, time

import pytest

from accounts.tapes import fields
from accounts.tapes.codes import Code, TapeError
from accounts.tapes.histories import HistoryCleaner
from accounts.tapes.mapping import load_mapping
from accounts.tapes.read import open_tape
from accounts.tapes.records import CleanRecord, record_bytes
from tests.accounts.tapes import TODAY, as_csv, well_said

WHOSE = {"borrower_id": "B1", "loan_id": "L1"}
ROWS = {
    "holds": {
        "hold_id": "H1", **WHOSE, "kind": "breathing_space", "variant": "standard", "from_on": "2026-08-01", "to_on": "",
    },
    "opt_outs": {
        "request_id": "O1", **WHOSE, "channel": "email", "email": "A@Example.com", "wish": "again",
        "received_at": "2026-08-01 10:00:00", "how": "email", "evidence": "mail:7",
    },
    "consents": {
        "consent_id": "C1", **WHOSE, "kind": "contact_time", "channel": "", "days": "sun, MON", "from_hour": "9:30",
        "to_hour": "24:00", "only_convenient": "yes", "most": "", "given_to": "us", "given_at": "2026-08-01 10:00:00",
        "from_on": "2026-08-02", "to_on": "2026-09-30", "evidence": "call:7",
    },
    "complaints": {
        "complaint_id": "K1", **WHOSE, "category": "tone", "words": "One.\nTwo.", "channel": "letter",
        "received_at": "2026-08-01 10:00:00",
    },
    "promises": {
        "promise_id": "P1", "loan_id": "L1", "amount": "25.50", "currency": "USD", "due_on": "2026-09-05",
        "made_at": "2026-08-30 10:00:00", "channel": "call",
    },
    "attempts": {
        "attempt_id": "A1", "reported_by": "agency_b", **WHOSE, "role": "third_party_debt_collector", "channel": "call",
        "direction": "out", "at": "2026-08-01 10:00:00", "purpose": "collect", "phone": "+1 212 555 0123",
        "result": "no_answer",
    },
}  # fmt: skip


def clean(kind: str, *rows: dict[str, str]):
    cleaner = HistoryCleaner(kind, load_mapping("standard"), today=TODAY)
    return list(cleaner.run(open_tape(as_csv(rows), "t.csv", wanted=cleaner.wanted)))


def test_the_standard_mapping_has_every_field_of_every_kind_under_its_own_name():
    mapping = load_mapping("standard")
    for kind, known in fields.HISTORY.items():
        section = getattr(mapping, kind)
        assert list(section.columns) == [field.name for field in known]
        assert all(name == column.column for name, column in section.columns.items())


def test_what_is_read():
    noon = datetime(2026, 8, 1, 10, tzinfo=UTC)
    [consent] = clean("consents", ROWS["consents"])
    assert (consent.kind, consent.external_id, consent.source, consent.rows) == ("consents", "C1", "", (2,))
    assert dict(consent.of) == WHOSE | {
        "kind": "contact_time", "days": ("MON", "SUN"), "from_hour": time(9, 30), "to_hour": time(0),
        "only_convenient": True, "given_to": "us", "given_at": noon, "from_on": date(2026, 8, 2),
        "to_on": date(2026, 9, 30), "evidence": "call:7",
    }  # fmt: skip
    [attempt] = clean("attempts", ROWS["attempts"])
    assert (attempt.key, attempt.of["phone"].e164, attempt.of["at"]) == (
        ("agency_b", "A1"),
        "+12125550123",
        noon,
    )
    [complaint] = clean("complaints", ROWS["complaints"])
    assert complaint.of["words"] == "One.\nTwo."
    [promise] = clean("promises", ROWS["promises"])
    assert promise.of["amount"] == 25_50


def test_bytes_are_equal_exactly_when_a_record_says_the_same():
    for kind, row in ROWS.items():
        [first], [again] = clean(kind, row), clean(kind, row)
        assert record_bytes(first) == record_bytes(again)
    other = ROWS["attempts"] | {"result": "busy"}
    assert record_bytes(clean("attempts", other)[0]) != record_bytes(clean("attempts", ROWS["attempts"])[0])


WRONG = [
    ("attempts", {"borrower_id": "", "loan_id": ""}, Code.NOBODY_NAMED),
    ("attempts", {"reported_by": "Agency B"}, Code.BAD_SOURCE),
    ("attempts", {"channel": "sms", "phone": "", "email": "a@example.com"}, Code.ADDRESS_OF_OTHER_CHANNEL),
    ("attempts", {"channel": "letter"}, Code.ADDRESS_OF_OTHER_CHANNEL),
    ("attempts", {"at": "2026-09-02 10:00:00"}, Code.DATE_IN_FUTURE),
    ("attempts", {"result": "shouted"}, Code.UNKNOWN_WORD),
    ("opt_outs", {"evidence": ""}, Code.NEEDS),
    ("opt_outs", {"evidence": "he said so"}, Code.NOT_A_REFERENCE),
    ("holds", {"to_on": "2026-07-31"}, Code.ENDS_BEFORE),
    ("holds", {"kind": "dispute"}, Code.NOT_FOR),
    ("holds", {"kind": "complaint"}, Code.UNKNOWN_WORD),
    ("consents", {"from_hour": ""}, Code.NEEDS),
    ("consents", {"from_hour": "25:00"}, Code.NOT_AN_HOUR),
    ("consents", {"from_hour": "00:00"}, Code.ENDS_BEFORE),
    ("consents", {"most": "3"}, Code.NOT_FOR),
    ("consents", {"days": "MON FOO"}, Code.UNKNOWN_WORD),
    ("consents", {"evidence": ""}, Code.MISSING),
    ("complaints", {"words": ""}, Code.MISSING),
    ("complaints", {"words": "a\u202eb"}, Code.CONTROL_CHARACTER),
    ("promises", {"amount": "0"}, Code.NOT_POSITIVE),
    ("promises", {"due_on": "2026-08-29"}, Code.ENDS_BEFORE),
    ("promises", {"currency": "EUR"}, Code.OTHER_CURRENCY),
]


@pytest.mark.parametrize(("kind", "changes", "code"), WRONG)
def test_what_is_refused_and_why(kind, changes, code):
    row = ROWS[kind] | changes
    if "email" not in ROWS[kind]:
        row = {**row, "email": changes.get("email", "")} if kind == "attempts" else row
    [refused] = clean(kind, row)
    assert [reason.code for reason in refused.reasons] == [code]
    assert well_said(refused)


def test_rows_that_stand_twice_count_once_and_those_that_contradict_are_refused():
    row = ROWS["attempts"]
    cleaner = HistoryCleaner("attempts", load_mapping("standard"), today=TODAY)
    rows = [
        row,
        row,
        row | {"attempt_id": "A2"},
        row | {"attempt_id": "A2", "result": "busy"},
        row | {"reported_by": "us"},
    ]
    tape = open_tape(as_csv(rows), "t.csv")
    assert cleaner.prepare(tape) == 5
    results = list(cleaner.run(tape))
    assert [each.rows for each in results] == [(2, 3), (4,), (5,), (6,)]
    assert [isinstance(each, CleanRecord) for each in results] == [True, False, False, True]
    assert [reason.code for each in results[1:3] for reason in each.reasons] == [Code.RECORD_CONTRADICTS] * 2
    assert cleaner.tally.remarks == {Code.REPEATED_RECORD: 1}


def test_a_mapping_that_does_not_speak_of_a_kind_is_no_mapping_for_it():
    with pytest.raises(TapeError) as error:
        HistoryCleaner("holds", load_mapping("xente"), today=TODAY)
    assert error.value.code == Code.SECTION_MISSING
