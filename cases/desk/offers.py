"""What is offered and agreed beside promises and plans, in sentences, and the forms that offer it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from accounts.models import Portfolio, Terms
from accounts.standing import Standing
from cases.desk.facts import Facts
from cases.forms import AmountField, DayField, note_field
from cases.models import Offer, OfferKind, OfferState, PlanState, PromiseState, Reason
from cases.models.offer import LIVE
from cases.reasons import ArrearsReason, Past
from cases.words import amount, day

TONES: dict[str, str] = {OfferState.DONE: "done", OfferState.LAPSED: "attention"}
SHOWN = 20


@dataclass(frozen=True)
class OfferLine:
    """One offer in a sentence; `waits` while the borrower may still say yes or no. `promised` says, while it is open, what
    happens when they do, until when, and what becomes of it otherwise."""

    id: UUID
    text: str
    promised: list[str]
    status: str
    tone: str
    waits: bool


def offer_lines(offers: list[Offer], currency: str, on: date, grace_days: int) -> list[OfferLine]:
    return [
        OfferLine(
            offer.pk,
            offer_text(offer, currency),
            promised(offer, currency, grace_days) if offer.state in LIVE else [],
            _("offered until %(day)s") % {"day": day(offer.valid_until)}
            if offer.state == OfferState.OFFERED
            else str(offer.get_state_display()),
            TONES.get(offer.state, ""),
            offer.state == OfferState.OFFERED and on <= offer.valid_until,
        )
        for offer in offers
    ]


def promised(offer: Offer, currency: str, grace_days: int) -> list[str]:
    """What an open offer binds us to. `grace_days` are those of the terms on a promised day."""
    if offer.kind == OfferKind.SETTLEMENT:
        said = _settled_by(offer, currency, grace_days)
    elif offer.kind == OfferKind.WAIVER:
        said = [_("With the borrower's yes, at once: %(what)s.") % {"what": _forgiven(offer, currency)}]
    else:
        said = [_("With the borrower's yes, what is late and what follows is due that much later.")]
    if offer.state == OfferState.OFFERED:
        said.append(
            _("Without an answer by %(day)s it lapses, and nothing changes.")
            % {"day": day(offer.valid_until)}
        )
    return said


def _settled_by(offer: Offer, currency: str, grace_days: int) -> list[str]:
    last = (offer.pay_by or offer.valid_until) + timedelta(days=grace_days)
    rest = {"amount": amount(offer.amount, currency), "rest": amount(offer.owed - offer.amount, currency)}
    return [
        _("Once %(amount)s has come in, %(rest)s of what was owed is forgiven; until then nothing is.")
        % rest,
        _("If not all of it has come by %(day)s, it lapses: what was paid counts, and the rest stays owed.")
        % {"day": day(last)},
    ]


def _forgiven(offer: Offer, currency: str) -> str:
    """The components in words, those of nothing left out."""
    labels = {"fees": _("%(amount)s of fees"), "interest": _("%(amount)s of interest")}
    labels["principal"] = _("%(amount)s of principal")
    named = [
        text % {"amount": amount(much, currency)}
        for name, text in labels.items()
        if (much := getattr(offer, name))
    ]
    return pgettext("between items of a list", ", ").join(named)


def reason_lines(reasons: list[Reason]) -> list[str]:
    """What was told, newest first, each with its day."""
    return [
        _("%(day)s: %(reason)s") % {"day": day(each.told_on), "reason": ArrearsReason(each.code).label}
        for each in reasons[:SHOWN]
    ]


def past_of(facts: Facts, standing: Standing, terms: Terms) -> Past:
    """What a suggestion hangs on, from what is known of a case."""
    broken = any(promise.state == PromiseState.BROKEN for promise in facts.promises)
    unpaid = any(offer.state == OfferState.LAPSED and offer.answered_at for offer in facts.offers)
    return Past(
        days_past_due=standing.days_past_due,
        extensions_left=terms.extension_most_times - len(facts.extensions),
        settlement_from=terms.settlement_after_days,
        charged=bool(standing.fees or standing.interest),
        broken=broken or unpaid,
        plan_runs=any(plan.state == PlanState.ACTIVE for plan in facts.plans),
    )


def offer_text(offer: Offer, currency: str) -> str:
    if offer.kind == OfferKind.EXTENSION:
        return ngettext("%(days)s day later", "%(days)s days later", offer.days) % {"days": offer.days}
    if offer.kind == OfferKind.WAIVER:
        forgiven = offer.fees + offer.interest + offer.principal
        return _("%(amount)s forgiven") % {"amount": amount(forgiven, currency)}
    words = {"amount": amount(offer.amount, currency), "owed": amount(offer.owed, currency)}
    return _("%(amount)s instead of %(owed)s by %(day)s") % (words | {"day": day(offer.pay_by or "")})


def agreed_field() -> forms.BooleanField:
    return forms.BooleanField(label=gettext_lazy("The borrower has agreed to it"), required=False)


def why_field() -> forms.CharField:
    return note_field(label=gettext_lazy("Why this is right for the borrower; a second person may be asked"))


class ExtensionForm(forms.Form):
    days = forms.IntegerField(label=gettext_lazy("Days later"), min_value=1, max_value=366)
    agreed = agreed_field()
    note = why_field()


class WaiverForm(forms.Form):
    agreed = agreed_field()
    note = why_field()

    def __init__(self, portfolio: Portfolio, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "fees": gettext_lazy("Fees"),
            "interest": gettext_lazy("Interest"),
            "principal": gettext_lazy("Principal"),
        }
        for name, label in labels.items():
            self.fields[name] = AmountField(portfolio.currency, label=label, required=False)


class SettlementForm(forms.Form):
    pay_by = DayField(label=gettext_lazy("Paid by"))
    agreed = agreed_field()
    note = why_field()

    def __init__(self, portfolio: Portfolio, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(portfolio.currency, label=gettext_lazy("Amount that settles it"))


def offer_form(page: Any, name: str, data: Any = None) -> forms.Form:
    """The form of one kind for a case page, empty or from the address, or bound to `data`."""
    given = page.request.GET
    if name == "extension":
        return ExtensionForm(data, initial={"days": given.get("days", "7"), "agreed": True})
    portfolio = page.row.portfolio
    if name == "waiver":
        return WaiverForm(portfolio, data, initial={"agreed": True})
    within = min(14, page.terms.settlement_within_days)
    return SettlementForm(portfolio, data, initial={"pay_by": page.on + timedelta(days=within)})


def offer_context(page: Any, form: forms.Form) -> dict[str, Any]:
    """What the forms say above their fields."""
    role = page.request.user.role
    return {
        "limits": {
            "days": page.terms.limit(role, "extension_days"),
            "times": page.terms.extension_most_times,
            "percent": page.terms.limit(role, "settlement_percent"),
            "after_days": page.terms.settlement_after_days,
        },
        "owed": page.standing,
    }
