"""Forms of the compliance officer's pages: they read what was typed and say what does not fit."""

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Portfolio
from compliance.actions.complaints import MOST_WORDS
from compliance.actions.packs import MOST
from compliance.audit_search import Search, find_actor
from compliance.audit_words import GROUPS, WORDS
from compliance.models import ComplaintState, PackVersion

WHOLE_GROUP = "group:"


def _day_field(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, input_formats=["%Y-%m-%d"], widget=widget)


class AuditSearchForm(forms.Form):
    """Who · did what · to which case or borrower · when."""

    who = forms.CharField(
        label=gettext_lazy("Who"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    what = forms.ChoiceField(label=gettext_lazy("Did what"), required=False)
    subject = forms.CharField(
        label=gettext_lazy("Case or borrower"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    since = _day_field(gettext_lazy("From (UTC)"))
    until = _day_field(gettext_lazy("To (UTC)"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = [  # type: ignore[attr-defined]
            ("", _("anything")),
            *(
                (
                    label,
                    [
                        (WHOLE_GROUP + group, _("all of: %(group)s") % {"group": label}),
                        *((name, words.name) for name, words in WORDS.items() if words.group == group),
                    ],
                )
                for group, label in GROUPS.items()
            ),
        ]

    def clean_subject(self) -> UUID | None:
        text = self.cleaned_data["subject"].strip()
        if not text:
            return None
        try:
            return UUID(text)
        except ValueError:
            raise forms.ValidationError(
                _("This is not an id. It stands in the address of the case, after /cases/.")
            ) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return cleaned

    def search(self) -> Search:
        """What was asked, of a form that is valid."""
        what = self.cleaned_data["what"]
        group = what.removeprefix(WHOLE_GROUP) if what.startswith(WHOLE_GROUP) else ""
        return Search(
            actor=find_actor(self.cleaned_data["who"]),
            group=group,
            event_type="" if group else what,
            subject=self.cleaned_data["subject"],
            since=self.cleaned_data["since"],
            until=self.cleaned_data["until"],
        )


class SetAsideForm(forms.Form):
    """A draft rule that shall not bind a portfolio for a while."""

    rule = forms.ChoiceField(label=gettext_lazy("Draft rule"))
    portfolio = forms.ModelChoiceField(Portfolio.objects.none(), label=gettext_lazy("Portfolio"))
    ends_on = forms.DateField(
        label=gettext_lazy("Last day"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why it does not fit"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("About the rule and the portfolio; nothing about a person."),
    )

    def __init__(self, rules: list[str], portfolios: QuerySet[Portfolio], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "aside_%s"
        self.fields["rule"].choices = [(rule, rule) for rule in rules]  # type: ignore[attr-defined]
        self.fields["portfolio"].queryset = portfolios  # type: ignore[attr-defined]


class WhatIfForm(forms.Form):
    """A stored text or a file, and how far back."""

    version = forms.ModelChoiceField(
        PackVersion.objects.defer("text"), label=gettext_lazy("A stored text"), required=False
    )
    file = forms.FileField(label=gettext_lazy("or a file (YAML)"), required=False)
    days = forms.IntegerField(
        label=gettext_lazy("Contacts of the last days"), min_value=1, max_value=366, initial=30
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["text"] = self._text(cleaned.get("file"))
        if not self.errors and bool(cleaned["text"]) == bool(cleaned.get("version")):
            raise forms.ValidationError(_("Please choose a stored text or a file, one of the two."))
        return cleaned

    def _text(self, file: Any) -> str:
        if not file:
            return ""
        if file.size > 4 * MOST:
            self.add_error("file", _("This file is too long for a rule pack."))
            return ""
        try:
            return file.read().decode("utf-8")
        except UnicodeDecodeError:
            self.add_error("file", _("This file is not text in UTF-8."))
            return ""


class ComplaintDecisionForm(forms.Form):
    outcome = forms.ChoiceField(
        label=gettext_lazy("What we found"),
        choices=[choice for choice in ComplaintState.choices if choice[0] != ComplaintState.OPEN],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=gettext_lazy("Our answer to the borrower"),
        help_text=gettext_lazy("As it is told to the borrower. It is sealed like what the borrower said."),
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, *args: Any, complaint_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page keeps what is typed until it is saved.
        self.fields["answer"].widget.attrs["data-draft"] = f"complaint:{complaint_id}"
