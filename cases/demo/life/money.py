"""What being late costs, what comes in and goes back, and the provider's file."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from accounts.actions.portfolios import set_terms
from accounts.models import (
    EntryKind,
    LedgerEntry,
    Terms,
)
from cases.actions.ending import end_case
from cases.actions.payments import reverse_payment
from cases.demo.debts import DAY, Coming
from cases.demo.life.teller import Teller
from cases.demo.provider import tell_of_a_settlement_file
from cases.demo.staff import Crew
from compliance.audit import Actor

# Charges for being late, in the portfolio of these, from a day on.
CHARGING = "WALLET-US"
CHARGES = {"grace_days": 3, "late_rate": Decimal(16), "late_fee": 3_00, "late_fee_most": 9_00}


class Money(Teller):
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

    def compare_with_the_provider(self, crew: Crew, at: datetime) -> None:
        tell_of_a_settlement_file(crew=crew, debts=self.debts, today=self._today(at), at=at)
