"""What was agreed on a case, in sentences, with what has been paid towards it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cases.actions.deciding import Came
from cases.models import Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.words import amount, day

NOTHING = Came(0, 0)
TONES: dict[str, str] = {
    PromiseState.KEPT: "done",
    PromiseState.BROKEN: "attention",
    PromiseState.PART_KEPT: "attention",
    PlanState.COMPLETED: "done",
    PlanState.BROKEN: "attention",
}


@dataclass(frozen=True)
class Line:
    """An instalment; `paid` is what has come towards it."""

    due_on: date
    amount: int
    paid: int
    status: str
    tone: str


@dataclass(frozen=True)
class Agreement:
    """`plan` is what a page about it asks for; None where it is a promise."""

    text: str
    status: str
    tone: str
    instalments: list[Line] = field(default_factory=list)
    plan: UUID | None = None


def agreements(
    promises: Sequence[Promise],
    plans: Sequence[Plan],
    instalments: Sequence[PlanInstalment],
    came: Mapping[UUID, Came],
    currency: str,
    on: date,
) -> list[Agreement]:
    """Newest first. `instalments` are those of all the plans, in order; `came` is what came in towards each promise that was
    not cancelled, and each plan."""
    lines = [(promise.made_at, _promise(promise, came, currency)) for promise in promises]
    replaced = {plan.replaces_id: plan for plan in plans if plan.replaces_id}
    for plan in plans:
        parts = [part for part in instalments if part.plan_id == plan.pk]
        line = _plan(plan, parts, came.get(plan.pk, NOTHING), replaced.get(plan.pk), currency, on)
        lines.append((plan.agreed_at, line))
    return [line for _at, line in sorted(lines, key=lambda pair: pair[0], reverse=True)]


def _promise(promise: Promise, came: Mapping[UUID, Came], currency: str) -> Agreement:
    words = {"amount": amount(promise.amount, currency), "day": day(promise.due_on)}
    status = str(promise.get_state_display())
    paid = came.get(promise.pk, NOTHING).paid
    if promise.state == PromiseState.OPEN and paid:
        status = _("%(paid)s paid so far") % {"paid": amount(paid, currency)}
    elif promise.state == PromiseState.PART_KEPT:
        status = _("kept in part: %(paid)s came") % {"paid": amount(paid, currency)}
    elif promise.state == PromiseState.BROKEN:
        status = _("not kept: nothing came")
    return Agreement(_("%(amount)s promised by %(day)s") % words, status, TONES.get(promise.state, ""))


def _plan(
    plan: Plan, instalments: Sequence[PlanInstalment], came: Came, by: Plan | None, currency: str, on: date
) -> Agreement:
    words = {"count": len(instalments), "amount": amount(plan.total, currency)}
    status = str(plan.get_state_display())
    if by is not None:
        status = _("replaced on %(day)s") % {"day": day(by.agreed_on)}
    text = _("%(amount)s in %(count)s parts") % words
    lines = instalment_lines(plan, instalments, came, currency, on)
    return Agreement(text, status, TONES.get(plan.state, ""), lines, plan.pk)


def instalment_lines(
    plan: Plan, instalments: Sequence[PlanInstalment], came: Came, currency: str, on: date
) -> list[Line]:
    """What came covers the oldest first. A day counts as missed after its days of grace; what an ended plan did not get and
    was not due is asked for no more."""
    left, lines = came.paid, []
    for each in instalments:
        paid = max(min(left, each.amount), 0)
        left -= paid
        words = {"paid": amount(paid, currency), "amount": amount(each.amount, currency)}
        late = each.due_on + timedelta(days=came.grace) < on
        if paid == each.amount or plan.state == PlanState.COMPLETED:
            status, tone = pgettext("an instalment", "paid"), "done"
        elif late and paid:
            status, tone = _("missed, %(paid)s of %(amount)s came") % words, "attention"
        elif late and plan.state in (PlanState.ACTIVE, PlanState.BROKEN):
            status, tone = _("missed"), "attention"
        elif paid:
            status, tone = _("%(paid)s of %(amount)s paid") % words, ""
        elif plan.state != PlanState.ACTIVE:
            status, tone = _("no longer asked for"), ""
        elif each.due_on <= on:
            status, tone = pgettext("an instalment", "due now"), ""
        else:
            status, tone = _("to come"), ""
        lines.append(Line(each.due_on, each.amount, paid, status, tone))
    return lines
