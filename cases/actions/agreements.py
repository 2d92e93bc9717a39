"""Promises and plans. Amounts are minor units of the portfolio's currency, dates the portfolio's business dates.

What became of them is decided in `deciding.py`, from the ledger.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.actions.ledger import Posting, lock_loans, post
from accounts.models import Authority, EntryKind, Role, Terms
from accounts.money import decimal_text
from accounts.schedules import Every, Instalment
from accounts.standing import Standing, standing_of
from cases.actions.deciding import cancel_plan, cancel_promise
from cases.actions.legal import come_back
from cases.actions.transition import lock, move
from cases.models import Approval, Case, CaseState, Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.shapes import LEAST_INSTALMENTS, Shape
from cases.words import amount as amount_words
from cases.words import day as day_words
from compliance.audit import Actor, Stream, record
from compliance.audit.canonical import canonical


class AgreementRefused(Exception):
    """The terms do not hold; the text is a sentence. `code` says which term, `params` what would hold.

    `closed`, `nothing_owed`; `amount` (`most`, minor units); `due_on` and `first_due_on` (`earliest`, `latest`: dates,
    included); `count` (`least`, `most`); `interval` (`most_days`); `last_due_on` (`latest`); `waives_interest` (`most`);
    `shape`.
    """

    def __init__(self, code: str, sentence: str, **params: Any) -> None:
        super().__init__(sentence)
        self.code = code
        self.params = params


def record_promise(
    *, case: Case, amount: int, due_on: date, channel: str, by: Actor, at: datetime
) -> Promise:
    """One promise; `record_promises` says the rest."""
    [promise] = record_promises(case=case, parts=[(due_on, amount)], channel=channel, by=by, at=at)
    return promise


@transaction.atomic
def record_promises(
    *,
    case: Case,
    parts: Sequence[tuple[date, int]],
    channel: str,
    by: Actor,
    at: datetime,
    approved: bool = False,
) -> list[Promise]:
    """A series: amounts by dates (included), each decided on its own. Promises still open give way to it; the same ones,
    made today by the same person, stay as they are. The days are as far ahead as the actor's role may agree, or a
    supervisor where `approved` by one. Raises `AgreementRefused`."""
    case, today, outstanding = _terms_of(case, at)
    role = Role.SUPERVISOR if approved else authority_of(by)
    parts = sorted(parts)
    _check_promises(case, parts, today, outstanding, role)
    open_now = Promise.objects.filter(case=case, state=PromiseState.OPEN).select_related("case")
    made = list(open_now.order_by("number"))
    if (
        made
        and [(each.due_on, each.amount) for each in made] == parts
        and all((each.made_on, each.actor) == (today, by.ref) for each in made)
    ):
        return made
    _cancel_open_promises(case, "replaced", by, at)
    series = uuid7()
    currency = case.portfolio.currency
    promises = []
    for number, (due_on, amount) in enumerate(parts, 1):
        promise = Promise.objects.create(
            case=case, series=series, number=number, amount=amount, due_on=due_on, channel=channel, made_at=at,
            made_on=today, actor=by.ref,
        )  # fmt: skip
        record(
            "promise.recorded", stream=Stream.case(case.pk), by=by, at=at, case=case.pk,
            borrower=case.borrower_id, promise=promise.pk, currency=currency,
            amount=decimal_text(amount, currency), due_on=due_on, channel=channel,
        )  # fmt: skip
        promises.append(promise)
    come_back(case=case, by=by, at=at, reason="promise_made")
    return promises


def check_promises(*, case: Case, parts: Sequence[tuple[date, int]], at: datetime) -> None:
    """Whether a supervisor may agree to these; stores nothing. Raises `AgreementRefused`."""
    today = case.portfolio.business_date(at)
    outstanding = standing_of([case.loan_id], on=today)[case.loan_id].outstanding
    _check_promises(case, parts, today, outstanding, Role.SUPERVISOR)


def _check_promises(
    case: Case, parts: Sequence[tuple[date, int]], today: date, outstanding: int, role: str
) -> None:
    most = case.portfolio.terms_on(today).promises_at_once
    if not 0 < len(parts) <= most or len({due_on for due_on, _amount in parts}) < len(parts):
        sentence = _("At most %(most)s promises are made at once, each for another day.") % {"most": most}
        raise AgreementRefused("count", sentence, least=1, most=most)
    total = sum(amount for _due_on, amount in parts)
    if min(amount for _due_on, amount in parts) <= 0 or total > outstanding:
        words = amount_words(outstanding, case.portfolio.currency)
        raise AgreementRefused(
            "amount",
            _("A promise is for something, and at most for %(most)s.") % {"most": words},
            most=outstanding,
        )
    for due_on, _amount in parts:
        _check_day("due_on", due_on, case, today, role)


def promise_proposal(parts: Sequence[tuple[date, int]], channel: str) -> dict[str, Any]:
    """What a second person is asked about a series beyond somebody's authority."""
    return {
        "parts": [[due_on.isoformat(), amount] for due_on, amount in sorted(parts)],
        "channel": channel,
    }


