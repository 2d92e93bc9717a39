"""Import runs: one file, previewed and confirmed in the browser or taken straight from the command line.

Files and rejected rows are sealed under the run's own key; destroying the key (after seven days) destroys both.
"""

import csv
import hashlib
import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.actions.imports import Outcome, write_loans
from accounts.actions.provider_files import write_provider_file
from accounts.actions.received import write_payments
from accounts.models import ImportKind, ImportRun, ImportState, LegalEntity, Portfolio
from accounts.seal import Seal, new_seal, open_seal
from accounts.tapes.codes import SENTENCES, Code, Refusal, TapeError
from accounts.tapes.histories import HistoryCleaner
from accounts.tapes.loans import LoanCleaner
from accounts.tapes.mapping import Mapping, load_mapping
from accounts.tapes.payments import PaymentCleaner
from accounts.tapes.read import Tape, open_tape
from accounts.tapes.records import CleanLoan, CleanPayment, CleanRecord, Refused
from compliance.audit import Actor, Stream, record

KEPT_FOR = timedelta(days=7)
MOST_TRIES = 3
"""Workers that may die over one file before it is given up."""
WRITERS: dict[str, Callable[..., Outcome]] = {
    ImportKind.LOANS: write_loans,
    ImportKind.PAYMENTS: write_payments,
    ImportKind.PROVIDER: write_provider_file,
}
"""Who writes a kind. Histories are written by the apps above, which know what they become: see `write_with`."""

Cleaner = LoanCleaner | PaymentCleaner | HistoryCleaner
CLEANERS: dict[str, type[LoanCleaner] | type[PaymentCleaner]] = {
    ImportKind.LOANS: LoanCleaner,
    ImportKind.PAYMENTS: PaymentCleaner,
    ImportKind.PROVIDER: PaymentCleaner,
}
"""Who cleans a kind. All others are histories."""


def write_with(kind: str, writer: Callable[..., Outcome]) -> None:
    """From now on files of this kind are written by `writer`, called as `write_loans` is."""
    WRITERS[kind] = writer


def cleaner(kind: str, mapping: Mapping, portfolio: Portfolio, at: datetime) -> Cleaner:
    """The cleaning code of a kind of file, set for a portfolio and its business date."""
    make: Callable[..., Cleaner] = CLEANERS.get(kind) or partial(HistoryCleaner, kind)
    return make(
        mapping,
        today=portfolio.business_date(at),
        currency=portfolio.currency,
        zone=portfolio.zone,
        phone_region=portfolio.country or None,
    )


def sentence(refusal: Refusal) -> str:
    """Why, for people, in their language."""
    return _(SENTENCES[refusal.code]) % refusal.params


class _Dots(dict[str, str]):
    """Stands for particulars that are not known."""

    def __missing__(self, name: str) -> str:
        return "…"


def general_sentence(code: str) -> str:
    """What rows were refused for, without the particulars of one of them; a code nobody knows any more as it is."""
    return _(SENTENCES[Code(code)]) % _Dots() if code in set(Code) else code


def whole_file_sentence(error: TapeError) -> str:
    """Why a whole file is refused, in the reader's language."""
    return _(SENTENCES[error.code]) % error.params


@transaction.atomic
def portfolio_for(*, code: str, mapping: Mapping, by: Actor, at: datetime) -> Portfolio:
    """The portfolio with this code; one that does not exist yet is made from the mapping's defaults, closed for contact.
    Raises `ValidationError` for a code that cannot be one."""
    known = Portfolio.objects.filter(code=code).first()
    if known:
        return known
    defaults = mapping.portfolio
    entity, is_new = LegalEntity.objects.get_or_create(name=defaults.entity)
    if is_new:
        record("legal_entity.created", stream=Stream.system(), by=by, at=at, entity=entity.ref)
    portfolio = Portfolio(
        code=code,
        name=defaults.name,
        entity=entity,
        currency=defaults.currency,
        jurisdictions=list(defaults.jurisdictions),
        our_role=defaults.role,
        zone=defaults.zone,
        language=defaults.language,
        contact_open=False,
    )
    portfolio.full_clean()
    portfolio.save(force_insert=True)
    record(
        "portfolio.created",
        stream=Stream.system(),
        by=by,
        at=at,
        portfolio=portfolio.ref,
        code=portfolio.code,
        currency=portfolio.currency,
        jurisdictions=portfolio.jurisdictions,
        role=portfolio.our_role,
    )
    return portfolio


# The browser: keep the file, look at it, confirm it


