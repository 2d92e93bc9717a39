"""The ledger: the order in which things arrive never matters, and every sum agrees."""

import json
from datetime import date, timedelta
from itertools import permutations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions.ledger import LedgerRefused, Posting, open_loan, post, post_charge
from accounts.models import EntryKind, LedgerEntry
from accounts.standing import standing_of
from accounts.waterfall import COMPONENTS, Charge, Credit, allocate
from compliance.audit import Stream
from compliance.audit.models import AuditEvent
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db

PARTS = (*COMPONENTS, "credit")


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def borrower(portfolio):
    return make_borrower(portfolio)


def balances(loan) -> dict[str, int]:
    """Sums of the entries as the database has them."""
    return LedgerEntry.objects.filter(loan=loan).aggregate(**{part: Sum(part) for part in PARTS})


def repay(loan, amount, value_date, reference="R1"):
    posting = Posting(
        loan_id=loan.pk,
        kind=EntryKind.REPAYMENT,
        reference=reference,
        value_date=value_date,
        amount=amount,
    )
    return post([posting], by=SYSTEM, at=NOW)[0]


def forgive(loan, amount, value_date, reference="W1"):
    posting = Posting(
        loan_id=loan.pk,
        kind=EntryKind.WAIVER,
        reference=reference,
        value_date=value_date,
        amount=amount,
    )
    return post([posting], by=SYSTEM, at=NOW)[0]


def charge(loan, kind, amount, value_date, reference="C1"):
    return post_charge(
        loan=loan, kind=kind, amount=amount, value_date=value_date, reference=reference, by=SYSTEM, at=NOW
    )


def reverse(loan, reference):
    return post([Posting(loan_id=loan.pk, kind=EntryKind.REVERSAL, reference=reference)], by=SYSTEM, at=NOW)[
        0
    ]


def entries(loan):
    """Kind, value date and components of every entry, in the order of posting."""
    return [
        (entry.kind, entry.value_date, *(getattr(entry, part) for part in PARTS))
        for entry in LedgerEntry.objects.filter(loan=loan).order_by("booked_at", "id")
    ]


def test_opening_books_what_is_owed(borrower):
    loan = make_loan(borrower, principal=100_00, interest=15_00, fees=2_00, due_on=days_ago(3))
    assert entries(loan) == [("opening", days_ago(33), 2_00, 15_00, 100_00, 0)]
    assert [(i.number, i.due_on, i.amount) for i in loan.instalments.all()] == [(1, days_ago(3), 117_00)]


def test_opening_refuses_what_does_not_add_up(borrower, portfolio):
    def attempt(**changed):
        terms = {"portfolio": portfolio, "principal": 100, "instalments": [(TODAY, 100)]} | changed
        with pytest.raises(LedgerRefused) as refusal:
            open_loan(borrower=borrower, external_id="L", by=SYSTEM, at=NOW, **terms)
        return refusal.value.code

    assert attempt(instalments=[(TODAY, 99)]) == "schedule_sum"
    assert attempt(instalments=[]) == "schedule_sum"
    assert attempt(interest=-1, instalments=[(TODAY, 99)]) == "negative"
    assert attempt(instalments=[(TODAY, 100), (TODAY, 0)]) == "negative"
    assert attempt(principal=0, instalments=[]) == "not_positive"
    assert attempt(portfolio=make_portfolio()) == "other_entity"
    assert not borrower.loans.exists()


def test_repayment_pays_in_the_portfolios_order(portfolio, borrower):
    loan = make_loan(borrower, principal=100, interest=20, fees=10)
    repay(loan, 25, days_ago(5))
    assert entries(loan)[1] == ("repayment", days_ago(5), -10, -15, 0, 0)
    portfolio.allocation_order = ["principal", "interest", "fees"]
    portfolio.save()
    other = make_loan(borrower, principal=100, interest=20, fees=10)
    repay(other, 105, days_ago(5))
    assert entries(other)[1] == ("repayment", days_ago(5), 0, -5, -100, 0)


def test_an_earlier_payment_that_comes_later_moves_the_splits(borrower):
    loan = make_loan(borrower, principal=100, fees=10, due_on=days_ago(30))
    repay(loan, 10, days_ago(5), "late")
    repay(loan, 10, days_ago(20), "early")
    assert entries(loan)[1:] == [
        ("repayment", days_ago(5), -10, 0, 0, 0),
        ("repayment", days_ago(20), -10, 0, 0, 0),
        ("reallocation", days_ago(5), 10, 0, -10, 0),
    ]
    assert balances(loan) == {"fees": 0, "interest": 0, "principal": 90, "credit": 0}


