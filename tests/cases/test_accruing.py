"""Charges for being late, as a day's run books them."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions import caps as actions_of_caps
from accounts.actions.caps import keep_caps
from accounts.actions.ledger import Posting, post
from accounts.actions.portfolios import set_terms
from accounts.models import EntryKind, LedgerEntry, Terms
from accounts.standing import standing_of
from cases.actions.accruing import accrue
from cases.actions.day import run_day
from compliance.actions.holds import end_hold, open_hold
from compliance.models import AuditEvent
from compliance.rules import Packs, parse_pack
from tests.accounts.test_ledger import repay
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_borrower, make_loan, make_portfolio

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def portfolio():
    return make_portfolio(terms={"late_rate": Decimal(10), "late_fee": 5_00, "grace_days": 2})


@pytest.fixture
def loan(portfolio):
    return make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))


def run(portfolio, on=TODAY):
    return accrue(portfolio=portfolio, on=on, by=SYSTEM, at=NOW)


def booked(loan):
    found = loan.entries.filter(reference__startswith="late_").order_by("value_date", "booked_at", "id")
    return [(e.kind, e.reference, e.value_date, e.amount) for e in found]


def test_a_day_charges_once_and_the_next_day_only_what_it_adds(portfolio, loan):
    assert run(portfolio) == {"charged": 1, "taken_back": 0}
    first = [
        ("fee", "late_fee:1", TODAY, 5_00),
        ("interest", f"late_interest:{TODAY}", TODAY, 80),
    ]
    assert booked(loan) == first
    assert run(portfolio) == {"charged": 0, "taken_back": 0}
    run(portfolio, TODAY + DAY)
    assert booked(loan) == [*first, ("interest", f"late_interest:{TODAY + DAY}", TODAY + DAY, 10)]


def test_a_payment_that_comes_late_with_an_early_value_date_takes_back_what_was_too_much(portfolio, loan):
    run(portfolio)
    repay(loan, 365_00, days_ago(9))
    assert run(portfolio, TODAY + DAY) == {"charged": 0, "taken_back": 1}
    assert booked(loan)[2:] == [("waiver", f"late_taken_back:{TODAY + DAY}", TODAY + DAY, -5_80)]
    assert standing_of([loan.pk], TODAY + DAY)[loan.pk].outstanding == 0
    assert run(portfolio, TODAY + 2 * DAY) == {"charged": 0, "taken_back": 0}


def test_a_hold_that_stops_charges_bears_nothing_and_one_that_does_not_bears_all(portfolio, loan):
    free = make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))
    for each, kind in ((loan, "dispute"), (free, "cease")):
        open_hold(borrower=each.borrower, kind=kind, starts_on=days_ago(30), by=SYSTEM, at=NOW - 30 * DAY)
    run(portfolio)
    assert booked(loan) == []
    assert [amount for *_, amount in booked(free)] == [5_00, 80]
    hold = loan.borrower.holds.get()
    end_hold(hold=hold, reason="answered", by=SYSTEM, at=NOW)
    run(portfolio, TODAY + DAY)
    assert [amount for *_, amount in booked(loan)] == [5_00, 10]


def test_without_terms_and_after_a_write_off_nothing_is_charged(portfolio, loan):
    usual = make_portfolio()
    make_loan(make_borrower(usual), due_on=days_ago(30))
    assert run(usual) == {"charged": 0, "taken_back": 0}
    post(
        [Posting(loan_id=loan.pk, kind=EntryKind.WRITE_OFF, reference="off", value_date=TODAY)],
        by=SYSTEM,
        at=NOW,
    )
    assert run(portfolio) == {"charged": 0, "taken_back": 0}


def test_terms_that_begin_later_count_only_their_own_days(portfolio, loan):
    Terms.objects.create(portfolio=portfolio, from_on=TODAY, late_rate=Decimal(20), grace_days=2)
    run(portfolio)
    assert [(kind, amount) for kind, _reference, _day, amount in booked(loan)] == [
        ("fee", 5_00),
        ("interest", 90),
    ]


def test_the_days_run_charges_every_loan(portfolio, loan):
    more = [make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10)) for _ in range(4)]
    run_day(date=TODAY, by=SYSTEM, at=NOW)
    assert [[amount for *_, amount in booked(each)] for each in (loan, *more)] == [[5_00, 80]] * 5


# What the law lets be charged


@pytest.fixture
def law(monkeypatch):
    """The law of a place nobody knows, as a test writes it."""

    def write(caps):
        text = LAW.format(caps=caps)
        monkeypatch.setattr(actions_of_caps, "packs", lambda: Packs([parse_pack(text, "test")]))

    return write


LAW = """
pack: test
title: Test
jurisdiction: ZZ
country: US
version: 2026-01-01
rules: []
terms:
  - id: ZZ.CHARGES
    says: A cap.
    kind: charge_cap
    citation: C
    source: S
    confidence: S
    binds: [creditor]
    <<: {caps}
    in_force: {{from: null, to: null}}
    status: draft
    examples:
      - {{says: x, ask: charge_caps, answer: {{after_days: null}}}}
