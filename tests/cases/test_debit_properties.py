"""Whatever happens in whatever order, no debit without its decision, never a third try, never more than was allowed."""

from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.actions.mandates import end_mandate
from accounts.debiting import DebitFacts, decide_debit
from accounts.models import Debit, DebitNotice, DebitOutcome, DebitState, Mandate
from cases.actions import debits
from cases.actions.debits import DebitRefused
from cases.models import Case
from compliance.actions.holds import finish_hold, open_hold
from compliance.models import Hold, HoldKind
from tests.cases.debit_stories import DAY, MINUTE, announce, mandate_for
from tests.cases.stories import fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_portfolio

pytestmark = pytest.mark.django_db
STEPS = (
    "announce",
    "decide",
    "place",
    "force",
    "paid",
    "failed",
    "uncertain",
    "revoke",
    "give",
    "hold",
    "let_go",
    "wait",
)


def block() -> transaction.Atomic:
    """A savepoint in which sending may begin its own durable transaction, as in the test's own."""
    made = transaction.atomic()
    made._from_testcase = True
    return made


class Story:
    """One borrower's weeks. Every step is tried whether or not it may be; what is refused changes nothing."""

    def __init__(self) -> None:
        self.case = make_case(make_portfolio(), principal=100_000_00)
        self.at = NOW
        self.decision = None
        self.numbers = count()
        self.held: dict = {}  # debit → whether a hold was on when it was made
        self.ended: dict = {}  # the same of its mandate's end
        self.give()

    def do(self, step: str) -> None:
        self.at += MINUTE
        try:
            with block():
                getattr(self, step)()
        except (DebitRefused, DatabaseError):
            pass
        for debit in Debit.objects.exclude(pk__in=self.held):
            self.held[debit.pk] = self.is_held
            self.ended[debit.pk] = Mandate.objects.get(pk=debit.mandate_id).ended_at is not None

    @property
    def is_held(self) -> bool:
        return Hold.objects.filter(ended_at=None).exists()

    def give(self) -> None:
        mandate_for(
            self.case, proof=f"call-{next(self.numbers)}", at=self.at, most_per_debit=40_00, most_per_month=100_00,
            from_on=TODAY,
        )  # fmt: skip

    def announce(self) -> None:
        mandate = Mandate.objects.latest("given_at")
        announce(fresh(self.case), mandate, amount=40_00, at=self.at, certain=False)

    def wait(self) -> None:
        self.at += 3 * DAY
        # By day, whatever the clocks do.
        self.at = self.at.replace(hour=17)

    def _newest(self) -> DebitNotice:
        found = DebitNotice.objects.order_by("-pk").first()
        if found is None:
            raise DebitRefused("nothing", "Nothing is announced.")
        return found

    def decide(self) -> None:
        self.decision = debits.decide(notice=self._newest(), balance=1_000_00, at=self.at)

    def place(self) -> None:
        if self.decision:
            debits.place(decision=self.decision, at=self.at)

    def force(self) -> None:
        """Past every action, straight into the table, by the newest decision or by none."""
        notice = self._newest()
        decision = self.decision.pk if self.decision else uuid4()
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO accounts_debit (id, decision_id, notice_id, mandate_id, borrower_id, loan_id, amount, "on", at,'
                " actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'me')",
                [
                    uuid4(), decision, notice.pk, notice.mandate_id, self.case.borrower_id, self.case.loan_id, 40_00,
                    self.at.date(), self.at,
                ],
            )  # fmt: skip

    def _open(self) -> tuple[Debit, Case]:
        debit = Debit.objects.unanswered().first()
        if debit is None:
            raise DebitRefused("nothing", "Nothing is under way.")
        case, debit = debits._case_of(debit.pk)
        return debit, case

    def paid(self) -> None:
        debits._paid(*self._open(), f"W-{next(self.numbers)}", by=SYSTEM, at=self.at)

    def failed(self) -> None:
        debits._answered(*self._open(), DebitState.FAILED, "no_funds", "", by=SYSTEM, at=self.at)

    def uncertain(self) -> None:
        debits._answered(*self._open(), DebitState.UNCERTAIN, "timeout", "", by=SYSTEM, at=self.at)

    def revoke(self) -> None:
        end_mandate(mandate=Mandate.objects.latest("given_at"), reason="revoked", by=SYSTEM, at=self.at)

    def hold(self) -> None:
        open_hold(borrower=self.case.borrower, kind=HoldKind.HARDSHIP, by=SYSTEM, at=self.at)

    def let_go(self) -> None:
        for hold in Hold.objects.filter(ended_at=None):
            finish_hold(hold=hold, by=SYSTEM, at=self.at, reason="over")


