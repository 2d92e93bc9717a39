"""From facts to a paper: what it says, in one language, and its bytes. The same question gives the same bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import DocumentKind, Loan, Terms
from cases.papers import facts
from cases.papers.facts import PARTS, Account, Booked, PaperRefused
from cases.papers.words import Words, table
from cases.words import amount as amount_words
from cases.words import day as day_words


@dataclass(frozen=True)
class Question:
    """Which paper: of what, in which language, as of which day, as known at which moment. `name` is the borrower's."""

    number: UUID
    kind: str
    loan: Loan  # with portfolio and its entity
    name: str
    language: str
    on: date
    at: datetime
    subject: UUID | None = None
    good_to: date | None = None


@dataclass(frozen=True)
class Table:
    """The first `texts` columns are texts, the others figures."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int
    foot: Sequence[str] = ()


@dataclass(frozen=True)
class Paper:
    title: str
    head: Sequence[tuple[str, str]]
    lead: Sequence[str]
    tables: Sequence[Table]
    tail: Sequence[str]
    foot: str


def paper_bytes(question: Question) -> bytes:
    """The whole page. Raises `PaperRefused` where the facts do not carry it."""
    paper = _Writer(question).paper()
    with override(question.language):
        text = render_to_string(
            "papers/paper.html",
            {
                "paper": paper,
                "language": "zh-Hans" if question.language == "zh-hans" else question.language,
                "number": question.number,
                "version": table().version,
            },
        )
    return text.strip().replace("\r\n", "\n").encode() + b"\n"


class _Writer:
    def __init__(self, question: Question) -> None:
        self.question, self.loan = question, question.loan
        self.words = Words(question.language)
        self.currency = question.loan.portfolio.currency

    def paper(self) -> Paper:
        body = KINDS[self.question.kind](self)
        words, question = self.words, self.question
        head = [
            (words("lender"), self.loan.portfolio.entity.name),
            (words("borrower"), question.name),
            (words("loan"), self.loan.external_id),
            (words("made_on"), self.day(self.loan.portfolio.business_date(question.at))),
            (words("as_of"), self.day(question.on)),
            *body.head,
            (words("number"), str(question.number)),
        ]
        foot = " ".join([words("currency", currency=self.currency), words("questions")])
        if question.language == "zh-hans":
            foot = foot.replace("。 ", "。")
        return Paper(words(f"{question.kind}_title"), head, body.lead, body.tables, body.tail, foot)

    def money(self, minor: int) -> str:
        with override(self.question.language):
            return amount_words(minor, self.currency)

    def day(self, value: date) -> str:
        with override(self.question.language):
            return day_words(value)

    def account(self, on: date | None = None) -> Account:
        return facts.account(self.loan, on=on or self.question.on, at=self.question.at)

    def kind(self, entry_kind: str) -> str:
        key = "interest_charged" if entry_kind == "interest" else entry_kind
        return self.words(key if self.words.knows(key) else "booking")

    def parts(self, title: str, booked: Booked) -> Table:
        rows = [[self.words(part), self.money(amount)] for part, amount in booked.parts.items() if amount]
        return Table(
            self.words(title), [self.words("part"), self.words("amount")], rows, 1,
            [self.words("total"), self.money(booked.amount)],
        )  # fmt: skip


@dataclass(frozen=True)
class _Body:
    lead: Sequence[str]
    tables: Sequence[Table] = ()
    tail: Sequence[str] = ()
    head: Sequence[tuple[str, str]] = ()


def _statement(writer: _Writer) -> _Body:
    words, money, account = writer.words, writer.money, writer.account()
    heads = [words(key) for key in ("counts_from", "booked_on", "what", "amount", *PARTS, "balance")]
    rows = [
        [
            writer.day(line.value_date),
            writer.day(line.booked_on),
            writer.kind(line.kind),
            *(money(getattr(line, part)) for part in ("amount", *PARTS)),
            money(line.balance),
        ]
        for line in account.lines
    ]
    sums = [money(account.of(part)) for part in ("amount", *PARTS)]
    bookings = Table(
        words("bookings"), heads, rows, 3, [words("total"), "", "", *sums, money(account.outstanding)]
    )
    return _Body(
        lead=[words("statement_lead", day=writer.day(writer.question.on))],
        tables=[bookings, _how_it_came(writer, account)],
        tail=[words(key) for key in ("principal_why", "interest_why", "fees_why", "moved_why")],
        head=[(words("outstanding"), money(account.outstanding))],
    )


def _how_it_came(writer: _Writer, account: Account) -> Table:
    """Each part as the sum of what was charged, paid, forgiven and moved."""
    columns = {
        "charged": facts.CHARGED,
        "paid": facts.PAID,
        "forgiven": facts.FORGIVEN,
        "moved": facts.MOVED,
    }
    if account.other_kinds:
        columns["other"] = account.other_kinds
    words, money = writer.words, writer.money

    def row(label: str, part: str) -> list[str]:
        return [
            label,
            *(money(account.of(part, kinds)) for kinds in columns.values()),
            money(account.of(part)),
        ]

    return Table(
        words("how_it_came"),
        [words("part"), *(words(key) for key in columns), words("owed")],
        [row(words(part), part) for part in PARTS],
        1,
        row(words("total"), "amount"),
    )


def _payoff(writer: _Writer) -> _Body:
    question, words, money = writer.question, writer.words, writer.money
    good_to = question.good_to or question.on
    _check_good_to(writer.loan, question.on, good_to)
    account = writer.account(good_to)
    if account.outstanding <= 0:
        raise PaperRefused("nothing_owed", _("Nothing is owed on this loan."))
    rows = [
        [words("credit_less" if part == "credit" else part), money(account.of(part))]
        for part in PARTS
        if account.of(part)
    ]
    return _Body(
        lead=[
            words("payoff_lead", amount=money(account.outstanding), day=writer.day(good_to)),
            words("payoff_less"),
        ],
        tables=[
            Table(
                words("to_pay"), [words("part"), words("amount")], rows, 1,
                [words("to_pay"), money(account.outstanding)],
            )
        ],
        head=[(words("good_to"), writer.day(good_to))],
    )  # fmt: skip


def _check_good_to(loan: Loan, on: date, good_to: date) -> None:
    """A quotation holds: no later than offers stay open, and over no day for which more may be charged."""
    latest = on + timedelta(days=loan.portfolio.terms_on(on).offer_valid_days)
    if not on <= good_to <= latest:
        words = {"earliest": day_words(on), "latest": day_words(latest)}
        raise PaperRefused("good_to", _("The day is between %(earliest)s and %(latest)s.") % words)
    later = Terms.objects.filter(portfolio=loan.portfolio, from_on__gt=on, from_on__lte=good_to)
    if good_to > on and any(
        terms.late_rate or terms.late_fee for terms in (loan.portfolio.terms_on(on), *later)
    ):
        raise PaperRefused(
            "accrues", _("Being late is charged in this portfolio: such a quotation is good for its own day.")
        )


def _plan_agreement(writer: _Writer) -> _Body:
    words = writer.words
    plan, parts = facts.plan(writer.loan, writer.question.subject)
    rows = [[str(number), writer.day(due_on), writer.money(amount)] for number, due_on, amount in parts]
    lead = words(
        "plan_lead", day=writer.day(plan.agreed_on), amount=writer.money(plan.total), count=len(parts)
    )
    return _Body(
        lead=[lead],
        tables=[
            Table(
                words("parts"), [words("part_no"), words("due_on"), words("amount")], rows, 2,
                [words("total"), "", writer.money(plan.total)],
            )
        ],
        tail=[words("plan_free"), words("plan_trouble")],
    )  # fmt: skip


def _waiver_agreement(writer: _Writer) -> _Body:
    booked = facts.waiver(writer.loan, writer.question.subject, at=writer.question.at)
    lead = writer.words("waiver_lead", amount=writer.money(booked.amount), day=writer.day(booked.value_date))
    rest = writer.money(writer.account().outstanding)
    return _Body([lead], [writer.parts("waiver_of", booked)], head=[(writer.words("rest"), rest)])


def _receipt(writer: _Writer) -> _Body:
    words = writer.words
    booked = facts.payment(writer.loan, writer.question.subject, at=writer.question.at)
    return _Body(
        lead=[words("receipt_lead", amount=writer.money(booked.amount))],
        tables=[writer.parts("receipt_of", booked)],
        head=[
            (words("counts_from"), writer.day(booked.value_date)),
            (words("reference"), booked.reference),
            (words("rest"), writer.money(writer.account().outstanding)),
        ],
    )


def _certificate(writer: _Writer) -> _Body:
    words, money, account = writer.words, writer.money, writer.account()
    if account.owed > 0 or account.settled_on is None:
        raise PaperRefused("owed", _("Something is still owed on this loan; it is not settled."))
    lead = [words("certificate_lead", day=writer.day(account.settled_on))]
    if account.forgiven:
        lead.append(words("certificate_forgiven", amount=money(account.forgiven)))
    if account.owed < 0:
        lead.append(words("certificate_credit", amount=money(-account.owed)))
    return _Body(
        lead=lead,
        head=[
            (words("settled_on"), writer.day(account.settled_on)),
            (words("charged_in_all"), money(account.of("amount", facts.CHARGED))),
            (words("paid_in_all"), money(account.paid)),
            (words("forgiven_in_all"), money(account.forgiven)),
        ],
    )


KINDS: dict[str, Callable[[_Writer], _Body]] = {
    DocumentKind.STATEMENT: _statement,
    DocumentKind.PAYOFF: _payoff,
    DocumentKind.PLAN_AGREEMENT: _plan_agreement,
    DocumentKind.WAIVER_AGREEMENT: _waiver_agreement,
    DocumentKind.RECEIPT: _receipt,
    DocumentKind.SETTLEMENT_CERTIFICATE: _certificate,
}
"""The papers there are."""
