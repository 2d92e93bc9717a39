"""Files of loans and payments for tests: rows in our own words, and both ways in which a file is brought in."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from accounts.actions.tapes import open_rejected
from accounts.models import (
    Borrower,
    ContactPoint,
    ImportRun,
    Instalment,
    LedgerEntry,
    LegalEntity,
    Loan,
    Payment,
    Portfolio,
)
from compliance.models import AuditEvent
from tests.accounts.tapes import as_csv, workbook, zipped
from tests.factories import NOW, SYSTEM

Rows = list[dict[str, str]]

STORED = (
    AuditEvent,
    Borrower,
    ContactPoint,
    ImportRun,
    Instalment,
    LedgerEntry,
    LegalEntity,
    Loan,
    Payment,
    Portfolio,
)


def day(offset: int) -> str:
    """A date as files have it, so many days from today."""
    return (timezone.now().date() + timedelta(days=offset)).isoformat()


def loan_row(number: int, **changed: str) -> dict[str, str]:
    """A loan of 1,100.00 that fell due ten days ago, of a borrower of its own with a New York number."""
    return {
        "loan_id": f"L{number}",
        "borrower_id": f"B{number}",
        "currency": "USD",
        "principal": "1,000.00",
        "interest": "100.00",
        "disbursed_on": day(-40),
        "due_on": day(-10),
        "paid_total": "0",
        "name": f"Dana Field {number}",
        "phone": f"+1 212 555 {number:04}",
        "phone_source": "application",
        "phone_ground": "contract",
    } | changed


def payment_row(reference: str, **changed: str) -> dict[str, str]:
    """40.00 on the loan L1, a day ago."""
    return {
        "reference": reference,
        "amount": "40.00",
        "currency": "USD",
        "value_date": day(-1),
        "loan_id": "L1",
        "payer_phone": "",
    } | changed


class CommandLine:
    """Both import commands, with files in a folder of the test's."""

    def __init__(self, folder: Path, run: Callable[..., Any] = call_command) -> None:
        self.folder, self.run = folder, run

    def __call__(self, command: str, content: Rows | bytes, *flags: str, **options: str) -> dict[str, Any]:
        """What the last line says, without the seconds. Raises `CommandError`."""
        file = self.folder / options.pop("name", "tape.csv")
        file.write_bytes(content if isinstance(content, bytes) else as_csv(content))
        out = io.StringIO()
        options = {"portfolio": "river", "mapping": "standard"} | options
        self.run(command, file, *flags, stdout=out, **options)
        summary = json.loads(out.getvalue().splitlines()[-1])
        assert isinstance(summary.pop("seconds"), float)
        return summary

    def loans(self, content: Rows | bytes, *flags: str, **options: str) -> dict[str, Any]:
        return self("import_loans", content, *flags, **options)

    def payments(self, content: Rows | bytes, *flags: str, **options: str) -> dict[str, Any]:
        return self("import_payments", content, *flags, **options)


def summary(**told: Any) -> dict[str, Any]:
    """The summary of a run, all zeros but what is told."""
    nothing = {
        "rows": 0,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "reasons": {},
        "changes": {},
    }
    return nothing | told


def stored() -> dict[str, int]:
    """How many rows there are of everything an import may write."""
    return {model.__name__: model.objects.count() for model in STORED}


# What is wrong with a file: its content and name, and the sentence that says so

HARVESTED = "Data from “address_book” may not be used: the person did not give it to us."
ROWS = [loan_row(1), loan_row(2)]
TEXT = as_csv(ROWS).decode()
BAD_FILES = {
    "empty": (b"", "tape.csv", "The file is empty."),
    "only a mark": (b"\xef\xbb\xbf", "tape.csv", "The file is empty."),
    "not UTF-8": (
        TEXT.replace("Field 2", "Fi\xe9ld 2").encode("latin-1"),
        "tape.csv",
        "The text is not UTF-8, from row 3 on. Please save it as “CSV UTF-8”.",
    ),
    "UTF-16": (
        TEXT.encode("utf-16"),
        "tape.csv",
        "The text is not UTF-8, from row 1 on. Please save it as “CSV UTF-8”.",
    ),
    "NUL bytes": (
        TEXT.replace("Field 2", "Fi\0ld 2").encode(),
        "tape.csv",
        "Row 3 holds a NUL byte. The file is damaged, or it is not text.",
    ),
    "a zip": (
        zipped(tape=TEXT),
        "tape.csv",
        "The name says CSV, but this is a zip archive or an Excel workbook.",
    ),
    "a workbook named .csv": (
        workbook([["loan_id"]]),
        "tape.csv",
        "The name says CSV, but this is a zip archive or an Excel workbook.",
    ),
    "text named .xlsx": (
        TEXT.encode(),
        "tape.xlsx",
        "The name says .xlsx, but this is no readable Excel workbook.",
    ),
    "another kind": (
        TEXT.encode(),
        "tape.pdf",
        "Files may end in .csv, .csv.gz or .xlsx; this one ends in “.pdf”.",
    ),
    "a missing column": (
        as_csv([{name: text for name, text in ROWS[0].items() if name != "principal"}]),
        "tape.csv",
        "These columns are missing: principal.",
    ),
    "a column twice": (
        TEXT.replace("name,phone,", "phone,phone,", 1).encode(),
        "tape.csv",
        "These columns occur twice: phone.",
    ),
    "an unknown column": (
        TEXT.replace("interest", "intrest", 1).encode(),
        "tape.csv",
        "The mapping does not know these columns: intrest.",
    ),
}
BAD_ROWS = {
    "negative": ({"principal": "-5"}, "principal: “-5” is negative."),
    "zero": ({"principal": "0"}, "principal: The amount must be above zero."),
    "unknown currency": ({"currency": "DOL"}, "currency: “DOL” is not a currency."),
    "another currency": (
        {"currency": "EUR"},
        "currency: The amount is in EUR, but this portfolio is in USD.",
    ),
    "31 February": ({"due_on": "2026-02-31"}, "due_on: There is no such day as “2026-02-31”."),
    "31/02": ({"due_on": "31/02/2026"}, "due_on: “31/02/2026” is not a date like 2026-12-31."),
    "no due date": (
        {"due_on": ""},
        "There is no due date. Please fill one of: due_on.",
    ),
    "address book": ({"phone_source": "address_book"}, f"phone_source: {HARVESTED}"),
    "bad number": ({"phone": "12"}, "phone: This is not a valid phone number."),
}


def rejected_reasons(run: ImportRun | None = None) -> dict[str, str]:
    """Why, by row, as the rejected rows of a run, else of the only one, say it."""
    text = open_rejected(run=run or ImportRun.objects.get(), by=SYSTEM, at=NOW).decode("utf-8-sig")
    return {row["row"]: row["why"] for row in csv.DictReader(io.StringIO(text, newline=""))}
