"""Messages: planned as intents, sent once under a permit, and told apart where nobody can know.

    planned → sending → accepted | failed | uncertain
    planned → cancelled | failed

`sending` is committed before the wire is touched and `accepted` after the provider has answered. Whoever dies
in between leaves a `sending` message behind, which the sweep calls uncertain: it is never sent again by
itself.

Locks are taken in one order: the borrower, the message, the borrower's stream of events.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actions.borrowers import record_opening, retire_contact_point
from accounts.models import Borrower, BorrowerKey, PointStatus
from accounts.seal import SealBroken, seal_of
from communications.actions.planning import Planned, plan, plan_again, plan_many, wait
from communications.channels import ChannelDown, LeftUnknown, Line, Outgoing, ProviderAnswer, channel
from communications.models import Message, MessageStatus
from communications.texts import TextError, render
from communications.writing import context_of
from compliance.actions import gate
from compliance.actions.contacts import NoPermit, note_outcome, open_for_contact, place
from compliance.audit import Actor, Stream, record
from compliance.facts import NotAskable
from compliance.holds import FoundKind
from compliance.models import HoldKind
from compliance.rules import Decision, ReasonCode

__all__ = ["Planned", "cancel", "open_text", "plan", "plan_again", "plan_many", "postpone", "send", "sweep"]

logger = logging.getLogger(__name__)

DISPATCH = Actor.system("dispatch")
SWEEP = Actor.system("sweep")

ON_THE_WIRE = timedelta(minutes=10)
"""Longer than any channel may take to answer. Who is still `sending` then has lost its worker."""

ASK_AGAIN = timedelta(days=1)
"""When to ask the gate again where it knows no lawful moment: holds end, payments are matched, portfolios open."""

# Reasons that do not pass with time: the message is not sent any more, and whoever planned it may plan another.
FINAL_REASONS = frozenset({ReasonCode.NOTHING_OVERDUE, ReasonCode.PARTY_NOT_ALLOWED})
FINAL_HOLDS = frozenset({FoundKind.CONTACT_POINT_RETIRED, FoundKind.PERSON_REFUSED, HoldKind.DECEASED})


@transaction.atomic
def cancel(*, message: Message, reason: str, by: Actor, at: datetime, case: UUID | None = None) -> Message:
    """A planned message is not sent any more; `reason` is a short code. One that is under way or over stays
    as it is.
    """
    locked = Message.objects.select_for_update().filter(pk=message.pk, status=MessageStatus.PLANNED).first()
    if locked is None:
        return Message.objects.get(pk=message.pk)
    return _cancel(locked, reason, by=by, at=at, case=case)


@transaction.atomic
def postpone(*, message: Message, reason: str, by: Actor, at: datetime, case: UUID | None = None) -> Message:
    """A planned message is looked at again a day later; `reason` is a short code. One that is under way or over stays as it
    is."""
    locked = _lock_planned(message.pk)
    if locked is None:
        return Message.objects.get(pk=message.pk)
    return _wait_until(locked, at + ASK_AGAIN, [reason], by=by, at=at, case=case)


# Sending


def send(*, message_id: UUID, at: datetime, case: UUID | None = None, by: Actor = DISPATCH) -> Message:
    """Send a planned message that is due, at most once, whoever else tries at the same time; the message as
    it stands then.

    The gate decides at the moment of dispatch: where it refuses, the message waits for the next lawful
    moment, or is cancelled where there can be none. A provider that cannot be reached costs no contact; the
    message waits. Not to be called inside a transaction: what is committed before the wire must stay.
    """
    started = time.monotonic()

    def now() -> datetime:
        """`at`, and what has passed since: waiting for a line or a lock must not stretch the lawful hour."""
        return at + timedelta(seconds=time.monotonic() - started)

    message = Message.objects.get(pk=message_id)
    if message.status != MessageStatus.PLANNED or message.not_before > at:
        return message
    try:
        with channel(message.channel).line() as line:
            begun = _begin(message_id, now, by=by, case=case)
            if begun.outgoing is None:
                return begun.message
            answer = _wire(line, begun.outgoing)
            return _finish(message_id, answer, by=by, at=now(), case=case)
    except ChannelDown as error:
        return _defer(message_id, error.reason, by=by, at=now(), case=case)
    except NoPermit:
        return _defer(message_id, "permit_expired", by=by, at=now(), case=case)
    except (TextError, NotAskable, SealBroken, BorrowerKey.DoesNotExist) as error:
        logger.warning("Message %s cannot be said: %s", message_id, type(error).__name__)
        return _give_up(message_id, error, by=by, at=now(), case=case)


@dataclass(frozen=True)
class _Begun:
    """What is to go out; nothing where the gate refused or somebody else has begun."""

    message: Message
    outgoing: Outgoing | None = None


@transaction.atomic(durable=True)
def _begin(message_id: UUID, now: Callable[[], datetime], *, by: Actor, case: UUID | None) -> _Begun:
    """The first transaction: ask the gate, spend the permit, write and seal the text. Committed, the message
    counts as left.
    """
    borrower_id = Message.objects.values_list("borrower", flat=True).get(pk=message_id)
    borrower = (
        Borrower.objects.select_for_update(no_key=True, of=("self",))
        .select_related("key")
        .get(pk=borrower_id)
    )
    message = (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("contact_point", "template_version__template")
        .filter(pk=message_id, status=MessageStatus.PLANNED)
        .first()
    )
    at = now()
    if message is None or message.not_before > at:
        return _Begun(Message.objects.get(pk=message_id))
    answer = gate.ask(
        borrower=borrower,
        contact_point=message.contact_point,
        channel=message.channel,
        purpose=message.purpose,
        loans=message.loans,
        by=by,
        at=at,
        case=case,
    )
    if not answer.decision.allowed:
        return _Begun(_refused(message, answer.decision, by=by, at=at, case=case))
    attempt = place(permit_id=answer.permit_id, by=by, at=at, case=case)
    address = open_for_contact(attempt=attempt)
    context = context_of(message, borrower, at, author=by.user)
    subject, body = render(message.template_version, context)
    seal = seal_of(borrower)
    message.attempt = attempt
    message.subject_sealed = seal.seal(sealed_field(message.pk, "subject"), subject)
    message.body_sealed = seal.seal(sealed_field(message.pk, "body"), body)
    _set(message, MessageStatus.SENDING, at, "attempt", "subject_sealed", "body_sealed")
    _record("message.sending", message, by=by, at=at, case=case, attempt=attempt.pk)
    outgoing = Outgoing(
        key=str(message.pk),
        address=address,
        sender=context.lender_name,
        subject=subject,
        body=body,
        language=message.template_version.template.language,
    )
    return _Begun(message, outgoing)


def _wire(line: Line, outgoing: Outgoing) -> ProviderAnswer | LeftUnknown:
    try:
        return line.send(outgoing)
    except LeftUnknown as unknown:
        return unknown
    except Exception:
        # A mistake of ours after the point of no return: nobody can know what the provider got.
        logger.exception("The channel broke while it sent message %s.", outgoing.key)
        return LeftUnknown("channel_broke")


@transaction.atomic(durable=True)
def _finish(
    message_id: UUID, answer: ProviderAnswer | LeftUnknown, *, by: Actor, at: datetime, case: UUID | None
) -> Message:
    """The second transaction: what the provider said. The sweep may have been here first."""
    message = (
        Message.objects.select_for_update(of=("self",))
        .select_related("attempt", "contact_point")
        .get(pk=message_id)
    )
    assert message.attempt is not None
    if isinstance(answer, LeftUnknown):
        return _call_uncertain(message, answer.reason, by=by, at=at, case=case)
    message.reason = answer.reason
    if answer.accepted:
        message.provider_reference = answer.reference
        _set(message, MessageStatus.ACCEPTED, at, "provider_reference", "reason")
        _record(
            "message.accepted",
            message,
            by=by,
            at=at,
            case=case,
            attempt=message.attempt.pk,
        )
        return message
    message.temporary = not answer.permanent
    _set(message, MessageStatus.FAILED, at, "temporary", "reason")
    _record("message.failed", message, by=by, at=at, case=case, reason=answer.reason)
    note_outcome(
        attempt=message.attempt, disposition="not_sent", connected=False, answered=False, right_party=False,
        conversation=False, by=by, at=at, case=case,
    )  # fmt: skip
    if answer.bad_address:
        retire_contact_point(
            point=message.contact_point,
            status=PointStatus.BOUNCED,
            reason=answer.reason,
            by=by,
            at=at,
            case=case,
        )
    return message


def sweep(*, at: datetime, by: Actor = SWEEP) -> int:
    """Call every message uncertain that has been on the wire for longer than `ON_THE_WIRE`; how many there
    were.
    """
    lost = list(
        Message.objects.on_the_wire_since(at - ON_THE_WIRE).order_by("pk").values_list("pk", flat=True)
    )
    return sum(_sweep_one(message_id, by=by, at=at) for message_id in lost)


@transaction.atomic(durable=True)
def _sweep_one(message_id: UUID, *, by: Actor, at: datetime) -> int:
    message = (
        Message.objects.on_the_wire_since(at - ON_THE_WIRE)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("attempt")
        .filter(pk=message_id)
        .first()
    )
    if message is None:  # answered in this moment
        return 0
    _call_uncertain(message, "no_answer", by=by, at=at, case=None)
    return 1


# What was said


def sealed_field(message_id: UUID, part: str) -> str:
    """What a message's `subject` or `body` is sealed as, under its borrower's key."""
    return f"message:{message_id}:{part}"


def open_text(
    *, message: Message, by: Actor, at: datetime, why: str, case: UUID | None = None
) -> tuple[str, str]:
    """Subject and text of a message that was sent, for one who may open seals; the event comes first. Raises
    `PermissionDenied`, and `ValueError` for a message that has none."""
    if message.subject_sealed is None or message.body_sealed is None:
        raise ValueError("A message that was not sent has no text.")
    record_opening(message.borrower_id, what=f"message:{message.pk}", by=by, at=at, why=why, case=case)
    seal = seal_of(message.borrower)
    return (
        seal.open(sealed_field(message.pk, "subject"), bytes(message.subject_sealed)),
        seal.open(sealed_field(message.pk, "body"), bytes(message.body_sealed)),
    )


# What became of it


def _refused(message: Message, decision: Decision, *, by: Actor, at: datetime, case: UUID | None) -> Message:
    """Wait for the next lawful moment, or go no further where none can come."""
    for result in decision.reasons:
        if result.reason in FINAL_REASONS:
            return _cancel(message, str(result.reason), by=by, at=at, case=case)
        if result.reason == ReasonCode.HOLD and result.params.get("hold") in FINAL_HOLDS:
            return _cancel(message, str(result.params["hold"]), by=by, at=at, case=case)
    opens = decision.next_allowed
    not_before = opens if opens and opens > at else at + ASK_AGAIN
    reasons = list(dict.fromkeys(str(result.reason) for result in decision.reasons))
    return _wait_until(message, not_before, reasons, by=by, at=at, case=case)


@transaction.atomic(durable=True)
def _defer(message_id: UUID, reason: str, *, by: Actor, at: datetime, case: UUID | None) -> Message:
    message = _lock_planned(message_id)
    if message is None:
        return Message.objects.get(pk=message_id)
    not_before = at + wait(message.deferred + 1)
    return _wait_until(message, not_before, [reason], by=by, at=at, case=case)


@transaction.atomic(durable=True)
def _give_up(message_id: UUID, error: Exception, *, by: Actor, at: datetime, case: UUID | None) -> Message:
    """The message cannot be written: the mistake is in the text or in what it was planned with."""
    message = _lock_planned(message_id)
    if message is None:
        return Message.objects.get(pk=message_id)
    match error:
        case TextError():
            message.reason = "text"
        case NotAskable():
            message.reason = "not_askable"
        case _:
            message.reason = "sealed"
    _set(message, MessageStatus.FAILED, at, "reason")
    _record("message.failed", message, by=by, at=at, case=case, reason=message.reason)
    return message


def _lock_planned(message_id: UUID) -> Message | None:
    return Message.objects.select_for_update().filter(pk=message_id, status=MessageStatus.PLANNED).first()


def _wait_until(
    message: Message, not_before: datetime, reasons: list[str], *, by: Actor, at: datetime, case: UUID | None
) -> Message:
    message.not_before = not_before
    message.deferred += 1
    message.save(update_fields=["not_before", "deferred"])
    _record(
        "message.deferred",
        message,
        by=by,
        at=at,
        case=case,
        reasons=reasons,
        not_before=not_before,
    )
    return message


def _cancel(message: Message, reason: str, *, by: Actor, at: datetime, case: UUID | None) -> Message:
    message.reason = reason
    _set(message, MessageStatus.CANCELLED, at, "reason")
    _record("message.cancelled", message, by=by, at=at, case=case, reason=reason)
    return message


def _call_uncertain(message: Message, reason: str, *, by: Actor, at: datetime, case: UUID | None) -> Message:
    if message.status != MessageStatus.SENDING:
        return message
    message.reason = reason
    _set(message, MessageStatus.UNCERTAIN, at, "reason")
    _record("message.uncertain", message, by=by, at=at, case=case, attempt=message.attempt_id)
    return message


def _set(message: Message, status: str, at: datetime, *fields: str) -> None:
    message.status, message.status_at = status, at
    message.save(update_fields=["status", "status_at", *fields])


def _record(type_: str, about: Message, *, by: Actor, at: datetime, case: UUID | None, **data: Any) -> None:
    """In the borrower's stream, where the gate's own events of the same contact are."""
    record(
        type_,
        stream=Stream.borrower(about.borrower_id),
        by=by,
        at=at,
        case=case,
        borrower=about.borrower_id,
        message=about.pk,
        **data,
    )
