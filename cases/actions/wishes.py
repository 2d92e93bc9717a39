"""What the borrower asks or agrees to on a case: one thing said becomes one row, and can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions.points import note_place
from accounts.models import ContactPoint, Place
from cases.models import Case
from compliance.actions.consents import record_consent, revoke_consent
from compliance.actions.designations import rule_out_place, rule_out_time, withdraw_designation
from compliance.actions.media import note_media_wish
from compliance.audit import Actor
from compliance.models import Channel, Consent, ConsentKind, Designation, MediaWish


class What(StrEnum):
    """What was said."""

    NOT_TIME = "not_time"
    NOT_HOME = "not_home"
    NOT_WORK = "not_work"
    STOP = "stop"
    AGAIN = "again"
    HOURS = "hours"
    DIALS = "dials"
    ELECTRONIC = "electronic"


AGREEMENTS = frozenset({What.AGAIN, What.HOURS, What.DIALS, What.ELECTRONIC})
"""These open something, and count for nothing without evidence."""


class WishRefused(Exception):
    """It was not written down. The text is a sentence for the person who wrote it."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One thing said. Days of the week as the rules write them; hours by the borrower's clock; `until` that day included.
    `contact_point` is the number or address it is about; of a place ruled out, the one that is there."""

    what: What
    words: str = ""
    days: Sequence[str] = ()
    hours: tuple[time, time] | None = None
    only_convenient: bool = False
    until: date | None = None
    channel: str = ""
    contact_point: ContactPoint | None = None
    most: int | None = None
    evidence: str = ""


@transaction.atomic
def note_wish(*, case: Case, wish: Wish, by: Actor, at: datetime) -> None:
    """Write down what the borrower said, on a call unless its evidence says otherwise. Raises `WishRefused`."""
    if wish.what in AGREEMENTS and not wish.evidence:
        raise WishRefused(_("Please say where it can be heard or read; without that it counts for nothing."))
    on = case.portfolio.business_date(at)
    if wish.until and wish.until < on:
        raise WishRefused(_("The last day is past."))
    try:
        _note(case, wish, on, by, at)
    except ValueError as error:
        raise WishRefused(_("This does not fit together: %(why)s") % {"why": _why(wish, error)}) from error


def _note(case: Case, wish: Wish, on: date, by: Actor, at: datetime) -> None:
    about: dict[str, Any] = {"borrower": case.borrower, "by": by, "at": at, "case": case.pk}
    match wish.what:
        case What.NOT_TIME:
            rule_out_time(
                from_on=on, to_on=wish.until, words=wish.words, days=wish.days, hours=wish.hours, **about
            )
        case What.NOT_HOME | What.NOT_WORK:
            place = Place.HOME if wish.what == What.NOT_HOME else Place.WORK
            rule_out_place(place=place, from_on=on, to_on=wish.until, words=wish.words, **about)
            if wish.contact_point is not None:
                note_place(point=wish.contact_point, place=place, by=by, at=at, case=case.pk)
        case What.STOP | What.AGAIN:
            note_media_wish(
                wish=MediaWish.STOP if wish.what == What.STOP else MediaWish.AGAIN,
                channel=wish.channel,
                contact_point=wish.contact_point,
                how=Channel.CALL,
                evidence=wish.evidence,
                **about,
            )
        case What.HOURS:
            record_consent(
                kind=ConsentKind.CONTACT_TIME, from_on=on, to_on=wish.until, evidence=wish.evidence, days=wish.days,
                hours=wish.hours, only_convenient=wish.only_convenient, **about,
            )  # fmt: skip
        case What.DIALS:
            record_consent(
                kind=ConsentKind.DAILY_DIALS, from_on=on, to_on=wish.until, evidence=wish.evidence, most=wish.most,
                **about,
            )  # fmt: skip
        case What.ELECTRONIC:
            record_consent(
                kind=ConsentKind.ELECTRONIC, from_on=on, to_on=wish.until, evidence=wish.evidence,
                channel=wish.channel, **about,
            )  # fmt: skip


def _why(wish: Wish, error: ValueError) -> str:
    """The reason in the reader's language, as far as it is one a person at the desk can cause."""
    match wish.what:
        case What.NOT_TIME:
            return _(
                "name days, or hours that begin and end at different times; all days at once are a hold."
            )
        case What.HOURS:
            return _("other hours need their beginning and their end.")
        case What.DIALS:
            return _("more calls a day need their number.")
        case What.STOP | What.AGAIN:
            return _("the number or address does not belong to this channel.")
    return str(error)


@transaction.atomic
def take_back(*, case: Case, kind: str, pk: UUID, by: Actor, at: datetime) -> None:
    """The borrower takes back a time or place ruled out (`designation`) or something agreed to (`consent`). Taken back
    before: nothing changes. Raises the models' `DoesNotExist` for a row of another borrower."""
    if kind == "designation":
        designation = Designation.objects.get(pk=pk, borrower=case.borrower_id)
        withdraw_designation(designation=designation, by=by, at=at, case=case.pk)
    else:
        consent = Consent.objects.get(pk=pk, borrower=case.borrower_id)
        revoke_consent(consent=consent, by=by, at=at, case=case.pk)
