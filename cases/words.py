"""Amounts, days and moments inside sentences, as the reader's language writes them."""

from datetime import date, datetime, tzinfo

from babel import Locale
from babel.dates import format_date, format_skeleton
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import money


def _language() -> str:
    return get_language() or "en"


def _locale() -> Locale:
    return Locale.parse("zh_Hans_CN" if _language().startswith("zh") else "en_GB")


def amount(minor: int, currency: str) -> str:
    """UGX 54,200."""
    return money.display(minor, currency, _language())


def amount_of(text: str, currency: str) -> str:
    """The same from the decimal text of an event."""
    return amount(money.parse(text, currency, allow_negative=True), currency)


def day(value: date | str) -> str:
    """28 Nov 2026."""
    value = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(value, "medium", locale=_locale())


def moment(value: datetime | str, zone: tzinfo) -> str:
    """28 Nov, 17:32 on the clocks of a zone."""
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = value.astimezone(zone)
    words = {"day": format_skeleton("MMMd", local, locale=_locale()), "time": f"{local:%H:%M}"}
    return _("%(day)s, %(time)s") % words
