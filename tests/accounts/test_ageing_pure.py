from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ageing import EDGES, Ageing, Later, age, bucket, buckets, counted_days, extended

DUE = date(2026, 3, 31)


def test_on_the_due_day_nothing_is_late():
    assert age([(DUE, 100)], 0, DUE) == Ageing(0, 0, None)


def test_the_day_after_is_the_first_day_late():
    assert age([(DUE, 100)], 0, DUE + timedelta(days=1)) == Ageing(1, 100, DUE)


def test_one_cent_short_is_as_late_as_all_of_it():
    assert age([(DUE, 100)], 99, date(2026, 4, 30)) == Ageing(30, 1, DUE)
    assert age([(DUE, 100)], 100, date(2026, 4, 30)) == Ageing(0, 0, None)


def test_credits_cover_the_oldest_due_first():
    dues = [(date(2026, 3, 1), 50), (date(2026, 1, 1), 50), (date(2026, 2, 1), 50)]
    on = date(2026, 3, 2)
    assert age(dues, 0, on) == Ageing(60, 150, date(2026, 1, 1))
    assert age(dues, 50, on) == Ageing(29, 100, date(2026, 2, 1))
    assert age(dues, 75, on) == Ageing(29, 75, date(2026, 2, 1))
    assert age(dues, 120, on) == Ageing(1, 30, date(2026, 3, 1))


def test_what_is_due_today_or_later_is_not_in_arrears():
    dues = [(date(2026, 1, 1), 50), (date(2026, 2, 1), 50), (date(2026, 3, 1), 50)]
    assert age(dues, 10, date(2026, 2, 1)) == Ageing(31, 40, date(2026, 1, 1))


def test_a_due_of_nothing_is_never_late():
    assert age([(DUE, 0)], 0, date(2027, 1, 1)) == Ageing(0, 0, None)


def test_overpaid_and_empty_are_current():
    assert age([(DUE, 100)], 500, date(2027, 1, 1)) == Ageing(0, 0, None)
    assert age([], 0, DUE) == Ageing(0, 0, None)


@pytest.mark.parametrize(("dues", "credited"), [([(DUE, -1)], 0), ([(DUE, 1)], -1)])
def test_negative_money_is_a_mistake_of_the_caller(dues, credited):
    with pytest.raises(ValueError, match="negative"):
        age(dues, credited, date(2027, 1, 1))


def test_an_extension_moves_what_it_covers_from_the_day_it_was_agreed():
    agreed = DUE + timedelta(days=10)
    later = [Later(agreed, DUE, 14)]
    assert extended(DUE, later, agreed - timedelta(days=1)) == DUE
    assert extended(DUE, later, agreed) == date(2026, 4, 14)
    assert extended(date(2026, 5, 1), later, agreed) == date(2026, 5, 15)
    assert extended(date(2026, 3, 30), later, agreed) == date(2026, 3, 30)
    # A fee that was there is moved, one charged afterwards is not; a second extension adds to the first.
    assert extended(date(2026, 4, 5), later, agreed, charged=True) == date(2026, 4, 19)
    assert extended(date(2026, 5, 1), later, agreed, charged=True) == date(2026, 5, 1)
    assert extended(DUE, [*later, Later(agreed, DUE, 3)], agreed) == date(2026, 4, 17)


days = st.dates(date(2025, 1, 1), date(2026, 12, 31))
some_dues = st.lists(st.tuples(days, st.integers(0, 500)), max_size=8)


@given(some_dues, st.integers(0, 4000), days, st.randoms())
def test_order_of_dues_never_matters(dues, credited, on, random):
    shuffled = random.sample(dues, len(dues))
    assert age(shuffled, credited, on) == age(dues, credited, on)


@given(some_dues, st.integers(0, 4000), days)
def test_arrears_are_what_fell_due_less_what_was_credited(dues, credited, on):
    result = age(dues, credited, on)
    assert result.arrears == max(0, sum(amount for due_on, amount in dues if due_on < on) - credited)
    assert (result.arrears == 0) == (result.days_past_due == 0) == (result.oldest_due_on is None)


