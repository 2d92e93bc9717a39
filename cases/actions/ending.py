"""A person ends the work on a case: settled for a part of the debt, given up, or returned to the lender."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actions.ledger import MONEY, TAKES_BACK, Posting, lock_loans, post
from accounts.models import Authority, Basis, EntryKind
from accounts.standing import Standing, standing_of
from cases.actions.agreements import AgreementRefused, authority_of
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

    Raises `MoveRefused`: who may not close a case, a case that moved meanwhile, a settlement of which nothing was paid;
    `AgreementRefused` (`too_early`, `authority`): a settlement that the portfolio's terms do not allow this person. Nothing
    is forgiven or written off then.
    """
    found = ENDINGS[ending]
    if found.to == CaseState.SETTLED:
        _forgive_the_rest(lock(case.pk), by, at)
    elif found.to == CaseState.WRITTEN_OFF:
        _write_off(lock(case.pk), by, at)
    return move(case=case, to=found.to, by=by, at=at, reason=found.reason)


def _forgive_the_rest(case: Case, by: Actor, at: datetime) -> None:
    lock_loans([case.loan_id])
    today = case.portfolio.business_date(at)
    standing = standing_of([case.loan_id], on=today)[case.loan_id]
    rest = standing.outstanding
    if rest <= 0:
        return
    _check_policy(case, standing, by, today)
    waiver = Posting(
        loan_id=case.loan_id,
        kind=EntryKind.WAIVER,
        reference=f"settlement:{case.pk}",
        value_date=today,
        amount=rest,
    )
    post([waiver], by=by, at=at)


def _check_policy(case: Case, standing: Standing, by: Actor, today: date) -> None:
    """What is forgiven by hand keeps to what may be offered: late enough, and no greater part of what was owed before the
    payments of this case than the person may forgive. Who may not close at all, or where nothing was paid, hears so from
    the move."""
    paid = paid_since_opened(case)
    if paid <= 0 or not by.may("cases.close_case"):
        return
    terms = case.portfolio.terms_on(today)
    if standing.days_past_due < terms.settlement_after_days:
        least = terms.settlement_after_days
        sentence = gettext("A settlement is offered from day %(least)s past due on.") % {"least": least}
        raise AgreementRefused("too_early", sentence, least=least)
    most = terms.limit(authority_of(by), Authority.SETTLEMENT_PERCENT)
    if standing.outstanding * 100 > most * (standing.outstanding + paid):
        sentence = gettext(
            "You may forgive at most %(most)s %% of what was owed; a second person decides on a settlement for more."
        )
        raise AgreementRefused("authority", sentence % {"most": most}, most=most)


def paid_since_opened(case: Case) -> int:
    """What has come in on the loan since the case opened, less what was taken back: minor units."""
    booked = case.loan.entries.filter(kind__in=(*MONEY, *TAKES_BACK), value_date__gte=case.opened_on)
    return -booked.aggregate(all=Sum("amount", default=0))["all"]


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
