"""What a person of the desk writes to a borrower: an approved text, to an address of the borrower's own, sent under a permit
as that person's contact. Planned here, judged and sent by `outreach.deliver`."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ContactPoint, User
from cases.actions.transition import lock
from cases.actions.work import take
from cases.models import Case, CaseMessage, Placement
from communications.actions import messages
from communications.actions.planning import keys_of
from communications.models import Message
from communications.texts import TextError, current_template
from compliance.audit import Actor
from compliance.models import Channel
from compliance.rules import Purpose

TEXT_OF_HOUSE = "reminder"
TEXT_OF_AGENCY = "agency_reminder"
LABELS: dict[str, str | Lazy] = {
    TEXT_OF_HOUSE: gettext_lazy("Reminder"),
    TEXT_OF_AGENCY: gettext_lazy("Reminder by the agency"),
}


class WriteRefused(Exception):
    """Nothing was planned. `code`: `closed`, `with_agency`, `not_placed`, `address`, `text`, `written` (the same today
    already); the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def text_for(user: User) -> str:
    """The text that this person may send: an agency says that it is one."""
    return TEXT_OF_AGENCY if user.agency_id else TEXT_OF_HOUSE


def silenced(case: Case, user: User) -> bool:
    """Whether our own people leave the writing to the agency that has the case."""
    return user.agency_id is None and Placement.objects.silencing().filter(case=case).exists()


@transaction.atomic
def write(*, case: Case, contact_point: ContactPoint, user: User, at: datetime) -> Message:
    """Plan the person's text to one address, once a day; the gate judges it when it leaves, as their contact. Needs
    `compliance.place_contact` (`PermissionDenied`); raises `WriteRefused`, `LeaseHeld`."""
    by = Actor.staff(user)
    if not by.may("compliance.place_contact"):
        raise PermissionDenied
    case = lock(case.pk)
    if not Case.objects.visible_to(user).filter(pk=case.pk).exists():
        raise WriteRefused("not_placed", _("This case is not with your agency any more."))
    if not case.is_open:
        raise WriteRefused("closed", _("The case is closed."))
    if silenced(case, user):
        raise WriteRefused("with_agency", _("An agency has this case, and writes while it does."))
    point = (
        ContactPoint.objects.usable()
        .filter(pk=contact_point.pk, borrower=case.borrower_id, related_person=None, kind="email")
        .first()
    )
    if point is None:
        raise WriteRefused("address", _("Please choose an address of the borrower's own that is in use."))
    text = text_for(user)
    try:
        version = current_template(text, Channel.EMAIL, case.borrower.language)
    except TextError:
        raise WriteRefused("text", _("Nobody has approved a text for this.")) from None
    key = f"written:{case.pk.hex}:{text}:{case.portfolio.business_date(at):%Y%m%d}"
    if Message.objects.filter(dedupe_key__in=keys_of(key)).exists():
        raise WriteRefused("written", _("This was written today already; once a day is enough."))
    take(case=case, user=user, at=at)
    message = messages.plan(
        borrower=case.borrower, contact_point=point, template_version=version, purpose=Purpose.REMINDER,
        loans=[case.loan_id], dedupe_key=key, not_before=at, by=by, at=at, case=case.pk,
    )  # fmt: skip
    CaseMessage.objects.create(case=case, message=message, written_by=user)
    return message
