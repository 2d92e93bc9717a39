"""A settlement is carried out when its amount has come in, by the ledger and never by hand: the rest is forgiven and the
case is settled."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.expressions import RawSQL

from accounts.actions.ledger import Posting, lock_loans, post
from accounts.models import EntryKind, Portfolio
from accounts.money import decimal_text
from accounts.standing import standing_of
from cases.actions.letters import plan_letter
from cases.actions.transition import lock, move
from cases.models import Case, CaseState, Offer, OfferKind, OfferState
from cases.slices import EVERYBODY, Slice
from compliance.audit import Actor, Stream, record


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
    the cases settled."""
    agreed = Offer.objects.filter(kind=OfferKind.SETTLEMENT, state=OfferState.AGREED)
    if loan_ids is not None:
        agreed = agreed.filter(case__loan__in=list(loan_ids))
    if portfolio is not None:
        agreed = agreed.filter(
            case__portfolio=portfolio, case__borrower__gt=part.after, case__borrower__lte=part.upto
        )
    offers = list(agreed.order_by("case"))
    if offers and loan_ids is not None:
        # All cases that whoever calls will want, in their order, before the first that is moved.
        list(
            Case.objects.open().select_for_update(no_key=True).filter(loan__in=list(loan_ids)).order_by("pk")
        )
    return [offer.case_id for offer in offers if complete(offer=offer, by=by, at=at)]


@transaction.atomic
def complete(*, offer: Offer, by: Actor, at: datetime) -> bool:
    """Carry out one settlement if it is paid; False where it is not, or is over."""
    case = lock(offer.case_id)
    lock_loans([case.loan_id])
    today = case.portfolio.business_date(at)
    offer = (
        Offer.objects.select_for_update(of=("self",))
        .annotate(paid=RawSQL("settlement_paid(cases_offer, %s)", [today]))
        .get(pk=offer.pk)
    )
    if not case.is_open or offer.state != OfferState.AGREED or offer.paid < offer.amount:
        return False
    rest = max(standing_of([case.loan_id], on=today)[case.loan_id].outstanding, 0)
    offer.state, offer.ended_at = OfferState.DONE, at
    offer.save(update_fields=["state", "ended_at"])
    if rest:
        forgiven = Posting(
            loan_id=case.loan_id, kind=EntryKind.WAIVER, reference=f"settlement:{offer.pk}", value_date=today,
            amount=rest,
        )  # fmt: skip
        post([forgiven], by=by, at=at)
    currency = case.portfolio.currency
    record(
        "offer.completed", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind, currency=currency, paid=decimal_text(offer.paid, currency),
        forgiven=decimal_text(rest, currency),
    )  # fmt: skip
    move(case=case, to=CaseState.SETTLED, by=by, at=at, reason="settlement_paid")
    plan_letter(
        case=case, text="settlement_completed", about=offer.pk, details={"agreed_amount": offer.amount},
        by=by, at=at,
    )  # fmt: skip
    return True
