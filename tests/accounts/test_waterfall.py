from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.waterfall import COMPONENTS, CREDIT, Charge, Credit, allocate, repost

JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))
LOAN = Charge(JAN, "opening", {"principal": 1000, "interest": 100, "fees": 30})


def split(fees=0, interest=0, principal=0, credit=0):
    return {"fees": fees, "interest": interest, "principal": principal, "credit": credit}


def test_fees_then_interest_then_principal():
    result = allocate([LOAN], [Credit(FEB, "a", 80), Credit(MAR, "b", 500)])
    assert result.splits == {"a": split(fees=30, interest=50), "b": split(interest=50, principal=450)}
    assert result.outstanding == {"fees": 0, "interest": 0, "principal": 550}
    assert (result.unapplied, result.balance) == (0, 550)


def test_the_order_is_the_portfolio_s():
    result = allocate([LOAN], [Credit(FEB, "a", 1010)], ("principal", "interest", "fees"))
    assert result.splits == {"a": split(interest=10, principal=1000)}


def test_what_is_left_over_is_the_borrower_s_credit():
    result = allocate([LOAN], [Credit(FEB, "a", 1200)])
    assert result.splits == {"a": split(fees=30, interest=100, principal=1000, credit=70)}
    assert (result.unapplied, result.balance) == (70, -70)


def test_a_later_charge_consumes_earlier_credit_oldest_first():
    payments = [Credit(FEB, "a", 1150), Credit(MAR, "b", 50)]
    result = allocate([LOAN, Charge(APR, "late fee", {"fees": 45})], payments)
    assert result.splits == {
        "a": split(fees=50, interest=100, principal=1000),
        "b": split(fees=25, credit=25),
    }
    assert (result.unapplied, result.balance) == (25, -25)


def test_on_one_day_charges_come_before_credits():
    result = allocate([LOAN, Charge(FEB, "fee", {"fees": 20})], [Credit(FEB, "a", 50)])
    assert result.splits == {"a": split(fees=50)}


def test_a_payment_before_the_loan_waits_for_it():
    result = allocate([LOAN._replace(value_date=FEB)], [Credit(JAN, "a", 130)])
    assert result.splits == {"a": split(fees=30, interest=100)}


def test_a_back_dated_payment_moves_the_others_and_the_reallocation_says_how_much():
    late_fee = Charge(MAR, "late fee", {"fees": 40})
    first = allocate([LOAN, late_fee], [Credit(APR, "b", 100)])
    assert first.total == split(fees=70, interest=30)
    both = allocate([LOAN, late_fee], [Credit(APR, "b", 100), Credit(FEB, "a", 100)])
    assert both.splits == {"a": split(fees=30, interest=70), "b": split(fees=40, interest=30, principal=30)}
    posted = {part: first.total[part] + both.splits["a"][part] for part in first.total}
    assert repost(posted, both.total) == {"fees": -30, "principal": 30}


def test_nothing_moved_posts_nothing():
    total = allocate([LOAN], [Credit(FEB, "a", 80)]).total
    assert repost(total, total) == {}


def test_money_that_is_missing_is_no_reallocation():
    with pytest.raises(ValueError, match="add up"):
        repost(split(fees=10), split(fees=9))
    with pytest.raises(ValueError, match="unknown components"):
        repost({"penalty": 10}, split(fees=10))


@pytest.mark.parametrize(
    ("charges", "credits_", "order", "words"),
    [
        ([LOAN, LOAN], [], COMPONENTS, "two charges"),
        ([LOAN], [Credit(FEB, "a", 1), Credit(MAR, "a", 2)], COMPONENTS, "two credits"),
        ([LOAN], [Credit(FEB, "a", 0)], COMPONENTS, "above zero"),
        ([LOAN], [Credit(FEB, "a", -5)], COMPONENTS, "above zero"),
        ([Charge(JAN, "x", {"fees": -1})], [], COMPONENTS, "negative"),
        ([Charge(JAN, "x", {"penalty": 1})], [], COMPONENTS, "unknown component"),
        ([LOAN], [], ("fees", "interest"), "order"),
        ([LOAN], [], ("fees", "fees", "principal"), "order"),
    ],
)
def test_refuses(charges, credits_, order, words):
    with pytest.raises(ValueError, match=words):
        allocate(charges, credits_, order)


days = st.dates(date(2026, 1, 1), date(2026, 1, 12))
amounts = st.fixed_dictionaries({}, optional={name: st.integers(0, 60) for name in COMPONENTS})
some_charges = st.lists(st.tuples(days, amounts), max_size=6).map(
    lambda items: [Charge(day, f"c{number}", parts) for number, (day, parts) in enumerate(items)]
)
some_credits = st.lists(st.tuples(days, st.integers(1, 90)), max_size=8).map(
    lambda items: [Credit(day, f"p{number}", amount) for number, (day, amount) in enumerate(items)]
)
orders = st.permutations(COMPONENTS)


@given(some_charges, some_credits, orders, st.randoms())
def test_order_of_arrival_never_matters(charges, credits_, order, random):
    shuffled = allocate(random.sample(charges, len(charges)), random.sample(credits_, len(credits_)), order)
    assert shuffled == allocate(charges, credits_, order)


@given(some_charges, some_credits, orders)
def test_sums_always_agree(charges, credits_, order):
    result = allocate(charges, credits_, order)
    charged = {name: sum(charge.amounts.get(name, 0) for charge in charges) for name in COMPONENTS}
    for credit in credits_:
        assert sum(result.splits[credit.key].values()) == credit.amount
        assert min(result.splits[credit.key].values()) >= 0
    for name in COMPONENTS:
        assert result.outstanding[name] >= 0
        assert result.outstanding[name] + result.total[name] == charged[name]
    assert result.total[CREDIT] == result.unapplied
    assert result.balance == sum(charged.values()) - sum(credit.amount for credit in credits_)
    assert not (result.unapplied and any(result.outstanding.values()))


@given(some_charges, some_credits, orders)
def test_posting_one_by_one_with_reallocations_ends_where_posting_in_order_would(charges, credits_, order):
    """What the ledger does: each payment's split as of its posting, then a zero-sum entry for what it
    moved.
    """
    ledger = split()
    for number in range(1, len(credits_) + 1):
        now = allocate(charges, credits_[:number], order)
        for part, amount in now.splits[credits_[number - 1].key].items():
            ledger[part] += amount
        moved = repost(ledger, now.total)
        assert sum(moved.values()) == 0
        for part, amount in moved.items():
            ledger[part] += amount
        assert ledger == now.total


@given(some_charges, some_credits, orders, st.integers(0, 7))
def test_a_reversed_payment_leaves_no_trace(charges, credits_, order, which):
    rest = [credit for number, credit in enumerate(credits_) if number != which]
    assert set(allocate(charges, rest, order).splits) == {credit.key for credit in rest}
    assert allocate(charges, rest, order).balance == sum(
        sum(charge.amounts.values()) for charge in charges
    ) - sum(credit.amount for credit in rest)
