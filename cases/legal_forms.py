"""Forms of a case at law: they read what was typed and say what does not fit; they decide nothing."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Document, Portfolio
from cases.actions.legal import Lawyer
from cases.forms import AmountField, DayField, note_field
from cases.models import LegalStepKind, PeriodGround
from cases.words import day


class LegalForm(forms.Form):
    """Why nothing milder is left."""

    note = note_field(label=gettext_lazy("Why nothing milder is left"), required=True)


class AskLegalForm(forms.Form):
    note = note_field(label=gettext_lazy("Your question"), required=True)


class AnswerForm(forms.Form):
    answer = note_field(label=gettext_lazy("Your answer"), required=True)


class LimitationForm(forms.Form):
    runs_from = DayField(label=gettext_lazy("The period runs from"))
    ground = forms.ChoiceField(label=gettext_lazy("Because then"), choices=PeriodGround.choices)
    years = forms.IntegerField(label=gettext_lazy("Years"), min_value=1, max_value=30)
    source = forms.CharField(
        label=gettext_lazy("By which law"),
        max_length=200,
        help_text=gettext_lazy("Act and section, as a court would cite it."),
    )
    words = note_field(label=gettext_lazy("How this is known"), required=True)


def paper_label(document: Document) -> str:
    """Letter, 3 Mar 2026."""
    words = {"kind": document.get_kind_display(), "day": day(document.added_at.date())}
    return _("%(kind)s, %(day)s") % words


class StepForm(forms.Form):
    kind = forms.ChoiceField()
    taken_on = DayField(label=gettext_lazy("Taken on"))
    next_on = DayField(
        label=gettext_lazy("Answer or hearing on"),
        required=False,
        help_text=gettext_lazy("After a letter the borrower has two weeks at least."),
    )
    document: forms.ModelChoiceField = forms.ModelChoiceField(
        label=gettext_lazy("Document"), queryset=None, required=False, empty_label=gettext_lazy("none"),
        help_text=gettext_lazy("A letter, a claim, a judgment or an enforcement names its document, taken in before."),
    )  # fmt: skip
    reference = forms.CharField(
        label=gettext_lazy("Where the document is filed"), max_length=400, required=False
    )
    lawyer = forms.CharField(label=gettext_lazy("Lawyer"), max_length=120, required=False)
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=60, required=False)
    firm = forms.CharField(label=gettext_lazy("Law firm"), max_length=160, required=False)
    reviewed_on = DayField(label=gettext_lazy("Case reviewed on"), required=False)
    signed_on = DayField(label=gettext_lazy("Signed on"), required=False)
    note = note_field()

    LAWYER = ("lawyer", "licence", "firm", "reviewed_on", "signed_on")

    def __init__(
        self,
        portfolio: Portfolio,
        kinds: Sequence[str],
        papers: QuerySet[Document],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        document = self.fields["document"]
        document.queryset = papers  # type: ignore[attr-defined]
        document.label_from_instance = paper_label  # type: ignore[attr-defined]
        choices = [(kind, LegalStepKind(kind).label) for kind in kinds]
        self.fields["kind"] = forms.ChoiceField(label=_("Step"), choices=choices)
        self.fields["cost"] = AmountField(
            portfolio.currency,
            required=False,
            label=_("Cost in %(currency)s") % {"currency": portfolio.currency},
        )
        if LegalStepKind.LAWYER_LETTER not in kinds:
            for name in self.LAWYER:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """A lawyer's letter has all of its lawyer, another step nothing."""
        data = super().clean() or {}
        if data.get("kind") == LegalStepKind.LAWYER_LETTER:
            for name in self.LAWYER:
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, _("A lawyer's letter names this, as it was issued."))
        return data

    def signed_by(self) -> Lawyer | None:
        """Who signed, where somebody did."""
        data = self.cleaned_data
        if data["kind"] != LegalStepKind.LAWYER_LETTER:
            return None
        return Lawyer(
            name=data["lawyer"],
            licence=data["licence"],
            firm=data["firm"],
            reviewed_on=data["reviewed_on"],
            signed_on=data["signed_on"],
        )
