"""Files that arrive at the same moment: what one has written, the other finds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from accounts.actions import tapes
from accounts.models import ImportKind, ImportRun, ImportState, LedgerEntry, Loan, Portfolio
from accounts.standing import standing_of
from accounts.tapes.mapping import load_mapping
from accounts.tapes.read import open_tape
from tests.accounts.tapes import PLAIN, as_csv
from tests.factories import SYSTEM, make_portfolio

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 9, 1, 17, 0, tzinfo=UTC)
FIRST = PLAIN | {"paid_total": "0", "last_paid_on": "", "as_of": "2026-08-01"}
PAID = PLAIN | {"paid_total": "50", "last_paid_on": "2026-08-20", "as_of": "2026-08-31"}


def bring(portfolio: Portfolio, row: dict[str, str]) -> dict[str, object]:
    """Import a tape of one loan; what came of it."""
    run = ImportRun.objects.create(
        id=uuid7(), kind=ImportKind.LOANS, portfolio=portfolio, mapping="standard", state=ImportState.RUNNING
    )
    cleaning = tapes.cleaner(ImportKind.LOANS, load_mapping("standard"), portfolio, AT)
    tape = open_tape(as_csv([row]), "tape.csv", wanted=cleaning.wanted)
    done = tapes.perform(run=run, tape=tape, cleaning=cleaning, by=SYSTEM, at=AT)
    return {name: done.summary[name] for name in ("created", "updated", "unchanged", "rejected")}


def at_once(*works):
    barrier = Barrier(len(works))

    def run(work):
        try:
            barrier.wait(timeout=10)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def counts(answers, name):
    return sorted(answer[name] for answer in answers)


def test_a_new_loan_in_two_files_is_taken_over_once():
    portfolio = make_portfolio()
    answers = at_once(*[lambda: bring(portfolio, FIRST)] * 2)
    assert (counts(answers, "created"), counts(answers, "unchanged")) == ([0, 1], [0, 1])
    assert Loan.objects.count() == 1


def test_what_two_files_say_was_paid_is_booked_once():
    portfolio = make_portfolio()
    bring(portfolio, FIRST)
    answers = at_once(*[lambda: bring(portfolio, PAID)] * 2)
    assert (counts(answers, "updated"), counts(answers, "unchanged")) == ([0, 1], [0, 1])
    loan = Loan.objects.get()
    assert LedgerEntry.objects.filter(loan=loan, kind="repayment").count() == 1
    assert standing_of([loan.pk], date(2026, 9, 1))[loan.pk].outstanding == 1_060_50
