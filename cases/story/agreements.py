"""What was agreed with a borrower, and what became of it."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from cases.models import OfferKind
from cases.story.line import Data, Line, Maker, Told, label
from cases.words import amount_of, day


def _promise_recorded(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["due_on"])}
    return Line("calendar-dollar", _("Promised %(amount)s by %(day)s") % words)


def _promise_kept(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("Promise kept"), "done")


def _promise_part_kept(data: Data, _told: Told) -> Line:
    paid = amount_of(data["paid"], data["currency"])
    return Line("calendar-dollar", _("Promise kept in part: %(paid)s came") % {"paid": paid}, "attention")


def _promise_broken(_data: Data, _told: Told) -> Line:
    return Line("calendar-dollar", _("Promise not kept"), "attention")


def _promise_cancelled(data: Data, _told: Told) -> Line:
    text = (
        _("Promise replaced by a new one") if data["reason"] == "replaced" else _("Promise no longer needed")
    )
    return Line("calendar-dollar", text)


def _promise_reopened(_data: Data, _told: Told) -> Line:
    return Line("calendar-dollar", _("Promise open again: a payment was taken back"), "attention")


def _affordability_recorded(data: Data, _told: Told) -> Line:
    return Line(
        "calendar-dollar",
        _("What is affordable was written down, as of %(day)s") % {"day": day(data["taken_on"])},
    )


def _plan_agreed(data: Data, _told: Told) -> Line:
    words = {
        "total": amount_of(data["total"], data["currency"]),
        "count": data["instalments"],
        "day": day(data["first_due_on"]),
    }
    return Line("calendar-event", _("Plan agreed: %(total)s in %(count)s parts from %(day)s") % words)


def _plan_completed(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("Plan paid"), "done")


def _plan_broken(data: Data, _told: Told) -> Line:
    text = _("Plan ended: instalments were missed, the first on %(day)s") % {
        "day": day(data["missed_due_on"])
    }
    return Line("calendar-event", text, "attention")


def _plan_reopened(_data: Data, _told: Told) -> Line:
    return Line("calendar-event", _("Plan runs again, by what was paid and stayed"), "attention")


def _plan_cancelled(data: Data, _told: Told) -> Line:
    text = _("Plan replaced by a new one") if data["reason"] == "replaced" else _("Plan no longer needed")
    return Line("calendar-event", text)


def _offer_made(data: Data, _told: Told) -> Line:
    if data["kind"] == OfferKind.EXTENSION:
        text = ngettext("Offered: %(days)s day later", "Offered: %(days)s days later", data["days"])
        return Line("calendar-time", text % {"days": data["days"]})
    if data["kind"] == OfferKind.WAIVER:
        labels = {"fees": _("fees"), "interest": _("interest"), "principal": _("principal")}
        parts = [
            f"{label} {amount_of(data[name], data['currency'])}"
            for name, label in labels.items()
            if data[name].strip("0.")
        ]
        words = {"parts": pgettext("between items of a list", ", ").join(parts)}
        return Line("heart-handshake", _("Offered to forgive: %(parts)s") % words)
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["pay_by"])}
    return Line("heart-handshake", _("Settlement offered: %(amount)s by %(day)s") % words)


def _offer_accepted(data: Data, _told: Told) -> Line:
    return Line(
        "circle-check", _("The borrower agreed: %(kind)s") % {"kind": label(OfferKind, data["kind"])}, "done"
    )


def _offer_completed(data: Data, _told: Told) -> Line:
    words = {name: amount_of(data[name], data["currency"]) for name in ("paid", "forgiven")}
    return Line("circle-check", _("Settlement paid: %(paid)s; %(forgiven)s forgiven") % words, "done")


def _offer_undone(data: Data, _told: Told) -> Line:
    words = {name: amount_of(data[name], data["currency"]) for name in ("paid", "owed")}
    text = _("Settlement undone: %(paid)s of it stayed paid, %(owed)s is owed again")
    return Line("alert-triangle", text % words, "attention")


def _offer_reopened(_data: Data, _told: Told) -> Line:
    return Line("heart-handshake", _("Settlement waits for its money again"), "attention")


def _offer_declined(data: Data, _told: Told) -> Line:
    return Line("x", _("The borrower declined: %(kind)s") % {"kind": label(OfferKind, data["kind"])})


def _offer_lapsed(data: Data, _told: Told) -> Line:
    if data["agreed"]:
        words = {"paid": amount_of(data["paid"], data["currency"])}
        return Line("calendar-event", _("Settlement lapsed, %(paid)s of it paid") % words, "attention")
    return Line(
        "calendar-event", _("Offer lapsed: %(kind)s") % {"kind": label(OfferKind, data["kind"])}, "attention"
    )


def _offer_withdrawn(data: Data, _told: Told) -> Line:
    return Line("x", _("Offer no longer needed: %(kind)s") % {"kind": label(OfferKind, data["kind"])})


SENTENCES: dict[str, tuple[str, Maker]] = {
    "promise.recorded": ("money", _promise_recorded),
    "promise.kept": ("money", _promise_kept),
    "promise.part_kept": ("money", _promise_part_kept),
    "promise.broken": ("money", _promise_broken),
    "promise.cancelled": ("money", _promise_cancelled),
    "promise.reopened": ("money", _promise_reopened),
    "affordability.recorded": ("money", _affordability_recorded),
    "offer.made": ("money", _offer_made),
    "offer.accepted": ("money", _offer_accepted),
    "offer.completed": ("money", _offer_completed),
    "offer.undone": ("money", _offer_undone),
    "offer.reopened": ("money", _offer_reopened),
    "offer.declined": ("money", _offer_declined),
    "offer.lapsed": ("money", _offer_lapsed),
    "offer.withdrawn": ("money", _offer_withdrawn),
    "plan.agreed": ("money", _plan_agreed),
    "plan.completed": ("money", _plan_completed),
    "plan.broken": ("money", _plan_broken),
    "plan.reopened": ("money", _plan_reopened),
    "plan.cancelled": ("money", _plan_cancelled),
}
