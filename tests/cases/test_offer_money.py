"""Whatever is waived, settled and paid, in any order: no component below zero, what is forgiven is what the waivers say,
and a settlement forgives nothing while it is not paid."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import EntryKind, LedgerEntry
from accounts.standing import standing_of
from cases.actions.agreements import AgreementRefused
from cases.actions.offer_ends import lapse_offers
from cases.actions.offers import PARTS, OfferTerms, make_offer
from cases.actions.payments import record_payment
from cases.models import CaseState, Offer, OfferKind, OfferState
from tests.cases.stories import DAY, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_portfolio

pytestmark = pytest.mark.django_db
EVERYTHING = {
    "supervisor": {
        "waive_fees": 10_000, "waive_interest": 10_000, "waive_principal": 10_000, "settlement_percent": 99,
        "extension_days": 30,
    }
}  # fmt: skip
cents = st.integers(1, 120)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("waive"), st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 80))),
        st.tuples(st.just("settle"), st.tuples(cents, st.integers(0, 20))),
        st.tuples(st.just("extend"), st.integers(1, 30)),
        st.tuples(st.just("pay"), st.tuples(cents, st.integers(0, 6))),
        st.tuples(st.just("days"), st.integers(1, 15)),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_no_sequence_forgives_what_was_not_agreed_or_paid(steps):
    with transaction.atomic():
        portfolio = make_portfolio(terms={"authority": EVERYTHING, "extension_most_times": 9})
        case = make_case(portfolio, principal=1_00, interest=30, fees=20, due_on=days_ago(90))
        day = 0
        for number, (deed, what) in enumerate(steps):
            at = NOW + day * DAY + timedelta(minutes=number + 1)
            if deed == "days":
                day += what
                at = NOW + day * DAY + timedelta(minutes=number + 1)
                lapse_offers(portfolio=portfolio, on=TODAY + day * DAY, by=SYSTEM, at=at)
            elif fresh(case).is_open:
                act(case, deed, what, day, number, at)
            holds(case, TODAY + day * DAY)
        transaction.set_rollback(True)


def act(case, deed, what, day, number, at):
    if deed == "pay":
        amount, back = what
        record_payment(
            case=case,
            amount=amount,
            value_date=TODAY + (day - back) * DAY,
            reference=f"P{number}",
            by=SYSTEM,
            at=at,
        )
        return
    if deed == "waive":
        terms = OfferTerms(kind="waiver", **dict(zip(PARTS, what, strict=True)))
    elif deed == "extend":
        terms = OfferTerms(kind="extension", days=what)
    else:
        terms = OfferTerms(kind="settlement", amount=what[0], pay_by=TODAY + (day + what[1]) * DAY)
    with suppress(AgreementRefused):
        make_offer(case=case, terms=terms, agreed=True, by=SYSTEM, at=at)


def holds(case, on):
    found = standing_of([case.loan_id], on)[case.loan_id]
    assert min(found.fees, found.interest, found.principal, found.credit) >= 0
    assert found.outstanding == found.fees + found.interest + found.principal - found.credit
    waived = LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER)
    offers = {offer.pk: offer for offer in Offer.objects.filter(case=case)}
    expected = sum(
        offer.fees + offer.interest + offer.principal
        for offer in offers.values()
        if (offer.kind, offer.state) == (OfferKind.WAIVER, OfferState.DONE)
    )
    by_settlement = [entry for entry in waived if entry.reference.startswith("settlement:")]
    assert -sum(entry.amount for entry in waived) == expected - sum(entry.amount for entry in by_settlement)
    settled = [
        offer for offer in offers.values()
        if (offer.kind, offer.state) == (OfferKind.SETTLEMENT, OfferState.DONE)
    ]  # fmt: skip
    assert len(by_settlement) <= len(settled) <= 1
    for offer in settled:
        paid = LedgerEntry.objects.filter(
            loan=case.loan_id, kind=EntryKind.REPAYMENT, value_date__gte=offer.offered_on,
            booked_at__gt=offer.offered_at,
        )  # fmt: skip
        assert -sum(entry.amount for entry in paid) >= offer.amount
    assert (fresh(case).state == CaseState.SETTLED) == bool(settled)
    if not fresh(case).is_open:
        assert not Offer.objects.live().filter(case=case).exists()
