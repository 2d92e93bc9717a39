"""Facts for the gate, from the database: one contact or many, by the same queries.

The number of statements does not depend on how many questions are asked, so the planner's answers for a whole portfolio
and the strip's answer for one person come from the same code. Facts carry pseudonyms only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from accounts.models import (
    Borrower,
    ContactKind,
    ContactPoint,
    Loan,
    PaymentCandidate,
    PaymentState,
    PointStatus,
    RelatedPersonRefusal,
)
from accounts.standing import standing_of
from compliance.holds import FoundKind, stopped_purposes
from compliance.models import Channel, Consent, Hold
from compliance.rules import ConsentFact, Facts, HoldFact, Packs, Party, PastContact, Purpose
from compliance.rules.schema import CountRule, QuietRule
from compliance.rules.zones import zones_of

DAY = timedelta(days=1)
PERMIT_REACH = timedelta(minutes=15)
"""The longest a permit can live; one decided longer ago cannot be spent any more."""

KIND_OF_CHANNEL = {
    Channel.CALL: ContactKind.PHONE,
    Channel.SMS: ContactKind.PHONE,
    Channel.WHATSAPP: ContactKind.PHONE,
    Channel.EMAIL: ContactKind.EMAIL,
    Channel.APP: ContactKind.APP,
    Channel.WECHAT: ContactKind.WECHAT,
    Channel.LETTER: ContactKind.POSTAL,
    Channel.VISIT: ContactKind.POSTAL,
}
"""What kind of number or address a channel needs."""


class NotAskable(ValueError):
    """The question itself is wrong: another borrower's contact point or loan, or an address that the channel cannot use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May we contact this borrower? Without a contact point the best own one for the channel is meant; without loans, those
    in arrears, and where none is, all of them."""

    borrower: UUID
    channel: str
    purpose: str
    contact_point: UUID | None = None
    loans: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A question with its facts, the contact point and loans they are about, and the zone of the borrower's own dates."""

    question: Question
    facts: Facts
    contact_point: UUID | None
    loans: tuple[UUID, ...]
    zone: str


@dataclass(slots=True)
class _Known:
    """What the database says about one borrower."""

    zones: list[str]
    country: str
    points: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    loans: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    history: list[PastContact] = field(default_factory=list)
    holds: list[HoldFact] = field(default_factory=list)
    consents: list[ConsentFact] = field(default_factory=list)


def situations(questions: Sequence[Question], *, at: datetime, packs: Packs) -> list[Situation]:
    """The facts of every question at a moment, in the order asked. Raises `NotAskable` for the first wrong one."""
    at = at.astimezone(UTC)
    known = _borrowers({question.borrower for question in questions})
    _add_points(known)
    _add_loans(known, questions, at)
    _add_history(known, since=at - (_longest_window(packs) + 2) * DAY, at=at)
    _add_holds(known, at)
    _add_consents(known, at)
    refused = _refused_persons(known)
    return [_situation(question, known[question.borrower], at, refused) for question in questions]


def local_zone(borrower: Borrower, fallback: str) -> str:
    """The zone of a borrower's own dates: of the address, else of a number in use, else `fallback`."""
    if borrower.zones:
        return borrower.zones[0]
    for zones in (
        ContactPoint.objects.usable()
        .filter(borrower=borrower, kind=ContactKind.PHONE, related_person=None)
        .order_by("created_at", "pk")
        .values_list("zones", flat=True)
    ):
        if zones:
            return zones[0]
    return fallback


@lru_cache(maxsize=8)
def _longest_window(packs: Packs) -> int:
    """How many days back any rule looks."""
    days = [0]
    for rule in (rule for pack in packs.all for rule in pack.rules):
        if isinstance(rule, CountRule):
            days += [rule.window.days, rule.counts.except_consented_days or 0]
        elif isinstance(rule, QuietRule):
            days += [rule.days, rule.after.except_consented_days or 0]
    return max(days)


# One query each


def _borrowers(ids: Iterable[UUID]) -> dict[UUID, _Known]:
    rows = Borrower.objects.filter(pk__in=list(ids)).values_list("pk", "zones", "country")
    return {pk: _Known(zones, country) for pk, zones, country in rows}


def _add_points(known: Mapping[UUID, _Known]) -> None:
    rows = (
        ContactPoint.objects.filter(borrower__in=list(known))
        .order_by("created_at", "pk")
        .values(
            "pk", "borrower_id", "kind", "country", "zones", "owner", "status", "verified_on",
            "related_person_id", "related_person__relation",
        )
    )  # fmt: skip
    for row in rows:
        known[row["borrower_id"]].points[row["pk"]] = row


