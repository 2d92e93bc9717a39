"""Documents taken in and made, and holds that they prove."""

from datetime import datetime
from typing import Any

from accounts.models import (
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Payment,
)
from cases.actions.papers import make_paper
from cases.demo import files
from cases.demo.debts import DAY
from cases.demo.life.teller import Teller
from cases.demo.staff import Crew
from cases.models import (
    Case,
)
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import Evidence, HoldKind


class Papers(Teller):
    def take_in_documents(self, crew: Crew, at: datetime) -> None:
        """Contracts of some cases, and on one of them everything a borrower may send."""
        cases = self._take(at, self._many(6), least=4)
        for case in cases:
            self._add(case, self._agent(), DocumentKind.CONTRACT, self._pdf("contract", case), at)
        for case in cases[:1]:
            for kind, content in (
                (DocumentKind.ID, files.png(10)),
                (DocumentKind.RECEIPT, files.png(50)),
                (DocumentKind.INCOME_PROOF, self._pdf("income_proof", case)),
                (DocumentKind.AUTHORITY, self._pdf("authority", case)),
                (DocumentKind.LETTER, self._pdf("letter_file", case)),
                (DocumentKind.OTHER, self._pdf("other", case)),
            ):
                self._add(case, self._agent(), kind, content, at)
            self.kept["documents"] = case.pk

    def hold_with_papers(self, crew: Crew, at: datetime) -> None:
        """An illness with its certificate; a disaster; a hardship told of two weeks ago that is looked at tomorrow."""
        agent, today = self._agent(), self._today(at)
        told_of = today + 4 * DAY - 14 * DAY
        kinds: list[tuple[str, dict[str, Any]]] = [
            (HoldKind.ILL_OR_BEREAVED, {"evidence": Evidence.MEDICAL, "evidence_ref": "MC-2207"}),
            (HoldKind.DISASTER, {"evidence": Evidence.DECLARATION, "evidence_ref": "DR-4815", "days": 30}),
            (HoldKind.HARDSHIP, {"starts_on": told_of}),
        ]
        for (kind, more), case in zip(kinds, self._take(at, 3, least=3), strict=False):
            case = self._talk(case, agent, at, "disaster" if kind == HoldKind.DISASTER else "illness")
            if kind == HoldKind.ILL_OR_BEREAVED:
                self._add(case, agent, DocumentKind.MEDICAL_PROOF, self._pdf("medical_proof", case), at)
            open_hold(
                borrower=case.borrower,
                loan=case.loan,
                kind=kind,
                by=Actor.staff(agent),
                at=at,
                case=case.pk,
                **more,
            )
            self._debt(case).coming = []

    def make_papers(self, crew: Crew, at: datetime) -> None:
        """Every paper we make, each on a case whose ledger carries it."""
        by, today = Actor.staff(self._agent()), self._today(at)

        def of(name: str) -> Case | None:
            return Case.objects.select_related("portfolio", "loan").filter(pk=self.kept.get(name)).first()

        if case := of("documents"):
            make_paper(case=case, kind=DocumentKind.STATEMENT, by=by, at=at)
            if case.is_open:
                make_paper(case=case, kind=DocumentKind.PAYOFF, by=by, at=at, good_to=today)
        if "plan" in self.kept:
            pk, plan, _on = self.kept["plan"]
            paper_of = Case.objects.select_related("portfolio", "loan").get(pk=pk)
            make_paper(case=paper_of, kind=DocumentKind.PLAN_AGREEMENT, by=by, at=at, subject=plan)
        if case := of("waiver"):
            waived = (
                LedgerEntry.objects.filter(loan=case.loan_id, kind=EntryKind.WAIVER).order_by("pk").first()
            )
            if waived:
                make_paper(case=case, kind=DocumentKind.WAIVER_AGREEMENT, by=by, at=at, subject=waived.pk)
        if case := of("paid"):
            payment = Payment.objects.filter(loan=case.loan_id).order_by("pk").last()
            if payment:
                make_paper(case=case, kind=DocumentKind.RECEIPT, by=by, at=at, subject=payment.pk)
        for name in ("paid", "settled"):
            if (case := of(name)) and not case.is_open:
                make_paper(case=case, kind=DocumentKind.SETTLEMENT_CERTIFICATE, by=by, at=at)