def check(story: Story) -> None:
    made = list(Debit.objects.select_related("decision", "notice").order_by("recorded_at"))
    assert len({debit.decision_id for debit in made}) == len({debit.notice_id for debit in made}) == len(made)
    assert all(debit.decision.allowed and debit.decision.against == [] for debit in made)
    assert not any(story.held.values())
    assert not any(story.ended.values())
    for mandate in Mandate.objects.all():
        of_mandate = [debit for debit in made if debit.mandate_id == mandate.pk]
        outcomes = [debit.outcomes.certain().first() for debit in of_mandate]
        states = [outcome.state if outcome else "" for outcome in outcomes]
        assert all(states[:-1])  # the next comes after the last is certain
        run = 0
        for number, state in enumerate(states):
            run = run + 1 if state == "failed" else 0
            assert run <= 2
            if run == 2:
                assert number == len(states) - 1
                assert mandate.ended_at is not None
        by_month: dict = {}
        for debit, state in zip(of_mandate, states, strict=True):
            by_month[debit.on.replace(day=1)] = by_month.get(debit.on.replace(day=1), 0) + (
                debit.amount if state != "failed" else 0
            )
        assert all(drawn <= 100_00 for drawn in by_month.values())
    assert DebitOutcome.objects.filter(state="paid").count() == story.case.loan.payments.count()


TRY = ["announce", "wait", "decide", "place"]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(STEPS) | st.just("try"), min_size=4, max_size=14))
@example(["try", "failed", "try", "failed", "try", "announce", "wait", "decide", "force"])
@example(["try", "uncertain", "try", "force", "failed", "try"])
@example(["try", "paid", "try", "paid", "try", "paid", "try"])
@example(["announce", "wait", "decide", "revoke", "place", "force"])
@example(["announce", "wait", "decide", "hold", "force", "let_go", "force", "force"])
def test_no_sequence_leads_to_a_debit_without_a_decision_or_to_a_third_try(steps):
    with block():
        story = Story()
        for step in steps:
            for each in TRY if step == "try" else [step]:
                story.do(each)
            check(story)
        transaction.set_rollback(True)


def test_the_sequences_do_reach_debits():
    story = Story()
    for each in (*TRY, "failed", *TRY, "paid", *TRY, "failed", *TRY, "failed", *TRY):
        story.do(each)
    assert list(DebitOutcome.objects.order_by("pk").values_list("state", flat=True)) == [
        "failed", "paid", "failed", "failed",
    ]  # fmt: skip
    assert Mandate.objects.get().end_reason == "failures"


# The pure decision

days = st.integers(-10, 10).map(lambda number: TODAY + timedelta(days=number))
money = st.integers(0, 200)
facts = st.builds(
    DebitFacts,
    mandate=st.just("M"), notice=st.just("N"), loan=st.just("L"), amount=money, on=st.just(TODAY),
    ended=st.sampled_from(["", "revoked"]), from_on=days, to_on=st.none() | days, most_per_debit=money,
    most_per_month=money, drawn_this_month=money, announced_amount=money, collect_on=days,
    notice_sent_on=st.none() | days, notice_withdrawn=st.booleans(), notice_days=st.integers(1, 5), due=money,
    floor=st.none() | money, balance=st.none() | money, holds=st.sampled_from([(), ("dispute",)]),
    failures=st.integers(0, 3), failures_end=st.integers(1, 2), open_debits=st.integers(0, 1),
    payments_known=st.booleans(), portfolio_open=st.booleans(), case_open=st.booleans(),
)  # fmt: skip


@given(facts)
def test_facts_come_back_from_their_text_and_give_the_same_answer(told):
    assert DebitFacts.from_json(told.as_json()) == told
    assert decide_debit(DebitFacts.from_json(told.as_json())) == decide_debit(told)


@given(facts, st.data())
def test_nothing_that_stands_against_a_debit_ever_opens_it(told, data):
    """A smaller amount never hurts where it is allowed at all; a hold, a failure, an open debit never help."""
    from dataclasses import replace

    worse = data.draw(
        st.sampled_from(
            [
                {"holds": ("hardship",)}, {"failures": told.failures + 1}, {"open_debits": told.open_debits + 1},
                {"balance": None}, {"notice_sent_on": None}, {"ended": "revoked"}, {"due": told.due - 1},
            ]
        )
    )  # fmt: skip
    before, after = decide_debit(told), decide_debit(replace(told, **worse))
    assert set(before.reasons) <= set(after.reasons)
    if before.allowed and told.amount > 1:
        assert decide_debit(replace(told, amount=told.amount - 1)).allowed
