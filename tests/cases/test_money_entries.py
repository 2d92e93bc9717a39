"""What is owed, by component: each line adds up to the cent from the bookings it opens, and those entered later say so."""

from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.actions.ledger import post_charge
from accounts.models import EntryKind, LedgerEntry
from accounts.models.portfolio import Portfolio
from accounts.standing import standing_of
from cases.actions.accruing import accrue
from cases.actions.offers import OfferTerms, propose_offer
from cases.actions.payments import record_payment
from cases.desk.entries import components
from cases.desk.facts import Booking
from tests.cases.stories import DAY, make_case
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_people, make_portfolio


@pytest.fixture
def people(db):
    return make_people(make_portfolio(terms={"late_rate": Decimal(10), "late_fee": 5_00, "grace_days": 2}))


@pytest.fixture
def case(people):
    portfolio = people.alice.team.portfolios.get()
    return make_case(portfolio, principal=365_00, interest=20_00, due_on=days_ago(10), at=NOW)


@pytest.fixture
def shown(client, clock, case, people):
    def look():
        client.force_login(people.alice)
        money = client.get(reverse("case", args=[case.pk])).context["money"]
        return {
            each.label: (
                each.amount,
                [(line.text, line.days, line.amount, line.entered) for line in each.lines],
            )
            for each in money.components
        }

    return look


def pay(case, amount, value_date, reference="P-1"):
    record_payment(case=case, amount=amount, value_date=value_date, reference=reference, by=SYSTEM, at=NOW)


def test_every_component_opens_what_it_is_made_of(case, shown):
    for ago in (2, 1, 0):
        accrue(portfolio=case.portfolio, on=days_ago(ago), by=SYSTEM, at=NOW - ago * DAY)
    post_charge(
        loan=case.loan, kind=EntryKind.FEE, amount=30_00, value_date=TODAY, reference="legal:1", by=SYSTEM, at=NOW
    )  # fmt: skip
    found = shown()
    opened = "22 Jan 2026"
    assert found["principal"] == (365_00, [("Opening amount", opened, 365_00, "")])
    total, lines = found["interest"]
    assert total == sum(amount for _text, _days, amount, _entered in lines)
    assert [(text, days) for text, days, *_ in lines] == [
        ("Opening amount", opened), ("Late interest", "1 Mar 2026 to 3 Mar 2026"),
    ]  # fmt: skip
    assert found["fees and costs"] == (
        35_00,
        [("Late fee", "1 Mar 2026", 5_00, ""), ("Cost of a legal step", "3 Mar 2026", 30_00, "")],
    )


def test_what_was_entered_later_says_when(case, shown):
    pay(case, 30_00, days_ago(6))
    pay(case, 20_00, days_ago(1), "P-1a")  # in the file of the next morning
    pay(case, 20_00, TODAY, "P-2")
    _amount, lines = shown()["principal"]
    assert lines[1:] == [
        ("Repayment", "25 Feb 2026", -10_00, "3 Mar 2026"),
        ("Repayment", "2 Mar 2026", -20_00, ""),
        ("Repayment", "3 Mar 2026", -20_00, ""),
    ]


def test_too_much_is_the_borrowers_own(case, shown):
    pay(case, 400_00, TODAY)
    assert shown() == {"paid beyond the debt": (-15_00, [("Repayment", "3 Mar 2026", -15_00, "")])}


def test_together_it_is_all_that_is_owed(client, clock, case, people, shown):
    accrue(portfolio=case.portfolio, on=TODAY, by=SYSTEM, at=NOW)
    pay(case, 7_77, days_ago(20))
    pay(case, 3_33, TODAY, "P-2")
    terms = OfferTerms(kind="waiver", fees=1_23)
    propose_offer(case=case, terms=terms, agreed=True, note="Kind.", user=people.bob, at=NOW)
    standing = standing_of([case.loan_id], TODAY)[case.loan_id]
    found = shown()
    assert sum(amount for amount, _lines in found.values()) == standing.outstanding
    assert {label: amount for label, (amount, _lines) in found.items()} == {
        "principal": standing.principal, "interest": standing.interest, "fees and costs": standing.fees,
    }  # fmt: skip
    assert all(amount == sum(line[2] for line in lines) for amount, lines in found.values())


def test_what_every_night_adds_is_one_line_of_what_is_late(client, clock, people):
    schedule = [(days_ago(10), 100_00), (TODAY + 20 * DAY, 100_00)]
    case = make_case(people.alice.team.portfolios.get(), principal=200_00, instalments=schedule)
    for ago in (3, 2, 1):
        accrue(portfolio=case.portfolio, on=days_ago(ago), by=SYSTEM, at=NOW - ago * DAY)
    pay(case, 40_00, days_ago(1))
    client.force_login(people.alice)
    money = client.get(reverse("case", args=[case.pk])).context["money"]
    nightly = sum(
        case.loan.entries.filter(reference__startswith="late_interest:").values_list("amount", flat=True)
    )
    assert [(part.label, part.amount) for part in money.parts] == [
        ("due on 21 Feb 2026", 60_00), ("Late fee, 28 Feb 2026", 5_00), ("late interest since 28 Feb 2026", nightly),
    ]  # fmt: skip
    assert money.owed_now == 65_00 + nightly > 65_00


@pytest.mark.parametrize("days", [0, 5])
def test_what_is_owed_but_not_late_is_told_as_owed_in_all(client, clock, people, days):
    case = make_case(people.alice.team.portfolios.get(), principal=200_00)
    propose_offer(
        case=case, terms=OfferTerms(kind="extension", days=14), agreed=True, note="", user=people.bob, at=NOW
    )  # fmt: skip
    clock.go_on(days=days)
    client.force_login(people.alice)
    page = client.get(reverse("case", args=[case.pk]))
    money, text = page.context["money"], " ".join(page.content.decode().replace("\xa0", " ").split())
    assert (money.owed_now, money.owed) == ((0, 200_00) if days == 0 else (200_00, 200_00))
    assert ("Owed in all" in text) == (days == 0)


def test_what_counts_only_later_is_not_in_it(case, shown):
    LedgerEntry.objects.create(
        borrower=case.borrower, loan=case.loan, kind="fee", reference="later", value_date=TODAY + DAY, fees=1_00,
        booked_at=NOW,
    )  # fmt: skip
    assert "fees and costs" not in shown()


amounts = st.integers(-10_000, 10_000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(EntryKind.values), st.integers(-40, 5), amounts, amounts, amounts, amounts, st.integers(0, 9),
            st.sampled_from(["late_interest:1", "late_fee:1", "legal:1", "P-1", ""]),
        ),
        max_size=20,
    )
)  # fmt: skip
def test_whatever_is_booked_lines_add_up(rows):
    bookings = [
        Booking(kind, TODAY + days * DAY, sum(parts), *parts, NOW + (days + late) * DAY, reference)
        for kind, days, *parts, late, reference in sorted(rows, key=lambda row: row[1])
    ]
    portfolio = Portfolio(zone="America/New_York")
    found = components(bookings, portfolio, TODAY)
    assert sum(each.amount for each in found) == sum(
        each.amount for each in bookings if each.value_date <= TODAY
    )
    assert all(each.amount == sum(line.amount for line in each.lines) != 0 for each in found)
