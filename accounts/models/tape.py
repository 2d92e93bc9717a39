"""Imports: one run per file, with what came of it. The file itself is sealed under the run's own key."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.portfolio import Portfolio
from accounts.models.staff import User


class ImportKind(models.TextChoices):
    LOANS = "loans", _("Loans")
    PAYMENTS = "payments", _("Payments")
    # What the payment provider says it settled: compared with the books, and nothing of it booked.
    PROVIDER = "provider", _("Provider's settlement file")
    # Histories: what an earlier system or an agency knows of the borrowers.
    HOLDS = "holds", _("Holds")
    OPT_OUTS = "opt_outs", _("Wishes about channels")
    CONSENTS = "consents", _("Consents")
    COMPLAINTS = "complaints", _("Open complaints")
    PROMISES = "promises", _("Promises")
    ATTEMPTS = "attempts", _("Contacts made by others")

    @property
    def permission(self) -> str:
        """Who may import files of this kind."""
        return "accounts.import_history" if self in HISTORIES else f"accounts.import_{self.value}"

    @property
    def section(self) -> str:
        """The section of a mapping that reads files of this kind: a provider's lines are payments."""
        return ImportKind.PAYMENTS.value if self == ImportKind.PROVIDER else self.value


HISTORIES = (
    ImportKind.HOLDS,
    ImportKind.OPT_OUTS,
    ImportKind.CONSENTS,
    ImportKind.COMPLAINTS,
    ImportKind.PROMISES,
    ImportKind.ATTEMPTS,
)
"""In the order in which they are best read: contacts made by others are judged by what is known when they arrive."""


class ImportState(models.TextChoices):
    PREVIEWED = "previewed", _("waiting for your confirmation")
    QUEUED = "queued", _("waiting for the worker")
    RUNNING = "running", _("being imported")
    DONE = "done", _("imported")
    FAILED = "failed", _("not imported")


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def visible_to(self, user) -> "ImportRunQuerySet":
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class ImportRun(models.Model):
    """One file, previewed or imported. Files and rejected rows are destroyed with the key after seven days."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10, choices=ImportKind)
    portfolio = models.ForeignKey(Portfolio, models.PROTECT)
    mapping = models.CharField(max_length=40)
    file_format = models.CharField(max_length=20, blank=True)
    file_digest = models.CharField(max_length=64)
    file_sealed = models.BinaryField(null=True)
    rejected_sealed = models.BinaryField(null=True)
    wrapped_key = models.BinaryField(null=True)
    wrapped_by = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=10, choices=ImportState)
    progress = models.PositiveIntegerField(default=0)  # rows done
    tries = models.PositiveSmallIntegerField(default=0)  # workers that began it
    summary = models.JSONField(default=dict)  # rows, created, updated, unchanged, rejected, seconds, reasons
    started_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("import_loans", _("Import loans")),
            ("import_payments", _("Import payments")),
            ("import_provider", _("Compare a provider's settlement file")),
            ("import_history", _("Import what was known before")),
        ]
