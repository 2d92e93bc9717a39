"""Forms of the desk: they read what was typed and say what does not fit; they decide nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts import money
from accounts.models import Authority, ContactKind, ContactPoint, Portfolio, Role, Terms
from accounts.schedules import Every
from cases.actions.ending import ENDINGS
from cases.affordability import PAYDAYS
from cases.dispositions import DISPOSITIONS
from cases.models import AffordabilitySource
from cases.reasons import ArrearsReason
from compliance.models import Channel, ComplaintCategory, HoldKind

NOTE_LENGTH = 4000
EVERY = {
    "week": Every(days=7),
    "two_weeks": Every(days=14),
    "month": Every(months=1),
    "paydays": Every(months=1),
}


class AmountField(forms.CharField):
    """An amount as people type it, in major units; cleans to minor units of `currency`."""

    def __init__(self, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**kwargs)

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            minor = money.parse(text, self.currency)
        except ValueError:
            raise forms.ValidationError(_("Please write an amount such as 1,234.50.")) from None
        if minor <= 0:
            raise forms.ValidationError(_("Please write an amount above zero."))
        return minor


class AmountOrNothingField(AmountField):
    """The same, where zero is an answer."""

    def clean(self, value: Any) -> int | None:
        if value and not str(value).strip().strip("0.,"):
            return 0
        return super().clean(value)


class DayField(forms.DateField):
    """A day as browsers send it; one of another age is a slip of the pen."""

    FIRST_YEAR, LAST_YEAR = 2000, 2099

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)

    def clean(self, value: Any) -> date | None:
        day = super().clean(value)
        if day and not self.FIRST_YEAR <= day.year <= self.LAST_YEAR:
            raise forms.ValidationError(_("Please check the year."))
        return day


def note_field(**kwargs: Any) -> forms.CharField:
    kwargs.setdefault("label", gettext_lazy("Note"))
    return forms.CharField(
        max_length=NOTE_LENGTH, widget=forms.Textarea(attrs={"rows": 3}), **{"required": False} | kwargs
    )


class NoteForm(forms.Form):
    note = note_field(required=True)


class CallForm(forms.Form):
    """How a call went; what an outcome needs besides comes with it. `call` says which: the one we placed, or none where the
    borrower called."""

    call = forms.IntegerField(required=False, widget=forms.HiddenInput)
    disposition = forms.ChoiceField(
        choices=[(code, row.label) for code, row in DISPOSITIONS.items()],
        error_messages={"required": gettext_lazy("Please choose how the call went.")},
    )
    call_back_at = forms.DateTimeField(
        label=gettext_lazy("Call back at"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("In the borrower's own time."),
    )
    due_on = DayField(label=pgettext_lazy("the last day", "By"), required=False)
    category = forms.ChoiceField(
        label=gettext_lazy("What is it about?"),
        required=False,
        choices=[("", "–"), *ComplaintCategory.choices],
    )
    words = note_field(label=gettext_lazy("In the borrower's own words"))
    reason = forms.ChoiceField(
        label=gettext_lazy("Why is it late?"),
        required=False,
        choices=[("", gettext_lazy("not asked")), *ArrearsReason.choices],
    )
    note = note_field()

    def __init__(self, portfolio: Portfolio, zone: ZoneInfo, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.fields["amount"] = AmountField(
            portfolio.currency,
            required=False,
            label=_("Amount in %(currency)s") % {"currency": portfolio.currency},
        )

    def clean_call_back_at(self) -> datetime | None:
        moment = self.cleaned_data["call_back_at"]
        # The field is typed in the borrower's zone; Django read it in the site's.
        return moment.replace(tzinfo=self.zone) if moment else None


class PromiseForm(forms.Form):
    """One promise, or a series: the others are pairs `amount_2`, `due_on_2` and so on, each whole or empty."""

    due_on = DayField(label=pgettext_lazy("the last day", "By"))
    note = note_field()

    def __init__(self, portfolio: Portfolio, at_once: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = _("Amount in %(currency)s") % {"currency": portfolio.currency}
        self.fields["amount"] = AmountField(portfolio.currency, label=label)
        self.others = range(2, at_once + 1)
        for number in self.others:
            self.fields[f"amount_{number}"] = AmountField(portfolio.currency, label=label, required=False)
            self.fields[f"due_on_{number}"] = DayField(
                label=pgettext_lazy("the last day", "By"), required=False
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for number in self.others:
            if bool(data.get(f"amount_{number}")) != bool(data.get(f"due_on_{number}")):
                self.add_error(f"amount_{number}", _("Please give both an amount and a day."))
        return data

    @property
    def parts(self) -> list[tuple[date, int]]:
        """What was promised, day and minor units."""
        data = self.cleaned_data
        pairs = [(data["due_on"], data["amount"])]
        pairs += [(data[f"due_on_{number}"], data[f"amount_{number}"]) for number in self.others]
        return [(due_on, amount) for due_on, amount in pairs if due_on and amount]

    @property
    def is_series(self) -> bool:
        return any(field.value() or field.errors for pair in self.more for field in pair)

    @property
    def more(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The fields of the promises after the first."""
        return [(self[f"amount_{number}"], self[f"due_on_{number}"]) for number in self.others]


