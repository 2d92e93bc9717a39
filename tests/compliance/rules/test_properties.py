"""What must hold for any history, place and moment (hypothesis)."""

import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules import (
    Channel,
    ConsentFact,
    DebtFact,
    DesignationFact,
    Direction,
    Facts,
    HoldFact,
    MediaFact,
    PastContact,
    Purpose,
    Role,
    decide,
)
from compliance.rules.decision import STRICTNESS
from compliance.rules.packs import Packs
from compliance.rules.windows import is_open
from tests.compliance.rules.builders import PACKS, RULE, with_rule

ANSWERS = st.sampled_from([False, False, False, False, True, None])
ZONES = st.sampled_from(
    ["America/New_York", "America/Los_Angeles", "Asia/Shanghai", "Pacific/Guam", "Europe/London"]
)
# Both clock changes of 2026 lie inside: 8 March and 1 November in the US.
MOMENTS = st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 20), timezones=st.just(UTC))  # noqa: DTZ001

TICK = timedelta(microseconds=1)

# The shipped packs and a count so tight that short random histories reach it, consents included.
TIGHT = with_rule(
    RULE + "    kind: count\n    outcome: prohibited\n    limit: 2\n"
    "    counts: {event: dial, per: debt, except_consented_days: 5}\n"
    "    window: {kind: rolling_days, days: 4, day_one: contact}\n"
)


PLACES = [
    ("US",), ("CN",), ("US", "CN"), ("US", "US-MA"), ("US", "US-DC"), ("US", "US-NY", "US-NY-NYC"),
    ("US-CA",), ("IN",), ("ID",), ("PH",), ("GB", "GB-EAW"), ("US", "PH"),
]  # fmt: skip
DESIGNATIONS = st.builds(
    DesignationFact,
    kind=st.sampled_from(["time", "time", "place", "employer"]),
    weekdays=st.sampled_from([(), (0, 1, 2), (5, 6)]),
    from_minute=st.sampled_from([0, 600, 1260]),
    to_minute=st.sampled_from([480, 840, 1440]),
    place=st.sampled_from(["home", "workplace"]),
    last_day=st.sampled_from([None, date(2026, 7, 1)]),
)
MEDIA = st.builds(
    MediaFact, channel=st.sampled_from(["call", "sms"]), contact_point=st.sampled_from([None, "N1", "N2"])
)


@st.composite
def contacts(draw, before: datetime, **fixed) -> PastContact:
    minutes = draw(st.integers(1, 60 * 24 * 10))
    usual = {
        "channel": draw(st.sampled_from(["call", "call", "call", "sms", "email", "fax"])),
        "direction": draw(st.sampled_from([Direction.OUT, Direction.OUT, Direction.OUT, Direction.IN])),
        "contact_point": draw(st.sampled_from(["N1", "N2", None])),
        "debts": draw(st.sampled_from([("D1",), ("D2",), ("D1", "D2"), ()])),
        "purpose": draw(st.sampled_from(["collect", "reply", None])),
        "connected": draw(ANSWERS),
        "answered": draw(ANSWERS),
        "right_party": draw(ANSWERS),
        "conversation": draw(ANSWERS),
        "kind": draw(st.sampled_from(["attempt", "permit"])),
    }
    return PastContact(at=before - timedelta(minutes=minutes), **(usual | fixed))


