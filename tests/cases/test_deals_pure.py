"""Schedules, shapes and what is affordable: every minor unit is placed, and nobody is asked for more than they can bear."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.schedules import Every, most_in_a_month, paydays, stepped_instalments, total_of
from cases.affordability import Household, alternatives, sustainable
from cases.shapes import Shape

DATES = st.dates(date(2024, 1, 1), date(2030, 12, 31))
AMOUNTS = st.integers(1, 10**9)


@given(
    AMOUNTS, st.integers(2, 36), DATES, st.integers(0, 100), st.booleans(), st.integers(0, 10**8),
)  # fmt: skip
def test_every_shape_places_every_cent_and_nothing_before_its_first_day(
    total, count, first, rise, by_payday, down
):
    shape = Shape(
        count, first, rise=0 if by_payday else rise, paydays=(15, 31) if by_payday else (), down=down,
        down_on=first - timedelta(days=1) if down else None,
    )  # fmt: skip
    try:
        parts = shape.instalments(total)
    except ValueError:
        assert total - down < count * (1 + rise)  # too little for so many growing parts
        return
    assert total_of(parts) == total
    assert all(part.amount > 0 for part in parts)
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(parts))
    assert min(part.due_on for part in parts if (part.due_on, part.amount) != (shape.down_on, down)) >= first
    assert Shape.of_json(shape.as_json()) == shape


def test_a_stepped_plan_rises():
    parts = stepped_instalments(100_00, 3, date(2026, 3, 10), Every(months=1), 50)
    assert [part.amount for part in parts] == [22_22, 33_33, 44_45]


@given(st.integers(100_00, 10**8), st.integers(2, 24), st.integers(0, 100))
def test_no_step_goes_down(total, count, rise):
    amounts = [
        part.amount for part in stepped_instalments(total, count, date(2026, 3, 10), Every(days=7), rise)
    ]
    assert amounts == sorted(amounts)


def test_paydays_fall_on_working_days():
    # 15 March 2026 is a Sunday, 31 May too: its pay comes on 1 June.
    assert paydays((15, 31), date(2026, 3, 10), 6) == (
        date(2026, 3, 16), date(2026, 3, 31), date(2026, 4, 15), date(2026, 4, 30), date(2026, 5, 15),
        date(2026, 6, 1),
    )  # fmt: skip
    assert paydays((31,), date(2026, 6, 1), 1) == (date(2026, 6, 1),)


@pytest.mark.parametrize("days", [(), (0,), (32,)])
def test_no_payday_that_no_month_has(days):
    with pytest.raises(ValueError, match="paydays"):
        paydays(days, date(2026, 3, 10), 1)


def test_what_is_sustainable_keeps_a_reserve():
    assert sustainable(Household(2000_00, 1200_00, 100_00, 0)) == 500_00  # a tenth kept
    assert sustainable(Household(2000_00, 1200_00, 100_00, 2)) == 300_00  # a fifth
    assert sustainable(Household(2000_00, 1200_00, 100_00, 9)) == 100_00  # never more than three tenths
    assert sustainable(Household(1000_00, 1200_00, 0, 0)) == 0


@given(
    st.builds(
        Household, st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 12)
    ),
    st.integers(1, 10**7), DATES, st.integers(2, 36),
)  # fmt: skip
def test_no_alternative_asks_for_more_than_is_sustainable(household, total, first, most):
    monthly = sustainable(household)
    assert monthly <= max(0, household.income - household.essentials - household.other_debts)
    for way in alternatives(total, monthly, first, most):
        assert most_in_a_month(way.instalments) <= monthly
        assert total_of(way.instalments) == total
        assert 2 <= len(way.instalments) <= most


def test_three_ways_side_by_side():
    ways = alternatives(600_00, 250_00, date(2026, 3, 10), 12)
    assert [(way.code, len(way.instalments), most_in_a_month(way.instalments)) for way in ways] == [
        ("equal", 3, 200_00),
        ("stepped", 3, 240_00),
        ("paydays", 5, 240_00),
    ]
