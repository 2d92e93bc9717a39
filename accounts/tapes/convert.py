"""From the text of one cell to its value. One converter per column, made once; each raises Bad or is sure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from accounts import money, phones
from accounts.schedules import MOST, Every, Instalment
from accounts.tapes import fields
from accounts.tapes.codes import Code
from accounts.tapes.fields import Field, Kind
from accounts.tapes.mapping import Column
from accounts.tapes.read import DateCell, NumberCell

Converter = Callable[[str], Any]

EARLIEST = date(1990, 1, 1)
YEARS_AHEAD = 50
OLDEST_BIRTH = 1900


class Bad(Exception):
    """The text is no such value; `params` fill the code's sentence."""

    def __init__(self, code: Code, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class Setting:
    """What cells are read against: the portfolio's currency and business zone, the region of bare phone
    numbers, and the business date of the import."""

    currency: str
    zone: ZoneInfo
    phone_region: str | None
    today: date


REPEATING = frozenset(Kind) - {
    Kind.ID,
    Kind.NAME,
    Kind.PHONE,
    Kind.EMAIL,
    Kind.INSTANT,
    Kind.SCHEDULE,
    Kind.TEXT,
    Kind.REFERENCE,
}
"""Kinds whose texts occur again and again in a column, so that their values are worth remembering."""


def converter(field: Field, column: Column, setting: Setting) -> Converter:
    """How the field is read from this column."""
    return _MAKERS[field.kind](field, column, setting)


def shown(text: str) -> str:
    """The text as a sentence may quote it."""
    return text if len(text) <= 40 else f"{text[:39]}…"


# Text

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)  # with those that reverse or hide what stands around them
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")


def _plain_text(text: str, limit: int) -> str:
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise Bad(Code.CONTROL_CHARACTER, character=f"U+{ord(found[0]):04X}")
    if len(text) > limit:
        raise Bad(Code.TOO_LONG, limit=limit)
    return text


