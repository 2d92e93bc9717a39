"""What may be offered to a borrower: a later day, something forgiven, a part for the whole. Within the limits of whoever
offers it, else a second person decides. Amounts are minor units of the portfolio's currency.

A settlement is carried out by the ledger (`settling.py`); what nobody takes up lapses (`offer_ends.py`).
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.actions.ledger import FORGIVES, MONEY, TAKES_BACK, Posting, lock_loans, post
from accounts.ageing import age
from accounts.models import (
    Authority,
    EntryKind,
    Extension,
    Instalment,
    LedgerEntry,
    Role,
    Terms,
    User,
)
from accounts.money import decimal_text
from accounts.standing import Standing, standing_of
from cases.actions.agreements import AgreementRefused, authority_of
from cases.actions.approvals import ask_approval, beyond, beyond_everybody
from cases.actions.letters import plan_letter
from cases.actions.payments import after_payments
from cases.actions.transition import lock
from cases.models import Approval, Case, Offer, OfferKind, OfferState
from cases.words import amount as amount_words
from cases.words import day as day_words
from compliance.audit import Actor, Stream, record

PARTS = ("fees", "interest", "principal")
WAIVED = {
    "fees": Authority.WAIVE_FEES,
    "interest": Authority.WAIVE_INTEREST,
    "principal": Authority.WAIVE_PRINCIPAL,
}
COVERING = (*MONEY, *TAKES_BACK, *FORGIVES)


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """What is offered, by its kind; the rest stays as it is."""

    kind: str
    days: int = 0
    fees: int = 0
    interest: int = 0
    principal: int = 0
    amount: int = 0
    pay_by: date | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"pay_by": self.pay_by.isoformat() if self.pay_by else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "OfferTerms":
        known = {name: data[name] for name in cls.__dataclass_fields__}
        return cls(**known | {"pay_by": date.fromisoformat(data["pay_by"]) if data["pay_by"] else None})


@transaction.atomic
def propose_offer(
    *, case: Case, terms: OfferTerms, agreed: bool, note: str, user: User, at: datetime
) -> Offer | Approval:
    """Offer it, or ask a second person where it goes beyond the user's own authority. With `agreed` the borrower has said
    yes already. Raises `AgreementRefused` and, where somebody is asked, `ApprovalRefused`."""
    by = Actor.staff(user)
    case, today, standing = _locked(case, at)
    _check(case, terms, today, standing)
    wanted = _wanted(case, terms, standing)
    portfolio_terms = case.portfolio.terms_on(today)
    if exceeds := beyond(portfolio_terms, user.role, wanted):
        _check_somebody_may(portfolio_terms, wanted, two_supervisors=user.role == Role.SUPERVISOR)
        return ask_approval(
            case=case, kind=terms.kind, proposal=terms.as_json() | {"agreed": agreed}, exceeds=exceeds, note=note,
            requester=user, at=at,
        )  # fmt: skip
    return make_offer(case=case, terms=terms, agreed=agreed, by=by, at=at)


@transaction.atomic
def make_offer(
    *, case: Case, terms: OfferTerms, agreed: bool, by: Actor, at: datetime, approved: bool = False
) -> Offer:
    """Offer it within the actor's authority, or `approved` by a second person. An open offer of the kind gives way to it;
    the same one made today stays as it is. Raises `AgreementRefused`."""
    case, today, standing = _locked(case, at)
    _check(case, terms, today, standing)
    portfolio_terms = case.portfolio.terms_on(today)
    wanted = _wanted(case, terms, standing)
    if approved:
        # What is owed may have moved since it was asked.
        _check_somebody_may(portfolio_terms, wanted, two_supervisors=True)
    elif beyond(portfolio_terms, authority_of(by), wanted):
        raise AgreementRefused(
            "authority", _("This goes beyond your authority; a second person can be asked.")
        )
    live = Offer.objects.live().filter(case=case, kind=terms.kind).first()
    if live is not None:
        if _is_same(live, terms, today, by):
            return accept_offer(offer=live, by=by, at=at) if agreed else live
        if live.state == OfferState.AGREED:
            raise AgreementRefused("agreed", _("A settlement is agreed already and waits for its payment."))
        _end(live, OfferState.WITHDRAWN, case, by, at, reason="replaced")
    valid_until = today + timedelta(days=portfolio_terms.offer_valid_days)
    offer = Offer.objects.create(
        case=case, owed=standing.outstanding, offered_at=at, offered_on=today, actor=by.ref,
        valid_until=min(valid_until, terms.pay_by or valid_until), **asdict(terms),
    )  # fmt: skip
    record(
        "offer.made", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind, valid_until=offer.valid_until, **_facts(offer, case.portfolio.currency),
    )  # fmt: skip
    return accept_offer(offer=offer, by=by, at=at) if agreed else offer


@transaction.atomic
def accept_offer(*, offer: Offer, by: Actor, at: datetime) -> Offer:
    """The borrower says yes. A later day and a waiver hold at once, a settlement waits for its money; a letter confirms it.
    Raises `AgreementRefused` (over, and what no longer fits what is owed)."""
    case, today, standing = _locked(offer.case, at)
    offer = Offer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    if offer.state == OfferState.AGREED:
        return offer
    if offer.state != OfferState.OFFERED or today > offer.valid_until:
        raise AgreementRefused("over", _("This offer is over; another can be made."))
    _check(case, _terms_of(offer), today, standing, again=True)
    offer.answered_at = at
    if offer.kind == OfferKind.SETTLEMENT:
        offer.state = OfferState.AGREED
    else:
        offer.state, offer.ended_at = OfferState.DONE, at
    offer.save(update_fields=["state", "answered_at", "ended_at"])
    record(
        "offer.accepted", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind,
    )  # fmt: skip
    details: dict[str, int | date] = {}
    if offer.kind == OfferKind.EXTENSION:
        due_from = _oldest_by_contract(case, today)
        Extension.objects.create(
            loan_id=case.loan_id, agreed_on=today, due_from=due_from, days=offer.days, agreed_at=at,
            reference=f"offer:{offer.pk}",
        )  # fmt: skip
        record(
            "loan.extended", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
            loan=case.loan_id, days=offer.days, due_from=due_from,
        )  # fmt: skip
        details = {"agreed_by": (standing.oldest_due_on or due_from) + timedelta(days=offer.days)}
    elif offer.kind == OfferKind.WAIVER:
        waiver = Posting(
            loan_id=case.loan_id, kind=EntryKind.WAIVER, reference=f"waiver:{offer.pk}", value_date=today,
            amounts={part: getattr(offer, part) for part in PARTS if getattr(offer, part)},
        )  # fmt: skip
        post([waiver], by=by, at=at)
        details = {"agreed_amount": offer.fees + offer.interest + offer.principal}
    elif offer.pay_by:
        details = {"agreed_amount": offer.amount, "agreed_by": offer.pay_by}
    after_payments(loan_ids=[case.loan_id], at=at)
    offer.refresh_from_db()
    if offer.kind != OfferKind.SETTLEMENT or offer.state == OfferState.AGREED:
        # After what it changes: a case that closes by it takes back what was planned before.
        plan_letter(case=case, text=f"{offer.kind}_agreed", about=offer.pk, details=details, by=by, at=at)
    return offer


@transaction.atomic
def decline_offer(*, offer: Offer, by: Actor, at: datetime) -> Offer:
    """The borrower says no. Raises `AgreementRefused` where it is over or agreed."""
    case = lock(offer.case_id)
    offer = Offer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    if offer.state != OfferState.OFFERED:
        raise AgreementRefused("over", _("This offer is over; another can be made."))
    _end(offer, OfferState.DECLINED, case, by, at)
    return offer


def offer_wanted(approval: Approval) -> dict[str, int]:
    """How much of which authority a proposed offer takes. Principal takes two supervisors: where one of them asks, the other
    answers for it."""
    case = Case.objects.select_related("portfolio").get(pk=approval.case_id)
    today = case.portfolio.business_date(approval.requested_at)
    standing = standing_of([case.loan_id], on=today)[case.loan_id]
    wanted = _wanted(case, OfferTerms.from_json(approval.proposal), standing)
    if approval.requested_by.role == Role.SUPERVISOR:
        wanted.pop(Authority.WAIVE_PRINCIPAL, None)
    return wanted


def make_approved_offer(approval: Approval, by: Actor, at: datetime) -> Offer:
    """The offer a second person has just approved."""
    return make_offer(
        case=approval.case, terms=OfferTerms.from_json(approval.proposal), agreed=approval.proposal["agreed"],
        by=by, at=at, approved=True,
    )  # fmt: skip


def _locked(case: Case, at: datetime) -> tuple[Case, date, Standing]:
    """The case and its loan locked, the business date, and how the loan stands."""
    case = lock(case.pk)
    if not case.is_open:
        raise AgreementRefused("closed", _("This case is closed; nothing is agreed on it any more."))
    lock_loans([case.loan_id])
    today = case.portfolio.business_date(at)
    standing = standing_of([case.loan_id], on=today)[case.loan_id]
    if standing.outstanding <= 0:
        raise AgreementRefused("nothing_owed", _("Nothing is owed on this loan."))
    return case, today, standing


def _wanted(case: Case, terms: OfferTerms, standing: Standing) -> dict[str, int]:
    """Of a waiver all that was waived on the loan counts, not this one alone; a percent is counted up."""
    if terms.kind == OfferKind.EXTENSION:
        return {Authority.EXTENSION_DAYS: terms.days}
    if terms.kind == OfferKind.SETTLEMENT:
        forgiven = standing.outstanding - terms.amount
        return {Authority.SETTLEMENT_PERCENT: -(-forgiven * 100 // max(standing.outstanding, 1))}
    before = Offer.objects.filter(case__loan=case.loan_id, kind=OfferKind.WAIVER, state=OfferState.DONE)
    waived = before.aggregate(**{f"{part}_before": Sum(part, default=0) for part in PARTS})
    return {
        WAIVED[part]: getattr(terms, part) + waived[f"{part}_before"]
        for part in PARTS
        if getattr(terms, part)
    }


def _check_somebody_may(portfolio_terms: Terms, wanted: dict[str, int], two_supervisors: bool) -> None:
    """Nobody is asked for what nobody may approve."""
    if two_supervisors:
        wanted = {what: much for what, much in wanted.items() if what != Authority.WAIVE_PRINCIPAL}
    if beyond_everybody(portfolio_terms, wanted):
        raise AgreementRefused("beyond_everybody", _("This is more than anybody here may approve."))


def _check(case: Case, terms: OfferTerms, today: date, standing: Standing, again: bool = False) -> None:
    if terms.kind == OfferKind.EXTENSION:
        _check_extension(case, terms, today, standing)
    elif terms.kind == OfferKind.WAIVER:
        _check_waiver(case, terms, standing)
    elif terms.kind == OfferKind.SETTLEMENT:
        _check_settlement(case, terms, today, standing, again)
    else:
        raise ValueError(f"{terms.kind!r} is not offered.")


def _check_extension(case: Case, terms: OfferTerms, today: date, standing: Standing) -> None:
    most = case.portfolio.terms_on(today).extension_most_times
    if terms.days < 1:
        raise AgreementRefused("days", _("A later day is at least one day later."))
    if Extension.objects.filter(loan=case.loan_id).count() >= most:
        raise AgreementRefused(
            "times", _("This loan has been given a later day as often as it may."), most=most
        )
    if not standing.arrears:
        raise AgreementRefused("nothing_late", _("Nothing is late on this loan."))


def _check_waiver(case: Case, terms: OfferTerms, standing: Standing) -> None:
    asked = {part: getattr(terms, part) for part in PARTS}
    if min(asked.values()) < 0 or not any(asked.values()):
        raise AgreementRefused("amount", _("A waiver is of something."))
    for part, much in asked.items():
        if much > getattr(standing, part):
            owed = amount_words(getattr(standing, part), case.portfolio.currency)
            sentence = _("Only what is owed can be forgiven: %(owed)s of it.") % {"owed": owed}
            raise AgreementRefused(part, sentence, most=getattr(standing, part))
    if terms.principal and (terms.fees < standing.fees or terms.interest < standing.interest):
        raise AgreementRefused(
            "principal_last", _("Principal is forgiven last, after all fees and interest are.")
        )


def _check_settlement(case: Case, terms: OfferTerms, today: date, standing: Standing, again: bool) -> None:
    """When the borrower says yes to it, only that less than all is still asked for."""
    if not 0 < terms.amount < standing.outstanding:
        most = amount_words(standing.outstanding, case.portfolio.currency)
        raise AgreementRefused(
            "amount", _("A settlement is for less than all that is owed, %(most)s.") % {"most": most},
            most=standing.outstanding,
        )  # fmt: skip
    if again:
        return
    portfolio_terms = case.portfolio.terms_on(today)
    if standing.days_past_due < portfolio_terms.settlement_after_days:
        least = portfolio_terms.settlement_after_days
        sentence = _("A settlement is offered from day %(least)s past due on.") % {"least": least}
        raise AgreementRefused("too_early", sentence, least=least)
    latest = today + timedelta(days=portfolio_terms.settlement_within_days)
    if terms.pay_by is None or not today <= terms.pay_by <= latest:
        words = {"earliest": day_words(today), "latest": day_words(latest)}
        sentence = _("The day is between %(earliest)s and %(latest)s.") % words
        raise AgreementRefused("pay_by", sentence, earliest=today, latest=latest)


def _oldest_by_contract(case: Case, today: date) -> date:
    """The day the contract made the oldest uncovered amount due, whatever was extended since."""
    dues = list(Instalment.objects.filter(loan=case.loan_id).values_list("due_on", "amount"))
    booked = LedgerEntry.objects.filter(loan=case.loan_id, value_date__lte=today)
    charged = booked.filter(kind__in=[EntryKind.FEE, EntryKind.INTEREST])
    dues += charged.values_list("value_date", "amount")
    covered = -booked.filter(kind__in=COVERING).aggregate(all=Sum("amount", default=0))["all"]
    oldest = age(dues, covered, today).oldest_due_on
    if oldest is None:
        raise AgreementRefused("nothing_late", _("Nothing is late on this loan."))
    return oldest


def _terms_of(offer: Offer) -> OfferTerms:
    return OfferTerms(**{name: getattr(offer, name) for name in OfferTerms.__dataclass_fields__})


def _is_same(offer: Offer, terms: OfferTerms, today: date, by: Actor) -> bool:
    return (offer.offered_on, offer.actor, _terms_of(offer)) == (today, by.ref, terms)


def _facts(offer: Offer, currency: str) -> dict[str, Any]:
    """What an offer says, for its event."""
    if offer.kind == OfferKind.EXTENSION:
        return {"days": offer.days}
    names = PARTS if offer.kind == OfferKind.WAIVER else ("amount", "owed")
    facts: dict[str, Any] = {name: decimal_text(getattr(offer, name), currency) for name in names}
    return facts | {"currency": currency} | ({"pay_by": offer.pay_by} if offer.pay_by else {})


def _end(offer: Offer, state: str, case: Case, by: Actor, at: datetime, **more: str) -> None:
    offer.state, offer.ended_at = state, at
    if state == OfferState.DECLINED:
        offer.answered_at = at
    offer.save(update_fields=["state", "answered_at", "ended_at"])
    record(
        f"offer.{state}", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        offer=offer.pk, kind=offer.kind, **more,
    )  # fmt: skip
