"""Calls: placed through the gate, and logged with an outcome that says as data what follows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.borrowers import retire_contact_point
from accounts.models import Borrower, ContactKind, ContactPoint, Relation, User
from accounts.schedules import Every
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.complaints import complain
from cases.actions.notes import add_note, record_reason
from cases.actions.scripts import finish_script
from cases.actions.transition import lock, move
from cases.actions.work import CALL_KINDS, finish_work, plan_work, take
from cases.dispositions import DISPOSITIONS, Disposition
from cases.models import Call, Case, CaseState, Plan, PlanState, Promise, PromiseState, WorkKind
from compliance.actions import contacts, gate
from compliance.actions.consents import record_consent
from compliance.actions.holds import open_hold
from compliance.actions.overrides import usable_override
from compliance.audit import Actor
from compliance.facts import local_zone
from compliance.models import Channel, Complaint, ConsentKind
from compliance.models.contact import Direction
from compliance.rules import Decision, Purpose
from compliance.sentences import explain

CALL_BACK_WITHIN = timedelta(days=14)
AGAIN = timedelta(minutes=1)


class CallRefused(Exception):
    """The gate does not allow the call now. The text is the first reason as a sentence; `decision` holds all of them and
    `next_allowed` the moment from which it may become possible, None where none is known."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(explain(decision.reasons[0]) if decision.reasons else "")
        self.decision = decision
        self.next_allowed = decision.next_allowed


class NotPlaced(Exception):
    """The case is not with the agency of the person any more."""

    def __init__(self) -> None:
        super().__init__(_("This case is not with your agency any more."))


class CallOpen(Exception):
    """The agent has a call whose outcome is not logged yet; it comes first."""

    def __init__(self, call: Call) -> None:
        super().__init__(_("Please say first how the last call went."))
        self.call = call


class CallNotLogged(Exception):
    """Nothing was stored; the text is a sentence.

    `code`: `no_disposition`, `logged` (already), `agreement` (a promise or plan is missing), `callback` (its time is
    missing), `callback_time` (past, or more than two weeks away), `complaint` (category or words are missing), `closed`
    (terms were given on a closed case), `not_spoken` (an inbound call is somebody speaking).
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class PromiseTerms:
    """Minor units of the portfolio's currency, by a date (included)."""

    amount: int
    due_on: date


@dataclass(frozen=True, kw_only=True)
class PlanTerms:
    count: int
    first_due_on: date
    every: Every


@dataclass(frozen=True, kw_only=True)
class ComplaintTerms:
    """`words` are the borrower's own."""

    category: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Details:
    """What belongs to an outcome beside its code; what a disposition needs must be here, or be on the case already."""

    call_back_at: datetime | None = None
    promise: PromiseTerms | None = None
    plan: PlanTerms | None = None
    complaint: ComplaintTerms | None = None
    reason: str = ""  # of cases/reasons.py
    note: str = ""


NOTHING = Details()


def open_call(user: User) -> Call | None:
    """The call this agent has placed and not logged yet."""
    calls = Call.objects.filter(agent=user, logged_at=None).select_related("case", "attempt__contact_point")
    return calls.order_by("-placed_at").first()


OWING = frozenset({"borrower", Relation.CO_BORROWER, Relation.GUARANTOR})
SPEAKING = frozenset({Relation.ATTORNEY, Relation.REPRESENTATIVE})


def purpose_towards(point: ContactPoint) -> str:
    """Why we would call this number: those who owe, or who speak for the borrower, about paying; anybody else only to find
    the borrower."""
    about_paying = point.owner in OWING or point.owner in SPEAKING
    return Purpose.COLLECT if about_paying else Purpose.LOCATION_INFORMATION


def place_call(*, case: Case, contact_point: ContactPoint, user: User, at: datetime) -> Call:
    """Ask the gate, and where it allows spend its permit: the call may be dialled now.

    A call that is presumed to be a violation is placed once where a second person has approved it. Raises `CallRefused`;
    `CallOpen` while an earlier call waits for its outcome; `LeaseHeld` when somebody else works on the case. The gate's
    answer is stored either way, so this runs outside any transaction. Who collects for an agency calls about what is placed
    with it (`NotPlaced`); the database holds the placement until the attempt is stored.
    """
    _check_logged(user)
    if user.agency_id and not Case.objects.filter(pk=case.pk).visible_to(user).exists():
        raise NotPlaced
    take(case=case, user=user, at=at)
    by = Actor.staff(user)
    question = {"channel": Channel.CALL, "purpose": purpose_towards(contact_point)}
    override = usable_override(
        borrower=case.borrower_id, contact_point=contact_point.pk, requester=user, at=at, **question
    )  # fmt: skip
    answer = gate.ask(
        borrower=case.borrower,
        contact_point=contact_point,
        loans=[case.loan_id],
        by=by,
        at=at,
        case=case.pk,
        override=override,
        **question,
    )
    if answer.permit_id is None:
        raise CallRefused(answer.decision)
    with transaction.atomic():
        # Two clicks ask one after the other: the second finds the call of the first, and its permit is left to expire.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _check_logged(user)
        attempt = contacts.place(permit_id=answer.permit_id, by=by, at=at, case=case.pk)
        return Call.objects.create(case=case, attempt=attempt, agent=user, placed_at=at)


