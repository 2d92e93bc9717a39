"""One line of a timeline, and what its maker is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Line:
    """What a sentence maker gives: the entry without its moment and its person."""

    icon: str
    text: str
    tone: str = ""
    words: str = ""


@dataclass
class Told:
    """What the sentence makers look things up in, besides an event's own data."""

    zone: ZoneInfo
    names: dict[str, str] = field(default_factory=dict)  # pseudonym → name of staff
    attempts: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)  # attempts with one
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → channel, key of its text
    notes: dict[str, str] = field(default_factory=dict)


Data = dict[str, Any]
Maker = Callable[[Data, Told], Line | None]


def label(choices: Any, value: str) -> str:
    """The label of a choice; a code nobody knows any more stays readable."""
    return str(choices(value).label) if value in choices.values else value
