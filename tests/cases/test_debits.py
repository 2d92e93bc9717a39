"""Debits: drawn only under a living mandate, after an announcement that really left, within what is due; never a third
try, and never again by itself where nobody knows. The database holds it against everybody.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.actions.borrowers import retire_contact_point
from accounts.actions.mandates import MandateRefused, end_mandate
from accounts.actions.payments import receive
from accounts.debiting import DebitFacts, decide_debit
from accounts.models import Debit, DebitDecision, DebitOutcome, EntryKind, Mandate, Payment, Role
from accounts.pulls import Answer, LeftUnknown, everything_by
from accounts.pulls.recording import Recording
from accounts.standing import standing_of
from cases.actions import debits
from cases.actions.agreements import record_promise
from cases.actions.debits import DebitRefused
from cases.actions.payments import record_payment
from cases.models import CaseMessage, CaseState, DebitMessage
from communications.actions.messages import send
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.audit.canonical import canonical
from compliance.holds import HOLDS
from compliance.models import AuditEvent, HoldKind
from compliance.rules import Purpose
from tests.cases.debit_stories import DAY, MINUTE, announce, drawing, mandate_for, posted
from tests.cases.stories import fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_portfolio, make_user

pytestmark = pytest.mark.django_db
IN_TIME = NOW + 3 * DAY
FAILED = Answer(drawn=False, reason="no_funds")


@pytest.fixture
def case():
    return make_case(make_portfolio(), principal=100_00)


@pytest.fixture
def mandate(case):
    return mandate_for(case)


@pytest.fixture
def notice(case, mandate):
    return announce(case, mandate)


def decide(notice, at=IN_TIME, balance=1_000_00) -> DebitDecision:
    return debits.decide(notice=notice, balance=balance, at=at)


def against(notice, at=IN_TIME, balance=1_000_00) -> list[str]:
    return decide(notice, at, balance).against


def states(loan) -> list[str]:
    return list(DebitOutcome.objects.filter(debit__loan=loan).order_by("pk").values_list("state", flat=True))


def told(prefix: str) -> list[str]:
    found = AuditEvent.objects.filter(type__startswith=prefix).order_by("recorded_at", "seq")
    return list(found.values_list("type", flat=True))


# Mandates


def test_a_mandate_keeps_its_proof_its_scope_and_the_limits_of_its_day(case, mandate):
    assert (mandate.source, mandate.proof, mandate.most_per_debit, mandate.most_per_month, mandate.floor) == (
        "wallet", "call-2026-03-03-17", 100_00, 300_00, None,
    )  # fmt: skip
    assert (mandate.notice_days, mandate.failures_end, mandate.ended_at) == (3, 2, None)
    assert mandate_for(case) == mandate
    assert told("mandate.") == ["mandate.given"]


def test_a_newer_mandate_takes_the_place_of_the_older_and_no_proof_serves_twice(case, mandate):
    newer = mandate_for(case, proof="form-0042", most_per_debit=50_00)
    mandate.refresh_from_db()
    assert (mandate.ended_at, mandate.end_reason, newer.ended_at) == (NOW, "replaced", None)
    with pytest.raises(MandateRefused) as refused:
        mandate_for(case)
    assert refused.value.code == "proof"
    with pytest.raises(DatabaseError, match="ends once"), transaction.atomic():
        Mandate.objects.filter(pk=newer.pk).update(proof="form-0043")


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ({"most_per_debit": 0}, "terms"),
        ({"most_per_month": 99_99}, "terms"),
        ({"floor": -1}, "terms"),
        ({"to_on": TODAY - DAY}, "terms"),
        ({"proof": "Dana said yes"}, "token"),
    ],
)
def test_a_mandate_that_makes_no_sense_is_refused(case, scope, code):
    with pytest.raises(MandateRefused) as refused:
        mandate_for(case, **scope)
    assert refused.value.code == code


def test_who_may_give_and_end_mandates(case, mandate):
    agent, legal = make_user(), make_user(role=Role.LEGAL)
    administrator = Actor.staff(make_user(role=Role.ADMINISTRATOR))
    with pytest.raises(PermissionDenied):
        end_mandate(mandate=mandate, reason="revoked", by=administrator, at=NOW)
    with pytest.raises(PermissionDenied):
        debits.announce_debit(
            case=case, mandate=mandate, amount=1, collect_on=TODAY + 3 * DAY, by=Actor.staff(legal), at=NOW
        )
    assert (
        end_mandate(mandate=mandate, reason="revoked", by=Actor.staff(agent), at=NOW).end_reason == "revoked"
    )


# Announcing


def test_a_debit_is_announced_three_days_before_in_words_of_both_its_amount_and_its_day(case, mandate):
    with posted() as post, pytest.raises(DebitRefused) as refused:
        debits.announce_debit(
            case=case, mandate=mandate, amount=40_00, collect_on=TODAY + 2 * DAY, by=SYSTEM, at=NOW
        )
    assert (refused.value.code, post.sent) == ("day", [])
    notice = announce(case, mandate)
    assert (notice.amount, notice.collect_on) == (40_00, TODAY + 3 * DAY)
    assert told("debit.") == ["debit.announced"]


def test_no_announcement_passes_for_the_first_notice(case, mandate):
    announce(case, mandate)
    assert not CaseMessage.objects.filter(case=case).exists()
    assert fresh(case).state == CaseState.OVERDUE


def test_the_announcement_reads_as_written(case, mandate):
    with posted() as post:
        notice = debits.announce_debit(
            case=case, mandate=mandate, amount=40_00, collect_on=TODAY + 3 * DAY, by=SYSTEM, at=NOW
        )
        send(message_id=DebitMessage.objects.get(notice=notice).message_id, at=NOW)
    [mail] = post.sent
    assert "On 6 March 2026, or in the few days after it, we would draw $40.00 at most" in mail.body
    assert "You can take your permission back at any time, at once" in mail.body


def test_no_more_is_announced_than_the_mandate_or_the_debt(case, mandate):
    for amount in (100_01, 0, -5):
        with posted(), pytest.raises(DebitRefused) as refused:
            debits.announce_debit(
                case=case, mandate=mandate, amount=amount, collect_on=TODAY + 3 * DAY, by=SYSTEM, at=NOW
            )
        assert refused.value.code == "amount"


def test_without_an_address_nothing_is_announced_and_nothing_drawn(mandate, case):
    for point in case.borrower.contact_points.all():
        retire_contact_point(point=point, status="bounced", reason="bounced", by=SYSTEM, at=NOW)
    with posted(), pytest.raises(DebitRefused) as refused:
        debits.announce_debit(
            case=case, mandate=mandate, amount=40_00, collect_on=TODAY + 3 * DAY, by=SYSTEM, at=NOW
        )
    assert refused.value.code == "no_way"
    assert not mandate.notices.exists()


# Decided


def test_all_is_well_and_every_rule_says_so(notice):
    decision = decide(notice)
    assert (decision.allowed, decision.against, decision.amount, decision.on) == (
        True,
        [],
        40_00,
        TODAY + 3 * DAY,
    )
    facts = DebitFacts.from_json(json.loads(bytes(decision.facts)))
    assert decide_debit(facts).as_json() == decision.results
    assert told("debit.decided") == ["debit.decided"]


def test_a_notice_that_was_only_planned_is_none(case, mandate):
    assert against(announce(case, mandate, sent=False)) == ["notice"]


def test_too_early_and_too_late(notice):
    assert against(notice, NOW + 2 * DAY) == ["notice"]
    assert against(notice, NOW + 8 * DAY) == []
    assert against(notice, NOW + 9 * DAY) == ["notice"]


def test_the_floor_stays_untouched_and_an_unknown_balance_is_no(case):
    notice = announce(case, mandate_for(case, floor=60_00))
    assert against(notice, balance=100_00) == []
    assert against(notice, balance=99_99) == ["floor"]
    assert against(notice, balance=None) == ["floor"]


def test_without_a_floor_the_balance_may_be_unknown(notice):
    assert against(notice, balance=None) == []


def test_never_more_than_is_due_on_the_day(case, mandate, notice):
    record_payment(case=case, amount=75_00, value_date=TODAY, reference="P-1", by=SYSTEM, at=NOW)
    assert decide(notice).amount == 25_00
    record_payment(case=case, amount=25_00, value_date=TODAY, reference="P-2", by=SYSTEM, at=NOW)
    assert set(against(notice)) == {"due", "portfolio"}  # the case is cured, too


def test_what_was_promised_for_later_is_not_due_yet(case, notice):
    record_promise(case=case, amount=30_00, due_on=TODAY + 4 * DAY, channel="call", by=SYSTEM, at=NOW)
    assert against(notice) == ["due"]
    assert decide(notice, NOW + 4 * DAY).amount == 30_00


@pytest.mark.parametrize("kind", HoldKind.values)
def test_every_hold_stops_a_debit(case, notice, kind):
    """The database's own check counts every kind: so the table must."""
    assert Purpose.COLLECT in HOLDS[kind].purposes
    hold = open_hold(borrower=case.borrower, kind=kind, days=30, by=SYSTEM, at=NOW)
    assert against(notice) == ["hold"]
    end_hold(hold=hold, by=SYSTEM, at=NOW + DAY, reason="over")
    assert against(notice) == []


