"""When a loan does not grow older, and when nothing is charged on it: what holds do to the money, as data."""

from datetime import date
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.borrower import Borrower
from accounts.models.loan import Loan


class Paused(models.TextChoices):
    AGEING = "ageing", _("days past due")
    CHARGES = "charges", _("charges for being late")


class PauseQuerySet(models.QuerySet["Pause"]):
    def of_loan(self, loan: Loan) -> Self:
        """The loan's own and those of all its borrower owes."""
        return self.filter(models.Q(loan=None) | models.Q(loan=loan), borrower=loan.borrower_id)

    def on(self, day: date) -> Self:
        return self.filter(models.Q(ends_on=None) | models.Q(ends_on__gte=day), starts_on__lte=day)


class Pause(models.Model):
    """One stretch of days, both ends included, on one loan or on all that the borrower owes, also later loans. No end: until
    somebody ends it. `source` is the hold it comes from. It can be made shorter, by ending it; then `ends_on` may be the day
    before `starts_on`: no day at all."""

    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="pauses")
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, related_name="+")
    what = models.CharField(max_length=10, choices=Paused)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    source = models.UUIDField()

    objects = PauseQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "what"], name="pause_once"),
            models.CheckConstraint(condition=models.Q(what__in=Paused.values), name="pause_known"),
        ]
