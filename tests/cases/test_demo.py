"""The demo's history: the same for the same seed and day, lawful at every step, with books and log in order."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, Sum
from django.test import TestCase

from accounts.models import (
    AgencyBar,
    DebitOutcome,
    Document,
    EntryKind,
    LedgerEntry,
    Loan,
    Mandate,
    Payment,
    PaymentState,
    Portfolio,
    ProviderAnswer,
    ProviderLine,
    Role,
    Terms,
    User,
)
from accounts.roles import ROLES
from accounts.standing import standing_of
from cases.demo.history import simulate
from cases.demo.logins import DEMO_PASSWORD
from cases.models import (
    Affordability,
    AgencyEvaluation,
    Approval,
    Case,
    DayRun,
    LegalQuestion,
    Offer,
    Placement,
    Plan,
    Promise,
    PromiseState,
    WorkItem,
)
from collections_site.management.commands.seed_demo import owner_url, simulated_clock
from communications.channels import channel
from communications.channels.email import Email
from communications.models import Message, MessageStatus
from compliance.actions.gate import replay
from compliance.models import AuditEvent, AuditStream, ContactAttempt, ContactDecision, Hold
from tests.factories import make_portfolio

TODAY = date(2026, 3, 4)
BEGINNING = datetime(2026, 3, 4, tzinfo=UTC)  # of the day before which the story ends
DAYS = 10


SHOWN = {
    *(f"Promise.{state}" for state in ("open", "kept", "part_kept", "broken")),
    *(f"Plan.{state}" for state in ("active", "broken", "cancelled")),
    *(f"Offer.{kind}" for kind in ("extension",)),
    *(f"LedgerEntry.{kind}" for kind in ("chargeback", "fee", "interest", "write_off")),
    *(f"Mandate.{reason}" for reason in ("", "revoked")),
    *(f"DebitOutcome.{state}" for state in ("paid",)),
    *(f"LegalQuestion.{by}" for by in ("None",)),
    *(f"Document.{kind}" for kind in ("contract", "income_proof", "plan_agreement")),
    "AgencyBar.Northgate Credit Services",
    "AgencyBar.速达资产管理有限公司",
    "AgencyEvaluation.Harborlight Recovery LLC",
    "AgencyEvaluation.和信催收服务有限公司",
    "Affordability.papers",
    *(f"ProviderLine.{result}" for result in ("equal", "amount", "theirs", "ours", "stands")),
    *(f"ProviderAnswer.{what}" for what in ("taken_back", "mistake")),
}  # fmt: skip
"""What the short story of these tests has of it all; the whole demo has more."""


@contextmanager
def undone() -> Iterator[None]:
    """A block that leaves nothing behind, and in which, as in a test's own, durable blocks may stand."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def tale() -> Counter:
    """How often what happened, by the hour."""
    return Counter((kind, f"{at:%m-%d %H}") for kind, at in AuditEvent.objects.values_list("type", "at"))


