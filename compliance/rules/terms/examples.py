"""Runs the worked examples that every term carries: one question, asked of the term alone."""

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from compliance.rules.canonical import plain
from compliance.rules.terms import Answer, ask
from compliance.rules.terms.book import Book
from compliance.rules.terms.matter import Event, Hold, Link, Matter
from compliance.rules.terms.schema import BaseTerm, ExampleEvent, TermExample

if TYPE_CHECKING:
    from compliance.rules.packs import Pack


def example_matter(jurisdiction: str | None, term: BaseTerm, example: TermExample) -> Matter:
    """The facts an example tells, with what it leaves out filled in from its term."""
    return Matter(
        role=example.role or term.binds[0],
        jurisdictions=(jurisdiction,) if jurisdiction else (),
        zone=example.zone,
        debts=example.debts,
        debt_types=example.debt_types,
        events=tuple(_event(each, example.zone) for each in example.events),
        holds=tuple(Hold(**dict(each)) for each in example.holds),
        chain=tuple(Link(**dict(each)) for each in example.chain),
        debt_status=example.debt_status,
        validation_end=example.validation_end,
        name_parts=example.name_parts,
        deceased=example.deceased,
        estate_representative=example.estate_representative,
        record=example.record,
        first_activity=example.first_activity,
        last_activity=example.last_activity,
    )


def run_example(pack: "Pack", term: BaseTerm, example: TermExample) -> Answer:
    """The term's own answer."""
    matter = example_matter(pack.jurisdiction, term, example)
    book = Book(terms=((pack.id, term),), all_count=True)
    words = {name: _word(name, value, matter) for name, value in example.words.items()}
    return ask(example.ask, matter, book, **words)


def differences(pack: "Pack", term: BaseTerm, example: TermExample) -> list[str]:
    """What the term answers otherwise than its example says; empty when they agree."""
    got = plain(run_example(pack, term, example).values)
    return [
        f"{name}: {got.get(name)} instead of {wanted}"
        for name, wanted in plain(example.answer).items()
        if name not in got or got[name] != wanted
    ]


def _event(told: ExampleEvent, zone: str) -> Event:
    words = dict(told)
    day = words.pop("day")
    wall = told.at or datetime.combine(day, time())
    return Event(**(words | {"at": _instant(wall, zone), "on": day}))


def _word(name: str, value: Any, matter: Matter) -> Any:
    """A moment is local to the example's zone; a dispute is named by its place among the events, the first being 0."""
    if name == "at":
        return _instant(value, matter.zone)
    return matter.events[value] if name == "dispute" else value


def _instant(wall: datetime, zone: str) -> datetime:
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