def test_credit_is_consumed_by_the_next_charge(borrower):
    loan = make_loan(borrower, principal=100, due_on=days_ago(30))
    repay(loan, 130, days_ago(20))
    charge(loan, EntryKind.FEE, 50, days_ago(10))
    assert entries(loan)[1:] == [
        ("repayment", days_ago(20), 0, 0, -100, -30),
        ("fee", days_ago(10), 50, 0, 0, 0),
        ("reallocation", days_ago(10), -30, 0, 0, 30),
    ]
    assert standing_of([loan.pk], days_ago(15))[loan.pk].credit == 30
    now = standing_of([loan.pk], TODAY)[loan.pk]
    assert (now.credit, now.fees, now.arrears) == (0, 20, 20)


def test_reversal_takes_the_payment_out_as_if_it_had_never_come(borrower):
    loan = make_loan(borrower, principal=100, fees=10, due_on=days_ago(30))
    repay(loan, 60, days_ago(25), "bounced")
    repay(loan, 50, days_ago(20), "good")
    assert standing_of([loan.pk], TODAY)[loan.pk].arrears == 0
    entry = reverse(loan, "bounced")
    assert (entry.value_date, entry.amount) == (days_ago(25), 60)
    assert balances(loan) == {"fees": 0, "interest": 0, "principal": 60, "credit": 0}
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.days_past_due, standing.arrears) == (30, 60)
    assert standing_of([loan.pk], days_ago(22))[loan.pk].fees == 10


def test_the_same_reference_is_posted_once(borrower):
    loan = make_loan(borrower, principal=100)
    first = repay(loan, 40, days_ago(1))
    assert repay(loan, 40, days_ago(1)) == first
    assert charge(loan, EntryKind.FEE, 5, TODAY) == charge(loan, EntryKind.FEE, 5, TODAY)
    reverse(loan, "R1")
    reverse(loan, "R1")
    assert [kind for kind, *_ in entries(loan)] == ["opening", "repayment", "fee", "reversal"]


@pytest.mark.parametrize(("amount", "value_date"), [(41, days_ago(1)), (40, days_ago(2))])
def test_the_same_reference_with_other_facts_is_refused(borrower, amount, value_date):
    loan = make_loan(borrower, principal=100)
    repay(loan, 40, days_ago(1))
    with pytest.raises(LedgerRefused) as refusal:
        repay(loan, amount, value_date)
    assert refusal.value.code == "reference_reused"


def test_nothing_to_reverse(borrower):
    loan = make_loan(borrower)
    with pytest.raises(LedgerRefused) as refusal:
        reverse(loan, "unknown")
    assert refusal.value.code == "nothing_to_reverse"


def test_a_charge_is_above_zero_and_a_fee_or_interest(borrower):
    loan = make_loan(borrower)
    with pytest.raises(LedgerRefused):
        charge(loan, EntryKind.FEE, 0, TODAY)
    with pytest.raises(ValueError, match="not charged"):
        charge(loan, EntryKind.OPENING, 5, TODAY)


def test_every_entry_has_its_event(borrower, portfolio):
    loan = make_loan(borrower, principal=100, fees=10, due_on=days_ago(30))
    repay(loan, 10, days_ago(5), "late")
    repay(loan, 10, days_ago(20), "early")
    events = AuditEvent.objects.filter(type="ledger.posted", stream=borrower.pk).order_by("seq")
    leaves = [leaf_data(event) for event in events]
    assert [leaf["entry_kind"] for leaf in leaves] == ["opening", "repayment", "repayment", "reallocation"]
    assert leaves[3] | {"entry": ""} == {
        "loan": str(loan.pk),
        "entry": "",
        "entry_kind": "reallocation",
        "value_date": str(days_ago(5)),
        "currency": "USD",
        "amount": "0.00",
        "fees": "0.10",
        "interest": "0.00",
        "principal": "-0.10",
        "credit": "0.00",
    }
    assert {event.borrower_ref for event in events} == {borrower.pk}


def test_events_of_a_run_go_to_its_stream(borrower):
    loan = make_loan(borrower)
    run = Stream.run(loan.pk)
    posting = Posting(loan_id=loan.pk, kind=EntryKind.REPAYMENT, reference="R", value_date=TODAY, amount=5)
    post([posting], by=SYSTEM, at=NOW, stream=run)
    assert AuditEvent.objects.get(stream=loan.pk).type == "ledger.posted"


