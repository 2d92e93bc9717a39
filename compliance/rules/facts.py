"""What the gate is told: frozen facts about us, the person and what went before. Pseudonyms only.

A decision stores its facts as canonical JSON, so that it can be given again years later. Fields may be added,
always with a default that keeps the old meaning; none may be renamed. Role, channel, purpose and party are
plain text on purpose: a word nobody knows must reach `decide` and be refused there, with its reason.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from compliance.rules.canonical import canonical_json


class Role(StrEnum):
    """Who we are towards the person: whether a rule binds us hangs on it."""

    CREDITOR = "creditor"
    COLLECTOR = "third_party_debt_collector"
    DEBT_BUYER = "debt_buyer"


class Channel(StrEnum):
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    APP = "app"
    LETTER = "letter"
    WECHAT = "wechat"
    WHATSAPP = "whatsapp"
    VISIT = "visit"  # never offered; judged and counted where others report one


MESSAGE_CHANNELS = frozenset({Channel.SMS, Channel.EMAIL, Channel.APP, Channel.WECHAT, Channel.WHATSAPP})


class Purpose(StrEnum):
    """Why we want to speak. `COLLECT` asks for payment; `REPLY` and `SERVICE` answer what the person
    asked."""

    FIRST_NOTICE = "first_notice"
    REMINDER = "reminder"
    COLLECT = "collect"
    LOCATION_INFORMATION = "location_information"
    REPLY = "reply"
    SERVICE = "service"

    @property
    def collecting(self) -> bool:
        """True where the contact makes sense only while something is overdue."""
        return self not in (Purpose.REPLY, Purpose.SERVICE)


class Party(StrEnum):
    """Whom we want to reach."""

    BORROWER = "borrower"
    CO_BORROWER = "co_borrower"
    GUARANTOR = "guarantor"
    ATTORNEY = "attorney"
    REPRESENTATIVE = "representative"
    HOUSEHOLD = "household"
    EMERGENCY_CONTACT = "emergency_contact"
    THIRD_PARTY = "third_party"


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastContact:
    """One contact with the person, either way, or a permit not yet spent (`kind="permit"`), which counts as
    one.

    `connected` is False only where the call never reached the dialled number: busy, or not in service. A
    phone that rang unanswered, a voicemail, a call dropped after the answer: all connected. `answered` says
    whether anybody spoke, `right_party` whether it was the person, `conversation` whether the debt could be
    talked over with the person. None means not known (yet); every rule then counts the contact as if it were
    the stricter answer.
    """

    at: datetime
    channel: str
    direction: str = Direction.OUT
    contact_point: str | None = None
    debts: tuple[str, ...] = ()  # none named: counts for each
    purpose: str | None = None
    connected: bool | None = None
    answered: bool | None = None
    right_party: bool | None = None
    conversation: bool | None = None
    kind: str = "attempt"
    reported: bool = False  # told by others: an earlier system, an agency; counted like our own
    by_us: bool = True  # False: placed by an agency or an earlier owner; counted all the same

    def __post_init__(self) -> None:
        _require_aware(self.at, "PastContact.at")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFact:
    """One hold that stops contact. Days are the person's own, both included; no last day means it stays open.

    Empty `channels`, `purposes` or `debts` mean all of them: a hold that says nothing stops everything.
    """

    kind: str
    first_day: date
    last_day: date | None = None
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    debts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFact:
    """What the person agreed to, given to us directly. Days are the person's own, both included.

    `kind="call_back"` is direct prior consent to calls: an agreed callback makes one. It lifts counts and
    quiet periods that say so, never hours, holds or anything else. Without evidence it counts for nothing.
    """

    kind: str
    given_at: datetime
    first_day: date
    last_day: date | None = None
    evidence: str = ""
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        _require_aware(self.given_at, "ConsentFact.given_at")
        if self.revoked_at is not None:
            _require_aware(self.revoked_at, "ConsentFact.revoked_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All a decision may rest on. `history` holds every contact with the person about any debt, known at the
    moment asked about; the permit about to be spent is left out of it, every other open permit is in."""

    role: str
    jurisdictions: tuple[str, ...]
    channel: str
    purpose: str
    party: str = Party.BORROWER
    contact_point: str | None = None
    debts: tuple[str, ...] = ()
    # Every IANA zone that something indicates for the person, and countries indicated without a zone (each
    # stands for all its zones). Both empty: every zone of the countries whose packs apply.
    zones: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    arrears_positive: bool | None = None  # None: not known, or read too long ago to rely on
    history: tuple[PastContact, ...] = ()
    holds: tuple[HoldFact, ...] = ()
    consents: tuple[ConsentFact, ...] = ()

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, UTC instants. Equal facts give equal text."""
        return canonical_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The facts that `to_json` wrote. Raises ValueError for anything else."""
        return _read(cls, json.loads(text))


def _require_aware(moment: datetime, name: str) -> None:
    if moment.tzinfo is None:
        raise ValueError(f"{name} needs a time zone: {moment.isoformat()}")


def _read(cls: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__} expected, got {type(data).__name__}")
    try:
        return cls(**{name: _read_field(name, value) for name, value in data.items()})
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error


def _read_field(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _PARTS:
        return tuple(_read(_PARTS[name], item) for item in value)
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    if name in _DAYS:
        return date.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


_PARTS = {"history": PastContact, "holds": HoldFact, "consents": ConsentFact}
_INSTANTS = {"at", "given_at", "revoked_at"}
_DAYS = {"first_day", "last_day"}
