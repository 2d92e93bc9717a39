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
from accounts.models.extension import Extension
from accounts.models.history import ImportedRecord, Reconciliation
from accounts.models.loan import (
    EntryKind,
    Instalment,
    LedgerEntry,
    Loan,
    Payment,
    PaymentCandidate,
    PaymentState,
)
from accounts.models.portfolio import LegalEntity, OurRole, Portfolio
from accounts.models.staff import Role, Team, Theme, User
from accounts.models.tape import HISTORIES, ImportKind, ImportRun, ImportState
from accounts.models.terms import Authority, DayCount, Rounding, Terms

__all__ = [
    "HISTORIES",
    "Authority",
    "Borrower",
    "BorrowerKey",
    "ContactKind",
    "ContactPoint",
    "DayCount",
    "EntryKind",
    "Extension",
    "ImportKind",
    "ImportRun",
    "ImportState",
    "ImportedRecord",
    "Instalment",
    "LedgerEntry",
    "LegalEntity",
    "Loan",
    "OurRole",
    "Payment",
    "PaymentCandidate",
    "PaymentState",
    "Place",
    "PointStatus",
    "Portfolio",
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
