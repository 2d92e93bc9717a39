"""Cases placed with agencies, which call by the same permits as we do."""

from datetime import datetime, timedelta

from accounts.actions.agencies import bar_agency
from accounts.models import (
    BarReason,
    User,
)
from cases.actions.calls import CallRefused, Details, PromiseTerms, log_call, place_call
from cases.actions.placements import evaluate_agency, place_cases, recall
from cases.actions.work import CALL_KINDS, plan_work, take_next
from cases.demo.debts import DAY, Coming
from cases.demo.desk import phone_of
from cases.demo.life.teller import Teller
from cases.demo.staff import Crew
from cases.models import (
    Case,
    EvaluationDecision,
    WorkItem,
)
from compliance.audit import Actor


class Agencies(Teller):
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
