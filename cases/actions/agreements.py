"""Promises and plans. Amounts are minor units of the portfolio's currency, dates the portfolio's business dates.

What became of them is decided in `deciding.py`, from the ledger.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Authority, Role
from accounts.money import decimal_text
from accounts.schedules import Every, Instalment, equal_instalments
from accounts.standing import standing_of
from cases.actions.deciding import cancel_plan, cancel_promise
from cases.actions.legal import come_back
from cases.actions.transition import lock, move
from cases.models import Approval, Case, CaseState, Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.words import amount as amount_words
from cases.words import day as day_words
from compliance.audit import Actor, Stream, record


class AgreementRefused(Exception):
    """The terms do not hold; the text is a sentence. `code` says which term, `params` what would hold.

    `closed`, `nothing_owed`; `amount` (`most`, minor units); `due_on` and `first_due_on` (`earliest`, `latest`: dates,
    included); `count` (`least`, `most`); `interval` (`most_days`).
    """

    def __init__(self, code: str, sentence: str, **params: Any) -> None:
        super().__init__(sentence)
        self.code = code
        self.params = params


@transaction.atomic
def record_promise(
    *, case: Case, amount: int, due_on: date, channel: str, by: Actor, at: datetime
) -> Promise:
    """An amount by a date (included). A promise still open gives way to it; the same one, made today by the same person,
    stays as it is. Raises `AgreementRefused`."""
    case, today, outstanding = _terms_of(case, at)
    if not 0 < amount <= outstanding:
        most = amount_words(outstanding, case.portfolio.currency)
        raise AgreementRefused(
            "amount",
            _("A promise is for something, and at most for %(most)s.") % {"most": most},
            most=outstanding,
        )
    _check_day("due_on", due_on, case, today)
    same = Promise.objects.filter(
        case=case, state=PromiseState.OPEN, amount=amount, due_on=due_on, made_on=today, actor=by.ref
    ).first()
    if same:
        return same
    _cancel_open_promise(case, "replaced", by, at)
    promise = Promise.objects.create(
        case=case, amount=amount, due_on=due_on, channel=channel, made_at=at, made_on=today, actor=by.ref
    )
    currency = case.portfolio.currency
    record(
        "promise.recorded", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        promise=promise.pk, currency=currency, amount=decimal_text(amount, currency), due_on=due_on,
        channel=channel,
    )  # fmt: skip
    come_back(case=case, by=by, at=at, reason="promise_made")
    return promise


LEAST_INSTALMENTS = 2
MOST_DAYS_BETWEEN = 31


def propose_plan(
    *, case: Case, count: int, first_due_on: date, every: Every, at: datetime
) -> Sequence[Instalment]:
    """The instalments such a plan would have, for the screen; stores nothing. Raises `AgreementRefused`."""
    today = case.portfolio.business_date(at)
    outstanding = standing_of([case.loan_id], on=today)[case.loan_id].outstanding
    return _instalments(case, count, first_due_on, every, today, outstanding, Role.SUPERVISOR)


@transaction.atomic
def agree_plan(
    *,
    case: Case,
    count: int,
    first_due_on: date,
    every: Every,
    channel: str,
    by: Actor,
    at: datetime,
    approved: bool = False,
) -> Plan:
    """Equal instalments over everything outstanding, as many as the actor's role may agree, or a supervisor where
    `approved` by one; the case then pays in parts.

    A running plan and an open promise give way to it; the same plan, agreed today by the same person, stays as it is.
    Raises `AgreementRefused`, and `MoveRefused` where the case may not come to a plan from where it stands (nobody has
    spoken with the borrower yet).
    """
    case, today, outstanding = _terms_of(case, at)
    role = Role.SUPERVISOR if approved else authority_of(by)
    instalments = _instalments(case, count, first_due_on, every, today, outstanding, role)
    running = Plan.objects.filter(case=case, state=PlanState.ACTIVE).select_related("case").first()
    if running and _is_same(running, instalments, today, by):
        return running
    if running:
        cancel_plan(plan=running, reason="replaced", by=by, at=at)
    _cancel_open_promise(case, "plan_agreed", by, at)
    plan = Plan.objects.create(
        case=case, total=outstanding, agreed_at=at, agreed_on=today, channel=channel, actor=by.ref
    )
    PlanInstalment.objects.bulk_create(
        PlanInstalment(plan=plan, number=number, due_on=part.due_on, amount=part.amount)
        for number, part in enumerate(instalments, 1)
    )
    currency = case.portfolio.currency
    record(
        "plan.agreed", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        plan=plan.pk, currency=currency, total=decimal_text(outstanding, currency), instalments=count,
        first_due_on=first_due_on,
    )  # fmt: skip
    if case.state == CaseState.OVERDUE:
        case = move(case=case, to=CaseState.NEGOTIATING, by=by, at=at, reason="plan_agreed")
    if case.state != CaseState.INSTALLMENT_PLAN:
        move(case=case, to=CaseState.INSTALLMENT_PLAN, by=by, at=at, reason="plan_agreed")
    return plan


def plan_wanted(approval: Approval) -> dict[str, int]:
    """How much of which authority a proposed plan takes."""
    return {Authority.PLAN_INSTALMENTS: approval.proposal["count"]}


def agree_approved_plan(approval: Approval, by: Actor, at: datetime) -> Plan:
    """The plan a second person has just approved."""
    proposal = approval.proposal
    return agree_plan(
        case=approval.case,
        count=proposal["count"],
        first_due_on=date.fromisoformat(proposal["first_due_on"]),
        every=Every(months=proposal["months"], days=proposal["days"]),
        channel=proposal["channel"],
        by=by,
        at=at,
        approved=True,
    )


def authority_of(by: Actor) -> str:
    """The role whose authority an actor acts with. Parts of the system carry out what was agreed, with a supervisor's."""
    return by.user.role if by.user is not None else Role.SUPERVISOR


