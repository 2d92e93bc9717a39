"""Everything that happened on a case, newest first, in sentences. Read from the audit log: what is shown is what is proven.

An event type without a sentence here is not shown: it is a detail of another one, or nobody's business on a case page.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext, pgettext

from accounts.models import ContactKind, DebitSource, DocumentKind, EntryKind, MandateEnd, Place, User
from accounts.models.document import SENSITIVE
from cases.actions.notes import open_note
from cases.dispositions import DISPOSITIONS
from cases.models import Case, CaseState, DisputeState, EndReason, LegalStepKind, Note, OfferKind, WorkKind
from cases.reasons import ArrearsReason
from cases.words import amount_of, day, moment
from compliance.audit_search import Cut
from compliance.models import Channel, ComplaintCategory, ComplaintState, Evidence, HoldKind, Weekday
from compliance.sentences import override_reason

KINDS = ("all", "contacts", "money", "law")
OF_PERSON = [
    "contact.%",
    "hold.%",
    "complaint.%",
    "designation.%",
    "media.%",
    "finding.%",
]  # of the borrower's other cases too: what may be done here hangs on them
LIMIT = 60


@dataclass(frozen=True)
class Entry:
    """One line. `tone` is "", done, attention or stop; `words` what was noted; `code` the event, for hovering."""

    at: datetime
    icon: str
    text: str
    tone: str = ""
    words: str = ""
    by: str = ""
    code: str = ""


@dataclass(frozen=True)
class Timeline:
    """`older` is the query string that shows what came before, empty where there is nothing more."""

    entries: list[Entry]
    kind: str
    older: str


@dataclass(frozen=True)
class Line:
    """What a sentence maker gives: the entry without its moment and its person."""

    icon: str
    text: str
    tone: str = ""
    words: str = ""


@dataclass
class Told:
    """What the sentence makers look things up in, besides an event's own data."""

    zone: ZoneInfo
    names: dict[str, str] = field(default_factory=dict)  # pseudonym → name of staff
    attempts: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)  # attempts with one
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → channel, key of its text
    notes: dict[str, str] = field(default_factory=dict)


Data = dict[str, Any]
Maker = Callable[[Data, Told], Line | None]


def timeline(
    case: Case, user: User, limit: int = LIMIT, *, kind: str = "all", before: Cut | None = None
) -> Timeline:
    """The newest `limit` events of a case and of its borrower, as lines; with `before`, those that came earlier.

    Contacts, holds and complaints of the borrower's other cases are in it, because they decide what may be done here. Notes
    are opened for who may see cases. One statement, where `case.borrower.key` and `case.portfolio` were selected before.
    """
    kind = kind if kind in KINDS else "all"
    types = [name for name, (of_kind, _maker) in SENTENCES.items() if kind in ("all", of_kind)]
    # An agency is told of what it works on, not of the borrower's other debts.
    of_person = [] if user.agency_id else OF_PERSON
    found = _find(case, types, before, limit + 1, of_person)
    older = ""
    if len(found) > limit:
        found.pop()
        older = urlencode({"timeline": kind, "before": str(Cut(found[-1].at, found[-1].id))})
    told = _told(found, case, user)
    entries = []
    of_loan = [each for each in found if each.data.get("loan") in (None, str(case.loan_id))]
    for each in _nights_as_one(of_loan):
        if line := SENTENCES[each.event][1](each.data, told):
            by = _who(each.actor_kind, each.actor, told)
            entries.append(Entry(each.at, line.icon, line.text, line.tone, line.words, by, each.event))
    return Timeline(entries, kind, older)


def _nights_as_one(found: Sequence["Found"]) -> Iterator["Found"]:
    """What night after night booked as interest, with nothing between, is one line: at the newest, over all of its days."""
    for nightly, several in groupby(found, key=_is_nightly):
        newest, *before = several
        if nightly and before:
            amounts = sum(Decimal(each.data["amount"]) for each in (newest, *before))
            yield newest._replace(
                data=newest.data | {"amount": str(amounts), "since": before[-1].data["value_date"]}
            )
        else:
            yield from (newest, *before)