def test_a_hold_on_another_loan_stops_nothing(case, notice):
    other = make_loan(case.borrower, portfolio=case.portfolio)
    open_hold(borrower=case.borrower, kind=HoldKind.DISPUTE, loan=other, by=SYSTEM, at=NOW)
    assert against(notice) == []


def test_a_payment_that_may_be_theirs_and_stale_balances_stop_it(case, notice):
    receive(
        portfolio=case.portfolio,
        reference="W-1",
        amount=100_00,
        value_date=TODAY - 5 * DAY,
        by=SYSTEM,
        at=NOW,
    )
    assert against(notice) == ["known"]


def test_revoked_is_revoked(mandate, notice):
    end_mandate(mandate=mandate, reason="revoked", by=SYSTEM, at=NOW + DAY)
    assert against(notice) == ["mandate"]


# Drawn


@pytest.fixture
def committed(transactional_db):
    case = make_case(make_portfolio(), principal=100_00)
    mandate = mandate_for(case)
    return case, mandate, announce(case, mandate)


@pytest.mark.django_db(transaction=True)
def test_drawn_and_booked_once_by_the_providers_reference(committed):
    case, _mandate, notice = committed
    with drawing(Answer(drawn=True, reference="W-778")) as wallet:
        debit = debits.draw(notice_id=notice.pk, at=IN_TIME)
        assert debits.draw(notice_id=notice.pk, at=IN_TIME + MINUTE) is None
    [order] = wallet.orders
    assert (order.key, order.instrument, order.amount, order.currency) == (
        str(debit.pk),
        "wlt_7Qm2x9",
        40_00,
        "USD",
    )
    payment = Payment.objects.get()
    assert (payment.reference, payment.amount, payment.value_date, payment.source) == (
        "W-778", 40_00, TODAY + 3 * DAY, "debit",
    )  # fmt: skip
    assert states(case.loan) == ["paid"]
    assert standing_of([case.loan_id], TODAY + 4 * DAY)[case.loan_id].outstanding == 60_00
    assert told("debit.") == ["debit.announced", "debit.decided", "debit.placed", "debit.paid"]
    # The provider's own file tells of the same payment: nothing is booked twice.
    receive(
        portfolio=case.portfolio, loan=case.loan, reference="W-778", amount=40_00, value_date=TODAY + 3 * DAY,
        by=SYSTEM, at=IN_TIME,
    )  # fmt: skip
    assert case.loan.entries.filter(kind=EntryKind.REPAYMENT).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_failures_in_a_row_end_the_mandate_until_it_is_given_anew(committed):
    case, mandate, notice = committed
    with drawing(FAILED, FAILED) as wallet:
        assert debits.draw(notice_id=notice.pk, at=IN_TIME)
        second = announce(case, mandate, at=IN_TIME)
        assert debits.draw(notice_id=second.pk, at=IN_TIME + 3 * DAY)
        mandate.refresh_from_db()
        assert (mandate.end_reason, states(case.loan)) == ("failures", ["failed", "failed"])
        with posted(), pytest.raises(DebitRefused) as refused:
            debits.announce_debit(
                case=fresh(case), mandate=mandate, amount=1_00, collect_on=TODAY + 10 * DAY, by=SYSTEM,
                at=IN_TIME + 4 * DAY,
            )  # fmt: skip
        assert refused.value.code == "mandate"
        later = IN_TIME + 4 * DAY
        third = announce(case, mandate_for(case, proof="call-2", at=later, from_on=TODAY), at=later)
        assert debits.draw(notice_id=third.pk, at=later + 3 * DAY)
    assert [order.amount for order in wallet.orders] == [40_00, 40_00, 40_00]
    assert states(case.loan) == ["failed", "failed", "paid"]
    assert told("mandate.") == ["mandate.given", "mandate.ended", "mandate.given"]


