"""Documents and the legal stage in real browsers: what was taken in and made is seen, a letter goes out by two people."""

from types import SimpleNamespace

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Document
from cases.actions.payments import record_payment
from cases.demo import files
from cases.models import CaseState, LegalStep
from tests.cases.stories import DAY, fresh, make_case
from tests.cases.test_legal import ready_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def portfolio():
    return make_portfolio("river")


@pytest.fixture
def people(portfolio):
    alice, bob, _charlie = make_people(portfolio)
    return SimpleNamespace(
        alice=alice, bob=bob, lena=make_user("lena", role="legal"), omar=make_user("omar", role="legal")
    )


def take_in(page: Page, kind: str, name: str, content: bytes) -> None:
    page.get_by_label("What it is").select_option(label=kind)
    page.get_by_label("File").set_input_files(
        {"name": name, "mimeType": "application/pdf", "buffer": content}
    )
    page.get_by_role("button", name="Keep it").click()


def look_into(page: Page) -> None:
    page.get_by_role("button", name="To check what the borrower gave us").click()
    expect(page.locator("#main")).to_contain_text("open for two minutes")


def test_documents_are_taken_in_by_what_they_are_and_seen_in_the_page(open_as, portfolio, people):
    case = make_case(portfolio, principal=100_00)
    page = open_as(people.alice, reverse("case", args=[case.pk]))
    page.keyboard.press("d")
    page.wait_for_url("**/documents/")
    take_in(page, "Receipt", "receipt.pdf", b"PK\x03\x04\x00\x00")
    expect(page.locator("#main")).to_contain_text("By its content this is no whole PDF")
    take_in(page, "Receipt", "receipt.pdf", files.png(20))
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator("#main img")).to_have_count(0)
    look_into(page)
    picture = page.get_by_role("img", name="Receipt")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 360
    page.get_by_role("link", name="All documents").click()
    take_in(page, "Contract", "contract.pdf", files.pdf("Loan contract"))
    page.get_by_role("link", name="Contract").click()
    look_into(page)
    expect(page.locator("iframe[title=Contract]")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("English", {"Statement of account": "Statement of account", "Payoff quotation": "Payoff quotation"}),
        ("简体中文", {"Statement of account": "对账单", "Payoff quotation": "提前结清报价单"}),
    ],
    ids=["English", "Chinese"],
)
def test_papers_are_made_and_read_in_both_languages(open_as, portfolio, people, language, titles):
    case = make_case(portfolio, principal=100_00)
    page = open_as(people.alice, reverse("case_documents", args=[case.pk]))
    for paper, title in titles.items():
        page.get_by_label("Document", exact=True).select_option(label=paper)
        page.get_by_label("Language", exact=True).select_option(label=language)
        page.get_by_role("button", name="Make it").click()
        look_into(page)
        expect(page.frame_locator("iframe").locator("h1")).to_have_text(title)
        expect(page.frame_locator("iframe").locator("body")).to_contain_text("100.00")
        page.get_by_role("link", name="All documents").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_certificate_only_when_all_is_paid(open_as, portfolio, people):
    case = make_case(portfolio, principal=100_00)
    page = open_as(people.bob, reverse("case_documents", args=[case.pk]))
    for settled in (False, True):
        page.get_by_label("Document", exact=True).select_option(label="Settlement certificate")
        page.get_by_label("Language", exact=True).select_option(label="简体中文")
        page.get_by_role("button", name="Make it").click()
        if not settled:
            expect(page.locator("#main")).to_contain_text(
                "Something is still owed on this loan; it is not settled."
            )
            record_payment(case=case, amount=100_00, value_date=TODAY, reference="P-1", by=SYSTEM, at=NOW)
    look_into(page)
    expect(page.frame_locator("iframe").locator("h1")).to_contain_text("结清证明")
    assert Document.objects.get().language == "zh-hans"


def test_to_legal_by_two_people_and_the_letter_before_action(open_as, clock, contract, portfolio, people):
    case = ready_case(portfolio, people)
    asking = open_as(people.bob, reverse("case", args=[case.pk]))
    asking.keyboard.press("t")
    form = asking.locator("#conversation")
    form.get_by_label("Why nothing milder is left").fill("Three offers were talked over; none was taken.")
    form.get_by_role("button", name="Ask the second person").click()
    expect(asking.locator("#law")).to_contain_text(
        "A second person has been asked whether the case goes to legal."
    )
    approving = open_as(people.lena, reverse("approvals"))
    expect(approving.locator("#approvals")).to_contain_text("Three offers were talked over; none was taken.")
    approving.get_by_role("button", name="Approve", exact=True).click()
    expect(approving.locator("#approvals")).to_contain_text("Nobody is waiting for you")
    assert fresh(case).state == CaseState.LEGAL
    page = open_as(people.omar, reverse("case_documents", args=[case.pk]))
    take_in(page, "Letter", "letter.pdf", files.pdf("Letter before action"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(reverse("case_law", args=[case.pk]))
    page.get_by_label("Step", exact=True).select_option(label="Letter before action")
    page.get_by_label("Taken on").fill(str(TODAY))
    page.get_by_label("Answer or hearing on").fill(str(TODAY + 13 * DAY))
    page.get_by_label("Document", exact=True).select_option(index=1)
    page.get_by_label("Cost in USD").fill("12.50")
    page.get_by_role("button", name="Record the step").click()
    expect(page.locator("#main")).to_contain_text(
        "The borrower has time to answer at least until 17 Mar 2026."
    )
    page.get_by_label("Answer or hearing on").fill(str(TODAY + 14 * DAY))
    page.get_by_role("button", name="Record the step").click()
    steps = page.get_by_role("region", name="Steps", exact=True)
    expect(steps).to_contain_text("Letter before action")
    expect(steps).to_contain_text("$12.50")
    assert LegalStep.objects.get().document.kind == "letter"
