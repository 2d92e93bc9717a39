"""Two people with the same paper in their hands at the same moment: it is kept, made and destroyed once."""

from datetime import timedelta

import pytest

from accounts.actions.documents import add_document, destroy_documents
from accounts.models import Document
from cases.actions.papers import make_paper
from compliance.models import AuditEvent
from tests.accounts.test_documents import PDF
from tests.accounts.test_imports_at_once import at_once
from tests.cases.stories import make_case
from tests.factories import NOW, SYSTEM, make_portfolio

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_happens_once():
    case = make_case(make_portfolio())

    def bring():
        return add_document(
            borrower=case.borrower, loan=case.loan, kind="contract", content=PDF, by=SYSTEM, at=NOW
        )

    def make(seconds):
        return make_paper(case=case, kind="statement", by=SYSTEM, at=NOW + timedelta(seconds=seconds))

    first, second = at_once(bring, bring)
    assert first == second
    first, second = at_once(lambda: make(0), lambda: make(1))
    assert first == second
    contract = Document.objects.get(kind="contract").pk
    later = NOW.replace(year=2030)
    destroyed = at_once(*[lambda: destroy_documents(documents=[contract], by=SYSTEM, at=later)] * 2)
    assert sorted(destroyed) == [0, 1]
    told = AuditEvent.objects.filter(type__startswith="document.").order_by("seq")
    assert list(told.values_list("type", flat=True)) == [
        "document.added",
        "document.made",
        "document.destroyed",
    ]
