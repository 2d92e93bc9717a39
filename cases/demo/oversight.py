"""Those who oversee the demo's agents: supervisors, the compliance officer and legal, deciding as on their own pages."""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.actions.borrowers import refuse_related_person
from accounts.models import EntryKind, LedgerEntry, Loan, Payment, RelatedPerson, User
from cases.actions.agreements import AgreementRefused
from cases.actions.answering import answer_approval
from cases.actions.ending import end_case
from cases.actions.legal import propose_legal, set_limitation
from cases.actions.notes import add_note
from cases.actions.payments import match_payment
from cases.actions.transition import MoveRefused
from cases.actions.work import finish_work, plan_work
from cases.demo.debts import DAY, Debt
from cases.demo.sayings import ANSWERS, NOTES
from cases.demo.staff import Crew
from cases.machine import OPEN_STATES
from cases.models import Case, CaseState, WorkItem, WorkKind
from compliance.actions.complaints import assign, resolve
from compliance.actions.holds import end_hold
from compliance.audit import Actor
from compliance.models import Channel, Complaint, ComplaintState, Hold, HoldKind

# What a day gets done of the reviews, the waiting payments and the open complaints: shares.
REVIEWED, MATCHED, ANSWERED = 0.4, 0.6, 0.25
OUTCOMES = {ComplaintState.UPHELD: 0.35, ComplaintState.PARTLY: 0.25, ComplaintState.REJECTED: 0.4}
# The first complaint of a portfolio lies on somebody's desk for too long: the pages have to show what that looks like.
FORGOTTEN = 1
# Late cases that legal looks at in a week, of those somebody has talked about.
LEGAL_LOOKS_AT = 5
TALKED_WITH = (CaseState.NEGOTIATING, CaseState.INSTALLMENT_PLAN)
WITH_THE_DESK = (CaseState.OVERDUE, CaseState.NOTIFIED, *TALKED_WITH)
# Days past due after which a supervisor gives a case up; some the lender takes back before.
GIVEN_UP, TAKEN_BACK, ASKED_BACK = 75, 40, 0.5
# How long a debt may be sued for is for a lawyer to say; the demo assumes the shortest that is usual.
PERIOD_SOURCE = "Demo: assumed, not law"
PERIOD_WORDS = "The oldest instalment that is open fell due then; nothing was paid on it since."
LEGAL_WORDS = "The ways out were talked over and not taken; nothing milder is left."
# Days past due after which half is enough.
SETTLED_AFTER = 14


