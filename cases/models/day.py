"""The business day: one run per date, and its overdue report per portfolio and bucket."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Portfolio


class DayRun(models.Model):
    """What `run_day` did for one business date. A date is run once; an older one than the last is refused."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    date = models.DateField(_("business date"), unique=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-date"]


class DayReport(models.Model):
    """Overdue report: loans and arrears of one portfolio in one bucket on one date (end of that day's run)."""

    run = models.ForeignKey(DayRun, models.CASCADE, related_name="reports")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT)
    bucket = models.CharField(max_length=12)
    loans = models.PositiveIntegerField()
    arrears = models.BigIntegerField()
    outstanding = models.BigIntegerField()
    newly_overdue = models.PositiveIntegerField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["run", "portfolio", "bucket"], name="day_report_once")]
