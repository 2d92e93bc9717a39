"""Placement with a collection agency: beside a case's state, for a term, given back or recalled."""

from decimal import Decimal
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Agency, Portfolio
from cases.models.case import Case


class EndReason(models.TextChoices):
    RECALLED = "recalled", _("recalled")
    TERM = "term", _("term over")
    CLOSED = "closed", _("case closed")
    LEGAL = "legal", _("went to legal")


class PlacementBatch(models.Model):
    """Cases placed together, on the same terms. Never changes. `house_writes`: our own reminders go on beside the agency's;
    otherwise the house is silent while a case is placed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="batches")
    return_on = models.DateField()
    commission_percent = models.DecimalField(max_digits=5, decimal_places=2)
    house_writes = models.BooleanField(default=False)
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class PlacementQuerySet(models.QuerySet["Placement"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)

    def silencing(self) -> Self:
        """Live ones that keep the house's own outreach silent."""
        return self.live().filter(batch__house_writes=False)

    def visible_to(self, user) -> Self:
        return self.filter(case__portfolio__in=Portfolio.objects.visible_to(user))


class Placement(models.Model):
    """One case with one agency, from a moment to a moment. `return_on` is the last business day of the term.

    The agency earns on repayments with a value date after `placed_on`, up to and including `ended_on`: of two agencies one
    after the other, only one earns on a day. In the database (`migrations/sql/placement.sql`): one live placement a case,
    none where the case is closed or at law, a hold stops it or the agency is barred; it ends once and never changes else.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(PlacementBatch, models.PROTECT, related_name="placements")
    case = models.ForeignKey(Case, models.PROTECT, related_name="placements")
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="placements", db_index=False)
    commission_percent = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0))
    placed_at = models.DateTimeField()
    placed_on = models.DateField()
    return_on = models.DateField()
    ended_at = models.DateTimeField(null=True)
    ended_on = models.DateField(null=True)
    end_reason = models.CharField(max_length=10, choices=EndReason, blank=True)
    ended_by = models.CharField(max_length=60, blank=True)

    objects = PlacementQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("place_case", _("Place cases with an agency and recall them"))]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(ended_at=None), name="placement_one_live"
            ),
            models.CheckConstraint(
                condition=models.Q(return_on__gte=models.F("placed_on")), name="placement_term"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_on=None, end_reason="", ended_by="")
                | (
                    models.Q(ended_at__gte=models.F("placed_at"), ended_on__gte=models.F("placed_on"))
                    & ~models.Q(end_reason="")
                    & ~models.Q(ended_by="")
                ),
                name="placement_ended_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["agency", "case"], condition=models.Q(ended_at=None), name="placement_live"),
            models.Index(fields=["agency", "placed_at"], name="placement_agency"),
            models.Index(fields=["return_on"], condition=models.Q(ended_at=None), name="placement_due"),
        ]


class PlacementLift(models.Model):
    """Somebody lets an agency have a portfolio's cases again after complaints had stopped that, and says why. Complaints
    received before it count no more. Never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="lifts")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+")
    complaints = models.PositiveIntegerField()
    words = models.TextField(max_length=4000)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["-lifted_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(words__regex=r"\S"), name="placement_lift_words"),
        ]
        indexes = [
            models.Index(fields=["agency", "portfolio", "-lifted_at"], name="placement_lift_newest"),
        ]


class EvaluationDecision(models.TextChoices):
    CONTINUE = "continue", _("work with it goes on")
    IMPROVE = "improve", _("goes on, with improvements agreed")
    END = "end", _("no more cases")


class AgencyEvaluation(models.Model):
    """The yearly evaluation of an agency: figures as they were computed then, a person's words and decision. Never changes;
    a later one of the same year stands beside it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="evaluations")
    year = models.PositiveSmallIntegerField()
    figures = models.JSONField()
    words = models.TextField(max_length=4000)
    decision = models.CharField(max_length=10, choices=EvaluationDecision)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("evaluate_agency", _("Evaluate an agency"))]
        ordering = ["-year", "-at"]
