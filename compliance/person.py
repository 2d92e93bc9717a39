"""What the rules are told of one person, made from the rows of `compliance.known`: whom a number reaches and where, what was
asked, agreed and tried, and whether the person can be reached at all.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from accounts.models import ContactKind, Place, PointStatus
from compliance.holds import stopped_purposes
from compliance.known import Known, Past, day, moment
from compliance.models import Channel, ConsentKind, DesignationKind, GivenTo, MediaWish, Weekday
from compliance.models.contact import Direction
from compliance.rules import ConsentFact, DesignationFact, HoldFact, MediaFact, Party, PastContact, Purpose
from compliance.rules import Place as RulePlace

TRIES = 3
"""Consecutive failed tries after which a person cannot be reached."""

HARDSHIP = frozenset({"cannot_pay", "ill_or_bereaved"})
"""Dispositions of conversations in which the person spoke of hardship, illness or loss."""

VOICEMAIL = "voicemail"
NOT_IN_SERVICE = "not_in_service"
MIDNIGHT = 24 * 60
WEEKDAYS = {name: number for number, name in enumerate(Weekday.values)}
PURPOSES = frozenset(map(str, Purpose))
PARTIES = frozenset(map(str, Party))


def party_of(point: Mapping[str, Any] | None) -> str:
    """Whom a contact point reaches. Whoever is neither the borrower nor a person we know by relation is a third party."""
    if point is None:
        return Party.BORROWER
    word = point["relation"] or point["owner"]
    return word if word in PARTIES else Party.THIRD_PARTY


def place_of(point: Mapping[str, Any]) -> str | None:
    """Where a number or address reaches the person, as the rules call it; None where nobody knows."""
    if party_of(point) not in (Party.BORROWER, Party.HOUSEHOLD):
        return RulePlace.OTHER_PERSON
    if point["kind"] not in (ContactKind.PHONE, ContactKind.POSTAL):
        return None
    if point["place"] == Place.WORK:
        return RulePlace.WORKPLACE
    if point["kind"] == ContactKind.POSTAL:
        return RulePlace.HOME_POSTAL
    if point["line_type"] == "mobile":
        return RulePlace.MOBILE
    # A landline of which nobody said where it stands is taken for the one at home.
    home = point["place"] == Place.HOME or point["line_type"] == "fixed"
    return RulePlace.HOME_LANDLINE if home else None


def is_employer_mail(point: Mapping[str, Any]) -> bool:
    """Whether an e-mail address comes from the person's employer."""
    return point["kind"] == ContactKind.EMAIL and point["place"] == Place.WORK


class _Ending(NamedTuple):
    """A fact, and when somebody ended it."""

    fact: Any
    ended_at: datetime | None


def _lasted(each: _Ending, at: datetime) -> bool:
    return each.ended_at is None or each.ended_at > at


class _Given(NamedTuple):
    fact: ConsentFact
    given_to: str


