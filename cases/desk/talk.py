"""The middle column: the script and where it stands, the form that is open, what can be done and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import get_language, gettext_lazy, ngettext, override
from django.utils.translation import gettext as _

from accounts.models import ContactPoint
from accounts.standing import Standing
from cases.actions.scripts import walk
from cases.desk.facts import Placed
from cases.desk.strip import Strip
from cases.models import Call, Case, CaseState, Plan, Promise, PromiseState, ScriptRun, ScriptStep
from cases.reasons import ArrearsReason
from cases.words import amount, day
from communications.scripts import read_steps

ECONOMIC = {
    ArrearsReason.ILLNESS,
    ArrearsReason.JOB_LOSS,
    ArrearsReason.ACCIDENT,
    ArrearsReason.DISASTER,
    ArrearsReason.BEREAVEMENT,
}


@dataclass(frozen=True)
class MustSay:
    key: str
    text: str
    said: bool = False


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class Offered:
    """A script that may be begun."""

    value: str
    name: str
    hint: str


@dataclass(frozen=True)
class ScriptView:
    """Where the walk stands. `ends`: the step has no answers; finishing leads to the call's outcome."""

    name: str
    version: int
    step: int
    step_id: str
    steps: int
    lang: str
    say: str
    hint: str
    must_say: list[MustSay]
    answers: list[Choice]
    run: UUID
    back: bool


FINISH = "_finish"  # no script's answer: those begin with a letter


def script_view(
    case: Case,
    run: ScriptRun,
    taken: Sequence[ScriptStep],
    standing: Standing,
    name: str,
    agent: str,
    role: str,
) -> ScriptView:
    """The words in the borrower's language, the answers in the reader's. `name` is the mask unless the seal is open;
    `role` is what whoever speaks is towards the borrower: it decides what must be disclosed."""
    here = walk(run, taken)
    language = case.borrower.language if case.borrower.language in run.version.title else "en"
    reader = get_language() if get_language() in run.version.title else "en"
    with override(language):  # amounts and days too are said as the borrower says them
        values = {
            "agent_name": agent,
            "borrower_name": name,
            "lender_name": case.portfolio.entity.name,
            "reply_address": _("the wallet app"),
            "arrears": amount(standing.arrears, case.portfolio.currency),
            "oldest_due_on": day(standing.oldest_due_on) if standing.oldest_due_on else "",
        }
    step = here.step
    answers = [Choice(answer.key, answer.label[reader]) for answer in step.answers]
    if not answers:
        answers = [Choice(FINISH, _("End the script and log the call"))]
    return ScriptView(
        name=run.version.title[reader],
        version=run.version.number,
        step=len(here.passed) + 1,
        step_id=step.id,
        steps=_longest_way(run, here.passed, step.id),
        lang="zh-Hans" if language == "zh-hans" else language,
        say=step.words(language, role, values),
        hint=step.hint[reader] if step.hint else "",
        must_say=[MustSay("said", _("I have said this"))] if step.must_say else [],
        answers=answers,
        run=run.pk,
        back=bool(here.passed),
    )


def _longest_way(run: ScriptRun, passed: Sequence[str], here: str) -> int:
    """Steps of the walk if it goes on by the shortest way to an end: what "of" means while answers are still open."""
    steps = {step.id: step for step in read_steps(run.version.steps)}
    frontier, count, seen = {here}, 0, {here}
    while frontier and not any(steps[each].end for each in frontier):
        frontier = {answer.next for each in frontier for answer in steps[each].answers} - seen
        seen |= frontier
        count += 1
    return len(passed) + 1 + count


@dataclass(frozen=True)
class CallNow:
    since: datetime
    label: str
    number: str


def call_now(call: Call | None, called: ContactPoint | None) -> CallNow | None:
    """The call that waits for its outcome, and what it was placed to."""
    if call is None:
        return None
    number = called.mask if called else ""
    return CallNow(call.placed_at, number, number)


@dataclass(frozen=True)
class Action:
    key: str
    label: str
    open: str = ""
    url: str = ""
    allowed: bool = True
    why: str = ""
    from_: datetime | None = None
    primary: bool = False


OF_AGENCY = frozenset({"call", "promise", "hold", "wish", "complaint", "write"})
"""The forms that somebody who collects for an agency may open."""


def actions(case: Case, user, call: Call | None, strip: Strip, placed: Placed | None = None) -> list[Action]:
    """What this person can do with the case; what may not be done now says why."""
    open_now = case.is_open
    closed = _("The case is closed.")
    offered = _work(case, user, call, open_now, closed, placed) if user.has_perm("cases.talk_case") else []
    if user.agency_id:
        offered = [action for action in offered if action.open in OF_AGENCY]
    if user.has_perm("compliance.log_complaint"):
        offered.append(Action("c", _("Complaint"), open="complaint"))
    if user.has_perm("cases.propose_legal") and case.state != CaseState.LEGAL:
        offered.append(Action("t", _("Take to legal"), open="legal", allowed=open_now, why=closed))
    if user.has_perm("cases.ask_legal"):
        offered.append(Action("q", _("Ask legal"), open="ask_legal", allowed=open_now, why=closed))
    if user.has_perm("cases.work_case"):
        offered.append(Action("x", _("Pass on"), open="pass", allowed=open_now, why=closed))
    if user.has_perm("cases.close_case"):
        offered.append(Action("z", _("End"), open="end", allowed=open_now, why=closed))
    return offered


