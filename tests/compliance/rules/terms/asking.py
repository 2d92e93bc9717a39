"""Vectors in the words of the conformance format, short to write: what is asked is answered as the command would."""

from typing import Any

from compliance.rules.vectors import answer_one

COLLECTOR = "third_party_debt_collector"


def ask(
    evaluate: str, *events: dict[str, Any], when: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """The answer of federal law to a collector in New York with one debt, unless told otherwise."""
    return _answer({"evaluate": evaluate, **(when or {})}, events, given)


def act(
    action: str, t: str, *events: dict[str, Any], when: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """The same of an act that is no contact."""
    return _answer({"action": action, "t": t, **(when or {})}, events, given)


def _answer(
    when: dict[str, Any], events: tuple[dict[str, Any], ...], given: dict[str, Any]
) -> dict[str, Any]:
    usual = {
        "jurisdictions": ["US"],
        "role": COLLECTOR,
        "consumer_tz": "America/New_York",
        "debts": [{"id": "D1", "type": "unspecified"}],
    }
    vector = {"id": "V", "given": {**usual, "events": list(events), **given}, "when": when}
    told = answer_one(vector)
    assert told.pop("id") == "V"
    return told


def event(t: str, kind: str, **words: Any) -> dict[str, Any]:
    return {"t": t, "kind": kind, **words}


def first_call(t: str = "2026-03-02T10:00", **words: Any) -> dict[str, Any]:
    """The conversation in which the debt was first spoken of."""
    usual = {"result": "conversation", "debts": ["D1"], "initial_communication": True}
    return event(t, "call_out", **(usual | words))


def dispute(t: str = "2026-03-20", channel: str = "mail", **words: Any) -> dict[str, Any]:
    return event(t, "dispute_received", channel=channel, **words)


def part(answer: dict[str, Any], *keys: str) -> tuple[Any, ...]:
    """The values of some keys, all of which must be there."""
    return tuple(answer[key] for key in keys)
