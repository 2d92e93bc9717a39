"""Writing cleaned payment files: set by set, in one transaction, once per reference."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import money
from accounts.actions.borrowers import customer_index
from accounts.actions.imports import Outcome, chunks
from accounts.actions.ledger import MONEY, TAKES_BACK, Posting, post
from accounts.actions.payments import PaymentRefused, receive, reverse_payment, seek_loans
from accounts.models import EntryKind, LedgerEntry, Loan, Payment, PaymentState, Portfolio
from accounts.seal import blind_index
from accounts.tapes.codes import Code, Refusal
from accounts.tapes.records import CleanPayment, Refused
from compliance.audit import Actor, Stream, record, record_many


@transaction.atomic
def write_payments(
    records: Iterable[CleanPayment | Refused],
    *,
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> Outcome:
    """Take in cleaned payments. In the outcome `created` are new payments (also those that wait for their loan, counted in
    `changes` as unmatched), `unchanged` are known ones. Sets when the portfolio's payments were last read."""
    outcome = Outcome()
    for chunk in chunks(records):
        payments = []
        for each in chunk:
            outcome.rows += len(each.rows)
            if isinstance(each, Refused):
                outcome.refuse(each)
            else:
                payments.append(each)
        _write(payments, portfolio, run, by, at, outcome)
        progress(outcome.rows)
    Portfolio.objects.filter(pk=portfolio.pk).update(payments_read_at=at)
    record(
        "payments.read",
        stream=Stream.run(run),
        by=by,
        at=at,
        run=run,
        portfolio=portfolio.ref,
        rows=outcome.rows,
        posted=outcome.created - outcome.changes["unmatched"],
        unmatched=outcome.changes["unmatched"],
        known=outcome.unchanged,
    )
    return outcome


def _write(
    payments: Sequence[CleanPayment],
    portfolio: Portfolio,
    run: UUID,
    by: Actor,
    at: datetime,
    outcome: Outcome,
) -> None:
    references = [payment.reference for payment in payments]
    known = set(
        Payment.objects.filter(portfolio=portfolio, reference__in=references).values_list(
            "reference", flat=True
        )
    )
    hints = [payment.loan_external_id for payment in payments if payment.loan_external_id]
    loans = {
        loan.external_id: loan for loan in Loan.objects.filter(portfolio=portfolio, external_id__in=hints)
    }
    # A loan tape may have told of a payment before, in the same words or in others.
    told = set(
        LedgerEntry.objects.filter(
            loan__in=[loan.pk for loan in loans.values()], kind__in=MONEY, reference__in=references
        ).values_list("loan", "reference")
    )
    plain, others = [], []
    for payment in payments:
        loan = loans.get(payment.loan_external_id or "")
        new = payment.reference not in known and loan is not None and (loan.pk, payment.reference) not in told
        if payment.kind == "payment" and loan is not None and new:
            plain.append((payment, loan))
        else:
            others.append(payment)
    # First what others may reverse.
    _post_new(plain, portfolio, run, by, at)
    outcome.created += len(plain)
    outcome.touched.update(loan.pk for _payment, loan in plain)
    waiting = []
    for payment in others:
        row = _one(payment, portfolio, by, at, outcome, payment.reference in known)
        if row is not None and row.state == PaymentState.UNMATCHED and payment.reference not in known:
            waiting.append(row.pk)
    if waiting:
        seek_loans(portfolio=portfolio, payments=waiting, by=by, at=at, stream=Stream.run(run))


def _post_new(
    payments: Sequence[tuple[CleanPayment, Loan]], portfolio: Portfolio, run: UUID, by: Actor, at: datetime
) -> None:
    """New payments whose loan is named: the usual case, by sets."""
    rows = [
        Payment(
            portfolio=portfolio,
            loan=loan,
            reference=payment.reference,
            amount=payment.amount,
            value_date=payment.value_date,
            state=PaymentState.POSTED,
            loan_hint=payment.loan_external_id or "",
            payer_index=payer_index(payment),
            source="import",
            received_at=at,
        )
        for payment, loan in payments
    ]
    Payment.objects.bulk_create(rows, batch_size=2000)
    record_many(
        "payment.received",
        stream=Stream.run(run),
        by=by,
        at=at,
        rows=(
            {
                "borrower": loan.borrower_id,
                "payment": row.pk,
                "currency": portfolio.currency,
                "amount": money.decimal_text(row.amount, portfolio.currency),
                "value_date": row.value_date,
                "source": row.source,
            }
            for row, (_payment, loan) in zip(rows, payments, strict=True)
        ),
        count=len(rows),
    )
    post(
        [
            Posting(
                loan_id=loan.pk,
                kind=EntryKind.REPAYMENT,
                reference=row.reference,
                value_date=row.value_date,
                amount=row.amount,
            )
            for row, (_payment, loan) in zip(rows, payments, strict=True)
        ],
        by=by,
        at=at,
        stream=Stream.run(run),
    )


def _one(
    payment: CleanPayment, portfolio: Portfolio, by: Actor, at: datetime, outcome: Outcome, known: bool
) -> Payment | None:
    """A reversal, a payment that came before, or one whose loan is not known: its row, None for the others."""
    try:
        # A refused row must not take its chunk with it.
        with transaction.atomic():
            if payment.kind == "reversal":
                _reverse(payment, portfolio, by, at, outcome)
                return None
            row = receive(
                portfolio=portfolio,
                reference=payment.reference,
                amount=payment.amount,
                value_date=payment.value_date,
                by=by,
                at=at,
                loan_hint=payment.loan_external_id or "",
                payer_index=payer_index(payment),
                source="import",
                seek=False,
            )
    except PaymentRefused as refused:
        reused = refused.code == "reference_reused"
        code, params = (
            (Code.BOOKED_OTHERWISE, {}) if reused else (Code.PAYMENT_REFUSED, {"reason": refused.code})
        )
        outcome.refuse(Refused(payment.rows, (Refusal(payment.rows[0], None, code, params),), ()))
        return None
    if known:
        outcome.unchanged += 1
    else:
        outcome.created += 1
        if row.state == PaymentState.UNMATCHED:
            outcome.changes["unmatched"] += 1
    if row.loan:
        outcome.touched.add(row.loan.pk)
    return row


def _reverse(payment: CleanPayment, portfolio: Portfolio, by: Actor, at: datetime, outcome: Outcome) -> None:
    row = Payment.objects.filter(portfolio=portfolio, reference=payment.reverses).first()
    if row is None or row.loan is None:
        raise PaymentRefused("reverses_nothing", "")
    if row.loan.entries.filter(kind__in=TAKES_BACK, reference=row.reference).exists():
        outcome.unchanged += 1
        return
    reverse_payment(payment=row, reason="chargeback", by=by, at=at)
    outcome.updated += 1
    outcome.changes["reversed"] += 1
    outcome.touched.add(row.loan.pk)


def payer_index(payment: CleanPayment) -> bytes | None:
    """The blind index by which the payer may be found: customer id, else phone, else e-mail."""
    if payment.borrower_external_id:
        return customer_index(payment.borrower_external_id)
    if payment.payer_phone:
        return blind_index("phone", payment.payer_phone)
    if payment.payer_email:
        return blind_index("email", payment.payer_email)
    return None
