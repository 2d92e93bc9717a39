"""What a day's run counts, and its steps, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

COUNTS: dict[str, str | Promise] = {
    "loans": _("Loans with something owed"),
    "overdue": _("Overdue loans"),
    "newly_overdue": _("Newly overdue"),
    "opened": _("Cases opened"),
    "reopened": _("Cases opened again, a payment was taken back"),
    "cured": _("Cases closed, back on track"),
    "promises_kept": _("Promises kept"),
    "promises_part_kept": _("Promises kept in part"),
    "promises_broken": _("Promises not kept"),
    "plans_completed": _("Plans paid"),
    "plans_missed": _("Instalments of plans missed"),
    "plans_broken": _("Plans broken"),
    "notices": _("First notices planned"),
    "first_calls": _("First calls planned"),
    "addresses": _("Addresses to be found"),
    "follow_ups": _("Forgotten cases taken up again"),
    "hold_reviews": _("Holds to be looked at again"),
    "holds_ended": _("Holds that ended by date"),
    "returned": _("Cases back from agencies"),
    "charged": _("Loans charged for being late"),
    "taken_back": _("Loans with such charges taken back"),
    "reminders": _("Reminders and nudges planned"),
    "settled": _("Settlements carried out"),
    "lapsed": _("Offers that lapsed"),
}
STEPS: dict[str, str | Promise] = {
    "charged": _("Charges for being late"),
    "standing": _("Days past due and balances"),
    "report": _("Overdue report"),
    "lock": _("Cases taken in order"),
    "returned": pgettext_lazy("a step of the daily run", "Cases back from agencies"),
    "settled": pgettext_lazy("a step of the daily run", "Settlements carried out"),
    "cured": _("Paid-up cases closed"),
    "agreements": _("Promises and plans decided"),
    "lapsed": pgettext_lazy("a step of the daily run", "Offers that lapsed"),
    "opened": pgettext_lazy("a step of the daily run", "Cases opened"),
    "notices": pgettext_lazy("a step of the daily run", "First notices planned"),
    "reminders": pgettext_lazy("a step of the daily run", "Reminders and nudges planned"),
    "requeued": pgettext_lazy("a step of the daily run", "Forgotten cases taken up again"),
    "reviews": _("Reviews of holds asked for"),
    "holds": _("Holds past their last day ended"),
}


def count_label(name: str) -> str:
    return str(COUNTS.get(name, name))


def step_label(name: str) -> str:
    return str(STEPS.get(name, name))
