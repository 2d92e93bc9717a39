"""Cleaning files of what was known before: contacts made by others, wishes, holds, consents, promises, complaints.

One cleaner for all kinds: what differs is the fields (`fields.HISTORY`) and how they must fit each other (`CHECKS`).
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from accounts.tapes import fields
from accounts.tapes.codes import Code, Refusal, TapeError
from accounts.tapes.convert import Setting
from accounts.tapes.mapping import History, Mapping
from accounts.tapes.read import Row, Tape
from accounts.tapes.records import CleanRecord, Refused, Tally
from accounts.tapes.rows import Bound, Values

_SOURCE = re.compile(r"[a-z0-9_]{1,40}")
PHONE_CHANNELS = ("call", "sms", "whatsapp")


class HistoryCleaner:
    """Cleans files of one kind and mapping for one portfolio. A row that stands twice, word for word, counts once; one id
    with different particulars is refused in every row. `tally` counts what the last run came to, as it goes."""

    def __init__(
        self,
        kind: str,
        mapping: Mapping,
        *,
        today: date,
        currency: str | None = None,
        zone: str | None = None,
        phone_region: str | None = None,
    ) -> None:
        """As `LoanCleaner`: the portfolio's currency, zone and region of bare phone numbers; the business date."""
        section: History | None = getattr(mapping, kind)
        if section is None:
            raise TapeError(Code.SECTION_MISSING, mapping=mapping.name, section=kind)
        self.kind, self.mapping, self.section = kind, mapping, section
        self.fields = fields.HISTORY[kind]
        self.id_field = section.id_field
        self.setting = Setting(
            currency or mapping.portfolio.currency,
            ZoneInfo(zone or mapping.portfolio.zone),
            phone_region or mapping.portfolio.phone_region,
            today,
        )
        self.tally = Tally()
        self._prepared: tuple[Tape, Bound, dict[str, list[int]], set[str]] | None = None

    @property
    def wanted(self) -> set[str]:
        """Headings the file must have: `open_tape` wants them."""
        return {column.column for column in self.section.columns.values() if column.required == "always"}

    def prepare(self, tape: Tape) -> int:
        """Reads the whole file once; returns its number of rows. TapeError as `LoanCleaner.prepare`."""
        if tape.kind not in self.mapping.reads:
            raise TapeError(Code.KIND_NOT_READ, kind=tape.kind)
        bound = Bound(self.section, self.fields, tape, self.setting)
        seen: set[int] = set()
        suspects: set[int] = set()
        rows = 0
        for row in tape.rows():
            rows += 1
            mark = hash(self._key(bound, row))
            (suspects if mark in seen else seen).add(mark)
        repeated: dict[str, list[int]] = {}
        said: dict[str, set[tuple[str, ...]]] = {}
        for row in tape.rows() if suspects else ():
            key = self._key(bound, row)
            if key and hash(key) in suspects:
                repeated.setdefault(key, []).append(row.number)
                particulars = tuple(bound.text(row.cells, reader.column) for reader in bound.readers)
                said.setdefault(key, set()).add(particulars)
        repeated = {key: numbers for key, numbers in repeated.items() if len(numbers) > 1}
        contradicting = {key for key in repeated if len(said[key]) > 1}
        self._prepared = (tape, bound, repeated, contradicting)
        return rows

    def _key(self, bound: Bound, row: Row) -> str:
        """The id, with who gave it out; "" where there is none."""
        own = bound.text(row.cells, bound.column(self.id_field))
        if not own:
            return ""
        return f"{bound.text(row.cells, bound.column('reported_by'))}\n{own}"

    def run(self, tape: Tape) -> Iterator[CleanRecord | Refused]:
        """Every record of the file, and everything refused, in the file's order."""
        if self._prepared is None or self._prepared[0] is not tape:
            self.prepare(tape)
        assert self._prepared is not None
        _tape, bound, repeated, contradicting = self._prepared
        self.tally = Tally()
        for row in tape.rows():
            self.tally.rows += 1
            key = self._key(bound, row)
            rows = repeated.get(key, [row.number])
            if key not in contradicting and row.number != rows[0]:
                self.tally.remarks[Code.REPEATED_RECORD] += 1
                continue
            result = self._clean(row, bound, rows, key in contradicting)
            if isinstance(result, Refused):
                self.tally.refuse(result)
            else:
                self.tally.accepted += 1
            yield result

    def _clean(self, row: Row, bound: Bound, rows: list[int], contradicts: bool) -> CleanRecord | Refused:
        if row.problem:
            return Refused((row.number,), (Refusal(row.number, None, *row.problem),), (row.cells,))
        values = bound.read(row)
        if contradicts:
            other = next(number for number in rows if number != row.number)
            values.refuse(bound.column(self.id_field), Code.RECORD_CONTRADICTS, row=other)
            rows = [row.number]
        _check_whose(values, bound)
        CHECKS[self.kind](values, bound, self.setting)
        if values.refusals:
            return Refused((row.number,), tuple(values.refusals), (row.cells,))
        of = values.of
        return CleanRecord(
            self.kind, of.get("reported_by", ""), of.pop(self.id_field), of, row.number, tuple(rows)
        )


