"""Complaints: taken down, held against their clock, answered; and their pages."""

import json
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from compliance.actions.complaints import ComplaintRefused, assign, log_complaint, open_words, resolve
from compliance.actions.holds import end_hold
from compliance.audit import Actor
from compliance.models import AuditEvent, Channel, Complaint, ComplaintCategory, ComplaintState, Hold
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, make_portfolio, make_team, make_user

DAY = timedelta(days=1)
WORDS = "Three calls on one evening.\nPlease stop that."


@pytest.fixture
def officer(db):
    return make_user("olga", role=Role.COMPLIANCE, first_name="Olga", last_name="Price")


def complain(dana, *, at=NOW, **changed) -> Complaint:
    fields = {
        "borrower": dana.borrower,
        "portfolio": dana.portfolio,
        "category": ComplaintCategory.TOO_OFTEN,
        "words": WORDS,
        "channel": Channel.CALL,
        "by": SYSTEM,
        "loan": dana.loan,
    } | changed
    return log_complaint(at=at, **fields)


def events(event_type: str) -> list[dict]:
    found = AuditEvent.objects.filter(type=event_type).order_by("stream", "seq")
    return [json.loads(bytes(event.leaf))["data"] for event in found]


# Taking it down


def test_it_stops_collection_in_the_same_transaction(dana):
    assert dana.ask(Channel.EMAIL).decision.allowed
    complaint = complain(dana, case=dana.loan.pk)
    assert [each.params["hold"] for each in dana.ask(Channel.EMAIL).decision.reasons] == ["complaint"]
    assert dana.ask(Channel.EMAIL, purpose="reply").decision.allowed
    assert (complaint.state, complaint.due_on, complaint.clock) == (
        ComplaintState.OPEN, date(2026, 3, 18), "HOUSE.COMPLAINT.SLA",
    )  # fmt: skip
    assert WORDS.encode() not in bytes(complaint.words_sealed)
    assert events("complaint.logged") == [
        {
            "complaint": str(complaint.pk),
            "category": "too_often",
            "channel": "call",
            "due_on": "2026-03-18",
            "clock": "HOUSE.COMPLAINT.SLA",
            "hold": str(complaint.hold_id),
            "owner": None,
        }
    ]
    assert AuditEvent.objects.get(type="complaint.logged").case_ref == dana.loan.pk


@pytest.mark.django_db
def test_in_china_its_own_law_sets_the_clock_and_the_date_is_the_portfolio_s():
    dana = make_dana(
        make_portfolio(jurisdictions=["CN"], zone="Asia/Shanghai", currency="CNY"), phone="+86 138 0013 8000"
    )
    complaint = complain(dana)  # one in the morning of the fourth
    assert (complaint.due_on, complaint.clock) == (date(2026, 3, 19), "CN.COMPLAINT.SLA")


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"words": " \n\0 "}, "words_missing"), ({"words": "x" * 10_001}, "words_too_long")],
)
def test_nothing_is_stored_without_words(dana, changed, code):
    with pytest.raises(ComplaintRefused) as refusal:
        complain(dana, **changed)
    assert refusal.value.code == code
    assert not Complaint.objects.exists()
    assert not Hold.objects.exists()
    assert not events("hold.opened")


def test_another_borrower_s_loan_is_refused(dana):
    with pytest.raises(ValueError, match="another borrower"):
        complain(dana, loan=make_dana().loan)


@pytest.mark.django_db(transaction=True)
def test_where_the_complaint_cannot_be_stored_there_is_no_hold(owner_connection):
    dana = make_dana()
    owner_connection.execute("ALTER TABLE compliance_complaint ADD CONSTRAINT closed CHECK (false) NOT VALID")
    with pytest.raises(DatabaseError, match="closed"):
        complain(dana)
    assert not Hold.objects.exists()
    assert not events("hold.opened")
    assert not events("complaint.logged")


# Answering


def test_the_answer_ends_the_hold_and_is_sealed(dana, officer):
    complaint = complain(dana)
    by = Actor.staff(officer)
    decided = resolve(
        complaint=complaint, outcome=ComplaintState.UPHELD, answer="We are sorry.", by=by, at=NOW + DAY
    )
    assert (decided.state, decided.resolved_at) == ("upheld", NOW + DAY)
    assert b"sorry" not in bytes(decided.answer_sealed)
    hold = Hold.objects.get()
    assert (hold.ended_at, hold.ended_by) == (NOW + DAY, by.ref)
    assert dana.ask(Channel.EMAIL, at=NOW + DAY).decision.allowed
    assert events("complaint.resolved") == [{"complaint": str(complaint.pk), "outcome": "upheld"}]
    assert events("hold.ended") == [
        {"hold": str(hold.pk), "kind": "complaint", "reason": "complaint_answered"}
    ]
    with pytest.raises(ComplaintRefused) as refusal:
        resolve(complaint=complaint, outcome=ComplaintState.REJECTED, answer="No.", by=by, at=NOW + DAY)
    assert refusal.value.code == "decided"


