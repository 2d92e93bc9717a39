"""The shape of a rule pack: what a YAML file under `compliance/packs/` may say, and nothing else.

Every word here is documented for the person who writes packs in `docs/rule-packs.md`. The kinds are all the code knows;
which jurisdiction says what stands in the files alone.
"""

from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from compliance.rules.calendars import known
from compliance.rules.decision import Outcome
from compliance.rules.exceptions import AgreementException, RuleException
from compliance.rules.facts import Channel, Party, Place, Purpose, Role
from compliance.rules.shapes import (
    WEEKDAYS,
    Example,
    Minute,
    Period,
    Spoken,
    Strict,
    Weekday,
    Words,
    Zone,
    words_for,
)
from compliance.rules.terms.schema import Term
from compliance.rules.windows import Hours, Span
from compliance.rules.zones import zones_of

Event = Literal[
    "dial",
    "connected_call",
    "unanswered_call",
    "unanswered_without_message",
    "voicemail",
    "telephone",
    "conversation",
    "hardship_conversation",
    "message",
    "text",
    "visit",
    "attempt",
]
Per = Literal["person", "debt", "debt_group", "account", "contact_point", "channel"]
Confidence = Literal["P", "S", "S/P", "P/S", "M-hi", "M-mid", "M-lo", "house"]


class OnlyIf(Strict):
    """Narrows what a rule reaches. Of several debts those it reaches are judged; where none is, it is silent."""

    debt_types: tuple[str, ...] = ()
    except_debt_types: tuple[str, ...] = ()
    past_due_above: int | None = None  # days; a debt of unknown age is reached
    places: tuple[Place, ...] = ()
    except_places: tuple[Place, ...] = ()
    # Creditors collecting in their own name, only once collection procedures have begun (unknown: begun).
    creditor_has_begun: bool = False


