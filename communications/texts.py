"""What messages say: the files of `texts/`, the closed list of what they may mention, and how it is written.

A text is approved word for word with its disclosures and its way to opt out; what changes from borrower to
borrower are the fields of `Context` and nothing else.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from babel import Locale
from babel.dates import format_date, format_timedelta
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from accounts import money
from accounts.models import OurRole
from communications.discretion import BUREAU_TEXT, speaks_of_a_bureau, tells, threatens
from communications.models import TemplateVersion
from compliance.models import Channel
from compliance.rules.facts import MESSAGE_CHANNELS, Purpose

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = ("en", "zh-hans")
# Day before month, as on the desk: nobody can take 3 December for 12 March.
LOCALES = {"en": "en_GB", "zh-hans": "zh_Hans_CN"}
# The word a borrower answers with to get no more of it. Every electronic message names it.
OPT_OUT_WORDS = {"en": "STOP", "zh-hans": "退订"}
# Roles that must say what they are; a creditor writing in its own name has said so already.
DISCLOSING_ROLES = (OurRole.COLLECTOR, OurRole.BUYER)
# A lock screen shows the subject to whoever stands near: it may name us, and nothing that tells of a debt.
SUBJECT_PLACEHOLDERS = frozenset({"lender_name"})
PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")


class TextError(ValueError):
    """A text that cannot be used, or cannot be said with what is known; the message names text and place."""


@dataclass(frozen=True)
class Money:
    """An amount in minor units of its currency."""

    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything a text may mention about one borrower. None is "not known": a text that needs it is not
    sent.

    `days_past_due` and the amounts are those of the day the message leaves, in the portfolio's own calendar.
    """

    our_role: str
    lender_name: str
    reply_address: str
    borrower_name: str = ""  # some tapes bring none
    loan_reference: str = ""
    arrears: Money | None = None
    outstanding: Money | None = None
    oldest_due_on: date | None = None
    days_past_due: int | None = None
    promise_amount: Money | None = None
    promise_due_on: date | None = None
    debit_amount: Money | None = None
    debit_on: date | None = None
    report_on: date | None = None
    agreed_amount: Money | None = None
    agreed_by: date | None = None
    agency_name: str = ""  # of the agency whose people write; nobody else's text needs it


# Fields that whoever plans a message says, as JSON: an amount in minor units, a date in ISO form.
DETAILS: dict[str, Callable[[Any], Any]] = {
    "promise_amount": int,
    "promise_due_on": date.fromisoformat,
    "debit_amount": int,
    "debit_on": date.fromisoformat,
    "report_on": date.fromisoformat,
    "agreed_amount": int,
    "agreed_by": date.fromisoformat,
}

PLACEHOLDERS: dict[str, str] = {
    "greeting": "a greeting, with the borrower's name where we know it",
    "lender_name": "the legal entity that writes",
    "agency_name": "the agency that writes for it",
    "reply_address": "where an answer or a complaint reaches a person",
    "loan_reference": "the last characters of the lender's own number of the loan",
    "arrears": "what is overdue, with its currency",
    "outstanding": "all that is owed, due or not, with its currency",
    "oldest_due_on": "the day the oldest unpaid instalment was due",
    "days_past_due": "how long ago that was: 1 day, 14 days",
    "promise_amount": "what the borrower said they would pay, with its currency",
    "promise_due_on": "the day by which they said they would",
    "debit_amount": "what we would draw at most under their mandate, with its currency",
    "debit_on": "the day from which we would",
    "report_on": "the day before which nothing is reported to a credit bureau",
    "agreed_amount": "the amount that was agreed, with its currency",
    "agreed_by": "the day that was agreed",
    "disclosure": "what our role must say of itself; nothing for a creditor",
}


# Files

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Strict):
    """One text in one language. `disclosures`: our role → what it must say, in the language of the rest."""

    subject: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    body: Words
    disclosures: dict[OurRole, Words] = Field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """As the fields of `TemplateVersion`."""
        return self.model_dump(mode="json")