def _is_nightly(found: "Found") -> bool:
    return (found.event, found.actor_kind, found.data.get("entry_kind")) == (
        "ledger.posted", "system", EntryKind.INTEREST
    )  # fmt: skip


NAME = "coalesce(nullif(trim({0}.first_name || ' ' || {0}.last_name), ''), {0}.username)"
FOUND = f"""
WITH event AS (
    SELECT id, at, type, actor_kind, actor, convert_from(leaf, 'UTF8')::jsonb -> 'data' AS data
    FROM compliance_auditevent
    WHERE type = ANY(%(types)s) AND (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s::uuid)) AND (
        case_ref = %(case)s OR borrower_ref = %(borrower)s AND (case_ref IS NULL OR type LIKE ANY(%(of_person)s))
    )
    ORDER BY at DESC, id DESC LIMIT %(limit)s
)
SELECT event.id, event.at, event.type, event.actor_kind, event.actor, event.data,
    {NAME.format("person")} || coalesce(' · ' || agency.name, ''), {NAME.format("assignee")},
    message.channel, template.key, note.body_sealed
FROM event
LEFT JOIN accounts_user person ON person.ref = CASE event.actor_kind WHEN 'staff' THEN event.actor::uuid END
LEFT JOIN accounts_agency agency ON agency.id = person.agency_id
LEFT JOIN accounts_user assignee
    ON assignee.ref = CASE event.type WHEN 'case.reassigned' THEN (event.data ->> 'assignee')::uuid END
LEFT JOIN communications_message message
    ON message.id = CASE WHEN event.type LIKE 'message.%%' THEN (event.data ->> 'message')::uuid END
LEFT JOIN communications_templateversion version ON version.id = message.template_version_id
LEFT JOIN communications_template template ON template.id = version.template_id
LEFT JOIN cases_note note
    ON note.id = CASE event.type WHEN 'case.noted' THEN (event.data ->> 'note')::uuid END AND note.case_id = %(case)s
ORDER BY event.at DESC, event.id DESC
"""


class Found(NamedTuple):
    """An event, with what its sentence needs beyond its own data where that is known: the name of who did it and of who
    got the case, the message's channel and the key of its text, the sealed words of the note."""

    id: UUID
    at: datetime
    event: str
    actor_kind: str
    actor: str
    data: Data
    person: str | None
    assignee: str | None
    channel: str | None
    text: str | None
    note: bytes | None