"""


def far(**terms):
    terms = {"late_rate": Decimal(100), "late_fee": 50_00} | terms
    portfolio = make_portfolio(jurisdictions=["ZZ"], terms=terms)
    return portfolio, make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))


@pytest.mark.parametrize(
    ("caps", "amounts"),
    [
        ("{note: none, charges_percent: 900}", [50_00, 10_00]),
        ("{year_percent: 10}", [50_00, 1_00]),
        ("{day_percent: 0.1}", [50_00, 3_65]),
        ("{fee: {USD: 15}}", [15_00, 10_00]),
        ("{fee: {EUR: 15}, fee_percent: 2}", [7_30, 10_00]),
        ("{charges_percent: 15}", [50_00, 4_75]),
        ("{after_days: 9}", [50_00, 1_00]),
        ("{after_days: 10}", []),
    ],
)
def test_the_law_is_stricter_than_the_terms(law, caps, amounts):
    law(caps)
    portfolio, loan = far()
    run(portfolio)
    assert [amount for *_, amount in booked(loan)] == amounts


def test_the_terms_are_stricter_than_the_law(law):
    law("{year_percent: 200, fee: {USD: 60}, charges_percent: 90, after_days: 1}")
    portfolio, loan = far(charges_most_percent=Decimal(14))
    run(portfolio)
    assert [amount for *_, amount in booked(loan)] == [50_00, 1_10]


def test_what_a_new_rule_forbids_is_taken_back_and_every_change_is_told(law):
    law("{year_percent: 50}")
    portfolio, loan = far(late_fee=0)
    run(portfolio)
    law("{year_percent: 10}")
    run(portfolio, TODAY + DAY)
    run(portfolio, TODAY + DAY)
    assert [(kind, amount) for kind, _reference, _day, amount in booked(loan)] == [
        ("interest", 5_00),
        ("waiver", -3_90),
    ]
    rows = portfolio.charge_caps.order_by("id")
    assert [(row.from_on, row.year_percent, row.rules) for row in rows] == [
        (date(2000, 1, 1), Decimal(50), {"year_percent": "ZZ.CHARGES"}),
        (date(2000, 1, 1), Decimal(10), {"year_percent": "ZZ.CHARGES"}),
    ]
    assert AuditEvent.objects.filter(type="portfolio.caps_set").count() == 2


def test_caps_are_kept_when_the_terms_are_set(law):
    law("{year_percent: 24}")
    portfolio = make_portfolio(jurisdictions=["ZZ"])
    set_terms(terms=Terms(portfolio=portfolio, from_on=TODAY + DAY, late_rate=Decimal(36)), by=SYSTEM, at=NOW)
    assert [(row.from_on, row.year_percent) for row in portfolio.charge_caps.all()] == [
        (TODAY + DAY, Decimal(24))
    ]


def test_china_is_kept_to_its_rate_and_every_place_to_the_principal():
    portfolio = make_portfolio(
        jurisdictions=["CN"], currency="CNY", zone="Asia/Shanghai", terms={"late_rate": Decimal(36)}
    )
    loan = make_loan(make_borrower(portfolio), principal=365_00, due_on=days_ago(10))
    run(portfolio)
    assert [amount for *_, amount in booked(loan)] == [2_40]


ATTACKS = {
    "more interest than a year costs": ("interest", "late_interest:x", 1_41),
    "more for all than a part of the principal": ("interest", "late_interest:x", 40_00),
    "a fee beyond its amount": ("fee", "late_fee:1", 15_01),
    "a fee for no instalment": ("fee", "late_fee:7", 1),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_charges_no_more_than_the_law_lets(law, attack):
    law("{year_percent: 10, fee: {USD: 15}, fee_percent: 5, charges_percent: 10}")
    portfolio, loan = far(late_fee=0 if "interest" in attack else 90_00)
    keep_caps(portfolio=portfolio, by=SYSTEM, at=NOW)
    kind, reference, amount = ATTACKS[attack]
    with pytest.raises(DatabaseError), transaction.atomic():
        charge(loan, kind, reference, amount)
    assert booked(loan) == []


@pytest.mark.parametrize(("days", "stored"), [(8, True), (10, False)])
def test_the_database_charges_nothing_too_early_or_where_the_law_is_not_stored(law, days, stored):
    law("{after_days: 8}")
    portfolio, loan = far()
    if stored:
        keep_caps(portfolio=portfolio, by=SYSTEM, at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        charge(loan, "fee", "late_fee:1", 1, on=days_ago(10) + days * DAY)


def charge(loan, kind, reference, amount, on=TODAY):
    part = {"fee": "fees", "interest": "interest"}[kind]
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                borrower_id=loan.borrower_id, loan=loan, kind=kind, reference=reference, value_date=on, booked_at=NOW,
                **{part: amount},
            )
        ]
    )  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    caps=st.fixed_dictionaries(
        {"charges_percent": st.integers(1, 120)},
        optional={
            "year_percent": st.integers(0, 60), "fee_percent": st.integers(0, 20), "after_days": st.integers(1, 15),
        },
    ),
    late_rate=st.integers(0, 120),
    late_fee=st.integers(0, 30_00),
    day_count=st.sampled_from(["act/365", "act/360", "act/act", "30/360"]),
    days=st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True).map(sorted),
    paid=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 200_00), st.booleans()), max_size=3),
)  # fmt: skip
def test_what_is_worked_out_is_never_refused(caps, late_rate, late_fee, day_count, days, paid):
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        text = LAW.format(caps=json.dumps(caps))
        patch.setattr(actions_of_caps, "packs", lambda: Packs([parse_pack(text, "test")]))
        portfolio, _loan = far(late_rate=Decimal(late_rate), late_fee=late_fee, day_count=day_count)
        dues = [(TODAY + day * DAY, 100_00) for day in (0, 30, 61)]
        loan = make_loan(make_borrower(portfolio), principal=270_00, interest=30_00, instalments=dues)
        for number, (day, amount, _back) in enumerate(paid):
            repay(loan, amount, TODAY + day * DAY, f"P{number}")
        for number, day in enumerate(days):
            run(portfolio, TODAY + day * DAY)
            if number < len(paid) and paid[number][2]:
                back = Posting(loan_id=loan.pk, kind=EntryKind.REVERSAL, reference=f"P{number}")
                post([back], by=SYSTEM, at=NOW)
        charged = sum(amount for *_, amount in booked(loan))
        assert charged <= 270_00 * caps["charges_percent"] // 100
        transaction.set_rollback(True)
