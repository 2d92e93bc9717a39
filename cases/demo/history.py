"""Some weeks in the life of the demo's two portfolios, told day by day through the real actions with simulated moments."""

import hashlib
import math
import multiprocessing
import queue
import random
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection, connections
from django.db.models import QuerySet

from accounts.models import Borrower, Loan, Payment, User
from accounts.schedules import Every
from cases.actions import outreach
from cases.actions.calls import Details, PlanTerms, PromiseTerms
from cases.actions.day import run_day
from cases.demo import book, figures
from cases.demo.book import DemoLoan
from cases.demo.debts import DAY, Coming, Debt
from cases.demo.desk import Desk
from cases.demo.lifecycle import Lifecycle
from cases.demo.oversight import Oversight
from cases.demo.staff import Crew, Staff, set_up
from cases.demo.tape import PaymentRow, import_loans, import_payments
from cases.models import Call, Case, CaseState, Plan, PlanState, Promise, PromiseState, WorkItem
from communications.channels import LeftUnknown, Outgoing, ProviderAnswer, everything_by
from communications.models import Message, MessageStatus
from compliance.audit import Actor
from compliance.models import AuditEvent, Complaint, Hold

WEEKS = 6
LOANS = 5000
CRON = Actor.system("cron")
# The day's files and its run, UTC: the date has begun in both portfolios, in New York a moment ago.
TAPE, PAYMENTS, RUN = time(4, 50), time(5, 10), time(5, 30)
# For every thousand loans of both portfolios: steps of a team on a working day, and borrowers who call by themselves.
STEPS, CALLS_IN = 1.2, 0.1
SATURDAY = 0.3
WHAT_THEY_SAY = {"promises": 0.6, "cannot_pay": 0.2, "says_paid": 0.1, "complaint": 0.1}
# Waiting payments of which nobody knows the payer: share, and after how long the supervisor has found out.
UNKNOWN, FOUND_OUT = 0.25, 4 * DAY


# Callers who come whatever the seed: days before the end, what they say, and the days in which they want to pay.
ARRANGED = (
    (WEEKS * 7 - 4, "complaint", None),
    (6, "promises", 3),
    (6, "plan", 3),
    (1, "promises", 1),
    (1, "promises", 1),
    (1, "says_paid", None),
    (1, "disputes", None),
    (1, "call_back", None),
    (1, "complaint", None),
)


class Event(NamedTuple):
    at: datetime
    happens: Callable[[datetime], None]


class Recorder:
    """A provider that takes over every message and gives it to nobody. A few addresses do not receive, a very few leave us
    not knowing; which ones, the address decides."""

    def configured(self) -> bool:
        return True

    @contextmanager
    def line(self) -> Iterator["Recorder"]:
        yield self

    def send(self, outgoing: Outgoing) -> ProviderAnswer:
        luck = hashlib.sha256(outgoing.address.encode()).digest()[0]
        if luck < 4:
            return ProviderAnswer(accepted=False, permanent=True, bad_address=True, reason="smtp_550")
        if luck == 4:
            raise LeftUnknown("smtp_timeout")
        return ProviderAnswer(accepted=True, reference=f"<{outgoing.key}@recorder.example>")


