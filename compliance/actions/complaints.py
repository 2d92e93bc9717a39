"""Complaints: taking one down stops outbound collection at once; answering it lets collection go on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio, User
from accounts.seal import seal_of
from compliance.actions.gate import packs
from compliance.actions.holds import finish_hold, open_hold
from compliance.audit import Actor, Stream, record
from compliance.models import (
    Channel,
    Complaint,
    ComplaintCategory,
    ComplaintState,
    Hold,
    HoldKind,
)
from compliance.rules.terms import Event, Matter, ask, book_for
from compliance.rules.terms.matter import COMPLAINT
from compliance.rules.terms.schema import DeadlineTerm

MOST_WORDS = 10_000
AGAIN = timedelta(minutes=1)


class ComplaintRefused(Exception):
    """What was asked is not done. `code` for machines; the text is a sentence for the person who asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Opened:
    """What the borrower said and, once decided, what we answered."""

    words: str
    answer: str


@dataclass(frozen=True)
class Clock:
    """By when a complaint is to be answered: the last day, and the term of a pack that says so."""

    due_on: date
    term: str


def clock_of(portfolio: Portfolio, received_at: datetime) -> Clock:
    """The shortest term that the packs of the portfolio's jurisdictions set, and house policy where they set none. A
    complaint is taken to be simple: longer terms need somebody's decision."""
    matter = Matter(
        role=portfolio.our_role,
        jurisdictions=tuple(portfolio.jurisdictions),
        zone=portfolio.zone,
        events=(Event(at=received_at, kind=COMPLAINT),),
    )
    answer = ask("complaint_deadline", matter, book_for(packs(), portfolio.jurisdictions))
    if not answer.rules:
        raise LookupError("No pack says by when a complaint is answered.")
    return Clock(due_on=answer.values["deadline"], term=answer.rules[0])


def clock_words(name: str) -> str | None:
    """What sets a complaint's clock, in a sentence; None for a term that no pack has any more."""
    term = packs().term(name)
    if not isinstance(term, DeadlineTerm):
        return None
    if term.confidence == "house":
        return _("House policy: answered within %(days)s days of receipt") % {"days": term.days}
    words = {"citation": term.citation, "days": term.days}
    return _("%(citation)s: decided and told within %(days)s days of receipt") % words


@transaction.atomic
def log_complaint(
    *,
    borrower: Borrower,
    portfolio: Portfolio,
    category: str,
    words: str,
    channel: str,
    by: Actor,
    at: datetime,
    loan: Loan | None = None,
    owner: User | None = None,
    case: UUID | None = None,
) -> Complaint:
    """Take a complaint down in the borrower's own words, start its clock and stop outbound collection from the borrower, all
    or nothing. The same words once more within a minute are the same complaint. Raises `ComplaintRefused` (words_missing,
    words_too_long, owner) and `ValueError` for an unknown category or channel, or another borrower's loan."""
    category, channel = ComplaintCategory(category).value, Channel(channel).value
    words = _text(words, missing=_("Please write what the borrower said."))
    if loan is not None and loan.borrower_id != borrower.pk:
        raise ValueError("The loan is another borrower's.")
    if owner is not None:
        _check_owner(owner)
    hold = open_hold(borrower=borrower, kind=HoldKind.COMPLAINT, by=by, at=at, case=case)
    if known := _told_just_now(borrower, loan, category, channel, words, at):
        return known
    complaint_id, clock = uuid7(), clock_of(portfolio, at)
    complaint = Complaint.objects.create(
        id=complaint_id,
        borrower=borrower,
        loan=loan,
        portfolio=portfolio,
        category=category,
        channel=channel,
        words_sealed=seal_of(borrower).seal(_words_field(complaint_id), words),
        received_at=at,
        due_on=clock.due_on,
        clock=clock.term,
        owner=owner,
        hold=hold,
    )
    record(
        "complaint.logged",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        complaint=complaint.pk,
        category=category,
        channel=channel,
        due_on=complaint.due_on,
        clock=complaint.clock,
        hold=hold.pk,
        owner=owner.ref if owner else None,
    )
    return complaint


@transaction.atomic
def assign(*, complaint: Complaint, owner: User, by: Actor, at: datetime) -> Complaint:
    """Make someone answerable for an open complaint. Theirs already: nothing changes. Raises `PermissionDenied`, and
    `ComplaintRefused` (decided, owner)."""
    _check_may_resolve(by)
    _check_owner(owner)
    locked = _lock_open(complaint)
    if locked.owner_id == owner.pk:
        return locked
    locked.owner = owner
    locked.save(update_fields=["owner"])
    record(
        "complaint.assigned",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        borrower=locked.borrower_id,
        complaint=locked.pk,
        owner=owner.ref,
    )
    return locked