def _find(
    case: Case, types: Sequence[str], before: Cut | None, limit: int, of_person: Sequence[str]
) -> list[Found]:
    values: dict[str, Any] = {
        "case": case.pk,
        "borrower": case.borrower_id,
        "types": types,
        "of_person": list(of_person),
        "at": before and before.at,
        "id": before and before.event_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(FOUND, values)
        return [Found._make((*row[:5], json.loads(row[5]), *row[6:])) for row in cursor.fetchall()]


def _told(found: Sequence[Found], case: Case, user: User) -> Told:
    told = Told(zone=ZoneInfo(case.portfolio.zone))
    # Of other people's work an agency reads what happened, neither their names nor their words.
    colleagues = user.agency_id and {
        str(ref) for ref in User.objects.filter(agency=user.agency_id).values_list("ref", flat=True)
    }
    for each in found:
        if colleagues and each.actor not in colleagues:
            each = each._replace(person=None, assignee=None, note=None)
        if each.event == "contact.attempted":
            told.attempts[each.data["attempt"]] = each.data
        elif each.event == "contact.outcome":
            told.outcomes.add(each.data["attempt"])
        if each.person:
            told.names[each.actor] = each.person
        if each.assignee:
            told.names[each.data["assignee"]] = each.assignee
        if each.channel and each.text:
            told.messages[each.data["message"]] = (each.channel, each.text)
        if each.note is not None and user.has_perm("cases.view_case"):
            note = Note(pk=UUID(each.data["note"]), case=case, body_sealed=each.note)
            told.notes[each.data["note"]] = open_note(note)
    return told


def _who(kind: str, actor: str, told: Told) -> str:
    match kind:
        case "staff":
            return told.names.get(actor, _("a colleague"))
        case "borrower":
            return _("the borrower")
        case "provider":
            return _("the provider")
        case _:
            return ""


# Sentences

TEXTS: dict[str, Promise] = {
    "first_notice": gettext_lazy("First notice"),
    "reminder": gettext_lazy("Reminder"),
    "agency_reminder": gettext_lazy("Reminder by the agency"),
    "promise_reminder": gettext_lazy("Reminder of the promise"),
    "debit_notice": gettext_lazy("Announcement of a debit"),
    "bureau_notice": gettext_lazy("Notice before a report to a bureau"),
    "plan_nudge": gettext_lazy("A word about a missed instalment"),
    "extension_agreed": gettext_lazy("Confirmation of the later day"),
    "waiver_agreed": gettext_lazy("Confirmation of the waiver"),
    "settlement_agreed": gettext_lazy("Confirmation of the settlement"),
    "settlement_completed": gettext_lazy("Confirmation that all is settled"),
    "offer_lapsed": gettext_lazy("Word that an offer is over"),
    "settlement_lapsed": gettext_lazy("Word that a settlement is over"),
}


def _label(choices: Any, value: str) -> str:
    """The label of a choice; a code nobody knows any more stays readable."""
    return str(choices(value).label) if value in choices.values else value


def _case_opened(data: Data, _told: Told) -> Line:
    days = data["days_past_due"]
    text = ngettext(
        "Case opened: %(days)s day late, %(amount)s overdue",
        "Case opened: %(days)s days late, %(amount)s overdue",
        days,
    )
    return Line("flag", text % {"days": days, "amount": amount_of(data["arrears"], data["currency"])})


def _case_moved(data: Data, _told: Told) -> Line:
    text = _("From “%(source)s” to “%(target)s”") % {
        "source": _label(CaseState, data["source"]),
        "target": _label(CaseState, data["target"]),
    }
    tone = "done" if data["target"] in (CaseState.CURED, CaseState.SETTLED) else ""
    return Line("circle-check" if tone else "arrow-right", text, tone)


def _case_leased(_data: Data, _told: Told) -> Line:
    return Line("user-check", _("Took the case"))


def _case_reassigned(data: Data, told: Told) -> Line:
    if not data.get("assignee"):
        return Line("users", _("Given back to the team"))
    return Line("user", _("Given to %(name)s") % {"name": told.names.get(data["assignee"], _("a colleague"))})


def _case_noted(data: Data, told: Told) -> Line:
    return Line("note", _("Note"), words=told.notes.get(data["note"], ""))


def _work_planned(data: Data, told: Told) -> Line | None:
    if data["kind"] != WorkKind.CALLBACK:
        return None  # the next step stands on the page itself
    return Line(
        "calendar-time", _("Call back agreed for %(when)s") % {"when": moment(data["due_at"], told.zone)}
    )


def _case_placed(data: Data, _told: Told) -> Line:
    return Line(
        "building", _("With an agency until %(day)s") % {"day": day(date.fromisoformat(data["until"]))}
    )


def _case_unplaced(data: Data, _told: Told) -> Line:
    return Line(
        "building", _("Back from the agency: %(reason)s") % {"reason": _label(EndReason, data["reason"])}
    )


def _reason_recorded(data: Data, _told: Told) -> Line:
    return Line(
        "info-circle", _("Why it is late: %(reason)s") % {"reason": _label(ArrearsReason, data["reason"])}
    )


def _script_started(data: Data, _told: Told) -> Line:
    return Line("messages", _("Conversation by script, version %(version)s") % {"version": data["version"]})


def _contact_decided(data: Data, _told: Told) -> Line | None:
    if data["outcome"] in ("permitted", "permitted_with_flag") or data.get("override"):
        return None  # the attempt says it
    return Line(
        "ban", _("%(channel)s: not possible then") % {"channel": _label(Channel, data["channel"])}, "stop"
    )


def _contact_attempted(data: Data, told: Told) -> Line | None:
    if data["attempt"] in told.outcomes or (data["channel"] != Channel.CALL and data["direction"] == "out"):
        return None  # the outcome says it, or the message
    if data["direction"] == "in":
        channel = _label(Channel, data["channel"])
        return Line("phone-incoming", _("The borrower came to us: %(channel)s") % {"channel": channel})
    return Line("phone-outgoing", _("Call begun"))


def _contact_outcome(data: Data, told: Told) -> Line | None:
    chosen = DISPOSITIONS.get(data["disposition"])
    if chosen is None:
        return None  # what came of a message stands with the message
    inbound = told.attempts.get(data["attempt"], {}).get("direction") == "in"
    text = _("The borrower called: %(outcome)s") if inbound else _("Call: %(outcome)s")
    icon = "phone-incoming" if inbound else "phone-call" if chosen.answered else "phone-off"
    return Line(icon, text % {"outcome": chosen.label}, "done" if chosen.spoke else "")


def _contact_reported(data: Data, told: Told) -> Line:
    words = {"channel": _label(Channel, data["channel"])}
    if "happened_at" not in data:
        return Line("phone-outgoing", _("%(channel)s, reported by others") % words)
    words["when"] = moment(data["happened_at"], told.zone)
    return Line("phone-outgoing", _("%(channel)s on %(when)s, reported by others") % words)


def _message(text: str, icon: str, tone: str = "") -> Maker:
    def make(data: Data, told: Told) -> Line:
        channel, key = told.messages.get(data["message"], ("", ""))
        words = {
            "text": TEXTS.get(key, _("Message")),
            "channel": _label(Channel, channel),
            "when": moment(data["not_before"], told.zone) if "not_before" in data else "",
        }
        return Line(icon, _(text) % words, tone)

    return make


def _consent_recorded(data: Data, _told: Told) -> Line:
    match data["kind"]:
        case "call_back":
            return Line("phone-incoming", _("Asked to be called on %(day)s") % {"day": day(data["from_on"])})
        case "contact_time":
            return Line("clock", _("Agreed to contact at other hours: %(hours)s") % {"hours": data["hours"]})
        case "daily_dials":
            return Line("phone", _("Agreed to up to %(most)s calls a day") % {"most": data["most"]})
    return Line("mail-opened", _("Agreed to electronic messages"))


def _consent_revoked(_data: Data, _told: Told) -> Line:
    return Line("x", _("Took an agreement back"))


def _designation_recorded(data: Data, _told: Told) -> Line:
    if data["kind"] == "inconvenient_place":
        return Line("hand-stop", _("Not to be reached %(place)s") % {"place": _label(Place, data["place"])})
    parts = [*(_label(Weekday, each) for each in data["days"]), *filter(None, [data["hours"]])]
    return Line("hand-stop", _("Not to be reached: %(when)s") % {"when": " ".join(parts)})


def _designation_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("A time or place suits again"))


