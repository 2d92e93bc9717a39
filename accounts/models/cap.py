"""What the law of its jurisdictions lets a portfolio charge for being late at most, by date. Rows are only added; of those
that have begun by a day, the one that began last, and of one day the newest, holds on it. The database keeps charges to it.
"""

from datetime import date

from django.db import models

from accounts.models.portfolio import Portfolio


class ChargeCapQuerySet(models.QuerySet["ChargeCap"]):
    def in_force(self, on: date) -> "ChargeCapQuerySet":
        """The one row of each portfolio that holds on a day."""
        begun = self.filter(from_on__lte=on)
        return begun.order_by("portfolio_id", "-from_on", "-id").distinct("portfolio_id")


class ChargeCap(models.Model):
    """The strictest caps of all rule packs from a day on; null: none says anything. `fee` is minor units of the portfolio's
    currency; `rules` names by field the rule that sets each."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="charge_caps")
    from_on = models.DateField()
    year_percent = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    charges_percent = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    fee = models.PositiveBigIntegerField(null=True)
    fee_percent = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    after_days = models.PositiveSmallIntegerField(null=True)
    rules = models.JSONField(default=dict)
    set_at = models.DateTimeField()

    objects = ChargeCapQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["portfolio", "-from_on", "-id"], name="charge_cap_newest")]
