"""A complaint heard on a case."""

from datetime import datetime

from accounts.models import User
from cases.models import Case
from compliance.actions.complaints import log_complaint
from compliance.audit import Actor
from compliance.models import Complaint


def complain(
    *,
    case: Case,
    category: str,
    words: str,
    channel: str,
    by: Actor,
    at: datetime,
    owner: User | None = None,
) -> Complaint:
    """Log what the borrower complains about; in the same transaction outbound collection is held.

    `words` are the borrower's own and sealed. The complaint gets its clock and, without `owner`, the owner its action finds.
    """
    return log_complaint(
        borrower=case.borrower,
        portfolio=case.portfolio,
        loan=case.loan,
        category=category,
        words=words,
        channel=channel,
        owner=owner,
        case=case.pk,
        by=by,
        at=at,
    )
