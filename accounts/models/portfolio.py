"""Legal entities and portfolios: one lending product of one entity in one jurisdiction and currency."""

import re
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.ageing import check_edges
from accounts.money import currencies
from accounts.waterfall import COMPONENTS
from compliance.rules.zones import is_zone

if TYPE_CHECKING:
    from accounts.models.terms import Terms

JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class OurRole(models.TextChoices):
    CREDITOR = "creditor", _("Creditor in its own name")
    COLLECTOR = "third_party_debt_collector", _("Third-party collector")
    BUYER = "debt_buyer", _("Debt buyer")


def fees_interest_principal() -> list[str]:
    return ["fees", "interest", "principal"]


def common_buckets() -> list[int]:
    return [30, 60, 90]


class LegalEntity(models.Model):
    """The lender in law. A borrower is one person to one entity, whatever the number of portfolios."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True)

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")

    def __str__(self) -> str:
        return self.name


class PortfolioQuerySet(models.QuerySet["Portfolio"]):
    def visible_to(self, user) -> "PortfolioQuerySet":
        """Everything for those who oversee, the team's own for the others."""
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        return self.filter(team=user.team_id) if user.team_id else self.none()


class Portfolio(models.Model):
    """Terms that hold for every loan in it. Amounts of its loans are minor units of `currency`."""

    ref = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(
        _("code"), max_length=30, unique=True, validators=[RegexValidator(r"^[A-Za-z0-9_-]+$")]
    )
    name = models.CharField(_("name"), max_length=120)
    entity = models.ForeignKey(LegalEntity, models.PROTECT, verbose_name=_("legal entity"))
    currency = models.CharField(_("currency"), max_length=3)
    jurisdictions = ArrayField(
        models.CharField(max_length=12), verbose_name=_("jurisdictions"), default=list, blank=True,
        help_text=_("Codes such as US or US-MA, separated by commas. Without a known one nobody is contacted."),
    )  # fmt: skip
    our_role = models.CharField(_("our role"), max_length=30, choices=OurRole, default=OurRole.CREDITOR)
    zone = models.CharField(_("time zone of its business day"), max_length=40, default="UTC")
    language = models.CharField(_("language of letters"), max_length=10, default="en")
    allocation_order = ArrayField(
        models.CharField(max_length=10),
        verbose_name=_("order of allocation"),
        default=fees_interest_principal,
    )
    bucket_edges = ArrayField(
        models.PositiveIntegerField(), verbose_name=_("buckets"), default=common_buckets
    )
    contact_open = models.BooleanField(
        _("open for contact"), default=False,
        help_text=_("Stays closed until someone has checked the import. While closed nobody is contacted."),
    )  # fmt: skip
    payments_fresh_days = models.PositiveIntegerField(
        _("days that payments stay fresh"), default=3, null=True, blank=True,
        help_text=_(
            "When balances were last told longer ago, nobody is asked to pay. Empty: payments come in by themselves."
        ),
    )  # fmt: skip
    payments_read_at = models.DateTimeField(_("payments last read"), null=True, blank=True, editable=False)
    loans_told_at = models.DateTimeField(null=True, editable=False)  # the moment the newest tape speaks for
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        verbose_name = _("portfolio")
        verbose_name_plural = _("portfolios")
        ordering = ["code"]
        permissions = [
            ("see_all_portfolios", _("See every portfolio")),
            ("open_contact", _("Open a portfolio for contact")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(currency__regex="^[A-Z]{3}$"), name="portfolio_currency_code"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.name}"

    def clean(self) -> None:
        """Terms that make sense. What amounts and books rest on stays as it is once there are loans."""
        wrong: dict[str, Any] = {}
        if self.currency not in currencies():
            wrong["currency"] = _("This is no currency in use. Please give its three letters, such as USD.")
        if not is_zone(self.zone):
            wrong["zone"] = _("This time zone is not known. Please write it as in Asia/Shanghai.")
        if self.language not in dict(settings.LANGUAGES):
            wrong["language"] = _("There are no letters in this language. Please choose en or zh-hans.")
        if not all(JURISDICTION.fullmatch(code) for code in self.jurisdictions or []):
            wrong["jurisdictions"] = _("Please write codes such as US or US-MA, separated by commas.")
        if sorted(self.allocation_order or []) != sorted(COMPONENTS):
            wrong["allocation_order"] = _("Please name fees, interest and principal, each once.")
        try:
            check_edges(self.bucket_edges or [])
        except ValueError:
            wrong["bucket_edges"] = _("Please give the last day of each bucket, rising: 30, 60, 90.")
        if before := self._with_loans():
            for field in ("entity_id", "currency", "allocation_order"):
                if getattr(self, field) != getattr(before, field):
                    wrong[field.removesuffix("_id")] = _("This cannot change any more: there are loans.")
        if wrong:
            raise ValidationError(wrong)

    def _with_loans(self) -> "Portfolio | None":
        """The stored row of a portfolio that has loans."""
        return Portfolio.objects.filter(pk=self.pk, loans__isnull=False).first()

    @property
    def country(self) -> str:
        """The country of its first jurisdiction (ISO 3166), empty where none is named: how its phone numbers are read."""
        return self.jurisdictions[0][:2] if self.jurisdictions else ""

    @property
    def countries(self) -> list[str]:
        """The countries of its jurisdictions (ISO 3166), each once: where people work on its working days."""
        return list(dict.fromkeys(code[:2] for code in self.jurisdictions))

    @property
    def clock(self) -> ZoneInfo:
        """By which its business days are counted."""
        return ZoneInfo(self.zone)

    def terms_on(self, on: date) -> "Terms":
        """The terms in force on a business date: the newest row that had begun, else the defaults."""
        stored = self.terms.filter(from_on__lte=on).order_by("-from_on", "-id").first()
        return stored or self.terms.model(portfolio=self, from_on=on)

    def business_date(self, at: datetime) -> date:
        """The date on the portfolio's own wall at a moment (aware)."""
        return at.astimezone(self.clock).date()
