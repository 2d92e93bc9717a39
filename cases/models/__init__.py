from cases.models.agreement import (
    Affordability,
    AffordabilitySource,
    Plan,
    PlanInstalment,
    PlanState,
    Promise,
    PromiseState,
)
from cases.models.approval import Approval, ApprovalKind
from cases.models.bureau import (
    BureauFile,
    BureauNotice,
    BureauReporting,
    CreditDispute,
    DisputeAbout,
    DisputeState,
    FileKind,
    Furnished,
    RecordStatus,
)
from cases.models.case import Case, CaseState, Edge, Transition
from cases.models.contact import Call, CaseMessage, ScriptRun, ScriptStep
from cases.models.day import DayPart, DayReport, DayRun
from cases.models.debit import DebitMessage
from cases.models.legal import (
    LegalQuestion,
    LegalStep,
    LegalStepKind,
    LegalStepOrder,
    Limitation,
    PeriodGround,
)
from cases.models.note import Note
from cases.models.offer import Offer, OfferKind, OfferState, Reason
from cases.models.placement import (
    AgencyEvaluation,
    EndReason,
    EvaluationDecision,
    Placement,
    PlacementBatch,
    PlacementLift,
)
from cases.models.work import Lease, WorkItem, WorkKind

__all__ = [
    "Affordability",
    "AffordabilitySource",
    "AgencyEvaluation",
    "Approval",
    "ApprovalKind",
    "BureauFile",
    "BureauNotice",
    "BureauReporting",
    "Call",
    "Case",
    "CaseMessage",
    "CaseState",
    "CreditDispute",
    "DayPart",
    "DayReport",
    "DayRun",
    "DebitMessage",
    "DisputeAbout",
    "DisputeState",
    "Edge",
    "EndReason",
    "EvaluationDecision",
    "FileKind",
    "Furnished",
    "Lease",
    "LegalQuestion",
    "LegalStep",
    "LegalStepKind",
    "LegalStepOrder",
    "Limitation",
    "Note",
    "Offer",
    "OfferKind",
    "OfferState",
    "PeriodGround",
    "Placement",
    "PlacementBatch",
    "PlacementLift",
    "Plan",
    "PlanInstalment",
    "PlanState",
    "Promise",
    "PromiseState",
    "Reason",
    "RecordStatus",
    "ScriptRun",
    "ScriptStep",
    "Transition",
    "WorkItem",
    "WorkKind",
]
