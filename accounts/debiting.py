"""Whether a debit may be drawn, as a pure, explainable decision: every rule says yes or no, and all must say yes.

Amounts are minor units, dates those of the portfolio. What is not known is None, and then the answer is no.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

DRAWN_WITHIN = timedelta(days=5)
"""How long after the announced day a debit may still be drawn; later it is announced anew."""


class DebitRule(StrEnum):
    """The rules, in the order in which they are told."""

    MANDATE = "mandate"  # given, and neither revoked nor ended by failures
    DATES = "dates"  # within the days it is for
    MOST = "most"  # not above what it allows at once
    MONTH = "month"  # nor above what it allows in a month
    NOTICE = (
        "notice"  # announced by a message that really left, days before, for this day and at least this much
    )
    DUE = "due"  # not above what is due on the day
    FLOOR = "floor"  # the balance is known and keeps what is to be left untouched
    HOLD = "hold"  # no hold stops collecting
    TRIES = "tries"  # fewer failures in a row than end the mandate
    OPEN = "open"  # no other debit is under way or of unknown outcome
    KNOWN = "known"  # payments are fresh, and none waits that may be for this loan
    PORTFOLIO = "portfolio"  # open for contact, and the case is open


@dataclass(frozen=True, kw_only=True)
class DebitFacts:
    """All that a decision rests on; ids are pseudonyms."""

    mandate: str
    notice: str
    loan: str
    amount: int
    on: date
    ended: str = ""  # why the mandate ended, empty where it has not
    from_on: date
    to_on: date | None = None
    most_per_debit: int
    most_per_month: int
    drawn_this_month: int = 0
    announced_amount: int
    collect_on: date
    notice_sent_on: date | None = None
    notice_withdrawn: bool = False
    notice_days: int
    due: int
    floor: int | None = None
    balance: int | None = None
    holds: tuple[str, ...] = ()
    failures: int = 0
    failures_end: int
    open_debits: int = 0
    payments_known: bool = True
    portfolio_open: bool = True
    case_open: bool = True

    def as_json(self) -> dict[str, Any]:
        """Ready for canonical JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.isoformat()
            if isinstance(value, date)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in found.items()
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "DebitFacts":
        """The same facts again: a stored decision can be taken once more."""
        days = ("on", "from_on", "to_on", "collect_on", "notice_sent_on")
        read = {name: date.fromisoformat(told[name]) if told[name] else None for name in days}
        return cls(**{**told, **read, "holds": tuple(told["holds"])})


@dataclass(frozen=True)
class Ruling:
    rule: DebitRule
    ok: bool


@dataclass(frozen=True)
class DebitAnswer:
    rulings: tuple[Ruling, ...]

    @property
    def allowed(self) -> bool:
        return all(each.ok for each in self.rulings)

    @property
    def reasons(self) -> list[str]:
        """The rules that said no."""
        return [str(each.rule) for each in self.rulings if not each.ok]

    def as_json(self) -> list[dict[str, Any]]:
        return [{"rule": str(each.rule), "ok": each.ok} for each in self.rulings]


def _announced(facts: DebitFacts) -> bool:
    sent = facts.notice_sent_on
    return (
        sent is not None
        and not facts.notice_withdrawn
        and sent + timedelta(days=facts.notice_days) <= facts.on
        and facts.collect_on <= facts.on <= facts.collect_on + DRAWN_WITHIN
        and facts.amount <= facts.announced_amount
    )


def _leaves_the_floor(facts: DebitFacts) -> bool:
    if facts.floor is None:
        return True
    return facts.balance is not None and facts.balance - facts.amount >= facts.floor


RULES: Mapping[DebitRule, Callable[[DebitFacts], bool]] = {
    DebitRule.MANDATE: lambda facts: not facts.ended,
    DebitRule.DATES: lambda facts: (
        facts.from_on <= facts.on and (facts.to_on is None or facts.on <= facts.to_on)
    ),
    DebitRule.MOST: lambda facts: 0 < facts.amount <= facts.most_per_debit,
    DebitRule.MONTH: lambda facts: facts.drawn_this_month + facts.amount <= facts.most_per_month,
    DebitRule.NOTICE: _announced,
    DebitRule.DUE: lambda facts: facts.amount <= facts.due,
    DebitRule.FLOOR: _leaves_the_floor,
    DebitRule.HOLD: lambda facts: not facts.holds,
    DebitRule.TRIES: lambda facts: facts.failures < facts.failures_end,
    DebitRule.OPEN: lambda facts: facts.open_debits == 0,
    DebitRule.KNOWN: lambda facts: facts.payments_known,
    DebitRule.PORTFOLIO: lambda facts: facts.portfolio_open and facts.case_open,
}


def decide_debit(facts: DebitFacts) -> DebitAnswer:
    """Every rule's own answer, in the order of `DebitRule`."""
    return DebitAnswer(tuple(Ruling(rule, RULES[rule](facts)) for rule in DebitRule))
