"""Payments: taken in once, posted where they belong, waiting where nobody can be certain."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.actions.borrowers import customer_index
from accounts.actions.ledger import Posting, post
from accounts.actions.payments import PaymentRefused, match, receive, reverse_payment, seek_loans
from accounts.models import LedgerEntry, Payment, PaymentCandidate, PaymentState, Role
from accounts.seal import blind_index
from accounts.standing import standing_of
from compliance.audit import Actor, Stream
from compliance.audit.models import AuditEvent
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio("usd")


@pytest.fixture
def loan(portfolio):
    borrower = make_borrower(portfolio, external_id="CUST-7", phone="212 555 0123", email="dana@example.com")
    return make_loan(borrower, external_id="LN-1", principal=100_00, due_on=days_ago(10))


def come_in(portfolio, reference="R1", amount=40_00, value_date=None, by=SYSTEM, at=NOW, **details):
    return receive(
        portfolio=portfolio,
        reference=reference,
        amount=amount,
        value_date=value_date or days_ago(1),
        by=by,
        at=at,
        **details,
    )


def refused(function, *arguments, **keywords):
    with pytest.raises(PaymentRefused) as refusal:
        function(*arguments, **keywords)
    assert str(refusal.value)
    return refusal.value.code


def events(*types):
    return [
        (event.type, json.loads(bytes(event.leaf))["data"])
        for event in AuditEvent.objects.filter(type__in=types).order_by("recorded_at", "seq")
    ]


def test_a_payment_is_posted_to_its_loan(portfolio, loan):
    payment = come_in(portfolio, loan=loan)
    assert (payment.state, payment.loan) == (PaymentState.POSTED, loan)
    entry = loan.entries.get(kind="repayment")
    assert (entry.amount, entry.principal, entry.value_date, entry.reference) == (
        -40_00,
        -40_00,
        days_ago(1),
        "R1",
    )
    assert events("payment.received", "payment.matched", "payment.unmatched") == [
        (
            "payment.received",
            {
                "payment": str(payment.pk),
                "currency": "USD",
                "amount": "40.00",
                "value_date": str(days_ago(1)),
                "source": "desk",
            },
        ),
        ("payment.matched", {"payment": str(payment.pk), "loan": str(loan.pk), "how": "given"}),
    ]


def test_the_exact_loan_id_is_certain(portfolio, loan):
    payment = come_in(portfolio, loan_hint=" LN-1 ")
    assert payment.loan == loan
    assert events("payment.matched")[0][1]["how"] == "loan_id"


def test_the_same_reference_is_one_payment(portfolio, loan):
    first = come_in(portfolio, loan=loan)
    again = come_in(portfolio, loan=loan)
    unnamed = come_in(portfolio)
    assert again == unnamed == first
    assert (Payment.objects.count(), loan.entries.filter(kind="repayment").count()) == (1, 1)
    assert len(events("payment.received")) == 1


@pytest.mark.parametrize("change", [{"amount": 41_00}, {"value_date": days_ago(2)}])
def test_the_same_reference_with_other_facts_is_refused(portfolio, loan, change):
    come_in(portfolio, loan=loan)
    assert refused(come_in, portfolio, loan=loan, **change) == "reference_reused"


def test_the_same_reference_for_another_loan_is_refused(portfolio, loan):
    come_in(portfolio, loan=loan)
    other = make_loan(loan.borrower)
    assert refused(come_in, portfolio, loan=other) == "reference_reused"


def test_the_same_reference_in_another_portfolio_is_another_payment(portfolio, loan):
    other = make_loan(make_borrower(make_portfolio()))
    assert come_in(portfolio, loan=loan) != come_in(other.portfolio, loan=other)


def test_what_the_tape_booked_under_this_reference_is_not_booked_twice(portfolio, loan):
    booked = {"loan_id": loan.pk, "kind": "repayment", "reference": "R1", "value_date": days_ago(1)}
    post([Posting(**booked, amount=40_00)], by=SYSTEM, at=NOW)
    come_in(portfolio, loan=loan)
    assert standing_of([loan.pk], TODAY)[loan.pk].outstanding == 60_00
    post([Posting(**booked | {"reference": "R2"}, amount=10_00)], by=SYSTEM, at=NOW)
    assert refused(come_in, portfolio, reference="R2", amount=11_00, loan=loan) == "reference_reused"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, "not_positive"),
        ({"amount": -5}, "not_positive"),
        ({"reference": "  "}, "reference_missing"),
        ({"value_date": TODAY + timedelta(days=2)}, "future"),
    ],
)
def test_what_is_no_payment_is_refused(portfolio, loan, change, code):
    assert refused(come_in, portfolio, loan=loan, **change) == code
    assert not Payment.objects.exists()


def test_a_loan_of_another_portfolio_is_refused(loan):
    assert refused(come_in, make_portfolio(), loan=loan) == "other_portfolio"


# Waiting payments


def waiting(portfolio, **details):
    """A payment that waits, and its candidates' loan ids with the reason of each, likeliest first."""
    payment = come_in(portfolio, **details)
    assert (payment.state, payment.loan) == (PaymentState.UNMATCHED, None)
    return {row.loan.external_id: row.why for row in payment.candidates.order_by("id")}


