"""Every shared vector about terms and notices, or about an act that is no contact."""

import json
import os
from pathlib import Path

import pytest

from compliance.rules.vectors.given import Given
from compliance.rules.vectors.terms import ACTIONS, EVALUATIONS
from tests.compliance.rules.builders import PACKS
from tests.shared_data import REPOSITORY

DATA = Path(os.environ.get("FORBEAR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
LAW = PACKS.without_house()


def _answerer(vector):
    when = vector["when"]
    return ACTIONS.get(when["action"]) if "action" in when else EVALUATIONS.get(when["evaluate"])


def _vectors():
    for path in sorted((DATA.parent / "vectors").glob("*.json")):
        file = json.loads(path.read_text("utf-8"))
        usual = file.get("conventions", {}).get("defaults", {}).get("jurisdictions", ())
        for vector in file["vectors"]:
            if _answerer(vector):
                yield pytest.param(vector, usual, id=vector["id"])


VECTORS = list(_vectors())


@pytest.mark.skipif(not VECTORS, reason="the shared vectors are not there")
@pytest.mark.parametrize(("vector", "usual"), VECTORS)
def test_vector_holds(vector, usual):
    answer = _answerer(vector)(Given(vector["given"], vector["when"], tuple(usual), LAW))
    assert {key: answer.get(key) for key in vector["expected"]} == vector["expected"]
