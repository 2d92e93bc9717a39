"""Runs the worked examples that every rule carries: the rule alone, asked about one contact."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from compliance.rules.decision import Outcome, RuleResult
from compliance.rules.facts import (
    ConsentFact,
    DebtFact,
    DesignationFact,
    Facts,
    HoldFact,
    HolidayFact,
    MediaFact,
    PastContact,
)
from compliance.rules.judges import judge
from compliance.rules.packs import Pack, speaks_about
from compliance.rules.schema import Rule
from compliance.rules.shapes import WEEKDAYS, Example, ExampleConsent, ExampleDesignation
from compliance.rules.situation import Situation
from compliance.rules.zones import possible_zones


def example_facts(pack: Pack, rule: Rule, example: Example) -> Facts:
    """The facts an example tells, with what it leaves out filled in from its rule."""

    def instant(wall: datetime | None) -> datetime | None:
        return wall and wall.replace(tzinfo=ZoneInfo(example.zone))

    def told(part: BaseModel, **instants: datetime | None) -> dict[str, Any]:
        return dict(part) | {name: instant(wall) for name, wall in instants.items()}

    def hours(part: ExampleConsent | ExampleDesignation) -> dict[str, Any]:
        named = {"days", "from_", "to"}
        kept = {name: value for name, value in part if name not in named}
        weekdays = tuple(map(WEEKDAYS.index, part.days))
        return kept | {"weekdays": weekdays, "from_minute": part.from_, "to_minute": part.to}

    return Facts(
        role=example.role or rule.binds[0],
        jurisdictions=(pack.jurisdiction,) if pack.jurisdiction else (),
        channel=example.channel or rule.channels[0],
        zones=(example.zone,) if example.zones is None else example.zones,
        arrears_positive=True,
        history=tuple(PastContact(**told(each, at=each.at)) for each in example.history),
        holds=tuple(HoldFact(**dict(each)) for each in example.holds),
        consents=tuple(
            ConsentFact(
                **hours(each) | {"given_at": instant(each.given_at), "revoked_at": instant(each.revoked_at)}
            )
            for each in example.consents
        ),
        debt_facts=tuple(DebtFact(**dict(each)) for each in example.debt_facts),
        designations=tuple(DesignationFact(**hours(each)) for each in example.designations),
        media_requests=tuple(MediaFact(**told(each, at=each.at)) for each in example.media_requests),
        holidays=None
        if example.holidays is None
        else tuple(HolidayFact(**dict(each)) for each in example.holidays),
        in_reply_to=instant(example.in_reply_to),
        signed=(pack.id,) if example.signed else (),
        **{name: getattr(example, name) for name in _SAME},
    )


_SAME = (
    "purpose", "party", "contact_point", "debts", "address_zones", "place", "live", "at_home", "inconvenient_now", "public",
    "employer_email", "address_procedure", "collection_begun", "unreachable", "party_refused",
)  # fmt: skip
"""What an example says in the very words of the facts."""


def run_example(pack: Pack, rule: Rule, example: Example) -> RuleResult:
    """The rule's own result; plainly permitted where the rule does not speak about the contact."""
    facts = example_facts(pack, rule, example)
    zones = possible_zones(facts.zones, (), (pack.country,) if pack.country else ())
    at = example.at.replace(tzinfo=ZoneInfo(example.zone)).astimezone(UTC)
    result = None
    if zones and speaks_about(rule, facts.role, facts.channel, facts.purpose, facts.party):
        result = judge(rule, pack, Situation(facts, zones, facts.address_zones), at)
    return result or RuleResult(rule=rule.id, pack=pack.id, status=rule.status, outcome=Outcome.PERMITTED)


def differences(pack: Pack, rule: Rule, example: Example) -> list[str]:
    """What the rule answers otherwise than its example says; empty when they agree."""
    result = run_example(pack, rule, example)
    opens = example.next_allowed and example.next_allowed.replace(tzinfo=ZoneInfo(example.zone))
    asked: list[tuple[str, Any, Any]] = [
        ("outcome", result.outcome, example.outcome),
        ("reason", result.reason, example.reason),
        ("exception", result.exception, example.exception),
    ]
    if example.counted is not None:
        asked.append(("counted", result.counted, example.counted))
    if opens is not None:
        asked.append(("next_allowed", result.next_allowed, opens))
    return [f"{name}: {got} instead of {wanted}" for name, got, wanted in asked if got != wanted]
