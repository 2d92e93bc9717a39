"""Templates of messages, per channel and language, in approved versions that never change."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models import Channel


class Template(models.Model):
    """One text for one purpose on one channel in one language."""

    key = models.CharField(max_length=40)
    channel = models.CharField(max_length=12, choices=Channel)
    language = models.CharField(max_length=10)
    purpose = models.CharField(max_length=30)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["key", "channel", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.key} · {self.channel} · {self.language}"


class TemplateVersion(models.Model):
    """What is said, word for word, with placeholders in braces. Append-only."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(_("text"))
    # Our role → what that role must say of itself, in the place of {disclosure}.
    disclosures = models.JSONField(default=dict)
    # Null: approved with the product's own texts, by the people who ship it.
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]