def _check_whose(values: Values, bound: Bound) -> None:
    whose = ("borrower_id", "loan_id")
    if values.sound(*whose) and not any(name in values.of for name in whose):
        values.refuse(None, Code.NOBODY_NAMED, columns=bound.columns(*whose))


def _check_days(values: Values, bound: Bound) -> None:
    of = values.of
    if "from_on" in of and "to_on" in of and of["to_on"] < of["from_on"]:
        values.refuse(bound.column("to_on"), Code.ENDS_BEFORE, columns=bound.columns("from_on", "to_on"))


def _check_hold(values: Values, bound: Bound, setting: Setting) -> None:
    _check_days(values, bound)
    kind = values.of.get("kind")
    if kind is not None and kind != "breathing_space":
        _refuse_given(values, bound, kind, "variant")


def _check_address(values: Values, bound: Bound) -> None:
    """One number or address at most, and one that the channel goes to."""
    of = values.of
    channel = of.get("channel")
    if channel is None:
        return
    fitting = "phone" if channel in PHONE_CHANNELS else "email" if channel == "email" else None
    for name in ("phone", "email"):
        if name in of and name != fitting:
            values.refuse(bound.column(name), Code.ADDRESS_OF_OTHER_CHANNEL, channel=channel)


def _check_opt_out(values: Values, bound: Bound, setting: Setting) -> None:
    _check_address(values, bound)
    if values.of.get("wish") == "again":
        _need(values, bound, "again", "evidence")


def _check_attempt(values: Values, bound: Bound, setting: Setting) -> None:
    _check_address(values, bound)
    source = values.of.get("reported_by")
    if source is not None and not _SOURCE.fullmatch(source):
        values.refuse(bound.column("reported_by"), Code.BAD_SOURCE)


_CONSENT_TERMS = {
    "contact_time": ("from_hour", "to_hour"),
    "daily_dials": ("most",),
}
_CONSENT_MORE = {"contact_time": ("days", "only_convenient"), "electronic_messages": ("channel",)}


def _check_consent(values: Values, bound: Bound, setting: Setting) -> None:
    _check_days(values, bound)
    kind = values.of.get("kind")
    if kind is None:
        return
    needed = _CONSENT_TERMS.get(kind, ())
    for name in needed:
        _need(values, bound, kind, name)
    known = {*needed, *_CONSENT_MORE.get(kind, ())}
    others = {name for names in (*_CONSENT_TERMS.values(), *_CONSENT_MORE.values()) for name in names}
    for name in sorted(others - known):
        # "No" and nothing are the same.
        if values.of.get(name):
            _refuse_given(values, bound, kind, name)
    hours = [values.of.get(name) for name in ("from_hour", "to_hour")]
    if None not in hours and hours[0] == hours[1]:
        columns = bound.columns("from_hour", "to_hour")
        values.refuse(bound.column("to_hour"), Code.ENDS_BEFORE, columns=columns)


def _check_promise(values: Values, bound: Bound, setting: Setting) -> None:
    if values.of.get("amount") == 0:
        values.refuse(bound.column("amount"), Code.NOT_POSITIVE)
    made_at, due_on = values.of.get("made_at"), values.of.get("due_on")
    if made_at and due_on and due_on < made_at.astimezone(setting.zone).date():
        values.refuse(bound.column("due_on"), Code.ENDS_BEFORE, columns=bound.columns("made_at", "due_on"))


def _need(values: Values, bound: Bound, value: Any, name: str) -> None:
    if name not in values.of and values.sound(name):
        values.refuse(bound.column(name), Code.NEEDS, value=value, columns=bound.column(name))


def _refuse_given(values: Values, bound: Bound, value: Any, name: str) -> None:
    if name in values.of:
        values.refuse(bound.column(name), Code.NOT_FOR, value=value, columns=bound.column(name))


CHECKS: dict[str, Callable[[Values, Bound, Setting], None]] = {
    "holds": _check_hold,
    "opt_outs": _check_opt_out,
    "consents": _check_consent,
    "complaints": lambda values, bound, setting: None,
    "promises": _check_promise,
    "attempts": _check_attempt,
}
"""How the fields of a kind must fit each other."""
