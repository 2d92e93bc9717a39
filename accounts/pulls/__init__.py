"""Providers that draw money under a mandate, one file each behind one small contract. How to add one: a module with a
`PROVIDER`, a line in `_PROVIDERS` for what it draws from.

with provider("wallet").line() as line:         # raises ProviderDown: nothing was asked ...
    balance = line.balance(instrument)          # None: nobody knows
    # the debit is decided and committed here ...
    answer = line.pull(order)                   # raises LeftUnknown: nobody can know whether it was drawn
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol

from django.conf import settings

_PROVIDERS: dict[str, str] = {}
# A demo draws nothing from anybody: what would be drawn is kept in the process.
_IN_A_DEMO = "accounts.pulls.recording"


class ProviderDown(Exception):
    """The provider cannot be reached, or is not configured. Certainly nothing was drawn; later it may work."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LeftUnknown(Exception):
    """The money may have been drawn or not. It is never drawn again by itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be drawn. `key` is ours and the same whatever happens: the provider's idempotency key."""

    key: str
    instrument: str
    amount: int  # minor units
    currency: str
    floor: int | None  # for providers that can hold it themselves


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the provider said: drawn, or certainly not. `reason` is a short code, `reference` the provider's own number."""

    drawn: bool
    reference: str = ""
    reason: str = ""


class Line(Protocol):
    """An open connection to a provider."""

    def balance(self, instrument: str) -> int | None:
        """Minor units that could be drawn; None where the provider does not tell."""
        ...

    def pull(self, order: Order) -> Answer:
        """Raises `LeftUnknown` where the provider left us not knowing; anything else it raises counts as that. Answers, or
        raises, within a minute."""
        ...


class Provider(Protocol):
    def line(self) -> AbstractContextManager[Line]:
        """Raises `ProviderDown`."""
        ...


def provider(source: str) -> Provider:
    """Who draws from a source. Raises `ProviderDown` where nobody does here."""
    if _in_place:
        return _in_place[-1]
    name = _PROVIDERS.get(source) or (_IN_A_DEMO if settings.DEMO else "")
    if not name:
        raise ProviderDown("no_provider")
    return _own(name)


@cache
def _own(module: str) -> Provider:
    return import_module(module).PROVIDER


_in_place: list[Provider] = []


@contextmanager
def everything_by(adapter: Provider) -> Iterator[None]:
    """For a while, in this process, everything is drawn by this adapter: for a simulation, which must draw from nobody."""
    _in_place.append(adapter)
    try:
        yield
    finally:
        _in_place.remove(adapter)
