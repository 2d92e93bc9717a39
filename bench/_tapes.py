"""Portfolios for benchmarks, through the real import of a tape."""

import csv
import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

COLUMNS = (
    *("loan_id", "borrower_id", "name", "phone", "phone_source", "phone_ground"),
    *("principal", "interest", "currency", "disbursed_on", "due_on"),
)


@dataclass(frozen=True)
class Book:
    """A portfolio to be filled; `number` makes a telephone number of a loan's number, `due_in` says in how many days they
    fall due."""

    code: str
    jurisdiction: str = "CN"
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    number: str = "+86199{:08d}"
    due_in: int = -1


def bring_in(book: Book, count: int, by: Any, now: datetime) -> None:
    """A portfolio of so many loans that fell due yesterday, or as the book says, open for contact."""
    from accounts.actions import tapes
    from accounts.actions.portfolios import open_contact
    from accounts.actions.reconciliation import figures_of, sign_reconciliation
    from accounts.models import ImportKind, ImportRun, ImportState, Portfolio
    from accounts.tapes.mapping import load_mapping
    from accounts.tapes.read import open_tape

    path = Path(os.environ["FORBEAR_VAR"]) / f"{book.code}.csv"
    write_tape(path, book, count, now.date())
    mapping = load_mapping("standard")
    portfolio = tapes.portfolio_for(code=book.code, mapping=mapping, by=by, at=now)
    terms = {"jurisdictions": [book.jurisdiction], "zone": book.zone, "currency": book.currency}
    Portfolio.objects.filter(pk=portfolio.pk).update(**terms)
    portfolio.refresh_from_db()
    cleaning = tapes.cleaner(ImportKind.LOANS, mapping, portfolio, now)
    run = ImportRun.objects.create(
        kind=ImportKind.LOANS,
        portfolio=portfolio,
        mapping="standard",
        file_digest="bench",
        state=ImportState.RUNNING,
    )
    tape = open_tape(path, wanted=cleaning.wanted)
    done = tapes.perform(run=run, tape=tape, cleaning=cleaning, by=by, at=now)
    assert done.outcome.created == count, done.outcome
    figures = figures_of(portfolio)
    sign_reconciliation(portfolio=portfolio, shown=figures.digest, nothing=figures.empty, by=by, at=now)
    open_contact(portfolio=portfolio, by=by, at=now)


def write_tape(path: Path, book: Book, count: int, today: date) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    terms = [
        "1000.00",
        "100.00",
        book.currency,
        today - timedelta(days=31),
        today + timedelta(days=book.due_in),
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            person = [
                f"{book.code}{number}",
                f"王{number}",
                book.number.format(number),
                "application",
                "contract",
            ]
            writer.writerow([f"B{number}", *person, *terms])


def tidy_up() -> None:
    """What autovacuum does within a minute or two; only the owner of the tables may."""
    import psycopg

    from collections_site import local

    with psycopg.connect(local.database_url("owner"), autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE)")
