"""Legal's pages: the list with its next dates, one case's evidence and steps, questions with their clock."""

from types import SimpleNamespace

import pytest
from django.urls import reverse

from cases.actions.legal import ask_legal, take_step
from cases.models import Approval, CaseState, LegalQuestion, LegalStep, Limitation
from compliance.actions.holds import open_hold
from tests.cases.stories import DAY, fresh, make_case, paper
from tests.cases.test_legal import WHY, go_to_law, ready_case
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio(contract, clock):
    return make_portfolio("river")


@pytest.fixture
def people(portfolio):
    alice, bob, charlie = make_people(portfolio)
    omar, lena = make_user("omar", role="legal"), make_user("lena", role="legal")
    return SimpleNamespace(alice=alice, bob=bob, charlie=charlie, omar=omar, lena=lena)


@pytest.fixture
def case(portfolio, people):
    return ready_case(portfolio, people)


def law(case):
    return reverse("case_law", args=[case.pk])


def words(answer) -> str:
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def test_a_supervisor_asks_on_the_case_and_legal_answers_on_the_page(client, case, people):
    client.force_login(people.bob)
    page = words(client.get(reverse("case", args=[case.pk]), {"open": "legal"}))
    assert "A second person of legal reads the case and answers" in page
    assert client.post(reverse("case_legal", args=[case.pk]), {"note": ""}).status_code == 422
    answer = client.post(reverse("case_legal", args=[case.pk]), {"note": WHY})
    assert answer.url == reverse("case", args=[case.pk])
    approval = Approval.objects.get()
    assert "A second person has been asked" in words(client.get(law(case)))
    assert client.post(reverse("approval_answer", args=[approval.pk]), {"answer": "yes"}).status_code == 403
    client.force_login(people.lena)
    waiting = words(client.get(reverse("approvals")))
    assert WHY in waiting
    assert "$100.00" in waiting
    client.post(reverse("approval_answer", args=[approval.pk]), {"answer": "yes"})
    assert fresh(case).state == CaseState.LEGAL
    assert "none yet" in words(client.get(reverse("legal_cases")))


def test_what_is_missing_is_said_in_the_form_and_nothing_typed_is_lost(client, portfolio, people):
    case = make_case(portfolio)
    client.force_login(people.omar)
    answer = client.post(reverse("case_legal", args=[case.pk]), {"note": WHY})
    assert answer.status_code == 422
    assert "does not go from" in words(answer)
    assert WHY in words(answer)


def test_evidence_is_for_who_may_propose(client, case, people, monkeypatch):
    monkeypatch.setattr("cases.evidence.has_document", lambda case, kind: None)
    client.force_login(people.omar)
    text = words(client.get(law(case)))
    assert text.count(">missing<") == 1
    assert "Ask the lender for the signed contract and add it to the case." in text
    assert "before 3 Dec 2028" in text
    assert client.get(law(case), HTTP_HX_REQUEST="true", HTTP_HX_TARGET="law").content.count(b"<html") == 0
    client.force_login(people.alice)
    text = words(client.get(law(case)))
    assert "Contract" not in text
    assert "Nobody has asked legal about this case." in text
    client.force_login(people.charlie)
    assert client.get(law(case)).status_code == 404


def test_legal_establishes_the_period_on_the_page(client, portfolio, people):
    case = make_case(portfolio)
    client.force_login(people.omar)
    assert "Nobody has established it." in words(client.get(law(case)))
    given = {
        "runs_from": "2025-03-04", "ground": "paid", "years": "6", "source": "Limitation Act 1980 s.5",
        "words": "The last part came then.",
    }  # fmt: skip
    refused = client.post(reverse("case_limitation", args=[case.pk]), given | {"runs_from": str(TODAY + DAY)})
    assert refused.status_code == 422
    assert "This day is still to come." in words(refused)
    assert not Limitation.objects.exists()
    client.post(reverse("case_limitation", args=[case.pk]), given)
    text = words(client.get(law(case)))
    assert "4 Mar 2031" in text
    assert "The last part came then." in text


