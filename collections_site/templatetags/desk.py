"""How amounts, dates and signs are written on every page, in the reader's language."""

import datetime as dt
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from django import forms
from django.template import Library, TemplateSyntaxError
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from accounts import money as money_of

register = Library()

SPRITE = Path(__file__).resolve().parent.parent / "static" / "app" / "icons.svg"
# Day before month: no reader of either language can take 3 Dec for 12 Mar.
LOCALES = {"en": "en_GB", "zh-hans": "zh_Hans_CN"}


def reader_locale() -> Locale:
    """Babel's locale for the language the page is written in."""
    return Locale.parse(LOCALES.get(get_language() or "en", "en_GB"))


# Amounts


@register.simple_tag
def money(amount: int | None, currency: str) -> str:
    """An amount in minor units with its currency, such as "UGX 54,200"; a dash where there is none."""
    if amount is None:
        return "–"
    return money_of.display(amount, currency, get_language() or "en")


@register.simple_tag
def percent(share: float | None) -> str:
    """A share as 12.5%; a dash where there is none."""
    return "–" if share is None else format_percent(share, "#,##0.#%", locale=reader_locale())


@register.simple_tag
def figure(value: float | None) -> str:
    """A figure with at most one decimal; a dash where there is none."""
    return "–" if value is None else format_decimal(value, "#,##0.#", locale=reader_locale())


# Dates and times


def in_zone(moment: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    return moment.astimezone(zone) if zone else timezone.localtime(moment)


@register.filter
def day(value: dt.date | None) -> str:
    """28 Nov 2026 · 2026年11月28日."""
    return format_date(value, "medium", locale=reader_locale()) if value else "–"


@register.filter
def short_day(value: dt.date | None) -> str:
    """28 Nov · 11月28日; the year is added where it is not the present one."""
    if not value:
        return "–"
    if value.year != timezone.now().year:
        return day(value)
    return format_skeleton("MMMd", dt.datetime(value.year, value.month, value.day), locale=reader_locale())  # noqa: DTZ001 - a date


@register.filter
def weekday(value: dt.date | None) -> str:
    """Sat 28 Nov · 11月28日周六: for dates that people agree on; with the year where it is not the present one."""
    if not value:
        return "–"
    moment = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date
    skeleton = "MMMEd" if value.year == timezone.now().year else "yMMMEd"
    return format_skeleton(skeleton, moment, locale=reader_locale())


@register.filter
def clock(moment: dt.datetime | None, zone: dt.tzinfo | None = None) -> str:
    """17:32, in `zone` or else in UTC."""
    return format_time(in_zone(moment, zone).time(), "HH:mm", locale=reader_locale()) if moment else "–"


@register.filter
def local_time(moment: dt.datetime | None, zone: dt.tzinfo | None = None) -> str:
    """28 Nov, 17:32 in `zone` or else in UTC; the clock alone where the day is today."""
    if not moment:
        return "–"
    local = in_zone(moment, zone)
    if local.date() == in_zone(timezone.now(), zone).date():
        return clock(moment, zone)
    return _("%(day)s, %(time)s") % {"day": short_day(local.date()), "time": clock(moment, zone)}


@register.filter
def day_heading(value: dt.date, zone: dt.tzinfo | None = None) -> str:
    """Today, yesterday, or the day with its weekday: the headings of a timeline."""
    today = in_zone(timezone.now(), zone).date()
    if value == today:
        return _("Today")
    if value == today - dt.timedelta(days=1):
        return _("Yesterday")
    return weekday(value)


@register.filter
def local_date(moment: dt.datetime, zone: dt.tzinfo | None = None) -> dt.date:
    """The calendar day of a moment in `zone` or else in UTC."""
    return in_zone(moment, zone).date()


@register.filter
def ago(moment: dt.datetime | None) -> str:
    """3 hours ago · 3小时前; in 2 days · 2天后."""
    if not moment:
        return "–"
    return format_timedelta(moment - timezone.now(), add_direction=True, locale=reader_locale())


# Sentences


@register.filter
def days_late(days: int) -> str:
    """14 days late · not late."""
    if days <= 0:
        return _("not late")
    return ngettext("%(days)d day late", "%(days)d days late", days) % {"days": days}


@register.filter
def bucket_words(key: str) -> str:
    """1–30 · not late · paid, from the key of a bucket or of where its loans have gone."""
    named = {"current": _("not late"), "paid": pgettext("of a loan", "paid")}
    return named.get(key, key.replace("-", "–"))


@register.filter
def sentence(items: Iterable[object]) -> str:
    """Items joined as people write them: a, b and c · a、b和c."""
    return format_list([str(item) for item in items], locale=reader_locale())


# Signs


@cache
def drawn_icons() -> frozenset[str]:
    return frozenset(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text(encoding="utf-8")))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A Tabler icon. Silent beside a word; give a `label` where it stands alone.

    An icon missing from the sprite is an error rather than a hole in the page: `manage.py draw_icons NAME`.
    """
    if name not in drawn_icons():
        raise TemplateSyntaxError(f"No icon {name!r} in {SPRITE.name}; run manage.py draw_icons {name}")
    address = f"{static('app/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, address
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', address)


@register.simple_tag
def key(name: str) -> SafeString:
    """The small mark that shows which key presses a button; screen readers hear `aria-keyshortcuts`."""
    shown = {"Escape": "Esc"}.get(name, name.upper() if len(name) == 1 else name)
    return format_html('<kbd class="key" aria-hidden="true">{}</kbd>', shown) if name else SafeString("")


# Forms

CONTROL_CLASSES = (
    (forms.CheckboxInput, "form-check-input"),
    (forms.RadioSelect, ""),
    (forms.CheckboxSelectMultiple, ""),
    (forms.Select, "form-select"),
)


# What a browser's own date fields send and expect, whatever the language of the page.
ISO_INPUTS = (
    (forms.DateTimeInput, "datetime-local", "%Y-%m-%dT%H:%M"),
    (forms.DateInput, "date", "%Y-%m-%d"),
    (forms.TimeInput, "time", "%H:%M"),
)


@register.filter
def control(field: forms.BoundField) -> SafeString:
    """The field's widget with Tabler's class for its kind, and red only when the person must change it."""
    return field.as_widget(attrs=control_attrs(field))


@register.filter
def draft(field: forms.BoundField, owner: object) -> SafeString:
    """A text that drafts.js keeps while it is typed, under the owner's id and the field's name."""
    attrs = control_attrs(field) | {"rows": "2", "data-draft": f"{owner}:{field.name}", "data-key": "m"}
    return field.as_widget(attrs=attrs)


def control_attrs(field: forms.BoundField) -> dict[str, str | bool]:
    widget = field.field.widget
    for kind, input_type, pattern in ISO_INPUTS:
        if isinstance(widget, kind):
            widget.input_type, widget.format = input_type, pattern
    css = next((name for kind, name in CONTROL_CLASSES if isinstance(widget, kind)), "form-control")
    classes = [css, widget.attrs.get("class", ""), "is-invalid" if field.errors else ""]
    attrs: dict[str, str | bool] = {"class": " ".join(filter(None, classes))}
    if isinstance(field.field, forms.DecimalField):
        attrs["inputmode"] = "decimal"
    return attrs


@register.filter
def is_check(field: forms.BoundField) -> bool:
    """A single box to tick, whose label stands behind it."""
    return isinstance(field.field.widget, forms.CheckboxInput)
