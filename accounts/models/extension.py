"""A later day for what a contract makes due: agreed, dated, and never taken back. The contract's schedule stays as it is."""

from django.db import models
from uuid_utils.compat import uuid7

from accounts.models.loan import Loan


class Extension(models.Model):
    """From `agreed_on` on, what the contract makes due on `due_from` or later is due `days` later; so is what was charged
    by then. A date before the agreement is answered as it was. Append-only.

    The schedule itself is not rewritten: what was signed stays what was signed, and a day long past answers as it did
    then.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="extensions")
    agreed_on = models.DateField()
    due_from = models.DateField()
    days = models.PositiveSmallIntegerField()
    agreed_at = models.DateTimeField()
    reference = models.CharField(max_length=60, unique=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["agreed_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(days__gte=1) & models.Q(days__lte=366), name="extension_days"
            ),
            models.CheckConstraint(
                condition=models.Q(due_from__lte=models.F("agreed_on")), name="extension_of_what_is_due"
            ),
        ]
