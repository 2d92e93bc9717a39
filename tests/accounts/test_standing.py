"""The SQL of standings says what the pure functions say, for any schedule, any bookings and any date."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions.ledger import LedgerRefused, post_charge
from accounts.actions.pauses import go_on, pause
from accounts.actions.payments import receive, reverse_payment
from accounts.ageing import Later, age, bucket, extended
from accounts.models import EntryKind, Extension, LedgerEntry, Loan, Pause, Paused
from accounts.standing import COLUMNS, PORTFOLIO_STANDING_SQL, Standing, standing_of
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db


def pay(loan, amount, value_date, reference=None):
    return receive(
        portfolio=loan.portfolio,
        reference=reference or f"P{amount}@{value_date}",
        amount=amount,
        value_date=value_date,
        loan=loan,
        by=SYSTEM,
        at=NOW,
    )


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def borrower(portfolio):
    return make_borrower(portfolio)


@pytest.mark.parametrize(
    ("on", "days", "arrears", "oldest", "bucket_key"),
    [
        (date(2026, 1, 9), 0, 0, None, "current"),
        (date(2026, 1, 10), 0, 0, None, "current"),
        (date(2026, 1, 11), 1, 50_00, date(2026, 1, 10), "1-30"),
        (date(2026, 2, 9), 30, 50_00, date(2026, 1, 10), "1-30"),
        (date(2026, 2, 10), 31, 50_00, date(2026, 1, 10), "31-60"),
        (date(2026, 2, 11), 32, 110_00, date(2026, 1, 10), "31-60"),
        (date(2026, 4, 11), 91, 110_00, date(2026, 1, 10), "91+"),
    ],
)
def test_a_loan_is_late_from_the_day_after_its_due_date(borrower, on, days, arrears, oldest, bucket_key):
    schedule = [(date(2026, 1, 10), 50_00), (date(2026, 2, 10), 60_00)]
    loan = make_loan(borrower, principal=100_00, interest=10_00, instalments=schedule)
    standing = standing_of([loan.pk], on)[loan.pk]
    assert standing == Standing(
        days_past_due=days,
        arrears=arrears,
        outstanding=110_00,
        fees=0,
        interest=10_00,
        principal=100_00,
        credit=0,
        oldest_due_on=oldest,
        bucket=bucket_key,
    )


def test_one_cent_short_is_short(borrower):
    loan = make_loan(borrower, principal=100_00, due_on=days_ago(5))
    pay(loan, 99_99, days_ago(6))
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.days_past_due, standing.arrears, standing.outstanding) == (5, 1, 1)


def test_what_has_a_later_value_date_does_not_count_yet(borrower):
    loan = make_loan(borrower, principal=100_00, due_on=days_ago(20))
    pay(loan, 100_00, days_ago(5))
    before, on_the_day = days_ago(6), days_ago(5)
    assert standing_of([loan.pk], before)[loan.pk].arrears == 100_00
    assert standing_of([loan.pk], on_the_day)[loan.pk].arrears == 0


def test_a_later_charge_is_due_on_its_value_date(borrower):
    loan = make_loan(borrower, principal=100_00, due_on=TODAY + timedelta(days=30))
    post_charge(
        loan=loan, kind=EntryKind.FEE, amount=5_00, value_date=days_ago(3), reference="F", by=SYSTEM, at=NOW
    )
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.days_past_due, standing.arrears, standing.fees) == (3, 5_00, 5_00)
    assert standing_of([loan.pk], days_ago(3))[loan.pk].arrears == 0


def test_overpayment_is_credit_and_lowers_the_outstanding_sum(borrower):
    loan = make_loan(borrower, principal=100_00)
    pay(loan, 130_00, days_ago(1))
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.principal, standing.credit, standing.outstanding) == (0, 30_00, -30_00)


def days_late(loan, on=TODAY) -> tuple[int, str]:
    standing = standing_of([loan.pk], on)[loan.pk]
    return standing.days_past_due, standing.bucket


def test_a_pause_of_all_that_is_owed_stops_every_loan_also_one_that_comes_later(borrower):
    loan = make_loan(borrower, due_on=days_ago(40))
    source = uuid4()
    pause(
        borrower=borrower, loan=None, what=[Paused.AGEING, Paused.CHARGES], starts_on=days_ago(15), ends_on=None,
        source=source,
    )  # fmt: skip
    later = make_loan(borrower, due_on=days_ago(5))
    assert (days_late(loan), days_late(later)) == ((24, "1-30"), (0, "current"))
    assert standing_of([later.pk], TODAY)[later.pk].arrears > 0
    # Known later, it is the same on every day before it.
    assert days_late(loan, days_ago(20)) == (20, "1-30")
    go_on(sources=[source], from_on=days_ago(2))
    assert (days_late(loan), days_late(later)) == ((27, "1-30"), (3, "1-30"))
    go_on(sources=[source], from_on=TODAY)  # has ended before
    assert days_late(loan) == (27, "1-30")


def test_a_pause_that_ends_before_it_begins_was_none(borrower):
    loan = make_loan(borrower, due_on=days_ago(40))
    source = uuid4()
    pause(
        borrower=borrower,
        loan=loan,
        what=[Paused.AGEING],
        starts_on=days_ago(3),
        ends_on=TODAY,
        source=source,
    )
    go_on(sources=[source], from_on=days_ago(10))
    assert Pause.objects.get().ends_on == days_ago(4)
    assert days_late(loan) == (40, "31-60")


@pytest.mark.parametrize(
    "change",
    [
        "ends_on = NULL",
        "ends_on = ends_on + 1",
        "starts_on = starts_on - 1",
        "what = 'charges'",
        "loan_id = NULL",
    ],
)
def test_a_pause_is_only_ever_made_shorter(borrower, change):
    loan = make_loan(borrower, due_on=days_ago(40))
    pause(
        borrower=borrower,
        loan=loan,
        what=[Paused.AGEING],
        starts_on=days_ago(3),
        ends_on=TODAY,
        source=uuid4(),
    )
    with pytest.raises(DatabaseError, match="can only be ended"), transaction.atomic():
        connection.cursor().execute(f"UPDATE accounts_pause SET {change}")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("DELETE FROM accounts_pause")


def test_nothing_is_charged_on_a_paused_day_by_any_path(borrower):
    loan = make_loan(borrower, due_on=days_ago(40))
    pause(
        borrower=borrower, loan=None, what=[Paused.CHARGES], starts_on=days_ago(9), ends_on=days_ago(5),
        source=uuid4(),
    )  # fmt: skip

    def charge(ago: int) -> None:
        post_charge(
            loan=loan, kind=EntryKind.FEE, amount=5_00, value_date=days_ago(ago), reference=f"F{ago}", by=SYSTEM,
            at=NOW,
        )  # fmt: skip

    for ago in (9, 7, 5):
        with pytest.raises(LedgerRefused, match="A hold stops charges") as refused:
            charge(ago)
        assert refused.value.code == "charges_paused"
    charge(10), charge(4)
    for kind in ("fee", "interest"):
        with pytest.raises(DatabaseError, match="A hold stops charges"), transaction.atomic():
            LedgerEntry.objects.create(
                borrower=borrower, loan=loan, kind=kind, reference="raw", value_date=days_ago(7), fees=1,
                booked_at=NOW,
            )  # fmt: skip
    assert standing_of([loan.pk], TODAY)[loan.pk].fees == 10_00


def test_no_loans_and_unknown_loans(borrower):
    assert standing_of([], TODAY) == {}
    assert standing_of([borrower.pk], TODAY) == {}


def test_many_loans_take_one_statement(borrower, django_assert_num_queries):
    loans = [make_loan(borrower).pk for _ in range(3)]
    with django_assert_num_queries(1):
        assert set(standing_of(loans, TODAY)) == set(loans)


def test_whole_portfolios_give_what_single_loans_give(borrower, portfolio):
    loans = [make_loan(borrower, principal=10_00 * n, due_on=days_ago(40 * n)) for n in range(1, 4)]
    other = make_portfolio()
    make_loan(make_borrower(other))
    with connection.cursor() as cursor:
        cursor.execute(PORTFOLIO_STANDING_SQL, {"portfolios": [portfolio.pk], "on": TODAY})
        assert [column.name for column in cursor.description] == list(COLUMNS)
        rows = {row[0]: Standing(*row[3:]) for row in cursor.fetchall()}
    assert rows == standing_of([loan.pk for loan in loans], TODAY)
    assert sorted(standing.bucket for standing in rows.values()) == ["31-60", "61-90", "91+"]


# The property

START = date(2026, 1, 1)
offsets = st.integers(0, 120)
cents = st.integers(1, 400)


@st.composite
def books(draw):
    """A schedule, charges, payments (some of them reversed), bucket edges, and the date asked about."""
    return {
        "schedule": draw(st.lists(st.tuples(offsets, cents), min_size=1, max_size=6)),
        "charges": draw(
            st.lists(st.tuples(st.sampled_from(["fee", "interest"]), offsets, cents), max_size=3)
        ),
        "payments": draw(st.lists(st.tuples(offsets, cents, st.booleans()), max_size=5)),
        "pauses": draw(st.lists(st.tuples(offsets, st.none() | st.integers(-1, 60)), max_size=3)),
        "extensions": draw(st.lists(st.tuples(offsets, offsets, st.integers(1, 40)), max_size=3)),
        "edges": sorted(draw(st.sets(st.integers(1, 100), min_size=1, max_size=4))),
        "on": draw(st.integers(0, 140)),
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(loans=st.lists(books(), min_size=1, max_size=3))
def test_sql_and_pure_ageing_agree(portfolio, borrower, loans):
    with transaction.atomic():
        for book in loans:
            portfolio.bucket_edges = book["edges"]
            portfolio.save(update_fields=["bucket_edges"])
            loan = make_book(borrower, book)
            on = START + timedelta(days=book["on"])
            standing = standing_of([loan.pk], on)[loan.pk]
            expected = pure_ageing(book, on)
            assert (standing.days_past_due, standing.arrears, standing.oldest_due_on) == (
                expected.days_past_due,
                expected.arrears,
                expected.oldest_due_on,
            )
            assert standing.bucket == bucket(expected.days_past_due, book["edges"])
        transaction.set_rollback(True)


def make_book(borrower, book) -> Loan:
    schedule = [(START + timedelta(days=day), amount) for day, amount in book["schedule"]]
    total = sum(amount for _day, amount in schedule)
    loan = make_loan(borrower, principal=total, instalments=schedule)
    for number, (kind, day, amount) in enumerate(book["charges"]):
        post_charge(
            loan=loan,
            kind=kind,
            amount=amount,
            value_date=START + timedelta(days=day),
            reference=f"C{number}",
            by=SYSTEM,
            at=LATER,
        )
    for number, (day, amount, bounced) in enumerate(book["payments"]):
        payment = receive(
            portfolio=loan.portfolio,
            reference=f"{loan.pk}/{number}",
            amount=amount,
            value_date=START + timedelta(days=day),
            loan=loan,
            by=SYSTEM,
            at=LATER,
        )
        if bounced:
            reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=LATER)
    for first, last in pauses_of(book):
        source = uuid4()
        pause(
            borrower=borrower, loan=loan, what=[Paused.AGEING], starts_on=first, ends_on=last, source=source
        )
    for number, later in enumerate(extensions_of(book)):
        Extension.objects.create(loan=loan, agreed_at=NOW, reference=f"{loan.pk}:{number}", **later._asdict())
    return loan


def extensions_of(book):
    """Each with the earlier day as the one it begins with."""
    return [
        Later(START + timedelta(days=max(pair)), START + timedelta(days=min(pair)), days)
        for *pair, days in book["extensions"]
    ]


def pauses_of(book) -> list[tuple[date, date | None]]:
    return [
        (START + timedelta(days=first), None if length is None else START + timedelta(days=first + length))
        for first, length in book["pauses"]
    ]


LATER = NOW + timedelta(days=365)


def pure_ageing(book, on):
    later = extensions_of(book)
    dues = [(extended(START + timedelta(days=day), later, on), amount) for day, amount in book["schedule"]]
    dues += [
        (extended(START + timedelta(days=day), later, on, charged=True), amount)
        for _kind, day, amount in book["charges"]
    ]
    credited = sum(
        amount
        for day, amount, bounced in book["payments"]
        if not bounced and START + timedelta(days=day) <= on
    )
    return age(dues, credited, on, pauses_of(book))
