"""Answers the conformance vectors that ask about terms and notices, and about acts that are no contact.

`EVALUATIONS` and `ACTIONS` by name: each takes a vector and returns its answer as plain JSON. Every rule counts on its
dates. Raises `Broken`, or `KeyError` where a word is missing, for a vector that says nothing to be judged.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules import terms
from compliance.rules.canonical import plain
from compliance.rules.facts import Role
from compliance.rules.terms.acts import PROHIBITED
from compliance.rules.terms.matter import (
    ADDRESS_PROVIDED,
    CALL,
    CONTACT,
    DISPUTE,
    EMAIL,
    NOTICE,
    OPT_OUT,
    SMS,
    SOCIAL,
    VISIT,
    Agreement,
    Event,
    Hold,
    Link,
    Matter,
    NumberCheck,
)
from compliance.rules.vectors.given import Broken, Given, Words

CONTACTS = {
    "call_out": (CALL, False),
    "call_in": (CALL, True),
    "ringless_voicemail": (CALL, False),
    "sms_out": (SMS, False),
    "sms_in": (SMS, True),
    "email_out": (EMAIL, False),
    "email_in": (EMAIL, True),
    "social_message_out": (SOCIAL, False),
    "visit_out": (VISIT, False),
    "letter_out": ("letter", False),
}
NOTICES = ("validation_notice_mailed", "validation_notice_sent")
ASKED = ("channel", "method", "number", "address", "fields", "value", "type", "complexity", "statement")
CEASED = ("cease_notice_received", "cease_letter_received")

# What each word of an answer becomes where a jurisdiction is unknown: closed.
CLOSED = {
    "compliant": "non_compliant",
    "safe_harbor_available": "safe_harbor_not_available",
    "permitted": PROHIBITED,
}
CLOSED_KEYS = {"required": True, "cease_collection": True, "retain": True}


def answer(question: str, given: Given) -> dict[str, Any]:
    """The answer to one vector."""
    matter = read_matter(given)
    book = terms.book_for(given.packs, given.jurisdictions, all_count=True)
    values = plain(terms.ask(question, matter, book, **_words(question, given, matter)).values)
    unknown = not given.jurisdictions or given.packs.unknown(given.jurisdictions)
    return _closed(values, question) if unknown else values


def _closed(values: dict[str, Any], question: str) -> dict[str, Any]:
    """The answer where a jurisdiction is unknown."""
    if question in terms.ACTIONS:
        return {"outcome": PROHIBITED, "reason": "unknown_jurisdiction"}
    closed = {**values, **{key: word for key, word in CLOSED_KEYS.items() if key in values}}
    if "outcome" in values:
        closed |= {
            "outcome": CLOSED.get(values["outcome"], values["outcome"]),
            "reason": "unknown_jurisdiction",
        }
    return closed


def read_matter(given: Given) -> Matter:
    """The facts of a vector. Debts are those asked about, else all."""
    told, zone = given.given, given.clock
    types = {each.id: each.type for each in given.debt_facts}
    return Matter(
        role=Role(given.role).value,
        jurisdictions=given.jurisdictions,
        zone=zone,
        debts=given.debts,
        debt_types=tuple(kind for debt in given.debts if (kind := types.get(debt))),
        events=tuple(_event(each, zone) for each in told.get("events") or ()),
        holds=tuple(_hold(each) for each in told.get("holds") or () if each["type"] in HOLD_STARTS),
        holidays=None if given.holidays is None else tuple((each.day, each.kind) for each in given.holidays),
        debt_status=told.get("debt_status"),
        validation_end=_date(told.get("validation_end")),
        number_check=_number_check(told.get("number_check"), zone),
        agreements=tuple(_agreements(told, zone)),
        chain=tuple(_link(each) for each in told.get("email_chain") or ()),
        employer_email=bool(given.knowledge.get("email_is_employer_provided")),
        name_parts=tuple(told.get("creditor_name_fields") or ()),
        deceased=told.get("consumer_status") == "deceased",
        estate_representative=bool(told.get("estate_representative")),
        record=told.get("record"),
        first_activity=_date(told.get("first_activity")),
        last_activity=_date(told.get("last_activity")),
    )


def _moment(text: str, zone: str, *, end: bool = False) -> datetime:
    """The instant of a local time; of a date alone its first or last."""
    if len(text) == len("2026-01-01"):
        wall = datetime.combine(date.fromisoformat(text), time.max if end else time.min)
    else:
        wall = datetime.fromisoformat(text)
    return (wall if wall.tzinfo else wall.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _event(told: Words, zone: str) -> Event:
    kind = told["kind"]
    channel, inbound = CONTACTS.get(kind, (told.get("channel"), False))
    words: dict[str, Any] = {
        "at": _moment(told["t"], told.get("t_tz") or zone),
        "on": date.fromisoformat(told["t"]) if len(told["t"]) == len("2026-01-01") else None,
        "kind": CONTACT if kind in CONTACTS else kind,
        "channel": channel,
        "inbound": inbound,
        "debts": _debts(told),
        "point": told.get("number") or told.get("address"),
        "result": "voicemail" if kind == "ringless_voicemail" else told.get("result"),
        "content": tuple(told["content"]) if isinstance(told.get("content"), list) else None,
        "remarks": tuple(told.get("content_flags") or ()),
        "own": kind not in CONTACTS or told.get("by") is None,
        "with_consumer": told.get("number_owner") is None,
        "initial": bool(told.get("initial_communication")),
        "recorded": bool(told.get("recorded")),
        "accepted": told.get("collector_accepts_channel"),
        "evidence": tuple(told.get("evidence") or ()),
        "ground": told.get("ground"),
        "by": told.get("by"),
    }
    return Event(**(words | _other(kind, told)))


def _other(kind: str, told: Words) -> dict[str, Any]:
    """What events that are no contact say besides."""
    if kind in NOTICES:
        return {"kind": NOTICE}
    if kind == ADDRESS_PROVIDED:
        return {"disclosed": told.get("disclosure_clear") is True}
    if kind == OPT_OUT:
        everywhere = told.get("address") in (None, "*") and told.get("number") is None
        return {"channel": told.get("medium"), "whole": everywhere}
    if kind == "consumer_request" and told.get("request") in ("opt_out_this_address", "opt_out_all_email"):
        return {"kind": OPT_OUT, "channel": EMAIL, "whole": told["request"] == "opt_out_all_email"}
    if kind in CEASED or (kind == "consumer_request" and told.get("request") == "refuse_to_pay_or_cease"):
        return {"kind": OPT_OUT, "channel": None, "whole": True}
    return {}


def _debts(told: Words) -> tuple[str, ...] | None:
    """None where nothing is said of debts. A conversation may have been about other debts than the call."""
    about = told.get("conversation_counts_for") if told.get("result") == "conversation" else None
    debts = about if about is not None else told.get("debts")
    if debts is None:
        return None
    return (debts,) if isinstance(debts, str) else tuple(debts)


HOLD_STARTS = {"breathing_space": "registered", "adviser_pause": "started"}


def _hold(told: Words) -> Hold:
    return Hold(
        kind=told["type"],
        # One that began nobody knows when has begun.
        started=_date(told.get(HOLD_STARTS[told["type"]])) or date.min,
        variant=told.get("variant") or "standard",
        extended=bool(told.get("extended")),
        treatment_ended=_date(told.get("treatment_ended")),
        ended=_date(told.get("ended_at")),
        court_permission=bool(told.get("court_permission")),
        debts=tuple(told.get("debts") or ()),
    )


def _number_check(told: Words | None, zone: str) -> NumberCheck | None:
    if not told or not told.get("checked_at"):
        return None
    at = _moment(told["checked_at"], told.get("t_tz") or zone)
    reassigned = told.get("reassigned_since_last_text")
    return NumberCheck(
        day=_date(told["checked_at"]) or date.min, at=at, database=told.get("database"), reassigned=reassigned
    )


def _agreements(given: Words, zone: str) -> list[Agreement]:
    """Consents to be written to: dated, on record, and given to us."""
    found = []
    for told in given.get("consents") or ():
        ours = told.get("directly_to_collector") is not False and not told.get("given_to")
        if (
            told.get("type") == "electronic_messages"
            and told.get("given_at")
            and told.get("evidence")
            and ours
        ):
            at = _moment(told["given_at"], told.get("t_tz") or zone)
            revoked = told.get("revoked_at")
            found.append(
                Agreement(
                    at=at,
                    day=at.astimezone(ZoneInfo(zone)).date(),
                    last_day=_date(told.get("consented_until")),
                    revoked_at=_moment(revoked, zone) if revoked else None,
                )
            )
    return found


def _link(told: Words) -> Link:
    return Link(
        collector=told["collector"],
        obtained_by_procedure=told.get("obtained_by_procedure") is True,
        used=told.get("used") is True,
        opt_out=bool(told.get("opt_out")),
    )


def _words(question: str, given: Given, matter: Matter) -> dict[str, Any]:
    """What the question asks besides the facts."""
    when = given.when
    asked = {key: when[key] for key in ASKED if key in when}
    moment = when.get("as_of") or when.get("t")
    if moment is not None:
        asked["at"] = _moment(moment, when.get("t_tz") or matter.zone, end=True)
    elif question in terms.ACTIONS:
        raise Broken("an action says when")
    if "dispute_index" in when:
        asked["dispute"] = _dispute(matter, when["dispute_index"])
    return asked


def _dispute(matter: Matter, index: int) -> Event | None:
    """The event of that index; where it is no dispute, the dispute of that number, the first being 1."""
    if 0 <= index < len(matter.events) and matter.events[index].kind == DISPUTE:
        return matter.events[index]
    disputes = [event for event in matter.events if event.kind == DISPUTE]
    return disputes[index - 1] if 0 < index <= len(disputes) else None


Answering = Callable[[Given], dict[str, Any]]

EVALUATIONS: dict[str, Answering] = {name: partial(answer, name) for name in terms.EVALUATIONS}
ACTIONS: dict[str, Answering] = {name: partial(answer, name) for name in terms.ACTIONS}
