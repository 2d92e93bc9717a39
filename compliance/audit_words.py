"""The audit log in words: what each kind of event is called, in which group it is looked for, and which of its fields say
most. A code without a word here is shown as it is written in the log.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from accounts.models import (
    Compared,
    ContactKind,
    DocumentKind,
    EntryKind,
    Explained,
    ImportKind,
    OurRole,
    Place,
    PointStatus,
    Relation,
    Role,
)
from compliance.models import (
    Channel,
    ComplaintCategory,
    ComplaintState,
    ConsentKind,
    DesignationKind,
    FindingState,
    HoldKind,
    MediaWish,
    Weekday,
)
from compliance.models.contact import Direction
from compliance.rules import Outcome, Purpose
from compliance.sentences import reader_locale

GROUPS: dict[str, str | Promise] = {
    "contact": _("Contact and the gate"),
    "protection": _("Holds, consents, complaints"),
    "law": _("Rules and their signatures"),
    "messages": _("Messages, texts and scripts"),
    "cases": _("Cases and work"),
    "agreements": _("Promises and plans"),
    "money": _("Loans and payments"),
    "borrowers": _("Borrower data"),
    "staff": _("Staff and set-up"),
    "log": _("The log itself"),
}


@dataclass(frozen=True)
class EventWords:
    """`tells` are the fields worth reading in a list, in their order; money is told with its currency."""

    group: str
    name: str | Promise
    tells: tuple[str, ...] = ()


def _words(group: str, name: str | Promise, tells: str = "") -> EventWords:
    return EventWords(group, name, tuple(tells.split()))


WORDS: dict[str, EventWords] = {
    "contact.decided": _words("contact", _("Gate asked"), "channel purpose outcome reasons"),
    "contact.attempted": _words("contact", _("Contact made"), "direction channel purpose"),
    "contact.reported": _words(
        "contact", _("Contact reported by others"), "direction channel purpose happened_at reported_by"
    ),
    "contact.outcome": _words("contact", _("Outcome of a contact noted"), "disposition"),
    "finding.opened": _words("protection", _("Finding about a reported contact"), "outcome rules"),
    "finding.answered": _words("protection", _("Finding answered"), "state"),
    "designation.recorded": _words(
        "protection", _("Time or place ruled out by the borrower"), "kind place days hours from_on to_on"
    ),
    "designation.withdrawn": _words("protection", _("Time or place allowed again"), "kind"),
    "media.requested": _words("protection", _("Wish about a channel"), "wish channel how"),
    "override.asked": _words("contact", _("Second person asked for a contact"), "channel rules reasons"),
    "override.approved": _words("contact", _("Contact approved by a second person")),
    "override.refused": _words("contact", _("Contact not approved by a second person")),
    "decision.replayed": _words("contact", _("Decision given again"), "same"),
    "pack.stored": _words("law", _("Rule pack stored"), "pack version"),
    "pack.signed": _words("law", _("Rule pack signed"), "pack signatures"),
    "pack.tried": _words("law", _("Rule pack tried over past contacts"), "pack days"),
    "set_aside.proposed": _words("law", _("Setting a draft rule aside proposed"), "rule ends_on"),
    "set_aside.approved": _words("law", _("Draft rule set aside"), "rule ends_on"),
    "set_aside.ended": _words("law", _("Draft rule no longer set aside"), "rule"),
    "hold.opened": _words("protection", _("Hold opened"), "kind starts_on ends_on"),
    "hold.proved": _words("protection", _("Evidence for a hold"), "kind evidence"),
    "hold.kept": _words("protection", _("Hold reviewed, it goes on"), "kind review_on"),
    "hold.ended": _words("protection", _("Hold ended"), "kind reason"),
    "consent.recorded": _words(
        "protection", _("Consent recorded"), "kind channel days hours most from_on to_on"
    ),
    "consent.revoked": _words("protection", _("Consent withdrawn"), "kind"),
    "complaint.logged": _words("protection", _("Complaint taken down"), "category channel due_on"),
    "complaint.assigned": _words("protection", _("Complaint given to someone"), "owner"),
    "complaint.resolved": _words("protection", _("Complaint decided"), "outcome"),
    "message.planned": _words("messages", _("Message planned"), "channel purpose not_before"),
    "message.deferred": _words("messages", _("Message put off"), "reasons not_before"),
    "message.sending": _words("messages", _("Message on its way")),
    "message.accepted": _words("messages", _("Message accepted by the provider")),
    "message.failed": _words("messages", _("Message not delivered"), "reason"),
    "message.uncertain": _words("messages", _("Message uncertain")),
    "message.cancelled": _words("messages", _("Message not sent any more"), "reason"),
    "template.approved": _words("messages", _("Text approved"), "channel language number"),
    "script.approved": _words("messages", _("Script approved"), "number"),
    "script.started": _words("messages", _("Script begun"), "version"),
    "script.step": _words("messages", _("Step of a script taken"), "step answer"),
    "script.finished": _words("messages", _("Script ended"), "result"),
    "case.opened": _words("cases", _("Case opened"), "days_past_due arrears"),
    "case.moved": _words("cases", _("Case moved"), "source target reason"),
    "case.leased": _words("cases", _("Case taken"), "until"),
    "case.released": _words("cases", _("Case put back"), "reason"),
    "case.reassigned": _words("cases", _("Case given to someone"), "assignee"),
    "case.noted": _words("cases", _("Note written")),
    "case.placed": _words("cases", _("Case placed with an agency"), "until"),
    "case.unplaced": _words("cases", _("Case back from an agency"), "reason"),
    "work.planned": _words("cases", _("Work planned"), "kind due_at reason"),
    "work.done": _words("cases", _("Work done"), "kind result"),
    "reason.recorded": _words("cases", _("Reason for being late recorded"), "reason"),
    "day.started": _words("cases", _("Daily run begun"), "date"),
    "day.part_done": _words("cases", _("Part of the daily run done"), "loans"),
    "day.reported": _words("cases", _("Overdue report made"), "date loans overdue newly_overdue arrears"),
    "day.finished": _words("cases", _("Daily run ended"), "date opened cured planned"),
    "approval.asked": _words("agreements", _("Second person asked"), "kind beyond"),
    "approval.answered": _words("agreements", _("Second person answered"), "kind approved"),
    "legal.period_set": _words("cases", _("Time to sue established"), "runs_from years barred_on"),
    "legal.step_taken": _words("cases", _("Legal step taken"), "kind taken_on next_on cost"),
    "legal.step_withdrawn": _words("cases", _("Legal step taken back"), "kind"),
    "legal.asked": _words("cases", _("Legal asked"), "due_on"),
    "legal.answered": _words("cases", _("Legal answered"), "late"),
    "mandate.given": _words(
        "money", _("Debit mandate given"), "source most_per_debit most_per_month floor from_on to_on"
    ),
    "mandate.ended": _words("money", _("Debit mandate ended"), "reason"),
    "debit.announced": _words("money", _("Debit announced"), "amount collect_on"),
    "debit.announcement_withdrawn": _words("money", _("Announced debit withdrawn"), "reason"),
    "debit.decided": _words("money", _("Debit decided"), "amount reasons"),
    "debit.placed": _words("money", _("Debit asked of the provider"), "amount"),
    "debit.paid": _words("money", _("Debit drawn"), "amount"),
    "debit.failed": _words("money", _("Debit not drawn"), "amount reason"),
    "debit.uncertain": _words("money", _("Debit uncertain"), "amount reason"),
    "debit.withdrawn": _words("money", _("Debit stopped before it left"), "amount reason"),
    "bureau.reporting_set": _words("protection", _("Reporting to a bureau set"), "bureau from_on"),
    "bureau.notice_planned": _words("protection", _("Notice before a report planned"), "report_on"),
    "bureau.file_made": _words("protection", _("File for a bureau made"), "kind month rows"),
    "bureau.file_downloaded": _words("protection", _("File for a bureau downloaded")),
    "bureau.furnished": _words("protection", _("Reported to a bureau"), "kind status as_of"),
    "bureau.disputed": _words("protection", _("Credit record disputed"), "about due_on"),
    "bureau.dispute_answered": _words("protection", _("Dispute of a credit record answered"), "state"),
    "promise.recorded": _words("agreements", _("Promise recorded"), "amount due_on"),
    "promise.kept": _words("agreements", _("Promise kept")),
    "promise.part_kept": _words("agreements", _("Promise kept in part"), "paid"),
    "promise.broken": _words("agreements", _("Promise not kept"), "paid"),
    "promise.cancelled": _words("agreements", _("Promise cancelled"), "reason"),
    "promise.reopened": _words("agreements", _("Promise open again"), "paid"),
    "affordability.recorded": _words("agreements", _("Affordability recorded"), "source taken_on"),
    "plan.agreed": _words("agreements", _("Payment plan agreed"), "total instalments first_due_on"),
    "plan.completed": _words("agreements", _("Payment plan paid")),
    "plan.broken": _words("agreements", _("Payment plan broken"), "missed_due_on"),
    "plan.reopened": _words("agreements", _("Payment plan runs again")),
    "plan.cancelled": _words("agreements", _("Payment plan cancelled"), "reason"),
    "offer.made": _words("agreements", _("Offer made"), "kind amount days valid_until"),
    "offer.accepted": _words("agreements", _("Offer accepted"), "kind"),
    "offer.completed": _words("agreements", _("Settlement paid and carried out"), "paid forgiven"),
    "offer.undone": _words("agreements", _("Settlement undone"), "paid owed"),
    "offer.reopened": _words("agreements", _("Settlement waits again")),
    "offer.declined": _words("agreements", _("Offer declined"), "kind"),
    "offer.lapsed": _words("agreements", _("Offer lapsed"), "kind paid"),
    "offer.withdrawn": _words("agreements", _("Offer no longer needed"), "kind reason"),
    "loan.extended": _words("money", _("Later day given"), "days due_from"),
    "loan.imported": _words("money", _("Loan imported"), "principal interest fees"),
    "loan.changed": _words("money", _("Loan changed"), "fields"),
    "ledger.posted": _words("money", _("Ledger entry booked"), "entry_kind amount value_date"),
    "payment.received": _words("money", _("Payment received"), "amount value_date source"),
    "payment.matched": _words("money", _("Payment matched to its loan"), "how"),
    "payment.unmatched": _words("money", _("Payment waits for its loan"), "candidates"),
    "payment.reversed": _words("money", _("Payment taken back"), "amount reason"),
    "payment.charged_back": _words("money", _("Payment charged back"), "amount value_date"),
    "provider_file.compared": _words(
        "money", _("Provider's file compared"), "rows equal differences rejected"
    ),
    "provider_file.answered": _words(
        "money", _("Difference to a provider's file answered"), "result what amount"
    ),
    "payments.read": _words("money", _("Payments read"), "rows posted unmatched"),
    "import.previewed": _words("money", _("Import previewed"), "kind rows rejected"),
    "import.confirmed": _words("money", _("Import confirmed"), "kind"),
    "import.started": _words("money", _("Import begun"), "kind mapping"),
    "import.finished": _words("money", _("Import ended"), "rows created updated rejected"),
    "import.failed": _words("money", _("Import failed"), "reason"),
    "import.rejects_downloaded": _words("money", _("Rejected rows downloaded"), "rejected"),
    "import.files_destroyed": _words("money", _("Files of imports destroyed"), "runs"),
    "borrower.imported": _words("borrowers", _("Borrower imported"), "contact_points related_persons"),
    "borrower.changed": _words("borrowers", _("Borrower changed"), "fields"),
    "borrower.unsealed": _words("borrowers", _("Sealed data opened"), "what why"),
    "borrower.searched": _words("borrowers", _("Borrowers searched"), "kind found"),
    "contact_point.added": _words("borrowers", _("Number or address added"), "kind source ground"),
    "contact_point.retired": _words("borrowers", _("Number or address taken out of use"), "reason"),
    "contact_point.placed": _words("borrowers", _("Place of a number or address noted"), "place"),
    "related_person.added": _words("borrowers", _("Related person added"), "relation given_by ground"),
    "related_person.refused": _words("borrowers", _("Related person refused contact"), "channel"),
    "document.added": _words("borrowers", _("Document taken in"), "kind media retain_until"),
    "document.made": _words("borrowers", _("Document made"), "kind language as_of good_to"),
    "document.destroyed": _words("borrowers", _("Document destroyed"), "kind retain_until"),
    "staff.created": _words("staff", _("Staff added"), "staff role"),
    "staff.changed": _words("staff", _("Staff changed"), "staff fields"),
    "staff.signed_in": _words("staff", _("Signed in")),
    "staff.sign_in_failed": _words("staff", _("Sign-in failed"), "reason"),
    "team.created": _words("staff", _("Team created")),
    "team.changed": _words("staff", _("Team changed"), "fields"),
    "team.removed": _words("staff", _("Team removed")),
    "agency.created": _words("staff", _("Agency added")),
    "agency.changed": _words("staff", _("Agency changed"), "fields"),
    "agency.barred": _words("staff", _("Agency barred from new cases"), "reason from_on ends_on"),
    "agency.bar_lifted": _words("staff", _("Bar of an agency lifted")),
    "agency.evaluated": _words("staff", _("Agency evaluated"), "year decision"),
    "agency.stop_lifted": _words("staff", _("Agency may have a portfolio's cases again"), "complaints"),
    "legal_entity.created": _words("staff", _("Legal entity created")),
    "legal_entity.changed": _words("staff", _("Legal entity changed"), "fields"),
    "portfolio.created": _words("staff", _("Portfolio created"), "code currency jurisdictions role"),
    "portfolio.changed": _words("staff", _("Portfolio changed"), "fields"),
    "portfolio.caps_set": _words("staff", _("Caps of charges set, from"), "from_on rules"),
    "portfolio.terms_set": _words("staff", _("Terms set, from"), "from_on"),
    "portfolio.contact_opened": _words("staff", _("Portfolio opened for contact")),
    "portfolio.contact_closed": _words("staff", _("Portfolio closed for contact"), "reason"),
    "portfolio.reconciled": _words("staff", _("Reconciliation signed"), "loans files stored refused"),
    "seal.rotated": _words("staff", _("Sealing keys changed"), "kind keys"),
    "audit.searched": _words("log", _("Log searched"), "found"),
    "audit.exported": _words("log", _("Log exported"), "format events"),
}

STAFF_FIELDS = frozenset({"owner", "staff", "assignee"})
"""Fields that hold the pseudonym of a member of staff."""

AMOUNT_FIELDS = frozenset(
    {
        "amount", "arrears", "cost", "fees", "floor", "interest", "most_per_debit", "most_per_month", "outstanding",
        "owed", "paid", "principal", "total",
    }
)  # fmt: skip
"""Fields that hold decimal text in the event's currency."""

