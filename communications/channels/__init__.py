"""Ways to send, one file each behind one small contract. How to add one: a module with a `Channel`, a line in
`_CHANNELS`.

with channel("email").line() as line:       # raises ChannelDown: nothing has left ...
# the permit is spent and committed here answer = line.send(outgoing)            # raises LeftUnknown: nobody
can know whether it left

A line is opened first, so that a provider who is down costs the borrower none of their contacts.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol

_CHANNELS = {"email": "communications.channels.email"}


class ChannelDown(Exception):
    """The provider cannot be reached, or is not configured. Certainly nothing has left; later it may work."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LeftUnknown(Exception):
    """The message may have left or not. It is never sent again by itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message as it goes out. `key` is ours and the same whatever happens: the provider's idempotency
    key, where it takes one.
    """

    key: str
    address: str
    sender: str  # the lender's name
    subject: str
    body: str
    language: str


@dataclass(frozen=True, kw_only=True)
class ProviderAnswer:
    """What the provider said: it took the message over, or certainly not.

    `permanent`: asking again will not help. `bad_address`: because nobody receives there. `reason` is a short
    code.
    """

    accepted: bool
    reference: str = ""
    permanent: bool = False
    bad_address: bool = False
    reason: str = ""


class Line(Protocol):
    """An open connection to a provider."""

    def send(self, outgoing: Outgoing) -> ProviderAnswer:
        """Raises `LeftUnknown` where the provider left us not knowing; anything else it raises counts as
        that.
        """
        ...


class Channel(Protocol):
    """One way to send. `configured`: whether this installation has what it needs."""

    def configured(self) -> bool: ...

    def line(self) -> AbstractContextManager[Line]:
        """Raises `ChannelDown`."""
        ...


def channel(name: str) -> Channel:
    """The adapter of a channel. Raises `ChannelDown` for one this product does not send by."""
    return _in_place.get(name) or _own(name)


@cache
def _own(name: str) -> Channel:
    try:
        module = _CHANNELS[name]
    except KeyError:
        raise ChannelDown("channel_unknown") from None
    return import_module(module).CHANNEL


_in_place: dict[str, Channel] = {}


@contextmanager
def everything_by(adapter: Channel) -> Iterator[None]:
    """For a while, in this process, every channel is this adapter: for a simulation, which must reach nobody."""
    before = dict(_in_place)
    _in_place.update(dict.fromkeys(_CHANNELS, adapter))
    try:
        yield
    finally:
        _in_place.clear()
        _in_place.update(before)


def configured() -> list[str]:
    """Names of the channels that can send here, in alphabetical order."""
    return sorted(name for name in _CHANNELS if channel(name).configured())
