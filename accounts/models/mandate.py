"""Debit mandates: what a borrower allowed us to draw, what was announced, decided and drawn, and what came of it.

What holds in the database (`migrations/sql/mandates.sql`, and `cases/migrations/sql/debits.sql`): a debit hangs on an
allowing, unused decision of minutes ago, a living mandate and a notice that really left; two failures in a row end the
mandate.
"""

from datetime import date, datetime, timedelta
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.debiting import DRAWN_WITHIN
from accounts.models.borrower import Borrower
from accounts.models.loan import Loan, Payment

DECIDED_AGAIN = timedelta(hours=20)
"""A debit that was refused is decided about again the next day."""


class DebitSource(models.TextChoices):
    WALLET = "wallet", _("wallet balance")
    CARD = "card", _("card")
    ACCOUNT = "account", _("bank account")


class MandateEnd(models.TextChoices):
    REVOKED = "revoked", _("revoked by the borrower")
    FAILURES = "failures", _("ended by failed debits")
    REPLACED = "replaced", _("replaced by a newer one")
    RETURNED = "returned", _("given back by us")


class Mandate(models.Model):
    """One authorisation, for one loan. `proof` says where the borrower's own agreement is kept, `instrument` is the
    provider's token of the wallet, card or account: never a number. `floor` is the balance that stays untouched. Ends
    once, and is given anew with a proof of its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="mandates")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="mandates")
    source = models.CharField(_("drawn from"), max_length=10, choices=DebitSource)
    instrument = models.CharField(
        max_length=64, validators=[RegexValidator(r"^(?=.*[A-Za-z])[A-Za-z0-9_-]{6,64}$")]
    )
    proof = models.CharField(max_length=80, validators=[RegexValidator(r"^[A-Za-z0-9._:/-]{4,80}$")])
    most_per_debit = models.BigIntegerField(_("at most at once"))
    most_per_month = models.BigIntegerField(_("at most in a month"))
    floor = models.BigIntegerField(_("left untouched"), null=True, blank=True)
    from_on = models.DateField(_("from"))
    to_on = models.DateField(_("to"), null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField()
    failures_end = models.PositiveSmallIntegerField()
    given_at = models.DateTimeField()
    given_by = models.CharField(max_length=60)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=60, blank=True)
    end_reason = models.CharField(max_length=10, choices=MandateEnd, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("give_mandate", _("Record a debit mandate")),
            ("end_mandate", _("Take a revocation of a debit mandate")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["loan"], condition=models.Q(ended_at=None), name="mandate_one_alive"),
            models.UniqueConstraint(fields=["loan", "proof"], name="mandate_own_proof"),
            models.CheckConstraint(
                name="mandate_amounts",
                condition=models.Q(most_per_debit__gt=0)
                & models.Q(most_per_month__gte=models.F("most_per_debit"))
                & (models.Q(floor=None) | models.Q(floor__gte=0)),
            ),
            models.CheckConstraint(
                name="mandate_dates", condition=models.Q(to_on=None) | models.Q(to_on__gte=models.F("from_on"))
            ),
            # No pack gives more tries, or a shorter notice, than this.
            models.CheckConstraint(
                name="mandate_limits",
                condition=models.Q(failures_end__gte=1, failures_end__lte=2, notice_days__gte=1, notice_days__lte=60),
            ),
            models.CheckConstraint(
                name="mandate_ended_whole",
                condition=models.Q(ended_at=None, ended_by="", end_reason="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_by="") & ~models.Q(end_reason="")),
            ),
        ]  # fmt: skip


class DebitNoticeQuerySet(models.QuerySet["DebitNotice"]):
    def to_draw(self, at: datetime, on: date) -> Self:
        """Announced for about that day, neither drawn nor withdrawn, and not decided about in the last hours."""
        lately = DebitDecision.objects.filter(notice=models.OuterRef("pk"), at__gt=at - DECIDED_AGAIN)
        return self.filter(
            ~models.Exists(lately), debit=None, withdrawn_at=None, mandate__ended_at=None,
            collect_on__lte=on, collect_on__gte=on - DRAWN_WITHIN,
        ).order_by("collect_on", "pk")  # fmt: skip


class DebitNotice(models.Model):
    """The announcement of one debit: at most so much, on that day or soon after. One debit hangs on it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="notices")
    amount = models.BigIntegerField()
    collect_on = models.DateField()
    announced_at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    withdrawn_at = models.DateTimeField(null=True)

    objects = DebitNoticeQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["mandate", "collect_on"], name="debit_notice_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="debit_notice_amount"),
        ]
        indexes = [
            models.Index(
                fields=["collect_on"], condition=models.Q(withdrawn_at=None), name="debit_notice_day"
            )
        ]


class DebitDecision(models.Model):
    """One answer to whether a debit may be drawn now, with its facts (canonical JSON) and every rule's own answer. Written
    by the database's own function alone; allows one debit within minutes.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="decisions")
    notice = models.ForeignKey(DebitNotice, models.PROTECT, related_name="decisions")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    on = models.DateField()
    at = models.DateTimeField()
    allowed = models.BooleanField()
    facts = models.BinaryField()
    results = models.JSONField()
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    @property
    def against(self) -> list[str]:
        """The rules that said no."""
        return [each["rule"] for each in self.results if not each["ok"]]


class DebitQuerySet(models.QuerySet["Debit"]):
    def unanswered(self) -> Self:
        """Drawn, or perhaps drawn, and nobody has told what came of it for certain."""
        return self.filter(~models.Exists(DebitOutcome.objects.certain().filter(debit=models.OuterRef("pk"))))

    def silent_since(self, at: datetime) -> Self:
        """Without any word of what came of it, since that moment or before."""
        return self.filter(outcomes=None, at__lte=at)


class Debit(models.Model):
    """One try to draw money; written and committed just before the provider is asked. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.OneToOneField(DebitDecision, models.PROTECT)
    notice = models.OneToOneField(DebitNotice, models.PROTECT)
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="debits")
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="debits")
    amount = models.BigIntegerField()
    on = models.DateField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    objects = DebitQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["mandate", "recorded_at"], name="debit_of_mandate")]


class DebitState(models.TextChoices):
    PAID = "paid", _("drawn")
    FAILED = "failed", _("not drawn")
    WITHDRAWN = "withdrawn", _("stopped before it left")
    UNCERTAIN = "uncertain", _("uncertain: the provider left us not knowing")


class DebitOutcomeQuerySet(models.QuerySet["DebitOutcome"]):
    def certain(self) -> Self:
        return self.exclude(state=DebitState.UNCERTAIN)


class DebitOutcome(models.Model):
    """What came of a debit. Append-only: one certain answer, and before it at most one that nobody knows."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    debit = models.ForeignKey(Debit, models.PROTECT, related_name="outcomes")
    state = models.CharField(max_length=10, choices=DebitState)
    reason = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=120, blank=True)  # the provider's
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="debit_outcome")
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)

    objects = DebitOutcomeQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["debit"], condition=~models.Q(state="uncertain"), name="debit_answered_once"
            ),
            models.UniqueConstraint(
                fields=["debit"], condition=models.Q(state="uncertain"), name="debit_uncertain_once"
            ),
            models.CheckConstraint(
                name="debit_paid_has_payment",
                condition=models.Q(state="paid", payment__isnull=False)
                | (~models.Q(state="paid") & models.Q(payment=None)),
            ),
        ]
