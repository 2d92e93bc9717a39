from cases.models.agreement import Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.models.approval import Approval, ApprovalKind
from cases.models.case import Case, CaseState, Edge, Transition
from cases.models.contact import Call, CaseMessage, ScriptRun, ScriptStep
from cases.models.day import DayReport, DayRun
from cases.models.note import Note
from cases.models.offer import Offer, OfferKind, OfferState, Reason
from cases.models.work import Lease, WorkItem, WorkKind

__all__ = [
    "Approval",
    "ApprovalKind",
    "Call",
    "Case",
    "CaseMessage",
    "CaseState",
    "DayReport",
    "DayRun",
    "Edge",
    "Lease",
    "Note",
    "Offer",
    "OfferKind",
    "OfferState",
    "Plan",
    "PlanInstalment",
    "PlanState",
    "Promise",
    "PromiseState",
    "Reason",
    "ScriptRun",
    "ScriptStep",
    "Transition",
    "WorkItem",
    "WorkKind",
]
