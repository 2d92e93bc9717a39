"""A case at law: until when a debt may be sued for, the steps taken, and what staff ask legal. What stands here is never
rewritten; a step is taken back by another row.
"""

from datetime import date, datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models import Document, LedgerEntry, Loan, Portfolio
from cases.models.case import Case, Transition


class LegalStepKind(models.TextChoices):
    LETTER = "letter", _("Letter before action")
    LAWYER_LETTER = "lawyer_letter", _("Lawyer's letter")
    MEDIATION = "mediation", _("Mediation")
    CLAIM = "claim", _("Claim")
    JUDGMENT = "judgment", _("Judgment")
    ENFORCEMENT = "enforcement", _("Enforcement")
    WITHDRAWAL = "withdrawal", _("Step taken back")


class PeriodGround(models.TextChoices):
    """What the period runs from."""

    DUE = "due", _("the debt fell due")
    ACKNOWLEDGED = "acknowledged", _("the borrower acknowledged the debt")
    PAID = "paid", _("the borrower paid a part")
    DEMANDED = "demanded", _("payment was demanded")
    SUED = "sued", _("a claim was brought")


class LimitationQuerySet(models.QuerySet["Limitation"]):
    def newest_of(self, loan_id) -> "Limitation | None":
        return self.filter(loan=loan_id).order_by("-id").first()


class Limitation(models.Model):
    """How long a debt may be sued for, as a person of legal established it: from which day the period runs, how many years
    by which law, and why. `barred_on` is the first day on which it is too late. The newest row of a loan holds; without one
    nobody knows, and no legal step is taken. The words are sealed under the borrower's key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="limitations")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="limitations")
    runs_from = models.DateField()
    ground = models.CharField(max_length=20, choices=PeriodGround)
    years = models.PositiveSmallIntegerField()
    barred_on = models.DateField()
    source = models.CharField(max_length=200)
    words_sealed = models.BinaryField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    objects = LimitationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(name="limitation_years", condition=models.Q(years__gte=1, years__lte=30)),
            models.CheckConstraint(name="limitation_source", condition=~models.Q(source="")),
        ]

    def barred(self, on: date) -> bool:
        return on >= self.barred_on


class LegalStepQuerySet(models.QuerySet["LegalStep"]):
    def standing(self) -> Self:
        """Steps that were taken and not taken back."""
        return self.exclude(kind=LegalStepKind.WITHDRAWAL).filter(withdrawal=None)


class LegalStep(models.Model):
    """One step on a case, or the taking back of one.

    `stay` is the move that brought the case to legal: steps belong to it and end with it. `next_on` is the day by which an
    answer is asked for, or of the next hearing. A lawyer's letter names who reviewed this very case and signed. `cost`
    (minor units) was posted to the ledger as `entry`. `document` is the paper of the step, where its kind has one
    (`LegalStepOrder.papers`). File references and notes are sealed under the borrower's key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="legal_steps")
    stay = models.ForeignKey(Transition, models.PROTECT, related_name="legal_steps")
    kind = models.CharField(max_length=20, choices=LegalStepKind)
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawal")
    taken_on = models.DateField()
    next_on = models.DateField(null=True)
    lawyer = models.CharField(max_length=120, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    firm = models.CharField(max_length=160, blank=True)
    reviewed_on = models.DateField(null=True)
    signed_on = models.DateField(null=True)
    cost = models.PositiveBigIntegerField(default=0)
    entry = models.OneToOneField(LedgerEntry, models.PROTECT, null=True, related_name="legal_step")
    document = models.ForeignKey(Document, models.PROTECT, null=True, related_name="legal_steps")
    reference_sealed = models.BinaryField(null=True)
    note_sealed = models.BinaryField(null=True)
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = LegalStepQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                name="legal_step_withdraws",
                condition=models.Q(kind="withdrawal", withdraws__isnull=False)
                | (~models.Q(kind="withdrawal") & models.Q(withdraws=None)),
            ),
            models.CheckConstraint(
                name="legal_step_cost",
                condition=models.Q(cost=0, entry=None) | models.Q(cost__gt=0, entry__isnull=False),
            ),
            # Only as issued, reviewed case by case and signed by a named licensed lawyer of a named firm.
            models.CheckConstraint(
                name="legal_step_lawyer",
                condition=models.Q(kind="lawyer_letter", reviewed_on__isnull=False, signed_on__isnull=False)
                & models.Q(lawyer__regex=r"\S", licence__regex=r"\S", firm__regex=r"\S")
                & models.Q(reviewed_on__lte=models.F("signed_on"), signed_on__lte=models.F("taken_on"))
                | ~models.Q(kind="lawyer_letter")
                & models.Q(lawyer="", licence="", firm="", reviewed_on=None, signed_on=None),
            ),
            models.CheckConstraint(
                name="legal_step_next",
                condition=models.Q(next_on=None) | models.Q(next_on__gte=models.F("taken_on")),
            ),
        ]
        indexes = [models.Index(fields=["case", "-id"], name="legal_step_of_case")]


class LegalStepOrder(models.Model):
    """Which step follows which, in the database: the table of `cases/legal_steps.py`, written by migrations alone."""

    kind = models.CharField(max_length=20, unique=True)
    rank = models.PositiveSmallIntegerField()
    answer_days = models.PositiveSmallIntegerField()
    after = models.JSONField(default=list)
    papers = models.JSONField(default=list)

    class Meta:
        default_permissions = ()


class LegalQuestionQuerySet(models.QuerySet["LegalQuestion"]):
    def visible_to(self, user) -> Self:
        return self.filter(case__portfolio__in=Portfolio.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(answered_at=None)


class LegalQuestion(models.Model):
    """What somebody of the staff asks legal about a case, answered once, by the day of its clock. Question and answer are
    sealed under the borrower's key. The case stays where it is."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="legal_questions")
    question_sealed = models.BinaryField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_on = models.DateField()
    answer_sealed = models.BinaryField(null=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    objects = LegalQuestionQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("propose_legal", _("Propose that a case goes to legal")),
            ("ask_legal", _("Ask legal a question")),
            ("answer_legal", _("Answer questions to legal")),
        ]
        constraints = [
            models.CheckConstraint(
                name="legal_question_answered_whole",
                condition=models.Q(answered_by=None, answered_at=None, answer_sealed=None)
                | models.Q(
                    answered_by__isnull=False,
                    answered_at__gte=models.F("asked_at"),
                    answer_sealed__isnull=False,
                ),
            )
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=models.Q(answered_at=None), name="legal_question_open"),
            models.Index(fields=["case", "-asked_at"], name="legal_question_of_case"),
        ]  # fmt: skip

    def overdue(self, on: date) -> bool:
        return self.answered_at is None and on > self.due_on

    def answered_late(self, at: datetime) -> bool:
        return self.case.portfolio.business_date(at) > self.due_on
