"""The demo's payment provider: a settlement file of the last days beside the books, and what a supervisor answers to it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from accounts.actions.ledger import TAKES_BACK
from accounts.actions.provider_files import answer_line
from accounts.models import Compared, Explained, LedgerEntry, Payment, PaymentState, ProviderLine
from cases.actions.provider_files import take_back_line
from cases.demo.debts import DAY, Debt
from cases.demo.staff import Crew
from cases.demo.tape import PaymentRow, compare_file
from compliance.audit import Actor

DAYS = 3 * DAY
LATER = timedelta(minutes=25)


def tell_of_a_settlement_file(*, crew: Crew, debts: Mapping[str, Debt], today: date, at: datetime) -> None:
    """What such files have: nearly all as in the books; one payment missing, one of another amount, one that we do not know,
    and one that the provider took back. The supervisor takes that one back here and explains another; the others wait."""
    payments = _settled(crew, today)
    if len(payments) < 4:
        return
    _missing, other_amount, went_back, *_same = payments
    unit, yesterday = crew.product.unit, today - DAY
    rows = [_row(payment, at) for payment in payments[2:]]
    rows += [
        _row(other_amount, at, more=unit // 100),
        PaymentRow(f"{went_back.reference}X", unit // 4, yesterday, at - DAY),
        PaymentRow(
            f"{went_back.reference}C", went_back.amount, yesterday, at - DAY, reverses=went_back.reference
        ),
    ]
    run = compare_file(product=crew.product, portfolio=crew.portfolio, rows=rows, at=at).run
    lines = ProviderLine.objects.filter(run=run).select_related("run__portfolio")
    by, later = Actor.staff(crew.supervisor), at + LATER
    take_back_line(line=lines.get(result=Compared.STANDS), by=by, at=later)
    assert went_back.loan is not None
    debts[went_back.loan.external_id].booked(-went_back.amount)
    answer_line(line=lines.get(result=Compared.AMOUNT), what=Explained.THEIR_MISTAKE, by=by, at=later)


def _settled(crew: Crew, today: date) -> list[Payment]:
    """The last days' payments that have their loan and stand."""
    back = LedgerEntry.objects.filter(loan__portfolio=crew.portfolio, kind__in=TAKES_BACK).values("reference")
    payments = Payment.objects.filter(
        portfolio=crew.portfolio, state=PaymentState.POSTED, source="import", value_date__gte=today - DAYS,
        value_date__lt=today,
    )  # fmt: skip
    return list(payments.exclude(reference__in=back).select_related("loan").order_by("reference"))


def _row(payment: Payment, at: datetime, more: int = 0) -> PaymentRow:
    assert payment.loan is not None
    return PaymentRow(
        payment.reference,
        payment.amount + more,
        payment.value_date,
        at - DAY,
        loan_id=payment.loan.external_id,
    )
