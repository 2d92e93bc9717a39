"""Caps of what being late may cost: the strictest of all rules, each with the rule that set it."""

from datetime import date
from decimal import Decimal

import pytest

from compliance.rules import PackError, Packs, load_packs, parse_pack
from compliance.rules.terms import Matter, book_for
from compliance.rules.terms.charges import Caps, caps_on

TEXT = """
pack: test
title: Test
jurisdiction: ZZ
country: GB
version: 2026-01-01
rules: []
terms:
{terms}
"""
TERM = """
  - id: {id}
    says: A cap.
    kind: charge_cap
    citation: C
    source: S
    confidence: S
    binds: [creditor]
    <<: {caps}
    in_force: {{from: {since}, to: null}}
    status: {status}
    examples:
      - {{says: x, ask: charge_caps, answer: {{after_days: null}}}}
"""


def pack(*said, status="draft", since="null"):
    """One rule for each of what is said, as YAML."""
    terms = [
        TERM.format(id=f"T.{number}", caps=caps, status=status, since=since)
        for number, caps in enumerate(said, 1)
    ]
    return parse_pack(TEXT.format(terms="".join(terms)), "test")


def caps(*said, on=date(2026, 3, 3), currency="GBP", role="creditor", **more):
    matter = Matter(role=role, jurisdictions=("ZZ",), zone="Europe/London")
    return caps_on(matter, book_for(Packs([pack(*said, **more)]), ["ZZ"]), on, currency)


def test_the_strictest_of_each_counts_and_names_its_rule():
    found = caps(
        "{year_percent: 36}",
        "{charges_percent: 100, fee: {GBP: 15, EUR: 9}, day_percent: 0.8, after_days: 3}",
        "{fee: {GBP: 12.50}, fee_percent: 5, after_days: 10}",
    )
    rules = {
        "year_percent": "T.1", "charges_percent": "T.2", "fee": "T.3", "fee_percent": "T.3", "after_days": "T.3",
    }  # fmt: skip
    assert found == Caps(
        year_percent=Decimal(36), charges_percent=Decimal(100), fee=Decimal("12.50"), fee_percent=Decimal(5),
        after_days=10, rules=tuple(rules.items()),
    )  # fmt: skip


def test_a_percent_a_day_is_one_of_a_year_of_365_days():
    assert caps("{day_percent: 0.8}").year_percent == Decimal(292)


def test_a_fee_in_another_currency_says_nothing():
    assert caps("{fee: {GBP: 15}}", currency="USD").fee is None


def test_drafts_bind_and_proposals_do_not_and_others_are_not_bound():
    assert caps("{year_percent: 9}").year_percent == 9
    assert caps("{year_percent: 9}", status="proposed").year_percent is None
    assert caps("{year_percent: 9}", role="debt_buyer") == Caps()


def test_a_rule_counts_from_its_day():
    later = "{year_percent: 9}"
    assert caps(later, since="2026-03-04").year_percent is None
    assert caps(later, since="2026-03-04", on=date(2026, 3, 4)).year_percent == 9


@pytest.mark.parametrize(
    "said", ["{note: none}", "{year_percent: -1}", "{fee: {POUND: 1}}", "{after_days: 0}"]
)
def test_what_caps_nothing_is_no_cap(said):
    with pytest.raises(PackError):
        pack(said)


def test_house_policy_caps_everywhere_and_china_by_the_year():
    packs = load_packs()

    def where(*places):
        matter = Matter(role="creditor", jurisdictions=places, zone="UTC")
        return dict(caps_on(matter, book_for(packs, places), date(2026, 3, 3), "USD").rules)

    assert where("US") == {"charges_percent": "HOUSE.CHARGES"}
    assert where("CN") == {"year_percent": "CN.CIVIL.RATE", "charges_percent": "HOUSE.CHARGES"}
