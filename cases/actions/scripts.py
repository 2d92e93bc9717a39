"""Walking a script: each answer is stored as it is given, so that a walk survives a reload and can be shown later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from cases.actions.notes import record_reason
from cases.actions.transition import lock
from cases.models import Call, Case, ScriptRun, ScriptStep
from communications.models import ScriptVersion
from communications.scripts import Answer, ScriptError, Step, first_step, read_steps, step_of
from compliance.audit import Actor, Stream, record

BACK = "_back"  # not an answer: answers begin with a letter


class ScriptRefused(Exception):
    """`code`: `no_script`, `finished`, `passed` (the step was answered already), `must_say` (not confirmed as said),
    `no_answer` (the step does not offer it), `at_start`. The text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Walk:
    """Where a run stands, and what its answers have brought so far; going back takes an answer's results back."""

    step: Step
    passed: tuple[str, ...]  # ids of the steps on the way here
    disposition: str  # the outcome it proposes for the call, "" while there is none
    form: str  # what the last answer asks to be filled in: promise, plan, hold, call_back, complaint, or ""
    right_party: bool


def walk(run: ScriptRun, steps: Sequence[ScriptStep] | None = None) -> Walk:
    """Follow the stored answers of a run; give its `steps` where they are at hand."""
    script = read_steps(run.version.steps)
    here = first_step(script)
    way: list[tuple[Step, Answer]] = []
    for taken in steps if steps is not None else run.steps.order_by("seq"):
        if taken.answer == BACK:
            here, _answer = way.pop()
        else:
            answer = here.answer(taken.answer)
            way.append((here, answer))
            here = step_of(script, answer.next)
    answers = [answer for _step, answer in way]
    return Walk(
        step=here,
        passed=tuple(step.id for step, _answer in way),
        disposition=next((each.disposition for each in reversed(answers) if each.disposition), ""),
        form=(answers[-1].form or "") if answers else "",
        right_party=any(each.right_party for each in answers),
    )


@transaction.atomic
def start_script(
    *, case: Case, user: User, at: datetime, key: str = "first_call", call: Call | None = None
) -> ScriptRun:
    """Begin the newest approved version of a script, or go on with the user's own open run of it.

    Somebody else's open run on the case ends with the result `left`. Raises `ScriptRefused` (no_script).
    """
    version = (
        ScriptVersion.objects.filter(script__key=key).select_related("script").order_by("-number").first()
    )
    if version is None:
        raise ScriptRefused("no_script", _("There is no such script."))
    by = Actor.staff(user)
    lock(case.pk)
    running = ScriptRun.objects.select_for_update().filter(case=case, finished_at=None).first()
    if running and running.agent_id == user.pk and running.version_id == version.pk:
        return running
    if running:
        finish_script(run=running, by=by, at=at, result="left")
    run = ScriptRun.objects.create(case=case, call=call, version=version, agent=user, started_at=at)
    record(
        "script.started", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        run=run.pk, script=key, version=version.number,
    )  # fmt: skip
    return run


@transaction.atomic
def answer_step(
    *, run: ScriptRun, step: str, answer: str, by: Actor, at: datetime, said: bool = False
) -> Walk:
    """Store the answer to the step the run stands at and return where it leads. `said`: what must be said was said.

    A step that ends the script has no answers; `finish_script` closes it. Raises `ScriptRefused`.
    """
    run, seq, here = _standing(run)
    if here.step.id != step:
        raise ScriptRefused("passed", _("This step has been answered already."))
    if here.step.must_say and not said:
        raise ScriptRefused("must_say", _("Please confirm that it was said before going on."))
    try:
        chosen = here.step.answer(answer)
    except ScriptError:
        raise ScriptRefused("no_answer", _("This step has no such answer.")) from None
    _store(run, seq, step, answer, by, at)
    if chosen.reason:
        record_reason(case=run.case, reason=chosen.reason, by=by, at=at)
    return walk(run)


@transaction.atomic
def step_back(*, run: ScriptRun, by: Actor, at: datetime) -> Walk:
    """One step back; both the answer and its taking back stay in the record. Raises `ScriptRefused`."""
    run, seq, here = _standing(run)
    if not here.passed:
        raise ScriptRefused("at_start", _("This is the first step."))
    _store(run, seq, here.step.id, BACK, by, at)
    return walk(run)


@transaction.atomic
def finish_script(*, run: ScriptRun, by: Actor, at: datetime, result: str = "") -> ScriptRun:
    """The walk is over. Without `result` it is the one of the end it stands at, or `left` in the middle.

    Finished already: nothing changes.
    """
    run = _locked(run)
    if run.finished_at:
        return run
    end = walk(run).step.end
    run.finished_at, run.result = at, result or (end.result if end else "left")
    run.save(update_fields=["finished_at", "result"])
    record(
        "script.finished", stream=Stream.case(run.case_id), by=by, at=at, case=run.case_id,
        borrower=run.case.borrower_id, run=run.pk, result=run.result,
    )  # fmt: skip
    return run


def _locked(run: ScriptRun) -> ScriptRun:
    lock(run.case_id)
    runs = ScriptRun.objects.select_for_update(of=("self",)).select_related("case", "version")
    return runs.get(pk=run.pk)


def _standing(run: ScriptRun) -> tuple[ScriptRun, int, Walk]:
    """The run locked, the number of its next stored step, and where it stands."""
    run = _locked(run)
    if run.finished_at:
        raise ScriptRefused("finished", _("This conversation is over."))
    steps = list(run.steps.order_by("seq"))
    return run, len(steps) + 1, walk(run, steps)


def _store(run: ScriptRun, seq: int, step: str, answer: str, by: Actor, at: datetime) -> None:
    ScriptStep.objects.create(run=run, seq=seq, step=step, answer=answer, at=at)
    record(
        "script.step", stream=Stream.case(run.case_id), by=by, at=at, case=run.case_id,
        borrower=run.case.borrower_id, run=run.pk, step=step, answer=answer, seq=seq,
    )  # fmt: skip
