"""Two people at one case at the same moment: what comes of it is what would have come of one after the other.

Forty random pairs; `FORBEAR_RACES=200` for the longer run.
"""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction

from accounts.actions.payments import PaymentRefused
from accounts.models import LedgerEntry, User
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions import work
from cases.actions.agreements import AgreementRefused, agree_plan, record_promise
from cases.actions.ending import end_case
from cases.actions.holds import end_case_hold
from cases.actions.payments import record_payment
from cases.actions.transition import MoveRefused, move
from cases.models import Case, PlanState, PromiseState, Transition
from compliance.actions.holds import HoldRefused, open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio
from tests.locks import WAITING

PAIRS = int(os.environ.get("FORBEAR_RACES", "40"))
LATER = NOW + timedelta(hours=1)
REFUSALS = (AgreementRefused, HoldRefused, MoveRefused, PaymentRefused, work.LeaseHeld, work.LeaseLost)

Deed = Callable[[Case, User], object]


def promise(amount: int) -> Deed:
    return lambda case, user: record_promise(
        case=case,
        amount=amount,
        due_on=TODAY + timedelta(days=5),
        channel="call",
        by=Actor.staff(user),
        at=LATER,
    )


def plan(case: Case, user: User) -> object:
    return agree_plan(
        case=case, count=3, first_due_on=TODAY + timedelta(days=7), every=Every(months=1), channel="call",
        by=Actor.staff(user), at=LATER,
    )  # fmt: skip


def pay(amount: int) -> Deed:
    return lambda case, user: record_payment(
        case=case,
        amount=amount,
        value_date=TODAY,
        reference=f"P-{case.pk}-{amount}",
        by=Actor.staff(user),
        at=LATER,
    )


def end(ending: str) -> Deed:
    return lambda case, user: end_case(case=case, ending=ending, by=Actor.staff(user), at=LATER)


def recall(case: Case, user: User) -> object:
    return move(case=case, to="recalled", by=Actor.staff(user), at=LATER, reason="lender_asked")


def hold(case: Case, user: User) -> object:
    return open_hold(borrower=case.borrower, kind="dispute", by=Actor.staff(user), at=LATER, case=case.pk)


def end_hold(case: Case, user: User) -> object:
    held = case.borrower.holds.get(kind="hardship")
    return end_case_hold(case=case, hold=held, reason="answered", by=Actor.staff(user), at=LATER)


DEEDS: dict[str, Deed] = {
    "promise 30": promise(30_00),
    "promise 40": promise(40_00),
    "plan": plan,
    "pay a part": pay(25_00),
    "pay all": pay(100_00),
    "settle": end("settled"),
    "recall": recall,
    "hold": hold,
    "end hold": end_hold,
    "take": lambda case, user: work.take(case=case, user=user, at=LATER),
    "pass": lambda case, user: work.hand_over(case=case, to=None, user=user, at=LATER),
}


@dataclass(frozen=True)
class Came:
    """What came of two deeds, told the same way for every case: what each was answered, and how the case stands."""

    answers: tuple[str, str]
    state: str
    moves: tuple[str, ...]
    promises: tuple[tuple[int, str], ...]
    plans: tuple[str, ...]
    holds: tuple[tuple[str, bool], ...]
    holder: str
    outstanding: int


def answer(deed: str, case: Case, user: User) -> str:
    try:
        DEEDS[deed](case, user)
    except REFUSALS as refused:
        sentence, code = str(refused), getattr(refused, "code", type(refused).__name__)
    else:
        return "done"
    assert sentence.endswith("."), sentence  # a sentence for a person
    return code


def look(case: Case, answers: tuple[str, str]) -> Came:
    case = fresh(case)
    holder = case.lease.holder
    return Came(
        answers=answers,
        state=case.state,
        moves=tuple(Transition.objects.filter(case=case).order_by("seq").values_list("target", flat=True)),
        promises=tuple(sorted(case.promises.values_list("amount", "state"))),
        plans=tuple(sorted(case.plans.values_list("state", flat=True))),
        holds=tuple(sorted((each.kind, each.ended_at is None) for each in case.borrower.holds.all())),
        holder=holder.username if holder else "",
        outstanding=standing_of([case.loan_id], TODAY)[case.loan_id].outstanding,
    )