def promise_wanted(approval: Approval) -> dict[str, int]:
    asked_on = approval.case.portfolio.business_date(approval.requested_at)
    last = max(due_on for due_on, _amount in promised_parts(approval))
    return {Authority.PROMISE_DAYS: (last - asked_on).days}


def promised_parts(approval: Approval) -> list[tuple[date, int]]:
    return [(date.fromisoformat(due_on), amount) for due_on, amount in approval.proposal["parts"]]


def record_approved_promises(approval: Approval, by: Actor, at: datetime) -> list[Promise]:
    """The promises a second person has just approved."""
    return record_promises(
        case=approval.case, parts=promised_parts(approval), channel=approval.proposal["channel"], by=by, at=at,
        approved=True,
    )  # fmt: skip


MOST_DAYS_BETWEEN = 31


def propose_plan(
    *,
    case: Case,
    count: int,
    first_due_on: date,
    every: Every,
    at: datetime,
    rise: int = 0,
    paydays: Sequence[int] = (),
    down: int = 0,
    waives_interest: int = 0,
) -> Sequence[Instalment]:
    """The instalments such a plan would have, for the screen; stores nothing. Raises `AgreementRefused`."""
    today = case.portfolio.business_date(at)
    standing = standing_of([case.loan_id], on=today)[case.loan_id]
    shape = _shape(count, first_due_on, every, rise, paydays, down, waives_interest, today)
    return _instalments(case, shape, today, standing, Role.SUPERVISOR)


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
    rise: int = 0,
    paydays: Sequence[int] = (),
    down: int = 0,
    waives_interest: int = 0,
    alternatives: Sequence[Mapping[str, Any]] = (),
    approved: bool = False,
) -> Plan:
    """A plan over everything outstanding less `waives_interest`, within what the actor's role may agree, or a supervisor
    where `approved` by one; the case then pays in parts. `rise` (percent) makes the parts grow, `paydays` (days of a month)
    put them on the borrower's own days, `down` is paid today and not counted; `cases.shapes.Shape` says how.

    A running plan and open promises give way to it; the same plan, agreed today by the same person, stays as it is. What
    the borrower was shown is kept word for word: the instalments, and the `alternatives` beside them (`told`).
    Raises `AgreementRefused`, and `MoveRefused` where the case may not come to a plan from where it stands (nobody has
    spoken with the borrower yet).
    """
    case, today, outstanding = _terms_of(case, at)
    role = Role.SUPERVISOR if approved else authority_of(by)
    standing = standing_of([case.loan_id], on=today)[case.loan_id]
    shape = _shape(count, first_due_on, every, rise, paydays, down, waives_interest, today)
    instalments = _instalments(case, shape, today, standing, role)
    running = Plan.objects.filter(case=case, state=PlanState.ACTIVE).select_related("case").first()
    if running and _is_same(running, instalments, today, by):
        return running
    if running:
        cancel_plan(plan=running, reason="replaced", by=by, at=at)
    _cancel_open_promises(case, "plan_agreed", by, at)
    total = outstanding - waives_interest
    shown = canonical(
        {
            "currency": case.portfolio.currency,
            "outstanding": outstanding,
            "agreed": told(shape, instalments),
            "alternatives": [dict(each) for each in alternatives],
        },
        limit=MOST_SHOWN,
    )
    plan = Plan.objects.create(
        case=case, total=total, agreed_at=at, agreed_on=today, channel=channel, actor=by.ref, replaces=running,
        shape=shape.as_json(), waived_interest=waives_interest, shown=shown.decode(),
        digest=sha256(shown).hexdigest(),
    )  # fmt: skip
    PlanInstalment.objects.bulk_create(
        PlanInstalment(plan=plan, number=number, due_on=part.due_on, amount=part.amount)
        for number, part in enumerate(instalments, 1)
    )
    if waives_interest:
        waiver = Posting(
            loan_id=case.loan_id, kind=EntryKind.WAIVER, reference=f"plan:{plan.pk}", value_date=today,
            amount=waives_interest, amounts={"interest": waives_interest},
        )  # fmt: skip
        post([waiver], by=by, at=at)
    currency = case.portfolio.currency
    record(
        "plan.agreed", stream=Stream.case(case.pk), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        plan=plan.pk, currency=currency, total=decimal_text(total, currency), instalments=len(instalments),
        first_due_on=instalments[0].due_on,
    )  # fmt: skip
    if case.state == CaseState.OVERDUE:
        case = move(case=case, to=CaseState.NEGOTIATING, by=by, at=at, reason="plan_agreed")
    if case.state != CaseState.INSTALLMENT_PLAN:
        move(case=case, to=CaseState.INSTALLMENT_PLAN, by=by, at=at, reason="plan_agreed")
    return plan


