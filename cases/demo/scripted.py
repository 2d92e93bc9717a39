"""Walks through a script: every way it can go, by the outcome it comes to."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from communications.models import ScriptVersion
from communications.scripts import Step, read_steps


class Said(NamedTuple):
    """One answer on the way; `form` is what the agent fills in before going on."""

    step: str
    answer: str
    form: str
    must_say: bool


@dataclass(frozen=True)
class Way:
    said: tuple[Said, ...]
    disposition: str
    reason: str

    @property
    def forms(self) -> frozenset[str]:
        return frozenset(each.form for each in self.said if each.form)


class Script:
    """The newest version of a script with all its ways; they never go round in circles."""

    def __init__(self, key: str) -> None:
        version = ScriptVersion.objects.filter(script__key=key).order_by("-number")[0]
        self.key = key
        self._steps = {step.id: step for step in read_steps(version.steps)}
        self._ways: dict[tuple[str, frozenset[str]], list[Way]] = {}
        for way in self._walk(next(iter(self._steps.values())), (), "", ""):
            self._ways.setdefault((way.disposition, way.forms), []).append(way)

    def way(self, disposition: str, forms: frozenset[str], rng: random.Random) -> Way | None:
        """A way to this outcome on which exactly these forms are filled in; None where there is none."""
        fitting = self._ways.get((disposition, forms))
        return rng.choice(fitting) if fitting else None

    def _walk(self, step: Step, said: tuple[Said, ...], disposition: str, reason: str) -> Iterator[Way]:
        if not step.answers:
            yield Way(said, disposition, reason)
        for answer in step.answers:
            here = Said(step.id, answer.key, answer.form or "", step.must_say)
            yield from self._walk(
                self._steps[answer.next],
                (*said, here),
                answer.disposition or disposition,
                answer.reason or reason,
            )
