"""Papers: every amount on them is the ledger's, to the cent, in both languages, and they can be made again."""

import html
import re
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions.documents import read_document
from accounts.actions.ledger import Posting, post, post_charge
from accounts.actions.payments import receive, reverse_payment
from accounts.models import Document, DocumentKind, EntryKind, LedgerEntry, Loan, Terms
from accounts.money import display
from accounts.schedules import Every
from accounts.seal import SealBroken
from accounts.standing import standing_of
from cases.actions.agreements import agree_plan
from cases.actions.ending import end_case
from cases.actions.papers import make_paper, recreate
from cases.papers.build import KINDS
from cases.papers.facts import PARTS, PaperRefused, account
from cases.papers.words import Words, table
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import DAY, call, make_case, make_reachable
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_loan, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
NUMBERS = st.integers(1, 120_00)


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people):
    return make_case(portfolio, principal=100_00, interest=10_00, fees=5_00)


def pay(case, amount, on=TODAY, reference="P-1", at=NOW):
    return receive(
        portfolio=case.portfolio, loan=case.loan, reference=reference, amount=amount, value_date=on,
        by=SYSTEM, at=at,
    )  # fmt: skip


def forgive(case, amount, on=TODAY, reference="W-1"):
    [entry] = post(
        [Posting(loan_id=case.loan_id, kind="waiver", reference=reference, value_date=on, amount=amount)],
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    return entry


def make(case, kind, **fields):
    return make_paper(case=case, kind=kind, **{"by": SYSTEM, "at": NOW, **fields})


def text_of(document):
    """What the paper says, its cells one after another."""
    page = read_document(document).decode()
    body = re.sub(r"(?s)<style>.*?</style>", "", page[page.index("<body>") :])
    return [html.unescape(part).strip() for part in re.split(r"<[^>]+>", body) if part.strip()]


def usd(minor):
    return display(minor, "USD", "en")


def rows_of(document, table_number):
    """The rows of one table of a paper, with its foot."""
    page = read_document(document).decode()
    found = re.findall(r"(?s)<table>(.*?)</table>", page)[table_number]
    return [
        [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"(?s)<tr>(.*?)</tr>", found)
        if "<td" in row
    ]


# Statement of account


def test_a_statement_tells_every_booking_and_what_was_owed_after_it(case):
    pay(case, 20_00, days_ago(3))
    post_charge(
        loan=case.loan, kind="fee", amount=2_50, value_date=days_ago(2), reference="F-1", by=SYSTEM, at=NOW
    )
    rows = rows_of(make(case, "statement"), 0)
    assert [(row[2], row[3], row[-1]) for row in rows] == [
        ("Opening amount", "$115.00", "$115.00"),
        ("Payment received", "-$20.00", "$95.00"),
        ("Fee", "$2.50", "$97.50"),
        ("", "$97.50", "$97.50"),
    ]
    assert rows_of(make(case, "statement"), 1) == [
        ["Fees", "$7.50", "-$5.00", "$0.00", "$0.00", "$2.50"],
        ["Interest", "$10.00", "-$10.00", "$0.00", "$0.00", "$0.00"],
        ["Principal", "$100.00", "-$5.00", "$0.00", "$0.00", "$95.00"],
        ["Paid beyond the debt", "$0.00", "$0.00", "$0.00", "$0.00", "$0.00"],
        ["Total", "$117.50", "-$20.00", "$0.00", "$0.00", "$97.50"],
    ]


def test_a_statement_of_an_earlier_day_tells_what_counted_by_then(case):
    pay(case, 20_00, days_ago(3))
    document = make(case, "statement", on=days_ago(4))
    assert document.as_of == days_ago(4)
    assert rows_of(document, 0)[-1][-1] == "$115.00"
    assert "Payment received" not in text_of(document)


DEED = st.tuples(
    st.sampled_from(["pay", "fee", "interest", "forgive", "reverse"]),
    NUMBERS,
    st.integers(-40, 1),
    st.integers(0, 5),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(deeds=st.lists(DEED, max_size=10), on=st.integers(-30, 0))
def test_a_statement_equals_the_ledger_whatever_happened(case, deeds, on):
    loan = make_loan(case.borrower, portfolio=case.portfolio, principal=90_00, interest=9_99, fees=1)
    payments = []
    for number, (deed, amount, offset, which) in enumerate(deeds):
        day, reference = TODAY + offset * DAY, f"{loan.pk}:{number}"
        if deed == "pay":
            payments.append(
                receive(
                    portfolio=case.portfolio, loan=loan, reference=reference, amount=amount, value_date=day,
                    by=SYSTEM, at=NOW,
                )
            )  # fmt: skip
        elif deed == "forgive":
            post(
                [Posting(loan_id=loan.pk, kind="waiver", reference=reference, value_date=day, amount=amount)],
                by=SYSTEM, at=NOW,
            )  # fmt: skip
        elif deed == "reverse":
            if payments:
                reverse_payment(
                    payment=payments[which % len(payments)], reason="chargeback", by=SYSTEM, at=NOW
                )
        else:
            post_charge(
                loan=loan, kind=deed, amount=amount, value_date=day, reference=reference, by=SYSTEM, at=NOW
            )
    until = TODAY + on * DAY
    entries = LedgerEntry.objects.filter(loan=loan, value_date__lte=until)
    told = account(loan, on=until, at=NOW)
    standing = standing_of([loan.pk], until)[loan.pk]
    assert len(told.lines) == entries.count()
    assert told.outstanding == sum(entry.amount for entry in entries) == standing.outstanding
    assert [told.of(part) for part in PARTS] == [
        standing.fees, standing.interest, standing.principal, -standing.credit,
    ]  # fmt: skip
    running = 0
    for line in told.lines:
        running += line.amount
        assert line.balance == running
    # And the page says just that.
    loan_case = make_case(loan=loan) if standing_of([loan.pk], TODAY)[loan.pk].arrears else None
    if loan_case is not None:
        document = make(loan_case, "statement", on=until)
        rows = rows_of(document, 0)
        assert [row[-1] for row in rows] == [usd(line.balance) for line in told.lines] + [usd(running)]
        assert [row[3] for row in rows[:-1]] == [usd(line.amount) for line in told.lines]
        assert rows[-1][4:8] == [usd(told.of(part)) for part in PARTS]
        assert [row[-1] for row in rows_of(document, 1)] == [
            *(usd(told.of(part)) for part in PARTS), usd(running),
        ]  # fmt: skip
        assert recreate(document) == read_document(document)


# Payoff quotation


def test_a_quotation_is_what_is_outstanding(case):
    pay(case, 20_00)
    document = make(case, "payoff", good_to=TODAY + 7 * DAY)
    assert document.good_to == TODAY + 7 * DAY
    assert (
        "Paying $95.00 by 10 Mar 2026 (included) pays this loan off. Nothing more is owed on it then."
        in text_of(document)
    )
    assert rows_of(document, 0) == [["Principal", "$95.00"], ["To pay", "$95.00"]]


def test_what_was_quoted_pays_it_off(case):
    make(case, "payoff")
    pay(case, 115_00)
    assert standing_of([case.loan_id], TODAY)[case.loan_id].outstanding == 0


def test_a_charge_that_counts_before_the_quotation_ends_is_in_it(case):
    post_charge(
        loan=case.loan, kind="fee", amount=2_00, value_date=TODAY + DAY, reference="F", by=SYSTEM, at=NOW
    )
    assert rows_of(make(case, "payoff"), 0)[-1] == ["To pay", "$115.00"]
    assert rows_of(make(case, "payoff", good_to=TODAY + DAY), 0)[-1] == ["To pay", "$117.00"]


@pytest.mark.parametrize(("offset", "code"), [(-1, "good_to"), (15, "good_to")])
def test_a_quotation_for_another_time_is_refused(case, offset, code):
    with pytest.raises(PaperRefused) as refused:
        make(case, "payoff", good_to=TODAY + offset * DAY)
    assert refused.value.code == code


def test_where_lateness_is_charged_a_quotation_is_for_its_day(people):
    case = make_case(make_portfolio(terms={"late_fee": 1_00}))
    assert make(case, "payoff", good_to=TODAY).good_to == TODAY
    with pytest.raises(PaperRefused) as refused:
        make(case, "payoff", good_to=TODAY + DAY)
    assert refused.value.code == "accrues"


def test_nothing_owed_is_not_quoted(case):
    pay(case, 115_00)
    with pytest.raises(PaperRefused) as refused:
        make(case, "payoff")
    assert refused.value.code == "nothing_owed"


# Agreements and receipt


def test_a_plan_agreement_adds_up(case, people):
    call(case, people.alice, "cannot_pay")
    plan = agree_plan(
        case=case, count=3, first_due_on=TODAY + 7 * DAY, every=Every(months=1), channel="call",
        by=Actor.staff(people.alice), at=NOW,
    )  # fmt: skip
    document = make(case, "plan_agreement", subject=plan.pk)
    assert [row[-1] for row in rows_of(document, 0)] == ["$38.34", "$38.33", "$38.33", "$115.00"]
    assert rows_of(document, 0)[0][1] == "10 Mar 2026"
    assert document.subject == plan.pk


def test_a_waiver_agreement_says_what_is_forgiven_and_what_is_left(case):
    entry = forgive(case, 12_00)
    document = make(case, "waiver_agreement", subject=entry.pk)
    assert rows_of(document, 0) == [["Fees", "$5.00"], ["Interest", "$7.00"], ["Total", "$12.00"]]
    said = text_of(document)
    assert said[said.index("Still outstanding") + 1] == "$103.00"


def test_a_receipt_says_what_a_payment_was_counted_towards(case):
    payment = pay(case, 18_00)
    document = make(case, "receipt", subject=payment.pk)
    assert rows_of(document, 0) == [
        ["Fees", "$5.00"], ["Interest", "$10.00"], ["Principal", "$3.00"], ["Total", "$18.00"],
    ]  # fmt: skip
    said = text_of(document)
    assert said[said.index("Payment reference") + 1] == "P-1"
    assert said[said.index("Still outstanding") + 1] == "$97.00"


def test_a_payment_taken_back_has_no_receipt(case):
    payment = pay(case, 18_00)
    reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=NOW)
    with pytest.raises(PaperRefused) as refused:
        make(case, "receipt", subject=payment.pk)
    assert refused.value.code == "taken_back"


@pytest.mark.parametrize("kind", ["receipt", "waiver_agreement", "plan_agreement"])
def test_a_paper_about_another_loans_matter_is_refused(case, kind):
    other = make_case(case.portfolio)
    subjects = {
        "receipt": lambda: pay(other, 1_00).pk,
        "waiver_agreement": lambda: forgive(other, 1_00).pk,
        "plan_agreement": lambda: None,
    }
    with pytest.raises(PaperRefused) as refused:
        make(case, kind, subject=subjects[kind]())
    assert refused.value.code == "subject"


# Settlement certificate


def test_paid_in_full_it_is_certified(case):
    pay(case, 100_00, days_ago(2))
    pay(case, 15_00, days_ago(1), reference="P-2")
    said = text_of(make(case, "settlement_certificate"))
    assert "We certify that this loan is settled. Nothing is owed on it since 2 Mar 2026." in said
    assert said[said.index("Paid in all") + 1] == "$115.00"
    assert said[said.index("Forgiven in all") + 1] == "$0.00"


def test_settled_for_a_part_it_says_so(case, people):
    call(case, people.alice, "cannot_pay")
    pay(case, 60_00)
    half = {"settlement_after_days": 1, "authority": {"supervisor": {"settlement_percent": 50}}}
    Terms.objects.create(portfolio=case.portfolio, from_on=days_ago(30), **half)
    case.refresh_from_db()
    end_case(case=case, ending="settled", by=Actor.staff(people.bob), at=NOW)
    assert "$55.00 of it was forgiven." in text_of(make(case, "settlement_certificate"))


def test_what_was_paid_beyond_it_is_the_borrowers(case):
    pay(case, 120_00)
    assert "$5.00 was paid beyond the debt. It is yours." in text_of(make(case, "settlement_certificate"))


@pytest.mark.parametrize("paid", [0, 114_99])
def test_nothing_is_certified_while_a_cent_is_owed(case, paid):
    if paid:
        pay(case, paid)
    with pytest.raises(PaperRefused) as refused:
        make(case, "settlement_certificate")
    assert refused.value.code == "owed"
    assert not Document.objects.exists()


def test_a_payment_that_bounced_takes_the_ground_away(case):
    payment = pay(case, 115_00)
    make(case, "settlement_certificate")
    reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=NOW)
    with pytest.raises(PaperRefused):
        make(case, "settlement_certificate")