def _media_requested(data: Data, _told: Told) -> Line:
    words = {"channel": _label(Channel, data["channel"])}
    if data["wish"] == "again":
        return Line("circle-check", _("Wants contact by %(channel)s again") % words)
    return Line("hand-stop", _("Wants no more contact by %(channel)s") % words)


def _finding_opened(_data: Data, _told: Told) -> Line:
    return Line("flag", _("A contact that others made was not lawful"), "attention")


def _contact_point_added(data: Data, _told: Told) -> Line:
    return Line("plus", _("New way of contact: %(kind)s") % {"kind": _label(ContactKind, data["kind"])})


def _contact_point_retired(_data: Data, _told: Told) -> Line:
    return Line("phone-off", _("A number or address went out of use"))


def _contact_point_placed(data: Data, _told: Told) -> Line:
    return Line("phone", _("A number or address is %(place)s") % {"place": _label(Place, data["place"])})


def _hold_opened(data: Data, _told: Told) -> Line:
    words = {"hold": _label(HoldKind, data["kind"])}
    if data.get("ends_on"):
        text = _("On hold until %(day)s: %(hold)s") % {**words, "day": day(data["ends_on"])}
    else:
        text = _("On hold: %(hold)s") % words
    return Line("hand-stop", text, "stop")


def _hold_proved(data: Data, _told: Told) -> Line:
    words = {"hold": _label(HoldKind, data["kind"]), "evidence": _label(Evidence, data["evidence"])}
    return Line("file-text", _("%(hold)s: shown by %(evidence)s") % words)


def _hold_kept(data: Data, _told: Told) -> Line:
    return Line(
        "hand-stop", _("Hold reviewed, it goes on: %(hold)s") % {"hold": _label(HoldKind, data["kind"])}
    )


