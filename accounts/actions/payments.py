"""Money that came in: received once, posted to its loan, or waiting for it while nobody asks the likely
borrowers.

A payment whose loan is not known for certain is never posted by guessing. It waits, with the loans it may
be for beside it (`PaymentCandidate`); the gate stops contact on those until a person has matched it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts import money
from accounts.actions.borrowers import check_code
from accounts.actions.ledger import TAKES_BACK, LedgerRefused, Posting, lock_loans, post
from accounts.models import EntryKind, Loan, Payment, PaymentState, Portfolio
from accounts.standing import standing_sql
from compliance.audit import Actor, Stream, record, record_many

CANDIDATES_AT_MOST = 20
NEAR_DAYS = 7
"""How far an instalment's due date may lie from a payment of exactly its amount."""


class PaymentRefused(Exception):
    """What was asked cannot be done with this payment. `code` for machines; the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def receive(
    *,
    portfolio: Portfolio,
    reference: str,
    amount: int,
    value_date: date,
    by: Actor,
    at: datetime,
    loan: Loan | None = None,
    loan_hint: str = "",
    payer_index: bytes | None = None,
    source: str = "desk",
    case: UUID | None = None,
    seek: bool = True,
) -> Payment:
    """Take in one payment of `amount` minor units, once per portfolio and reference, also when two
    connections bring it at the same moment: the second gets the row of the first.

    It is posted to `loan`, else to the loan of the portfolio whose external id is exactly `loan_hint`; else
    it waits, with its candidates. `payer_index` is the blind index of the payer's phone, e-mail or customer
    id (`accounts.actions.borrowers`). A payment that was waiting is posted when it comes again with its
    loan. An import says `seek=False` and calls `seek_loans` once, in the same transaction, for all payments
    that wait.

    Raises `PaymentRefused`: not_positive, future (a value date after the portfolio's tomorrow),
    reference_missing, other_portfolio, reference_reused (the reference came before with another amount,
    date or loan).
    """
    reference = reference.strip()
    if not reference:
        raise PaymentRefused("reference_missing", _("A payment needs its reference."))
    if amount <= 0:
        raise PaymentRefused("not_positive", _("A payment must be above zero."))
    if value_date > portfolio.business_date(at) + timedelta(days=1):
        raise PaymentRefused("future", _("A payment cannot count from a day that is still to come."))
    how = "given"
    if loan is not None:
        _check_portfolio(loan, portfolio)
    else:
        how, loan = "loan_id", Loan.objects.filter(portfolio=portfolio, external_id=loan_hint.strip()).first()
    new = Payment(
        portfolio=portfolio,
        loan=loan,
        reference=reference,
        amount=amount,
        value_date=value_date,
        state=PaymentState.POSTED if loan else PaymentState.UNMATCHED,
        loan_hint=loan_hint.strip(),
        payer_index=payer_index,
        source=source,
        received_at=at,
    )
    # The unique constraint decides who is first; the other waits here until that one has committed.
    Payment.objects.bulk_create([new], ignore_conflicts=True)
    payment = Payment.objects.select_for_update().get(portfolio=portfolio, reference=reference)
    if payment.pk != new.pk:
        return _received_again(payment, new, by=by, at=at, case=case)
    currency = portfolio.currency
    borrower_id = loan.borrower_id if loan else None
    if loan is not None:
        lock_loans([loan.pk])
    record(
        "payment.received",
        stream=Stream.borrower(borrower_id) if borrower_id else Stream.system(),
        by=by,
        at=at,
        case=case,
        borrower=borrower_id,
        payment=payment.pk,
        currency=currency,
        amount=money.decimal_text(amount, currency),
        value_date=value_date,
        source=source,
    )
    if loan is not None:
        _post(payment, loan, how=how, by=by, at=at, case=case)
    elif seek:
        seek_loans(portfolio=portfolio, payments=[payment.pk], by=by, at=at)
    return payment


@transaction.atomic
def match(*, payment: Payment, loan: Loan, by: Actor, at: datetime, case: UUID | None = None) -> Payment:
    """Post a waiting payment to its loan; its other candidates may be contacted again. Matched to this loan
    already: nothing changes. Staff need `accounts.match_payment` (`PermissionDenied`).

    Raises `PaymentRefused`: other_portfolio, matched_before (to another loan).
    """
    if not by.may("accounts.match_payment"):
        raise PermissionDenied(_("Matching payments is not part of this role."))
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    _check_portfolio(loan, payment.portfolio)
    if payment.state == PaymentState.POSTED:
        if payment.loan_id != loan.pk:
            raise PaymentRefused("matched_before", _("This payment has found its loan already."))
        return payment
    return _match(payment, loan, how="by_hand", by=by, at=at, case=case)


@transaction.atomic
def reverse_payment(
    *, payment: Payment, reason: str, by: Actor, at: datetime, case: UUID | None = None
) -> Payment:
    """The money went back (a chargeback, a bounced debit): a reversal takes the payment out of the ledger
    as if it had never come, so that its arrears and their days are there again. Reversed already: nothing
    changes. `reason` is a short code ("chargeback"). Staff need `accounts.match_payment`, or
    `accounts.import_payments` (`PermissionDenied`).

    Raises `PaymentRefused` (not_posted) for a payment that waits for its loan.
    """
    if not (by.may("accounts.match_payment") or by.may("accounts.import_payments")):
        raise PermissionDenied(_("Reversing payments is not part of this role."))
    check_code(reason)
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    if payment.loan is None:
        raise PaymentRefused("not_posted", _("This payment has not found its loan yet."))
    lock_loans([payment.loan.pk])
    if payment.loan.entries.filter(kind__in=TAKES_BACK, reference=payment.reference).exists():
        return payment
    borrower_id, currency = payment.loan.borrower_id, payment.portfolio.currency
    record(
        "payment.reversed",
        stream=Stream.borrower(borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=borrower_id,
        payment=payment.pk,
        loan=payment.loan_id,
        currency=currency,
        amount=money.decimal_text(payment.amount, currency),
        reason=reason,
    )
    post(
        [Posting(loan_id=payment.loan.pk, kind=EntryKind.REVERSAL, reference=payment.reference)], by=by, at=at
    )
    return payment


@transaction.atomic
def charge_back(
    *, payment: Payment, amount: int, value_date: date, by: Actor, at: datetime, case: UUID | None = None
) -> Payment:
    """The provider took `amount` minor units of a payment back, once, on a day: until then the money was there, and the days
    in between were not late. The same again changes nothing. Staff need `accounts.match_payment` (`PermissionDenied`).

    Raises `PaymentRefused`: not_posted (it waits for its loan), not_positive, future, taken_back (before, or in another
    amount), beyond_payment (more than was paid, or before it was).
    """
    if not by.may("accounts.match_payment"):
        raise PermissionDenied(_("Taking payments back is not part of this role."))
    if amount <= 0:
        raise PaymentRefused("not_positive", _("A payment must be above zero."))
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    if payment.loan is None:
        raise PaymentRefused("not_posted", _("This payment has not found its loan yet."))
    if value_date > payment.portfolio.business_date(at):
        raise PaymentRefused("future", _("A payment cannot count from a day that is still to come."))
    lock_loans([payment.loan.pk])
    taken = payment.loan.entries.filter(kind__in=TAKES_BACK, reference=payment.reference).first()
    if taken is not None:
        if (taken.kind, taken.amount, taken.value_date) == (EntryKind.CHARGEBACK, amount, value_date):
            return payment
        raise PaymentRefused("taken_back", _("This payment was taken back before."))
    borrower_id, currency = payment.loan.borrower_id, payment.portfolio.currency
    record(
        "payment.charged_back", stream=Stream.borrower(borrower_id), by=by, at=at, case=case, borrower=borrower_id,
        payment=payment.pk, loan=payment.loan_id, currency=currency, amount=money.decimal_text(amount, currency),
        value_date=value_date,
    )  # fmt: skip
    posting = Posting(
        loan_id=payment.loan.pk, kind=EntryKind.CHARGEBACK, reference=payment.reference, value_date=value_date,
        amount=amount,
    )  # fmt: skip
    try:
        post([posting], by=by, at=at)
    except LedgerRefused as refused:
        raise PaymentRefused(refused.code, str(refused)) from refused
    return payment


@transaction.atomic
def seek_loans(
    *, portfolio: Portfolio, payments: Sequence[UUID], by: Actor, at: datetime, stream: Stream | None = None
) -> dict[UUID, int]:
    """Write down the loans that waiting payments of a portfolio may be for, at most 20 each, the likeliest
    first; returns how many each payment has. One statement for any number of payments; events go to
    `stream`, else to the system's.

    In the order of trust: the loan id is the same but for case, spaces and leading zeros (`loan_id`); the
    payer's phone, e-mail or customer id is the borrower's (`payer`); the amount is exactly the loan's
    arrears on the business date (`arrears`) or one of its instalments (`instalment`), with an instalment
    due at most seven days from the payment's value date.
    """
    values: dict[str, Any] = {
        "portfolio": portfolio.pk,
        "entity": portfolio.entity_id,
        "payments": list(payments),
        "on": portfolio.business_date(at),
        "near": NEAR_DAYS,
        "most": CANDIDATES_AT_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEEK, values)
        found = dict.fromkeys(payments, 0) | dict(cursor.fetchall())
    record_many(
        "payment.unmatched",
        stream=stream or Stream.system(),
        by=by,
        at=at,
        rows=({"payment": payment, "candidates": count} for payment, count in found.items()),
        count=len(found),
    )
    return found


def _match(payment: Payment, loan: Loan, *, how: str, by: Actor, at: datetime, case: UUID | None) -> Payment:
    payment.loan, payment.state = loan, PaymentState.POSTED
    payment.save(update_fields=["loan", "state"])
    payment.candidates.all().delete()
    lock_loans([loan.pk])
    _post(payment, loan, how=how, by=by, at=at, case=case)
    return payment


def _post(payment: Payment, loan: Loan, *, how: str, by: Actor, at: datetime, case: UUID | None) -> None:
    record(
        "payment.matched",
        stream=Stream.borrower(loan.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=loan.borrower_id,
        payment=payment.pk,
        loan=loan.pk,
        how=how,
    )
    posting = Posting(
        loan_id=loan.pk,
        kind=EntryKind.REPAYMENT,
        reference=payment.reference,
        value_date=payment.value_date,
        amount=payment.amount,
    )
    try:
        post([posting], by=by, at=at)
    except LedgerRefused as refused:
        # A loan tape may have booked this reference before, in other words.
        raise PaymentRefused(refused.code, str(refused)) from refused


def _received_again(known: Payment, new: Payment, *, by: Actor, at: datetime, case: UUID | None) -> Payment:
    same_loan = new.loan_id is None or known.loan_id in (None, new.loan_id)
    if (known.amount, known.value_date) != (new.amount, new.value_date) or not same_loan:
        raise PaymentRefused(
            "reference_reused", _("This reference came before, with another amount, date or loan.")
        )
    if known.state == PaymentState.UNMATCHED and new.loan is not None:
        return _match(known, new.loan, how="received_again", by=by, at=at, case=case)
    return known


def _check_portfolio(loan: Loan, portfolio: Portfolio) -> None:
    if loan.portfolio_id != portfolio.pk:
        raise PaymentRefused("other_portfolio", _("This loan belongs to another portfolio than the payment."))


# The loan id as people mistype it; `accounts/migrations/sql/ledger.sql` has an index on the same expression.
_HINT = r"ltrim(upper(regexp_replace({}, '\s', '', 'g')), '0')"

_SEEK = f"""
WITH waiting AS MATERIALIZED (
    SELECT id, amount, value_date, payer_index, {_HINT.format("loan_hint")} AS hint
    FROM accounts_payment
    WHERE id = ANY(%(payments)s) AND portfolio_id = %(portfolio)s AND state = 'unmatched'
),
near AS MATERIALIZED (
    SELECT DISTINCT instalment.loan_id, instalment.due_on
    FROM accounts_instalment instalment JOIN accounts_loan loan ON loan.id = instalment.loan_id
    WHERE loan.portfolio_id = %(portfolio)s
        AND instalment.due_on >= (SELECT min(value_date) FROM waiting) - %(near)s
        AND instalment.due_on <= (SELECT max(value_date) FROM waiting) + %(near)s
),
standing AS MATERIALIZED ({standing_sql("loan.id IN (SELECT near.loan_id FROM near)")}),
found AS (
    SELECT waiting.id AS payment_id, loan.id AS loan_id, 'loan_id' AS why, 1 AS trust, 0 AS days
    FROM waiting JOIN accounts_loan loan
        ON loan.portfolio_id = %(portfolio)s AND {_HINT.format("loan.external_id")} = waiting.hint
    WHERE waiting.hint <> ''
    UNION ALL
    SELECT waiting.id, loan.id, 'payer', 2, 0
    FROM waiting JOIN accounts_borrower borrower
        ON borrower.entity_id = %(entity)s AND borrower.external_index = waiting.payer_index
    JOIN accounts_loan loan ON loan.borrower_id = borrower.id AND loan.portfolio_id = %(portfolio)s
    UNION ALL
    SELECT waiting.id, loan.id, 'payer', 2, 0
    FROM waiting JOIN accounts_contactpoint point ON point.value_index = waiting.payer_index
    JOIN accounts_loan loan ON loan.borrower_id = point.borrower_id AND loan.portfolio_id = %(portfolio)s
    UNION ALL
    SELECT waiting.id, near.loan_id, 'arrears', 3, abs(near.due_on - waiting.value_date)
    FROM waiting JOIN standing ON standing.arrears = waiting.amount
    JOIN near ON near.loan_id = standing.loan_id AND abs(near.due_on - waiting.value_date) <= %(near)s
    UNION ALL
    SELECT waiting.id, instalment.loan_id, 'instalment', 4, abs(instalment.due_on - waiting.value_date)
    FROM waiting JOIN accounts_instalment instalment ON instalment.amount = waiting.amount
        AND instalment.due_on BETWEEN waiting.value_date - %(near)s AND waiting.value_date + %(near)s
    JOIN standing ON standing.loan_id = instalment.loan_id AND standing.outstanding > 0
),
likeliest AS (
    SELECT DISTINCT ON (payment_id, loan_id) payment_id, loan_id, why, trust, days
    FROM found ORDER BY payment_id, loan_id, trust, days
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY payment_id ORDER BY trust, days, loan_id) AS place FROM likeliest
),
written AS (
    INSERT INTO accounts_paymentcandidate (payment_id, loan_id, why)
    SELECT payment_id, loan_id, why FROM ranked WHERE place <= %(most)s
    ON CONFLICT (payment_id, loan_id) DO NOTHING
)
SELECT payment_id, count(*) FROM ranked WHERE place <= %(most)s GROUP BY payment_id
"""
