"""Promises in parts and plans of every shape, kept, broken and talked over again."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import (
    DocumentKind,
    User,
)
from accounts.schedules import Every
from cases.actions import agreements
from cases.actions.affordability import record_affordability
from cases.actions.answering import answer_approval
from cases.affordability import Household, alternatives, sustainable
from cases.demo import files
from cases.demo.debts import DAY, Coming
from cases.demo.life.teller import Teller
from cases.demo.staff import Crew
from cases.models import (
    ApprovalKind,
    Case,
    CaseState,
    Plan,
    PlanState,
)
from cases.shapes import Shape
from compliance.audit import Actor
from compliance.models import Channel


class Agreements(Teller):
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
