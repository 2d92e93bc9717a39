"""Facts for the gate, from the database: one contact or many, for now or for a moment long past, by the same queries.

The number of statements does not depend on how many questions are asked, so the planner's answers for a whole portfolio
and the strip's answer for one person come from the same code. Facts carry pseudonyms only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from accounts.models import Borrower, ContactKind, ContactPoint, PointStatus
from accounts.standing import Standing, standings
from accounts.standing import borrowers_statement as standing_statement
from accounts.statements import Statement, rows_of
from compliance.holds import FoundKind, stopped_purposes
from compliance.known import DAY, Known, borrowers_statement, history_statement, known_of, moment
from compliance.law import Law, law_at, law_of, law_statement
from compliance.models import Channel
from compliance.person import Told, is_employer_mail, party_of, place_of, tell
from compliance.rules import DebtFact, Facts, HoldFact, Packs, Party, Purpose
from compliance.rules.schema import CountRule, PatternRule, QuietRule, Rule
from compliance.rules.zones import zones_of
from compliance.then import Arrears, past_arrears

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

ANSWERS = frozenset({Purpose.REPLY, Purpose.OPT_OUT_CONFIRMATION, Purpose.ANSWER_REQUEST})
"""Purposes that answer something the person began."""

EVERYDAY = frozenset(
    {Purpose.FIRST_NOTICE, Purpose.REMINDER, Purpose.COLLECT, Purpose.REPLY, Purpose.SERVICE}
)
NOT_COLLECTING = frozenset(purpose for purpose in Purpose if not purpose.collecting)
EVER = 36_525
"""Days: a hundred years."""

STALE = "balances"
"""The word for balances that were told too long ago, as `Facts.stale` has it."""


class NotAskable(ValueError):
    """The question itself is wrong: another borrower's contact point or loan, or an address that the channel cannot use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May we contact this borrower? Without a contact point the best own one for the channel is meant; without loans, those
    in arrears, and where none is, all of them. `role` is that of who would make the contact, where it is somebody else than
    the portfolio says we are: an agency."""

    borrower: UUID
    channel: str
    purpose: str
    contact_point: UUID | None = None
    loans: tuple[UUID, ...] | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A contact that others made at a moment, to be judged by what held then. `attempt` is its row, left out of the history.
    Where it names no loan, it was about those of `among` that were overdue then, else all of them. `role` is theirs, ours
    where nobody says; `owner_unknown`: it went to a number or address that is not among the borrower's."""

    question: Question
    at: datetime
    attempt: UUID
    among: tuple[UUID, ...]
    role: str | None = None
    owner_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A question with its facts, the contact point and loans they are about, and the zone of the borrower's own dates."""

    question: Question
    facts: Facts
    contact_point: UUID | None
    loans: tuple[UUID, ...]
    zone: str


LOCK = "SELECT 1 FROM accounts_borrower WHERE id = %(borrower)s FOR NO KEY UPDATE"
"""Whoever only adds rows that point to the borrower need not wait."""


def situations(questions: Sequence[Question], *, at: datetime, packs: Packs) -> list[Situation]:
    """The facts of every question at a moment, in the order asked. Raises `NotAskable` for the first wrong one."""
    at = at.astimezone(UTC)
    known, law = _read(questions, at, packs)
    return _situations(questions, known, law, at, packs)


def locked_situations(
    questions: Sequence[Question], *, borrower: UUID, at: datetime, packs: Packs
) -> tuple[list[Situation], Law]:
    """As `situations`, about one borrower, who is locked first until the transaction ends; with the law they rest on."""
    at = at.astimezone(UTC)
    known, law = _read(questions, at, packs, (LOCK, {"borrower": borrower}))
    return _situations(questions, known, law, at, packs), law


def _read(
    questions: Sequence[Question], at: datetime, packs: Packs, *first: Statement
) -> tuple[dict[UUID, Known], Law]:
    """What is known of the borrowers asked about, and the law; `first` are statements that must come before."""
    since = _since(at, questions, packs)
    borrowers = {question.borrower for question in questions}
    *_first, law, rows, history, standing = rows_of(
        *first,
        law_statement(at, packs),
        borrowers_statement(borrowers, since=since, at=at, ended=at),
        history_statement(borrowers, since=since, at=at),
        standing_statement(borrowers, at),
        about=len(borrowers),
    )
    known = known_of(rows, history)
    _add_arrears(known, standings(standing), at)
    return known, law_of(law, packs)