@transaction.atomic
def keep_file(
    *, kind: str, portfolio: Portfolio, mapping: str, name: str, content: bytes, by: Actor, at: datetime
) -> ImportRun:
    """Seal an uploaded file as a run that waits for its preview and confirmation. `PermissionDenied` without the right to
    import this kind."""
    if not by.may(ImportKind(kind).permission):
        raise PermissionDenied(_("Importing this is not part of your role."))
    run_id = uuid7()
    seal, wrapped, wrapped_by = new_seal(run_id)
    suffixes = "".join(Path(name).suffixes[-2:]).lower()
    return ImportRun.objects.create(
        id=run_id,
        kind=kind,
        portfolio=portfolio,
        mapping=mapping,
        # Only how the file ends: its name may tell more than it should.
        file_format=(suffixes if suffixes in (".csv.gz", ".tsv.gz") else Path(name).suffix.lower())[:20],
        file_digest=hashlib.sha256(content).hexdigest(),
        file_sealed=seal.seal("file", content),
        wrapped_key=wrapped,
        wrapped_by=wrapped_by,
        state=ImportState.PREVIEWED,
        started_by=by.user,
        created_at=at,
    )


def tape_of(run: ImportRun) -> tuple[Tape, Cleaner]:
    """The kept file of a run, opened, with the cleaner of its mapping. `TapeError` when it is no such tape."""
    mapping = load_mapping(run.mapping)
    cleaning = cleaner(run.kind, mapping, run.portfolio, run.created_at)
    assert run.file_sealed is not None, "the run's file was destroyed"
    content = _seal(run).open_bytes("file", run.file_sealed)
    return open_tape(content, f"file{run.file_format}", wanted=cleaning.wanted), cleaning


def _seal(run: ImportRun) -> Seal:
    assert run.wrapped_key is not None, "the run's file and key were destroyed"
    return open_seal(run.pk, run.wrapped_key, run.wrapped_by)


@transaction.atomic
def note_preview(*, run: ImportRun, rows: int, rejected: int, by: Actor, at: datetime) -> None:
    """What the preview found, on the run and in the log."""
    run.summary = {"rows": rows, "rejected": rejected}
    run.save(update_fields=["summary"])
    record(
        "import.previewed",
        stream=Stream.run(run.pk),
        by=by,
        at=at,
        run=run.pk,
        kind=run.kind,
        portfolio=run.portfolio.ref,
        mapping=run.mapping,
        file_digest=run.file_digest,
        rows=rows,
        rejected=rejected,
    )


@transaction.atomic
def confirm(*, run: ImportRun, by: Actor, at: datetime) -> bool:
    """Put a previewed run in the queue; False when somebody did so before, or its file is destroyed."""
    if not by.may(ImportKind(run.kind).permission):
        raise PermissionDenied(_("Importing this is not part of your role."))
    waiting = ImportRun.objects.filter(pk=run.pk, state=ImportState.PREVIEWED, file_sealed__isnull=False)
    if not waiting.update(state=ImportState.QUEUED):
        return False
    record("import.confirmed", stream=Stream.run(run.pk), by=by, at=at, run=run.pk, kind=run.kind)
    return True


# Both ways in: one run, all or nothing


@dataclass(frozen=True)
class Done:
    """A finished run: what it came to, and on which loans money was posted."""

    run: ImportRun
    outcome: Outcome
    seconds: float

    @property
    def summary(self) -> dict[str, Any]:
        return self.outcome.summary() | {"seconds": round(self.seconds, 2)}


def perform_kept(*, run_id: UUID, by: Actor, at: datetime) -> Done | None:
    """Import the kept file of a queued run; None when it was taken already. A run whose worker was killed in the middle left
    nothing behind but its state; `requeue_abandoned` finds it."""
    taken = ImportRun.objects.filter(pk=run_id, state=ImportState.QUEUED).update(
        state=ImportState.RUNNING, tries=F("tries") + 1
    )
    if not taken:
        return None
    try:
        with transaction.atomic():
            # Locked until the end: that is how others see that a worker is on it.
            run = _locked(ImportState.RUNNING).filter(pk=run_id).first()
            if run is None:
                return None
            tape, cleaning = tape_of(run)
            return perform(run=run, tape=tape, cleaning=cleaning, by=by, at=at)
    except Exception as error:
        fail(run=ImportRun.objects.get(pk=run_id), reason=type(error).__name__, by=by, at=at)
        raise


@transaction.atomic
def requeue_abandoned(*, by: Actor, at: datetime) -> int:
    """Put runs back in the queue whose worker died in the middle; returns how many. A file that took `MOST_TRIES` workers
    with it is given up. Those of the command line, which keep no file, belong to their own process."""
    running = _locked(ImportState.RUNNING, skip_locked=True).filter(file_sealed__isnull=False)
    abandoned = []
    for run in running.defer("file_sealed"):
        if run.tries < MOST_TRIES:
            abandoned.append(run.pk)
        else:
            fail(run=run, reason="workers_died", by=by, at=at)
    return ImportRun.objects.filter(pk__in=abandoned).update(state=ImportState.QUEUED)