class Oversight:
    """`waiting` has what the payers know: which loan a payment that names none was for, and the day this comes out."""

    def __init__(self, debts: Mapping[str, Debt], seed: str) -> None:
        self.debts = debts
        self.waiting: dict[str, tuple[Debt, date]] = {}
        self.rng = random.Random(f"{seed}:oversight")

    def waits(self, reference: str, debt: Debt, known_on: date) -> None:
        self.waiting[reference] = debt, known_on

    # The supervisor

    def supervise(self, crew: Crew, at: datetime) -> None:
        self.match(crew, at)
        self.review(crew, at)

    def match(self, crew: Crew, at: datetime) -> None:
        """Payments whose payer could be asked."""
        payments = Payment.objects.unmatched().filter(portfolio=crew.portfolio)
        for payment in payments.select_related("portfolio").order_by("received_at", "pk"):
            debt, known_on = self.waiting[payment.reference]
            if known_on > at.date() or self.rng.random() >= MATCHED:
                continue
            loan = Loan.objects.get(portfolio=crew.portfolio, external_id=debt.loan.external_id)
            match_payment(payment=payment, loan=loan, by=Actor.staff(crew.supervisor), at=at)
            debt.posted += payment.amount

    def review(self, crew: Crew, at: datetime) -> None:
        """Disputes are answered, the dead left in peace, lawyers given time."""
        items = WorkItem.objects.filter(
            kind=WorkKind.REVIEW, done_at=None, due_at__lte=at - DAY, case__portfolio=crew.portfolio
        ).select_related("case__borrower__key")
        for item in items.order_by("due_at", "pk"):
            if self.rng.random() < REVIEWED:
                self._review(crew, item.case, item.reason, at)

    def _review(self, crew: Crew, case: Case, reason: str, at: datetime) -> None:
        by = Actor.staff(crew.supervisor)
        holds = Hold.objects.filter(borrower=case.borrower_id, ended_at=None)
        if reason == "deceased":
            end_case(case=case, ending="deceased", by=by, at=at)
        elif reason == "lawyer":
            plan_work(case=case, kind=WorkKind.REVIEW, due_at=at + 10 * DAY, reason="lawyer", by=by, at=at)
        else:
            for hold in holds.filter(kind=HoldKind.DISPUTE).order_by("pk"):
                end_hold(hold=hold, by=by, at=at, reason="answered", case=case.pk)
            note = NOTES[crew.product.language]["review"]
            add_note(case=case, body=note, author=crew.supervisor, at=at)
            finish_work(case=case, kinds=[WorkKind.REVIEW], result="answered", by=by, at=at)
            plan_work(case=case, kind=WorkKind.FOLLOW_UP, due_at=at + DAY, reason="answered", by=by, at=at)

    def close(self, crew: Crew, at: datetime) -> None:
        """Once a week: let one off the rest, give up the oldest hopeless case, return one to a lender who asks."""
        by = Actor.staff(crew.supervisor)
        self.settle(crew, at)
        given_up = self._late(crew, at, GIVEN_UP, OPEN_STATES)[:1]
        for pk in given_up:
            end_case(case=_case(pk), ending="not_worth_it", by=by, at=at)
        desired = [pk for pk in self._late(crew, at, TAKEN_BACK, WITH_THE_DESK) if pk not in given_up]
        if desired and self.rng.random() < ASKED_BACK:
            asked_for = _case(self.rng.choice(desired))
            end_case(case=asked_for, ending="lender_asked", by=by, at=at)

    def settle(self, crew: Crew, at: datetime) -> None:
        """Whoever has paid half by now is let off the rest, the one who is late for the longest."""
        paid_since = LedgerEntry.objects.filter(
            loan=OuterRef("loan"), kind=EntryKind.REPAYMENT, value_date__gte=OuterRef("opened_on")
        )
        paying = set(Case.objects.open().filter(Exists(paid_since)).values_list("pk", flat=True))
        for pk in self._late(crew, at, SETTLED_AFTER, WITH_THE_DESK):
            case = _case(pk)
            debt = self.debts[case.loan.external_id]
            if pk in paying and debt.sent == debt.posted >= debt.outstanding:
                try:
                    end_case(case=case, ending="settled", by=Actor.staff(crew.supervisor), at=at)
                except AgreementRefused:  # a part of the half came before the case opened
                    continue
                debt.forgiven()
                return

    def hear_refusal(self, crew: Crew, at: datetime) -> None:
        """Somebody around a borrower says that they do not want to hear from us."""
        people = RelatedPerson.objects.filter(borrower__cases__portfolio=crew.portfolio, refusals=None)
        person = people.order_by("pk").first()
        if person is not None:
            refuse_related_person(person=person, channel=Channel.CALL, by=Actor.staff(crew.supervisor), at=at)

    # The compliance officer

    def answer_complaints(self, crew: Crew, officer: User, at: datetime) -> None:
        by = Actor.staff(officer)
        complaints = Complaint.objects.filter(portfolio=crew.portfolio).select_related("portfolio")
        for complaint in complaints.order_by("received_at", "pk")[FORGOTTEN:]:
            if complaint.state != ComplaintState.OPEN or complaint.received_at > at - DAY:
                continue
            if complaint.owner_id is None:
                assign(complaint=complaint, owner=officer, by=by, at=at)
            late = complaint.due_on <= complaint.portfolio.business_date(at)
            if late or self.rng.random() < ANSWERED:
                outcome = self.rng.choices(list(OUTCOMES), weights=list(OUTCOMES.values()))[0]
                answer = ANSWERS[complaint.portfolio.language][outcome]
                resolve(complaint=complaint, outcome=outcome, answer=answer, by=by, at=at)

    # Legal

    def take_to_legal(self, crew: Crew, lawyer: User, at: datetime) -> None:
        """Cases late enough, where the map lets them go there."""
        late = self._late(
            crew, at, crew.portfolio.terms_on(crew.portfolio.business_date(at)).legal_after_days, TALKED_WITH
        )
        for pk in self.rng.sample(late, min(LEGAL_LOOKS_AT, len(late))):
            case = _case(pk)
            due_on = self.debts[case.loan.external_id].oldest_due()
            if due_on and not case.limitations.exists():
                set_limitation(
                    case=case, runs_from=due_on, ground="due", years=3, source=PERIOD_SOURCE, words=PERIOD_WORDS,
                    person=lawyer, at=at,
                )  # fmt: skip
            # Not all are ready: nobody has offered the borrower a way out yet, or a hold stands in the way.
            with suppress(MoveRefused):
                approval = propose_legal(case=case, note=LEGAL_WORDS, requester=crew.supervisor, at=at)
                answer_approval(approval=approval, approve=True, person=lawyer, at=at)

    def _late(self, crew: Crew, at: datetime, days: int, states: Sequence[str]) -> list[UUID]:
        """Cases at least so many days late, the oldest first."""
        today = crew.portfolio.business_date(at)
        cases = Case.objects.filter(portfolio=crew.portfolio, state__in=states).order_by("pk")
        late = [
            (due_on, pk)
            for pk, loan in cases.values_list("pk", "loan__external_id")
            if (due_on := self.debts[loan].oldest_due()) and (today - due_on).days >= days
        ]
        return [pk for _due_on, pk in sorted(late)]


def _case(pk: UUID) -> Case:
    return Case.objects.select_related("portfolio", "loan").get(pk=pk)
