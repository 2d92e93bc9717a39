"""The shape of a rule pack: what a YAML file under `compliance/packs/` may say, and nothing else.

Every word here is documented for the person who writes packs in `docs/rule-packs.md`.
"""

from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from compliance.rules.decision import Outcome, ReasonCode
from compliance.rules.facts import Channel, Direction, Party, Purpose, Role
from compliance.rules.windows import Hours, Span
from compliance.rules.zones import is_zone, zones_of

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Event = Literal["dial", "connected_call", "unanswered_call", "conversation", "message", "attempt"]
Per = Literal["person", "debt", "contact_point", "channel"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _minutes(text: Any) -> int:
    """Minutes after midnight of "HH:MM", up to "24:00". YAML reads an unquoted 21:00 as a number: hence text
    only."""
    hours, colon, minutes = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not (colon and len(hours) == len(minutes) == 2 and hours.isdigit() and minutes.isdigit()):
        raise ValueError('write the time in quotes, like "08:00"')
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 24 * 60:
        raise ValueError("not a time of day")
    return total


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"{name!r} is not a zone of the IANA database")
    return name


def _wall_time(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError("write the local time, without a zone")
    return moment


Minute = Annotated[int, BeforeValidator(_minutes)]
Zone = Annotated[str, BeforeValidator(_known_zone)]
WallTime = Annotated[datetime, AfterValidator(_wall_time)]


class Period(Strict):
    """Days on which a rule is in force, both included; no `from`: always was, no `to`: still is."""

    from_: date | None = Field(alias="from")
    to: date | None

    def holds(self, day: date) -> bool:
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day <= self.to)


class ExampleContact(Strict):
    """A past contact of an example, at a local time of the example's zone."""

    at: WallTime
    direction: Direction = Direction.OUT
    channel: Channel = Channel.CALL
    contact_point: str | None = "N1"
    debts: tuple[str, ...] = ("D1",)
    purpose: Purpose | None = None
    connected: bool | None = None
    answered: bool | None = None
    right_party: bool | None = None
    conversation: bool | None = None


class ExampleHold(Strict):
    kind: str
    first_day: date
    last_day: date | None = None
    debts: tuple[str, ...] = ()


class ExampleConsent(Strict):
    kind: str = "call_back"
    given_at: WallTime
    first_day: date
    last_day: date | None = None
    evidence: str = "REC-1"
    revoked_at: WallTime | None = None


class Example(Strict):
    """A worked example: this rule alone, asked about one contact. Times are local to `zone`."""

    says: str
    zone: Zone
    at: WallTime
    role: Role | None = None  # default: the first that the rule binds
    channel: Channel | None = None  # default: the first the rule speaks about
    purpose: Purpose = Purpose.COLLECT
    party: Party = Party.BORROWER
    contact_point: str = "N1"
    debts: tuple[str, ...] = ("D1",)
    zones: tuple[Zone, ...] | None = None  # every zone indicated; default: `zone` alone
    history: tuple[ExampleContact, ...] = ()
    holds: tuple[ExampleHold, ...] = ()
    consents: tuple[ExampleConsent, ...] = ()
    outcome: Outcome
    reason: ReasonCode | None = None
    counted: int | None = None
    next_allowed: WallTime | None = None


class BaseRule(Strict):
    """What every kind of rule says."""

    id: str = Field(pattern=r"^[A-Z0-9.]+$")
    says: str  # the rule in one plain sentence
    citation: str
    source: str  # address of the text, or the publication that reported it
    confidence: Literal["P", "S", "S/P", "P/S", "M-hi", "M-mid", "M-lo", "house"]
    binds: tuple[Role, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = Field(min_length=1)
    purposes: tuple[Purpose, ...] | None = None  # none given: every purpose
    parties: tuple[Party, ...] | None = None  # none given: everybody
    zone_basis: Literal["person", "fixed"]
    zone: Zone | None = None  # for `fixed`
    outcome: Outcome
    override_reasons: tuple[str, ...] = ()
    in_force: Period
    status: Literal["draft", "signed"]
    signed_by: tuple[str, ...] = ()
    signed_on: date | None = None
    superseded_by: str | None = None
    note: str | None = None
    examples: tuple[Example, ...] = Field(min_length=1)

    @field_validator("outcome")
    @classmethod
    def _forbids_something(cls, outcome: Outcome) -> Outcome:
        if outcome is Outcome.PERMITTED:
            raise ValueError("a rule that permits everything says nothing")
        return outcome

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.zone_basis == "fixed") != (self.zone is not None):
            raise ValueError("`zone` belongs to zone_basis fixed, and only there")
        if (self.outcome is Outcome.PRESUMED_VIOLATION) != bool(self.override_reasons):
            raise ValueError("override_reasons belong to outcome presumed_violation, and only there")
        if (self.status == "signed") != bool(self.signed_by and self.signed_on):
            raise ValueError("a signed rule says signed_by and signed_on, a draft does not")
        return self

    @cached_property
    def day_zones(self) -> tuple[str, ...]:
        """The zones whose dates and hours count; empty where they are the person's."""
        return (self.zone,) if self.zone else ()


