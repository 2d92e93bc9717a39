"""What cleaning yields: loans, payments and customers as plain values, and what was refused.

Amounts are minor units of `currency`. Dates are business dates of the portfolio; instants are UTC. Nothing
here is sealed yet: records live in memory only, between the file and the seal.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from accounts.schedules import Instalment
from accounts.tapes.codes import Code, Refusal


@dataclass(frozen=True, slots=True)
class CleanContact:
    """One way to reach someone. `value` in its normal form (E.164, lower-case address); `zones` and
    `line_type` are () and "" for e-mail, `country` is "" where it says nothing of one."""

    kind: Literal["phone", "email"]
    value: str
    mask: str
    source: str
    ground: str
    verified_on: date | None
    country: str
    zones: tuple[str, ...]
    line_type: str


@dataclass(frozen=True, slots=True)
class CleanRelated:
    """A person around the borrower. `contacts` carry who named the person as their source."""

    relation: str
    name: str
    name_mask: str
    given_by: str
    given_on: date
    ground: str
    contacts: tuple[CleanContact, ...]


class CleanConsent(NamedTuple):
    """The borrower agreed to messages by this channel."""

    channel: Literal["sms", "email", "app"]
    given_on: date
    how: str


@dataclass(frozen=True, slots=True)
class CleanBorrower:
    """Text is "" where the tape says nothing."""

    external_id: str
    name: str
    name_mask: str
    national_id: str
    birth_year: int | None
    language: str
    country: str
    state: str
    zip: str
    preferred_channel: str
    contacts: tuple[CleanContact, ...]
    related: tuple[CleanRelated, ...]
    consents: tuple[CleanConsent, ...]


class CreditKind(StrEnum):
    ITEM = "item"
    """One payment, the same under the same reference in every tape."""
    TO_DATE = "to_date"
    """All that was paid up to its value date, whatever else told us of parts of it: the ledger gets the
    difference."""


class CleanCredit(NamedTuple):
    reference: str
    value_date: date
    amount: int
    kind: CreditKind = CreditKind.ITEM


class Remark(NamedTuple):
    """Noticed, not refused."""

    row_number: int
    code: Code


@dataclass(frozen=True, slots=True)
class CleanLoan:
    """One loan as the tape tells it. The instalments add up to principal, interest and fees. `rows` are its
    rows in the file, `as_of` the business date they speak for."""

    external_id: str
    borrower: CleanBorrower
    product: str
    currency: str
    principal: int
    interest: int
    fees: int
    disbursed_on: date | None
    instalments: tuple[Instalment, ...]
    credits: tuple[CleanCredit, ...]
    as_of: date
    rows: tuple[int, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fees


@dataclass(frozen=True, slots=True)
class CleanPayment:
    """Money that came in, or a reversal of it. At least the reference is known; who paid for what may not be
    (`None`): then the payment waits for a person."""

    reference: str
    kind: Literal["payment", "reversal"]
    reverses: str | None
    amount: int
    currency: str
    value_date: date
    paid_at: datetime | None
    loan_external_id: str | None
    borrower_external_id: str | None
    payer_phone: str | None
    payer_email: str | None
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CleanRecord:
    """One row of a history: `kind` as in `fields.HISTORY`, `external_id` unique in the portfolio among those of its
    `source`, `of` the other fields that have a value. `rows` are those that say the same, word for word."""

    kind: str
    source: str
    external_id: str
    of: Mapping[str, Any]
    row_number: int
    rows: tuple[int, ...]

    @property
    def key(self) -> tuple[str, str]:
        return (self.source, self.external_id)


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that were not taken, all of one loan where a loan has several, with every reason. `cells` are the
    rows as they were, for the file of rejected rows; they hold personal data."""

    rows: tuple[int, ...]
    reasons: tuple[Refusal, ...]
    cells: tuple[Mapping[str, str], ...]


@dataclass(slots=True)
class Tally:
    """What a run came to. `reasons` counts refused loans or payments (and rows that are neither) once per
    reason."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    refused_rows: int = 0
    reasons: Counter[Code] = field(default_factory=Counter)
    remarks: Counter[Code] = field(default_factory=Counter)

    def refuse(self, refused: Refused) -> Refused:
        self.refused += 1
        self.refused_rows += len(refused.rows)
        self.reasons.update({reason.code for reason in refused.reasons})
        return refused


PARTS = ("borrower", "terms", "schedule", "credits")


def facts(loan: CleanLoan) -> dict[str, Any]:
    """The loan's content in PARTS, as JSON values. Leaves out what changes from tape to tape without changing
    the loan (row numbers, remarks, `as_of`), and what we work out ourselves (masks, zones, kinds of line): a
    newer table of zones must not make every loan look changed."""
    return {
        "borrower": _plain(loan.borrower),
        "terms": {
            "external_id": loan.external_id,
            "product": loan.product,
            "currency": loan.currency,
            "principal": loan.principal,
            "interest": loan.interest,
            "fees": loan.fees,
            "disbursed_on": loan.disbursed_on,
        },
        "schedule": loan.instalments,
        "credits": loan.credits,
    }


def canonical(loan: CleanLoan, part: str | None = None) -> bytes:
    """The loan, or one of its PARTS, as bytes that are equal exactly when the content is: what the keyed
    digest is made of by which a later tape tells changed loans from unchanged ones, and says what changed."""
    content = facts(loan)
    return _ENCODER.encode(content if part is None else content[part]).encode()


def _plain(value: Any) -> Any:
    """JSON for what it does not know itself. (`dataclasses.asdict` would copy everything, at ten times the
    price.)"""
    if isinstance(value, date):
        return value.isoformat()
    return {name: getattr(value, name) for name in _CONTENT[type(value)]}


def _content(record: type, *derived: str) -> tuple[str, ...]:
    return tuple(each.name for each in fields(record) if each.name not in derived)


_CONTENT = {
    CleanBorrower: _content(CleanBorrower, "name_mask"),
    CleanRelated: _content(CleanRelated, "name_mask"),
    CleanContact: _content(CleanContact, "mask", "country", "zones", "line_type"),
}


def record_bytes(record: CleanRecord) -> bytes:
    """The record as bytes that are equal exactly when it says the same."""
    return json.dumps(
        {name: _plain_value(value) for name, value in record.of.items()},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def _plain_value(value: Any) -> Any:
    if isinstance(value, date | time):  # moments are dates as well
        return value.isoformat()
    return getattr(value, "e164", value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
