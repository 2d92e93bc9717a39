"""Drawing what is due under a mandate: announced days before, decided on the day, drawn at most once, and told apart where
nobody can know.

    announced → decided → on the wire → drawn | not drawn | uncertain
                                      ↘ stopped before it left

A debit is committed before the provider is asked. Whoever dies in between leaves one without an outcome, which the
sweep calls uncertain: it is never drawn again by itself, and until a person has said what came of it nothing else is
drawn from the loan.

Locks are taken in one order: the case, its mandate, then as everywhere.
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts.actions.mandates import Limits, tell_ended
from accounts.actions.payments import PaymentRefused
from accounts.debiting import DebitAnswer, DebitFacts, decide_debit
from accounts.models import (
    Borrower,
    ContactPoint,
    Debit,
    DebitDecision,
    DebitNotice,
    DebitOutcome,
    DebitState,
    Mandate,
    PaymentCandidate,
    Portfolio,
)
from accounts.money import decimal_text
from accounts.pulls import Answer, LeftUnknown, Line, Order, ProviderDown, provider
from accounts.standing import standing_of
from cases.actions.deciding import progress
from cases.actions.payments import record_payment
from cases.actions.transition import lock
from cases.models import Case, CaseMessage, CaseState, DebitMessage, Plan, PlanState, Promise, PromiseState
from cases.words import amount as amount_words
from cases.words import day as day_words
from communications.actions import messages
from communications.channels import configured
from communications.models import Message, MessageStatus
from communications.texts import TextError, current_template
from compliance.actions.gate import packs
from compliance.audit import Actor, Stream, record
from compliance.audit.canonical import canonical
from compliance.facts import KIND_OF_CHANNEL
from compliance.models import Channel, Hold
from compliance.rules.terms import Matter, ask, book_for

logger = logging.getLogger(__name__)

DEBITS = Actor.system("debits")
SWEEP = Actor.system("sweep")
TEXT = "debit_notice"
DAY = timedelta(days=1)
ANNOUNCED_AHEAD = timedelta(days=60)
ON_THE_WIRE = timedelta(minutes=10)
"""Longer than any provider may take to answer. A debit still without an outcome then has lost its worker."""


class DebitRefused(Exception):
    """`code`: `closed` (the case), `mandate` (none that lives), `amount`, `day`, `announced` (one waits for that day),
    `no_way` (nowhere to send the announcement), `known` (what came of it was told before), `reference`; the text is a
    sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def limits_of(portfolio: Portfolio, at: datetime) -> Limits:
    """The longest notice and the fewest failures of every pack that applies, house policy among them."""
    matter = Matter(
        role=portfolio.our_role, jurisdictions=tuple(portfolio.jurisdictions), zone=portfolio.zone
    )
    values = ask("debit_limits", matter, book_for(packs(), portfolio.jurisdictions), at=at).values
    return Limits(notice_days=values["notice_days"], failures_end=values["failures_end"])


def due_on(case: Case, on: date) -> int:
    """What may be asked for on a day, minor units: what the contract makes due by then, and no more than what was agreed
    instead of it makes due."""
    standing = standing_of([case.loan_id], on)[case.loan_id]
    by_then = standing_of([case.loan_id], on + DAY)[case.loan_id].arrears
    due = min(by_then, max(standing.outstanding, 0))
    promises = list(Promise.objects.filter(case=case, state=PromiseState.OPEN))
    plan = Plan.objects.filter(case=case, state=PlanState.ACTIVE).first()
    if not promises and plan is None:
        return due
    paid = progress(case_ids=[case.pk], on=on)
    agreed = sum(max(each.amount - paid.get(each.pk, 0), 0) for each in promises if each.due_on <= on)
    if plan is not None:
        parts = plan.instalments.filter(due_on__lte=on).values_list("amount", flat=True)
        agreed += max(sum(parts) - paid.get(plan.pk, 0), 0)
    return min(due, agreed)


# Announcing


