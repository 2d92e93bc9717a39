"""What became of direct prior consent to more calls: whether it is alive, and what ended it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.rules.facts import ConsentFact, Facts
from compliance.rules.situation import CALL_BACK, Situation, is_conversation
from compliance.rules.vectors.given import DAY, Given, midnight

EXCLUSION = "1006.14(b)(3)(i)"
CONSENTED_DAYS = 7


@dataclass(frozen=True)
class ConsentState:
    alive: bool
    ended_by: str | None


def state(given: Given, facts: Facts) -> ConsentState | None:
    """None where no such consent was given by the moment asked about."""
    given_so_far = [each for each in facts.consents if each.kind == CALL_BACK and each.given_at <= given.at]
    if not given_so_far:
        return None
    zones = facts.zones or (given.clock,)
    if Situation(facts, zones).consent(given.at, zones, CONSENTED_DAYS):
        return ConsentState(alive=True, ended_by=None)
    return ConsentState(alive=False, ended_by=_ended_by(given, facts, given_so_far[-1]))


def answer(consent: ConsentState | None) -> dict[str, Any]:
    """Whether the call asked about counts."""
    if consent is None or not consent.alive:
        ended = {"consent_expired_by": consent.ended_by} if consent and consent.ended_by else {}
        return {"call_counted": True, **ended}
    return {"call_counted": False, "exclusion": EXCLUSION}


def _ended_by(given: Given, facts: Facts, consent: ConsentFact) -> str | None:
    ends: list[tuple[datetime, str]] = []
    if consent.revoked_at is not None:
        ends.append((consent.revoked_at, "revoked"))
    ends += [
        (each.at, "conversation")
        for each in facts.history
        if each.at > consent.given_at and is_conversation(each)
    ]
    week = given.local_day(consent.given_at) + (CONSENTED_DAYS - 1) * DAY
    if consent.last_day is not None and consent.last_day < week:
        ends.append((midnight(consent.last_day + DAY, given.clock), "shorter_period_ended"))
    return min((each for each in ends if each[0] <= given.at), default=(given.at, None))[1]
