"""One American borrower with a loan forty days late, a phone and an e-mail address; it is noon in New York."""

from typing import NamedTuple

import pytest

from accounts.models import Borrower, ContactKind, ContactPoint, Loan, Portfolio
from compliance.actions.contacts import note_outcome, place
from compliance.actions.gate import Answer, ask
from compliance.models import Channel, ContactAttempt
from compliance.rules import Purpose
from tests.factories import NOW, SYSTEM, days_ago, make_borrower, make_loan, make_portfolio


class Dana(NamedTuple):
    portfolio: Portfolio
    borrower: Borrower
    loan: Loan
    phone: ContactPoint
    email: ContactPoint

    def ask(self, channel: str = Channel.CALL, *, at=NOW, by=SYSTEM, **changed) -> Answer:
        question = {
            "borrower": self.borrower,
            "contact_point": self.email if channel == Channel.EMAIL else self.phone,
            "purpose": Purpose.COLLECT,
            "loans": [self.loan.pk],
        } | changed
        return ask(channel=channel, by=by, at=at, **question)

    def contact(self, channel: str = Channel.CALL, *, at=NOW, **changed) -> ContactAttempt:
        """A contact as lawful as any, placed at once."""
        answer = self.ask(channel, at=at, **changed)
        return place(permit_id=answer.permit_id, by=SYSTEM, at=at)

    def call(self, *, at=NOW, conversation: bool = False) -> ContactAttempt:
        """A call and what came of it: nobody answered, or a conversation with the borrower."""
        attempt = self.contact(at=at)
        note_outcome(
            attempt=attempt,
            disposition="promises" if conversation else "no_answer",
            connected=True,
            answered=conversation,
            right_party=conversation,
            conversation=conversation,
            by=SYSTEM,
            at=at,
        )
        return attempt


def make_dana(portfolio: Portfolio | None = None, **fields) -> Dana:
    portfolio = portfolio or make_portfolio()
    fields = {"phone": "+1 212 555 0142", "email": "dana@example.com"} | fields
    borrower = make_borrower(portfolio, **fields)
    points = {point.kind: point for point in borrower.contact_points.all()}
    return Dana(
        portfolio,
        borrower,
        make_loan(borrower, due_on=days_ago(40)),
        points[ContactKind.PHONE],
        points[ContactKind.EMAIL],
    )


@pytest.fixture
def dana(db) -> Dana:
    return make_dana()
