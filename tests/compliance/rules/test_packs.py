"""Packs: shipped ones load, broken ones say where they are broken."""

import re

import pytest

from compliance.rules import PackError, Packs, load_packs, parse_pack
from compliance.rules.packs import SHIPPED
from compliance.rules.schema import BaseRule
from tests.compliance.rules.builders import PACKS

US = (SHIPPED / "us.yaml").read_text("utf-8")


def test_shipped_packs():
    assert PACKS.jurisdictions == (
        *("CN", "GB", "GB-EAW", "ID", "IN", "KE", "PH"),
        *("US", "US-CA", "US-DC", "US-MA", "US-NY", "US-NY-NYC"),
    )
    assert [pack.id for pack in PACKS.packs_for(["US"])] == ["us", "house_gentle"]
    assert PACKS.unknown(["US", "ZZ", "CN"]) == ["ZZ"]
    assert PACKS.without_house().packs_for(["US", "ZZ"]) == PACKS.packs_for(["US"])[:1]
    assert PACKS.rule("US.REGF.CALLS.7IN7").citation.startswith("12 CFR 1006.14(b)(2)(i)(A)")
    assert PACKS.rule("GATE.HOLD") is None


def test_nothing_shipped_claims_a_lawyers_signature():
    assert {rule.status for pack in PACKS.all for rule in pack.rules} == {"draft", "proposed"}


def test_the_version_of_a_pack_is_the_digest_of_its_text():
    pack = parse_pack(US, "us.yaml")
    assert PACKS.versions(["US"])["us"] == pack.digest
    assert parse_pack(US + "# a word more\n", "us.yaml").digest != pack.digest
    assert parse_pack(pack.text, "stored").digest == pack.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "kind: window\n",
            "kind: window\n    colour: red\n",
            "us.yaml: rules[US.REGF.TIME.DEFAULT].colour: Extra",
        ),
        (
            '{from: "08:00", to: "21:00"}',
            "{from: 08:00, to: 21:00}",
            "open[0].to: Value error, write the time in quotes",
        ),
        ('from: "08:00"', 'from: "25:00"', "open[0].from: Value error, not a time of day"),
        ('{from: "08:00", to: "21:00"}', '{from: "21:00", to: "08:00"}', "split those that cross midnight"),
        ("limit: 7\n", "limit: many\n", "rules[US.REGF.CALLS.7IN7].limit: Input should be a valid integer"),
        ("per: debt", "per: planet", "rules[US.REGF.CALLS.7IN7].counts.per: Input should be"),
        ("kind: window\n", "kind: whim\n", "rules[US.REGF.TIME.DEFAULT]: Input tag 'whim'"),
        ("pack: us\n", "pack: us\npack: us2\n", "key 'pack' stands twice"),
        ("version: 2026-11-27", "version: 2026-13-22", "us.yaml: month must be in 1..12"),
        ("country: US", "country: null", "a jurisdiction has a country"),
        ("country: US", "country: ZZ", "country 'ZZ' has no zones"),
        (
            "kind: window\n",
            "kind: window\n    calendar: {country: ZZ, closed: [national]}\n",
            "calendar.country: Value error, nobody publishes the holidays of 'ZZ'",
        ),
        ("id: US.REGF.CEASE", "id: US.REGF.ATTORNEY", "rule US.REGF.ATTORNEY stands twice"),
        ("zone_basis: person", "zone_basis: fixed", "`zone` belongs to zone_basis fixed"),
        ("status: draft", "status: signed", "a signed rule says signed_by and signed_on"),
        (
            "status: draft",
            "status: draft\n    superseded_by: US.NEXT",
            "superseded_by US.NEXT is not in this pack",
        ),
        ("outcome: prohibited\n    in", "outcome: presumed_violation\n    in", "override_reasons belong to"),
        ("outcome: prohibited\n    in", "outcome: permitted\n    in", "permits everything says nothing"),
        ("zone: America/New_York", "zone: America/Gotham", "'America/Gotham' is not a zone"),
        ("at: 2026-07-08 08:00:00", "at: 2026-07-08T08:00:00Z", "write the local time, without a zone"),
        ("kind: rolling_days", "kind: calendar_day", "a calendar day is one day"),
        (US, "- just a list", "us.yaml: the file: Input should be"),
        (US, "pack: [", "us.yaml: "),
        (US, "", "us.yaml: the file: Input should be"),
    ],
)
def test_a_broken_pack_names_file_and_place(old, new, message):
    with pytest.raises(PackError) as error:
        parse_pack(US.replace(old, new, 1), "us.yaml")
    assert message in str(error.value)


def test_every_problem_is_told_at_once():
    broken = US.replace("limit: 7", "limit: many").replace("\ncountry: US", "\ncountry: 7")
    with pytest.raises(PackError) as error:
        parse_pack(broken, "us.yaml")
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "country",
        "rules[US.REGF.CALLS.7IN7].limit",
    ]


