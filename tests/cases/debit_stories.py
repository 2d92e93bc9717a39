"""Debits for tests: a mandate given, a debit announced by a message that really left, providers that keep what they are
asked."""

from contextlib import contextmanager
from datetime import date, datetime, timedelta

from accounts.actions.mandates import Scope, give_mandate
from accounts.models import DebitNotice, Mandate
from accounts.pulls import everything_by
from accounts.pulls.recording import Recording
from cases.actions import debits
from cases.models import Case, DebitMessage
from communications import channels
from communications.actions.messages import send
from communications.channels import Outgoing, ProviderAnswer
from tests.factories import NOW, SYSTEM, TODAY

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Post:
    """Takes every message over, and keeps it."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def configured(self) -> bool:
        return True

    @contextmanager
    def line(self):
        yield self

    def send(self, outgoing: Outgoing) -> ProviderAnswer:
        self.sent.append(outgoing)
        return ProviderAnswer(accepted=True, reference=f"<{outgoing.key}>")


@contextmanager
def posted(*, down: bool = False):
    post = Post()
    with channels.everything_by(post):
        yield post


def mandate_for(case: Case, *, proof: str = "call-2026-03-03-17", at: datetime = NOW, **scope) -> Mandate:
    """At most 100.00 at once and 300.00 a month, from the wallet, from today on."""
    usual = {"most_per_debit": 100_00, "most_per_month": 300_00, "from_on": TODAY}
    return give_mandate(
        loan=case.loan, source="wallet", instrument="wlt_7Qm2x9", proof=proof, scope=Scope(**{**usual, **scope}),
        limits=debits.limits_of(case.portfolio, at), by=SYSTEM, at=at, case=case.pk,
    )  # fmt: skip


def announce(
    case: Case,
    mandate: Mandate,
    *,
    amount: int = 40_00,
    collect_on: date | None = None,
    at: datetime = NOW,
    sent: bool = True,
    certain: bool = True,
) -> DebitNotice:
    """Announced, and (with `sent`) the message taken over by the provider at once; without `certain` the gate may
    refuse it."""
    collect_on = collect_on or case.portfolio.business_date(at) + 3 * DAY
    with posted():
        notice = debits.announce_debit(
            case=case, mandate=mandate, amount=amount, collect_on=collect_on, by=SYSTEM, at=at
        )
        if sent:
            message = send(message_id=DebitMessage.objects.get(notice=notice).message_id, at=at, case=case.pk)
            assert not certain or message.status == "accepted", (
                message.status,
                message.reason,
                message.not_before,
            )
    return notice


@contextmanager
def drawing(*answers, **how):
    """Everything is drawn by a recorder that gives these answers."""
    recorder = Recording(*answers, **how)
    with everything_by(recorder):
        yield recorder