def _id(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        if "+" in text and _ROUNDED.fullmatch(text):
            raise Bad(Code.ID_ROUNDED, value=shown(text))
        return _plain_text(text, field.limit)

    return convert


def _name(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        text = _plain_text(text, field.limit)
        return text if text.isascii() and "  " not in text else _tidy(text)

    return convert


def _state(field: Field, column: Column, setting: Setting) -> Converter:
    read = _name(field, column, setting)
    return lambda text: read(text).upper() if len(text) == 2 else read(text)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _zip(field: Field, column: Column, setting: Setting) -> Converter:
    return lambda text: _plain_text(text, field.limit).upper()


def _language(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        tag = text.lower().replace("_", "-")
        if len(tag) > field.limit or not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", tag):
            raise Bad(Code.BAD_LANGUAGE, value=shown(text))
        return tag

    return convert


def _country(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise Bad(Code.UNKNOWN_COUNTRY, value=shown(text))
        return text.upper()

    return convert


def _word(field: Field, column: Column, setting: Setting) -> Converter:
    translated = {_folded(theirs): ours for theirs, ours in column.words.items()}
    prefix = column.prefix or ""

    def convert(text: str) -> str:
        folded = _folded(text.removeprefix(prefix))
        word = translated.get(folded, folded)
        if word in field.words:
            return word
        if word in fields.HARVESTED:
            raise Bad(Code.HARVESTED, value=shown(text))
        raise Bad(Code.UNKNOWN_WORD, value=shown(text), allowed=", ".join(field.words))

    return convert


def _folded(text: str) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", text).strip().casefold())


def _yes_no(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> bool:
        folded = _folded(column.words.get(text, text))
        if folded not in fields.YES | fields.NO:
            raise Bad(Code.UNKNOWN_WORD, value=shown(text), allowed="yes, no")
        return folded in fields.YES

    return convert


def _text(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        lines = unicodedata.normalize("NFC", text).splitlines()
        for line in lines:
            _plain_text(line.replace("\t", " "), field.limit)
        return _within("\n".join(lines), field.limit)

    return convert


def _within(text: str, limit: int) -> str:
    if len(text) > limit:
        raise Bad(Code.TOO_LONG, limit=limit)
    return text


_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,79}")


def _reference(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        if not _REFERENCE.fullmatch(text):
            raise Bad(Code.NOT_A_REFERENCE)
        return text

    return convert


_HOUR = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?")


def _clock(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> time:
        found = _HOUR.fullmatch("00:00" if text == "24:00" else text)
        if found is None:
            raise Bad(Code.NOT_AN_HOUR, value=shown(text))
        return time(int(found[1]), int(found[2]))

    return convert


def _weekdays(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> tuple[str, ...]:
        words = [column.words.get(word, word).upper() for word in re.split(r"[\s,;+]+", text) if word]
        if unknown := [word for word in words if word not in fields.WEEKDAYS]:
            raise Bad(Code.UNKNOWN_WORD, value=shown(unknown[0]), allowed=", ".join(fields.WEEKDAYS))
        return tuple(day for day in fields.WEEKDAYS if day in words)

    return convert


# Numbers

_DECIMAL = re.compile(r"[0-9]{1,15}\.[0-9]{1,30}")


def _amount(field: Field, column: Column, setting: Setting) -> Converter:
    parse = money.parser(setting.currency, decimal=column.decimal, scientific=column.scientific)
    parse_number = money.parser(setting.currency)
    digits = money.minor_digits(setting.currency)

    def convert(text: str) -> int:
        if column.rounded and _DECIMAL.fullmatch(text):
            text = str(Decimal(text).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
        try:
            return parse_number(text) if isinstance(text, NumberCell) else parse(text)
        except money.MoneyError as error:
            params = {"value": shown(text)}
            if error.code == Code.TOO_PRECISE:
                params["currency"] = setting.currency
            raise Bad(Code(error.code), **params) from None

    return convert


def _currency(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        code = column.words.get(text, text).upper()
        if code not in money.currencies():
            raise Bad(Code.UNKNOWN_CURRENCY, value=shown(text))
        if code != setting.currency:
            raise Bad(Code.OTHER_CURRENCY, value=code, expected=setting.currency)
        return code

    return convert


def _whole(field: Field, column: Column, setting: Setting) -> Converter:
    read = partial(_whole_between, lowest=1, highest=MOST if field.name == "instalments" else 36_600)
    if (unit := column.unit) is None:
        return read

    def convert(text: str) -> int:
        number, _blank, word = text.partition(" ")
        if word.strip() != unit:
            raise Bad(Code.NOT_WHOLE, value=shown(text))
        return read(number)

    return convert


def _year(field: Field, column: Column, setting: Setting) -> Converter:
    return partial(_whole_between, lowest=OLDEST_BIRTH, highest=setting.today.year)


def _whole_between(text: str, *, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise Bad(Code.NOT_WHOLE, value=shown(text))
    if not lowest <= int(text) <= highest:
        raise Bad(Code.NUMBER_OUT_OF_RANGE, value=text, lowest=lowest, highest=highest)
    return int(text)


# Dates and times

_PARTS = {
    "Y": "(?P<year>[0-9]{4})",
    "m": "(?P<month>[0-9]{1,2})",
    "b": "(?P<name>[A-Z][a-z]{2})",
    "d": "(?P<day>[0-9]{1,2})",
    "H": "(?P<hour>[0-9]{1,2})",
    "M": "(?P<minute>[0-9]{2})",
    "S": "(?P<second>[0-9]{2})",
    "f": "(?P<microsecond>[0-9]{1,6})",
    "z": "(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = [
    r"%Y-%m-%d",
    r"%Y-%m-%d %H:%M:%S",
    r"%Y-%m-%dT%H:%M:%S",
    r"%Y-%m-%d %H:%M:%S.%f",
    r"%Y-%m-%dT%H:%M:%S.%f",
    r"%Y-%m-%dT%H:%M:%S%z",
    r"%Y-%m-%d %H:%M:%S%z",
    r"%Y-%m-%dT%H:%M:%S.%f%z",
]
_WIDE = str.maketrans("０１２３４５６７８９－／：．", "0123456789-/:.")
_TWO_DAYS = re.compile(r"([0-9]{1,2})[/.\- ]([0-9]{1,2})[/.\- ]([0-9]{2}|[0-9]{4})\b.*")


_STANDARD = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?)?")


def _pattern(form: str) -> re.Pattern[str]:
    pieces = re.split("%(.)", form)
    return re.compile(
        "".join(_PARTS[each] if odd % 2 else re.escape(each) for odd, each in enumerate(pieces))
    )


def _moment_reader(column: Column) -> Callable[[str], datetime]:
    """The day and time that the text says; aware only where the text names its offset."""
    declared = bool(column.formats)
    patterns = [_pattern(form) for form in column.formats or _ISO]
    example = date(2026, 12, 31).strftime((column.formats or ["%Y-%m-%d"])[0])
    # A single standard form needs no taking apart: what has its shape, Python reads at once.
    standard = len(patterns) == 1 and patterns[0].pattern in {_pattern(form).pattern for form in _ISO[:5]}

    def read(text: str) -> datetime:
        if isinstance(text, DateCell):
            return text.moment
        if standard and _STANDARD.fullmatch(text) and patterns[0].fullmatch(text):
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                raise Bad(Code.NO_SUCH_DATE, value=shown(text)) from None
        narrow = text.translate(_WIDE)
        matches = [match for pattern in patterns if (match := pattern.fullmatch(narrow))]
        found = {moment for match in matches if (moment := _moment(match)) is not None}
        if len(found) == 1:
            return found.pop()
        if found or (not declared and _could_be_two_days(narrow)):
            raise Bad(Code.AMBIGUOUS_DATE, value=shown(text))
        if matches:
            raise Bad(Code.NO_SUCH_DATE, value=shown(text))
        raise Bad(Code.NOT_A_DATE, value=shown(text), format=example)

    return read


def _could_be_two_days(text: str) -> bool:
    if not (match := _TWO_DAYS.fullmatch(text)):
        return False
    one, two = int(match[1]), int(match[2])
    return one != two and 1 <= one <= 12 and 1 <= two <= 12


def _moment(match: re.Match[str]) -> datetime | None:
    parts = {
        "day": "1"
    } | match.groupdict()  # a format without a day means the first, where a mapping says so
    offset = parts.pop("offset", None)
    if (name := parts.pop("name", None)) is not None:
        parts["month"] = str(_MONTHS.index(name) + 1) if name in _MONTHS else "0"
    if "microsecond" in parts:
        parts["microsecond"] = parts["microsecond"].ljust(6, "0")
    numbers: dict[str, Any] = {name: int(text) for name, text in parts.items()}
    try:
        moment = datetime(**numbers)  # noqa: DTZ001 (its zone, if any, follows)
        return datetime.fromisoformat(moment.isoformat() + offset) if offset else moment
    except ValueError:
        return None


def instant_reader(column: Column) -> Callable[[str], datetime]:
    """The instant, UTC, that the text says in the column's zone. Of an hour that occurs twice, the first."""
    read = _moment_reader(column)
    zone = ZoneInfo(column.zone or "UTC")
    offsets: dict[date, timedelta | None] = {}

    def convert(text: str) -> datetime:
        moment = read(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        day = moment.date()
        if day not in offsets:
            offsets[day] = _offset_all_day(day, zone)
        if (offset := offsets[day]) is not None:
            return (moment - offset).replace(tzinfo=UTC)
        instant = moment.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != moment:
            raise Bad(Code.NO_SUCH_TIME, value=shown(text), zone=str(zone))
        return instant

    return convert


def _offset_all_day(day: date, zone: ZoneInfo) -> timedelta | None:
    """The zone's offset on a day on which its clocks are not changed."""
    moments = [datetime.combine(day, time(), zone) + timedelta(hours=hours) for hours in range(25)]
    offsets = {moment.utcoffset() for moment in moments}
    return offsets.pop() if len(offsets) == 1 else None


def _instant(field: Field, column: Column, setting: Setting) -> Converter:
    read = instant_reader(column)

    def convert(text: str) -> datetime:
        moment = read(text)
        _check_range(moment.astimezone(setting.zone).date(), text, field, setting)
        return moment

    return convert


def _date(field: Field, column: Column, setting: Setting) -> Converter:
    if column.type == "datetime":
        read_instant = instant_reader(column)

        def read_day(text: str) -> date:
            return read_instant(text).astimezone(setting.zone).date()
    else:
        read_moment = _moment_reader(column)

        def read_day(text: str) -> date:
            moment = read_moment(text)
            if moment.time() != time() or moment.tzinfo is not None:
                raise Bad(Code.NOT_MIDNIGHT, value=shown(text))
            return moment.date()

    def convert(text: str) -> date:
        day = read_day(text)
        _check_range(day, text, field, setting)
        return day

    return convert


def _check_range(day: date, text: str, field: Field, setting: Setting) -> None:
    if field.past and day > setting.today:
        raise Bad(Code.DATE_IN_FUTURE, value=shown(text), today=setting.today.isoformat())
    latest = date(setting.today.year + YEARS_AHEAD, 12, 31)
    if not EARLIEST <= day <= latest:
        raise Bad(
            Code.DATE_OUT_OF_RANGE,
            value=shown(text),
            earliest=EARLIEST.isoformat(),
            latest=latest.isoformat(),
        )


def _period(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> Every:
        try:
            return Every.parse(column.words.get(text, text))
        except ValueError:
            raise Bad(Code.NOT_A_PERIOD, value=shown(text)) from None

    return convert


def _schedule(field: Field, column: Column, setting: Setting) -> Converter:
    read_day = _date(field, Column(column=column.column, format=column.format), setting)
    read_amount = _amount(field, column, setting)

    def convert(text: str) -> tuple[Instalment, ...]:
        parts = text.rstrip("; ").split(";")
        schedule: list[Instalment] = []
        for number, part in enumerate(parts, 1):
            day, _colon, amount = part.rpartition(":")
            try:
                instalment = Instalment(read_day(day.strip()), read_amount(amount.strip()))
            except Bad:
                raise Bad(Code.BAD_SCHEDULE, part=number) from None
            if instalment.amount <= 0 or (schedule and instalment.due_on <= schedule[-1].due_on):
                raise Bad(Code.BAD_SCHEDULE, part=number)
            schedule.append(instalment)
        if len(schedule) > MOST:
            raise Bad(Code.NUMBER_OUT_OF_RANGE, value=str(len(schedule)), lowest=1, highest=MOST)
        return tuple(schedule)

    return convert


# Contact values


def _phone(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> phones.Phone:
        try:
            return phones.read_phone(text, setting.phone_region)
        except phones.ContactError as error:
            raise Bad(Code(error.code)) from None

    return convert


def _email(field: Field, column: Column, setting: Setting) -> Converter:
    def convert(text: str) -> str:
        try:
            return phones.normalise_email(text)
        except phones.ContactError as error:
            raise Bad(Code(error.code)) from None

    return convert


_MAKERS: dict[Kind, Callable[[Field, Column, Setting], Converter]] = {
    Kind.ID: _id,
    Kind.NAME: _name,
    Kind.STATE: _state,
    Kind.ZIP: _zip,
    Kind.LANGUAGE: _language,
    Kind.COUNTRY: _country,
    Kind.WORD: _word,
    Kind.YES_NO: _yes_no,
    Kind.MONEY: _amount,
    Kind.CURRENCY: _currency,
    Kind.WHOLE: _whole,
    Kind.YEAR: _year,
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.PERIOD: _period,
    Kind.SCHEDULE: _schedule,
    Kind.PHONE: _phone,
    Kind.EMAIL: _email,
    Kind.TEXT: _text,
    Kind.CLOCK: _clock,
    Kind.WEEKDAYS: _weekdays,
    Kind.REFERENCE: _reference,
}
