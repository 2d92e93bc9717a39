"""What a message is, and what it must offer and tell."""

from datetime import timedelta

from compliance.rules.terms.book import COMPLIANT, NON_COMPLIANT, Answer, Asked, Book, ids
from compliance.rules.terms.matter import CALL, CONTACT, CREDITOR_NOTICE, NOTICE, VISIT, Event, Matter
from compliance.rules.terms.schema import DeadlineTerm, MessageTerm, OptOutTerm

LIMITED = "limited_content_message"
CONVERSATION = "conversation"
# Results of a call in which something may have been left on a machine.
MACHINE = ("voicemail", LIMITED, "connected_to_voicemail_without_ringing")
# Results that may have told somebody something; of None nothing is known.
SPOKEN = (CONVERSATION, "answered_then_dropped", None)


def opt_out_notice(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a message offers a simple enough way out. Words: `channel`, `method`."""
    answer = _methods(matter, book, asked, "message")
    return Answer({**answer.values, "min_type_size": None}, answer.rules)


def creditor_opt_out_notice(matter: Matter, book: Book, asked: Asked) -> Answer:
    """The same of a creditor's notice that an e-mail address will be used. Words: `channel`, `method`."""
    return _methods(matter, book, asked, "creditor_notice")


def _methods(matter: Matter, book: Book, asked: Asked, of: str) -> Answer:
    terms = [term for term in book.of(OptOutTerm, matter) if term.of == of]
    channel, method = asked.get("channel"), asked.get("method")
    # A channel that the rule does not name need not offer a way out: a letter is no electronic message.
    simple = all(method in term.methods.get(channel or "", (method,)) for term in terms)
    return Answer({"outcome": COMPLIANT if simple else NON_COMPLIANT}, ids(terms))


def opt_out_deadline(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """The earliest date that a creditor's notice may name for opting out."""
    notices = matter.told(CREDITOR_NOTICE)
    if not notices:
        return Answer({"earliest_date": None})
    sent = notices[-1].day(matter.zone)
    terms = [term for term in book.of(DeadlineTerm, matter, sent) if term.of == "creditor_opt_out"]
    dates = [sent + timedelta(days=term.days) for term in terms]
    return Answer({"earliest_date": max(dates, default=None)}, ids(terms))


def identity_disclosure(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """Whether what we left tells meaningfully who calls, or need not: a message of limited content does not have to."""
    terms = book.of(MessageTerm, matter)
    event = _last_contact(matter)
    told = (
        event is None
        or not left_a_message(event)
        or all(is_limited(event, term) or _tells_identity(event, term) for term in terms)
    )
    return Answer({"outcome": COMPLIANT if told else NON_COMPLIANT}, ids(terms))


def classify_event(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """Whether the last event is an attempt to communicate: any act of ours to begin a contact, whatever came of it."""
    event = max(matter.events, key=lambda each: each.at, default=None)
    ours = event is not None and event.kind in (CONTACT, NOTICE) and not event.inbound
    return Answer({"attempt_to_communicate": ours}, ids(book.of(MessageTerm, matter)))


def classify_message(matter: Matter, book: Book, _asked: Asked) -> Answer:
    """Whether the last message is one of limited content, and whether it is a communication about a debt."""
    terms = book.of(MessageTerm, matter)
    event = _last_contact(matter)
    limited = event is not None and bool(terms) and all(is_limited(event, term) for term in terms)
    tells = event is not None and is_communication(event, terms)
    return Answer({"limited_content_message": limited, "communication": tells}, ids(terms))


def is_communication(event: Event, terms: list[MessageTerm]) -> bool:
    """Whether something told a person something about a debt, directly or not. Of a message whose content nobody knows
    it is taken to have."""
    if event.kind == NOTICE:
        return True
    if event.kind != CONTACT:
        return False
    if event.channel == CALL and event.result in MACHINE:
        return left_a_message(event) and not (terms and all(is_limited(event, term) for term in terms))
    if event.channel in (CALL, VISIT):
        return event.result in SPOKEN
    return True


def left_a_message(event: Event) -> bool:
    """Whether our call left something on a machine."""
    if event.channel != CALL or event.inbound:
        return False
    if event.result == "connected_to_voicemail_without_ringing":
        return event.content is not None
    return event.result in MACHINE


def is_limited(event: Event, term: MessageTerm) -> bool:
    """Whether what was left is complete as a message of limited content, and holds nothing else."""
    if not left_a_message(event) or event.remarks:
        return False
    says = set(event.content or ())
    complete = event.result == LIMITED or term.limited in says
    return complete and says <= {term.limited, *term.may_hold}


def _tells_identity(event: Event, term: MessageTerm) -> bool:
    return not set(term.identity_words).isdisjoint(event.content or ())


def _last_contact(matter: Matter) -> Event | None:
    ours = [event for event in matter.told(CONTACT) if not event.inbound]
    return ours[-1] if ours else None
