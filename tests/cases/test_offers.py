"""What is offered and agreed beside promises and plans: a later day, something forgiven, a part for the whole."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.actions.payments import receive
from accounts.models import EntryKind, Extension, LedgerEntry
from accounts.standing import standing_of
from cases.actions.agreements import AgreementRefused
from cases.actions.answering import answer_approval
from cases.actions.approvals import ApprovalRefused
from cases.actions.day import run_day
from cases.actions.offers import OfferTerms, accept_offer, decline_offer, propose_offer
from cases.actions.payments import record_payment
from cases.models import Approval, CaseMessage, CaseState, Offer, OfferState
from compliance.audit import Actor
from tests.cases.stories import DAY, events, fresh, make_case, steps
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
AUTHORITY = {
    "agent": {"extension_days": 14, "waive_fees": 5_00},
    "supervisor": {
        "extension_days": 30, "waive_fees": 20_00, "waive_interest": 20_00, "waive_principal": 0,
        "settlement_percent": 30,
    },
}  # fmt: skip


@pytest.fixture
def portfolio():
    return make_portfolio(terms={"authority": AUTHORITY})


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people):
    """Ten days late: 100 of principal, 10 of interest, 8 of fees."""
    return make_case(portfolio, principal=100_00, interest=10_00, fees=8_00)


@pytest.fixture
def old(portfolio, people):
    """Seventy days late, 200 owed."""
    return make_case(portfolio, principal=200_00, due_on=days_ago(70))


def propose(case, user, kind, *, agreed=True, at=NOW, note="It fits her pay day.", **terms):
    return propose_offer(
        case=case, terms=OfferTerms(kind=kind, **terms), agreed=agreed, note=note, user=user, at=at
    )


def standing(case, on=TODAY):
    return standing_of([case.loan_id], on)[case.loan_id]


def waivers(case):
    found = LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER).order_by("id")
    return list(found.values_list("fees", "interest", "principal", "credit"))


def pay(case, amount, *, days=0, reference=None):
    return record_payment(
        case=case, amount=amount, value_date=TODAY + days * DAY, reference=reference or f"{amount}+{days}",
        by=SYSTEM, at=NOW + days * DAY + timedelta(hours=1),
    )  # fmt: skip


def letters(case):
    found = CaseMessage.objects.filter(case=case).order_by("message")
    return list(found.values_list("message__template_version__template__key", "message__status"))


def state(offer):
    offer.refresh_from_db()
    return offer.state


# A later day


def test_a_later_day_moves_what_is_late_and_closes_the_case(case, people):
    offer = propose(case, people.alice, "extension", days=14)
    assert offer.state == OfferState.DONE
    assert (standing(case).days_past_due, standing(case).arrears, standing(case).outstanding) == (
        0,
        0,
        118_00,
    )
    # Due ten days ago and fourteen days later: in four days, so late from the fifth.
    assert standing(case, TODAY + 4 * DAY).days_past_due == 0
    assert (standing(case, TODAY + 5 * DAY).days_past_due, standing(case, TODAY + 5 * DAY).arrears) == (
        1,
        118_00,
    )
    # The day before answers as it did.
    assert standing(case, TODAY - DAY).days_past_due == 9
    assert fresh(case).state == CaseState.CURED
    assert letters(case) == [("extension_agreed", "planned")]
    assert events(case)[1:5] == ["offer.made", "offer.accepted", "loan.extended", "case.moved"]


def test_a_loan_that_is_older_than_its_extension_stays_late_by_fewer_days(old, people):
    propose(old, people.alice, "extension", days=14)
    assert (standing(old).days_past_due, fresh(old).is_open) == (56, True)
    propose(old, people.alice, "extension", days=6)
    assert standing(old).days_past_due == 50
    with pytest.raises(AgreementRefused) as refused:
        propose(old, people.alice, "extension", days=1)
    assert (refused.value.code, refused.value.params) == ("times", {"most": 2})
    assert list(Extension.objects.values_list("due_from", "days")) == [(days_ago(70), 14), (days_ago(70), 6)]


def test_more_days_than_an_agent_may_give_wait_for_a_supervisor(old, people):
    approval = propose(old, people.alice, "extension", days=20)
    assert isinstance(approval, Approval)
    assert (approval.beyond, Offer.objects.count()) == (["extension_days"], 0)
    answer_approval(approval=approval, approve=True, person=people.bob, at=NOW)
    assert (Offer.objects.get().state, standing(old).days_past_due) == (OfferState.DONE, 50)


def test_nobody_is_asked_for_more_than_anybody_may_approve(old, people):
    with pytest.raises(AgreementRefused) as refused:
        propose(old, people.alice, "extension", days=31)
    assert (refused.value.code, Approval.objects.count()) == ("beyond_everybody", 0)


# Something forgiven


def test_a_waiver_forgives_exactly_the_components_it_names(case, people):
    propose(case, people.bob, "waiver", interest=4_00)
    # By the waterfall it would have been fees.
    assert waivers(case) == [(0, -4_00, 0, 0)]
    found = standing(case)
    assert (found.fees, found.interest, found.principal, found.outstanding) == (8_00, 6_00, 100_00, 114_00)
    assert letters(case) == [("waiver_agreed", "planned")]


def test_all_waivers_of_a_loan_count_against_the_authority(case, people):
    propose(case, people.alice, "waiver", fees=3_00)
    propose(case, people.alice, "waiver", fees=2_00)
    approval = propose(case, people.alice, "waiver", fees=1_00)
    assert (approval.beyond, standing(case).fees) == (["waive_fees"], 3_00)


def test_an_agent_forgives_no_interest_alone(case, people):
    approval = propose(case, people.alice, "waiver", interest=1_00)
    assert approval.beyond == ["waive_interest"]
    with pytest.raises(ApprovalRefused) as refused:
        propose(case, people.alice, "waiver", interest=2_00)
    assert refused.value.code == "asked"


def test_principal_comes_last_and_takes_two_supervisors(case, people, portfolio):
    with pytest.raises(AgreementRefused) as refused:
        propose(case, people.bob, "waiver", principal=10_00)
    assert refused.value.code == "principal_last"
    whole = {"fees": 8_00, "interest": 10_00, "principal": 10_00}
    with pytest.raises(AgreementRefused) as refused:
        propose(case, people.alice, "waiver", **whole)
    assert refused.value.code == "beyond_everybody"
    approval = propose(case, people.bob, "waiver", **whole)
    assert approval.beyond == ["waive_principal"]
    carol = make_user("carol", role="supervisor", team=people.bob.team)
    answer_approval(approval=approval, approve=True, person=carol, at=NOW)
    assert waivers(case) == [(-8_00, -10_00, -10_00, 0)]
    assert standing(case).outstanding == 90_00


@pytest.mark.parametrize(
    ("terms", "code"), [({"fees": 8_01}, "fees"), ({"fees": -1, "interest": 2}, "amount"), ({}, "amount")]
)
def test_only_what_is_owed_is_forgiven(case, people, terms, code):
    with pytest.raises(AgreementRefused) as refused:
        propose(case, people.bob, "waiver", **terms)
    assert refused.value.code == code
    assert waivers(case) == []


# A part for the whole


def settlement(case, user, amount=150_00, days=20, **more):
    return propose(case, user, "settlement", amount=amount, pay_by=TODAY + days * DAY, **more)


def test_a_settlement_is_carried_out_when_its_amount_has_come_in(old, people):
    offer = settlement(old, people.bob)
    assert (offer.state, letters(old)) == (OfferState.AGREED, [("settlement_agreed", "planned")])
    pay(old, 100_00, days=3)
    assert (state(offer), waivers(old), fresh(old).is_open) == (OfferState.AGREED, [], True)
    pay(old, 50_00, days=9)
    assert (state(offer), waivers(old)) == (OfferState.DONE, [(0, 0, -50_00, 0)])
    assert (fresh(old).state, standing(old, TODAY + 9 * DAY).outstanding) == (CaseState.SETTLED, 0)
    moved = old.transitions.get()
    assert (moved.target, moved.actor_kind, moved.reason) == ("settled", "system", "settlement_paid")
    assert letters(old) == [("settlement_agreed", "cancelled"), ("settlement_completed", "planned")]


def test_unpaid_it_lapses_after_its_day_and_grace_and_somebody_sees_it(old, people):
    offer = settlement(old, people.bob)
    pay(old, 149_99, days=20)
    for day in (20, 21):  # the last day, and one of grace
        run_day(date=TODAY + day * DAY, by=SYSTEM, at=NOW + day * DAY + timedelta(hours=2))
        assert state(offer) == OfferState.AGREED
    run_day(date=TODAY + 22 * DAY, by=SYSTEM, at=NOW + 22 * DAY + timedelta(hours=2))
    assert (state(offer), waivers(old), standing(old, TODAY + 22 * DAY).outstanding) == (
        OfferState.LAPSED,
        [],
        50_01,
    )
    assert fresh(old).is_open
    assert "settlement_not_paid" in [reason for _kind, _due, reason in steps(old)]
    assert "offer.lapsed" in events(old)
    # Told once, in gentle words, whatever is run again.
    run_day(date=TODAY + 23 * DAY, by=SYSTEM, at=NOW + 23 * DAY + timedelta(hours=2))
    assert [key for key, _status in letters(old) if key.endswith("_lapsed")] == ["settlement_lapsed"]
    letter = CaseMessage.objects.get(
        case=old, message__template_version__template__key="settlement_lapsed"
    ).message
    assert letter.details == {"agreed_amount": 150_00, "agreed_by": str(TODAY + 20 * DAY)}
    assert letter.purpose == "service"
    pay(old, 1, days=22)
    assert (state(offer), waivers(old)) == (OfferState.LAPSED, [])


def test_a_payment_on_the_last_day_of_grace_still_counts(old, people):
    offer = settlement(old, people.bob)
    pay(old, 150_00, days=21)
    assert state(offer) == OfferState.DONE


def test_what_was_paid_before_the_offer_counts_for_nothing(old, people):
    pay(old, 100_00, days=-1)
    offer = settlement(old, people.bob, amount=90_00)
    assert (offer.owed, state(offer)) == (100_00, OfferState.AGREED)


def test_an_offer_nobody_takes_up_lapses(old, people):
    offer = settlement(old, people.bob, agreed=False)
    assert (offer.state, offer.valid_until, letters(old)) == (OfferState.OFFERED, TODAY + 14 * DAY, [])
    late = NOW + 15 * DAY
    with pytest.raises(AgreementRefused) as refused:
        accept_offer(offer=offer, by=Actor.staff(people.alice), at=late)
    assert refused.value.code == "over"
    run_day(date=TODAY + 15 * DAY, by=SYSTEM, at=late)
    assert state(offer) == OfferState.LAPSED
    assert [key for key, _status in letters(old) if key.endswith("_lapsed")] == ["offer_lapsed"]


def test_a_borrower_may_say_yes_later_or_no(old, people):
    offer = settlement(old, people.bob, agreed=False)
    assert state(accept_offer(offer=offer, by=Actor.staff(people.alice), at=NOW + DAY)) == OfferState.AGREED
    other = propose(old, people.alice, "extension", days=5, agreed=False)
    assert state(decline_offer(offer=other, by=Actor.staff(people.alice), at=NOW)) == OfferState.DECLINED
    assert Extension.objects.count() == 0


@pytest.mark.parametrize(
    ("amount", "days", "code"),
    [(200_00, 5, "amount"), (0, 5, "amount"), (150_00, 31, "pay_by"), (150_00, -1, "pay_by")],
)
def test_terms_of_a_settlement_that_do_not_hold(old, people, amount, days, code):
    with pytest.raises(AgreementRefused) as refused:
        settlement(old, people.bob, amount=amount, days=days)
    assert refused.value.code == code


def test_a_settlement_comes_late_or_not_at_all(case, people):
    with pytest.raises(AgreementRefused) as refused:
        settlement(case, people.bob, amount=100_00)
    assert (refused.value.code, refused.value.params) == ("too_early", {"least": 60})


def test_forgiving_more_than_a_supervisor_may_is_not_asked_for(old, people):
    approval = settlement(old, people.alice, amount=140_00)
    assert approval.beyond == ["settlement_percent"]
    with pytest.raises(AgreementRefused) as refused:
        settlement(old, people.bob, amount=139_99)
    assert refused.value.code == "beyond_everybody"


def test_more_than_a_supervisor_may_forgive_is_for_somebody_of_legal_to_answer(people):
    team = people.alice.team
    portfolio = make_portfolio(
        "far", team=team, terms={"authority": AUTHORITY | {"legal": {"settlement_percent": 60}}}
    )
    far = make_case(portfolio, principal=200_00, due_on=days_ago(70))
    approval = settlement(far, people.bob, amount=80_00)
    assert (approval.beyond, approval.requested_by, approval.approved) == (
        ["settlement_percent"], people.bob, None
    )  # fmt: skip
    second = make_user(role="supervisor", team=team)
    with pytest.raises(ApprovalRefused) as refused:
        answer_approval(approval=approval, approve=True, person=second, at=NOW)
    assert (refused.value.code, waivers(far)) == ("authority", [])
    with pytest.raises(PermissionDenied):
        answer_approval(approval=approval, approve=True, person=make_user(role="compliance"), at=NOW)
    answer_approval(approval=approval, approve=True, person=make_user(role="legal"), at=NOW)
    offer = Offer.objects.get(case=far)
    assert (offer.state, offer.amount, offer.owed) == (OfferState.AGREED, 80_00, 200_00)
    pay(far, 80_00, days=3)
    assert (state(offer), waivers(far), fresh(far).state) == (
        OfferState.DONE,
        [(0, 0, -120_00, 0)],
        CaseState.SETTLED,
    )
    with pytest.raises(AgreementRefused) as beyond:
        settlement(make_case(portfolio, principal=200_00, due_on=days_ago(70)), people.bob, amount=79_99)
    assert beyond.value.code == "beyond_everybody"


def test_legal_answers_settlements_and_nothing_else(old, people):
    approval = propose(old, people.alice, "extension", days=20)
    with pytest.raises(PermissionDenied):
        answer_approval(approval=approval, approve=True, person=make_user(role="legal"), at=NOW)


def test_a_closing_case_needs_its_offers_no_longer(old, people):
    offer = settlement(old, people.bob, agreed=False)
    receive(
        portfolio=old.portfolio,
        loan=old.loan,
        reference="all",
        amount=200_00,
        value_date=TODAY,
        by=SYSTEM,
        at=NOW,
    )
    run_day(date=TODAY, by=SYSTEM, at=NOW)
    assert (fresh(old).state, state(offer)) == (CaseState.CURED, OfferState.WITHDRAWN)


# What the database holds

ATTACKS = [
    "UPDATE cases_offer SET amount = 1",
    "UPDATE cases_offer SET state = 'done', answered_at = offered_at, ended_at = offered_at",
    "UPDATE cases_offer SET pay_by = pay_by + 100",
    "DELETE FROM cases_offer",
    "TRUNCATE cases_offer",
    "INSERT INTO cases_offer SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(),"
    " 'kind', 'settlement', 'state', 'agreed'))).* FROM cases_offer o",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_holds_offers(old, people, attack):
    offer = settlement(old, people.bob)
    pay(old, 149_99, days=1)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    assert state(offer) == OfferState.AGREED


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE accounts_extension SET days = 300",
        "DELETE FROM accounts_extension",
        "TRUNCATE accounts_extension",
    ],
)
def test_the_database_holds_extensions(old, people, attack):
    propose(old, people.alice, "extension", days=14)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_what_is_over_does_not_come_back(old, people):
    offer = settlement(old, people.bob, agreed=False)
    decline_offer(offer=offer, by=SYSTEM, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE cases_offer SET state = 'offered', ended_at = NULL, answered_at = NULL")
