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
