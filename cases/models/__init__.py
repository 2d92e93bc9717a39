from cases.models.agreement import Plan, PlanInstalment, PlanState, Promise, PromiseState
from cases.models.approval import Approval, ApprovalKind
from cases.models.case import Case, CaseState, Edge, Transition
from cases.models.contact import Call, CaseMessage, ScriptRun, ScriptStep
from cases.models.day import DayReport, DayRun
from cases.models.note import Note
from cases.models.placement import (
    AgencyEvaluation,
    EndReason,
    EvaluationDecision,
    Placement,
    PlacementBatch,
)
from cases.models.work import Lease, WorkItem, WorkKind

__all__ = [
    "AgencyEvaluation",
    "Approval",
    "ApprovalKind",
    "Call",
    "Case",
    "CaseMessage",
    "CaseState",
    "DayReport",
    "DayRun",
    "Edge",
    "EndReason",
    "EvaluationDecision",
    "Lease",
    "Note",
    "Placement",
    "PlacementBatch",
    "Plan",
    "PlanInstalment",
    "PlanState",
    "Promise",
    "PromiseState",
    "ScriptRun",
    "ScriptStep",
    "Transition",
    "WorkItem",
    "WorkKind",
]