class BaseRule(Spoken):
    """What every kind of rule about contacts says."""

    id: str = Field(pattern=r"^[A-Z0-9.]+$")
    citation: str
    source: str  # address of the text, or the publication that reported it
    confidence: Confidence
    binds: tuple[Role, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = Field(min_length=1)
    purposes: tuple[Purpose, ...] | None = None  # none given: every purpose
    parties: tuple[Party, ...] | None = None  # none given: everybody
    only_if: OnlyIf = OnlyIf()
    zone_basis: Literal["person", "address", "fixed"]
    zone: Zone | None = None  # for `fixed`
    outcome: Outcome
    override_reasons: tuple[str, ...] = ()
    exceptions: tuple[RuleException, ...] = ()
    in_force: Period
    status: Literal["draft", "signed", "proposed"]
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
            raise ValueError("a signed rule says signed_by and signed_on, others do not")
        return self

    @cached_property
    def day_zones(self) -> tuple[str, ...]:
        """The zones whose dates and hours count; empty where they are the person's."""
        return (self.zone,) if self.zone else ()

    @cached_property
    def always_in_force(self) -> bool:
        return self.in_force.from_ is None and self.in_force.to is None

    @cached_property
    def narrowed(self) -> bool:
        """Whether `only_if` says anything."""
        return self.only_if != OnlyIf()

    @cached_property
    def agreements(self) -> tuple[AgreementException, ...]:
        """The exceptions that rest on something agreed about hours or numbers."""
        return tuple(each for each in self.exceptions if isinstance(each, AgreementException))


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
    """Whether the exact opening and closing instants are open; `conservative`: the texts leave it open, so we
    close."""

    opening: Literal["open", "closed", "conservative"]
    closing: Literal["open", "closed", "conservative"]


class Calendar(Strict):
    """A public calendar (of the `holidays` package) whose days are closed; `conservative` names the kinds of day
    on which the text is silent and we close."""

    country: str = Field(pattern=r"^[A-Z]{2}$")
    closed: tuple[Literal["national", "joint_leave"], ...] = ()
    conservative: tuple[Literal["national", "joint_leave"], ...] = ()

    @field_validator("country")
    @classmethod
    def _is_published(cls, country: str) -> str:
        """Of a country nobody knows no day would ever be closed."""
        if not known(country):
            raise ValueError(f"nobody publishes the holidays of {country!r}")
        return country


class WindowRule(BaseRule):
    """Contact only in these local hours, in every zone that counts."""

    kind: Literal["window"]
    open: tuple[OpenSpan, ...] = Field(min_length=1)
    edges: Edges
    calendar: Calendar | None = None

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
    only_purposes: tuple[Purpose, ...] = ()  # nor any but these, where given
    places: tuple[Place, ...] = ()  # only contacts there, or at a place nobody knows
    except_places: tuple[Place, ...] = ()
    # Calls the person asked for are not counted, nor stopped, for at most so many days from the day they said
    # so.
    except_consented_days: int | None = Field(default=None, ge=1, le=31)

    @cached_property
    def unfiltered(self) -> bool:
        """Whether purposes and places make no difference."""
        return not (self.except_purposes or self.only_purposes or self.places or self.except_places)


class CountWindow(Strict):
    """`ever`: no contact of the past drops out."""

    kind: Literal["rolling_days", "calendar_day", "ever"]
    days: int = Field(default=36525, ge=1, le=36525)
    day_one: Literal["contact"]  # the window ends on the day of the contact and holds it

    @model_validator(mode="after")
    def _one_day(self) -> Self:
        if self.kind == "calendar_day" and self.days != 1:
            raise ValueError("a calendar day is one day")
        if self.kind == "rolling_days" and self.days > 366:
            raise ValueError("a window of more than a year")
        return self


class CountRule(BaseRule):
    """At most `limit` of the counted contacts in the window, this one included."""

    kind: Literal["count"]
    counts: Counted
    limit: int = Field(ge=0)
    window: CountWindow


class PatternRule(BaseRule):
    """Contacts so close together that they tell against us though no number forbids them: `number` of them, this
    one included, within `within_minutes`, or on one local day, on each of `consecutive_days`."""

    kind: Literal["pattern"]
    counts: Counted
    number: int = Field(ge=2)
    within_minutes: int | None = None
    consecutive_days: int = Field(default=1, ge=1, le=31)
    factor: str  # what results and the law's list of factors call it

    @field_validator("outcome")
    @classmethod
    def _only_tells(cls, outcome: Outcome) -> Outcome:
        if outcome is not Outcome.FLAGGED:
            raise ValueError("a pattern tells against us, it does not forbid: permitted_with_flag")
        return outcome


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
    variants: tuple[str, ...] = ()


class PartyRule(BaseRule):
    """Only these people may be contacted about the debt."""

    kind: Literal["party"]
    allowed: tuple[Party, ...] = Field(min_length=1)


class DesignationRule(BaseRule):
    """No contact at a time or place the person has named, or at work where the employer forbids it.

    `to_edge` says what the exact end of such a time is. `oral_days`: what was only said holds so many days,
    unless it is confirmed in writing.
    """

    kind: Literal["designation"]
    of: tuple[Literal["time", "place", "employer"], ...] = Field(min_length=1)
    to_edge: Literal["open", "conservative"] = "open"
    oral_days: int | None = None


class MediaRule(BaseRule):
    """No contact by a medium, number or address the person asked us not to use."""

    kind: Literal["media_request"]


class ConsentRule(BaseRule):
    """Contact only with the person's consent of this kind; an opt-out of the medium takes it back for it."""

    kind: Literal["consent"]
    consent: Literal["electronic_messages"]
    revocable_per_medium: bool = True


class BarRule(BaseRule):
    """No contact where the facts say this of it."""

    kind: Literal["bar"]
    when: Literal["public", "employer_email", "inconvenient_now"]


class RequireRule(BaseRule):
    """Nothing is forbidden, but the contact must say or hold all this; the decision tells the caller."""

    kind: Literal["require"]
    requires: tuple[str, ...] = Field(min_length=1)
    when: Literal["always", "first", "later"] = "always"

    @field_validator("outcome")
    @classmethod
    def _only_asks(cls, outcome: Outcome) -> Outcome:
        if outcome is not Outcome.FLAGGED:
            raise ValueError("a requirement forbids nothing: permitted_with_flag, shown as permitted")
        return outcome


Rule = Annotated[
    WindowRule
    | CountRule
    | PatternRule
    | QuietRule
    | HoldRule
    | PartyRule
    | DesignationRule
    | MediaRule
    | ConsentRule
    | BarRule
    | RequireRule,
    Field(discriminator="kind"),
]


class PackFile(Strict):
    """One file: the law of one jurisdiction, or a house policy (no jurisdiction; it applies everywhere)."""

    pack: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    title_zh: str | None = Field(default=None, min_length=1)  # as `says_zh`
    jurisdiction: str | None
    country: str | None  # whose zones stand in where the person's are not known
    version: date
    rules: tuple[Rule, ...]
    terms: tuple[Term, ...] = ()  # where no contact is decided

    def named(self, language: str) -> Words:
        """The title for a reader of that language."""
        return words_for(language, self.title, self.title_zh)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.jurisdiction is None) != (self.country is None):
            raise ValueError("a jurisdiction has a country; a house policy has neither")
        if self.country is not None and not zones_of(self.country):
            raise ValueError(f"country {self.country!r} has no zones")
        ids = [rule.id for rule in (*self.rules, *self.terms)]
        for rule in (*self.rules, *self.terms):
            if ids.count(rule.id) > 1:
                raise ValueError(f"rule {rule.id} stands twice")
            if rule.superseded_by is not None and rule.superseded_by not in ids:
                raise ValueError(f"{rule.id}: superseded_by {rule.superseded_by} is not in this pack")
        return self