MOST_SHOWN = 1_000_000


def told(shape: Shape, instalments: Sequence[Instalment]) -> dict[str, Any]:
    """A plan as it is shown, for the record: how it was made and every instalment, minor units."""
    return shape.as_json() | {
        "instalments": [[part.due_on.isoformat(), part.amount] for part in instalments],
    }


def plan_wanted(approval: Approval) -> dict[str, int]:
    """How much of which authority a proposed plan takes."""
    return shape_wanted(Shape.of_json(approval.proposal))


def shape_wanted(shape: Shape) -> dict[str, int]:
    wanted: dict[str, int] = {Authority.PLAN_INSTALMENTS: shape.count}
    if shape.waives_interest:
        wanted[Authority.WAIVE_INTEREST] = shape.waives_interest
    return wanted


def agree_approved_plan(approval: Approval, by: Actor, at: datetime) -> Plan:
    """The plan a second person has just approved."""
    proposal = approval.proposal
    shape = Shape.of_json(proposal)
    return agree_plan(
        case=approval.case,
        count=shape.count,
        first_due_on=shape.first_due_on,
        every=shape.every,
        rise=shape.rise,
        paydays=shape.paydays,
        down=shape.down,
        waives_interest=shape.waives_interest,
        alternatives=proposal.get("alternatives", ()),
        channel=proposal["channel"],
        by=by,
        at=at,
        approved=True,
    )


def authority_of(by: Actor) -> str:
    """The role whose authority an actor acts with: an agency's staff an agent's; parts of the system, which carry out what
    was agreed, a supervisor's."""
    if by.user is None:
        return Role.SUPERVISOR
    return Role.AGENT if by.user.role == Role.AGENCY else by.user.role


def _is_same(plan: Plan, instalments: Sequence[Instalment], today: date, by: Actor) -> bool:
    parts = list(plan.instalments.values_list("due_on", "amount"))
    return (plan.agreed_on, plan.actor) == (today, by.ref) and parts == [
        (part.due_on, part.amount) for part in instalments
    ]


