"""What the law has to do with a case: holds, second opinions, complaints, legal steps, credit records."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cases.models import DisputeState, LegalStepKind
from cases.story.line import Data, Line, Maker, Told, label
from cases.words import day
from compliance.models import ComplaintCategory, ComplaintState, Evidence, HoldKind
from compliance.sentences import override_reason


def _hold_opened(data: Data, _told: Told) -> Line:
    words = {"hold": label(HoldKind, data["kind"])}
    if data.get("ends_on"):
        text = _("On hold until %(day)s: %(hold)s") % {**words, "day": day(data["ends_on"])}
    else:
        text = _("On hold: %(hold)s") % words
    return Line("hand-stop", text, "stop")


def _hold_proved(data: Data, _told: Told) -> Line:
    words = {"hold": label(HoldKind, data["kind"]), "evidence": label(Evidence, data["evidence"])}
    return Line("file-text", _("%(hold)s: shown by %(evidence)s") % words)


def _hold_kept(data: Data, _told: Told) -> Line:
    return Line(
        "hand-stop", _("Hold reviewed, it goes on: %(hold)s") % {"hold": label(HoldKind, data["kind"])}
    )


def _hold_ended(data: Data, _told: Told) -> Line:
    return Line("check", _("Hold ended: %(hold)s") % {"hold": label(HoldKind, data["kind"])})


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
    words = {"category": label(ComplaintCategory, data["category"]), "day": day(data["due_on"])}
    return Line(
        "message-report", _("Complaint: %(category)s; to be answered by %(day)s") % words, "attention"
    )


def _complaint_resolved(data: Data, _told: Told) -> Line:
    outcome = label(ComplaintState, data["outcome"])
    return Line("shield-check", _("Complaint decided: %(outcome)s") % {"outcome": outcome})


def _legal_period_set(data: Data, _told: Told) -> Line:
    text = _("May be sued for before %(day)s") % {"day": day(data["barred_on"])}
    return Line("scale", text)


def _legal_step_taken(data: Data, _told: Told) -> Line:
    words = {"step": label(LegalStepKind, data["kind"]), "day": day(data["taken_on"])}
    return Line("gavel", _("%(step)s, %(day)s") % words, "attention")


def _legal_step_withdrawn(data: Data, _told: Told) -> Line:
    return Line("arrow-back-up", _("Taken back: %(step)s") % {"step": label(LegalStepKind, data["kind"])})


def _legal_asked(data: Data, _told: Told) -> Line:
    return Line("user-question", _("Asked legal; answered by %(day)s") % {"day": day(data["due_on"])})


def _legal_answered(_data: Data, _told: Told) -> Line:
    return Line("user-check", _("Legal answered"))


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
    return Line("building-bank", label(DisputeState, data["state"]))


SENTENCES: dict[str, tuple[str, Maker]] = {
    "hold.opened": ("law", _hold_opened),
    "hold.proved": ("law", _hold_proved),
    "hold.kept": ("law", _hold_kept),
    "hold.ended": ("law", _hold_ended),
    "override.asked": ("law", _override_asked),
    "override.approved": ("law", _override_approved),
    "override.refused": ("law", _override_refused),
    "complaint.logged": ("law", _complaint_logged),
    "complaint.resolved": ("law", _complaint_resolved),
    "legal.period_set": ("law", _legal_period_set),
    "legal.step_taken": ("law", _legal_step_taken),
    "legal.step_withdrawn": ("law", _legal_step_withdrawn),
    "legal.asked": ("law", _legal_asked),
    "legal.answered": ("law", _legal_answered),
    "bureau.notice_planned": ("law", _bureau_notice_planned),
    "bureau.disputed": ("law", _bureau_disputed),
    "bureau.dispute_answered": ("law", _bureau_dispute_answered),
}
