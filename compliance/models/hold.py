"""Holds: what stops, from when to when, why. Separate from a case's state."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan


class HoldKind(models.TextChoices):
    DISPUTE = "dispute", _("Dispute")
    COMPLAINT = "complaint", _("Complaint")
    HARDSHIP = "hardship", _("Hardship")
    CEASE = "cease", _("Asked not to be contacted")
    ATTORNEY = "attorney", _("Represented by a lawyer")
    SAYS_PAID = "says_paid", _("Says it is paid")
    ILL_OR_BEREAVED = "ill_or_bereaved", _("Ill or bereaved")
    DECEASED = "deceased", _("Deceased")
    BREATHING_SPACE = "breathing_space", _("Breathing space")
    ADVISER_PAUSE = "adviser_pause", _("Paused for debt advice")
    BANKRUPTCY = "bankruptcy", _("Bankruptcy")
    IDENTITY_THEFT = "identity_theft", _("Identity theft")
    DISASTER = "disaster", _("Disaster")


class HoldVariant(models.TextChoices):
    """Kinds of a kind, where the law tells them apart."""

    STANDARD = "standard", _("standard")
    CRISIS = "mental_health_crisis", _("mental health crisis")


class HoldQuerySet(models.QuerySet["Hold"]):
    def active(self, on) -> "HoldQuerySet":
        """Holds in force on a date: begun, not past their last day (included), not ended by a person."""
        return self.filter(starts_on__lte=on, ended_at=None).filter(
            models.Q(ends_on=None) | models.Q(ends_on__gte=on)
        )


class Hold(models.Model):
    """One hold on a borrower, or on one loan of theirs. Dates are included at both ends; no end means open.

    `court_permission` refers to a court's permission to contact in spite of it, where there is one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="holds")
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, blank=True, related_name="holds")
    kind = models.CharField(max_length=20, choices=HoldKind)
    variant = models.CharField(max_length=30, choices=HoldVariant, blank=True)
    court_permission = models.CharField(max_length=80, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=60)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=60, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        permissions = [("end_hold", _("End a hold"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gte=models.F("starts_on")),
                name="hold_dates",
            )
        ]