def _hold_ended(data: Data, _told: Told) -> Line:
    return Line("check", _("Hold ended: %(hold)s") % {"hold": _label(HoldKind, data["kind"])})


def _override_asked(data: Data, _told: Told) -> Line:
    reasons = pgettext("between items of a list", ", ").join(
        override_reason(code) for code in data["reasons"]
    )
    return Line("user-question", _("A second person asked for one call: %(reasons)s") % {"reasons": reasons})


def _override_approved(_data: Data, _told: Told) -> Line:
    return Line("user-check", _("One call approved by a second person"), "attention")


def _override_refused(_data: Data, _told: Told) -> Line:
    return Line("user-check", _("Call not approved by a second person"))


def _complaint_logged(data: Data, _told: Told) -> Line:
    words = {"category": _label(ComplaintCategory, data["category"]), "day": day(data["due_on"])}
    return Line(
        "message-report", _("Complaint: %(category)s; to be answered by %(day)s") % words, "attention"
    )


def _complaint_resolved(data: Data, _told: Told) -> Line:
    outcome = _label(ComplaintState, data["outcome"])
    return Line("shield-check", _("Complaint decided: %(outcome)s") % {"outcome": outcome})


def _borrower_unsealed(_data: Data, _told: Told) -> Line:
    return Line("lock-open", _("Opened the borrower's sealed data"))


def _document(text: str, icon: str, tone: str = "") -> Maker:
    def make(data: Data, _told: Told) -> Line:
        # That there is a medical proof is for those who may open it, and they see the list.
        kind = _("kept for few eyes") if data["kind"] in SENSITIVE else _label(DocumentKind, data["kind"])
        return Line(icon, _(text) % {"kind": kind}, tone)

    return make


def _loan_imported(_data: Data, _told: Told) -> Line:
    return Line("file-import", _("Loan taken over from the lender's file"))


def _ledger_posted(data: Data, _told: Told) -> Line | None:
    texts = {
        "repayment": (_("Paid %(amount)s, counted from %(day)s"), "receipt", "done"),
        "reversal": (
            _("A payment of %(amount)s was taken back, counted from %(day)s"),
            "cash-off",
            "attention",
        ),
        "waiver": (_("%(amount)s forgiven, counted from %(day)s"), "heart-handshake", "done"),
        "waiver_back": (
            _("%(amount)s that was forgiven is owed again, counted from %(day)s"),
            "alert-triangle",
            "attention",
        ),
        "chargeback": (
            _("The provider took %(amount)s back, counted from %(day)s"),
            "alert-triangle",
            "attention",
        ),
        "write_off": (_("%(amount)s written off, counted from %(day)s"), "note", ""),
        "recovery": (_("Paid %(amount)s after the write-off, counted from %(day)s"), "receipt", "done"),
        "transfer": (_("%(amount)s moved, counted from %(day)s"), "arrow-right", ""),
        "fee": (_("Fee of %(amount)s from %(day)s"), "coin", ""),
        "interest": (_("Interest of %(amount)s from %(day)s"), "coin", ""),
    }
    if data["entry_kind"] not in texts:
        return None
    if data["entry_kind"] == "write_off" and not data["amount"].startswith("-"):
        return None  # what made it smaller stands beside it
    text, icon, tone = texts[data["entry_kind"]]
    words = {
        "amount": amount_of(data["amount"].removeprefix("-"), data["currency"]),
        "day": day(data["value_date"]),
    }
    if since := data.get("since"):
        text = _("Interest of %(amount)s from %(since)s to %(day)s")
        words["since"] = day(since)
    return Line(icon, text % words, tone)


def _payment_matched(data: Data, _told: Told) -> Line | None:
    return Line("receipt", _("A waiting payment was matched by hand")) if data["how"] == "by_hand" else None


def _legal_period_set(data: Data, _told: Told) -> Line:
    text = _("May be sued for before %(day)s") % {"day": day(data["barred_on"])}
    return Line("scale", text)


def _legal_step_taken(data: Data, _told: Told) -> Line:
    words = {"step": _label(LegalStepKind, data["kind"]), "day": day(data["taken_on"])}
    return Line("gavel", _("%(step)s, %(day)s") % words, "attention")


