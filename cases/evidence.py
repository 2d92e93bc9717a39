"""What a case needs before it goes to legal, computed from facts and never ticked: each line with its fact, its day, and
what to do where it is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, OuterRef, Q, Subquery
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import ContactPoint, Document, EntryKind, LedgerEntry
from cases.dispositions import DISPOSITIONS
from cases.models import Case, CaseMessage, Limitation, Plan, Promise
from communications.models import MessageStatus
from compliance.models import ContactAttempt, ContactOutcome, Finding, FindingState


@dataclass(frozen=True)
class Fact:
    """`on`: the day of the newest fact that proves it. `number`: what is counted, where something is. `why` tells kinds of
    missing apart."""

    there: bool
    on: date | None = None
    number: int = 0
    why: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the list: `key` is also the code of what is missing (`cases/actions/transition.py`, MISSING)."""

    key: str
    label: str | Lazy
    fact: Fact
    todo: str | Lazy


@dataclass(frozen=True)
class Item:
    label: str | Lazy
    todo: str | Lazy
    look: Callable[[Case, date], Fact]


def has_document(case: Case, kind: str) -> date | None:
    """The day on which the newest document of a kind that is still kept was added to the case's loan."""
    kept = Document.objects.of_loan(case.loan).kind(kind).kept()
    newest = kept.aggregate(at=Max("added_at"))["at"]
    return newest and case.portfolio.business_date(newest)


def _contract(case: Case, on: date) -> Fact:
    found = has_document(case, "contract")
    return Fact(found is not None, found)


def _statement(case: Case, on: date) -> Fact:
    """The ledger can say how every amount came about: it opens the loan, and its entries go up to some day."""
    entries = LedgerEntry.objects.filter(loan=case.loan_id, value_date__lte=on)
    if not entries.filter(kind=EntryKind.OPENING).exists():
        return Fact(False)
    return Fact(True, entries.aggregate(on=Max("value_date"))["on"], entries.count())


def _notice(case: Case, on: date) -> Fact:
    """Messages of this case that the provider accepted."""
    sent = CaseMessage.objects.filter(case=case, message__status=MessageStatus.ACCEPTED)
    newest = sent.aggregate(at=Max("message__attempt__at"))["at"]
    return Fact(newest is not None, newest and case.portfolio.business_date(newest), sent.count())


def _offer(case: Case, on: date) -> Fact:
    """Whoever broke a plan is offered another way before the court is."""
    since = Plan.objects.filter(case=case).aggregate(at=Max("ended_at"))["at"]
    newest = offered_at(case, since)
    return Fact(newest is not None, newest and case.portfolio.business_date(newest))


def offered_at(case: Case, since: datetime | None) -> datetime | None:
    """When a promise or plan was last agreed, or a way to pay talked over and not taken; after `since` where given."""
    talked = case.calls.filter(disposition__in=[each.code for each in DISPOSITIONS.values() if each.offered])
    moments = [
        Promise.objects.filter(case=case).aggregate(at=Max("made_at"))["at"],
        talked.aggregate(at=Max("logged_at"))["at"],
    ]
    if not since:
        moments.append(Plan.objects.filter(case=case).aggregate(at=Max("agreed_at"))["at"])
    return max((at for at in moments if at and (not since or at > since)), default=None)


def _findings(case: Case, on: date) -> Fact:
    """No contact that others made waits for its explanation; ours were lawful, or the gate had not let them through."""
    findings = Finding.objects.filter(borrower=case.borrower_id)
    unexplained = findings.filter(state=FindingState.OPEN).count()
    return Fact(unexplained == 0, on if unexplained == 0 else None, unexplained or findings.count())


def _identity(case: Case, on: date) -> Fact:
    """The borrower was spoken with in person, or a number or address of theirs was verified."""
    newest = ContactOutcome.objects.filter(attempt=OuterRef("pk")).order_by("-id")
    spoke = (
        ContactAttempt.objects.filter(borrower=case.borrower_id)
        .annotate(
            right_party=Subquery(newest.values("right_party")[:1]),
            conversation=Subquery(newest.values("conversation")[:1]),
        )
        .filter(right_party=True, conversation=True)
        .aggregate(at=Max("at"))["at"]
    )
    points = ContactPoint.objects.usable().filter(Q(borrower=case.borrower_id), related_person=None)
    days = [
        spoke and case.portfolio.business_date(spoke),
        points.aggregate(on=Max("verified_on"))["on"],
    ]
    known = [day for day in days if day]
    return Fact(bool(known), max(known, default=None))


def _limitation(case: Case, on: date) -> Fact:
    """Unknown is no: nobody is sued for, or threatened over, a debt that may be too old."""
    known = Limitation.objects.newest_of(case.loan_id)
    if known is None:
        return Fact(False)
    return Fact(not known.barred(on), known.barred_on, why="time_barred" if known.barred(on) else "")


EVIDENCE: dict[str, Item] = {
    "contract": Item(
        _("Contract"), _("Ask the lender for the signed contract and add it to the case."), _contract
    ),
    "statement": Item(
        _("Statement of account"), _("Import the loan with its opening amounts."), _statement
    ),
    "notice": Item(_("Notices delivered"), _("A first notice has to reach the borrower."), _notice),
    "offer": Item(
        _("A way out offered"), _("Talk over a promise or a plan that fits what the borrower can pay."), _offer
    ),
    "findings": Item(
        _("Contact history lawful"), _("Compliance explains or closes the findings first."), _findings
    ),
    "identity": Item(
        _("Identity verified"),
        _("Speak with the borrower in person, or verify a number or address."),
        _identity,
    ),
    "limitation": Item(
        _("May still be sued for"), _("Legal establishes from which day the period runs, and by which law."), _limitation
    ),
}  # fmt: skip


def evidence(case: Case, on: date) -> list[Line]:
    """All lines as they stand on the portfolio's business date; `case.portfolio` is best selected before."""
    return [Line(key, item.label, item.look(case, on), item.todo) for key, item in EVIDENCE.items()]


def missing_evidence(case: Case, on: date) -> list[str]:
    """The codes of what is missing."""
    return [line.fact.why or line.key for line in evidence(case, on) if not line.fact.there]
