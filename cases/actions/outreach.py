"""First notices: planned for the channel a borrower is likeliest to read and the earliest lawful moment, sent when it comes.

Planning only looks; what is sent is judged again by the gate at the real moment, and otherwise waits.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import ProgrammingError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet
from psycopg.errors import InsufficientPrivilege

from accounts.models import ContactKind, ContactPoint, Portfolio
from cases.actions.silence import WAITING, is_silenced
from cases.actions.transition import MoveRefused, lock, move
from cases.actions.work import Step, plan_many
from cases.models import Case, CaseMessage, CaseState, DayRun, Placement, WorkItem, WorkKind
from cases.slices import EVERYBODY, Slice
from communications.actions import messages
from communications.channels import configured
from communications.models import Message, MessageStatus, TemplateVersion
from communications.texts import TextError, current_template
from compliance.actions import gate
from compliance.audit import Actor
from compliance.facts import KIND_OF_CHANNEL, Question
from compliance.models import Channel, ContactAttempt
from compliance.models.contact import Direction
from compliance.rules import Purpose

logger = logging.getLogger(__name__)

CHUNK = 1000
BATCH = 200
FIRST_CALL_AFTER = timedelta(days=1)
TEXT = "first_notice"
# Where nothing is known of a borrower's habits: what costs them nothing and nobody else reads comes first.
HOUSE_ORDER = (Channel.APP, Channel.EMAIL, Channel.SMS, Channel.WECHAT, Channel.WHATSAPP, Channel.LETTER)
# Neither waiting nor under way nor there: another way may be tried.
NOT_TOLD = (MessageStatus.FAILED, MessageStatus.CANCELLED)
DISPATCH = Actor.system("dispatch")


def plan_first_notices(
    *, portfolio: Portfolio, by: Actor, at: datetime, run: DayRun, part: Slice = EVERYBODY
) -> Counter[str]:
    """Plan the first notice of every case of a portfolio, or of a slice of its borrowers, that is overdue and has not been
    told, and its first call.

    A case without a written way gets its first call at the earliest lawful moment, one without any way a step to find one.
    Where no lawful moment is known nothing is planned; the next run looks again. Returns how many `notices`,
    `first_calls` and `addresses`; nothing while the portfolio is closed for contact.
    """
    planned: Counter[str] = Counter()
    if not portfolio.contact_open:
        return planned
    texts = _Texts()
    told = CaseMessage.objects.filter(case=OuterRef("pk")).exclude(message__status__in=NOT_TOLD)
    untold = Case.objects.filter(~Exists(told), portfolio=portfolio, state=CaseState.OVERDUE)
    untold = untold.filter(borrower__gt=part.after, borrower__lte=part.upto)
    # Whoever is to be called already, and has no address that might be written to, is not looked at day after day.
    untold = untold.filter(~Exists(_busy()) | Exists(_untried_addresses()))
    for cases in _chunks(untold):
        ways = [_Way(case) for case in cases]
        _find_points(ways)
        _choose(ways, texts, at)
        planned["notices"] += _plan_notices(ways, by, at, run)
        steps = [step for way in ways if (step := way.step(at))]
        for kind, name in ((WorkKind.FIRST_CALL, "first_calls"), (WorkKind.ADDRESS, "addresses")):
            of_kind = [step for step in steps if step.kind == kind]
            planned[name] += plan_many(steps=of_kind, by=by, at=at, run=run)
    return planned


def _chunks(cases: "QuerySet[Case]") -> Iterator[list[Case]]:
    """The cases, some at a time, with their borrowers, whether something is planned for them (`busy`), and whether an
    agency has them and the house is silent (`placed`)."""
    # Found once: cases of the same transaction are new to the planner, and searching on from the last would read all again.
    ids = list(cases.order_by("pk").values_list("pk", flat=True))
    placed = Exists(Placement.objects.silencing().filter(case=OuterRef("pk")))
    for first in range(0, len(ids), CHUNK):
        chunk = Case.objects.filter(pk__in=ids[first : first + CHUNK]).annotate(
            busy=Exists(_busy()), placed=placed
        )
        yield list(chunk.select_related("borrower").order_by("pk"))


def _busy() -> "QuerySet[WorkItem]":
    """What a person has to do on a case already."""
    return WorkItem.objects.filter(case=OuterRef("pk"), done_at=None)


def _untried_addresses() -> "QuerySet[ContactPoint]":
    """Of the borrower of a case, in use: where a channel that can send reaches, and nothing was sent for this case."""
    tried = CaseMessage.objects.filter(case=OuterRef(OuterRef("pk")), message__contact_point=OuterRef("pk"))
    kinds = [KIND_OF_CHANNEL[channel] for channel in HOUSE_ORDER if channel in set(configured())]
    own = ContactPoint.objects.usable().filter(borrower=OuterRef("borrower"), related_person=None)
    return own.filter(~Exists(tried), kind__in=kinds)


class _Texts:
    """The first notice by channel and language, each looked up once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], TemplateVersion | None] = {}

    def get(self, channel: str, language: str) -> TemplateVersion | None:
        if (channel, language) not in self._found:
            try:
                self._found[channel, language] = current_template(TEXT, channel, language)
            except TextError:
                self._found[channel, language] = None
        return self._found[channel, language]


