"""The business day: one run per date, and its overdue report per portfolio and bucket."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Portfolio
from cases.slices import Slice
from compliance.audit import Stream


class DayRun(models.Model):
    """What `run_day` did for one business date. A date is run once; an older one than the last is refused."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    date = models.DateField(_("business date"), unique=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict)

    part: "DayPart | None" = None
    """The part that this process works on, while it does."""

    class Meta:
        default_permissions = ("view",)
        ordering = ["-date"]

    @property
    def stream(self) -> Stream:
        """Where the events of what is being done go: each part has a stream of its own, for whoever writes to a stream
        holds it until the end, and parts must not wait for each other."""
        return Stream.run(self.part.pk if self.part else self.pk)


class DayPart(models.Model):
    """A part of a run: a slice of one portfolio's borrowers, done in one transaction, all of it or nothing.

    `result` is what the part found and did: `counts`, `buckets` (loans, arrears, outstanding and newly overdue of each),
    `steps` (seconds of each), `seconds`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(DayRun, models.PROTECT, related_name="parts")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    after = models.UUIDField()
    upto = models.UUIDField()
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)

    class Meta:
        default_permissions = ("view",)
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "portfolio", "number"], name="day_part_once"),
            models.CheckConstraint(condition=models.Q(upto__gt=models.F("after")), name="day_part_not_empty"),
        ]
        indexes = [
            models.Index(fields=["run"], condition=models.Q(finished_at=None), name="day_part_open"),
        ]

    @property
    def slice(self) -> Slice:
        return Slice(self.after, self.upto)


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