def _work(
    case: Case, user, call: Call | None, open_now: bool, closed: str, placed: Placed | None
) -> list[Action]:
    with_agency = placed is not None and not placed.house_writes and not user.agency_id
    talked = case.state in (
        CaseState.NOTIFIED,
        CaseState.NEGOTIATING,
        CaseState.LEGAL,
        CaseState.INSTALLMENT_PLAN,
    )
    return [
        Action("o", _("Outcome"), open="call", allowed=open_now, why=closed, primary=call is not None),
        Action(
            "i",
            _("Write"),
            open="write",
            allowed=open_now and not with_agency,
            why=closed if not open_now else _("An agency has this case, and writes while it does."),
        ),
        Action("p", _("Promise"), open="promise", allowed=open_now, why=closed),
        Action(
            "l",
            _("Plan"),
            open="plan",
            allowed=open_now and talked,
            why=closed if not open_now else _("A plan is agreed with the borrower: speak with them first."),
        ),
        Action("e", _("Later day"), open="extension", allowed=open_now, why=closed),
        Action("v", _("Waiver"), open="waiver", allowed=open_now, why=closed),
        Action("s", _("Settlement"), open="settlement", allowed=open_now, why=closed),
        Action("y", _("Payment"), open="payment", allowed=user.has_perm("accounts.add_payment"), why=""),
        Action("h", _("Hold"), open="hold", allowed=open_now, why=closed),
        Action("w", _("Wish"), open="wish", allowed=open_now, why=closed),
    ]


@dataclass(frozen=True)
class NextStep:
    label: str
    why: str
    open: str
    query: str = ""
    allowed: bool = True
    from_: datetime | None = None


def next_steps(
    case: Case,
    standing: Standing,
    promises: Sequence[Promise],
    plan: Plan | None,
    strip: Strip,
    on: date,
    suggested: Sequence[str] = (),
) -> list[NextStep]:
    """Up to three suggestions with their reasons: what fits why the loan is late, never more than what is owed.
    `suggested` is what the reason told suggests (`cases.reasons.suggest`), best first."""
    if not case.is_open or not standing.arrears:
        return []
    if strip.holds:
        return [NextStep(_("Let it rest"), strip.holds[0].why, open="", allowed=False)]
    broken = [promise for promise in promises if promise.state == PromiseState.BROKEN]
    waiting = next((promise for promise in promises if promise.state == PromiseState.OPEN), None)
    if waiting:
        why = _("A promise until %(day)s is open; nothing needs to be asked before.") % {
            "day": day(waiting.due_on)
        }
        return [NextStep(_("Wait for the promise"), why, open="", allowed=False)]
    parts = NextStep(
        _("Offer to pay in parts"),
        _("Reason told: %(reason)s.") % {"reason": ArrearsReason(case.arrears_reason).label}
        if case.arrears_reason in ECONOMIC
        else _("A smaller amount at a time is easier to keep."),
        open="plan",
        query="&count=3",
    )
    later = NextStep(
        _("Agree a later date"),
        ngettext(
            "%(days)s day late; often a date after payday is enough.",
            "%(days)s days late; often a date after payday is enough.",
            standing.days_past_due,
        )
        % {"days": standing.days_past_due},
        open="promise",
        query=f"&due_on={on + timedelta(days=7)}",
    )
    smaller_first = case.arrears_reason in ECONOMIC or broken or standing.days_past_due > 30
    steps = [parts, later] if smaller_first else [later, parts]
    if plan is not None:
        steps = [later]
    if broken:
        why = _("An earlier promise could not be kept; a smaller one may be.")
        steps = [NextStep(steps[0].label, why, steps[0].open, steps[0].query), *steps[1:]]
    return _by_reason(case, suggested, steps)


STEPS = {
    "hold": gettext_lazy("Let it rest for a while"),
    "extension": gettext_lazy("Give a later day"),
    "waiver": gettext_lazy("Forgive charges"),
    "settlement": gettext_lazy("Offer a part for the whole"),
    "complaint": gettext_lazy("Take it up as a complaint"),
}
MOST_STEPS = 3


def _by_reason(case: Case, suggested: Sequence[str], usual: list[NextStep]) -> list[NextStep]:
    """What the reason suggests first, then what is usual; three at most, none twice."""
    known = {step.open: step for step in usual}
    why = ""
    if case.arrears_reason:
        why = _("Reason told: %(reason)s.") % {"reason": ArrearsReason(case.arrears_reason).label}
    steps = [
        known.get(each) or NextStep(str(STEPS[each]), why, open=each)
        for each in suggested
        if each in known or each in STEPS
    ]
    return [*steps, *(step for step in usual if step not in steps)][:MOST_STEPS]