def test_a_folder_is_loaded_whole_or_not_at_all(tmp_path):
    (tmp_path / "a.yaml").write_text(US, "utf-8")
    assert load_packs(tmp_path).jurisdictions == ("US",)
    (tmp_path / "b.yaml").write_text(US.replace("pack: us\n", "pack: us2\n"), "utf-8")
    with pytest.raises(PackError, match="same jurisdiction"):
        load_packs(tmp_path)


CHINESE = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:?!(]|[,;:?!)][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)")
SPACED = re.compile(r"[\u4e00-\u9fff] +\d|\d +[\u4e00-\u9fff]")
NUMBERS = re.compile(r"\d\d:\d\d")


def spoken(pack):
    """Every place of a pack that is said in both languages."""
    for entry in pack.entries:
        yield entry.id, entry
        exceptions = entry.exceptions if isinstance(entry, BaseRule) else ()
        yield from ((f"{entry.id} {each.name}", each) for each in exceptions)


@pytest.mark.parametrize("pack", PACKS.all, ids=lambda pack: pack.id)
def test_whatever_is_shipped_is_said_in_chinese_too(pack):
    assert pack.named("zh-hans") == (pack.file.title_zh, "zh-Hans")
    assert pack.named("en") == (pack.file.title, "en")
    said = dict(spoken(pack))
    assert {place for place, each in said.items() if each.said("zh-hans").lang != "zh-Hans"} == set()
    faults = [
        (place, each.says_zh)
        for place, each in said.items()
        if not CHINESE.search(each.says_zh)
        or not each.says_zh.endswith("。")
        or any(loud in each.says_zh for loud in "你！!")
        or HALF_WIDTH.search(each.says_zh)
        or SPACED.search(each.says_zh)
    ]
    assert faults == []


@pytest.mark.parametrize("pack", PACKS.all, ids=lambda pack: pack.id)
def test_both_languages_name_the_same_hours(pack):
    hours = {
        place: (NUMBERS.findall(each.says), NUMBERS.findall(each.says_zh)) for place, each in spoken(pack)
    }
    assert {place: said for place, said in hours.items() if set(said[0]) != set(said[1])} == {}


def test_a_text_stored_before_rules_spoke_chinese_is_read_and_told_in_english():
    old = parse_pack(re.sub(r"(?m)^ *(says|title)_zh: .*\n", "", US), "stored")
    assert old.named("zh-hans") == ("United States, federal (Regulation F)", "en")
    rule = next(rule for rule in old.rules if rule.id == "US.REGF.CALLS.7IN7")
    assert rule.says_zh is None
    assert rule.said("zh-hans") == (
        "More than seven calls about a debt within seven days are presumed to be harassment.",
        "en",
    )
    assert PACKS.rule(rule.id).said("zh-hans") == ("七天内就同一笔债务致电超过七次，推定为骚扰。", "zh-Hans")
    assert PACKS.rule(rule.id).said("en") == rule.said("en")


def test_a_folder_without_chinese_is_refused_with_every_place(tmp_path):
    text = (SHIPPED / "ph.yaml").read_text("utf-8")
    (tmp_path / "ph.yaml").write_text(re.sub(r"(?m)^ *(says|title)_zh: .*\n", "", text), "utf-8")
    with pytest.raises(PackError) as error:
        load_packs(tmp_path)
    assert str(error.value).splitlines() == [
        "ph.yaml: title_zh: not said in Chinese",
        "ph.yaml: PH.SEC18.HOURS.says_zh: not said in Chinese",
        "ph.yaml: PH.SEC18.HOURS.exceptions[more_than_15_days_past_due].says_zh: not said in Chinese",
        "ph.yaml: PH.SEC18.HOURS.exceptions[agreed_hours].says_zh: not said in Chinese",
        "ph.yaml: PH.SEC18.CONDUCT.says_zh: not said in Chinese",
        "ph.yaml: PH.SEC18.PUBLIC.says_zh: not said in Chinese",
    ]


def test_an_empty_sentence_is_no_sentence():
    with pytest.raises(
        PackError, match=r"rules\[US.REGF.CALLS.7IN7\]\.says_zh: String should have at least 1"
    ):
        parse_pack(
            US.replace("says_zh: 七天内就同一笔债务致电超过七次，推定为骚扰。", 'says_zh: ""'), "us.yaml"
        )


def test_ids_are_unique_across_packs():
    us = parse_pack(US, "us.yaml")
    with pytest.raises(PackError, match="same id"):
        Packs([us, parse_pack(US.replace("jurisdiction: US", "jurisdiction: US-X"), "x.yaml")])
    other = US.replace("jurisdiction: US", "jurisdiction: US-X").replace("pack: us\n", "pack: usx\n")
    with pytest.raises(PackError, match="rule of the same id"):
        Packs([us, parse_pack(other, "x.yaml")])
