"""What the person asked about our channels: not this one any more, or this one again. A later wish is its own row."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, ContactPoint
from compliance.models.contact import Channel


class MediaWish(models.TextChoices):
    STOP = "stop", _("not any more")
    AGAIN = "again", _("again")


class MediaRequest(models.Model):
    """One wish about a channel, for one number or address or, without one, for all of them. Holds for all debts of the
    borrower. Append-only: the newest by `received_at` that covers a contact counts.

    `how` is the channel by which it reached us; `evidence` a reference where it can be read or heard.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="media_requests")
    wish = models.CharField(max_length=5, choices=MediaWish)
    channel = models.CharField(max_length=12, choices=Channel)
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, null=True, related_name="+", db_index=False
    )
    received_at = models.DateTimeField()
    how = models.CharField(max_length=12, choices=Channel)
    evidence = models.CharField(max_length=80, blank=True)
    recorded_by = models.CharField(max_length=60)

    class Meta:
        default_permissions = ()
