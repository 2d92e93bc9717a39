from compliance.audit.models import AuditEvent, AuditStream
from compliance.models.complaint import Complaint, ComplaintCategory, ComplaintState
from compliance.models.consent import Consent, ConsentKind, GivenTo
from compliance.models.contact import Channel, ContactAttempt, ContactDecision, ContactOutcome, Permit
from compliance.models.designation import Designation, DesignationKind, DesignationSource, Weekday
from compliance.models.finding import Finding, FindingState
from compliance.models.hold import Evidence, Hold, HoldKind
from compliance.models.law import PackVersion, SetAside, Signature, WhatIf, WhatIfState
from compliance.models.media_request import MediaRequest, MediaWish
from compliance.models.override import Override

__all__ = [
    "AuditEvent",
    "AuditStream",
    "Channel",
    "Complaint",
    "ComplaintCategory",
    "ComplaintState",
    "Consent",
    "ConsentKind",
    "ContactAttempt",
    "ContactDecision",
    "ContactOutcome",
    "Designation",
    "DesignationKind",
    "DesignationSource",
    "Evidence",
    "Finding",
    "FindingState",
    "GivenTo",
    "Hold",
    "HoldKind",
    "MediaRequest",
    "MediaWish",
    "Override",
    "PackVersion",
    "Permit",
    "SetAside",
    "Signature",
    "Weekday",
    "WhatIf",
    "WhatIfState",
]