@dataclass(frozen=True, slots=True)
class Told:
    """The facts about one person, whoever asks. `now` and `then` say which of them hold."""

    all_holds: tuple[_Ending, ...]
    all_designations: tuple[_Ending, ...]
    wishes: tuple[dict[str, Any], ...]
    given: tuple[_Given, ...]
    contacts: tuple[tuple[str, PastContact], ...]
    own_phones: tuple[dict[str, Any], ...]
    holds: tuple[HoldFact, ...] = ()
    designations: tuple[DesignationFact, ...] = ()
    media: tuple[MediaFact, ...] = ()
    history: tuple[PastContact, ...] = ()
    unreachable: bool = False

    def now(self, since: datetime) -> "Told":
        """What holds today: nothing that was ended, every contact from `since` on."""
        contacts = tuple(contact for _pk, contact in self.contacts if contact.at >= since)
        return replace(
            self,
            holds=tuple(each.fact for each in self.all_holds if each.ended_at is None),
            designations=tuple(each.fact for each in self.all_designations if each.ended_at is None),
            media=tuple(_media(self.wishes)),
            history=contacts,
            unreachable=is_unreachable(self.own_phones, contacts),
        )

    def then(self, at: datetime, since: datetime, attempt: UUID) -> "Told":
        """What held at a moment, without what followed. Numbers were perhaps not wrong yet, so only tries say who could not
        be reached."""
        own = str(attempt)
        contacts = tuple(contact for pk, contact in self.contacts if since <= contact.at <= at and pk != own)
        return replace(
            self,
            holds=tuple(each.fact for each in self.all_holds if _lasted(each, at)),
            designations=tuple(each.fact for each in self.all_designations if _lasted(each, at)),
            media=tuple(_media(each for each in self.wishes if _required(each["received_at"]) <= at)),
            history=contacts,
            unreachable=is_unreachable((), contacts),
        )

    def consents_for(self, roles: Collection[str]) -> tuple[ConsentFact, ...]:
        """The consents that were given to us: what a creditor was told is told to us only where we are that creditor."""
        ours = {GivenTo.US.value}
        if roles == {"creditor"}:
            ours.add(GivenTo.CREDITOR.value)
        return tuple(each.fact for each in self.given if each.given_to in ours)

    def consents_towards_others(self) -> tuple[ConsentFact, ...]:
        """What counts for a collector who acts for us: what was agreed with us opens nothing for others, and the hours that
        alone suit bind them all the same."""
        return tuple(each.fact for each in self.given if each.fact.only_convenient)

    @property
    def newest_inbound(self) -> datetime | None:
        """When the person last came to us."""
        return max((each.at for each in self.history if each.direction == Direction.IN), default=None)


def tell(known: Known) -> Told:
    """The facts of a borrower's rows."""
    own = tuple(
        row
        for row in known.points.values()
        if row["kind"] == ContactKind.PHONE and not row["of_another"] and party_of(row) == Party.BORROWER
    )
    places = {pk: place_of(row) for pk, row in known.points.items()}
    return Told(
        all_holds=tuple(_Ending(_hold(row), moment(row["ended_at"])) for row in known.holds),
        all_designations=tuple(
            _Ending(fact, moment(row["withdrawn_at"]))
            for row in known.designations
            for fact in _designations(row)
        ),
        wishes=tuple(known.media_requests),
        given=tuple(_Given(_consent(row), row["given_to"]) for row in known.consents),
        contacts=tuple((each.id, _past(each, known, places)) for each in known.history),
        own_phones=own,
    )


def is_unreachable(own_phones: Sequence[Mapping[str, Any]], history: Sequence[PastContact]) -> bool:
    """Whether the person cannot be reached: no number of theirs is right any more, or the last tries all failed, one after
    the other. A conversation, or anything they send us, begins the count again; a try of which nobody knows the end is no
    failed one."""
    if own_phones and all(_is_invalid(row) for row in own_phones):
        return True
    failed = 0
    for contact in reversed(history):
        if contact.direction == Direction.IN:
            if contact.right_party is not False:
                return False
        elif (
            contact.channel == Channel.CALL and contact.kind == "attempt" and contact.place != "other_person"
        ):
            if not _failed(contact):
                return False
            failed += 1
            if failed == TRIES:
                return True
    return False


def _is_invalid(point: Mapping[str, Any]) -> bool:
    return point["status"] == PointStatus.WRONG or (
        point["status"] != PointStatus.ACTIVE and point["status_reason"] == NOT_IN_SERVICE
    )


def _failed(contact: PastContact) -> bool:
    """A call that surely did not reach the person."""
    return contact.connected is False or contact.answered is False or contact.right_party is False


# Row by row


def _hold(row: Mapping[str, Any]) -> HoldFact:
    return HoldFact(
        kind=row["kind"],
        first_day=date.fromisoformat(row["starts_on"]),
        last_day=day(row["ends_on"]),
        purposes=stopped_purposes(row["kind"]),
        debts=(row["loan_id"],) if row["loan_id"] else (),
        variant=row["variant"] or None,
        court_permission=bool(row["court_permission"]),
    )


