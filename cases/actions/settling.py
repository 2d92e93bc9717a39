"""A settlement is carried out when its amount has come in, by the ledger and never by hand: the rest is forgiven and the
case is settled. It is undone in the same way where that money was taken back, and carried out although it had lapsed where
the money turns out to have come in time."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts.actions.ledger import Posting, lock_loans, post
from accounts.models import EntryKind, LedgerEntry, Portfolio
from accounts.money import decimal_text
from accounts.standing import standing_of
from cases.actions.letters import plan_letter
from cases.actions.transition import lock, move
from cases.models import Case, CaseState, Offer, OfferKind, OfferState
from cases.slices import EVERYBODY, Slice
from compliance.audit import Actor, Stream, record

# What waits for its money, and what lapsed while it waited.
UNDER_WAY = Q(kind=OfferKind.SETTLEMENT) & (
    Q(state=OfferState.AGREED) | Q(state=OfferState.LAPSED, answered_at__isnull=False)
)


@transaction.atomic
def complete_settlements(
    *,
    by: Actor,
    at: datetime,
    loan_ids: Collection[UUID] | None = None,
    portfolio: Portfolio | None = None,
    part: Slice = EVERYBODY,
) -> list[UUID]:
    """Carry out the agreed settlements of these loans, or of a portfolio or a slice of its borrowers, that are paid; returns
    the cases settled. Of loans, also those that lapsed before their money was known."""
    agreed = Offer.objects.filter(kind=OfferKind.SETTLEMENT, state=OfferState.AGREED)
    if loan_ids is not None:
        agreed = Offer.objects.filter(UNDER_WAY, case__loan__in=list(loan_ids), case__closed_at=None)
    if portfolio is not None:
        agreed = agreed.filter(
            case__portfolio=portfolio, case__borrower__gt=part.after, case__borrower__lte=part.upto
        )
    offers = list(agreed.order_by("case", "offered_at"))
    if offers and loan_ids is not None:
        _lock_cases(Case.objects.open().filter(loan__in=list(loan_ids)).values_list("pk", flat=True))
    return [offer.case_id for offer in offers if complete(offer=offer, by=by, at=at)]


@transaction.atomic
def complete(*, offer: Offer, by: Actor, at: datetime) -> bool:
    """Carry out one settlement if it is paid; False where it is not, or is over."""
    found = _locked(offer, at)
    case, offer = found.case, found.offer
    under_way = Offer.objects.filter(UNDER_WAY, pk=offer.pk)
    if not case.is_open or found.paid < offer.amount or not under_way.exists():
        return False
    offer.state, offer.ended_at = OfferState.DONE, at
    offer.save(update_fields=["state", "ended_at"])
    rest = _forgive_rest(found, by, at)
    currency = case.portfolio.currency
    record(
        "offer.completed", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind, currency=currency, paid=decimal_text(found.paid, currency),
        forgiven=decimal_text(rest, currency),
    )  # fmt: skip
    move(case=case, to=CaseState.SETTLED, by=by, at=at, reason="settlement_paid")
    plan_letter(
        case=case, text="settlement_completed", about=offer.pk, details={"agreed_amount": offer.amount},
        by=by, at=at,
    )  # fmt: skip
    return True


@transaction.atomic
def undo_settlements(*, loan_ids: Collection[UUID], by: Actor, at: datetime) -> list[UUID]:
    """Look again at the settlements of these loans that were carried out, after money was taken back: returns the cases of
    those that are not paid any more. A case that is taken up again for it is moved by whoever calls."""
    done = Offer.objects.filter(
        kind=OfferKind.SETTLEMENT, state=OfferState.DONE, case__loan__in=list(loan_ids),
        case__state=CaseState.SETTLED,
    )  # fmt: skip
    offers = list(done.order_by("case", "offered_at"))
    _lock_cases([offer.case_id for offer in offers])
    return [offer.case_id for offer in offers if _undo(offer, by, at)]


def _undo(offer: Offer, by: Actor, at: datetime) -> bool:
    """What is still paid by other money stays carried out, and all that is owed forgiven."""
    found = _locked(offer, at)
    case, offer = found.case, found.offer
    if found.paid >= offer.amount:
        _forgive_rest(found, by, at)
        return False
    owed = -sum(entry.amount for entry in _take_back_forgiven(found, by, at))
    offer.state, offer.ended_at = OfferState.AGREED, None
    if found.today > found.last_day:
        offer.state, offer.ended_at = OfferState.LAPSED, at
    offer.save(update_fields=["state", "ended_at"])
    currency = case.portfolio.currency
    record(
        "offer.undone", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind, currency=currency, paid=decimal_text(found.paid, currency),
        owed=decimal_text(owed, currency),
    )  # fmt: skip
    return True


class _Found(NamedTuple):
    """A settlement with what has come towards it by the business date, minor units, and the last day on which it may."""

    case: Case
    offer: Offer
    today: date
    paid: int
    last_day: date


def _locked(offer: Offer, at: datetime) -> _Found:
    """The case, its loan and the offer are locked."""
    case = lock(offer.case_id)
    lock_loans([case.loan_id])
    today = case.portfolio.business_date(at)
    locked = Offer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    counted = Offer.objects.filter(pk=offer.pk).annotate(
        paid=RawSQL("settlement_paid(cases_offer, %s)", [today]),
        last_day=RawSQL("settlement_last_day(cases_offer)", []),
    )
    paid, last_day = counted.values_list("paid", "last_day").get()
    return _Found(case, locked, today, paid, last_day)


def _lock_cases(case_ids: Iterable[UUID]) -> None:
    """All that whoever calls will want, in their order, before the first that is moved."""
    list(Case.objects.select_for_update(no_key=True).filter(pk__in=case_ids).order_by("pk"))


def _forgive_rest(found: _Found, by: Actor, at: datetime) -> int:
    """All that is still owed, in minor units; each time under another reference, for it may have been taken back before."""
    case, reference = found.case, f"settlement:{found.offer.pk}"
    rest = standing_of([case.loan_id], on=found.today)[case.loan_id].outstanding
    if rest <= 0:
        return 0
    before = _forgiven(found).count()
    forgiven = Posting(
        loan_id=case.loan_id, kind=EntryKind.WAIVER, reference=f"{reference}:{before + 1}" if before else reference,
        value_date=found.today, amount=rest,
    )  # fmt: skip
    post([forgiven], by=by, at=at)
    return rest


def _take_back_forgiven(found: _Found, by: Actor, at: datetime) -> list[LedgerEntry]:
    """The waivers of a settlement that stood, and now are taken back."""
    loan = found.case.loan
    taken_back = loan.entries.filter(kind=EntryKind.WAIVER_BACK).values("reference")
    standing = list(_forgiven(found).exclude(reference__in=taken_back).order_by("number"))
    postings = [
        Posting(loan_id=loan.pk, kind=EntryKind.WAIVER_BACK, reference=entry.reference) for entry in standing
    ]
    if postings:
        post(postings, by=by, at=at)
    return standing


def _forgiven(found: _Found) -> QuerySet[LedgerEntry]:
    reference = f"settlement:{found.offer.pk}"
    return found.case.loan.entries.filter(kind=EntryKind.WAIVER, reference__startswith=reference)
