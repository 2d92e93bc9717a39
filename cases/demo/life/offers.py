"""A later day, waivers and settlements; and what waits for a second person."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from accounts.models import (
    Authority,
    DocumentKind,
    User,
)
from accounts.schedules import Every
from cases.actions import agreements, legal
from cases.actions.offers import OfferTerms, propose_offer
from cases.actions.transition import MoveRefused
from cases.demo.debts import DAY, Coming
from cases.demo.life.teller import TALKED_WITH, Teller
from cases.demo.staff import Crew
from cases.models import (
    ApprovalKind,
    Case,
    OfferKind,
)
from cases.shapes import Shape
from compliance.models import Channel


class Offers(Teller):
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
