"""Regulatory questions that decide no contact: notices and their terms, disputes, records, acts such as reporting to a
bureau. Pure like everything in `compliance.rules`; `docs/rule-packs.md`, "Terms and notices", tells the whole.

`ask(question, matter, book)` answers; `book_for(packs, jurisdictions)` holds the terms of every pack that applies.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from compliance.rules.terms import (
    acts,
    addresses,
    charges,
    credit_records,
    debits,
    disputes,
    itemization,
    limits,
    messages,
    records,
    validation,
)
from compliance.rules.terms.book import Answer, Asked, Book
from compliance.rules.terms.matter import Event, Hold, Matter
from compliance.rules.terms.schema import Term

if TYPE_CHECKING:
    from compliance.rules.packs import Packs

__all__ = [
    "ACTIONS",
    "EVALUATIONS",
    "QUESTIONS",
    "Answer",
    "Book",
    "Event",
    "Hold",
    "Matter",
    "Term",
    "ask",
    "book_for",
]

Question = Callable[[Matter, Book, Asked], Answer]

EVALUATIONS: Mapping[str, Question] = {
    "opt_out_notice": messages.opt_out_notice,
    "creditor_opt_out_notice": messages.creditor_opt_out_notice,
    "opt_out_deadline": messages.opt_out_deadline,
    "identity_disclosure": messages.identity_disclosure,
    "classify_event": messages.classify_event,
    "classify_message": messages.classify_message,
    "sms_address_procedure": addresses.sms_address_procedure,
    "email_address_procedure": addresses.email_address_procedure,
    "validation_notice_deadline": validation.validation_notice_deadline,
    "validation_notice_required": validation.validation_notice_required,
    "validation_notice_recipient": validation.validation_notice_recipient,
    "validation_period_end": validation.validation_period_end,
    "notice_name": itemization.notice_name,
    "itemization_field": itemization.itemization_field,
    "itemization_date_choice": itemization.itemization_date_choice,
    "itemization_date": itemization.itemization_date,
    "written_dispute_hold": disputes.written_dispute_hold,
    "duplicative_dispute": disputes.duplicative_dispute,
    "retention": records.retention,
    "complaint_deadline": records.complaint_deadline,
    "record_dispute": credit_records.record_dispute,
    "debit_limits": debits.debit_limits,
    "charge_caps": charges.charge_caps,
    "limitation": limits.limitation,
}

ACTIONS: Mapping[str, Question] = {
    **acts.ACTIONS,
    "send_validation_notice": validation.send_validation_notice,
}

QUESTIONS: Mapping[str, Question] = {**EVALUATIONS, **ACTIONS}


def ask(question: str, matter: Matter, book: Book, **words: Any) -> Answer:
    """The answer of all terms together, the strictest counting. `words` are what the question asks besides; its docstring
    names them. Raises `KeyError` for a question nobody knows."""
    return QUESTIONS[question](matter, book, words)


def book_for(
    packs: "Packs",
    jurisdictions: Collection[str],
    *,
    all_count: bool = False,
    signed: Collection[str] = (),
    set_aside: Collection[str] = (),
) -> Book:
    """The terms of every pack that applies there, house policies included; `Book` says what the flags mean."""
    return Book(
        terms=tuple((pack.id, term) for pack in packs.packs_for(jurisdictions) for term in pack.terms),
        all_count=all_count,
        signed=frozenset(signed),
        set_aside=frozenset(set_aside),
    )
