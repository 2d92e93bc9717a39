"""Every worked example of every shipped rule is a test."""

import pytest

from compliance.rules import Outcome
from compliance.rules.examples import differences
from tests.compliance.rules.builders import PACKS

EXAMPLES = [
    pytest.param(pack, rule, example, id=f"{rule.id}: {example.says}")
    for pack in PACKS.all
    for rule in pack.rules
    for example in rule.examples
]


@pytest.mark.parametrize(("pack", "rule", "example"), EXAMPLES)
def test_example_holds(pack, rule, example):
    assert differences(pack, rule, example) == []


def test_every_rule_shows_where_it_forbids():
    silent = [
        rule.id
        for pack in PACKS.all
        for rule in pack.rules
        if rule.kind != "require" and not any(example.outcome is _at_most(rule) for example in rule.examples)
    ]
    assert silent == []


def _at_most(rule):
    """What a rule makes of a contact it does not like; one that is only proposed warns."""
    return Outcome.FLAGGED if rule.status == "proposed" else rule.outcome