def test_steps_are_recorded_stopped_and_taken_back_on_the_page(client, case, people, clock):
    at_law = go_to_law(case, people)
    client.force_login(people.omar)
    letter = {
        "kind": "letter",
        "taken_on": str(TODAY),
        "next_on": str(TODAY + 14 * DAY),
        "reference": "File 17",
        "document": str(paper(at_law).pk),
    }
    refused = client.post(reverse("case_step", args=[case.pk]), letter | {"next_on": ""})
    assert refused.status_code == 422
    assert "The borrower has time to answer at least until 17 Mar 2026." in words(refused)
    client.post(reverse("case_step", args=[case.pk]), letter | {"cost": "12.50"})
    text = words(client.get(law(case)))
    assert "File 17" in text
    assert "$12.50" in text
    listed = words(client.get(reverse("legal_cases")))
    assert "Letter before action" in listed
    assert "17 Mar 2026" in listed
    clock.go_on(days=15)
    client.force_login(people.omar)
    day = str(TODAY + 15 * DAY)
    whole = {
        "kind": "lawyer_letter", "taken_on": day, "next_on": str(TODAY + 30 * DAY), "lawyer": "Ada Moyo",
        "licence": "NY-5512", "firm": "Moyo & Lin", "reviewed_on": day, "signed_on": day,
        "document": str(paper(at_law).pk),
    }  # fmt: skip
    for name in ("lawyer", "licence", "firm", "reviewed_on", "signed_on"):
        assert client.post(reverse("case_step", args=[case.pk]), whole | {name: ""}).status_code == 422
    client.post(reverse("case_step", args=[case.pk]), whole)
    assert "Ada Moyo · NY-5512 · Moyo &amp; Lin" in words(client.get(law(case)))
    open_hold(borrower=at_law.borrower, kind="dispute", by=SYSTEM, at=clock.at)
    stopped = words(client.get(law(case)))
    assert "No step now: a hold stops legal steps, the borrower still has time to answer." in stopped
    assert "Record the step" not in stopped
    last = LegalStep.objects.get(kind="lawyer_letter")
    client.post(reverse("case_step_back", args=[case.pk, last.pk]), {"note": "Not signed after all."})
    text = words(client.get(law(case)))
    assert "taken back" in text
    assert "Not signed after all." in text
    client.force_login(people.bob)
    assert client.post(reverse("case_step", args=[case.pk]), letter).status_code == 403


def test_a_question_is_asked_on_the_case_listed_with_its_clock_and_answered(client, portfolio, people, clock):
    late, young = make_case(portfolio), make_case(portfolio)
    ask_legal(case=late, question="May she pay in kind?", person=people.bob, at=NOW)
    clock.go_on(days=3)
    client.force_login(people.alice)
    page = words(client.get(reverse("case", args=[young.pk]), {"open": "ask_legal"}))
    assert "Legal answers within two working days" in page
    client.post(reverse("case_ask_legal", args=[young.pk]), {"note": "Is an e-mail writing?"})
    client.force_login(people.omar)
    listed = client.get(reverse("legal_cases"), {"show": "questions"})
    assert [(each.case_id, each.late) for each in listed.context["page"]] == [
        (late.pk, True),
        (young.pk, False),
    ]
    assert words(listed).index("5 Mar 2026 · overdue") < words(listed).rindex("10 Mar 2026")
    assert "answer was due 5 Mar 2026" in words(client.get(law(late)))
    question = LegalQuestion.objects.get(case=late)
    client.post(reverse("question_answer", args=[question.pk]), {"answer": " "})
    assert fresh(late).legal_questions.get().answered_at is None
    client.post(reverse("question_answer", args=[question.pk]), {"answer": "No, only in money."})
    client.force_login(people.bob)
    assert "No, only in money." in words(client.get(law(late)))
    assert "Legal answered" in words(client.get(reverse("case", args=[late.pk])))


def test_the_pages_stand_in_chinese_too(client, case, people):
    at_law = go_to_law(case, people)
    take_step(
        case=at_law, kind="letter", taken_on=TODAY, next_on=TODAY + 14 * DAY, document=paper(at_law),
        person=people.omar, at=NOW,
    )  # fmt: skip
    client.force_login(make_user(role="legal", language="zh-hans"))
    for address in (law(case), reverse("legal_cases"), reverse("case", args=[case.pk])):
        assert client.get(address).status_code == 200
