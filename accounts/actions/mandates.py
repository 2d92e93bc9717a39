"""Debit mandates: given with a proof and a scope, ended at once."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.ledger import lock_loans
from accounts.models import DebitSource, Loan, Mandate, MandateEnd
from accounts.money import decimal_text
from compliance.audit import Actor, Stream, record


class MandateRefused(Exception):
    """`code`: `proof` (used before), `terms` (amounts or dates that make no sense), `token` (not a provider's token or a
    reference); the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the borrower allowed, minor units and dates; `floor` is the balance left untouched, where one was agreed."""

    most_per_debit: int
    most_per_month: int
    from_on: date
    to_on: date | None = None
    floor: int | None = None


@dataclass(frozen=True)
class Limits:
    """What the rules say: days from an announcement to its debit, and failures in a row that end a mandate."""

    notice_days: int
    failures_end: int


@transaction.atomic
def give_mandate(
    *,
    loan: Loan,
    source: str,
    instrument: str,
    proof: str,
    scope: Scope,
    limits: Limits,
    by: Actor,
    at: datetime,
    case: UUID | None = None,
) -> Mandate:
    """Record what the borrower agreed to; a living mandate of the loan gives way to it. The same proof with the same
    terms is the same mandate. Raises `MandateRefused`, and `PermissionDenied` for who may not."""
    if not by.may("accounts.give_mandate"):
        raise PermissionDenied
    # Mandates come after cases and before payments and loans in the order of locks.
    list(Mandate.objects.select_for_update(no_key=True).filter(loan=loan, ended_at=None))
    lock_loans([loan.pk])
    loan = Loan.objects.select_related("portfolio").get(pk=loan.pk)
    instrument, proof = instrument.strip(), proof.strip()
    mandate = Mandate(
        borrower_id=loan.borrower_id, loan=loan, source=DebitSource(source), instrument=instrument, proof=proof,
        most_per_debit=scope.most_per_debit, most_per_month=scope.most_per_month, floor=scope.floor,
        from_on=scope.from_on, to_on=scope.to_on, notice_days=limits.notice_days, failures_end=limits.failures_end,
        given_at=at, given_by=by.ref,
    )  # fmt: skip
    before = Mandate.objects.filter(loan=loan, proof=proof).first()
    if before is not None:
        if before.ended_at is None and _terms(before) == _terms(mandate):
            return before
        raise MandateRefused("proof", _("This proof was used before. A new mandate has a proof of its own."))
    try:
        others = {each.name for each in Mandate._meta.fields} - {"instrument", "proof"}
        mandate.clean_fields(exclude=others)
    except ValidationError:
        raise MandateRefused(
            "token",
            _(
                "Please give the provider's token and the reference of the proof, never a number of an account."
            ),
        ) from None
    today = loan.portfolio.business_date(at)
    if not (
        0 < scope.most_per_debit <= scope.most_per_month
        and (scope.floor is None or scope.floor >= 0)
        and (scope.to_on is None or scope.to_on >= max(scope.from_on, today))
    ):
        raise MandateRefused("terms", _("Please check the amounts and the days of the mandate."))
    for living in Mandate.objects.filter(loan=loan, ended_at=None):
        _end(living, MandateEnd.REPLACED, by=by, at=at, case=case)
    mandate.save(force_insert=True)
    currency = loan.portfolio.currency
    record(
        "mandate.given", stream=Stream.borrower(loan.borrower_id), by=by, at=at, case=case, borrower=loan.borrower_id,
        mandate=mandate.pk, loan=loan.pk, source=source, proof=proof, currency=currency,
        most_per_debit=decimal_text(scope.most_per_debit, currency),
        most_per_month=decimal_text(scope.most_per_month, currency),
        floor=None if scope.floor is None else decimal_text(scope.floor, currency),
        from_on=scope.from_on, to_on=scope.to_on,
    )  # fmt: skip
    return mandate


@transaction.atomic
def end_mandate(
    *, mandate: Mandate, reason: str, by: Actor, at: datetime, case: UUID | None = None
) -> Mandate:
    """From now on nothing is drawn under it, whatever was decided before. Ended already: nothing changes. While a debit
    is on the wire this waits for the provider's answer, a minute at most. Raises `PermissionDenied`."""
    if not by.may("accounts.end_mandate"):
        raise PermissionDenied
    locked = Mandate.objects.select_for_update(no_key=True).get(pk=mandate.pk)
    if locked.ended_at is not None:
        return locked
    return _end(locked, MandateEnd(reason), by=by, at=at, case=case)


def _end(mandate: Mandate, reason: MandateEnd, *, by: Actor, at: datetime, case: UUID | None) -> Mandate:
    mandate.ended_at, mandate.ended_by, mandate.end_reason = at, by.ref, reason
    mandate.save(update_fields=["ended_at", "ended_by", "end_reason"])
    tell_ended(mandate, by=by, at=at, case=case)
    return mandate


def tell_ended(mandate: Mandate, *, by: Actor, at: datetime, case: UUID | None) -> None:
    """The event, also where the database itself has ended it."""
    record(
        "mandate.ended", stream=Stream.borrower(mandate.borrower_id), by=by, at=at, case=case,
        borrower=mandate.borrower_id, mandate=mandate.pk, loan=mandate.loan_id, reason=str(mandate.end_reason),
    )  # fmt: skip


def _terms(mandate: Mandate) -> tuple[object, ...]:
    return (
        str(mandate.source), mandate.instrument, mandate.most_per_debit, mandate.most_per_month, mandate.floor,
        mandate.from_on, mandate.to_on,
    )  # fmt: skip
