"""The paper behind a step: which step names one, which document may stand for it, and that the database asks for it too."""

from types import SimpleNamespace

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.actions.documents import destroy_documents
from cases.actions.legal import LegalRefused, papers_of, withdraw_step
from cases.models import LegalStep
from compliance.models import AuditEvent
from tests.cases.stories import DAY, paper
from tests.cases.test_legal import go_to_law, raw_step, ready_case, step
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio(contract):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    alice, bob, _charlie = make_people(portfolio)
    return SimpleNamespace(alice=alice, bob=bob, omar=make_user("omar", role="legal"))


@pytest.fixture
def at_law(portfolio, people):
    return go_to_law(ready_case(portfolio, people), people)


def refused(at_law, people, kind="letter", on=0, **more):
    with pytest.raises(LegalRefused) as told:
        step(at_law, people, kind, on, **more)
    return told.value.code


def test_a_letter_a_claim_and_a_judgment_name_their_paper_and_mediation_need_not(at_law, people):
    assert refused(at_law, people, document=None) == "document"
    letter = paper(at_law)
    taken = step(at_law, people, "letter", document=letter)
    assert (taken.document, LegalStep.objects.get().document_id) == (letter, letter.pk)
    assert str(letter.pk).encode() in bytes(AuditEvent.objects.get(type="legal.step_taken").leaf)
    step(at_law, people, "mediation", 15)
    for kind in ("claim", "judgment", "enforcement"):
        assert refused(at_law, people, kind, 20, document=None) == "document"
        assert refused(at_law, people, kind, 20, document=paper(at_law, "letter")) == "document"
        step(at_law, people, kind, 20, document=paper(at_law, "court"))


def test_another_loans_paper_a_used_one_and_another_kind_are_refused(at_law, people, portfolio):
    other = ready_case(portfolio, people)
    assert refused(at_law, people, document=paper(other)) == "document"
    assert refused(at_law, people, document=paper(at_law, "contract")) == "document"
    letter = paper(at_law)
    step(at_law, people, "letter", document=letter)
    assert refused(at_law, people, "lawyer_letter", 15, document=letter) == "document"
    assert not papers_of(at_law, ["lawyer_letter"]).filter(pk=letter.pk).exists()


def test_a_paper_of_a_step_taken_back_may_stand_behind_it_again(at_law, people):
    letter = paper(at_law)
    taken = step(at_law, people, "letter", document=letter)
    withdraw_step(step=taken, note="Wrong day.", person=people.omar, at=NOW)
    assert step(at_law, people, "letter", document=letter).document == letter


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("none", "has its document"),
        ("court", "of its loan and of its kind"),
        ("other loan", "of its loan and of its kind"),
        ("used", "stands behind another step"),
    ],
)
def test_the_database_refuses_a_step_without_its_paper(at_law, people, portfolio, which, why):
    match which:
        case "none":
            document = None
        case "court":
            document = paper(at_law, "court").pk
        case "other loan":
            document = paper(ready_case(portfolio, people)).pk
        case _:
            document = paper(at_law).pk
            raw_step(at_law, people, document_id=document)
    later = {"taken_on": TODAY + 15 * DAY, "next_on": None, "at": NOW + 15 * DAY} if which == "used" else {}
    with pytest.raises(DatabaseError, match=why), transaction.atomic():
        raw_step(at_law, people, "mediation" if later else "letter", document_id=document, **later)


def test_a_step_never_changes_its_paper(at_law, people):
    step(at_law, people, "letter")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE cases_legalstep SET document_id = NULL")


def test_a_destroyed_paper_stands_behind_no_new_step(at_law, people):
    letter = paper(at_law)
    destroy_documents(documents=[letter.pk], by=SYSTEM, at=NOW + 2000 * DAY)
    assert refused(at_law, people, document=letter) == "document"
    with pytest.raises(DatabaseError, match="of its loan"), transaction.atomic():
        raw_step(at_law, people, document_id=letter.pk)


def test_the_paper_opens_from_the_step_and_only_what_fits_is_offered(client, at_law, people, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    letter, contract = paper(at_law), paper(at_law, "contract")
    client.force_login(people.omar)
    page = client.get(reverse("case_law", args=[at_law.pk])).content.decode()
    assert f'<option value="{letter.pk}"' in page
    assert str(contract.pk) not in page
    given = {"kind": "letter", "taken_on": str(TODAY), "next_on": str(TODAY + 14 * DAY)}
    answer = client.post(reverse("case_step", args=[at_law.pk]), given)
    assert answer.status_code == 422
    assert "This step names its document" in answer.content.decode()
    client.post(reverse("case_step", args=[at_law.pk]), given | {"document": letter.pk})
    link = reverse("case_document", args=[at_law.pk, letter.pk])
    assert link in client.get(reverse("case_law", args=[at_law.pk])).content.decode()
    assert client.get(link).status_code == 200
