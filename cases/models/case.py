"""The case: the work on one overdue loan, and its map of states held by the database."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransitionMixin, FSMField, transition
from uuid_utils.compat import uuid7

from accounts.models import Borrower, Loan, Portfolio
from cases.machine import OPEN_STATES, sources


class CaseState(models.TextChoices):
    OVERDUE = "overdue", _("overdue")
    NOTIFIED = "notified", _("notified")
    NEGOTIATING = "negotiating", _("in conversation")
    INSTALLMENT_PLAN = "installment_plan", _("paying in parts")
    LEGAL = "legal", _("with legal")
    CURED = "cured", _("back on track")
    SETTLED = "settled", _("settled")
    WRITTEN_OFF = "written_off", _("written off")
    RECALLED = "recalled", _("taken back")


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> "CaseQuerySet":
        return self.filter(state__in=OPEN_STATES)

    def visible_to(self, user) -> "CaseQuerySet":
        """All for those who oversee; legal sees cases at law; a team sees its portfolios; an agency what is placed with it
        now."""
        if user.agency_id:
            placed = Case.placements.rel.related_model.objects.live().filter(agency=user.agency_id)
            return self.filter(models.Exists(placed.filter(case=models.OuterRef("pk"))))
        if user.has_perm("accounts.see_all_portfolios"):
            return self
        return self.filter(portfolio__team=user.team_id) if user.team_id else self.none()


class Case(ConcurrentTransitionMixin, models.Model):
    """Moves only through `cases.actions.transition.move`; `state_seq` belongs to the database's trigger."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    borrower = models.ForeignKey(Borrower, models.PROTECT, related_name="cases")
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="cases")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="cases")
    state = FSMField(default=CaseState.OVERDUE, choices=CaseState.choices, protected=True)
    state_seq = models.PositiveIntegerField(default=0)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="cases"
    )
    arrears_reason = models.CharField(max_length=30, blank=True)
    opened_on = models.DateField()
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        permissions = [
            ("work_case", _("Work on cases")),
            ("talk_case", _("Talk with borrowers and write down what they say")),
            ("move_to_legal", _("Move a case to legal")),
            ("close_case", _("Settle, write off or take back a case")),
            ("see_board", _("See the supervisor's board")),
            ("see_legal", _("See cases at law")),
            ("reassign_case", _("Give a case to someone else")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["loan"], condition=models.Q(closed_at=None), name="case_one_open_per_loan"
            ),
            models.CheckConstraint(
                name="case_closed_with_state",
                condition=models.Q(state__in=OPEN_STATES, closed_at=None)
                | (~models.Q(state__in=OPEN_STATES) & models.Q(closed_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["portfolio", "state"], condition=models.Q(closed_at=None), name="case_open_state"
            ),
            models.Index(fields=["portfolio", "opened_on"], name="case_opened"),
            models.Index(fields=["portfolio", "closed_at"], name="case_closed"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    # One method per target, as django-fsm wants them; the sources come from the one table of edges.
    @transition(field=state, source=sources("notified"), target="notified")
    def to_notified(self) -> None: ...

    @transition(field=state, source=sources("negotiating"), target="negotiating")
    def to_negotiating(self) -> None: ...

    @transition(field=state, source=sources("installment_plan"), target="installment_plan")
    def to_installment_plan(self) -> None: ...

    @transition(field=state, source=sources("legal"), target="legal")
    def to_legal(self) -> None: ...

    @transition(field=state, source=sources("cured"), target="cured")
    def to_cured(self) -> None: ...

    @transition(field=state, source=sources("settled"), target="settled")
    def to_settled(self) -> None: ...

    @transition(field=state, source=sources("written_off"), target="written_off")
    def to_written_off(self) -> None: ...

    @transition(field=state, source=sources("recalled"), target="recalled")
    def to_recalled(self) -> None: ...


class Edge(models.Model):
    """The map in the database: the only moves there are. Written by migrations alone."""

    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["source", "target"], name="edge_once")]


class Transition(models.Model):
    """One move of one case: who, when, why. Written before the case changes; append-only."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="transitions", db_index=False)
    seq = models.PositiveIntegerField()
    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=20)
    actor = models.CharField(max_length=60)
    reason = models.CharField(max_length=40)
    # What two people agreed: a move to legal takes one, and each is used once.
    approval = models.OneToOneField(
        "cases.Approval", models.PROTECT, null=True, related_name="transition", editable=False
    )

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="transition_once")]
