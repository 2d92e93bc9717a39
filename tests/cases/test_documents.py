"""Documents on a case's pages: whose they are, what is refused, and how one is looked at."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from accounts.actions.documents import add_document
from accounts.models import BorrowerKey, Document, Role
from cases.actions.ending import end_case
from cases.actions.papers import make_paper
from cases.actions.retention import destroy_expired
from cases.views import documents as pages
from compliance.actions.holds import end_hold, open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.accounts.test_documents import JPEG, PDF, PNG
from tests.accounts.test_files import ZIP, jpeg, pdf, png
from tests.cases.stories import make_case
from tests.cases.test_placements import late_case, place
from tests.factories import NOW, SYSTEM, make_agency, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio, people):
    return make_case(portfolio, principal=100_00)


@pytest.fixture
def alice(client, people, clock):
    client.force_login(people.alice)
    return client


def address(name, case, document=None):
    return reverse(name, args=[case.pk, document.pk] if document else [case.pk])


def upload(client, case, content=PDF, name="contract.pdf", kind="contract", about="loan", claims="a/b"):
    file = SimpleUploadedFile(name, content, content_type=claims)
    fields = {"kind": kind, "about": about, "file": file}
    return client.post(address("case_document_add", case), fields)


def opened(client, case, document, reason="check"):
    return client.post(address("case_document_open", case, document), {"reason": reason})


def given(case, content=PDF, kind="contract", by=SYSTEM, loan=True):
    return add_document(
        borrower=case.borrower, loan=case.loan if loan else None, kind=kind, content=content, by=by, at=NOW
    )


def unsealings():
    return AuditEvent.objects.filter(type="borrower.unsealed").count()


def test_taken_in_it_stands_in_the_list(alice, case, people, messages):
    answer = alice.post(address("case_document_add", case), follow=True, data={
        "kind": "contract", "about": "loan", "file": SimpleUploadedFile("a.pdf", PDF),
    })  # fmt: skip
    assert messages(answer) == ["Kept sealed, until 3 Mar 2029 at least."]
    [document] = answer.context["documents"]
    assert (document.kind, document.loan_id, document.added_by) == ("contract", case.loan_id, people.alice)
    assert upload(alice, case, PNG, "me.png", "id", about="borrower").status_code == 302
    assert Document.objects.get(kind="id").loan is None


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"PK\x03\x04\x00\x00", "contract.pdf", "By its content this is no whole PDF"),
        (b"MZ\x90\x00\x03", "scan.png", "By its content this is no whole PDF"),
        (b"", "empty.pdf", "The file is empty."),
        (b"%PDF-" + b"0" * (10 * 2**20), "large.pdf", "The file is larger than 10 MB."),
        (b"x" * (10 * 2**20 + 1), "one-over.txt", "The file is larger than 10 MB."),
        (jpeg(behind=ZIP), "photo.jpg", "This file is an archive too."),
        (png(60_000, 60_000), "bomb.png", "This picture is larger than any screen can show."),
        (
            pdf(b"<</S /JavaScript>>"),
            "form.pdf",
            "This PDF is locked, carries other files or runs something.",
        ),
    ],
)
def test_what_it_is_not_is_said_beside_the_field(alice, case, content, name, why):
    answer = upload(alice, case, content, name)
    assert answer.status_code == 422
    [error] = answer.context["upload"].errors["file"]
    assert error.startswith(why)
    assert not Document.objects.exists()


NAMES = [
    "contract.pdf.exe", "page.html", "../../etc/passwd", "..\\..\\boot.ini", "a\0b.pdf", "x" * 300, "contract\u202efdp.exe",
    "\u2067合同\u2069.png", '"; filename="x.html', "a\r\nSet-Cookie: x=y.png",
]  # fmt: skip


@pytest.mark.parametrize("claims", ["text/html", "image/svg+xml"])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_it_is_called_and_claims_to_be_does_not_matter(alice, case, name, claims):
    assert upload(alice, case, PNG, name, claims=claims).status_code == 302
    document = Document.objects.get()
    opened(alice, case, document)
    answer = alice.get(address("case_document_content", case, document))
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"] == f'inline; filename="document-{document.pk}.png"'


def test_nobody_uploads_a_settlement_certificate(alice, case):
    assert upload(alice, case, kind="settlement_certificate").status_code == 422
    assert not Document.objects.exists()


def test_looked_at_for_two_minutes_with_a_reason(alice, case, clock):
    document = given(case, PNG, "id")
    page, content = address("case_document", case, document), address("case_document_content", case, document)
    assert alice.get(page).context["open_for"] is None
    assert alice.get(content).status_code == 404
    assert opened(alice, case, document, reason="curiosity").url == page
    assert (alice.get(content).status_code, unsealings()) == (404, 0)
    assert opened(alice, case, document).url == page
    assert unsealings() == 1
    assert alice.get(page).context["open_for"] == 120
    answer = alice.get(content)
    assert answer.content == PNG
    assert {
        name: answer[name]
        for name in ("Content-Type", "X-Content-Type-Options", "Cache-Control", "X-Frame-Options")
    } == {
        "Content-Type": "image/png",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "X-Frame-Options": "SAMEORIGIN",
    }
    assert answer["Content-Security-Policy"] == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
    )
    clock.go_on(minutes=2)
    assert alice.get(content).status_code == 404
    assert alice.get(page).context["open_for"] is None
    assert unsealings() == 1


@pytest.mark.parametrize(
    ("content", "sandboxed"), [(PDF, False), (JPEG, True), (b"<script>alert(1)</script>", True)]
)
def test_each_kind_of_content_in_its_box(alice, case, content, sandboxed):
    document = given(case, content)
    opened(alice, case, document)
    answer = alice.get(address("case_document_content", case, document))
    assert answer.content == content
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert policy.startswith("default-src 'none';") == policy.endswith("; sandbox") == sandboxed
    assert "text/html" not in answer["Content-Type"]


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script>", b'<svg onload="alert(1)"/>', b"GIF89a=1;alert(1)"]
)
def test_what_only_looks_like_a_page_is_the_text_it_is(alice, case, content):
    assert upload(alice, case, content, "scan.png", claims="image/png").status_code == 302
    document = Document.objects.get()
    opened(alice, case, document)
    answer = alice.get(address("case_document_content", case, document))
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (
        "text/plain; charset=utf-8",
        "nosniff",
    )
    assert answer["Content-Security-Policy"].endswith("; sandbox")
    assert answer["Content-Disposition"].endswith('.txt"')


def test_head_and_range_give_no_more(alice, case):
    document = given(case, PNG)
    content = address("case_document_content", case, document)
    assert alice.head(content).status_code == 404
    opened(alice, case, document)
    head = alice.head(content)
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", str(len(PNG)))
    part = alice.get(content, HTTP_RANGE="bytes=0-3")
    assert (part.status_code, part.content) == (200, PNG)
    assert not {"Accept-Ranges", "ETag", "Last-Modified"} & set(part.headers)
    assert {alice.post(content).status_code, alice.options(content).status_code} == {405}


def test_only_the_page_of_a_document_may_frame_it(alice, case):
    document = given(case)
    assert (
        "frame-src 'self'" in alice.get(address("case_document", case, document))["Content-Security-Policy"]
    )
    assert "frame-src" not in alice.get(address("case_documents", case))["Content-Security-Policy"]


def test_opening_one_opens_no_other(alice, case):
    one, other = given(case), given(case, PNG, "id")
    opened(alice, case, one)
    assert alice.get(address("case_document_content", case, one)).status_code == 200
    assert alice.get(address("case_document_content", case, other)).status_code == 404


def test_what_one_opened_is_not_open_for_another(alice, client, case, people):
    document = given(case)
    opened(alice, case, document)
    client.force_login(people.bob)
    assert client.get(address("case_document_content", case, document)).status_code == 404


def test_the_event_stays_when_the_page_fails(alice, case, monkeypatch):
    document = given(case)
    monkeypatch.setattr(pages, "redirect", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        opened(alice, case, document)
    assert unsealings() == 1


def test_another_teams_documents_are_not_there(client, case, people, clock):
    document = given(case)
    client.force_login(people.charlie)
    for name in ("case_document", "case_document_content"):
        assert client.get(address(name, case, document)).status_code == 404
    assert client.get(address("case_documents", case)).status_code == 404
    assert opened(client, case, document).status_code == 404
    assert upload(client, case).status_code == 404
    # Nor through a case of one's own.
    own = make_case(make_portfolio(team=people.charlie.team))
    assert client.get(address("case_document", own, document)).status_code == 404
    assert opened(client, own, document).status_code == 404
    assert unsealings() == 0


@pytest.mark.parametrize("placed", [False, True])
def test_an_agency_gets_none_with_the_case_or_without_it(client, clock, placed):
    portfolio = make_portfolio(terms={"placement_after_days": 60})
    people, case, agency = make_people(portfolio), late_case(portfolio), make_agency("Kind Collectors")
    document = given(case)
    if placed:
        place(agency, people.bob, case)
    client.force_login(make_user(role=Role.AGENCY, agency=agency))
    assert client.get(reverse("case", args=[case.pk])).status_code == (200 if placed else 404)
    for name in ("case_document", "case_document_content"):
        assert client.get(address(name, case, document)).status_code == 403
    assert client.get(address("case_documents", case)).status_code == 403
    assert {opened(client, case, document).status_code, upload(client, case).status_code} == {403}
    assert unsealings() == 0


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.AGENT, False), (Role.SUPERVISOR, True), (Role.COMPLIANCE, True), (Role.LEGAL, False)],
)
def test_medical_proof_is_not_there_for_others(client, case, people, clock, role, sees):
    document = given(case, PNG, "medical_proof", by=Actor.staff(people.alice))
    client.force_login(make_user(role=role, team=people.alice.team))
    assert list(client.get(address("case_documents", case)).context["documents"]) == [document] * sees
    assert client.get(address("case_document", case, document)).status_code == (200 if sees else 404)
    assert opened(client, case, document).status_code == (302 if sees else 404)
    assert unsealings() == int(sees)
    timeline = client.get(reverse("case", args=[case.pk])).context["timeline"]
    assert "Document taken in: kept for few eyes" in [entry.text for entry in timeline.entries]


def test_an_erased_borrowers_documents_stay_closed(alice, case, messages):
    document = given(case)
    BorrowerKey.objects.filter(borrower=case.borrower_id).delete()
    answer = alice.post(address("case_document_open", case, document), {"reason": "check"}, follow=True)
    assert messages(answer) == [str(pages.ERASED)]
    assert answer.context["erased"] is True
    assert alice.get(address("case_document_content", case, document)).status_code == 404
    assert unsealings() == 1  # that somebody wanted to is told
    assert alice.get(address("case_documents", case)).context["upload"] is None
    assert upload(alice, case, PNG).url == address("case_documents", case)
    assert Document.objects.count() == 1


# Made here


def test_made_and_looked_at(alice, case):
    answer = alice.post(address("case_paper", case), {"what": "statement", "language": "zh-hans"})
    document = Document.objects.get()
    assert answer.url == address("case_document", case, document)
    opened(alice, case, document)
    answer = alice.get(address("case_document_content", case, document))
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Security-Policy"].endswith("; style-src 'unsafe-inline'; sandbox")
    assert "对账单" in answer.content.decode()
    assert "<script" not in answer.content.decode()


def test_what_cannot_be_made_says_why(alice, case):
    answer = alice.post(address("case_paper", case), {"what": "settlement_certificate", "language": "en"})
    assert answer.status_code == 422
    assert answer.context["paper"].non_field_errors() == [
        "Something is still owed on this loan; it is not settled."
    ]
    assert alice.post(address("case_paper", case), {"what": "receipt:x", "language": "en"}).status_code == 422


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_are_whole_in_both_languages(alice, case, people, language):
    people.alice.language = language
    people.alice.save()
    given(case)
    given(case, PNG, "id", loan=False)
    paper = make_paper(case=case, kind="payoff", by=SYSTEM, at=NOW)
    listed = alice.get(address("case_documents", case))
    assert len(listed.context["documents"]) == 3
    opened(alice, case, paper)
    page = alice.get(address("case_document", case, paper)).content.decode()
    assert f'src="{address("case_document_content", case, paper)}"' in page
    assert address("case_documents", case) in alice.get(reverse("case", args=[case.pk])).content.decode()


def test_a_list_asks_as_often_for_many_as_for_one(alice, case, django_assert_max_num_queries):
    given(case)
    with django_assert_max_num_queries(25) as one:
        alice.get(address("case_documents", case))
    for number in range(5):
        given(case, f"letter {number}".encode(), "letter")
    with django_assert_max_num_queries(25) as many:
        answer = alice.get(address("case_documents", case))
    assert len(answer.context["documents"]) == 6
    assert len(many) == len(one)
    assert not [query["sql"] for query in many.captured_queries if re.search("content_sealed", query["sql"])]


# Kept as long as it is needed


def at_year(year):
    return NOW.replace(year=year, month=3, day=10)


def test_kept_while_the_case_is_open_and_three_years_after(case, people):
    contract, proof = given(case), given(case, PNG, "medical_proof")
    assert destroy_expired(by=SYSTEM, at=at_year(2031)) == 0
    end_case(case=case, ending="lender_asked", by=Actor.staff(people.bob), at=at_year(2030))
    assert destroy_expired(by=SYSTEM, at=at_year(2031)) == 1  # the proof does not wait for the case
    assert Document.objects.kept().get() == contract
    assert destroy_expired(by=SYSTEM, at=at_year(2033)) == 0
    assert destroy_expired(by=SYSTEM, at=at_year(2033) + timedelta(days=2)) == 1
    assert destroy_expired(by=SYSTEM, at=at_year(2034)) == 0
    assert list(Document.objects.order_by("pk").values_list("content_sealed", flat=True)) == [None, None]
    assert Document.objects.get(pk=proof.pk).digest == proof.digest
    assert AuditEvent.objects.filter(type="document.destroyed").count() == 2


def test_a_hold_keeps_what_it_may_need(case, people):
    given(case, PNG, "medical_proof")
    end_case(case=case, ending="lender_asked", by=Actor.staff(people.bob), at=NOW)
    hold = open_hold(borrower=case.borrower, kind="dispute", by=SYSTEM, at=NOW)
    assert destroy_expired(by=SYSTEM, at=at_year(2028)) == 0
    end_hold(hold=hold, reason="resolved", by=SYSTEM, at=at_year(2028))
    assert destroy_expired(by=SYSTEM, at=at_year(2028)) == 1


def test_the_command_says_how_many(case, people, clock, capsys):
    given(case, PNG, "medical_proof")
    end_case(case=case, ending="lender_asked", by=Actor.staff(people.bob), at=NOW)
    call_command("destroy_documents")
    clock.at = at_year(2028)
    call_command("destroy_documents")
    assert capsys.readouterr().out == '{"destroyed": 0}\n{"destroyed": 1}\n'
