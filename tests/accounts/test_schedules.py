from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.schedules import Every, equal_instalments, from_terms, next_working_day, total_of

MONTHLY = Every(months=1)


def test_the_first_instalments_carry_the_extra_cents():
    assert equal_instalments(1000, 3, date(2026, 1, 15), MONTHLY) == (
        (date(2026, 1, 15), 334),
        (date(2026, 2, 15), 333),
        (date(2026, 3, 15), 333),
    )


def test_a_short_month_does_not_shorten_the_months_after_it():
    dates = [due_on for due_on, _ in equal_instalments(400, 4, date(2027, 12, 31), MONTHLY)]
    assert dates == [date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)]


def test_days_are_days():
    dates = [due_on for due_on, _ in equal_instalments(300, 3, date(2017, 5, 30), Every(days=30))]
    assert dates == [date(2017, 5, 30), date(2017, 6, 29), date(2017, 7, 29)]


@pytest.mark.parametrize(
    ("total", "count", "words"),
    [(100, 0, "0 instalments"), (100, -1, "instalments"), (700, 601, "601"), (2, 3, "nothing")],
)
def test_equal_instalments_refuse(total, count, words):
    with pytest.raises(ValueError, match=words):
        equal_instalments(total, count, date(2026, 1, 1), MONTHLY)


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("month", Every(months=1)),
        ("3 months", Every(months=3)),
        ("Quarter", Every(months=3)),
        ("week", Every(days=7)),
        ("fortnight", Every(days=14)),
        ("2  weeks", Every(days=14)),
        ("30 days", Every(days=30)),
    ],
)
def test_every_reads_words(text, every):
    assert Every.parse(text) == every


@pytest.mark.parametrize(
    "text", ["", "monthly", "30", "0 days", "-1 days", "1.5 months", "1000 days", "year"]
)
def test_every_refuses_other_words(text):
    with pytest.raises(ValueError, match=r"period|instalments come"):
        Every.parse(text)


@pytest.mark.parametrize(("months", "days"), [(0, 0), (1, 1), (-1, 0), (0, -1), (-1, 3)])
def test_every_is_months_or_days(months, days):
    with pytest.raises(ValueError, match="every so many"):
        Every(months=months, days=days)


def test_weekends_move_to_monday_and_the_rest_still_counts_from_the_first_date():
    friday, saturday, sunday, monday = (date(2026, 5, day) for day in (1, 2, 3, 4))
    assert [next_working_day(day) for day in (friday, saturday, sunday, monday)] == [
        friday,
        monday,
        monday,
        monday,
    ]
    schedule = from_terms(500, first_due=saturday, count=2, every=Every(days=30), off_weekends=True)
    assert schedule == ((monday, 250), (date(2026, 6, 1), 250))


def test_from_terms_of_one_instalment_needs_no_distance():
    assert from_terms(999, first_due=date(2026, 5, 2)) == ((date(2026, 5, 2), 999),)
    with pytest.raises(ValueError, match="distance"):
        from_terms(999, first_due=date(2026, 5, 2), count=2)


counts = st.integers(1, 120)
periods = st.one_of(st.builds(Every, months=st.integers(1, 12)), st.builds(Every, days=st.integers(1, 90)))
dates = st.dates(date(1990, 1, 1), date(2080, 12, 31))


@given(st.integers(0, 10**9), counts, dates, periods)
def test_every_cent_is_placed_and_dates_rise(extra, count, first_due, every):
    total = count + extra
    schedule = equal_instalments(total, count, first_due, every)
    parts = [part.amount for part in schedule]
    assert total_of(schedule) == total
    assert len(parts) == count
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)
    assert schedule[0].due_on == first_due
    assert all(one.due_on < two.due_on for one, two in pairwise(schedule))


@given(dates, st.integers(1, 12), st.integers(0, 60))
def test_months_keep_the_day_or_end_with_the_month(first_due, months, times):
    due_on = Every(months=months).after(first_due, times)
    assert (due_on.year * 12 + due_on.month) - (first_due.year * 12 + first_due.month) == months * times
    assert due_on.day == first_due.day or (
        due_on.day < first_due.day and (due_on + timedelta(days=1)).day == 1
    )
