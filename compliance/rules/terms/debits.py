"""Debits under a mandate: how long before they are announced, and how many failures in a row end the mandate."""

from compliance.rules.terms.book import Answer, Asked, Book, ids
from compliance.rules.terms.matter import Matter
from compliance.rules.terms.schema import DebitTerm


def debit_limits(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Days from an announcement to its debit, the longest of all rules, and the failures in a row that end a mandate, the
    fewest. Words: `at`."""
    at = asked.get("at")
    terms = book.of(DebitTerm, matter, matter.day(at) if at else None)
    return Answer(
        {
            "notice_days": max((term.notice_days for term in terms), default=None),
            "failures_end": min((term.failures_end for term in terms), default=None),
        },
        ids(terms),
    )
