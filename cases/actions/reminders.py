"""A word before a promised day, and one after an instalment that did not come: planned by the day's run, and sent only if
the gate allows it then. Each at most once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import F

from accounts.models import ContactPoint, Portfolio
from cases.actions.deciding import reminder_key
from cases.actions.outreach import HOUSE_ORDER
from cases.models import (
    Case,
    CaseMessage,
    DayRun,
    Placement,
    Plan,
    PlanInstalment,
    PlanState,
    Promise,
    PromiseState,
)
from cases.slices import EVERYBODY, Slice
from communications.actions import messages
from communications.channels import configured
from communications.models import TemplateVersion
from communications.texts import TextError, current_template
from compliance.actions import gate
from compliance.audit import Actor
from compliance.facts import KIND_OF_CHANNEL, Question
from compliance.models import Channel
from compliance.rules import Purpose

REMIND_BEFORE = timedelta(days=2)
NUDGE_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class _Word:
    """One message wanted: which text, about how much by when, and the last day on which it makes sense."""

    case: Case
    key: str
    text: str
    amount: int
    due_on: date
    until: date


def plan_reminders(
    *, portfolio: Portfolio, by: Actor, at: datetime, run: DayRun, part: Slice = EVERYBODY
) -> int:
    """Plan the reminders of open promises due in the next two days; those made today need none, and those an agency
    has are its own to speak of. Returns how many are new."""
    placed = Placement.objects.silencing().values("case")
    promises = Promise.objects.exclude(case__in=placed).filter(
        case__portfolio=portfolio, case__closed_at=None, state=PromiseState.OPEN, made_on__lt=run.date,
        due_on__gt=run.date, due_on__lte=run.date + REMIND_BEFORE,
        case__borrower__gt=part.after, case__borrower__lte=part.upto,
    ).select_related("case__borrower", "case__portfolio")  # fmt: skip
    words = [
        _Word(
            promise.case,
            reminder_key(promise.pk),
            "promise_reminder",
            promise.amount,
            promise.due_on,
            promise.due_on,
        )
        for promise in promises.order_by("pk")
    ]
    return _plan(words, by, at, run)


def plan_nudges(*, case_ids: Sequence[UUID], by: Actor, at: datetime, run: DayRun) -> int:
    """Plan a gentle word about the newest instalment that these cases' running plans missed. Returns how many are new."""
    placed = Placement.objects.silencing().filter(case__in=case_ids).values("case")
    plans = Plan.objects.filter(case__in=case_ids, state=PlanState.ACTIVE).exclude(case__in=placed)
    missed = (
        PlanInstalment.objects.filter(plan__in=plans, due_on__lt=run.date)
        .select_related("plan__case__borrower", "plan__case__portfolio")
        .order_by("plan", "-due_on")
        .distinct("plan")
    )
    words = [
        _Word(
            part.plan.case, f"plan_nudge:{part.plan_id.hex}:{part.number}", "plan_nudge", part.amount, part.due_on,
            run.date + NUDGE_WITHIN,
        )
        for part in missed
    ]  # fmt: skip
    return _plan(words, by, at, run)


def _plan(words: Sequence[_Word], by: Actor, at: datetime, run: DayRun) -> int:
    if not words:
        return 0
    ways = _ways(words)
    asked = [
        Question(
            borrower=word.case.borrower_id, channel=channel, purpose=Purpose.REMINDER, contact_point=point.pk,
            loans=(word.case.loan_id,),
        )
        for word, channel, point, _text in ways
    ]  # fmt: skip
    decisions = gate.look_many(asked, at=at) if asked else []
    rows: dict[str, messages.Planned] = {}
    for (word, _channel, point, text), decision in zip(ways, decisions, strict=True):
        moment = at if decision.allowed else decision.next_allowed
        if moment is None or word.key in rows or word.case.portfolio.business_date(moment) > word.until:
            continue
        rows[word.key] = messages.Planned(
            borrower_id=word.case.borrower_id, contact_point_id=point.pk, template_version=text,
            loans=(word.case.loan_id,), dedupe_key=word.key, not_before=moment, case=word.case.pk,
            details={"promise_amount": word.amount, "promise_due_on": word.due_on},
        )  # fmt: skip
    of_case = {word.key: word.case.pk for word in words}
    new = messages.plan_many(rows.values(), stream=run.stream, by=by, at=at)
    CaseMessage.objects.bulk_create(
        CaseMessage(case_id=of_case[key], message_id=message) for key, message in new.items()
    )
    return len(new)


def _ways(words: Sequence[_Word]) -> list[tuple[_Word, Channel, ContactPoint, TemplateVersion]]:
    """Every channel that has an address of the borrower's own and a text, the preferred one first."""
    usable = ContactPoint.objects.usable().filter(
        borrower__in={word.case.borrower_id for word in words}, related_person=None
    )
    points: dict[UUID, dict[str, ContactPoint]] = defaultdict(dict)
    for point in usable.order_by(F("verified_on").desc(nulls_last=True), "-created_at", "-pk"):
        points[point.borrower_id].setdefault(point.kind, point)
    can = [channel for channel in HOUSE_ORDER if channel in set(configured())]
    texts: dict[tuple[str, str, str], TemplateVersion | None] = {}
    found = []
    for word in words:
        borrower = word.case.borrower
        for channel in sorted(can, key=lambda channel: channel != borrower.preferred_channel):
            point_to = points[borrower.pk].get(KIND_OF_CHANNEL[channel])
            key = (word.text, channel, borrower.language)
            if key not in texts:
                texts[key] = _text(*key)
            text = texts[key]
            if point_to and text:
                found.append((word, channel, point_to, text))
    return found


def _text(key: str, channel: str, language: str) -> TemplateVersion | None:
    try:
        return current_template(key, channel, language)
    except TextError:
        return None
