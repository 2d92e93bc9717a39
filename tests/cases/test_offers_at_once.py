"""Two people at the same moment on one offer: one of them wins, and limits hold for both together."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import EntryKind, LedgerEntry
from cases.actions.agreements import AgreementRefused
from cases.actions.offers import OfferTerms, accept_offer, propose_offer
from cases.models import Approval, Offer
from compliance.audit import Actor
from tests.cases.stories import make_case
from tests.factories import NOW, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db(transaction=True)
AUTHORITY = {"agent": {"waive_fees": 5_00}, "supervisor": {"waive_fees": 50_00}}


def at_once(*deeds):
    """What each of them came to: its result, or the code of its refusal."""
    together = Barrier(len(deeds))

    def run(deed):
        try:
            together.wait(timeout=30)
            return deed()
        except AgreementRefused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_two_agents_do_not_forgive_more_together_than_one_may(transactional_db):
    portfolio = make_portfolio(terms={"authority": AUTHORITY})
    people = make_people(portfolio)
    dan = make_user("dan", team=people.alice.team)
    case = make_case(portfolio, principal=100_00, fees=10_00)
    made = at_once(
        *(
            lambda user=user: propose_offer(
                case=case,
                terms=OfferTerms(kind="waiver", fees=3_00),
                agreed=True,
                note="Why.",
                user=user,
                at=NOW,
            )
            for user in (people.alice, dan)
        )
    )
    assert sorted(type(each).__name__ for each in made) == ["Approval", "Offer"]
    assert Approval.objects.get().beyond == ["waive_fees"]
    assert sum(LedgerEntry.objects.filter(kind=EntryKind.WAIVER).values_list("fees", flat=True)) == -3_00


def test_one_yes_counts_once(transactional_db):
    portfolio = make_portfolio(terms={"authority": AUTHORITY})
    people = make_people(portfolio)
    case = make_case(portfolio, principal=100_00, fees=10_00)
    offer = propose_offer(
        case=case,
        terms=OfferTerms(kind="waiver", fees=3_00),
        agreed=False,
        note="",
        user=people.alice,
        at=NOW,
    )
    said = at_once(
        *(lambda user=user: accept_offer(offer=offer, by=Actor.staff(user), at=NOW) for user in people[:2])
    )
    assert [each for each in said if isinstance(each, str)] == ["over"]
    assert Offer.objects.get().state == "done"
    assert list(LedgerEntry.objects.filter(kind=EntryKind.WAIVER).values_list("fees", flat=True)) == [-3_00]
