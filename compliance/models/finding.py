"""Contacts of others that the law did not allow: found when they were reported, answered by a person."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Portfolio
from compliance.models.contact import ContactAttempt


class FindingState(models.TextChoices):
    OPEN = "open", _("open")
    EXPLAINED = "explained", _("explained")
    CLOSED = "closed", _("closed")


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user) -> "FindingQuerySet":
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))


class Finding(models.Model):
    """One reported contact that the rules in force at its moment did not permit.

    `facts` is canonical JSON with pseudonyms, as it was then, `results` the forbidding rules' own results, `packs` the
    versions that judged: the finding can be judged again years later. Explained: somebody has said how it came about.
    Closed: nothing more is to be done. Both need a person and a note, which is sealed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="findings")
    attempt = models.OneToOneField(ContactAttempt, models.PROTECT, related_name="finding")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="findings")
    outcome = models.CharField(max_length=30)
    facts = models.BinaryField()
    results = models.JSONField()
    packs = models.JSONField()
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=FindingState, default=FindingState.OPEN)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    note_sealed = models.BinaryField(null=True)
    answered_at = models.DateTimeField(null=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("answer_finding", _("Explain or close a finding"))]
        ordering = ["-id"]
        indexes = [models.Index(fields=["found_at"], condition=models.Q(state="open"), name="finding_open")]
