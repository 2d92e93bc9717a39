from accounts.models.borrower import (
    Borrower,
    BorrowerKey,
    ContactKind,
    ContactPoint,
    PointStatus,
    RelatedPerson,
    RelatedPersonRefusal,
    Relation,
)
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
from accounts.models.tape import ImportKind, ImportRun, ImportState

__all__ = [
    "Borrower",
    "BorrowerKey",
    "ContactKind",
    "ContactPoint",
    "EntryKind",
    "ImportKind",
    "ImportRun",
    "ImportState",
    "Instalment",
    "LedgerEntry",
    "LegalEntity",
    "Loan",
    "OurRole",
    "Payment",
    "PaymentCandidate",
    "PaymentState",
    "PointStatus",
    "Portfolio",
    "RelatedPerson",
    "RelatedPersonRefusal",
    "Relation",
    "Role",
    "Team",
    "Theme",
    "User",
]
