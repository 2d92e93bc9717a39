"""What a regulatory question is told: frozen facts about a debt's history, pseudonyms only.

Words are those of the law's texts, so that a reader of a rule finds them again. What is not known is None, and every
question then answers the stricter way. Events after the moment asked about are left out by `until`.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

CONTACT = "contact"
NOTICE = "validation_notice"  # put in the mail, or sent
UNDELIVERABLE = "undeliverable_notice"
DISPUTE = "dispute_received"
VERIFICATION = "verification_sent"
PAID = "paid_in_full"
FURNISHED = "furnished"
COMPLAINT = "complaint_received"
RECORD_DISPUTE = "record_dispute_received"
STATEMENT = "statement"
OPT_OUT = "opt_out"
CREDITOR_NOTICE = "creditor_email_use_notice"
ADDRESS_PROVIDED = "email_address_provided"
WRONG_NUMBER = "number_found_wrong"

CALL, SMS, EMAIL, SOCIAL, VISIT = "call", "sms", "email", "social", "visit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `at` is an instant; where only the date is told, `on` is that date, and `at` its
    beginning. `debts` None: nothing is said of debts, so it may concern each; empty: it named none."""

    at: datetime
    kind: str
    on: date | None = None
    channel: str | None = None
    inbound: bool = False
    debts: tuple[str, ...] | None = None
    point: str | None = None  # number or address; None: not told
    result: str | None = None  # of a call: unanswered, voicemail, limited_content_message, conversation, ...
    content: tuple[str, ...] | None = None  # what a voicemail said
    remarks: tuple[str, ...] = ()  # what else is to be said of the content
    own: bool = True  # False: by an agency or an earlier owner
    with_consumer: bool = True  # False: on the number of somebody else
    initial: bool = False  # known to be the first communication about the debt
    recorded: bool = False
    accepted: bool | None = None  # the electronic channel is one we accept such messages by
    evidence: tuple[str, ...] = ()
    ground: str | None = None
    by: str | None = None
    whole: bool = False  # an opt-out of every address of its channel, or of every communication
    disclosed: bool = False  # the use of an address was clearly told when it was given

    def day(self, zone: str) -> date:
        """The local date, in a zone."""
        return self.on or self.at.astimezone(ZoneInfo(zone)).date()

    def concerns(self, debts: tuple[str, ...]) -> bool:
        """Whether it may be about one of these debts; where either names none it is taken to be."""
        return not self.debts or not debts or not set(self.debts).isdisjoint(debts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A standstill in the debts' own terms: the day it was registered or began, and what ended it."""

    kind: str
    started: date
    variant: str = "standard"
    extended: bool = False
    treatment_ended: date | None = None  # of a mental health crisis; None: it goes on
    ended: date | None = None
    court_permission: bool = False
    debts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCheck:
    """A look into a database of reassigned numbers. `reassigned` is since the person's last text; None: not told."""

    day: date
    at: datetime
    database: str | None
    reassigned: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The person's consent, given to us directly, to be written to electronically."""

    at: datetime
    day: date
    last_day: date | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One collector of the chain an e-mail address came down; the last is ourselves."""

    collector: str
    obtained_by_procedure: bool = False
    used: bool = False
    opt_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """All that an answer may rest on. `zone` is the person's; `debts` are those asked about, and where none are, all.

    `holidays` is the calendar to use, by kind of day (`national`, `joint_leave`); None: the published one of the
    country a rule names.
    """

    role: str
    jurisdictions: tuple[str, ...]
    zone: str
    debts: tuple[str, ...] = ()
    debt_types: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    holds: tuple[Hold, ...] = ()
    holidays: tuple[tuple[date, str], ...] | None = None
    debt_status: str | None = None
    validation_end: date | None = None
    number_check: NumberCheck | None = None
    agreements: tuple[Agreement, ...] = ()
    chain: tuple[Link, ...] = ()
    employer_email: bool = False
    name_parts: tuple[str, ...] = ()  # of the consumer's name, as the creditor gave it
    deceased: bool = False
    estate_representative: bool = False  # somebody with authority for the estate is known by name
    record: str | None = None
    first_activity: date | None = None
    last_activity: date | None = None

    def day(self, at: datetime) -> date:
        """The person's date at a moment."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def until(self, at: datetime | None) -> Self:
        """As it was known at a moment; what happened on a day is known from its beginning. None: as it is known."""
        if at is None:
            return self
        return replace(self, events=tuple(event for event in self.events if event.at <= at))

    def told(self, *kinds: str) -> list[Event]:
        """The events of these kinds that may concern the debts asked about, in order of time."""
        found = [event for event in self.events if event.kind in kinds and event.concerns(self.debts)]
        return sorted(found, key=lambda event: event.at)