def _is_same(plan: Plan, instalments: Sequence[Instalment], today: date, by: Actor) -> bool:
    parts = list(plan.instalments.values_list("due_on", "amount"))
    return (plan.agreed_on, plan.actor) == (today, by.ref) and parts == [
        (part.due_on, part.amount) for part in instalments
    ]


def _terms_of(case: Case, at: datetime) -> tuple[Case, date, int]:
    """The case locked, its business date, and what is outstanding."""
    case = lock(case.pk)
    if not case.is_open:
        raise AgreementRefused("closed", _("This case is closed; nothing is agreed on it any more."))
    today = case.portfolio.business_date(at)
    outstanding = standing_of([case.loan_id], on=today)[case.loan_id].outstanding
    if outstanding <= 0:
        raise AgreementRefused("nothing_owed", _("Nothing is owed on this loan."))
    return case, today, outstanding


def _instalments(
    case: Case, count: int, first_due_on: date, every: Every, today: date, outstanding: int, role: str
) -> Sequence[Instalment]:
    most = min(case.portfolio.terms_on(today).limit(role, Authority.PLAN_INSTALMENTS), outstanding)
    if not LEAST_INSTALMENTS <= count <= most:
        raise AgreementRefused(
            "count",
            _("A plan has %(least)s to %(most)s instalments.") % {"least": LEAST_INSTALMENTS, "most": most},
            least=LEAST_INSTALMENTS,
            most=most,
        )
    _check_day("first_due_on", first_due_on, case, today)
    if every.months > 1 or every.days > MOST_DAYS_BETWEEN:
        raise AgreementRefused(
            "interval", _("Instalments are at most a month apart."), most_days=MOST_DAYS_BETWEEN
        )
    return equal_instalments(outstanding, count, first_due_on, every)


def _check_day(code: str, day: date, case: Case, today: date) -> None:
    days = case.portfolio.terms_on(today).limit(Role.AGENT, Authority.PROMISE_DAYS)
    latest = today + timedelta(days=days)
    if not today <= day <= latest:
        words = {"earliest": day_words(today), "latest": day_words(latest)}
        sentence = _("The day is between %(earliest)s and %(latest)s.") % words
        raise AgreementRefused(code, sentence, earliest=today, latest=latest)


def _cancel_open_promise(case: Case, reason: str, by: Actor, at: datetime) -> None:
    promise = Promise.objects.filter(case=case, state=PromiseState.OPEN).select_related("case").first()
    if promise:
        cancel_promise(promise=promise, reason=reason, by=by, at=at)
