"""What the gate is told: frozen facts about us, the person and what went before. Pseudonyms only.

A decision stores its facts as canonical JSON, so that it can be given again years later. Fields may be added,
always with a default that keeps the old meaning; none may be renamed. Role, channel, purpose and party are
plain text on purpose: a word nobody knows must reach `decide` and be refused there, with its reason.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

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
    SOCIAL = "social"  # a private message on a social network; never offered, judged where others report one
    VISIT = "visit"  # never offered; judged and counted where others report one


MESSAGE_CHANNELS = frozenset(
    {Channel.SMS, Channel.EMAIL, Channel.APP, Channel.WECHAT, Channel.WHATSAPP, Channel.SOCIAL}
)


class Purpose(StrEnum):
    """Why we want to speak. `COLLECT` asks for payment; `REPLY` and `SERVICE` answer what the person asked.

    Those below the line are words of the law: messages that an exception names, or reasons that can rebut a
    presumption.
    """

    FIRST_NOTICE = "first_notice"
    REMINDER = "reminder"
    COLLECT = "collect"
    LOCATION_INFORMATION = "location_information"
    REPLY = "reply"
    SERVICE = "service"
    # ---
    SEEK_CONSENT = "seek_consent"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    LEGAL_STATEMENT = "statement_required_by_law"
    EFFORTS_TERMINATED = "advise_efforts_terminated"
    MAY_INVOKE_REMEDY = "may_invoke_remedy"
    INTENDS_REMEDY = "intends_to_invoke_remedy"
    ONGOING_LIABILITY = "ongoing_liability"
    ASK_CONVENIENT_TIME = "ask_convenient_time"  # during a call
    ASK_TO_CONTINUE = "ask_consent_to_continue"  # during a call the person calls inconvenient
    REQUIRED_BY_LAW = "required_by_law"
    LITIGATION = "active_litigation"
    ANSWER_REQUEST = "answer_information_request"
    RESUME_DROPPED = "resume_dropped_conversation"
    WARN_LATE_FEE = "warn_of_late_fee"
    DISCOUNT_DEADLINE = "discount_deadline"

    @property
    def collecting(self) -> bool:
        """True where the contact makes sense only while something is overdue."""
        return self not in _NOT_COLLECTING


_NOT_COLLECTING = frozenset(
    {
        Purpose.REPLY,
        Purpose.SERVICE,
        Purpose.SEEK_CONSENT,
        Purpose.OPT_OUT_CONFIRMATION,
        Purpose.LEGAL_STATEMENT,
        Purpose.EFFORTS_TERMINATED,
        Purpose.ONGOING_LIABILITY,
        Purpose.ASK_CONVENIENT_TIME,
        Purpose.ASK_TO_CONTINUE,
        Purpose.REQUIRED_BY_LAW,
        Purpose.ANSWER_REQUEST,
    }
)


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


class Place(StrEnum):
    """Where a number or address reaches the person. A mobile or an e-mail address is tied to no place."""

    MOBILE = "mobile"
    HOME_LANDLINE = "home_landline"
    HOME_POSTAL = "home_postal"
    WORKPLACE = "workplace"
    OTHER_PERSON = "other_person"  # a number that belongs to somebody else: a friend, a neighbour


class PastContact(NamedTuple):
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
    place: str | None = None  # of the number or address, a word of `Place`; None: not known
    voicemail: bool | None = None  # a message was left on a machine; None counts as none
    hardship: bool = False  # the person spoke of hardship, illness or loss
    # The number was found not to be the person's, and they did not answer it: no call to them.
    wrong_number: bool = False
    # Debts a call, or the conversation in it, is put to where these are not simply `debts`.
    call_debts: tuple[str, ...] | None = None
    talk_debts: tuple[str, ...] | None = None


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
    variant: str | None = None  # of a breathing space: standard, mental_health_crisis
    court_permission: bool = False  # a court has allowed this contact; its record is with the hold
    # False: only the packs' own rules stop on it. The conformance vectors ask so; our own holds never do.
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFact:
    """What the person agreed to, given to us directly. Days are the person's own, both included. Without
    evidence it counts for nothing.

    - `call_back`: direct prior consent to calls; an agreed callback makes one. It lifts counts and quiet
      periods that say so, never hours, holds or anything else.
    - `contact_time`: contact at these hours (`weekdays`, `from_minute`, `to_minute`), outside the usual ones;
      `only_convenient`: the person said that no others suit.
    - `daily_dials`: up to `maximum` unanswered calls a day.
    - `electronic_messages`: messages by e-mail, text and the like.
    """

    kind: str
    given_at: datetime
    first_day: date
    last_day: date | None = None
    evidence: str = ""
    revoked_at: datetime | None = None
    weekdays: tuple[int, ...] = ()  # 0 = Monday; none: every day
    from_minute: int = 0  # minutes after local midnight
    to_minute: int = 1440  # before `from_minute`: on the next day
    only_convenient: bool = False
    maximum: int | None = None
    channels: tuple[str, ...] = ()  # none: all that the kind is about

    def __post_init__(self) -> None:
        _require_aware(self.given_at, "ConsentFact.given_at")
        if self.revoked_at is not None:
            _require_aware(self.revoked_at, "ConsentFact.revoked_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignationFact:
    """A time or place at which the person does not wish to be contacted, in their own words made dates. Days
    are the person's own, both included.

    `kind` is `time` (`weekdays`, `from_minute`, `to_minute`: when not), `place` (`place`: `home` or
    `workplace`) or `employer` (the employer forbids such contact, or the person said so; `place` is the
    workplace).
    """

    kind: str
    first_day: date | None = None
    last_day: date | None = None
    weekdays: tuple[int, ...] = ()  # 0 = Monday; none: every day
    from_minute: int = 0  # minutes after local midnight
    to_minute: int = 1440  # before `from_minute`: on the next day
    place: str | None = None
    source: str = ""  # consumer_request, creditor_file_notes, ...
    in_writing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFact:
    """The person asked that a medium not be used: at one number or address, or (none given) at all. It holds
    for every debt. `at` None: at some time before all that is asked here."""

    channel: str
    contact_point: str | None = None
    at: datetime | None = None
    withdrawn_at: datetime | None = None
    text: str = ""

    def __post_init__(self) -> None:
        for name in ("at", "withdrawn_at"):
            if getattr(self, name) is not None:
                _require_aware(getattr(self, name), f"MediaFact.{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtFact:
    """What rules ask about one debt. `group` is the account number that several debts came under when we got
    them (one debt for Regulation F), `account` the account it is kept on; none: the debt by itself."""

    id: str
    type: str | None = None  # None: not known, so it may be any; "unspecified": none the law singles out
    group: str | None = None
    account: str | None = None
    days_past_due: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayFact:
    """One day of a public calendar. `kind` is `national` or `joint_leave`; `calendar` the country's code."""

    day: date
    kind: str = "national"
    calendar: str = ""  # none: of every calendar a rule may name


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
    # Of every debt in `debts` and `history` that something is known about.
    debt_facts: tuple[DebtFact, ...] = ()
    designations: tuple[DesignationFact, ...] = ()
    media_requests: tuple[MediaFact, ...] = ()
    # The calendar to go by; None: the published one of each country.
    holidays: tuple[HolidayFact, ...] | None = None
    # The zones of the person's address alone, for rules that go by it. Empty: `zones` stand in.
    address_zones: tuple[str, ...] = ()
    place: str | None = None  # of the number or address to be used, a word of `Place`; None: not known
    # The contact of the person that this one answers: the moment it came, by the same medium or another.
    in_reply_to: datetime | None = None
    live: bool = False  # said on the person's own call, or shown while they use our pages
    at_home: bool = False  # the person is known to be at home now
    inconvenient_now: bool = False  # on this very call they said that it does not suit
    public: bool = False  # others could read it
    employer_email: bool = False  # the e-mail address is known to come from the person's employer
    address_procedure: str | None = None  # the provision by which the e-mail address was obtained
    collection_begun: bool | None = None  # collection procedures have begun; None: not known
    unreachable: bool = False  # the person cannot be reached by anything of their own
    relation: str | None = None  # of another person to the borrower, in the file's words
    party_refused: bool = False  # that person does not want to be contacted
    # Packs whose present text two people signed; draft rules that two people set aside (until a day). What
    # these say is known to the caller: rules know no people.
    signed: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    # What is too old to rely on, in words of the facts (`balances`, `addresses`, ...): each forbids.
    stale: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for contact in self.history:
            _require_aware(contact.at, "PastContact.at")
        if self.in_reply_to is not None:
            _require_aware(self.in_reply_to, "Facts.in_reply_to")

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


_PARTS = {
    "history": PastContact,
    "holds": HoldFact,
    "consents": ConsentFact,
    "debt_facts": DebtFact,
    "designations": DesignationFact,
    "media_requests": MediaFact,
    "holidays": HolidayFact,
}
_INSTANTS = {"at", "given_at", "revoked_at", "withdrawn_at", "in_reply_to"}
_DAYS = {"first_day", "last_day", "day"}