class TestStory(TestCase):
    """One story told once for all these tests; a twin of it was told before and taken back."""

    @classmethod
    def setUpTestData(cls):
        with undone():
            cls.twin = simulate(loans=200, seed=7, today=TODAY, days=DAYS), tale()
        cls.told = simulate(loans=200, seed=7, today=TODAY, days=DAYS), tale()

    def test_the_same_seed_and_day_tell_the_same_story(self):
        assert self.told[0] == self.twin[0]
        assert self.told[1] == self.twin[1]

    def test_it_is_about_the_loans_that_were_asked_for_in_two_portfolios(self):
        counts = Counter(Loan.objects.values_list("portfolio__code", flat=True))

        assert counts == {"WALLET-CN": 100, "WALLET-US": 100}
        assert set(Portfolio.objects.values_list("contact_open", flat=True)) == {True}

    def test_every_contact_of_ours_has_spent_a_permit_of_an_allowing_decision(self):
        ours = ContactAttempt.objects.filter(direction="out")

        assert ours.count() > 10
        assert not ours.filter(permit=None).exists()
        assert not ours.exclude(permit__decision__outcome__startswith="permitted").exists()
        assert not ours.filter(permit__used_at=None).exists()
        assert not ours.filter(reported=True).exists()

    def test_nobody_is_contacted_before_eight_or_after_nine_where_they_are(self):
        attempts = ContactAttempt.objects.filter(direction="out").select_related("contact_point", "borrower")
        for attempt in attempts:
            for zone in {*attempt.borrower.zones, *attempt.contact_point.zones}:
                local = attempt.at.astimezone(ZoneInfo(zone))

                assert 8 <= local.hour < 21, f"{attempt.channel} at {local}"

    def test_every_decision_can_be_made_again_from_what_was_stored(self):
        for decision in ContactDecision.objects.all():
            again = replay(facts=bytes(decision.facts), at=decision.at)

            assert again.outcome == decision.outcome

    def test_what_is_owed_is_what_was_lent_less_what_was_paid_or_forgiven(self):
        lent = [EntryKind.OPENING, EntryKind.FEE, EntryKind.INTEREST]
        gone = [EntryKind.REPAYMENT, EntryKind.RECOVERY, EntryKind.WAIVER, EntryKind.WRITE_OFF]
        opened = dict(_sums(kind__in=lent))
        paid = dict(_sums(kind__in=[*gone, EntryKind.REVERSAL, EntryKind.CHARGEBACK]))
        moved = dict(_sums(kind=EntryKind.REALLOCATION))

        standings = standing_of(list(opened), on=TODAY)

        assert set(moved.values()) <= {0}
        for loan, standing in standings.items():
            assert standing.outstanding == opened[loan] + paid.get(loan, 0)
            assert standing.credit == max(0, -standing.outstanding)

    def test_every_payment_is_in_the_ledger_or_waits(self):
        posted = Payment.objects.filter(state=PaymentState.POSTED)
        entries = LedgerEntry.objects.filter(kind__in=[EntryKind.REPAYMENT, EntryKind.RECOVERY])
        in_ledger = entries.filter(reference__in=posted.values("reference"))

        assert posted.count() == in_ledger.count() > 10
        assert posted.aggregate(Sum("amount")) == {
            "amount__sum": -in_ledger.aggregate(all=Sum("amount"))["all"]
        }

    def test_it_shows_the_life_of_cases_with_agreements_charges_papers_debits_and_agencies(self):
        def seen(rows, field):
            return {
                f"{rows.model.__name__}.{value}" for value in rows.order_by().values_list(field, flat=True)
            }

        shown = set.union(
            seen(Promise.objects.all(), "state"),
            seen(Plan.objects.all(), "state"),
            seen(Offer.objects.all(), "kind"),
            seen(Approval.objects.waiting(BEGINNING), "kind"),
            seen(LedgerEntry.objects.all(), "kind"),
            seen(Mandate.objects.all(), "end_reason"),
            seen(DebitOutcome.objects.all(), "state"),
            seen(LegalQuestion.objects.all(), "answered_by__role"),
            seen(Document.objects.all(), "kind"),
            seen(Hold.objects.exclude(evidence=""), "kind"),
            seen(Placement.objects.all(), "end_reason"),
            seen(AgencyBar.objects.filter(lifted_at=None), "agency__name"),
            seen(AgencyEvaluation.objects.all(), "agency__name"),
            seen(Affordability.objects.all(), "source"),
            seen(ProviderLine.objects.all(), "result"),
            seen(ProviderAnswer.objects.all(), "what"),
        )

        assert not SHOWN - shown

    def test_being_late_costs_something_in_one_portfolio_only_and_only_since_its_terms_say_so(self):
        charged = LedgerEntry.objects.filter(kind__in=[EntryKind.FEE, EntryKind.INTEREST])

        assert set(charged.values_list("loan__portfolio__code", flat=True)) == {"WALLET-US"}
        began = Terms.objects.get(late_rate__gt=0).from_on
        assert charged.aggregate(first=Min("value_date"))["first"] >= began

    def test_streams_of_events_have_no_gap(self):
        streams = AuditEvent.objects.values("stream").annotate(events=Count("pk"), last=Max("seq"))

        assert not streams.exclude(events=F("last")).exists()
        assert dict(AuditStream.objects.values_list("ref", "last_seq")) == dict(
            streams.values_list("stream", "last")
        )

    def test_every_day_was_run_and_nothing_happens_after_the_last_one(self):
        days = (
            DayRun.objects.filter(finished_at__isnull=False).order_by("date").values_list("date", flat=True)
        )

        assert list(days) == [TODAY - timedelta(days=back) for back in range(DAYS, 0, -1)]
        assert AuditEvent.objects.aggregate(last=Max("at"))["last"] < BEGINNING

    def test_no_message_left_the_house(self):
        states = Counter(Message.objects.values_list("status", flat=True))

        assert states[MessageStatus.ACCEPTED] > 5
        assert set(states) <= {"accepted", "failed", "uncertain", "planned", "cancelled"}
        assert isinstance(channel("email"), Email)

    def test_both_teams_have_work_now_and_some_money_is_promised_for_today(self):
        due = WorkItem.objects.filter(done_at=None, due_at__lte=BEGINNING)

        assert set(due.values_list("case__portfolio__code", flat=True)) == {"WALLET-CN", "WALLET-US"}
        assert Promise.objects.filter(state=PromiseState.OPEN, due_on=TODAY).exists()

    def test_no_case_is_open_without_arrears_nor_closed_with_work_left(self):
        yesterday = TODAY - timedelta(days=1)
        opened = Case.objects.open().values_list("loan", flat=True)

        standings = standing_of(list(opened), on=yesterday)

        assert all(standing.arrears > 0 for standing in standings.values())
        assert not WorkItem.objects.filter(done_at=None).exclude(case__closed_at=None).exists()

    def test_one_login_of_each_role_is_named_after_it(self):
        for role in ROLES:
            person = User.objects.get(username=role)

            assert person.role == role
            assert person.check_password(DEMO_PASSWORD)
        teams = (
            User.objects.filter(role=Role.AGENT).values_list("team__portfolios__code", "language").distinct()
        )
        assert set(teams) == {("WALLET-CN", "zh-hans"), ("WALLET-US", "en")}


