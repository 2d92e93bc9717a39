"""A person's queue: what "next case" would hand out, in that order, with what may be done now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.standing import standing_at
from cases.actions.work import DUE, FIRST, steps_of, steps_values
from cases.desk.page import place_of
from cases.dispositions import DISPOSITIONS
from cases.models import WorkItem, WorkKind
from compliance.actions.gate import look_many
from compliance.facts import Question
from compliance.rules import Purpose

# Why a step is next, by its reason code; the outcomes of calls are reasons too.
WHY = {
    "after_notice": gettext_lazy("The first notice went out; nobody has spoken with them yet."),
    "no_written_way": gettext_lazy("There is no address to write to."),
    "no_number": gettext_lazy("There is no number to call."),
    "no_way": gettext_lazy("There is neither a number nor an address."),
    "nothing_planned": gettext_lazy("Nothing was planned, and something is overdue."),
    "hold_review": gettext_lazy("A hold is to be looked at again."),
    "asked_for": gettext_lazy("They asked to be called at this time."),
    "not_kept": gettext_lazy("The promise was not kept."),
    "part_kept": gettext_lazy("The promise was kept in part."),
    "promise_kept": gettext_lazy("The promise was kept; something is still overdue."),
    "instalment_missed": gettext_lazy("An instalment of the plan was missed."),
    "plan_broken": gettext_lazy("The plan could not be kept."),
    "plan_completed": gettext_lazy("The plan was paid; something is still overdue."),
    "plan_reopened": gettext_lazy(
        "The plan runs again: a payment was taken back, or came in time after all."
    ),
    "settlement_not_paid": gettext_lazy("The settlement was not paid by its day."),
    "offer_lapsed": gettext_lazy("An offer lapsed without an answer."),
    "payment_reversed": gettext_lazy("A payment was taken back."),
    "payment_waits": gettext_lazy("A payment may be theirs and waits for its loan."),
    "not_found": gettext_lazy("It was looked for and not found."),
    "number_found": gettext_lazy("There is a new number to call."),
    "answered": gettext_lazy("What was in doubt is answered."),
    "not_now": gettext_lazy("It could not be done then."),
}


def why(reason: str) -> str:
    """The sentence for a reason code; empty for one nobody knows any more."""
    if reason in DISPOSITIONS:
        return _("Last call: %(outcome)s") % {"outcome": DISPOSITIONS[reason].label}
    return str(WHY.get(reason, ""))


MOST = 1000
"""How far the queue is counted and shown: nobody works through more, and counting on would take longer the more waits."""


@dataclass(frozen=True)
class Queue:
    """`steps` are the first of those that are due, in the order in which they are handed out. Where `more_waiting` or
    `more_later` is set, there are more than the `waiting` or `later` that were counted."""

    name: str
    steps: list[UUID]
    more_waiting: bool
    later: int
    more_later: bool
    next_at: datetime | None

    @property
    def waiting(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Item:
    url: str
    borrower: str
    portfolio: str
    place: str
    zone: ZoneInfo
    owed: int
    currency: str
    days_late: int
    bucket: str
    step: str
    why: str
    due_at: datetime
    overdue: bool
    may_contact: bool
    from_: datetime | None
    lease: str


LATER = "SELECT count(*), min(due_at) FROM ({steps}) AS step"


def queue(user: User, at: datetime) -> Queue:
    values = steps_values(user, at, limit=MOST + 1)
    with connection.cursor() as cursor:
        cursor.execute(FIRST.format(steps=steps_of(user).format(scope=DUE)), values)
        steps = [step for (step,) in cursor.fetchall()]
        cursor.execute(LATER.format(steps=steps_of(user).format(scope="item.due_at > %(at)s")), values)
        later, next_at = cursor.fetchone()
    return Queue(_("My queue"), steps[:MOST], len(steps) > MOST, min(later, MOST), later > MOST, next_at)


def items(steps: Sequence[UUID], user: User, at: datetime) -> list[Item]:
    """One page of steps for the screen: standings and the gate's look for all of them at once."""
    rows = WorkItem.objects.select_related("case__borrower", "case__portfolio", "case__lease__holder")
    work = sorted(rows.filter(pk__in=steps), key=lambda step: (step.rank, step.due_at, step.pk))
    cases = [step.case for step in work]
    standings = standing_at([case.loan_id for case in cases], at)
    decisions = look_many(
        [
            Question(
                borrower=case.borrower_id,
                channel="call",
                purpose=Purpose.COLLECT,
                loans=(case.loan_id,),
                role=user.acts_as,
            )
            for case in cases
        ],
        at=at,
    )
    found = []
    for step, decision in zip(work, decisions, strict=True):
        case, standing = step.case, standings[step.case.loan_id]
        zone = ZoneInfo(next(iter(case.borrower.zones), case.portfolio.zone))
        held = case.lease.until and case.lease.until > at and case.lease.holder_id != user.pk
        found.append(
            Item(
                url=reverse("case", args=[case.pk]),
                borrower=case.borrower.name_mask or _("name not given"),
                portfolio=case.portfolio.code,
                place=f"{place_of(zone)} {at.astimezone(zone):%H:%M}",
                zone=zone,
                owed=standing.arrears,
                currency=case.portfolio.currency,
                days_late=standing.days_past_due,
                bucket="" if standing.bucket == "current" else standing.bucket.replace("-", "–"),
                step=str(WorkKind(step.kind).label),
                why=why(step.reason),
                due_at=step.due_at,
                overdue=(at - step.due_at).days >= 2,
                may_contact=decision.allowed,
                from_=decision.next_allowed,
                lease=case.lease.holder.display_name if held and case.lease.holder else "",
            )
        )
    return found
