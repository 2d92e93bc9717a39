"""The contact log: decisions of the gate, permits, attempts and what came of them.

What holds in the database (`migrations/sql/permit.sql`): an outbound attempt spends a permit of the same borrower, channel
and contact point; a permit hangs on an allowing decision, lives for minutes and is used once; the app can insert neither.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint


class Channel(models.TextChoices):
    CALL = "call", _("Call")
    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")
    APP = "app", _("App")
    LETTER = "letter", _("Letter")
    WECHAT = "wechat", _("WeChat")
    WHATSAPP = "whatsapp", "WhatsApp"
    VISIT = "visit", _("Visit")


class ContactDecision(models.Model):
    """One answer of the gate, with all that is needed to give it again years later.

    `facts` is canonical JSON with pseudonyms; `results` every rule's own result; `packs` the versions that decided;
    `channels` when each channel was next allowed, null where nobody knew. With an `override` a presumed violation is
    allowed, once.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+", db_index=False)
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, null=True, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=12, choices=Channel)
    purpose = models.CharField(max_length=30)
    outcome = models.CharField(max_length=30)
    allowed = models.BooleanField()
    at = models.DateTimeField()
    next_allowed = models.DateTimeField(null=True)
    facts = models.BinaryField()
    results = models.JSONField()
    packs = models.JSONField()
    channels = models.JSONField(default=dict)
    override = models.OneToOneField("compliance.Override", models.PROTECT, null=True, related_name="used_by")
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["id", "allowed"], name="decision_allowed")]
        indexes = [
            models.Index(fields=["borrower", "at"], name="decision_borrower_at"),
            models.Index(fields=["-at", "-id"], name="decision_newest"),
        ]


class Permit(models.Model):
    """An allowing decision that may be spent once, within minutes. Unused and unexpired it counts as an attempt."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.OneToOneField(ContactDecision, models.PROTECT)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+", db_index=False)
    contact_point = models.ForeignKey(ContactPoint, models.PROTECT, related_name="+", db_index=False)
    channel = models.CharField(max_length=12, choices=Channel)
    purpose = models.CharField(max_length=30)
    loans = ArrayField(models.UUIDField())
    at = models.DateTimeField()  # the legal moment the decision was made for
    issued_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["borrower", "expires_at"], condition=models.Q(used_at=None), name="permit_open"
            )
        ]


class Direction(models.TextChoices):
    OUT = "out", _("from us")
    IN = "in", _("from the borrower")


class ContactAttempt(models.Model):
    """One try by any channel, either way. Append-only; what came of it is in `ContactOutcome`.

    `reported` rows tell what others did (an earlier system, an agency): they are counted and never sendable.
    `local_date` is the borrower's own date, by the first zone we know, on which day-rules count it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="attempts", db_index=False)
    permit = models.OneToOneField(Permit, models.PROTECT, null=True)
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, null=True, related_name="+", db_index=False
    )
    direction = models.CharField(max_length=3, choices=Direction)
    channel = models.CharField(max_length=12, choices=Channel)
    purpose = models.CharField(max_length=30)
    loans = ArrayField(models.UUIDField())
    at = models.DateTimeField()
    local_date = models.DateField()
    reported = models.BooleanField(default=False)
    reported_by = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)
        permissions = [("place_contact", _("Contact borrowers"))]
        constraints = [
            models.CheckConstraint(
                name="outbound_has_permit",
                condition=(
                    models.Q(direction="out", reported=False, permit__isnull=False)
                    | models.Q(direction="out", reported=True, permit__isnull=True)
                    | models.Q(direction="in", permit__isnull=True)
                ),
            ),
        ]
        indexes = [models.Index(fields=["borrower", "at"], name="attempt_borrower_at")]


class ContactOutcome(models.Model):
    """What came of an attempt; the newest row counts. Null means not known, and rules then count it strictly."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(ContactAttempt, models.PROTECT, related_name="outcomes")
    disposition = models.CharField(max_length=30)
    connected = models.BooleanField(null=True)
    answered = models.BooleanField(null=True)
    right_party = models.BooleanField(null=True)
    conversation = models.BooleanField(null=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)

    class Meta:
        default_permissions = ("view",)
        ordering = ["id"]
