"""Facts for the gate, from the database: one contact or many, by the same queries.

The number of statements does not depend on how many questions are asked, so the planner's answers for a whole portfolio
and the strip's answer for one person come from the same code. Facts carry pseudonyms only.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Borrower, ContactKind, ContactPoint, PointStatus
from accounts.standing import standing_at
from compliance.holds import FoundKind, stopped_purposes
from compliance.law import Law, law_at
from compliance.models import Channel
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


def situations(
    questions: Sequence[Question], *, at: datetime, packs: Packs, law: Law | None = None
) -> list[Situation]:
    """The facts of every question at a moment, in the order asked. Raises `NotAskable` for the first wrong one. `law`
    where the caller has read it already."""
    at = at.astimezone(UTC)
    law = law or law_at(at, packs)
    since = at - (_longest_reach(packs) + 2) * DAY
    known = _borrowers({question.borrower for question in questions}, since=since, at=at)
    _add_arrears(known, questions, at)
    _add_history(known, since=since, at=at)
    return [_situation(question, known[question.borrower], at, law) for question in questions]


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
def _longest_reach(packs: Packs) -> int:
    """How many days back any rule looks: its window, and before the oldest call in it the consent that call rested on."""
    days = [0]
    for rule in (rule for pack in packs.all for rule in pack.rules):
        if isinstance(rule, CountRule):
            # What happened once and for ever is looked for a year back: nobody is asked about so long ago.
            days.append(min(rule.window.days, 366) + (rule.counts.except_consented_days or 0))
        elif isinstance(rule, QuietRule):
            days.append(rule.days + (rule.after.except_consented_days or 0))
    return max(days)


# One statement each

BORROWERS = """
SELECT b.id, b.zones, b.country,
    (SELECT jsonb_agg(to_jsonb(point) ORDER BY point.created_at, point.id) FROM (
        SELECT p.id, p.kind, p.country, p.zones, p.owner, p.status, p.verified_on, p.created_at, person.relation,
            p.related_person_id IS NOT NULL AS of_another,
            EXISTS (SELECT FROM accounts_relatedpersonrefusal WHERE person_id = person.id) AS refused
        FROM accounts_contactpoint p LEFT JOIN accounts_relatedperson person ON person.id = p.related_person_id
        WHERE p.borrower_id = b.id
    ) point),
    (SELECT jsonb_agg(to_jsonb(debt) ORDER BY debt.id) FROM (
        SELECT l.id, f.id AS portfolio, f.jurisdictions, f.our_role, f.zone, f.contact_open,
            EXISTS (
                SELECT FROM accounts_paymentcandidate c JOIN accounts_payment y ON y.id = c.payment_id
                WHERE c.loan_id = l.id AND y.state = 'unmatched'
            ) AS waiting_payment
        FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
        WHERE l.borrower_id = b.id
    ) debt),
    (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.starts_on, h.id) FROM compliance_hold h
     WHERE h.borrower_id = b.id AND h.ended_at IS NULL AND (h.ends_on IS NULL OR h.ends_on >= %(yesterday)s)),
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.recorded_at, c.id) FROM compliance_consent c
     WHERE c.borrower_id = b.id AND (c.to_on IS NULL OR c.to_on >= %(since)s))