class TextFile(_Strict):
    """One file of `texts/`: a text for one purpose on one channel, approved on a day in all its languages."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
    purpose: Purpose
    channel: Channel
    approved_on: date
    languages: dict[str, Wording]

    @property
    def approved_at(self) -> datetime:
        return datetime.combine(self.approved_on, time.min, UTC)


def read_texts(folder: Path = FOLDER) -> list[TextFile]:
    """Every text file, checked, in the order of their names. Raises `TextError`."""
    texts = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = TextFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise TextError(f"{path.name}: {error}") from error
        if text.key != path.stem:
            raise TextError(f"{path.name} holds the text {text.key!r}: a file is named after its text.")
        if problems := list(check(text)):
            raise TextError(f"{path.name}: {'; '.join(problems)}")
        texts.append(text)
    return texts


def check(text: TextFile) -> Iterator[str]:
    """What keeps a text from being used, one sentence each; nothing where it is fit."""
    if missing := set(LANGUAGES) - text.languages.keys():
        yield f"no {', '.join(sorted(missing))}"
    for language, wording in text.languages.items():
        for problem in _problems(text, language, wording):
            yield f"{language}: {problem}"


def _problems(text: TextFile, language: str, wording: Wording) -> Iterator[str]:
    if language not in LANGUAGES:
        yield "a language we do not write"
        return
    for part, words in (("subject", wording.subject), ("body", wording.body)):
        if unknown := placeholders(words) - PLACEHOLDERS.keys():
            yield f"{part}: no placeholder {', '.join(sorted(unknown))}"
        if "{" in PLACEHOLDER.sub("", words) or "}" in PLACEHOLDER.sub("", words):
            yield f"{part}: a brace that is no placeholder"
    if text.channel == Channel.EMAIL and not wording.subject:
        yield "subject: empty"
    if telling := placeholders(wording.subject) - SUBJECT_PLACEHOLDERS:
        yield f"subject: {', '.join(sorted(telling))} may be read by a bystander"
    if word := tells(PLACEHOLDER.sub("", wording.subject)):
        yield f"subject: {word!r} tells a bystander of a debt"
    if "\n" in wording.subject:
        yield "subject: more than one line"
    used = placeholders(wording.body)
    yield from _never_said(text, wording)
    if text.purpose.collecting:
        if "lender_name" not in used:
            yield "body: does not say who we are"
        if not used & {"reply_address"}:
            yield "body: does not say how to answer"
        if "disclosure" not in used:
            yield "body: no place for the disclosure"
        for role in DISCLOSING_ROLES:
            if role not in wording.disclosures:
                yield f"no disclosure for {role}"
    if str(text.channel) in MESSAGE_CHANNELS and OPT_OUT_WORDS[language] not in wording.body:
        yield f"body: does not name {OPT_OUT_WORDS[language]}, the way to opt out"


def _never_said(text: TextFile, wording: Wording) -> Iterator[str]:
    """Of credit bureaus only one text speaks, and none threatens."""
    said = " ".join((wording.subject, wording.body, *wording.disclosures.values()))
    if word := threatens(said):
        yield f"{word!r} threatens: no text of ours does"
    if text.key != BUREAU_TEXT and ((word := speaks_of_a_bureau(said)) or "report_on" in placeholders(said)):
        yield f"{word or 'report_on'!r}: only the text {BUREAU_TEXT} speaks of credit bureaus"


def placeholders(words: str) -> set[str]:
    """The names in braces."""
    return set(PLACEHOLDER.findall(words))


# Choosing and writing


def current_template(key: str, channel: str, language: str) -> TemplateVersion:
    """The newest approved version of a text, in the language nearest to the borrower's: their own, else
    English.

    Raises `TextError` where there is no such text.
    """
    nearest = nearest_language(language)
    found = {
        version.template.language: version
        for version in TemplateVersion.objects.select_related("template")
        .filter(template__key=key, template__channel=channel, template__language__in={nearest, "en"})
        .order_by("number")
    }
    try:
        return found.get(nearest) or found["en"]
    except KeyError:
        raise TextError(f"There is no text {key!r} for {channel}.") from None


def nearest_language(tag: str) -> str:
    """zh, zh-CN, zh_Hans and the like are Simplified Chinese to us; what we do not write becomes English."""
    return "zh-hans" if re.split("[-_]", tag.lower())[0] == "zh" else "en"


def render(version: TemplateVersion, context: Context) -> tuple[str, str]:
    """Subject and body of a version for one borrower, amounts and dates as its language writes them.

    Raises `TextError` where the text needs something the context does not know.
    """
    language = version.template.language
    values = _Values(version, context, language)
    body = PLACEHOLDER.sub(lambda match: values[match[1]], version.body)
    # An empty disclosure leaves no hole behind.
    body = re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"
    return PLACEHOLDER.sub(lambda match: values[match[1]], version.subject), body


class _Values:
    """Placeholder → what stands in its place."""

    def __init__(self, version: TemplateVersion, context: Context, language: str) -> None:
        self.version, self.context, self.language = version, context, language

    def __getitem__(self, name: str) -> str:
        match name:
            case "greeting":
                return _greeting(_line(self.context.borrower_name), self.language)
            case "disclosure":
                return self._disclosure()
        if name not in PLACEHOLDERS:
            raise TextError(f"{self.version.template}: no placeholder {name}")
        match getattr(self.context, name):
            case None | "":
                raise TextError(f"{self.version.template}: {name} is not known")
            case Money(amount, currency):
                return money.display(amount, currency, self.language)
            case date() as day:
                return format_date(day, "long", locale=_locale(self.language))
            case int() as days:
                return _days(days, self.language)
            case value:
                return _line(value)

    def _disclosure(self) -> str:
        words = self.version.disclosures.get(self.context.our_role, "")
        if not words and self.context.our_role != OurRole.CREDITOR:
            raise TextError(f"{self.version.template}: no disclosure for {self.context.our_role}")
        return words


def _greeting(name: str, language: str) -> str:
    if language == "zh-hans":
        return f"{name}，您好：" if name else "您好："
    return f"Hello {name}," if name else "Hello,"


def _days(days: int, language: str) -> str:
    """Days stay days, however many."""
    length = timedelta(days=days)
    return format_timedelta(length, granularity="day", threshold=math.inf, locale=_locale(language))


def _line(value: str) -> str:
    """Data from a tape stays on one line, whatever it holds."""
    return " ".join(value.split())


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(LOCALES[language])
