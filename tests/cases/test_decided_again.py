"""Money that was taken back, or came later than it counts from: what was kept, paid or settled by it is decided again, and
in the end everything stands as if all had come in its order."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions.ledger import Posting, post, post_charge
from accounts.models import EntryKind, LedgerEntry
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.day import run_day
from cases.actions.deciding import decide
from cases.actions.offer_ends import lapse_offers
from cases.actions.offers import OfferTerms, make_offer
from cases.actions.payments import after_payments, record_payment, reverse_payment
from cases.models import CaseState, OfferState, PlanState, PromiseState
from tests.cases.stories import DAY, call, events, fresh, make_case, steps
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def people():
    return make_people(make_portfolio("meadow"))


@pytest.fixture
def case(people):
    """100.00, seventy days late, of somebody who was spoken with."""
    return make(people, principal=100_00, due_on=days_ago(70))


def make(people, **terms):
    case = make_case(people.alice.team.portfolios.get(), **terms)
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def plan_of(case, count=2, total=None, at=NOW + 5 * MINUTE):
    """Two instalments of 50.00, on days 7 and 14."""
    return agree_plan(
        case=case,
        count=count,
        first_due_on=TODAY + 7 * DAY,
        every=Every(days=7),
        channel="call",
        by=SYSTEM,
        at=at,
    )


def settlement_of(case, amount=70_00, days=20):
    terms = OfferTerms(kind="settlement", amount=amount, pay_by=TODAY + days * DAY)
    return make_offer(case=case, terms=terms, agreed=True, by=SYSTEM, at=NOW + 5 * MINUTE, approved=True)


def pay(case, amount, day, *, known=None, reference=None):
    """Counted from `day`, booked on the day it is known."""
    return record_payment(
        case=case, amount=amount, value_date=TODAY + day * DAY, reference=reference or f"{case.pk}-{day}-{amount}",
        by=SYSTEM, at=NOW + (day if known is None else known) * DAY + 10 * MINUTE,
    )  # fmt: skip


def take_back(payment, day):
    payment.refresh_from_db()
    reverse_payment(payment=payment, reason="bounced", by=SYSTEM, at=NOW + day * DAY + 20 * MINUTE)


def charge_back(case, payment, day, amount=0):
    """As an action that takes it out from its own day does."""
    at = NOW + day * DAY + 20 * MINUTE
    posting = Posting(
        loan_id=case.loan_id, kind=EntryKind.CHARGEBACK, reference=payment.reference, value_date=TODAY + day * DAY,
        amount=amount,
    )  # fmt: skip
    post([posting], by=SYSTEM, at=at)
    after_payments(loan_ids=[case.loan_id], at=at)


def decide_on(case, day):
    decide(portfolio=case.portfolio, on=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY)


def stands(case, day):
    return standing_of([case.loan_id], TODAY + day * DAY)[case.loan_id]


def again(row):
    row.refresh_from_db()
    return row.state


# Plans


def test_a_paid_plan_runs_again_when_its_payment_is_taken_back_in_time(case):
    plan = plan_of(case)
    pay(case, 40_00, 1)
    last = pay(case, 60_00, 3)
    assert (again(plan), fresh(case).state) == (PlanState.COMPLETED, CaseState.CURED)
    take_back(last, 5)
    assert (again(plan), plan.ended_at, fresh(case).state) == (
        PlanState.ACTIVE,
        None,
        CaseState.INSTALLMENT_PLAN,
    )
    assert [name for name in events(case) if name.startswith("plan.")] == [
        "plan.agreed",
        "plan.completed",
        "plan.reopened",
    ]
    assert [reason for _kind, _due, reason in steps(case)] == ["payment_reversed"]
    pay(case, 60_00, 8)
    assert (again(plan), fresh(case).state) == (PlanState.COMPLETED, CaseState.CURED)


def test_a_paid_plan_whose_days_are_past_is_broken_when_its_payment_is_taken_back(case):
    plan = plan_of(case)
    payment = pay(case, 100_00, 3)
    take_back(payment, 30)
    assert (again(plan), fresh(case).state) == (PlanState.BROKEN, CaseState.NEGOTIATING)


@pytest.mark.parametrize(("day", "state"), [(20, PlanState.ACTIVE), (3, PlanState.BROKEN)])
def test_a_chargeback_counts_from_its_own_day(case, day, state):
    """On day 20 one instalment is open, which breaks nothing; from day 3 on both had been missed by then."""
    plan = plan_of(case)
    payment = pay(case, 100_00, 2)
    charge_back(case, payment, day, amount=50_00 if day == 20 else 0)
    decide_on(case, 20)
    assert again(plan) == state


def test_a_plan_given_up_with_its_case_runs_again_with_it(people):
    case = make(people, principal=100_00, instalments=[(days_ago(9), 50_00), (TODAY + 20 * DAY, 50_00)])
    plan = plan_of(case)
    payment = pay(case, 50_00, 1)  # nothing is late any more
    assert (again(plan), fresh(case).state) == (PlanState.CANCELLED, CaseState.CURED)
    take_back(payment, 2)
    assert (again(plan), fresh(case).state) == (PlanState.ACTIVE, CaseState.INSTALLMENT_PLAN)


def test_a_plan_broken_for_want_of_a_payment_that_had_come_runs_again(people):
    case = make(people, principal=200_00, due_on=days_ago(70))
    plan = plan_of(case, count=4)  # 50.00 on days 7, 14, 21 and 28
    run_day(date=TODAY + 16 * DAY, by=SYSTEM, at=NOW + 16 * DAY)
    assert (again(plan), fresh(case).state) == (PlanState.BROKEN, CaseState.NEGOTIATING)
    pay(case, 60_00, 13, known=17)
    assert (again(plan), fresh(case).state) == (PlanState.ACTIVE, CaseState.INSTALLMENT_PLAN)
    assert [reason for _kind, _due, reason in steps(case)] == ["cannot_pay"]


def test_a_plan_that_another_has_followed_never_runs_again(people):
    case = make(people, principal=200_00, due_on=days_ago(70))
    first = plan_of(case)
    payment = pay(case, 100_00, 1)
    second = plan_of(case, at=NOW + 2 * DAY)
    take_back(payment, 3)
    assert (again(first), again(second)) == (PlanState.CANCELLED, PlanState.ACTIVE)


# Promises


def test_a_promise_given_up_with_its_case_is_open_again_with_it(people):
    case = make(people, principal=100_00, instalments=[(days_ago(9), 50_00), (TODAY + 20 * DAY, 50_00)])
    promise = record_promise(
        case=case, amount=80_00, due_on=TODAY + 9 * DAY, channel="call", by=SYSTEM, at=NOW + 5 * MINUTE
    )
    payment = pay(case, 50_00, 1)
    assert (again(promise), fresh(case).state) == (PromiseState.CANCELLED, CaseState.CURED)
    take_back(payment, 2)
    assert (again(promise), promise.decided_at) == (PromiseState.OPEN, None)
    pay(case, 80_00, 3)
    assert again(promise) == PromiseState.KEPT


# Settlements


def test_a_settlement_is_undone_when_its_money_is_taken_back_and_done_when_it_comes_again(case):
    offer = settlement_of(case)
    payment = pay(case, 70_00, 3)
    assert (again(offer), fresh(case).state, stands(case, 3).outstanding) == (
        OfferState.DONE,
        CaseState.SETTLED,
        0,
    )
    take_back(payment, 5)
    assert (again(offer), offer.ended_at, fresh(case).state) == (
        OfferState.AGREED,
        None,
        CaseState.NEGOTIATING,
    )
    assert (stands(case, 5).outstanding, stands(case, 3).outstanding) == (100_00, 100_00)
    back = LedgerEntry.objects.get(kind=EntryKind.WAIVER_BACK)
    assert (back.amount, back.value_date, back.reference) == (
        30_00,
        TODAY + 3 * DAY,
        f"settlement:{offer.pk}",
    )
    assert "offer.undone" in events(case)
    pay(case, 70_00, 9)
    assert (again(offer), fresh(case).state, stands(case, 9).outstanding) == (
        OfferState.DONE,
        CaseState.SETTLED,
        0,
    )


def test_undone_after_its_last_day_it_has_lapsed(case):
    offer = settlement_of(case)
    payment = pay(case, 70_00, 3)
    take_back(payment, 22)
    assert (again(offer), fresh(case).state, stands(case, 22).outstanding) == (
        OfferState.LAPSED,
        CaseState.NEGOTIATING,
        100_00,
    )


def test_what_other_money_has_paid_stays_settled_and_nothing_is_owed(case):
    offer = settlement_of(case)
    first = pay(case, 90_00, 3)  # 10.00 forgiven
    pay(case, 70_00, 4)
    take_back(first, 5)
    assert (again(offer), fresh(case).state, stands(case, 5).outstanding) == (
        OfferState.DONE,
        CaseState.SETTLED,
        0,
    )


def test_a_settlement_paid_in_time_is_carried_out_although_it_had_lapsed(case):
    offer = settlement_of(case)
    lapse_offers(portfolio=case.portfolio, on=TODAY + 22 * DAY, by=SYSTEM, at=NOW + 22 * DAY)
    assert again(offer) == OfferState.LAPSED
    pay(case, 70_00, 19, known=23)
    assert (again(offer), fresh(case).state) == (OfferState.DONE, CaseState.SETTLED)


def test_a_payment_from_before_the_offer_that_is_taken_back_takes_nothing_from_it(case):
    before = pay(case, 10_00, 0)
    offer = settlement_of(case)
    take_back(before, 1)
    pay(case, 70_00, 2)
    assert again(offer) == OfferState.DONE


@pytest.mark.parametrize("state", ["agreed", "lapsed", "offered", "withdrawn"])
def test_the_database_undoes_no_settlement_that_is_paid(case, state):
    offer = settlement_of(case)
    pay(case, 70_00, 3)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE cases_offer SET state = %s, ended_at = CASE WHEN %s = 'agreed' THEN NULL ELSE ended_at END",
            [state, state],
        )
    assert again(offer) == OfferState.DONE


# The order is the database's


def test_nobody_else_says_what_came_before_what(case):
    promise = record_promise(
        case=case, amount=10_00, due_on=TODAY + 9 * DAY, channel="call", by=SYSTEM, at=NOW + 5 * MINUTE
    )
    last = LedgerEntry.objects.filter(loan=case.loan_id).order_by("number").last()
    assert promise.after_entry == last.number
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE cases_promise SET after_entry = 0")
    entry = LedgerEntry(
        number=1, borrower_id=case.borrower_id, loan_id=case.loan_id, kind=EntryKind.REPAYMENT, value_date=TODAY,
        booked_at=NOW, credit=-1, reference="forged",
    )  # fmt: skip
    entry.save(force_insert=True)
    assert LedgerEntry.objects.get(pk=entry.pk).number > last.number


# Any order


payments = st.lists(
    st.tuples(st.integers(1, 18), st.integers(0, 12), st.integers(1, 60), st.none() | st.integers(0, 12)),
    max_size=4,
)  # the day it counts from, how much later it is known, its amount, and how much later than that it is taken back
LAST = 45


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=payments, runs=st.sets(st.integers(1, LAST - 1)))
def test_whenever_it_is_known_the_same_becomes_of_what_was_agreed(facts, runs):
    with transaction.atomic():
        people = make_people(make_portfolio())
        promised = make(people, principal=900_00, due_on=days_ago(70))
        promise = record_promise(
            case=promised,
            amount=50_00,
            due_on=TODAY + 10 * DAY,
            channel="call",
            by=SYSTEM,
            at=NOW + 5 * MINUTE,
        )
        planned = make(people, principal=100_00, due_on=days_ago(70))
        plan = plan_of(planned)
        post_charge(
            loan=planned.loan, kind="fee", amount=900_00, value_date=TODAY, reference="fee", by=SYSTEM,
            at=NOW + 6 * MINUTE,
        )  # fmt: skip
        settled = make(people, principal=100_00, due_on=days_ago(70))
        offer = settlement_of(settled)
        for each in (promised, planned, settled):
            live(each, facts, runs)
        came = [(day, amount * 100) for day, _later, amount, back in facts if back is None]
        by_10, by_all = (sum(amount for day, amount in came if day <= last) for last in (11, LAST))
        assert again(promise) == ("kept" if by_10 >= 50_00 else "part_kept" if by_10 else "broken")
        assert again(plan) == plan_state(came)
        done = by_all >= 70_00
        assert (again(offer) == OfferState.DONE) == done
        assert fresh(settled).state == (CaseState.SETTLED if done else CaseState.NEGOTIATING)
        assert max(stands(settled, LAST).outstanding, 0) == (0 if done else 100_00 - by_all)
        transaction.set_rollback(True)


def plan_state(came):
    """Two are missed on the day after the second one's grace, where the first is not paid by then."""
    if sum(amount for _day, amount in came) >= 100_00:
        return "completed"
    return "broken" if sum(amount for day, amount in came if day <= 16) < 50_00 else "active"


def live(case, facts, runs):
    """Day by day: what becomes known, then the day's run where there was one; there is one on the last day."""
    known = {}
    for day in range(LAST + 1):
        for number, (value_day, later, amount, back) in enumerate(facts):
            if day == value_day + later:
                known[number] = pay(case, amount * 100, value_day, known=day, reference=f"{case.pk}-{number}")
            if back is not None and day == value_day + later + back:
                take_back(known[number], day)
        if day in runs or day == LAST:
            decide_on(case, day)
            lapse_offers(
                portfolio=case.portfolio, on=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY + 30 * MINUTE
            )