def _legal_step_withdrawn(data: Data, _told: Told) -> Line:
    return Line("arrow-back-up", _("Taken back: %(step)s") % {"step": _label(LegalStepKind, data["kind"])})


def _legal_asked(data: Data, _told: Told) -> Line:
    return Line("user-question", _("Asked legal; answered by %(day)s") % {"day": day(data["due_on"])})


def _legal_answered(_data: Data, _told: Told) -> Line:
    return Line("user-check", _("Legal answered"))


def _promise_recorded(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["due_on"])}
    return Line("calendar-dollar", _("Promised %(amount)s by %(day)s") % words)


def _promise_kept(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("Promise kept"), "done")


def _promise_part_kept(data: Data, _told: Told) -> Line:
    paid = amount_of(data["paid"], data["currency"])
    return Line("calendar-dollar", _("Promise kept in part: %(paid)s came") % {"paid": paid}, "attention")


def _promise_broken(_data: Data, _told: Told) -> Line:
    return Line("calendar-dollar", _("Promise not kept"), "attention")


def _promise_cancelled(data: Data, _told: Told) -> Line:
    text = (
        _("Promise replaced by a new one") if data["reason"] == "replaced" else _("Promise no longer needed")
    )
    return Line("calendar-dollar", text)


def _promise_reopened(_data: Data, _told: Told) -> Line:
    return Line("calendar-dollar", _("Promise open again: a payment was taken back"), "attention")


def _affordability_recorded(data: Data, _told: Told) -> Line:
    return Line(
        "calendar-dollar",
        _("What is affordable was written down, as of %(day)s") % {"day": day(data["taken_on"])},
    )


def _plan_agreed(data: Data, _told: Told) -> Line:
    words = {
        "total": amount_of(data["total"], data["currency"]),
        "count": data["instalments"],
        "day": day(data["first_due_on"]),
    }
    return Line("calendar-event", _("Plan agreed: %(total)s in %(count)s parts from %(day)s") % words)


def _plan_completed(_data: Data, _told: Told) -> Line:
    return Line("circle-check", _("Plan paid"), "done")


def _plan_broken(data: Data, _told: Told) -> Line:
    text = _("Plan ended: instalments were missed, the first on %(day)s") % {
        "day": day(data["missed_due_on"])
    }
    return Line("calendar-event", text, "attention")


def _plan_reopened(_data: Data, _told: Told) -> Line:
    return Line("calendar-event", _("Plan runs again, by what was paid and stayed"), "attention")


def _plan_cancelled(data: Data, _told: Told) -> Line:
    text = _("Plan replaced by a new one") if data["reason"] == "replaced" else _("Plan no longer needed")
    return Line("calendar-event", text)


def _mandate_given(data: Data, _told: Told) -> Line:
    words = {"source": _label(DebitSource, data["source"])}
    return Line("credit-card-refund", _("Allowed us to draw what is due: %(source)s") % words)


def _mandate_ended(data: Data, _told: Told) -> Line:
    return Line(
        "x", _("Debit mandate: %(reason)s") % {"reason": _label(MandateEnd, data["reason"])}, "attention"
    )


def _debit_announced(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["collect_on"])}
    return Line("calendar-event", _("Debit of at most %(amount)s announced for %(day)s") % words)


def _debit_announcement_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("x", _("The announced debit does not come"))