def _terms_of(case: Case, at: datetime) -> tuple[Case, date, int]:
    """The case and its loan locked, its business date, and what is outstanding: a payment comes before the agreement and is
    in what is owed, or after it and counts towards it."""
    case = lock(case.pk)
    if not case.is_open:
        raise AgreementRefused("closed", _("This case is closed; nothing is agreed on it any more."))
    lock_loans([case.loan_id])
    today = case.portfolio.business_date(at)
    outstanding = standing_of([case.loan_id], on=today)[case.loan_id].outstanding
    if outstanding <= 0:
        raise AgreementRefused("nothing_owed", _("Nothing is owed on this loan."))
    return case, today, outstanding


def _shape(
    count: int,
    first_due_on: date,
    every: Every,
    rise: int,
    paydays: Sequence[int],
    down: int,
    waives_interest: int,
    today: date,
) -> Shape:
    return Shape(
        count=count, first_due_on=first_due_on, every=every, rise=rise, paydays=tuple(paydays), down=down,
        down_on=today if down else None, waives_interest=waives_interest,
    )  # fmt: skip


def _instalments(
    case: Case, shape: Shape, today: date, standing: Standing, role: str
) -> Sequence[Instalment]:
    terms = case.portfolio.terms_on(today)
    total = standing.outstanding - shape.waives_interest
    most = min(terms.limit(role, Authority.PLAN_INSTALMENTS), total)
    if not LEAST_INSTALMENTS <= shape.count <= most:
        raise AgreementRefused(
            "count",
            _("A plan has %(least)s to %(most)s instalments.") % {"least": LEAST_INSTALMENTS, "most": most},
            least=LEAST_INSTALMENTS,
            most=most,
        )
    _check_waiver(case, shape, terms, standing, role)
    _check_day("first_due_on", shape.first_due_on, case, today, Role.AGENT)
    if shape.every.months > 1 or shape.every.days > MOST_DAYS_BETWEEN:
        raise AgreementRefused(
            "interval", _("Instalments are at most a month apart."), most_days=MOST_DAYS_BETWEEN
        )
    try:
        instalments = shape.instalments(total)
    except ValueError:
        raise AgreementRefused("shape", _("These terms do not make a plan.")) from None
    latest = today + timedelta(days=terms.plan_most_days)
    if instalments[-1].due_on > latest:
        sentence = _("The last instalment is due by %(latest)s at the latest.") % {
            "latest": day_words(latest)
        }
        raise AgreementRefused("last_due_on", sentence, latest=latest)
    return instalments


def _check_waiver(case: Case, shape: Shape, terms: Terms, standing: Standing, role: str) -> None:
    most = min(terms.limit(role, Authority.WAIVE_INTEREST), standing.interest)
    if shape.waives_interest and not 0 < shape.waives_interest <= most:
        words = {"most": amount_words(most, case.portfolio.currency)}
        sentence = _("Of the interest at most %(most)s can be given up.") % words
        raise AgreementRefused("waives_interest", sentence, most=most)


def _check_day(code: str, day: date, case: Case, today: date, role: str) -> None:
    days = case.portfolio.terms_on(today).limit(role, Authority.PROMISE_DAYS)
    latest = today + timedelta(days=days)
    if not today <= day <= latest:
        words = {"earliest": day_words(today), "latest": day_words(latest)}
        sentence = _("The day is between %(earliest)s and %(latest)s.") % words
        raise AgreementRefused(code, sentence, earliest=today, latest=latest)


def _cancel_open_promises(case: Case, reason: str, by: Actor, at: datetime) -> None:
    open_now = Promise.objects.filter(case=case, state=PromiseState.OPEN).select_related("case")
    for promise in open_now.order_by("number"):
        cancel_promise(promise=promise, reason=reason, by=by, at=at)