def _situations(
    questions: Sequence[Question], known: Mapping[UUID, Known], law: Law, at: datetime, packs: Packs
) -> list[Situation]:
    told = {borrower: tell(each) for borrower, each in known.items()}
    # Each question sees as far back as its own rules look, whatever the others need: alone it gets the same facts.
    reach = {question: _since(at, [question], packs) for question in set(questions)}
    now = {key: told[key[0]].now(key[1]) for key in {(each.borrower, since) for each, since in reach.items()}}
    return [
        _situation(question, known[question.borrower], now[question.borrower, reach[question]], at, law)
        for question in questions
    ]


def situations_then(contacts: Sequence[Happened], *, at: datetime, packs: Packs) -> list[Situation]:
    """The facts of contacts that happened, each as of its own moment: what came later is left out, and neither the state of
    the portfolio nor that of its numbers today plays a part. `at` is when they are judged: what is signed by then opens what
    it opens; nothing counts as set aside. By the same number of statements for any number of contacts."""
    if not contacts:
        return []
    law = law_at(at, packs)
    first, last = min(each.at for each in contacts), max(each.at for each in contacts)
    since = _since(first, (each.question for each in contacts), packs)
    borrowers = {each.question.borrower for each in contacts}
    rows, history = rows_of(
        borrowers_statement(borrowers, since=since, at=first, ended=first),
        history_statement(borrowers, since=since, at=last),
        about=len(borrowers),
    )
    known = known_of(rows, history)
    arrears = past_arrears(loan for each in known.values() for loan in each.loans)
    told = {borrower: tell(each) for borrower, each in known.items()}
    return [
        _then(each, known[each.question.borrower], told[each.question.borrower], arrears, law)
        for each in contacts
    ]


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


def _since(at: datetime, questions: Iterable[Question], packs: Packs) -> datetime:
    """From when on contacts matter to these questions."""
    return at - (_reach(packs, frozenset((each.channel, each.purpose) for each in questions)) + 2) * DAY


@lru_cache(maxsize=100)
def _reach(packs: Packs, asked: frozenset[tuple[str, str]]) -> int:
    """How many days back any rule looks that speaks about such contacts: its window, and before the oldest call in it the
    consent that call rested on. What an exception permits once only is looked for in all we have."""
    if any(purpose not in EVERYDAY for _channel, purpose in asked):
        return EVER
    days = [0]
    for rule in (rule for pack in packs.all for rule in pack.rules):
        if not any(_speaks(rule, channel, purpose) for channel, purpose in asked):
            continue
        if isinstance(rule, CountRule):
            days.append(rule.window.days + (rule.counts.except_consented_days or 0))
        elif isinstance(rule, PatternRule):
            days.append(rule.consecutive_days + 1)
        elif isinstance(rule, QuietRule):
            days.append(rule.days + (rule.after.except_consented_days or 0))
    return min(max(days), EVER)


def _speaks(rule: Rule, channel: str, purpose: str) -> bool:
    return channel in rule.channels and (rule.purposes is None or purpose in rule.purposes)


def _add_arrears(known: Mapping[UUID, Known], standing: Mapping[UUID, Standing], at: datetime) -> None:
    """What is overdue of each loan, on its own business date. Balances that were told too long ago are not known."""
    for each in known.values():
        for pk, row in each.loans.items():
            found = standing.get(pk)
            row["arrears"] = found.arrears if found else None
            row["days_past_due"] = found.days_past_due if found else None
            row["stale"] = _is_stale(row, at)


def _is_stale(loan: Mapping[str, Any], at: datetime) -> bool:
    days = loan["payments_fresh_days"]
    if days is None:  # payments come in by themselves
        return False
    told_at = moment(loan["told_at"])
    return told_at is None or at - told_at > timedelta(days=days)


# From rows to facts


def _situation(question: Question, known: Known, told: Told, at: datetime, law: Law) -> Situation:
    point = _point(question, known)
    loans = _loans(question, known)
    rows = [known.loans[loan] for loan in loans]
    collecting = question.purpose not in NOT_COLLECTING
    facts = _facts(
        question, known, told, point, loans, law,
        arrears_positive=_in_arrears(rows),
        holds=(*told.holds, *_found_holds(rows, point, at)),
        set_aside=law.set_aside({row["portfolio"] for row in rows}),
        # Whoever asked us something gets an answer, however old the balances are.
        stale=(STALE,) if collecting and any(row["stale"] for row in rows) else (),
    )  # fmt: skip
    return _made(question, known, facts, point, loans)


