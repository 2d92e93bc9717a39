"""The whole life of a case in the demo: agreements of every kind, charges, holds with papers, debits, law, agencies and the
credit record. Each happens on its day before the end, to a case of its own, whatever the seed."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Sum

from accounts import pulls
from accounts.actions.agencies import bar_agency
from accounts.actions.documents import add_document
from accounts.actions.mandates import Scope, end_mandate, give_mandate
from accounts.actions.portfolios import set_terms
from accounts.models import (
    Authority,
    BarReason,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Mandate,
    MandateEnd,
    Payment,
    Terms,
    User,
)
from accounts.pulls import Answer
from accounts.pulls.recording import Recording
from accounts.schedules import Every
from accounts.standing import Standing, standing_of
from cases.actions import agreements, bureau, credit_disputes, debits, furnishing, legal
from cases.actions.affordability import record_affordability
from cases.actions.answering import answer_approval
from cases.actions.approvals import ask_approval, beyond
from cases.actions.calls import CallRefused, Details, PromiseTerms, log_call, log_inbound, place_call
from cases.actions.ending import end_case
from cases.actions.offers import OfferTerms, propose_offer
from cases.actions.papers import make_paper
from cases.actions.payments import record_payment, reverse_payment
from cases.actions.placements import evaluate_agency, place_cases, recall
from cases.actions.transition import MoveRefused
from cases.actions.work import CALL_KINDS, plan_work, take_next
from cases.affordability import Household, alternatives, sustainable
from cases.demo import files
from cases.demo.debts import DAY, Coming, Debt
from cases.demo.desk import phone_of
from cases.demo.oversight import PERIOD_SOURCE, PERIOD_WORDS
from cases.demo.phrases import LAWYERS, PHRASES
from cases.demo.provider import tell_of_a_settlement_file
from cases.demo.staff import Crew
from cases.legal_steps import earliest_answer
from cases.models import (
    Approval,
    ApprovalKind,
    Case,
    CaseState,
    CreditDispute,
    EvaluationDecision,
    Furnished,
    OfferKind,
    Placement,
    Plan,
    PlanState,
    Promise,
    PromiseState,
    WorkItem,
)
from cases.shapes import Shape
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import Channel, Evidence, Hold, HoldKind

TALKED_WITH = (CaseState.NEGOTIATING, CaseState.INSTALLMENT_PLAN)
WITH_THE_DESK = (CaseState.OVERDUE, CaseState.NOTIFIED, *TALKED_WITH)
BUREAU = {"CN": "PBC", "US": "METRO2"}
# Charges for being late, in the portfolio of these, from a day on.
CHARGING = "WALLET-US"
CHARGES = {"grace_days": 3, "late_rate": Decimal(16), "late_fee": 3_00, "late_fee_most": 9_00}
# How far each of the cases at law is taken, one after the other; days that pass at least before a step; what it costs, in
# hundredths of the smallest loan.
AS_FAR = ("enforcement", "letter", "mediation", "lawyer_letter", "claim")
PATIENCE = {"judgment": 10, "enforcement": 5}
COSTS = {"lawyer_letter": 8, "claim": 5, "enforcement": 4}
NOBODY = UUID(int=0)
FAILED = Answer(drawn=False, reason="insufficient_funds")


class Due(NamedTuple):
    """Something that happens on the day so many days before the last one."""

    days_before: int
    happens: Callable[[Crew, datetime], None]


class Lifecycle:
    def __init__(
        self,
        debts: Mapping[str, Debt],
        seed: str,
        crew: Crew,
        compliance: User,
        legal: User,
        administrator: User,
    ) -> None:
        self.debts, self.crew = debts, crew
        self.compliance, self.legal, self.administrator = compliance, legal, administrator
        self.rng = random.Random(f"{seed}:lifecycle")
        self.used: set[Any] = set()
        self.kept: dict[str, Any] = {}
        self.goals: dict[Any, str] = {}
        self.for_law: list[Any] = []
        self.words = PHRASES[crew.product.language]
        self.unit = crew.product.unit
        self.plan = self._plan()

    def on(self, day: date, first: date, last: date) -> Iterator[Callable[[datetime], None]]:
        """What happens on a day; what would have been before the first happens on it."""
        for due in self.plan:
            if max(first, last - due.days_before * DAY) == day:
                yield partial(due.happens, self.crew)

    def _plan(self) -> list[Due]:
        return [
            Due(41, self.report_to_a_bureau),
            Due(34, self.prepare_for_law),
            Due(33, self.take_to_law),
            Due(30, self.tell_of_reporting),
            Due(27, self.prepare_for_law),
            Due(26, self.take_to_law),
            Due(19, self.prepare_for_law),
            Due(18, self.take_to_law),
            Due(9, self.change_terms),
            Due(9, self.promise_in_parts),
            Due(9, self.agree_equal_plan),
            Due(9, self.agree_plan_that_breaks),
            Due(9, self.give_mandates),
            Due(21, self.place_with_both),
            Due(9, self.place_more),
            Due(8, self.offer_that_lapses),
            Due(8, self.agree_settlement),
            Due(7, self.agree_stepped_plan),
            Due(7, self.agree_plan_with_waiver),
            Due(7, self.pay_what_bounces),
            Due(6, self.extend),
            Due(6, self.waive),
            Due(6, self.write_off),
            Due(6, self.bar),
            Due(5, self.ask_and_answer),
            Due(5, self.take_in_documents),
            Due(4, self.take_back_a_case),
            Due(4, self.renegotiate),
            Due(3, self.pay_too_much),
            Due(3, self.pay_back),
            Due(3, self.hold_with_papers),
            Due(2, self.furnish),
            Due(2, self.revoke_a_mandate),
            Due(2, self.evaluate),
            Due(1, self.dispute_records),
            Due(1, self.make_papers),
            Due(1, self.compare_with_the_provider),
            Due(0, self.offer_settlement),
            Due(0, self.ask_for_approvals),
            Due(0, self.ask_legal),
        ]

    # Choosing

    def _late(self, at: datetime, least: int, most: int, states: Sequence[str]) -> list[Case]:
        """Cases nothing is agreed on or stands in the way of, so many days late, the latest first; each is told of once."""
        today = self.crew.portfolio.business_date(at)
        busy: set[Any] = set(self.used)
        for rows in (
            Promise.objects.filter(state=PromiseState.OPEN),
            Plan.objects.filter(state=PlanState.ACTIVE),
            Placement.objects.live(),
        ):
            busy |= set(rows.filter(case__portfolio=self.crew.portfolio).values_list("case", flat=True))
        held = set(Hold.objects.filter(ended_at=None).values_list("borrower", flat=True))
        cases = Case.objects.filter(portfolio=self.crew.portfolio, state__in=states)
        found = []
        for case in cases.select_related("portfolio", "loan", "borrower__key"):
            due_on = self._debt(case).oldest_due()
            if case.pk in busy or case.borrower_id in held or due_on is None:
                continue
            if least <= (today - due_on).days <= most:
                found.append((due_on, case.loan.external_id, case))
        return [case for _due_on, _number, case in sorted(found, key=lambda row: row[:2])]

    def _take(
        self,
        at: datetime,
        count: int = 1,
        *,
        least: int = 1,
        most: int = 999,
        states: Sequence[str] = WITH_THE_DESK,
    ) -> list[Case]:
        chosen = self._late(at, least, most, states)[:count]
        self.used |= {case.pk for case in chosen}
        return chosen

    def _many(self, count: int) -> int:
        """Fewer where there are few loans."""
        return count if len(self.debts) >= 1000 else -(-count // 3)

    def _debt(self, case: Case) -> Debt:
        return self.debts[case.loan.external_id]

    def _agent(self) -> User:
        return self.rng.choice(self.crew.agents)

    def _today(self, at: datetime) -> date:
        return self.crew.portfolio.business_date(at)

    def _standing(self, case: Case, at: datetime) -> Standing:
        return standing_of([case.loan_id], on=self._today(at))[case.loan_id]

    def _talk(self, case: Case, agent: User, at: datetime, reason: str, note: str = "") -> Case:
        """The borrower calls and says why it is late; the ways to pay are talked over."""
        log_inbound(
            case=case, disposition="cannot_pay", user=agent, at=at, contact_point=phone_of(case),
            details=Details(reason=reason, note=note),
        )  # fmt: skip
        return Case.objects.select_related("portfolio", "loan", "borrower__key").get(pk=case.pk)

    # Charges

    def charges(self) -> None:
        """The borrowers learn what was charged beside the contract, less what was taken back of it or forgiven."""
        entries = LedgerEntry.objects.filter(loan__portfolio=self.crew.portfolio)
        charged = entries.filter(kind__in=[EntryKind.FEE, EntryKind.INTEREST]).values("loan")
        booked = entries.filter(loan__in=charged).exclude(kind=EntryKind.WRITE_OFF)
        for number, owed in booked.order_by().values_list("loan__external_id").annotate(Sum("amount")):
            debt = self.debts[number]
            debt.charged = owed - (debt.loan.total - debt.posted)

    def change_terms(self, crew: Crew, at: datetime) -> None:
        """From now on being late costs something in one portfolio."""
        if crew.product.code != CHARGING:
            return
        today = self._today(at)
        before = crew.portfolio.terms_on(today)
        names = ("legal_after_days", "placement_after_days", "settlement_after_days")
        terms = Terms(
            portfolio=crew.portfolio,
            from_on=today,
            **CHARGES,
            **{name: getattr(before, name) for name in names},
        )
        set_terms(terms=terms, by=Actor.staff(self.administrator), at=at)

    # Promises and plans

    def promise_in_parts(self, crew: Crew, at: datetime) -> None:
        """Three parts: the first comes, of the second a half, of the third nothing."""
        for case in self._take(at, self._many(2), least=5):
            agent, today = self._agent(), self._today(at)
            case = self._talk(case, agent, at, "job_loss", self.words["parts"])
            third = self._standing(case, at).outstanding // 4
            parts = [(today + days * DAY, third) for days in (2, 4, 6)]
            agreements.record_promises(
                case=case,
                parts=parts,
                channel=Channel.CALL,
                by=Actor.staff(agent),
                at=at + timedelta(minutes=6),
            )
            self._debt(case).coming = [Coming(today + DAY, third), Coming(today + 4 * DAY, third // 2)]

    def _agree(
        self, case: Case, agent: User, at: datetime, count: int, first: int, days: int, **more: Any
    ) -> Plan:
        return agreements.agree_plan(
            case=case, count=count, first_due_on=self._today(at) + first * DAY, every=Every(days=days),
            channel=Channel.CALL, by=Actor.staff(agent), at=at + timedelta(minutes=8), **more,
        )  # fmt: skip

    def agree_equal_plan(self, crew: Crew, at: datetime) -> None:
        """By what the household can carry; the other ways were shown beside it."""
        for case in self._take(at, least=10):
            agent, today = self._agent(), self._today(at)
            case = self._talk(case, agent, at, "illness", self.words["reduced"])
            self._ask_household(case, agent, at)
            plan = self._agree(case, agent, at, 4, 4, 7, alternatives=self.kept.pop("shown"))
            self._debt(case).coming = [Coming(part.due_on, part.amount) for part in plan.instalments.all()]
            self.kept["plan"] = case.pk, plan.pk, today

    def _ask_household(self, case: Case, agent: User, at: datetime) -> None:
        unit, today = self.unit, self._today(at)
        household = Household(income=14 * unit, essentials=8 * unit, other_debts=unit, dependants=1)
        record_affordability(
            case=case, household=household, taken_on=today, source="papers", by=Actor.staff(agent),
            at=at + timedelta(minutes=5),
        )  # fmt: skip
        owed = self._standing(case, at).outstanding
        self.kept["shown"] = [
            agreements.told(way.shape, way.instalments)
            for way in alternatives(owed, sustainable(household), today + 20 * DAY, 12)
        ]
        self._add(case, agent, DocumentKind.INCOME_PROOF, files.png(30), at)

    def agree_plan_that_breaks(self, crew: Crew, at: datetime) -> None:
        """Two parts are missed, and the plan is broken by rule; with a second case it is talked over in time."""
        for name, case in zip(("broken", "steep"), self._take(at, 2, least=8), strict=False):
            agent = self._agent()
            case = self._talk(case, agent, at, "bereavement" if name == "steep" else "forgot")
            self._agree(case, agent, at, 4, 1, 2 if name == "broken" else 7)
            self._debt(case).coming = []
            self.kept[name] = case.pk

    def renegotiate(self, crew: Crew, at: datetime) -> None:
        """Smaller parts in the place of a broken plan, and of one that still ran."""
        for name in ("broken", "steep"):
            case = self._kept_case(name)
            if case is None:
                continue
            agent = self._agent()
            case = self._talk(case, agent, at, "job_loss", self.words["renegotiated"])
            plan = self._agree(case, agent, at, 6, 5, 14)
            self._debt(case).coming = [Coming(part.due_on, part.amount) for part in plan.instalments.all()]

    def _kept_case(self, name: str) -> Case | None:
        rows = Case.objects.open().exclude(state=CaseState.LEGAL).filter(pk=self.kept.get(name))
        return rows.select_related("portfolio", "loan", "borrower__key").first()

    def agree_stepped_plan(self, crew: Crew, at: datetime) -> None:
        """Something at once, then parts that grow."""
        for case in self._take(at, least=6):
            agent, today = self._agent(), self._today(at)
            case = self._talk(case, agent, at, "accident", self.words["reduced"])
            down = self._standing(case, at).outstanding // 5
            plan = self._agree(case, agent, at, 3, 5, 14, rise=25, down=down)
            self._debt(case).coming = [
                Coming(max(part.due_on, today), part.amount) for part in plan.instalments.all()
            ]

    def agree_plan_with_waiver(self, crew: Crew, at: datetime) -> None:
        """An agent asks, the supervisor agrees: some interest is given up for a plan that holds."""
        for case in self._take(at, least=6):
            agent = self._agent()
            case = self._talk(case, agent, at, "payment_trouble")
            waived = min(self._standing(case, at).interest // 2, 20_00)
            if waived <= 0:
                continue
            shape = Shape(3, self._today(at) + 5 * DAY, Every(days=10), waives_interest=waived)
            approval = self._ask(
                case, ApprovalKind.PLAN, shape.as_json() | {"channel": Channel.CALL.value, "alternatives": []},
                agreements.shape_wanted(shape), "waive_why", agent, at + timedelta(minutes=8),
            )  # fmt: skip
            answer_approval(
                approval=approval, approve=True, person=crew.supervisor, at=at + timedelta(minutes=30)
            )
            debt = self._debt(case)
            debt.booked(waived)
            plan = Plan.objects.get(case=case, state=PlanState.ACTIVE)
            debt.coming = [Coming(part.due_on, part.amount) for part in plan.instalments.all()]

    def _ask(
        self, case: Case, kind: str, proposal: Mapping[str, Any], wanted: Mapping[str, int], why: str, agent: User,
        at: datetime,
    ) -> Approval:  # fmt: skip
        terms = self.crew.portfolio.terms_on(self._today(at))
        return ask_approval(
            case=case, kind=kind, proposal=proposal, exceeds=beyond(terms, agent.role, wanted), note=self.words[why],
            requester=agent, at=at,
        )  # fmt: skip

    # Offers

    def _offer(self, case: Case, user: User, at: datetime, agreed: bool, **terms: Any) -> Any:
        why = {"extension": "extension_why", "waiver": "waive_why", "settlement": "settle_why"}[terms["kind"]]
        return propose_offer(
            case=case, terms=OfferTerms(**terms), agreed=agreed, note=self.words[why], user=user, at=at
        )

    def extend(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, most=20):
            agent, today = self._agent(), self._today(at)
            case = self._talk(case, agent, at, "forgot")
            self._offer(case, agent, at + timedelta(minutes=6), True, kind=OfferKind.EXTENSION.value, days=10)
            self._debt(case).rests(today + 9 * DAY)

    def waive(self, crew: Crew, at: datetime) -> None:
        """What was charged for being late, or some interest, is forgiven by the supervisor."""
        for case in self._take(at, least=10):
            case = self._talk(case, self._agent(), at, "misunderstood_terms")
            standing = self._standing(case, at)
            interest = min(standing.interest // 2, 15_00)
            if standing.fees + interest <= 0:
                continue
            self._offer(
                case, crew.supervisor, at + timedelta(minutes=20), True, kind=OfferKind.WAIVER.value,
                fees=min(standing.fees, 10_00), interest=interest,
            )  # fmt: skip
            self._debt(case).booked(min(standing.fees, 10_00) + interest)
            self.kept["waiver"] = case.pk

    def _settlement(self, crew: Crew, at: datetime, days: int, agreed: bool) -> Case | None:
        for case in self._take(at, least=22):
            case = self._talk(case, self._agent(), at, "job_loss")
            owed, today = self._standing(case, at).outstanding, self._today(at)
            self._offer(
                case, crew.supervisor, at + timedelta(minutes=20), agreed, kind=OfferKind.SETTLEMENT.value,
                amount=owed * 3 // 4, pay_by=today + days * DAY,
            )  # fmt: skip
            pays = [Coming(today + days * DAY - DAY, owed * 3 // 4)] if agreed else []
            self._debt(case).coming = pays
            return case
        return None

    def offer_that_lapses(self, crew: Crew, at: datetime) -> None:
        self._settlement(crew, at, 3, agreed=False)

    def agree_settlement(self, crew: Crew, at: datetime) -> None:
        """Paid in time, and then the rest is forgiven."""
        if case := self._settlement(crew, at, 4, agreed=True):
            self.kept["settled"] = case.pk

    def offer_settlement(self, crew: Crew, at: datetime) -> None:
        self._settlement(crew, at, 10, agreed=False)

    def ask_for_approvals(self, crew: Crew, at: datetime) -> None:
        """What goes beyond an agent waits for the supervisor, what goes to law for legal."""
        today = self._today(at)
        minutes = iter(range(2, 60, 4))
        for kind, case in zip(
            ("waiver", "settlement", "extension", "promise", "plan"),
            self._take(at, 5, least=22),
            strict=False,
        ):
            agent = self._agent()
            case = self._talk(case, agent, at + timedelta(minutes=next(minutes)), "job_loss")
            moment, standing = at + timedelta(minutes=next(minutes)), self._standing(case, at)
            if kind == "waiver" and (interest := min(standing.interest, 30_00)):
                self._offer(case, agent, moment, True, kind=kind, interest=interest)
            elif kind == "settlement":
                amount, pay_by = standing.outstanding * 4 // 5, today + 12 * DAY
                self._offer(case, agent, moment, False, kind=kind, amount=amount, pay_by=pay_by)
            elif kind == "extension":
                self._offer(case, agent, moment, True, kind=kind, days=21)
            elif kind == "promise":
                parts = [(today + 42 * DAY, standing.outstanding)]
                self._ask(
                    case, ApprovalKind.PROMISE, agreements.promise_proposal(parts, Channel.CALL.value),
                    {Authority.PROMISE_DAYS.value: 42}, "promise_why", agent, moment,
                )  # fmt: skip
            elif kind == "plan":
                shape = Shape(15, today + 14 * DAY, Every(days=14))
                self._ask(
                    case, ApprovalKind.PLAN, shape.as_json() | {"channel": Channel.CALL.value, "alternatives": []},
                    agreements.shape_wanted(shape), "plan_why", agent, moment,
                )  # fmt: skip
        after = crew.portfolio.terms_on(today).legal_after_days
        for case in self._late(at, after, 999, TALKED_WITH):
            self._establish_period(case, at)
            self._add(case, crew.supervisor, DocumentKind.CONTRACT, self._pdf("contract", case), at)
            with suppress(MoveRefused):
                legal.propose_legal(case=case, note=self.words["legal_why"], requester=crew.supervisor, at=at)
                self.used.add(case.pk)
                return

    # The ledger

    def _pay(
        self, case: Case, amount: int, reference: str, agent: User, at: datetime, on: date | None = None
    ) -> Payment:
        payment = record_payment(
            case=case,
            amount=amount,
            value_date=on or self._today(at),
            reference=reference,
            by=Actor.staff(agent),
            at=at,
        )
        self._debt(case).booked(amount)
        return payment

    def pay_what_bounces(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, least=4):
            amount = max(1, self._standing(case, at).arrears // 3)
            self.kept["bounces"] = (
                self._pay(case, amount, f"{crew.product.code[-2:]}BANK0711", self._agent(), at),
                case,
            )
            self._debt(case).coming = []

    def pay_back(self, crew: Crew, at: datetime) -> None:
        """The bank took the money back."""
        if "bounces" in self.kept:
            payment, case = self.kept.pop("bounces")
            reverse_payment(payment=payment, reason="chargeback", by=Actor.staff(crew.supervisor), at=at)
            self._debt(case).booked(-payment.amount)

    def pay_too_much(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, most=30):
            owed = self._standing(case, at).outstanding
            self._pay(case, owed + self.unit // 10, f"{crew.product.code[-2:]}BANK0812", self._agent(), at)
            self.kept["paid"] = case.pk

    def write_off(self, crew: Crew, at: datetime) -> None:
        """The lender gives up; some days later something comes after all."""
        for case in self._take(at, least=40):
            end_case(case=case, ending="not_worth_it", by=Actor.staff(crew.supervisor), at=at)
            self._debt(case).coming = [Coming(self._today(at) + 3 * DAY, self.unit // 4)]

    # Debits

    def give_mandates(self, crew: Crew, at: datetime) -> None:
        """One is drawn from, one fails twice, one is revoked, one lives and has announced the next."""
        agent, today = self._agent(), self._today(at)
        by, step = Actor.staff(agent), self.unit // 5
        plans = {"drawn": (5,), "fails": (5, 7), "revoked": (12,), "lives": (14,)}
        for (name, days), case in zip(plans.items(), self._take(at, 4, least=3), strict=False):
            source = {"drawn": "wallet", "fails": "card", "revoked": "account", "lives": "wallet"}[name]
            mandate = give_mandate(
                loan=case.loan, source=source, instrument=f"tok_{case.loan.external_id}",
                proof=f"call-{today:%y%m%d}-{case.loan.external_id[-4:]}", by=by, at=at,
                limits=debits.limits_of(crew.portfolio, at),
                case=case.pk, scope=Scope(
                    most_per_debit=self.unit, most_per_month=3 * self.unit, from_on=today, to_on=today + 180 * DAY,
                    floor=step,
                ),
            )  # fmt: skip
            for day in days:
                with suppress(debits.DebitRefused):
                    debits.announce_debit(
                        case=case, mandate=mandate, amount=step, collect_on=today + day * DAY, by=by, at=at
                    )
            self._debt(case).coming = []
            self.kept[name] = mandate.pk

    def revoke_a_mandate(self, crew: Crew, at: datetime) -> None:
        for mandate in Mandate.objects.filter(pk=self.kept.get("revoked", NOBODY)):
            end_mandate(mandate=mandate, reason=MandateEnd.REVOKED, by=Actor.staff(self._agent()), at=at)

    def draw(self, at: datetime) -> None:
        """The provider's worker: what was announced for today, where its rules still say yes."""
        mine = Mandate.objects.filter(loan__portfolio=self.crew.portfolio).values_list("notices", flat=True)
        for number in sorted(set(debits.due_notices(at)) & set(mine)):
            fails = Mandate.objects.filter(pk=self.kept.get("fails", NOBODY), notices=number).exists()
            with pulls.everything_by(Recording(*[FAILED] if fails else [])):
                debit = debits.draw(notice_id=number, at=at)
            if debit is not None and not fails:
                self.debts[debit.loan.external_id].booked(debit.amount)

    # Law

    def prepare_for_law(self, crew: Crew, at: datetime) -> None:
        """The evidence of the latest cases: the contract, the ways out talked over, the period."""
        after = crew.portfolio.terms_on(self._today(at)).legal_after_days
        for case in self._take(at, 3, least=after, states=(CaseState.NOTIFIED, CaseState.NEGOTIATING)):
            case = self._talk(case, self._agent(), at, "unwilling")
            self._add(case, crew.supervisor, DocumentKind.CONTRACT, self._pdf("contract", case), at)
            self._establish_period(case, at)
            self._debt(case).coming = []
            self.for_law.append(case.pk)

    def take_to_law(self, crew: Crew, at: datetime) -> None:
        """One asks, another agrees."""
        for case in Case.objects.open().filter(pk__in=self.for_law).order_by("loan__external_id"):
            with suppress(MoveRefused):  # no notice has reached them, or a hold came between
                approval = legal.propose_legal(
                    case=case, note=self.words["legal_why"], requester=crew.supervisor, at=at
                )
                answer_approval(
                    approval=approval, approve=True, person=self.legal, at=at + timedelta(minutes=40)
                )
        self.for_law = []

    def _establish_period(self, case: Case, at: datetime) -> None:
        due_on = self._debt(case).oldest_due()
        if due_on is not None and not case.limitations.exists():
            legal.set_limitation(
                case=case, runs_from=due_on, ground="due", years=3, source=PERIOD_SOURCE, words=PERIOD_WORDS,
                person=self.legal, at=at,
            )  # fmt: skip

    def go_on_at_law(self, at: datetime) -> None:
        """Each case as far as it is meant to go, a step when its time has come."""
        today, language = self._today(at), self.crew.product.language
        cases = Case.objects.filter(portfolio=self.crew.portfolio, state=CaseState.LEGAL)
        rows = cases.select_related("portfolio", "loan", "borrower__key").order_by("loan__external_id")
        for case in rows:
            last = self.goals.setdefault(case.pk, AS_FAR[len(self.goals) % len(AS_FAR)])
            stay = legal.stay_of(case)
            assert stay is not None
            steps = legal.taken_in(stay)
            kinds = [kind for kind in legal.possible_steps(case, steps, today) if self._goes(kind, last)]
            if not kinds or (steps and steps[-1].taken_on + PATIENCE.get(kinds[0], 2) * DAY > today):
                continue
            kind = kinds[0]
            lawyer = None
            if kind == "lawyer_letter":
                name, licence, firm = LAWYERS[language]
                lawyer = legal.Lawyer(
                    name=name, licence=licence, firm=firm, reviewed_on=today - DAY, signed_on=today
                )
            with suppress(legal.LegalRefused):  # a hold, or an agreement that still runs
                legal.take_step(
                    case=case, kind=kind, taken_on=today, next_on=earliest_answer(kind, today), lawyer=lawyer,
                    cost=self.unit * COSTS.get(kind, 0) // 100, note=self.words[kind], person=self.legal, at=at,
                )  # fmt: skip
                if kind == "claim":
                    self._add(
                        case,
                        self.legal,
                        DocumentKind.COURT,
                        files.pdf(self.words["court"], self.words["invented"]),
                        at,
                    )

    def _goes(self, kind: str, last: str) -> bool:
        """Whether a case that is meant to come so far takes this step on its way."""
        order = ("letter", "lawyer_letter", "mediation", "claim", "judgment", "enforcement")
        return order.index(kind) <= order.index(last) and (kind != "lawyer_letter" or last == kind)

    def ask_and_answer(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, least=5):
            question = legal.ask_legal(
                case=case, question=self.words["question"], person=self._agent(), at=at
            )
            later = at + timedelta(minutes=50)
            legal.answer_legal(question=question, answer=self.words["answer"], person=self.legal, at=later)

    def ask_legal(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, least=5):
            legal.ask_legal(case=case, question=self.words["question_open"], person=self._agent(), at=at)

    def compare_with_the_provider(self, crew: Crew, at: datetime) -> None:
        tell_of_a_settlement_file(crew=crew, debts=self.debts, today=self._today(at), at=at)

    # Agencies

    def _place(self, crew: Crew, which: int, count: int, at: datetime) -> list[Case]:
        cases = self._take(at, self._many(count), least=26)
        if cases:
            agency, by = crew.agencies[which], Actor.staff(crew.supervisor)
            place_cases(
                cases=[case.pk for case in cases], agency=agency, return_on=self._today(at) + 60 * DAY,
                commission_percent=agency.commission_percent, by=by, at=at,
            )  # fmt: skip
        return cases

    def place_with_both(self, crew: Crew, at: datetime) -> None:
        """The first of each batch pays while it is away: there is a commission to show."""
        for which, count in ((0, 5), (1, 3)):
            for number, case in enumerate(self._place(crew, which, count, at)):
                days = 6 + 3 * which
                self._debt(case).coming = (
                    [Coming(self._today(at) + days * DAY, self.unit // 2)] if number == 0 else []
                )

    def place_more(self, crew: Crew, at: datetime) -> None:
        cases = self._place(crew, 0, 4, at)
        if cases:
            self.kept["recalled"] = cases[-1].pk

    def take_back_a_case(self, crew: Crew, at: datetime) -> None:
        if "recalled" in self.kept:
            recall(cases=[self.kept["recalled"]], by=Actor.staff(crew.supervisor), at=at)

    def bar(self, crew: Crew, at: datetime) -> None:
        bar_agency(
            agency=crew.agencies[1], reason=BarReason.CONDUCT, words=self.words["bar"], from_on=self._today(at),
            ends_on=None, person=self.compliance, at=at,
        )  # fmt: skip

    def evaluate(self, crew: Crew, at: datetime) -> None:
        evaluate_agency(
            agency=crew.agencies[0], year=at.year, words=self.words["evaluation"],
            decision=EvaluationDecision.IMPROVE, person=self.compliance, at=at,
        )  # fmt: skip

    def agency_calls(self, collector: User, at: datetime) -> None:
        """One case of the agency's queue, by the same permits as ours."""
        case = take_next(user=collector, at=at)
        point = phone_of(case) if case is not None else None
        if case is None or point is None:
            return
        due = WorkItem.objects.filter(case=case, done_at=None, due_at__lte=at, kind__in=CALL_KINDS).order_by(
            "rank"
        )
        kind = due.values_list("kind", flat=True).first()
        if kind is None:
            return
        by = Actor.staff(collector)
        try:
            call = place_call(case=case, contact_point=point, user=collector, at=at)
        except CallRefused as refused:
            again = refused.decision.next_allowed or at + DAY
            plan_work(case=case, kind=kind, due_at=again, reason="not_now", by=by, at=at)
            return
        promise, today = self.rng.random() < 0.2, self._today(at)
        amount = max(1, self._standing(case, at).arrears // 2)
        details = Details(promise=PromiseTerms(amount=amount, due_on=today + 5 * DAY) if promise else None)
        log_call(
            call=call, disposition="promises" if promise else self.rng.choice(("no_answer", "voicemail")), by=by,
            at=at + timedelta(minutes=3), details=details,
        )  # fmt: skip
        if promise:
            self._debt(case).promised(amount, today, today + 5 * DAY)

    # Holds and documents

    def _add(self, case: Case, user: User, kind: str, content: bytes, at: datetime) -> None:
        add_document(
            borrower=case.borrower,
            kind=kind,
            content=content,
            by=Actor.staff(user),
            at=at,
            loan=case.loan,
            case=case.pk,
        )

    def take_in_documents(self, crew: Crew, at: datetime) -> None:
        """Contracts of some cases, and on one of them everything a borrower may send."""
        cases = self._take(at, self._many(6), least=4)
        for case in cases:
            self._add(case, self._agent(), DocumentKind.CONTRACT, self._pdf("contract", case), at)
        for case in cases[:1]:
            for kind, content in (
                (DocumentKind.ID, files.png(10)),
                (DocumentKind.RECEIPT, files.png(50)),
                (DocumentKind.INCOME_PROOF, self._pdf("income_proof", case)),
                (DocumentKind.AUTHORITY, self._pdf("authority", case)),
                (DocumentKind.LETTER, self._pdf("letter_file", case)),
                (DocumentKind.OTHER, self._pdf("other", case)),
            ):
                self._add(case, self._agent(), kind, content, at)
            self.kept["documents"] = case.pk

    def _pdf(self, name: str, case: Case) -> bytes:
        return files.pdf(self.words[name], case.loan.external_id, self.words["invented"])

    def hold_with_papers(self, crew: Crew, at: datetime) -> None:
        """An illness with its certificate; a disaster; a hardship told of two weeks ago that is looked at tomorrow."""
        agent, today = self._agent(), self._today(at)
        told_of = today + 4 * DAY - 14 * DAY
        kinds: list[tuple[str, dict[str, Any]]] = [
            (HoldKind.ILL_OR_BEREAVED, {"evidence": Evidence.MEDICAL, "evidence_ref": "MC-2207"}),
            (HoldKind.DISASTER, {"evidence": Evidence.DECLARATION, "evidence_ref": "DR-4815", "days": 30}),
            (HoldKind.HARDSHIP, {"starts_on": told_of}),
        ]
        for (kind, more), case in zip(kinds, self._take(at, 3, least=3), strict=False):
            case = self._talk(case, agent, at, "disaster" if kind == HoldKind.DISASTER else "illness")
            if kind == HoldKind.ILL_OR_BEREAVED:
                self._add(case, agent, DocumentKind.MEDICAL_PROOF, self._pdf("medical_proof", case), at)
            open_hold(
                borrower=case.borrower,
                loan=case.loan,
                kind=kind,
                by=Actor.staff(agent),
                at=at,
                case=case.pk,
                **more,
            )
            self._debt(case).coming = []

    def make_papers(self, crew: Crew, at: datetime) -> None:
        """Every paper we make, each on a case whose ledger carries it."""
        by, today = Actor.staff(self._agent()), self._today(at)

        def of(name: str) -> Case | None:
            return Case.objects.select_related("portfolio", "loan").filter(pk=self.kept.get(name)).first()

        if case := of("documents"):
            make_paper(case=case, kind=DocumentKind.STATEMENT, by=by, at=at)
            if case.is_open:
                make_paper(case=case, kind=DocumentKind.PAYOFF, by=by, at=at, good_to=today)
        if "plan" in self.kept:
            pk, plan, _on = self.kept["plan"]
            paper_of = Case.objects.select_related("portfolio", "loan").get(pk=pk)
            make_paper(case=paper_of, kind=DocumentKind.PLAN_AGREEMENT, by=by, at=at, subject=plan)
        if case := of("waiver"):
            waived = (
                LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER).order_by("pk").first()
            )
            if waived:
                make_paper(case=case, kind=DocumentKind.WAIVER_AGREEMENT, by=by, at=at, subject=waived.pk)
        if case := of("paid"):
            payment = Payment.objects.filter(loan=case.loan_id).order_by("pk").last()
            if payment:
                make_paper(case=case, kind=DocumentKind.RECEIPT, by=by, at=at, subject=payment.pk)
        for name in ("paid", "settled"):
            if (case := of(name)) and not case.is_open:
                make_paper(case=case, kind=DocumentKind.SETTLEMENT_CERTIFICATE, by=by, at=at)

    # The credit record

    def report_to_a_bureau(self, crew: Crew, at: datetime) -> None:
        bureau.set_reporting(
            portfolio=crew.portfolio, bureau=BUREAU[crew.product.code[-2:]], from_on=self._today(at),
            by=Actor.staff(self.compliance), at=at,
        )  # fmt: skip

    def tell_of_reporting(self, crew: Crew, at: datetime) -> None:
        """Before anything is said to the bureau the borrower hears of it."""
        for case in self._late(at, 10, 999, WITH_THE_DESK)[:30]:
            with suppress(bureau.BureauRefused):  # nowhere to send it
                bureau.plan_bureau_notice(case=case, by=Actor.staff(self.compliance), at=at)

    def furnish(self, crew: Crew, at: datetime) -> None:
        with suppress(bureau.BureauRefused):  # no notice has run long enough yet
            furnishing.furnish(portfolio=crew.portfolio, by=Actor.staff(self.compliance), at=at)

    def dispute_records(self, crew: Crew, at: datetime) -> None:
        """One dispute waits. Another is right: a payment was told late, and the record is corrected."""
        agent = self._agent()
        lines = Furnished.objects.standing().filter(
            loan__portfolio=crew.portfolio, loan__cases__closed_at=None
        )
        held = set(Hold.objects.filter(ended_at=None).values_list("borrower", flat=True))
        loans = [line.loan_id for line in lines.order_by("loan__external_id") if line.borrower_id not in held]
        cases = Case.objects.open().filter(loan__in=loans)
        rows = list(
            cases.select_related("portfolio", "loan", "borrower__key").order_by("loan__external_id")[:2]
        )
        for name, case in zip(("dispute", "dispute_open"), rows, strict=False):
            self.used.add(case.pk)
            dispute: CreditDispute = credit_disputes.log_dispute(
                case=case,
                about="dates",
                channel=Channel.CALL,
                words=self.words[name],
                by=Actor.staff(agent),
                at=at,
            )
            if name == "dispute":
                told_late = max(1, self._standing(case, at).outstanding // 5)
                reference = f"{crew.product.code[-2:]}LATE0913"
                self._pay(
                    case, told_late, reference, agent, at + timedelta(minutes=20), self._today(at) - 3 * DAY
                )
                credit_disputes.answer_dispute(
                    dispute=dispute, right=True, answer=self.words["dispute_answer"], by=Actor.staff(self.compliance),
                    at=at + timedelta(minutes=40),
                )  # fmt: skip
