"""What a credit bureau is told: from facts, once a month, and set right when it is wrong.

Nothing late is said of a loan whose borrower was not told before, of one that a hold protects, or of one disputed where
the rules leave it out. What a bureau heard once it hears the end of, too: paid, or nothing overdue.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio
from accounts.money import decimal_text
from accounts.standing import COLUMNS, PORTFOLIO_STANDING_SQL, Standing, standing_of
from cases.actions.bureau import DAY, BureauRefused, book_of, dispute_clock, may_report, reporting_to
from cases.models import BureauFile, BureauNotice, CreditDispute, FileKind, Furnished, RecordStatus
from communications.models import MessageStatus
from compliance.audit import Actor, Stream, record, record_many
from compliance.audit.canonical import canonical
from compliance.holds import stops_legal_steps
from compliance.models import Hold, HoldKind
from compliance.rules.terms import Book

# Being silent towards somebody, or speaking with their lawyer, changes nothing about what is true; a dispute is marked.
NOT_PROTECTING = frozenset({HoldKind.CEASE, HoldKind.ATTORNEY, HoldKind.DISPUTE})
FIELDS = (
    "loan", "kind", "as_of", "status", "days_past_due", "currency", "arrears", "outstanding", "oldest_due_on", "disputed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One loan of a portfolio on a day. `why` is empty where it is to be furnished; otherwise what stands against it:
    `no_notice`, `waiting` (`from_on`: when the notice has run, as far as it is known), `hold`, `disputed`."""

    loan: Loan
    standing: Standing
    status: RecordStatus
    disputed: bool
    why: str = ""
    from_on: date | None = None
    notice: BureauNotice | None = None
    before: Furnished | None = None


def candidates(portfolio: Portfolio, at: datetime, loans: Iterable[UUID] | None = None) -> list[Candidate]:
    """Every loan that is late, or that the bureau holds something of, in the order of their numbers."""
    today = portfolio.business_date(at)
    standings = _standings(portfolio, today)
    wanted = set(loans) if loans is not None else None
    before = {
        line.loan_id: line
        for line in Furnished.objects.standing().filter(loan__portfolio=portfolio).select_related("file")
    }
    ids = [
        loan
        for loan, standing in standings.items()
        if (wanted is None or loan in wanted)
        and (standing.arrears > 0 or (loan in before and before[loan].status != RecordStatus.PAID))
    ]
    notices: dict[UUID, list[BureauNotice]] = {}
    for notice in BureauNotice.objects.filter(loan__in=ids).select_related("message").order_by("pk"):
        notices.setdefault(notice.loan_id, []).append(notice)
    disputed = set(CreditDispute.objects.open().filter(loan__in=ids).values_list("loan", flat=True))
    found, book = [], book_of(portfolio)
    flagged = dispute_clock(portfolio, at).flagged
    rows = Loan.objects.filter(pk__in=ids).select_related("portfolio", "borrower").order_by("external_id")
    holds = _holds({loan.borrower_id for loan in rows}, today)
    for loan in rows:
        standing, kinds = standings[loan.pk], _kinds(holds, loan)
        is_disputed = loan.pk in disputed or HoldKind.DISPUTE in kinds
        sent = [each for each in notices.get(loan.pk, []) if each.message.status == MessageStatus.ACCEPTED]
        why, from_on = "", None
        if standing.arrears > 0:
            why, from_on = _against(portfolio, kinds, notices.get(loan.pk, []), sent, at, book)
        if not why and is_disputed and not flagged:
            why = "disputed"
        found.append(
            Candidate(
                loan=loan,
                standing=standing,
                status=_status(standing),
                disputed=is_disputed,
                why=why,
                from_on=from_on,
                notice=next(reversed(sent or notices.get(loan.pk) or []), None),
                before=before.get(loan.pk),
            )
        )
    return found