OUTCOMES: dict[str, str | Promise] = {
    Outcome.PERMITTED: _("permitted"),
    Outcome.FLAGGED: _("permitted with a flag"),
    Outcome.PRESUMED_VIOLATION: _("presumed violation"),
    Outcome.PROHIBITED: _("prohibited"),
}
PURPOSES: dict[str, str | Promise] = {
    Purpose.FIRST_NOTICE: _("first notice"),
    Purpose.REMINDER: _("reminder"),
    Purpose.COLLECT: _("to talk about paying"),
    Purpose.LOCATION_INFORMATION: _("to find the borrower"),
    Purpose.REPLY: _("reply"),
    Purpose.SERVICE: _("service"),
    Purpose.SEEK_CONSENT: _("to ask for consent"),
    Purpose.OPT_OUT_CONFIRMATION: _("to confirm an opt-out"),
    Purpose.LEGAL_STATEMENT: _("a statement the law requires"),
    Purpose.EFFORTS_TERMINATED: _("to say that collection ends"),
    Purpose.MAY_INVOKE_REMEDY: _("to name a remedy that may follow"),
    Purpose.INTENDS_REMEDY: _("to name a remedy that will follow"),
    Purpose.ONGOING_LIABILITY: _("about a liability that goes on"),
    Purpose.ASK_CONVENIENT_TIME: _("to ask for a better time"),
    Purpose.ASK_TO_CONTINUE: _("to ask to go on"),
    Purpose.REQUIRED_BY_LAW: _("because the law requires it"),
    Purpose.LITIGATION: _("about a lawsuit"),
    Purpose.ANSWER_REQUEST: _("to give what was asked for"),
    Purpose.RESUME_DROPPED: _("to go on with a call that dropped"),
    Purpose.WARN_LATE_FEE: _("to warn of a fee"),
    Purpose.DISCOUNT_DEADLINE: _("about a discount that ends"),
    "inbound": _("the borrower's own wish"),
}
REASONS: dict[str, str | Promise] = {
    "unknown_jurisdiction": _("unknown jurisdiction"),
    "unknown_role": _("unclear role"),
    "unknown_channel": _("unknown channel"),
    "unknown_purpose": _("unknown purpose"),
    "unknown_party": _("unclear whom it reaches"),
    "unknown_zone": _("unknown time zone"),
    "nothing_overdue": _("nothing overdue"),
    "arrears_unknown": _("arrears not known"),
    "hold": _("a hold"),
    "party_not_allowed": _("somebody else"),
    "outside_hours": _("outside the open hours"),
    "closed_day": _("a closed day"),
    "no_common_hours": _("no hour open everywhere"),
    "count_reached": _("enough contacts already"),
    "quiet_period": _("quiet days"),
    "consented": _("asked to be called"),
    "stale_facts": _("known too long ago"),
    "designated_time": _("asked not at this time"),
    "designated_place": _("asked not there"),
    "employer_forbids": _("not at work"),
    "medium_refused": _("asked not this way"),
    "no_consent": _("no consent to messages"),
    "public": _("others could read it"),
    "employer_email": _("the employer's address"),
    "inconvenient_now": _("does not suit now"),
    "excepted": _("an exception"),
    "set_aside": _("a draft set aside"),
    "proposed": _("only proposed"),
    "pattern": _("close together"),
    "required": _("something to say"),
}

