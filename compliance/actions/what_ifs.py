"""What a text would have stopped, had it been in force: tried over the contacts we made, by rule, team and hour."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Loan, User
from compliance.actions.replays import Shelf
from compliance.audit import Actor, Stream, record
from compliance.models import ContactAttempt, ContactDecision, PackVersion, WhatIf, WhatIfState
from compliance.models.contact import Direction
from compliance.rules import Facts, Pack, Packs, RuleResult, decide

MOST_DAYS = 366
CHUNK = 500
LOST_AFTER = timedelta(hours=1)
"""Whoever has not finished then has lost its worker, and begins again."""


class WhatIfRefused(Exception):
    """`code`: `days` (1 to 366); the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def start(*, version: PackVersion, days: int, asker: User, at: datetime) -> WhatIf:
    """Ask for a trial over the contacts of the last days; the caller queues it. Raises `WhatIfRefused` and
    `PermissionDenied`."""
    by = Actor.staff(asker)
    if not by.may("compliance.try_pack"):
        raise PermissionDenied
    if not 1 <= days <= MOST_DAYS:
        raise WhatIfRefused("days", _("Please give a number of days from 1 to 366."))
    found = WhatIf.objects.create(version=version, days=days, asked_by=asker, asked_at=at)
    record(
        "pack.tried", stream=Stream.system(), by=by, at=at, what_if=found.pk, pack=version.pack,
        digest=version.digest, days=days,
    )  # fmt: skip
    return found


def unfinished(at: datetime) -> list[UUID]:
    """Trials whose job was lost: not begun after five minutes, not ended after an hour."""
    waiting = WhatIf.objects.filter(state=WhatIfState.WAITING, asked_at__lt=at - timedelta(minutes=5))
    running = WhatIf.objects.filter(state=WhatIfState.RUNNING, asked_at__lt=at - LOST_AFTER)
    return [*waiting.values_list("pk", flat=True), *running.values_list("pk", flat=True)]


def perform(*, what_if_id: UUID, at: datetime) -> WhatIf:
    """Run a trial from its beginning; one that is over stays as it is. Memory stays the same however many contacts there
    are, and how far it has come is stored as it goes."""
    what_if = WhatIf.objects.select_related("version").get(pk=what_if_id)
    if what_if.is_over:
        return what_if
    contacts = _contacts(what_if)
    _note(what_if, state=WhatIfState.RUNNING, contacts=contacts.count(), judged=0, stopped=0, found=[])
    trial = _Trial(Shelf(), what_if.version.digest)
    try:
        for chunk in _chunks(contacts):
            trial.judge(chunk)
            _note(what_if, judged=trial.judged, stopped=trial.stopped)
    except Exception:
        _note(what_if, state=WhatIfState.FAILED, finished_at=at)
        raise
    _note(what_if, state=WhatIfState.DONE, found=trial.found(), finished_at=at)
    return what_if


def _note(what_if: WhatIf, **values: object) -> None:
    for name, value in values.items():
        setattr(what_if, name, value)
    what_if.save(update_fields=[*values])


def _contacts(what_if: WhatIf) -> QuerySet[ContactAttempt]:
    """What we did ourselves, by decisions with stored facts; what others reported was judged when it came."""
    since = what_if.asked_at - timedelta(days=what_if.days)
    mine = ContactAttempt.objects.filter(direction=Direction.OUT, reported=False, at__gte=since)
    return mine.filter(at__lte=what_if.asked_at).select_related("permit__decision").order_by("pk")


def _chunks(contacts: QuerySet[ContactAttempt]) -> Iterator[list[ContactAttempt]]:
    last = None
    while chunk := list((contacts.filter(pk__gt=last) if last else contacts)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


@dataclass
class _Trial:
    shelf: Shelf
    digest: str
    judged: int = 0
    stopped: int = 0
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    sets: dict[frozenset[str], Packs] = field(default_factory=dict)

    @property
    def pack(self) -> Pack:
        return self.shelf.pack(self.digest)

    def judge(self, contacts: Sequence[ContactAttempt]) -> None:
        teams = _teams({contact.actor for contact in contacts})
        zones = _zones({contact.loans[0] for contact in contacts if contact.loans})
        for contact in contacts:
            assert contact.permit is not None
            decision = contact.permit.decision
            self.judged += 1
            facts = Facts.from_json(bytes(decision.facts))
            if stopping := self._stopping(facts, decision):
                self.stopped += 1
                zone = facts.zones[0] if facts.zones else zones.get(contact.loans[0], "UTC")
                hour = contact.at.astimezone(ZoneInfo(zone)).hour
                for result in stopping:
                    self.counts[result.rule, teams.get(contact.actor, ""), hour] += 1

    def _stopping(self, facts: Facts, decision: ContactDecision) -> list[RuleResult]:
        """The results of the tried text that would have stood in the way, as if it had been signed."""
        if self.pack.jurisdiction is not None and self.pack.jurisdiction not in facts.jurisdictions:
            return []
        facts = replace(facts, signed=(*facts.signed, self.pack.id))
        results = decide(facts, self._packs(decision), decision.at, ahead=False).results
        return [result for result in results if result.pack == self.pack.id and not result.outcome.allows]

    def _packs(self, decision: ContactDecision) -> Packs:
        """The packs of the decision, with the tried text in the place of its predecessor."""
        digests = frozenset(decision.packs.values())
        if digests not in self.sets:
            others = [self.shelf.pack(digest) for digest in digests]
            kept = [
                pack
                for pack in others
                if pack.id != self.pack.id
                and (pack.jurisdiction is None or pack.jurisdiction != self.pack.jurisdiction)
            ]
            self.sets[digests] = Packs([*kept, self.pack])
        return self.sets[digests]

    def found(self) -> list[dict[str, object]]:
        return [
            {"rule": rule, "team": team, "hour": hour, "stopped": stopped}
            for (rule, team, hour), stopped in sorted(self.counts.items())
        ]


def _teams(actors: set[str]) -> Mapping[str, str]:
    """Pseudonyms of staff: the name of their team. What the system did has none."""
    refs = []
    for actor in actors:
        try:
            refs.append(UUID(actor))
        except ValueError:
            continue
    rows = User.objects.filter(ref__in=refs, team__isnull=False).values_list("ref", "team__name")
    return {str(ref): name for ref, name in rows}


def _zones(loans: set[UUID]) -> Mapping[UUID, str]:
    return dict(Loan.objects.filter(pk__in=loans).values_list("pk", "portfolio__zone"))
