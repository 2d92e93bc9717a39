"""Stored decisions given again: by the texts they were made with, or by a text that is being tried."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from compliance.audit import Actor, Stream, record
from compliance.models import ContactDecision, PackVersion
from compliance.rules import Decision, Facts, Pack, Packs, decide, parse_pack

CHUNK = 500
"""Decisions read at a time."""


@dataclass
class Shelf:
    """Stored texts, each parsed once. There are few: memory does not grow with the decisions."""

    packs: dict[str, Pack] = field(default_factory=dict)
    sets: dict[frozenset[str], Packs] = field(default_factory=dict)

    def pack(self, digest: str) -> Pack:
        if digest not in self.packs:
            version = PackVersion.objects.get(pk=digest)
            self.packs[digest] = parse_pack(version.text, version.pack)
        return self.packs[digest]

    def of(self, decision: ContactDecision) -> Packs:
        """The packs a decision was made with. Raises `PackVersion.DoesNotExist` where a text is not stored, which only
        decisions from before texts were kept can name."""
        digests = frozenset(decision.packs.values())
        if digests not in self.sets:
            self.sets[digests] = Packs(self.pack(digest) for digest in digests)
        return self.sets[digests]


@dataclass(frozen=True)
class Again:
    """A decision given again; `differences` names what is not as it was stored."""

    decision: Decision
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


@dataclass
class Tally:
    """What a replay of many found; `examples` are a few that differ."""

    decisions: int = 0
    different: int = 0
    without_text: int = 0
    examples: list[tuple[UUID, tuple[str, ...]]] = field(default_factory=list)


def give_again(decision: ContactDecision, shelf: Shelf) -> Again:
    """Decide from the stored facts, by the stored texts, for the same moment, and compare. Results may say more today than
    they did (new fields); what they said then must be the same."""
    new = decide(Facts.from_json(bytes(decision.facts)), shelf.of(decision), decision.at)
    told = new.as_data()
    found = []
    if new.outcome != decision.outcome:
        found.append("outcome")
    if new.next_allowed != decision.next_allowed:
        found.append("next_allowed")
    if [result["rule"] for result in told["results"]] != [result["rule"] for result in decision.results]:
        found.append("results")
    else:
        pairs = zip(decision.results, told["results"], strict=True)
        found += [stored["rule"] for stored, now in pairs if not _says_the_same(stored, now)]
    return Again(new, tuple(found))


def _says_the_same(stored: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(now.get(name) == value for name, value in stored.items())


def replay_all(*, since: datetime | None = None, limit: int | None = None) -> Iterator[Tally]:
    """Give every stored decision again, in the order they were made, some hundreds at a time; the tally so far after each.
    One that names a text which is not stored cannot be given again and counts as different."""
    shelf, tally = Shelf(), Tally()
    for decision in _stored(since, limit):
        tally.decisions += 1
        try:
            differences = give_again(decision, shelf).differences
        except PackVersion.DoesNotExist:
            tally.without_text += 1
            differences = ("text",)
        if differences:
            tally.different += 1
            if len(tally.examples) < 10:
                tally.examples.append((decision.pk, differences))
        if tally.decisions % CHUNK == 0:
            yield tally
    yield tally


def _stored(since: datetime | None, limit: int | None) -> Iterator[ContactDecision]:
    """By keys, not by an open cursor: behind a pooler there are none."""
    rows = ContactDecision.objects.order_by("pk")
    if since is not None:
        rows = rows.filter(at__gte=since)
    last, left = None, limit
    while left is None or left > 0:
        chunk = list((rows.filter(pk__gt=last) if last else rows)[: min(CHUNK, left or CHUNK)])
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last, left = chunk[-1].pk, None if left is None else left - len(chunk)


@transaction.atomic
def replay_one(*, decision: ContactDecision, by: Actor, at: datetime) -> Again:
    """As `give_again`, by a person, and written down. Raises `PermissionDenied` and `PackVersion.DoesNotExist`."""
    if not by.may("compliance.view_contactdecision"):
        raise PermissionDenied
    again = give_again(decision, Shelf())
    record(
        "decision.replayed", stream=Stream.borrower(decision.borrower_id), by=by, at=at,
        borrower=decision.borrower_id, decision=decision.pk, same=again.same,
    )  # fmt: skip
    return again
