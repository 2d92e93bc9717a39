"""Facts and moments for the tests of the rules, short to write and true to read."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from compliance.rules import Channel, Facts, PastContact, Purpose, Role, load_packs, parse_pack
from compliance.rules.packs import Packs

NEW_YORK = "America/New_York"
SHANGHAI = "Asia/Shanghai"

PACKS = load_packs()


def local(text: str, zone: str = NEW_YORK) -> datetime:
    """The instant of a local time, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def facts(**changes: Any) -> Facts:
    """A collector's call to a borrower in New York who is in arrears; nothing has happened yet."""
    usual: dict[str, Any] = {
        "role": Role.COLLECTOR,
        "jurisdictions": ("US",),
        "channel": Channel.CALL,
        "purpose": Purpose.COLLECT,
        "contact_point": "N1",
        "debts": ("D1",),
        "zones": (NEW_YORK,),
        "arrears_positive": True,
    }
    return Facts(**(usual | changes))


def chinese(**changes: Any) -> Facts:
    """The same as a lender's own call to a borrower in China."""
    usual = {"role": Role.CREDITOR, "jurisdictions": ("CN",), "zones": (SHANGHAI,)}
    return facts(**(usual | changes))


def call(at: str, zone: str = NEW_YORK, **changes: Any) -> PastContact:
    """One of our calls that rang unanswered, unless told otherwise."""
    usual = {
        "channel": Channel.CALL,
        "contact_point": "N1",
        "debts": ("D1",),
        "connected": True,
        "answered": False,
        "right_party": False,
        "conversation": False,
    }
    return PastContact(at=local(at, zone), **(usual | changes))


def talk(at: str, zone: str = NEW_YORK, **changes: Any) -> PastContact:
    """One of our calls in which the person spoke with us."""
    spoken = {"answered": True, "right_party": True, "conversation": True}
    return call(at, zone, **(spoken | changes))


def with_rule(rule: str, packs: Packs = PACKS) -> Packs:
    """The packs and one more house policy that holds a single rule (YAML, as it would stand in a file)."""
    header = "pack: extra\ntitle: Extra\njurisdiction: null\ncountry: null\nversion: 2026-01-01\nrules:\n"
    return Packs([*packs.all, parse_pack(header + rule, "extra.yaml")])


RULE = """
  - id: EXTRA.RULE
    says: A rule of a test.
    citation: none
    source: none
    confidence: house
    binds: [creditor, third_party_debt_collector, debt_buyer]
    channels: [call, sms, email, app, letter, wechat, whatsapp, visit]
    zone_basis: person
    in_force: {from: null, to: null}
    status: draft
    examples:
      - {says: nothing, zone: UTC, at: 2026-01-01 12:00:00, outcome: permitted}
"""
