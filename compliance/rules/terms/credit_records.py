"""Disputes of what was reported to a bureau: by when they are answered, and what is reported of the loan meanwhile."""

from zoneinfo import ZoneInfo

from compliance.rules.terms.book import Answer, Asked, Book, ids, zone_of
from compliance.rules.terms.matter import RECORD_DISPUTE, Matter
from compliance.rules.terms.schema import RecordDisputeTerm

LEAVE_OUT = "leave_out"
FLAG = "flag"


def record_dispute(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The last day to look into the first dispute told and answer it, the earliest of all rules, and what is reported of the
    loan until then: with a mark, or (where a rule says so, or none says anything) nothing. Words: `at` (then also whether it
    is overdue)."""
    at = asked.get("at")
    disputes = matter.until(at).told(RECORD_DISPUTE)
    if not disputes:
        return Answer({"deadline": None, "meanwhile": LEAVE_OUT})
    terms = book.of(RecordDisputeTerm, matter, disputes[0].day(matter.zone))
    found = [(term.last_day(disputes[0].day(zone_of(term, matter))), term) for term in terms]
    deadline, first = min(found, key=lambda each: each[0], default=(None, None))
    said = {term.meanwhile for term in terms if term.meanwhile}
    values: dict[str, object] = {"deadline": deadline, "meanwhile": FLAG if said == {FLAG} else LEAVE_OUT}
    if at is not None:
        values["overdue"] = (
            deadline is not None
            and first is not None
            and at.astimezone(ZoneInfo(zone_of(first, matter))).date() > deadline
        )
    # The rule that sets the clock comes first.
    return Answer(values, (first.id, *(name for name in ids(terms) if name != first.id)) if first else ())
