"""Mappings: which of a lender's columns is which of our fields, as YAML that a lender's own staff can read.

`standard.yaml` beside the others is ours, with every field under its own name. A mistake in a mapping is
refused with the place where it stands; no key is ignored.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from accounts.money import minor_digits
from accounts.schedules import MOST, Every
from accounts.tapes import fields

FOLDER = Path(__file__).parent / "mappings"

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]

# The only parts of a date format: digits, the same in every language, and the English abbreviations of months (%b). %y would
# guess a century.
DIRECTIVES = "YmbdHMSfz"


class MappingError(ValueError):
    """`problems` are (place, what is wrong there), such as ("loans.columns.principal.requierd", …)."""

    def __init__(self, name: str, problems: list[tuple[str, str]]) -> None:
        super().__init__(f"{name}: " + "; ".join(f"{place}: {what}" for place, what in problems))
        self.problems = problems


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Column(Strict):
    """How one field is read. Text is stripped of blanks around it; empty text, and text in `missing`, is no
    value."""

    column: Name
    """The lender's heading, exactly."""
    required: Literal["always", "with_column", "never"] = "never"
    """`always`: the column must exist and every cell be filled. `with_column`: the column may be absent, but
    if it exists every cell must be filled."""
    missing: list[str] = []
    """Further words that mean an empty cell, such as NA."""
    words: dict[str, str] = {}
    """The lender's words for ours, where the field has a closed list."""
    type: Literal["date", "datetime"] = "date"
    """Of a date: written as a day, or as a day and time in `zone`, from which the portfolio's business date
    follows."""
    format: str | list[str] = []
    """Of dates: %Y-%m-%d and so on; nothing means ISO 8601. Several are tried; a text that fits two is
    refused."""
    day: Literal["first"] | None = None
    """Of dates that name a month without a day: which day of it is meant."""
    zone: str | None = None
    """Of times: the zone they are written in."""
    decimal: Literal[".", ","] = "."
    """Of amounts: the decimal mark; the other one may group thousands."""
    scientific: bool = False
    """Of amounts: also read 1e+05, for files written by R."""
    rounded: bool = False
    """Of amounts: more decimals than the currency has are rounded, half up; without this they are refused."""
    unit: Name | None = None
    """Of numbers: the word that must follow, as in "36 months"."""
    prefix: Name | None = None
    """Of words: what may stand before them and says nothing here."""

    @property
    def formats(self) -> list[str]:
        return [self.format] if isinstance(self.format, str) else self.format

    @model_validator(mode="after")
    def _check(self) -> Self:
        for pattern in self.formats:
            parts = re.findall("%(.)", pattern)
            month = {"m", "b"} & set(parts)
            day = set() if self.day else {"d"}
            if (
                sorted(set(parts)) != sorted(parts)
                or len(month) != 1
                or not {"Y"} | day <= set(parts) <= set(DIRECTIVES)
                or (self.day and "d" in parts)
            ):
                raise ValueError(
                    f"format {pattern!r} must hold %Y, %m or %b, and %d once (no %d with `day`), "
                    f"and only %{', %'.join(DIRECTIVES)}"
                )
        _check_zone(self.zone)
        if (
            self.type == "datetime"
            and self.zone is None
            and not all("%z" in each for each in self.formats or [""])
        ):
            raise ValueError("a datetime needs the zone it is written in")
        return self


def _check_zone(zone: str | None) -> None:
    try:
        if zone is not None:
            ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"no time zone {zone!r}") from None


class Portfolio(Strict):
    """What a portfolio becomes that is made from this mapping. It stays closed for contact until someone
    opens it."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,30}$")]
    name: Name
    entity: Name
    """The lender in law."""
    currency: str
    jurisdictions: list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]]
    role: Literal["creditor", "third_party_debt_collector", "debt_buyer"]
    zone: str
    """Where its business days begin."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z]+)?$")] = "en"
    phone_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    """Where numbers without a country code are dialled; none: they are refused."""
    closed_for_contact: Literal[True] = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        minor_digits(self.currency)
        _check_zone(self.zone)
        return self


class Section(Strict):
    columns: dict[str, Column]
    constants: dict[str, str] = {}
    """Values that hold for every row, written as a cell would be."""
    missing: list[str] = []
    """Words that mean an empty cell, in every column."""
    other_columns: Literal["ignore", "refuse"] = "refuse"
    """What to do with columns that are not named here. Ignoring is for files whose every column has been
    looked at."""
    ignored: list[Name] = []

    _fields: tuple[fields.Field, ...] = ()
    _needed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        known = {field.name for field in self._fields}
        for name in (*self.columns, *self.constants):
            if name not in known:
                raise ValueError(f"{name!r} is no field of ours")
        for name in self.columns.keys() & self.constants.keys():
            raise ValueError(f"{name!r} is both a column and a constant")
        for name in self._needed:
            column = self.columns.get(name)
            if name not in self.constants and (column is None or column.required != "always"):
                raise ValueError(f"{name!r} needs a column that is required: always, or a constant")
        return self


