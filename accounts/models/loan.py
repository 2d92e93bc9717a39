"""Loans, their schedules and the ledger. Every amount is an integer in minor units of the portfolio's currency."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.borrower import Borrower
from accounts.models.portfolio import Portfolio


class LoanQuerySet(models.QuerySet["Loan"]):
    def visible_to(self, user) -> "LoanQuerySet":
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        return self.filter(portfolio__team=user.team_id) if user.team_id else self.none()


class Loan(models.Model):
    """The debt. What is owed is never stored here: it is the sum of the ledger."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="loans")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="loans")
    external_id = models.CharField(max_length=80)
    product = models.CharField(max_length=60, blank=True)
    disbursed_on = models.DateField(null=True, blank=True)
    # Keyed digest of the cleaned row of the last tape: equal means nothing changed.
    tape_digest = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = LoanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "external_id"], name="loan_once_per_portfolio"),
            models.UniqueConstraint(fields=["borrower", "id"], name="loan_of_borrower"),
        ]


class Instalment(models.Model):
    """What the contract makes due on a day. The schedule's sum is the loan's opening amount."""

    loan = models.ForeignKey(Loan, models.CASCADE, related_name="instalments")
    number = models.PositiveIntegerField()
    due_on = models.DateField()
    amount = models.BigIntegerField()

    class Meta:
        ordering = ["due_on", "number"]
        constraints = [
            models.UniqueConstraint(fields=["loan", "number"], name="instalment_number_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="instalment_amount_positive"),
        ]
        # A payment that does not say its loan may be one of exactly this amount, due around its day.
        indexes = [models.Index(fields=["amount", "due_on"], name="instalment_by_amount")]


class EntryKind(models.TextChoices):
    OPENING = "opening", _("Opening amount")
    FEE = "fee", _("Fee")
    INTEREST = "interest", _("Interest")
    REPAYMENT = "repayment", _("Repayment")
    WAIVER = "waiver", _("Waiver")
    REALLOCATION = "reallocation", _("Re-allocation")
    REVERSAL = "reversal", _("Reversal")
    CHARGEBACK = "chargeback", _("Chargeback")
    WRITE_OFF = "write_off", _("Write-off")
    RECOVERY = "recovery", _("Recovery after write-off")
    TRANSFER = "transfer", _("Transfer")
    WAIVER_BACK = "waiver_back", _("Waiver taken back")


class Basis(models.TextChoices):
    """What an entry's components rest on."""

    WATERFALL = "waterfall", _("the order of payment")
    NAMED = "named", _("named by whoever posted it")
    FOLLOWS = "follows", _("follows from another entry")


class LedgerEntry(models.Model):
    """One booking on a loan, by component; positive is owed, negative paid. Append-only.

    `value_date` is the day it counts from, `booked_at` the moment we wrote it, `number` its place among all entries: of one
    loan later ones have higher numbers, whatever moments they tell; the database gives it. `credit` holds what was paid
    beyond the debt (negative). A waiver is forgiven, and covers the debt as a repayment does. Their split was right when it
    was booked; when an earlier one arrives later, a zero-sum re-allocation moves the components to where the waterfall by
    value date puts them. A chargeback takes a payment back from its own value date on: until then the money was there. A
    write-off gives up what its day left open; what is learned later of that day, and money that comes after it, moves it by
    entries that follow. A transfer out is what left with the borrower's credit, or as credit for another loan; a transfer in
    is paid by it. A waiver is taken back, whole and from its own day, where what it was given for turns out not to be so.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(db_default=0, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="+", db_index=False)
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=12, choices=EntryKind)
    value_date = models.DateField()
    booked_at = models.DateTimeField()
    fees = models.BigIntegerField(default=0)
    interest = models.BigIntegerField(default=0)
    principal = models.BigIntegerField(default=0)
    credit = models.BigIntegerField(default=0)
    amount = models.GeneratedField(
        expression=models.F("fees") + models.F("interest") + models.F("principal") + models.F("credit"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    reference = models.CharField(max_length=120)
    basis = models.CharField(
        max_length=9, choices=Basis, default=Basis.WATERFALL, db_default=Basis.WATERFALL.value
    )

    class Meta:
        ordering = ["value_date", "id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["loan", "kind", "reference"], name="ledger_entry_once"),
            models.CheckConstraint(
                name="ledger_sign_by_kind",
                condition=(
                    models.Q(kind__in=["opening", "fee", "interest"], fees__gte=0, interest__gte=0,
                             principal__gte=0, credit=0)
                    | models.Q(kind__in=["repayment", "waiver", "recovery"], fees__lte=0, interest__lte=0,
                               principal__lte=0, credit__lte=0)
                    | models.Q(kind="chargeback", fees__gte=0, interest__gte=0, principal__gte=0, credit__gte=0,
                               amount__gt=0)
                    # Given up; or, where it follows from what came after, less given up.
                    | models.Q(kind="write_off", fees__lte=0, interest__lte=0, principal__lte=0, credit=0,
                               amount__lt=0)
                    | models.Q(kind="write_off", basis="follows", fees__gte=0, interest__gte=0, principal__gte=0,
                               credit__gte=0, amount__gt=0)
                    | models.Q(kind="write_off", basis="follows", fees__lte=0, interest__lte=0, principal__lte=0,
                               credit__lte=0, amount__lt=0)
                    | models.Q(kind="transfer", fees=0, interest=0, principal__gt=0, credit=0)
                    | models.Q(kind="transfer", fees__lte=0, interest__lte=0, principal__lte=0, credit__lte=0,
                               amount__lt=0)
                    | models.Q(kind__in=["reversal", "waiver_back"], amount__gte=0)
                    | models.Q(kind="reallocation", amount=0)
                ),
            ),
            models.CheckConstraint(
                name="ledger_basis_by_kind",
                condition=(
                    models.Q(basis="waterfall")
                    | models.Q(basis="named", kind="waiver", credit=0)
                    | models.Q(basis="follows", kind="write_off")
                ),
            ),
        ]  # fmt: skip


class PaymentState(models.TextChoices):
    POSTED = "posted", _("posted")
    UNMATCHED = "unmatched", _("waiting for its loan")


class PaymentQuerySet(models.QuerySet["Payment"]):
    def unmatched(self) -> "PaymentQuerySet":
        return self.filter(state=PaymentState.UNMATCHED)

    def visible_to(self, user) -> "PaymentQuerySet":
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        return self.filter(portfolio__team=user.team_id) if user.team_id else self.none()


class Payment(models.Model):
    """Money that came in, as the provider told us, once per portfolio and reference."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    portfolio = models.ForeignKey(Portfolio, models.PROTECT)
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, blank=True, related_name="payments")
    reference = models.CharField(max_length=120)
    amount = models.BigIntegerField()
    value_date = models.DateField()
    state = models.CharField(max_length=10, choices=PaymentState)
    loan_hint = models.CharField(max_length=80, blank=True)  # the loan id the provider gave
    payer_index = models.BinaryField(null=True)  # blind index of the payer's phone, e-mail or customer id
    source = models.CharField(max_length=20)
    received_at = models.DateTimeField()

    objects = PaymentQuerySet.as_manager()

    class Meta:
        permissions = [("match_payment", _("Match a payment to its loan"))]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "reference"], name="payment_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(state="posted", loan__isnull=False)
                | models.Q(state="unmatched", loan__isnull=True),
                name="payment_posted_has_loan",
            ),
        ]
        indexes = [
            models.Index(fields=["portfolio", "received_at"], condition=models.Q(state="unmatched"),
                         name="payment_waiting"),
        ]  # fmt: skip


class PaymentCandidate(models.Model):
    """A loan that an unmatched payment may be for. While it waits, nobody asks that borrower to pay."""

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="candidates")
    loan = models.ForeignKey(Loan, models.CASCADE, related_name="payment_candidates")
    why = models.CharField(max_length=20)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["payment", "loan"], name="payment_candidate_once")]
