"""What is offered to a borrower and agreed with them: a later day, something forgiven, a part for the whole. And why the
loan is late, as they tell it. Amounts are minor units of the portfolio's currency."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from cases.models.case import Case


class OfferKind(models.TextChoices):
    EXTENSION = "extension", _("Later day")
    WAIVER = "waiver", _("Waiver")
    SETTLEMENT = "settlement", _("Settlement")


class OfferState(models.TextChoices):
    OFFERED = "offered", _("offered")
    AGREED = "agreed", _("agreed")  # a settlement that waits for its money
    DONE = "done", _("carried out")
    DECLINED = "declined", _("declined")
    LAPSED = "lapsed", _("lapsed")
    WITHDRAWN = "withdrawn", _("no longer needed")


LIVE = (OfferState.OFFERED, OfferState.AGREED)


class OfferQuerySet(models.QuerySet["Offer"]):
    def live(self) -> Self:
        """Those that wait for an answer or for money."""
        return self.filter(state__in=LIVE)


class Offer(models.Model):
    """Its terms never change and its state goes forward: the database holds both, and refuses a settlement as done while
    its amount has not come in. Only a settlement goes back, when its money was taken back.

    `days` of an extension; `fees`, `interest` and `principal` of a waiver; `amount` that settles the loan, to be paid by
    `pay_by`. `owed` is what was outstanding when it was offered; `valid_until` the last business date to say yes.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="offers")
    kind = models.CharField(max_length=10, choices=OfferKind)
    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.OFFERED)
    days = models.PositiveSmallIntegerField(default=0)
    fees = models.BigIntegerField(default=0)
    interest = models.BigIntegerField(default=0)
    principal = models.BigIntegerField(default=0)
    amount = models.BigIntegerField(default=0)
    pay_by = models.DateField(null=True)
    owed = models.BigIntegerField()
    offered_at = models.DateTimeField()
    offered_on = models.DateField()
    after_entry = models.BigIntegerField(db_default=0, editable=False)  # as of a promise
    valid_until = models.DateField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=60)

    objects = OfferQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"],
                condition=models.Q(state__in=["offered", "agreed"]),
                name="offer_one_live_of_a_kind",
            ),
            models.CheckConstraint(
                name="offer_terms_of_its_kind",
                condition=models.Q(
                    kind="extension", days__gte=1, fees=0, interest=0, principal=0, amount=0, pay_by=None
                )
                | (
                    models.Q(
                        kind="waiver",
                        days=0,
                        fees__gte=0,
                        interest__gte=0,
                        principal__gte=0,
                        amount=0,
                        pay_by=None,
                    )
                    & ~models.Q(fees=0, interest=0, principal=0)
                )
                | models.Q(
                    kind="settlement",
                    days=0,
                    fees=0,
                    interest=0,
                    principal=0,
                    amount__gte=1,
                    amount__lt=models.F("owed"),
                    pay_by__gte=models.F("offered_on"),
                ),
            ),
            models.CheckConstraint(
                name="offer_answered_and_ended",
                condition=models.Q(state="offered", answered_at=None, ended_at=None)
                | models.Q(state="agreed", kind="settlement", answered_at__isnull=False, ended_at=None)
                | models.Q(state="done", answered_at__isnull=False, ended_at__isnull=False)
                | models.Q(state__in=["declined", "lapsed", "withdrawn"], ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["valid_until"], condition=models.Q(state__in=["offered", "agreed"]), name="offer_live"
            ),
            models.Index(fields=["case", "-offered_at"], name="offer_of_case"),
        ]  # fmt: skip


class Reason(models.Model):
    """Why the loan is late, as it was told on a day. Append-only; the newest holds."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="reasons")
    code = models.CharField(max_length=30)
    told_on = models.DateField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["case", "-at"], name="reason_of_case")]
