"""Writing one borrower's message: what is known of their loans at the moment it leaves, in the words of its
text.
"""

from datetime import date, datetime
from uuid import UUID

from accounts.actions.borrowers import IDENTITY
from accounts.models import Borrower, Loan, User
from accounts.seal import seal_of
from accounts.standing import standing_of
from communications.channels.email import our_address
from communications.models import Message
from communications.texts import DETAILS, Context, Money, TextError


def context_of(message: Message, borrower: Borrower, at: datetime, author: User | None = None) -> Context:
    """What the text may mention, as of `at`; `author` is who of the staff writes, where somebody does: what they are towards
    the borrower decides what is disclosed. Raises `TextError` where the loans are not of one lender and
    currency.
    """
    loans = list(
        Loan.objects.filter(pk__in=message.loans).select_related("portfolio__entity").order_by("external_id")
    )
    lenders = {(loan.portfolio.entity_id, loan.portfolio.currency, loan.portfolio.our_role) for loan in loans}
    if len(lenders) != 1:
        raise TextError("One message is about loans of one lender in one currency.")
    portfolio = loans[0].portfolio
    by_date: dict[date, list[UUID]] = {}
    for loan in loans:
        by_date.setdefault(loan.portfolio.business_date(at), []).append(loan.pk)
    standings = [each for on, ids in by_date.items() for each in standing_of(ids, on=on).values()]

    def money(amount: int) -> Money:
        return Money(amount, portfolio.currency)

    details = {name: DETAILS[name](value) for name, value in message.details.items()}
    promised = details.get("promise_amount")
    agreed = details.get("agreed_amount")
    return Context(
        our_role=(author and author.acts_as) or portfolio.our_role,
        agency_name=author.agency.name if author and author.agency else "",
        lender_name=portfolio.entity.name,
        reply_address=our_address(),
        borrower_name=seal_of(borrower).open_json(IDENTITY, bytes(borrower.identity_sealed)).get("name", ""),
        loan_reference=", ".join(_tail(loan.external_id) for loan in loans),
        arrears=money(sum(each.arrears for each in standings)),
        outstanding=money(sum(each.outstanding for each in standings)),
        oldest_due_on=min((each.oldest_due_on for each in standings if each.oldest_due_on), default=None),
        days_past_due=max(each.days_past_due for each in standings),
        promise_amount=money(promised) if promised is not None else None,
        promise_due_on=details.get("promise_due_on"),
        debit_amount=money(details["debit_amount"]) if "debit_amount" in details else None,
        debit_on=details.get("debit_on"),
        report_on=details.get("report_on"),
        agreed_amount=money(agreed) if agreed is not None else None,
        agreed_by=details.get("agreed_by"),
    )


def _tail(external_id: str) -> str:
    """Enough of the lender's number for the borrower to know it again, not enough for anybody else."""
    return external_id if len(external_id) <= 4 else f"…{external_id[-4:]}"