@st.composite
def situations(draw, history: int = 12) -> tuple[Facts, datetime]:
    at = draw(MOMENTS)
    given_at = at - timedelta(minutes=draw(st.integers(1, 60 * 24 * 9)))
    first_day = given_at.date() + timedelta(days=draw(st.integers(0, 5)))
    history_of = tuple(draw(st.lists(contacts(at), max_size=history)))
    hold_day = at.date() + timedelta(days=draw(st.integers(-3, 3)))
    asked = Facts(
        role=draw(st.sampled_from(Role)),
        jurisdictions=draw(st.sampled_from(PLACES)),
        channel=draw(st.sampled_from([Channel.CALL, Channel.CALL, Channel.SMS, Channel.EMAIL])),
        purpose=draw(
            st.sampled_from([Purpose.COLLECT, Purpose.REMINDER, Purpose.REPLY, Purpose.SEEK_CONSENT])
        ),
        contact_point="N1",
        debts=draw(st.sampled_from([("D1",), ("D1", "D2"), ()])),
        zones=tuple(draw(st.lists(ZONES, min_size=1, max_size=2, unique=True))),
        arrears_positive=True,
        history=history_of,
        holds=tuple(
            draw(
                st.lists(
                    st.builds(
                        HoldFact,
                        kind=st.just("dispute"),
                        first_day=st.just(hold_day),
                        last_day=st.just(hold_day + timedelta(days=2)),
                        channels=st.sampled_from([(), ("call",)]),
                    ),
                    max_size=1,
                )
            )
        ),
        consents=tuple(
            draw(
                st.lists(
                    st.builds(
                        ConsentFact,
                        kind=st.sampled_from(
                            ["call_back", "contact_time", "daily_dials", "electronic_messages"]
                        ),
                        given_at=st.just(given_at),
                        first_day=st.just(first_day),
                        evidence=st.sampled_from(["R", ""]),
                        from_minute=st.sampled_from([0, 540, 1200]),
                        to_minute=st.sampled_from([600, 1320, 1440]),
                        maximum=st.sampled_from([None, 8]),
                    ),
                    max_size=2,
                )
            )
        ),
        designations=tuple(draw(st.lists(DESIGNATIONS, max_size=2))),
        media_requests=tuple(draw(st.lists(MEDIA, max_size=1))),
        debt_facts=tuple(
            DebtFact(id=each, account="A", group="G", days_past_due=draw(st.sampled_from([None, 5, 40])))
            for each in ("D1", "D2")
        ),
        in_reply_to=draw(
            st.sampled_from([None, *(each.at for each in history_of if each.direction == "in")])
        ),
        signed=draw(st.sampled_from([(), tuple(pack.id for pack in PACKS.all)])),
    )
    return asked, at


def strictness(asked: Facts, packs: Packs, at: datetime) -> int:
    return STRICTNESS[decide(asked, packs, at).outcome]


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_one_more_attempt_never_opens_a_contact(data):
    asked, at = data.draw(situations())
    more = data.draw(contacts(at, direction=Direction.OUT))
    after = replace(asked, history=(*asked.history, more))
    assert strictness(after, TIGHT, at) >= strictness(asked, TIGHT, at)


@settings(deadline=None, max_examples=120)
@given(situations())
def test_the_next_moment_is_allowed_and_none_before_it_is(situation):
    asked, at = situation
    decision = decide(asked, TIGHT, at)
    if decision.allowed:
        assert decision.next_allowed == at
        return
    if (opens := decision.next_allowed) is None:
        return
    assert decide(asked, TIGHT, opens).allowed
    assert not decide(asked, TIGHT, opens - TICK).allowed
    between = (opens - at) / 7
    assert not any(decide(asked, TIGHT, at + step * between).allowed for step in range(7))


@settings(deadline=None, max_examples=80)
@given(situations())
def test_an_allowed_moment_lies_inside_every_window(situation):
    asked, at = situation
    if (at := decide(asked, PACKS, at).next_allowed) is None:
        return
    for result in decide(asked, PACKS, at).results:
        rule = PACKS.rule(result.rule)
        if rule.kind == "window" and rule.status != "proposed" and result.exception is None:
            assert is_open(rule.hours, rule.day_zones or asked.zones, at)


@settings(deadline=None, max_examples=120)
@given(st.lists(ZONES, min_size=1, max_size=3, unique=True), MOMENTS)
def test_hours_are_what_the_clocks_on_the_walls_say(zones, at):
    walls = [at.astimezone(ZoneInfo(zone)) for zone in zones]
    opens, closes = datetime.min.time().replace(hour=8), datetime.min.time().replace(hour=21)
    expected = all(opens < wall.time() < closes for wall in walls)
    assert is_open(PACKS.rule("HOUSE.TIME").hours, tuple(zones), at) is expected


