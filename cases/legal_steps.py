"""The legal steps, the mildest first: what each follows, what it never follows, how long the borrower has before the next.

One table that the action, the database and the pages share. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from compliance.rules.calendars import works


@dataclass(frozen=True)
class StepRow:
    """One kind of step. It is taken only after every step of `after`, once, and never when a later one was taken already;
    `answer_days` is how long the borrower has at least to answer before anything else follows; `papers` are the kinds of
    document of which one stands behind the step (none: it may have one)."""

    kind: str
    after: tuple[str, ...] = ()
    answer_days: int = 0
    papers: tuple[str, ...] = ()


STEPS: dict[str, StepRow] = {
    row.kind: row
    for row in (
        StepRow("letter", answer_days=14, papers=("letter",)),
        # Only where one is really issued: a claim needs none.
        StepRow("lawyer_letter", after=("letter",), answer_days=14, papers=("letter",)),
        # Offered before anybody goes to court.
        StepRow("mediation", after=("letter",)),
        StepRow("claim", after=("letter", "mediation"), papers=("court",)),
        StepRow("judgment", after=("claim",), papers=("court",)),
        StepRow("enforcement", after=("judgment",), papers=("court",)),
    )
}
ORDER = {kind: rank for rank, kind in enumerate(STEPS)}
WITHDRAWAL = "withdrawal"


@dataclass(frozen=True)
class Taken:
    """A step that stands (was not withdrawn): when, and by when an answer or a hearing is due."""

    kind: str
    on: date
    next_on: date | None


def missing_before(kind: str, taken: list[Taken], on: date) -> list[str]:
    """Why a step may not be taken on a date: kinds that come first, `taken` or `later` where the order says no, `answer`
    while somebody has time to answer."""
    have = {each.kind for each in taken}
    missing = [first for first in STEPS[kind].after if first not in have]
    if kind in have:
        missing.append("taken")
    elif any(ORDER[each] > ORDER[kind] for each in have):
        missing.append("later")
    waits = [each.next_on for each in taken if STEPS[each.kind].answer_days and each.next_on]
    if any(on <= day for day in waits):
        missing.append("answer")
    return missing


def next_kinds(taken: list[Taken], on: date) -> list[str]:
    return [kind for kind in STEPS if not missing_before(kind, taken, on)]


def earliest_answer(kind: str, on: date) -> date | None:
    """The first day by which an answer may be asked for."""
    days = STEPS[kind].answer_days
    return on + timedelta(days=days) if days else None


def add_working_days(day: date, count: int, countries: Sequence[str]) -> date:
    """The `count`-th day after a day on which people work in all of these countries."""
    while count:
        day += timedelta(days=1)
        count -= works(countries, day)
    return day
