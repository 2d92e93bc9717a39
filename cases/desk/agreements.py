"""What was agreed on a case, in sentences, with what has been paid towards it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from cases.models import Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.words import amount, day

TONES: dict[str, str] = {
    PromiseState.KEPT: "done",
    PromiseState.BROKEN: "attention",
    PromiseState.PART_KEPT: "attention",
    PlanState.COMPLETED: "done",
    PlanState.BROKEN: "attention",
}


@dataclass(frozen=True)
class Line:
    due_on: date
    amount: int
    status: str
    tone: str


@dataclass(frozen=True)
class Agreement:
    text: str
    status: str
    tone: str
    instalments: list[Line] = field(default_factory=list)


def agreements(
    promises: Sequence[Promise],
    plans: Sequence[Plan],
    instalments: Sequence[PlanInstalment],
    paid: Mapping[UUID, int],
    currency: str,
    on: date,
) -> list[Agreement]:
    """Newest first. `instalments` are those of all the plans, in order; `paid` is what was paid towards each open promise
    and running plan, minor units."""
    lines = [(promise.made_at, _promise(promise, paid, currency)) for promise in promises]
    for plan in plans:
        parts = [part for part in instalments if part.plan_id == plan.pk]
        lines.append((plan.agreed_at, _plan(plan, parts, paid, currency, on)))
    return [line for _at, line in sorted(lines, key=lambda pair: pair[0], reverse=True)]


def _promise(promise: Promise, paid: Mapping[UUID, int], currency: str) -> Agreement:
    words = {"amount": amount(promise.amount, currency), "day": day(promise.due_on)}
    status = str(promise.get_state_display())
    if towards := paid.get(promise.pk):
        status = _("%(paid)s paid so far") % {"paid": amount(towards, currency)}
    return Agreement(_("%(amount)s promised by %(day)s") % words, status, TONES.get(promise.state, ""))


def _plan(
    plan: Plan, instalments: Sequence[PlanInstalment], paid: Mapping[UUID, int], currency: str, on: date
) -> Agreement:
    words = {"count": len(instalments), "amount": amount(plan.total, currency)}
    left = paid.get(plan.pk, plan.total if plan.state == PlanState.COMPLETED else 0)
    lines = []
    for each in instalments:
        covered = min(left, each.amount)
        left -= covered
        if covered == each.amount:
            lines.append(Line(each.due_on, each.amount, _("paid"), "done"))
        elif each.due_on < on and plan.state == PlanState.ACTIVE:
            lines.append(Line(each.due_on, each.amount, _("missed"), "attention"))
        else:
            lines.append(Line(each.due_on, each.amount, _("to come"), ""))
    text = _("%(amount)s in %(count)s parts") % words
    return Agreement(text, str(plan.get_state_display()), TONES.get(plan.state, ""), lines)
