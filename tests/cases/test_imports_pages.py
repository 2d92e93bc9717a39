"""Importing in the browser: look first, confirm, the worker, the result, the rejected rows; and nothing of a bad file."""

import csv
import gzip
import io
import threading
from collections.abc import Callable
from datetime import timedelta

import django_rq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.urls import reverse
from django.utils import timezone
from rq import SimpleWorker

from accounts.actions import tapes
from accounts.models import ImportRun, ImportState, Loan, Role
from cases import tasks
from compliance.models import AuditEvent
from tests.accounts.tapes import as_csv, workbook
from tests.cases.files import BAD_FILES, BAD_ROWS, day, loan_row, rejected_reasons, stored
from tests.factories import SYSTEM, make_people, make_portfolio, make_team, make_user

PARTS = ["new", "changed", "unchanged", "rejected"]


@pytest.fixture
def portfolio(db):
    return make_portfolio("river")


@pytest.fixture
def bob(portfolio, client):
    """The supervisor of the portfolio's team, signed in."""
    people = make_people(portfolio)
    client.force_login(people.bob)
    return people.bob


@pytest.fixture
def upload(client, portfolio, bob) -> Callable:
    def send(content, *, name: str = "tape.csv", kind: str = "loans", mapping: str = "standard"):
        content = content if isinstance(content, bytes) else as_csv(content)
        form = {"portfolio": portfolio.pk, "mapping": mapping, "file": SimpleUploadedFile(name, content)}
        return client.post(reverse("import_new", args=[kind]), form)

    return send


@pytest.fixture
def bring_in(client, upload, django_capture_on_commit_callbacks) -> Callable[..., ImportRun]:
    """Upload, confirm, and do what the worker would do."""

    def all_the_way(content, **options) -> ImportRun:
        answer = upload(content, **options)
        assert answer.status_code == 302, answer.context["form"].errors
        run = ImportRun.objects.latest("created_at")
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("import_confirm", args=[run.pk]))
        assert ImportRun.objects.get(pk=run.pk).state == ImportState.QUEUED
        tasks.perform_import(str(run.pk))
        run.refresh_from_db()
        return run

    return all_the_way


def page_of(client, run: ImportRun, **headers):
    return client.get(reverse("import_run", args=[run.pk]), headers=headers)


def figures(answer) -> dict[str, int]:
    """The four numbers on top of the page."""
    text = answer.content.decode()
    values = [part.partition("</span>")[0] for part in text.split('<span class="figure-value">')[1:]]
    return dict(zip(PARTS, map(int, values), strict=True))


def rows_shown(answer) -> list[tuple[int, str, str]]:
    """The rejected rows of a preview: row, column and why."""
    return [
        (row.number, column, " ".join(reasons))
        for row in answer.context["invalid_rows"]
        for column, reasons in row.error_dict.items()
    ]


def test_a_look_before_anything_is_stored(client, upload):
    before = stored()
    answer = upload(
        [
            loan_row(1),
            loan_row(2, principal="-5", due_on="31/02/2026"),
            loan_row(3),
            loan_row(4, loan_id="L1"),
        ]
    )
    run = ImportRun.objects.get()
    assert answer.url == reverse("import_run", args=[run.pk])
    assert stored() == before | {"ImportRun": 1, "AuditEvent": before["AuditEvent"] + 1}
    answer = client.get(answer.url)
    assert figures(answer) == {"new": 1, "changed": 0, "unchanged": 0, "rejected": 3}
    twice = "The same id stands in rows 2, 5. Which one is right?"
    assert rows_shown(answer) == [
        (2, "loan_id", twice),
        (3, "principal", "“-5” is negative."),
        (3, "due_on", "“31/02/2026” is not a date like 2026-12-31."),
        (5, "loan_id", twice),
    ]
    for words in ("principal", "“-5” is negative.", "waiting for your confirmation", "Import the good rows"):
        assert words in answer.content.decode()
    previewed = AuditEvent.objects.get(type="import.previewed")
    assert previewed.actor == str(run.started_by.ref)
    # The file lies sealed under the run's own key.
    assert b"Dana" not in bytes(run.file_sealed)
    assert run.file_format == ".csv"