def leaf_data(event):
    return json.loads(bytes(event.leaf))["data"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_ledgerentry SET principal = 0",
        "DELETE FROM accounts_ledgerentry",
        "TRUNCATE accounts_ledgerentry",
    ],
)
def test_entries_are_only_added(borrower, statement):
    make_loan(borrower)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_entry_belongs_to_its_loans_borrower(portfolio, borrower):
    loan = make_loan(borrower)
    stranger = make_borrower(portfolio)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(
            borrower=stranger, loan=loan, kind="fee", value_date=TODAY, booked_at=NOW, fees=1, reference="X"
        )


# The property

START = date(2026, 1, 1)
things = st.lists(
    st.tuples(
        st.sampled_from(["fee", "interest", "repayment", "repayment", "bounced", "waiver"]),
        st.integers(0, 40),
        st.integers(1, 150),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=things,
    order=st.sampled_from(list(permutations(COMPONENTS))),
    opening=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 100)),
    data=st.data(),
)
def test_any_order_of_arrival_gives_the_same_books(portfolio, borrower, facts, order, opening, data):
    steps = [(number, kind, day, amount) for number, (kind, day, amount) in enumerate(facts)]
    reversals = [
        (number, "reversal", day, amount) for number, kind, day, amount in steps if kind == "bounced"
    ]
    in_order = (
        sorted(steps, key=lambda step: (step[2], step[1] in ("repayment", "bounced", "waiver"))) + reversals
    )
    shuffled = data.draw(st.permutations(in_order))
    # A reversal cannot come before what it reverses.
    shuffled = [s for s in shuffled if s[1] != "reversal"] + [s for s in shuffled if s[1] == "reversal"]
    cut = data.draw(st.integers(0, len(shuffled)))
    shuffled = early_reversals(shuffled, cut)
    fees, interest, principal = opening
    with transaction.atomic():
        portfolio.allocation_order = list(order)
        portfolio.save(update_fields=["allocation_order"])
        due = START + timedelta(days=15)
        loans = [
            make_loan(borrower, principal=principal, interest=interest, fees=fees, due_on=due)
            for _ in range(2)
        ]
        for loan, sequence in zip(loans, (in_order, shuffled), strict=True):
            for step in sequence:
                take(loan, step)
        one, other = loans
        assert balances(one) == balances(other)
        for day in range(-40, 45):
            on = START + timedelta(days=day)
            standing = standing_of([one.pk, other.pk], on)
            assert standing[one.pk] == standing[other.pk]
            check_sums(standing[one.pk])
        check_canonical(one, facts, order, opening, standing[one.pk])
        transaction.set_rollback(True)


def early_reversals(steps, cut):
    """Some reversals right after their payment, the others at the end."""
    reversals = {step[0]: step for step in steps[cut:] if step[1] == "reversal"}
    result = []
    for step in steps:
        if step[0] in reversals and step[1] == "reversal":
            continue
        result.append(step)
        if step[0] in reversals:
            result.append(reversals[step[0]])
    return result


def take(loan, step):
    number, kind, day, amount = step
    value_date = START + timedelta(days=day)
    if kind == "reversal":
        reverse(loan, f"P{number}")
    elif kind in ("repayment", "bounced"):
        repay(loan, amount, value_date, f"P{number}")
    elif kind == "waiver":
        forgive(loan, amount, value_date, f"W{number}")
    else:
        charge(loan, kind, amount, value_date, f"C{number}")


def check_sums(standing):
    """Nothing owed is negative, credit stands only where nothing is owed, and the parts come to the whole."""
    owed = (standing.fees, standing.interest, standing.principal)
    assert min(*owed, standing.credit, standing.arrears) >= 0
    assert standing.credit == 0 or sum(owed) == 0
    assert standing.outstanding == sum(owed) - standing.credit
    assert standing.arrears <= max(standing.outstanding, 0)


def check_canonical(loan, facts, order, opening, standing):
    """The last standing is what the pure waterfall says of everything at once."""
    fees, interest, principal = opening
    opened_on = loan.entries.get(kind=EntryKind.OPENING).value_date
    charges = [Charge(opened_on, "opening", {"fees": fees, "interest": interest, "principal": principal})]
    credited = []
    for number, (kind, day, amount) in enumerate(facts):
        on = START + timedelta(days=day)
        if kind in ("fee", "interest"):
            part = "fees" if kind == "fee" else "interest"
            charges.append(Charge(on, f"{kind}:C{number}", {part: amount}))
        elif kind == "repayment":
            credited.append(Credit(on, f"repayment:P{number}", amount))
        elif kind == "waiver":
            credited.append(Credit(on, f"waiver:W{number}", amount))
    canonical = allocate(charges, credited, order)
    assert {part: getattr(standing, part) for part in COMPONENTS} == canonical.outstanding
    assert (standing.credit, standing.outstanding) == (canonical.unapplied, canonical.balance)