def check(case: Case) -> None:
    """What holds of every case, whoever was there first."""
    case = fresh(case)
    moves = list(Transition.objects.filter(case=case).order_by("seq").values_list("source", "target"))
    assert case.state_seq == len(moves)
    assert case.state == (moves[-1][1] if moves else "overdue")
    assert all(moves[number][1] == moves[number + 1][0] for number in range(len(moves) - 1))
    open_promises = list(case.promises.filter(state=PromiseState.OPEN))
    running = list(case.plans.filter(state=PlanState.ACTIVE))
    assert len(open_promises) <= case.is_open
    assert len(running) <= case.is_open
    # A promise may be made beside a plan that runs (what is late of it); one that was open gives way to the plan.
    assert all(promise.pk > plan.pk for promise in open_promises for plan in running)
    assert (case.state == "installment_plan") == bool(running)
    if not case.is_open:
        assert not case.work_items.filter(done_at=None).exists()
        assert case.lease.holder is None
    entries = LedgerEntry.objects.filter(loan=case.loan_id)
    assert (
        sum(each.amount for each in entries) == standing_of([case.loan_id], TODAY)[case.loan_id].outstanding
    )


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_come_to_what_one_after_the_other_would():
    # A quarter paid is enough to be let off the rest.
    supervisor = {"promise_days": 60, "plan_instalments": 24, "settlement_percent": 75}
    portfolio = make_portfolio(
        "river", terms={"settlement_after_days": 1, "authority": {"supervisor": supervisor}}
    )
    people = make_people(portfolio)
    pick = random.Random(4)
    pairs: list[tuple[str, str]] = []
    for _number in range(PAIRS):
        first, second = sorted(pick.choices(list(DEEDS), k=2))
        pairs.append((first, second))

    def begin(pair: tuple[str, str]) -> Case:
        case = make_case(portfolio, principal=100_00)
        if "plan" in pair:
            call(case, people.alice, "cannot_pay")
        if "end hold" in pair:
            open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=NOW + timedelta(minutes=5))
        return fresh(case)

    # Bob may do everything; the second of the two is somebody else with the same role.
    bob, other = people.bob, _another(people.bob)
    serial: dict[tuple[str, str], set[Came]] = {}
    for pair in sorted(set(pairs)):
        serial[pair] = set()
        for order in ((0, 1), (1, 0)):
            with transaction.atomic():
                case, answers = begin(pair), ["", ""]
                for place in order:
                    # Both had looked at the case before either did anything.
                    answers[place] = answer(pair[place], case, (bob, other)[place])
                serial[pair].add(look(case, (answers[0], answers[1])))
                transaction.set_rollback(True)

    barrier = Barrier(2)

    def click(deed: str, case: Case, user: User) -> str:
        barrier.wait(timeout=30)
        return answer(deed, case, user)

    with ThreadPoolExecutor(2) as pool:
        try:
            for number, pair in enumerate(pairs):
                case = begin(pair)
                seen = Case.objects.select_related("borrower__key", "loan", "portfolio").get(pk=case.pk)
                one = pool.submit(click, pair[0], case, bob)
                two = pool.submit(click, pair[1], seen, other)
                came = look(case, (one.result(timeout=30), two.result(timeout=30)))
                assert came in serial[pair], (number, pair, came, serial[pair])
                check(case)
        finally:
            for _thread in range(2):
                pool.submit(lambda: (barrier.wait(timeout=5), connection.close()))


@pytest.mark.django_db(transaction=True)
def test_whoever_waited_for_a_lease_hears_who_has_it_now(owner_connection):
    portfolio = make_portfolio("river")
    bob = make_people(portfolio).bob
    bela, case = _another(bob), make_case(portfolio)

    def bob_does(deed: str) -> str:
        try:
            return answer(deed, case, bob)
        finally:
            connection.close()

    for deed in ("take", "pass"):
        with ThreadPoolExecutor(1) as pool:
            with owner_connection.transaction():
                owner_connection.execute(
                    "UPDATE cases_lease SET holder_id = %s, until = %s WHERE case_id = %s",
                    [bela.pk, LATER + work.LEASE, case.pk],
                )
                done = pool.submit(bob_does, deed)
                while not owner_connection.execute(WAITING).fetchone()[0]:
                    assert not done.done(), done.result()
            assert done.result(timeout=10) == "LeaseHeld"
        assert fresh(case).lease.holder == bela
        owner_connection.execute("UPDATE cases_lease SET holder_id = NULL, until = NULL")
    assert not AuditEvent.objects.filter(
        type__in=("case.leased", "case.released", "case.reassigned")
    ).exists()


def _another(user: User) -> User:
    from tests.factories import make_user

    return make_user("bela", role=user.role, team=user.team)
