import csv
import gzip

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import timezone

from accounts.phones import (
    LINE_TYPES,
    ContactError,
    Phone,
    line_type,
    mask_email,
    mask_name,
    mask_phone,
    normalise_email,
    normalise_phone,
    read_phone,
    zones,
)
from tests.shared_data import shared_data


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("13800138000", "CN", "+8613800138000"),
        ("+86 138-0013-8000", None, "+8613800138000"),
        ("+86 138-0013-8000", "US", "+8613800138000"),
        ("008613800138000", "CN", "+8613800138000"),
        ("8613800138000", "CN", "+8613800138000"),
        ("＋８６ １３８００１３８０００", None, "+8613800138000"),
        ("010 6552 9988", "CN", "+861065529988"),
        ("0772 123310", "UG", "+256772123310"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("1 202 555 0123", "US", "+12025550123"),
        ("+44 (0)7400 123456", None, "+447400123456"),
        ("+39 06 6982", None, "+39066982"),
    ],
)
def test_normalise_phone(text, region, e164):
    assert normalise_phone(text, region) == e164


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("13800138000", None, "phone_without_country"),
        ("", "CN", "phone_invalid"),
        ("n/a", "CN", "phone_invalid"),
        ("12345", "CN", "phone_invalid"),
        ("138001380001", "CN", "phone_invalid"),
        ("13800138000/13900139000", "CN", "phone_invalid"),
        ("1-800-FLOWERS", "US", "phone_invalid"),
        ("13800138000 ext 5", "CN", "phone_invalid"),
        ("+0013800138000", None, "phone_invalid"),
        ("+1 000 555 0123", None, "phone_invalid"),
        ("+", None, "phone_invalid"),
        ("1.38001E+10", "CN", "phone_invalid"),
        ("13800138000\x00", "CN", "phone_invalid"),
        ("138001380⓪⓪", "CN", "phone_invalid"),
        ("1380013800²", "CN", "phone_invalid"),
    ],
)
def test_normalise_phone_refuses(text, region, code):
    with pytest.raises(ContactError) as refusal:
        normalise_phone(text, region)
    assert refusal.value.code == code
    assert str(refusal.value) == code


def test_read_phone_gives_what_the_rules_need():
    assert read_phone("13800138000", "CN") == Phone("+8613800138000", "CN", ("Asia/Shanghai",), "mobile")
    assert read_phone("0772123310", "UG") == Phone("+256772123310", "UG", ("Africa/Kampala",), "mobile")
    assert read_phone("+12042345678", None).country == "CA"
    assert read_phone("+80012345678", None) == Phone("+80012345678", "", (), "toll_free")


def test_zones_go_by_the_longest_prefix_not_by_the_area_code():
    assert zones("+18502225678") == ("America/New_York",)
    assert zones("+18504345678") == ("America/Chicago",)


def test_a_number_of_no_place_may_be_anywhere_in_its_plan():
    everywhere = zones("+18005550123")
    assert {"America/New_York", "Pacific/Guam", "Pacific/Honolulu", "America/St_Johns"} <= set(everywhere)
    assert line_type("+18005550123") == "toll_free"
    assert line_type("+12025550123") == "fixed_or_mobile"


def test_zones_agree_with_the_frozen_table_of_longer_prefixes():
    with gzip.open(
        shared_data("reference/nanp_longer_prefix_timezone.csv.gz"), "rt", encoding="utf-8", newline=""
    ) as file:
        table = dict(list(csv.reader(file))[1:])
    checked = 0
    for prefix, expected in table.items():
        # A number that starts with this prefix and with no longer one of the table.
        fillers = (prefix.ljust(11, digit) for digit in "23456789")
        number = next(
            (n for n in fillers if not any(n[:end] in table for end in range(len(prefix) + 1, 10))), ""
        )
        try:
            found = zones(f"+{number}")
        except ContactError:
            continue
        assert found == tuple(expected.split("|")), number
        checked += 1
    assert checked > 1000


regions = st.sampled_from(
    ["CN", "US", "NG", "UG", "IN", "GB", "MX", "AR", "BR", "PH", "ID", "IT", "RU", "KZ", "CA"]
)
digits = st.text("0123456789", min_size=4, max_size=13)


@given(st.sampled_from(["", "+", "00", "+1", "+86", "+44", "+7", "+39", "1", "0"]), digits, regions)
def test_the_short_cut_says_what_phonenumbers_says(prefix, rest, region):
    text = prefix + rest
    try:
        expected = phonenumbers.parse(text, region)
        valid = phonenumbers.is_valid_number(expected)
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        with pytest.raises(ContactError):
            read_phone(text, region)
        return
    phone = read_phone(text, region)
    assert phone.country == phonenumbers.region_code_for_number(expected).replace("001", "")
    assert phone.e164 == phonenumbers.format_number(expected, phonenumbers.PhoneNumberFormat.E164)
    assert phone.line_type == LINE_TYPES[phonenumbers.number_type(expected)]
    known = tuple(zone for zone in timezone.time_zones_for_number(expected) if zone != "Etc/Unknown")
    assert phone.zones == known


