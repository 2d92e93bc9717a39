"""Scripts: the shipped one is fit and walks as meant; the checker finds every kind of unfit one."""

import copy

import pytest
import yaml

from cases.dispositions import DISPOSITIONS
from communications.discretion import tells
from communications.scripts import (
    FOLDER,
    ScriptError,
    first_step,
    next_step,
    read_scripts,
    read_steps,
    step_of,
    validate,
)

ECONOMIC = {"illness", "job_loss", "accident", "disaster", "bereavement"}
OTHER = {"forgot", "misunderstood_terms", "payment_trouble", "disputes", "unwilling", "does_not_say"}


@pytest.fixture(scope="module")
def first_call():
    [script] = read_scripts()
    assert script.key == "first_call"
    return script


def both(text: str) -> dict[str, str]:
    return {"en": text, "zh-hans": text}


def answer(key: str, to: str, **more) -> dict:
    return {"key": key, "label": both(key), "next": to, **more}


@pytest.fixture
def small() -> list[dict]:
    """The smallest fit script: a right-party check, the disclosures, an end for each way."""
    return [
        {
            "id": "greet",
            "say": both("Hello, is that {borrower_name}?"),
            "answers": [
                answer("yes", "why", right_party=True),
                answer("no", "sorry", disposition="third_party"),
            ],
        },
        {
            "id": "why",
            "say": both("{lender_name} about {arrears}. {disclosure}"),
            "must_say": True,
            "about_debt": True,
            "discloses": ["who_we_are", "why_we_call"],
            "disclosures": {
                "third_party_debt_collector": both("We collect debts."),
                "debt_buyer": both("We collect debts."),
            },
            "answers": [
                answer("talks", "rights", disposition="promises", form="promise"),
                answer("busy", "later", disposition="call_back", form="call_back"),
            ],
        },
        {
            "id": "rights",
            "say": both("You can complain."),
            "must_say": True,
            "about_debt": True,
            "discloses": ["rights"],
            "answers": [answer("heard", "bye")],
        },
        {"id": "bye", "say": both("Goodbye."), "end": {"result": "talked"}},
        {"id": "later", "say": both("Goodbye."), "end": {"result": "call_back", "short": True}},
        {"id": "sorry", "say": both("Sorry."), "end": {"result": "third_party"}},
    ]


def step(steps: list[dict], name: str) -> dict:
    return next(each for each in steps if each["id"] == name)


# The shipped script


def test_the_shipped_script_is_fit(first_call):
    assert validate(first_call.steps) == []
    assert validate(first_call.as_data()["steps"]) == []


def test_a_stored_version_reads_back_as_it_was(first_call):
    assert read_steps(first_call.as_data()["steps"]) == first_call.steps


def test_dispositions_are_those_of_calls(first_call):
    used = {each.disposition for step in first_call.steps for each in step.answers} - {None}
    assert used <= DISPOSITIONS.keys()
    forms = {"promise": "agreement", "plan": "agreement", "call_back": "callback", "complaint": "complaint"}
    for each in (answer for step in first_call.steps for answer in step.answers if answer.disposition):
        # What the outcome needs, a form on the way asks for.
        if needs := DISPOSITIONS[each.disposition].needs:
            assert forms[each.form] == needs


def test_every_reason_can_be_recorded(first_call):
    reasons = {each.reason for step in first_call.steps for each in step.answers} - {None}
    assert reasons == ECONOMIC | OTHER


def test_every_exit_is_there(first_call):
    assert {step.end.result for step in first_call.steps if step.end} == {
        "talked", "call_back", "no_contact", "lawyer", "bereaved", "third_party", "wrong_number", "deceased",
        "not_confirmed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "end", "dispositions"),
    [
        (["not_here"], "third_party", ["third_party"]),
        (["who_asks", "wrong_number"], "wrong_number", ["wrong_number"]),
        (["speaking", "no_match"], "not_confirmed", ["third_party"]),
        (["speaking", "confirmed", "said", "not_now"], "not_now", ["call_back"]),
        (["speaking", "confirmed", "lawyer"], "lawyer", ["lawyer"]),
        (["speaking", "confirmed", "said", "complaint", "noted"], "goodbye", ["complaint"]),
        (["speaking", "confirmed", "said", "disputes", "noted", "nothing"], "goodbye", ["disputes"]),
        (["speaking", "confirmed", "said", "now", "bereavement"], "bereaved", ["ill_or_bereaved"]),
        (
            ["speaking", "confirmed", "said", "now", "illness", "wait", "heard", "nothing"],
            "goodbye",
            ["ill_or_bereaved"],
        ),
        (
            ["speaking", "confirmed", "said", "now", "something_else", "forgot", "later", "agreed", "right", "nothing"],
            "goodbye",
            ["promises"],
        ),
        (
            ["speaking", "confirmed", "said", "now", "job_loss", "parts", "agreed", "misunderstood", "still_not", "heard",
             "complaint", "noted"],
            "goodbye",
            ["promises", "cannot_pay", "complaint"],
        ),
    ],
)  # fmt: skip
def test_ways_through_the_first_call(first_call, answers, end, dispositions):
    steps = first_call.as_data()["steps"]
    here, came_of_it = first_step(steps), []
    for key in answers:
        came_of_it += [each for each in [here.answer(key).disposition] if each]
        here = next_step(steps, here.id, key)
    assert (here.id, here.end is not None, came_of_it) == (end, True, dispositions)


def test_nothing_tells_of_a_debt_before_the_right_party_is_confirmed(first_call):
    for name in (
        "greet",
        "who_asks",
        "right_party",
        "third_party",
        "wrong_number",
        "deceased",
        "not_confirmed",
    ):
        said = step_of(first_call.steps, name)
        assert not said.about_debt
        assert [tells(words) for words in said.say.values()] == [None, None]


