"""Agreements in the browsers of an agent and a supervisor: plans, offers and holds, from the form to what the case says."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from cases.actions.payments import record_payment
from cases.models import Case, CaseMessage, CaseState, Plan
from communications.actions.texts import load_texts
from tests.cases.stories import call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people():
    load_texts(by=SYSTEM, at=NOW)
    return make_people(make_portfolio("river"))


@pytest.fixture
def case(people) -> Case:
    """Seventy days late and talked about; 200 of principal, 20 of interest, 5 of fees."""
    case = make_case(
        people.alice.team.portfolios.get(), principal=200_00, interest=20_00, fees=5_00, due_on=days_ago(70)
    )
    call(case, people.alice, "cannot_pay")
    return fresh(case)


def url(case: Case) -> str:
    return reverse("case", args=[case.pk])


def words(page: Page, selector: str) -> str:
    return " ".join(page.locator(selector).inner_text().replace("\xa0", " ").split())


def say_yes(page: Page, what: str) -> None:
    """The second person reads what is asked and approves it."""
    expect(page.locator("#approvals")).to_contain_text(what)
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("#approvals")).to_contain_text("Nobody is waiting for you")


def test_a_plan_from_what_is_affordable_to_its_instalments(open_as, case, people):
    page = open_as(people.alice, url(case))
    page.keyboard.press("l")
    page.get_by_role("link", name="Ask what is affordable first").click()
    page.get_by_label("Income a month").fill("2,000")
    page.get_by_label("Essential expenses a month").fill("1,700")
    page.get_by_label("Other debts a month").fill("50")
    page.get_by_role("button", name="Keep the figures").click()
    form = page.locator("#conversation")
    expect(form).to_contain_text("a month is sustainable")
    ways = form.get_by_role("table", name="Ways to pay").locator("tbody tr")
    offered = ways.count()
    assert offered > 1
    count = int(ways.first.locator("td").nth(1).inner_text())
    form.get_by_label("Parts").fill(str(count))
    expect(form.get_by_role("table", name="Instalments").locator("tbody tr")).to_have_count(count)
    form.get_by_role("button", name="Agree on the plan").click()
    agreed = page.get_by_role("region", name="Agreements")
    expect(agreed).to_contain_text(f"in {count} parts")
    agreed.get_by_text(f"{count} instalments").click()
    lines = agreed.locator("details li .amount").all_inner_texts()
    amounts = [float(re.search(r"[\d.]+", line)[0]) for line in lines]
    assert (len(amounts), sum(amounts)) == (count, 225.00)
    agreed.get_by_role("link", name="What the borrower was shown").click()
    expect(page.locator("#main")).to_contain_text("Owed then: $225.00.")
    assert page.locator("#main table").count() == 1 + offered


def test_a_plan_beyond_the_agents_limit_is_agreed_by_a_second_person(open_as, case, people):
    page = open_as(people.alice, url(case))
    page.keyboard.press("l")
    form = page.locator("#conversation")
    form.get_by_label("Parts").fill("15")
    form.get_by_label("Note").fill("Her wages come in small parts.")
    form.get_by_role("button", name="Agree on the plan").click()
    form.get_by_role("button", name="Ask a second person").click()
    expect(page.locator("body")).to_contain_text("A second person has been asked.")
    assert not Plan.objects.exists()
    say_yes(open_as(people.bob, reverse("approvals")), "Her wages come in small parts.")
    page.reload()
    expect(page.get_by_role("region", name="Agreements")).to_contain_text("$225.00 in 15 parts")


def test_a_settlement_from_the_offer_over_a_second_person_to_its_money(open_as, clock, case, people):
    page = open_as(people.alice, url(case))
    page.keyboard.press("s")
    form = page.locator("#conversation")
    form.get_by_label("Amount that settles it").fill("180")
    form.get_by_label("The borrower has agreed to it").check()
    form.get_by_label("Why this is right").fill("His brother lends it.")
    form.get_by_role("button", name="Offer").click()
    expect(page.locator("body")).to_contain_text("a second person has been asked")
    say_yes(open_as(people.bob, reverse("approvals")), "His brother lends it.")
    page.reload()
    offers = page.get_by_role("region", name="Offers")
    expect(offers).to_contain_text("agreed")
    expect(offers).to_contain_text(
        "Once $180.00 has come in, $45.00 of what was owed is forgiven; until then nothing is."
    )
    assert letters(case) == ["settlement_agreed"]
    record_payment(
        case=case, amount=180_00, value_date=TODAY, reference="P-1", by=SYSTEM, at=clock.go_on(minutes=5)
    )  # fmt: skip
    page.reload()
    expect(offers).to_contain_text("carried out")
    expect(page.locator("#conversation")).to_contain_text("This case is closed")
    assert fresh(case).state == CaseState.SETTLED
    assert letters(case) == ["settlement_agreed", "settlement_completed"]


def letters(case: Case) -> list[str]:
    found = CaseMessage.objects.filter(case=case).order_by("message")
    return list(found.values_list("message__template_version__template__key", flat=True))


def test_a_waiver_and_a_later_day_at_once_and_refused(open_as, case, people):
    page = open_as(people.bob, url(case))
    page.keyboard.press("v")
    form = page.locator("#conversation")
    form.get_by_label("Fees").fill("6")
    form.get_by_label("Why this is right").fill("The fee came from our own error.")
    form.get_by_role("button", name="Forgive this much").click()
    expect(form).to_contain_text("Only what is owed can be forgiven")
    form.get_by_label("Fees").fill("5")
    form.get_by_role("button", name="Forgive this much").click()
    offers = page.get_by_role("region", name="Offers")
    expect(offers).to_contain_text("$5.00 forgiven")
    expect(page.locator(".adds")).to_have_count(2)  # principal and interest
    page.keyboard.press("e")
    form.get_by_label("Days later").fill("7")
    form.get_by_label("The borrower has agreed to it").uncheck()
    form.get_by_role("button", name="Offer the later day").click()
    expect(offers).to_contain_text("Without an answer by 17 Mar 2026 it lapses, and nothing changes.")
    offers.get_by_role("button", name="The borrower agrees").click()
    expect(page.locator(".case-who")).to_contain_text("63 days late")
    assert letters(case) == ["waiver_agreed", "extension_agreed"]


def test_what_is_owed_opens_the_bookings_it_is_made_of(open_as, case, people):
    record_payment(case=case, amount=12_00, value_date=days_ago(9), reference="P-1", by=SYSTEM, at=NOW)
    page = open_as(people.alice, url(case))
    interest = page.locator(".adds", has_text="interest").last
    expect(interest.locator("li").first).not_to_be_visible()
    interest.locator("summary").press("Enter")
    assert [
        " ".join(line.replace("\xa0", " ").split()) for line in interest.locator("li").all_inner_texts()
    ] == [
        "Opening amount 23 Nov 2025 $20.00",
        "Repayment 22 Feb 2026 entered later, on 3 Mar 2026 -$7.00",
    ]
    assert words(page, ".adds:nth-of-type(2) summary") == "interest $13.00"


def test_a_hold_lists_what_it_stops_stops_it_and_is_ended(open_as, case, people):
    page = open_as(people.alice, url(case))
    page.keyboard.press("h")
    form = page.locator("#conversation")
    form.get_by_text("Bankruptcy", exact=False).first.click()
    form.get_by_label("What was said or seen").fill("The court opened it.")
    form.get_by_role("button", name="Put on hold").click()
    holds = page.get_by_role("region", name="Holds")
    for stopped in ("asking for payment, by every channel", "ageing", "legal steps", "handing to an agency"):
        expect(holds).to_contain_text(stopped)
    holds.get_by_text("Write down what shows it").click()
    holds.get_by_label("Where it is found").fill("26-10123")
    holds.get_by_role("button", name="Write down").click()
    expect(holds).to_contain_text("26-10123")
    expect(page.locator("#strip")).to_contain_text("bankrupt", ignore_case=True)
    expect(page.locator("#who").get_by_role("button", name="Call")).to_have_count(0)
    chief = open_as(people.bob, url(case))
    theirs = chief.get_by_role("region", name="Holds")
    theirs.get_by_text("End this hold").first.click()
    theirs.get_by_label("Why it ends").select_option(label="It is cleared up")
    theirs.get_by_role("button", name="End this hold").click()
    expect(chief.locator("#strip")).to_contain_text("no hold")
    expect(theirs).to_have_count(0)
