"""How long records are kept, and by when a complaint is answered."""

from datetime import date
from zoneinfo import ZoneInfo

from compliance.rules.terms.book import Answer, Asked, Book, ids, zone_of
from compliance.rules.terms.days import add_years
from compliance.rules.terms.matter import COMPLAINT, Event, Matter
from compliance.rules.terms.schema import DeadlineTerm, RetentionTerm
from compliance.rules.terms.validation import last_day

RECORDING = "call_recording"
COMPLAINT_FILE = "complaint_file"


def retention(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether records must be kept and, where a text says, until when at least: the longest of all rules. For recordings
    (no record is named, and calls are told) also whether calls must be recorded. Words: `at`."""
    known = matter.until(asked.get("at"))
    if known.record == COMPLAINT_FILE:
        return _kept(known, book, "complaint_file", [_day(event, known) for event in known.told(COMPLAINT)])
    if known.record is not None and known.record != RECORDING:
        return _kept(known, book, "records", [])
    recordings = [_day(event, known) for event in known.events if event.recorded]
    if known.record is None and not known.events and known.last_activity is not None:
        return _kept(known, book, "records", [])
    return _recordings(known, book, recordings)


def _kept(matter: Matter, book: Book, of: str, days: list[date]) -> Answer:
    last = matter.last_activity or max(days, default=_last_day(matter))
    terms = [term for term in book.of(RetentionTerm, matter, last) if term.of == of and _typed(term, matter)]
    return Answer({"retain": bool(terms), "until_at_least": _until(terms, last)}, ids(terms))


def _recordings(matter: Matter, book: Book, days: list[date]) -> Answer:
    last = max(days, default=None)
    terms = [
        term
        for term in book.of(RetentionTerm, matter, last or _last_day(matter))
        if term.of == "recordings" and _typed(term, matter)
    ]
    values = {
        "retain": bool(terms and days),
        "until_at_least": _until(terms, last),
        "recording_required": any(term.recording_required for term in terms),
    }
    return Answer(values, ids(terms))


def _until(terms: list[RetentionTerm], last: date | None) -> date | None:
    ends = [add_years(last, term.years) for term in terms if last is not None and term.years is not None]
    return max(ends, default=None)


def _typed(term: RetentionTerm, matter: Matter) -> bool:
    """A debt whose type nobody knows may be of any."""
    return (
        not term.debt_types or not matter.debt_types or not set(term.debt_types).isdisjoint(matter.debt_types)
    )


def _last_day(matter: Matter) -> date | None:
    return max((event.day(matter.zone) for event in matter.events), default=None)


def _day(event: Event, matter: Matter) -> date:
    return event.day(matter.zone)


def complaint_deadline(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The last day to decide a complaint and tell the person, the earliest of all rules, by how complex it is; an unknown
    complexity is simple. Words: `complexity`, `at` (then also whether it is overdue)."""
    at = asked.get("at")
    found = _complaint_terms(matter.until(at), book, asked.get("complexity"))
    deadline, term = min(found, key=lambda each: each[0], default=(None, None))
    values: dict[str, object] = {"deadline": deadline, "day_type": term.day_type if term else None}
    if at is not None:
        values["overdue"] = (
            deadline is not None
            and term is not None
            and at.astimezone(ZoneInfo(zone_of(term, matter))).date() > deadline
        )
    return Answer(values, (term.id,) if term else ())


def _complaint_terms(matter: Matter, book: Book, complexity: str | None) -> list[tuple[date, DeadlineTerm]]:
    """The last day by every rule, from the first complaint."""
    complaints = matter.told(COMPLAINT)
    if not complaints:
        return []
    found = []
    for term in book.of(DeadlineTerm, matter, complaints[0].day(matter.zone)):
        if term.of == "complaint":
            received = complaints[0].day(zone_of(term, matter))
            days = term.longer.get(complexity or "", term.days)
            found.append((last_day(term, received, matter, days), term))
    return found
