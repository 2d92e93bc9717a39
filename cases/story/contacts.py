"""Words with a borrower: calls, messages, and what they allowed or wished about them."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.models import ContactKind, Place
from cases.dispositions import DISPOSITIONS
from cases.story.line import Data, Line, Maker, Told, label
from cases.words import day, moment
from compliance.models import Channel, Weekday

TEXTS: dict[str, Promise] = {
    "first_notice": gettext_lazy("First notice"),
    "reminder": gettext_lazy("Reminder"),
    "agency_reminder": gettext_lazy("Reminder by the agency"),
    "promise_reminder": gettext_lazy("Reminder of the promise"),
    "debit_notice": gettext_lazy("Announcement of a debit"),
    "bureau_notice": gettext_lazy("Notice before a report to a bureau"),
    "plan_nudge": gettext_lazy("A word about a missed instalment"),
    "extension_agreed": gettext_lazy("Confirmation of the later day"),
    "waiver_agreed": gettext_lazy("Confirmation of the waiver"),
    "settlement_agreed": gettext_lazy("Confirmation of the settlement"),
    "settlement_completed": gettext_lazy("Confirmation that all is settled"),
    "offer_lapsed": gettext_lazy("Word that an offer is over"),
    "settlement_lapsed": gettext_lazy("Word that a settlement is over"),
}


def _contact_decided(data: Data, _told: Told) -> Line | None:
    if data["outcome"] in ("permitted", "permitted_with_flag") or data.get("override"):
        return None  # the attempt says it
    return Line(
        "ban", _("%(channel)s: not possible then") % {"channel": label(Channel, data["channel"])}, "stop"
    )


def _contact_attempted(data: Data, told: Told) -> Line | None:
    if data["attempt"] in told.outcomes or (data["channel"] != Channel.CALL and data["direction"] == "out"):
        return None  # the outcome says it, or the message
    if data["direction"] == "in":
        channel = label(Channel, data["channel"])
        return Line("phone-incoming", _("The borrower came to us: %(channel)s") % {"channel": channel})
    return Line("phone-outgoing", _("Call begun"))


def _contact_outcome(data: Data, told: Told) -> Line | None:
    chosen = DISPOSITIONS.get(data["disposition"])
    if chosen is None:
        return None  # what came of a message stands with the message
    inbound = told.attempts.get(data["attempt"], {}).get("direction") == "in"
    text = _("The borrower called: %(outcome)s") if inbound else _("Call: %(outcome)s")
    icon = "phone-incoming" if inbound else "phone-call" if chosen.answered else "phone-off"
    return Line(icon, text % {"outcome": chosen.label}, "done" if chosen.spoke else "")


def _contact_reported(data: Data, told: Told) -> Line:
    words = {"channel": label(Channel, data["channel"])}
    if "happened_at" not in data:
        return Line("phone-outgoing", _("%(channel)s, reported by others") % words)
    words["when"] = moment(data["happened_at"], told.zone)
    return Line("phone-outgoing", _("%(channel)s on %(when)s, reported by others") % words)


def _message(text: str, icon: str, tone: str = "") -> Maker:
    def make(data: Data, told: Told) -> Line:
        channel, key = told.messages.get(data["message"], ("", ""))
        words = {
            "text": TEXTS.get(key, _("Message")),
            "channel": label(Channel, channel),
            "when": moment(data["not_before"], told.zone) if "not_before" in data else "",
        }
        return Line(icon, _(text) % words, tone)

    return make


def _consent_recorded(data: Data, _told: Told) -> Line:
    match data["kind"]:
        case "call_back":
            return Line("phone-incoming", _("Asked to be called on %(day)s") % {"day": day(data["from_on"])})
        case "contact_time":
            return Line("clock", _("Agreed to contact at other hours: %(hours)s") % {"hours": data["hours"]})
        case "daily_dials":
            return Line("phone", _("Agreed to up to %(most)s calls a day") % {"most": data["most"]})
    return Line("mail-opened", _("Agreed to electronic messages"))


def _consent_revoked(_data: Data, _told: Told) -> Line:
    return Line("x", _("Took an agreement back"))


def _designation_recorded(data: Data, _told: Told) -> Line:
    if data["kind"] == "inconvenient_place":
        return Line("hand-stop", _("Not to be reached %(place)s") % {"place": label(Place, data["place"])})
    parts = [*(label(Weekday, each) for each in data["days"]), *filter(None, [data["hours"]])]
    return Line("hand-stop", _("Not to be reached: %(when)s") % {"when": " ".join(parts)})


def _designation_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("A time or place suits again"))


def _media_requested(data: Data, _told: Told) -> Line:
    words = {"channel": label(Channel, data["channel"])}
    if data["wish"] == "again":
        return Line("circle-check", _("Wants contact by %(channel)s again") % words)
    return Line("hand-stop", _("Wants no more contact by %(channel)s") % words)


def _finding_opened(_data: Data, _told: Told) -> Line:
    return Line("flag", _("A contact that others made was not lawful"), "attention")


def _contact_point_added(data: Data, _told: Told) -> Line:
    return Line("plus", _("New way of contact: %(kind)s") % {"kind": label(ContactKind, data["kind"])})


def _contact_point_retired(_data: Data, _told: Told) -> Line:
    return Line("phone-off", _("A number or address went out of use"))


def _contact_point_placed(data: Data, _told: Told) -> Line:
    return Line("phone", _("A number or address is %(place)s") % {"place": label(Place, data["place"])})


SENTENCES: dict[str, tuple[str, Maker]] = {
    "contact.decided": ("law", _contact_decided),
    "contact.attempted": ("contacts", _contact_attempted),
    "contact.outcome": ("contacts", _contact_outcome),
    "contact.reported": ("contacts", _contact_reported),
    "message.planned": (
        "contacts",
        _message(gettext_noop("%(text)s planned for %(when)s: %(channel)s"), "mail-fast"),
    ),
    "message.deferred": (
        "contacts",
        _message(gettext_noop("%(text)s waits until %(when)s: %(channel)s"), "hourglass"),
    ),
    "message.accepted": ("contacts", _message(gettext_noop("%(text)s sent: %(channel)s"), "mail", "done")),
    "message.failed": (
        "contacts",
        _message(gettext_noop("%(text)s not delivered: %(channel)s"), "alert-triangle", "attention"),
    ),
    "message.uncertain": (
        "contacts",
        _message(
            gettext_noop("%(text)s: nobody knows whether it arrived (%(channel)s)"),
            "help-circle",
            "attention",
        ),
    ),
    "message.cancelled": ("contacts", _message(gettext_noop("%(text)s not sent any more: %(channel)s"), "x")),
    "consent.recorded": ("contacts", _consent_recorded),
    "consent.revoked": ("contacts", _consent_revoked),
    "designation.recorded": ("contacts", _designation_recorded),
    "designation.withdrawn": ("contacts", _designation_withdrawn),
    "media.requested": ("contacts", _media_requested),
    "finding.opened": ("law", _finding_opened),
    "contact_point.added": ("contacts", _contact_point_added),
    "contact_point.retired": ("contacts", _contact_point_retired),
    "contact_point.placed": ("contacts", _contact_point_placed),
}
