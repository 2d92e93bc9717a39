"""Scripted conversations as data: versions that never change once they are used."""

from django.conf import settings
from django.db import models


class Script(models.Model):
    key = models.CharField(max_length=40, unique=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.key


class ScriptVersion(models.Model):
    """`steps` as `communications/scripts/*.yaml` describes them: what to say in both languages, answers, next
    step.

    Append-only.
    """

    script = models.ForeignKey(Script, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.JSONField()  # language → title
    steps = models.JSONField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["script", "number"], name="script_version_once")]
