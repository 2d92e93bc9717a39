"""Mandates, and what is drawn under them."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from accounts import pulls
from accounts.actions.mandates import Scope, end_mandate, give_mandate
from accounts.models import (
    Mandate,
    MandateEnd,
)
from accounts.pulls import Answer
from accounts.pulls.recording import Recording
from cases.actions import debits
from cases.demo.debts import DAY
from cases.demo.life.teller import Teller
from cases.demo.staff import Crew
from compliance.audit import Actor

NOBODY = UUID(int=0)
FAILED = Answer(drawn=False, reason="insufficient_funds")


class Debits(Teller):
    def give_mandates(self, crew: Crew, at: datetime) -> None:
        """One is drawn from, one fails twice, one is revoked, one lives and has announced the next."""
        agent, today = self._agent(), self._today(at)
        by, step = Actor.staff(agent), self.unit // 5
        plans = {"drawn": (5,), "fails": (5, 7), "revoked": (12,), "lives": (14,)}
        for (name, days), case in zip(plans.items(), self._take(at, 4, least=3), strict=False):
            source = {"drawn": "wallet", "fails": "card", "revoked": "account", "lives": "wallet"}[name]
            mandate = give_mandate(
                loan=case.loan, source=source, instrument=f"tok_{case.loan.external_id}",
                proof=f"call-{today:%y%m%d}-{case.loan.external_id[-4:]}", by=by, at=at,
                limits=debits.limits_of(crew.portfolio, at),
                case=case.pk, scope=Scope(
                    most_per_debit=self.unit, most_per_month=3 * self.unit, from_on=today, to_on=today + 180 * DAY,
                    floor=step,
                ),
            )  # fmt: skip
            for day in days:
                with suppress(debits.DebitRefused):
                    debits.announce_debit(
                        case=case, mandate=mandate, amount=step, collect_on=today + day * DAY, by=by, at=at
                    )
            self._debt(case).coming = []
            self.kept[name] = mandate.pk

    def revoke_a_mandate(self, crew: Crew, at: datetime) -> None:
        for mandate in Mandate.objects.filter(pk=self.kept.get("revoked", NOBODY)):
            end_mandate(mandate=mandate, reason=MandateEnd.REVOKED, by=Actor.staff(self._agent()), at=at)

    def draw(self, at: datetime) -> None:
        """The provider's worker: what was announced for today, where its rules still say yes."""
        mine = Mandate.objects.filter(loan__portfolio=self.crew.portfolio).values_list("notices", flat=True)
        for number in sorted(set(debits.due_notices(at)) & set(mine)):
            fails = Mandate.objects.filter(pk=self.kept.get("fails", NOBODY), notices=number).exists()
            with pulls.everything_by(Recording(*[FAILED] if fails else [])):
                debit = debits.draw(notice_id=number, at=at)
            if debit is not None and not fails:
                self.debts[debit.loan.external_id].booked(debit.amount)