def _then(contact: Happened, known: Known, told: Told, arrears: Arrears, law: Law) -> Situation:
    question, at = contact.question, contact.at
    point = known.points.get(str(question.contact_point))
    for loan, row in known.loans.items():
        row["arrears"], row["days_past_due"] = arrears.of(loan, row["zone"], at)
    overdue = tuple(loan for loan in contact.among if known.loans[loan]["arrears"])
    loans = tuple(sorted(set(question.loans or overdue or contact.among)))
    refused = [_found(FoundKind.PERSON_REFUSED, at)] if point and _refused(point, at) else []
    told = told.then(at, _since(at, [question], law.packs), contact.attempt)
    more: dict[str, Any] = {}
    if contact.role:
        more["role"] = contact.role
    if contact.owner_unknown:
        more["party"] = Party.THIRD_PARTY
    facts = _facts(
        question, known, told, point, loans, law,
        arrears_positive=_in_arrears([known.loans[loan] for loan in loans]),
        holds=(*told.holds, *refused),
        **more,
    )  # fmt: skip
    return _made(question, known, facts, point, loans)


def _facts(
    question: Question,
    known: Known,
    told: Told,
    point: Mapping[str, Any] | None,
    loans: tuple[UUID, ...],
    law: Law,
    **more: Any,
) -> Facts:
    rows = [known.loans[loan] for loan in loans]
    zones, countries = _places(known, point)
    answers = question.purpose in ANSWERS
    jurisdictions = tuple(sorted({each for row in rows for each in row["jurisdictions"]}))
    given: dict[str, Any] = {
        # Two roles in one contact are one nobody knows, and refused: ask about the loans apart.
        "role": question.role or "/".join(sorted({row["our_role"] for row in rows})),
        "jurisdictions": jurisdictions,
        "channel": question.channel,
        "purpose": question.purpose,
        "party": party_of(point),
        "contact_point": point["id"] if point else None,
        "debts": tuple(map(str, loans)),
        "debt_facts": tuple(
            DebtFact(id=str(loan), days_past_due=known.loans[loan]["days_past_due"]) for loan in loans
        ),
        "zones": zones,
        "address_zones": tuple(sorted(known.zones)),
        "countries": countries,
        "history": told.history,
        "consents": told.consents_towards_others()
        if question.role
        else told.consents_for({row["our_role"] for row in rows}),
        "designations": told.designations,
        "media_requests": told.media,
        "place": place_of(point) if point else None,
        "employer_email": bool(point and is_employer_mail(point)),
        "in_reply_to": told.newest_inbound if answers else None,
        "unreachable": told.unreachable,
        "relation": point["relation"] if point else None,
        "party_refused": bool(point and point["refused_at"]),
        "signed": law.signed_packs(jurisdictions),
    }
    return Facts(**(given | more))


def _made(
    question: Question, known: Known, facts: Facts, point: Mapping[str, Any] | None, loans: tuple[UUID, ...]
) -> Situation:
    own = next((zone for row in _own_phones(known) for zone in row["zones"]), None)
    fallback = known.loans[loans[0]]["zone"] if loans else "UTC"
    return Situation(
        question=question,
        facts=facts,
        contact_point=UUID(point["id"]) if point else None,
        loans=loans,
        zone=next(iter(known.zones), None) or own or fallback,
    )


def _point(question: Question, known: Known) -> dict[str, Any] | None:
    try:
        wanted = KIND_OF_CHANNEL[Channel(question.channel)]
    except ValueError:
        raise NotAskable(f"There is no channel {question.channel!r}.") from None
    if question.contact_point is not None:
        point = known.points.get(str(question.contact_point))
        if point is None:
            raise NotAskable("The contact point is not one of this borrower.")
        if point["kind"] != wanted:
            raise NotAskable(f"A {point['kind']} is not reached by {question.channel}.")
        return point
    own = [
        row for row in known.points.values()
        if row["kind"] == wanted and row["status"] == PointStatus.ACTIVE and party_of(row) == Party.BORROWER
    ]  # fmt: skip
    # The one verified last (written as text, days sort by themselves); of those never verified the first that was given.
    return max(own, key=lambda row: row["verified_on"] or "", default=None)


def _loans(question: Question, known: Known) -> tuple[UUID, ...]:
    if question.loans is None:
        overdue = tuple(pk for pk, row in known.loans.items() if row["arrears"])
        return overdue or tuple(known.loans)
    if missing := [loan for loan in question.loans if loan not in known.loans]:
        raise NotAskable(f"Loan {missing[0]} is not one of this borrower.")
    return tuple(sorted(set(question.loans)))


def _own_phones(known: Known) -> Iterator[dict[str, Any]]:
    for row in known.points.values():
        if row["kind"] == ContactKind.PHONE and row["status"] == PointStatus.ACTIVE and not row["of_another"]:
            yield row


def _places(known: Known, point: Mapping[str, Any] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
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


def _refused(point: Mapping[str, Any], at: datetime) -> bool:
    refused_at = moment(point["refused_at"])
    return refused_at is not None and refused_at <= at


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
    if point is not None and point["refused_at"]:
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
