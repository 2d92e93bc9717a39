"""The law as it is stored: pack texts with their signatures, draft rules set aside, and what a text would have stopped.

What holds in the database (`migrations/sql/law.sql`): a text is what its digest says and never changes; two signatures of
one text are two people's; nobody approves what they proposed; what is proposed is approved once and ended once.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Portfolio

SIGNATURES = 2
"""How many different people sign a pack before it counts as signed."""


class PackVersionQuerySet(models.QuerySet["PackVersion"]):
    def signed(self) -> Self:
        """Texts that enough different people have signed."""
        return self.annotate(
            signers=models.Count("signatures__signer", distinct=True)
        ).filter(signers__gte=SIGNATURES)  # fmt: skip


class PackVersion(models.Model):
    """One text of a rule pack, as YAML. The digest (SHA-256, hexadecimal) is what decisions name it by.

    `jurisdiction` is empty for a house policy, which applies everywhere.
    """

    digest = models.CharField(primary_key=True, max_length=64, editable=False)
    pack = models.CharField(max_length=60)
    jurisdiction = models.CharField(max_length=12, blank=True)
    version = models.DateField()
    text = models.TextField()
    stored_by = models.CharField(max_length=60)
    stored_at = models.DateTimeField(db_default=Now())

    objects = PackVersionQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("sign_pack", _("Sign a rule pack")),
            ("set_aside_rule", _("Set a draft rule aside")),
            ("try_pack", _("Try a rule pack over past contacts")),
        ]
        ordering = ["pack", "-version", "-stored_at", "digest"]
        indexes = [models.Index(fields=["pack", "version"], name="pack_versions")]

    def __str__(self) -> str:
        return f"{self.pack} · {self.version} · {self.digest[:8]}"


class Signature(models.Model):
    """A person's word that the text says what the law says."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(PackVersion, models.PROTECT, related_name="signatures", db_index=False)
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "signer"], name="signature_of_two_people"),
        ]


class SetAsideQuerySet(models.QuerySet["SetAside"]):
    def not_ended(self) -> Self:
        return self.filter(ended_at=None)

    def visible_to(self, user) -> Self:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class SetAside(models.Model):
    """A draft rule that does not bind one portfolio, from its approval to a last day (included, the portfolio's date).

    Not approved it has no effect. Ending one that waits for its approval refuses it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.CharField(max_length=80)
    pack = models.CharField(max_length=60)
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    ends_on = models.DateField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = SetAsideQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-proposed_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "portfolio"],
                condition=models.Q(ended_at=None),
                name="set_aside_once",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by=None) | ~models.Q(approved_by=models.F("proposed_by")),
                name="set_aside_by_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True, approved_at__isnull=True)
                | models.Q(approved_by__isnull=False, approved_at__isnull=False),
                name="set_aside_approved_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_by__isnull=True, ended_at__isnull=True)
                | models.Q(ended_by__isnull=False, ended_at__isnull=False),
                name="set_aside_ended_whole",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="set_aside_has_reason"),
        ]

    def holds(self, at: datetime) -> bool:
        """Whether the rule is set aside at a moment."""
        return (
            self.approved_at is not None
            and self.approved_at <= at
            and (self.ended_at is None or at < self.ended_at)
            and self.portfolio.business_date(at) <= self.ends_on
        )


class WhatIfState(models.TextChoices):
    WAITING = "waiting", _("waiting for its turn")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class WhatIf(models.Model):
    """A text tried over the contacts we made: what it would have stopped. Nothing follows from it by itself.

    `found` is a list of {rule, team, hour, stopped}: `hour` is the borrower's local one, `team` a name or empty.
    `contacts` is how many there are to judge, `judged` how many have been, `stopped` of those.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(PackVersion, models.PROTECT, related_name="+")
    days = models.PositiveIntegerField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=WhatIfState, default=WhatIfState.WAITING)
    contacts = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    stopped = models.PositiveIntegerField(default=0)
    found = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["-asked_at", "-id"]

    @property
    def is_over(self) -> bool:
        return self.state in (WhatIfState.DONE, WhatIfState.FAILED)