def _add_loans(known: Mapping[UUID, _Known], questions: Sequence[Question], at: datetime) -> None:
    """Loans with the terms of their portfolio and their arrears on its business date. Two dates are two statements: there
    are never more than three at one moment on earth."""
    rows = (
        Loan.objects.filter(borrower__in=list(known))
        .order_by("pk")
        .values(
            "pk", "borrower_id", "portfolio_id", "portfolio__jurisdictions", "portfolio__our_role",
            "portfolio__zone", "portfolio__contact_open",
        )
    )  # fmt: skip
    wanted = {loan for question in questions for loan in question.loans or ()}
    all_loans_of = {question.borrower for question in questions if question.loans is None}
    by_date: dict[date, list[UUID]] = defaultdict(list)
    for row in rows:
        known[row["borrower_id"]].loans[row["pk"]] = row
        row["arrears"] = None
        row["waiting_payment"] = False
        if row["pk"] in wanted or row["borrower_id"] in all_loans_of:
            by_date[at.astimezone(ZoneInfo(row["portfolio__zone"])).date()].append(row["pk"])
    loans = {pk: row for each in known.values() for pk, row in each.loans.items()}
    for on, ids in by_date.items():
        for pk, standing in standing_of(ids, on=on).items():
            loans[pk]["arrears"] = standing.arrears
    asked = [pk for ids in by_date.values() for pk in ids]
    waiting = PaymentCandidate.objects.filter(loan__in=asked, payment__state=PaymentState.UNMATCHED)
    for pk in waiting.values_list("loan_id", flat=True).distinct():
        loans[pk]["waiting_payment"] = True


HISTORY = """
SELECT a.borrower_id, a.at, a.id, 'attempt' AS kind, a.direction, a.channel, a.contact_point_id, a.loans, a.purpose,
       a.reported, o.connected, o.answered, o.right_party, o.conversation
FROM compliance_contactattempt a
LEFT JOIN LATERAL (
    SELECT connected, answered, right_party, conversation FROM compliance_contactoutcome
    WHERE attempt_id = a.id ORDER BY id DESC LIMIT 1
) o ON true
WHERE a.borrower_id = ANY(%(borrowers)s) AND a.at >= %(since)s
UNION ALL
SELECT p.borrower_id, p.at, p.id, 'permit', 'out', p.channel, p.contact_point_id, p.loans, p.purpose, false,
       NULL, NULL, NULL, NULL
FROM compliance_permit p
WHERE p.borrower_id = ANY(%(borrowers)s) AND p.used_at IS NULL AND p.expires_at > clock_timestamp()
  AND p.at > %(spendable)s
ORDER BY 2, 3
"""
"""Attempts with their newest outcome, and permits that can still be spent, which count as attempts."""


def _add_history(known: Mapping[UUID, _Known], *, since: datetime, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, {"borrowers": list(known), "since": since, "spendable": at - PERMIT_REACH})
        rows = cursor.fetchall()
    purposes = frozenset(map(str, Purpose))
    for (borrower, moment, _id, kind, direction, channel, point, loans, purpose, reported, connected, answered,
         right_party, conversation) in rows:  # fmt: skip
        known[borrower].history.append(
            PastContact(
                at=moment,
                channel=channel,
                direction=direction,
                contact_point=str(point) if point else None,
                debts=tuple(map(str, loans)),
                purpose=purpose if purpose in purposes else None,
                connected=connected,
                answered=answered,
                right_party=right_party,
                conversation=conversation,
                kind=kind,
                reported=reported,
                by_us=not reported,
            )
        )


def _add_holds(known: Mapping[UUID, _Known], at: datetime) -> None:
    rows = (
        Hold.objects.filter(Q(ends_on=None) | Q(ends_on__gte=at.date() - DAY), borrower__in=list(known))
        .filter(ended_at=None)
        .order_by("starts_on", "pk")
        .values_list("borrower_id", "kind", "starts_on", "ends_on", "loan_id")
    )
    for borrower, kind, starts_on, ends_on, loan in rows:
        known[borrower].holds.append(
            HoldFact(
                kind=kind,
                first_day=starts_on,
                last_day=ends_on,
                purposes=stopped_purposes(kind),
                debts=(str(loan),) if loan else (),
            )
        )


def _add_consents(known: Mapping[UUID, _Known], at: datetime) -> None:
    rows = (
        Consent.objects.filter(Q(to_on=None) | Q(to_on__gte=at.date() - DAY), borrower__in=list(known))
        .order_by("recorded_at", "pk")
        .values_list("borrower_id", "kind", "recorded_at", "from_on", "to_on", "evidence", "revoked_at")
    )
    for borrower, kind, recorded_at, from_on, to_on, evidence, revoked_at in rows:
        known[borrower].consents.append(
            ConsentFact(
                kind=kind,
                given_at=recorded_at,
                first_day=from_on,
                last_day=to_on,
                evidence=evidence,
                revoked_at=revoked_at,
            )
        )


def _refused_persons(known: Mapping[UUID, _Known]) -> frozenset[UUID]:
    """People around the borrowers who said no; said once, on any channel, it holds for all and for ever."""
    people = [row["related_person_id"] for each in known.values() for row in each.points.values()]
    refusals = RelatedPersonRefusal.objects.filter(person__in=[pk for pk in people if pk])
    return frozenset(refusals.values_list("person_id", flat=True))


# From rows to facts