class OpenSpan(Strict):
    days: tuple[Weekday, ...] = WEEKDAYS
    from_: Minute = Field(alias="from")
    to: Minute

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("hours end after they begin; split those that cross midnight")
        return self


class Edges(Strict):
    """Whether the exact opening and closing instants are open for contact."""

    opening: Literal["open", "closed"]
    closing: Literal["open", "closed"]


class WindowRule(BaseRule):
    """Contact only in these local hours, in every zone that counts."""

    kind: Literal["window"]
    open: tuple[OpenSpan, ...] = Field(min_length=1)
    edges: Edges

    @cached_property
    def hours(self) -> Hours:
        spans = tuple(Span(tuple(map(WEEKDAYS.index, each.days)), each.from_, each.to) for each in self.open)
        return Hours(spans, self.edges.opening == "open", self.edges.closing == "open")


class Counted(Strict):
    """Which past contacts a rule counts, and for whom."""

    event: Event
    per: Per
    direction: Literal["out", "both"] = "out"
    except_purposes: tuple[Purpose, ...] = ()  # contacts for these are not counted
    # Calls the person asked for are not counted, nor stopped, for at most so many days from the day they said
    # so.
    except_consented_days: int | None = Field(default=None, ge=1, le=31)


class CountWindow(Strict):
    kind: Literal["rolling_days", "calendar_day"]
    days: int = Field(ge=1, le=366)
    day_one: Literal["contact"]  # the window ends on the day of the contact and holds it

    @model_validator(mode="after")
    def _one_day(self) -> Self:
        if self.kind == "calendar_day" and self.days != 1:
            raise ValueError("a calendar day is one day")
        return self


class CountRule(BaseRule):
    """At most `limit` of the counted contacts in the window, this one included."""

    kind: Literal["count"]
    counts: Counted
    limit: int = Field(ge=0)
    window: CountWindow


class QuietRule(BaseRule):
    """No contact for some days after the counted contact; `day_one` says whether its own day is the first of
    them."""

    kind: Literal["quiet_period"]
    after: Counted
    days: int = Field(ge=1, le=366)
    day_one: Literal["event", "next_day"]


class HoldRule(BaseRule):
    """While a hold of these kinds is active, no contact by the rule's channels for its purposes."""

    kind: Literal["hold"]
    holds: tuple[str, ...] = Field(min_length=1)


class PartyRule(BaseRule):
    """Only these people may be contacted about the debt."""

    kind: Literal["party"]
    allowed: tuple[Party, ...] = Field(min_length=1)


Rule = Annotated[WindowRule | CountRule | QuietRule | HoldRule | PartyRule, Field(discriminator="kind")]


class PackFile(Strict):
    """One file: the law of one jurisdiction, or a house policy (no jurisdiction; it applies everywhere)."""

    pack: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    jurisdiction: str | None
    country: str | None  # whose zones stand in where the person's are not known
    version: date
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.jurisdiction is None) != (self.country is None):
            raise ValueError("a jurisdiction has a country; a house policy has neither")
        if self.country is not None and not zones_of(self.country):
            raise ValueError(f"country {self.country!r} has no zones")
        ids = [rule.id for rule in self.rules]
        for rule in self.rules:
            if ids.count(rule.id) > 1:
                raise ValueError(f"rule {rule.id} stands twice")
            if rule.superseded_by is not None and rule.superseded_by not in ids:
                raise ValueError(f"{rule.id}: superseded_by {rule.superseded_by} is not in this pack")
        return self