def _check_logged(user: User) -> None:
    # Hardly ever is there one: the whole of it is only read then.
    if Call.objects.filter(agent=user, logged_at=None).exists() and (waiting := open_call(user)):
        raise CallOpen(waiting)


@transaction.atomic
def log_call(*, call: Call, disposition: str, by: Actor, at: datetime, details: Details = NOTHING) -> Call:
    """Store what came of a call and do all that its disposition says.

    Raises `CallNotLogged`, and `AgreementRefused` or `MoveRefused` where the terms or the map do not allow what was agreed;
    then nothing is stored.
    """
    chosen = _disposition(disposition)
    case = _lock(call.case_id)
    call = (
        Call.objects.select_for_update(of=("self",)).select_related("attempt__contact_point").get(pk=call.pk)
    )
    if call.logged_at:
        raise CallNotLogged("logged", _("The outcome of this call is stored already."))
    _check(chosen, details, case, since=call.placed_at, at=at)
    contacts.note_outcome(
        attempt=call.attempt, disposition=chosen.code, connected=chosen.connected, answered=chosen.answered,
        right_party=chosen.right_party, conversation=chosen.conversation, by=by, at=at, case=case.pk,
    )  # fmt: skip
    call.logged_at, call.disposition = at, chosen.code
    call.save(update_fields=["logged_at", "disposition"])
    _apply(chosen, details, case=case, call=call, by=by, at=at)
    return call


@transaction.atomic
def log_inbound(
    *,
    case: Case,
    disposition: str,
    user: User,
    at: datetime,
    contact_point: ContactPoint | None = None,
    details: Details = NOTHING,
) -> Call:
    """The borrower called us: no permit is needed, the rest is as with `log_call`. Raises as `log_call` does."""
    chosen = _disposition(disposition)
    if not chosen.spoke:
        raise CallNotLogged("not_spoken", _("Please choose what the borrower said."))
    by = Actor.staff(user)
    case = _lock(case.pk)
    if _logged_just_now(case, user, chosen, at):
        raise CallNotLogged("logged", _("The outcome of this call is stored already."))
    _check(chosen, details, case, since=at, at=at)
    attempt = contacts.note_inbound(
        borrower=case.borrower, channel=Channel.CALL, loans=[case.loan_id], by=by, at=at,
        disposition=chosen.code, right_party=chosen.right_party, conversation=chosen.conversation,
        contact_point=contact_point, case=case.pk,
    )  # fmt: skip
    call = Call.objects.create(
        case=case, attempt=attempt, agent=user, placed_at=at, logged_at=at, disposition=chosen.code
    )
    _apply(chosen, details, case=case, call=call, by=by, at=at)
    return call


def _logged_just_now(case: Case, user: User, chosen: Disposition, at: datetime) -> bool:
    """A second click: nobody calls twice in a minute to say the same."""
    inbound = Call.objects.filter(
        case=case, agent=user, disposition=chosen.code, attempt__direction=Direction.IN
    )
    return inbound.filter(logged_at__gt=at - AGAIN).exists()


def _lock(case_id: UUID) -> Case:
    """The case and its borrower: an outcome may open a hold, and the gate takes the borrower before any event."""
    case = lock(case_id)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    return case


def _disposition(code: str) -> Disposition:
    try:
        return DISPOSITIONS[code]
    except KeyError:
        raise CallNotLogged("no_disposition", _("Please choose how the call went.")) from None


def _check(chosen: Disposition, details: Details, case: Case, since: datetime, at: datetime) -> None:
    """What the disposition needs is here, or was recorded on the case during the call (`since`)."""
    if (details.promise or details.plan) and not case.is_open:
        raise CallNotLogged("closed", _("This case is closed; nothing is agreed on it any more."))
    if chosen.needs == "agreement" and not (details.promise or details.plan or _agreed_since(case, since)):
        raise CallNotLogged("agreement", _("Please add what was promised: an amount and a day, or a plan."))
    if chosen.needs == "callback":
        if details.call_back_at is None:
            raise CallNotLogged("callback", _("Please add when to call back."))
        if not at < details.call_back_at <= at + CALL_BACK_WITHIN:
            raise CallNotLogged("callback_time", _("A call back is later than now and within two weeks."))
    if chosen.needs == "complaint" and not (details.complaint or _complained_since(case, since)):
        raise CallNotLogged(
            "complaint", _("Please add what the complaint is about, in the borrower's words.")
        )


