"""Exceptions as data: what may open a rule that closes, and what must be on record for it.

A rule names its exceptions; each kind is a question to the facts, the same in every jurisdiction. Exceptions of a rule that
nobody signed open nothing in daily work: `decide` asks for them only where the rule counts as signed.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from compliance.rules.facts import Direction, Purpose
from compliance.rules.shapes import Spoken
from compliance.rules.situation import Situation


class ExceptionShape(Spoken):
    """`name` is what results call it (a provision, or a word), `evidence` what must be on record."""

    name: str
    evidence: str


class ReplyException(ExceptionShape):
    """The person began: one answer to each of their contacts, or what is said on their own call."""

    kind: Literal["reply"]
    same_medium: bool = True
    at_that_time: bool = False  # only on the day, and in the closed time, at which they began

    def holds(self, situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        facts = situation.facts
        if facts.live:
            # Whoever says that it does not suit is not asked to carry on.
            return facts.purpose != Purpose.ASK_TO_CONTINUE
        began = facts.in_reply_to
        if began is None:
            return False
        asked = any(
            each.at == began
            and each.direction == Direction.IN
            and (not self.same_medium or each.channel == facts.channel)
            for each in facts.history
        )
        answered = any(
            each.at > began
            and each.direction != Direction.IN
            and (not self.same_medium or each.channel == facts.channel)
            for each in facts.history
        )
        return asked and not answered


class PurposeException(ExceptionShape):
    """Messages of these kinds; `once`: one of them after what closed the rule."""

    kind: Literal["purpose"]
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    once: bool = False

    def holds(self, situation: Situation, _at: datetime, since: datetime | None) -> bool:
        facts = situation.facts
        if facts.purpose not in self.purposes:
            return False
        return not self.once or not any(
            each.direction != Direction.IN
            and each.purpose == facts.purpose
            and (since is None or each.at > since)
            for each in facts.history
        )


class AgreementException(ExceptionShape):
    """Something the person agreed to, dated and on record: other hours, more dials."""

    kind: Literal["agreement"]
    consent: Literal["contact_time", "daily_dials"]
    only_convenient: bool = False  # they must have said that no other hours suit

    def holds(self, _situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        """Agreements widen hours and numbers, which the judges of these measure themselves."""
        return False


class CourtException(ExceptionShape):
    """A court has permitted the contact, as every hold that stops it says."""

    kind: Literal["court_permission"]

    def holds(self, _situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        """Asked of each hold by its judge."""
        return False


class PastDueException(ExceptionShape):
    """Every debt of the contact is more than so many days past due."""

    kind: Literal["past_due"]
    above: int = Field(ge=0)

    def holds(self, situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        days = [
            fact.days_past_due if (fact := situation.debt_fact(debt)) else None
            for debt in situation.facts.debts
        ]
        return bool(days) and all(each is not None and each > self.above for each in days)


class UnreachableException(ExceptionShape):
    """The borrower cannot be reached, and the other person has not refused."""

    kind: Literal["unreachable"]
    purposes: tuple[Purpose, ...] = Field(min_length=1)

    def holds(self, situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        facts = situation.facts
        return facts.unreachable and not facts.party_refused and facts.purpose in self.purposes


class ProcedureException(ExceptionShape):
    """The address was obtained by one of these procedures; its `name` is the provision."""

    kind: Literal["address_procedure"]

    def holds(self, situation: Situation, _at: datetime, _since: datetime | None) -> bool:
        return situation.facts.address_procedure == self.name


RuleException = Annotated[
    ReplyException
    | PurposeException
    | AgreementException
    | CourtException
    | PastDueException
    | UnreachableException
    | ProcedureException,
    Field(discriminator="kind"),
]
