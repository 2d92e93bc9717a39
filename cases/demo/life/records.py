"""What a credit bureau is told, and what borrowers dispute of it."""

from contextlib import suppress
from datetime import datetime, timedelta

from cases.actions import bureau, credit_disputes, furnishing
from cases.demo.debts import DAY
from cases.demo.life.teller import WITH_THE_DESK, Teller
from cases.demo.staff import Crew
from cases.models import (
    Case,
    CreditDispute,
    Furnished,
)
from compliance.audit import Actor
from compliance.models import Channel, Hold

BUREAU = {"CN": "PBC", "US": "METRO2"}


class Records(Teller):
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
