"""Money as whole numbers of minor units: 1234 means 12.34 in USD and 1,234 in UGX.

How many digits a currency has is ISO 4217's business. Which currencies exist today, and how a locale writes
an amount, comes from Babel (CLDR). CLDR's own digits are those of daily shopping and differ from ISO's for
a few currencies; where they do, ISO wins, or a lender's cents could not be stored.
"""

import copy
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from babel.numbers import NumberPattern, get_currency_precision

LARGEST = 10**15
"""Minor units: no single loan or payment reaches it, and the sum of a million such amounts still fits 128
bits."""

# ISO 4217 minor units where CLDR says otherwise (CLDR 47 against the ISO list of 2025).
_ISO_DIGITS = {
    "AFN": 2, "ALL": 2, "IQD": 3, "IRR": 2, "KPW": 2, "LAK": 2, "LBP": 2,
    "MGA": 2, "MMK": 2, "RSD": 2, "SOS": 2, "SYP": 2, "YER": 2,
}  # fmt: skip

# Full-width forms and the minus sign of typography. NFKC would also turn "10²" into "102": not for money.
_NARROW = str.maketrans("０１２３４５６７８９，．－＋\u2212", "0123456789,.-+-")

_PLAIN = {
    ".": re.compile(r"(-?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?"),
    ",": re.compile(r"(-?)([0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,([0-9]+))?"),
}
# Babel leaves out CLDR's currency spacing: a code of letters stands apart from the digits ("UGX 54,200").
_LETTER_MEETS_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_SCIENTIFIC = re.compile(r"-?[0-9](?:\.[0-9]{1,15})?[eE]\+?[0-9]{1,2}")


class MoneyError(ValueError):
    """A text that is no amount. `code` is one of unknown_currency, empty, not_a_number, exponent, negative,
    too_precise, too_large."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text[:40]!r}")
        self.code = code


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """ISO 4217 codes that are legal tender somewhere today: no test codes, funds, metals or past
    currencies."""
    return frozenset(
        code
        for entries in get_global("territory_currencies").values()
        for code, _since, until, tender in entries
        if tender and until is None
    )


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits after the decimal point by ISO 4217: 2 for USD, 0 for UGX, 3 for KWD. MoneyError (a
    ValueError) for a currency nobody uses."""
    if currency not in currencies():
        raise MoneyError("unknown_currency", currency)
    return _ISO_DIGITS.get(currency, get_currency_precision(currency))


@lru_cache(maxsize=256)
def parser(
    currency: str, *, allow_negative: bool = False, decimal: str = ".", scientific: bool = False
) -> Callable[[str], int]:
    """A function from text to minor units of the currency; see `parse`. Made once for a whole column."""
    digits = minor_digits(currency)
    scale = 10**digits
    plain = _PLAIN[decimal]

    def convert(text: str) -> int:
        text = text.strip()
        if len(text) <= 12 and text.isascii() and text.isdigit():
            return int(text) * scale
        text = text.translate(_NARROW)
        if not text:
            raise MoneyError("empty", text)
        if match := plain.fullmatch(text):
            sign, whole, fraction = match.groups()
            whole = whole.replace(",", "").replace(".", "")
            fraction = fraction or ""
            if fraction[digits:].strip("0"):
                raise MoneyError("too_precise", text)
            if len(whole.lstrip("0")) + digits > 16:
                raise MoneyError("too_large", text)
            amount = int(whole + fraction[:digits].ljust(digits, "0"))
            if sign:
                amount = -amount
        elif _SCIENTIFIC.fullmatch(text):
            if not scientific:
                raise MoneyError("exponent", text)
            scaled = Decimal(text) * scale
            if scaled != scaled.to_integral_value():
                raise MoneyError("too_precise", text)
            amount = int(scaled)
        else:
            raise MoneyError("not_a_number", text)
        if abs(amount) > LARGEST:
            raise MoneyError("too_large", text)
        if amount < 0 and not allow_negative:
            raise MoneyError("negative", text)
        return amount

    return convert


def parse(
    text: str, currency: str, *, allow_negative: bool = False, decimal: str = ".", scientific: bool = False
) -> int:
    """The amount in minor units of the currency, exact or refused with MoneyError.

    "1,234.50", "1234.5" and "1234.5000" are 123450 in USD. Thousands are grouped by threes or not at all;
    digits beyond the currency's must be zero; full-width digits count as digits. Signs, NaN, symbols and
    words are refused. `decimal=","` reads "1.234,50". `scientific=True` also reads "1e+05", as R writes
    round amounts; a tape's mapping must ask for it, because in a spreadsheet it means that digits were
    lost.
    """
    return parser(currency, allow_negative=allow_negative, decimal=decimal, scientific=scientific)(text)


def decimal_text(minor: int, currency: str) -> str:
    """The amount as plain decimal text with all the currency's digits, "-1234.50": for audit leaves and
    exports, the same in every locale and for ever."""
    digits = minor_digits(currency)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


@lru_cache(maxsize=512)
def _pattern(currency: str, locale: str) -> tuple[NumberPattern, Locale]:
    parsed = Locale.parse(locale.replace("_", "-"), sep="-")
    pattern = copy.copy(parsed.currency_formats["standard"])
    digits = minor_digits(currency)
    pattern.frac_prec = (digits, digits)
    return pattern, parsed


def display(minor: int, currency: str, locale: str) -> str:
    """The amount as a reader of the locale writes it: "$1,234.50", "UGX 54,200", "¥1,234.50". `locale` is a
    language tag with - or _ ("en", "zh-hans", "en_GB")."""
    pattern, parsed = _pattern(currency, locale)
    amount = Decimal(minor).scaleb(-minor_digits(currency))
    text = pattern.apply(amount, parsed, currency=currency, currency_digits=False)
    return _LETTER_MEETS_DIGIT.sub("\N{NO-BREAK SPACE}", text)