@pytest.mark.django_db(transaction=True)
def test_a_success_between_two_failures_begins_the_count_anew(committed):
    case, mandate, notice = committed
    with drawing(FAILED, Answer(drawn=True, reference="W-1"), FAILED):
        for _each in range(3):
            at = notice.announced_at + 3 * DAY
            assert debits.draw(notice_id=notice.pk, at=at)
            if _each < 2:
                notice = announce(case, mandate, amount=10_00, at=at)
    mandate.refresh_from_db()
    assert (states(case.loan), mandate.ended_at) == (["failed", "paid", "failed"], None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", [LeftUnknown("timeout"), RuntimeError("what?")])
def test_uncertain_is_never_drawn_again_by_itself(committed, answer):
    case, mandate, notice = committed
    with drawing(answer) as wallet:
        debit = debits.draw(notice_id=notice.pk, at=IN_TIME)
        assert states(case.loan) == ["uncertain"]
        another = announce(case, mandate, at=IN_TIME)
        assert debits.draw(notice_id=notice.pk, at=IN_TIME + MINUTE) is None
        assert debits.draw(notice_id=another.pk, at=IN_TIME + 3 * DAY) is None
        assert DebitDecision.objects.latest("recorded_at").against == ["open"]
        assert len(wallet.orders) == 1
        # A person has seen the provider's papers.
        agent, supervisor = Actor.staff(make_user()), Actor.staff(make_user(role=Role.SUPERVISOR))
        with pytest.raises(PermissionDenied):
            debits.settle_debit(debit=debit, paid=True, reference="W-9", by=agent, at=IN_TIME)
        debits.settle_debit(debit=debit, paid=True, reference="W-9", by=supervisor, at=IN_TIME + 3 * DAY)
        with pytest.raises(DebitRefused) as refused:
            debits.settle_debit(debit=debit, paid=False, reference="", by=supervisor, at=IN_TIME)
        assert refused.value.code == "known"
        assert debits.draw(notice_id=another.pk, at=IN_TIME + 4 * DAY)
    assert states(case.loan) == ["uncertain", "paid", "paid"]


@pytest.mark.django_db(transaction=True)
def test_a_lost_worker_leaves_an_uncertain_debit(committed):
    case, _mandate, notice = committed
    debits.place(decision=decide(notice), at=IN_TIME)
    assert debits.sweep(at=IN_TIME + 9 * MINUTE) == 0
    assert debits.sweep(at=IN_TIME + 10 * MINUTE) == 1
    assert debits.sweep(at=IN_TIME + 20 * MINUTE) == 0
    assert states(case.loan) == ["uncertain"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stop", ["revoked", "hold"])
def test_what_comes_between_decision_and_wire_still_stops_it(committed, stop, monkeypatch):
    case, mandate, notice = committed
    wire = debits._wire

    def stopped_before(line, debit_id, now):
        if stop == "revoked":
            end_mandate(mandate=mandate, reason="revoked", by=SYSTEM, at=IN_TIME)
        else:
            open_hold(borrower=case.borrower, kind=HoldKind.HARDSHIP, by=SYSTEM, at=IN_TIME)
        return wire(line, debit_id, now)

    monkeypatch.setattr(debits, "_wire", stopped_before)
    with drawing() as wallet:
        assert debits.draw(notice_id=notice.pk, at=IN_TIME)
    assert (wallet.orders, states(case.loan), Payment.objects.count()) == ([], ["withdrawn"], 0)


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_is_down_costs_nothing(committed):
    _case, _mandate, notice = committed
    with drawing(down=True):
        assert debits.draw(notice_id=notice.pk, at=IN_TIME) is None
    assert (DebitDecision.objects.count(), Debit.objects.count()) == (0, 0)
    assert debits.draw(notice_id=notice.pk, at=IN_TIME) is None  # no provider at all, as shipped
    assert debits.due_notices(IN_TIME) == [notice.pk]


@pytest.mark.django_db(transaction=True)
def test_what_was_refused_is_decided_about_again_the_next_day(committed):
    case, _mandate, notice = committed
    assert debits.due_notices(NOW + 2 * DAY) == []
    hold = open_hold(borrower=case.borrower, kind=HoldKind.COMPLAINT, by=SYSTEM, at=NOW)
    with drawing() as wallet:
        assert debits.draw(notice_id=notice.pk, at=IN_TIME) is None
        assert debits.due_notices(IN_TIME + MINUTE) == []
        assert debits.due_notices(IN_TIME + DAY) == [notice.pk]
        end_hold(hold=hold, by=SYSTEM, at=IN_TIME, reason="answered")
        assert debits.draw(notice_id=notice.pk, at=IN_TIME + DAY)
    assert len(wallet.orders) == 1
    assert debits.due_notices(IN_TIME + 2 * DAY) == []


# The database's own guard


def row(decision, **changes):
    usual = {
        "id": uuid4(), "decision_id": decision.pk, "notice_id": decision.notice_id, "mandate_id": decision.mandate_id,
        "borrower_id": decision.mandate.borrower_id, "loan_id": decision.loan_id, "amount": decision.amount,
        "on": decision.on, "at": decision.at, "actor": "test",
    }  # fmt: skip
    return {**usual, **changes}


def insert(**values):
    names = ", ".join(f'"{name}"' for name in values)
    with transaction.atomic(), connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(values))
        cursor.execute(f"INSERT INTO accounts_debit ({names}) VALUES ({marks})", list(values.values()))


def refused(saying: str, **values):
    with pytest.raises(DatabaseError, match=saying):
        insert(**values)


def test_no_debit_without_an_allowing_unused_decision_of_minutes_ago(notice):
    decision = decide(notice)
    no = decide(notice, NOW + 2 * DAY)
    refused("No debit without a decision", **row(no))
    refused("No debit without a decision", **row(decision, decision_id=uuid4()))
    refused("No debit without a decision", **row(decision, amount=40_01))
    refused("No debit without a decision", **row(decision, at=decision.at + 5 * MINUTE))
    refused("No debit without a decision", **row(decision, at=decision.at - MINUTE))
    refused("No debit without a decision", **row(decision, on=decision.on + DAY))
    insert(**row(decision))
    refused("No debit without a decision", **row(decision))


@pytest.mark.django_db(transaction=True)
def test_a_decision_grows_old_by_the_databases_own_clock(committed, owner_connection):
    _case, _mandate, notice = committed
    decision = decide(notice)
    with owner_connection.transaction():
        owner_connection.execute("ALTER TABLE accounts_debitdecision DISABLE TRIGGER append_only")
        owner_connection.execute(
            "UPDATE accounts_debitdecision SET recorded_at = recorded_at - interval '6 minutes' WHERE id = %s",
            [decision.pk],
        )
        owner_connection.execute("ALTER TABLE accounts_debitdecision ENABLE ALWAYS TRIGGER append_only")
    refused("No debit without a decision", **row(decision))


def test_what_changed_since_the_decision_stops_the_row(case, mandate, notice):
    decision = decide(notice)
    hold = open_hold(borrower=case.borrower, kind=HoldKind.ILL_OR_BEREAVED, by=SYSTEM, at=IN_TIME)
    refused("A hold, or another debit", **row(decision))
    end_hold(hold=hold, by=SYSTEM, at=IN_TIME, reason="over")
    with transaction.atomic():
        debits.withdraw_announcement(notice=notice, reason="asked", by=SYSTEM, at=IN_TIME)
        refused("No debit without its announcement", **row(decision))
    end_mandate(mandate=mandate, reason="revoked", by=SYSTEM, at=IN_TIME)
    refused("No debit without a mandate", **row(decision))


def test_a_decision_cannot_be_forged(notice):
    decision = decide(notice)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        DebitDecision.objects.create(
            mandate=notice.mandate, notice=notice, loan=notice.mandate.loan, amount=1, on=TODAY, at=NOW, allowed=True,
            facts=b"{}", results=[], actor="me",
        )  # fmt: skip
    facts, results = json.loads(bytes(decision.facts)), decision.results

    def told_to_the_database(**changes):
        values = {
            "decision": uuid4(), "notice": notice.pk, "amount": 40_00, "on": decision.on, "at": IN_TIME,
            "facts": canonical(facts), "results": json.dumps(results), "actor": "me", **changes,
        }  # fmt: skip
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(debits.DECIDE, values)

    for changes, saying in [
        ({"results": "[]"}, "by every rule"),
        ({"results": json.dumps(results[1:])}, "by every rule"),
        ({"results": json.dumps([*results, results[0]])}, "by every rule"),
        ({"amount": 50_00}, "not about this debit"),
        ({"facts": canonical({**facts, "due": 39_99})}, "do not allow"),
        ({"facts": canonical({**facts, "floor": 1})}, "not about this debit"),
    ]:
        with pytest.raises(DatabaseError, match=saying):
            told_to_the_database(**changes)


def test_what_happened_is_never_changed_and_no_mandate_comes_back(case, mandate, notice):
    debit = debits.place(decision=decide(notice), at=IN_TIME)
    for table in ("accounts_debit", "accounts_debitdecision", "accounts_debitoutcome", "cases_debitmessage"):
        for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
            with (
                pytest.raises(DatabaseError, match="permission denied"),
                transaction.atomic(),
                connection.cursor() as c,
            ):
                c.execute(verb)
    with pytest.raises(DatabaseError, match="ends once"), transaction.atomic():
        Mandate.objects.filter(pk=mandate.pk).update(most_per_debit=999_00, most_per_month=999_00)
    end_mandate(mandate=mandate, reason="revoked", by=SYSTEM, at=IN_TIME)
    with pytest.raises(DatabaseError, match="ends once"), transaction.atomic():
        Mandate.objects.filter(pk=mandate.pk).update(ended_at=None, ended_by="", end_reason="")
    other = record_payment(case=case, amount=1_00, value_date=TODAY, reference="P-9", by=SYSTEM, at=NOW)
    with pytest.raises(DatabaseError, match="paid by a payment"), transaction.atomic():
        DebitOutcome.objects.create(debit=debit, state="paid", payment=other, at=IN_TIME, actor="me")
    DebitOutcome.objects.create(debit=debit, state="failed", at=IN_TIME, actor="me")
    with pytest.raises(DatabaseError, match="known already"), transaction.atomic():
        DebitOutcome.objects.create(debit=debit, state="uncertain", at=IN_TIME, actor="me")


def test_the_month_is_counted_by_the_database(case):
    notice = announce(case, mandate_for(case, most_per_debit=60_00, most_per_month=60_00), amount=40_00)
    debit = debits.place(decision=decide(notice), at=IN_TIME)
    debits._answered(*reversed(debits._case_of(debit.pk)), "uncertain", "", "", by=SYSTEM, at=IN_TIME)
    second = announce(case, debit.mandate, at=IN_TIME)
    assert against(second, IN_TIME + 3 * DAY) == ["month", "open"]
    assert against(announce(case, debit.mandate, at=NOW + 27 * DAY), NOW + timedelta(days=30)) == ["open"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stop", ["revoked", "hold"])
def test_what_stops_debits_waits_for_the_wire_or_comes_before_it(committed, stop):
    """Two connections: while the provider is asked, who revokes or opens a hold waits; once stopped, the next is never
    asked."""
    case, mandate, notice = committed
    asked, told = Event(), Event()

    class Slow(Recording):
        def pull(self, order):
            asked.set()
            assert told.wait(20)
            return super().pull(order)

    def revoke():
        try:
            if stop == "hold":
                return open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=IN_TIME).opened_at
            return end_mandate(mandate=mandate, reason="revoked", by=SYSTEM, at=IN_TIME).ended_at
        finally:
            connection.close()

    def draw():
        try:
            return debits.draw(notice_id=notice.pk, at=IN_TIME)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool, everything_by(Slow()):
        drawn = pool.submit(draw)
        assert asked.wait(20)
        revoked = pool.submit(revoke)
        time.sleep(0.5)
        assert not revoked.done()
        told.set()
        assert drawn.result(timeout=20)
        assert revoked.result(timeout=20) == IN_TIME
    assert states(case.loan) == ["paid"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_draw_one_debit_once(committed):
    case, _mandate, notice = committed
    barrier = Barrier(2)

    def draw(_number):
        try:
            barrier.wait(timeout=20)
            return debits.draw(notice_id=notice.pk, at=IN_TIME)
        finally:
            connection.close()

    with drawing() as wallet, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(draw, range(2)))
    assert sorted(each is None for each in found) == [False, True]
    assert len(wallet.orders) == 1
    assert states(case.loan) == ["paid"]


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_is_being_opened_lets_no_debit_past(committed):
    """Two connections: the hold is written and not committed yet when the worker comes; it waits, and draws nothing."""
    case, _mandate, notice = committed
    opened, go = Event(), Event()

    def hold():
        try:
            with transaction.atomic():
                open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=IN_TIME)
                opened.set()
                assert go.wait(20)
        finally:
            connection.close()

    def draw():
        try:
            return debits.draw(notice_id=notice.pk, at=IN_TIME)
        finally:
            connection.close()

    with drawing() as wallet, ThreadPoolExecutor(2) as pool:
        held = pool.submit(hold)
        assert opened.wait(20)
        drawn = pool.submit(draw)
        time.sleep(0.3)
        assert not drawn.done()
        go.set()
        held.result(timeout=20)
        assert drawn.result(timeout=20) is None
    assert (wallet.orders, Debit.objects.count(), DebitDecision.objects.get().against) == ([], 0, ["hold"])
