"""Messages: first an intent, then one attempt under a permit, then what the provider said."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint
from communications.models.template import TemplateVersion
from compliance.models import Channel, ContactAttempt


class MessageStatus(models.TextChoices):
    PLANNED = "planned", _("planned")
    SENDING = "sending", _("on its way")
    ACCEPTED = "accepted", _("accepted by the provider")
    FAILED = "failed", _("not delivered")
    UNCERTAIN = "uncertain", _("uncertain: the provider left us not knowing")
    CANCELLED = "cancelled", _("not sent any more")


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, at) -> "MessageQuerySet":
        """Planned and lawful to try by `at`, as far as the planner knew."""
        return self.filter(status=MessageStatus.PLANNED, not_before__lte=at)

    def on_the_wire_since(self, at) -> "MessageQuerySet":
        """Begun by `at` and without an answer to this day."""
        return self.filter(status=MessageStatus.SENDING, status_at__lte=at)


class Message(models.Model):
    """One message to one borrower. `dedupe_key` makes planning it twice impossible.

    The text is rendered when it is sent and sealed then; a planned message has none. `sending` is committed
    before the wire: whoever finds such a row later without an answer knows only that it may have left
    (`uncertain`), and it is never sent again by itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="messages")
    contact_point = models.ForeignKey(ContactPoint, models.PROTECT, related_name="+", db_index=False)
    channel = models.CharField(max_length=12, choices=Channel)
    purpose = models.CharField(max_length=30)
    template_version = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="+")
    loans = ArrayField(models.UUIDField())
    # What the text says beyond the loans' standing: the `DETAILS` of communications/texts.py.
    details = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=10, choices=MessageStatus, default=MessageStatus.PLANNED)
    not_before = models.DateTimeField()
    deferred = models.PositiveIntegerField(default=0)
    attempt = models.OneToOneField(ContactAttempt, models.PROTECT, null=True)
    subject_sealed = models.BinaryField(null=True)
    body_sealed = models.BinaryField(null=True)
    provider_reference = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    # Failed for now only: certainly nothing left, and a later message may get through.
    temporary = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    status_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="message_left_by_attempt",
                condition=models.Q(status__in=["planned", "cancelled", "failed"])
                | models.Q(status__in=["sending", "accepted", "uncertain"], attempt__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(status="planned"), name="message_due"),
            models.Index(
                fields=["status_at"], condition=models.Q(status="sending"), name="message_on_the_wire"
            ),
        ]
