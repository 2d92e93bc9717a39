"""A case at law: proposing it, how long the debt may be sued for, the steps, and questions to legal.

What stops a step stands in `obstacles`; the database holds the same (`migrations/sql/legal.sql`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from uuid_utils.compat import uuid7

from accounts.actions.ledger import lock_loans, post_charge
from accounts.models import Borrower, Document, EntryKind, User
from accounts.money import decimal_text
from accounts.seal import seal_of
from accounts.standing import standing_of
from cases.actions.approvals import ask_approval
from cases.actions.transition import MoveRefused, lock, move
from cases.guards import Question, legal_open, legal_stops
from cases.legal_steps import (
    STEPS,
    WITHDRAWAL,
    Taken,
    add_working_days,
    earliest_answer,
    missing_before,
    next_kinds,
)
from cases.machine import BY_MOVE
from cases.models import (
    Approval,
    ApprovalKind,
    Case,
    CaseState,
    LegalQuestion,
    LegalStep,
    LegalStepKind,
    Limitation,
    PeriodGround,
    Plan,
    PlanState,
    Promise,
    PromiseState,
    Transition,
)
from cases.words import day as day_words
from compliance.actions.gate import packs
from compliance.audit import Actor, Stream, record
from compliance.rules.terms import Answer, Matter, ask, book_for
from compliance.rules.terms.limits import barred_from

MOST_WORDS = 4000
ANSWERED_WITHIN = 2
"""Working days of the portfolio in which legal answers a question."""
LAST_IN_TIME = "claim"
"""A claim brought in time stays in time: what follows it is not too late any more."""


class LegalRefused(Exception):
    """`code` for machines, `missing` the codes of what stands against it (keys of `OBSTACLES`); the text is a sentence."""

    def __init__(self, code: str, sentence: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.missing = missing


OBSTACLES: dict[str, str | Lazy] = {
    "hold": gettext_lazy("a hold stops legal steps"),
    "complaint": gettext_lazy("a complaint is open"),
    "promise_running": gettext_lazy("a promise is still open"),
    "plan_running": gettext_lazy("the plan still runs"),
    "arrears": gettext_lazy("nothing is overdue"),
    "limitation": gettext_lazy("nobody knows whether it may still be sued for"),
    "time_barred": gettext_lazy("the debt is too old to be sued for"),
    "taken": gettext_lazy("this step was taken already"),
    "later": gettext_lazy("a later step was taken already"),
    "answer": gettext_lazy("the borrower still has time to answer"),
    "letter": gettext_lazy("the letter before action comes first"),
    "mediation": gettext_lazy("mediation is offered first"),
    "claim": gettext_lazy("the claim comes first"),
    "judgment": gettext_lazy("the judgment comes first"),
}


def sentence_of(missing: list[str]) -> str:
    return pgettext("between items of a list", ", ").join(str(OBSTACLES[code]) for code in missing)


# Going to legal, and coming back


@transaction.atomic
def propose_legal(*, case: Case, note: str, requester: User, at: datetime) -> Approval:
    """Ask a second person of legal that the case goes to court. Raises `MoveRefused` with all that is missing, and
    `ApprovalRefused`."""
    by = Actor.staff(requester)
    if not by.may("cases.propose_legal"):
        raise PermissionDenied
    case = lock(case.pk)
    if (case.state, CaseState.LEGAL) not in BY_MOVE:
        raise MoveRefused("off_the_map", case.state, CaseState.LEGAL)
    if missing := legal_open(Question(case, by, at)):
        raise MoveRefused("legal_ready", case.state, CaseState.LEGAL, missing)
    standing = standing_of([case.loan_id], on=case.portfolio.business_date(at))[case.loan_id]
    proposal = {"days_past_due": standing.days_past_due, "arrears": standing.arrears}
    return ask_approval(
        case=case,
        kind=ApprovalKind.LEGAL,
        proposal=proposal,
        exceeds=[],
        note=note,
        requester=requester,
        at=at,
    )


def nothing_wanted(approval: Approval) -> Mapping[str, int]:
    """Going to legal exceeds no amount: it always takes two."""
    return {}


def go_to_legal(approval: Approval, by: Actor, at: datetime) -> Case:
    """The move that a second person has just agreed to; everything is looked at again."""
    return move(case=approval.case, to=CaseState.LEGAL, by=by, at=at, reason="last_resort")


def come_back(*, case: Case, by: Actor, at: datetime, reason: str) -> Case:
    """The borrower has agreed to pay: a case at law goes back to talking, where the map lets it. Where it does not yet, no
    step is taken as long as the agreement holds (`obstacles`)."""
    if case.state != CaseState.LEGAL:
        return case
    try:
        return move(case=case, to=CaseState.NEGOTIATING, by=by, at=at, reason=reason)
    except MoveRefused:
        return case


# How long a debt may be sued for


def limitation_law(case: Case, runs_from: date) -> Answer:
    """What the packs of the portfolio's jurisdictions say; no rules where they say nothing."""
    portfolio = case.portfolio
    matter = Matter(
        role=portfolio.our_role, jurisdictions=tuple(portfolio.jurisdictions), zone=portfolio.zone
    )
    return ask("limitation", matter, book_for(packs(), portfolio.jurisdictions), runs_from=runs_from)


