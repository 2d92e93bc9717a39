"""How late a loan is: one pure function for one loan. The SQL expression for whole portfolios must agree
with it.

The rules, once:

- Credits cover what fell due first, whatever they were paid for. So only their sum matters here, never their
  order.
- An item is late from the day after it was due: on its due day a borrower may still pay in time.
- Days past due count from the due date of the oldest item that is not fully covered and was due before the
  day asked about. One cent short is short.
- Days on which a pause lasts (a breathing space) do not count: the number stands still, and moves on after it. Where
  pauses overlap, a day is left out once. A loan that has only been late on such days is 0 days past due.
- Arrears are what fell due before that day and is not covered. What falls due on the day itself is owed, not
  late.
- An extension moves a due day; whoever asks applies `extended` first. The schedule is never rewritten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

DAY = timedelta(days=1)
EDGES = (30, 60, 90)
"""The last day past due of each bucket but the open one: 1-30, 31-60, 61-90, 91+. A portfolio may bring its
own."""

CURRENT = "current"
"""The bucket of a loan with nothing late."""


@dataclass(frozen=True, slots=True)
class Ageing:
    """Minor units of the loan's currency. `oldest_due_on` is None exactly when `arrears` is 0; `days_past_due` is 0 then,
    and where every day since was paused."""

    days_past_due: int
    arrears: int
    oldest_due_on: date | None


class Later(NamedTuple):
    """An extension: from `agreed_on` on, what is due on `due_from` or later is due `days` later."""

    agreed_on: date
    due_from: date
    days: int


def extended(due_on: date, extensions: Iterable[Later], on: date, *, charged: bool = False) -> date:
    """When something is due by now, asked on a date: its own day and the days of every extension that covers it.

    A date before an extension was agreed knows nothing of it. What is `charged` besides the schedule is covered where it
    was there when the extension was agreed; a later charge is due on its own day.
    """
    days = sum(
        each.days
        for each in extensions
        if each.agreed_on <= on and each.due_from <= due_on and (not charged or due_on <= each.agreed_on)
    )
    return due_on + timedelta(days=days)


Pauses = Sequence[tuple[date, date | None]]
"""First and last day of each, both included; None where the end is not known."""


def counted_days(since: date, on: date, pauses: Pauses = ()) -> int:
    """The days after `since` up to and including `on` on which no pause lasts."""
    paused, reached = 0, since
    for first, last in sorted(pauses, key=lambda pause: pause[0]):
        begins = max(first, reached + DAY)
        ends = on if last is None else min(last, on)
        if ends >= begins:
            paused += (ends - begins).days + 1
            reached = ends
    return (on - since).days - paused


def age(dues: Sequence[tuple[date, int]], credited: int, on: date, pauses: Pauses = ()) -> Ageing:
    """The loan's age on a business date; `pauses` are the days that do not count.

    `dues` are (due date, minor units) of every instalment and later charge, in any order; `credited` is the
    sum of all that counts as paid or forgiven up to and including `on`. ValueError for a negative due or
    sum: a reversal takes its payment out of the sum, it is no due of its own.
    """
    if credited < 0:
        raise ValueError("credited is negative")
    arrears = 0
    oldest = None
    for due_on, amount in sorted(dues):
        if amount < 0:
            raise ValueError("a due is negative")
        if due_on >= on:
            continue
        covered = min(credited, amount)
        credited -= covered
        if amount > covered:
            arrears += amount - covered
            oldest = oldest or due_on
    return Ageing(counted_days(oldest, on, pauses) if oldest else 0, arrears, oldest)


def bucket(days: int, edges: Sequence[int] = EDGES) -> str:
    """The bucket's key: "current", "1-30", … "91+". It is stored and compared; screens write their own words.

    `edges` are the last days of the buckets, rising from at least 1. ValueError for others, or for negative
    days.
    """
    check_edges(edges)
    if days < 0:
        raise ValueError("days past due are never negative")
    if days == 0:
        return CURRENT
    first = 1
    for last in edges:
        if days <= last:
            return f"{first}-{last}"
        first = last + 1
    return f"{first}+"


def buckets(edges: Sequence[int] = EDGES) -> tuple[str, ...]:
    """All keys in order, "current" first: the rows of a report, empty ones included."""
    check_edges(edges)
    return (CURRENT, *(bucket(last, edges) for last in edges), f"{edges[-1] + 1}+")


def check_edges(edges: Sequence[int]) -> None:
    """ValueError unless the edges rise from at least 1: otherwise a late loan could fall into no bucket, or
    into two."""
    if not edges or edges[0] < 1 or any(a >= b for a, b in pairwise(edges)):
        raise ValueError(f"bucket edges must rise from at least 1: {edges!r}")
