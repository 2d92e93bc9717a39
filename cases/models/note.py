"""Notes: free text, therefore sealed under the borrower's key. Append-only; a correction is another note."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from cases.models.case import Case


class Note(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="notes")
    body_sealed = models.BinaryField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("view", "add")