@transaction.atomic
def announce_debit(
    *, case: Case, mandate: Mandate, amount: int, collect_on: date, by: Actor, at: datetime
) -> DebitNotice:
    """Tell the borrower days before what will be drawn at most, and when. Nothing is drawn without it. The same announcement
    again is returned as it is. Raises `DebitRefused` and `PermissionDenied`."""
    if not by.may("cases.announce_debit"):
        raise PermissionDenied
    case = lock(case.pk)
    mandate = Mandate.objects.select_for_update(no_key=True).get(pk=mandate.pk, loan=case.loan_id)
    if not case.is_open:
        raise DebitRefused("closed", _("This case is closed; nothing is drawn on it any more."))
    today = case.portfolio.business_date(at)
    if mandate.ended_at is not None:
        raise DebitRefused("mandate", _("This mandate has ended; the borrower may give a new one."))
    for same in mandate.notices.filter(collect_on=collect_on):
        if same.amount == amount and same.withdrawn_at is None:
            return same
        raise DebitRefused("announced", _("A debit was announced for that day already."))
    outstanding = standing_of([case.loan_id], today)[case.loan_id].outstanding
    most = min(mandate.most_per_debit, outstanding)
    if not 0 < amount <= most:
        words = {"most": amount_words(max(most, 0), case.portfolio.currency)}
        raise DebitRefused("amount", _("A debit is for something, and at most for %(most)s.") % words)
    days = max(mandate.notice_days, limits_of(case.portfolio, at).notice_days)
    earliest, latest = max(today + days * DAY, mandate.from_on), today + ANNOUNCED_AHEAD
    if mandate.to_on is not None:
        latest = min(latest, mandate.to_on)
    if not earliest <= collect_on <= latest:
        dates = {"earliest": day_words(earliest), "latest": day_words(latest)}
        raise DebitRefused("day", _("The day is between %(earliest)s and %(latest)s.") % dates)
    notice = DebitNotice.objects.create(
        mandate=mandate, amount=amount, collect_on=collect_on, announced_at=at, actor=by.ref
    )
    details = {"debit_amount": amount, "debit_on": collect_on}
    message = plan_message(case, TEXT, details, f"{TEXT}:{notice.pk.hex}", by=by, at=at)
    if message is None:
        raise DebitRefused("no_way", _("There is no address to which the announcement could be sent."))
    DebitMessage.objects.create(notice=notice, case=case, message=message)
    currency = case.portfolio.currency
    record(
        "debit.announced", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, mandate=mandate.pk, notice=notice.pk, loan=case.loan_id, message=message.pk,
        currency=currency, amount=decimal_text(amount, currency), collect_on=collect_on,
    )  # fmt: skip
    return notice


def plan_message(
    case: Case, text: str, details: dict[str, Any], key: str, *, by: Actor, at: datetime
) -> Message | None:
    """A message of the case in the first channel that can send here, has the text and an address of the borrower's own; the
    gate decides when it leaves. None where there is no such way."""
    usable = ContactPoint.objects.usable().filter(borrower=case.borrower_id, related_person=None)
    newest = list(usable.order_by(F("verified_on").desc(nulls_last=True), "-created_at", "-pk"))
    for name in configured():
        channel = Channel(name)
        point = next((each for each in newest if each.kind == KIND_OF_CHANNEL[channel]), None)
        if point is None:
            continue
        try:
            version = current_template(text, channel, case.borrower.language)
        except TextError:
            continue
        message = messages.plan(
            borrower=case.borrower, contact_point=point, template_version=version,
            purpose=version.template.purpose, loans=[case.loan_id], dedupe_key=key, not_before=at, by=by, at=at,
            case=case.pk, details=details,
        )  # fmt: skip
        # Before the first notice it is no message of the case: nothing else counts as the first word about the loan.
        if case.state != CaseState.OVERDUE:
            CaseMessage.objects.get_or_create(case=case, message=message)
        return message
    return None


@transaction.atomic
def withdraw_announcement(*, notice: DebitNotice, reason: str, by: Actor, at: datetime) -> DebitNotice:
    """The announced debit does not come; `reason` is a short code. Withdrawn or drawn already: nothing changes."""
    if not by.may("cases.announce_debit"):
        raise PermissionDenied
    told = DebitMessage.objects.select_related("message").get(notice=notice)
    case = lock(told.case_id)
    Mandate.objects.select_for_update(no_key=True).get(pk=notice.mandate_id)
    locked = DebitNotice.objects.select_for_update().get(pk=notice.pk)
    if locked.withdrawn_at is not None or Debit.objects.filter(notice=locked).exists():
        return locked
    locked.withdrawn_at = at
    locked.save(update_fields=["withdrawn_at"])
    if told.message.status == MessageStatus.PLANNED:
        messages.cancel(message=told.message, reason=reason, by=by, at=at, case=case.pk)
    record(
        "debit.announcement_withdrawn", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, notice=locked.pk, loan=case.loan_id, reason=reason,
    )  # fmt: skip
    return locked


# Deciding


