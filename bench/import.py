"""What an import costs: 100,000 generated loans through the real import, in one transaction, everything sealed, scheduled,
posted and audited. Beside it, in the same run:

- COPY of the file's own bytes into one bare table of text;
- COPY of the finished rows (all that the import wrote) into bare tables without keys, indexes or triggers;
- django-import-export's own row path: a ModelResource that saves the loans alone, row by row, sealing, posting and auditing
  nothing; on a tenth of them, 5,000 at most.

    BENCH_LOANS=100000 python bench/import.py
"""

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("FORBEAR_VAR", str(Path("var") / "bench"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collections_site.settings")

from bench._tapes import COLUMNS, Book, write_tape

LOANS = int(os.environ.get("BENCH_LOANS", "100000"))
BY_ROW = min(LOANS // 10, 5_000)
OF_LOANS = "loan_id IN (SELECT id FROM accounts_loan WHERE portfolio_id = {portfolio})"
OF_BORROWERS = "IN (SELECT borrower_id FROM accounts_loan WHERE portfolio_id = {portfolio})"
WRITTEN = {
    "accounts_borrower": f"id {OF_BORROWERS}",
    "accounts_borrowerkey": f"borrower_id {OF_BORROWERS}",
    "accounts_contactpoint": f"borrower_id {OF_BORROWERS}",
    "accounts_loan": "portfolio_id = {portfolio}",
    "accounts_instalment": OF_LOANS,
    "accounts_ledgerentry": OF_LOANS,
    "compliance_auditevent": "stream = '{run}'",
}
"""What an import writes, and which of it is this one's."""


def ours(path: Path, code: str) -> tuple[float, Any, Any]:
    """Seconds of the whole import, its portfolio and its run."""
    from django.utils import timezone

    from accounts.actions import tapes
    from accounts.models import ImportKind, ImportRun, ImportState
    from accounts.tapes.mapping import load_mapping
    from accounts.tapes.read import open_tape
    from compliance.audit import Actor

    by, now = Actor.system("bench"), timezone.now()
    mapping = load_mapping("standard")
    portfolio = tapes.portfolio_for(code=code, mapping=mapping, by=by, at=now)
    type(portfolio).objects.filter(pk=portfolio.pk).update(
        currency="CNY", jurisdictions=["CN"], zone="Asia/Shanghai"
    )
    portfolio.refresh_from_db()
    cleaning = tapes.cleaner(ImportKind.LOANS, mapping, portfolio, now)
    run = ImportRun.objects.create(
        kind=ImportKind.LOANS,
        portfolio=portfolio,
        mapping="standard",
        file_digest="bench",
        state=ImportState.RUNNING,
    )
    started = time.perf_counter()
    done = tapes.perform(
        run=run, tape=open_tape(path, wanted=cleaning.wanted), cleaning=cleaning, by=by, at=now
    )
    seconds = time.perf_counter() - started
    assert done.outcome.created == LOANS, done.outcome
    return seconds, portfolio, run.pk


def copy_of_the_bytes(path: Path) -> float:
    from django.db import connection

    columns = ", ".join(f"{name} text" for name in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE bare ({columns})")
        started = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
        return time.perf_counter() - started


def copy_of_the_rows(portfolio: Any, run: Any) -> tuple[float, int]:
    """COPY of every row the import has written, into tables of the same columns and nothing else."""
    from django.db import connection

    seconds, rows = 0.0, 0
    with connection.cursor() as cursor:
        for table, where in WRITTEN.items():
            mine = where.format(portfolio=portfolio.pk, run=run)
            with cursor.copy(f"COPY (SELECT * FROM {table} WHERE {mine}) TO STDOUT") as copy:
                data = b"".join(bytes(block) for block in copy)
            cursor.execute(f"CREATE TEMPORARY TABLE bare_{table} AS SELECT * FROM {table} WITH NO DATA")
            started = time.perf_counter()
            with cursor.copy(f"COPY bare_{table} FROM STDIN") as copy:
                copy.write(data)
            seconds += time.perf_counter() - started
            cursor.execute(f"SELECT count(*) FROM bare_{table}")
            rows += cursor.fetchone()[0]
    return seconds, rows


def row_by_row(path: Path, portfolio: Any) -> float:
    """Loans a second of django-import-export as it comes: clean, look up, save, one row after the other."""
    import tablib
    from import_export import fields, resources

    from accounts.models import Loan
    from accounts.seal import row_digest

    borrower = portfolio.loans.values_list("borrower", flat=True)[0]

    class LoanResource(resources.ModelResource):
        external_id = fields.Field(attribute="external_id", column_name="loan_id")
        disbursed_on = fields.Field(attribute="disbursed_on", column_name="disbursed_on")

        class Meta:
            model = Loan
            import_id_fields = ("external_id",)
            fields = ("external_id", "disbursed_on")
            use_transactions = True

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.borrower_id, instance.portfolio_id = borrower, portfolio.pk
            instance.disbursed_on = date.fromisoformat(row["disbursed_on"])
            instance.tape_digest = row_digest(instance.external_id.encode())

    data = tablib.Dataset().load(path.read_text("utf-8"), format="csv")[:BY_ROW]
    rows = tablib.Dataset(*((f"row:{loan}", *rest) for loan, *rest in data), headers=list(COLUMNS))
    started = time.perf_counter()
    result = LoanResource().import_data(rows, raise_errors=True)
    seconds = time.perf_counter() - started
    assert result.totals["new"] == BY_ROW, result.totals
    return BY_ROW / seconds


def main() -> None:
    import django

    django.setup()
    from django.db import transaction

    book = Book(f"IMPORT-{int(time.time())}", number="+86138{:08d}")
    path = Path(os.environ["FORBEAR_VAR"]) / "import.csv"
    write_tape(path, book, LOANS, datetime.now(UTC).date())
    seconds, portfolio, run = ours(path, book.code)
    bytes_ = copy_of_the_bytes(path)
    rows_, count = copy_of_the_rows(portfolio, run)
    with transaction.atomic():
        slow = row_by_row(path, portfolio)
        transaction.set_rollback(True)
    rate = LOANS / seconds
    print(f"{LOANS:,} loans in {seconds:.1f} s: {rate:,.0f} loans/s, {count / LOANS:.1f} rows each")
    print(f"COPY of the file's bytes: {bytes_:.2f} s, ratio {seconds / bytes_:.1f}")
    print(f"COPY of the finished rows: {rows_:.2f} s, ratio {seconds / rows_:.1f}")
    print(f"row by row: {slow:,.0f} loans/s, ratio {rate / slow:.1f}")


if __name__ == "__main__":
    # The owner migrates; the rest is measured as the app.
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
    main()
