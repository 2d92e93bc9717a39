"""Which message announced which debit, for which case: the link from the mandates below to the words above them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import DebitNotice
from cases.models.case import Case
from communications.models import Message


class DebitMessage(models.Model):
    """The message by which a debit was announced. Until it was really sent nothing is drawn. Append-only."""

    notice = models.OneToOneField(DebitNotice, models.PROTECT, related_name="told_by")
    case = models.ForeignKey(Case, models.PROTECT, related_name="debit_messages")
    message = models.OneToOneField(Message, models.PROTECT, related_name="announces")

    class Meta:
        default_permissions = ()
        permissions = [
            ("announce_debit", _("Announce a debit")),
            ("settle_debit", _("Say what came of an uncertain debit")),
        ]
