"""Hours in which contact is open, as sets of intervals in UTC.

Every interval is half-open, `start <= instant < end`. Instants are whole microseconds, so an edge that the
law closes is the next microsecond: hours "after 08:00" begin at 08:00:00.000001. Intersections of several
zones may be two intervals or none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, reduce
from zoneinfo import ZoneInfo

Intervals = tuple[tuple[datetime, datetime], ...]
Days = frozenset[date]
NO_DAYS: Days = frozenset()

HORIZON = timedelta(days=14)  # how far hours are searched for an opening
FAR = timedelta(days=400)  # what lies further ahead is no time worth planning for
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Open hours on some weekdays (0 = Monday), in minutes after local midnight; 1440 is the end of the
    day."""

    weekdays: tuple[int, ...]
    opens: int
    closes: int


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """A week of open hours; the flags say whether the exact opening and closing instants are open too. Two are equal
    only where they are the same: they are made once per rule, and what follows from them is remembered."""

    spans: tuple[Span, ...]
    opening_included: bool
    closing_included: bool

    def on(self, day: date, closed: Days = NO_DAYS) -> tuple[Span, ...]:
        """The spans of a local date; none on a day of `closed`."""
        if day in closed:
            return ()
        return tuple(span for span in self.spans if day.weekday() in span.weekdays)


@lru_cache(maxsize=100_000)
def start_of_day(day: date, zone: str) -> datetime:
    """The first instant, in UTC, of a local date."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def is_open(hours: Hours, zones: tuple[str, ...], at: datetime, closed: Days = NO_DAYS) -> bool:
    """Whether an instant (UTC) is open in every zone; local dates in `closed` are not open at all."""
    return any(start <= at < end for start, end in _open_on(hours, zones, at.date(), closed))


def next_open(
    hours: Hours, zones: tuple[str, ...], after: datetime, closed: Days = NO_DAYS
) -> datetime | None:
    """The earliest instant, `after` (UTC) itself included, that is open in every zone; None within 14
    days."""
    for offset in range(HORIZON.days + 1):
        for start, end in _open_on(hours, zones, after.date() + offset * DAY, closed):
            if end > after:
                found = max(start, after)
                return found if found <= after + HORIZON else None
    return None


def open_between(
    hours: Hours, zones: tuple[str, ...], start: datetime, end: datetime, closed: Days = NO_DAYS
) -> Intervals:
    """The open intervals of all zones together, cut to `start`..`end` (UTC)."""
    days = range((end.date() - start.date()).days + 1)
    pieces = [
        piece for offset in days for piece in _open_on(hours, zones, start.date() + offset * DAY, closed)
    ]
    return intersect(merge(pieces), ((start, end),))


@lru_cache(maxsize=50_000)
def _open_on(hours: Hours, zones: tuple[str, ...], utc_day: date, closed: Days) -> Intervals:
    return reduce(intersect, (_zone_open_on(hours, zone, utc_day, closed) for zone in zones))


@lru_cache(maxsize=50_000)
def _zone_open_on(hours: Hours, zone: str, utc_day: date, closed: Days) -> Intervals:
    """What one zone leaves open of a UTC date. Three local dates may touch it."""
    midnight = datetime.combine(utc_day, time(), UTC)
    pieces = [
        piece for offset in (-1, 0, 1) for piece in day_open(hours, utc_day + offset * DAY, zone, closed)
    ]
    return intersect(merge(pieces), ((midnight, midnight + DAY),))


def day_open(hours: Hours, day: date, zone: str, closed: Days = NO_DAYS) -> Intervals:
    """The open intervals (UTC) of one local date in one zone."""
    pieces = (_in_utc(hours, span, day, zone) for span in hours.on(day, closed))
    return tuple(piece for piece in pieces if piece)


def wall_span(
    day: date, from_minute: int, to_minute: int, zone: str, *, widest: bool
) -> tuple[datetime, datetime]:
    """From one local time to another, in UTC; an end not after the beginning lies on the next day. Where clocks change:
    the longest reading where `widest` (for what closes), the shortest otherwise. May be empty."""
    last = day if to_minute > from_minute else day + DAY
    starts, ends = _readings(day, from_minute, zone), _readings(last, to_minute, zone)
    return (min(starts), max(ends)) if widest else (max(starts), min(ends))


def _in_utc(hours: Hours, span: Span, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """One local span in UTC. Where the clocks change, a wall time that happens twice or not at all is read
    strictly: open from the later reading, closed from the earlier."""
    start = max(_readings(day, span.opens, zone)) + (not hours.opening_included) * TICK
    end = min(_readings(day, span.closes, zone)) + hours.closing_included * TICK
    return (start, end) if start < end else None


def _readings(day: date, minutes: int, zone: str) -> list[datetime]:
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]


def merge(pieces: Iterable[tuple[datetime, datetime]]) -> Intervals:
    """The same instants as intervals in order that neither overlap nor touch."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def intersect(ours: Intervals, theirs: Intervals) -> Intervals:
    """The instants that lie in both."""
    return tuple((max(a, c), min(b, d)) for a, b in ours for c, d in theirs if max(a, c) < min(b, d))