class PlanForm(forms.Form):
    """The total is everything outstanding; it is shown, not typed."""

    total = forms.CharField(label=gettext_lazy("Together"), required=False, disabled=True)
    count = forms.IntegerField(label=gettext_lazy("Parts"), min_value=2)
    first_on = DayField(label=gettext_lazy("First on"))
    every = forms.ChoiceField(
        label=gettext_lazy("Then every"),
        choices=[
            ("week", gettext_lazy("week")),
            ("two_weeks", gettext_lazy("two weeks")),
            ("month", gettext_lazy("month")),
            ("paydays", gettext_lazy("payday: the 15th and the last day")),
        ],
    )
    rise = forms.TypedChoiceField(
        label=gettext_lazy("Growing by"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", gettext_lazy("equal parts")), ("10", "10 %"), ("25", "25 %"), ("50", "50 %")],
    )
    note = note_field()

    def __init__(self, portfolio: Portfolio, terms: Terms, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["count"].widget.attrs["max"] = terms.limit(Role.SUPERVISOR, Authority.PLAN_INSTALMENTS)
        for name, label in (("down", _("Paid down today")), ("waives", _("Interest given up"))):
            self.fields[name] = AmountField(portfolio.currency, label=label, required=False)

    @property
    def terms(self) -> dict[str, Any]:
        """The plan asked for, as the actions name its parts."""
        data = self.cleaned_data
        return {
            "count": data["count"],
            "first_due_on": data["first_on"],
            "every": EVERY[data["every"]],
            "paydays": PAYDAYS if data["every"] == "paydays" else (),
            "rise": data["rise"] or 0,
            "down": data["down"] or 0,
            "waives_interest": data["waives"] or 0,
        }


class AffordabilityForm(forms.Form):
    """A month of the borrower's household."""

    dependants = forms.IntegerField(
        label=gettext_lazy("People who live on it"), min_value=0, max_value=30, initial=0
    )
    taken_on = DayField(label=gettext_lazy("Told on"))
    source = forms.ChoiceField(label=gettext_lazy("How we know"), choices=AffordabilitySource.choices)

    def __init__(self, portfolio: Portfolio, on: date, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        for name, label in (
            ("income", _("Income a month")),
            ("essentials", _("Essential expenses a month")),
            ("other_debts", _("Other debts a month")),
        ):
            self.fields[name] = AmountOrNothingField(portfolio.currency, label=label)

    def clean_taken_on(self) -> date:
        taken_on = self.cleaned_data["taken_on"]
        if taken_on > self.on:
            raise forms.ValidationError(_("This day is still to come."))
        return taken_on


class RollForm(forms.Form):
    """Which portfolio, and the two business dates; the later one is after the earlier."""

    portfolio = forms.ModelChoiceField(Portfolio.objects.none(), label=gettext_lazy("Portfolio"))
    since = DayField(label=pgettext_lazy("a period", "From"))
    until = DayField(label=pgettext_lazy("a period", "To"))

    def __init__(self, portfolios: QuerySet[Portfolio], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["portfolio"].queryset = portfolios  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("Please give a day after the first one."))
        return cleaned


class PaymentForm(forms.Form):
    paid_on = DayField(label=gettext_lazy("Paid on"))
    method = forms.ChoiceField(
        label=gettext_lazy("How"),
        choices=[
            ("wallet", gettext_lazy("Wallet")),
            ("bank", gettext_lazy("Bank transfer")),
            ("cash", gettext_lazy("Cash at a counter")),
        ],
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=100,
        help_text=gettext_lazy("The provider's own; the same one is never booked twice."),
    )
    note = note_field()

    def __init__(self, portfolio: Portfolio, on: date, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on
        self.fields["amount"] = AmountField(
            portfolio.currency, label=_("Amount in %(currency)s") % {"currency": portfolio.currency}
        )

    def clean_paid_on(self) -> date:
        paid_on = self.cleaned_data["paid_on"]
        if paid_on > self.on:
            raise forms.ValidationError(_("This day is still to come."))
        return paid_on


class ComplaintForm(forms.Form):
    category = forms.ChoiceField(label=gettext_lazy("What is it about?"), choices=ComplaintCategory.choices)
    channel = forms.ChoiceField(label=gettext_lazy("How it reached us"), choices=Channel.choices)
    words = note_field(label=gettext_lazy("In the borrower's own words"), required=True)


class HoldForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Why"), widget=forms.RadioSelect)
    since = DayField(label=gettext_lazy("From"))
    until = DayField(
        label=gettext_lazy("To, that day included"),
        required=False,
        help_text=gettext_lazy("Leave it empty where nobody knows yet."),
    )
    why = note_field(label=gettext_lazy("What was said or seen"), required=True)

    # What an agent may see happening; the others are opened by what brings them (a complaint, an outcome, the law).
    OFFERED = (
        HoldKind.HARDSHIP,
        HoldKind.DISPUTE,
        HoldKind.SAYS_PAID,
        HoldKind.ILL_OR_BEREAVED,
        HoldKind.CEASE,
        HoldKind.ATTORNEY,
        HoldKind.BANKRUPTCY,
        HoldKind.IDENTITY_THEFT,
        HoldKind.DISASTER,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind.value, kind.label) for kind in self.OFFERED]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and until < since:
            self.add_error("until", _("The last day is before the first."))
        return data


class OverrideForm(forms.Form):
    """Why a call that is presumed to be a violation is needed: reasons of the rule's own, and the story behind them."""

    contact_point = forms.UUIDField(widget=forms.HiddenInput)
    reasons = forms.MultipleChoiceField(
        label=gettext_lazy("Which of the rule's own reasons"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Please choose a reason that the rule itself allows.")},
    )
    note = note_field(label=gettext_lazy("Why this call is needed, in your own words"), required=True)

    def __init__(self, reasons: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reasons"].choices = reasons  # type: ignore[attr-defined]


class EndForm(forms.Form):
    ending = forms.ChoiceField(
        label=gettext_lazy("How it ends"),
        widget=forms.RadioSelect,
        choices=[(key, ending.label) for key, ending in ENDINGS.items()],
    )
    note = note_field(required=True, label=gettext_lazy("Why, for whoever reads this later"))


class PassForm(forms.Form):
    to = forms.ChoiceField(label=gettext_lazy("To"))
    note = note_field(required=True, label=gettext_lazy("What they should know"))

    def __init__(self, colleagues: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", gettext_lazy("back to the team")), *colleagues]  # type: ignore[attr-defined]
        self.fields["to"].required = False


class WriteForm(forms.Form):
    """One of the borrower's own e-mail addresses, masked; the text is the one that this person may send."""

    contact_point = forms.ChoiceField(
        label=gettext_lazy("To which address"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Please choose an address.")},
    )

    def __init__(self, points: Sequence[ContactPoint], text: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(point.pk), point.mask) for point in points if point.kind == ContactKind.EMAIL]
        self.fields["contact_point"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["contact_point"].initial = choices[0][0]
        self.text = text
