"""The small shapes that packs are written in: times, zones, periods, worked examples."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from compliance.rules.decision import Outcome, ReasonCode
from compliance.rules.facts import Channel, Direction, Party, Purpose, Role
from compliance.rules.zones import is_zone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(NamedTuple):
    """Some words for a reader, and the language they are in, as HTML's `lang` wants it."""

    text: str
    lang: str


def words_for(language: str, english: str, chinese: str | None) -> Words:
    """The words in the reader's language (a code like `zh-hans`): Chinese where there are any, else English. Texts stored
    before rules spoke Chinese have none."""
    if chinese and language.startswith("zh"):
        return Words(chinese, "zh-Hans")
    return Words(english, "en")


class Spoken(Strict):
    """What a pack says in one plain sentence, in English and in Simplified Chinese."""

    says: str
    # Packs of a folder must have it (`load_packs`); a text stored before it was asked for is read all the same.
    says_zh: str | None = Field(default=None, min_length=1)

    def said(self, language: str) -> Words:
        """The sentence for a reader of that language."""
        return words_for(language, self.says, self.says_zh)


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
    place: str | None = None
    voicemail: bool | None = None
    hardship: bool = False


class ExampleHold(Strict):
    kind: str
    first_day: date
    last_day: date | None = None
    debts: tuple[str, ...] = ()
    variant: str | None = None
    court_permission: bool = False


class ExampleConsent(Strict):
    kind: str = "call_back"
    given_at: WallTime
    first_day: date
    last_day: date | None = None
    evidence: str = "REC-1"
    revoked_at: WallTime | None = None
    days: tuple[Weekday, ...] = ()
    from_: Minute = Field(default=0, alias="from")
    to: Minute = 1440
    only_convenient: bool = False
    maximum: int | None = None


class ExampleDesignation(Strict):
    kind: Literal["time", "place", "employer"]
    days: tuple[Weekday, ...] = ()
    from_: Minute = Field(default=0, alias="from")
    to: Minute = 1440
    place: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    in_writing: bool = False


class ExampleMedia(Strict):
    channel: Channel
    contact_point: str | None = None
    at: WallTime | None = None


class ExampleDebt(Strict):
    id: str = "D1"
    type: str | None = None
    group: str | None = None
    account: str | None = None
    days_past_due: int | None = None


class ExampleHoliday(Strict):
    day: date
    kind: Literal["national", "joint_leave"] = "national"


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
    address_zones: tuple[Zone, ...] = ()
    history: tuple[ExampleContact, ...] = ()
    holds: tuple[ExampleHold, ...] = ()
    consents: tuple[ExampleConsent, ...] = ()
    debt_facts: tuple[ExampleDebt, ...] = ()
    designations: tuple[ExampleDesignation, ...] = ()
    media_requests: tuple[ExampleMedia, ...] = ()
    holidays: tuple[ExampleHoliday, ...] | None = None
    place: str | None = None
    in_reply_to: WallTime | None = None
    live: bool = False
    at_home: bool = False
    inconvenient_now: bool = False
    public: bool = False
    employer_email: bool = False
    address_procedure: str | None = None
    collection_begun: bool | None = None
    unreachable: bool = False
    party_refused: bool = False
    signed: bool = True  # false: nobody has signed the pack, so exceptions open nothing
    outcome: Outcome
    reason: ReasonCode | None = None
    exception: str | None = None
    counted: int | None = None
    next_allowed: WallTime | None = None