def test_all_the_way(client, bring_in, bob):
    run = bring_in([loan_row(1), loan_row(2, principal="-5"), loan_row(3)])
    assert run.summary | {"seconds": 0} == {
        "rows": 3, "created": 2, "updated": 0, "unchanged": 0, "rejected": 1, "reasons": {"negative": 1},
        "changes": {}, "seconds": 0,
    }  # fmt: skip
    assert (run.state, run.file_sealed) == (ImportState.DONE, None)
    answer = page_of(client, run)
    assert figures(answer) == {"new": 2, "changed": 0, "unchanged": 0, "rejected": 1}
    assert answer.context["reasons"] == [("“…” is negative.", 1)]
    imported = AuditEvent.objects.filter(type="loan.imported")
    assert set(imported.values_list("actor", flat=True)) == {str(bob.ref)}
    overview = client.get(reverse("imports")).content.decode()
    assert "river" in overview
    assert bob.display_name in overview


def test_the_page_asks_again_until_it_is_done(client, upload):
    upload([loan_row(1)])
    run = ImportRun.objects.get()
    client.post(reverse("import_confirm", args=[run.pk]))
    waiting = page_of(client, run).content.decode()
    assert "Waiting for the worker. You can leave this page." in waiting
    assert 'hx-trigger="every 1s"' in waiting
    ImportRun.objects.update(state=ImportState.RUNNING)
    fragment = page_of(client, run, **{"HX-Request": "true"}).content.decode()
    assert fragment.strip().startswith('<div id="import-run"')
    assert "Being imported, all or nothing. You can leave this page." in fragment


def test_confirmed_twice_is_queued_once(client, upload, django_capture_on_commit_callbacks):
    upload([loan_row(1)])
    run = ImportRun.objects.get()
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        client.post(reverse("import_confirm", args=[run.pk]))
        answer = client.post(reverse("import_confirm", args=[run.pk]), follow=True)
    assert len(callbacks) == 1
    assert "This file has been confirmed before, or it is not kept any more." in answer.content.decode()
    assert django_rq.get_queue("bulk").count == 1


def test_the_same_file_again_says_that_nothing_changes(client, bring_in, upload):
    rows = [loan_row(1), loan_row(2)]
    bring_in(rows)
    answer = client.get(upload(rows).url)
    assert figures(answer) == {"new": 0, "changed": 0, "unchanged": 2, "rejected": 0}
    assert '<button type="submit" class="btn btn-primary" disabled>' in answer.content.decode()


def test_a_later_file_says_what_changes(client, bring_in, upload):
    bring_in([loan_row(1), loan_row(2), loan_row(3)])
    answer = client.get(
        upload([loan_row(1, due_on=day(-5)), loan_row(2, name="Kim"), loan_row(3), loan_row(4)]).url
    )
    assert figures(answer) == {"new": 1, "changed": 2, "unchanged": 1, "rejected": 0}
    assert answer.context["changes"] == {"schedule": 1, "borrower": 1}
    assert "schedule 1" in answer.content.decode()


