"""The two real tapes, whole, through the command into the database: counts and sums held against the files themselves."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Count, Sum

from accounts.models import Borrower, ImportRun, Instalment, LedgerEntry, Loan, Portfolio
from tests.shared_data import shared_data

pytestmark = pytest.mark.django_db

CURRENT = "superlender/trainperf.csv.gz"
EARLIER = "superlender/trainprevloans.csv.gz"
WALLET = "xente/Train.csv.gz"


def rows_of(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def bring_in(name: str, mapping: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("import_loans", shared_data(name), portfolio=mapping.upper(), mapping=mapping, stdout=out)
    summary = json.loads(out.getvalue())
    del summary["seconds"]
    return summary


def booked(**of: Any) -> dict[str, int]:
    """Sums of the ledger, in minor units."""
    entries = LedgerEntry.objects.filter(**of)
    return entries.aggregate(
        *[Sum(column, default=0) for column in ("principal", "interest", "fees", "amount")]
    )


def test_superlender():
    current, earlier = list(rows_of(CURRENT)), list(rows_of(EARLIER))
    clean = {"updated": 0, "unchanged": 0, "rejected": 0, "reasons": {}, "changes": {}}
    assert bring_in(EARLIER, "superlender") == {"rows": 18_183, "created": 18_183} | clean
    assert bring_in(CURRENT, "superlender") == {"rows": 4_368, "created": 4_368} | clean
    assert not Portfolio.objects.get().contact_open

    principal = sum(Decimal(row["loanamount"]) for row in current + earlier) * 100
    total = sum(Decimal(row["totaldue"]) for row in current + earlier) * 100
    paid = sum(Decimal(row["totaldue"]) for row in earlier) * 100
    assert booked(kind="opening") == {
        "principal__sum": principal,
        "interest__sum": total - principal,
        "fees__sum": 0,
        "amount__sum": total,
    }
    assert booked(kind="repayment")["amount__sum"] == -paid
    assert Instalment.objects.aggregate(Sum("amount")) == {"amount__sum": total}
    # What is still owed is what the current loans came to.
    owed = Loan.objects.annotate(owed=Sum("entries__amount")).filter(owed__gt=0)
    assert owed.count() == len(current)
    assert booked()["amount__sum"] == sum(Decimal(row["totaldue"]) for row in current) * 100

    # A customer is one person, however many loans there are, in whichever file.
    assert Borrower.objects.count() == len({row["customerid"] for row in current + earlier}) == 4_368
    assert Loan.objects.count() == len(current) + len(earlier)
    most = Borrower.objects.annotate(number=Count("loans")).order_by("-number").first()
    assert most.number == 27

    # The same file again: nothing.
    assert bring_in(CURRENT, "superlender") == clean | {"rows": 4_368, "created": 0, "unchanged": 4_368}


def test_xente():
    pay_backs: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows_of(WALLET):
        if row["LoanId"] != "NA":
            pay_backs.setdefault(row["LoanId"], {})[row["PayBackId"]] = row
    assert bring_in(WALLET, "xente") == {
        "rows": 2_100,
        "created": 1_152,
        "updated": 0,
        "unchanged": 0,
        "rejected": 646,
        "reasons": {"final_but_short": 5, "missing": 2, "not_a_loan": 612},
        "changes": {},
    }
    taken = {
        external_id: pay_backs[external_id]
        for external_id in Loan.objects.values_list("external_id", flat=True)
    }
    paid = {key: sum(Decimal(row["AmountLoan"]) for row in rows.values()) for key, rows in taken.items()}
    lent = {key: Decimal(next(iter(rows.values()))["Value"]) for key, rows in taken.items()}
    assert booked(kind="opening")["principal__sum"] == sum(lent.values()) == 23_147_431
    assert booked(kind="repayment")["amount__sum"] == -sum(paid.values())
    customers = {row["CustomerId"] for rows in taken.values() for row in rows.values()}
    assert Borrower.objects.count() == len(customers)
    # What a finished loan brought above the purchase was its charge; nothing is left of it.
    final = {key for key, rows in taken.items() if any(row["IsFinalPayBack"] == "1" for row in rows.values())}
    assert booked(kind="opening")["interest__sum"] == sum(paid[key] - lent[key] for key in final)
    left = dict(Loan.objects.annotate(owed=Sum("entries__amount")).values_list("external_id", "owed"))
    assert left == {key: 0 if key in final else lent[key] - paid[key] for key in taken}

    # Which rows were rejected, and why, is kept until it is destroyed.
    run = ImportRun.objects.get()
    assert run.rejected_sealed is not None
    assert (run.state, run.progress) == ("done", 2_100)