def facts_of(case: Case, notice: DebitNotice, balance: int | None, at: datetime) -> DebitFacts:
    """Everything a decision rests on, as it is now. `notice.mandate` is best locked."""
    mandate, on = notice.mandate, case.portfolio.business_date(at)
    due = due_on(case, on)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT debit_failures(%(mandate)s), debit_drawn(%(mandate)s, %(on)s), debit_notice_sent(%(notice)s, %(zone)s)",
            {"mandate": mandate.pk, "on": on, "notice": notice.pk, "zone": case.portfolio.zone},
        )
        failures, drawn, sent_on = cursor.fetchone()
    limits = limits_of(case.portfolio, at)
    # Both of the portfolio's and of the borrower's own dates: whichever holds longer.
    holds = Hold.objects.active(on).filter(borrower=case.borrower_id) | Hold.objects.active(on + DAY).filter(
        borrower=case.borrower_id
    )
    holds |= Hold.objects.active(on - DAY).filter(borrower=case.borrower_id)
    kinds = {hold.kind for hold in holds if hold.loan_id in (None, case.loan_id)}
    return DebitFacts(
        mandate=str(mandate.pk), notice=str(notice.pk), loan=str(case.loan_id),
        amount=min(notice.amount, due) or notice.amount, on=on, ended=str(mandate.end_reason),
        from_on=mandate.from_on, to_on=mandate.to_on, most_per_debit=mandate.most_per_debit,
        most_per_month=mandate.most_per_month, drawn_this_month=drawn, announced_amount=notice.amount,
        collect_on=notice.collect_on, notice_sent_on=sent_on, notice_withdrawn=notice.withdrawn_at is not None,
        notice_days=max(mandate.notice_days, limits.notice_days), due=due, floor=mandate.floor, balance=balance,
        holds=tuple(sorted(kinds)), failures=failures, failures_end=min(mandate.failures_end, limits.failures_end),
        open_debits=Debit.objects.unanswered().filter(loan=case.loan_id).count(),
        payments_known=_payments_known(case, at), portfolio_open=case.portfolio.contact_open, case_open=case.is_open,
    )  # fmt: skip


def _payments_known(case: Case, at: datetime) -> bool:
    """As the gate: balances told lately, and no waiting payment that may be for this loan."""
    days, read_at = case.portfolio.payments_fresh_days, case.portfolio.payments_read_at
    if days is not None and (read_at is None or at - read_at > timedelta(days=days)):
        return False
    return not PaymentCandidate.objects.filter(loan=case.loan_id, payment__state="unmatched").exists()


DECIDE = """
SELECT debit_decide(%(decision)s, %(notice)s, %(amount)s, %(on)s, %(at)s, %(facts)s, %(results)s::jsonb, %(actor)s)
"""


def _decide(
    case: Case, notice: DebitNotice, facts: DebitFacts, *, by: Actor, at: datetime
) -> tuple[UUID, DebitAnswer]:
    """Decide, and store the decision with its facts and every rule's answer. One decision allows one debit, within
    minutes."""
    answer, decision = decide_debit(facts), uuid7()
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "decision": decision, "notice": notice.pk, "amount": facts.amount, "on": facts.on, "at": at,
            "facts": canonical(facts.as_json()), "results": json.dumps(answer.as_json()), "actor": by.ref,
        }  # fmt: skip
        cursor.execute(DECIDE, values)
    currency = case.portfolio.currency
    record(
        "debit.decided", stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk,
        borrower=case.borrower_id, decision=decision, mandate=notice.mandate_id, notice=notice.pk,
        loan=case.loan_id, currency=currency, amount=decimal_text(facts.amount, currency), allowed=answer.allowed,
        reasons=answer.reasons,
    )  # fmt: skip
    return decision, answer


@transaction.atomic
def decide(*, notice: DebitNotice, balance: int | None, at: datetime, by: Actor = DEBITS) -> DebitDecision:
    """One stored answer to whether the announced debit may be drawn now; `place` can draw on it for some minutes."""
    case, notice = _locked(notice.pk)
    decision, _answer = _decide(case, notice, facts_of(case, notice, balance, at), by=by, at=at)
    return DebitDecision.objects.get(pk=decision)


@transaction.atomic
def place(*, decision: DebitDecision, at: datetime, by: Actor = DEBITS) -> Debit:
    """The row without which the provider is not asked. The database refuses it where the decision does not allow it, is used
    or old, and where what stops debits has come since. Raises `django.db.DatabaseError` then."""
    case, _notice = _locked(decision.notice_id)
    return _place(case, decision, by=by, at=at)