def test_the_hold_stays_until_the_last_complaint_is_answered(dana, officer):
    first, second = complain(dana), complain(dana, category=ComplaintCategory.TONE)
    assert first.hold == second.hold
    by = Actor.staff(officer)
    end_hold(hold=first.hold, by=by, at=NOW, reason="mistake")
    third = complain(dana, category=ComplaintCategory.OTHER)
    assert third.hold != first.hold
    for complaint, allowed in ((third, False), (first, False), (second, True)):
        resolve(complaint=complaint, outcome=ComplaintState.REJECTED, answer="No.", by=by, at=NOW)
        assert dana.ask(Channel.EMAIL).decision.allowed == allowed


def test_only_who_may_decide_decides_and_owns(dana, officer):
    complaint = complain(dana)
    agent = make_user()
    for act in (
        lambda: resolve(complaint=complaint, outcome="upheld", answer="x", by=Actor.staff(agent), at=NOW),
        lambda: assign(complaint=complaint, owner=officer, by=Actor.staff(agent), at=NOW),
    ):
        with pytest.raises(PermissionDenied):
            act()
    with pytest.raises(ComplaintRefused, match="may decide"):
        assign(complaint=complaint, owner=agent, by=Actor.staff(officer), at=NOW)
    with pytest.raises(ComplaintRefused, match="may decide"):
        complain(dana, owner=agent)
    for _time in range(2):
        assign(complaint=complaint, owner=officer, by=Actor.staff(officer), at=NOW)
    assert events("complaint.assigned") == [{"complaint": str(complaint.pk), "owner": str(officer.ref)}]


def test_words_open_after_the_event_and_only_with_the_right_to(dana, officer):
    complaint = complain(dana)
    with pytest.raises(PermissionDenied):
        open_words(complaint=complaint, by=Actor.staff(make_user(role=Role.ADMINISTRATOR)), at=NOW)
    assert not events("borrower.unsealed")
    opened = open_words(complaint=complaint, by=Actor.staff(officer), at=NOW)
    assert (opened.words, opened.answer) == (WORDS, "")
    assert events("borrower.unsealed") == [{"what": f"complaint:{complaint.pk}", "why": "complaint"}]


@pytest.mark.django_db(transaction=True)
def test_without_the_event_nothing_opens(owner_connection):
    dana = make_dana()
    complaint = complain(dana)
    by = Actor.staff(make_user(role=Role.COMPLIANCE))
    owner_connection.execute("REVOKE INSERT ON compliance_auditevent FROM forbear_app")
    with pytest.raises(DatabaseError, match="permission denied"):
        open_words(complaint=complaint, by=by, at=NOW)
    owner_connection.execute("GRANT INSERT ON compliance_auditevent TO forbear_app")
    with pytest.raises(RuntimeError), transaction.atomic():
        open_words(complaint=complaint, by=by, at=NOW)


# In the database


@pytest.mark.parametrize(
    "change",
    [
        "words_sealed = ''",
        "due_on = due_on + 30",
        "clock = 'OURS'",
        "received_at = now()",
        "category = 'other'",
    ],
)
def test_words_and_clock_stay(dana, change):
    complain(dana)
    with pytest.raises(DatabaseError, match="its words and clock stay"), transaction.atomic():
        run(f"UPDATE compliance_complaint SET {change}")


def test_a_decision_has_its_answer_and_stays(dana, officer):
    complaint = complain(dana)
    with pytest.raises(DatabaseError, match="complaint_decided_with_answer"), transaction.atomic():
        run("UPDATE compliance_complaint SET state = 'upheld'")
    resolve(complaint=complaint, outcome="upheld", answer="Yes.", by=Actor.staff(officer), at=NOW)
    with pytest.raises(DatabaseError, match="decided once"), transaction.atomic():
        run("UPDATE compliance_complaint SET state = 'open', resolved_at = NULL, answer_sealed = NULL")


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


# Pages