@given(some_dues, st.integers(0, 4000), days)
def test_the_oldest_due_date_is_where_the_running_sum_passes_the_credits(dues, credited, on):
    """The definition the SQL uses: the least due date before `on` up to which dues sum to more than the
    credits.
    """
    passed = [day for day, _amount in dues if day < on and sum(a for d, a in dues if d <= day) > credited]
    assert age(dues, credited, on).oldest_due_on == min(passed, default=None)


@given(some_dues, st.integers(0, 4000), st.integers(0, 500), days)
def test_paying_more_never_makes_a_loan_later(dues, credited, more, on):
    before, after = age(dues, credited, on), age(dues, credited + more, on)
    assert after.days_past_due <= before.days_past_due
    assert after.arrears <= before.arrears


@given(some_dues, st.integers(0, 4000), days)
def test_a_day_without_payment_adds_a_day(dues, credited, on):
    today, tomorrow = age(dues, credited, on), age(dues, credited, on + timedelta(days=1))
    if today.arrears:
        assert tomorrow.days_past_due == today.days_past_due + 1


@pytest.mark.parametrize(
    ("number", "key"),
    [
        (0, "current"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "91+"),
        (5000, "91+"),
    ],
)
def test_bucket(number, key):
    assert bucket(number) == key


def test_edges_are_data():
    assert buckets() == ("current", "1-30", "31-60", "61-90", "91+")
    assert buckets((5, 10, 30, 60)) == ("current", "1-5", "6-10", "11-30", "31-60", "61+")
    assert bucket(7, (6,)) == "7+"
    assert bucket(1, (1, 2)) == "1-1"


@pytest.mark.parametrize("edges", [(), (0, 30), (-5, 30), (30, 30), (1, 60, 30)])
def test_edges_that_lose_a_day_are_refused(edges):
    with pytest.raises(ValueError, match="edges"):
        bucket(5, edges)


def test_negative_days_are_refused():
    with pytest.raises(ValueError, match="negative"):
        bucket(-1, EDGES)


# Pauses

day = st.dates(date(2026, 1, 1), date(2026, 3, 1))
stretches = st.lists(
    st.tuples(day, st.one_of(st.none(), st.integers(-1, 40))).map(
        lambda each: (each[0], None if each[1] is None else each[0] + timedelta(days=each[1]))
    ),
    max_size=4,
)


@pytest.mark.parametrize(
    ("pauses", "days"),
    [
        ([], 20),
        ([(date(2026, 1, 12), date(2026, 1, 14))], 17),
        ([(date(2026, 1, 12), None)], 1),
        ([(date(2026, 1, 1), None)], 0),
        ([(date(2026, 1, 1), date(2026, 1, 10))], 20),
        ([(date(2026, 1, 12), date(2026, 1, 14)), (date(2026, 1, 13), date(2026, 1, 15))], 16),
        ([(date(2026, 1, 12), date(2026, 1, 20)), (date(2026, 1, 13), date(2026, 1, 14))], 11),
        ([(date(2026, 1, 12), date(2026, 1, 11))], 20),
        ([(date(2026, 2, 1), None)], 20),
    ],
    ids=["none", "three days", "to now", "all along", "before", "overlapping", "within", "no day", "later"],
)
def test_paused_days_do_not_count(pauses, days):
    assert age([(date(2026, 1, 10), 5)], 0, date(2026, 1, 30), pauses) == Ageing(days, 5, date(2026, 1, 10))


@given(day, day, stretches, st.randoms())
def test_counted_days_are_those_outside_every_pause_whatever_their_order(since, on, pauses, random):
    since, on = sorted((since, on))
    each = [since + timedelta(days=number) for number in range(1, (on - since).days + 1)]
    outside = [one for one in each if not any(a <= one and (b is None or one <= b) for a, b in pauses)]
    shuffled = random.sample(pauses, len(pauses))
    assert counted_days(since, on, shuffled) == len(outside)
