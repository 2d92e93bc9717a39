"""What people do about the differences of a provider's file: book what only it has, take back what it took back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.payments import PaymentRefused, receive
from accounts.actions.provider_files import ProviderLineRefused, answer_line
from accounts.models import Compared, Explained, Loan, Payment, ProviderAnswer, ProviderLine
from cases.actions.payments import after_payments, charge_back, lock_last
from compliance.audit import Actor


@transaction.atomic
def book_line(*, line: ProviderLine, by: Actor, at: datetime) -> ProviderAnswer:
    """Book a payment that only the provider has, as its line says it; without a certain loan it waits for one. What the
    payment changes in the work follows. Raises `ProviderLineRefused` (answered, not_theirs), `PaymentRefused`,
    `PermissionDenied`."""
    if line.result != Compared.THEIRS or line.amount is None or line.day is None:
        raise ProviderLineRefused("not_theirs", _("Only what is not in our books is booked from the file."))
    portfolio = line.run.portfolio
    loan = Loan.objects.filter(portfolio=portfolio, external_id=line.loan_hint).first()
    case = lock_last(loan.pk) if loan else None
    answer = answer_line(line=line, what=Explained.BOOKED, by=by, at=at)
    receive(
        portfolio=portfolio, reference=line.reference, amount=line.amount, value_date=line.day,
        loan_hint=line.loan_hint, source="provider", by=by, at=at,
        case=case.pk if case and case.is_open else None,
    )  # fmt: skip
    if loan:
        after_payments(loan_ids=[loan.pk], at=at)
    return answer


@transaction.atomic
def take_back_line(*, line: ProviderLine, by: Actor, at: datetime) -> ProviderAnswer:
    """Take a payment back in our books as the provider did, from its day on. Raises as `book_line`, and `PaymentRefused`
    (not_posted) where the payment waits for its loan or is none of ours."""
    if line.result != Compared.STANDS or line.amount is None or line.day is None:
        raise ProviderLineRefused("not_theirs", _("Only what the provider took back is taken back here too."))
    payment = Payment.objects.filter(portfolio=line.run.portfolio, reference=line.reference).first()
    if payment is None:
        raise PaymentRefused("not_posted", _("There is no such payment in our books. Please book it first."))
    lock_last(payment.loan_id)
    answer = answer_line(line=line, what=Explained.TAKEN_BACK, by=by, at=at)
    charge_back(payment=payment, amount=line.amount, value_date=line.day, by=by, at=at)
    return answer
