"""A provider's settlement file beside our books: each of its lines, and each booking of ours that it does not have."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.loan import LedgerEntry, Payment
from accounts.models.tape import ImportRun


class Compared(models.TextChoices):
    """What came of comparing one line. Everything but `equal` is a difference."""

    EQUAL = "equal", _("the same")
    WAITING = "waiting", _("waits here for its loan")
    AMOUNT = "amount", _("another amount")
    DAY = "day", _("another day")
    THEIRS = "theirs", _("not in our books")
    OURS = "ours", _("not in their file")
    STANDS = "stands", _("taken back there, not here")
    TAKEN_BACK = "taken_back", _("taken back here, not there")


BOTH = Q(amount__isnull=False, day__isnull=False, our_amount__isnull=False, our_day__isnull=False)


class ProviderLineQuerySet(models.QuerySet["ProviderLine"]):
    def differences(self) -> "ProviderLineQuerySet":
        return self.exclude(result=Compared.EQUAL)


class ProviderLine(models.Model):
    """One line of the file, or one booking of ours that no line tells of. Written once, with the run that read the file.

    `rows` are the file's rows that say it, more than one where it stands there several times; none where it is only ours.
    `reference` is the payment's; `takes_back` says that the money of that payment went back. `amount` and `day` are the
    provider's, `our_amount` and `our_day` ours, both in minor units of the portfolio's currency and above zero. What we have
    is a payment, or an entry of the ledger: one that a tape told of, or that took a payment back.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(ImportRun, models.PROTECT, related_name="provider_lines")
    rows = ArrayField(models.PositiveIntegerField())
    reference = models.CharField(max_length=120)
    takes_back = models.BooleanField()
    amount = models.BigIntegerField(null=True)
    day = models.DateField(null=True)
    loan_hint = models.CharField(max_length=80, blank=True)
    our_amount = models.BigIntegerField(null=True)
    our_day = models.DateField(null=True)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="+")
    entry = models.ForeignKey(LedgerEntry, models.PROTECT, null=True, related_name="+", db_index=False)
    result = models.CharField(max_length=10, choices=Compared)

    objects = ProviderLineQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("view_provider_file", _("See what a provider's file was compared to"))]
        indexes = [models.Index(fields=["run", "result"], name="provider_line_of_run")]
        constraints = [
            # The result says what the columns say. What is compared is there: NULL would pass for anything.
            models.CheckConstraint(
                name="provider_line_result",
                condition=(
                    (BOTH & Q(result="equal", amount=F("our_amount"), takes_back=True))
                    | (BOTH & Q(result__in=["equal", "waiting"], amount=F("our_amount"), day=F("our_day"), takes_back=False))
                    | (BOTH & Q(result="amount") & ~Q(amount=F("our_amount")))
                    | (BOTH & Q(result="day", takes_back=False, amount=F("our_amount")) & ~Q(day=F("our_day")))
                    | Q(result="theirs", takes_back=False, amount__isnull=False, our_amount__isnull=True)
                    | Q(result="stands", takes_back=True, amount__isnull=False, our_amount__isnull=True)
                    | Q(result="ours", takes_back=False, amount__isnull=True, our_amount__isnull=False)
                    | Q(result="taken_back", takes_back=True, amount__isnull=True, our_amount__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="provider_line_theirs_whole",
                condition=Q(rows=[], amount__isnull=True, day__isnull=True)
                | (~Q(rows=[]) & Q(amount__isnull=False, amount__gt=0, day__isnull=False)),
            ),
            models.CheckConstraint(
                name="provider_line_ours_whole",
                condition=Q(payment__isnull=True, entry__isnull=True, our_amount__isnull=True, our_day__isnull=True)
                | (Q(our_amount__isnull=False, our_amount__gt=0, our_day__isnull=False)
                   & (Q(payment__isnull=False, entry__isnull=True) | Q(payment__isnull=True, entry__isnull=False))),
            ),
            models.UniqueConstraint(
                fields=["run", "payment"], condition=Q(takes_back=False, payment__isnull=False),
                name="provider_line_payment_once",
            ),
        ]  # fmt: skip


class Explained(models.TextChoices):
    """What a person found out about a difference, or did about it."""

    BOOKED = "booked", _("booked from the file")
    TAKEN_BACK = "taken_back", _("taken back here too")
    NEXT_FILE = "next_file", _("comes in their next file")
    THEIR_MISTAKE = "mistake", _("the provider's mistake")
    OUR_MISTAKE = "our_mistake", _("our mistake, put right")
    OTHER_WAY = "other_way", _("came another way than through this provider")


class ProviderAnswer(models.Model):
    """A difference answered: by whom, when, and how. Once for each line."""

    line = models.OneToOneField(ProviderLine, models.PROTECT, primary_key=True, related_name="answer")
    what = models.CharField(max_length=12, choices=Explained)
    answered_by = models.CharField(max_length=60)
    answered_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("answer_provider_line", _("Answer a difference to a provider's file"))]