EVERYWHERE = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [kind for kind in phonenumbers.PhoneNumberType.values() if kind in LINE_TYPES]


@pytest.mark.parametrize("kind", KINDS, ids=LINE_TYPES.get)
def test_every_country_s_example_of_a_kind_is_read_and_read_again(kind):
    read = 0
    for region in EVERYWHERE:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None or not phonenumbers.is_valid_number(example):
            continue
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        phone = read_phone(e164, None)
        assert phone.e164 == e164
        assert phone.country == phonenumbers.region_code_for_number(example), e164
        assert phone.line_type == LINE_TYPES[phonenumbers.number_type(example)], e164
        if region == phone.country:
            national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
            parsed = phonenumbers.parse(national, region)
            if phonenumbers.is_valid_number(parsed) and not any(map(str.isalpha, national)):
                assert read_phone(national, region).e164 == phonenumbers.format_number(
                    parsed, phonenumbers.PhoneNumberFormat.E164
                )
        read += 1
    assert read


@given(st.sampled_from(EVERYWHERE), st.data())
def test_numbers_near_an_example_are_classified_as_phonenumbers_does(region, data):
    """An example with its last digits changed is often valid, and often of another kind or country."""
    kind = data.draw(st.sampled_from(KINDS))
    example = phonenumbers.example_number_for_type(region, kind)
    assume(example is not None)
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    keep = data.draw(st.integers(2, len(e164)))
    text = e164[:keep] + data.draw(
        st.text("0123456789", min_size=len(e164) - keep, max_size=len(e164) - keep)
    )
    try:
        expected = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return
    if not phonenumbers.is_valid_number(expected):
        with pytest.raises(ContactError):
            read_phone(text, None)
        return
    phone = read_phone(text, None)
    assert phone.e164 == phonenumbers.format_number(expected, phonenumbers.PhoneNumberFormat.E164)
    assert phone.country == phonenumbers.region_code_for_number(expected).replace("001", "")
    assert phone.line_type == LINE_TYPES[phonenumbers.number_type(expected)]
    known = tuple(zone for zone in timezone.time_zones_for_number(expected) if zone != "Etc/Unknown")
    assert phone.zones == known


@pytest.mark.parametrize(
    ("e164", "mask"),
    [
        ("+8613800138000", "+86 138****8000"),
        ("+861065529988", "+86 1******988"),
        ("+256772123310", "+256 7*****310"),
        ("+12025550123", "+1 2******123"),
        ("+39066982", "+39 0***"),
        ("13800138000", "***"),
        ("", "***"),
    ],
)
def test_mask_phone(e164, mask):
    assert mask_phone(e164) == mask


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Wang.Li@Example.COM ", "wang.li@example.com"),
        ("ｗａｎｇ＠example．com", "wang@example.com"),
        ("o'neil+loans@mail.example.co.uk", "o'neil+loans@mail.example.co.uk"),
        ("li@例子.中国", "li@xn--fsqu00a.xn--fiqs8s"),
    ],
)
def test_normalise_email(text, address):
    assert normalise_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wang",
        "@example.com",
        "wang@",
        "wang@localhost",
        "wang@example..com",
        "wang@-example.com",
        "wang@example.com.",
        "wang@127.0.0.1",
        "wang@[127.0.0.1]",
        "wang li@example.com",
        "a@b@example.com",
        ".wang@example.com",
        "wang..li@example.com",
        "Wang <wang@example.com>",
        "wang@example.com,li@example.com",
        "王@example.com",
        "wang@straße.de",
        "wang@exa\x00mple.com",
        "wang\n@example.com",
        "w" * 65 + "@example.com",
        "wang@" + "e" * 64 + ".com",
        "wang@" + ".".join(["example"] * 40),
    ],
)
def test_normalise_email_refuses(text):
    with pytest.raises(ContactError) as refusal:
        normalise_email(text)
    assert refusal.value.code == "email_invalid"


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_refusal(text):
    try:
        address = normalise_email(text)
    except ContactError:
        return
    assert address.isascii()
    assert normalise_email(address) == address


@pytest.mark.parametrize(
    ("address", "mask"),
    [("wang.li@example.com", "w***@e***.com"), ("w@a.b.co.ug", "w***@a***.ug"), ("", "***"), ("wang", "***")],
)
def test_mask_email(address, mask):
    assert mask_email(address) == mask


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("王小明", "王**"),
        ("王明", "王*"),
        ("王", "王*"),
        ("欧阳娜娜", "欧阳**"),
        ("欧阳", "欧*"),
        ("买买提·艾力", "买*** 艾***"),
        ("Wei Zhang", "W*** Z***"),
        ("  Maria  del Carmen ", "M*** d*** C***"),
        ("Chukwuemeka", "C***"),
        ("é\u0301ric", "é\u0301***"),
        ("", ""),
    ],
)
def test_mask_name(name, mask):
    assert mask_name(name) == mask
