"""Making a paper from the facts of a case's loan, and keeping it, sealed, exactly as it was made."""

from datetime import date, datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.actions.documents import keep_made, name_on_paper, read_document
from accounts.actions.ledger import lock_loans
from accounts.models import Document, Loan
from cases.models import Case
from cases.papers.build import KINDS, Question, paper_bytes
from cases.papers.facts import PaperRefused
from cases.papers.words import LANGUAGES, table
from compliance.audit import Actor


@transaction.atomic
def make_paper(
    *,
    case: Case,
    kind: str,
    by: Actor,
    at: datetime,
    language: str = "",
    on: date | None = None,
    subject: UUID | None = None,
    good_to: date | None = None,
) -> Document:
    """A paper of this kind (a key of `KINDS`) on the case's loan, in the borrower's language unless another is chosen, as of
    today unless an earlier day is. `subject` is the payment, waiver entry or plan it is about; a payoff quotation is good to
    `good_to`. Asked again while nothing has changed, it is the one already made.

    Staff need `accounts.add_document` (`PermissionDenied`). Raises `PaperRefused`.
    """
    if not by.may("accounts.add_document"):
        raise PermissionDenied(_("Making documents is not part of this role."))
    if kind not in KINDS:
        raise PaperRefused("kind", _("No such document is made here."))
    lock_loans([case.loan_id])
    loan = _loan(case.loan_id)
    today = loan.portfolio.business_date(at)
    on = on or today
    if on > today:
        raise PaperRefused("future", _("A document cannot tell of a day that is still to come."))
    question = Question(
        number=uuid7(),
        kind=kind,
        loan=loan,
        name=name_on_paper(loan.borrower),
        language=language or language_of(loan),
        on=on,
        at=at,
        subject=subject,
        good_to=good_to if kind == "payoff" else None,
    )
    content = paper_bytes(question)
    if earlier := _made_before(question, today):
        return earlier
    return keep_made(
        document_id=question.number,
        loan=loan,
        kind=kind,
        content=content,
        language=question.language,
        as_of=on,
        version=table().version,
        subject=subject,
        good_to=question.good_to,
        by=by,
        at=at,
        case=case.pk,
    )


def language_of(loan: Loan) -> str:
    """The borrower's language where papers are written in it, else the portfolio's."""
    for language in (loan.borrower.language, loan.portfolio.language):
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def recreate(document: Document) -> bytes:
    """The paper made anew from today's records, as of the same day and as known at the same moment. Equal to what is kept
    as long as nobody has changed the words, the borrower's name or the lender's. For checks; it is shown to nobody."""
    assert document.made, "only what we made can be made again"
    assert document.loan_id is not None
    assert document.as_of is not None
    return paper_bytes(_question_of(document, _loan(document.loan_id), document.added_at))


def _made_before(question: Question, today: date) -> Document | None:
    """The paper that says the same, made today already."""
    last = (
        Document.objects.of_loan(question.loan)
        .kind(question.kind)
        .kept()
        .filter(
            made=True, language=question.language, as_of=question.on, subject=question.subject,
            good_to=question.good_to,
        )
        .order_by("-added_at", "-pk")
        .first()
    )  # fmt: skip
    if last is None or question.loan.portfolio.business_date(last.added_at) != today:
        return None
    same = paper_bytes(_question_of(last, question.loan, question.at)) == read_document(last)
    return last if same else None


def _question_of(document: Document, loan: Loan, at: datetime) -> Question:
    assert document.as_of is not None
    return Question(
        number=document.pk,
        kind=document.kind,
        loan=loan,
        name=name_on_paper(loan.borrower),
        language=document.language,
        on=document.as_of,
        at=at,
        subject=document.subject,
        good_to=document.good_to,
    )


def _loan(loan_id: UUID) -> Loan:
    return Loan.objects.select_related("portfolio__entity", "borrower__key").get(pk=loan_id)