@pytest.mark.parametrize("hint", ["ln-1", "LN -1", "00LN-1"])
def test_a_mistyped_loan_id_makes_a_candidate(portfolio, loan, hint):
    make_loan(loan.borrower, external_id="LN-2")
    make_loan(make_borrower(make_portfolio()), external_id="LN-1")
    assert waiting(portfolio, loan_hint=hint, amount=7) == {"LN-1": "loan_id"}


@pytest.mark.parametrize(
    "payer",
    [
        customer_index("CUST-7"),
        blind_index("phone", "+12125550123"),
        blind_index("email", "dana@example.com"),
    ],
)
def test_the_payer_makes_candidates_of_all_their_loans_here(portfolio, loan, payer):
    make_loan(loan.borrower, external_id="LN-2", portfolio=portfolio)
    stranger = make_borrower(make_portfolio(), external_id="CUST-7", phone="212 555 0123")
    make_loan(stranger, external_id="LN-3")
    assert waiting(portfolio, payer_index=payer, amount=7) == {"LN-1": "payer", "LN-2": "payer"}


def test_exactly_the_arrears_or_an_instalment_around_the_day_makes_a_candidate(portfolio, loan):
    def another(name, **terms):
        return make_loan(loan.borrower, external_id=name, **terms)

    value_date = days_ago(3)
    two = [(days_ago(40), 30_00), (days_ago(5), 20_00)]
    another("ARREARS", principal=50_00, instalments=two)
    another("INSTALMENT", principal=60_00, instalments=[(TODAY, 50_00), (days_ago(-30), 10_00)])
    another("SEVEN", principal=50_00, due_on=value_date + timedelta(days=7))
    another("EIGHT", principal=50_00, due_on=value_date + timedelta(days=8))
    another("CENT", principal=50_01, due_on=value_date)
    come_in(portfolio, reference="x", amount=50_00, loan=another("PAID", principal=50_00, due_on=value_date))
    assert waiting(portfolio, amount=50_00, value_date=value_date) == {
        "ARREARS": "arrears",
        "INSTALMENT": "instalment",
        "SEVEN": "instalment",
    }


def test_the_stronger_reason_is_kept_and_comes_first(portfolio, loan):
    make_loan(loan.borrower, external_id="LN-2", principal=100_00, due_on=days_ago(1))
    found = waiting(
        portfolio, loan_hint="ln-2", payer_index=customer_index("CUST-7"), amount=100_00, value_date=TODAY
    )
    assert list(found.items()) == [("LN-2", "loan_id"), ("LN-1", "payer")]


def test_at_most_twenty_candidates(portfolio, loan):
    for _ in range(25):
        make_loan(loan.borrower, principal=33_00, due_on=TODAY)
    assert len(waiting(portfolio, amount=33_00)) == 20
    assert events("payment.unmatched")[0][1]["candidates"] == 20


