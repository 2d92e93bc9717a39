"""The words by which the format calls reasons and exceptions."""

from compliance.rules.decision import Outcome, ReasonCode, RuleResult
from compliance.rules.schema import CountRule, QuietRule, Rule

WORDS = {
    ReasonCode.UNKNOWN_JURISDICTION: "unknown_jurisdiction",
    ReasonCode.OUTSIDE_HOURS: "outside_contact_window",
    ReasonCode.NO_COMMON_HOURS: "outside_contact_window",
    ReasonCode.CLOSED_DAY: "closed_day",
    ReasonCode.DESIGNATED_TIME: "1006.6(b)(1)",
    ReasonCode.DESIGNATED_PLACE: "1006.6(b)(1)",
    ReasonCode.PARTY_NOT_ALLOWED: "third_party_contact",
    ReasonCode.HOLD: "hold",
    ReasonCode.NO_CONSENT: "no_consent_electronic",
}

EXCEPTIONS = frozenset(
    {
        *("one_response_same_medium", "1006.6(c)(2)", "1006.14(h)(2)(i)", "1006.14(h)(2)(iii)"),
        *("debtor_initiated", "court_permission", "ongoing_liability", "seek_consent"),
    }
)


def reason_word(rule: Rule | None, result: RuleResult) -> str | None:
    """The word for a result that closes; None where the format has none."""
    if result.reason is ReasonCode.QUIET_PERIOD and isinstance(rule, QuietRule):
        return closing_word(rule)
    if result.reason is ReasonCode.COUNT_REACHED and isinstance(rule, CountRule):
        return closing_word(rule)
    return WORDS.get(result.reason) if result.reason else None


def closing_word(rule: CountRule | QuietRule) -> str:
    """What a number or a quiet period is called once it is gone beyond."""
    return f"within_{rule.days}_days_of_conversation" if isinstance(rule, QuietRule) else _count_word(rule)


def _count_word(rule: CountRule) -> str:
    limit, days = rule.limit, rule.window.days
    if rule.window.kind == "ever":
        return "third_party_contact"
    if rule.counts.only_purposes:
        return f"more_than_{limit}_consent_request_in_{days}"
    match rule.counts.event:
        case "conversation":
            return f"more_than_{limit}_conversations_in_day"
        case "unanswered_call":
            return f"more_than_{limit}_unanswered_in_day"
        case "message":
            return f"more_than_{limit}_messages_in_{days}"
        case "visit":
            return f"more_than_{limit}_visit_in_{days}"
        case "connected_call" if rule.outcome is not Outcome.PRESUMED_VIOLATION:
            return f"more_than_{limit}_calls_in_{days}"
    return f"more_than_{limit}_in_{days}"
