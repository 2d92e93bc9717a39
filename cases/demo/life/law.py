"""Cases at law, as far as each is meant to go, and questions to legal."""

from contextlib import suppress
from datetime import datetime, timedelta

from accounts.models import (
    DocumentKind,
)
from cases.actions import legal
from cases.actions.answering import answer_approval
from cases.actions.transition import MoveRefused
from cases.demo import files
from cases.demo.debts import DAY
from cases.demo.life.teller import Teller
from cases.demo.phrases import LAWYERS
from cases.demo.staff import Crew
from cases.legal_steps import earliest_answer
from cases.models import (
    Case,
    CaseState,
)

# How far each of the cases at law is taken, one after the other; days that pass at least before a step; what it costs, in
# hundredths of the smallest loan.
AS_FAR = ("enforcement", "letter", "mediation", "lawyer_letter", "claim")
PATIENCE = {"judgment": 10, "enforcement": 5}
COSTS = {"lawyer_letter": 8, "claim": 5, "enforcement": 4}


class Law(Teller):
    def prepare_for_law(self, crew: Crew, at: datetime) -> None:
        """The evidence of the latest cases: the contract, the ways out talked over, the period."""
        after = crew.portfolio.terms_on(self._today(at)).legal_after_days
        for case in self._take(at, 3, least=after, states=(CaseState.NOTIFIED, CaseState.NEGOTIATING)):
            case = self._talk(case, self._agent(), at, "unwilling")
            self._add(case, crew.supervisor, DocumentKind.CONTRACT, self._pdf("contract", case), at)
            self._establish_period(case, at)
            self._debt(case).coming = []
            self.for_law.append(case.pk)

    def take_to_law(self, crew: Crew, at: datetime) -> None:
        """One asks, another agrees."""
        for case in Case.objects.open().filter(pk__in=self.for_law).order_by("loan__external_id"):
            with suppress(MoveRefused):  # no notice has reached them, or a hold came between
                approval = legal.propose_legal(
                    case=case, note=self.words["legal_why"], requester=crew.supervisor, at=at
                )
                answer_approval(
                    approval=approval, approve=True, person=self.legal, at=at + timedelta(minutes=40)
                )
        self.for_law = []

    def go_on_at_law(self, at: datetime) -> None:
        """Each case as far as it is meant to go, a step when its time has come."""
        today, language = self._today(at), self.crew.product.language
        cases = Case.objects.filter(portfolio=self.crew.portfolio, state=CaseState.LEGAL)
        rows = cases.select_related("portfolio", "loan", "borrower__key").order_by("loan__external_id")
        for case in rows:
            last = self.goals.setdefault(case.pk, AS_FAR[len(self.goals) % len(AS_FAR)])
            stay = legal.stay_of(case)
            assert stay is not None
            steps = legal.taken_in(stay)
            kinds = [kind for kind in legal.possible_steps(case, steps, today) if self._goes(kind, last)]
            if not kinds or (steps and steps[-1].taken_on + PATIENCE.get(kinds[0], 2) * DAY > today):
                continue
            kind = kinds[0]
            lawyer = None
            if kind == "lawyer_letter":
                name, licence, firm = LAWYERS[language]
                lawyer = legal.Lawyer(
                    name=name, licence=licence, firm=firm, reviewed_on=today - DAY, signed_on=today
                )
            with suppress(legal.LegalRefused):  # a hold, or an agreement that still runs
                legal.take_step(
                    case=case, kind=kind, taken_on=today, next_on=earliest_answer(kind, today), lawyer=lawyer,
                    cost=self.unit * COSTS.get(kind, 0) // 100, note=self.words[kind], person=self.legal, at=at,
                )  # fmt: skip
                if kind == "claim":
                    self._add(
                        case,
                        self.legal,
                        DocumentKind.COURT,
                        files.pdf(self.words["court"], self.words["invented"]),
                        at,
                    )

    def _goes(self, kind: str, last: str) -> bool:
        """Whether a case that is meant to come so far takes this step on its way."""
        order = ("letter", "lawyer_letter", "mediation", "claim", "judgment", "enforcement")
        return order.index(kind) <= order.index(last) and (kind != "lawyer_letter" or last == kind)

    def ask_and_answer(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, least=5):
            question = legal.ask_legal(
                case=case, question=self.words["question"], person=self._agent(), at=at
            )
            later = at + timedelta(minutes=50)
            legal.answer_legal(question=question, answer=self.words["answer"], person=self.legal, at=later)

    def ask_legal(self, crew: Crew, at: datetime) -> None:
        for case in self._take(at, least=5):
            legal.ask_legal(case=case, question=self.words["question_open"], person=self._agent(), at=at)
