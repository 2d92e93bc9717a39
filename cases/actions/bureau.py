"""Which bureau a portfolio reports to, by which rules, and that its borrowers are told before.

Nothing late is said of a loan whose borrower was not told days before in the one text there is for it: what is said is
in `furnishing`, what is wrong in it in `credit_disputes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Portfolio
from accounts.standing import standing_of
from cases.actions.debits import plan_message
from cases.actions.transition import lock
from cases.models import BureauNotice, BureauReporting, Case
from communications.models import MessageStatus
from compliance.actions.gate import packs
from compliance.audit import Actor, Stream, record
from compliance.rules.terms import Book, Event, Matter, ask, book_for
from compliance.rules.terms.acts import PERMITTED
from compliance.rules.terms.credit_records import FLAG
from compliance.rules.terms.matter import NOTICE, RECORD_DISPUTE
from compliance.rules.terms.schema import ReportingTerm

TEXT = "bureau_notice"
DAY = timedelta(days=1)
# A message may have to wait some days for its lawful moment; the day it names must still be far enough.
ROOM = timedelta(days=3)


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


def book_of(portfolio: Portfolio) -> Book:
    """The terms of every pack that applies in the portfolio's places."""
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
    return max(term.wait_days for term in book_of(portfolio).of(ReportingTerm, matter, matter.day(at)))


def may_report(
    portfolio: Portfolio, sent: Sequence[datetime], at: datetime, book: Book | None = None
) -> bool:
    """Whether notices that left at these moments were long enough ago, by every pack that applies. Conversations count for
    nothing here: none is told."""
    matter = _matter(portfolio, *(Event(at=moment, kind=NOTICE) for moment in sent))
    answer = ask("furnish_to_bureau", matter, book or book_of(portfolio), at=at)
    return bool(answer.values["outcome"] == PERMITTED)


@dataclass(frozen=True)
class Clock:
    due_on: date
    term: str
    flagged: bool  # reported with a mark meanwhile; otherwise left out


def dispute_clock(portfolio: Portfolio, received_at: datetime) -> Clock:
    """By when a dispute received then is answered, and what is said of the loan meanwhile."""
    matter = _matter(portfolio, Event(at=received_at, kind=RECORD_DISPUTE))
    answer = ask("record_dispute", matter, book_of(portfolio))
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
