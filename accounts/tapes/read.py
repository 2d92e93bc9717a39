"""Opening a tape: a CSV file (plain or gzip) or an Excel workbook, as a header and rows of text.

A file that is not what it says it is, is refused whole with TapeError; that includes bad bytes in its last
row, so read all rows once before believing any. CSV is streamed: memory does not grow with the file.
Workbooks are held in memory and limited in size.
"""

import csv
import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from accounts.tapes.codes import Code, TapeError

MOST_COLUMNS = 500
LONGEST_CELL = 32_767  # Excel's own limit
MOST_WORKBOOK_ROWS = 200_000
LARGEST_WORKBOOK = 1_000  # megabytes, unpacked
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


class Row(NamedTuple):
    """`number` as a spreadsheet counts: the header is row 1, blank rows count. `cells` by heading, as
    written. With a `problem` the cells are not to be believed."""

    number: int
    cells: Mapping[str, str]
    problem: tuple[Code, Mapping[str, Any]] | None = None


class DateCell(str):
    """A cell that a workbook holds as a date, so that no format has to be guessed. Its text is ISO 8601."""

    __slots__ = ("moment",)
    moment: datetime

    def __new__(cls, moment: datetime) -> "DateCell":
        self = super().__new__(cls, moment.isoformat(sep=" "))
        self.moment = moment
        return self

    def strip(self, chars: str | None = None, /) -> "DateCell":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return DateCell, (self.moment,)


class NumberCell(str):
    """A cell that a workbook holds as a number: its text has a decimal point whatever the file's other texts
    use."""

    __slots__ = ()

    def strip(self, chars: str | None = None, /) -> "NumberCell":
        return self


@dataclass(frozen=True)
class Tape:
    """An opened tape. `kind` is csv or xlsx. Rows can be read any number of times."""

    kind: str
    header: tuple[str, ...]
    source: Path | bytes | None = None
    table: Sequence[Sequence[str]] = ()
    compressed: bool = False
    separator: str = ","
    header_row: int = 1

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank. TapeError where the file breaks."""
        width = len(self.header)
        for number, cells in self._records():
            if len(cells) == width:
                problem = None if self.source is not None else _error_in(cells)
                yield Row(number, dict(zip(self.header, cells, strict=True)), problem)
            else:
                cut = dict(zip(self.header, cells, strict=False))
                yield Row(number, cut, (Code.WRONG_CELL_COUNT, {"found": len(cells), "expected": width}))

    def _records(self) -> Iterator[tuple[int, Sequence[str]]]:
        if self.source is None:
            for number, row in enumerate(self.table, self.header_row + 1):
                if any(row):
                    yield number, row
        else:
            with _open_text(self.source, self.compressed) as text:
                for number, cells in _csv_records(text, self.separator):
                    if number > self.header_row:
                        yield number, cells


class _ErrorCell(str):
    """#REF! and the like, as a workbook says it."""

    __slots__ = ()


def _error_in(cells: Sequence[str]) -> tuple[Code, Mapping[str, Any]] | None:
    error = next((cell for cell in cells if type(cell) is _ErrorCell), None)
    return None if error is None else (Code.ERROR_CELL, {"value": str(error)})


def open_tape(
    source: Path | bytes, name: str = "", *, wanted: Collection[str] = (), sheet: str | None = None
) -> Tape:
    """The tape in a file, or in the bytes of one with its `name`.

    `wanted` are headings the file must have; they settle which separator it uses. `sheet` names the sheet of
    a workbook. TapeError when it cannot be a tape at all; OSError when the file cannot be opened.
    """
    name = (name or (source.name if isinstance(source, Path) else "")).lower()
    with _open_bytes(source) as file:
        head = file.read(8)
    if not head:
        raise TapeError(Code.EMPTY_FILE)
    if name.endswith(".xlsx"):
        if not head.startswith(b"PK\x03\x04"):
            raise TapeError(Code.OLD_EXCEL if head.startswith(b"\xd0\xcf\x11\xe0") else Code.NOT_XLSX)
        return _open_workbook(source, sheet)
    compressed = name.endswith((".csv.gz", ".tsv.gz"))
    if not compressed and not name.endswith((".csv", ".tsv")):
        raise TapeError(Code.UNKNOWN_FILE_KIND, suffix=Path(name).suffix)
    if compressed and not head.startswith(b"\x1f\x8b"):
        raise TapeError(Code.NOT_GZIP)
    if not compressed:
        _refuse_other_kinds(head)
    return _open_csv(source, compressed, wanted)


