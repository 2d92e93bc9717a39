from compliance.audit.models import AuditEvent, AuditStream
from compliance.models.complaint import Complaint, ComplaintCategory, ComplaintState
from compliance.models.contact import (
    Channel,
    Consent,
    ContactAttempt,
    ContactDecision,
    ContactOutcome,
    Permit,
)
from compliance.models.hold import Hold, HoldKind
from compliance.models.law import PackVersion, SetAside, Signature, WhatIf, WhatIfState
from compliance.models.override import Override

__all__ = [
    "AuditEvent",
    "AuditStream",
    "Channel",
    "Complaint",
    "ComplaintCategory",
    "ComplaintState",
    "Consent",
    "ContactAttempt",
    "ContactDecision",
    "ContactOutcome",
    "Hold",
    "HoldKind",
    "Override",
    "PackVersion",
    "Permit",
    "SetAside",
    "Signature",
    "WhatIf",
    "WhatIfState",
]
