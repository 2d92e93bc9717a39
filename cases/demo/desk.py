"""The agents of the demo at work: the next case, a call where it is lawful, and what came of it, as at the real desk."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.actions.borrowers import add_contact_point
from accounts.models import ContactKind, ContactPoint, PaymentCandidate, PaymentState, User
from accounts.schedules import Every, equal_instalments
from accounts.standing import standing_of
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.calls import (
    CallRefused,
    ComplaintTerms,
    Details,
    PlanTerms,
    PromiseTerms,
    log_call,
    log_inbound,
    place_call,
)
from cases.actions.notes import add_note
from cases.actions.scripts import answer_step, finish_script, start_script
from cases.actions.work import CALL_KINDS, finish_work, plan_work, take_next
from cases.demo import figures
from cases.demo.debts import DAY, Debt
from cases.demo.sayings import COMPLAINTS, NOTES
from cases.demo.scripted import Said, Script, Way
from cases.demo.staff import Crew
from cases.models import Call, Case, CaseState, WorkItem, WorkKind
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import Channel, HoldKind
from compliance.rules import Decision

SPOKEN = frozenset(
    {
        "promises",
        "cannot_pay",
        "refuses",
        "call_back",
        "says_paid",
        "disputes",
        "complaint",
        "ill_or_bereaved",
    }
)
# Reasons for being late that the outcome itself tells.
TOLD = {"disputes": "disputes", "refuses": "unwilling", "ill_or_bereaved": "illness"}
# Shares: conversations walked by the script, calls with a note, hardship among those who cannot pay, searches that find a
# new number.
SCRIPTED, NOTED, HARDSHIP, FOUND = 0.15, 0.25, 0.25, 0.45


class Desk:
    """Does what agents do, by `debts`, the borrowers' own plans under their loans' numbers."""

    def __init__(self, debts: Mapping[str, Debt]) -> None:
        self.debts = debts
        self.script = Script("first_call")

    def turn(self, crew: Crew, agent: User, at: datetime) -> None:
        """One case from the queue, and its most pressing step."""
        case = take_next(user=agent, at=at)
        if case is None:
            return
        due = WorkItem.objects.filter(case=case, done_at=None, due_at__lte=at).order_by("rank")
        kind = due.values_list("kind", flat=True)[0]
        if kind in CALL_KINDS:
            self.call(crew, case, agent, kind, at)
        elif kind == WorkKind.TRACE:
            self.trace(crew, case, agent, at)
        else:
            self.search(crew, case, agent, at)

    # Calls

    def call(self, crew: Crew, case: Case, agent: User, kind: str, at: datetime) -> None:
        by = Actor.staff(agent)
        point = phone_of(case)
        if point is None:
            finish_work(case=case, kinds=CALL_KINDS, due_by=at, result="no_number", by=by, at=at)
            plan_work(case=case, kind=WorkKind.ADDRESS, due_at=at, reason="no_number", by=by, at=at)
            return
        try:
            call = place_call(case=case, contact_point=point, user=agent, at=at)
        except CallRefused as refused:
            _put_off(case, agent, kind, refused.decision, at)
            return
        self._talk(crew, call, at)

    def call_in(
        self, crew: Crew, case: Case, agent: User, says: str, at: datetime, terms: Details | None = None
    ) -> None:
        """The borrower calls and says this, on these terms or on any. Who has terms of their own will not keep them."""
        debt = self.debts[case.loan.external_id]
        details = terms or _affordable(case, self._details(crew, debt, says, at), at)
        log_inbound(
            case=case, disposition=says, user=agent, at=at, contact_point=phone_of(case), details=details
        )
        if terms:
            debt.coming = []
        else:
            _remember(debt, says, details, crew.portfolio.business_date(at))

    def _talk(self, crew: Crew, call: Call, at: datetime) -> None:
        """What came of a call that was placed."""
        case, by = call.case, Actor.staff(call.agent)
        debt = self.debts[case.loan.external_id]
        disposition = _outcome(debt)
        details = _affordable(case, self._details(crew, debt, disposition, at), at)
        spoken = disposition in SPOKEN
        ends = at + timedelta(seconds=debt.rng.randint(90, 600) if spoken else debt.rng.randint(10, 60))
        to_log = details
        if spoken and debt.rng.random() < SCRIPTED and (way := self._way(case, disposition, details, debt)):
            to_log = self._walk(call, way, details, at, ends)
        log_call(call=call, disposition=disposition, by=by, at=ends, details=to_log)
        _remember(debt, disposition, details, crew.portfolio.business_date(at))
        if disposition == "cannot_pay" and debt.rng.random() < HARDSHIP:
            hardship: dict[str, Any] = {"kind": HoldKind.HARDSHIP, "days": 30, "loan": case.loan}
            open_hold(borrower=case.borrower, by=by, at=ends, case=case.pk, **hardship)

    def _details(self, crew: Crew, debt: Debt, disposition: str, at: datetime) -> Details:
        """What is added to an outcome: what it needs, and now and then a note."""
        rng, language = debt.rng, crew.product.language
        details = Details(reason=TOLD.get(disposition, ""))
        noted = disposition
        if disposition in ("promises", "cannot_pay"):
            details = replace(details, reason=_pick(rng, figures.REASONS))
        if disposition == "promises" and rng.random() < figures.PLANS:
            details, noted = replace(details, plan=_plan(crew, rng, at)), "plan"
        elif disposition == "promises":
            details = replace(details, promise=_promise(crew, debt, at))
        elif disposition == "call_back":
            details = replace(details, call_back_at=_call_back(crew, rng, at))
        elif disposition == "complaint":
            category = _pick(rng, figures.COMPLAINT_SHARE)
            complaint = ComplaintTerms(category=category, words=COMPLAINTS[language][category])
            details = replace(details, complaint=complaint)
        if rng.random() < NOTED:
            details = replace(details, note=NOTES[language].get(noted, ""))
        return details

    # The script

    def _way(self, case: Case, disposition: str, details: Details, debt: Debt) -> Way | None:
        if details.plan and case.state == CaseState.OVERDUE:
            return None  # a plan needs a conversation that is on record, and this one is not yet
        filled_in = {
            "promise": details.promise,
            "plan": details.plan,
            "call_back": details.call_back_at,
            "complaint": details.complaint,
        }
        forms = frozenset(form for form, terms in filled_in.items() if terms)
        return self.script.way(disposition, forms, debt.rng)

    def _walk(self, call: Call, way: Way, details: Details, at: datetime, ends: datetime) -> Details:
        """Go the script's way and fill in its forms where they come; returns what is left for the log."""
        case, by = call.case, Actor.staff(call.agent)
        run = start_script(case=case, user=call.agent, at=at, call=call, key=self.script.key)
        pause = (ends - at) / (len(way.said) + 1)
        for number, said in enumerate(way.said, 1):
            moment = at + number * pause
            answer_step(run=run, step=said.step, answer=said.answer, said=said.must_say, by=by, at=moment)
            _fill_in(case, said, details, by, moment)
        finish_script(run=run, by=by, at=ends)
        return replace(details, promise=None, plan=None, reason="" if way.reason else details.reason)

    # Other steps

    def trace(self, crew: Crew, case: Case, agent: User, at: datetime) -> None:
        """Look for the payment: one that may be it waits for the supervisor; without any the talk goes on another day."""
        by, language = Actor.staff(agent), crew.product.language
        waiting = PaymentCandidate.objects.filter(loan=case.loan_id, payment__state=PaymentState.UNMATCHED)
        if waiting.exists():
            plan_work(case=case, kind=WorkKind.TRACE, due_at=at + DAY, reason="payment_waits", by=by, at=at)
            return
        add_note(case=case, body=NOTES[language]["trace"], author=agent, at=at)
        finish_work(case=case, kinds=[WorkKind.TRACE], result="not_found", by=by, at=at)
        plan_work(case=case, kind=WorkKind.FOLLOW_UP, due_at=at + 3 * DAY, reason="not_found", by=by, at=at)

    def search(self, crew: Crew, case: Case, agent: User, at: datetime) -> None:
        """Find a way to reach somebody: now and then they have given the wallet a new number."""
        by, debt = Actor.staff(agent), self.debts[case.loan.external_id]
        if debt.rng.random() >= FOUND:
            plan_work(case=case, kind=WorkKind.ADDRESS, due_at=at + 5 * DAY, reason="not_found", by=by, at=at)
            return
        add_contact_point(
            borrower=case.borrower, kind=ContactKind.PHONE, text=_new_number(debt), source="wallet",
            ground="contract", verified_on=crew.portfolio.business_date(at), by=by, at=at, case=case.pk,
        )  # fmt: skip
        add_note(case=case, body=NOTES[crew.product.language]["found"], author=agent, at=at)
        finish_work(case=case, kinds=[WorkKind.ADDRESS], result="found", by=by, at=at)
        plan_work(case=case, kind=WorkKind.FIRST_CALL, due_at=at, reason="number_found", by=by, at=at)