def _against(
    portfolio: Portfolio, kinds: set[str], notices: Sequence[BureauNotice], sent: Sequence[BureauNotice], at: datetime,
    book: Book,
) -> tuple[str, date | None]:  # fmt: skip
    """What keeps a late loan from being reported, and until when."""
    if any(stops_legal_steps(kind) and kind not in NOT_PROTECTING for kind in kinds):
        return "hold", None
    today = portfolio.business_date(at)
    ready = [notice for notice in sent if notice.report_on <= today]
    if may_report(portfolio, [notice.message.status_at for notice in ready], at, book):
        return "", None
    if sent:
        return "waiting", max(sent[0].report_on, today + DAY)
    planned = [
        each for each in notices if each.message.status in (MessageStatus.PLANNED, MessageStatus.SENDING)
    ]
    return ("waiting", planned[-1].report_on) if planned else ("no_notice", None)


def _status(standing: Standing) -> RecordStatus:
    if standing.arrears > 0:
        return RecordStatus.LATE
    return RecordStatus.CURRENT if standing.outstanding > 0 else RecordStatus.PAID


def _standings(portfolio: Portfolio, on: date) -> dict[UUID, Standing]:
    with connection.cursor() as cursor:
        cursor.execute(PORTFOLIO_STANDING_SQL, {"portfolios": [portfolio.pk], "on": on})
        first = COLUMNS.index("days_past_due")
        return {row[0]: Standing(*row[first:]) for row in cursor.fetchall()}


def _holds(borrowers: set[UUID], on: date) -> list[Hold]:
    """On the portfolio's date, or on the day before or after: the borrower's own date may be either."""
    found: dict[UUID, Hold] = {}
    for day in (on - DAY, on, on + DAY):
        found |= {hold.pk: hold for hold in Hold.objects.active(day).filter(borrower__in=borrowers)}
    return list(found.values())


def _kinds(holds: Sequence[Hold], loan: Loan) -> set[str]:
    return {
        hold.kind
        for hold in holds
        if hold.borrower_id == loan.borrower_id and hold.loan_id in (None, loan.pk)
    }


# Furnishing


