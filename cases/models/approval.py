"""What one person proposes and another decides: everything that goes beyond the proposer's own authority, and what always
takes two. The proposal is carried out in the same transaction as the approval, or not at all.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Portfolio
from cases.models.case import Case


class ApprovalKind(models.TextChoices):
    PLAN = "plan", _("Payment plan")
    LEGAL = "legal", _("Going to legal")
    PROMISE = "promise", _("Promise to pay")
    EXTENSION = "extension", _("Later day")
    WAIVER = "waiver", _("Waiver")
    SETTLEMENT = "settlement", _("Settlement")


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def visible_to(self, user) -> Self:
        return self.filter(case__portfolio__in=Portfolio.objects.visible_to(user))

    def waiting(self, at: datetime) -> Self:
        """Those that somebody may still answer at a moment."""
        return self.filter(answered_at=None, expires_at__gt=at)


class Approval(models.Model):
    """`proposal` holds what is to be done as numbers (minor units), dates and codes, `beyond` the authorities it exceeds
    (none: it always takes two). The database lets it be answered once, by somebody else, before it expires; nothing else of
    it ever changes. Notes are sealed under the borrower's key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="approvals")
    kind = models.CharField(max_length=20, choices=ApprovalKind)
    proposal = models.JSONField()
    beyond = ArrayField(models.CharField(max_length=30), default=list)
    note_sealed = models.BinaryField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    answer_sealed = models.BinaryField(null=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        permissions = [
            ("answer_approval", _("Approve what goes beyond others' authority")),
            ("answer_settlement", _("Approve a settlement that goes beyond others' authority")),
        ]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="approval_answered_whole",
                condition=models.Q(answered_by=None, answered_at=None, approved=None, answer_sealed=None)
                | models.Q(
                    answered_by__isnull=False,
                    answered_at__gte=models.F("requested_at"),
                    answered_at__lt=models.F("expires_at"),
                    approved__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="approval_by_two",
                condition=~models.Q(answered_by=models.F("requested_by")),
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(answered_at=None), name="approval_waiting"),
            models.Index(fields=["case", "-requested_at"], name="approval_of_case"),
        ]  # fmt: skip
