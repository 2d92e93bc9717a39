"""A companion file of people: what it says of a borrower fills what the loan file leaves open."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from accounts.tapes import fields
from accounts.tapes.codes import Code, Refusal, TapeError
from accounts.tapes.convert import Setting
from accounts.tapes.mapping import Mapping as TapeMapping
from accounts.tapes.people import People
from accounts.tapes.read import Row, Tape
from accounts.tapes.records import Refused, Remark, Tally
from accounts.tapes.rows import Bound


def read_customers(
    tape: Tape, mapping: TapeMapping, *, today: date, phone_region: str | None = None
) -> tuple[dict[str, Mapping[str, Any]], list[Refused], Tally]:
    """Values by borrower id for `LoanCleaner(customers=…)`, what was refused, and the counts.

    Rows of one customer that say the same, word for word, count once. Rows that contradict each other are
    refused together: which is right, the file does not say. Their loans are then cleaned without them.
    """
    if mapping.customers is None:
        raise TapeError(Code.SECTION_MISSING, mapping=mapping.name, section="customers")
    portfolio = mapping.portfolio
    region = phone_region or portfolio.phone_region
    setting = Setting(portfolio.currency, ZoneInfo(portfolio.zone), region, today)
    bound = Bound(mapping.customers, fields.BORROWER, tape, setting)
    people = People(bound, bound.names)
    rows_of: dict[str, list[Row]] = {}
    tally = Tally()
    for row in tape.rows():
        tally.rows += 1
        key = bound.text(row.cells, bound.column("borrower_id")) or f"row {row.number}"
        rows_of.setdefault(key, []).append(row)
    customers: dict[str, Mapping[str, Any]] = {}
    refused: list[Refused] = []
    for rows in rows_of.values():
        result = _customer(rows, bound, people, tally)
        if isinstance(result, Refused):
            refused.append(tally.refuse(result))
        else:
            tally.accepted += 1
            customers[result.pop("borrower_id")] = result
    return customers, refused, tally


def _customer(rows: list[Row], bound: Bound, people: People, tally: Tally) -> dict[str, Any] | Refused:
    first = rows[0]
    numbers = tuple(row.number for row in rows)
    refusals = [Refusal(row.number, None, row.problem[0], row.problem[1]) for row in rows if row.problem]
    if not refusals:
        columns = [reader.column for reader in bound.readers]
        differing = [column for column in columns if len({bound.text(row.cells, column) for row in rows}) > 1]
        values = bound.read(first)
        remarks: list[Remark] = []
        people.borrower(values, values.of, remarks)
        if differing:
            listed = ", ".join(map(str, numbers))
            values.refuse(None, Code.CUSTOMER_CONTRADICTS, rows=listed, columns=", ".join(differing))
        if not values.refusals:
            tally.remarks[Code.REPEATED_CUSTOMER] += len(rows) - 1
            return values.of
        refusals = values.refusals
    return Refused(numbers, tuple(refusals), tuple(row.cells for row in rows))
