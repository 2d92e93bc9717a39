"""Hours in which contact is open, as sets of intervals in UTC.

Every interval is half-open, `start <= instant < end`. Instants are whole microseconds, so an edge that the
law closes is the next microsecond: hours "after 08:00" begin at 08:00:00.000001. Intersections of several
zones may be two intervals or none.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, reduce
from zoneinfo import ZoneInfo

Intervals = tuple[tuple[datetime, datetime], ...]

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


@dataclass(frozen=True, slots=True)
class Hours:
    """A week of open hours; the flags say whether the exact opening and closing instants are open too."""

    spans: tuple[Span, ...]
    opening_included: bool
    closing_included: bool

    def on(self, day: date) -> tuple[Span, ...]:
        """The spans of a local date."""
        return tuple(span for span in self.spans if day.weekday() in span.weekdays)


@lru_cache(maxsize=100_000)
def start_of_day(day: date, zone: str) -> datetime:
    """The first instant, in UTC, of a local date."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def is_open(hours: Hours, zones: tuple[str, ...], at: datetime) -> bool:
    """Whether an instant (UTC) is open in every zone."""
    return any(start <= at < end for start, end in _open_on(hours, zones, at.date()))


def next_open(hours: Hours, zones: tuple[str, ...], after: datetime) -> datetime | None:
    """The earliest instant, `after` (UTC) itself included, that is open in every zone; None within 14
    days."""
    for offset in range(HORIZON.days + 1):
        for start, end in _open_on(hours, zones, after.date() + offset * DAY):
            if end > after:
                found = max(start, after)
                return found if found <= after + HORIZON else None
    return None


def open_between(hours: Hours, zones: tuple[str, ...], start: datetime, end: datetime) -> Intervals:
    """The open intervals of all zones together, cut to `start`..`end` (UTC)."""
    days = range((end.date() - start.date()).days + 1)
    pieces = [piece for offset in days for piece in _open_on(hours, zones, start.date() + offset * DAY)]
    return _intersect(_merge(pieces), ((start, end),))


@lru_cache(maxsize=50_000)
def _open_on(hours: Hours, zones: tuple[str, ...], utc_day: date) -> Intervals:
    return reduce(_intersect, (_zone_open_on(hours, zone, utc_day) for zone in zones))


@lru_cache(maxsize=50_000)
def _zone_open_on(hours: Hours, zone: str, utc_day: date) -> Intervals:
    """What one zone leaves open of a UTC date. Three local dates may touch it."""
    midnight = datetime.combine(utc_day, time(), UTC)
    pieces = [
        piece
        for offset in (-1, 0, 1)
        for span in hours.on(utc_day + offset * DAY)
        if (piece := _in_utc(hours, span, utc_day + offset * DAY, zone))
    ]
    return _intersect(_merge(pieces), ((midnight, midnight + DAY),))


def _in_utc(hours: Hours, span: Span, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """One local span in UTC. Where the clocks change, a wall time that happens twice or not at all is read
    strictly: open from the later reading, closed from the earlier."""
    start = max(_readings(day, span.opens, zone)) + (not hours.opening_included) * TICK
    end = min(_readings(day, span.closes, zone)) + hours.closing_included * TICK
    return (start, end) if start < end else None


def _readings(day: date, minutes: int, zone: str) -> list[datetime]:
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]


def _merge(pieces: list[tuple[datetime, datetime]]) -> Intervals:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _intersect(ours: Intervals, theirs: Intervals) -> Intervals:
    return tuple((max(a, c), min(b, d)) for a, b in ours for c, d in theirs if max(a, c) < min(b, d))