FROM accounts_borrower b
WHERE b.id = ANY(%(borrowers)s)
"""
"""Contact points, of which those of a person who said no once, on any channel, are `refused` for ever; loans with the terms
of their portfolio; holds that nobody ended; consents, also those that calls of long ago rested on."""


def _borrowers(ids: Iterable[UUID], *, since: datetime, at: datetime) -> dict[UUID, _Known]:
    # Days are the borrower's own: where they live, it may still be the day before.
    values: dict[str, Any] = {
        "borrowers": list(ids),
        "since": since.date() - DAY,
        "yesterday": at.date() - DAY,
    }
    with connection.cursor() as cursor:
        cursor.execute(BORROWERS, values)
        rows = cursor.fetchall()
    return {
        pk: _Known(
            zones,
            country,
            points=_by_id(points),
            loans=_by_id(loans),
            holds=[_hold(row) for row in _rows(holds)],
            consents=[_consent(row) for row in _rows(consents)],
        )
        for pk, zones, country, points, loans, holds, consents in rows
    }


def _rows(text: str | None) -> list[dict[str, Any]]:
    return json.loads(text) if text else []


def _by_id(text: str | None) -> dict[UUID, dict[str, Any]]:
    return {UUID(row["id"]): row for row in _rows(text)}


def _hold(row: Mapping[str, Any]) -> HoldFact:
    return HoldFact(
        kind=row["kind"],
        first_day=date.fromisoformat(row["starts_on"]),
        last_day=_day(row["ends_on"]),
        purposes=stopped_purposes(row["kind"]),
        debts=(row["loan_id"],) if row["loan_id"] else (),
    )


def _consent(row: Mapping[str, Any]) -> ConsentFact:
    return ConsentFact(
        kind=row["kind"],
        given_at=datetime.fromisoformat(row["recorded_at"]),
        first_day=date.fromisoformat(row["from_on"]),
        last_day=_day(row["to_on"]),
        evidence=row["evidence"],
        revoked_at=datetime.fromisoformat(row["revoked_at"]) if row["revoked_at"] else None,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _add_arrears(known: Mapping[UUID, _Known], questions: Sequence[Question], at: datetime) -> None:
    """What is overdue of the loans asked about, on the business date of each; of other loans nobody asks."""
    asked = {loan for question in questions for loan in question.loans or ()}
    for question in questions:
        if question.loans is None:
            asked.update(known[question.borrower].loans)
    standings = standing_at(asked, at)
    for each in known.values():
        for pk, row in each.loans.items():
            row["arrears"] = standings[pk].arrears if pk in standings else None


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
        parameters: dict[str, Any] = {
            "borrowers": list(known),
            "since": since,
            "spendable": at - PERMIT_REACH,
        }
        cursor.execute(HISTORY, parameters)
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


# From rows to facts


def _situation(question: Question, known: _Known, at: datetime, law: Law) -> Situation:
    point = _point(question, known)
    loans = _loans(question, known)
    rows = [known.loans[loan] for loan in loans]
    roles = sorted({row["our_role"] for row in rows})
    zones, countries = _places(known, point)
    jurisdictions = tuple(sorted({each for row in rows for each in row["jurisdictions"]}))
    facts = Facts(
        # Two roles in one contact are one nobody knows, and refused: ask about the loans apart.
        role="/".join(roles),
        jurisdictions=jurisdictions,
        channel=question.channel,
        purpose=question.purpose,
        party=_party(point),
        contact_point=point["id"] if point else None,
        debts=tuple(map(str, loans)),
        zones=zones,
        countries=countries,
        arrears_positive=_in_arrears(rows),
        history=tuple(known.history),
        holds=(*known.holds, *_found_holds(rows, point, at)),
        consents=tuple(known.consents),
        signed=law.signed_packs(jurisdictions),
        set_aside=law.set_aside({row["portfolio"] for row in rows}),
    )
    own = next((zone for row in _own_phones(known) for zone in row["zones"]), None)
    zone = next(iter(known.zones), None) or own or (rows[0]["zone"] if rows else "UTC")
    return Situation(
        question=question,
        facts=facts,
        contact_point=UUID(point["id"]) if point else None,
        loans=loans,
        zone=zone,
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
    # The one verified last (written as text, days sort by themselves); of those never verified the first that was given.
    return max(own, key=lambda row: row["verified_on"] or "", default=None)


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
    word = point["relation"] or point["owner"]
    return word if word in frozenset(map(str, Party)) else Party.THIRD_PARTY


def _own_phones(known: _Known) -> Iterator[dict[str, Any]]:
    for row in known.points.values():
        if row["kind"] == ContactKind.PHONE and row["status"] == PointStatus.ACTIVE and not row["of_another"]:
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
) -> Iterator[HoldFact]:
    """Holds that nobody opened: they follow from how things are now."""
    if point is None:
        yield _found(FoundKind.NO_CONTACT_POINT, at)
    elif point["status"] != PointStatus.ACTIVE:
        yield _found(FoundKind.CONTACT_POINT_RETIRED, at)
    if point is not None and point["refused"]:
        yield _found(FoundKind.PERSON_REFUSED, at)
    if closed := [row["id"] for row in rows if not row["contact_open"]]:
        yield _found(FoundKind.PORTFOLIO_CLOSED, at, closed)
    if waiting := [row["id"] for row in rows if row["waiting_payment"]]:
        yield _found(FoundKind.UNMATCHED_PAYMENT, at, waiting)


def _found(kind: FoundKind, at: datetime, loans: Iterable[str] = ()) -> HoldFact:
    # Yesterday by UTC has begun everywhere.
    return HoldFact(
        kind=kind.value,
        first_day=at.date() - DAY,
        purposes=stopped_purposes(kind),
        debts=tuple(sorted(loans)),
    )