def tape_of_rows(header: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "csv") -> Tape:
    """A tape from rows that something else has already read, such as an import-export dataset. Values that
    are not text become the text a workbook's cells would."""
    return Tape(kind, _checked_header(header), table=[[text_of(value) for value in row] for row in rows])


def _refuse_other_kinds(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        raise TapeError(Code.ZIP_NAMED_CSV)
    if head.startswith(b"\x1f\x8b"):
        raise TapeError(Code.GZIP_NAMED_CSV)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise TapeError(Code.OLD_EXCEL)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TapeError(Code.NOT_UTF8, row=1)


def _checked_header(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > MOST_COLUMNS:
        raise TapeError(Code.TOO_MANY_COLUMNS, count=len(names), limit=MOST_COLUMNS)
    header = tuple(str(name).strip() or f"({number})" for number, name in enumerate(names, 1))
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise TapeError(Code.DUPLICATE_COLUMNS, columns=", ".join(twice))
    return header


# CSV


def _open_bytes(source: Path | bytes) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


@contextmanager
def _open_text(source: Path | bytes, compressed: bool) -> Iterator[io.TextIOWrapper]:
    with _open_bytes(source) as raw:
        file: Any = gzip.GzipFile(fileobj=raw) if compressed else raw
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            try:
                yield text
            except UnicodeDecodeError:
                raise TapeError(Code.NOT_UTF8, row=_line_of_bad_byte(source, compressed)) from None
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise TapeError(Code.BROKEN_GZIP) from None


def _line_of_bad_byte(source: Path | bytes, compressed: bool) -> int:
    """The reader decodes ahead of the row it is at, so look again, line by line."""
    with _open_bytes(source) as raw:
        file: Any = gzip.GzipFile(fileobj=raw) if compressed else raw
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with a bound on their length: a file without line ends must not fill the memory."""
    longest = MOST_COLUMNS * LONGEST_CELL
    number = 0
    while line := text.readline(longest):
        number += 1
        if "\0" in line:
            raise TapeError(Code.NUL_BYTES, row=number)
        if len(line) == longest:
            raise TapeError(Code.CELL_TOO_LONG, row=number, limit=LONGEST_CELL)
        yield line


def _csv_records(text: io.TextIOWrapper, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Records with their number, blank ones left out but counted."""
    reader = csv.reader(_lines(text), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field larger" in str(error):
                raise TapeError(Code.CELL_TOO_LONG, row=number, limit=LONGEST_CELL) from None
            raise TapeError(Code.BROKEN_CSV, row=number) from None
        if not any(record):
            continue
        if len(max(record, key=len)) > LONGEST_CELL:
            raise TapeError(Code.CELL_TOO_LONG, row=number, limit=LONGEST_CELL)
        yield number, record


def _open_csv(source: Path | bytes, compressed: bool, wanted: Collection[str]) -> Tape:
    found: dict[str, tuple[int, list[str]]] = {}
    for separator in SEPARATORS:
        try:
            with _open_text(source, compressed) as text:
                record = next(_csv_records(text, separator), None)
        except TapeError as error:
            # With the wrong separator, well-formed quotation marks look broken.
            if error.code != Code.BROKEN_CSV:
                raise
            continue
        if record is None:
            raise TapeError(Code.EMPTY_FILE)
        found[separator] = record
    if not found:
        raise TapeError(Code.BROKEN_CSV, row=1)
    splitting = [separator for separator, (_number, names) in found.items() if len(names) > 1]
    splitting = splitting or list(found)[:1]
    if len(splitting) > 1:
        fitting = [
            separator
            for separator in splitting
            if set(wanted) <= {name.strip() for name in found[separator][1]}
        ]
        if len(fitting) != 1:
            found_names = ", ".join(SEPARATORS[separator] for separator in splitting)
            raise TapeError(Code.AMBIGUOUS_SEPARATOR, separators=found_names)
        splitting = fitting
    number, names = found[splitting[0]]
    return Tape(
        "csv",
        _checked_header(names),
        source,
        compressed=compressed,
        separator=splitting[0],
        header_row=number,
    )


# Excel workbooks


def _open_workbook(source: Path | bytes, sheet: str | None) -> Tape:
    with _open_bytes(source) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that do not concern us
        try:
            with zipfile.ZipFile(file) as archive:
                if sum(part.file_size for part in archive.infolist()) > LARGEST_WORKBOOK * 1_000_000:
                    raise TapeError(Code.TOO_LARGE_FILE, limit=LARGEST_WORKBOOK)
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            records = _workbook_records(workbook, sheet)
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, EOFError, zlib.error):
            raise TapeError(Code.NOT_XLSX) from None
    header_row = next((number for number, record in enumerate(records, 1) if any(record)), 0)
    if not header_row:
        raise TapeError(Code.EMPTY_FILE)
    names = list(records[header_row - 1])
    while names and not names[-1]:
        names.pop()
    header = _checked_header(names)
    rows = [_fitted(record, len(header)) for record in records[header_row:]]
    return Tape("xlsx", header, table=rows, header_row=header_row)


def _fitted(record: list[str], width: int) -> list[str]:
    """A sheet's rows end where their last cell does: filled up or cut to the header's width where nothing is
    lost."""
    if len(record) > width and not any(record[width:]):
        return record[:width]
    return record + [""] * (width - len(record))


def _workbook_records(workbook: openpyxl.Workbook, sheet: str | None) -> list[list[str]]:
    visible = [each for each in workbook.worksheets if each.sheet_state == "visible"]
    if sheet is not None:
        visible = [each for each in visible if each.title == sheet]
        if not visible:
            raise TapeError(Code.NO_SUCH_SHEET, sheet=sheet)
    if len(visible) != 1:
        raise TapeError(Code.SEVERAL_SHEETS, sheets=", ".join(each.title for each in visible))
    visible[0].reset_dimensions()  # what a workbook says of its own size may be wrong
    records = []
    repeated: dict[str, str] = {}
    for number, cells in enumerate(visible[0].iter_rows(), 1):
        if number > MOST_WORKBOOK_ROWS:
            raise TapeError(Code.TOO_MANY_ROWS, limit=MOST_WORKBOOK_ROWS)
        if len(cells) > MOST_COLUMNS:
            raise TapeError(Code.TOO_MANY_COLUMNS, count=len(cells), limit=MOST_COLUMNS)
        record = [_cell_text(cell) for cell in cells]
        if any(len(text) > LONGEST_CELL for text in record):
            raise TapeError(Code.CELL_TOO_LONG, row=number, limit=LONGEST_CELL)
        records.append(
            [text if type(text) is not str else repeated.setdefault(text, text) for text in record]
        )
    return records


def _cell_text(cell: Any) -> str:
    return _ErrorCell(cell.value) if cell.data_type == "e" else text_of(cell.value)


def text_of(value: Any) -> str:
    """A cell's value as text that reads back as the same value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return DateCell(value)
    if isinstance(value, date):
        return DateCell(datetime.combine(value, time()))
    if isinstance(value, float):
        # Excel keeps 15 digits. What still needs an exponent has lost some, and is refused where it is read.
        return NumberCell(format(value, ".15g"))
    if isinstance(value, Decimal):
        return NumberCell(format(value, "f"))
    return str(value)
