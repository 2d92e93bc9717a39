"""The words of rule packs, in the reader's language: a label for every place in a rule, and for every code written there."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.models import OurRole, Relation
from compliance.audit_words import OUTCOMES, PURPOSES
from compliance.models import Channel, ConsentKind, HoldKind
from compliance.models.hold import HoldVariant
from compliance.rules import Party
from compliance.sentences import OVERRIDE_REASONS, PATTERNS, REQUIREMENTS

CONFIDENCE: dict[str, str | Promise] = {
    "P": gettext_lazy("the text itself was read"),
    "S": gettext_lazy("a second source was read"),
    "S/P": gettext_lazy("a second source was read, parts of the text itself"),
    "P/S": gettext_lazy("the text itself was read, parts in a second source"),
    "M-hi": gettext_lazy("from memory, fairly sure"),
    "M-mid": gettext_lazy("from memory, not quite sure"),
    "M-lo": gettext_lazy("from memory, unsure"),
    "house": gettext_lazy("our own decision"),
}
FIELDS: dict[str, str | Promise] = {
    "says": gettext_lazy("what it says"),
    "says_zh": gettext_lazy("what it says in Chinese"),
    "citation": gettext_lazy("where it stands"),
    "source": gettext_lazy("source"),
    "confidence": gettext_lazy("how sure we are"),
    "binds": gettext_lazy("whom it binds"),
    "channels": gettext_lazy("channels"),
    "purposes": gettext_lazy("purposes"),
    "parties": gettext_lazy("people"),
    "zone_basis": gettext_lazy("whose clock"),
    "zone": gettext_lazy("time zone"),
    "outcome": gettext_lazy("what follows"),
    "override_reasons": gettext_lazy("reasons for an exception by two people"),
    "exceptions": gettext_lazy("exceptions"),
    "in_force.from": gettext_lazy("in force from"),
    "in_force.to": gettext_lazy("in force to"),
    "status": gettext_lazy("status"),
    "superseded_by": gettext_lazy("followed by"),
    "note": gettext_lazy("note"),
    "kind": gettext_lazy("kind of rule"),
    "open": gettext_lazy("hours"),
    "edges.opening": gettext_lazy("the exact opening moment"),
    "edges.closing": gettext_lazy("the exact closing moment"),
    "calendar": gettext_lazy("calendar"),
    "calendar.country": gettext_lazy("calendar"),
    "calendar.closed": gettext_lazy("closed days of the calendar"),
    "calendar.conservative": gettext_lazy("days kept closed to be careful"),
    "only_if.debt_types": gettext_lazy("only these kinds of debt"),
    "only_if.except_debt_types": gettext_lazy("all kinds of debt but these"),
    "only_if.past_due_above": gettext_lazy("only above so many days past due"),
    "only_if.places": gettext_lazy("only at these places"),
    "only_if.except_places": gettext_lazy("anywhere but at these places"),
    "only_if.creditor_has_begun": gettext_lazy("a creditor only once it has begun to collect"),
    "counts.event": gettext_lazy("what is counted"),
    "counts.per": gettext_lazy("counted for each"),
    "counts.direction": gettext_lazy("contacts begun by"),
    "counts.except_purposes": gettext_lazy("not counted"),
    "counts.only_purposes": gettext_lazy("only these are counted"),
    "counts.places": gettext_lazy("counted only at these places"),
    "counts.except_places": gettext_lazy("not counted at these places"),
    "counts.except_consented_days": gettext_lazy("days for which calls the borrower asked for do not count"),
    "after.event": gettext_lazy("what it follows"),
    "after.per": gettext_lazy("counted for each"),
    "after.direction": gettext_lazy("contacts begun by"),
    "after.except_consented_days": gettext_lazy("days for which calls the borrower asked for may come"),
    "limit": gettext_lazy("limit"),
    "window.kind": gettext_lazy("window"),
    "window.days": gettext_lazy("days of the window"),
    "window.day_one": gettext_lazy("the window ends with"),
    "days": gettext_lazy("quiet days"),
    "day_one": gettext_lazy("first day"),
    "holds": gettext_lazy("holds"),
    "variants": gettext_lazy("of this kind"),
    "of": gettext_lazy("about"),
    "to_edge": gettext_lazy("the exact end of such a time"),
    "oral_days": gettext_lazy("days that hold what was only said"),
    "consent": gettext_lazy("consent"),
    "revocable_per_medium": gettext_lazy("may be taken back for each way"),
    "when": gettext_lazy("where"),
    "number": gettext_lazy("how many"),
    "within_minutes": gettext_lazy("within minutes"),
    "consecutive_days": gettext_lazy("days in a row"),
    "factor": gettext_lazy("what it tells"),
    "allowed": gettext_lazy("people who may be contacted"),
    "requires": gettext_lazy("what must be said"),
    "examples": gettext_lazy("worked examples"),
}
# What terms and notices say; what both say is told as above.
TERM_FIELDS: dict[str, str | Promise] = {
    "of": gettext_lazy("about"),
    "days": gettext_lazy("days"),
    "day_type": gettext_lazy("kind of days"),
    "longer": gettext_lazy("longer term"),
    "calendar": gettext_lazy("calendar"),
    "not_needed_once": gettext_lazy("not needed once the debt is"),
    "to_estate_representative": gettext_lazy("to whoever acts for an estate"),
    "complete_name": gettext_lazy("with the complete name"),
    "statements": gettext_lazy("statement"),
    "assumed_receipt_days": gettext_lazy("business days to receipt"),
    "types": gettext_lazy("dates to choose from"),
    "statements_by": gettext_lazy("statements by"),
    "transaction_events": gettext_lazy("days of a transaction"),
    "nothing_is_said_by": gettext_lazy("nothing is said by"),
    "written": gettext_lazy("in writing"),
    "electronic": gettext_lazy("in writing where we accept it"),
    "stops": gettext_lazy("stops"),
    "conservative": gettext_lazy("stopped to be careful"),
    "hold": gettext_lazy("hold"),
    "first_day": gettext_lazy("first day"),
    "extended_days": gettext_lazy("days when extended"),
    "after_treatment_days": gettext_lazy("days after treatment"),
    "lifted_by": gettext_lazy("lifted by"),
    "wait_days": gettext_lazy("days to wait"),
    "sent_by": gettext_lazy("messages that count, by channel"),
    "notice_only": gettext_lazy("a conversation does not do"),
    "meanwhile": gettext_lazy("reported meanwhile"),
    "notice_days": gettext_lazy("days announced before"),
    "failures_end": gettext_lazy("failures that end a mandate"),
    "year_percent": gettext_lazy("late interest at most, percent a year"),
    "day_percent": gettext_lazy("late interest at most, percent a day"),
    "charges_percent": gettext_lazy("all charges at most, percent of the principal"),
    "fee": gettext_lazy("a late fee at most"),
    "fee_percent": gettext_lazy("a late fee at most, percent of the instalment"),
    "after_days": gettext_lazy("first days without charges"),
    "barred": gettext_lazy("barred debts"),
    "methods": gettext_lazy("ways to opt out"),
    "within_days": gettext_lazy("within days"),
    "databases": gettext_lazy("databases that count"),
    "creditor_notice_days": gettext_lazy("days to opt out"),
    "limited": gettext_lazy("limited content"),
    "may_hold": gettext_lazy("may also hold"),
    "identity_words": gettext_lazy("tells who calls"),
    "years": gettext_lazy("years"),
    "debt_types": gettext_lazy("kinds of debt"),
    "recording_required": gettext_lazy("calls must be recorded"),
}
STATUSES: dict[str, str | Promise] = {
    "draft": gettext_lazy("not yet signed by your lawyer"),
    "signed": gettext_lazy("signed"),
    "proposed": gettext_lazy("proposed law: it warns and stops nothing"),
}
EDGES: dict[str, str | Promise] = {
    "open": pgettext_lazy("an instant", "open"),
    "closed": pgettext_lazy("an instant", "closed"),
    "conservative": gettext_lazy("closed, to be careful"),
}
# Ways that we never offer are judged where others report them.
CHANNELS: dict[str, str | Promise] = {
    **dict(Channel.choices),
    "social": gettext_lazy("Social network"),
}
PARTIES: dict[str, str | Promise] = {
    Party.BORROWER: gettext_lazy("Borrower"),
    **dict(Relation.choices),
    Party.THIRD_PARTY: gettext_lazy("Somebody else"),
}
EVENTS: dict[str, str | Promise] = {
    "dial": gettext_lazy("every call"),
    "connected_call": gettext_lazy("calls that reach the number"),
    "unanswered_call": gettext_lazy("unanswered calls"),
    "unanswered_without_message": gettext_lazy("unanswered calls without a voicemail"),
    "voicemail": gettext_lazy("voicemails"),
    "telephone": gettext_lazy("calls and texts"),
    "conversation": gettext_lazy("conversations"),
    "hardship_conversation": gettext_lazy("talk of hardship"),
    "message": gettext_lazy("messages"),
    "text": gettext_lazy("text messages"),
    "visit": gettext_lazy("visits"),
    "attempt": gettext_lazy("every contact"),
}
PER: dict[str, str | Promise] = {
    "person": gettext_lazy("person"),
    "debt": gettext_lazy("debt"),
    "debt_group": gettext_lazy("debts under one account number"),
    "account": gettext_lazy("account"),
    "contact_point": gettext_lazy("number or address"),
    "channel": gettext_lazy("channel"),
}
PLACES: dict[str, str | Promise] = {
    "mobile": gettext_lazy("mobile"),
    "home_landline": gettext_lazy("landline at home"),
    "home_postal": gettext_lazy("home address"),
    "workplace": gettext_lazy("at work"),
    "other_person": gettext_lazy("somebody else's number"),
}
DEBT_TYPES: dict[str, str | Promise] = {
    "microfinance": gettext_lazy("microfinance loan"),
    "p2p_loan": gettext_lazy("peer-to-peer loan"),
    "credit_card": gettext_lazy("credit card debt"),
    "personal_loan": gettext_lazy("personal loan"),
}
DEBT_STATUSES: dict[str, str | Promise] = {
    "paid": gettext_lazy("paid"),
    "settled": gettext_lazy("settled"),
    "discharged_in_bankruptcy": gettext_lazy("discharged in bankruptcy"),
    "paid_or_settled_or_discharged": gettext_lazy("paid, settled or discharged"),
}
WRITING: dict[str, str | Promise] = {
    "mail": gettext_lazy("mail"),
    "consumer_response_form": gettext_lazy("response form"),
    "hand_or_courier": gettext_lazy("by hand or courier"),
    "email": gettext_lazy("E-mail"),
    "portal": gettext_lazy("portal"),
}
ACTIONS: dict[str, str | Promise] = {
    "enforcement_action": gettext_lazy("enforcement"),
    "charge_interest_or_fee": gettext_lazy("charging interest or a fee"),
}
DAYS: dict[str, str | Promise] = {
    "national": gettext_lazy("national holidays"),
    "joint_leave": gettext_lazy("joint leave days"),
}
DAY_ONE: dict[str, str | Promise] = {
    "event": gettext_lazy("the day itself"),
    "next_day": gettext_lazy("the next day"),
    "contact": gettext_lazy("the day of the contact"),
}
KINDS: dict[str, str | Promise] = {
    "window": gettext_lazy("hours"),
    "count": gettext_lazy("a number"),
    "pattern": gettext_lazy("a pattern"),
    "quiet_period": gettext_lazy("a quiet period"),
    "hold": gettext_lazy("a hold"),
    "party": gettext_lazy("people"),
    "designation": gettext_lazy("inconvenient times and places"),
    "media_request": gettext_lazy("ways not to be used"),
    "consent": gettext_lazy("consent"),
    "bar": gettext_lazy("a bar"),
    "require": gettext_lazy("something to be said or done"),
    "rolling_days": gettext_lazy("days up to the contact"),
    "calendar_day": gettext_lazy("one calendar day"),
    "ever": gettext_lazy("without end"),
}
ABOUT: dict[str, str | Promise] = {
    "time": gettext_lazy("times"),
    "place": gettext_lazy("places"),
    "employer": gettext_lazy("what the employer forbids"),
    "complaint": gettext_lazy("complaints"),
    "complaint_file": gettext_lazy("files of complaints"),
    "creditor_notice": gettext_lazy("notices of a creditor"),
    "creditor_opt_out": gettext_lazy("opting out towards a creditor"),
    "message": gettext_lazy("messages"),
    "records": gettext_lazy("records"),
    "recordings": gettext_lazy("recordings"),
    "validation_notice": gettext_lazy("validation notice"),
    "sms": gettext_lazy("SMS"),
    "email": gettext_lazy("E-mail"),
}
WHEN: dict[str, str | Promise] = {
    "public": gettext_lazy("others could read it"),
    "employer_email": gettext_lazy("the address comes from the employer"),
    "inconvenient_now": gettext_lazy("it does not suit now"),
    "always": gettext_lazy("every contact"),
    "first": gettext_lazy("the first communication"),
    "later": gettext_lazy("every later communication"),
}
METHODS: dict[str, str | Promise] = {
    "hyperlink": gettext_lazy("a link"),
    "reply_stop": gettext_lazy("answering STOP"),
    "reply_stop_subject": gettext_lazy("answering STOP in the subject"),
    "reply_form_and_envelope": gettext_lazy("a form with an envelope"),
}
DATES: dict[str, str | Promise] = {
    "last_statement": gettext_lazy("last statement"),
    "charge_off": gettext_lazy("charge-off"),
    "last_payment": gettext_lazy("last payment"),
    "transaction": gettext_lazy("transaction"),
    "judgment": gettext_lazy("judgment"),
}
# Codes by the last word of the place at which they stand, or the first where the last is a code itself.
WORDS: dict[str, dict[Any, Any]] = {
    "binds": dict(OurRole.choices),
    "channels": CHANNELS,
    "sent_by": CHANNELS,
    "purposes": PURPOSES,
    "except_purposes": PURPOSES,
    "only_purposes": PURPOSES,
    "parties": PARTIES,
    "allowed": PARTIES,
    "event": EVENTS,
    "per": PER,
    "direction": {"out": gettext_lazy("us"), "both": gettext_lazy("either side")},
    "holds": dict(HoldKind.choices),
    "hold": dict(HoldKind.choices),
    "variants": {**dict(HoldVariant.choices), "written": gettext_lazy("in writing")},
    "meanwhile": {"flag": gettext_lazy("with a mark"), "leave_out": gettext_lazy("left out")},
    "places": PLACES,
    "except_places": PLACES,
    "debt_types": DEBT_TYPES,
    "except_debt_types": DEBT_TYPES,
    "barred": DEBT_STATUSES,
    "not_needed_once": DEBT_STATUSES,
    "written": WRITING,
    "electronic": WRITING,
    "stops": ACTIONS,
    "conservative": {**ACTIONS, **DAYS},
    "closed": DAYS,
    "day_one": DAY_ONE,
    "first_day": DAY_ONE,
    "kind": KINDS,
    "of": ABOUT,
    "when": WHEN,
    "methods": METHODS,
    "types": DATES,
    "consent": dict(ConsentKind.choices),
    "requires": REQUIREMENTS,
    "factor": PATTERNS,
    "override_reasons": OVERRIDE_REASONS,
    "outcome": OUTCOMES,
    "confidence": CONFIDENCE,
    "status": STATUSES,
    "opening": EDGES,
    "closing": EDGES,
    "to_edge": EDGES,
    "zone_basis": {
        "person": gettext_lazy("the person's, wherever they may be"),
        "address": gettext_lazy("that of the address"),
        "fixed": gettext_lazy("one for all"),
    },
    "day_type": {
        "calendar": gettext_lazy("calendar days"),
        "business": gettext_lazy("business days"),
    },
    "databases": {"complete_and_accurate": gettext_lazy("complete and accurate")},
    "identity_words": {"names_debt_collector": gettext_lazy("names a debt collector")},
    "lifted_by": {"court_permission": gettext_lazy("permission of a court")},
    "limited": {"limited_only": gettext_lazy("complete, and nothing else")},
    "may_hold": {"request_consumer_call": gettext_lazy("a request to call back")},
    "nothing_is_said_by": {
        "none": pgettext_lazy("amount", "none"),
        "statement_none_assessed": gettext_lazy("a statement that there is none"),
    },
    "statements_by": {"creditor": gettext_lazy("creditor")},
    "transaction_events": {
        "contract_signed": gettext_lazy("the contract was signed"),
        "service_given": gettext_lazy("the service was given"),
    },
}
# Codes that are the last word of a place: "methods.sms", "longer.complex".
KEYS: dict[str, str | Promise] = {
    **{channel: CHANNELS[channel] for channel in ("sms", "email", "letter")},
    **dict(HoldVariant.choices),
    "complex": gettext_lazy("complex"),
    "special_extended": gettext_lazy("by special approval"),
    "initial": gettext_lazy("at first"),
    "later": gettext_lazy("later"),
    "country": gettext_lazy("country"),
    "observed": gettext_lazy("with days kept in place of a holiday"),
}


def label(field: str, *, of_term: bool = False) -> str:
    """What a place in a rule is called; of places within a mapping ("methods.sms") the mapping and the key."""
    if not of_term or field.partition(".")[0] not in TERM_FIELDS:
        return str(FIELDS.get(field, field.replace("_", " ").replace(".", " · ")))
    name, _dot, key = field.partition(".")
    return " · ".join([str(TERM_FIELDS[name]), *([str(KEYS.get(key, key.replace("_", " ")))] if key else [])])


def word(field: str, code: str) -> str | None:
    """The word for a code that stands at this place; None where nobody has worded it."""
    for name in (field.rpartition(".")[2], field.partition(".")[0]):
        if code in WORDS.get(name, {}):
            return str(WORDS[name][code])
    return None