def test_words_for_a_role_in_a_language(first_call):
    said = step_of(first_call.steps, "who_and_why")
    values = {"lender_name": "River Wallet", "arrears": "$12.00", "oldest_due_on": "21 February 2026"}
    assert said.words("en", "creditor", values) == (
        "Thank you. I am calling from River Wallet about your loan. A payment was due on 21 February 2026, and $12.00 of "
        "it is still open. I am calling to hear how you are doing and whether we can make it easier for you."
    )
    assert "This call is from a debt collector." in said.words("en", "third_party_debt_collector", values)
    assert "我们是债务催收机构" in said.words("zh-hans", "debt_buyer", values)
    with pytest.raises(ScriptError, match="step who_and_why: arrears is not known"):
        said.words("en", "creditor", {"lender_name": "L", "oldest_due_on": "today"})


# Walking


def test_walking_refuses_what_is_not_there(small):
    assert first_step(small).id == "greet"
    assert next_step(small, "greet", "no").id == "sorry"
    with pytest.raises(ScriptError, match="step greet has no answer 'maybe'"):
        next_step(small, "greet", "maybe")
    with pytest.raises(ScriptError, match="there is no step 'nowhere'"):
        next_step(small, "nowhere", "yes")


# Checking


def test_the_small_script_is_fit(small):
    assert validate(small) == []


def test_every_step_is_reachable(small):
    small.append({"id": "island", "say": both("Hm."), "end": {"result": "odd"}})
    assert validate(small) == ["step island: no way leads there"]


def test_every_answer_leads_somewhere(small):
    step(small, "rights")["answers"] = [answer("heard", "by")]
    assert validate(small) == ["step rights: answer heard leads to 'by', which does not exist"]


def test_every_way_ends(small):
    step(small, "rights")["answers"].append(answer("again", "why"))
    assert validate(small) == ["the conversation can go round in circles: why → rights → why"]
    del step(small, "rights")["answers"][1], step(small, "bye")["end"]
    assert validate(small) == ["step bye: either answers or an end"]


def test_nothing_before_the_right_party(small):
    step(small, "greet")["answers"][0]["right_party"] = False
    assert validate(small) == [
        "step why: speaks of the debt before the right party is confirmed",
        "step why: arrears, disclosure, lender_name before the right party is confirmed",
        "step rights: speaks of the debt before the right party is confirmed",
    ]


def test_nothing_telling_in_the_greeting(small):
    step(small, "greet")["say"] = both("Hello {borrower_name}, it is about your loan.")
    assert validate(small) == ["step greet: 'loan' before the right party is confirmed"]
    step(small, "greet")["say"] = {"en": "Hello.", "zh-hans": "您好，关于您的欠款。"}
    assert validate(small) == ["step greet: '欠' before the right party is confirmed"]


def test_no_way_without_disclosures(small):
    unsaid = copy.deepcopy(small)
    step(unsaid, "why")["discloses"] = ["who_we_are"]
    assert validate(unsaid) == [
        "step why: reached before it was said why_we_call",
        "step later: a way ends here on which it was not said why_we_call",
        "step rights: reached before it was said why_we_call",
        "step bye: a way ends here on which it was not said why_we_call",
    ]
    around = copy.deepcopy(small)
    step(around, "why")["answers"].append(answer("leaves", "bye", disposition="refuses"))
    assert validate(around) == ["step bye: a way ends here on which it was not said rights"]


def test_what_discloses_must_be_said(small):
    step(small, "rights")["must_say"] = False
    assert validate(small) == ["step rights: what discloses must be said"]


def test_collectors_say_what_they_are(small):
    del step(small, "why")["disclosures"]["debt_buyer"]
    assert validate(small) == ["step why: no disclosure for debt_buyer"]


def test_no_way_without_an_outcome(small):
    del step(small, "greet")["answers"][1]["disposition"]
    assert validate(small) == ["step sorry: a way ends here without an outcome"]


def test_both_languages_everywhere(small):
    del step(small, "rights")["say"]["zh-hans"]
    step(small, "why")["answers"][0]["label"] = {"en": "talks"}
    assert validate(small) == [
        "step why: answer talks must be in en and zh-hans",
        "step rights: words must be in en and zh-hans",
    ]


def test_one_key_an_answer(small):
    step(small, "rights")["answers"] = [answer(f"a{number}", "bye") for number in range(10)]
    assert validate(small) == ["step rights: more than 9 answers have no key each"]
    step(small, "rights")["answers"] = [answer("a", "bye"), answer("a", "bye")]
    assert validate(small) == ["step rights: an answer is there twice"]


def test_odd_data_is_refused(small, tmp_path):
    assert validate([]) == ["there is no step"]
    with pytest.raises(ScriptError, match="voice"):
        validate([{**small[0], "voice": "calm"}])
    (tmp_path / "first_call.yaml").write_text(
        (FOLDER / "first_call.yaml").read_text(encoding="utf-8").replace("next: not_now", "next: never"),
        encoding="utf-8",
    )
    with pytest.raises(
        ScriptError, match=r"first_call\.yaml: step may_we_talk: answer not_now leads to 'never'"
    ):
        read_scripts(tmp_path)
    script = yaml.safe_load((FOLDER / "first_call.yaml").read_text(encoding="utf-8"))
    (tmp_path / "first_call.yaml").unlink()
    (tmp_path / "second_call.yaml").write_text(yaml.safe_dump(script), encoding="utf-8")
    with pytest.raises(ScriptError, match=r"second_call\.yaml holds the script 'first_call'"):
        read_scripts(tmp_path)