def _place(case: Case, decision: DebitDecision, *, by: Actor, at: datetime) -> Debit:
    debit = Debit.objects.create(
        decision=decision, notice_id=decision.notice_id, mandate_id=decision.mandate_id, borrower_id=case.borrower_id,
        loan_id=decision.loan_id, amount=decision.amount, on=decision.on, at=at, actor=by.ref,
    )  # fmt: skip
    _record("debit.placed", debit, case, by=by, at=at, decision=decision.pk, mandate=decision.mandate_id)
    return debit


def _locked(notice_id: UUID) -> tuple[Case, DebitNotice]:
    """The case of an announcement and its mandate, locked in this order, and the borrower, whom holds take first."""
    told = DebitMessage.objects.select_related("notice").get(notice=notice_id)
    case = lock(told.case_id)
    mandate = Mandate.objects.select_for_update(no_key=True).get(pk=told.notice.mandate_id)
    Borrower.objects.select_for_update(no_key=True).get(pk=case.borrower_id)
    notice = DebitNotice.objects.get(pk=notice_id)
    notice.mandate = mandate
    return case, notice


# Drawing


def due_notices(at: datetime) -> list[UUID]:
    """Announcements whose day has come, by each portfolio's own date; what was decided about lately waits."""
    found: list[UUID] = []
    for portfolio in Portfolio.objects.filter(
        loans__mandates__ended_at=None, loans__mandates__isnull=False
    ).distinct():
        notices = DebitNotice.objects.to_draw(at, portfolio.business_date(at))
        found.extend(notices.filter(mandate__loan__portfolio=portfolio).values_list("pk", flat=True))
    return found


def draw(*, notice_id: UUID, at: datetime, by: Actor = DEBITS) -> Debit | None:
    """Draw an announced debit whose day has come, at most once, whoever else tries at the same time; None where nothing was
    drawn. Not to be called inside a transaction: what is committed before the wire must stay."""
    started = time.monotonic()

    def now() -> datetime:
        """`at`, and what has passed since."""
        return at + timedelta(seconds=time.monotonic() - started)

    notice = DebitNotice.objects.select_related("mandate").get(pk=notice_id)
    try:
        with provider(notice.mandate.source).line() as line:
            balance = _balance(line, notice.mandate)
            debit = _begin(notice_id, balance, now, by=by)
            if debit is None:
                return None
            answer = _wire(line, debit.pk, now)
    except ProviderDown as down:
        logger.warning("Debit of announcement %s: the provider is down (%s).", notice_id, down.reason)
        return None
    _finish(debit.pk, answer, by=by, at=now())
    return debit


def _balance(line: Line, mandate: Mandate) -> int | None:
    try:
        return line.balance(mandate.instrument)
    except ProviderDown:
        raise
    except Exception:
        logger.exception("The balance under mandate %s was not told.", mandate.pk)
        return None


@transaction.atomic(durable=True)
def _begin(notice_id: UUID, balance: int | None, now: Callable[[], datetime], *, by: Actor) -> Debit | None:
    """The first transaction: decide, and write the debit. Committed, the money counts as asked for."""
    case, notice = _locked(notice_id)
    if Debit.objects.filter(notice=notice).exists():
        return None
    at = now()
    decision, answer = _decide(case, notice, facts_of(case, notice, balance, at), by=by, at=at)
    if not answer.allowed:
        return None
    return _place(case, DebitDecision.objects.get(pk=decision), by=by, at=at)


@transaction.atomic(durable=True)
def _wire(line: Line, debit_id: UUID, now: Callable[[], datetime]) -> Answer | LeftUnknown | None:
    """Ask the provider, while the mandate and the borrower are held: who revokes it, or opens a hold, waits for the answer,
    or has come before and nothing leaves (None)."""
    debit = Debit.objects.select_related("loan__portfolio").get(pk=debit_id)
    mandate = Mandate.objects.select_for_update(no_key=True).get(pk=debit.mandate_id)
    Borrower.objects.select_for_update(no_key=True).get(pk=debit.borrower_id)
    with connection.cursor() as cursor:
        on = debit.loan.portfolio.business_date(now())
        cursor.execute("SELECT debit_held(%s, %s, %s)", [debit.borrower_id, debit.loan_id, on])
        held = cursor.fetchone()[0]
    if mandate.ended_at is not None or held:
        return None
    order = Order(
        key=str(debit.pk), instrument=mandate.instrument, amount=debit.amount,
        currency=debit.loan.portfolio.currency, floor=mandate.floor,
    )  # fmt: skip
    try:
        return line.pull(order)
    except LeftUnknown as unknown:
        return unknown
    except Exception:
        logger.exception("Debit %s: the provider's answer was not understood.", debit_id)
        return LeftUnknown("error")


