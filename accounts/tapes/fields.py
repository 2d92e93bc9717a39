"""Every field a tape can fill: our names, what they mean, and how their text is read.

A mapping ties a lender's columns to these names. `docs/tapes.md` shows the same table; a test holds the two
equal.
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    ID = "id"  # text, kept exactly; refused where a spreadsheet has rounded it
    NAME = "name"  # text in NFC, inner blanks made single
    MONEY = "amount"  # minor units of the portfolio's currency, zero or more
    CURRENCY = "currency"  # ISO 4217, and the portfolio's
    DATE = "date"
    INSTANT = "time"  # an instant, UTC
    WHOLE = "number"
    YEAR = "year"
    WORD = "word"  # one of a closed list
    COUNTRY = "country"  # ISO 3166 alpha-2
    STATE = "state"
    ZIP = "zip"
    LANGUAGE = "language"
    PHONE = "phone"
    EMAIL = "e-mail"
    PERIOD = "period"  # "month", "30 days", "2 weeks"
    SCHEDULE = "schedule"  # "2026-01-31:100.00; 2026-02-28:100.00"
    YES_NO = "yes/no"
    TEXT = "text"  # free words of people
    CLOCK = "hour"  # "08:30"
    WEEKDAYS = "days"  # "MON TUE"
    REFERENCE = "reference"  # where something can be heard or read


class Field(NamedTuple):
    """`limit`: characters at most. `past`: a date that may not be after the day of the import."""

    name: str
    kind: Kind
    about: str
    limit: int = 80
    words: tuple[str, ...] = ()
    past: bool = False


SOURCES = ("application", "borrower", "wallet", "correspondence")
"""Where a number or address may come from: the loan application, the borrower in person, the wallet account
it belongs to, or the borrower having written or called from it."""

GROUNDS = ("contract", "consent", "legal_obligation", "legitimate_interest")
"""On what we may hold it."""

GIVERS = ("borrower", "person", "court")
"""Who named a related person: the borrower, that person in person, or a court."""

RELATIONS = ("guarantor", "co_borrower", "emergency_contact", "attorney", "representative", "household")

CHANNELS = ("call", "sms", "email", "app", "letter", "wechat", "whatsapp")

HARVESTED = frozenset(
    {
        "address_book", "addressbook", "phone_book", "phonebook", "contact_list", "contacts", "call_log",
        "call_record", "device", "app_permission", "harvested", "scraped", "crawled", "social_media",
        "social_network", "bought", "purchased", "data_broker", "broker", "lead_list", "third_party_list",
        "leak", "通讯录", "通话记录", "爬取", "抓取", "购买", "买卖", "社交媒体",
    }
)  # fmt: skip
"""Words for origins that are refused whoever sends them: data a person never gave for this loan. Words on
neither list are refused as unknown."""


def _contact(name: str, kind: Kind, about: str) -> list[Field]:
    return [
        Field(name, kind, about),
        Field(f"{name}_source", Kind.WORD, "where it comes from", words=SOURCES),
        Field(f"{name}_ground", Kind.WORD, "on what ground it is held", words=GROUNDS),
        Field(f"{name}_verified_on", Kind.DATE, "when it was last verified, if ever", past=True),
    ]


def _related(number: int) -> list[Field]:
    name = f"related_{number}"
    return [
        Field(f"{name}_relation", Kind.WORD, "what this person is to the borrower", words=RELATIONS),
        Field(f"{name}_name", Kind.NAME, "their name", 200),
        Field(f"{name}_phone", Kind.PHONE, "their phone, if given"),
        Field(f"{name}_email", Kind.EMAIL, "their e-mail address, if given"),
        Field(f"{name}_given_by", Kind.WORD, "who named them", words=GIVERS),
        Field(f"{name}_given_on", Kind.DATE, "when", past=True),
        Field(f"{name}_ground", Kind.WORD, "on what ground the data is held", words=GROUNDS),
    ]


def _consent(channel: str) -> list[Field]:
    name = f"consent_{channel}"
    return [
        Field(f"{name}_on", Kind.DATE, f"when the borrower agreed to messages by {channel}", past=True),
        Field(f"{name}_how", Kind.NAME, "how: the form or wording agreed to", 200),
    ]


PHONES = ("phone", "phone_2", "phone_3")
EMAILS = ("email", "email_2")
RELATED = ("related_1", "related_2", "related_3")
CONSENTS = ("sms", "email", "app")

PERSON = [
    Field("name", Kind.NAME, "full name, as the borrower writes it", 200),
    Field("national_id", Kind.ID, "number of an identity document", 64),
    Field("birth_year", Kind.YEAR, "four digits"),
    Field("language", Kind.LANGUAGE, "language for messages: en, zh-hans …", 10),
    Field("country", Kind.COUNTRY, "where the borrower lives"),
    Field("state", Kind.STATE, "state or province; in the US the two letters", 40),
    Field("zip", Kind.ZIP, "postal code; leading zeros matter", 16),
    Field("preferred_channel", Kind.WORD, "how the borrower likes to be reached", words=CHANNELS),
]
"""What can only have one value: rows of one borrower that differ here are refused."""

BORROWER = [
    Field("borrower_id", Kind.ID, "the lender's id of the person; one borrower may have many loans"),
    *PERSON,
    *(field for name in PHONES for field in _contact(name, Kind.PHONE, "a phone number of the borrower")),
    *(field for name in EMAILS for field in _contact(name, Kind.EMAIL, "an e-mail address of the borrower")),
    *(field for number in (1, 2, 3) for field in _related(number)),
    *(field for channel in CONSENTS for field in _consent(channel)),
]

LOAN = [
    Field("loan_id", Kind.ID, "the lender's id of the loan, unique in the portfolio for ever"),
    Field("product", Kind.NAME, "the lender's name of the product", 60),
    Field("currency", Kind.CURRENCY, "must be the portfolio's"),
    Field("principal", Kind.MONEY, "amount lent, above zero"),
    Field("interest", Kind.MONEY, "interest over the whole term; nothing if there is no such column"),
    Field("fees", Kind.MONEY, "fees over the whole term; nothing if there is no such column"),
    Field("total_due", Kind.MONEY, "principal, interest and fees; gives the interest where no column does"),
    Field(
        "instalment_amount",
        Kind.MONEY,
        "what each equal instalment comes to; gives the interest where no column does",
    ),
    Field(
        "status",
        Kind.WORD,
        "what it is called: of a loan paid in full, interest is what was paid above the rest",
        words=("running", "paid_in_full"),
    ),
    Field("disbursed_on", Kind.DATE, "business date on which the loan was paid out", past=True),
    Field("due_on", Kind.DATE, "due date of a loan paid back at once"),
    Field("first_due_on", Kind.DATE, "first due date of a loan in equal instalments"),
    Field("instalments", Kind.WHOLE, "how many equal instalments"),
    Field("every", Kind.PERIOD, "distance between instalments: month, 2 weeks, 30 days"),
    Field("schedule", Kind.SCHEDULE, "instalments one by one: 2026-01-31:100.00; 2026-02-28:100.00", 20_000),
    Field("term_days", Kind.WHOLE, "term in days, where the mapping holds the product's rule"),
    Field("paid_total", Kind.MONEY, "all that was paid up to as_of"),
    Field("last_paid_on", Kind.DATE, "business date of the latest payment in paid_total", past=True),
    Field("paid_in_full_on", Kind.DATE, "business date on which everything had been paid", past=True),
    Field("outstanding", Kind.MONEY, "a check: what is left of the total after payments"),
    Field("as_of", Kind.DATE, "the business date this row speaks for", past=True),
    *BORROWER,
]

LOAN_PAYMENT = [
    Field("payment_reference", Kind.ID, "the provider's id of the payment", 120),
    Field("payment_amount", Kind.MONEY, "amount paid, above zero"),
    Field("payment_on", Kind.DATE, "business date of the payment", past=True),
    Field("payment_final", Kind.YES_NO, "whether the lender calls it the last one"),
]
"""For tapes with one row a payment: filled from each row, while the loan's own columns must agree in all of
them."""

PAYMENT = [
    Field("reference", Kind.ID, "the provider's id of the payment, unique in the portfolio for ever", 120),
    Field("kind", Kind.WORD, "payment if there is no such column", words=("payment", "reversal")),
    Field("reverses", Kind.ID, "of a reversal: reference of the payment it takes back", 120),
    Field("amount", Kind.MONEY, "above zero, for reversals too"),
    Field("currency", Kind.CURRENCY, "must be the portfolio's"),
    Field("value_date", Kind.DATE, "business date from which it counts", past=True),
    Field("paid_at", Kind.INSTANT, "when it was made; gives the value date where no column does", past=True),
    Field("loan_id", Kind.ID, "which loan it is for, if the payer said so"),
    Field("borrower_id", Kind.ID, "the lender's id of the payer"),
    Field("payer_phone", Kind.PHONE, "the payer's phone"),
    Field("payer_email", Kind.EMAIL, "the payer's e-mail address"),
]

YES = frozenset({"yes", "y", "true", "1", "是"})
NO = frozenset({"no", "n", "false", "0", "否"})

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_WHOSE = [
    Field("borrower_id", Kind.ID, "the lender's id of the person"),
    Field("loan_id", Kind.ID, "the lender's id of the loan"),
]
_WHICH = [
    Field("phone", Kind.PHONE, "the phone number it is about"),
    Field("email", Kind.EMAIL, "the e-mail address it is about"),
]

ATTEMPT = [
    Field("attempt_id", Kind.ID, "the id of the contact where it comes from"),
    Field("reported_by", Kind.ID, "who made it, in letters, figures and _: previous_system, agency_b", 40),
    *_WHOSE,
    Field("role", Kind.WORD, "as what; ours if there is no such column", words=(
        "creditor", "third_party_debt_collector", "debt_buyer")),
    Field("channel", Kind.WORD, "how", words=(*CHANNELS, "visit")),
    Field("direction", Kind.WORD, "out if there is no such column", words=("out", "in")),
    Field("at", Kind.INSTANT, "when", past=True),
    Field("purpose", Kind.WORD, "collect if there is no such column", words=(
        "collect", "first_notice", "reminder", "location_information", "reply", "service")),
    *_WHICH,
    Field("result", Kind.WORD, "what came of it; unknown counts as the stricter", words=(
        "no_answer", "busy", "not_in_service", "voicemail", "hung_up", "wrong_number", "third_party", "conversation",
        "delivered", "not_delivered", "unknown")),
]  # fmt: skip

OPT_OUT = [
    Field("request_id", Kind.ID, "the id of the wish where it comes from"),
    *_WHOSE,
    Field("channel", Kind.WORD, "which channel", words=(*CHANNELS, "visit")),
    *_WHICH,
    Field("wish", Kind.WORD, "stop if there is no such column", words=("stop", "again")),
    Field("received_at", Kind.INSTANT, "when it was received", past=True),
    Field("how", Kind.WORD, "by which channel", words=CHANNELS),
    Field("evidence", Kind.REFERENCE, "where it can be heard or read; needed for again"),
]

HOLD_KINDS = (
    "dispute", "hardship", "cease", "attorney", "says_paid", "ill_or_bereaved", "deceased", "breathing_space",
    "adviser_pause", "bankruptcy", "identity_theft", "disaster",
)  # fmt: skip
"""Complaints hold by themselves and have a file of their own."""

HOLD = [
    Field("hold_id", Kind.ID, "the id of the hold where it comes from"),
    *_WHOSE,
    Field("kind", Kind.WORD, "why", words=HOLD_KINDS),
    Field("variant", Kind.WORD, "of a breathing space", words=("standard", "mental_health_crisis")),
    Field("from_on", Kind.DATE, "first day"),
    Field("to_on", Kind.DATE, "last day; nobody knows: empty"),
]

CONSENT = [
    Field("consent_id", Kind.ID, "the id of the consent where it comes from"),
    *_WHOSE,
    Field("kind", Kind.WORD, "to what", words=(
        "call_back", "electronic_messages", "contact_time", "daily_dials")),
    Field("channel", Kind.WORD, "of electronic messages; empty: all", words=("sms", "email", "app", "wechat", "whatsapp")),
    Field("days", Kind.WEEKDAYS, "of other hours: MON TUE …; empty: every day"),
    Field("from_hour", Kind.CLOCK, "of other hours: their beginning"),
    Field("to_hour", Kind.CLOCK, "of other hours: their end"),
    Field("only_convenient", Kind.YES_NO, "of other hours: no others suit"),
    Field("most", Kind.WHOLE, "of more calls: how many a day"),
    Field("given_to", Kind.WORD, "who was told", words=("us", "creditor", "previous_debt_collector")),
    Field("given_at", Kind.INSTANT, "when", past=True),
    Field("from_on", Kind.DATE, "first day"),
    Field("to_on", Kind.DATE, "last day; until withdrawn: empty"),
    Field("evidence", Kind.REFERENCE, "where it can be heard or read"),
]  # fmt: skip

PROMISE = [
    Field("promise_id", Kind.ID, "the id of the promise where it comes from"),
    Field("loan_id", Kind.ID, "the lender's id of the loan"),
    Field("amount", Kind.MONEY, "what was promised, above zero"),
    Field("currency", Kind.CURRENCY, "must be the portfolio's"),
    Field("due_on", Kind.DATE, "by when, that day included"),
    Field("made_at", Kind.INSTANT, "when it was given", past=True),
    Field("channel", Kind.WORD, "how", words=CHANNELS),
]

COMPLAINT_CATEGORIES = (
    "too_often", "wrong_time", "tone", "third_party", "not_mine", "amount", "paid", "privacy", "credit_report", "other",
)  # fmt: skip

COMPLAINT = [
    Field("complaint_id", Kind.ID, "the id of the complaint where it comes from"),
    *_WHOSE,
    Field("category", Kind.WORD, "what it is about", words=COMPLAINT_CATEGORIES),
    Field("words", Kind.TEXT, "what the borrower said; sealed", 10_000),
    Field("channel", Kind.WORD, "how it came", words=CHANNELS),
    Field("received_at", Kind.INSTANT, "when it came: its clock runs from here", past=True),
]

HISTORY = {
    "holds": HOLD,
    "opt_outs": OPT_OUT,
    "consents": CONSENT,
    "complaints": COMPLAINT,
    "promises": PROMISE,
    "attempts": ATTEMPT,
}
"""Files of what was known before, by kind. The first field of each is its id, the same for ever."""
