"""Every worked example of every shipped term is a test."""

import pytest

from compliance.rules.terms.examples import differences
from tests.compliance.rules.builders import PACKS

EXAMPLES = [
    pytest.param(pack, term, example, id=f"{term.id}: {example.says}")
    for pack in PACKS.all
    for term in pack.terms
    for example in term.examples
]


@pytest.mark.parametrize(("pack", "term", "example"), EXAMPLES)
def test_example_holds(pack, term, example):
    assert differences(pack, term, example) == []
