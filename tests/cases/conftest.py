"""A clock that stands still, so that a page tells the same at any hour of the day."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

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
