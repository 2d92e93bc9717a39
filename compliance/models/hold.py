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


class Evidence(models.TextChoices):
    """What shows that a hold is right. What was said is enough to begin with; papers may have to follow."""

    STATEMENT = "statement", _("the borrower's statement")
    MEDICAL = "medical", _("a medical certificate")
    DEATH = "death", _("a death certificate")
    COURT = "court", _("a court's notice")
    AUTHORITY = "authority", _("a written authority")
    ADVISER = "adviser", _("a debt adviser's notice")
    POLICE = "police", _("a police report")
    PAYMENT = "payment", _("proof of payment")
    DECLARATION = "declaration", _("an authority's declaration of a disaster")


class HoldQuerySet(models.QuerySet["Hold"]):
    def active(self, on) -> "HoldQuerySet":
        """Holds in force on a date: begun, not past their last day (included), not ended by a person."""
        return self.filter(starts_on__lte=on, ended_at=None).filter(
            models.Q(ends_on=None) | models.Q(ends_on__gte=on)
        )

    def on_loan(self, loan) -> "HoldQuerySet":
        """Those on the loan, and those on all that its borrower owes."""
        return self.filter(models.Q(loan=None) | models.Q(loan=loan), borrower=loan.borrower_id)

    def lapsed(self, on) -> "HoldQuerySet":
        """Past their last day, and nobody has said that they ended."""
        return self.filter(ended_at=None, ends_on__lt=on)

    def to_review(self, on) -> "HoldQuerySet":
        return self.active(on).filter(review_on__lte=on)


class Hold(models.Model):
    """One hold on a borrower, or on one loan of theirs. Dates are included at both ends; no end means open.

    `evidence` is what shows that it is right, and `evidence_ref` where that is found; a hold may begin without. `review_on`
    is when somebody looks at it again. `court_permission` refers to a court's permission to contact in spite of it, where
    there is one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="holds")
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, blank=True, related_name="holds")
    kind = models.CharField(max_length=20, choices=HoldKind)
    variant = models.CharField(max_length=30, choices=HoldVariant, blank=True)
    court_permission = models.CharField(max_length=80, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    evidence = models.CharField(max_length=20, choices=Evidence, blank=True)
    evidence_ref = models.CharField(max_length=80, blank=True)
    review_on = models.DateField(null=True, blank=True)
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
            ),
            models.CheckConstraint(
                condition=models.Q(evidence="", evidence_ref="")
                | (~models.Q(evidence="") & ~models.Q(evidence_ref="")),
                name="hold_evidence_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["review_on"], condition=models.Q(ended_at=None), name="hold_reviews"),
            models.Index(fields=["ends_on"], condition=models.Q(ended_at=None), name="hold_lapses"),
        ]
