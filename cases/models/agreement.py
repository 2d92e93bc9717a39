"""What was agreed: promises to pay and payment plans. Amounts are minor units of the portfolio's currency.

`after_entry` is the number of the last ledger entry that had been booked on the loan: later ones count. The database sets
it.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from cases.models.case import Case
from compliance.models import Channel


class PromiseState(models.TextChoices):
    OPEN = "open", _("open")
    KEPT = "kept", _("kept")
    PART_KEPT = "part_kept", _("kept in part")
    BROKEN = "broken", _("not kept")
    CANCELLED = "cancelled", _("cancelled")


class Promise(models.Model):
    """An amount by a date (included). Kept, in part or broken is decided from the ledger, never by hand.

    Several made together are a `series`, numbered from 1; only the newest series of a case has open ones.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="promises")
    series = models.UUIDField(default=uuid7)
    number = models.PositiveSmallIntegerField(default=1)
    amount = models.BigIntegerField()
    due_on = models.DateField()
    channel = models.CharField(max_length=12, choices=Channel)
    state = models.CharField(max_length=10, choices=PromiseState, default=PromiseState.OPEN)
    made_at = models.DateTimeField()
    made_on = models.DateField()  # business date from which payments count towards it
    after_entry = models.BigIntegerField(db_default=0, editable=False)
    actor = models.CharField(max_length=60)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["series", "number"], name="promise_of_series"),
            models.UniqueConstraint(
                fields=["case", "number"], condition=models.Q(state="open"), name="promise_one_open"
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="promise_amount_positive"),
        ]
        indexes = [models.Index(fields=["due_on"], condition=models.Q(state="open"), name="promise_due")]


class PlanState(models.TextChoices):
    ACTIVE = "active", _("running")
    COMPLETED = "completed", _("paid")
    BROKEN = "broken", _("broken")
    CANCELLED = "cancelled", _("cancelled")


class Plan(models.Model):
    """An accepted plan over what was owed when it was agreed, less `waived_interest`; `shape` says how it was made
    (`cases.shapes.Shape`), `replaces` which running plan gave way to it.

    `shown` is what the borrower was shown when they agreed, canonical JSON of codes, dates and minor units, `digest` its
    SHA-256. Nothing but the state ever changes, and the instalments come to `total`: the database holds both. A plan that
    was paid or broken runs again where its money was taken back, or had come in time after all.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="plans")
    total = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=PlanState, default=PlanState.ACTIVE)
    agreed_at = models.DateTimeField()
    agreed_on = models.DateField()  # business date from which payments count towards it
    after_entry = models.BigIntegerField(db_default=0, editable=False)
    channel = models.CharField(max_length=12, choices=Channel)
    actor = models.CharField(max_length=60)
    ended_at = models.DateTimeField(null=True)
    shape = models.JSONField(default=dict)
    waived_interest = models.BigIntegerField(default=0)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    shown = models.TextField(default="")
    digest = models.CharField(max_length=64, default="")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state="active"), name="plan_one_active"
            ),
            models.CheckConstraint(condition=models.Q(waived_interest__gte=0), name="plan_waives_no_less"),
            models.CheckConstraint(condition=models.Q(total__gt=0), name="plan_total_positive"),
        ]


class PlanInstalment(models.Model):
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    amount = models.BigIntegerField()

    class Meta:
        default_permissions = ("view",)
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_instalment_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="plan_instalment_positive"),
        ]
        indexes = [models.Index(fields=["due_on"], name="plan_instalment_due")]


class AffordabilitySource(models.TextChoices):
    TOLD = "told", _("told by the borrower")
    PAPERS = "papers", _("seen in documents")
    THIRD = "advice", _("from a debt adviser")


class Affordability(models.Model):
    """What a borrower's household takes in and needs in a month, as told on a day; the newest counts. The figures are sealed
    under the borrower's key; rows are only added."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="affordability")
    taken_on = models.DateField()
    source = models.CharField(max_length=10, choices=AffordabilitySource)
    figures_sealed = models.BinaryField()
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["case", "-recorded_at"], name="affordability_newest")]
