"""Agreements and money at the same moment, on two connections: one comes first, the other hears what is so then, and nothing
is left half done."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from accounts.actions.payments import receive
from accounts.models import EntryKind, LedgerEntry
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions.agreements import AgreementRefused, agree_plan, record_promises
from cases.actions.answering import answer_approval
from cases.actions.approvals import ApprovalRefused
from cases.actions.deciding import came_in
from cases.actions.ending import end_case
from cases.actions.holds import end_case_hold
from cases.actions.offers import OfferTerms, propose_offer
from cases.actions.payments import after_payments, record_payment
from cases.actions.transition import MoveRefused
from cases.models import Approval, Case, Offer, Plan, PlanInstalment, Promise
from compliance.actions.holds import HoldRefused, open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent, Hold
from tests.cases.stories import DAY, call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(minutes=5)
REFUSALS = (AgreementRefused, ApprovalRefused, HoldRefused, MoveRefused)


def closing(deed):
    """What it came to: its result, or the sentence that it was refused with."""
    try:
        return deed()
    except REFUSALS as refused:
        return str(refused)
    finally:
        connection.close()


def at_once(*deeds):
    together = Barrier(len(deeds))

    def run(deed):
        together.wait(timeout=30)
        return closing(deed)

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def while_it_waits(first, second):
    """`first` has written and not committed when `second` comes; `second` waits, and is answered by what is then so."""
    written, go = Event(), Event()

    def hold_open():
        with transaction.atomic():
            done = first()
            written.set()
            assert go.wait(20)
            return done

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(closing, hold_open)
        assert written.wait(20)
        two = pool.submit(closing, second)
        with pytest.raises(TimeoutError):
            two.result(timeout=0.3)
        go.set()
        return one.result(timeout=20), two.result(timeout=20)


@pytest.fixture
def people():
    return make_people(make_portfolio("river"))


@pytest.fixture
def case(people) -> Case:
    case = make_case(people.alice.team.portfolios.get(), principal=90_00, due_on=days_ago(70))
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def plan(case, user, **more):
    terms = {"count": 3, "first_due_on": TODAY + 7 * DAY, "every": Every(months=1)} | more
    return lambda: agree_plan(case=case, channel="call", by=Actor.staff(user), at=LATER, **terms)


def pay(case, amount, at=LATER):
    return lambda: record_payment(
        case=case, amount=amount, value_date=TODAY, reference=f"P-{amount}", by=SYSTEM, at=at
    )


def owed(case) -> int:
    return standing_of([case.loan_id], TODAY)[case.loan_id].outstanding


def total(plan) -> int:
    return sum(PlanInstalment.objects.filter(plan=plan).values_list("amount", flat=True))


def test_two_series_of_promises_leave_one_open(case, people):
    def promise(user, amount):
        parts = [(TODAY + 5 * DAY, amount), (TODAY + 9 * DAY, amount)]
        return lambda: record_promises(case=case, parts=parts, channel="call", by=Actor.staff(user), at=LATER)

    made = at_once(promise(people.alice, 10_00), promise(people.bob, 20_00))
    assert all(isinstance(each, list) for each in made)
    open_now = Promise.objects.filter(case=case, state="open")
    assert len({each.series for each in open_now}) == 1
    assert open_now.count() == Promise.objects.filter(case=case, state="cancelled").count() == 2


def test_two_plans_leave_one_that_names_the_other(case, people):
    at_once(plan(case, people.alice), plan(case, people.bob, count=2))
    running = Plan.objects.get(case=case, state="active")
    assert running.replaces == Plan.objects.get(case=case, state="cancelled")
    assert total(running) == total(running.replaces) == 90_00
    assert [each.target for each in case.transitions.order_by("seq")] == ["negotiating", "installment_plan"]


def test_the_same_plan_clicked_twice_is_one(case, people):
    one, two = at_once(plan(case, people.alice), plan(case, people.alice))
    assert one == two == Plan.objects.get()
    assert AuditEvent.objects.filter(type="plan.agreed").count() == 1


def test_a_plan_is_over_what_the_payment_that_came_first_has_left(case, people):
    _paid, made = while_it_waits(pay(case, 30_00), plan(case, people.alice))
    assert (made.total, total(made), owed(case)) == (60_00, 60_00, 60_00)


def test_a_payment_waits_for_the_plan_and_counts_towards_it(case, people):
    made, _paid = while_it_waits(plan(case, people.alice), pay(case, 90_00, at=LATER + timedelta(seconds=1)))
    made.refresh_from_db()
    assert (made.total, made.state, fresh(case).state) == (90_00, "completed", "cured")


def test_a_payment_told_of_an_earlier_moment_counts_where_it_was_booked_after_the_plan(case, people):
    made, _paid = while_it_waits(plan(case, people.alice), pay(case, 90_00, at=NOW + timedelta(minutes=2)))
    made.refresh_from_db()
    assert (made.total, made.state, fresh(case).state) == (90_00, "completed", "cured")


def test_a_payment_told_of_a_later_moment_counts_for_nothing_where_it_was_booked_before(case, people):
    _paid, made = while_it_waits(pay(case, 30_00, at=LATER + DAY), plan(case, people.alice))
    after_payments(loan_ids=[case.loan_id], at=LATER + DAY)
    assert (made.total, came_in(case_ids=[case.pk], on=TODAY + DAY)[made.pk].paid) == (60_00, 0)


def test_a_file_of_payments_and_a_promise_wait_for_each_other_by_the_loan(case, people):
    """A file locks no case."""

    def from_file():
        return receive(
            portfolio=case.portfolio, loan=case.loan, reference="F", amount=20_00, value_date=TODAY, by=SYSTEM,
            at=NOW,
        )  # fmt: skip

    def promise():
        parts = [(TODAY + 5 * DAY, 20_00)]
        return record_promises(case=case, parts=parts, channel="call", by=Actor.staff(people.alice), at=LATER)

    [made], _paid = while_it_waits(promise, from_file)
    after_payments(loan_ids=[case.loan_id], at=LATER)
    made.refresh_from_db()
    assert made.state == "kept"


def test_nothing_is_agreed_on_a_case_that_a_payment_has_just_closed(case, people):
    _paid, said = while_it_waits(pay(case, 90_00), plan(case, people.alice))
    assert said == "This case is closed; nothing is agreed on it any more."
    assert (Plan.objects.count(), fresh(case).state) == (0, "cured")


def test_an_extension_and_a_plan_at_once_both_hold_or_the_case_is_closed(case, people):
    later = OfferTerms(kind="extension", days=14)

    def extend(user):
        return lambda: propose_offer(case=case, terms=later, agreed=True, note="", user=user, at=LATER)

    one, two = at_once(extend(people.alice), extend(people.bob))
    assert [each.state for each in (one, two) if isinstance(each, Offer)] == ["done", "done"]
    said = closing(extend(people.alice))
    assert said == "This loan has been given a later day as often as it may."
    assert standing_of([case.loan_id], TODAY)[case.loan_id].days_past_due == 70 - 28


def settle(case, user, amount):
    terms = OfferTerms(kind="settlement", amount=amount, pay_by=TODAY + 9 * DAY)
    return lambda: propose_offer(case=case, terms=terms, agreed=True, note="", user=user, at=NOW)


def test_two_settlements_leave_the_first(case, people):
    bela = make_user("bela", role="supervisor", team=people.bob.team)
    made = at_once(settle(case, people.bob, 80_00), settle(case, bela, 70_00))
    assert [each for each in made if isinstance(each, str)] == [
        "A settlement is agreed already and waits for its payment."
    ]
    assert Offer.objects.get().state == "agreed"


def test_two_payments_that_complete_a_settlement_forgive_the_rest_once(case, people):
    settle(case, people.bob, 70_00)()
    at_once(pay(case, 30_00), pay(case, 40_00))
    assert (Offer.objects.get().state, fresh(case).state, owed(case)) == ("done", "settled", 0)
    waived = LedgerEntry.objects.filter(kind=EntryKind.WAIVER).values_list("amount", flat=True)
    assert list(waived) == [-20_00]


def test_a_settlement_that_completes_leaves_nothing_to_end_by_hand(case, people):
    settle(case, people.bob, 80_00)()
    end = lambda: end_case(case=case, ending="not_worth_it", by=Actor.staff(people.bob), at=LATER)  # noqa: E731
    _paid, said = while_it_waits(pay(case, 80_00), end)
    assert said == "The case was moved meanwhile; it is now “settled”. Nothing was changed."
    assert not LedgerEntry.objects.filter(kind=EntryKind.WRITE_OFF).exists()


def test_one_proposal_is_answered_once(case, people):
    """Two supervisors at once: one carries it out, the other reads that it was answered."""
    propose_offer(
        case=case, terms=OfferTerms(kind="extension", days=20), agreed=True, note="Pay day.", user=people.alice,
        at=NOW,
    )  # fmt: skip
    approval = Approval.objects.get()
    bela = make_user("bela", role="supervisor", team=people.bob.team)
    said = at_once(
        *(
            lambda user=user: answer_approval(approval=approval, approve=True, person=user, at=LATER)
            for user in (people.bob, bela)
        )
    )
    assert [each for each in said if isinstance(each, str)] == [
        "This was answered meanwhile, or waited too long; it can be asked again."
    ]
    assert Offer.objects.get().state == "done"


def test_a_hold_is_ended_once(case, people):
    hold = open_hold(borrower=case.borrower, kind="dispute", by=SYSTEM, at=NOW)
    bela = make_user("bela", role="supervisor", team=people.bob.team)
    said = at_once(
        *(
            lambda user=user: end_case_hold(
                case=case, hold=hold, reason="answered", by=Actor.staff(user), at=LATER
            )
            for user in (people.bob, bela)
        )
    )
    assert [each for each in said if isinstance(each, str)] == ["This hold has ended."]
    assert AuditEvent.objects.filter(type="hold.ended").count() == 1
    assert Hold.objects.get().ended_at == LATER
