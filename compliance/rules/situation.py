"""The facts seen from one moment: whose dates, what counts as what, which consent is alive."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from compliance.rules.facts import (
    MESSAGE_CHANNELS,
    Channel,
    ConsentFact,
    DebtFact,
    Direction,
    Facts,
    PastContact,
    Role,
)
from compliance.rules.windows import FAR, start_of_day

if TYPE_CHECKING:
    from compliance.rules.schema import BaseRule, Counted

CALL_BACK = "call_back"
NOBODY: tuple[None] = (None,)


@lru_cache(maxsize=1000)
def _clock(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)


def local_date(moment: datetime, zone: str) -> date:
    """The date on the wall in that zone."""
    return moment.astimezone(_clock(zone)).date()


class Situation:
    """Facts of one decision with the zones the person may be in. Holds no moment: the same facts are asked at
    several. What is asked again by the next rule is remembered."""

    def __init__(self, facts: Facts, zones: tuple[str, ...], address_zones: tuple[str, ...] = ()) -> None:
        self.facts = facts
        self.zones = zones
        self.address_zones = address_zones or zones
        self._dates: dict[tuple[datetime, tuple[str, ...]], set[date]] = {}
        self._history_dates: dict[str, dict[int, date]] = {}
        self._events: dict[str, list[PastContact]] = {}
        self._counted: dict[tuple[int, str | None, str], list[date]] = {}

    def zones_for(self, rule: BaseRule) -> tuple[str, ...]:
        """The zones by whose clocks a rule goes."""
        return rule.day_zones or (self.address_zones if rule.zone_basis == "address" else self.zones)

    def dates(self, at: datetime, zones: tuple[str, ...]) -> set[date]:
        """The local dates it may be for the person."""
        if (at, zones) not in self._dates:
            self._dates[at, zones] = {local_date(at, zone) for zone in zones}
        return self._dates[at, zones]

    # Debts

    @cached_property
    def _debts(self) -> dict[str, DebtFact]:
        return {fact.id: fact for fact in self.facts.debt_facts}

    def debt_fact(self, debt: str) -> DebtFact | None:
        return self._debts.get(debt)

    def reached(self, rule: BaseRule) -> tuple[str, ...] | None:
        """The debts of this contact that a rule speaks about, all where it makes no difference; None where it does
        not reach the contact at all."""
        debts = self.facts.debts
        if not rule.narrowed:
            return debts
        only, facts = rule.only_if, self.facts
        if only.creditor_has_begun and facts.role == Role.CREDITOR and facts.collection_begun is False:
            return None
        if only.places and facts.place is not None and facts.place not in only.places:
            return None
        if only.except_places and facts.place in only.except_places:
            return None
        found = tuple(debt for debt in debts if self._reaches(rule, self._debts.get(debt)))
        return None if debts and not found else found

    def _reaches(self, rule: BaseRule, fact: DebtFact | None) -> bool:
        """Whether a rule reaches one debt; what is not known about it counts as reached."""
        only = rule.only_if
        if fact is None:
            return True
        if fact.type is not None:
            if only.debt_types and fact.type not in only.debt_types:
                return False
            if only.except_debt_types and fact.type in only.except_debt_types:
                return False
        if only.past_due_above is None or fact.days_past_due is None:
            return True
        return fact.days_past_due > only.past_due_above

    # Counting

    def units(self, counted: Counted, debts: tuple[str, ...]) -> tuple[str | None, ...]:
        """For whom to count, as the contact asked about names them; None where it names none, and everything
        counts."""
        match counted.per:
            case "debt" | "debt_group" | "account":
                return tuple(dict.fromkeys(self._unit_of(counted.per, debt) for debt in debts)) or NOBODY
            case "contact_point":
                return (self.facts.contact_point,)
            case "channel":
                return (self.facts.channel,)
        return NOBODY

    def _unit_of(self, per: str, debt: str) -> str:
        fact = self._debts.get(debt)
        if fact is None or per == "debt":
            return debt
        return (fact.group if per == "debt_group" else fact.account) or debt

    def counted_dates(self, counted: Counted, unit: str | None, zone: str) -> list[date]:
        """Local dates, in order, of the past contacts a rule counts for one unit. Later than now counts too:
        what is known has happened, whatever its clock says."""
        key = (id(counted), unit, zone)  # part of a pack, which outlives the decision
        found = self._counted.get(key)
        if found is None:
            contacts = self.counted(counted, unit)
            if self.facts.consents and counted.except_consented_days is not None:
                contacts = [each for each in contacts if not self.asked_for(counted, each, zone)]
            dates = self._dates_of_history(zone) if contacts else {}
            found = sorted(dates[id(each)] for each in contacts)
            self._counted[key] = found
        return found

    def counted(self, counted: Counted, unit: str | None) -> list[PastContact]:
        """The past contacts a rule counts for one unit; consents aside."""
        event = counted.event
        happened = self._events.get(event)
        if happened is None:
            happened = [each for each in self.facts.history if _is_event(event, each)]
            self._events[event] = happened
        if not happened:
            return happened
        return [each for each in happened if _wanted(counted, each) and self._concerns(counted, each, unit)]

    def counts(self, counted: Counted, contact: PastContact, unit: str | None) -> bool:
        """Whether a past contact is what a rule counts, for one unit; consents aside."""
        return (
            _is_event(counted.event, contact)
            and _wanted(counted, contact)
            and self._concerns(counted, contact, unit)
        )

    def asked_for(self, counted: Counted, contact: PastContact, zone: str) -> bool:
        """Whether a past call rested on a consent, so that a rule does not count it. A conversation always counts
        as one: it ends the consent, and its own quiet days begin."""
        return counted.event not in _TALKS and self._was_asked_for(
            contact, zone, counted.except_consented_days
        )

    def _dates_of_history(self, zone: str) -> dict[int, date]:
        """The local date of every contact, by its identity."""
        if zone not in self._history_dates:
            clock = _clock(zone)
            self._history_dates[zone] = {
                id(each): each.at.astimezone(clock).date() for each in self.facts.history
            }
        return self._history_dates[zone]

    def _concerns(self, counted: Counted, contact: PastContact, unit: str | None) -> bool:
        if unit is None:
            return True
        match counted.per:
            case "debt" | "debt_group" | "account":
                debts = contact.debts
                if counted.event in _TALKS:
                    debts = debts if contact.talk_debts is None else contact.talk_debts
                elif contact.call_debts is not None:
                    debts = contact.call_debts
                if not debts:
                    # Put to other debts on purpose, or to none in particular.
                    return debts is contact.debts
                return any(self._unit_of(counted.per, debt) == unit for debt in debts)
            case "contact_point":
                return contact.contact_point is None or contact.contact_point == unit
            case "channel":
                return contact.channel == unit or contact.channel not in _CHANNELS
        return True

    # Consents to calls

    def consent(self, at: datetime, zones: tuple[str, ...], days: int | None) -> ConsentFact | None:
        """The consent on which this call would rest at that moment; `days` as in the rule, None: it knows no
        consent."""
        if days is None or self.facts.channel != Channel.CALL:
            return None
        return next((each for each in self.facts.consents if self._alive(each, at, zones, days)), None)

    def next_consent(self, at: datetime, zones: tuple[str, ...], days: int | None) -> datetime | None:
        """The first moment after `at` at which a consent already given begins."""
        starts = [
            max(consent.given_at, *(start_of_day(consent.first_day, zone) for zone in zones))
            for consent in self.facts.consents
            if consent.kind == CALL_BACK and abs(consent.first_day - at.date()) < FAR
        ]
        later = (start for start in starts if start > at and self.consent(start, zones, days))
        return min(later, default=None)

    def _was_asked_for(self, contact: PastContact, zone: str, days: int | None) -> bool:
        if (
            days is None
            or not self.facts.consents
            or contact.direction == Direction.IN
            or not is_call(contact)
        ):
            return False
        return any(
            self._alive(each, contact.at, (zone,), days, until=contact.at) for each in self.facts.consents
        )

    def _alive(
        self,
        consent: ConsentFact,
        at: datetime,
        zones: tuple[str, ...],
        days: int,
        until: datetime | None = None,
    ) -> bool:
        if consent.kind != CALL_BACK or not agreed(consent, at):
            return False
        for zone in zones:
            today = local_date(at, zone)
            last = local_date(consent.given_at, zone) + timedelta(days=days - 1)
            if not consent.first_day <= today <= min(last, consent.last_day or last):
                return False
        # The next conversation ends it, whatever debt it was about; the one in which it was given does not.
        return not any(
            contact.at > consent.given_at
            and is_conversation(contact)
            and (until is None or contact.at < until)
            for contact in self.facts.history
        )


def agreed(consent: ConsentFact, at: datetime) -> bool:
    """Given before that moment, on record, not taken back by then. The days are for the caller to compare."""
    if not consent.evidence or at < consent.given_at:
        return False
    return consent.revoked_at is None or at < consent.revoked_at


def is_call(contact: PastContact) -> bool:
    return contact.channel == Channel.CALL or contact.channel not in _CHANNELS


def is_conversation(contact: PastContact) -> bool:
    """A call in which the debt may have been talked over with the person."""
    return is_call(contact) and contact.conversation is not False and contact.right_party is not False


def _unanswered(contact: PastContact) -> bool:
    if contact.answered is not None:
        return not contact.answered
    return not (contact.conversation or contact.right_party)


def _wanted(counted: Counted, contact: PastContact) -> bool:
    """Whether a rule counts this one of the events; what is not known is taken as the stricter answer."""
    if counted.direction == "out" and contact.direction == Direction.IN:
        return False
    if counted.unfiltered:
        return True
    purpose, place = contact.purpose, contact.place
    if purpose is not None and (
        purpose in counted.except_purposes or (counted.only_purposes and purpose not in counted.only_purposes)
    ):
        return False
    if place is None:
        return True
    return place not in counted.except_places and (not counted.places or place in counted.places)


def _is_event(event: str, contact: PastContact) -> bool:
    if contact.wrong_number and event not in ("telephone", "attempt"):
        return False
    match event:
        case "dial":
            return is_call(contact)
        case "connected_call":
            return is_call(contact) and contact.connected is not False
        case "unanswered_call":
            return is_call(contact) and contact.connected is not False and _unanswered(contact)
        case "unanswered_without_message":
            return (
                is_call(contact)
                and contact.connected is not False
                and not contact.voicemail
                and _unanswered(contact)
            )
        case "voicemail":
            return is_call(contact) and contact.voicemail is True
        case "telephone":
            if contact.channel == Channel.SMS:
                return True
            return is_call(contact) and contact.connected is not False
        case "conversation":
            return is_conversation(contact)
        case "hardship_conversation":
            return contact.hardship
        case "message":
            return contact.channel in MESSAGE_CHANNELS or contact.channel not in _CHANNELS
        case "text":
            return contact.channel == Channel.SMS
        case "visit":
            return contact.channel == Channel.VISIT or contact.channel not in _CHANNELS
    return contact.connected is not False


_TALKS = frozenset({"conversation", "hardship_conversation"})
_CHANNELS = frozenset(Channel)