@transaction.atomic(durable=True)
def _finish(debit_id: UUID, answer: Answer | LeftUnknown | None, *, by: Actor, at: datetime) -> DebitOutcome:
    case, debit = _case_of(debit_id)
    match answer:
        case None:
            return _answered(debit, case, DebitState.WITHDRAWN, "stopped", "", by=by, at=at)
        case LeftUnknown(reason=reason):
            return _answered(debit, case, DebitState.UNCERTAIN, reason, "", by=by, at=at)
        case Answer(drawn=False):
            return _answered(debit, case, DebitState.FAILED, answer.reason, answer.reference, by=by, at=at)
    try:
        with transaction.atomic():
            return _paid(debit, case, answer.reference, by=by, at=at)
    except (PaymentRefused, DebitRefused):
        # The provider says drawn, and names a payment that is another one: a person looks.
        return _answered(debit, case, DebitState.UNCERTAIN, "reference", answer.reference, by=by, at=at)


def _paid(debit: Debit, case: Case, reference: str, *, by: Actor, at: datetime) -> DebitOutcome:
    """Booked as any payment, once by the provider's reference: its own file finds it there."""
    reference = reference.strip() or f"debit:{debit.pk}"
    payment = record_payment(
        case=case, amount=debit.amount, value_date=debit.on, reference=reference, source="debit", by=by, at=at
    )
    if payment.loan_id != debit.loan_id or DebitOutcome.objects.filter(payment=payment).exists():
        raise DebitRefused("reference", _("This reference belongs to another payment."))
    return _answered(debit, case, DebitState.PAID, "", reference, by=by, at=at, payment=payment.pk)


@transaction.atomic
def settle_debit(*, debit: Debit, paid: bool, reference: str, by: Actor, at: datetime) -> DebitOutcome:
    """A person says what came of a debit that nobody knew of, as the provider's own papers show. Raises `DebitRefused` and
    `PaymentRefused` (the reference is another payment's), and `PermissionDenied`."""
    if not by.may("cases.settle_debit"):
        raise PermissionDenied
    case, debit = _case_of(debit.pk)
    if not debit.outcomes.filter(state=DebitState.UNCERTAIN).exists() or debit.outcomes.certain().exists():
        raise DebitRefused("known", _("What came of this debit is known already."))
    if paid:
        return _paid(debit, case, reference, by=by, at=at)
    return _answered(debit, case, DebitState.FAILED, "by_hand", reference.strip()[:120], by=by, at=at)


def sweep(*, at: datetime) -> int:
    """Debits whose worker died are uncertain from now on; returns how many."""
    silent = list(Debit.objects.silent_since(at - ON_THE_WIRE).values_list("pk", flat=True))
    for debit_id in silent:
        _call_uncertain(debit_id, at=at)
    return len(silent)


@transaction.atomic
def _call_uncertain(debit_id: UUID, *, at: datetime) -> None:
    case, debit = _case_of(debit_id)
    if not debit.outcomes.exists():
        _answered(debit, case, DebitState.UNCERTAIN, "worker_lost", "", by=SWEEP, at=at)


def _case_of(debit_id: UUID) -> tuple[Case, Debit]:
    told = DebitMessage.objects.get(notice__debit=debit_id)
    case = lock(told.case_id)
    debit = Debit.objects.get(pk=debit_id)
    debit.mandate = Mandate.objects.select_for_update(no_key=True).get(pk=debit.mandate_id)
    return case, debit


def _answered(
    debit: Debit, case: Case, state: DebitState, reason: str, reference: str, *, by: Actor, at: datetime,
    payment: UUID | None = None,
) -> DebitOutcome:  # fmt: skip
    outcome = DebitOutcome.objects.create(
        debit=debit,
        state=state,
        reason=reason[:40],
        reference=reference[:120],
        payment_id=payment,
        at=at,
        actor=by.ref,
    )
    more: dict[str, Any] = {"payment": payment} if state == DebitState.PAID else {"reason": outcome.reason}
    _record(f"debit.{state}", debit, case, by=by, at=at, **more)
    mandate = Mandate.objects.get(pk=debit.mandate_id)
    if debit.mandate.ended_at is None and mandate.ended_at is not None:
        tell_ended(mandate, by=by, at=at, case=case.pk)
    return outcome


def _record(event: str, debit: Debit, case: Case, *, by: Actor, at: datetime, **more: Any) -> None:
    currency = case.portfolio.currency
    record(
        event, stream=Stream.borrower(case.borrower_id), by=by, at=at, case=case.pk, borrower=case.borrower_id,
        debit=debit.pk, loan=debit.loan_id, currency=currency, amount=decimal_text(debit.amount, currency), **more,
    )  # fmt: skip
