"""What a judge is asked: one rule about one contact at one moment."""

from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from compliance.rules.schema import BaseRule
from compliance.rules.situation import Situation

R = TypeVar("R", bound=BaseRule)


class Asked(NamedTuple, Generic[R]):
    """`zones` are those by whose clocks the rule goes, `debts` those of the contact it reaches, `opens` whether its
    exceptions count: only those of rules that somebody signed do."""

    rule: R
    situation: Situation
    at: datetime  # UTC
    zones: tuple[str, ...]
    debts: tuple[str, ...]
    opens: bool
