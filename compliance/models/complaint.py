"""Complaints, against their clock. What the borrower said is sealed; opening one holds outbound collection."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio
from compliance.models.contact import Channel
from compliance.models.hold import Hold


class ComplaintCategory(models.TextChoices):
    TOO_OFTEN = "too_often", _("Contacted too often")
    WRONG_TIME = "wrong_time", _("Contacted at a wrong time")
    TONE = "tone", _("Tone, pressure or threat")
    THIRD_PARTY = "third_party", _("Others were contacted or told")
    NOT_MINE = "not_mine", _("Not my debt")
    AMOUNT = "amount", _("Amount or fees are wrong")
    PAID = "paid", _("Already paid")
    PRIVACY = "privacy", _("Personal data")
    CREDIT_REPORT = "credit_report", _("Credit report")
    OTHER = "other", _("Something else")


class ComplaintState(models.TextChoices):
    OPEN = "open", _("open")
    UPHELD = "upheld", _("upheld")
    PARTLY = "partly_upheld", _("partly upheld")
    REJECTED = "not_upheld", _("not upheld")


class ComplaintQuerySet(models.QuerySet["Complaint"]):
    def open(self) -> "ComplaintQuerySet":
        return self.filter(state=ComplaintState.OPEN)

    def visible_to(self, user) -> "ComplaintQuerySet":
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        return self.filter(portfolio__team=user.team_id) if user.team_id else self.none()


class Complaint(models.Model):
    """One complaint. `due_on` is the last day to decide and answer, by the rule named in `clock`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="complaints")
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, blank=True, related_name="complaints")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT)
    category = models.CharField(max_length=20, choices=ComplaintCategory)
    channel = models.CharField(max_length=12, choices=Channel)
    words_sealed = models.BinaryField()
    received_at = models.DateTimeField()
    due_on = models.DateField()
    clock = models.CharField(max_length=40)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="complaints"
    )
    hold = models.ForeignKey(Hold, models.PROTECT)
    state = models.CharField(max_length=15, choices=ComplaintState, default=ComplaintState.OPEN)
    answer_sealed = models.BinaryField(null=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "id"]
        permissions = [
            ("log_complaint", _("Log a complaint")),
            ("resolve_complaint", _("Decide a complaint")),
        ]
        indexes = [models.Index(fields=["due_on"], condition=models.Q(state="open"), name="complaint_clock")]
