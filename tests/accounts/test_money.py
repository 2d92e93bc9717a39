from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import money


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("USD", 2), ("CNY", 2), ("NGN", 2), ("UGX", 0), ("JPY", 0), ("KWD", 3), ("IQD", 3), ("MMK", 2)],
)
def test_minor_digits_follow_iso_4217(currency, digits):
    assert money.minor_digits(currency) == digits


@pytest.mark.parametrize("currency", ["", "usd", "DEM", "XXX", "XAU", "USDT", "RMB"])
def test_minor_digits_refuse_what_nobody_pays_with(currency):
    with pytest.raises(ValueError, match="unknown_currency"):
        money.minor_digits(currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1,234.50", "USD", 123450),
        ("1234.5", "USD", 123450),
        ("1234.5000", "USD", 123450),
        (" 1234 ", "USD", 123400),
        ("0", "USD", 0),
        ("0.05", "USD", 5),
        ("007", "USD", 700),
        ("１，２３４．５０", "CNY", 123450),
        ("30000", "UGX", 30000),
        ("30,000.00", "UGX", 30000),
        ("1.250", "KWD", 1250),
        ("10000000000000.00", "USD", 10**15),
    ],
)
def test_parse(text, currency, minor):
    assert money.parse(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("", "USD", "empty"),
        ("   ", "USD", "empty"),
        ("NaN", "USD", "not_a_number"),
        ("inf", "USD", "not_a_number"),
        ("ten", "USD", "not_a_number"),
        ("$10", "USD", "not_a_number"),
        ("10 USD", "USD", "not_a_number"),
        ("1 234", "USD", "not_a_number"),
        ("1,23", "USD", "not_a_number"),
        ("1,2345", "USD", "not_a_number"),
        ("1.234,50", "USD", "not_a_number"),
        (".5", "USD", "not_a_number"),
        ("5.", "USD", "not_a_number"),
        ("+5", "USD", "not_a_number"),
        ("(5.00)", "USD", "not_a_number"),
        ("10²", "USD", "not_a_number"),
        ("٣٤", "USD", "not_a_number"),
        ("1_000", "USD", "not_a_number"),
        ("0x10", "USD", "not_a_number"),
        ("1e5", "USD", "exponent"),
        ("1E+05", "USD", "exponent"),
        ("-1", "USD", "negative"),
        ("−1", "USD", "negative"),
        ("－１", "USD", "negative"),
        ("1.005", "USD", "too_precise"),
        ("1.5", "UGX", "too_precise"),
        ("10000000000000.01", "USD", "too_large"),
        ("9" * 400, "USD", "too_large"),
        ("1", "XXX", "unknown_currency"),
    ],
)
def test_parse_refuses(text, currency, code):
    with pytest.raises(money.MoneyError) as refusal:
        money.parse(text, currency)
    assert refusal.value.code == code


def test_parse_takes_signs_commas_and_exponents_only_when_asked():
    assert money.parse("-1.50", "USD", allow_negative=True) == -150
    assert money.parse("1.234,50", "EUR", decimal=",") == 123450
    assert money.parse("1e+05", "UGX", scientific=True) == 100_000
    assert money.parse("1.5e2", "USD", scientific=True) == 15_000
    with pytest.raises(money.MoneyError, match="too_precise"):
        money.parse("1.2345e3", "UGX", scientific=True)
    with pytest.raises(money.MoneyError, match="not_a_number"):
        money.parse("1e-2", "USD", scientific=True)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (12345, "USD", "123.45"),
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (54200, "UGX", "54200"),
        (1, "KWD", "0.001"),
    ],
)
def test_decimal_text(minor, currency, text):
    assert money.decimal_text(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (123450, "USD", "en", "$1,234.50"),
        (123450, "CNY", "zh-hans", "¥1,234.50"),
        (123450, "CNY", "zh_Hans", "¥1,234.50"),
        (123450, "USD", "zh-hans", "US$1,234.50"),
        (54200, "UGX", "en", "UGX\N{NO-BREAK SPACE}54,200"),
        (123450, "IQD", "en", "IQD\N{NO-BREAK SPACE}123.450"),
        (-5, "USD", "en", "-$0.05"),
    ],
)
def test_display(minor, currency, locale, text):
    assert money.display(minor, currency, locale) == text


amounts = st.integers(min_value=-money.LARGEST, max_value=money.LARGEST)


@given(amounts, st.sampled_from(["USD", "UGX", "KWD"]))
def test_text_and_amount_are_one(minor, currency):
    text = money.decimal_text(minor, currency)
    assert Decimal(text).scaleb(money.minor_digits(currency)) == minor
    assert money.parse(text, currency, allow_negative=True) == minor


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_refusal(text):
    try:
        amount = money.parse(text, "USD")
    except money.MoneyError:
        return
    assert 0 <= amount <= money.LARGEST