# The words for the codes of one field. A field's code may mean several things: the event's own enumeration comes first.
CODES: dict[str, tuple[Mapping[Any, Any], ...]] = {
    "channel": (dict(Channel.choices),),
    "direction": (dict(Direction.choices),),
    "purpose": (PURPOSES,),
    "outcome": (OUTCOMES, dict(ComplaintState.choices)),
    "reasons": (REASONS,),
    "category": (dict(ComplaintCategory.choices),),
    "kind": (
        dict(HoldKind.choices),
        dict(ConsentKind.choices),
        dict(DesignationKind.choices),
        dict(ContactKind.choices),
        dict(ImportKind.choices),
        dict(DocumentKind.choices),
    ),
    "entry_kind": (dict(EntryKind.choices),),
    "reason": (dict(PointStatus.choices),),
    "days": (dict(Weekday.choices),),
    "place": (dict(Place.choices),),
    "how": (dict(Channel.choices),),
    "wish": (dict(MediaWish.choices),),
    "state": (dict(FindingState.choices),),
    "relation": (dict(Relation.choices),),
    "result": (dict(Compared.choices),),
    "what": (dict(Explained.choices),),
    "role": (dict(Role.choices), dict(OurRole.choices)),
}


def know(field: str, words: Mapping[Any, Any]) -> None:
    """Add the words for codes that an app above writes into this field. Those known already come first."""
    CODES[field] = (*CODES.get(field, ()), words)


