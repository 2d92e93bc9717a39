"""Disputes: which are in writing, which stop collection, which say again what was answered already."""

from datetime import datetime

from compliance.rules.terms.book import Answer, Asked, Book, ids
from compliance.rules.terms.matter import DISPUTE, VERIFICATION, Event, Matter
from compliance.rules.terms.schema import DisputeTerm
from compliance.rules.terms.validation import end_of_period


def written_dispute_hold(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether the last dispute was in writing, and whether any stops collection. Words: `at`."""
    at = asked.get("at")
    known = matter.until(at)
    disputes = known.told(DISPUTE)
    if not disputes:
        return Answer({"in_writing": False, "cease_collection": False})
    terms = _terms(known, book, disputes[-1])
    # Whether something is writing does not hang on our role; where no rule says, the plain ways are.
    written = is_written(disputes[-1], terms[0]) if terms else disputes[-1].channel != "phone"
    return Answer({"in_writing": written, "cease_collection": bool(stopping(known, book, at))}, ids(terms))


def stopping(matter: Matter, book: Book, at: datetime | None) -> list[DisputeTerm]:
    """The rules by which a dispute stops collection at a moment; None: after all that is known."""
    known = matter.until(at)
    found: dict[str, DisputeTerm] = {}
    for dispute in known.told(DISPUTE):
        for term in _terms(known, book, dispute):
            if _stops(known, book, dispute, term):
                found[term.id] = term
    return list(found.values())


def _stops(matter: Matter, book: Book, dispute: Event, term: DisputeTerm) -> bool:
    return (
        is_written(dispute, term)
        and _in_time(matter, book, dispute)
        and not _answered(matter, dispute)
        and not _duplicates(matter, book, dispute, term)
    )


def open_disputes(matter: Matter, book: Book, at: datetime) -> list[tuple[Event, bool]]:
    """Every dispute, spoken ones too, that at a moment is neither answered nor said again; and whether it stops collection
    by a rule about disputes in writing."""
    known = matter.until(at)
    disputes = known.told(DISPUTE)
    found = []
    for dispute in disputes:
        stops = any(_stops(known, book, dispute, term) for term in _terms(known, book, dispute))
        if stops or not (_answered(known, dispute) or _repeats(known, dispute, disputes)):
            found.append((dispute, stops))
    return found


def duplicative_dispute(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a dispute repeats an answered one and brings nothing new and material. Words: `dispute`, the event; none
    named: the last."""
    dispute = asked.get("dispute") or next(reversed(matter.told(DISPUTE)), None)
    if dispute is None:
        return Answer({"duplicative": False})
    terms = _terms(matter, book, dispute)
    return Answer(
        {"duplicative": any(_duplicates(matter, book, dispute, term) for term in terms)}, ids(terms)
    )


def is_written(dispute: Event, term: DisputeTerm) -> bool:
    """By the channel it came. An electronic one counts unless it is known that we take no such messages by it; of one that
    nobody noted it is taken to."""
    if dispute.channel is None or dispute.channel in term.written:
        return True
    return dispute.channel in term.electronic and dispute.accepted is not False


def _duplicates(matter: Matter, book: Book, dispute: Event, term: DisputeTerm) -> bool:
    """Only a dispute in writing and in time can be one, and only of another such that was answered before it came."""

    def counts(each: Event) -> bool:
        return is_written(each, term) and _in_time(matter, book, each)

    return counts(dispute) and _repeats(
        matter, dispute, [each for each in matter.told(DISPUTE) if counts(each)]
    )


def _repeats(matter: Matter, dispute: Event, others: list[Event]) -> bool:
    """Whether it says again what one of the others said and was answered before. New grounds are new and material, and so
    is evidence not seen before."""
    known = matter.until(dispute.at)
    answered = [
        each for each in others if each.at < dispute.at and _overlap(each, dispute) and _answered(known, each)
    ]
    same = any(dispute.ground is None or dispute.ground == each.ground for each in answered)
    seen = {item for each in answered for item in each.evidence}
    return same and set(dispute.evidence) <= seen


def _answered(matter: Matter, dispute: Event) -> bool:
    """What was sent for some debts answers a dispute of no other; what names none answers all."""
    disputed = set(dispute.debts or matter.debts)
    return any(
        event.at >= dispute.at and (not event.debts or (disputed and disputed <= set(event.debts)))
        for event in matter.told(VERIFICATION)
    )


def _overlap(one: Event, other: Event) -> bool:
    return not one.debts or not other.debts or not set(one.debts).isdisjoint(other.debts)


def _in_time(matter: Matter, book: Book, dispute: Event) -> bool:
    """By the last day of the period. Where no notice runs the period has not ended."""
    end = end_of_period(matter.until(dispute.at), book)
    return end is None or dispute.day(matter.zone) <= end


def _terms(matter: Matter, book: Book, dispute: Event) -> list[DisputeTerm]:
    return book.of(DisputeTerm, matter, dispute.day(matter.zone))
