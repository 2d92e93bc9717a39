"""Collection agencies: who they are, since when they work for us, and when they may be given nothing."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class AgencyQuerySet(models.QuerySet["Agency"]):
    def listed(self, on) -> "AgencyQuerySet":
        """Those that work for us on a date: the public list."""
        return self.filter(since__lte=on).filter(models.Q(until=None) | models.Q(until__gte=on))


class Agency(models.Model):
    """A collection agency. What the public list shows, its usual commission, and how many upheld complaints about conduct
    (`upheld_most`) within how many days bar it: with that many it gets no case."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True)
    address = models.CharField(_("address"), max_length=250)
    phone = models.CharField(_("phone"), max_length=40)
    licence = models.CharField(_("licence or registration number"), max_length=80)
    since = models.DateField(_("works for us since"))
    until = models.DateField(_("until"), null=True, blank=True)
    commission_percent = models.DecimalField(
        _("usual commission, percent of what is repaid"), max_digits=5, decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    upheld_most = models.PositiveSmallIntegerField(
        _("upheld complaints that bar it"), default=3, validators=[MinValueValidator(1)]
    )
    upheld_days = models.PositiveSmallIntegerField(
        _("days in which they are counted"), default=90, validators=[MinValueValidator(1)]
    )

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["name"]
        default_permissions = ("view", "add", "change")
        permissions = [("bar_agency", _("Bar an agency from new cases"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(commission_percent__gte=0, commission_percent__lte=100),
                name="agency_commission",
            ),
            models.CheckConstraint(
                condition=models.Q(upheld_most__gte=1, upheld_days__gte=1), name="agency_bar_rule"
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gte=models.F("since")), name="agency_days"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class BarReason(models.TextChoices):
    CONDUCT = "conduct", _("conduct towards borrowers")
    DATA = "data", _("protection of data")
    LICENCE = "licence", _("licence or registration")
    EVALUATION = "evaluation", _("yearly evaluation")
    OTHER = "other", _("another reason")


class AgencyBarQuerySet(models.QuerySet["AgencyBar"]):
    def in_force(self, on) -> "AgencyBarQuerySet":
        return self.filter(from_on__lte=on, lifted_at=None).filter(
            models.Q(ends_on=None) | models.Q(ends_on__gte=on)
        )


class AgencyBar(models.Model):
    """A person's decision that an agency gets no more cases, from a day to a day (included), none: until somebody lifts it.
    Lifted once; nothing else of it changes."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="bars")
    from_on = models.DateField()
    ends_on = models.DateField(null=True)
    reason = models.CharField(max_length=20, choices=BarReason)
    words = models.TextField(max_length=2000)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    objects = AgencyBarQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-set_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gte=models.F("from_on")),
                name="agency_bar_days",
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_by=None, lifted_at=None)
                | models.Q(lifted_by__isnull=False, lifted_at__isnull=False),
                name="agency_bar_lifted_whole",
            ),
        ]