@transaction.atomic
def resolve(*, complaint: Complaint, outcome: str, answer: str, by: Actor, at: datetime) -> Complaint:
    """Decide an open complaint: upheld, partly_upheld or not_upheld, with the answer given to the borrower. The hold ends
    with the borrower's last open complaint. Raises `PermissionDenied`, `ComplaintRefused` (decided, words_missing,
    words_too_long), and `ValueError` for another outcome."""
    _check_may_resolve(by)
    outcome = ComplaintState(outcome).value
    if outcome == ComplaintState.OPEN:
        raise ValueError("A decision does not leave it open.")
    answer = _text(answer, missing=_("Please write what you answer the borrower."))
    locked = _lock_open(complaint)
    locked.state = outcome
    locked.answer_sealed = seal_of(locked.borrower).seal(_answer_field(locked.pk), answer)
    locked.resolved_at = at
    locked.save(update_fields=["state", "answer_sealed", "resolved_at"])
    record(
        "complaint.resolved",
        stream=Stream.borrower(locked.borrower_id),
        by=by,
        at=at,
        borrower=locked.borrower_id,
        complaint=locked.pk,
        outcome=outcome,
    )
    if not Complaint.objects.open().filter(borrower=locked.borrower_id).exists():
        for hold in Hold.objects.filter(
            borrower=locked.borrower_id, kind=HoldKind.COMPLAINT, ended_at=None
        ).order_by("pk"):
            finish_hold(hold=hold, by=by, at=at, reason="complaint_answered")
    return locked


def open_words(*, complaint: Complaint, by: Actor, at: datetime) -> Opened:
    """What was said and answered, for one who may open seals. The event is written and committed first: without
    it nothing is opened. Raises `PermissionDenied`; and `RuntimeError` inside another transaction, which could
    still undo the event."""
    if not by.may("accounts.unseal"):
        raise PermissionDenied(_("Opening a borrower's data is not part of this role."))
    with transaction.atomic(durable=True):
        record(
            "borrower.unsealed",
            stream=Stream.borrower(complaint.borrower_id),
            by=by,
            at=at,
            borrower=complaint.borrower_id,
            what=f"complaint:{complaint.pk}",
            why="complaint",
        )
    seal = seal_of(complaint.borrower)
    answer = complaint.answer_sealed
    return Opened(
        words=seal.open(_words_field(complaint.pk), complaint.words_sealed),
        answer=seal.open(_answer_field(complaint.pk), answer) if answer is not None else "",
    )


def _told_just_now(
    borrower: Borrower, loan: Loan | None, category: str, channel: str, words: str, at: datetime
) -> Complaint | None:
    """The complaint that a second click would store again."""
    seal = seal_of(borrower)
    recent = Complaint.objects.open().filter(
        borrower=borrower, loan=loan, category=category, channel=channel, received_at__gt=at - AGAIN
    )
    same = (each for each in recent if seal.open(_words_field(each.pk), each.words_sealed) == words)
    return next(same, None)


def _lock_open(complaint: Complaint) -> Complaint:
    # The borrower first, as everywhere: the hold hangs on it.
    Borrower.objects.select_for_update(no_key=True).get(pk=complaint.borrower_id)
    locked = (
        Complaint.objects.select_related("borrower__key").select_for_update(of=("self",)).get(pk=complaint.pk)
    )
    if locked.state != ComplaintState.OPEN:
        raise ComplaintRefused("decided", _("This complaint has been decided already."))
    return locked


def _check_may_resolve(by: Actor) -> None:
    if not by.may("compliance.resolve_complaint"):
        raise PermissionDenied(_("Deciding complaints is not part of this role."))


def _check_owner(owner: User) -> None:
    if not owner.has_perm("compliance.resolve_complaint"):
        raise ComplaintRefused("owner", _("Only someone who may decide complaints can take one over."))


def _text(text: str, *, missing: str) -> str:
    text = text.replace("\0", "").strip()
    if not text:
        raise ComplaintRefused("words_missing", missing)
    if len(text) > MOST_WORDS:
        raise ComplaintRefused("words_too_long", _("Please keep it under 10,000 characters."))
    return text


def _words_field(complaint_id: UUID) -> str:
    return f"complaint_words:{complaint_id}"


def _answer_field(complaint_id: UUID) -> str:
    return f"complaint_answer:{complaint_id}"
