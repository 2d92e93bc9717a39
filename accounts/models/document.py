"""Documents: what a borrower or a colleague gave us, and what we made. The bytes are sealed under the borrower's key.

A row never changes: the content alone may go, once, when its retention has ended. What remains is the row and its digest.
"""

from datetime import date
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from uuid_utils.compat import uuid7

from accounts.models.borrower import Borrower
from accounts.models.loan import Loan


class DocumentKind(models.TextChoices):
    CONTRACT = "contract", _("Contract")
    ID = "id", _("Identity document")
    MEDICAL_PROOF = "medical_proof", _("Medical proof")
    INCOME_PROOF = "income_proof", _("Proof of income")
    RECEIPT = "receipt", pgettext_lazy("document", "Receipt")
    AUTHORITY = "authority", _("Authority to act")
    LETTER = "letter", _("Letter")
    COURT = "court", _("Court paper")
    STATEMENT = "statement", _("Statement of account")
    PAYOFF = "payoff", _("Payoff quotation")
    PLAN_AGREEMENT = "plan_agreement", _("Plan agreement")
    WAIVER_AGREEMENT = "waiver_agreement", _("Waiver agreement")
    SETTLEMENT_CERTIFICATE = "settlement_certificate", _("Settlement certificate")
    OTHER = "other", pgettext_lazy("document", "Other")


SENSITIVE = frozenset({DocumentKind.MEDICAL_PROOF})
"""Kinds that are there for those who decide about them, and for whoever took them in; for nobody else."""

MADE_ONLY = frozenset(
    {
        DocumentKind.PAYOFF,
        DocumentKind.PLAN_AGREEMENT,
        DocumentKind.WAIVER_AGREEMENT,
        DocumentKind.SETTLEMENT_CERTIFICATE,
    }
)
"""Kinds that we alone issue: nobody uploads one."""


class Media(models.TextChoices):
    """What the content is, by the content itself."""

    PDF = "application/pdf", "PDF"
    PNG = "image/png", "PNG"
    JPEG = "image/jpeg", "JPEG"
    TEXT = "text/plain", _("Plain text")
    HTML = "text/html", _("Printable page")  # what we made; never taken in


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user) -> Self:
        """Of borrowers and loans this person sees; sensitive kinds for who may open them and for who took them in."""
        # What is about a loan is for the teams of its portfolio; what is about the borrower, for every team of the borrower.
        found = self.filter(
            models.Q(loan__in=Loan.objects.visible_to(user))
            | models.Q(loan=None, borrower__in=Borrower.objects.visible_to(user))
        )
        if user.has_perm("accounts.open_sensitive_document"):
            return found
        return found.filter(~models.Q(kind__in=SENSITIVE) | models.Q(added_by=user))

    def of_loan(self, loan: Loan) -> Self:
        return self.filter(loan=loan)

    def kind(self, *kinds: str) -> Self:
        return self.filter(kind__in=kinds)

    def kept(self) -> Self:
        """Those whose content is still there."""
        return self.filter(destroyed_at=None)

    def past_retention(self, on: date) -> Self:
        return self.kept().filter(retain_until__lt=on)

    def listed(self) -> Self:
        """For lists: without the content."""
        return self.select_related("added_by").defer("content_sealed").order_by("-added_at", "-pk")


class Document(models.Model):
    """`digest` is SHA-256 over a random salt and the content; the salt is sealed with the content, so that a digest says
    nothing once both are gone. `fingerprint` is keyed: the same file again is the same document.

    `made`: we wrote it, in `language`, from facts as of `as_of`; `subject` is the payment, plan or waiver it is about, and a
    quotation holds to `good_to`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="documents", db_index=False)
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, related_name="documents")
    kind = models.CharField(max_length=30, choices=DocumentKind)
    media = models.CharField(max_length=20, choices=Media)
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    fingerprint = models.BinaryField()
    content_sealed = models.BinaryField(null=True)
    made = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True)
    as_of = models.DateField(null=True)
    subject = models.UUIDField(null=True)
    good_to = models.DateField(null=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor = models.CharField(max_length=60)
    added_at = models.DateTimeField()
    retain_until = models.DateField()
    destroyed_at = models.DateTimeField(null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "add")
        permissions = [("open_sensitive_document", _("Open medical proof that others took in"))]
        constraints = [
            models.UniqueConstraint(
                fields=["borrower", "loan", "kind", "fingerprint"],
                condition=models.Q(destroyed_at=None),
                nulls_distinct=False,
                name="document_once",
            ),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="document_not_empty"),
            models.CheckConstraint(
                name="document_content_or_destroyed",
                condition=models.Q(content_sealed=None, destroyed_at__isnull=False)
                | models.Q(content_sealed__isnull=False, destroyed_at=None),
            ),
            models.CheckConstraint(
                name="document_made_with_facts",
                condition=models.Q(made=True, media="text/html", as_of__isnull=False, loan__isnull=False)
                & ~models.Q(language="")
                | models.Q(made=False, as_of=None, subject=None, good_to=None, language="")
                & ~models.Q(media="text/html"),
            ),
        ]
        indexes = [
            models.Index(fields=["borrower", "-added_at"], name="document_of_borrower"),
            models.Index(
                fields=["retain_until"], condition=models.Q(destroyed_at=None), name="document_retention"
            ),
        ]