@transaction.atomic
def set_limitation(
    *,
    case: Case,
    runs_from: date,
    ground: str,
    years: int,
    source: str,
    words: str,
    person: User,
    at: datetime,
) -> Limitation:
    """Establish from which day the period of this debt runs, how long, and by which law; `words` say how it is known. It
    replaces what was said before, which stays on record, and is never longer than a pack of the place says. Raises
    `LegalRefused` (runs_from, years, source, words)."""
    by = Actor.staff(person)
    if not by.may("cases.move_to_legal"):
        raise PermissionDenied
    case = lock(case.pk)
    if runs_from > case.portfolio.business_date(at):
        raise LegalRefused("runs_from", _("This day is still to come."))
    if not 1 <= years <= 30:
        raise LegalRefused("years", _("A period has 1 to 30 years."))
    law = limitation_law(case, runs_from)
    if law.rules and years > law.values["years"]:
        words_of = {"years": law.values["years"], "rule": law.rules[0]}
        raise LegalRefused("years", _("The rules of this place give %(years)s years (%(rule)s).") % words_of)
    source, words = source.replace("\0", "").strip(), words.replace("\0", "").strip()
    if not source or len(source) > 200:
        raise LegalRefused("source", _("Please name the law, in at most 200 characters."))
    if not words or len(words) > MOST_WORDS:
        raise LegalRefused("words", _("Please say how this day is known."))
    row = Limitation(
        id=uuid7(),
        case=case,
        loan=case.loan,
        runs_from=runs_from,
        ground=PeriodGround(ground),
        years=years,
        barred_on=barred_from(runs_from, years),
        source=source,
        recorded_by=person,
        recorded_at=at,
    )
    row.words_sealed = seal_of(case.borrower).seal(f"limitation:{row.pk}", words)
    row.save(force_insert=True)
    record(
        "legal.period_set", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        limitation=row.pk, runs_from=runs_from, ground=str(row.ground), years=years, barred_on=row.barred_on,
    )  # fmt: skip
    return row


# Steps


@dataclass(frozen=True, kw_only=True)
class Lawyer:
    """Who signed a lawyer's letter: a named licensed lawyer of a named firm, who reviewed this very case before."""

    name: str
    licence: str
    firm: str
    reviewed_on: date
    signed_on: date


def stay_of(case: Case) -> Transition | None:
    """The move that brought the case to where it is at law; None where it is not."""
    if case.state != CaseState.LEGAL:
        return None
    return case.transitions.get(seq=case.state_seq)


def taken_in(stay: Transition) -> list[LegalStep]:
    return list(LegalStep.objects.standing().filter(stay=stay).order_by("id"))


def _taken(steps: list[LegalStep]) -> list[Taken]:
    return [Taken(step.kind, step.taken_on, step.next_on) for step in steps]


