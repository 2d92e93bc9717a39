"""Offers and reasons at the desk."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from cases.actions.notes import record_reason
from cases.actions.payments import record_payment
from cases.models import Approval, Offer, OfferState, Reason
from cases.reasons import REASONS, ArrearsReason, Past, group_of, suggest
from tests.cases.stories import DAY, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio

PAST = Past(
    days_past_due=70, extensions_left=1, settlement_from=60, charged=True, broken=False, plan_runs=False
)


@pytest.fixture
def people(db):
    return make_people(make_portfolio())


@pytest.fixture
def case(people):
    return make_case(people.alice.team.portfolios.get(), principal=200_00, due_on=days_ago(70))


def test_an_agent_offers_a_later_day_and_the_page_says_so(client, clock, case, people):
    client.force_login(people.alice)
    page = client.get(reverse("case", args=[case.pk]), {"open": "extension"}).content.decode()
    assert "up to 14 days by yourself" in page
    client.post(reverse("case_extension", args=[case.pk]), {"days": "7", "agreed": "on", "note": ""})
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert "7 days later" in page
    assert "The borrower agreed: Later day" in page
    assert "63" in page


def test_beyond_the_limit_a_second_person_is_asked_who_reads_what_it_is(
    client, clock, case, people, messages
):
    client.force_login(people.alice)
    answer = client.post(
        reverse("case_settlement", args=[case.pk]),
        {"amount": "150", "pay_by": str(TODAY + 9 * DAY), "note": "Her brother lends it.", "agreed": "on"},
        follow=True,
    )
    assert messages(answer) == ["This goes beyond your own authority: a second person has been asked."]
    client.force_login(people.bob)
    page = client.get(reverse("approvals")).content.decode()
    assert "Her brother lends it." in page
    assert "150.00" in page
    client.post(reverse("approval_answer", args=[Approval.objects.get().pk]), {"answer": "yes", "note": ""})
    assert Offer.objects.get().state == OfferState.AGREED


def test_what_does_not_hold_is_said_with_the_form_open(client, clock, case, people):
    client.force_login(people.bob)
    answer = client.post(reverse("case_waiver", args=[case.pk]), {"fees": "5", "note": "", "agreed": "on"})
    assert answer.status_code == 422
    assert "Only what is owed can be forgiven" in answer.content.decode()
    assert Offer.objects.count() == 0


def test_the_borrowers_yes_and_no_are_recorded_from_the_page(client, clock, case, people):
    client.force_login(people.bob)
    terms = {"amount": "150", "pay_by": str(TODAY + 9 * DAY), "note": ""}
    client.post(reverse("case_settlement", args=[case.pk]), terms)
    offer = Offer.objects.get()
    assert offer.state == OfferState.OFFERED
    assert "The borrower agrees" in client.get(reverse("case", args=[case.pk])).content.decode()
    client.post(reverse("case_offer_answer", args=[case.pk]), {"offer": offer.pk, "answer": "yes"})
    offer.refresh_from_db()
    assert offer.state == OfferState.AGREED


def promised(client, case):
    [offer] = client.get(reverse("case", args=[case.pk])).context["offers"]
    return offer.status, [each.replace("\xa0", " ") for each in offer.promised]


def test_a_settlement_says_what_it_promises_until_when_and_what_lapses(client, clock, case, people):
    client.force_login(people.bob)
    terms = {"amount": "150", "pay_by": str(TODAY + 9 * DAY), "note": ""}
    client.post(reverse("case_settlement", args=[case.pk]), terms)
    binding = [
        "Once $150.00 has come in, $50.00 of what was owed is forgiven; until then nothing is.",
        "If not all of it has come by 13 Mar 2026, it lapses: what was paid counts, and the rest stays owed.",
    ]  # a day of grace included
    unanswered = "Without an answer by 12 Mar 2026 it lapses, and nothing changes."
    assert promised(client, case) == ("offered until 12 Mar 2026", [*binding, unanswered])
    client.post(
        reverse("case_offer_answer", args=[case.pk]), {"offer": Offer.objects.get().pk, "answer": "yes"}
    )
    assert promised(client, case) == ("agreed", binding)
    record_payment(
        case=case, amount=150_00, value_date=TODAY, reference="P-1", by=SYSTEM, at=clock.go_on(hours=1)
    )  # fmt: skip
    assert promised(client, case) == ("carried out", [])


def test_a_waiver_names_what_it_forgives_and_a_later_day_what_it_moves(client, clock, people):
    case = make_case(people.alice.team.portfolios.get(), principal=200_00, interest=20_00, fees=5_00)
    client.force_login(people.bob)
    client.post(reverse("case_waiver", args=[case.pk]), {"fees": "5", "interest": "1.50", "note": ""})
    unanswered = "Without an answer by 17 Mar 2026 it lapses, and nothing changes."
    assert promised(client, case) == (
        "offered until 17 Mar 2026",
        ["With the borrower's yes, at once: $5.00 of fees, $1.50 of interest.", unanswered],
    )
    client.post(
        reverse("case_offer_answer", args=[case.pk]), {"offer": Offer.objects.get().pk, "answer": "no"}
    )
    client.post(reverse("case_extension", args=[case.pk]), {"days": "7", "note": ""})
    newest = client.get(reverse("case", args=[case.pk])).context["offers"][0]
    assert newest.promised == [
        "With the borrower's yes, what is late and what follows is due that much later.", unanswered
    ]  # fmt: skip


def test_nobody_answers_an_offer_of_another_case(client, clock, case, people):
    client.force_login(people.bob)
    client.post(
        reverse("case_settlement", args=[case.pk]),
        {"amount": "150", "pay_by": str(TODAY + 9 * DAY), "note": ""},
    )
    other = make_case(case.portfolio)
    answer = client.post(
        reverse("case_offer_answer", args=[other.pk]), {"offer": Offer.objects.get().pk, "answer": "yes"}
    )
    assert answer.status_code == 404


# Why it is late


def test_reasons_are_kept_one_by_one_and_the_newest_holds(client, clock, case, people):
    record_reason(case=case, reason="forgot", by=SYSTEM, at=NOW - DAY)
    client.force_login(people.alice)
    client.post(reverse("case_reason", args=[case.pk]), {"reason": "illness"})
    assert fresh(case).arrears_reason == "illness"
    told = list(Reason.objects.filter(case=case).values_list("code", "told_on"))
    assert told == [("illness", TODAY), ("forgot", TODAY - DAY)]
    page = client.get(reverse("case", args=[case.pk])).content.decode()
    assert "Let it rest for a while" in page
    assert "Give a later day" in page


@pytest.mark.parametrize(
    "attack",
    ["UPDATE cases_reason SET code = 'unwilling'", "DELETE FROM cases_reason", "TRUNCATE cases_reason"],
)
def test_the_database_keeps_reasons(case, attack):
    record_reason(case=case, reason="forgot", by=SYSTEM, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_every_reason_has_its_group_and_something_that_may_help():
    assert group_of("job_loss") == "economic"
    assert group_of("payment_trouble") == "non_economic"
    assert {code for codes in REASONS.values() for code in codes} == set(ArrearsReason.values)
    assert all(suggest(code, PAST) for code in ArrearsReason.values)


@pytest.mark.parametrize(
    ("reason", "change", "expected"),
    [
        ("", {}, []),
        ("job_loss", {}, ["plan", "extension", "settlement"]),
        ("job_loss", {"days_past_due": 59}, ["plan", "extension"]),
        ("job_loss", {"plan_runs": True, "extensions_left": 0}, ["settlement"]),
        ("forgot", {}, ["promise"]),
        ("forgot", {"broken": True}, ["plan", "promise"]),
        ("misunderstood_terms", {"charged": False}, ["promise"]),
        ("disaster", {"extensions_left": 0}, ["hold", "waiver"]),
    ],
)
def test_what_is_suggested_fits_the_day(reason, change, expected):
    assert suggest(reason, replace(PAST, **change)) == expected
