"""What the person agreed to, and its withdrawal."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower
from compliance.models.contact import Channel
from compliance.models.designation import Weekday


class ConsentKind(models.TextChoices):
    CALL_BACK = "call_back", _("asked to be called back")
    ELECTRONIC = "electronic_messages", _("agreed to electronic messages")
    CONTACT_TIME = "contact_time", _("agreed to other hours")
    DAILY_DIALS = "daily_dials", _("agreed to more calls a day")


class GivenTo(models.TextChoices):
    """Whom the person told. What was told to somebody else is no direct consent to us."""

    US = "us", _("to us")
    CREDITOR = "creditor", _("to the creditor")
    PREVIOUS = "previous_debt_collector", _("to an earlier collector")


class Consent(models.Model):
    """What the borrower agreed to, from a day to a day (both included, borrower's dates), with its evidence.

    `contact_time` has hours by the borrower's clock on `days` (none: every day); `only_convenient`: the borrower said that
    no other hours suit. `daily_dials` has `most`, the calls a day agreed to. `electronic_messages` is for one `channel`, or
    for all of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="consents")
    kind = models.CharField(max_length=30, choices=ConsentKind)
    channel = models.CharField(max_length=12, choices=Channel, blank=True)
    days = ArrayField(models.CharField(max_length=3, choices=Weekday), default=list)
    from_time = models.TimeField(null=True)
    to_time = models.TimeField(null=True)
    only_convenient = models.BooleanField(default=False)
    most = models.PositiveSmallIntegerField(null=True)
    given_to = models.CharField(max_length=30, choices=GivenTo, default=GivenTo.US)
    from_on = models.DateField()
    to_on = models.DateField(null=True)
    evidence = models.CharField(max_length=80)
    recorded_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="consent_says_what",
                condition=(
                    models.Q(kind="contact_time", from_time__isnull=False, to_time__isnull=False, most=None)
                    | models.Q(kind="daily_dials", most__gte=1, from_time=None, to_time=None)
                    | models.Q(
                        kind__in=["call_back", "electronic_messages"],
                        from_time=None,
                        to_time=None,
                        most=None,
                    )
                ),
            )
        ]