def phone_of(case: Case) -> ContactPoint | None:
    """The borrower's own number to call."""
    points = ContactPoint.objects.usable().filter(borrower=case.borrower_id, related_person=None)
    return points.filter(kind=ContactKind.PHONE).order_by("-pk").first()


def working_day(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def _put_off(case: Case, agent: User, kind: str, decision: Decision, at: datetime) -> None:
    """Not now: the step comes back when a call may be lawful again."""
    plan_work(
        case=case, kind=kind, due_at=decision.next_allowed or at + DAY, reason="not_now", by=Actor.staff(agent),
        at=at, assignee=agent if kind == WorkKind.CALLBACK else None,
    )  # fmt: skip


def _fill_in(case: Case, said: Said, details: Details, by: Actor, at: datetime) -> None:
    terms: dict[str, Any] = {"case": case, "channel": Channel.CALL, "by": by, "at": at}
    if said.form == "promise" and (promise := details.promise):
        record_promise(amount=promise.amount, due_on=promise.due_on, **terms)
    elif said.form == "plan" and (plan := details.plan):
        agree_plan(count=plan.count, first_due_on=plan.first_due_on, every=plan.every, **terms)


def _outcome(debt: Debt) -> str:
    success = figures.SUCCESS_BY_ATTEMPT
    earlier, debt.calls = debt.calls, debt.calls + 1
    if debt.rng.random() < success[min(earlier, len(success) - 1)]:
        return "promises"
    return _pick(debt.rng, figures.OTHER_OUTCOMES)


def _affordable(case: Case, details: Details, at: datetime) -> Details:
    """Nobody promises more than the ledger says is owed, or nothing, whatever they remember of what they paid."""
    if details.promise is None:
        return details
    owed = standing_of([case.loan_id], on=case.portfolio.business_date(at))[case.loan_id].outstanding
    amount = min(details.promise.amount, owed) if details.promise.amount > 0 else owed
    return replace(details, promise=replace(details.promise, amount=amount))


def _promise(crew: Crew, debt: Debt, at: datetime) -> PromiseTerms:
    rng, today = debt.rng, crew.portfolio.business_date(at)
    amount = debt.arrears(today) or debt.outstanding
    if rng.random() < figures.PROMISES_IN_PART:
        amount = max(1, int(amount * rng.uniform(0.3, 0.8)))
    return PromiseTerms(amount=amount, due_on=today + rng.randint(1, 10) * DAY)


def _plan(crew: Crew, rng: random.Random, at: datetime) -> PlanTerms:
    first_due_on = crew.portfolio.business_date(at) + rng.randint(3, 9) * DAY
    every = Every(days=rng.choice((7, 14, 14, 30)))
    return PlanTerms(count=rng.randint(2, 4), first_due_on=first_due_on, every=every)


def _call_back(crew: Crew, rng: random.Random, at: datetime) -> datetime:
    """A working day within a week, at an hour of the team's."""
    zone = ZoneInfo(crew.product.zone)
    day = working_day(at.astimezone(zone).date() + rng.randint(1, 4) * DAY)
    return datetime.combine(day, time(rng.choice(crew.product.shift[1:-1]), rng.choice((0, 30))), zone)


def _new_number(debt: Debt) -> str:
    """Beside the blocks of the book: 199 0002 xxxx, or the last fifty numbers kept for fiction in the area."""
    phone = debt.loan.person.phone
    if phone.startswith("+86"):
        return f"+861990002{phone[-4:]}"
    return f"{phone[:-2]}{(int(phone[-2:]) + 25) % 100:02d}"


def _remember(debt: Debt, disposition: str, details: Details, today: date) -> None:
    """How the borrower will pay after this talk."""
    if details.promise:
        debt.promised(details.promise.amount, today, details.promise.due_on)
    elif details.plan:
        plan = details.plan
        debt.plans(equal_instalments(debt.outstanding, plan.count, plan.first_due_on, plan.every))
    elif disposition == "says_paid":
        debt.says_paid(today)
    elif disposition == "ill_or_bereaved":
        debt.rests(today + 14 * DAY)


def _pick(rng: random.Random, shares: Mapping[str, float]) -> str:
    return rng.choices(list(shares), weights=list(shares.values()))[0]
