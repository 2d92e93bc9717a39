"""What being late costs: every cent from the facts, whatever day a period is split at."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.accrual import LateCaps, LateTerms, kept_to, late_charges, rounded, year_fraction

START = date(2026, 1, 1)
COUNTS = ["act/365", "act/360", "act/act", "30/360"]
dates = st.dates(date(2019, 1, 1), date(2033, 12, 31))
offsets = st.integers(0, 90)


def on(day: int) -> date:
    return START + timedelta(days=day)


def late(through, *, credited=(), instalments=((1, START, 365_00),), terms=None, kept=None, **more):
    opening = sum(amount for _number, _due, amount in instalments)
    facts = {"principal": opening, "opening": opening} | more
    return late_charges(
        instalments, credited, terms=kept or [terms or LateTerms(date(2020, 1, 1), rate=Decimal(10))],
        through=through, **facts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day_count", "first", "last", "part"),
    [
        ("act/365", date(2026, 1, 1), date(2026, 1, 31), Fraction(30, 365)),
        ("act/360", date(2026, 1, 1), date(2026, 1, 31), Fraction(30, 360)),
        ("act/act", date(2027, 12, 31), date(2028, 1, 2), Fraction(1, 365) + Fraction(1, 366)),
        ("30/360", date(2026, 1, 31), date(2026, 2, 28), Fraction(28, 360)),
        ("30/360", date(2026, 2, 28), date(2026, 3, 31), Fraction(32, 360)),
        ("30/360", date(2026, 1, 1), date(2027, 1, 1), Fraction(1)),
    ],
)
def test_the_part_of_a_year(day_count, first, last, part):
    assert year_fraction(first, last, day_count) == part


@given(st.lists(dates, min_size=3, max_size=3).map(sorted), st.sampled_from(COUNTS))
def test_a_period_split_at_any_day_is_the_same_period(days, day_count):
    first, middle, last = days
    parts = year_fraction(first, middle, day_count) + year_fraction(middle, last, day_count)
    assert parts == year_fraction(first, last, day_count)


def test_rounding_by_the_terms():
    halves = [Fraction(1, 2), Fraction(3, 2), Fraction(7, 4)]
    assert [rounded(each, "half_up") for each in halves] == [1, 2, 2]
    assert [rounded(each, "half_even") for each in halves] == [0, 2, 2]
    assert [rounded(each, "down") for each in halves] == [0, 1, 1]


def test_ten_percent_on_365_is_ten_cents_a_day_from_the_day_after():
    assert [late(on(day)).interest for day in (0, 1, 2, 30)] == [0, 10, 20, 300]


def test_grace_bears_nothing_and_is_not_made_up_for():
    terms = LateTerms(START, rate=Decimal(10), fee=5_00, grace_days=3)
    assert [late(on(day), terms=terms).total for day in (3, 4, 5)] == [0, 5_10, 5_20]


def test_only_the_principal_that_is_late_bears_interest():
    schedule = ((1, START, 365_00), (2, on(60), 365_00))
    half = late(on(10), instalments=schedule, principal=365_00)
    assert half.exact == 50
    assert late(on(10), instalments=schedule, principal=365_00, credited=[(on(5), 365_00)]).interest == 20


def test_a_late_fee_comes_once_for_each_instalment_and_never_where_it_was_paid_in_grace():
    terms = LateTerms(START, fee=5_00, grace_days=5)
    schedule = ((1, START, 100), (2, on(30), 100))
    assert late(on(90), instalments=schedule, terms=terms).fees == {1: (on(6), 5_00), 2: (on(36), 5_00)}
    paid = late(on(90), instalments=schedule, terms=terms, credited=[(on(5), 100)])
    assert paid.fees == {2: (on(36), 5_00)}


def test_nothing_for_the_days_of_a_hold_and_the_fee_waits_for_its_end():
    terms = LateTerms(START, rate=Decimal(10), fee=5_00)
    held = late(on(10), terms=terms, held=[(on(1), on(8))])
    assert (held.interest, held.fees) == (20, {1: (on(9), 5_00)})
    assert late(on(10), terms=terms, held=[(on(1), on(8))], credited=[(on(8), 365_00)]).total == 0


def test_caps_hold_for_fees_and_for_all_together():
    schedule = tuple((number, on(number), 100_00) for number in range(1, 5))
    capped = LateTerms(START, rate=Decimal(100), fee=5_00, fees_most=12_00, most_percent=Decimal(5))
    found = late(on(300), instalments=schedule, terms=capped)
    assert [amount for _day, amount in found.fees.values()] == [5_00, 5_00, 2_00]
    assert (found.interest, found.total) == (8_00, 20_00)


credited = st.lists(st.tuples(offsets.map(on), st.integers(1, 40_00)), max_size=4)
terms = st.builds(
    LateTerms, st.just(START), rate=st.decimals(0, 400, places=2), fee=st.integers(0, 500),
    grace_days=st.integers(0, 10), day_count=st.sampled_from(COUNTS),
    rounding=st.sampled_from(["half_up", "half_even", "down"]), fees_most=st.none() | st.integers(0, 900),
    most_percent=st.none() | st.decimals(0, 50, places=1),
)  # fmt: skip


@given(credited=credited, rule=terms, first=offsets, more=offsets)
def test_charging_day_by_day_comes_to_what_charging_once_comes_to(credited, rule, first, more):
    """What a later day adds is never negative without new facts, and the exact sums of the parts are the whole."""
    schedule = ((1, START, 30_00), (2, on(20), 30_00), (3, on(40), 30_00))
    one = late(on(first), instalments=schedule, terms=rule, credited=credited)
    two = late(on(first + more), instalments=schedule, terms=rule, credited=credited)
    assert two.exact >= one.exact
    assert two.interest >= 0
    assert two.total >= one.total
    assert one.fees.items() <= two.fees.items()
    if rule.most_percent is not None:
        assert two.total <= 90_00 * rule.most_percent / 100
    elif rule.rounding != "down":
        assert abs(two.interest - two.exact) <= Fraction(1, 2)


@given(credited=credited, rule=terms, through=offsets, early=offsets.map(on), amount=st.integers(1, 40_00))
def test_one_more_payment_never_costs_more(credited, rule, through, early, amount):
    schedule = ((1, START, 30_00), (2, on(20), 30_00))
    before = late(on(through), instalments=schedule, terms=rule, credited=credited)
    after = late(on(through), instalments=schedule, terms=rule, credited=[*credited, (early, amount)])
    assert after.exact <= before.exact
    assert after.total <= before.total


# What the law lets be charged

HIGH = LateTerms(START, rate=Decimal(100), fee=50_00)


def capped(through, *caps, terms=HIGH, **more):
    return late(through, kept=kept_to([terms], caps), **more)


def test_the_stricter_of_terms_and_law_counts_day_by_day():
    caps = [LateCaps(START), LateCaps(on(11), year_percent=Decimal(10))]
    assert [capped(on(day), *caps).interest for day in (10, 11, 20)] == [10_00, 10_10, 11_00]
    assert capped(on(10), LateCaps(START, year_percent=Decimal(200))).interest == 10_00


def test_a_year_of_360_days_costs_no_more_than_one_of_365():
    terms = LateTerms(START, rate=Decimal(100), day_count="act/360")
    assert capped(on(365), LateCaps(START, year_percent=Decimal(24)), terms=terms).exact <= 365_00 * Decimal(
        "0.24"
    )


def test_a_fee_keeps_to_its_amount_and_to_its_part_of_the_instalment():
    assert capped(on(2), LateCaps(START, fee=15_00)).fees == {1: (on(1), 15_00)}
    assert capped(on(2), LateCaps(START, fee=40_00, fee_percent=Decimal(5))).fees == {1: (on(1), 18_25)}


def test_all_charges_together_keep_to_a_part_of_the_principal():
    found = capped(on(900), LateCaps(START, charges_percent=Decimal(20)), principal=182_50)
    assert (found.total, found.fees) == (36_50, {1: (on(1), 36_50)})


def test_nothing_in_the_first_days():
    caps = LateCaps(START, after_days=5)
    assert [capped(on(day), caps).total for day in (5, 6)] == [0, 51_00]


caps = st.builds(
    LateCaps, offsets.map(on), year_percent=st.none() | st.decimals(0, 300, places=2),
    charges_percent=st.none() | st.decimals(0, 100, places=1), fee=st.none() | st.integers(0, 400),
    fee_percent=st.none() | st.decimals(0, 50, places=1), after_days=st.none() | st.integers(1, 20),
)  # fmt: skip


@given(
    credited=credited,
    rule=terms,
    law=st.lists(caps, max_size=3, unique_by=lambda each: each.from_on),
    through=offsets,
)
def test_law_never_makes_it_dearer(credited, rule, law, through):
    schedule = ((1, START, 30_00), (2, on(20), 30_00), (3, on(40), 30_00))
    free = late(on(through), instalments=schedule, terms=rule, credited=credited)
    kept = late(on(through), instalments=schedule, credited=credited, kept=kept_to([rule], law))
    assert 0 <= kept.total <= free.total
    last = max(
        (each for each in law if each.from_on <= on(through)), key=lambda each: each.from_on, default=None
    )
    if last is not None and last.charges_percent is not None:
        assert kept.total <= 90_00 * last.charges_percent / 100
