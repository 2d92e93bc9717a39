"""The decision: facts, packs and a moment in; an outcome with every rule's own result out. Strictest wins."""

from datetime import UTC, datetime, timedelta

from compliance.rules.decision import Decision, Outcome, ReasonCode, RuleResult
from compliance.rules.facts import Channel, Facts, Party, Purpose, Role
from compliance.rules.judges import Prepared, in_force, judge_prepared, prepared, unmoved
from compliance.rules.packs import Packs
from compliance.rules.situation import Situation
from compliance.rules.windows import FAR
from compliance.rules.wishes import active_holds, hold_reason
from compliance.rules.zones import possible_zones

# Each step jumps to the moment the strictest rule names. Rules whose hours never meet would jump for ever:
# two a day, so this gives up after some weeks without a common hour.
STEPS = 60

_WORDS = (
    ("role", Role, ReasonCode.UNKNOWN_ROLE),
    ("channel", Channel, ReasonCode.UNKNOWN_CHANNEL),
    ("purpose", Purpose, ReasonCode.UNKNOWN_PURPOSE),
    ("party", Party, ReasonCode.UNKNOWN_PARTY),
)
_KNOWN = {name: frozenset(map(str, words)) for name, words, _ in _WORDS}


def decide(facts: Facts, packs: Packs, at: datetime, *, ahead: bool = True) -> Decision:
    """May this contact happen at `at` (any zone; raises ValueError without one)?

    Unknown jurisdiction, role, channel, purpose, party or zone: prohibited. `next_allowed` is the earliest
    moment at which the same facts would be allowed, None where none is known within 400 days; looked for only
    `ahead`, because most of a refusal's time goes there.
    """
    if at.tzinfo is None:
        raise ValueError(f"the moment asked about needs a time zone: {at.isoformat()}")
    at = at.astimezone(UTC)
    versions = packs.versions(facts.jurisdictions)
    situation = situation_of(facts, packs)
    unknown = _unknown(facts, packs, situation)
    if unknown or situation is None:
        return Decision(outcome=Outcome.PROHIBITED, results=unknown, next_allowed=None, packs=versions)
    results = _judge_all(situation, packs, at)
    outcome = Outcome.strictest(result.outcome for result in results)
    return Decision(
        outcome=outcome,
        results=results,
        next_allowed=_next_allowed(situation, packs, at, results) if ahead else None,
        packs=versions,
    )


def situation_of(facts: Facts, packs: Packs) -> Situation | None:
    """The facts with every zone the person may be in; None where a zone or country is not known."""
    fallback = tuple(pack.country for pack in packs.packs_for(facts.jurisdictions) if pack.country)
    zones = possible_zones(facts.zones, facts.countries, fallback)
    address = possible_zones(facts.address_zones, (), ()) if facts.address_zones else ()
    return None if zones is None or address is None else Situation(facts, zones, address)


def _unknown(facts: Facts, packs: Packs, situation: Situation | None) -> tuple[RuleResult, ...]:
    found = []
    if (missing := packs.unknown(facts.jurisdictions)) or not facts.jurisdictions:
        found.append(_refusal("GATE.FACTS", ReasonCode.UNKNOWN_JURISDICTION, jurisdictions=missing))
    for name, _words, reason in _WORDS:
        if (value := getattr(facts, name)) not in _KNOWN[name]:
            found.append(_refusal("GATE.FACTS", reason, value=value))
    if facts.stale:
        found.append(_refusal("GATE.FACTS", ReasonCode.STALE_FACTS, what=list(facts.stale)))
    if situation is None:
        places = {"zones": list(facts.zones), "countries": list(facts.countries)}
        found.append(_refusal("GATE.FACTS", ReasonCode.UNKNOWN_ZONE, **places))
    return tuple(found)


def _judge_all(situation: Situation, packs: Packs, at: datetime) -> tuple[RuleResult, ...]:
    facts = situation.facts
    results = []
    if Purpose(facts.purpose).collecting and facts.arrears_positive is not True:
        reason = ReasonCode.ARREARS_UNKNOWN if facts.arrears_positive is None else ReasonCode.NOTHING_OVERDUE
        results.append(_refusal("GATE.ARREARS", reason))
    for hold in active_holds(situation, at):
        results.append(
            RuleResult(rule="GATE.HOLD", outcome=Outcome.PROHIBITED, **hold_reason(hold, situation, at))
        )
    for one in _in_force(situation, packs, at):
        result = one if isinstance(one, RuleResult) else judge_prepared(one, situation, at)
        if result is not None:
            results.append(result)
    return tuple(results)


# Places times hours times kinds of contact: more than this is no portfolio but a test.
REMEMBERED = 20_000


def _in_force(situation: Situation, packs: Packs, at: datetime) -> tuple[Prepared | RuleResult, ...]:
    """The rules that speak about such a contact and are in force on any date it may be for the person; of those that
    nothing in the facts can move, the result itself."""
    facts = situation.facts
    contact = (facts.jurisdictions, facts.role, facts.channel, facts.purpose, facts.party)
    question = (
        contact,
        situation.zones,
        situation.address_zones,
        at.replace(minute=0, second=0, microsecond=0) + QUARTERS[at.minute // 15],
        (bool(facts.holds), bool(facts.designations), bool(facts.media_requests)),
        (facts.live, facts.public, facts.employer_email, facts.inconvenient_now),
        facts.signed,
        facts.set_aside,
    )
    found = packs.in_force.get(question)
    if found is None:
        if len(packs.in_force) > REMEMBERED:
            packs.in_force.clear()
        rules = (
            prepared(pack, rule) for pack, rule in packs.applying(*contact) if in_force(rule, situation, at)
        )
        found = packs.in_force[question] = tuple(unmoved(one, facts) or one for one in rules)
    return found


# Everywhere on earth dates change on a quarter of an hour.
QUARTERS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 30, 45))


def _next_allowed(
    situation: Situation, packs: Packs, at: datetime, results: tuple[RuleResult, ...]
) -> datetime | None:
    """Jumps from the latest moment the forbidding rules name to the next, until none forbids."""
    moment = at
    for _step in range(STEPS):
        opens = [result.next_allowed for result in results if not result.outcome.allows]
        if not opens:
            return moment
        named = [each for each in opens if each is not None]
        if len(named) < len(opens) or (moment := max(named)) - at > FAR:
            return None
        results = _judge_all(situation, packs, moment)
    return None


def _refusal(rule: str, reason: ReasonCode, **params: object) -> RuleResult:
    return RuleResult(rule=rule, outcome=Outcome.PROHIBITED, reason=reason, params=params)
