"""Facts as canonical JSON: what is stored with a decision gives the same decision again."""

import json
from datetime import date, datetime

import pytest

from compliance.rules import ConsentFact, Facts, HoldFact, PastContact, decide
from tests.compliance.rules.builders import PACKS, call, facts, local, talk

FULL = facts(
    history=(call("2026-07-06T10:00"), talk("2026-07-01T10:00", kind="permit", reported=True)),
    holds=(HoldFact(kind="dispute", first_day=date(2026, 7, 1), last_day=None, debts=("D2",)),),
    consents=(
        ConsentFact(
            kind="call_back", given_at=local("2026-07-01T10:00"), first_day=date(2026, 7, 2), evidence="R"
        ),
    ),
    countries=("US",),
)


def test_round_trip_gives_the_same_facts_and_decision():
    again = Facts.from_json(FULL.to_json())
    assert again == FULL
    assert again.to_json() == FULL.to_json()
    at = local("2026-07-08T12:00")
    assert decide(again, PACKS, at).to_json() == decide(FULL, PACKS, at).to_json()


def test_json_is_canonical():
    text = FULL.to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert '"at":"2026-07-06T14:00:00Z"' in text


def test_facts_written_before_a_field_was_added_still_read():
    data = json.loads(facts().to_json())
    for name in ("countries", "consents", "party"):
        del data[name]
    assert Facts.from_json(json.dumps(data)) == facts()


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"nonsense": 1}', "not json", '{"history": ["x"]}', facts().to_json()[:-1] + ',"more":1}'],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error and ours are both ValueErrors
        Facts.from_json(text)


def test_moments_need_a_zone():
    with pytest.raises(ValueError, match=r"PastContact\.at needs a time zone"):
        facts(history=(PastContact(at=datetime(2026, 7, 8), channel="call"),))  # noqa: DTZ001 - that is the point