@dataclass
class _Way:
    """How one borrower can be told: what is known, and what was chosen."""

    case: Case
    points: dict[str, ContactPoint] = field(default_factory=dict)  # kind → the one to use
    tried: bool = False  # something written was sent to a point before, in vain
    point: ContactPoint | None = None
    text: TemplateVersion | None = None
    not_before: datetime | None = None
    call_from: datetime | None = None

    def step(self, at: datetime) -> Step | None:
        """What a person does about it; nothing where they have something to do already and nothing new is planned."""
        phone = ContactKind.PHONE in self.points
        if self.not_before:
            kind = WorkKind.FIRST_CALL if phone else WorkKind.ADDRESS
            return self._step(
                kind, self.not_before + FIRST_CALL_AFTER, "after_notice" if phone else "no_number"
            )
        if self.case.busy:  # type: ignore[attr-defined]
            return None
        if phone:
            return (
                self._step(WorkKind.FIRST_CALL, self.call_from, "no_written_way") if self.call_from else None
            )
        return None if self.points and not self.tried else self._step(WorkKind.ADDRESS, at, "no_way")

    def _step(self, kind: WorkKind, due_at: datetime, reason: str) -> Step:
        return Step(self.case.pk, self.case.borrower_id, kind, due_at, reason)


def _find_points(ways: Sequence[_Way]) -> None:
    """For every kind of contact the newest verified point in use, of the borrower's own; none that failed for this case."""
    tried: dict[UUID, set[UUID]] = defaultdict(set)
    sent = CaseMessage.objects.filter(case__in=[way.case.pk for way in ways])
    for case_id, point_id in sent.values_list("case", "message__contact_point"):
        tried[case_id].add(point_id)
    usable = ContactPoint.objects.usable().filter(
        borrower__in={way.case.borrower_id for way in ways}, related_person=None
    )
    by_borrower: dict[UUID, list[ContactPoint]] = defaultdict(list)
    for point in usable.order_by(F("verified_on").desc(nulls_last=True), "-created_at", "-pk"):
        by_borrower[point.borrower_id].append(point)
    for way in ways:
        way.tried = bool(tried[way.case.pk])
        for point in by_borrower[way.case.borrower_id]:
            # A number that an SMS did not reach may still be called.
            if point.pk not in tried[way.case.pk] or point.kind == ContactKind.PHONE:
                way.points.setdefault(point.kind, point)


def _choose(ways: Sequence[_Way], texts: _Texts, at: datetime) -> None:
    """The likeliest channel that has an address, a text and a lawful moment; without one, when a call would be lawful."""
    habits = _habits({way.case.borrower_id for way in ways})
    written = [
        (way, channel, text)
        for way in ways
        if not way.case.placed  # type: ignore[attr-defined]
        for channel in _in_order(way.case.borrower.preferred_channel, habits[way.case.borrower_id])
        if KIND_OF_CHANNEL[channel] in way.points
        and (text := texts.get(channel, way.case.borrower.language)) is not None
    ]
    asked = [(way, channel) for way, channel, _text in written]
    moments = _lawful(asked, Purpose.FIRST_NOTICE, at)
    for (way, channel, text), moment in zip(written, moments, strict=True):
        if moment and way.not_before is None:
            way.point, way.text, way.not_before = way.points[KIND_OF_CHANNEL[channel]], text, moment
    called = [way for way in ways if way.not_before is None and ContactKind.PHONE in way.points]
    moments = _lawful([(way, Channel.CALL) for way in called], Purpose.COLLECT, at)
    for way, moment in zip(called, moments, strict=True):
        way.call_from = moment


