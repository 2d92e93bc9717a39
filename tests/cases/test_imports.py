"""Importing loans on the command line: once, again, changed, refused, cut off."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from accounts.actions import imports
from accounts.actions.borrowers import read_opened, refuse_related_person
from accounts.models import Borrower, ImportRun, LedgerEntry, Loan, Portfolio
from accounts.seal import seal_of
from accounts.standing import standing_of
from cases.models import CaseState
from collections_site import local
from compliance.models import AuditEvent
from tests.accounts.tapes import as_csv, workbook
from tests.cases.files import (
    BAD_FILES,
    BAD_ROWS,
    CommandLine,
    day,
    loan_row,
    rejected_reasons,
    stored,
    summary,
)
from tests.cases.stories import fresh, make_case
from tests.factories import NOW, SYSTEM, make_portfolio


@pytest.fixture
def command(db, tmp_path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def bring_in(command) -> CommandLine:
    return command.loans


def standing(loan_id: str):
    loan = Loan.objects.get(external_id=loan_id)
    return standing_of([loan.pk], timezone.now().date())[loan.pk]


def event_types(since: int) -> list[str]:
    """Types of the events after the first so many."""
    found = AuditEvent.objects.order_by("recorded_at", "stream", "seq").values_list("type", flat=True)
    return sorted(found[since:])


def test_a_tape_for_the_first_time(bring_in):
    rows = [
        loan_row(1),
        loan_row(2, paid_total="100.00", last_paid_on=day(-5)),
        loan_row(3, borrower_id="B1", name="Dana Field 1", phone="+1 212 555 0001"),
    ]
    assert bring_in(rows) == summary(rows=3, created=3)
    portfolio = Portfolio.objects.get()
    assert (portfolio.code, portfolio.entity.name, portfolio.currency, portfolio.jurisdictions) == (
        "river", "Lender", "USD", ["US"],
    )  # fmt: skip
    # Nobody is contacted before somebody has looked at it.
    assert not portfolio.contact_open
    assert list(Loan.objects.order_by("external_id").values_list("external_id", "borrower__name_mask")) == [
        ("L1", "D*** F*** 1***"),
        ("L2", "D*** F*** 2***"),
        ("L3", "D*** F*** 1***"),
    ]
    first, second = Borrower.objects.order_by("pk").prefetch_related("contact_points")
    [number] = first.contact_points.all()
    assert (number.mask, number.zones, number.source, number.ground) == (
        "+1 2******001", ["America/New_York"], "application", "contract",
    )  # fmt: skip
    assert read_opened(second, list(second.contact_points.all())).name == "Dana Field 2"
    assert standing("L1").arrears == 1_100_00
    assert (standing("L2").arrears, standing("L2").interest, standing("L2").days_past_due) == (
        1_000_00,
        0,
        10,
    )
    [run] = ImportRun.objects.all()
    assert (run.state, run.progress, run.file_sealed, run.rejected_sealed) == ("done", 3, None, None)
    assert Counter(event_types(0)) == {
        "legal_entity.created": 1,
        "portfolio.created": 1,
        "import.started": 1,
        "borrower.imported": 2,
        "loan.imported": 3,
        "ledger.posted": 4,
        "import.finished": 1,
    }


def test_the_same_tape_again_changes_nothing(bring_in):
    rows = [loan_row(1), loan_row(2, paid_total="100.00", last_paid_on=day(-5))]
    bring_in(rows)
    before, loans = stored(), list(Loan.objects.order_by("pk").values())
    assert bring_in(rows) == summary(rows=2, unchanged=2)
    assert list(Loan.objects.order_by("pk").values()) == loans
    assert event_types(before["AuditEvent"]) == ["import.finished", "import.started"]
    assert stored() == before | {"ImportRun": 2, "AuditEvent": before["AuditEvent"] + 2}


def test_a_later_tape_changes_what_changed_and_says_what(bring_in):
    bring_in([loan_row(number) for number in range(1, 6)])
    before = stored()
    later = [
        loan_row(1, due_on=day(-3)),
        loan_row(2, phone="+1 212 555 0777"),
        loan_row(3, paid_total="300.00", last_paid_on=day(-2)),
        loan_row(4, product="Wallet loan"),
        loan_row(5),
        loan_row(6),
    ]
    assert bring_in(later) == summary(
        rows=6,
        created=1,
        updated=4,
        unchanged=1,
        changes={"borrower": 1, "credits": 1, "schedule": 1, "terms": 1},
    )
    assert (standing("L1").days_past_due, standing("L1").arrears) == (3, 1_100_00)
    # The number that the tape leaves out stays: nobody said that it is wrong.
    masks = Loan.objects.get(external_id="L2").borrower.contact_points.order_by("created_at", "pk")
    assert list(masks.values_list("mask", flat=True)) == ["+1 2******002", "+1 2******777"]
    assert standing("L3").arrears == 800_00
    assert Loan.objects.get(external_id="L4").product == "Wallet loan"
    changed = AuditEvent.objects.filter(type="loan.changed")
    assert changed.count() == 4
    assert event_types(before["AuditEvent"]) == sorted([
        "import.started", "import.finished", "borrower.imported", "loan.imported", "ledger.posted",
        "borrower.changed", "ledger.posted", *["loan.changed"] * 4,
    ])  # fmt: skip
    assert bring_in(later) == summary(rows=6, unchanged=6)


def test_a_later_tape_may_not_take_back_what_is_booked(bring_in, command):
    bring_in([loan_row(number, paid_total="300", last_paid_on=day(-5)) for number in range(1, 5)])
    before = [standing(f"L{number}") for number in range(1, 5)]
    told = bring_in(
        [
            loan_row(1, principal="900", paid_total="300", last_paid_on=day(-5)),
            loan_row(2, paid_total="200", last_paid_on=day(-5)),
            loan_row(3, borrower_id="B9", paid_total="300", last_paid_on=day(-5)),
            loan_row(4, paid_total="400", last_paid_on=day(-2)),
        ]
    )
    assert told == summary(
        rows=4,
        updated=1,
        rejected=3,
        reasons={"opening_changed": 1, "other_borrower": 1, "paid_shrank": 1},
        changes={"credits": 1},
    )
    assert [standing(f"L{number}") for number in range(1, 4)] == before[:3]
    assert standing("L4").arrears == before[3].arrears - 100_00
    assert not Borrower.objects.filter(loans=None).exists()


def test_what_a_tape_says_was_paid_closes_a_case(bring_in):
    bring_in([loan_row(1)])
    loan = Loan.objects.get()
    case = make_case(loan=loan, at=timezone.now())
    bring_in([loan_row(1, paid_total="1,100.00", last_paid_on=day(-1))])
    assert fresh(case).state == CaseState.CURED
    assert standing("L1").outstanding == 0


def test_a_portfolio_that_is_there_keeps_its_own_terms(bring_in):
    portfolio = make_portfolio("river", contact_open=True, zone="Pacific/Honolulu")
    bring_in([loan_row(1)])
    assert Portfolio.objects.get() == portfolio
    assert (Portfolio.objects.get().contact_open, Portfolio.objects.get().zone) == (True, "Pacific/Honolulu")


def test_a_dry_run_does_everything_and_keeps_nothing(bring_in):
    assert bring_in([loan_row(1), loan_row(2, principal="-5")], "--dry-run") == summary(
        rows=2, created=1, rejected=1, reasons={"negative": 1}
    )
    assert set(stored().values()) == {0}


def test_contacts_with_their_ground(bring_in):
    person = {
        "related_1_relation": "guarantor",
        "related_1_name": "Robin Field",
        "related_1_phone": "+1 212 555 0999",
        "related_1_given_by": "borrower",
        "related_1_given_on": day(-40),
        "related_1_ground": "contract",
    }
    told = bring_in(
        [loan_row(1, **person), loan_row(2, phone_source="address_book"), loan_row(3, phone_source="bought")]
    )
    assert told == summary(rows=3, created=1, rejected=2, reasons={"harvested": 2})
    [robin] = Borrower.objects.get().related_persons.all()
    assert (robin.relation, robin.name_mask, robin.given_by, robin.ground) == (
        "guarantor", "R*** F***", "borrower", "contract",
    )  # fmt: skip
    assert [point.owner for point in robin.contact_points.all()] == ["guarantor"]


def test_what_a_later_tape_leaves_out_is_not_forgotten(bring_in):
    bring_in([loan_row(1, national_id="007", birth_year="1990")])
    later = {name: text for name, text in loan_row(1, email="dana@mail.example").items() if name != "name"}
    contact = {"email_source": "application", "email_ground": "contract"}
    assert bring_in([later | contact])["changes"] == {"borrower": 1}
    borrower = Borrower.objects.get()
    assert borrower.name_mask == "D*** F*** 1***"
    identity = seal_of(borrower).open_json("identity", borrower.identity_sealed)
    assert identity == {"name": "Dana Field 1", "external_id": "B1", "national_id": "007", "born_on": "1990"}
    assert sorted(borrower.contact_points.values_list("kind", flat=True)) == ["email", "phone"]


def test_people_around_a_borrower_whom_a_later_tape_names(bring_in):
    def person(number: int, **changed: str) -> dict[str, str]:
        told = {
            "relation": "guarantor", "name": f"Robin {number}", "phone": f"+1 212 555 09{number:02}",
            "given_by": "borrower", "given_on": day(-40), "ground": "contract",
        }  # fmt: skip
        return {f"related_{number}_{name}": text for name, text in (told | changed).items()}

    bring_in([loan_row(1, **person(1))])
    borrower = Borrower.objects.get()
    robin = borrower.related_persons.get()
    refuse_related_person(person=robin, channel="call", by=SYSTEM, at=NOW)
    rows = [loan_row(1, **person(1, phone="+1 212 555 0977"), **person(2))]
    assert bring_in(rows) == summary(rows=1, updated=1, changes={"borrower": 1})
    # Robin is the same person, and said no for ever: not by a new number either.
    assert borrower.related_persons.count() == 2
    new = borrower.related_persons.exclude(pk=robin.pk).get()
    assert [point.mask for point in new.contact_points.all()] == ["+1 2******902"]
    assert [point.status for point in robin.contact_points.all()] == ["retired"]
    told = AuditEvent.objects.get(type="borrower.changed")
    assert json.loads(bytes(told.leaf))["data"]["fields"] == ["identity", "contact_points", "related_persons"]
    assert bring_in(rows) == summary(rows=1, unchanged=1)


# What is wrong with a file


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_tape(bring_in, name):
    content, file, sentence = BAD_FILES[name]
    with pytest.raises(CommandError) as refused:
        bring_in(content, name=file)
    assert str(refused.value) == f"{sentence} Nothing was stored."
    assert set(stored().values()) == {0}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_row_that_is_wrong(bring_in, name):
    changed, sentence = BAD_ROWS[name]
    told = bring_in([loan_row(1), loan_row(2, **changed)])
    assert (told["created"], told["rejected"], sum(told["reasons"].values())) == (1, 1, 1)
    assert rejected_reasons() == {"3": sentence}
    assert Loan.objects.get().external_id == "L1"


def test_an_id_twice_in_a_file(bring_in):
    told = bring_in([loan_row(1), loan_row(2), loan_row(3, loan_id="L1")])
    assert told == summary(rows=3, created=1, rejected=2, reasons={"duplicate_id": 2})
    assert rejected_reasons() == dict.fromkeys(
        ["2", "4"], "loan_id: The same id stands in rows 2, 4. Which one is right?"
    )


def test_a_byte_order_mark_is_no_mistake(bring_in):
    assert bring_in(b"\xef\xbb\xbf" + as_csv([loan_row(1)])) == summary(rows=1, created=1)


def test_a_workbook(bring_in):
    row = loan_row(1)
    assert bring_in(workbook([list(row), list(row.values())]), name="tape.xlsx") == summary(rows=1, created=1)


def test_what_is_asked_for_wrongly(command, tmp_path):
    with pytest.raises(
        CommandError,
        match=r"There is no mapping 'other'\. There are: lendingclub, standard, superlender, xente\.",
    ):
        command.loans([loan_row(1)], mapping="other")
    with pytest.raises(CommandError, match=r"There is no portfolio 'river'\. Import its loans first\."):
        command.payments([])
    tape = tmp_path / "gone.csv"
    with pytest.raises(CommandError, match=rf"{tape}: No such file or directory\. Nothing was stored\."):
        command.run("import_loans", tape, portfolio="river", mapping="standard")
    assert set(stored().values()) == {0}


# Cut off in the middle


def test_a_mistake_in_the_middle_leaves_nothing(bring_in, monkeypatch):
    monkeypatch.setattr(imports, "CHUNK", 2)
    written = []

    def copy_in(model, rows):
        if model is Loan:
            written.append(len(rows))
            if len(written) == 2:
                raise RuntimeError("the disk is full")
        real(model, rows)

    real = imports.copy_in
    monkeypatch.setattr(imports, "copy_in", copy_in)
    with pytest.raises(RuntimeError):
        bring_in([loan_row(number) for number in range(1, 6)])
    assert written == [2, 2]
    assert set(stored().values()) == {0}


@pytest.mark.django_db(transaction=True)
def test_kill_nine_in_the_middle_leaves_nothing(tmp_path):
    """A real process, killed after its first rows have reached the database."""
    tape = tmp_path / "tape.csv"
    tape.write_bytes(as_csv([loan_row(number) for number in range(1, 6001)]))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "collections_site.settings_test",
        "FORBEAR_SECRET_KEY": settings.SECRET_KEY,
        "FORBEAR_SEAL_KEYS": ",".join(settings.SEAL_KEYS),
        "FORBEAR_BLIND_INDEX_KEY": settings.BLIND_INDEX_KEY,
        "REDIS_URL": settings.REDIS_URL,
        "DATABASE_URL": urlsplit(local.database_url("app"))
        ._replace(path=f"/{connection.settings_dict['NAME']}")
        .geturl(),
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_loans", tape, "--portfolio=river", "--mapping=standard"],
        env=environment,
        cwd=settings.BASE_DIR,
    )
    try:
        for _ in range(600):
            if process.poll() is not None or size_of(LedgerEntry) > 100_000:
                break
            time.sleep(0.05)
        assert process.poll() is None
        assert size_of(LedgerEntry) > 100_000
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(30)
    assert process.returncode == -signal.SIGKILL
    assert set(stored().values()) == {0}
    command = CommandLine(tmp_path)
    assert command.loans([loan_row(number) for number in range(1, 4)]) == summary(rows=3, created=3)


def size_of(model) -> int:
    """Bytes of a table on the disk, with what nobody has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s)", [model._meta.db_table])
        return cursor.fetchone()[0]
