"""The gate: may we contact this borrower, now, this way, for this? `ask` decides and stores; `look` only looks.

The rules are pure (`compliance.rules`), the facts come from `compliance.facts`, the decision is stored by the database's own
`gate_decide`, which alone can issue a permit. `compliance.actions.contacts.place` spends it.
"""

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint
from accounts.statements import kept_cursor
from compliance.actions.packs import store_packs
from compliance.audit import Actor, Stream, record
from compliance.audit.canonical import canonical
from compliance.facts import NotAskable, Question, Situation, locked_situations, situations
from compliance.models import Channel, Override
from compliance.rules import Decision, Facts, Outcome, Packs, decide, load_packs
from compliance.rules.canonical import plain

CALL_LIFE = timedelta(minutes=10)
MESSAGE_LIFE = timedelta(minutes=2)
"""How long a permit lives: a person picks up a phone, a machine sends at once."""

FACTS_LIMIT = 1024 * 1024

MANY = 100
"""Questions at once that make a batch."""

SHOWN = (Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.APP)
"""Channels the desk offers: a decision about one says when each of them opens."""

GATE = Actor.system("gate")

DECIDE = """
SELECT gate_decide(
    %(decision)s, %(permit)s, %(borrower)s, %(contact_point)s, %(channel)s, %(purpose)s, %(loans)s, %(outcome)s, %(at)s,
    %(next_allowed)s, %(facts)s, %(results)s, %(packs)s, %(channels)s, %(actor)s, %(life)s, %(override)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A stored decision; with a permit, good until `expires_at`, where it allows, or where an override lets it happen."""

    decision_id: UUID
    decision: Decision
    permit_id: UUID | None
    expires_at: datetime | None


@lru_cache(maxsize=1)
def packs() -> Packs:
    """The rule packs in force, read once per process. The house policy among them applies to every portfolio."""
    return load_packs()


def look(
    *,
    borrower: Borrower,
    channel: str,
    purpose: str,
    at: datetime,
    contact_point: ContactPoint | None = None,
    loans: Sequence[UUID] | None = None,
) -> Decision:
    """What `ask` would answer at `at`. Stores nothing and leaves no event.

    Without a contact point the borrower's best one for the channel is meant; without loans, those in arrears. Raises
    `NotAskable` for another borrower's contact point or loan, and for an address that the channel cannot use.
    """
    question = Question(
        borrower=borrower.pk,
        channel=channel,
        purpose=purpose,
        contact_point=contact_point.pk if contact_point else None,
        loans=tuple(loans) if loans is not None else None,
    )
    return look_many([question], at=at)[0]


def look_many(questions: Sequence[Question], *, at: datetime) -> list[Decision]:
    """As `look`, for many borrowers at once, in the order asked: the number of statements stays the same. Memory
    grows with their history, so ask for some thousands at a time."""
    return [decision for _situation, decision in look_closely(questions, at=at)]


def look_closely(questions: Sequence[Question], *, at: datetime) -> list[tuple[Situation, Decision]]:
    """As `look_many`, each decision with the facts it rests on."""
    with uncollected(len(questions)):
        found = situations(questions, at=at, packs=packs())
        return [(each, decide(each.facts, packs(), at)) for each in found]


@contextmanager
def uncollected(questions: int) -> Iterator[None]:
    """Facts refer to nothing that refers to them, so the collector of cycles finds nothing among them, and for thousands of
    borrowers walking through them again and again costs as much as judging them."""
    pausing = questions >= MANY and gc.isenabled()
    if pausing:
        gc.disable()
    try:
        yield
    finally:
        if pausing:
            gc.enable()


