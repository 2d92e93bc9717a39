"""The form in which an agent writes down what the borrower asks or agrees to. It reads and says what does not fit."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import ContactPoint
from cases.actions.wishes import AGREEMENTS, What, Wish
from cases.forms import DayField, note_field
from compliance.models import Channel, Weekday

LABELS = {
    What.NOT_TIME: _("Not at these times"),
    What.NOT_HOME: _("Not at home"),
    What.NOT_WORK: _("Not at work"),
    What.STOP: _("No more by this channel"),
    What.AGAIN: _("By this channel again"),
    What.HOURS: _("Agrees to other hours"),
    What.DIALS: _("Agrees to more calls a day"),
    What.ELECTRONIC: _("Agrees to electronic messages"),
}
NEEDS = {
    What.NOT_TIME: "days hours words until",
    What.NOT_HOME: "point words until",
    What.NOT_WORK: "point words until",
    What.STOP: "channel point",
    What.AGAIN: "channel point evidence",
    What.HOURS: "days hours only until evidence",
    What.DIALS: "most until evidence",
    What.ELECTRONIC: "channel until evidence",
}
"""Which further fields belong to what was said."""

CHANNELS = (
    Channel.CALL,
    Channel.SMS,
    Channel.EMAIL,
    Channel.APP,
    Channel.LETTER,
    Channel.WECHAT,
    Channel.WHATSAPP,
)
MESSAGES = frozenset({Channel.SMS, Channel.EMAIL, Channel.APP, Channel.WECHAT, Channel.WHATSAPP})


def _hour(label: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        input_formats=["%H:%M"],
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("By the borrower's clock."),
    )


class WishForm(forms.Form):
    what = forms.ChoiceField(
        label=_("What did the borrower say?"), choices=[(what.value, label) for what, label in LABELS.items()]
    )
    days = forms.MultipleChoiceField(
        label=pgettext_lazy("of the week", "Days"),
        required=False,
        choices=Weekday.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: every day."),
    )
    from_time = _hour(pgettext_lazy("an hour", "From"))
    to_time = _hour(pgettext_lazy("an hour", "To"))
    only_convenient = forms.BooleanField(label=_("No other hours suit"), required=False)
    channel = forms.ChoiceField(
        label=_("Channel"), required=False, choices=[(each.value, each.label) for each in CHANNELS]
    )
    contact_point = forms.ChoiceField(
        label=_("Number or address"), required=False, help_text=_("Of a place: the one that is there.")
    )
    most = forms.IntegerField(label=_("Calls a day"), required=False, min_value=1, max_value=50)
    until = DayField(
        label=_("To, that day included"),
        required=False,
        help_text=_("Leave it empty where nobody knows yet."),
    )
    evidence = forms.CharField(
        label=_("Where it can be heard or read"),
        required=False,
        max_length=80,
        help_text=_("A reference, such as the call's: letters, figures and : . _ -"),
    )
    words = note_field(label=_("In the borrower's own words"))

    def __init__(self, points: Sequence[ContactPoint], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.points = {str(point.pk): point for point in points}
        choices = [
            ("", _("all of them, or none in particular")),
            *((pk, point.mask) for pk, point in self.points.items()),
        ]
        self.fields["contact_point"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("what") == What.ELECTRONIC and data.get("channel") not in MESSAGES:
            self.add_error("channel", _("Please choose a channel of electronic messages."))
        if data.get("what") in AGREEMENTS and not data.get("evidence"):
            self.add_error("evidence", _("Without this an agreement counts for nothing."))
        if bool(data.get("from_time")) != bool(data.get("to_time")):
            self.add_error("to_time", _("Please give both hours, or none."))
        return data

    def wish(self) -> Wish:
        """What was typed; fields that do not belong to what was said are left out."""
        data = self.cleaned_data
        what = What(data["what"])
        needed = NEEDS[what].split()
        hours = (data["from_time"], data["to_time"]) if data["from_time"] and "hours" in needed else None
        return Wish(
            what=what,
            words=data["words"] if "words" in needed else "",
            days=data["days"] if "days" in needed else (),
            hours=hours,
            only_convenient=data["only_convenient"] and "only" in needed,
            until=data["until"] if "until" in needed else None,
            channel=data["channel"] if "channel" in needed else "",
            contact_point=self.points.get(data["contact_point"]) if "point" in needed else None,
            most=data["most"] if "most" in needed else None,
            evidence=data["evidence"] if "evidence" in needed else "",
        )
