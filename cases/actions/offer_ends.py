"""Offers nobody took up and settlements not paid lapse; what is open when a case closes is no longer needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from accounts.models import Portfolio
from accounts.money import decimal_text
from cases.actions.deciding import Party
from cases.actions.letters import plan_letter
from cases.chronicle import tell
from cases.models import Case, DayRun, Offer, OfferKind
from cases.slices import EVERYBODY, Slice, within
from compliance.audit import Actor

LAPSE = f"""
UPDATE cases_offer o SET state = 'lapsed', ended_at = %(at)s
FROM cases_case c
WHERE c.id = o.case_id AND c.portfolio_id = %(portfolio)s AND {within("c.borrower_id")} AND (
    o.state = 'offered' AND o.valid_until < %(on)s
    OR o.state = 'agreed' AND settlement_last_day(o) < %(on)s AND settlement_paid(o) < o.amount
)
RETURNING o.id, o.kind, o.answered_at IS NOT NULL, settlement_paid(o), c.id, c.borrower_id, o.amount, o.pay_by, o.valid_until
"""


@dataclass
class Lapsed:
    """The cases whose offer nobody took up, and those whose settlement was not paid."""

    unanswered: list[Party] = field(default_factory=list)
    unpaid: list[Party] = field(default_factory=list)


def lapse_offers(
    *,
    portfolio: Portfolio,
    on: date,
    by: Actor,
    at: datetime,
    run: DayRun | None = None,
    part: Slice = EVERYBODY,
) -> Lapsed:
    """Let lapse what is over on a business date: an offer the day after its last, a settlement after its day and the days of
    grace of a promise. Nothing is forgiven by it; a letter says so, gently. The caller has locked the cases."""
    with connection.cursor() as cursor:
        cursor.execute(LAPSE, {"portfolio": portfolio.pk, "on": on, "at": at, **part.values})
        rows = cursor.fetchall()
    lapsed, events = Lapsed(), []
    letters: list[tuple[UUID, UUID, str, dict[str, int | date]]] = []
    for offer, kind, agreed, paid, case, borrower, amount, pay_by, valid_until in rows:
        if agreed:
            about: dict[str, int | date] = {"agreed_amount": amount, "agreed_by": pay_by}
            letters.append((case, offer, "settlement_lapsed", about))
        else:
            letters.append((case, offer, "offer_lapsed", {"agreed_by": valid_until}))
        (lapsed.unpaid if agreed else lapsed.unanswered).append(Party(case, borrower))
        event = {"case": case, "borrower": borrower, "offer": offer, "kind": kind, "agreed": agreed}
        if kind == OfferKind.SETTLEMENT:
            event |= {"currency": portfolio.currency, "paid": decimal_text(paid, portfolio.currency)}
        events.append(event)
    if events:
        tell("offer.lapsed", rows=events, by=by, at=at, run=run)
    # A case that has closed already is not written to any more.
    found = (
        Case.objects.open().select_related("portfolio", "borrower__key").in_bulk([row[0] for row in letters])
    )
    for case, offer, text, details in letters:
        if case in found:
            plan_letter(case=found[case], text=text, about=offer, details=details, by=by, at=at)
    return lapsed


def close_offers(
    *, case_ids: Sequence[UUID], by: Actor, at: datetime, reason: str, run: DayRun | None = None
) -> None:
    """What is still offered or waits for money when cases close is no longer needed."""
    open_offers = Offer.objects.live().filter(case__in=case_ids).order_by("pk")
    found = list(open_offers.values_list("pk", "kind", "case", "case__borrower"))
    Offer.objects.filter(pk__in=[row[0] for row in found]).update(state="withdrawn", ended_at=at)
    rows = [
        {"case": case, "borrower": borrower, "offer": offer, "kind": kind, "reason": reason}
        for offer, kind, case, borrower in found
    ]
    if rows:
        tell("offer.withdrawn", rows=rows, by=by, at=at, run=run)