def _agreed_since(case: Case, since: datetime) -> bool:
    return (
        Promise.objects.filter(case=case, state=PromiseState.OPEN, made_at__gte=since).exists()
        or Plan.objects.filter(case=case, state=PlanState.ACTIVE, agreed_at__gte=since).exists()
    )


def _complained_since(case: Case, since: datetime) -> bool:
    return Complaint.objects.filter(borrower=case.borrower_id, received_at__gte=since).exists()


def _apply(chosen: Disposition, details: Details, *, case: Case, call: Call, by: Actor, at: datetime) -> None:
    """Everything the disposition and its details say, in the order in which one thing needs another."""
    for run in case.script_runs.filter(finished_at=None):
        finish_script(run=run, by=by, at=at)
    if details.note:
        add_note(case=case, body=details.note, author=call.agent, at=at)
    if details.reason:
        record_reason(case=case, reason=details.reason, by=by, at=at)
    finish_work(case=case, kinds=CALL_KINDS, due_by=at, result=chosen.code, by=by, at=at)
    point = call.attempt.contact_point
    if chosen.retire and point:
        retire_contact_point(
            point=point, status=chosen.retire, reason=chosen.code, by=by, at=at, case=case.pk
        )
    if chosen.hold:
        open_hold(
            borrower=case.borrower, kind=chosen.hold.kind, loan=case.loan if chosen.hold.of_loan else None,
            days=chosen.hold.days, by=by, at=at, case=case.pk,
        )  # fmt: skip
    if chosen.needs == "callback" and details.call_back_at:
        _agree_call_back(case, call, details.call_back_at, by, at)
    if details.complaint:
        complain(
            case=case, category=details.complaint.category, words=details.complaint.words, channel=Channel.CALL,
            by=by, at=at,
        )  # fmt: skip
    if chosen.spoke and case.state in (CaseState.OVERDUE, CaseState.NOTIFIED):
        case = move(case=case, to=CaseState.NEGOTIATING, by=by, at=at, reason="spoke")
    if details.promise:
        record_promise(
            case=case, amount=details.promise.amount, due_on=details.promise.due_on, channel=Channel.CALL, by=by,
            at=at,
        )  # fmt: skip
    if details.plan:
        agree_plan(
            case=case, count=details.plan.count, first_due_on=details.plan.first_due_on,
            every=details.plan.every, channel=Channel.CALL, by=by, at=at,
        )  # fmt: skip
    if case.is_open and case.state != CaseState.LEGAL:
        _plan_next(chosen, case, by, at)


def _agree_call_back(case: Case, call: Call, when: datetime, by: Actor, at: datetime) -> None:
    """The borrower asked for this call: consent for its day, by the borrower's own date, and the case comes back then."""
    day = when.astimezone(ZoneInfo(local_zone(case.borrower, case.portfolio.zone))).date()
    record_consent(
        borrower=case.borrower, kind=ConsentKind.CALL_BACK, from_on=day, to_on=day,
        evidence=f"attempt:{call.attempt_id}", by=by, at=at, case=case.pk,
    )  # fmt: skip
    if case.is_open:
        plan_work(
            case=case,
            kind=WorkKind.CALLBACK,
            due_at=when,
            reason="asked_for",
            assignee=call.agent,
            by=by,
            at=at,
        )


def _plan_next(chosen: Disposition, case: Case, by: Actor, at: datetime) -> None:
    """The next step the disposition names. Whoever has agreed to pay is left in peace until the day comes."""
    if chosen.work is None or chosen.work.kind == WorkKind.CALLBACK:
        return
    kind, due_at = chosen.work.kind, at + chosen.work.delay
    if chosen.retire and not _callable(case):
        kind, due_at = WorkKind.ADDRESS, at
    elif kind == WorkKind.FOLLOW_UP and _agreed(case):
        return
    plan_work(case=case, kind=kind, due_at=due_at, reason=chosen.code, by=by, at=at)


def _callable(case: Case) -> bool:
    points = ContactPoint.objects.usable().filter(borrower=case.borrower_id, related_person=None)
    return points.filter(kind=ContactKind.PHONE).exists()


def _agreed(case: Case) -> bool:
    return (
        Promise.objects.filter(case=case, state=PromiseState.OPEN).exists()
        or Plan.objects.filter(case=case, state=PlanState.ACTIVE).exists()
    )