def test_a_workbook_and_a_compressed_file(client, bring_in):
    row = loan_row(1)
    run = bring_in(workbook([list(row), list(row.values())]), name="Loans May.xlsx")
    assert (run.summary["created"], run.file_format) == (1, ".xlsx")
    run = bring_in(gzip.compress(as_csv([row, loan_row(2)])), name="tape.csv.gz")
    assert (run.summary["created"], run.summary["unchanged"], run.file_format) == (1, 1, ".csv.gz")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_tape(upload, name):
    content, file, sentence = BAD_FILES[name]
    before = stored()
    answer = upload(content, name=file)
    assert answer.status_code == 422
    said = answer.context["form"].errors["file"]
    # Django's own form speaks for a file without a byte.
    assert said in ([f"{sentence} Nothing was stored."], ["The submitted file is empty."])
    assert stored() == before


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_row_that_is_wrong(client, upload, bring_in, name):
    changed, sentence = BAD_ROWS[name]
    rows = [loan_row(1), loan_row(2, **changed)]
    [(number, column, why)] = rows_shown(client.get(upload(rows).url))
    assert number == 3
    assert (f"{column}: " if column != "__all__" else "") + why == sentence
    run = bring_in(rows)
    assert (run.summary["created"], run.summary["rejected"]) == (1, 1)
    assert rejected_reasons(run) == {"3": sentence}


def test_more_than_twenty_megabytes(upload, monkeypatch):
    monkeypatch.setattr("cases.views.imports.LARGEST_FILE", 100)
    answer = upload([loan_row(1)])
    assert answer.context["form"].errors["file"] == [
        "The file is larger than 20 MB. Please import it on the command line."
    ]
    assert not ImportRun.objects.exists()


def test_an_unknown_kind_of_name_is_only_its_end(upload):
    answer = upload([loan_row(1)], name="tape.a-very-long-ending-of-a-name")
    assert answer.context["form"].errors["file"] == [
        "Files may end in .csv, .csv.gz or .xlsx; this one ends in “.a-very-long-ending-”. Nothing was stored."
    ]


# Rejected rows


def test_rejected_rows_come_back_as_they_were_with_every_reason(client, bring_in):
    evil = '=HYPERLINK("http://evil.example")'
    run = bring_in([loan_row(1), loan_row(2, name=evil, principal="-5", due_on="31/02/2026"), loan_row(3)])
    before = AuditEvent.objects.count()
    answer = client.get(reverse("import_rejected", args=[run.pk]))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="rejected-{run.pk}.csv"'
    text = answer.content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {
        "row": "3",
        **loan_row(2, due_on="31/02/2026"),
        "name": f"'{evil}",
        "principal": "'-5",
        "phone": "'+1 212 555 0002",
        "why": "principal: “-5” is negative. due_on: “31/02/2026” is not a date like 2026-12-31.",
    }
    [event] = AuditEvent.objects.order_by("-recorded_at")[: AuditEvent.objects.count() - before]
    assert (event.type, event.actor) == ("import.rejects_downloaded", str(run.started_by.ref))
    assert b"HYPERLINK" not in bytes(run.rejected_sealed)


def test_after_seven_days_files_and_rejected_rows_are_gone(client, bring_in, upload):
    done = bring_in([loan_row(1), loan_row(2, principal="-5")])
    upload([loan_row(3)])
    waiting = ImportRun.objects.get(state=ImportState.PREVIEWED)
    now = timezone.now()
    assert tapes.destroy_expired(by=SYSTEM, at=now + timedelta(days=6, hours=23)) == 0
    assert client.get(reverse("import_rejected", args=[done.pk])).status_code == 200
    assert tapes.destroy_expired(by=SYSTEM, at=now + timedelta(days=7, hours=1)) == 2
    for run in (done, waiting):
        run.refresh_from_db()
        assert (run.wrapped_key, run.file_sealed, run.rejected_sealed) == (None, None, None)
    assert client.get(reverse("import_rejected", args=[done.pk])).status_code == 404
    assert "Download the rejected rows" not in page_of(client, done).content.decode()
    assert "The file of this preview has been destroyed." in page_of(client, waiting).content.decode()
    # What the run came to stays.
    assert figures(page_of(client, done)) == {"new": 1, "changed": 0, "unchanged": 0, "rejected": 1}


# Whose files


