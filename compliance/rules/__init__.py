"""The law, pure: facts in, decision out. No Django, no clock, no database; `docs/rule-packs.md` tells the
whole.

`Facts` say what is known, `load_packs()` reads the law, `decide(facts, packs, at)` answers.
"""

from compliance.rules.decide import decide
from compliance.rules.decision import Decision, Outcome, ReasonCode, RuleResult
from compliance.rules.facts import (
    Channel,
    ConsentFact,
    DebtFact,
    DesignationFact,
    Direction,
    Facts,
    HoldFact,
    HolidayFact,
    MediaFact,
    Party,
    PastContact,
    Place,
    Purpose,
    Role,
)
from compliance.rules.packs import Pack, PackError, Packs, load_packs, parse_pack

__all__ = [
    "Channel",
    "ConsentFact",
    "DebtFact",
    "Decision",
    "DesignationFact",
    "Direction",
    "Facts",
    "HoldFact",
    "HolidayFact",
    "MediaFact",
    "Outcome",
    "Pack",
    "PackError",
    "Packs",
    "Party",
    "PastContact",
    "Place",
    "Purpose",
    "ReasonCode",
    "Role",
    "RuleResult",
    "decide",
    "load_packs",
    "parse_pack",
]