# What all of them are


def test_a_paper_is_sealed_and_told_without_names(case, people):
    document = make(case, "statement", by=Actor.staff(people.alice))
    assert (document.kind, document.made, document.media, document.language, document.as_of) == (
        "statement", True, "text/html", "en", TODAY,
    )  # fmt: skip
    assert "Dana Field" in text_of(document)
    assert b"Dana" not in bytes(document.content_sealed)
    event = AuditEvent.objects.get(type="document.made")
    assert event.case_ref == case.pk
    assert b"Dana" not in bytes(event.leaf)


def test_asked_twice_it_is_one_paper_until_something_changes(case):
    first = make(case, "statement")
    assert make(case, "statement", at=NOW + timedelta(minutes=5)) == first
    assert make(case, "statement", language="zh-hans") != first
    pay(case, 1_00, at=NOW + timedelta(minutes=6))
    assert make(case, "statement", at=NOW + timedelta(minutes=7)) != first
    assert AuditEvent.objects.filter(type="document.made").count() == 3


def test_made_again_it_is_the_same_to_the_byte(case):
    document = make(case, "statement")
    pay(case, 50_00, days_ago(5), at=NOW + timedelta(days=1))  # counts from before, was not known then
    document = Document.objects.get(pk=document.pk)
    assert recreate(document) == read_document(document)
    assert "Payment received" not in text_of(document)


