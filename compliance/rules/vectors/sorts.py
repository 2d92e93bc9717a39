"""What sort of value each word of a vector has. A vector with any other is broken: what it means nobody knows."""

from collections.abc import Callable, Mapping
from typing import Any

LISTS = frozenset(
    {
        *("events", "consents", "designations", "media_requests", "holds", "holidays", "email_chain"),
        "debts",  # of the situation; those of an event or a question are names
    }
)
NAMES = frozenset(
    {
        *("debts", "days", "mobile_area_code_tzs", "allocated_to", "call_counts_for", "content", "fields"),
        *("conversation_counts_for", "content_flags", "creditor_name_fields"),
    }
)
TEXTS = frozenset(
    {
        *("id", "kind", "type", "group", "account", "result", "number", "number_owner", "address", "place"),
        *("purpose", "statement", "request", "conduct", "medium", "channel", "by", "voice", "relation"),
        *("variant", "scope", "source", "from", "to", "weekly", "until", "text", "consumer_says", "ground"),
        *("role", "collector", "given_to", "debt_status", "record", "database", "via", "about_debt", "debt"),
        *("t", "t_tz", "in_tz", "date", "as_of", "consumer_tz", "address_tz", "consumer_location_tz"),
        *("mobile_area_code_tz", "landline_area_code_tz", "action", "evaluate", "given_at", "received_at"),
        *("revoked_at", "consented_until", "specified_day", "conversation_at", "registered", "ended_at"),
        *("treatment_ended", "started", "validation_end", "first_activity", "last_activity", "checked_at"),
    }
)
TRUTHS = frozenset(
    {
        *("public", "auto_reply", "after_opt_out_period", "recorded", "reworded", "initial_communication"),
        *("collection_procedures_begun", "consumer_is_at_home", "email_is_employer_provided", "used"),
        *("debtor_unreachable", "directly_to_collector", "only_convenient_time", "attorney_contact_known"),
        *("court_permission", "extended", "obtained_by_procedure", "reassigned_since_last_text"),
        *("collector_accepts_channel", "disclosure_clear"),
    }
)
NUMBERS = frozenset({"days_past_due", "max"})
HOLDS = frozenset({"attorney_represented", "breathing_space", "adviser_pause"})


def fits(given: Mapping[str, Any], when: Mapping[str, Any]) -> bool:
    """Whether every word of the situation and the question has a value of its sort; null always is one."""
    return (
        all(_rows(given[name]) for name in LISTS if given.get(name) is not None)
        and all(each.get("id") for each in given.get("debts") or ())
        and all(each.get("type") in HOLDS for each in given.get("holds") or ())
        and all(_fits(name, value) for name, value in given.items() if name not in LISTS)
        and all(_all_fit(each) for name in LISTS for each in given.get(name) or ())
        and _all_fit(when)
    )


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _all_fit(words: Mapping[str, Any]) -> bool:
    return all(_fits(name, value) for name, value in words.items())


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, Mapping):
        return name not in _SORTS and _all_fit(value)
    return _SORTS.get(name, _anything)(value)


def _anything(_value: Any) -> bool:
    return True


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _names(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(each, str) and each for each in value)
    )


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SORTS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(NAMES, _names),
    **dict.fromkeys(TRUTHS, _truth),
    **dict.fromkeys(NUMBERS, _number),
}
