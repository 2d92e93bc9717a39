"""Acts that are no contact: reporting to a bureau, selling or placing a debt, charging, enforcing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from compliance.rules.terms.book import CONSERVATIVE, PERMITTED, PROHIBITED, Answer, Asked, Book, ids
from compliance.rules.terms.disputes import stopping
from compliance.rules.terms.matter import (
    CALL,
    CONTACT,
    FURNISHED,
    NOTICE,
    PAID,
    UNDELIVERABLE,
    VISIT,
    Event,
    Hold,
    Matter,
)
from compliance.rules.terms.schema import ReportingTerm, StandstillTerm, TransferTerm

WITHIN_WAIT = "not_within_14_day_safe_period"
STRICTNESS = (PERMITTED, WITHIN_WAIT, CONSERVATIVE, PROHIBITED)
PAID_STATUS = "paid"


def charge_interest_or_fee(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether interest or a fee may be charged at a moment. Words: `at`."""
    return _act(matter, book, asked, "charge_interest_or_fee")


def enforcement_action(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a step of enforcement may be taken at a moment. Words: `at`."""
    return _act(matter, book, asked, "enforcement_action")


def _act(matter: Matter, book: Book, asked: Asked, action: str) -> Answer:
    """The strictest of all standstills and disputes; what a court has permitted names its exception."""
    at: datetime = asked["at"]
    found: list[tuple[str, str, str]] = []  # outcome, hold, rule
    lifted: list[str] = []
    for term, hold in standing_still(matter, book, at):
        if hold.court_permission and "court_permission" in term.lifted_by:
            lifted.append(term.id)
        elif outcome := _stopped(term, action):
            found.append((outcome, hold.kind, term.id))
    for dispute_term in stopping(matter, book, at):
        if outcome := _stopped(dispute_term, action):
            found.append((outcome, "dispute", dispute_term.id))
    if found:
        outcome, hold_kind, _rule = max(found, key=lambda each: STRICTNESS.index(each[0]))
        rules = tuple(rule for _outcome, _hold, rule in found)
        return Answer({"outcome": outcome, "reason": "hold", "hold": hold_kind}, rules)
    if lifted:
        return Answer({"outcome": PERMITTED, "exception": "court_permission"}, tuple(lifted))
    return Answer({"outcome": PERMITTED})


def _stopped(term: object, action: str) -> str | None:
    if action in getattr(term, "stops", ()):
        return PROHIBITED
    return CONSERVATIVE if action in getattr(term, "conservative", ()) else None


def standing_still(matter: Matter, book: Book, at: datetime) -> list[tuple[StandstillTerm, Hold]]:
    """Every hold on a debt asked about that a rule makes stand still on the person's date, with its rule."""
    day = matter.day(at)
    return [
        (term, hold)
        for term in book.of(StandstillTerm, matter, day)
        for hold in matter.holds
        if hold.kind == term.hold and _concerns(hold, matter.debts) and lasts(hold, term, day)
    ]


def lasts(hold: Hold, term: StandstillTerm, day: date) -> bool:
    """Whether a hold is on that day; its last day is one of them."""
    first = hold.started + timedelta(days=term.first_day == "next_day")
    last = last_day_of(hold, term)
    return first <= day and (last is None or day <= last)


def last_day_of(hold: Hold, term: StandstillTerm) -> date | None:
    """None: it goes on until somebody ends it."""
    ends = [hold.ended] if hold.ended else []
    if hold.variant in term.after_treatment_days:
        if hold.treatment_ended is not None:
            ends.append(hold.treatment_ended + timedelta(days=term.after_treatment_days[hold.variant]))
    elif hold.extended and term.extended_days is not None:
        ends.append(hold.started + timedelta(days=term.extended_days))
    else:
        ends.append(hold.started + timedelta(days=term.days))
    return min(ends, default=None)


def _concerns(hold: Hold, debts: tuple[str, ...]) -> bool:
    return not hold.debts or not debts or not set(hold.debts).isdisjoint(debts)


def sell_transfer_or_place(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a debt may be sold, transferred for consideration or placed. Words: `at`."""
    at: datetime = asked["at"]
    terms = book.of(TransferTerm, matter, matter.day(at))
    known = matter.until(at)
    barred = any(
        known.debt_status in term.barred or (PAID_STATUS in term.barred and known.told(PAID))
        for term in terms
    )
    return Answer({"outcome": PROHIBITED if barred else PERMITTED}, ids(terms))


def no_transfer(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Data for analytics, scrubbing or archiving, and the report that a debt was paid, settled or discharged: no transfer
    for consideration, whatever became of the debt."""
    return Answer({"outcome": PERMITTED}, ids(book.of(TransferTerm, matter, matter.day(asked["at"]))))


def furnish_to_bureau(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a debt may be reported to a bureau: it was talked over, or something was sent and did not come back in the
    time to wait. Words: `at`. Of several debts each must be reportable."""
    at: datetime = asked["at"]
    terms = book.of(ReportingTerm, matter, matter.day(at))
    known = matter.until(at)
    answers = [_furnish(known, term, debt, at) for term in terms for debt in (matter.debts or (None,))]
    values = max(
        answers, key=lambda each: STRICTNESS.index(str(each["outcome"])), default={"outcome": PERMITTED}
    )
    return Answer(values, ids(terms))


def _furnish(matter: Matter, term: ReportingTerm, debt: str | None, at: datetime) -> dict[str, object]:
    events = sorted((each for each in matter.events if _about(each, debt)), key=lambda each: each.at)
    sendings = _sendings(events, term, matter)
    if not term.notice_only and any(_talked(event) for event in events):
        return {"outcome": PERMITTED}
    if not sendings:
        return {"outcome": PROHIBITED}
    first = min(sendings, key=lambda sent: (sent.came_back, sent.day))
    opens = first.day + timedelta(days=term.wait_days)
    waited = {"wait_window": (first.day, opens - timedelta(days=1)), "earliest_date": opens}
    if matter.day(at) < opens:
        return {"outcome": WITHIN_WAIT, **waited}
    # Of what came back between the wait and the report the text does not speak.
    return {"outcome": CONSERVATIVE if first.came_back else PERMITTED, **waited}


@dataclass(slots=True)
class _Sending:
    day: date
    came_back: bool = False  # after the time to wait, and before anything was reported
    reported: bool = False


def _sendings(events: list[Event], term: ReportingTerm, matter: Matter) -> list[_Sending]:
    """Everything sent that did not come back in its time to wait. What comes back is the latest that was on its way."""
    standing: list[_Sending] = []
    for event in events:
        day = event.day(matter.zone)
        if event.kind == NOTICE or (_sent(event) and event.channel in term.sent_by):
            standing.append(_Sending(day))
        elif event.kind == FURNISHED:
            for each in standing:
                each.reported = True
        elif event.kind == UNDELIVERABLE and standing:
            latest = standing[-1]
            if day < latest.day + timedelta(days=term.wait_days):
                standing.pop()
            else:
                latest.came_back = not latest.reported
    return standing


def _sent(event: Event) -> bool:
    return event.kind == CONTACT and not event.inbound and event.own and event.with_consumer


def _talked(event: Event) -> bool:
    return (
        event.kind == CONTACT
        and event.channel in (CALL, VISIT)
        and event.result == "conversation"
        and event.own
        and event.with_consumer
        and event.debts != ()  # a talk in which no debt was named was not about it
    )


def _about(event: Event, debt: str | None) -> bool:
    return event.concerns(() if debt is None else (debt,))


ACTIONS: dict[str, Callable[[Matter, Book, Asked], Answer]] = {
    "furnish_to_bureau": furnish_to_bureau,
    "sell_transfer_or_place": sell_transfer_or_place,
    "data_file_for_analytics_scrubbing_or_archiving": no_transfer,
    "report_paid_settled_or_discharged_to_bureau": no_transfer,
    "charge_interest_or_fee": charge_interest_or_fee,
    "enforcement_action": enforcement_action,
}
