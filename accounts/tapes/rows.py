"""A mapping's section bound to a tape's header: rows of text become values by field, with every refusal of
the row. Shared by loans, payments and customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accounts.tapes.codes import Code, Refusal, TapeError
from accounts.tapes.convert import REPEATING, Bad, Converter, Setting, converter
from accounts.tapes.fields import Field
from accounts.tapes.mapping import Column, Section
from accounts.tapes.read import Row, Tape

REMEMBERED = 50_000  # values a column keeps; amounts, dates and words repeat endlessly


class _Reader(NamedTuple):
    name: str
    column: str
    missing: frozenset[str]
    needed: bool
    convert: Converter
    known: dict[str, Any] | None


@dataclass
class Values:
    """One row: `of` the fields that have a value; `failed` the fields whose cell was refused; `refusals`
    why."""

    row: Row
    of: dict[str, Any]
    failed: set[str]
    refusals: list[Refusal]

    def refuse(self, column: str | None, code: Code, **params: Any) -> None:
        self.refusals.append(Refusal(self.row.number, column, code, params))

    def sound(self, *names: str) -> bool:
        """None of these fields was refused, so that comparing them says something new."""
        return self.failed.isdisjoint(names)


class Bound:
    """The section's columns that this tape has. TapeError where it lacks one it must have, has one nobody
    knows, or a constant of the mapping does not fit the portfolio."""

    def __init__(
        self,
        section: Section,
        known: Sequence[Field],
        tape: Tape,
        setting: Setting,
        more: Sequence[str] = (),
    ) -> None:
        """`more`: headings that the caller itself reads."""
        self.section = section
        header = set(tape.header)
        needed = {column.column for column in section.columns.values() if column.required == "always"}
        if lacking := sorted((needed | set(more)) - header):
            raise TapeError(Code.MISSING_COLUMNS, columns=", ".join(lacking))
        if section.other_columns == "refuse":
            known_columns = {column.column for column in section.columns.values()} | {*section.ignored, *more}
            if unknown := [name for name in tape.header if name not in known_columns]:
                raise TapeError(Code.UNKNOWN_COLUMNS, columns=", ".join(unknown))
        fields = {field.name: field for field in known}
        self.readers = [
            _Reader(
                name,
                column.column,
                frozenset((*section.missing, *column.missing)),
                column.required != "never",
                converter(fields[name], column, setting),
                {} if fields[name].kind in REPEATING and column.type != "datetime" else None,
            )
            for name, column in section.columns.items()
            if column.column in header
        ]
        self.constants = {
            name: _constant(fields[name], text, setting) for name, text in section.constants.items()
        }
        self.names = {reader.name for reader in self.readers} | self.constants.keys()
        self.missing = {reader.column: reader.missing for reader in self.readers}

    def column(self, name: str) -> str:
        """The lender's heading of a field, or our name where the mapping has none."""
        column = self.section.columns.get(name)
        return column.column if column else name

    def columns(self, *names: str) -> str:
        """Headings of those fields that this tape has, for a sentence; all of them if it has none."""
        return ", ".join(self.column(name) for name in names if name in self.names) or ", ".join(
            self.column(name) for name in names
        )

    def read(self, row: Row) -> Values:
        """The row's values. Cells that are empty, or say so in the mapping's words, have none."""
        cells = row.cells
        of = self.constants.copy()
        failed: set[str] = set()
        refusals: list[Refusal] = []
        for name, column, missing, needed, convert, known in self.readers:
            cell = cells[column]
            # A workbook's date is not its text: equal text may be another day in another form.
            remember = known is not None and type(cell) is str
            if remember and known and (value := known.get(cell)) is not None:
                of[name] = value
                continue
            text = cell.strip()
            if not text or text in missing:
                if needed:
                    failed.add(name)
                    refusals.append(Refusal(row.number, column, Code.MISSING, {}))
                continue
            try:
                of[name] = value = convert(text)
            except Bad as bad:
                failed.add(name)
                refusals.append(Refusal(row.number, column, bad.code, bad.params))
                continue
            if remember and known is not None and len(known) < REMEMBERED:
                known[cell] = value
        return Values(row, of, failed, refusals)

    def text(self, cells: Mapping[str, str], column: str) -> str:
        """A cell's bare text, "" where the mapping calls it empty."""
        text = cells.get(column, "").strip()
        return "" if text in self.missing.get(column, self.section.missing) else text


def _constant(field: Field, text: str, setting: Setting) -> Any:
    try:
        return converter(field, Column(column=field.name), setting)(text)
    except Bad as bad:
        raise TapeError(bad.code, **bad.params) from None
