"""The contacts in a vector's history, as facts."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from compliance.rules.facts import Channel, Direction, PastContact, Place, Purpose
from compliance.rules.vectors.given import Broken, Given, Words, listed

CONTACTS = {
    "call_out": (Channel.CALL, Direction.OUT),
    "ringless_voicemail": (Channel.CALL, Direction.OUT),
    "sms_out": (Channel.SMS, Direction.OUT),
    "email_out": (Channel.EMAIL, Direction.OUT),
    "letter_out": (Channel.LETTER, Direction.OUT),
    "social_message_out": (Channel.SOCIAL, Direction.OUT),
    "visit_out": (Channel.VISIT, Direction.OUT),
    "call_in": (Channel.CALL, Direction.IN),
    "sms_in": (Channel.SMS, Direction.IN),
    "email_in": (Channel.EMAIL, Direction.IN),
    "social_message_in": (Channel.SOCIAL, Direction.IN),
}
TELEPHONE = frozenset({"call_out", "call_in", "ringless_voicemail"})

MISSED = {"connected": True, "answered": False, "right_party": False, "conversation": False}
ON_MACHINE = {**MISSED, "voicemail": True}
RESULTS: dict[str, dict[str, Any]] = {
    "unanswered": MISSED,
    "rang_no_answer": MISSED,
    "voicemail": ON_MACHINE,
    "limited_content_message": ON_MACHINE,
    "connected_to_voicemail_without_ringing": ON_MACHINE,
    "answered_then_dropped": {"connected": True, "answered": True, "conversation": False},
    "conversation": {"connected": True, "answered": True, "right_party": True, "conversation": True},
    "busy_signal": {**MISSED, "connected": False},
    "not_in_service": {**MISSED, "connected": False},
}

PLACES = {
    "mobile": Place.MOBILE,
    "mobile_or_email": Place.MOBILE,
    "home_landline": Place.HOME_LANDLINE,
    "home_postal": Place.HOME_POSTAL,
    "workplace": Place.WORKPLACE,
}

PURPOSES = {
    "ask_for_payment": Purpose.COLLECT,
    "location_information": Purpose.LOCATION_INFORMATION,
    "ongoing_liability": Purpose.ONGOING_LIABILITY,
    "seek_consent": Purpose.SEEK_CONSENT,
    "opt_out_confirmation_only": Purpose.OPT_OUT_CONFIRMATION,
    "periodic_statement_required_by_law": Purpose.LEGAL_STATEMENT,
    "advise_efforts_terminated": Purpose.EFFORTS_TERMINATED,
    "notify_may_invoke_specified_ordinary_remedy": Purpose.MAY_INVOKE_REMEDY,
    "notify_intends_to_invoke_specified_remedy": Purpose.INTENDS_REMEDY,
    "required_by_applicable_law": Purpose.REQUIRED_BY_LAW,
    "active_litigation": Purpose.LITIGATION,
    "answer_consumer_information_request": Purpose.ANSWER_REQUEST,
    "resume_dropped_conversation": Purpose.RESUME_DROPPED,
    "warn_of_creditor_late_fee_deadline": Purpose.WARN_LATE_FEE,
    "artificial_deadline_discount": Purpose.DISCOUNT_DEADLINE,
}


def history(given: Given, until: datetime | None = None) -> tuple[PastContact, ...]:
    """Every contact up to `until`, by default the moment asked about, and conversations that consents tell of."""
    until = until or given.at
    wrong = _wrong_numbers(given, until)
    found = [
        contact(moment, each, wrong) for moment, each in given.events if moment <= until and is_contact(each)
    ]
    return (*found, *_told_with_consents(given, until))


def is_contact(event: Words) -> bool:
    return event.get("kind") in CONTACTS


def contact(moment: datetime, event: Words, wrong: list[tuple[datetime, str | None]]) -> PastContact:
    channel, direction = CONTACTS[event["kind"]]
    result = RESULTS.get(str(event.get("result")), {})
    if event["kind"] == "ringless_voicemail":
        result = ON_MACHINE
    address, owner = event.get("address"), event.get("number_owner")
    theirs = owner in (None, "consumer")
    spoke = bool(result.get("conversation"))
    allocated = debts_of(event.get("allocated_to"))
    return PastContact(
        at=moment,
        channel=channel,
        direction=direction,
        contact_point=event.get("number") or (None if address in PLACES else address),
        debts=allocated if allocated is not None else debts_of(event.get("debts")) or (),
        purpose=PURPOSES.get(str(event.get("purpose"))),
        # A number of which nothing is said is one the person gave as their own.
        place=PLACES.get(str(address), Place.MOBILE) if theirs else Place.OTHER_PERSON,
        wrong_number=channel == Channel.CALL
        and not spoke
        and (not theirs or any(number == event.get("number") for _found, number in wrong)),
        by_us="by" not in event,
        call_debts=debts_of(event.get("call_counts_for")),
        talk_debts=debts_of(event.get("conversation_counts_for")),
        **result,
    )


def debts_of(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(map(str, listed(value)))


def _wrong_numbers(given: Given, until: datetime) -> list[tuple[datetime, str | None]]:
    return [
        (moment, each.get("number"))
        for moment, each in given.events
        if moment <= until and each.get("kind") == "number_found_wrong"
    ]


def _told_with_consents(given: Given, until: datetime) -> Iterator[PastContact]:
    for each in given.given.get("consents") or []:
        if each.get("conversation_at") and (moment := given.instant(each["conversation_at"])) <= until:
            yield PastContact(
                at=moment,
                channel=Channel.CALL,
                direction=Direction.IN,
                right_party=True,
                conversation=True,
                answered=True,
                connected=True,
            )


def purpose_of(word: Any) -> str:
    """The purpose a vector names; asking for payment where it names none."""
    if word is None:
        return Purpose.COLLECT
    try:
        return PURPOSES[word]
    except (KeyError, TypeError) as error:
        raise Broken(f"no such purpose: {word}") from error
