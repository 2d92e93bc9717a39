"""What must be true before a case may move, answered from stored facts. The names are those of `cases/machine.py`.

A guard returns codes of what is missing, none when the move may be made. Nothing here is ever ticked by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, Subquery

from accounts.actions.ledger import TAKES_BACK
from accounts.models import EntryKind, LedgerEntry
from accounts.standing import standing_of
from cases.evidence import missing_evidence
from cases.models import (
    Approval,
    ApprovalKind,
    Case,
    CaseMessage,
    Offer,
    OfferKind,
    OfferState,
    Plan,
    PlanState,
    Promise,
    PromiseState,
)
from communications.models import MessageStatus
from compliance.audit import Actor
from compliance.holds import Stop, kinds_that_stop
from compliance.models import Complaint, ContactAttempt, ContactOutcome, Hold

Missing = tuple[str, ...]
NOTHING: Missing = ()


@dataclass(frozen=True)
class Question:
    """One case, locked, about to be moved by someone at a moment; `on` is the portfolio's business date."""

    case: Case
    by: Actor
    at: datetime

    @property
    def on(self) -> date:
        return self.case.portfolio.business_date(self.at)


def notice_sent(question: Question) -> Missing:
    """A message of this case was accepted by its provider."""
    sent = CaseMessage.objects.filter(case=question.case, message__status=MessageStatus.ACCEPTED)
    return NOTHING if sent.exists() else ("notice",)


def spoke_or_replied(question: Question) -> Missing:
    """Since the case opened, a conversation with the right person, or anything that came from the borrower."""
    case = question.case
    opened = datetime.combine(case.opened_on, time.min, ZoneInfo(case.portfolio.zone))
    newest = ContactOutcome.objects.filter(attempt=OuterRef("pk")).order_by("-id")
    spoke = (
        ContactAttempt.objects.filter(borrower=case.borrower_id, at__gte=opened)
        .annotate(
            right_party=Subquery(newest.values("right_party")[:1]),
            conversation=Subquery(newest.values("conversation")[:1]),
        )
        .filter(Q(direction="in") | Q(right_party=True, conversation=True))
    )
    return NOTHING if spoke.exists() else ("conversation",)


def plan_accepted(question: Question) -> Missing:
    running = Plan.objects.filter(case=question.case, state=PlanState.ACTIVE)
    return NOTHING if running.exists() else ("plan",)


def plan_over(question: Question) -> Missing:
    """There was a plan, and it runs no more: broken, given up, or paid while later charges stay."""
    states = set(Plan.objects.filter(case=question.case).values_list("state", flat=True))
    if PlanState.ACTIVE in states:
        return ("plan_running",)
    return NOTHING if states else ("plan",)


def arrears_paid(question: Question) -> Missing:
    """What fell due by contract is covered, by the ledger as it stands."""
    loan = question.case.loan_id
    return NOTHING if standing_of([loan], on=question.on)[loan].arrears == 0 else ("arrears",)


def payment_reversed(question: Question) -> Missing:
    """Money that cured or settled the case was taken back after it closed, and no newer case works on the loan."""
    case = question.case
    reversal = LedgerEntry.objects.filter(
        loan=case.loan_id, kind__in=TAKES_BACK, booked_at__gt=case.closed_at
    )
    if not reversal.exists():
        return ("reversal",)
    return ("newer_case",) if Case.objects.open().filter(loan=case.loan_id).exists() else NOTHING


def legal_ready(question: Question) -> Missing:
    """Legal steps come last: nothing stands against it, and two people agreed to this very move."""
    missing = legal_open(question)
    return missing if agreed_to_legal(question.case) else (*missing, "approval")


def legal_open(question: Question) -> Missing:
    """Late enough, the evidence complete (told, offered a way out, not too old), and nothing open that bars it."""
    case, on = question.case, question.on
    missing = []
    if (
        standing_of([case.loan_id], on=on)[case.loan_id].days_past_due
        < case.portfolio.terms_on(on).legal_after_days
    ):
        missing.append("days")
    if Plan.objects.filter(case=case, state=PlanState.ACTIVE).exists():
        missing.append("plan_running")
    if Promise.objects.filter(case=case, state=PromiseState.OPEN).exists():
        missing.append("promise_running")
    missing += missing_evidence(case, on)
    missing += legal_stops(case, on)
    return tuple(missing)


def legal_stops(case: Case, on: date) -> list[str]:
    """What stops every legal step while it lasts: a hold, a complaint."""
    missing = []
    if Hold.objects.on_loan(case.loan).active(on).filter(kind__in=kinds_that_stop(Stop.LEGAL)).exists():
        missing.append("hold")
    complaints = Complaint.objects.open().filter(borrower=case.borrower_id)
    if complaints.filter(Q(loan=None) | Q(loan=case.loan_id)).exists():
        missing.append("complaint")
    return missing


def agreed_to_legal(case: Case) -> Approval | None:
    """What two people agreed and no move has used yet."""
    agreed = Approval.objects.filter(case=case, kind=ApprovalKind.LEGAL, approved=True, transition=None)
    return agreed.order_by("-answered_at", "-pk").first()


def settlement_paid(question: Question) -> Missing:
    """A person's decision, or a settlement that was agreed and paid in full; the borrower has paid something since the case
    opened, and nothing is left to pay."""
    case = question.case
    done = Offer.objects.filter(case=case, kind=OfferKind.SETTLEMENT, state=OfferState.DONE)
    paid = LedgerEntry.objects.filter(
        loan=case.loan_id, kind=EntryKind.REPAYMENT, value_date__gte=case.opened_on
    )
    reversed_since = LedgerEntry.objects.filter(
        loan=case.loan_id, kind__in=TAKES_BACK, reference=OuterRef("reference")
    )
    missing = [] if done.exists() else [*decided(question)]
    if not paid.exclude(Exists(reversed_since)).exists():
        missing.append("payment")
    if standing_of([case.loan_id], on=question.on)[case.loan_id].outstanding > 0:
        missing.append("outstanding")
    return tuple(missing)


def decided(question: Question) -> Missing:
    """A person's decision: the edge's permission says whose. No rule of ours gives a case up by itself."""
    return NOTHING if question.by.kind == "staff" else ("decision",)


GUARDS: dict[str, Callable[[Question], Missing]] = {
    "notice_sent": notice_sent,
    "spoke_or_replied": spoke_or_replied,
    "plan_accepted": plan_accepted,
    "plan_over": plan_over,
    "arrears_paid": arrears_paid,
    "payment_reversed": payment_reversed,
    "legal_ready": legal_ready,
    "settlement_paid": settlement_paid,
    "decided": decided,
}
