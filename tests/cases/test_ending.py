"""A case ends by a person's decision: settled for a part, given up, returned. Or goes to legal by a lawyer's."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import EntryKind, LedgerEntry, Role
from accounts.standing import standing_of
from cases.actions.agreements import AgreementRefused, record_promise
from cases.actions.ending import ENDINGS, end_case
from cases.actions.notes import open_note
from cases.actions.payments import record_payment, reverse_payment
from cases.actions.transition import MoveRefused
from cases.models import Case, CaseState, Note, PromiseState, WorkItem
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
SETTLES = {
    "settlement_after_days": 10,
    "authority": {"supervisor": {"promise_days": 30, "settlement_percent": 40}},
}


@pytest.fixture
def portfolio(clock):
    return make_portfolio("river", terms=SETTLES)


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio) -> Case:
    return make_case(portfolio, principal=80_00, interest=15_00, fees=5_00)


@pytest.fixture
def bob(people) -> Actor:
    return Actor.staff(people.bob)


def pay(case: Case, amount: int, by: Actor, reference: str = "P-1"):
    return record_payment(case=case, amount=amount, value_date=TODAY, reference=reference, by=by, at=NOW)


def waivers(case: Case) -> list[tuple[int, int, int]]:
    found = LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER)
    return list(found.values_list("fees", "interest", "principal"))


def test_a_settlement_forgives_what_the_payment_left(case, people, bob):
    pay(case, 60_00, bob)
    promise = record_promise(case=case, amount=10_00, due_on=TODAY + 3 * DAY, channel="call", by=bob, at=NOW)
    settled = end_case(case=fresh(case), ending="settled", by=bob, at=NOW)
    assert (settled.state, settled.closed_at) == (CaseState.SETTLED, NOW)
    # Fees and interest were paid first; what is forgiven is principal.
    assert waivers(case) == [(0, 0, -40_00)]
    standing = standing_of([case.loan_id], TODAY)[case.loan_id]
    assert (standing.outstanding, standing.arrears, standing.days_past_due) == (0, 0, 0)
    promise.refresh_from_db()
    assert promise.state == PromiseState.CANCELLED
    assert not WorkItem.objects.filter(case=case, done_at=None).exists()
    posted = AuditEvent.objects.filter(type="ledger.posted", actor=bob.ref).order_by("recorded_at").last()
    data = json.loads(bytes(posted.leaf))["data"]
    assert (data["entry_kind"], data["amount"], data["principal"]) == ("waiver", "-40.00", "-40.00")


def test_no_more_is_forgiven_by_hand_than_may_be_offered(client, case, people, bob):
    pay(case, 59_99, bob)
    client.force_login(people.bob)
    form = client.get(reverse("case", args=[case.pk]), {"open": "end"}).content.decode()
    assert "You may forgive up to 40 % of what was owed, from day 10 past due on." in form
    answer = client.post(reverse("case_end", args=[case.pk]), {"ending": "settled", "note": "Enough."})
    assert answer.status_code == 422
    assert "You may forgive at most 40 % of what was owed" in answer.content.decode()
    assert (fresh(case).state, waivers(case), Note.objects.count()) == (CaseState.OVERDUE, [], 0)
    pay(case, 1, bob, reference="P-2")
    assert end_case(case=fresh(case), ending="settled", by=bob, at=NOW).state == CaseState.SETTLED
    assert waivers(case) == [(0, 0, -40_00)]


def test_what_was_paid_before_the_case_or_taken_back_buys_no_forgiveness(case, bob):
    record_payment(case=case, amount=50_00, value_date=TODAY - DAY, reference="P-0", by=bob, at=NOW)
    # Of the 50 that were owed when it opened, 29 are more than 40 %.
    pay(case, 21_00, bob)
    bounced = pay(case, 20_00, bob, reference="P-2")
    reverse_payment(payment=bounced, reason="chargeback", by=bob, at=NOW)
    with pytest.raises(AgreementRefused) as refused:
        end_case(case=fresh(case), ending="settled", by=bob, at=NOW)
    assert (refused.value.code, refused.value.params) == ("authority", {"most": 40})


def test_a_settlement_by_hand_comes_no_earlier_than_an_offered_one(portfolio, bob):
    early = make_case(portfolio, due_on=TODAY - 9 * DAY, principal=100_00)
    pay(early, 90_00, bob)
    with pytest.raises(AgreementRefused) as refused:
        end_case(case=fresh(early), ending="settled", by=bob, at=NOW)
    assert (refused.value.code, refused.value.params) == ("too_early", {"least": 10})
    assert (fresh(early).state, waivers(early)) == (CaseState.OVERDUE, [])


def test_nothing_is_forgiven_where_nothing_was_paid(case, bob):
    with pytest.raises(MoveRefused) as refused:
        end_case(case=case, ending="settled", by=bob, at=NOW)
    assert refused.value.missing == ("payment",)
    assert str(refused.value) == "The case does not go to “settled” yet: a payment since the case opened."
    assert (fresh(case).state, waivers(case)) == (CaseState.OVERDUE, [])


def test_a_payment_that_was_taken_back_settles_nothing(case, bob):
    payment = pay(case, 60_00, bob)
    reverse_payment(payment=payment, reason="chargeback", by=bob, at=NOW)
    with pytest.raises(MoveRefused) as refused:
        end_case(case=fresh(case), ending="settled", by=bob, at=NOW)
    assert refused.value.missing == ("payment",)


def test_who_may_not_close_a_case_forgives_nothing(case, people):
    alice = Actor.staff(people.alice)
    pay(case, 60_00, alice)
    for by in (alice, SYSTEM, Actor.staff(make_user(role=Role.COMPLIANCE))):
        with pytest.raises(MoveRefused):
            end_case(case=fresh(case), ending="settled", by=by, at=NOW)
    assert (fresh(case).state, waivers(case)) == (CaseState.OVERDUE, [])


def test_money_that_comes_after_a_settlement_is_the_borrowers_own(case, bob):
    pay(case, 60_00, bob)
    end_case(case=fresh(case), ending="settled", by=bob, at=NOW)
    pay(case, 25_00, bob, reference="P-2")
    assert standing_of([case.loan_id], TODAY)[case.loan_id].credit == 25_00


@pytest.mark.parametrize(("ending", "left"), [("not_worth_it", 0), ("deceased", 0), ("lender_asked", 100_00)])
def test_who_gives_a_case_up_writes_it_off_and_who_gives_it_back_leaves_the_debt(
    client: Client, case, people, ending, left
):
    client.force_login(people.bob)
    address = reverse("case", args=[case.pk])
    assert 'data-key="z"' in client.get(address).content.decode()
    form = client.get(f"{address}?open=end").content.decode()
    assert all(str(each.label) in form for each in ENDINGS.values())
    answer = client.post(reverse("case_end", args=[case.pk]), {"ending": ending, "note": "As agreed."})
    assert (answer.status_code, answer.url) == (302, address)
    ended = fresh(case)
    assert (ended.state, ended.is_open) == (ENDINGS[ending].to, False)
    assert ended.transitions.get().reason == ENDINGS[ending].reason
    assert standing_of([case.loan_id], TODAY)[case.loan_id].outstanding == left
    booked = case.loan.entries.filter(kind=EntryKind.WRITE_OFF).values_list("amount", flat=True)
    assert list(booked) == ([] if left else [-100_00])
    assert open_note(note=Note.objects.get()) == "As agreed."


def test_the_page_says_why_a_settlement_is_refused_and_keeps_the_words(client, case, people):
    client.force_login(people.bob)
    answer = client.post(
        reverse("case_end", args=[case.pk]), {"ending": "settled", "note": "Half is enough."}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "a payment since the case opened" in page
    assert "Half is enough." in page
    assert (fresh(case).state, Note.objects.count()) == (CaseState.OVERDUE, 0)


def test_what_was_forgiven_stands_on_the_case(client, case, people, bob):
    pay(case, 60_00, bob)
    client.force_login(people.bob)
    client.post(reverse("case_end", args=[case.pk]), {"ending": "settled", "note": "Half is enough."})
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert "$40.00 forgiven, counted from" in page
    assert "This case is closed: settled" in page


def test_another_teams_supervisor_finds_nothing(client, case):
    client.force_login(make_user("stranger", role=Role.SUPERVISOR))
    answer = client.post(reverse("case_end", args=[case.pk]), {"ending": "settled", "note": "Mine."})
    assert answer.status_code == 404
    assert fresh(case).is_open


def test_legal_proposes_a_case_from_its_page_or_reads_what_is_missing(client, case, people):
    carla = make_user("carla", role=Role.LEGAL)
    client.force_login(carla)
    address = reverse("case", args=[case.pk])
    assert "Take to legal" in client.get(address).content.decode()
    call(case, people.alice, "refuses")
    answer = client.post(reverse("case_legal", args=[case.pk]), {"note": "Nothing else is left."})
    assert answer.status_code == 422
    assert "The case does not go to “with legal” yet" in answer.content.decode()
    assert fresh(case).state == CaseState.NEGOTIATING


def test_money_after_a_write_off_is_a_recovery_and_what_is_beyond_it_stands_on_the_case(
    client, case, people, bob
):
    end_case(case=case, ending="not_worth_it", by=bob, at=NOW)
    record_payment(case=case, amount=130_00, value_date=TODAY + DAY, reference="P-9", by=bob, at=NOW)
    booked = case.loan.entries.filter(value_date=TODAY + DAY).order_by("kind")
    assert list(booked.values_list("kind", "amount")) == [("recovery", -130_00), ("write_off", 100_00)]
    assert standing_of([case.loan_id], TODAY + DAY)[case.loan_id].credit == 30_00
    client.force_login(people.bob)
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert "Paid $130.00 after the write-off" in page
    assert "$100.00 written off" in page


def test_who_may_not_give_a_case_up_writes_nothing_off(case, people):
    with pytest.raises(MoveRefused):
        end_case(case=case, ending="not_worth_it", by=Actor.staff(people.alice), at=NOW)
    assert standing_of([case.loan_id], TODAY)[case.loan_id].outstanding == 100_00