def test_another_team_sees_nothing_of_it(client, bring_in):
    run = bring_in([loan_row(1), loan_row(2, principal="-5")])
    client.force_login(make_user(role=Role.SUPERVISOR, team=make_team("Elsewhere", [make_portfolio("sea")])))
    assert "river" not in client.get(reverse("imports")).content.decode()
    for name in ("import_run", "import_rejected"):
        assert client.get(reverse(name, args=[run.pk])).status_code == 404
    assert client.post(reverse("import_confirm", args=[run.pk])).status_code == 404
    # Nor can they bring anything into it.
    portfolio = run.portfolio
    form = {
        "portfolio": portfolio.pk,
        "mapping": "standard",
        "file": SimpleUploadedFile("t.csv", as_csv([loan_row(9)])),
    }
    answer = client.post(reverse("import_new", args=["loans"]), form)
    assert answer.status_code == 422
    assert "portfolio" in answer.context["form"].errors


# The worker


def test_a_run_that_breaks_says_so_and_stores_nothing(client, upload, monkeypatch):
    upload([loan_row(1)])
    run = ImportRun.objects.get()
    client.post(reverse("import_confirm", args=[run.pk]))
    before = stored()

    def break_down(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(tapes, "write_loans", break_down)
    monkeypatch.setitem(tapes.WRITERS, "loans", break_down)
    with pytest.raises(RuntimeError):
        tasks.perform_import(str(run.pk))
    assert stored() == before | {"AuditEvent": before["AuditEvent"] + 1}
    assert AuditEvent.objects.filter(type="import.failed").count() == 1
    run.refresh_from_db()
    assert (run.state, run.summary) == (ImportState.FAILED, {"reason": "RuntimeError"})
    assert "The import stopped, and nothing of it was stored." in page_of(client, run).content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_run(client, upload):
    upload([loan_row(number) for number in range(1, 30)])
    run = ImportRun.objects.get()
    client.post(reverse("import_confirm", args=[run.pk]))
    barrier, results = threading.Barrier(2), []

    def work() -> None:
        barrier.wait()
        try:
            results.append(tapes.perform_kept(run_id=run.pk, by=SYSTEM, at=timezone.now()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done is None for done in results) == [False, True]
    assert Loan.objects.count() == 29
    assert AuditEvent.objects.filter(type="import.finished").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_worker_died_is_done_by_the_next(client, upload):
    upload([loan_row(1)])
    run = ImportRun.objects.get()
    client.post(reverse("import_confirm", args=[run.pk]))
    queue = django_rq.get_queue("bulk")
    queue.empty()  # a flushed queue loses nothing
    ImportRun.objects.update(state=ImportState.RUNNING)  # as a killed worker leaves it
    tasks.sweep()
    SimpleWorker([queue], connection=queue.connection).work(burst=True, logging_level="WARNING")
    run.refresh_from_db()
    assert (run.state, run.summary["created"]) == (ImportState.DONE, 1)


@pytest.mark.django_db(transaction=True)
def test_a_run_somebody_works_on_is_left_alone(client, upload):
    upload([loan_row(1)])
    run = ImportRun.objects.get()
    ImportRun.objects.update(state=ImportState.RUNNING)
    held, looked = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction.atomic():
                ImportRun.objects.select_for_update(no_key=True).get(pk=run.pk)
                held.set()
                looked.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert held.wait(10)
    assert tapes.requeue_abandoned(by=SYSTEM, at=timezone.now()) == 0
    looked.set()
    thread.join()
    assert tapes.requeue_abandoned(by=SYSTEM, at=timezone.now()) == 1


@pytest.mark.django_db
def test_a_file_that_kills_its_workers_is_given_up(client, upload):
    upload([loan_row(1)])
    ImportRun.objects.update(state=ImportState.RUNNING, tries=tapes.MOST_TRIES)
    assert tapes.requeue_abandoned(by=SYSTEM, at=timezone.now()) == 0
    run = ImportRun.objects.get()
    assert (run.state, run.summary) == (ImportState.FAILED, {"reason": "workers_died"})
    assert "nothing of it was stored" in client.get(reverse("import_run", args=[run.pk])).content.decode()