@transaction.atomic
def ask(
    *,
    borrower: Borrower,
    contact_point: ContactPoint,
    channel: str,
    purpose: str,
    loans: Sequence[UUID],
    by: Actor,
    at: datetime,
    case: UUID | None = None,
    override: Override | None = None,
) -> Answer:
    """Decide about one contact, store the decision with all it rests on, and issue a permit where it allows.

    Two requests for one borrower decide one after the other, and a permit not yet spent counts as a contact: the last
    allowed call goes to one of them. An `override` lets a presumed violation happen, where the database finds it approved,
    unused and for this very contact; where the decision is another one it stays unused. Who collects for an agency is judged
    as a third-party collector, whatever the portfolio says we are. Raises `NotAskable` as `look`, and
    for a visit, which we never make.
    """
    if channel == Channel.VISIT:
        raise NotAskable("We visit nobody.")
    question = Question(
        borrower=borrower.pk,
        channel=channel,
        purpose=purpose,
        contact_point=contact_point.pk,
        loans=tuple(loans),
        role=by.user.acts_as if by.user is not None else None,
    )
    others = [replace(question, channel=each, contact_point=None) for each in SHOWN if each != channel]
    [situation, *beside], law = locked_situations(
        [question, *others], borrower=borrower.pk, at=at, packs=packs()
    )
    if law.missing:
        store_packs(packs=packs(), by=GATE, at=at)
    decision = decide(situation.facts, packs(), at)
    opens = {channel: decision.next_allowed} | {
        each.question.channel: decide(each.facts, packs(), at).next_allowed for each in beside
    }
    if override and not (decision.outcome == Outcome.PRESUMED_VIOLATION and covers(override, decision)):
        override = None
    decision_id = uuid7()
    permit_id = uuid7() if decision.allowed or override else None
    stored = _Stored(decision_id, permit_id, situation, decision, opens, override)
    expires_at = _store(stored, by=by, at=at)
    record(
        "contact.decided",
        stream=Stream.borrower(borrower.pk),
        by=by,
        at=at,
        case=case,
        borrower=borrower.pk,
        decision=decision_id,
        channel=channel,
        purpose=purpose,
        outcome=decision.outcome,
        reasons=list(dict.fromkeys(str(each.reason) for each in decision.reasons)),
        packs=decision.packs,
        **({"override": override.pk} if override else {}),
    )
    return Answer(decision_id=decision_id, decision=decision, permit_id=permit_id, expires_at=expires_at)


def covers(override: Override, decision: Decision) -> bool:
    """Whether an override names every rule that presumes a violation, and gives a reason of each one's own list."""
    return all(
        result.rule in override.rules and not set(result.override_reasons).isdisjoint(override.reasons)
        for result in decision.results
        if result.outcome == Outcome.PRESUMED_VIOLATION
    )


def replay(*, facts: bytes, at: datetime, rules: Packs | None = None) -> Decision:
    """The decision that stored facts lead to, by the packs in force or by others."""
    return decide(Facts.from_json(facts), rules or packs(), at)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of an answer; `opens` is when each channel is next allowed."""

    decision_id: UUID
    permit_id: UUID | None
    situation: Situation
    decision: Decision
    opens: Mapping[str, datetime | None]
    override: Override | None


def _store(stored: _Stored, *, by: Actor, at: datetime) -> datetime | None:
    situation, decision = stored.situation, stored.decision
    data = decision.as_data()
    parameters: dict[str, Any] = {
        "decision": stored.decision_id,
        "permit": stored.permit_id,
        "borrower": situation.question.borrower,
        "contact_point": situation.contact_point,
        "channel": situation.question.channel,
        "purpose": situation.question.purpose,
        "loans": list(situation.loans),
        "outcome": decision.outcome,
        "at": at,
        "next_allowed": decision.next_allowed,
        "facts": canonical(plain(situation.facts), limit=FACTS_LIMIT),
        "results": json.dumps(data["results"]),
        "packs": json.dumps(data["packs"]),
        "channels": json.dumps(plain(dict(stored.opens))),
        "actor": by.ref,
        "life": _life(stored, at),
        "override": stored.override and stored.override.pk,
    }
    with kept_cursor() as cursor:
        cursor.execute(DECIDE, parameters)
        return cursor.fetchone()[0]


def _life(stored: _Stored, at: datetime) -> timedelta:
    """How long the permit may be spent: the channel's time, cut where the decision would turn (the hour that closes)."""
    situation, override = stored.situation, stored.override

    def lawful_after(passed: timedelta) -> bool:
        then = decide(situation.facts, packs(), at + passed, ahead=False)
        if override and then.outcome == Outcome.PRESUMED_VIOLATION:
            return covers(override, then)
        return then.allowed

    whole = CALL_LIFE if situation.question.channel == Channel.CALL else MESSAGE_LIFE
    if stored.permit_id is None or lawful_after(whole):
        return whole
    lawful, unlawful = timedelta(), whole
    while unlawful - lawful > timedelta(seconds=1):
        half = (lawful + unlawful) / 2
        if lawful_after(half):
            lawful = half
        else:
            unlawful = half
    return max(lawful, timedelta(milliseconds=1))
