"""Our own conformance vectors, each a test. Their answers were worked out by hand, never copied from the rules' own."""

import json
from pathlib import Path

import pytest

from compliance.rules.vectors import answer
from tests.compliance.rules.test_vectors import differences

FILE = json.loads((Path(__file__).parent / "vectors_ours.json").read_text("utf-8"))
ASKED = {
    "vectors": [
        {key: each[key] for key in ("id", "given", "when")} for each in FILE["vectors"]
    ]  # no word of what is expected
}
CASES = [
    pytest.param(vector, told, id=vector["id"])
    for vector, told in zip(FILE["vectors"], answer(ASKED), strict=True)
]


@pytest.mark.parametrize(("vector", "told"), CASES)
def test_our_vector(vector, told):
    assert told["id"] == vector["id"]
    assert differences(vector, told) == {}
