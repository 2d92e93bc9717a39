"""The facts seen from one moment: whose dates, what counts as what, which consent is alive."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from compliance.rules.facts import MESSAGE_CHANNELS, Channel, ConsentFact, Direction, Facts, PastContact
from compliance.rules.schema import BaseRule, Counted
from compliance.rules.windows import FAR, start_of_day

CALL_BACK = "call_back"


@lru_cache(maxsize=1000)
def _clock(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)


def local_date(moment: datetime, zone: str) -> date:
    """The date on the wall in that zone."""
    return moment.astimezone(_clock(zone)).date()


class Situation:
    """Facts of one decision with the zones the person may be in. Holds no moment: the same facts are asked at
    several. What is asked again by the next rule is remembered."""

    def __init__(self, facts: Facts, zones: tuple[str, ...]) -> None:
        self.facts = facts
        self.zones = zones
        self._dates: dict[tuple[datetime, tuple[str, ...]], set[date]] = {}
        self._history_dates: dict[str, list[date]] = {}
        self._counted: dict[tuple[int, str | None, str], list[date]] = {}

    def zones_for(self, rule: BaseRule) -> tuple[str, ...]:
        """The zones by whose clocks a rule goes."""
        return rule.day_zones or self.zones

    def dates(self, at: datetime, zones: tuple[str, ...]) -> set[date]:
        """The local dates it may be for the person."""
        if (at, zones) not in self._dates:
            self._dates[at, zones] = {local_date(at, zone) for zone in zones}
        return self._dates[at, zones]

    def units(self, counted: Counted) -> tuple[str | None, ...]:
        """For whom to count, as the contact asked about names them; None where it names none, and everything
        counts."""
        match counted.per:
            case "debt":
                return self.facts.debts or (None,)
            case "contact_point":
                return (self.facts.contact_point,)
            case "channel":
                return (self.facts.channel,)
        return (None,)

    def counted_dates(self, counted: Counted, unit: str | None, zone: str) -> list[date]:
        """Local dates, in order, of the past contacts a rule counts for one unit. Later than now counts too:
        what is known has happened, whatever its clock says."""
        key = (id(counted), unit, zone)  # part of a pack, which outlives the decision
        if key not in self._counted:
            self._counted[key] = sorted(
                day
                for contact, day in zip(self.facts.history, self._dates_of_history(zone), strict=True)
                if _counts(counted, contact)
                and _concerns(counted, contact, unit)
                and not self._was_asked_for(contact, zone, counted.except_consented_days)
            )
        return self._counted[key]

    def _dates_of_history(self, zone: str) -> list[date]:
        if zone not in self._history_dates:
            self._history_dates[zone] = [local_date(contact.at, zone) for contact in self.facts.history]
        return self._history_dates[zone]

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
        if days is None or contact.direction == Direction.IN or not is_call(contact):
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
        if consent.kind != CALL_BACK or not consent.evidence or at < consent.given_at:
            return False
        if consent.revoked_at is not None and consent.revoked_at <= at:
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


def is_call(contact: PastContact) -> bool:
    return contact.channel == Channel.CALL or contact.channel not in _CHANNELS


def is_conversation(contact: PastContact) -> bool:
    """A call in which the debt may have been talked over with the person."""
    return is_call(contact) and contact.conversation is not False and contact.right_party is not False


def _unanswered(contact: PastContact) -> bool:
    if contact.answered is not None:
        return not contact.answered
    return not (contact.conversation or contact.right_party)


def _counts(counted: Counted, contact: PastContact) -> bool:
    """Whether a contact is the event a rule counts; what is not known is taken as the stricter answer."""
    if counted.direction == "out" and contact.direction == Direction.IN:
        return False
    if contact.purpose is not None and contact.purpose in counted.except_purposes:
        return False
    match counted.event:
        case "dial":
            return is_call(contact)
        case "connected_call":
            return is_call(contact) and contact.connected is not False
        case "unanswered_call":
            return is_call(contact) and _unanswered(contact)
        case "conversation":
            return is_conversation(contact)
        case "message":
            return contact.channel in MESSAGE_CHANNELS or contact.channel not in _CHANNELS
    return True


def _concerns(counted: Counted, contact: PastContact, unit: str | None) -> bool:
    if unit is None:
        return True
    match counted.per:
        case "debt":
            return not contact.debts or unit in contact.debts
        case "contact_point":
            return contact.contact_point is None or contact.contact_point == unit
        case "channel":
            return contact.channel == unit or contact.channel not in _CHANNELS
    return True


_CHANNELS = frozenset(Channel)
