"""What a borrower says is wrong in their credit record: taken down, answered by its clock, and set right at once."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan
from accounts.seal import seal_of
from cases.actions.bureau import BureauRefused, dispute_clock
from cases.actions.furnishing import held, mark, put_right
from cases.actions.transition import lock
from cases.models import Case, CreditDispute, DisputeAbout, DisputeState
from compliance.actions.holds import open_hold
from compliance.audit import Actor, Stream, record
from compliance.models import Channel, HoldKind

AGAIN = timedelta(minutes=1)
MOST_WORDS = 10_000
# What is disputed here is the debt itself: it is not asked for meanwhile.
OF_THE_DEBT = frozenset({DisputeAbout.NOT_MINE, DisputeAbout.AMOUNT, DisputeAbout.PAID})


@transaction.atomic
def log_dispute(
    *, case: Case, about: str, channel: str, words: str, by: Actor, at: datetime
) -> CreditDispute:
    """Take down what the borrower says is wrong in the record, and start its clock; where they dispute the debt itself,
    nothing is asked for meanwhile either. The same words within a minute are the same dispute. Raises `BureauRefused`
    (words)."""
    if not by.may("cases.log_credit_dispute"):
        raise PermissionDenied
    about, channel = DisputeAbout(about), Channel(channel)
    words = _words(words)
    case = lock(case.pk)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    for same in CreditDispute.objects.open().filter(case=case, about=about, received_at__gt=at - AGAIN):
        if open_words(same) == words:
            return same
    clock, dispute_id = dispute_clock(case.portfolio, at), uuid7()
    dispute = CreditDispute.objects.create(
        id=dispute_id, case=case, loan_id=case.loan_id, borrower_id=case.borrower_id, about=about, channel=channel,
        words_sealed=seal_of(case.borrower).seal(words_field(dispute_id), words), received_at=at,
        due_on=clock.due_on, clock=clock.term,
    )  # fmt: skip
    if about in OF_THE_DEBT:
        open_hold(borrower=case.borrower, kind=HoldKind.DISPUTE, loan=case.loan, by=by, at=at, case=case.pk)
    record(
        "bureau.disputed", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, dispute=dispute.pk, loan=case.loan_id, about=str(about), channel=str(channel),
        due_on=clock.due_on, clock=clock.term,
    )  # fmt: skip
    # What a bureau holds already is marked at once.
    if line := held(case.loan):
        mark(line, True, by=by, at=at)
    return dispute


@transaction.atomic
def answer_dispute(
    *, dispute: CreditDispute, right: bool, answer: str, by: Actor, at: datetime
) -> CreditDispute:
    """What was found, once. Where the borrower is right, the record is corrected from the ledger in the same step; where the
    ledger says what was said, it is taken back: nobody keeps a record that we found wrong. Raises `BureauRefused` (words,
    answered)."""
    if not by.may("cases.answer_credit_dispute"):
        raise PermissionDenied
    answer = _words(answer)
    case = lock(dispute.case_id)
    loan = Loan.objects.select_for_update(of=("self",), no_key=True).get(pk=dispute.loan_id)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    locked = CreditDispute.objects.select_for_update().get(pk=dispute.pk)
    if locked.state != DisputeState.OPEN:
        raise BureauRefused("answered", _("This dispute was answered already."))
    locked.state = DisputeState.CORRECTED if right else DisputeState.CONFIRMED
    locked.answer_sealed = seal_of(case.borrower).seal(words_field(locked.pk, "answer"), answer)
    locked.answered_at, locked.answered_by = at, by.ref
    locked.save(update_fields=["state", "answer_sealed", "answered_at", "answered_by"])
    record(
        "bureau.dispute_answered", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, dispute=locked.pk, loan=loan.pk, state=str(locked.state),
    )  # fmt: skip
    if line := held(loan):
        set_right = put_right if right else mark
        set_right(line, CreditDispute.objects.open().filter(loan=loan).exists(), by=by, at=at)
    return locked


def words_field(dispute_id: Any, part: str = "words") -> str:
    """The sealed field's name, which the seal binds its text to."""
    return f"credit_dispute:{dispute_id}:{part}"


def open_words(dispute: CreditDispute) -> str:
    """What the borrower said, for a page that shows it; `dispute.case.borrower` with its key is best selected before."""
    return seal_of(dispute.case.borrower).open(words_field(dispute.pk), bytes(dispute.words_sealed))


def _words(words: str) -> str:
    words = words.replace("\r\n", "\n").replace("\0", "").strip()
    if not words or len(words) > MOST_WORDS:
        raise BureauRefused("words", _("Please write it down in words, and not in too many."))
    return words