def test_a_payment_without_any_candidate_waits_all_the_same(portfolio, loan):
    assert waiting(portfolio, amount=1, loan_hint="   ") == {}
    assert events("payment.unmatched")[0][1]["candidates"] == 0


def test_an_import_seeks_for_all_its_payments_at_once(portfolio, loan):
    payments = [come_in(portfolio, reference=f"R{n}", loan_hint="ln-1", seek=False) for n in range(3)]
    assert not PaymentCandidate.objects.exists()
    run = Stream.run(loan.pk)
    found = seek_loans(
        portfolio=portfolio, payments=[each.pk for each in payments], by=SYSTEM, at=NOW, stream=run
    )
    assert found == dict.fromkeys([each.pk for each in payments], 1)
    assert AuditEvent.objects.filter(type="payment.unmatched", stream=loan.pk).count() == 3


def test_matching_posts_and_lets_the_other_candidates_go(portfolio, loan):
    other = make_loan(loan.borrower, external_id="LN-2")
    bob = Actor.staff(make_people(portfolio).bob)
    payment = come_in(portfolio, payer_index=customer_index("CUST-7"))
    assert payment.candidates.count() == 2
    assert match(payment=payment, loan=other, by=bob, at=NOW).loan == other
    assert not PaymentCandidate.objects.exists()
    assert standing_of([other.pk], TODAY)[other.pk].outstanding == 60_00
    assert events("payment.matched") == [
        ("payment.matched", {"payment": str(payment.pk), "loan": str(other.pk), "how": "by_hand"})
    ]
    assert match(payment=payment, loan=other, by=bob, at=NOW) == payment
    assert refused(match, payment=payment, loan=loan, by=bob, at=NOW) == "matched_before"
    assert other.entries.filter(kind="repayment").count() == 1


def test_matching_to_another_portfolios_loan_is_refused(portfolio, loan):
    stranger = make_loan(make_borrower(make_portfolio()))
    payment = come_in(portfolio)
    assert refused(match, payment=payment, loan=stranger, by=SYSTEM, at=NOW) == "other_portfolio"
    assert Payment.objects.get().state == PaymentState.UNMATCHED


def test_agents_do_not_match_or_reverse(portfolio, loan):
    alice = Actor.staff(make_people(portfolio).alice)
    payment = come_in(portfolio)
    with pytest.raises(PermissionDenied):
        match(payment=payment, loan=loan, by=alice, at=NOW)
    with pytest.raises(PermissionDenied):
        reverse_payment(payment=payment, reason="chargeback", by=alice, at=NOW)


def test_a_waiting_payment_that_comes_again_with_its_loan_is_posted(portfolio, loan):
    payment = come_in(portfolio, loan_hint="ln-1")
    assert come_in(portfolio, loan=loan) == payment
    assert Payment.objects.get().loan == loan
    assert not PaymentCandidate.objects.exists()
    assert events("payment.matched")[0][1]["how"] == "received_again"


# Reversals


def test_a_reversed_payment_opens_the_arrears_again(portfolio, loan):
    payment = come_in(portfolio, amount=100_00, loan=loan)
    assert standing_of([loan.pk], TODAY)[loan.pk].days_past_due == 0
    administrator = Actor.staff(make_user(role=Role.ADMINISTRATOR))
    for _ in range(2):
        reverse_payment(payment=payment, reason="chargeback", by=administrator, at=NOW)
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.days_past_due, standing.arrears) == (10, 100_00)
    assert [entry.kind for entry in loan.entries.order_by("id")] == ["opening", "repayment", "reversal"]
    assert events("payment.reversed") == [
        (
            "payment.reversed",
            {
                "payment": str(payment.pk),
                "loan": str(loan.pk),
                "currency": "USD",
                "amount": "100.00",
                "reason": "chargeback",
            },
        )
    ]


def test_a_waiting_payment_is_not_reversed(portfolio, loan):
    payment = come_in(portfolio)
    assert refused(reverse_payment, payment=payment, reason="bounced", by=SYSTEM, at=NOW) == "not_posted"