class Term(Strict):
    """What the lender's product does with one term in days."""

    instalments: Annotated[int, Field(ge=1, le=MOST)] = 1
    every: str | None = None
    first_due_after: Annotated[int, Field(ge=1, le=36_600)]
    """Days from the business date of disbursement, used only where the file has no column for the first due
    date."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.every is not None:
            Every.parse(self.every)
        elif self.instalments > 1:
            raise ValueError("several instalments need `every`")
        return self


class Terms(Strict):
    by_days: dict[int, Term]
    off_weekends: bool = False
    """Due dates that we work out and that fall on a weekend move to Monday."""


class TimesCheck(Strict):
    """Two stamps of one moment or of two that follow each other: a guard against a zone that was read
    wrongly."""

    earlier: Column
    later: Column
    hours: Annotated[int, Field(ge=0)]
    """`later` is not before `earlier`, and at most so many hours after it."""


class Loans(Section):
    one_row_per: Literal["loan", "payment"] = "loan"
    """`payment`: all rows with one loan_id are one loan, each with a payment."""
    only_with: Name | None = None
    """A column that is empty in rows that are no loans at all; such rows are refused as not_a_loan."""
    interest_from_final_payment: bool = False
    """Charges are not itemised, but the lender marks the payment that completed a loan: what such a loan was
    paid above its principal is its interest. Nothing is assumed for the others."""
    terms: Terms | None = None
    first_due_after: str | None = None
    """From the disbursement to the first due date ("month"), where no column says when the loan falls due."""
    checks: list[TimesCheck] = []

    _fields = (*fields.LOAN, *fields.LOAN_PAYMENT)
    _needed = ("loan_id", "borrower_id", "currency", "principal")

    @model_validator(mode="after")
    def _check(self) -> Self:
        per_payment = {field.name for field in fields.LOAN_PAYMENT}
        mapped = per_payment & self.columns.keys()
        if (
            self.one_row_per == "payment"
            and not {"payment_reference", "payment_amount", "payment_on"} <= mapped
        ):
            raise ValueError("one row per payment needs payment_reference, payment_amount and payment_on")
        if self.one_row_per == "loan" and mapped:
            raise ValueError(f"{', '.join(sorted(mapped))}: only with one_row_per: payment")
        if self.interest_from_final_payment and "payment_final" not in mapped:
            raise ValueError("interest_from_final_payment needs payment_final")
        dated = {"due_on", "first_due_on", "schedule"} & self.columns.keys()
        if self.first_due_after is not None:
            Every.parse(self.first_due_after)
            if dated or self.terms or "disbursed_on" not in self.columns:
                raise ValueError(
                    "first_due_after counts from disbursed_on, where nothing else says the due date"
                )
        elif not self.terms and not dated:
            raise ValueError("nothing says when the loan falls due")
        if self.terms and "term_days" not in self.columns:
            raise ValueError("terms need term_days")
        return self


class Payments(Section):
    only_with: Name | None = None
    """A column that is empty in rows that are no payments; such rows are refused as not_a_payment."""

    _fields = tuple(fields.PAYMENT)
    _needed = ("reference", "amount", "currency")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not any(
            name in self.columns and self.columns[name].required == "always"
            for name in ("value_date", "paid_at")
        ):
            raise ValueError("value_date or paid_at needs a column that is required: always")
        return self


class Customers(Section):
    """A companion file of people, read before the loans: it fills what the loan file does not say."""

    _fields = tuple(fields.BORROWER)
    _needed = ("borrower_id",)


class History(Section):
    """A file of what was known before, such as an agency's log. Subclasses say of what; the first field is the id."""

    @property
    def id_field(self) -> str:
        return self._fields[0].name


class Holds(History):
    _fields = tuple(fields.HOLD)
    _needed = ("hold_id", "kind", "from_on")


class OptOuts(History):
    _fields = tuple(fields.OPT_OUT)
    _needed = ("request_id", "channel", "received_at", "how")


class Consents(History):
    _fields = tuple(fields.CONSENT)
    _needed = ("consent_id", "kind", "given_to", "given_at", "evidence")


class Complaints(History):
    _fields = tuple(fields.COMPLAINT)
    _needed = ("complaint_id", "category", "words", "channel", "received_at")


class Promises(History):
    _fields = tuple(fields.PROMISE)
    _needed = ("promise_id", "loan_id", "amount", "currency", "due_on", "made_at", "channel")


class Attempts(History):
    _fields = tuple(fields.ATTEMPT)
    _needed = ("attempt_id", "reported_by", "channel", "at")


class Mapping(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
    title: Name
    about: str = ""
    reads: Annotated[list[Literal["csv", "xlsx"]], Field(min_length=1)]
    sheet: Name | None = None
    """Of workbooks: the sheet to read; none: the only visible one."""
    portfolio: Portfolio
    loans: Loans | None = None
    payments: Payments | None = None
    customers: Customers | None = None
    holds: Holds | None = None
    opt_outs: OptOuts | None = None
    consents: Consents | None = None
    complaints: Complaints | None = None
    promises: Promises | None = None
    attempts: Attempts | None = None


class _OnceLoader(yaml.SafeLoader):
    """YAML as such takes the last of two equal keys in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _value in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(text: str, name: str) -> Mapping:
    """The mapping in the YAML text; MappingError with every problem and its place."""
    try:
        data = yaml.load(text, _OnceLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "file"
        raise MappingError(name, [(place, str(getattr(error, "problem", error)))]) from None
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(
            name, [(".".join(map(str, each["loc"])) or "file", each["msg"]) for each in error.errors()]
        ) from None


def mapping_names() -> list[str]:
    """The mappings that come with us."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=32)
def load_mapping(name: str) -> Mapping:
    """One of `mapping_names()`; KeyError for another name."""
    if name not in mapping_names():
        raise KeyError(name)
    mapping = read_mapping((FOLDER / f"{name}.yaml").read_text("utf-8"), name)
    if mapping.name != name:
        raise MappingError(name, [("name", f"the file is called {name}")])
    return mapping