def _lawful(asked: Sequence[tuple[_Way, Channel]], purpose: Purpose, at: datetime) -> list[datetime | None]:
    """The earliest lawful moment of each contact, as far as anybody can say now; None where there is none."""
    questions = [
        Question(
            borrower=way.case.borrower_id,
            channel=channel,
            purpose=purpose,
            contact_point=way.points[KIND_OF_CHANNEL[channel]].pk,
            loans=(way.case.loan_id,),
        )
        for way, channel in asked
    ]
    if not questions:
        return []
    decisions = gate.look_many(questions, at=at)
    return [at if decision.allowed else decision.next_allowed for decision in decisions]


def _in_order(preferred: str, habits: Counter[str]) -> list[Channel]:
    """Channels that can send here: the preferred one, those that worked before, then the house's order."""
    can = set(configured())
    channels = [channel for channel in HOUSE_ORDER if channel in can]
    return sorted(channels, key=lambda channel: (channel != preferred, -habits[channel]))


def _habits(borrowers: set[UUID]) -> dict[UUID, Counter[str]]:
    """How often each channel worked: a reply says more than a delivery."""
    found: dict[UUID, Counter[str]] = defaultdict(Counter)
    accepted = Message.objects.filter(borrower__in=borrowers, status=MessageStatus.ACCEPTED)
    for borrower, channel, count in _counted(accepted):
        found[borrower][channel] += count
    replies = ContactAttempt.objects.filter(borrower__in=borrowers, direction=Direction.IN)
    for borrower, channel, count in _counted(replies):
        found[borrower][channel] += 10 * count
    return found


def _counted(rows: QuerySet) -> QuerySet:
    return rows.order_by().values_list("borrower", "channel").annotate(Count("pk"))


def _plan_notices(ways: Sequence[_Way], by: Actor, at: datetime, run: DayRun) -> int:
    """Plan the chosen messages and tie them to their cases; returns how many are new."""
    rows, of_case = {}, {}
    for way in ways:
        if way.point and way.text and way.not_before:
            # One to each address, whatever happens: a key that is known plans nothing.
            key = f"first_notice:{way.case.pk.hex}:{way.point.pk.hex}"
            of_case[key] = way.case.pk
            rows[key] = messages.Planned(
                borrower_id=way.case.borrower_id,
                contact_point_id=way.point.pk,
                template_version=way.text,
                loans=(way.case.loan_id,),
                dedupe_key=key,
                not_before=way.not_before,
                case=way.case.pk,
            )
    new = messages.plan_many(rows.values(), stream=run.stream, by=by, at=at)
    CaseMessage.objects.bulk_create(
        CaseMessage(case_id=of_case[key], message_id=message) for key, message in new.items()
    )
    return len(new)


def send_due(*, shard: int, shards: int, now: Callable[[], datetime]) -> int:
    """Send what is due for one share of the borrowers, each message at its own moment `now()`; returns how many were tried.

    Any number of these may run at once, also twice the same: a message leaves at most once. Not inside a transaction.
    """
    tried = 0
    last: tuple[datetime, UUID] = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    while due := _due(shard, shards, now(), last):
        for not_before, message_id, case_id in due:
            last = (not_before, message_id)
            tried += 1
            try:
                deliver(message_id=message_id, case_id=case_id, at=now())
            except Exception:
                # One message that breaks must not keep the others from leaving; it stays planned and is tried again.
                logger.exception("Message %s could not be sent.", message_id)
    return tried


