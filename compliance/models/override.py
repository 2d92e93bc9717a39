"""Overrides: a presumed violation that two people let happen, once, for a reason the rule itself names.

What holds in the database (`migrations/sql/override.sql`): it begins at a stored decision that presumed a violation, and is
for that borrower, channel, address, purpose and loans; the reasons are from the lists of its rules; whoever asked does not
answer; it is answered once, lives for minutes and lets one contact happen.
"""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint, Portfolio
from compliance.models.contact import Channel, ContactDecision

ANSWER_WITHIN = timedelta(minutes=30)
"""How long a request waits for its second person; the law and its facts move on."""
USE_WITHIN = timedelta(minutes=15)
"""How long an approval may be used."""


class OverrideQuerySet(models.QuerySet["Override"]):
    def visible_to(self, user) -> Self:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def unanswered(self, at) -> Self:
        """Those a second person may still answer at a moment."""
        return self.filter(answered_at=None, requested_at__gt=at - ANSWER_WITHIN)

    def going_on(self, at) -> Self:
        """Those that may still be answered, and approved ones that may still be used."""
        waits = models.Q(answered_at=None, requested_at__gt=at - ANSWER_WITHIN)
        return self.filter(
            waits | models.Q(approved=True, answered_at__lte=at, answered_at__gt=at - USE_WITHIN),
            used_by=None,
        )

    def usable(self, at) -> Self:
        """Approved, and not used or run out at a moment."""
        return self.filter(
            approved=True, answered_at__lte=at, answered_at__gt=at - USE_WITHIN, used_by=None
        )  # fmt: skip


class Override(models.Model):
    """One request and its answer. `asked` is the decision that presumed a violation, `rules` the rules that did.

    The note is sealed under the borrower's key. `case_ref` is the id of the case it was asked on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asked = models.OneToOneField(ContactDecision, models.PROTECT, related_name="+")
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+")
    contact_point = models.ForeignKey(ContactPoint, models.PROTECT, related_name="+", db_index=False)
    channel = models.CharField(max_length=12, choices=Channel)
    purpose = models.CharField(max_length=30)
    loans = ArrayField(models.UUIDField())
    rules = ArrayField(models.CharField(max_length=80))
    reasons = ArrayField(models.CharField(max_length=80))
    note_sealed = models.BinaryField()
    case_ref = models.UUIDField(null=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    recorded_at = models.DateTimeField(editable=False)  # the database's own clock
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    approved = models.BooleanField(null=True)
    expires_at = models.DateTimeField(null=True, editable=False)  # the database's own clock

    objects = OverrideQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("ask_override", _("Ask for a contact that is presumed to be a violation")),
            ("answer_override", _("Answer such a request")),
        ]
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answered_by=None) | ~models.Q(answered_by=models.F("requested_by")),
                name="override_by_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    answered_by__isnull=True,
                    answered_at__isnull=True,
                    approved__isnull=True,
                    expires_at__isnull=True,
                )
                | models.Q(answered_by__isnull=False, answered_at__isnull=False, approved__isnull=False),
                name="override_answered_whole",
            ),
        ]
        indexes = [models.Index(fields=["borrower", "requested_at"], name="override_borrower")]
