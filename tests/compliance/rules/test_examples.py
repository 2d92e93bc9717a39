"""Every worked example of every shipped rule is a test."""

import pytest

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
        if not any(example.outcome is rule.outcome for example in rule.examples)
    ]
    assert silent == []