def obstacles(case: Case, kind: str, on: date) -> list[str]:
    """What stands against any step of this kind on a day, the order of steps aside: the keys of `OBSTACLES`."""
    missing = legal_stops(case, on)
    if Promise.objects.filter(case=case, state=PromiseState.OPEN).exists():
        missing.append("promise_running")
    if Plan.objects.filter(case=case, state=PlanState.ACTIVE).exists():
        missing.append("plan_running")
    if standing_of([case.loan_id], on=on)[case.loan_id].arrears == 0:
        missing.append("arrears")
    if list(STEPS).index(kind) <= list(STEPS).index(LAST_IN_TIME):
        known = Limitation.objects.newest_of(case.loan_id)
        if known is None:
            missing.append("limitation")
        elif known.barred(on):
            missing.append("time_barred")
    return missing


def possible_steps(case: Case, steps: list[LegalStep], on: date) -> list[str]:
    """The kinds that the order allows on a day."""
    return next_kinds(_taken(steps), on)


def stopped_now(case: Case, steps: list[LegalStep], on: date) -> list[str]:
    """Why no step at all may be taken on a day; nothing where one may, or where none is left."""
    left = [kind for kind in STEPS if kind not in {step.kind for step in steps}]
    possible = possible_steps(case, steps, on)
    if not left:
        return []
    return obstacles(case, (possible or left)[0], on) + ([] if possible else ["answer"])


@transaction.atomic
def take_step(
    *,
    case: Case,
    kind: str,
    taken_on: date,
    person: User,
    at: datetime,
    next_on: date | None = None,
    lawyer: Lawyer | None = None,
    document: Document | None = None,
    cost: int = 0,
    reference: str = "",
    note: str = "",
) -> LegalStep:
    """Record a step that was taken; its cost (minor units) is posted to the loan's ledger as a fee of that day. A step that
    has a paper (`papers_of`) names it.

    Raises `LegalRefused`: `not_at_law`, `day`, `next_on`, `lawyer`, `document`, `words`, or `stopped` with what stands
    against it.
    """
    by = Actor.staff(person)
    if not by.may("cases.move_to_legal"):
        raise PermissionDenied
    kind = LegalStepKind(kind).value
    if kind == WITHDRAWAL:
        raise ValueError("A step is taken back by withdraw_step.")
    case = lock(case.pk)
    stay = stay_of(case)
    if stay is None:
        raise LegalRefused("not_at_law", _("The case is not with legal."))
    lock_loans([case.loan_id])
    # Whoever opens a hold holds the borrower: it comes before this step or after it.
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    today = case.portfolio.business_date(at)
    since = case.portfolio.business_date(stay.at)
    if not since <= taken_on <= today:
        words = {"earliest": day_words(since), "latest": day_words(today)}
        raise LegalRefused("day", _("The day is between %(earliest)s and %(latest)s.") % words)
    steps = taken_in(stay)
    missing = missing_before(kind, _taken(steps), taken_on)
    missing += [code for day in {today, taken_on} for code in obstacles(case, kind, day)]
    if missing := list(dict.fromkeys(missing)):
        sentence = _("This step is not taken now: %(missing)s.") % {"missing": sentence_of(missing)}
        raise LegalRefused("stopped", sentence, tuple(missing))
    if any(step.taken_on > taken_on for step in steps):
        raise LegalRefused("day", _("An earlier step is later than that day."))
    _check_next(kind, taken_on, next_on)
    _check_lawyer(kind, taken_on, lawyer)
    document = _check_document(case, kind, document)
    step = LegalStep(id=uuid7(), case=case, stay=stay, kind=kind, taken_on=taken_on, next_on=next_on)
    step.taken_by, step.at, step.cost, step.document = person, at, cost, document
    if lawyer is not None:
        step.lawyer, step.licence, step.firm = (
            lawyer.name.strip(),
            lawyer.licence.strip(),
            lawyer.firm.strip(),
        )
        step.reviewed_on, step.signed_on = lawyer.reviewed_on, lawyer.signed_on
    _seal_words(step, reference, note)
    if cost:
        step.entry = post_charge(
            loan=case.loan, kind=EntryKind.FEE, amount=cost, value_date=taken_on, reference=f"legal:{step.pk}",
            by=by, at=at,
        )  # fmt: skip
    step.save(force_insert=True)
    currency = case.portfolio.currency
    record(
        "legal.step_taken", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        step=step.pk, kind=kind, taken_on=taken_on, next_on=next_on, document=document and document.pk, currency=currency,
        cost=decimal_text(cost, currency),
    )  # fmt: skip
    return step