def _consent(row: Mapping[str, Any]) -> ConsentFact:
    if row["kind"] == ConsentKind.DAILY_DIALS:
        more: dict[str, Any] = {"maximum": row["most"]}
    elif row["kind"] == ConsentKind.CONTACT_TIME:
        more = {**_hours(row), "only_convenient": row["only_convenient"]}
    else:
        more = {}
    return ConsentFact(
        kind=row["kind"],
        given_at=_required(row["recorded_at"]),
        first_day=date.fromisoformat(row["from_on"]),
        last_day=day(row["to_on"]),
        evidence=row["evidence"],
        revoked_at=moment(row["revoked_at"]),
        channels=(row["channel"],) if row["channel"] else (),
        **more,
    )


def _designations(row: Mapping[str, Any]) -> Iterator[DesignationFact]:
    days: dict[str, Any] = {
        "first_day": day(row["from_on"]),
        "last_day": day(row["to_on"]),
        "source": row["source"],
    }
    if row["kind"] == DesignationKind.TIME:
        yield DesignationFact(kind="time", **_hours(row), **days)
    elif row["place"] == Place.WORK:
        # "Not at work" is reason to know that the employer does not want it either.
        yield DesignationFact(kind="employer", place=RulePlace.WORKPLACE, **days)
        yield DesignationFact(kind="place", place=RulePlace.WORKPLACE, **days)
    else:
        yield DesignationFact(kind="place", place="home", **days)


def _hours(row: Mapping[str, Any]) -> dict[str, Any]:
    hours: dict[str, Any] = {"weekdays": tuple(sorted(WEEKDAYS[name] for name in row["days"]))}
    if row["from_time"] is not None:
        # Midnight as an end is the end of the day.
        hours |= {"from_minute": _minute(row["from_time"]), "to_minute": _minute(row["to_time"]) or MIDNIGHT}
    return hours


def _minute(text: str) -> int:
    hour, minute = text.split(":")[:2]
    return int(hour) * 60 + int(minute)


def _media(wishes: Iterable[Mapping[str, Any]]) -> Iterator[MediaFact]:
    """What the person does not want any more. A later wish for it again lifts it where it is as wide: one for a single
    number leaves a request about all of them as it is."""
    rows = list(wishes)
    for number, row in enumerate(rows):
        if row["wish"] != MediaWish.STOP:
            continue
        lifted = (
            later["received_at"]
            for later in rows[number + 1 :]
            if later["wish"] == MediaWish.AGAIN
            and later["channel"] == row["channel"]
            and later["contact_point_id"] in (None, row["contact_point_id"])
        )
        yield MediaFact(
            channel=row["channel"],
            contact_point=row["contact_point_id"],
            at=moment(row["received_at"]),
            withdrawn_at=moment(next(lifted, None)),
        )


def _past(past: Past, known: Known, places: Mapping[str, str | None]) -> PastContact:
    point = known.points.get(past.contact_point) if past.contact_point else None
    wrong = point is not None and point["status"] == PointStatus.WRONG and past.right_party is not True
    return PastContact(
        at=past.at,
        channel=past.channel,
        direction=past.direction,
        contact_point=past.contact_point,
        debts=tuple(past.loans),
        purpose=past.purpose if past.purpose in PURPOSES else None,
        connected=past.connected,
        answered=past.answered,
        right_party=past.right_party,
        conversation=past.conversation,
        kind=past.kind,
        reported=past.reported,
        by_us=not past.reported,
        place=places.get(past.contact_point) if past.contact_point else None,
        voicemail=past.disposition == VOICEMAIL or None,
        hardship=past.disposition in HARDSHIP,
        wrong_number=wrong,
    )


def _required(text: str) -> datetime:
    found = moment(text)
    assert found is not None
    return found
