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
        ]
