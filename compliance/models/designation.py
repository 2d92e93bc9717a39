"""When and where the person does not want to be reached, in their own words and in dates the rules can count."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Place


class Weekday(models.TextChoices):
    """Days as the rules write them."""

    MON = "MON", _("Monday")
    TUE = "TUE", _("Tuesday")
    WED = "WED", _("Wednesday")
    THU = "THU", _("Thursday")
    FRI = "FRI", _("Friday")
    SAT = "SAT", _("Saturday")
    SUN = "SUN", _("Sunday")


class DesignationKind(models.TextChoices):
    TIME = "inconvenient_time", _("not at these times")
    PLACE = "inconvenient_place", _("not at this place")


class DesignationSource(models.TextChoices):
    BORROWER = "consumer_request", _("said by the borrower")
    FILE = "creditor_file_notes", _("in the lender's notes")


class DesignationQuerySet(models.QuerySet["Designation"]):
    def standing(self) -> "DesignationQuerySet":
        """Those nobody has taken back, also those whose last day is past."""
        return self.filter(withdrawn_at=None)


class Designation(models.Model):
    """An inconvenient time or place, from a day to a day (both included, borrower's dates); no last day: until withdrawn.

    A time has `days` (none: every day) and hours (none: all day), by the borrower's clock; hours that end before they
    begin run over midnight. A place has `place`. What was said is sealed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="designations")
    kind = models.CharField(max_length=20, choices=DesignationKind)
    days = ArrayField(models.CharField(max_length=3, choices=Weekday), default=list)
    from_time = models.TimeField(null=True)
    to_time = models.TimeField(null=True)
    place = models.CharField(max_length=10, choices=Place, blank=True)
    words_sealed = models.BinaryField(null=True)
    source = models.CharField(max_length=20, choices=DesignationSource)
    from_on = models.DateField()
    to_on = models.DateField(null=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=60)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=60, blank=True)

    objects = DesignationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                name="designation_dates",
                condition=models.Q(to_on=None) | models.Q(to_on__gte=models.F("from_on")),
            ),
            models.CheckConstraint(
                name="designation_says_something",
                condition=(
                    models.Q(kind="inconvenient_place", from_time=None, to_time=None, days=[])
                    & ~models.Q(place="")
                )
                | (
                    models.Q(kind="inconvenient_time", place="")
                    & (
                        models.Q(from_time__isnull=False, to_time__isnull=False)
                        | (models.Q(from_time=None, to_time=None) & ~models.Q(days=[]))
                    )
                ),
            ),
        ]
