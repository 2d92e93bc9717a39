"""Credit bureaus are spoken of in one text, which says what is so, and nowhere else; never to press."""

import re

import pytest
import yaml

from communications.discretion import speaks_of_a_bureau
from communications.scripts import FOLDER as SCRIPTS
from communications.scripts import read_scripts, validate
from communications.texts import FOLDER as TEXTS
from communications.texts import TextFile, check, read_texts

FILES = sorted([*TEXTS.glob("*.yaml"), *SCRIPTS.glob("*.yaml")])
# What would make it a threat: what others may do with it, what might happen, and pressure.
THREATS = re.compile(
    r"\b(?:unless|otherwise|avoid|ruin\w*|damage\w*|harm\w*|affect\w*|refus\w*|reject\w*|deny|denied|score|rating|history"
    r"|years?|employer\w*|family|must|immediately|at once|final|last chance|consequences?|warn\w*)\b"
    r"|否则|影响|后果|严重|拒绝|立即|马上|务必|必须|最后|警告|黑名单|失信|单位|家人|年",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_fixed_text_speaks_of_a_bureau(path):
    words = "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    words = words.replace("key: bureau_notice", "")
    assert (speaks_of_a_bureau(words) is not None) == (path.name == "bureau_notice.yaml")


def test_the_fixed_text_says_what_is_so_and_threatens_with_nothing():
    [text] = [each for each in read_texts() if each.key == "bureau_notice"]
    english, chinese = text.languages["en"].body, text.languages["zh-hans"].body
    assert [THREATS.findall(each) for each in (english, chinese)] == [[], []]
    assert "on {report_on} at the earliest, if something is still overdue then." in english
    assert "Nothing late is reported before that day." in english
    assert "在此之前，我们不会报送任何逾期信息。" in chinese
    assert ("correct" in english, "更正" in chinese) == (True, True)
    assert speaks_of_a_bureau(text.languages["en"].subject) is None
    # The subject may be read by a bystander, and so may not tell of it either.
    assert speaks_of_a_bureau(text.languages["zh-hans"].subject) is None


@pytest.mark.parametrize(
    ("language", "threat", "word"),
    [
        ("en", "This will ruin your credit score.", "credit score"),
        ("en", "We may report you to a bureau.", "bureau"),
        ("en", "You would be on a blacklist.", "blacklist"),
        ("zh-hans", "这会影响您的征信。", "征信"),
        ("zh-hans", "您会成为失信人员。", "失信"),
    ],
)
def test_another_text_that_speaks_of_it_cannot_be_used(language, threat, word):
    data = yaml.safe_load((TEXTS / "reminder.yaml").read_text(encoding="utf-8"))
    data["languages"][language]["body"] += threat
    found = list(check(TextFile.model_validate(data)))
    assert found == [f"{language}: {word!r}: only the text bureau_notice speaks of credit bureaus"]


def test_nor_can_a_script():
    [script] = read_scripts()
    assert validate(script.steps) == []
    steps = [each.model_dump(mode="json") for each in script.steps]
    steps[-1]["say"]["en"] += " Or we tell the credit bureau."
    [problem] = validate(steps)
    assert problem.endswith("words: 'bureau': no script speaks of credit bureaus; there is a text for it")