def simulate(
    *,
    today: date,
    loans: int = LOANS,
    seed: int = 1,
    days: int = 7 * WEEKS,
    side_by_side: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Tell the `days` days before `today` (UTC) and return what there is at its beginning: the same for the same arguments.

    Needs a database without portfolios whose legal clock is marked as simulated (docs/adr/0002). `side_by_side` gives each
    portfolio a process of its own, with the same outcome; not inside a transaction. `progress` is told the days done.
    """
    dates = [today - number * DAY for number in range(days, 0, -1)]
    staff = set_up(datetime.combine(dates[0], time(0), UTC) - DAY)
    stories = [Story(crew, staff, loans, seed, dates) for crew in staff.crews]
    with everything_by(Recorder()):
        if side_by_side:
            _tell_side_by_side(stories, dates, progress)
        else:
            for number, day in enumerate(dates, 1):
                _tell(stories, day)
                progress(number, days)
    return counts()


class Story:
    """What happens in one portfolio. Stories know nothing of each other; they share the business day's run."""

    def __init__(self, crew: Crew, staff: Staff, loans: int, seed: int, dates: Sequence[date]) -> None:
        self.crew, self.compliance, self.legal = crew, staff.compliance, staff.legal
        product = crew.product
        self.first, self.last = dates[0], dates[-1]
        self.zone = ZoneInfo(product.zone)
        self.scale = loans / 1000
        self.rng = random.Random(f"{seed}:{product.code}:history")
        # The newest loan is in the last tape, which speaks for the day before the last one.
        self.book = list(book.loans(product, round(loans * product.share), seed=seed, today=self.last))
        self.debts = {loan.external_id: Debt.of(product, loan, seed) for loan in self.book}
        self.bounces: list[tuple[date, str, Debt, int]] = []
        self.desk = Desk(self.debts)
        self.oversight = Oversight(self.debts, f"{seed}:{product.code}")
        overseers = staff.compliance, staff.legal, staff.administrator
        self.lifecycle = Lifecycle(self.debts, f"{seed}:{product.code}", crew, *overseers)

    def events(self, day: date) -> list[Event]:
        """Everything of a day but its run, in order."""
        return sorted(self._events(day), key=lambda event: event.at)

    def _events(self, day: date) -> Iterator[Event]:
        if day == self.first or (self.last - day).days % 7 == 0:
            yield Event(_utc(day, TAPE), self.read_tape)
        yield Event(_utc(day, PAYMENTS), self.read_payments)
        for hour in self.crew.product.dispatch:
            yield Event(_utc(day, hour), self.send)
        if day.weekday() < 6:
            yield from self._shift(day)
        for number, (days_before, says, due_in) in enumerate(ARRANGED):
            if day == self.last - (days_before - 1) * DAY:
                moment = self._local(day, time(self.crew.product.shift[-1], 2 * number))
                yield Event(moment, partial(self.arranged, says, due_in))
        yield from self._lifecycle(day)
        if day.weekday() < 5:
            yield Event(
                _utc(day, time(15)), partial(self.oversight.answer_complaints, self.crew, self.compliance)
            )

    def _lifecycle(self, day: date) -> Iterator[Event]:
        """After lunch what the story has for this day; in the morning the announced debits, later law and agencies."""
        shift = self.crew.product.shift
        yield Event(self._local(day, time(shift[0], 30)), self.lifecycle.draw)
        for number, happens in enumerate(self.lifecycle.on(day, self.first, self.last)):
            yield Event(
                self._local(day, time(shift[-1] - 3)) + timedelta(minutes=2 * number, seconds=30), happens
            )
        if day.weekday() in (1, 4):
            yield Event(self._local(day, time(shift[-1], 20)), self.lifecycle.go_on_at_law)
        if day.weekday() < 5 and day < self.last:
            for hour in shift[1:4]:
                yield Event(
                    self._local(day, time(hour, 40)),
                    partial(self.lifecycle.agency_calls, self.crew.collectors[0]),
                )

    def _shift(self, day: date) -> Iterator[Event]:
        """The team's working hours, on its own clock."""
        hours, oversight = self.crew.product.shift, self.oversight
        start, end = self._local(day, time(hours[0])), self._local(day, time(hours[-1]))
        # On the last day nobody is called: what its run has found waits for whoever opens the demo.
        steps = STEPS * self.scale * (0 if day == self.last else SATURDAY if day.weekday() == 5 else 1)
        for agent in self.crew.agents:
            for moment in self._moments(start, end, steps / len(self.crew.agents)):
                yield Event(moment, partial(self.turn, agent))
        for moment in self._moments(start, end, CALLS_IN * self.scale):
            yield Event(moment, self.call_in)
        if day.weekday() < 5:
            yield Event(end + timedelta(minutes=5), partial(oversight.supervise, self.crew))
        if day.weekday() == 3:
            yield Event(end + timedelta(minutes=10), partial(oversight.take_to_legal, self.crew, self.legal))
            yield Event(end + timedelta(minutes=15), partial(oversight.close, self.crew))
            if (day - self.first).days // 7 == 1:
                yield Event(end + timedelta(minutes=20), partial(oversight.hear_refusal, self.crew))

    def _moments(self, start: datetime, end: datetime, count: float) -> list[datetime]:
        """About `count` moments, far enough apart for one person to live through them."""
        whole = math.floor(count) + (self.rng.random() < count % 1)
        slots = int((end - start) / timedelta(minutes=15))
        chosen = sorted(self.rng.sample(range(slots), min(whole, slots)))
        return [start + timedelta(minutes=15 * slot, seconds=self.rng.randint(0, 200)) for slot in chosen]

    # What comes from outside

    def read_tape(self, at: datetime) -> None:
        """The loans paid out since the last tape; the first one brings all there were."""
        as_of = at.date() - DAY
        new = [loan for loan in self.book if loan.disbursed_on <= as_of and not self._debt(loan).known]
        if not new:
            return
        import_loans(product=self.crew.product, portfolio=self.crew.portfolio, loans=new, as_of=as_of, at=at)
        for loan in new:
            self._debt(loan).begin(as_of)

    def read_payments(self, at: datetime) -> None:
        """Yesterday's payments, and what bounced."""
        day = at.date() - DAY
        rows: list[PaymentRow] = []
        self.lifecycle.charges()
        for loan in self.book:
            debt = self._debt(loan)
            if debt.known and debt.coming:
                rows += [self._row(debt, payment, len(rows)) for payment in debt.payments_on(day)]
        rows += self._bounced(day)
        import_payments(product=self.crew.product, portfolio=self.crew.portfolio, payments=rows, at=at)

    def _row(self, debt: Debt, payment: Coming, number: int) -> PaymentRow:
        rng = debt.rng
        hour = rng.choices(range(24), weights=figures.HOURS_PAID)[0]
        row = PaymentRow(
            reference=f"{self.crew.product.code[-2:]}{payment.on:%y%m%d}{number:05d}",
            amount=payment.amount,
            value_date=payment.on,
            paid_at=self._local(payment.on, time(hour, rng.randint(0, 59), rng.randint(0, 59))),
            loan_id=debt.loan.external_id,
            borrower_id=debt.loan.person.external_id,
        )
        if not payment.named:
            unknown = rng.random() < UNKNOWN
            self.oversight.waits(row.reference, debt, payment.on + (FOUND_OUT if unknown else DAY))
            return replace(row, loan_id="", borrower_id="" if unknown else row.borrower_id)
        debt.posted += payment.amount
        if rng.random() < figures.BOUNCES:
            self.bounces.append((payment.on + rng.randint(3, 6) * DAY, row.reference, debt, payment.amount))
        return row

    def _bounced(self, day: date) -> Iterator[PaymentRow]:
        for on, reference, debt, amount in self.bounces:
            if on == day:
                debt.posted -= amount
                debt.sent -= amount
                yield PaymentRow(
                    reference=f"{reference}R",
                    amount=amount,
                    value_date=day,
                    paid_at=self._local(day, time(12)),
                    reverses=reference,
                )

    def turn(self, agent: User, at: datetime) -> None:
        self.lifecycle.charges()
        self.desk.turn(self.crew, agent, at)

    def call_in(self, at: datetime) -> None:
        """A borrower calls of their own accord."""
        self.lifecycle.charges()
        says = self.rng.choices(list(WHAT_THEY_SAY), weights=list(WHAT_THEY_SAY.values()))[0]
        self._calls(says, at)

    def arranged(self, says: str, due_in: int | None, at: datetime) -> None:
        """One of the callers who see to it that every queue has something at the end, whatever the seed."""
        terms = None
        if due_in is not None:
            due_on = self.crew.portfolio.business_date(at) + due_in * DAY
            terms = Details(promise=PromiseTerms(amount=1_00, due_on=due_on))
            if says == "plan":
                terms = Details(plan=PlanTerms(count=3, first_due_on=due_on, every=Every(days=14)))
        self._calls("promises" if says == "plan" else says, at, terms)

    def _calls(self, says: str, at: datetime, terms: Details | None = None) -> None:
        """Somebody with an open case, but nobody who has just agreed on something."""
        cases = (
            Case.objects.open()
            .filter(portfolio=self.crew.portfolio)
            .exclude(state=CaseState.LEGAL)
            .exclude(promises__state=PromiseState.OPEN)
            .exclude(plans__state=PlanState.ACTIVE)
            .order_by("pk")
        )
        ids = list(cases.values_list("pk", flat=True))
        if not ids:
            return
        case = Case.objects.select_related("borrower__key", "loan", "portfolio").get(pk=self.rng.choice(ids))
        self.desk.call_in(self.crew, case, self.rng.choice(self.crew.agents), says, at, terms)

    # What the machine does

    def send(self, at: datetime) -> None:
        """Every message of the portfolio that is due, one after the other, as the worker does."""
        due = Message.objects.filter(
            status=MessageStatus.PLANNED, not_before__lte=at, for_case__case__portfolio=self.crew.portfolio
        ).order_by("not_before", "pk")
        for number, (message, case) in enumerate(due.values_list("pk", "for_case__case")):
            outreach.deliver(message_id=message, case_id=case, at=at + timedelta(seconds=2 * number))

    def _debt(self, loan: DemoLoan) -> Debt:
        return self.debts[loan.external_id]

    def _local(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


# Telling


def _tell(stories: Sequence[Story], day: date, run: Callable[[date], None] | None = None) -> None:
    """One day of one or more stories, with its run."""
    run = run or _run
    events = sorted((event for story in stories for event in story.events(day)), key=lambda event: event.at)
    begins = _utc(day, RUN)
    for event in events:
        if event.at < begins:
            event.happens(event.at)
    run(day)
    for event in events:
        if event.at >= begins:
            event.happens(event.at)


def _run(day: date) -> None:
    run_day(date=day, by=CRON, at=_utc(day, RUN))


def _tell_side_by_side(
    stories: Sequence[Story], dates: Sequence[date], progress: Callable[[int, int], None]
) -> None:
    """One process for each story. They meet at the run of every day, which the first of them does for all."""
    processes = multiprocessing.get_context("fork")
    meeting, news = processes.Barrier(len(stories)), processes.Queue()
    connections.close_all()  # nobody shares a connection

    def tell(story: Story) -> None:
        def run(day: date) -> None:
            meeting.wait()
            if story is stories[0]:
                _run(day)
                news.put("day")
            meeting.wait()

        # Whoever ends the telling ends its processes too: they have nothing of their own to tidy up.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            with connection.cursor() as cursor:
                # A crash leaves half a story, which is worth nothing: no need to wait for the disk.
                cursor.execute("SET synchronous_commit TO off")
            for day in dates:
                _tell([story], day, run)
            news.put("told")
        except Exception:
            news.put(traceback.format_exc())
            meeting.abort()
        finally:
            connections.close_all()

    telling = [processes.Process(target=tell, args=(story,), daemon=True) for story in stories]
    for process in telling:
        process.start()
    try:
        days, left = 0, len(stories)
        while left:
            match _next(news, telling):
                case "day":
                    days += 1
                    progress(days, len(dates))
                case "told":
                    left -= 1
                case trouble:
                    raise RuntimeError(trouble)
    finally:
        for process in telling:
            process.terminate()
            process.join()


def _next(news: Any, telling: Sequence[Any]) -> str:
    """The next piece of news. Whoever is gone without a word was killed."""
    while True:
        try:
            return news.get(timeout=1)
        except queue.Empty:
            if any(process.exitcode for process in telling):
                raise RuntimeError("One of the two that told the story was killed.") from None


def _utc(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, UTC)


def counts() -> dict[str, Any]:
    """What is in the database, for the command's last line and for tests."""
    return {
        "borrowers": Borrower.objects.count(),
        "loans": Loan.objects.count(),
        "cases": _by(Case.objects.all(), "state"),
        "messages": _by(Message.objects.all(), "status"),
        "calls": _by(Call.objects.all(), "disposition"),
        "promises": _by(Promise.objects.all(), "state"),
        "plans": _by(Plan.objects.all(), "state"),
        "work": _by(WorkItem.objects.filter(done_at=None), "kind"),
        "holds": _by(Hold.objects.filter(ended_at=None), "kind"),
        "complaints": _by(Complaint.objects.all(), "state"),
        "payments": _by(Payment.objects.all(), "state"),
        "events": AuditEvent.objects.count(),
    }


def _by(rows: QuerySet, field: str) -> dict[str, int]:
    return dict(sorted(Counter(rows.values_list(field, flat=True)).items()))
