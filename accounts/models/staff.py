"""Who works: staff and teams. What a role may do stands in `accounts/roles.py`."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.portfolio import OurRole


class Role(models.TextChoices):
    AGENT = "agent", _("Collection agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    COMPLIANCE = "compliance", _("Compliance officer")
    LEGAL = "legal", _("Legal")
    ADMINISTRATOR = "administrator", _("Administrator")
    AGENCY = "agency", _("Agency collector")


class Theme(models.TextChoices):
    AUTO = "auto", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Team(models.Model):
    """People who work the same portfolios. An agent sees the cases of the team's portfolios and no others."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    portfolios = models.ManyToManyField("accounts.Portfolio", verbose_name=_("portfolios"), blank=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A member of staff. `ref` is the pseudonym that stands in the audit log."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.AGENT)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, verbose_name=_("team"))
    agency = models.ForeignKey(
        "accounts.Agency",
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("agency"),
        related_name="staff",
    )
    language = models.CharField(
        _("language"), max_length=10, choices=[("en", "English"), ("zh-hans", "简体中文")], default="en"
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, default=Theme.AUTO)
    shortcuts = models.BooleanField(_("keyboard shortcuts"), default=True)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        permissions = [("unseal", _("Open sealed borrower data"))]
        constraints = [
            # Who works for an agency is in no team of ours, and nobody else has an agency.
            models.CheckConstraint(
                condition=models.Q(role=Role.AGENCY, agency__isnull=False, team=None)
                | (~models.Q(role=Role.AGENCY) & models.Q(agency=None)),
                name="staff_agency_with_role",
                violation_error_message=_(
                    "Agency collectors have an agency and no team; nobody else has an agency."
                ),
            )
        ]

    def save(self, *args, **kwargs) -> None:
        # Django's two flags follow the role: the admin site is the administrator's, and nobody is above the table.
        self.is_staff = self.role == Role.ADMINISTRATOR
        self.is_superuser = False
        super().save(*args, **kwargs)

    @property
    def acts_as(self) -> str | None:
        """What this person is towards borrowers in law, where that is not what the portfolio says we are: somebody who
        collects for an agency is a third-party collector."""
        return OurRole.COLLECTOR.value if self.agency_id else None

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username
