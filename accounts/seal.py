"""The seal: personal data under one key per borrower, wrapped by a key from the environment.

AES-256-GCM; the associated data binds a ciphertext to its owner and its field, so that moving it elsewhere
breaks it. A blind index is an HMAC-SHA256 of the normalised value under a key of its own: equal values are
found, nothing is read.
"""

import hashlib
import hmac
import json
import os
from base64 import b64decode
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

NONCE = 12
Stored = bytes | memoryview  # what a binary column gives


class SealBroken(Exception):
    """The ciphertext does not open: wrong key, changed bytes, or another owner's or field's ciphertext."""


@cache
def _wrapping_keys() -> dict[str, AESGCM]:
    """Fingerprint → key, newest first."""
    keys = {}
    for text in settings.SEAL_KEYS:
        raw = b64decode(text)
        keys[hashlib.sha256(raw).hexdigest()[:16]] = AESGCM(raw)
    return keys


class Seal:
    """Seals and opens the fields of one owner (a borrower, or an import run)."""

    def __init__(self, owner: UUID, key: bytes) -> None:
        self._owner = owner.bytes
        self._cipher = AESGCM(key)

    def seal(self, field: str, value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, data, self._owner + field.encode())

    def open_bytes(self, field: str, sealed: Stored) -> bytes:
        """Raises `SealBroken`."""
        sealed = bytes(sealed)
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], self._owner + field.encode())
        except Exception as error:
            raise SealBroken(field) from error

    def open(self, field: str, sealed: Stored) -> str:
        return self.open_bytes(field, sealed).decode()

    def seal_json(self, field: str, value: dict[str, Any]) -> bytes:
        return self.seal(field, json.dumps(value, ensure_ascii=False, sort_keys=True))

    def open_json(self, field: str, sealed: Stored) -> dict[str, Any]:
        return json.loads(self.open(field, sealed))


def new_seal(owner: UUID) -> tuple[Seal, bytes, str]:
    """A fresh key for `owner`: the seal, the wrapped key to store, and the fingerprint of what wrapped it."""
    key = os.urandom(32)
    return Seal(owner, key), *_wrap(owner, key)


def open_seal(owner: UUID, wrapped: Stored, wrapped_by: str) -> Seal:
    """The seal of an owner from its stored key. Raises `SealBroken` when no key of ours opens it."""
    return Seal(owner, _unwrap(owner, wrapped, wrapped_by))


def _wrap(owner: UUID, key: bytes) -> tuple[bytes, str]:
    fingerprint, wrapper = next(iter(_wrapping_keys().items()))
    nonce = os.urandom(NONCE)
    return nonce + wrapper.encrypt(nonce, key, owner.bytes), fingerprint


def _unwrap(owner: UUID, wrapped: Stored, wrapped_by: str) -> bytes:
    wrapper = _wrapping_keys().get(wrapped_by)
    if wrapper is None:
        raise SealBroken("The key that wrapped this one is not in FORBEAR_SEAL_KEYS.")
    wrapped = bytes(wrapped)
    try:
        return wrapper.decrypt(wrapped[:NONCE], wrapped[NONCE:], owner.bytes)
    except Exception as error:
        raise SealBroken("data key") from error


def newest_key() -> str:
    """The fingerprint of the key that wraps today."""
    return next(iter(_wrapping_keys()))


def rewrap(owner: UUID, wrapped: Stored, wrapped_by: str) -> tuple[bytes, str]:
    """The same data key under the newest wrapping key: what to store instead. Nothing sealed with it changes.
    Raises `SealBroken` when no key of ours opens it."""
    key = _unwrap(owner, wrapped, wrapped_by)
    return _wrap(owner, key)


def seal_of(borrower: Any) -> Seal:
    """The seal of a borrower row (its `key` is fetched when it was not selected). Raises `SealBroken`, also
    for a borrower who has been erased."""
    try:
        key = borrower.key
    except ObjectDoesNotExist as error:
        raise SealBroken("The key was destroyed: this borrower has been erased.") from error
    return open_seal(borrower.pk, key.wrapped, key.wrapped_by)


def blind_index(kind: str, value: str) -> bytes:
    """16 bytes by which an equal normalised value is found; `kind` keeps phones apart from e-mails and
    ids."""
    return _keyed(f"{kind}\0{value}".encode())[:16]


def row_digest(canonical_row: bytes) -> bytes:
    """Keyed digest of a cleaned row: tells whether a later tape changed it, and nothing else."""
    return _keyed(b"row\0" + canonical_row)


def _keyed(message: bytes) -> bytes:
    """HMAC-SHA256 of a message under the index key. An import asks for ten a loan, so one that has taken in the key is
    copied, instead of the key being taken in again."""
    code = _index_hmac(settings.BLIND_INDEX_KEY).copy()
    code.update(message)
    return code.digest()


@lru_cache(maxsize=2)
def _index_hmac(key: str) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod="sha256")
