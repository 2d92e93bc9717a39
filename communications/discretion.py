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


THREAT = re.compile(
    r"\bcourts?\b|\blawsuits?\b|\bsu(?:e|es|ed|ing)\b|\bprosecut\w+"
    r"|\blegal (?:action|proceeding|step|consequence)s?\b"
    r"|\blawyer's letters?\b|\bbailiffs?\b|\bgarnish\w*|\barrest\w*|\bpolice\b|\b(?:jail|prison)\b|\bvisit you\b"
    r"|起诉|诉讼|法院|强制执行|律师函|法律(?:责任|后果|手段|途径)|报警|公安|警察|拘留|坐牢|上门",
    re.IGNORECASE,
)
"""What would be done to somebody who does not pay. No approved text and no script says any of it: a debt may be too old to
be sued for, and who writes a text does not know. A letter before action is a document that legal takes in, case by case."""


def threatens(words: str) -> str | None:
    """The first word of a threat; None where there is none."""
    found = THREAT.search(words)
    return found.group() if found else None
