"""The shape of a term: what a pack says under `terms`, where no single contact is decided.

Every word here is documented for the person who writes packs in `docs/rule-packs.md`, "Terms and notices".
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from compliance.rules.facts import Role
from compliance.rules.shapes import Period, Spoken, Strict, WallTime, Zone


class ExampleEvent(Strict):
    """One event of an example: `at` a local time, or `day` a date alone (YAML reads a bare `on` as true). The other
    words are those of `compliance.rules.terms.matter.Event`."""

    at: WallTime | None = None
    day: date | None = None
    kind: str
    channel: str | None = None
    inbound: bool = False
    debts: tuple[str, ...] | None = None
    point: str | None = None
    result: str | None = None
    content: tuple[str, ...] | None = None
    initial: bool = False
    recorded: bool = False
    accepted: bool | None = None
    evidence: tuple[str, ...] = ()
    ground: str | None = None
    by: str | None = None
    disclosed: bool = False

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if (self.at is None) == (self.day is None):
            raise ValueError("an event says `at` or `day`, and not both")
        return self


class ExampleTermHold(Strict):
    kind: str
    started: date
    variant: str = "standard"
    extended: bool = False
    treatment_ended: date | None = None
    ended: date | None = None
    court_permission: bool = False


class ExampleLink(Strict):
    collector: str
    obtained_by_procedure: bool = False
    used: bool = False
    opt_out: bool = False


class TermExample(Strict):
    """A worked example: one question, asked of this rule alone. `answer` gives the keys it is about."""

    says: str
    ask: str  # a name of compliance.rules.terms.QUESTIONS
    words: dict[str, Any] = {}  # what the question asks besides, as the question names it; `at` a local time
    zone: Zone = "UTC"
    role: Role | None = None  # default: the first that the rule binds
    debts: tuple[str, ...] = ()
    debt_types: tuple[str, ...] = ()
    events: tuple[ExampleEvent, ...] = ()
    holds: tuple[ExampleTermHold, ...] = ()
    chain: tuple[ExampleLink, ...] = ()
    debt_status: str | None = None
    validation_end: date | None = None
    name_parts: tuple[str, ...] = ()
    deceased: bool = False
    estate_representative: bool = False
    record: str | None = None
    first_activity: date | None = None
    last_activity: date | None = None
    answer: dict[str, Any] = Field(min_length=1)


class BaseTerm(Spoken):
    """What every kind of term says."""

    permits: ClassVar[bool] = False  # it opens something: a draft of it counts for nothing in daily work

    id: str = Field(pattern=r"^[A-Z0-9.]+$")
    citation: str
    source: str
    confidence: Literal["P", "S", "S/P", "P/S", "M-hi", "M-mid", "M-lo", "house"]
    binds: tuple[Role, ...] = Field(min_length=1)
    zone: Zone | None = None  # whose dates count, where it is not the person's own
    in_force: Period
    status: Literal["draft", "signed", "proposed"]
    signed_by: tuple[str, ...] = ()
    signed_on: date | None = None
    superseded_by: str | None = None
    note: str | None = None
    examples: tuple[TermExample, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.status == "signed") != bool(self.signed_by and self.signed_on):
            raise ValueError("a signed rule says signed_by and signed_on, others do not")
        return self


class TermCalendar(Strict):
    """Whose national holidays are no business days; `observed`: also the days kept in place of one."""

    country: str = Field(pattern=r"^[A-Z]{2}$")
    observed: bool = False


class DeadlineTerm(BaseTerm):
    """Something is to be done within `days` of an event; `longer` gives a longer term for cases so classified."""

    kind: Literal["deadline"]
    of: Literal["validation_notice", "complaint", "creditor_opt_out"]
    days: int = Field(ge=0, le=366)
    day_type: Literal["calendar", "business"]
    calendar: TermCalendar | None = None
    longer: dict[str, int] = {}

    @model_validator(mode="after")
    def _counts_days(self) -> Self:
        if (self.day_type == "business") != (self.calendar is not None):
            raise ValueError("business days name their calendar, calendar days have none")
        if any(days <= self.days for days in self.longer.values()):
            raise ValueError("a longer term is longer than `days`")
        return self


class NoticeTerm(BaseTerm):
    """What a validation notice says, to whom it goes, and when none is needed."""

    kind: Literal["notice"]
    not_needed_once: tuple[str, ...] = ()  # debt statuses
    to_estate_representative: bool
    complete_name: bool
    statements: dict[Literal["initial", "later"], tuple[str, ...]]  # that disclose what they must


class PeriodTerm(BaseTerm):
    """The time a person has to dispute: `days` from receipt, which may be taken to be any date from
    `assumed_receipt_days` business days after the notice was sent."""

    kind: Literal["validation_period"]
    days: int = Field(ge=1, le=366)
    assumed_receipt_days: int = Field(ge=0, le=31)
    calendar: TermCalendar


class ItemizationTerm(BaseTerm):
    """From which date a debt may be itemised, and what stands in a field with nothing to show."""

    kind: Literal["itemization"]
    types: tuple[str, ...] = Field(min_length=1)
    statements_by: tuple[str, ...]
    transaction_events: tuple[str, ...]
    nothing_is_said_by: tuple[str, ...]


class DisputeTerm(BaseTerm):
    """A dispute in writing within the time for it stops collection until it is answered."""

    kind: Literal["dispute"]
    written: tuple[str, ...] = Field(min_length=1)  # channels that are writing, whoever likes it
    electronic: tuple[str, ...] = ()  # those that are where we accept such messages by them
    stops: tuple[str, ...] = ()  # actions that are collection
    conservative: tuple[str, ...] = ()  # actions of which the text does not speak, and we stop


class StandstillTerm(BaseTerm):
    """While such a hold lasts these actions are stopped. `first_day`: its own day or the next; `days` from its
    start, `extended_days` where extended; for a variant in `after_treatment_days` so many days after the treatment
    ended."""

    kind: Literal["standstill"]
    hold: str
    first_day: Literal["event", "next_day"]
    days: int = Field(ge=1, le=366)
    extended_days: int | None = None
    after_treatment_days: dict[str, int] = {}
    stops: tuple[str, ...] = Field(min_length=1)
    conservative: tuple[str, ...] = ()
    lifted_by: tuple[Literal["court_permission"], ...] = ()


class ReportingTerm(BaseTerm):
    """Before a debt is reported to a bureau: a conversation about it, or something sent and `wait_days` without its
    coming back, the day of sending the first."""

    kind: Literal["bureau_reporting"]
    wait_days: int = Field(ge=1, le=366)
    sent_by: tuple[str, ...] = ()  # channels of messages about the debt that do as well as a notice
    notice_only: bool = False  # a conversation about the debt does not do in its place


class RecordDisputeTerm(BaseTerm):
    """A dispute of what was reported to a bureau is looked into and answered within `days`; `meanwhile` the loan is reported
    with a mark, or left out; null: the text does not say."""

    kind: Literal["record_dispute"]
    days: int = Field(ge=1, le=366)
    meanwhile: Literal["flag", "leave_out"] | None = None

    def last_day(self, received: date) -> date:
        return received + timedelta(days=self.days)


class DebitTerm(BaseTerm):
    """Debits under a mandate: announced `notice_days` before, and `failures_end` of them in a row end the mandate until
    it is given anew."""

    kind: Literal["debit"]
    notice_days: int = Field(ge=1, le=60)
    failures_end: int = Field(ge=1, le=2)


class ChargeCapTerm(BaseTerm):
    """What being late may cost at most. Percents are of what is overdue of the principal (`year_percent`, `day_percent`), of
    the whole principal (`charges_percent`, interest and fees together, as long as the loan lasts) and of the instalment
    (`fee_percent`); `fee` is an amount by currency. Nothing is charged in the first `after_days` days of being late."""

    kind: Literal["charge_cap"]
    year_percent: Decimal | None = Field(default=None, ge=0)
    day_percent: Decimal | None = Field(default=None, ge=0)
    charges_percent: Decimal | None = Field(default=None, ge=0)
    fee: dict[str, Decimal] = {}
    fee_percent: Decimal | None = Field(default=None, ge=0)
    after_days: int | None = Field(default=None, ge=1, le=366)

    @model_validator(mode="after")
    def _caps_something(self) -> Self:
        given = (self.year_percent, self.day_percent, self.charges_percent, self.fee_percent, self.after_days)
        if not self.fee and all(each is None for each in given):
            raise ValueError("a cap caps something")
        if any(len(currency) != 3 or amount < 0 for currency, amount in self.fee.items()):
            raise ValueError("a fee is an amount by currency, like {GBP: 15}")
        return self


class TransferTerm(BaseTerm):
    """Debts that may not be sold, transferred for consideration or placed for collection, by status."""

    kind: Literal["transfer"]
    barred: tuple[str, ...] = Field(min_length=1)


class OptOutTerm(BaseTerm):
    """By which methods an opt-out is simple enough, by channel of the message or notice that offers it."""

    kind: Literal["opt_out_notice"]
    of: Literal["message", "creditor_notice"]
    methods: dict[str, tuple[str, ...]]


class ProcedureTerm(BaseTerm):
    """When an address may be relied on not to reach somebody else. A safe harbour: it opens, it forbids nothing."""

    permits: ClassVar[bool] = True

    kind: Literal["address_procedure"]
    of: Literal["sms", "email"]
    within_days: int | None = None  # sms: how fresh a text, consent or check must be
    databases: tuple[str, ...] = ()  # sms: those that count
    creditor_notice_days: int | None = None  # email: how long the person had to opt out


class MessageTerm(BaseTerm):
    """What makes a voicemail a message of limited content, which tells nothing about a debt."""

    kind: Literal["message"]
    limited: str  # the content that says it is complete and holds nothing else
    may_hold: tuple[str, ...]
    identity_words: tuple[str, ...]  # contents that disclose who calls


class RetentionTerm(BaseTerm):
    """How long records are kept: `years` after the last activity, the call or the complaint; `years` null: for how long
    the texts do not say."""

    kind: Literal["retention"]
    of: Literal["records", "recordings", "complaint_file"]
    years: int | None = Field(ge=1, le=50)
    debt_types: tuple[str, ...] = ()  # none: every type
    recording_required: bool = False


class LimitationTerm(BaseTerm):
    """How many years a debt may be sued for, from a day that a person of legal establishes: no rule infers it."""

    kind: Literal["limitation"]
    years: int = Field(ge=1, le=30)


Term = Annotated[
    DeadlineTerm
    | NoticeTerm
    | PeriodTerm
    | ItemizationTerm
    | DisputeTerm
    | StandstillTerm
    | ReportingTerm
    | RecordDisputeTerm
    | DebitTerm
    | ChargeCapTerm
    | TransferTerm
    | OptOutTerm
    | ProcedureTerm
    | MessageTerm
    | RetentionTerm
    | LimitationTerm,
    Field(discriminator="kind"),
]