def test_in_the_borrowers_language_unless_another_is_chosen(portfolio, people):
    borrower = make_reachable(portfolio, language="zh-hans", name="王 <芳>")
    case = make_case(loan=make_loan(borrower, portfolio=portfolio, principal=100_00))
    pay(case, 100_00)
    said = text_of(make(case, "settlement_certificate"))
    assert "结清证明" in said
    assert "王 <芳>" in said
    assert "兹证明该笔借款已结清，自2026年3月3日起不再有任何欠款。" in said
    assert "Settlement certificate" in text_of(make(case, "settlement_certificate", language="en"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_paper_in_every_language(case, people, kind, language):
    call(case, people.alice, "cannot_pay")
    plan = agree_plan(
        case=case, count=3, first_due_on=TODAY + 7 * DAY, every=Every(months=1), channel="call",
        by=Actor.staff(people.alice), at=NOW,
    )  # fmt: skip
    subjects = {
        "plan_agreement": plan.pk,
        "receipt": pay(case, 10_00).pk,
        "waiver_agreement": forgive(case, 5_00).pk,
    }
    if kind == "settlement_certificate":
        pay(case, 100_00, reference="P-2")
    document = make(case, kind, language=language, subject=subjects.get(kind))
    page = read_document(document).decode()
    assert f'<html lang="{"zh-Hans" if language == "zh-hans" else "en"}">' in page
    assert Words(language)(f"{kind}_title") in text_of(document)
    assert "{" not in re.sub(r"(?s)<style>.*?</style>", "", page)
    assert not [said for said in text_of(document) if "!" in said or "！" in said]
    assert recreate(document) == read_document(document)


def test_every_kind_of_booking_and_paper_has_its_words():
    words = Words("en")
    assert all(words.knows(f"{kind}_title") for kind in KINDS)
    assert all(words.knows("interest_charged" if kind == "interest" else kind) for kind in EntryKind.values)
    assert set(KINDS) <= set(DocumentKind.values)
    placeholders = re.compile(r"\{(\w+)\}")
    for key, said in table().words.items():
        assert sorted(placeholders.findall(said.en)) == sorted(placeholders.findall(said.zh_hans)), key


@pytest.mark.parametrize(
    ("fields", "code"), [({"kind": "contract"}, "kind"), ({"kind": "statement", "on": TODAY + DAY}, "future")]
)
def test_no_such_paper(case, fields, code):
    with pytest.raises(PaperRefused) as refused:
        make(case, **fields)
    assert refused.value.code == code


def test_who_takes_in_nothing_makes_nothing(case):
    with pytest.raises(PermissionDenied):
        make(case, "statement", by=Actor.staff(make_user(role="administrator")))


def test_an_erased_borrower_gets_no_paper(case):
    case.borrower.key.delete()
    with pytest.raises(SealBroken):
        make(case, "statement")
    assert Loan.objects.filter(pk=case.loan_id).exists()
