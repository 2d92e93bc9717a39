"""A case's whole life, at random, beside a small model: money, days, holds and states say the same after every step."""

from contextlib import suppress
from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.actions.ledger import LedgerRefused, post_charge
from accounts.ageing import age, bucket
from accounts.models import LedgerEntry
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions.agreements import AgreementRefused, agree_plan, record_promise
from cases.actions.calls import CallRefused
from cases.actions.day import run_day
from cases.actions.payments import record_payment, reverse_payment
from cases.actions.transition import MoveRefused
from cases.machine import BY_MOVE
from cases.models import Case, Plan, Promise, Transition
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.holds import HOLDS, Stop
from compliance.models import Hold
from tests.cases.stories import DAY, call, make_reachable
from tests.cases.test_day import RUN, at_six
from tests.factories import SYSTEM, TODAY, make_loan, make_people, make_portfolio

DUES = [(TODAY - 20 * DAY, 60_00), (TODAY - 5 * DAY, 30_00), (TODAY + 4 * DAY, 10_00)]
KINDS = ("breathing_space", "dispute", "disaster", "cease", "says_paid")
backwards = st.integers(0, 12)
money = st.integers(1, 80_00)


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.portfolio = make_portfolio(f"life{id(self)}")
        self.people = make_people(self.portfolio)
        borrower = make_reachable(self.portfolio)
        self.loan = make_loan(borrower, portfolio=self.portfolio, principal=100_00, instalments=DUES)
        self.on = TODAY
        self.number = 0
        # The model.
        self.paid: dict[str, tuple[date, int]] = {}
        self.payments: dict[str, object] = {}
        self.charged: list[tuple[date, int]] = []
        self.forgiven: list[tuple[date, int]] = []
        self.holds: dict[object, tuple[str, date, date | None]] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @property
    def at(self):
        """Each step a minute after the last, in the morning after the day's run."""
        self.number += 1
        return at_six(self.on) + timedelta(hours=8, minutes=self.number % 200)

    @property
    def case(self) -> Case | None:
        return (
            Case.objects.select_related("portfolio", "loan", "borrower__key").filter(loan=self.loan)
            .order_by("opened_on", "pk").last()
        )  # fmt: skip

    def by(self, who: str) -> Actor:
        return SYSTEM if who == "system" else Actor.staff(getattr(self.people, who))

    def covered(self, stop: Stop, on: date) -> bool:
        return any(
            stop in HOLDS[kind].stops and first <= on and (last is None or on <= last)
            for kind, first, last in self.holds.values()
        )

    def expect(self, found: object, *allowed: object) -> None:
        assert found in allowed

    @initialize()
    def first_day(self) -> None:
        self.run()

    def run(self) -> None:
        run_day(date=self.on, by=RUN, at=at_six(self.on))

    @rule(days=st.integers(1, 3))
    def days_pass(self, days: int) -> None:
        self.on += days * DAY
        self.run()

    @rule(amount=money, back=backwards, who=st.sampled_from(["alice", "bob", "system"]))
    def pay(self, amount: int, back: int, who: str) -> None:
        reference = f"P{self.number}"
        value_date = self.on - back * DAY
        self.payments[reference] = record_payment(
            case=self.case,
            amount=amount,
            value_date=value_date,
            reference=reference,
            by=self.by(who),
            at=self.at,
        )
        self.paid[reference] = (value_date, amount)

    @precondition(lambda self: self.paid)
    @rule(place=st.integers(0, 100))
    def take_back(self, place: int) -> None:
        reference = sorted(self.paid)[place % len(self.paid)]
        payment = self.payments[reference]
        payment.refresh_from_db()
        reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=self.at)
        del self.paid[reference]

    @rule(amount=money, days=st.integers(0, 9), who=st.sampled_from(["alice", "bob"]))
    def promise(self, amount: int, days: int, who: str) -> None:
        try:
            record_promise(
                case=self.case,
                amount=amount,
                due_on=self.on + days * DAY,
                channel="call",
                by=self.by(who),
                at=self.at,
            )
        except AgreementRefused as refused:
            self.expect(refused.code, "closed", "nothing_owed", "amount")

    @rule(count=st.integers(2, 4), days=st.integers(1, 7), who=st.sampled_from(["alice", "bob"]))
    def plan(self, count: int, days: int, who: str) -> None:
        outstanding = standing_of([self.loan.pk], self.on)[self.loan.pk].outstanding
        try:
            plan = agree_plan(
                case=self.case, count=count, first_due_on=self.on + days * DAY, every=Every(days=7), channel="call",
                by=self.by(who), at=self.at,
            )  # fmt: skip
        except AgreementRefused as refused:
            self.expect(refused.code, "closed", "nothing_owed", "count")
        except MoveRefused as refused:
            self.expect(refused.code, "plan_accepted", "spoke_or_replied", "off_the_map")
        else:
            assert sum(each.amount for each in plan.instalments.all()) == plan.total == outstanding

    @precondition(lambda self: self.case.is_open and not self.holds)
    @rule()
    def talk(self) -> None:
        # Enough contacts already, or nothing overdue.
        with suppress(CallRefused):
            call(self.case, self.people.alice, "cannot_pay", at=self.at + timedelta(hours=4))

    @rule(
        kind=st.sampled_from(KINDS),
        back=backwards,
        days=st.none() | st.integers(1, 15),
        of_loan=st.booleans(),
    )
    def hold(self, kind: str, back: int, days: int | None, of_loan: bool) -> None:
        first = self.on - back * DAY
        hold = open_hold(
            borrower=self.loan.borrower, loan=self.loan if of_loan else None, kind=kind, starts_on=first, days=days,
            by=SYSTEM, at=self.at,
        )  # fmt: skip
        if hold.pk in self.holds:
            return
        days = days or HOLDS[kind].days
        last = first + (days - 1) * DAY if days else None
        self.holds[hold.pk] = (kind, first, last)
        if Stop.CHARGES in HOLDS[kind].stops:
            on_its_days = [
                each for each in self.charged if first <= each[0] and (last is None or each[0] <= last)
            ]
            left = list(self.forgiven)
            for each in on_its_days:
                if each in left:
                    left.remove(each)
                else:
                    self.forgiven.append(each)

    @precondition(lambda self: self.holds)
    @rule(place=st.integers(0, 100))
    def let_go_on(self, place: int) -> None:
        key = sorted(self.holds)[place % len(self.holds)]
        hold = Hold.objects.get(pk=key)
        if hold.ended_at is None:
            end_hold(hold=hold, by=self.by("bob"), at=self.at, reason="cleared_up")
            kind, first, last = self.holds[key]
            if last is None or last >= self.on:
                self.holds[key] = (kind, first, max(self.on - DAY, first - DAY))

    @rule(amount=st.integers(1, 9_00), back=backwards)
    def charge(self, amount: int, back: int) -> None:
        value_date = self.on - back * DAY
        try:
            post_charge(
                loan=self.loan, kind="fee", amount=amount, value_date=value_date, reference=f"F{self.number}",
                by=SYSTEM, at=self.at,
            )  # fmt: skip
        except LedgerRefused as refused:
            self.expect(refused.code, "charges_paused")
            self.expect(self.covered(Stop.CHARGES, value_date), True)
        else:
            assert not self.covered(Stop.CHARGES, value_date)
            self.charged.append((value_date, amount))

    @invariant()
    def the_balance_is_the_sum(self) -> None:
        standing = standing_of([self.loan.pk], self.on)[self.loan.pk]
        known = 100_00 + sum(amount for _day, amount in self.charged)
        known -= sum(amount for _day, amount in (*self.paid.values(), *self.forgiven))
        entries = LedgerEntry.objects.filter(loan=self.loan)
        assert standing.outstanding == known == sum(entry.amount for entry in entries)
        assert min(standing.fees, standing.interest, standing.principal, standing.credit) >= 0
        assert standing.fees + standing.interest + standing.principal - standing.credit == known

    @invariant()
    def the_days_are_those_of_the_model(self) -> None:
        pauses = [
            (first, last) for kind, first, last in self.holds.values() if Stop.AGEING in HOLDS[kind].stops
        ]
        for on in (self.on, self.on - 7 * DAY):
            credited = sum(amount for day, amount in (*self.paid.values(), *self.forgiven) if day <= on)
            expected = age([*DUES, *self.charged], credited, on, pauses)
            standing = standing_of([self.loan.pk], on)[self.loan.pk]
            assert (standing.days_past_due, standing.arrears) == (expected.days_past_due, expected.arrears)
            assert standing.bucket == bucket(expected.days_past_due)

    @invariant()
    def every_state_was_reached_along_the_map(self) -> None:
        cases = Case.objects.filter(loan=self.loan)
        assert sum(case.is_open for case in cases) <= 1
        for case in cases:
            moves = list(Transition.objects.filter(case=case).order_by("seq").values_list("source", "target"))
            assert all(edge in BY_MOVE for edge in moves)
            path = ["overdue", *(target for _source, target in moves)]
            assert [source for source, _target in moves] == path[:-1]
            assert case.state == path[-1]
            if not case.is_open:
                assert not Promise.objects.filter(case=case, state="open").exists()
                assert not Plan.objects.filter(case=case, state="active").exists()


@pytest.mark.django_db
def test_a_life_at_random_agrees_with_the_model():
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
