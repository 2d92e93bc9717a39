"""What the steps of a day's run are given: one part of the run, its borrowers, its moment, and where it counts."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from cases.actions.deciding import Party
from cases.actions.work import Step, plan_many
from cases.models import DayPart, DayRun, WorkKind
from cases.slices import Slice
from compliance.audit import Actor


class Part:
    """One part of one date, inside its transaction.

    `day_standing` is there from the step that makes it: a row for each loan of the part, with its open case. Statements find
    `portfolio`, `run`, `on`, `at` and the slice (`cases.slices.within`) among their values. Events go to `run.stream`.
    """

    def __init__(self, row: DayPart, by: Actor, at: datetime) -> None:
        self.run: DayRun = row.run
        self.run.part = row
        self.portfolio = row.portfolio
        self.slice: Slice = row.slice
        self.on = row.run.date
        self.by, self.at = by, at
        self.counts: Counter[str] = Counter()
        self.missed: list[UUID] = []  # cases whose plan newly misses an instalment
        self.buckets: dict[str, list[int]] = {}
        self.values: dict[str, Any] = {
            "portfolio": self.portfolio.pk, "run": self.run.pk, "on": self.on, "at": at, **self.slice.values,
        }  # fmt: skip

    def plan(self, parties: Sequence[Party], kind: WorkKind, reason: str) -> int:
        """A step for a person on each of these cases, from now; returns how many are new."""
        steps = [Step(party.case, party.borrower, kind, self.at, reason) for party in parties]
        return plan_many(steps=steps, by=self.by, at=self.at, run=self.run)

    def execute(self, statement: str, **more: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, self.values | more)

    def select(self, statement: str, **more: Any) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement, self.values | more)
            return cursor.fetchall()
