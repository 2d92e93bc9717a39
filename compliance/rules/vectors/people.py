"""The wishes, agreements and holds of a vector, as facts."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from compliance.rules.facts import (
    MESSAGE_CHANNELS,
    Channel,
    ConsentFact,
    DesignationFact,
    HoldFact,
    MediaFact,
    Place,
)
from compliance.rules.situation import CALL_BACK
from compliance.rules.terms import book_for
from compliance.rules.terms.disputes import open_disputes
from compliance.rules.vectors.given import (
    DAY,
    END_OF_DAY,
    WEEKDAYS,
    Broken,
    Given,
    Words,
    day_of,
    minute_of,
    weekdays_of,
)
from compliance.rules.vectors.terms import read_matter

MEDIA = {
    "call": Channel.CALL,
    "phone": Channel.CALL,
    "mail": Channel.LETTER,
    "letter": Channel.LETTER,
    "sms": Channel.SMS,
    "email": Channel.EMAIL,
    "social_message": Channel.SOCIAL,
    "social": Channel.SOCIAL,
    "visit": Channel.VISIT,
}
ALWAYS = date(1, 1, 1)
IN_WRITING = frozenset({"mail", "consumer_response_form", "hand_or_courier"})
ELECTRONIC = frozenset({"email", "portal"})
CEASE_EVENTS = frozenset({"cease_letter_received", "cease_notice_received"})


# Consents


def consents(given: Given) -> Iterator[ConsentFact]:
    for each in given.given.get("consents") or []:
        if each.get("directly_to_collector") is False or each.get("given_to"):
            continue  # what was agreed with somebody else is not ours
        if each.get("party", "consumer") != "consumer":
            continue
        found = _agreement(given, each) if each.get("type") else _calls(given, each)
        if found is not None:
            yield found


def _calls(given: Given, each: Words) -> ConsentFact | None:
    """Direct prior consent to more calls. Its receipt is day one."""
    received = each.get("received_at") or each.get("given_at")
    if not received:
        return None
    moment = given.instant(received)
    first = given.local_day(moment)
    named = each.get("specified_day") or _named_day(each.get("scope"), first)
    ends = [day_of(day) for day in (named, each.get("consented_until")) if day]
    return ConsentFact(
        kind=CALL_BACK,
        given_at=moment,
        first_day=day_of(named) if named else first,
        last_day=min(ends, default=None),
        evidence="told",
        revoked_at=given.instant(each["revoked_at"]) if each.get("revoked_at") else None,
    )


def _named_day(scope: str | None, first: date) -> date | None:
    """The next weekday that a scope like `call_back_on_monday` names."""
    name = (scope or "").removeprefix("call_back_on_")[:3].upper()
    if name not in WEEKDAYS:
        return None
    return first + timedelta(days=(WEEKDAYS.index(name) - first.weekday() - 1) % 7 + 1)


def _agreement(given: Given, each: Words) -> ConsentFact | None:
    if not each.get("given_at"):
        return None
    moment = given.instant(each["given_at"])
    return ConsentFact(
        kind=str(each["type"]),
        given_at=moment,
        first_day=given.local_day(moment),
        last_day=day_of(each["consented_until"]) if each.get("consented_until") else None,
        evidence=str(each.get("evidence") or "").strip(),
        revoked_at=given.instant(each["revoked_at"]) if each.get("revoked_at") else None,
        weekdays=weekdays_of(each.get("days")),
        from_minute=minute_of(each.get("from"), 0),
        to_minute=minute_of(each.get("to"), END_OF_DAY),
        only_convenient=bool(each.get("only_convenient_time")),
        maximum=each.get("max"),
    )


# Wishes


def designations(given: Given) -> Iterator[DesignationFact]:
    for each in given.given.get("designations") or []:
        until = day_of(each["until"]) if each.get("until") else None
        source = str(each.get("source") or "")
        if each.get("type") == "inconvenient_place":
            yield DesignationFact(kind="place", place=each.get("place"), last_day=until, source=source)
        elif each.get("weekly"):
            for part in str(each["weekly"]).replace(";", ",").split(","):
                days, _space, hours = part.strip().partition(" ")
                start, _dash, end = hours.partition("-")
                yield _time(days, start or None, end or None, until, source)
        else:
            yield _time(each.get("days"), each.get("from"), each.get("to"), until, source)
    for moment, event in given.past("consumer_statement"):
        if event.get("statement") == "cannot_take_personal_calls_at_work":
            yield DesignationFact(kind="employer", place=Place.WORKPLACE, first_day=given.local_day(moment))


def _time(
    days: object, start: str | None, end: str | None, until: date | None, source: str
) -> DesignationFact:
    return DesignationFact(
        kind="time",
        weekdays=weekdays_of(days),
        from_minute=minute_of(start, 0),
        to_minute=minute_of(end, END_OF_DAY),
        last_day=until,
        source=source,
    )


def media_requests(given: Given) -> Iterator[MediaFact]:
    for each in given.given.get("media_requests") or []:
        address = each.get("address")
        yield MediaFact(
            channel=_medium(each.get("medium")), contact_point=None if address == "*" else address
        )
    for moment, event in given.past():
        kind, request = event.get("kind"), event.get("request")
        if kind == "opt_out":
            medium = event.get("medium")
            for channel in [_medium(medium)] if medium else sorted(MESSAGE_CHANNELS):
                yield MediaFact(channel=channel, contact_point=event.get("address"), at=moment)
        elif kind == "consumer_request" and request in ("opt_out_this_address", "opt_out_all_email"):
            address = event.get("address") if request == "opt_out_this_address" else None
            channel = _medium(event.get("medium") or "email")
            yield MediaFact(channel=channel, contact_point=address, at=moment)
        elif kind == "consumer_statement" and event.get("statement") == "asked_not_to_use_phone":
            yield MediaFact(channel=Channel.CALL, at=moment)


def _medium(word: object) -> str:
    try:
        return MEDIA[str(word)]
    except KeyError as error:
        raise Broken(f"no such medium: {word}") from error


# Holds


def holds(given: Given) -> Iterator[HoldFact]:
    for each in given.given.get("holds") or []:
        yield from _hold(given, each)
    for moment, _event in cease_notices(given):
        if moment <= given.at:
            yield HoldFact(kind="cease", first_day=ALWAYS, own=False)
    yield from _disputes(given)


def _hold(given: Given, each: Words) -> Iterator[HoldFact]:
    kind = each.get("type")
    debts = tuple(map(str, each.get("debts") or ()))
    ended = day_of(each["ended_at"]) if each.get("ended_at") else None
    if kind == "attorney_represented":
        if each.get("attorney_contact_known") is not False:
            yield HoldFact(kind="attorney", first_day=ALWAYS, last_day=ended, debts=debts, own=False)
        return
    if kind == "breathing_space":
        registered = day_of(each["registered"])
        variant = each.get("variant") or "standard"
        if variant == "standard":
            last: date | None = registered + 60 * DAY
        else:
            treated = each.get("treatment_ended")
            last = day_of(treated) + 30 * DAY if treated else None
        yield HoldFact(
            kind=kind,
            variant=variant,
            first_day=registered + DAY,
            last_day=min((day for day in (last, ended) if day), default=None),
            debts=debts,
            court_permission=bool(each.get("court_permission")),
            own=False,
        )
        return
    if kind == "adviser_pause":
        started = day_of(each["started"])
        last = started + (60 if each.get("extended") else 30) * DAY
        yield HoldFact(
            kind=kind,
            first_day=started,
            last_day=min(last, ended) if ended else last,
            debts=debts,
            court_permission=bool(each.get("court_permission")),
            own=False,
        )
        return
    raise Broken(f"no such hold: {kind}")


def cease_notices(given: Given) -> list[tuple[datetime, Words]]:
    """Every notice that contact shall cease, whenever it arrives, in the order of arrival."""
    return sorted(
        ((moment, event) for moment, event in given.events if _ceases(event)), key=lambda each: each[0]
    )


def _ceases(event: Words) -> bool:
    kind = event.get("kind")
    if kind == "consumer_request":
        return event.get("request") == "refuse_to_pay_or_cease"
    if kind == "consumer_statement":
        return event.get("statement") == "cease_communication_notice"
    return kind in CEASE_EVENTS and (kind == "cease_letter_received" or in_writing(event, "mail"))


def in_writing(event: Words, usual: str | None = None) -> bool:
    """Whether a notice is in writing: on paper, or by an electronic medium that we accept."""
    channel = event.get("channel") or usual
    if channel in ELECTRONIC:
        return event.get("collector_accepts_channel") is not False
    return channel in IN_WRITING


def _disputes(given: Given) -> Iterator[HoldFact]:
    """Disputes that nobody has answered yet; `variant` says whether one was timely and in writing."""
    if not given.past("dispute_received"):
        return
    book = book_for(given.packs, given.jurisdictions, all_count=True)
    for dispute, stops in open_disputes(read_matter(given), book, given.at):
        yield HoldFact(
            kind="dispute",
            first_day=dispute.day(given.clock),
            debts=dispute.debts or (),
            variant="written" if stops else "not_written",
            own=False,
        )