def test_the_reason_of_a_reversal_is_a_code(portfolio, loan):
    payment = come_in(portfolio, loan=loan)
    with pytest.raises(ValueError, match="short code"):
        reverse_payment(payment=payment, reason="Dana Field's bank", by=SYSTEM, at=NOW)


# The database's own refusals


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_payment SET amount = 1",
        "UPDATE accounts_payment SET state = 'unmatched', loan_id = NULL",
        "DELETE FROM accounts_payment",
    ],
)
def test_a_posted_payment_never_changes(portfolio, loan, statement):
    come_in(portfolio, loan=loan)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# Two connections at the same moment


@pytest.fixture
def at_once(transactional_db):
    """Run functions at the same moment, each on a connection of its own; their answers or exceptions in order."""

    def run(*functions):
        barrier = Barrier(len(functions))

        def work(function):
            try:
                barrier.wait(timeout=10)
                return function()
            except Exception as error:
                return error
            finally:
                connection.close()

        with ThreadPoolExecutor(len(functions)) as pool:
            return list(pool.map(work, functions))

    return run


@pytest.mark.django_db(transaction=True)
def test_the_same_payment_over_two_connections_is_posted_once(at_once):
    portfolio = make_portfolio()
    loan = make_loan(make_borrower(portfolio), principal=100_00)
    for number in range(10):
        answers = at_once(
            *[lambda n=number: come_in(portfolio, reference=f"R{n}", amount=1_00, loan=loan)] * 2
        )
        assert answers[0] == answers[1], answers
    assert Payment.objects.count() == 10
    assert LedgerEntry.objects.filter(loan=loan, kind="repayment").count() == 10
    assert standing_of([loan.pk], TODAY)[loan.pk].outstanding == 90_00


@pytest.mark.django_db(transaction=True)
def test_different_payments_at_once_leave_canonical_books(at_once):
    portfolio = make_portfolio()
    loan = make_loan(make_borrower(portfolio), principal=100, interest=50, fees=30)
    answers = at_once(
        *[
            lambda n=number: come_in(
                portfolio, reference=f"R{n}", amount=20 + n, value_date=days_ago(n), loan=loan
            )
            for number in range(6)
        ]
    )
    assert all(isinstance(answer, Payment) for answer in answers), answers
    standing = standing_of([loan.pk], TODAY)[loan.pk]
    assert (standing.fees, standing.interest, standing.principal) == (0, 0, 45)


@pytest.mark.django_db(transaction=True)
def test_two_imports_over_the_same_loans_wait_for_each_other(at_once):
    portfolio = make_portfolio()
    borrower = make_borrower(portfolio)
    loans = [make_loan(borrower, principal=100_00, fees=1_00).pk for _ in range(20)]

    def load(name, loan_ids):
        run = {"kind": "repayment", "reference": name, "value_date": TODAY, "amount": 1_00}
        return post([Posting(loan_id=loan_id, **run) for loan_id in loan_ids], by=SYSTEM, at=NOW)

    answers = at_once(lambda: load("up", loans), lambda: load("down", loans[::-1]))
    assert [len(answer) for answer in answers] == [20, 20]
    books = {(standing.fees, standing.principal) for standing in standing_of(loans, TODAY).values()}
    assert books == {(0, 99_00)}


@pytest.mark.django_db(transaction=True)
def test_two_people_matching_one_payment_to_two_loans(at_once):
    portfolio = make_portfolio()
    borrower = make_borrower(portfolio)
    loans = [make_loan(borrower, principal=100_00) for _ in range(2)]
    payment = come_in(portfolio)
    answers = at_once(
        *[lambda loan=loan: match(payment=payment, loan=loan, by=SYSTEM, at=NOW) for loan in loans]
    )
    assert sorted(getattr(answer, "code", "matched") for answer in answers) == ["matched", "matched_before"]
    assert LedgerEntry.objects.filter(kind="repayment").count() == 1