def _locked(state: ImportState, *, skip_locked: bool = False) -> QuerySet[ImportRun]:
    runs = ImportRun.objects.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)
    return runs.select_related("portfolio", "started_by").filter(state=state)


@transaction.atomic
def perform(
    *,
    run: ImportRun,
    tape: Tape,
    cleaning: Cleaner,
    by: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> Done:
    """Clean and write the whole tape in one transaction. `TapeError` when the file breaks anywhere: nothing is stored
    then."""
    # One file of a lender at a time: the next one finds what this one wrote.
    LegalEntity.objects.select_for_update(no_key=True).get(pk=run.portfolio.entity_id)
    started = time.monotonic()
    outcome = _write(run, tape, cleaning, by, at, progress)
    seconds = time.monotonic() - started
    _finish(run, outcome, seconds, tape, by, at)
    return Done(run, outcome, seconds)


def _write(
    run: ImportRun, tape: Tape, cleaning: Cleaner, by: Actor, at: datetime, progress: Callable[[int], None]
) -> Outcome:
    record(
        "import.started",
        stream=Stream.run(run.pk),
        by=by,
        at=at,
        run=run.pk,
        kind=run.kind,
        portfolio=run.portfolio.ref,
        mapping=run.mapping,
        file_digest=run.file_digest,
    )
    cleaning.prepare(tape)
    records: Iterable[CleanLoan | CleanPayment | CleanRecord | Refused] = cleaning.run(tape)
    return WRITERS[run.kind](
        records,
        portfolio=run.portfolio,
        run=run.pk,
        by=by,
        at=at,
        progress=progress,
    )


def _finish(run: ImportRun, outcome: Outcome, seconds: float, tape: Tape, by: Actor, at: datetime) -> None:
    run.state = ImportState.DONE
    run.summary = outcome.summary() | {"seconds": round(seconds, 2)}
    run.progress = outcome.rows
    run.finished_at = at
    run.file_sealed = None
    if run.wrapped_key is None:
        seal, run.wrapped_key, run.wrapped_by = new_seal(run.pk)
    else:
        seal = _seal(run)
    run.rejected_sealed = (
        seal.seal("rejected", rejected_csv(tape, outcome.refused)) if outcome.refused else None
    )
    run.save()
    record(
        "import.finished",
        stream=Stream.run(run.pk),
        by=by,
        at=at,
        run=run.pk,
        rows=outcome.rows,
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        rejected=outcome.rejected,
    )


@transaction.atomic
def fail(*, run: ImportRun, reason: str, by: Actor, at: datetime) -> None:
    """Say on the run and in the log that nothing of it was stored."""
    run.state, run.finished_at = ImportState.FAILED, at
    run.summary = {"reason": reason}
    run.save(update_fields=["state", "finished_at", "summary"])
    record("import.failed", stream=Stream.run(run.pk), by=by, at=at, run=run.pk, reason=reason)


# Rejected rows


def rejected_csv(tape: Tape, refused: Iterable[Refused]) -> bytes:
    """The rows that were not taken as they were, each with its row number and every reason. UTF-8 with a mark, so that
    spreadsheets read it; cells that a spreadsheet would calculate are made plain text."""
    reasons: dict[int, list[str]] = {}
    for each in refused:
        for number in each.rows:
            reasons.setdefault(number, [])
        for reason in each.reasons:
            place = f"{reason.column}: " if reason.column else ""
            reasons.setdefault(reason.row_number, []).append(place + sentence(reason))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row", *tape.header, "why"])
    for row in tape.rows():
        if row.number in reasons:
            cells = [plain_cell(row.cells.get(name, "")) for name in tape.header]
            writer.writerow([row.number, *cells, " ".join(reasons[row.number])])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def plain_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def open_rejected(*, run: ImportRun, by: Actor, at: datetime) -> bytes:
    """The rejected rows of a run; the event comes first."""
    record(
        "import.rejects_downloaded",
        stream=Stream.run(run.pk),
        by=by,
        at=at,
        run=run.pk,
        rejected=run.summary.get("rejected", 0),
    )
    assert run.rejected_sealed is not None, "the run has no rejected rows"
    return _seal(run).open_bytes("rejected", run.rejected_sealed)


@transaction.atomic
def destroy_expired(*, by: Actor, at: datetime) -> int:
    """Destroy the keys of runs older than seven days, and with them their files and rejected rows; returns how many. What
    waits for the worker or is with it stays until it is done."""
    expired = ImportRun.objects.filter(created_at__lt=at - KEPT_FOR, wrapped_key__isnull=False)
    destroyed = expired.exclude(state__in=[ImportState.QUEUED, ImportState.RUNNING]).update(
        wrapped_key=None, file_sealed=None, rejected_sealed=None
    )
    if destroyed:
        record("import.files_destroyed", stream=Stream.system(), by=by, at=at, runs=destroyed)
    return destroyed