@transaction.atomic
def furnish(*, portfolio: Portfolio, by: Actor, at: datetime) -> BureauFile:
    """Make this month's file from the facts of today, once. Raises `BureauRefused` (not_reporting, made, empty)."""
    if not by.may("cases.furnish"):
        raise PermissionDenied
    portfolio = Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
    today = portfolio.business_date(at)
    bureau, month = reporting_to(portfolio, today), today.replace(day=1)
    if not bureau:
        raise BureauRefused("not_reporting", _("This portfolio reports to no bureau."))
    if BureauFile.objects.filter(portfolio=portfolio, month=month, kind=FileKind.MONTH).exists():
        raise BureauRefused(
            "made", _("This month's file was made already; what was wrong in it is corrected.")
        )
    ready = [each for each in candidates(portfolio, at) if not each.why]
    if not ready:
        raise BureauRefused("empty", _("There is nothing to furnish."))
    # Holds and disputes wait here: what they stop is seen, or comes after.
    ids = sorted({each.loan.borrower_id for each in ready})
    list(Borrower.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    ready = [each for each in candidates(portfolio, at, [one.loan.pk for one in ready]) if not each.why]
    lines = [
        _line(each.loan, each.standing, today, FileKind.MONTH, by=by, at=at, disputed=each.disputed)
        for each in ready
    ]
    return _write(portfolio, bureau, month, FileKind.MONTH, lines, by=by, at=at)


@transaction.atomic
def correct(*, line: Furnished, by: Actor, at: datetime) -> Furnished:
    """Say what is right in the place of what was said, as of the same day, from the ledger as it is now: payments told late
    count from their own days. Never to the worse. Raises `BureauRefused` (newest, same, worse)."""
    loan, before = _newest(line, by)
    return _correct(loan, before, _is_disputed(loan, loan.portfolio.business_date(at)), by=by, at=at)


def _correct(loan: Loan, before: Furnished, disputed: bool, *, by: Actor, at: datetime) -> Furnished:
    standing = standing_of([loan.pk], before.as_of)[loan.pk]
    now_status = _status(standing)
    said = (before.status, before.days_past_due, before.arrears, before.outstanding, before.oldest_due_on)
    right = (
        now_status,
        standing.days_past_due,
        standing.arrears,
        max(standing.outstanding, 0),
        standing.oldest_due_on,
    )
    if said == right and before.disputed == disputed:
        raise BureauRefused("same", _("The record says what the ledger says."))
    if now_status == RecordStatus.LATE and (
        before.status != RecordStatus.LATE
        or standing.days_past_due > before.days_past_due
        or standing.arrears > before.arrears
    ):
        raise BureauRefused(
            "worse", _("A correction makes no record worse; the next month's file says what is late.")
        )
    row = _line(
        loan, standing, before.as_of, FileKind.CORRECTION, by=by, at=at, disputed=disputed, corrects=before
    )
    return _one(row, before, by=by, at=at)


def mark(line: Furnished, disputed: bool, *, by: Actor, at: datetime) -> None:
    """What was said stays, with the mark of a dispute, or without it again; the loan is locked."""
    if line.disputed == disputed:
        return
    said = Standing(
        line.days_past_due, line.arrears, line.outstanding, 0, 0, 0, 0, line.oldest_due_on, line.status
    )  # fmt: skip
    row = _line(
        line.loan, said, line.as_of, FileKind.CORRECTION, by=by, at=at, disputed=disputed, corrects=line
    )
    _one(row, line, by=by, at=at)


def put_right(line: Furnished, disputed: bool, *, by: Actor, at: datetime) -> Furnished:
    """Correct what was found wrong from the ledger; where the ledger says what was said, take it back: nobody keeps a record
    that we found wrong. The loan is locked."""
    if _differs(line):
        return _correct(line.loan, line, disputed, by=by, at=at)
    return _withdraw(line.loan, line, by=by, at=at)


@transaction.atomic
def withdraw(*, line: Furnished, by: Actor, at: datetime) -> Furnished:
    """Take back what was said of a loan: the bureau is to delete it. Raises `BureauRefused` (newest)."""
    loan, before = _newest(line, by)
    return _withdraw(loan, before, by=by, at=at)


def _withdraw(loan: Loan, before: Furnished, *, by: Actor, at: datetime) -> Furnished:
    standing = Standing(0, 0, 0, 0, 0, 0, 0, None, "current")
    row = _line(
        loan, standing, before.as_of, FileKind.WITHDRAWAL, by=by, at=at, disputed=False, corrects=before
    )
    return _one(row, before, by=by, at=at)


def _newest(line: Furnished, by: Actor) -> tuple[Loan, Furnished]:
    if not by.may("cases.furnish"):
        raise PermissionDenied
    loan = (
        Loan.objects.select_for_update(of=("self",), no_key=True)
        .select_related("portfolio", "borrower")
        .get(pk=line.loan_id)
    )
    Borrower.objects.select_for_update(no_key=True).get(pk=loan.borrower_id)
    newest = Furnished.objects.select_related("file").filter(loan=loan).order_by("-pk").first()
    if newest is None or newest.pk != line.pk or newest.kind == FileKind.WITHDRAWAL:
        raise BureauRefused("newest", _("This line was corrected or taken back meanwhile."))
    return loan, newest


def _is_disputed(loan: Loan, on: date) -> bool:
    return (
        CreditDispute.objects.open().filter(loan=loan).exists()
        or HoldKind.DISPUTE in _kinds(_holds({loan.borrower_id}, on), loan)
    )  # fmt: skip


def _one(row: Furnished, before: Furnished, *, by: Actor, at: datetime) -> Furnished:
    file = before.file
    _write(row.loan.portfolio, file.bureau, file.month, FileKind(row.kind), [row], by=by, at=at)
    return row


def _line(
    loan: Loan, standing: Standing, as_of: date, kind: FileKind, *, by: Actor, at: datetime, disputed: bool,
    corrects: Furnished | None = None,
) -> Furnished:  # fmt: skip
    status = _status(standing)
    line = Furnished(
        id=uuid7(), loan=loan, borrower_id=loan.borrower_id, kind=kind, as_of=as_of, status=status,
        days_past_due=standing.days_past_due, arrears=standing.arrears, outstanding=max(standing.outstanding, 0),
        oldest_due_on=standing.oldest_due_on, disputed=disputed, corrects=corrects, at=at, actor=by.ref,
    )  # fmt: skip
    currency = loan.portfolio.currency
    said: dict[str, Any] = {
        "loan": loan.external_id, "kind": str(kind), "as_of": as_of.isoformat(), "status": str(status),
        "days_past_due": line.days_past_due, "currency": currency, "arrears": decimal_text(line.arrears, currency),
        "outstanding": decimal_text(line.outstanding, currency),
        "oldest_due_on": line.oldest_due_on.isoformat() if line.oldest_due_on else None, "disputed": disputed,
    }  # fmt: skip
    line.said = canonical(said)
    line.digest = sha256(line.said).hexdigest()
    return line


def _write(
    portfolio: Portfolio,
    bureau: str,
    month: date,
    kind: FileKind,
    lines: list[Furnished],
    *,
    by: Actor,
    at: datetime,
) -> BureauFile:
    digest = sha256(text_of(lines).encode()).hexdigest()
    file = BureauFile.objects.create(
        portfolio=portfolio, kind=kind, month=month, bureau=bureau, rows=len(lines), digest=digest, made_at=at,
        made_by=by.ref,
    )  # fmt: skip
    for line in lines:
        line.file = file
    Furnished.objects.bulk_create(lines, batch_size=1000)
    record(
        "bureau.file_made", stream=Stream.system(), by=by, at=at, file=file.pk, portfolio=portfolio.ref, kind=str(kind),
        month=month, bureau=bureau, rows=len(lines), digest=digest,
    )  # fmt: skip
    record_many(
        "bureau.furnished", stream=Stream.run(file.pk), by=by, at=at, count=len(lines),
        rows=({"borrower": line.borrower_id, **_told(line, portfolio.currency)} for line in lines),
    )  # fmt: skip
    return file


def _told(line: Furnished, currency: str) -> dict[str, Any]:
    return {
        "line": line.pk, "file": line.file_id, "loan": line.loan_id, "kind": str(line.kind), "status": str(line.status),
        "as_of": line.as_of, "days_past_due": line.days_past_due, "currency": currency,
        "arrears": decimal_text(line.arrears, currency), "outstanding": decimal_text(line.outstanding, currency),
        "disputed": line.disputed, "digest": line.digest, "corrects": line.corrects_id,
    }  # fmt: skip


def held(loan: Loan) -> Furnished | None:
    """What the bureau holds of a loan."""
    standing = Furnished.objects.standing().filter(loan=loan)
    return standing.select_related("file", "loan__portfolio", "loan__borrower").first()


def _differs(line: Furnished) -> bool:
    """Whether the ledger now says less of that day than was said of it: then it can be corrected."""
    now = standing_of([line.loan_id], line.as_of)[line.loan_id]
    better = now.arrears <= line.arrears and now.days_past_due <= line.days_past_due
    said = (line.status, line.days_past_due, line.arrears, line.outstanding)
    return better and said != (_status(now), now.days_past_due, now.arrears, max(now.outstanding, 0))


def text_of(lines: Iterable[Furnished]) -> str:
    """The file, from what each line says: the same bytes whenever it is made."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(FIELDS)
    for line in lines:
        said = json.loads(bytes(line.said))
        writer.writerow(["" if said[name] is None else _cell(said[name]) for name in FIELDS])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Booleans as yes and no; what a spreadsheet would take for a formula stays text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@transaction.atomic
def download(*, file: BureauFile, by: Actor, at: datetime) -> str:
    """The file as it was made, for the bureau. Raises `ValueError` where it is not the same any more."""
    if not by.may("cases.furnish"):
        raise PermissionDenied
    text = text_of(file.lines.order_by("pk"))
    if sha256(text.encode()).hexdigest() != file.digest:
        raise ValueError(f"File {file.pk} is not what was made.")
    record("bureau.file_downloaded", stream=Stream.system(), by=by, at=at, file=file.pk, digest=file.digest)
    return text
