"""What the borrower asked and agreed to, as lines of the case page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.models import ContactPoint, Place
from cases.words import day
from compliance.models import (
    Channel,
    Consent,
    ConsentKind,
    Designation,
    DesignationKind,
    MediaRequest,
    MediaWish,
    Weekday,
)


@dataclass(frozen=True)
class WishLine:
    """`kind` and `id` are what is posted to take it back; `again`: it is taken back by a wish of its own."""

    text: str
    icon: str
    kind: str
    id: UUID
    again: bool = False


def wish_lines(
    designations: Iterable[Designation],
    wishes: Sequence[MediaRequest],
    consents: Iterable[Consent],
    points: Iterable[ContactPoint],
    on: date,
) -> list[WishLine]:
    """Those that hold on a day or later: times and places ruled out, channels not wanted, consents."""
    masks = {point.pk: point.mask for point in points}
    lines = [
        WishLine(_designation(row), "calendar-event", "designation", row.pk)
        for row in designations
        if _lasts(row.to_on, on)
    ]
    lines += [WishLine(_stop(row, masks), "x", "media", row.pk, again=True) for row in _standing(wishes)]
    lines += [
        WishLine(_consent(row), "circle-check", "consent", row.pk)
        for row in consents
        if _lasts(row.to_on, on)
    ]
    return lines


def _lasts(to_on: date | None, on: date) -> bool:
    return to_on is None or to_on >= on


def _standing(wishes: Sequence[MediaRequest]) -> Iterator[MediaRequest]:
    """Channels not wanted and not wanted again later, as widely (`compliance.person` counts the same)."""
    for number, row in enumerate(wishes):
        lifted = any(
            later.wish == MediaWish.AGAIN
            and later.channel == row.channel
            and later.contact_point_id in (None, row.contact_point_id)
            for later in wishes[number + 1 :]
        )
        if row.wish == MediaWish.STOP and not lifted:
            yield row


def _designation(row: Designation) -> str:
    if row.kind == DesignationKind.PLACE:
        text = _("not at work") if row.place == Place.WORK else _("not at home")
    else:
        text = _("not %(when)s") % {"when": _when(row.days, row.from_time, row.to_time)}
    return _until(text, row.to_on)


def _stop(row: MediaRequest, masks: dict[UUID, str]) -> str:
    words = {"channel": str(Channel(row.channel).label)}
    if row.contact_point_id is None:
        return _("no contact by %(channel)s") % words
    words["number"] = masks.get(row.contact_point_id, "…")
    return _("no contact by %(channel)s to %(number)s") % words


def _consent(row: Consent) -> str:
    match row.kind:
        case ConsentKind.CONTACT_TIME:
            when = {"when": _when(row.days, row.from_time, row.to_time)}
            text = (
                _("agreed to contact %(when)s; nothing else suits") % when
                if row.only_convenient
                else _("agreed to contact %(when)s") % when
            )
        case ConsentKind.DAILY_DIALS:
            most = row.most or 0
            text = ngettext("agreed to %(most)s call a day", "agreed to %(most)s calls a day", most) % {
                "most": most
            }
        case ConsentKind.ELECTRONIC:
            text = (
                _("agreed to messages by %(channel)s") % {"channel": Channel(row.channel).label}
                if row.channel
                else _("agreed to electronic messages")
            )
        case _:
            text = _("asked to be called back from %(day)s") % {"day": day(row.from_on)}
    return _until(text, row.to_on)


def _when(days: Sequence[str], start: time | None, end: time | None) -> str:
    parts = []
    if days:
        parts.append(
            pgettext("between items of a list", ", ").join(str(Weekday(each).label) for each in days)
        )
    if start is not None and end is not None:
        until = "24:00" if end == time(0) else f"{end:%H:%M}"
        parts.append(_("%(start)s to %(end)s") % {"start": f"{start:%H:%M}", "end": until})
    return " ".join(parts)


def _until(text: str, to_on: date | None) -> str:
    return _("%(text)s, until %(day)s") % {"text": text, "day": day(to_on)} if to_on else text
