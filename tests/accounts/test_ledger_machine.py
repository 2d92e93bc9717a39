"""Any sequence of bookings with any value dates: the ledger against a small model that knows no order of arrival."""

from datetime import date, timedelta
from itertools import count

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.actions.ledger import LedgerRefused, Posting, post
from accounts.ageing import age
from accounts.models import EntryKind, LedgerEntry
from accounts.standing import standing_of
from tests.factories import NOW, SYSTEM, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db

START = date(2026, 1, 1)
DUE = 15
OPENING = {"fees": 10, "interest": 20, "principal": 100}
PARTS = ("fees", "interest", "principal")
days = st.integers(0, 40)
cents = st.integers(1, 120)
_numbers = count(1)


class Model:
    """The facts, and what they come to on a day: three pots that are filled and emptied day by day."""

    def __init__(self) -> None:
        self.charges: list[tuple[int, str, int]] = []  # day, part, amount
        self.credits: dict[str, tuple[int, str, int, dict[str, int]]] = {}  # day, kind, amount, named
        self.reversed: set[str] = set()
        self.charged_back: dict[str, tuple[int, int]] = {}  # day, amount
        self.written_off: int | None = None

    def on(self, day: int) -> dict[str, int]:
        owed, gone, credit = dict.fromkeys(PARTS, 0), 0, 0
        for today in range(-60, day + 1):
            new = [(part, amount) for on, part, amount in self.charges if on == today]
            if today == DUE - 30:
                new += OPENING.items()
            for part, amount in new:
                owed[part] += amount
            credit = self._pay(owed, credit)
            for _key, kind, amount, named in self._credits_of(today, day):
                for part, most in named.items():
                    taken = min(owed[part], most, amount)
                    owed[part] -= taken
                    amount -= taken
                amount = self._pay(owed, amount)
                if kind == "repayment":
                    back = min(amount, gone)
                    gone -= back
                    amount -= back
                credit += amount
            if today == self.written_off:
                gone += sum(owed.values())
                owed = dict.fromkeys(PARTS, 0)
        return owed | {"credit": credit, "written_off": gone}

    def covered(self, day: int) -> int:
        """All that counts as paid, forgiven or given up by the day."""
        paid = 0
        for on in range(-60, day + 1):
            paid += sum(amount for _key, _kind, amount, _named in self._credits_of(on, day))
        return paid + self.on(day)["written_off"]

    def dues(self) -> list[tuple[int, int]]:
        return [(DUE, sum(OPENING.values())), *((on, amount) for on, _part, amount in self.charges)]

    def _credits_of(self, today: int, asked: int):
        found = []
        for key, (on, kind, amount, named) in self.credits.items():
            back_on, back = self.charged_back.get(key, (asked + 1, 0))
            left = amount - (back if back_on <= asked else 0)
            if on == today and key not in self.reversed and left:
                found.append((f"{kind}:{key}", kind, left, named))
        return sorted(found, key=lambda each: each[0])

    @staticmethod
    def _pay(owed: dict[str, int], amount: int) -> int:
        for part in PARTS:
            taken = min(owed[part], amount)
            owed[part] -= taken
            amount -= taken
        return amount