def _check_next(kind: str, taken_on: date, next_on: date | None) -> None:
    earliest = earliest_answer(kind, taken_on)
    if earliest and (next_on is None or next_on < earliest):
        sentence = _("The borrower has time to answer at least until %(day)s.") % {"day": day_words(earliest)}
        raise LegalRefused("next_on", sentence)
    if next_on and next_on < taken_on:
        raise LegalRefused("next_on", _("The next date comes after the step."))


def _check_lawyer(kind: str, taken_on: date, lawyer: Lawyer | None) -> None:
    if kind != LegalStepKind.LAWYER_LETTER:
        if lawyer is not None:
            raise LegalRefused("lawyer", _("Only a lawyer's letter is signed by a lawyer."))
        return
    if lawyer is None or not (lawyer.name.strip() and lawyer.licence.strip() and lawyer.firm.strip()):
        raise LegalRefused(
            "lawyer",
            _("A lawyer's letter names the lawyer, the licence and the firm, as it was issued."),
        )
    if not lawyer.reviewed_on <= lawyer.signed_on <= taken_on:
        raise LegalRefused(
            "lawyer", _("The lawyer reviews the case first, then signs, and then the letter goes out.")
        )


def papers_of(case: Case, kinds: Sequence[str]) -> QuerySet[Document]:
    """The documents of a case's loan that one of these kinds of step may name: still kept, of a kind that it asks for, and
    behind no step that stands."""
    asked = [STEPS[kind].papers for kind in kinds]
    found = Document.objects.of_loan(case.loan).kept()
    if all(asked):
        found = found.kind(*{each for papers in asked for each in papers})
    used = LegalStep.objects.standing().filter(document=OuterRef("pk"))
    return found.exclude(Exists(used)).defer("content_sealed").order_by("-added_at", "-pk")


def _check_document(case: Case, kind: str, document: Document | None) -> Document | None:
    """The document as it is kept, held so that nobody destroys it meanwhile."""
    if document is None:
        if STEPS[kind].papers:
            raise LegalRefused("document", _("This step names its document: please take it in first."))
        return None
    found = (
        papers_of(case, [kind]).filter(pk=document.pk).select_for_update(of=("self",), no_key=True).first()
    )
    if found is None:
        raise LegalRefused("document", _("This document does not belong to this step."))
    return found


def _seal_words(step: LegalStep, reference: str, note: str) -> None:
    reference, note = reference.replace("\0", "").strip(), note.replace("\0", "").strip()
    if max(len(reference), len(note)) > MOST_WORDS:
        raise LegalRefused("words", _("Please say it in fewer words."))
    seal = seal_of(step.case.borrower)
    step.reference_sealed = seal.seal(f"legal_step:{step.pk}:reference", reference) if reference else None
    step.note_sealed = seal.seal(f"legal_step:{step.pk}:note", note) if note else None


