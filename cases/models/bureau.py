"""Reporting to a credit bureau as work: whether a portfolio reports, who was told before, what was said and when, what is
disputed. What was said is never changed: a correction or a withdrawal is another row.

What holds in the database (`migrations/sql/bureau.sql`): nothing late is said of a loan whose borrower was not told days
before, whose hold protects it, or whose dispute is not marked.
"""

from datetime import date, datetime
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio
from cases.models.case import Case
from communications.models import Message
from compliance.models import Channel


class BureauReportingQuerySet(models.QuerySet["BureauReporting"]):
    def in_force(self, on: date) -> Self:
        """Of each portfolio the row that holds on a business date."""
        return (
            self.filter(from_on__lte=on).order_by("portfolio_id", "-from_on", "-id").distinct("portfolio_id")
        )


class BureauReporting(models.Model):
    """To which bureau a portfolio reports from a business date on; an empty code: to none. Append-only."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="bureau_reporting")
    bureau = models.CharField(
        _("bureau"), max_length=30, blank=True, validators=[RegexValidator(r"^[A-Za-z0-9_-]*$")]
    )
    from_on = models.DateField(_("from"))
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=60)

    objects = BureauReportingQuerySet.as_manager()

    class Meta:
        default_permissions = ()


class BureauNotice(models.Model):
    """The message by which a borrower was told that the loan would be reported as late, not before `report_on`. Append-only;
    it counts from when the message really left."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="bureau_notices")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="bureau_notices")
    message = models.OneToOneField(Message, models.PROTECT, related_name="bureau_notice")
    report_on = models.DateField()
    planned_at = models.DateTimeField()
    actor = models.CharField(max_length=60)

    class Meta:
        default_permissions = ()


class FileKind(models.TextChoices):
    MONTH = "month", _("monthly file")
    CORRECTION = "correction", _("correction")
    WITHDRAWAL = "withdrawal", _("withdrawal")


class BureauFile(models.Model):
    """One file handed to a bureau; its lines are rows of `Furnished`, its text is made from them again byte by byte."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="bureau_files")
    kind = models.CharField(max_length=10, choices=FileKind)
    month = models.DateField()  # its first day
    bureau = models.CharField(max_length=30)
    rows = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=60)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "month"],
                condition=models.Q(kind="month"),
                name="bureau_file_once_a_month",
            )
        ]


class RecordStatus(models.TextChoices):
    LATE = "late", _("late")
    CURRENT = "current", _("nothing overdue")
    PAID = "paid", _("paid")


class FurnishedQuerySet(models.QuerySet["Furnished"]):
    def standing(self) -> Self:
        """What the bureau holds of each loan: the newest row, unless that one took it back."""
        newest = Furnished.objects.order_by("loan_id", "-id").distinct("loan_id")
        return self.filter(pk__in=newest.values("pk")).exclude(kind=FileKind.WITHDRAWAL)

    def visible_to(self, user) -> Self:
        return self.filter(loan__portfolio__in=Portfolio.objects.visible_to(user))


class Furnished(models.Model):
    """One line as it was said to the bureau. `said` is canonical JSON, `digest` its SHA-256; the columns say the same.
    Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    file = models.ForeignKey(BureauFile, models.PROTECT, related_name="lines")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="furnished")
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=FileKind)
    as_of = models.DateField()
    status = models.CharField(max_length=10, choices=RecordStatus)
    days_past_due = models.PositiveIntegerField()
    arrears = models.BigIntegerField()
    outstanding = models.BigIntegerField()
    oldest_due_on = models.DateField(null=True)
    disputed = models.BooleanField()
    corrects = models.OneToOneField("self", models.PROTECT, null=True, related_name="corrected_by")
    said = models.BinaryField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)

    objects = FurnishedQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("furnish", _("Report to a credit bureau"))]
        indexes = [models.Index(fields=["loan", "-id"], name="furnished_of_loan")]
        constraints = [
            models.CheckConstraint(
                name="furnished_corrects",
                condition=models.Q(kind="month", corrects=None)
                | models.Q(kind__in=["correction", "withdrawal"], corrects__isnull=False),
            )
        ]


class DisputeAbout(models.TextChoices):
    NOT_MINE = "not_mine", _("not their loan")
    AMOUNT = "amount", _("the amount")
    DATES = "dates", _("the dates, or that it was late")
    PAID = "paid", _("it was paid")
    OTHER = "other", _("something else")


class DisputeState(models.TextChoices):
    OPEN = "open", _("open")
    CORRECTED = "corrected", _("right: corrected")
    CONFIRMED = "confirmed", _("looked into: the record is right")


class CreditDisputeQuerySet(models.QuerySet["CreditDispute"]):
    def visible_to(self, user) -> Self:
        return self.filter(loan__portfolio__in=Portfolio.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(state=DisputeState.OPEN)


class CreditDispute(models.Model):
    """A borrower says that what was reported is wrong. `clock` is the term that sets `due_on`. Words are sealed; it is
    answered once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="credit_disputes")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="credit_disputes")
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+")
    about = models.CharField(max_length=10, choices=DisputeAbout)
    channel = models.CharField(max_length=12, choices=Channel)
    words_sealed = models.BinaryField()
    received_at = models.DateTimeField()
    due_on = models.DateField()
    clock = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=DisputeState, default=DisputeState.OPEN)
    answer_sealed = models.BinaryField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=60, blank=True)

    objects = CreditDisputeQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("log_credit_dispute", _("Take down a dispute of a credit record")),
            ("answer_credit_dispute", _("Answer a dispute of a credit record")),
        ]
        constraints = [
            models.CheckConstraint(
                name="credit_dispute_answered_whole",
                condition=models.Q(state="open", answer_sealed=None, answered_at=None, answered_by="")
                | (
                    models.Q(
                        state__in=["corrected", "confirmed"],
                        answer_sealed__isnull=False,
                        answered_at__isnull=False,
                    )
                    & ~models.Q(answered_by="")
                ),
            )
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=models.Q(state="open"), name="credit_dispute_due"),
            models.Index(fields=["loan"], condition=models.Q(state="open"), name="credit_dispute_open"),
        ]

    def is_overdue(self, at: datetime) -> bool:
        return self.state == DisputeState.OPEN and self.loan.portfolio.business_date(at) > self.due_on
