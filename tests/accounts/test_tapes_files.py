"""Files that are no tapes are refused whole, before any row is believed."""

import gzip

import pytest

from accounts.tapes.codes import Code, TapeError
from accounts.tapes.customers import read_customers
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import load_mapping
from accounts.tapes.payments import PaymentCleaner
from accounts.tapes.read import open_tape
from tests.accounts.tapes import PLAIN, TODAY, as_csv, check_sentence, workbook, zipped

GOOD = as_csv([PLAIN])
HEAD, FIRST = GOOD.splitlines(keepends=True)
MANY = ",".join(f"c{number}" for number in range(501)).encode()

FILES = [
    ("t.csv", b"", Code.EMPTY_FILE, {}),
    ("t.csv", b"\xef\xbb\xbf", Code.EMPTY_FILE, {}),
    ("t.csv", b"\r\n\r\n", Code.EMPTY_FILE, {}),
    ("t.csv.gz", gzip.compress(b"", mtime=0), Code.EMPTY_FILE, {}),
    ("t.xlsx", workbook([]), Code.EMPTY_FILE, {}),
    ("t.txt", GOOD, Code.UNKNOWN_FILE_KIND, {"suffix": ".txt"}),
    ("t.gz", gzip.compress(GOOD, mtime=0), Code.UNKNOWN_FILE_KIND, {"suffix": ".gz"}),
    ("tape", GOOD, Code.UNKNOWN_FILE_KIND, {"suffix": ""}),
    ("t.csv", zipped(**{"a.csv": "x"}), Code.ZIP_NAMED_CSV, {}),
    ("t.csv", workbook([[1]]), Code.ZIP_NAMED_CSV, {}),
    ("t.csv", gzip.compress(GOOD, mtime=0), Code.GZIP_NAMED_CSV, {}),
    ("t.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", Code.OLD_EXCEL, {}),
    ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", Code.OLD_EXCEL, {}),
    ("t.csv.gz", GOOD, Code.NOT_GZIP, {}),
    ("t.csv.gz", gzip.compress(GOOD, mtime=0)[:-12], Code.BROKEN_GZIP, {}),
    ("t.csv.gz", gzip.compress(GOOD, mtime=0)[:20] + b"damaged" + gzip.compress(GOOD)[27:], Code.BROKEN_GZIP, {}),
    ("t.xlsx", GOOD, Code.NOT_XLSX, {}),
    ("t.xlsx", zipped(**{"a.txt": "x"}), Code.NOT_XLSX, {}),
    ("t.xlsx", workbook([[1]])[:200], Code.NOT_XLSX, {}),
    ("t.xlsx", workbook([[1]], More="visible"), Code.SEVERAL_SHEETS, {"sheets": "Loans, More"}),
    ("t.csv", HEAD.decode().encode("utf-16"), Code.NOT_UTF8, {"row": 1}),
    ("t.csv", HEAD + FIRST + "L2,王".encode("gb18030"), Code.NOT_UTF8, {"row": 3}),
    ("t.csv", HEAD + FIRST * 5000 + b"\xff", Code.NOT_UTF8, {"row": 5002}),
    ("t.csv.gz", gzip.compress(HEAD + "L2,é".encode("latin-1"), mtime=0), Code.NOT_UTF8, {"row": 2}),
    ("t.csv", HEAD + FIRST + FIRST.replace(b"B1", b"B\x001"), Code.NUL_BYTES, {"row": 3}),
    ("t.csv", HEAD + b'"L1,B1\r\n', Code.BROKEN_CSV, {"row": 2}),
    ("t.csv", HEAD + b'"L1"x,B1\r\n', Code.BROKEN_CSV, {"row": 2}),
    ("t.csv", b'"loan_id,a\nb', Code.BROKEN_CSV, {"row": 1}),
    ("t.csv", b"loan;id,borrower_id\n1,2", Code.AMBIGUOUS_SEPARATOR, {"separators": "comma, semicolon"}),
    ("t.csv", b"loan_id,borrower_id\n1,2", Code.MISSING_COLUMNS, {"columns": "currency, principal"}),
    ("t.csv", b"loan_id\n1", Code.MISSING_COLUMNS, {"columns": "borrower_id, currency, principal"}),
    ("t.csv", GOOD.replace(b"due_on", b"principal"), Code.DUPLICATE_COLUMNS, {"columns": "principal"}),
    ("t.csv", GOOD.replace(b"due_on", b"dueon"), Code.UNKNOWN_COLUMNS, {"columns": "dueon"}),
    ("t.csv", GOOD.replace(b"due_on", b""), Code.UNKNOWN_COLUMNS, {"columns": "(8)"}),
    ("t.csv", MANY, Code.TOO_MANY_COLUMNS, {"count": 501, "limit": 500}),
    ("t.xlsx", workbook([list(range(501))]), Code.TOO_MANY_COLUMNS, {"count": 501, "limit": 500}),
    ("t.csv", HEAD + FIRST.replace(b"B1", b"B" * 32_768), Code.CELL_TOO_LONG, {"row": 2, "limit": 32_767}),
    ("t.csv", HEAD + FIRST.replace(b"B1", b"B" * 140_000), Code.CELL_TOO_LONG, {"row": 2, "limit": 32_767}),
]  # fmt: skip