@transaction.atomic
def withdraw_step(*, step: LegalStep, note: str, person: User, at: datetime) -> LegalStep:
    """Take the last step that stands back, by a row of its own; a hold never stands in the way. What it cost stays on the
    ledger until somebody forgives it. Raises `LegalRefused` (not_at_law, not_last, words)."""
    by = Actor.staff(person)
    if not by.may("cases.move_to_legal"):
        raise PermissionDenied
    case = lock(step.case_id)
    stay = stay_of(case)
    if stay is None or stay.pk != step.stay_id:
        raise LegalRefused("not_at_law", _("The case is not with legal."))
    lock_loans([case.loan_id])
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    steps = taken_in(stay)
    if not steps or max(steps, key=lambda each: list(STEPS).index(each.kind)).pk != step.pk:
        raise LegalRefused("not_last", _("The last step that stands is taken back first."))
    if not note.strip():
        raise LegalRefused("words", _("Please say why the step is taken back."))
    row = LegalStep(id=uuid7(), case=case, stay=stay, kind=WITHDRAWAL, withdraws=step)
    row.taken_on, row.taken_by, row.at = case.portfolio.business_date(at), person, at
    _seal_words(row, "", note)
    row.save(force_insert=True)
    record(
        "legal.step_withdrawn", stream=Stream.case(case.pk), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, step=row.pk, kind=step.kind, withdraws=step.pk,
    )  # fmt: skip
    return row


def open_words(step: LegalStep, part: str) -> str:
    """`reference` or `note` of a step, for a page of its case; empty where none was written."""
    sealed = getattr(step, f"{part}_sealed")
    return seal_of(step.case.borrower).open(f"legal_step:{step.pk}:{part}", bytes(sealed)) if sealed else ""


def open_limitation(row: Limitation) -> str:
    return seal_of(row.case.borrower).open(f"limitation:{row.pk}", bytes(row.words_sealed))


# Questions to legal


@transaction.atomic
def ask_legal(*, case: Case, question: str, person: User, at: datetime) -> LegalQuestion:
    """Ask legal about an open case, in whatever state; the case stays where it is. Raises `LegalRefused` (closed, words)."""
    by = Actor.staff(person)
    if not by.may("cases.ask_legal"):
        raise PermissionDenied
    question = _words(question, _("Please write what you would like to know."))
    case = lock(case.pk)
    if not case.is_open:
        raise LegalRefused("closed", _("The case is closed."))
    row = LegalQuestion(id=uuid7(), case=case, asked_by=person, asked_at=at)
    row.due_on = add_working_days(case.portfolio.business_date(at), ANSWERED_WITHIN, case.portfolio.countries)
    row.question_sealed = seal_of(case.borrower).seal(f"legal_question:{row.pk}:question", question)
    row.save(force_insert=True)
    record(
        "legal.asked", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        question=row.pk, due_on=row.due_on,
    )  # fmt: skip
    return row


@transaction.atomic
def answer_legal(*, question: LegalQuestion, answer: str, person: User, at: datetime) -> LegalQuestion:
    """Answer once. Raises `LegalRefused` (answered, words)."""
    by = Actor.staff(person)
    if not by.may("cases.answer_legal"):
        raise PermissionDenied
    answer = _words(answer, _("Please write the answer."))
    case = lock(question.case_id)
    row = LegalQuestion.objects.select_for_update(of=("self",)).get(pk=question.pk)
    if row.answered_at is not None:
        raise LegalRefused("answered", _("This question was answered meanwhile."))
    row.case = case
    row.answer_sealed = seal_of(case.borrower).seal(f"legal_question:{row.pk}:answer", answer)
    row.answered_by, row.answered_at = person, at
    row.save(update_fields=["answer_sealed", "answered_by", "answered_at"])
    record(
        "legal.answered", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        question=row.pk, late=row.answered_late(at),
    )  # fmt: skip
    return row


def open_question(question: LegalQuestion) -> tuple[str, str]:
    """Question and answer, for a page of the case; the answer is empty where there is none yet."""
    seal: Any = seal_of(question.case.borrower)
    field = f"legal_question:{question.pk}"
    answer = question.answer_sealed
    return (
        seal.open(f"{field}:question", bytes(question.question_sealed)),
        seal.open(f"{field}:answer", bytes(answer)) if answer else "",
    )


def _words(text: str, sentence: str) -> str:
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise LegalRefused("words", sentence)
    if len(text) > MOST_WORDS:
        raise LegalRefused("words", _("Please say it in fewer words."))
    return text
