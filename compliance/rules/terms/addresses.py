"""When a number or e-mail address may be relied on not to reach somebody else."""

from datetime import date, datetime, timedelta

from compliance.rules.terms.book import Answer, Asked, Book, ids
from compliance.rules.terms.matter import (
    ADDRESS_PROVIDED,
    CONTACT,
    CREDITOR_NOTICE,
    EMAIL,
    OPT_OUT,
    SMS,
    WRONG_NUMBER,
    Agreement,
    Event,
    Matter,
)
from compliance.rules.terms.schema import ProcedureTerm

AVAILABLE = "safe_harbor_available"
NOT_AVAILABLE = "safe_harbor_not_available"


def sms_address_procedure(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether a number may be texted: the person texted us from it or agreed, has not opted out since, and that is fresh or
    a database says that the number was not given to another. Words: `number`, `at`; without a moment, the last known."""
    at = asked.get("at") or _last_known(matter)
    if at is None:
        return Answer({"outcome": NOT_AVAILABLE})
    terms = [term for term in book.of(ProcedureTerm, matter, matter.day(at)) if term.of == SMS]
    known = matter.until(at)
    holds = bool(terms) and all(_number_holds(known, term, asked.get("number"), at) for term in terms)
    return Answer({"outcome": AVAILABLE if holds else NOT_AVAILABLE}, ids(terms))


def email_address_procedure(matter: Matter, book: Book, asked: Asked) -> Answer:
    """Whether an e-mail address may be relied on: the person used it or gave it to us, the creditor announced its use, or
    it came down a chain of collectors. Words: `address`, `at`."""
    at = asked.get("at")
    on = matter.day(at) if at else None
    terms = [term for term in book.of(ProcedureTerm, matter, on) if term.of == EMAIL]
    known = matter.until(at)
    holds = bool(terms) and all(_address_holds(known, term, asked.get("address"), at) for term in terms)
    values: dict[str, object] = {"outcome": AVAILABLE if holds else NOT_AVAILABLE}
    if matter.chain:
        values["immediately_prior"] = matter.chain[-2].collector if len(matter.chain) > 1 else None
    return Answer(values, ids(terms))


def _number_holds(matter: Matter, term: ProcedureTerm, number: str | None, at: datetime) -> bool:
    texts = [
        event for event in _inbound(matter, SMS) if number is None or event.point == number
    ]  # a text from a number nobody knows qualifies none
    agreed = _standing(matter.agreements, at, matter.day(at))
    rests_on = max([*(event.at for event in texts), *(each.at for each in agreed)], default=None)
    if (
        rests_on is None
        or _opted_out(matter, SMS, number, rests_on)
        or _found_wrong(matter, number, rests_on)
    ):
        return False
    fresh = [*(event.day(matter.zone) for event in texts), *(each.day for each in agreed)]
    check = matter.number_check
    if check is not None and check.at <= at:
        if check.reassigned and check.at >= rests_on:
            return False
        if check.reassigned is False and check.database in term.databases:
            fresh.append(check.day)
    oldest = matter.day(at) - timedelta(days=term.within_days or 0)
    return max(fresh) >= oldest


def _address_holds(matter: Matter, term: ProcedureTerm, address: str | None, at: datetime | None) -> bool:
    given = [event for event in matter.events if event.kind == ADDRESS_PROVIDED and event.disclosed]
    own = [event.at for event in [*given, *_inbound(matter, EMAIL)] if _same(event, address)]
    agreed = _standing(matter.agreements, at, matter.day(at) if at else None)
    rests_on = max([*own, *(each.at for each in agreed)], default=None)
    if rests_on is not None:
        return not _opted_out(matter, EMAIL, address, rests_on)
    if _opted_out(matter, EMAIL, address, None):
        return False
    # An address known to be the employer's is never opened by a creditor's notice.
    return _chain_holds(matter) or (not matter.employer_email and _notice_holds(matter, term, at))


def _chain_holds(matter: Matter) -> bool:
    """A collector before us obtained the address by a procedure, the one just before us used it, and the person opted out
    of none."""
    prior = matter.chain[:-1]
    return (
        bool(prior)
        and any(link.obtained_by_procedure for link in prior)
        and prior[-1].used
        and not any(link.opt_out for link in prior)
    )


def _notice_holds(matter: Matter, term: ProcedureTerm, at: datetime | None) -> bool:
    """The time to opt out that a creditor's notice gives has passed; without a moment nobody knows that it has."""
    if at is None or term.creditor_notice_days is None:
        return False
    wait = timedelta(days=term.creditor_notice_days)
    notices = [event for event in matter.events if event.kind == CREDITOR_NOTICE]
    return any(matter.day(at) > event.day(matter.zone) + wait for event in notices)


def _inbound(matter: Matter, channel: str) -> list[Event]:
    """What the person sent us, whatever the debt: it shows that the address is theirs."""
    return [
        event
        for event in matter.events
        if event.kind == CONTACT and event.channel == channel and event.inbound
    ]


def _standing(agreements: tuple[Agreement, ...], at: datetime | None, on: date | None) -> list[Agreement]:
    """Consents given and neither run out nor taken back; without a moment one taken back stands no more."""
    return [
        each
        for each in agreements
        if (at is None or each.at <= at)
        and (each.revoked_at is None or (at is not None and at < each.revoked_at))
        and (on is None or each.last_day is None or on <= each.last_day)
    ]


def _opted_out(matter: Matter, channel: str, point: str | None, since: datetime | None) -> bool:
    """An opt-out of the address at or after a moment; None: at any time."""
    return any(
        event.kind == OPT_OUT
        and event.channel in (channel, None)
        and (event.whole or _same(event, point))
        and (since is None or event.at >= since)
        for event in matter.events
    )


def _found_wrong(matter: Matter, number: str | None, since: datetime) -> bool:
    return any(
        event.kind == WRONG_NUMBER and event.at >= since and _same(event, number) for event in matter.events
    )


def _same(event: Event, point: str | None) -> bool:
    return point is None or event.point is None or event.point == point


def _last_known(matter: Matter) -> datetime | None:
    moments = [event.at for event in matter.events]
    if matter.number_check:
        moments.append(matter.number_check.at)
    return max(moments, default=None)