def wanted_tape(data, name):
    cleaner = LoanCleaner(load_mapping("standard"), today=TODAY)
    tape = open_tape(data, name, wanted=cleaner.wanted)
    cleaner.prepare(tape)
    return tape


@pytest.mark.parametrize(("name", "data", "code", "params"), FILES)
def test_a_file_is_refused_before_any_row_is_believed(name, data, code, params, tmp_path):
    file = tmp_path / name
    file.write_bytes(data)
    for source, called in ((data, name), (file, "")):
        with pytest.raises(TapeError) as refusal:
            wanted_tape(source, called)
        assert (refusal.value.code, refusal.value.params) == (code, params)
        check_sentence(code, params)


def test_a_file_without_line_ends_does_not_fill_the_memory():
    with pytest.raises(TapeError) as refusal:
        wanted_tape(b"x" * 17_000_000, "t.csv")
    assert refusal.value.code == Code.CELL_TOO_LONG


def test_limits_of_workbooks(monkeypatch):
    monkeypatch.setattr("accounts.tapes.read.MOST_WORKBOOK_ROWS", 2)
    with pytest.raises(TapeError) as refusal:
        wanted_tape(workbook([["a"], ["b"], ["c"]]), "t.xlsx")
    assert (refusal.value.code, refusal.value.params) == (Code.TOO_MANY_ROWS, {"limit": 2})
    monkeypatch.setattr("accounts.tapes.read.LARGEST_WORKBOOK", 0)
    with pytest.raises(TapeError) as refusal:
        wanted_tape(workbook([["a"]]), "t.xlsx")
    assert (refusal.value.code, refusal.value.params) == (Code.TOO_LARGE_FILE, {"limit": 0})


def test_a_named_sheet():
    data = workbook([list(PLAIN), list(PLAIN.values())], "Book", Notes="visible")
    assert len(list(open_tape(data, "t.xlsx", sheet="Book").rows())) == 1
    with pytest.raises(TapeError) as refusal:
        open_tape(data, "t.xlsx", sheet="Loans")
    assert (refusal.value.code, refusal.value.params) == (Code.NO_SUCH_SHEET, {"sheet": "Loans"})


def test_mappings_say_what_they_read():
    mapping = load_mapping("standard").model_copy(
        update={"reads": ["csv"], "payments": None, "customers": None}
    )
    with pytest.raises(TapeError) as refusal:
        LoanCleaner(mapping, today=TODAY).prepare(open_tape(workbook([list(PLAIN)]), "t.xlsx"))
    assert (refusal.value.code, refusal.value.params) == (Code.KIND_NOT_READ, {"kind": "xlsx"})
    with pytest.raises(TapeError) as refusal:
        PaymentCleaner(mapping, today=TODAY)
    assert refusal.value.params == {"mapping": "standard", "section": "payments"}
    with pytest.raises(TapeError) as refusal:
        read_customers(open_tape(GOOD, "t.csv"), mapping, today=TODAY)
    assert refusal.value.params == {"mapping": "standard", "section": "customers"}
    assert refusal.value.code == Code.SECTION_MISSING


def test_a_header_alone_is_a_tape_without_rows():
    assert list(wanted_tape(HEAD, "t.csv").rows()) == []