@settings(deadline=None, max_examples=80)
@given(situations())
def test_counting_agrees_with_counting_by_hand(situation):
    asked, at = situation
    asked = replace(asked, channel=Channel.CALL, zones=asked.zones[:1], consents=())
    clock = ZoneInfo(asked.zones[0])
    first = at.astimezone(clock).date() - timedelta(days=6)
    calls = [
        each
        for each in asked.history
        if each.channel in ("call", "fax")
        and each.direction == "out"
        and each.connected is not False
        and each.at.astimezone(clock).date() >= first
    ]
    result = next(each for each in decide(asked, PACKS, at).results if each.rule == "HOUSE.CALLS.7IN7")
    assert result.counted == len(calls)


@st.composite
def house_rules(draw) -> str:
    outcome = draw(st.sampled_from(["prohibited", "presumed_violation", "permitted_with_flag"]))
    reasons = "    override_reasons: [because]\n" if outcome == "presumed_violation" else ""
    event = draw(st.sampled_from(["dial", "connected_call", "conversation", "message", "attempt"]))
    per = draw(st.sampled_from(["person", "debt", "contact_point", "channel"]))
    days = draw(st.integers(1, 9))
    kinds = [
        f'    kind: window\n    open: [{{from: "{draw(st.integers(0, 11)):02}:30", to: "15:00"}}]\n'
        "    edges: {opening: open, closing: open}\n",
        f"    kind: count\n    limit: {draw(st.integers(0, 4))}\n    counts: {{event: {event}, per: {per}}}\n"
        f"    window: {{kind: rolling_days, days: {days}, day_one: contact}}\n",
        f"    kind: quiet_period\n    days: {days}\n    day_one: event\n"
        f"    after: {{event: {event}, per: {per}, direction: both}}\n",
        "    kind: hold\n    holds: [dispute]\n",
        "    kind: party\n    allowed: [guarantor]\n",
    ]
    return f"{RULE}    outcome: {outcome}\n{reasons}{draw(st.sampled_from(kinds))}"


@settings(deadline=None, max_examples=80)
@given(situations(), house_rules())
def test_a_stricter_pack_never_permits_more(situation, rule):
    asked, at = situation
    packs = with_rule(rule)
    assert strictness(asked, packs, at) >= strictness(asked, PACKS, at)
    if (opens := decide(asked, packs, at).next_allowed) is not None:
        assert decide(asked, PACKS, at).next_allowed <= opens


@settings(deadline=None, max_examples=80)
@given(situations())
def test_one_more_jurisdiction_never_permits_more(situation):
    asked, at = situation
    for zones in (asked.zones, ()):
        alone = replace(asked, jurisdictions=("US",), zones=zones)
        both = replace(asked, jurisdictions=("US", "CN"), zones=zones)
        assert strictness(both, PACKS, at) >= strictness(alone, PACKS, at)


@settings(deadline=None, max_examples=80)
@given(situations())
def test_stored_facts_give_the_same_decision(situation):
    asked, at = situation
    again = Facts.from_json(asked.to_json())
    assert again == asked
    assert decide(again, PACKS, at).to_json() == decide(asked, PACKS, at).to_json()


@settings(deadline=None, max_examples=80)
@given(situations())
def test_the_order_of_history_does_not_matter(situation):
    asked, at = situation
    backwards = replace(asked, history=asked.history[::-1], zones=asked.zones[::-1])
    assert decide(backwards, PACKS, at).to_json() == decide(asked, PACKS, at).to_json()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Anchorage", "Asia/Kolkata"])
def test_the_servers_own_zone_does_not_matter(zone, monkeypatch):
    history = tuple(
        PastContact(at=datetime(2026, 7, day, 2, tzinfo=UTC), channel="call", conversation=False)
        for day in range(1, 8)
    )
    asked = Facts(
        role="debt_buyer",
        jurisdictions=("US",),
        channel="call",
        purpose="collect",
        zones=("America/New_York",),
        arrears_positive=True,
        history=history,
        holds=(HoldFact(kind="x", first_day=date(2026, 7, 1), last_day=date(2026, 7, 7)),),
    )
    at = datetime(2026, 7, 7, 3, 30, tzinfo=UTC)
    here = decide(asked, PACKS, at).to_json()
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert decide(asked, PACKS, at).to_json() == here
        assert decide(asked, PACKS, at.astimezone(ZoneInfo(zone))).to_json() == here
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != zone