def _sums(**kinds):
    entries = LedgerEntry.objects.filter(**kinds).order_by()
    return entries.values_list("loan").annotate(Sum("amount"))


@pytest.mark.django_db(transaction=True)
def test_told_side_by_side_it_is_the_same_story():
    story = {"loans": 60, "seed": 3, "today": TODAY, "days": 5}
    days = []
    with undone():
        alone = simulate(**story)

    together = simulate(**story, side_by_side=True, progress=lambda done, total: days.append((done, total)))

    assert together == alone
    assert days == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


@pytest.mark.django_db(transaction=True)
def test_a_story_that_breaks_says_why(monkeypatch):
    monkeypatch.setattr("cases.demo.history.RUN", None)

    with pytest.raises(RuntimeError, match="TypeError"):
        simulate(loans=40, seed=3, today=TODAY, days=2, side_by_side=True)


# The command


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_with_its_counts_as_json():
    output = StringIO()

    call_command("seed_demo", loans=40, seed=5, days=2, stdout=output)

    counts = json.loads(output.getvalue().splitlines()[-1])
    assert (counts["seed"], counts["loans"]) == (5, 40)
    assert counts["seconds"] > 0
    assert Loan.objects.count() == 40
    assert not _clock_is_simulated()


@pytest.mark.django_db(transaction=True)
def test_the_clock_is_simulated_not_a_moment_longer():
    with suppress(KeyboardInterrupt), simulated_clock(owner_url()):
        assert _clock_is_simulated()
        raise KeyboardInterrupt

    assert not _clock_is_simulated()


def test_the_command_refuses_an_installation_that_has_portfolios(db):
    make_portfolio()

    with pytest.raises(CommandError, match="There are portfolios here already"):
        call_command("seed_demo")


def test_the_command_refuses_without_the_owner(db, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db.example/forbear")
    monkeypatch.delenv("FORBEAR_OWNER_DATABASE_URL", raising=False)

    with pytest.raises(CommandError, match="FORBEAR_OWNER_DATABASE_URL is not set"):
        call_command("seed_demo")


def _clock_is_simulated() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT simulated FROM compliance_legalclock")
        return cursor.fetchone()[0]
