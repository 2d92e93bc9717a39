"""What a portfolio's lending terms say, dated: charges for being late, what may be agreed and by whom, when each stage may
begin. Rows are only added; the newest that has begun by a day holds on it.
"""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.portfolio import Portfolio
from accounts.models.staff import Role


class DayCount(models.TextChoices):
    ACT_365 = "act/365", _("actual days / 365")
    ACT_360 = "act/360", _("actual days / 360")
    ACT_ACT = "act/act", _("actual days / days of the year")
    THIRTY_360 = "30/360", _("30 / 360")


class Rounding(models.TextChoices):
    HALF_UP = "half_up", _("half up")
    HALF_EVEN = "half_even", _("half to even")
    DOWN = "down", _("down, for the borrower")


class Authority(models.TextChoices):
    """What a role may agree by itself; amounts are minor units of the portfolio's currency, all of a loan together."""

    PROMISE_DAYS = "promise_days", _("latest day of a promise, in days")
    PLAN_INSTALMENTS = "plan_instalments", _("instalments of a plan")
    EXTENSION_DAYS = "extension_days", _("days of an extension")
    WAIVE_FEES = "waive_fees", _("fees waived")
    WAIVE_INTEREST = "waive_interest", _("interest waived")
    WAIVE_PRINCIPAL = "waive_principal", _("principal waived")
    SETTLEMENT_PERCENT = "settlement_percent", _("percent forgiven by a settlement")


def usual_authority() -> dict[str, dict[str, int]]:
    """An agent agrees time, a supervisor more of it and a little money; principal needs two supervisors, and what forgives
    more of a whole loan than a supervisor may, somebody of legal."""
    return {
        Role.AGENT.value: {
            Authority.PROMISE_DAYS.value: 30,
            Authority.PLAN_INSTALMENTS.value: 12,
            Authority.EXTENSION_DAYS.value: 14,
        },
        Role.SUPERVISOR.value: {
            Authority.PROMISE_DAYS.value: 60,
            Authority.PLAN_INSTALMENTS.value: 24,
            Authority.EXTENSION_DAYS.value: 30,
            Authority.WAIVE_FEES.value: 100_00,
            Authority.WAIVE_INTEREST.value: 100_00,
            Authority.WAIVE_PRINCIPAL.value: 0,
            Authority.SETTLEMENT_PERCENT.value: 30,
        },
        Role.LEGAL.value: {Authority.SETTLEMENT_PERCENT.value: 60},
    }


def _days(label: Any, default: int) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(label, default=default)


def _percent(label: Any, default: str = "0") -> models.DecimalField:
    return models.DecimalField(
        label, max_digits=8, decimal_places=4, default=Decimal(default), validators=[MinValueValidator(0)]
    )


class Terms(models.Model):
    """The terms of one portfolio from a business date on. Without a row its defaults hold: nothing is charged for being
    late."""

    portfolio = models.ForeignKey(
        Portfolio, models.PROTECT, related_name="terms", verbose_name=_("portfolio")
    )
    from_on = models.DateField(_("from"))
    # For being late
    day_count = models.CharField(_("day count"), max_length=8, choices=DayCount, default=DayCount.ACT_365)
    rounding = models.CharField(_("rounding"), max_length=10, choices=Rounding, default=Rounding.HALF_UP)
    grace_days = _days(_("days of grace before anything is charged"), 0)
    late_rate = _percent(_("late interest, percent a year on overdue principal"))
    late_fee = models.PositiveBigIntegerField(_("late fee of an instalment, minor units"), default=0)
    late_fee_most = models.PositiveBigIntegerField(
        _("late fees of a loan at most, minor units"), null=True, blank=True
    )
    charges_most_percent = models.DecimalField(
        _("charges for being late at most, percent of the loan's opening amount"),
        max_digits=8, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)],
    )  # fmt: skip
    # What may be agreed, by role
    authority = models.JSONField(_("authority"), default=usual_authority)
    promise_grace_days = _days(_("days of grace of a promise"), 1)
    promises_at_once = _days(_("promises of a series"), 4)
    plan_breaks_at = _days(_("instalments missed that break a plan"), 2)
    plan_most_days = _days(_("latest instalment of a plan, in days"), 730)
    extension_most_times = _days(_("extensions of a loan"), 2)
    settlement_after_days = _days(_("days past due before a settlement"), 60)
    settlement_within_days = _days(_("days in which a settlement is paid"), 30)
    offer_valid_days = _days(_("days an offer stays open"), 14)
    # When a stage may begin
    legal_after_days = _days(_("days past due before legal steps"), 90)
    placement_after_days = _days(_("days past due before an agency"), 60)
    # What stops placing the portfolio's cases with an agency, until somebody lifts it
    agency_complaints_most = _days(_("complaints about an agency's conduct that are borne"), 5)
    agency_complaints_days = _days(_("days in which those complaints are counted"), 90)

    class Meta:
        verbose_name = _("terms")
        verbose_name_plural = _("terms")
        ordering = ["portfolio", "-from_on", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(plan_breaks_at__gte=1), name="terms_plan_breaks"),
            models.CheckConstraint(
                condition=models.Q(agency_complaints_days__gte=1), name="terms_agency_complaints"
            ),
            models.CheckConstraint(
                condition=models.Q(late_rate__gte=0) & models.Q(late_rate__lte=1000), name="terms_late_rate"
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "-from_on", "-id"], name="terms_newest")]

    def __str__(self) -> str:
        return f"{self.portfolio.code} · {self.from_on}"

    def clean(self) -> None:
        """Authority by known roles and words, in whole numbers."""
        if not isinstance(self.authority, dict) or not all(
            role in (Role.AGENT, Role.SUPERVISOR, Role.LEGAL)
            and isinstance(limits, dict)
            and limits.keys() <= set(Authority.values)
            and all(isinstance(most, int) and most >= 0 for most in limits.values())
            for role, limits in self.authority.items()
        ):
            raise ValidationError({"authority": _("Please give whole numbers by role and matter.")})

    def limit(self, role: str, what: str) -> int:
        """How much of it the role may agree by itself: nothing where nothing is said, a supervisor never less than an agent,
        and of settlements legal never less than a supervisor."""
        if role == Role.AGENCY:  # who collects for others agrees a promise as an agent does, and nothing else
            return self.limit(Role.AGENT, what) if what == Authority.PROMISE_DAYS else 0
        own = self.authority.get(role, {}).get(what, 0)
        if role == Role.LEGAL and what == Authority.SETTLEMENT_PERCENT:
            return max(own, self.limit(Role.SUPERVISOR, what))
        return max(own, self.limit(Role.AGENT, what)) if role == Role.SUPERVISOR else own
