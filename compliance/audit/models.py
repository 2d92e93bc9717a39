"""Tables of the audit log. The app may only insert and read events; counters move through one definer function."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7


class AuditStream(models.Model):
    """The counter of one stream: its events are numbered 1, 2, 3 … without a gap."""

    ref = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=20)
    last_seq = models.BigIntegerField()

    class Meta:
        app_label = "compliance"


class AuditEvent(models.Model):
    """One business fact. `leaf` holds the exact bytes; the other columns are projections of it, checked on insert."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stream = models.UUIDField()
    stream_kind = models.CharField(max_length=20)
    seq = models.BigIntegerField()
    type = models.CharField(_("what"), max_length=60)
    at = models.DateTimeField(_("when"))
    actor_kind = models.CharField(max_length=20)
    actor = models.CharField(_("who"), max_length=60)
    # No foreign keys: the log must never hang on live rows, nor a cascade reach it.
    case_ref = models.UUIDField(null=True)
    borrower_ref = models.UUIDField(null=True)
    leaf = models.BinaryField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "compliance"
        default_permissions = ()
        permissions = [("search_audit", _("Search and export the audit log"))]
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="audit_stream_contiguous")]
        indexes = [
            models.Index(fields=["borrower_ref", "at"], name="audit_borrower_at"),
            models.Index(fields=["case_ref", "at"], name="audit_case_at"),
            models.Index(fields=["actor", "at"], name="audit_actor_at"),
            models.Index(fields=["type", "at"], name="audit_type_at"),
            models.Index(fields=["at"], name="audit_at"),
        ]
