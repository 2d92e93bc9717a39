"""How long a debt may be sued for."""

from datetime import date

from compliance.rules.terms.book import Answer, Asked, Book, ids
from compliance.rules.terms.matter import Matter
from compliance.rules.terms.schema import LimitationTerm


def limitation(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The fewest years that a text gives, and the first day on which a debt is too old; nothing where no text says. Words:
    `runs_from`, the day from which the period runs."""
    runs_from: date = asked["runs_from"]
    terms = book.of(LimitationTerm, matter)
    if not terms:
        return Answer({"years": None, "barred_on": None})
    years = min(term.years for term in terms)
    return Answer(
        {"years": years, "barred_on": barred_from(runs_from, years)},
        ids(term for term in terms if term.years == years),
    )


def barred_from(runs_from: date, years: int) -> date:
    """The first day on which a debt is too old to be sued for. 29 February becomes 28 February: the earlier day."""
    try:
        return runs_from.replace(year=runs_from.year + years)
    except ValueError:
        return date(runs_from.year + years, 2, 28)
