"""What a borrower's household can bear, written down as told: sealed, dated, with its source. The newest counts."""

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.seal import SealBroken, seal_of
from cases.actions.agreements import AgreementRefused
from cases.actions.transition import lock
from cases.affordability import Household
from cases.models import Affordability, Case
from compliance.audit import Actor, Stream, record


@transaction.atomic
def record_affordability(
    *, case: Case, household: Household, taken_on: date, source: str, by: Actor, at: datetime
) -> Affordability:
    """Add the figures of a month, as told on `taken_on`. Raises `AgreementRefused` (closed, taken_on)."""
    case = lock(case.pk)
    if not case.is_open:
        raise AgreementRefused("closed", _("This case is closed; nothing is agreed on it any more."))
    if taken_on > case.portfolio.business_date(at):
        raise AgreementRefused("taken_on", _("This day is still to come."))
    form_id = uuid7()
    figures = {
        "income": household.income,
        "essentials": household.essentials,
        "other_debts": household.other_debts,
        "dependants": household.dependants,
    }
    form = Affordability.objects.create(
        id=form_id, case=case, taken_on=taken_on, source=source, actor=by.ref, recorded_at=at,
        figures_sealed=seal_of(case.borrower).seal_json(_field(form_id), figures),
    )  # fmt: skip
    record(
        "affordability.recorded", stream=Stream.case(case.pk), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, affordability=form.pk, source=source, taken_on=taken_on,
    )  # fmt: skip
    return form


def household_of(case: Case) -> tuple[Affordability, Household] | None:
    """The newest figures of a case, opened for the form that needs them; None where there are none, or where the borrower
    has been erased."""
    form = Affordability.objects.filter(case=case).order_by("-recorded_at", "-pk").first()
    if form is None:
        return None
    try:
        figures = seal_of(case.borrower).open_json(_field(form.pk), form.figures_sealed)
    except SealBroken:
        return None
    return form, Household(**figures)


def _field(form_id: Any) -> str:
    return f"affordability:{form_id}"
