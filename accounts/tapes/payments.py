"""Cleaning a file of payments: what the provider or the lender says came in."""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from accounts.tapes import fields
from accounts.tapes.codes import Code, Refusal, TapeError
from accounts.tapes.convert import Setting
from accounts.tapes.mapping import Mapping, Payments
from accounts.tapes.read import Row, Tape
from accounts.tapes.records import CleanPayment, Refused, Tally
from accounts.tapes.rows import Bound


class PaymentCleaner:
    """Cleans payment files of one mapping for one portfolio. `tally` counts what the last run came to, as it
    goes.

    A payment that stands twice, word for word, is one payment and counts once: refusing it would leave a
    borrower dunned who has paid. One reference with different particulars is refused in every row.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        today: date,
        currency: str | None = None,
        zone: str | None = None,
        phone_region: str | None = None,
    ) -> None:
        """As `LoanCleaner`: the portfolio's currency, zone and region of bare phone numbers; the business
        date."""
        if mapping.payments is None:
            raise TapeError(Code.SECTION_MISSING, mapping=mapping.name, section="payments")
        self.mapping = mapping
        self.section: Payments = mapping.payments
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
        columns = {column.column for column in self.section.columns.values() if column.required == "always"}
        return columns | set(self._more())

    def _more(self) -> list[str]:
        return [self.section.only_with] if self.section.only_with else []

    def prepare(self, tape: Tape) -> int:
        """Reads the whole file once; returns its number of rows. TapeError as `LoanCleaner.prepare`."""
        if tape.kind not in self.mapping.reads:
            raise TapeError(Code.KIND_NOT_READ, kind=tape.kind)
        bound = Bound(self.section, fields.PAYMENT, tape, self.setting, self._more())
        seen: set[int] = set()
        suspects: set[int] = set()
        rows = 0
        for row in tape.rows():
            rows += 1
            mark = hash(self._reference(bound, row))
            (suspects if mark in seen else seen).add(mark)
        repeated: dict[str, list[int]] = {}
        said: dict[str, set[tuple[str, ...]]] = {}
        for row in tape.rows() if suspects else ():
            reference = self._reference(bound, row)
            if reference and hash(reference) in suspects:
                repeated.setdefault(reference, []).append(row.number)
                particulars = tuple(bound.text(row.cells, reader.column) for reader in bound.readers)
                said.setdefault(reference, set()).add(particulars)
        repeated = {reference: numbers for reference, numbers in repeated.items() if len(numbers) > 1}
        contradicting = {reference for reference in repeated if len(said[reference]) > 1}
        self._prepared = (tape, bound, repeated, contradicting)
        return rows

    def _reference(self, bound: Bound, row: Row) -> str:
        return bound.text(row.cells, bound.column("reference"))

    def run(self, tape: Tape) -> Iterator[CleanPayment | Refused]:
        """Every payment of the file, and everything refused, in the file's order."""
        if self._prepared is None or self._prepared[0] is not tape:
            self.prepare(tape)
        assert self._prepared is not None
        _tape, bound, repeated, contradicting = self._prepared
        self.tally = Tally()
        for row in tape.rows():
            self.tally.rows += 1
            reference = self._reference(bound, row)
            rows = repeated.get(reference, [row.number])
            if reference not in contradicting and row.number != rows[0]:
                self.tally.remarks[Code.REPEATED_PAYMENT] += 1
                continue
            result = self._clean(row, bound, rows, reference in contradicting)
            if isinstance(result, Refused):
                self.tally.refuse(result)
            else:
                self.tally.accepted += 1
            yield result

    def _clean(self, row: Row, bound: Bound, rows: list[int], contradicts: bool) -> CleanPayment | Refused:
        if row.problem:
            return Refused((row.number,), (Refusal(row.number, None, *row.problem),), (row.cells,))
        only_with = self.section.only_with
        if only_with and not bound.text(row.cells, only_with):
            refusal = Refusal(row.number, None, Code.NOT_A_PAYMENT, {"column": only_with})
            return Refused((row.number,), (refusal,), (row.cells,))
        values = bound.read(row)
        of = values.of
        if contradicts:
            other = next(number for number in rows if number != row.number)
            values.refuse(bound.column("reference"), Code.PAYMENT_CONTRADICTS, row=other)
        if of.get("amount") == 0:
            values.refuse(bound.column("amount"), Code.NOT_POSITIVE)
        kind = of.get("kind", "payment")
        if values.sound("kind", "reverses") and (kind == "reversal") != ("reverses" in of):
            values.refuse(bound.column("reverses"), Code.REVERSES_NOTHING)
        if values.refusals:
            return Refused((row.number,), tuple(values.refusals), (row.cells,))
        value_date = (
            of["value_date"] if "value_date" in of else of["paid_at"].astimezone(self.setting.zone).date()
        )
        phone = of.get("payer_phone")
        return CleanPayment(
            of["reference"],
            kind,
            of.get("reverses"),
            of["amount"],
            of["currency"],
            value_date,
            of.get("paid_at"),
            of.get("loan_id"),
            of.get("borrower_id"),
            phone.e164 if phone else None,
            of.get("payer_email"),
            tuple(rows),
        )
