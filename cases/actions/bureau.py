"""Reporting to a credit bureau: told before, furnished from facts once a month, disputed against a clock, set right.

Nothing late is said of a loan whose borrower was not told days before in the one text there is for it, of one that a
hold protects, or of one disputed where the rules leave it out. What a bureau heard once it hears the end of, too: paid,
or nothing overdue.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio
from accounts.money import decimal_text
from accounts.seal import seal_of
from accounts.standing import COLUMNS, PORTFOLIO_STANDING_SQL, Standing, standing_of
from cases.actions.debits import plan_message
from cases.actions.transition import lock
from cases.models import (
    BureauFile,
    BureauNotice,
    BureauReporting,
    Case,
    CreditDispute,
    DisputeAbout,
    DisputeState,
    FileKind,
    Furnished,
    RecordStatus,
)
from communications.models import MessageStatus
from compliance.actions.gate import packs
from compliance.actions.holds import open_hold
from compliance.audit import Actor, Stream, record, record_many
from compliance.audit.canonical import canonical
from compliance.holds import stops_legal_steps
from compliance.models import Channel, Hold, HoldKind
from compliance.rules.terms import Book, Event, Matter, ask, book_for
from compliance.rules.terms.acts import PERMITTED
from compliance.rules.terms.credit_records import FLAG
from compliance.rules.terms.matter import NOTICE, RECORD_DISPUTE
from compliance.rules.terms.schema import ReportingTerm

TEXT = "bureau_notice"
DAY = timedelta(days=1)
# A message may have to wait some days for its lawful moment; the day it names must still be far enough.
ROOM = timedelta(days=3)
AGAIN = timedelta(minutes=1)
MOST_WORDS = 10_000
# Being silent towards somebody, or speaking with their lawyer, changes nothing about what is true; a dispute is marked.
NOT_PROTECTING = frozenset({HoldKind.CEASE, HoldKind.ATTORNEY, HoldKind.DISPUTE})
# What is disputed here is the debt itself: it is not asked for meanwhile.
OF_THE_DEBT = frozenset({DisputeAbout.NOT_MINE, DisputeAbout.AMOUNT, DisputeAbout.PAID})


class BureauRefused(Exception):
    """`code`: `bureau` (not a code), `not_reporting`, `not_late`, `no_way` (nowhere
    to send it), `made` (the month's file), `empty` (nothing to say), `newest` (corrected or taken back meanwhile),
    `same` (the record is right), `worse` (it would become worse), `words`, `answered`; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# Whether and to whom


@transaction.atomic
def set_reporting(
    *, portfolio: Portfolio, bureau: str, from_on: date, by: Actor, at: datetime
) -> BureauReporting:
    """From a business date on (not a past one) the portfolio reports to this bureau (a short code); an empty code: to
    none."""
    if not by.may("cases.furnish"):
        raise PermissionDenied
    row = BureauReporting(
        portfolio=portfolio, bureau=bureau.strip(), from_on=from_on, set_at=at, set_by=by.ref
    )
    try:
        row.clean_fields(exclude={"portfolio", "set_at", "set_by"})
    except ValidationError:
        raise BureauRefused(
            "bureau", _("Please give the bureau a short code of letters and digits.")
        ) from None
    if from_on < portfolio.business_date(at):
        raise BureauRefused("bureau", _("What was so until today stays as it was."))
    current = reporting_to(portfolio, from_on)
    if current == row.bureau:
        return BureauReporting.objects.in_force(from_on).filter(portfolio=portfolio).first() or row
    row.save(force_insert=True)
    record(
        "bureau.reporting_set", stream=Stream.system(), by=by, at=at, portfolio=portfolio.ref, bureau=row.bureau,
        from_on=from_on,
    )  # fmt: skip
    return row


def reporting_to(portfolio: Portfolio, on: date) -> str:
    """The code of the bureau that the portfolio reports to on a day; empty where to none."""
    found = BureauReporting.objects.in_force(on).filter(portfolio=portfolio).first()
    return found.bureau if found else ""


# The rules


def _book(portfolio: Portfolio) -> Book:
    return book_for(packs(), portfolio.jurisdictions)


def _matter(portfolio: Portfolio, *events: Event) -> Matter:
    return Matter(
        role=portfolio.our_role,
        jurisdictions=tuple(portfolio.jurisdictions),
        zone=portfolio.zone,
        events=events,
    )


def wait_days(portfolio: Portfolio, at: datetime) -> int:
    """The longest wait of every pack that applies, from the day the notice left."""
    matter = _matter(portfolio)
    return max(term.wait_days for term in _book(portfolio).of(ReportingTerm, matter, matter.day(at)))


def may_report(
    portfolio: Portfolio, sent: Sequence[datetime], at: datetime, book: Book | None = None
) -> bool:
    """Whether notices that left at these moments were long enough ago, by every pack that applies. Conversations count for
    nothing here: none is told."""
    matter = _matter(portfolio, *(Event(at=moment, kind=NOTICE) for moment in sent))
    answer = ask("furnish_to_bureau", matter, book or _book(portfolio), at=at)
    return bool(answer.values["outcome"] == PERMITTED)


@dataclass(frozen=True)
class Clock:
    due_on: date
    term: str
    flagged: bool  # reported with a mark meanwhile; otherwise left out


def dispute_clock(portfolio: Portfolio, received_at: datetime) -> Clock:
    """By when a dispute received then is answered, and what is said of the loan meanwhile."""
    matter = _matter(portfolio, Event(at=received_at, kind=RECORD_DISPUTE))
    answer = ask("record_dispute", matter, _book(portfolio))
    return Clock(answer.values["deadline"], answer.rules[0], answer.values["meanwhile"] == FLAG)


# Telling before


@transaction.atomic
def plan_bureau_notice(*, case: Case, by: Actor, at: datetime) -> BureauNotice:
    """Tell the borrower that the loan would be reported as late, and from when on; the gate decides when the message leaves.
    One that waits or counts already is returned as it is. Raises `BureauRefused`."""
    if not by.may("cases.furnish"):
        raise PermissionDenied
    case = lock(case.pk)
    portfolio, today = case.portfolio, case.portfolio.business_date(at)
    if not reporting_to(portfolio, today):
        raise BureauRefused("not_reporting", _("This portfolio reports to no bureau."))
    lost = (MessageStatus.FAILED, MessageStatus.CANCELLED)
    before = (
        BureauNotice.objects.filter(loan=case.loan_id)
        .exclude(message__status__in=lost)
        .order_by("-pk")
        .first()
    )
    if before is not None:
        return before
    if not case.is_open or standing_of([case.loan_id], today)[case.loan_id].arrears <= 0:
        raise BureauRefused("not_late", _("Nothing is overdue on this loan."))
    report_on = today + wait_days(portfolio, at) * DAY + ROOM
    count = BureauNotice.objects.filter(loan=case.loan_id).count()
    key = f"{TEXT}:{case.loan_id.hex}:{count}"
    message = plan_message(case, TEXT, {"report_on": report_on}, key, by=by, at=at)
    if message is None:
        raise BureauRefused("no_way", _("There is no address to which the notice could be sent."))
    notice = BureauNotice.objects.create(
        case=case, loan_id=case.loan_id, message=message, report_on=report_on, planned_at=at, actor=by.ref
    )
    record(
        "bureau.notice_planned", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, notice=notice.pk, loan=case.loan_id, message=message.pk, report_on=report_on,
    )  # fmt: skip
    return notice


# What is to be furnished


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
    found, book = [], _book(portfolio)
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


def _mark(loan: Loan, before: Furnished, disputed: bool, *, by: Actor, at: datetime) -> None:
    """What was said stays, with the mark of a dispute, or without it again."""
    if before.disputed == disputed:
        return
    said = Standing(
        before.days_past_due,
        before.arrears,
        before.outstanding,
        0,
        0,
        0,
        0,
        before.oldest_due_on,
        before.status,
    )
    row = _line(
        loan, said, before.as_of, FileKind.CORRECTION, by=by, at=at, disputed=disputed, corrects=before
    )
    _one(row, before, by=by, at=at)


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


FIELDS = (
    "loan",
    "kind",
    "as_of",
    "status",
    "days_past_due",
    "currency",
    "arrears",
    "outstanding",
    "oldest_due_on",
    "disputed",
)


def text_of(lines: Iterable[Furnished]) -> str:
    """The file, from what each line says: the same bytes whenever it is made."""
    import json

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


# Disputes


@transaction.atomic
def log_dispute(
    *, case: Case, about: str, channel: str, words: str, by: Actor, at: datetime
) -> CreditDispute:
    """Take down what the borrower says is wrong in the record, and start its clock; where they dispute the debt itself,
    nothing is asked for meanwhile either. The same words within a minute are the same dispute. Raises `BureauRefused`
    (words)."""
    if not by.may("cases.log_credit_dispute"):
        raise PermissionDenied
    about, channel = DisputeAbout(about), Channel(channel)
    words = _words(words)
    case = lock(case.pk)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    for same in CreditDispute.objects.open().filter(case=case, about=about, received_at__gt=at - AGAIN):
        if open_words(same) == words:
            return same
    clock, dispute_id = dispute_clock(case.portfolio, at), uuid7()
    dispute = CreditDispute.objects.create(
        id=dispute_id, case=case, loan_id=case.loan_id, borrower_id=case.borrower_id, about=about, channel=channel,
        words_sealed=seal_of(case.borrower).seal(words_field(dispute_id), words), received_at=at,
        due_on=clock.due_on, clock=clock.term,
    )  # fmt: skip
    if about in OF_THE_DEBT:
        open_hold(borrower=case.borrower, kind=HoldKind.DISPUTE, loan=case.loan, by=by, at=at, case=case.pk)
    record(
        "bureau.disputed", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, dispute=dispute.pk, loan=case.loan_id, about=str(about), channel=str(channel),
        due_on=clock.due_on, clock=clock.term,
    )  # fmt: skip
    # What a bureau holds already is marked at once.
    if line := _held(case.loan):
        _mark(line.loan, line, True, by=by, at=at)
    return dispute


@transaction.atomic
def answer_dispute(
    *, dispute: CreditDispute, right: bool, answer: str, by: Actor, at: datetime
) -> CreditDispute:
    """What was found, once. Where the borrower is right, the record is corrected from the ledger in the same step; where the
    ledger says what was said, it is taken back: nobody keeps a record that we found wrong. Raises `BureauRefused` (words,
    answered)."""
    if not by.may("cases.answer_credit_dispute"):
        raise PermissionDenied
    answer = _words(answer)
    case = lock(dispute.case_id)
    loan = Loan.objects.select_for_update(of=("self",), no_key=True).get(pk=dispute.loan_id)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    locked = CreditDispute.objects.select_for_update().get(pk=dispute.pk)
    if locked.state != DisputeState.OPEN:
        raise BureauRefused("answered", _("This dispute was answered already."))
    locked.state = DisputeState.CORRECTED if right else DisputeState.CONFIRMED
    locked.answer_sealed = seal_of(case.borrower).seal(words_field(locked.pk, "answer"), answer)
    locked.answered_at, locked.answered_by = at, by.ref
    locked.save(update_fields=["state", "answer_sealed", "answered_at", "answered_by"])
    record(
        "bureau.dispute_answered", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, dispute=locked.pk, loan=loan.pk, state=str(locked.state),
    )  # fmt: skip
    if (line := _held(loan)) is None:
        return locked
    others = CreditDispute.objects.open().filter(loan=loan).exists()
    if not right:
        _mark(line.loan, line, others, by=by, at=at)
    elif _differs(line):
        _correct(line.loan, line, others, by=by, at=at)
    else:
        _withdraw(line.loan, line, by=by, at=at)
    return locked


def _held(loan: Loan) -> Furnished | None:
    """What the bureau holds of a loan."""
    standing = Furnished.objects.standing().filter(loan=loan)
    return standing.select_related("file", "loan__portfolio", "loan__borrower").first()


def _differs(line: Furnished) -> bool:
    """Whether the ledger now says less of that day than was said of it: then it can be corrected."""
    now = standing_of([line.loan_id], line.as_of)[line.loan_id]
    better = now.arrears <= line.arrears and now.days_past_due <= line.days_past_due
    said = (line.status, line.days_past_due, line.arrears, line.outstanding)
    return better and said != (_status(now), now.days_past_due, now.arrears, max(now.outstanding, 0))


def words_field(dispute_id: Any, part: str = "words") -> str:
    """The sealed field's name, which the seal binds its text to."""
    return f"credit_dispute:{dispute_id}:{part}"


def open_words(dispute: CreditDispute) -> str:
    """What the borrower said, for a page that shows it; `dispute.case.borrower` with its key is best selected before."""
    return seal_of(dispute.case.borrower).open(words_field(dispute.pk), bytes(dispute.words_sealed))


def _words(words: str) -> str:
    words = words.replace("\r\n", "\n").replace("\0", "").strip()
    if not words or len(words) > MOST_WORDS:
        raise BureauRefused("words", _("Please write it down in words, and not in too many."))
    return words