def name_of(event_type: str) -> str:
    """What an event is called."""
    words = WORDS.get(event_type)
    return str(words.name) if words else event_type


def types_of(group: str) -> list[str]:
    return [event_type for event_type, words in WORDS.items() if words.group == group]


def told(event_type: str, data: Mapping[str, Any], staff: Mapping[str, str]) -> str:
    """The fields that say most, as one line; `staff` gives the names of pseudonyms."""
    words = WORDS.get(event_type)
    return " · ".join(_values(words.tells, data, staff)) if words else ""


def _values(fields: tuple[str, ...], data: Mapping[str, Any], staff: Mapping[str, str]) -> Iterator[str]:
    for field in fields:
        value = data.get(field)
        if value is None or value == "" or value == []:
            continue
        if field in STAFF_FIELDS:
            yield staff.get(str(value), str(value))
        elif field in AMOUNT_FIELDS and "currency" in data:
            yield f"{data['currency']} {value}"
        elif field in NUMBERS:
            yield str(NUMBERS[field]) % {"number": value}
        else:
            items = value if isinstance(value, list) else [value]
            yield pgettext("between items of a list", ", ").join(_word(field, item) for item in items)


NUMBERS: dict[str, str | Promise] = {
    "candidates": _("%(number)s candidates"),
    "contact_points": _("%(number)s numbers and addresses"),
    "created": _("%(number)s new"),
    "cured": _("%(number)s back on track"),
    "days_past_due": _("%(number)s days late"),
    "events": _("%(number)s events"),
    "files": _("%(number)s files"),
    "found": _("%(number)s found"),
    "instalments": _("%(number)s instalments"),
    "keys": _("%(number)s keys"),
    "loans": _("%(number)s loans"),
    "newly_overdue": _("%(number)s newly overdue"),
    "number": _("version %(number)s"),
    "opened": _("%(number)s opened"),
    "overdue": _("%(number)s overdue"),
    "planned": _("%(number)s planned"),
    "posted": _("%(number)s booked"),
    "most": _("%(number)s calls a day"),
    "refused": _("%(number)s refused"),
    "rejected": _("%(number)s rejected"),
    "related_persons": _("%(number)s related persons"),
    "rows": _("%(number)s rows"),
    "stored": _("%(number)s stored"),
    "unmatched": _("%(number)s unmatched"),
    "updated": _("%(number)s changed"),
    "version": _("version %(number)s"),
}
"""Fields that hold a number, and what it counts."""


def _word(field: str, value: Any) -> str:
    for words in CODES.get(field, ()):
        if value in words:
            return str(words[value])
    text = str(value)
    if field.endswith(("_on", "date", "_until", "as_of", "good_to")):
        return format_date(date.fromisoformat(text), "medium", locale=reader_locale())
    if field in {"due_at", "happened_at", "not_before", "until"}:
        return format_datetime(datetime.fromisoformat(text), "medium", locale=reader_locale()) + " UTC"
    # Codes read better without their joints; ids behind a colon are for the detail.
    return text.split(":")[0].replace("_", " ")
