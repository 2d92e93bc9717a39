"""Keys and drafts in a real browser: what a person's hands do, and what stays in the tab."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from accounts.models import Role, User
from tests.conftest import sign_in
from tests.factories import make_user

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("tests.collections_site.shell_urls"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def agent() -> User:
    return make_user("amina", role=Role.AGENT)


@pytest.fixture
def page(open_browser: Callable[[], Page], live_server, agent: User) -> Page:
    """The page with keys, the agent signed in."""
    page = open_browser()
    sign_in(page, live_server.url, agent)
    page.goto("/queue/")
    return page


def pressed(page: Page) -> str:
    return page.inner_text("#pressed")


def type_key(page: Page, **event: object) -> None:
    """A key as an input method reports it, which Playwright's keyboard cannot."""
    page.evaluate(
        "event => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...event}))", event
    )


def drafts(page: Page) -> dict[str, object]:
    stored = json.loads(page.evaluate("JSON.stringify(sessionStorage)"))
    return {key: json.loads(value) for key, value in stored.items() if key.startswith("draft:")}


def test_one_key_presses_its_button(page):
    page.keyboard.press("p")
    page.wait_for_function("document.querySelector('#pressed').textContent !== ''")
    assert pressed(page) == "promise"


def test_a_capital_is_the_same_key(page):
    page.keyboard.press("Shift+P")
    page.wait_for_function("document.querySelector('#pressed').textContent !== ''")
    assert pressed(page) == "promise"


def test_keys_rest_while_one_types(page):
    page.keyboard.press("m")
    page.keyboard.type("pay in parts")
    assert page.input_value("#note") == "pay in parts"
    assert pressed(page) == ""
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.parametrize("chord", ["Control+p", "Alt+p", "Meta+p"])
def test_keys_with_a_modifier_belong_to_the_browser(page, chord):
    page.evaluate("window.print = () => {}")
    page.keyboard.press(chord)
    assert pressed(page) == ""


@pytest.mark.parametrize(
    "event", [{"key": "p", "isComposing": True}, {"key": "p", "keyCode": 229}, {"key": "p", "repeat": True}]
)
def test_keys_rest_while_chinese_is_composed_and_when_held(page, event):
    type_key(page, **event)
    assert page.evaluate("document.querySelector('#pressed').textContent") == ""


def test_a_greyed_button_can_be_reached_but_not_pressed(page):
    page.keyboard.press("g")
    assert page.evaluate("document.activeElement.textContent") == "Greyed"


def test_an_open_form_takes_the_keys(page):
    page.goto("/queue/?form")
    page.keyboard.press("p")
    assert page.is_checked("[name=outcome]")
    assert pressed(page) == ""


@pytest.mark.parametrize("key", ["?", "？"])
def test_the_overlay_lists_what_can_be_pressed(page, key):
    type_key(page, key=key)
    assert page.locator("#keys li").all_inner_texts() == [
        "N\nNext case",
        "P\nPromise",
        "G\nGreyed",
        "M\nNote",
    ]
    page.keyboard.press("Escape")
    assert not page.is_visible("#keys")


def test_who_turned_keys_off_has_none(page, agent):
    User.objects.filter(pk=agent.pk).update(shortcuts=False)
    page.reload()
    page.keyboard.press("p")
    type_key(page, key="?")
    assert not page.is_visible("#keys")
    assert not page.is_visible(".key >> nth=0")
    assert pressed(page) == ""


def test_a_draft_outlives_a_reload_and_goes_when_it_is_saved(page):
    page.fill("#note", "ill since Monday")
    assert drafts(page) == {"draft:case-1:note": {"text": "ill since Monday"}}
    page.reload()
    assert page.input_value("#note") == "ill since Monday"
    page.click("text=Promise")
    page.wait_for_function("document.querySelector('#pressed').textContent !== ''")
    assert page.input_value("#note") == ""
    assert drafts(page) == {}
    assert page.evaluate("localStorage.length") == 0


def test_signing_out_takes_the_drafts_along(page):
    page.fill("#note", "ill since Monday")
    page.click("details.menu > summary")
    page.click("text=Sign out")
    page.wait_for_url("**/sign-in/")
    assert drafts(page) == {}
