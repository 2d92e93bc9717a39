"""Why a loan is late, in the borrower's own words sorted into few: it decides what to offer. Recorded, never guessed."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ArrearsReason(TextChoices):
    ILLNESS = "illness", _("Illness")
    JOB_LOSS = "job_loss", _("Lost work")
    ACCIDENT = "accident", _("Accident")
    DISASTER = "disaster", _("Disaster")
    BEREAVEMENT = "bereavement", _("Bereavement")
    FORGOT = "forgot", _("Forgot")
    MISUNDERSTOOD = "misunderstood_terms", _("Misunderstood the terms")
    PAYMENT_TROUBLE = "payment_trouble", _("The payment did not go through")
    DISPUTES = "disputes", _("Disputes it")
    UNWILLING = "unwilling", _("Does not want to pay")
    NOT_SAID = "does_not_say", _("Does not want to say")