def _debit_paid(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"])}
    return Line("credit-card-refund", _("%(amount)s drawn under the mandate") % words, "done")


def _debit_failed(data: Data, _told: Told) -> Line:
    words = {"amount": amount_of(data["amount"], data["currency"])}
    return Line("alert-triangle", _("%(amount)s could not be drawn") % words, "attention")


def _debit_withdrawn(_data: Data, _told: Told) -> Line:
    return Line("hand-stop", _("A debit was stopped before it left"))


def _debit_uncertain(_data: Data, _told: Told) -> Line:
    return Line("help-circle", _("Nobody knows whether a debit was drawn"), "attention")


def _bureau_notice_planned(data: Data, _told: Told) -> Line:
    return Line(
        "building-bank", _("Told that nothing is reported before %(day)s") % {"day": day(data["report_on"])}
    )


def _bureau_disputed(data: Data, _told: Told) -> Line:
    words = {"day": day(data["due_on"])}
    return Line(
        "building-bank", _("Says the credit record is wrong; to be answered by %(day)s") % words, "attention"
    )


def _bureau_dispute_answered(data: Data, _told: Told) -> Line:
    return Line("building-bank", _label(DisputeState, data["state"]))


def _offer_made(data: Data, _told: Told) -> Line:
    if data["kind"] == OfferKind.EXTENSION:
        text = ngettext("Offered: %(days)s day later", "Offered: %(days)s days later", data["days"])
        return Line("calendar-time", text % {"days": data["days"]})
    if data["kind"] == OfferKind.WAIVER:
        labels = {"fees": _("fees"), "interest": _("interest"), "principal": _("principal")}
        parts = [
            f"{label} {amount_of(data[name], data['currency'])}"
            for name, label in labels.items()
            if data[name].strip("0.")
        ]
        words = {"parts": pgettext("between items of a list", ", ").join(parts)}
        return Line("heart-handshake", _("Offered to forgive: %(parts)s") % words)
    words = {"amount": amount_of(data["amount"], data["currency"]), "day": day(data["pay_by"])}
    return Line("heart-handshake", _("Settlement offered: %(amount)s by %(day)s") % words)


def _offer_accepted(data: Data, _told: Told) -> Line:
    return Line(
        "circle-check", _("The borrower agreed: %(kind)s") % {"kind": _label(OfferKind, data["kind"])}, "done"
    )


def _offer_completed(data: Data, _told: Told) -> Line:
    words = {name: amount_of(data[name], data["currency"]) for name in ("paid", "forgiven")}
    return Line("circle-check", _("Settlement paid: %(paid)s; %(forgiven)s forgiven") % words, "done")


def _offer_undone(data: Data, _told: Told) -> Line:
    words = {name: amount_of(data[name], data["currency"]) for name in ("paid", "owed")}
    text = _("Settlement undone: %(paid)s of it stayed paid, %(owed)s is owed again")
    return Line("alert-triangle", text % words, "attention")


def _offer_reopened(_data: Data, _told: Told) -> Line:
    return Line("heart-handshake", _("Settlement waits for its money again"), "attention")


def _offer_declined(data: Data, _told: Told) -> Line:
    return Line("x", _("The borrower declined: %(kind)s") % {"kind": _label(OfferKind, data["kind"])})


def _offer_lapsed(data: Data, _told: Told) -> Line:
    if data["agreed"]:
        words = {"paid": amount_of(data["paid"], data["currency"])}
        return Line("calendar-event", _("Settlement lapsed, %(paid)s of it paid") % words, "attention")
    return Line(
        "calendar-event", _("Offer lapsed: %(kind)s") % {"kind": _label(OfferKind, data["kind"])}, "attention"
    )


def _offer_withdrawn(data: Data, _told: Told) -> Line:
    return Line("x", _("Offer no longer needed: %(kind)s") % {"kind": _label(OfferKind, data["kind"])})


SENTENCES: dict[str, tuple[str, Maker]] = {
    "case.opened": ("money", _case_opened),
    "case.moved": ("law", _case_moved),
    "case.leased": ("all", _case_leased),
    "case.reassigned": ("all", _case_reassigned),
    "case.noted": ("contacts", _case_noted),
    "case.placed": ("all", _case_placed),
    "case.unplaced": ("all", _case_unplaced),
    "work.planned": ("contacts", _work_planned),
    "reason.recorded": ("contacts", _reason_recorded),
    "script.started": ("contacts", _script_started),
    "contact.decided": ("law", _contact_decided),
    "contact.attempted": ("contacts", _contact_attempted),
    "contact.outcome": ("contacts", _contact_outcome),
    "contact.reported": ("contacts", _contact_reported),
    "message.planned": (
        "contacts",
        _message(gettext_noop("%(text)s planned for %(when)s: %(channel)s"), "mail-fast"),
    ),
    "message.deferred": (
        "contacts",
        _message(gettext_noop("%(text)s waits until %(when)s: %(channel)s"), "hourglass"),
    ),
    "message.accepted": ("contacts", _message(gettext_noop("%(text)s sent: %(channel)s"), "mail", "done")),
    "message.failed": (
        "contacts",
        _message(gettext_noop("%(text)s not delivered: %(channel)s"), "alert-triangle", "attention"),
    ),
    "message.uncertain": (
        "contacts",
        _message(
            gettext_noop("%(text)s: nobody knows whether it arrived (%(channel)s)"),
            "help-circle",
            "attention",
        ),
    ),
    "message.cancelled": ("contacts", _message(gettext_noop("%(text)s not sent any more: %(channel)s"), "x")),
    "consent.recorded": ("contacts", _consent_recorded),
    "consent.revoked": ("contacts", _consent_revoked),
    "designation.recorded": ("contacts", _designation_recorded),
    "designation.withdrawn": ("contacts", _designation_withdrawn),
    "media.requested": ("contacts", _media_requested),
    "finding.opened": ("law", _finding_opened),
    "contact_point.added": ("contacts", _contact_point_added),
    "contact_point.retired": ("contacts", _contact_point_retired),
    "contact_point.placed": ("contacts", _contact_point_placed),
    "hold.opened": ("law", _hold_opened),
    "hold.proved": ("law", _hold_proved),
    "hold.kept": ("law", _hold_kept),
    "hold.ended": ("law", _hold_ended),
    "override.asked": ("law", _override_asked),
    "override.approved": ("law", _override_approved),
    "override.refused": ("law", _override_refused),
    "complaint.logged": ("law", _complaint_logged),
    "complaint.resolved": ("law", _complaint_resolved),
    "borrower.unsealed": ("law", _borrower_unsealed),
    "document.added": ("all", _document(gettext_noop("Document taken in: %(kind)s"), "upload")),
    "document.made": ("all", _document(gettext_noop("Document made: %(kind)s"), "file-text")),
    "document.destroyed": ("all", _document(gettext_noop("Document destroyed: %(kind)s"), "trash")),
    "loan.imported": ("money", _loan_imported),
    "ledger.posted": ("money", _ledger_posted),
    "payment.matched": ("money", _payment_matched),
    "legal.period_set": ("law", _legal_period_set),
    "legal.step_taken": ("law", _legal_step_taken),
    "legal.step_withdrawn": ("law", _legal_step_withdrawn),
    "legal.asked": ("law", _legal_asked),
    "legal.answered": ("law", _legal_answered),
    "mandate.given": ("money", _mandate_given),
    "mandate.ended": ("money", _mandate_ended),
    "debit.announced": ("money", _debit_announced),
    "debit.announcement_withdrawn": ("money", _debit_announcement_withdrawn),
    "debit.paid": ("money", _debit_paid),
    "debit.failed": ("money", _debit_failed),
    "debit.withdrawn": ("money", _debit_withdrawn),
    "debit.uncertain": ("money", _debit_uncertain),
    "bureau.notice_planned": ("law", _bureau_notice_planned),
    "bureau.disputed": ("law", _bureau_disputed),
    "bureau.dispute_answered": ("law", _bureau_dispute_answered),
    "promise.recorded": ("money", _promise_recorded),
    "promise.kept": ("money", _promise_kept),
    "promise.part_kept": ("money", _promise_part_kept),
    "promise.broken": ("money", _promise_broken),
    "promise.cancelled": ("money", _promise_cancelled),
    "promise.reopened": ("money", _promise_reopened),
    "affordability.recorded": ("money", _affordability_recorded),
    "offer.made": ("money", _offer_made),
    "offer.accepted": ("money", _offer_accepted),
    "offer.completed": ("money", _offer_completed),
    "offer.undone": ("money", _offer_undone),
    "offer.reopened": ("money", _offer_reopened),
    "offer.declined": ("money", _offer_declined),
    "offer.lapsed": ("money", _offer_lapsed),
    "offer.withdrawn": ("money", _offer_withdrawn),
    "plan.agreed": ("money", _plan_agreed),
    "plan.completed": ("money", _plan_completed),
    "plan.broken": ("money", _plan_broken),
    "plan.reopened": ("money", _plan_reopened),
    "plan.cancelled": ("money", _plan_cancelled),
}
