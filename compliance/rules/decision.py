"""What the gate answers: an outcome, every rule's own result, codes with parameters, the next allowed moment.

Sentences are made above, from a reason's code and parameters; nothing here is shown to a person as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from compliance.rules.canonical import canonical_json, plain


class Outcome(StrEnum):
    """Strictest last. A presumed violation needs a reason code of the rule and a second person; prohibited is
    final."""

    PERMITTED = "permitted"
    FLAGGED = "permitted_with_flag"
    PRESUMED_VIOLATION = "presumed_violation"
    PROHIBITED = "prohibited"

    @property
    def allows(self) -> bool:
        """True where contact may happen without anybody's override."""
        return self in (Outcome.PERMITTED, Outcome.FLAGGED)

    @classmethod
    def strictest(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        """The strictest of several; permitted when there are none."""
        return max(outcomes, key=STRICTNESS.__getitem__, default=cls.PERMITTED)


STRICTNESS = {outcome: rank for rank, outcome in enumerate(Outcome)}


class ReasonCode(StrEnum):
    """Why a result is not a plain "permitted", with the parameters each code carries (all JSON values).

    Facts that nobody can judge (rule `GATE.FACTS`; outcome prohibited, never a next allowed moment):
    - `unknown_jurisdiction`: `jurisdictions`, those without a pack; an empty list when none was given
    - `unknown_role`, `unknown_channel`, `unknown_purpose`, `unknown_party`: `value`, the word that is not
      known
    - `unknown_zone`: `zones`, `countries`, as given

    - `stale_facts`: `what`, the words of what is too old to rely on

    Nothing to collect (rule `GATE.ARREARS`):
    - `nothing_overdue`: no parameters
    - `arrears_unknown`: no parameters; balances are not known, or were read too long ago

    Holds (rule `GATE.HOLD`, or a pack's rule for that kind of hold):
    - `hold`: `hold` (its kind), `first_day`, `last_day` (null: open)

    People (rules of kind party):
    - `party_not_allowed`: `party`

    Hours (rules of kind window):
    - `outside_hours`: `zone` (one in which it is closed), `local_time` ("HH:MM" there), `hours` (that
      weekday's open hours there, list of ["HH:MM", "HH:MM"]), `zones` (how many zones must be open at once),
      `at_edge` (true at the exact opening or closing instant)
    - `closed_day`: `zone`, `day` (its local date, on which nothing is open), `zones`
    - `no_common_hours`: `zones` (all of them), when the next 14 days hold no instant open in every zone

    Counts (rules of kind count; `counted`, `limit`, `left`, `window` and `days` stand on the result itself):
    - `count_reached`: `event` (dial, connected_call, unanswered_call, conversation, message, attempt), `per`
      (person, debt, contact_point, channel), `of` (the debt, contact point or channel counted; null for a
      person)

    Quiet periods (rules of kind quiet_period):
    - `quiet_period`: `event`, `per`, `of`, `last_event` (local date of the contact that began it),
      `first_open` (local date)

    On a permitted result of a count or quiet period:
    - `consented`: `until` (last local day of the consent); the rule does not apply to this call, the person
      asked for it

    The person's own wishes:
    - `designated_time`: `zone`, `local_time`, `at_edge`
    - `designated_place`: `place`
    - `employer_forbids`: no parameters
    - `medium_refused`: `channel`, `contact_point` (null: the medium altogether)
    - `no_consent`: `consent` (the kind that is missing)

    What the facts say of the contact itself (rules of kind bar):
    - `public`, `employer_email`, `inconvenient_now`: no parameters; `permitted_if` where exceptions exist

    On a permitted or flagged result:
    - `excepted`: `exception` (its name): it would be closed but for this
    - `set_aside`: no parameters; a draft that two people set aside
    - `proposed`: `would` (the reason it would give); not law yet
    - `pattern`: `factor`, `number`
    - `required`: `requires`, what the contact must say or hold
    """

    UNKNOWN_JURISDICTION = "unknown_jurisdiction"
    UNKNOWN_ROLE = "unknown_role"
    UNKNOWN_CHANNEL = "unknown_channel"
    UNKNOWN_PURPOSE = "unknown_purpose"
    UNKNOWN_PARTY = "unknown_party"
    UNKNOWN_ZONE = "unknown_zone"
    NOTHING_OVERDUE = "nothing_overdue"
    ARREARS_UNKNOWN = "arrears_unknown"
    HOLD = "hold"
    PARTY_NOT_ALLOWED = "party_not_allowed"
    OUTSIDE_HOURS = "outside_hours"
    CLOSED_DAY = "closed_day"
    NO_COMMON_HOURS = "no_common_hours"
    COUNT_REACHED = "count_reached"
    QUIET_PERIOD = "quiet_period"
    CONSENTED = "consented"
    STALE_FACTS = "stale_facts"
    DESIGNATED_TIME = "designated_time"
    DESIGNATED_PLACE = "designated_place"
    EMPLOYER_FORBIDS = "employer_forbids"
    MEDIUM_REFUSED = "medium_refused"
    NO_CONSENT = "no_consent"
    PUBLIC = "public"
    EMPLOYER_EMAIL = "employer_email"
    INCONVENIENT_NOW = "inconvenient_now"
    EXCEPTED = "excepted"
    SET_ASIDE = "set_aside"
    PROPOSED = "proposed"
    PATTERN = "pattern"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule's own answer. `pack` is empty for the gate's own checks (rules `GATE.…`).

    Count rules fill `counted` (contacts in the window before this one), `limit`, `left` (how many are open,
    this one included), `window` (first and last local date) and `days`. `next_allowed` (UTC) is the earliest
    moment at which this rule alone would permit; None where it permits now, or where no such moment is known.
    `conservative`: the texts are silent or disagree here, and we close. `exception` names what let it through.
    """

    rule: str
    pack: str = ""
    status: str = ""  # of the rule: draft, signed or proposed
    outcome: Outcome = Outcome.PERMITTED
    reason: ReasonCode | None = None
    params: dict[str, Any] = field(default_factory=dict)
    counted: int | None = None
    limit: int | None = None
    left: int | None = None
    window: tuple[date, date] | None = None
    days: int | None = None
    override_reasons: tuple[str, ...] = ()
    next_allowed: datetime | None = None
    conservative: bool = False
    exception: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The gate's answer for one contact at one moment."""

    outcome: Outcome
    results: tuple[RuleResult, ...]
    next_allowed: datetime | None  # UTC; the moment asked about where contact is allowed; None: none known
    packs: dict[str, str]  # id of every pack that took part: digest of its text

    @property
    def allowed(self) -> bool:
        return self.outcome.allows

    @property
    def reasons(self) -> tuple[RuleResult, ...]:
        """The results that are not plainly permitted, strictest first."""
        telling = [result for result in self.results if result.outcome is not Outcome.PERMITTED]
        return tuple(sorted(telling, key=lambda result: -STRICTNESS[result.outcome]))

    @property
    def required(self) -> tuple[str, ...]:
        """What the contact must say or hold, in the words of the packs."""
        found = (each.params["requires"] for each in self.results if each.reason is ReasonCode.REQUIRED)
        return tuple(dict.fromkeys(word for words in found for word in words))

    @property
    def left_today(self) -> int | None:
        """How many such contacts every count still allows today; None when nothing counts them."""
        return self._left(1)

    @property
    def left_this_week(self) -> int | None:
        """How many the counts over seven days or more allow; None when there is no such count."""
        return self._left(7)

    def _left(self, days: int) -> int | None:
        return min(
            (each.left for each in self.results if each.left is not None and (each.days or 0) >= days),
            default=None,
        )

    def as_data(self) -> dict[str, Any]:
        """JSON-ready: what is stored with the decision."""
        return plain(self)

    def to_json(self) -> str:
        return canonical_json(self)
