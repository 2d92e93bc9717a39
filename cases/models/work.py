"""What is to be done next on a case, and who sits on it now."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Portfolio
from cases.models.case import Case


class WorkKind(models.TextChoices):
    CALLBACK = "callback", _("Call back as agreed")
    PROMISE_BROKEN = "promise_broken", _("A promise was not kept")
    PLAN_MISSED = "plan_missed", _("An instalment was missed")
    TRACE = "trace", _("Find the payment the borrower speaks of")
    FIRST_CALL = "first_call", _("First call")
    FOLLOW_UP = "follow_up", _("Follow up")
    ADDRESS = "address", _("Find a way to reach the borrower")
    REVIEW = "review", _("Look at it with a supervisor")


class WorkItem(models.Model):
    """One next step on one case. `rank` orders kinds (smaller first); within a rank the oldest due comes first.

    `portfolio` is the case's, so that the steps of a team are found in order by one index (`migrations/sql/state.sql` holds
    the two equal). A step without `assignee` is for anybody of the team.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="work_items")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=WorkKind)
    rank = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    reason = models.CharField(max_length=60)  # why it is next, as a code
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=40, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"], condition=models.Q(done_at=None), name="work_item_once_open"
            )
        ]
        indexes = [
            models.Index(
                fields=["portfolio", "rank", "due_at", "id"],
                condition=models.Q(done_at=None),
                name="work_next",
            )
        ]


class Lease(models.Model):
    """Who works on a case until when. One row per case, made with it, so that it can be locked and skipped."""

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="lease")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="leases")
    until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(holder=None, until=None)
                | models.Q(holder__isnull=False, until__isnull=False),
                name="lease_holder_until",
            )
        ]
