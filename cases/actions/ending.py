"""A person ends the work on a case: settled for a part of the debt, given up, or returned to the lender."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.actions.ledger import Posting, post
from accounts.models import Basis, EntryKind
from accounts.standing import standing_of
from cases.actions.transition import lock, move
from cases.models import Case, CaseState
from compliance.audit import Actor


@dataclass(frozen=True)
class Ending:
    """Where the case goes, the reason for the record, and what this is called."""

    to: CaseState
    reason: str
    label: str | Promise


ENDINGS = {
    "settled": Ending(CaseState.SETTLED, "part_paid", _("Settled: a part is paid, the rest is forgiven")),
    "not_worth_it": Ending(
        CaseState.WRITTEN_OFF, "not_worth_it", _("Given up: collecting would cost more than it brings")
    ),
    "deceased": Ending(CaseState.WRITTEN_OFF, "deceased", _("Given up: the borrower has died")),
    "lender_asked": Ending(CaseState.RECALLED, "lender_asked", _("Returned: the lender asked for it")),
}


@transaction.atomic
def end_case(*, case: Case, ending: str, by: Actor, at: datetime) -> Case:
    """End a case, by a key of `ENDINGS`. A settlement forgives all that is still outstanding, in the ledger; a case
    given up is written off there.

    Raises `MoveRefused`: who may not close a case, a case that moved meanwhile, a settlement of which nothing was paid.
    Nothing is forgiven or written off then.
    """
    found = ENDINGS[ending]
    if found.to == CaseState.SETTLED:
        _forgive_the_rest(lock(case.pk), by, at)
    elif found.to == CaseState.WRITTEN_OFF:
        _write_off(lock(case.pk), by, at)
    return move(case=case, to=found.to, by=by, at=at, reason=found.reason)


def _forgive_the_rest(case: Case, by: Actor, at: datetime) -> None:
    today = case.portfolio.business_date(at)
    rest = standing_of([case.loan_id], on=today)[case.loan_id].outstanding
    if rest > 0:
        waiver = Posting(
            loan_id=case.loan_id,
            kind=EntryKind.WAIVER,
            reference=f"settlement:{case.pk}",
            value_date=today,
            amount=rest,
        )
        post([waiver], by=by, at=at)


def _write_off(case: Case, by: Actor, at: datetime) -> None:
    today = case.portfolio.business_date(at)
    if standing_of([case.loan_id], on=today)[case.loan_id].outstanding <= 0:
        return
    written_off = case.loan.entries.filter(kind=EntryKind.WRITE_OFF).exclude(basis=Basis.FOLLOWS)
    if written_off.exists():
        return
    posting = Posting(
        loan_id=case.loan_id,
        kind=EntryKind.WRITE_OFF,
        reference=f"case:{case.pk}",
        value_date=today,
    )
    post([posting], by=by, at=at)
