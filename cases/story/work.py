"""What people did on a case: opened, moved, handed on, noted, planned; scripts, documents, seals."""

from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from accounts.models import DocumentKind
from accounts.models.document import SENSITIVE
from cases.models import CaseState, EndReason, WorkKind
from cases.reasons import ArrearsReason
from cases.story.line import Data, Line, Maker, Told, label
from cases.words import amount_of, day, moment


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
        "source": label(CaseState, data["source"]),
        "target": label(CaseState, data["target"]),
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
        "building", _("Back from the agency: %(reason)s") % {"reason": label(EndReason, data["reason"])}
    )


def _reason_recorded(data: Data, _told: Told) -> Line:
    return Line(
        "info-circle", _("Why it is late: %(reason)s") % {"reason": label(ArrearsReason, data["reason"])}
    )


def _script_started(data: Data, _told: Told) -> Line:
    return Line("messages", _("Conversation by script, version %(version)s") % {"version": data["version"]})


def _borrower_unsealed(_data: Data, _told: Told) -> Line:
    return Line("lock-open", _("Opened the borrower's sealed data"))


def _document(text: str, icon: str, tone: str = "") -> Maker:
    def make(data: Data, _told: Told) -> Line:
        # That there is a medical proof is for those who may open it, and they see the list.
        kind = _("kept for few eyes") if data["kind"] in SENSITIVE else label(DocumentKind, data["kind"])
        return Line(icon, _(text) % {"kind": kind}, tone)

    return make


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
    "borrower.unsealed": ("law", _borrower_unsealed),
    "document.added": ("all", _document(gettext_noop("Document taken in: %(kind)s"), "upload")),
    "document.made": ("all", _document(gettext_noop("Document made: %(kind)s"), "file-text")),
    "document.destroyed": ("all", _document(gettext_noop("Document destroyed: %(kind)s"), "trash")),
}
