"""What a bystander may read or hear: our name, and nothing that tells of a debt. Pure."""

import re

TELLING = re.compile(
    r"\b(?:debt|loan|owe|owing|due|overdue|late|pay\w*|arrears|collect\w*|balance|account|amount|instal\w+|legal|lawyer"
    r"|court|urgent|final|notice|reminder)\b"
    r"|欠|债|贷|借款|逾期|还款|付款|款项|催|账|金额|分期|法务|律师|法院|紧急|最后|通知|提醒",
    re.IGNORECASE,
)


def tells(words: str) -> str | None:
    """The first word that tells of a debt to whoever stands near; None where nothing does."""
    found = TELLING.search(words)
    return found.group() if found else None


BUREAU = re.compile(
    r"\bbureaus?\b|\bcredit[ -](?:record|report|file|score|rating|history)s?\b|\bblack ?list\w*"
    r"|征信|信用(?:报告|记录|评分|档案)|黑名单|失信",
    re.IGNORECASE,
)
BUREAU_TEXT = "bureau_notice"
"""The one text that speaks of a credit bureau: what is so, and from when on. It is never said otherwise, and never to
press."""


def speaks_of_a_bureau(words: str) -> str | None:
    """The first word about credit bureaus and their records; None where there is none."""
    found = BUREAU.search(words)
    return found.group() if found else None
