"""Links from a case to what was said below it: calls, messages, and scripts walked."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from cases.models.case import Case
from communications.models import Message, ScriptVersion
from compliance.models import ContactAttempt


class CaseMessage(models.Model):
    """Which case a message was sent for, and who of the desk wrote it; nobody where a run planned it."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="messages")
    message = models.OneToOneField(Message, models.PROTECT, related_name="for_case")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()


class Call(models.Model):
    """A call placed from a case. Until it is logged with a disposition it is open on the agent's screen, one at a time."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="calls")
    attempt = models.OneToOneField(ContactAttempt, models.PROTECT, related_name="call")
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    logged_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=30, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["agent"], condition=models.Q(logged_at=None), name="call_one_open_per_agent"
            )
        ]


class ScriptRun(models.Model):
    """One walk of an agent through one version of a script, during a case's call."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="script_runs")
    call = models.ForeignKey(Call, models.PROTECT, null=True, related_name="script_runs")
    version = models.ForeignKey(ScriptVersion, models.PROTECT, related_name="+")
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=40, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(finished_at=None), name="script_run_one_open"
            )
        ]


class ScriptStep(models.Model):
    """One step passed: what was chosen, when. Append-only."""

    run = models.ForeignKey(ScriptRun, models.PROTECT, related_name="steps")
    seq = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=40)
    answer = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="script_step_once")]
