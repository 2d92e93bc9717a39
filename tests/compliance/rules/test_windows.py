"""Hours by the clocks of every zone, across clock changes, with exact edges."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.rules import ReasonCode, decide
from compliance.rules.windows import Hours, Span, is_open, next_open, open_between, start_of_day
from compliance.rules.zones import possible_zones, zones_of
from tests.compliance.rules.builders import NEW_YORK, PACKS, SHANGHAI, chinese, facts, local

TICK = timedelta(microseconds=1)
EVERY_DAY = tuple(range(7))
FEDERAL = PACKS.rule("US.REGF.TIME.DEFAULT").hours
CHINA = PACKS.rule("CN.CBA26.TIME").hours


def windows(zones: tuple[str, ...], day: str, shown_in: str = NEW_YORK, hours: Hours = FEDERAL) -> list[str]:
    """The open intervals of a local date as "HH:MM-HH:MM" on a wall in `shown_in`."""
    clock = ZoneInfo(shown_in)
    start = local(f"{day}T00:00", shown_in)
    end = start_of_day(date.fromisoformat(day) + timedelta(days=1), shown_in)
    found = open_between(hours, zones, start, end)
    return ["-".join(f"{each.astimezone(clock):%H:%M}" for each in pair) for pair in found]


@pytest.mark.parametrize(
    ("other", "day", "expected"),
    [
        ("America/Los_Angeles", "2026-01-08", ["11:00-21:00"]),
        ("America/Los_Angeles", "2026-07-08", ["11:00-21:00"]),
        ("America/Denver", "2026-07-08", ["10:00-21:00"]),
        ("America/Phoenix", "2026-01-08", ["10:00-21:00"]),
        ("America/Phoenix", "2026-07-08", ["11:00-21:00"]),
        ("America/Puerto_Rico", "2026-01-08", ["08:00-20:00"]),
        ("America/Puerto_Rico", "2026-07-08", ["08:00-21:00"]),
        ("Pacific/Honolulu", "2026-01-08", ["13:00-21:00"]),
        ("Pacific/Honolulu", "2026-07-08", ["14:00-21:00"]),
        ("Pacific/Guam", "2026-01-08", ["17:00-21:00"]),
        ("Pacific/Guam", "2026-07-08", ["18:00-21:00"]),
        (SHANGHAI, "2026-07-08", ["08:00-09:00", "20:00-21:00"]),
        ("Asia/Kolkata", "2026-07-08", ["08:00-11:30"]),
        ("Asia/Kathmandu", "2026-07-08", ["08:00-11:15"]),
        ("Europe/London", "2026-03-10", ["08:00-17:00"]),
    ],
)
def test_new_york_and_another_zone(other, day, expected):
    assert windows((NEW_YORK, other), day) == expected


def test_london_and_shanghai():
    assert windows(("Europe/London", SHANGHAI), "2026-07-08", "Europe/London") == ["08:00-14:00"]
    assert windows(("Europe/London", SHANGHAI), "2026-01-08", "Europe/London") == ["08:00-13:00"]


def test_pieces_of_two_local_days_on_one_utc_date():
    assert windows((NEW_YORK,), "2026-03-07", "UTC") == ["00:00-02:00", "13:00-00:00"]
    assert windows((NEW_YORK,), "2026-11-01", "UTC") == ["00:00-01:00", "13:00-00:00"]


def test_china_on_a_new_york_date():
    assert windows((SHANGHAI,), "2026-07-08", NEW_YORK, CHINA) == ["00:00-10:00", "20:00-00:00"]


def test_three_zones_without_a_common_hour():
    zones = ("America/Los_Angeles", SHANGHAI, "Europe/London")
    assert windows(zones, "2026-07-08") == []
    decision = decide(facts(zones=zones), PACKS, local("2026-07-08T12:00"))
    assert (decision.outcome, decision.next_allowed) == ("prohibited", None)
    assert decision.reasons[0].reason is ReasonCode.NO_COMMON_HOURS
    assert decision.reasons[0].params == {"zones": sorted(zones)}


def test_clock_changes_move_the_opening():
    opening = [local(f"{day}T08:00").isoformat() for day in ("2026-03-07", "2026-03-08", "2026-11-01")]
    assert opening == ["2026-03-07T13:00:00+00:00", "2026-03-08T12:00:00+00:00", "2026-11-01T13:00:00+00:00"]
    for day in ("2026-03-08", "2026-11-01"):
        assert next_open(FEDERAL, (NEW_YORK,), local(f"{day}T00:30")) == local(f"{day}T08:00") + TICK
        assert windows((NEW_YORK,), day) == ["08:00-21:00"]


def test_hours_inside_a_clock_change_are_read_strictly():
    night = Hours((Span(EVERY_DAY, 90, 150),), True, False)  # 01:30-02:30
    # In spring 02:00-03:00 does not happen: closed as early as the earlier reading says.
    assert open_between(night, (NEW_YORK,), local("2026-03-08T00:00"), local("2026-03-08T06:00")) == ()
    # In autumn 01:00-02:00 happens twice: open from the second time.
    (pair,) = open_between(night, (NEW_YORK,), local("2026-11-01T00:00"), local("2026-11-01T06:00"))
    assert [each.isoformat() for each in pair] == ["2026-11-01T06:30:00+00:00", "2026-11-01T07:30:00+00:00"]


@pytest.mark.parametrize(
    ("at", "is_open_then"),
    [
        ("2026-07-08T08:00:00", False),
        ("2026-07-08T08:00:00.000001", True),
        ("2026-07-08T20:59:59.999999", True),
        ("2026-07-08T21:00:00", False),
    ],
)
def test_federal_edges_are_closed(at, is_open_then):
    assert is_open(FEDERAL, (NEW_YORK,), local(at)) is is_open_then
    assert decide(facts(), PACKS, local(at)).allowed is is_open_then


@pytest.mark.parametrize(
    ("at", "is_open_then"),
    [
        ("2026-03-10T21:59:59", True),
        ("2026-03-10T22:00:00", False),
        ("2026-03-11T07:59:59", False),
        ("2026-03-11T08:00:00", True),
    ],
)
def test_chinese_night_is_half_open(at, is_open_then):
    assert is_open(CHINA, (SHANGHAI,), local(at, SHANGHAI)) is is_open_then
    assert decide(chinese(), PACKS.without_house(), local(at, SHANGHAI)).allowed is is_open_then


def test_chinese_hours_are_beijing_time_wherever_the_person_is():
    asked = chinese(zones=("Europe/London",))
    at = local("2026-07-08T15:30", "Europe/London")  # 22:30 in Beijing
    assert decide(asked, PACKS.without_house(), at).reasons[0].params["zone"] == SHANGHAI


def test_edge_is_told_apart_from_plain_night():
    at_edge = decide(facts(), PACKS, local("2026-07-08T21:00")).reasons[0].params
    assert at_edge == {
        "zone": NEW_YORK,
        "local_time": "21:00",
        "hours": [["08:00", "21:00"]],
        "zones": 1,
        "at_edge": True,
    }
    assert decide(facts(), PACKS, local("2026-07-08T21:01")).reasons[0].params["at_edge"] is False


def test_unknown_zone_means_every_zone_of_the_country():
    assert {NEW_YORK, "America/Puerto_Rico", "Pacific/Guam", "Pacific/Pago_Pago"} <= set(zones_of("US"))
    assert windows(zones_of("US"), "2026-07-08") == ["18:00-21:00"]
    assert windows(zones_of("US"), "2026-01-08") == ["17:00-20:00"]
    unknown = facts(zones=())
    assert decide(unknown, PACKS, local("2026-07-08T12:00")).next_allowed == local("2026-07-08T18:00") + TICK
    assert decide(unknown, PACKS, local("2026-07-08T18:30")).allowed


def test_zones_that_are_indicated_and_countries_without_one_add_up():
    assert possible_zones((NEW_YORK,), (), ("US",)) == (NEW_YORK,)
    assert possible_zones((NEW_YORK,), ("CN",), ("US",)) == (NEW_YORK, SHANGHAI)
    assert possible_zones((), (), ("US", "CN")) == tuple(sorted({*zones_of("US"), SHANGHAI}))
    assert possible_zones((), (), ()) is None
    assert possible_zones(("Mars/Olympus",), (), ("US",)) is None
    assert possible_zones((NEW_YORK,), ("ZZ",), ("US",)) is None


def test_a_sunday_call_waits_for_noon_and_a_message_does_not():
    sunday = local("2026-07-12T09:00")
    assert decide(facts(), PACKS, sunday).next_allowed == local("2026-07-12T12:00")
    assert decide(facts(channel="sms"), PACKS, sunday).allowed


def test_a_day_without_hours_is_closed_as_a_day():
    weekdays = Hours((Span((0, 1, 2, 3, 4), 480, 1260),), True, False)
    assert next_open(weekdays, (NEW_YORK,), local("2026-07-11T12:00")) == local("2026-07-13T08:00")