def test_the_list_says_who_is_late_and_shows_masks(client, dana, officer):
    now = timezone.now()
    mine = complain(dana, at=now - 14 * DAY, owner=officer)
    complain(dana, at=now - 17 * DAY, category=ComplaintCategory.TONE)
    complain(make_dana(name="Robin West"), at=now, category=ComplaintCategory.PRIVACY)
    client.force_login(officer)
    answer = client.get(reverse("complaints"))
    assert answer.status_code == 200
    lines = answer.context["lines"]
    assert [(line.complaint.category, line.overdue, line.soon) for line in lines] == [
        ("tone", True, False),
        ("too_often", False, True),
        ("privacy", False, False),
    ]
    assert [line.days_left for line in lines] == [-2, 1, 15]
    assert {name: answer.context[name] for name in ("open", "mine", "overdue", "soon")} == {
        "open": 3, "mine": 1, "overdue": 1, "soon": 1,
    }  # fmt: skip
    page = answer.content.decode()
    assert "2 days over" in page
    assert "Dana Field" not in page
    assert dana.borrower.name_mask in page
    assert [line.complaint for line in client.get("/complaints/?show=mine").context["lines"]] == [mine]
    assert client.get("/complaints/?show=decided").context["lines"] == []


def test_the_list_costs_the_same_for_one_and_for_many(client, dana, officer, django_assert_num_queries):
    client.force_login(officer)
    complain(dana, owner=officer)
    with django_assert_num_queries(5):
        client.get(reverse("complaints"))
    for _number in range(3):
        complain(make_dana(), owner=make_user(role=Role.COMPLIANCE))
    with django_assert_num_queries(5):
        client.get(reverse("complaints"))


def test_a_team_sees_its_own(client, dana):
    complaint = complain(dana)
    insider = make_user(role=Role.SUPERVISOR, team=make_team(portfolios=[dana.portfolio]))
    outsider = make_user(role=Role.SUPERVISOR, team=make_team())
    for user, status, number in ((insider, 200, 1), (outsider, 404, 0)):
        client.force_login(user)
        assert len(client.get(reverse("complaints")).context["lines"]) == number
        assert client.get(reverse("complaint", args=[complaint.pk])).status_code == status


def test_the_officer_reads_takes_and_decides(client, dana, officer):
    complaint = complain(dana, at=timezone.now())
    address = reverse("complaint", args=[complaint.pk])
    client.force_login(officer)

    page = client.get(address).content.decode()
    assert "evening" not in page
    assert "Dana Field" not in page
    assert not events("borrower.unsealed")

    page = client.post(reverse("complaint_words", args=[complaint.pk])).content.decode()
    assert "<p>Three calls on one evening.<br>Please stop that.</p>" in page
    assert "<html" in page
    fragment = client.post(
        reverse("complaint_words", args=[complaint.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert "Three calls on one evening." in fragment
    assert "<html" not in fragment
    assert len(events("borrower.unsealed")) == 2

    assert client.post(reverse("complaint_take", args=[complaint.pk])).url == address
    complaint.refresh_from_db()
    assert complaint.owner == officer

    refused = client.post(
        reverse("complaint_decide", args=[complaint.pk]), {"outcome": "upheld", "answer": " "}
    )
    assert refused.status_code == 422
    assert "answer" in refused.context["form"].errors
    invented = client.post(
        reverse("complaint_decide", args=[complaint.pk]), {"outcome": "open", "answer": "x"}
    )
    assert invented.status_code == 422

    decided = {"outcome": "partly_upheld", "answer": "You are right about the third call."}
    assert client.post(reverse("complaint_decide", args=[complaint.pk]), decided).url == address
    complaint.refresh_from_db()
    assert complaint.state == "partly_upheld"
    page = client.get(address).content.decode()
    assert "You are right" not in page
    assert "complaint_decide" not in page
    page = client.post(reverse("complaint_words", args=[complaint.pk])).content.decode()
    assert "You are right about the third call." in page

    again = client.post(reverse("complaint_decide", args=[complaint.pk]), decided, follow=True)
    assert [str(message) for message in again.context["messages"]] == [
        "This complaint has been decided already."
    ]


def test_what_the_borrower_said_is_text_and_nothing_else(client, dana, officer):
    complaint = complain(dana, words="<script>alert(1)</script>")
    client.force_login(officer)
    page = client.post(reverse("complaint_words", args=[complaint.pk])).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            Role.AGENT,
            {"complaint": 403, "complaint_words": 403, "complaint_take": 403, "complaint_decide": 403},
        ),
        (
            Role.SUPERVISOR,
            {"complaint": 200, "complaint_words": 200, "complaint_take": 403, "complaint_decide": 403},
        ),
        (
            Role.LEGAL,
            {"complaint": 200, "complaint_words": 200, "complaint_take": 403, "complaint_decide": 403},
        ),
        (
            Role.COMPLIANCE,
            {"complaint": 200, "complaint_words": 200, "complaint_take": 302, "complaint_decide": 422},
        ),
    ],
)
def test_who_may_do_what(client, dana, role, expected):
    complaint = complain(dana)
    client.force_login(make_user(role=role, team=make_team(portfolios=[dana.portfolio])))
    found = {
        name: (client.get if name == "complaint" else client.post)(
            reverse(name, args=[complaint.pk])
        ).status_code
        for name in expected
    }
    assert found == expected
