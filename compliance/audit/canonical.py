"""Canonical JSON of a leaf: RFC 8785, restricted so that every library agrees on the bytes.

ASCII keys, no floats, integers within ±(2^53−1), NFC text without lone surrogates, at most 16 KiB. Inside this subset
`json.dumps` with sorted keys is byte-identical to RFC 8785.
"""

import json
import unicodedata
from typing import Any
from uuid import UUID

MAX_BYTES = 16 * 1024
MAX_INTEGER = 2**53 - 1


class NotCanonical(ValueError):
    """The value has no place in a leaf; the message names where."""


def canonical(value: dict[str, Any], *, limit: int = MAX_BYTES) -> bytes:
    """The exact bytes that are stored and hashed. `limit` is for what is kept beside the log. Raises `NotCanonical`."""
    _check(value, "leaf")
    return _measured(_ENCODER.encode(value).encode(), limit)


def _measured(leaf: bytes, limit: int) -> bytes:
    if len(leaf) > limit:
        raise NotCanonical(f"leaf has {len(leaf)} bytes, more than {limit}")
    return leaf


class Leaves:
    """The leaves of events that share type, moment, stream and actor. Their frame is made once, with its keys in the order
    that `canonical` gives them; each leaf is byte for byte what `canonical` makes of the whole."""

    def __init__(
        self, event_type: str, *, v: int, at: str, stream: dict[str, str], actor: dict[str, str]
    ) -> None:
        frame = {"v": v, "type": event_type, "at": at, "stream": stream, "actor": actor}
        _check(frame, "leaf")
        text = {key: _ENCODER.encode(value) for key, value in frame.items()}
        self._head = f'{{"actor":{text["actor"]},"at":{text["at"]}'
        self._stream = f'"stream":{text["stream"][:-1]},"seq":'
        self._tail = f'}},"type":{text["type"]},"v":{text["v"]}}}'

    def leaf(
        self, event: UUID, *, seq: int, case: UUID | None, borrower: UUID | None, data: dict[str, Any]
    ) -> bytes:
        """The exact bytes that are stored and hashed. Raises `NotCanonical`."""
        _check(data, "leaf.data")
        about = f',"borrower":"{borrower}"' if borrower else ""
        if case:
            about += f',"case":"{case}"'
        text = f'{self._head}{about},"data":{_ENCODER.encode(data)},"id":"{event}",{self._stream}{seq}{self._tail}'
        return _measured(text.encode(), MAX_BYTES)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _check(value: Any, place: str) -> None:
    match value:
        case None | bool():
            return
        case int():
            if abs(value) > MAX_INTEGER:
                raise NotCanonical(f"{place}: integer beyond 2^53−1")
        case str():
            _check_text(value, place)
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise NotCanonical(f"{place}: key {key!r} is not ASCII text")
                # Most of a leaf is plain text, and there are millions of leaves.
                if not (type(item) is str and item.isascii()):
                    _check(item, f"{place}.{key}")
        case list() | tuple():
            for number, item in enumerate(value):
                _check(item, f"{place}[{number}]")
        case _:
            raise NotCanonical(f"{place}: {type(value).__name__} has no canonical form")


def _check_text(value: str, place: str) -> None:
    if value.isascii():
        return
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise NotCanonical(f"{place}: lone surrogate")
    if not unicodedata.is_normalized("NFC", value):
        raise NotCanonical(f"{place}: text is not NFC")