DUE = """
SELECT m.not_before, m.id, l.case_id FROM communications_message m
LEFT JOIN cases_casemessage l ON l.message_id = m.id
WHERE m.status = 'planned' AND m.not_before <= %s
    AND get_byte(uuid_send(m.borrower_id), 15) %% %s = %s AND (m.not_before, m.id) > (%s, %s)
ORDER BY m.not_before, m.id LIMIT %s
"""


def _due(
    shard: int, shards: int, at: datetime, after: tuple[datetime, UUID]
) -> list[tuple[datetime, UUID, UUID | None]]:
    """The share is by the last, random byte of the borrower's id."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [at, shards, shard, *after, BATCH])
        return cursor.fetchall()


def shards_due(*, shards: int, at: datetime) -> list[int]:
    """The shares that have something to send."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT get_byte(uuid_send(borrower_id), 15) %% %s AS shard FROM communications_message
            WHERE status = 'planned' AND not_before <= %s ORDER BY shard
            """,
            [shards, at],
        )
        return [shard for (shard,) in cursor.fetchall()]


def deliver(*, message_id: UUID, case_id: UUID | None, at: datetime) -> Message:
    """Send one message, if the gate allows it now, and move its case on when the provider has taken it over.

    What somebody of the desk wrote is sent as their contact, and not any more once they have the case no longer. While an
    agency has the case the house's own reminders are withdrawn, and its first notice waits. A message refused for the time
    being gets another in its place. Not inside a transaction.
    """
    if case_id is None:
        return messages.send(message_id=message_id, at=at)
    links = CaseMessage.objects.select_related("written_by__agency", "message__template_version__template")
    link = links.get(message=message_id)
    message, author = link.message, link.written_by
    if author is not None and not Case.objects.open().filter(pk=case_id).visible_to(author).exists():
        return messages.cancel(message=message, reason="not_theirs", by=DISPATCH, at=at, case=case_id)
    if (author is None or not author.agency_id) and is_silenced(message, case_id):
        return _rest(message, case_id, at)
    try:
        by = Actor.staff(author) if author else DISPATCH
        message = messages.send(message_id=message_id, at=at, case=case_id, by=by)
    except ProgrammingError as error:
        # The case was placed in this very moment; the database has let nothing of the contact stand.
        if not isinstance(error.__cause__, InsufficientPrivilege) or not is_silenced(message, case_id):
            raise
        return _rest(message, case_id, at)
    if message.status == MessageStatus.ACCEPTED:
        notify(case_id=case_id, at=message.status_at)
    elif message.status == MessageStatus.FAILED:
        _try_again(message, case_id, message.status_at)
    return message


def _rest(message: Message, case_id: UUID, at: datetime) -> Message:
    """An agency has the case: what will still be true when it is back waits a day, anything else goes no more."""
    if message.template_version.template.key in WAITING:
        return messages.postpone(message=message, reason="placed", by=DISPATCH, at=at, case=case_id)
    return messages.cancel(message=message, reason="placed", by=DISPATCH, at=at, case=case_id)


@transaction.atomic
def _try_again(message: Message, case_id: UUID, at: datetime) -> None:
    case = lock(case_id)
    if not case.is_open:
        return
    another = messages.plan_again(message=message, by=DISPATCH, at=at, case=case_id)
    if another:
        author = CaseMessage.objects.get(message=message).written_by
        CaseMessage.objects.get_or_create(message=another, defaults={"case": case, "written_by": author})


def notify(*, case_id: UUID, at: datetime) -> bool:
    """The first notice has really been sent: an overdue case becomes notified. False where it had moved on before."""
    case = Case.objects.get(pk=case_id)
    if case.state != CaseState.OVERDUE:
        return False
    try:
        move(case=case, to=CaseState.NOTIFIED, by=DISPATCH, at=at, reason="notice_sent")
    except MoveRefused:
        return False
    return True


def catch_up(*, at: datetime) -> int:
    """Move on the cases whose notice was accepted while the worker died before it could say so; returns how many."""
    told = CaseMessage.objects.filter(case=OuterRef("pk"), message__status=MessageStatus.ACCEPTED)
    left = Case.objects.filter(Exists(told), state=CaseState.OVERDUE).order_by("pk")
    return sum(notify(case_id=case, at=at) for case in left.values_list("pk", flat=True))
