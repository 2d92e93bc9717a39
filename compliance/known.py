"""What the database knows of borrowers, read in sets for the gate: a fixed number of statements for any number of them.

Rows stay rows here; `compliance.facts` makes facts of them, for now or for a moment long past.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from accounts.statements import Rows, Statement

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PERMIT_REACH = timedelta(minutes=15)
"""The longest a permit can live; one decided longer ago cannot be spent any more."""

Row = dict[str, Any]


class Past(NamedTuple):
    """One attempt with its newest outcome, or a permit that can still be spent (`kind`). Ids are text: a history is long,
    and they are only compared."""

    at: datetime
    id: str
    outcome: str | None
    kind: str
    direction: str
    channel: str
    contact_point: str | None
    loans: list[str]
    purpose: str
    reported: bool
    disposition: str | None
    connected: bool | None
    answered: bool | None
    right_party: bool | None
    conversation: bool | None


@dataclass(slots=True)
class Known:
    """Of one borrower: contact points and loans by id, the other rows in the order of their beginning."""

    zones: list[str]
    country: str
    points: dict[str, Row] = field(default_factory=dict)
    loans: dict[UUID, Row] = field(default_factory=dict)
    holds: list[Row] = field(default_factory=list)
    consents: list[Row] = field(default_factory=list)
    designations: list[Row] = field(default_factory=list)
    media_requests: list[Row] = field(default_factory=list)
    history: list[Past] = field(default_factory=list)


BORROWERS = """
SELECT b.id, b.zones, b.country,
    (SELECT jsonb_agg(to_jsonb(point) ORDER BY point.created_at, point.id) FROM (
        SELECT p.id, p.kind, p.country, p.zones, p.owner, p.status, p.status_reason, p.line_type, p.place, p.verified_on,
            p.created_at, person.relation, p.related_person_id IS NOT NULL AS of_another,
            (SELECT min(refused_at) FROM accounts_relatedpersonrefusal WHERE person_id = person.id) AS refused_at
        FROM accounts_contactpoint p LEFT JOIN accounts_relatedperson person ON person.id = p.related_person_id
        WHERE p.borrower_id = b.id
    ) point),
    (SELECT jsonb_agg(to_jsonb(debt) ORDER BY debt.id) FROM (
        SELECT l.id, f.id AS portfolio, f.jurisdictions, f.our_role, f.zone, f.contact_open, f.payments_fresh_days,
            GREATEST(f.payments_read_at, f.loans_told_at) AS told_at,
            EXISTS (
                SELECT FROM accounts_paymentcandidate c JOIN accounts_payment y ON y.id = c.payment_id
                WHERE c.loan_id = l.id AND y.state = 'unmatched'
            ) AS waiting_payment
        FROM accounts_loan l JOIN accounts_portfolio f ON f.id = l.portfolio_id
        WHERE l.borrower_id = b.id
    ) debt),
    (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.starts_on, h.id) FROM compliance_hold h
     WHERE h.borrower_id = b.id AND (h.ended_at IS NULL OR h.ended_at > %(ended)s)
        AND (h.ends_on IS NULL OR h.ends_on >= %(yesterday)s)),
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.recorded_at, c.id) FROM compliance_consent c
     WHERE c.borrower_id = b.id AND (c.to_on IS NULL OR c.to_on >= %(since)s)),
    (SELECT jsonb_agg(to_jsonb(d) - 'words_sealed' ORDER BY d.from_on, d.id) FROM compliance_designation d
     WHERE d.borrower_id = b.id AND (d.withdrawn_at IS NULL OR d.withdrawn_at > %(ended)s)
        AND (d.to_on IS NULL OR d.to_on >= %(yesterday)s)),
    (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.received_at, m.id) FROM compliance_mediarequest m
     WHERE m.borrower_id = b.id)
FROM accounts_borrower b
WHERE b.id = ANY(%(borrowers)s)
"""
"""Contact points, of which those of a person who said no once, on any channel, are refused for ever; loans with the terms
of their portfolio and when its balances were last told; holds and designations that lasted; consents, also those that calls
of long ago rested on; every wish about channels."""


def borrowers_statement(
    ids: Collection[UUID], *, since: datetime, at: datetime, ended: datetime
) -> Statement:
    """What is known of each borrower. `since` is how far rules look back; what was ended by `ended` is
    left out."""
    # Days are the borrower's own: where they live, it may still be the day before.
    return BORROWERS, {
        "borrowers": list(ids),
        "since": since.date() - DAY,
        "yesterday": at.date() - DAY,
        "ended": ended,
    }


def known_of(borrowers: Rows, history: Rows) -> dict[UUID, Known]:
    """By borrower, from the rows of both statements."""
    known = {
        pk: Known(
            zones,
            country,
            points={row["id"]: row for row in _rows(points)},
            loans={UUID(row["id"]): row for row in _rows(loans)},
            holds=_rows(holds),
            consents=_rows(consents),
            designations=_rows(designations),
            media_requests=_rows(media),
        )
        for pk, zones, country, points, loans, holds, consents, designations, media in borrowers
    }
    contacts: dict[str, list[Past]] = {}
    for borrower, at_us, *past in history:
        contacts.setdefault(borrower, []).append(Past(EPOCH + timedelta(microseconds=at_us), *past))
    for borrower, found in contacts.items():
        known[UUID(borrower)].history = _with_newest_outcome(found)
    return known


def _rows(text: str | None) -> list[Row]:
    return json.loads(text) if text else []


HISTORY = """
SELECT a.borrower_id::text, (extract(epoch FROM a.at) * 1000000)::bigint, a.id::text, o.id::text, 'attempt', a.direction,
       a.channel, a.contact_point_id::text, a.loans::text[], a.purpose,
       a.reported, o.disposition, o.connected, o.answered, o.right_party, o.conversation
FROM compliance_contactattempt a LEFT JOIN compliance_contactoutcome o ON o.attempt_id = a.id
WHERE a.borrower_id = ANY(%(borrowers)s) AND a.at >= %(since)s
UNION ALL
SELECT p.borrower_id::text, (extract(epoch FROM p.at) * 1000000)::bigint, p.id::text, NULL, 'permit', 'out',
       p.channel, p.contact_point_id::text, p.loans::text[], p.purpose,
       false, NULL, NULL, NULL, NULL, NULL
FROM compliance_permit p
WHERE p.borrower_id = ANY(%(borrowers)s) AND p.used_at IS NULL AND p.expires_at > clock_timestamp()
  AND p.at > %(spendable)s
"""
"""Attempts with each of their outcomes, and permits that can still be spent, which count as attempts. Moments come as
microseconds since 1970, and ids as text: for millions of rows the driver's own reading costs more than the statement."""


def history_statement(ids: Collection[UUID], *, since: datetime, at: datetime) -> Statement:
    """The contacts of each borrower from `since` on."""
    return HISTORY, {"borrowers": list(ids), "since": since, "spendable": at - PERMIT_REACH}


def _with_newest_outcome(contacts: list[Past]) -> list[Past]:
    """Each contact once, in their order. Ids of outcomes rise with time."""
    contacts.sort(key=itemgetter(0, 1, 2))
    return list({each.id: each for each in contacts}.values())


def day(text: str | None) -> date | None:
    """A day as JSON has it."""
    return date.fromisoformat(text) if text else None


def moment(text: str | None) -> datetime | None:
    """A moment as JSON has it, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
