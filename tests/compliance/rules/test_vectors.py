"""The shared conformance vectors, each a test: exact answers, key by key, as their README says."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.rules.vectors import _actions as actions
from compliance.rules.vectors import _evaluations as evaluations
from compliance.rules.vectors import answer
from tests.shared_data import REPOSITORY

SHARED = (
    Path(os.environ.get("FORBEAR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data").parent / "vectors"
)
FILES = [path for path in (SHARED / "us_regf.json", SHARED / "world.json") if path.is_file()]
AS_SETS = ("rebuttal_factors", "permitted_if")


def _cases():
    for path in FILES:
        file = json.loads(path.read_text("utf-8"))
        bare = {**file, "vectors": [{**each} for each in file["vectors"]]}
        for vector in bare["vectors"]:
            vector.pop("expected")
        for vector, told in zip(file["vectors"], answer(bare), strict=True):
            when = vector["when"]
            known = when.get("evaluate") in evaluations() or when.get("action") in actions()
            marks = () if known else pytest.mark.skip(reason="answered beside the contacts")
            yield pytest.param(vector, told, id=vector["id"], marks=marks)


CASES = list(_cases())


def differences(vector, told):
    wrong = {}
    for key, wanted in vector["expected"].items():
        if key == "note":
            continue
        got = told.get(key, "nothing")
        same = (
            isinstance(got, list) and sorted(got) == sorted(wanted)
            if key in AS_SETS
            else got == wanted and type(got) is type(wanted)
        )
        if not same:
            wrong[key] = (got, wanted)
    return wrong


@pytest.mark.skipif(not CASES, reason="the shared data folder is not here")
@pytest.mark.parametrize(("vector", "told"), CASES)
def test_shared_vector(vector, told):
    assert told["id"] == vector["id"]
    assert differences(vector, told) == {}


def test_what_cannot_be_judged_is_prohibited():
    broken = [
        {"id": "a", "given": {}, "when": {"action": "send_a_drone", "t": "2026-07-08T12:00"}},
        {"id": "b", "given": {}, "when": {}},
        {"id": "c", "given": None, "when": None},
        {"id": "d"},
        {"id": "e", "given": [], "when": "now"},
        {"id": "f", "when": {"evaluate": "the_weather"}},
        {"id": "g", "when": {"action": "call_out"}},
        {"id": "h", "when": {"action": "call_out", "t": "yesterday"}},
        {"id": "i", "when": {"action": ["call_out"]}},
        "no vector",
        None,
    ]
    told = list(answer({"vectors": broken}))
    assert [each["id"] for each in told] == [*"abcdefghi", None, None]
    assert {each["outcome"] for each in told} == {"prohibited"}


def test_a_file_that_is_none_is_refused(tmp_path):
    for text in ("", "[]", "{}", '{"vectors": 3}', "not json"):
        path = tmp_path / "file.json"
        path.write_text(text)
        with pytest.raises(CommandError, match="no file of vectors"):
            call_command("check_contact", vectors=path)


def test_the_command_prints_one_line_a_vector(tmp_path):
    vectors = [
        {
            "id": "A",
            "given": {"jurisdictions": ["ZZ"]},
            "when": {"action": "call_out", "t": "2026-07-08T12:00"},
        },
        {"id": "B"},
    ]
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"title": "two", "vectors": vectors}))
    out = StringIO()
    call_command("check_contact", vectors=path, stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["id"], line["outcome"]) for line in lines] == [("A", "prohibited"), ("B", "prohibited")]
    assert lines[0]["reason"] == "unknown_jurisdiction"