class Books(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        portfolio = make_portfolio()
        self.loan = make_loan(make_borrower(portfolio), due_on=START + timedelta(days=DUE), **OPENING)
        self.model = Model()
        self.day = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def book(self, kind, day=None, reference=None, **more) -> str:
        """The reference, or the code of a refusal."""
        reference = reference or f"{next(_numbers):06}"
        value_date = None if day is None else START + timedelta(days=day)
        posting = Posting(loan_id=self.loan.pk, kind=kind, reference=reference, value_date=value_date, **more)
        self.day = 45 if day is None else day
        try:
            post([posting], by=SYSTEM, at=NOW)
            post([posting], by=SYSTEM, at=NOW)  # said twice, booked once
        except LedgerRefused as refused:
            return refused.code
        return reference

    def standing_payments(self) -> list[str]:
        model = self.model
        return [
            key
            for key, (_on, kind, *_more) in model.credits.items()
            if kind == "repayment" and key not in model.reversed and key not in model.charged_back
        ]

    @rule(day=days, amount=cents)
    def pay(self, day, amount):
        key = self.book(EntryKind.REPAYMENT, day, amount=amount)
        self.model.credits[key] = (day, "repayment", amount, {})

    @rule(day=days, amount=cents, part=st.sampled_from(["fees", "interest"]))
    def charge(self, day, amount, part):
        kind = EntryKind.FEE if part == "fees" else EntryKind.INTEREST
        self.book(kind, day, amounts={part: amount})
        self.model.charges.append((day, part, amount))

    @rule(day=days, amount=cents)
    def forgive(self, day, amount):
        key = self.book(EntryKind.WAIVER, day, amount=amount)
        self.model.credits[key] = (day, "waiver", amount, {})

    @rule(day=days, amount=cents, part=st.sampled_from(PARTS))
    def forgive_a_part(self, day, amount, part):
        possible = amount <= self.model.on(day)[part]
        key = self.book(EntryKind.WAIVER, day, amounts={part: amount})
        assert (key == "not_owed") is not possible
        if possible:
            self.model.credits[key] = (day, "waiver", amount, {part: amount})

    @rule(data=st.data())
    def reverse(self, data):
        if payments := self.standing_payments():
            key = data.draw(st.sampled_from(payments))
            try:
                post(
                    [Posting(loan_id=self.loan.pk, kind=EntryKind.REVERSAL, reference=key)], by=SYSTEM, at=NOW
                )
            finally:
                self.day = 45
            self.model.reversed.add(key)

    @rule(data=st.data(), after=st.integers(0, 20), whole=st.booleans())
    def charge_back(self, data, after, whole):
        if payments := self.standing_payments():
            key = data.draw(st.sampled_from(payments))
            paid_on, _kind, amount, _named = self.model.credits[key]
            back = amount if whole else data.draw(st.integers(1, amount))
            assert self.book(EntryKind.CHARGEBACK, paid_on + after, key, amount=back) == key
            self.model.charged_back[key] = (paid_on + after, back)

    @rule(day=days, amount=cents)
    def credit_comes(self, day, amount):
        key = self.book(EntryKind.TRANSFER, day, amount=amount)
        self.model.credits[key] = (day, "transfer", amount, {})

    @rule(day=days, data=st.data())
    def credit_leaves(self, day, data):
        """What left is owed again where a booking of before takes the credit away from under it."""
        if credit := self.model.on(day)["credit"]:
            amount = data.draw(st.integers(1, credit))
            self.book(EntryKind.TRANSFER, day, amounts={"principal": amount})
            self.model.charges.append((day, "principal", amount))

    @rule(day=days)
    def write_off(self, day):
        owed = self.model.on(day)
        possible = self.model.written_off is None and any(owed[part] for part in PARTS)
        answer = self.book(EntryKind.WRITE_OFF, day, "off")
        if self.model.written_off is None:
            assert (answer == "off") is possible
            if possible:
                self.model.written_off = day
        else:
            assert answer in ("off", "written_off")

    @invariant()
    def the_books_are_the_model(self):
        for day in (self.day - 1, self.day, DUE + 1, 41, 70):
            on = START + timedelta(days=day)
            standing = standing_of([self.loan.pk], on)[self.loan.pk]
            expected = self.model.on(day)
            assert {part: getattr(standing, part) for part in (*PARTS, "credit")} == {
                part: expected[part] for part in (*PARTS, "credit")
            }
            assert min(expected.values()) >= 0
            sums = LedgerEntry.objects.filter(loan=self.loan, value_date__lte=on)
            assert standing.outstanding == sums.aggregate(all=Sum("amount"))["all"]
            given_up = sums.filter(kind=EntryKind.WRITE_OFF).aggregate(all=Sum("amount"))["all"] or 0
            assert -given_up == expected["written_off"]
            dues = [(START + timedelta(days=due), amount) for due, amount in self.model.dues()]
            pure = age(dues, self.model.covered(day), on)
            assert (standing.days_past_due, standing.arrears) == (pure.days_past_due, pure.arrears)


@pytest.mark.usefixtures("db")
def test_any_sequence_of_bookings_is_what_the_facts_say():
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
