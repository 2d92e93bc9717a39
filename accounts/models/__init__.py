from accounts.models.agency import Agency, AgencyBar, BarReason
from accounts.models.borrower import (
    Borrower,
    BorrowerKey,
    ContactKind,
    ContactPoint,
    Place,
    PointStatus,
    RelatedPerson,
    RelatedPersonRefusal,
    Relation,
)
from accounts.models.cap import ChargeCap
from accounts.models.document import Document, DocumentKind, Media
from accounts.models.extension import Extension
from accounts.models.history import ImportedRecord, Reconciliation
from accounts.models.loan import (
    Basis,
    EntryKind,
    Instalment,
    LedgerEntry,
    Loan,
    Payment,
    PaymentCandidate,
    PaymentState,
)
from accounts.models.mandate import (
    Debit,
    DebitDecision,
    DebitNotice,
    DebitOutcome,
    DebitSource,
    DebitState,
    Mandate,
    MandateEnd,
)
from accounts.models.pause import Pause, Paused
from accounts.models.portfolio import LegalEntity, OurRole, Portfolio
from accounts.models.provider import Compared, Explained, ProviderAnswer, ProviderLine
from accounts.models.staff import Role, Team, Theme, User
from accounts.models.tape import HISTORIES, ImportKind, ImportRun, ImportState
from accounts.models.terms import Authority, DayCount, Rounding, Terms

__all__ = [
    "HISTORIES",
    "Agency",
    "AgencyBar",
    "Authority",
    "BarReason",
    "Basis",
    "Borrower",
    "BorrowerKey",
    "ChargeCap",
    "Compared",
    "ContactKind",
    "ContactPoint",
    "DayCount",
    "Debit",
    "DebitDecision",
    "DebitNotice",
    "DebitOutcome",
    "DebitSource",
    "DebitState",
    "Document",
    "DocumentKind",
    "EntryKind",
    "Explained",
    "Extension",
    "ImportKind",
    "ImportRun",
    "ImportState",
    "ImportedRecord",
    "Instalment",
    "LedgerEntry",
    "LegalEntity",
    "Loan",
    "Mandate",
    "MandateEnd",
    "Media",
    "OurRole",
    "Pause",
    "Paused",
    "Payment",
    "PaymentCandidate",
    "PaymentState",
    "Place",
    "PointStatus",
    "Portfolio",
    "ProviderAnswer",
    "ProviderLine",
    "Reconciliation",
    "RelatedPerson",
    "RelatedPersonRefusal",
    "Relation",
    "Role",
    "Rounding",
    "Team",
    "Terms",
    "Theme",
    "User",
]
