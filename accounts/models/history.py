"""What came from elsewhere before we began: which rows of which files became what, and who has checked them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.portfolio import Portfolio
from accounts.models.tape import ImportKind, ImportRun


class ImportedRecord(models.Model):
    """One row of a history and what it became: the same id is never taken in twice. Append-only.

    `source` is who gave out the id, where a kind has several (two agencies may both have a call 17). `digest` is keyed and
    tells whether a row sent again says the same. `amount` is in minor units of the portfolio's currency, where the kind has
    one.
    """

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=ImportKind)
    source = models.CharField(max_length=40, blank=True)
    external_id = models.CharField(max_length=80)
    digest = models.BinaryField()
    made = models.UUIDField()
    happened_on = models.DateField()
    amount = models.BigIntegerField(null=True)
    run = models.ForeignKey(ImportRun, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "kind", "source", "external_id"], name="imported_record_once"
            )
        ]


class Reconciliation(models.Model):
    """Somebody has compared what was imported with what the lender sent, and signed. Append-only.

    `runs` are the history files it covers; `nothing` the kinds of which the signer says that there was nothing to import;
    `figures` what the page showed. The database opens a portfolio for contact only where a reconciliation covers every
    history file read (`migrations/sql/history.sql`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="reconciliations")
    runs = ArrayField(models.UUIDField(), default=list)
    nothing = ArrayField(models.CharField(max_length=10, choices=ImportKind), default=list)
    figures = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    signed_by = models.CharField(max_length=60)
    signed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("sign_reconciliation", _("Sign the reconciliation of an import"))]
        ordering = ["id"]