def _situation(question: Question, known: _Known, at: datetime, refused: frozenset[UUID]) -> Situation:
    point = _point(question, known)
    loans = _loans(question, known)
    rows = [known.loans[loan] for loan in loans]
    roles = sorted({row["portfolio__our_role"] for row in rows})
    zones, countries = _places(known, point)
    facts = Facts(
        # Two roles in one contact are one nobody knows, and refused: ask about the loans apart.
        role="/".join(roles),
        jurisdictions=tuple(sorted({each for row in rows for each in row["portfolio__jurisdictions"]})),
        channel=question.channel,
        purpose=question.purpose,
        party=_party(point),
        contact_point=str(point["pk"]) if point else None,
        debts=tuple(map(str, loans)),
        zones=zones,
        countries=countries,
        arrears_positive=_in_arrears(rows),
        history=tuple(known.history),
        holds=(*known.holds, *_found_holds(rows, point, at, refused)),
        consents=tuple(known.consents),
    )
    own = next((zone for row in _own_phones(known) for zone in row["zones"]), None)
    zone = next(iter(known.zones), None) or own or (rows[0]["portfolio__zone"] if rows else "UTC")
    return Situation(
        question=question, facts=facts, contact_point=point["pk"] if point else None, loans=loans, zone=zone
    )


def _point(question: Question, known: _Known) -> dict[str, Any] | None:
    try:
        wanted = KIND_OF_CHANNEL[Channel(question.channel)]
    except ValueError:
        raise NotAskable(f"There is no channel {question.channel!r}.") from None
    if question.contact_point is not None:
        point = known.points.get(question.contact_point)
        if point is None:
            raise NotAskable("The contact point is not one of this borrower.")
        if point["kind"] != wanted:
            raise NotAskable(f"A {point['kind']} is not reached by {question.channel}.")
        return point
    own = [
        row for row in known.points.values()
        if row["kind"] == wanted and row["status"] == PointStatus.ACTIVE and _party(row) == Party.BORROWER
    ]  # fmt: skip
    # The one verified last; of those never verified the first that was given.
    return max(own, key=lambda row: row["verified_on"] or date.min, default=None)


def _loans(question: Question, known: _Known) -> tuple[UUID, ...]:
    if question.loans is None:
        overdue = tuple(pk for pk, row in known.loans.items() if row["arrears"])
        return overdue or tuple(known.loans)
    if missing := [loan for loan in question.loans if loan not in known.loans]:
        raise NotAskable(f"Loan {missing[0]} is not one of this borrower.")
    return tuple(sorted(set(question.loans)))


def _party(point: Mapping[str, Any] | None) -> str:
    """Whom a contact point reaches. Whoever is neither the borrower nor a person we know by relation is a third party."""
    if point is None:
        return Party.BORROWER
    word = point["related_person__relation"] or point["owner"]
    return word if word in frozenset(map(str, Party)) else Party.THIRD_PARTY


def _own_phones(known: _Known) -> Iterator[dict[str, Any]]:
    for row in known.points.values():
        if (
            row["kind"] == ContactKind.PHONE
            and row["status"] == PointStatus.ACTIVE
            and row["related_person_id"] is None
        ):
            yield row


def _places(known: _Known, point: Mapping[str, Any] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Zones and bare countries that indicate where the person may be: the number to be used, every number in use, the
    address. A country whose zone is known from elsewhere adds nothing; one without stands for all its zones."""
    phones = [*_own_phones(known)]
    if point is not None and point["kind"] == ContactKind.PHONE:
        phones.append(dict(point))
    zones = {*known.zones, *(zone for row in phones for zone in row["zones"])}
    countries = {known.country, *(row["country"] for row in phones if not row["zones"])} - {""}
    bare = {country for country in countries if zones.isdisjoint(zones_of(country))}
    return tuple(sorted(zones)), tuple(sorted(bare))


def _in_arrears(rows: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether every loan the contact is about has something overdue. None where a balance is not known."""
    if not rows or any(row["arrears"] is None for row in rows):
        return None
    return all(row["arrears"] > 0 for row in rows)


def _found_holds(
    rows: Sequence[Mapping[str, Any]],
    point: Mapping[str, Any] | None,
    at: datetime,
    refused: frozenset[UUID],
) -> Iterator[HoldFact]:
    """Holds that nobody opened: they follow from how things are now."""
    if point is None:
        yield _found(FoundKind.NO_CONTACT_POINT, at)
    elif point["status"] != PointStatus.ACTIVE:
        yield _found(FoundKind.CONTACT_POINT_RETIRED, at)
    if point is not None and point["related_person_id"] in refused:
        yield _found(FoundKind.PERSON_REFUSED, at)
    if closed := [row["pk"] for row in rows if not row["portfolio__contact_open"]]:
        yield _found(FoundKind.PORTFOLIO_CLOSED, at, closed)
    if waiting := [row["pk"] for row in rows if row["waiting_payment"]]:
        yield _found(FoundKind.UNMATCHED_PAYMENT, at, waiting)


def _found(kind: FoundKind, at: datetime, loans: Iterable[UUID] = ()) -> HoldFact:
    # Yesterday by UTC has begun everywhere.
    return HoldFact(
        kind=kind.value,
        first_day=at.date() - DAY,
        purposes=stopped_purposes(kind),
        debts=tuple(sorted(map(str, loans))),
    )
