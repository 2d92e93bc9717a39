"""Who tells: the crew, the borrowers' debts, and how cases are chosen so that each is told of once."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from accounts.actions.documents import add_document
from accounts.models import (
    Payment,
    User,
)
from accounts.standing import Standing, standing_of
from cases.actions import legal
from cases.actions.approvals import ask_approval, beyond
from cases.actions.calls import Details, log_inbound
from cases.actions.payments import record_payment
from cases.demo import files
from cases.demo.debts import Debt
from cases.demo.desk import phone_of
from cases.demo.oversight import PERIOD_SOURCE, PERIOD_WORDS
from cases.demo.phrases import PHRASES
from cases.demo.staff import Crew
from cases.models import (
    Approval,
    Case,
    CaseState,
    Placement,
    Plan,
    PlanState,
    Promise,
    PromiseState,
)
from compliance.audit import Actor
from compliance.models import Hold

TALKED_WITH = (CaseState.NEGOTIATING, CaseState.INSTALLMENT_PLAN)
WITH_THE_DESK = (CaseState.OVERDUE, CaseState.NOTIFIED, *TALKED_WITH)


class Teller:
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

    def _ask(
        self, case: Case, kind: str, proposal: Mapping[str, Any], wanted: Mapping[str, int], why: str, agent: User,
        at: datetime,
    ) -> Approval:  # fmt: skip
        terms = self.crew.portfolio.terms_on(self._today(at))
        return ask_approval(
            case=case, kind=kind, proposal=proposal, exceeds=beyond(terms, agent.role, wanted), note=self.words[why],
            requester=agent, at=at,
        )  # fmt: skip

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

    def _establish_period(self, case: Case, at: datetime) -> None:
        due_on = self._debt(case).oldest_due()
        if due_on is not None and not case.limitations.exists():
            legal.set_limitation(
                case=case, runs_from=due_on, ground="due", years=3, source=PERIOD_SOURCE, words=PERIOD_WORDS,
                person=self.legal, at=at,
            )  # fmt: skip

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

    def _pdf(self, name: str, case: Case) -> bytes:
        return files.pdf(self.words[name], case.loan.external_id, self.words["invented"])
