"""A clock that stands still, so that a page tells the same at any hour of the day."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import User
from tests.conftest import sign_in
from tests.factories import NOW, TODAY


class Clock:
    """What time it is for the pages of this process: noon of a Tuesday in New York, until it is set."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at

    def go_on(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def contract(monkeypatch) -> None:
    """The signed contract of every loan is in the house."""
    monkeypatch.setattr("cases.evidence.has_document", lambda case, kind: TODAY)


@pytest.fixture
def messages() -> Callable[..., list[str]]:
    """What a page says that has just happened."""
    return lambda answer: [str(message) for message in answer.context["messages"]]


@pytest.fixture
def open_as(open_browser: Callable[[], Page], live_server, clock: Clock) -> Callable[[User, str], Page]:
    """A browser in which this person has signed in, at an address of the site."""

    def open_one(user: User, address: str) -> Page:
        page = open_browser()
        sign_in(page, live_server.url, user)
        page.goto(address)
        return page

    return open_one
