"""The desk as people see it: my queue, the next case, the case page with its parts, and what is hidden from whom."""

import html
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions.borrowers import add_related_person, refuse_related_person
from accounts.models import Role
from cases.actions.agreements import record_promise
from cases.actions.notes import add_note
from cases.actions.payments import record_payment
from cases.actions.work import plan_work, take
from cases.models import Call, Case, ScriptRun, WorkKind
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import AuditEvent, ContactAttempt, ContactDecision
from tests.cases.stories import DAY, call, fresh, make_case, phone_of
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    days_ago,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)

HOUR = timedelta(hours=1)
SECRETS = ("Dana Field", "Dana", "2125550142", "212 555 0142", "dana@mail.example", "dana@")


@pytest.fixture
def portfolio(db, clock):
    return make_portfolio("river", name="Wallet loans")


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio) -> Case:
    """Dana's, ten days late."""
    borrower = make_borrower(
        portfolio, name="Dana Field", phone="+1 212 555 0142", email="dana@mail.example", at=NOW - DAY
    )
    return make_case(
        loan=make_loan(borrower, portfolio=portfolio, principal=100_00, interest=10_00, external_id="L1")
    )


@pytest.fixture
def alice(client, people) -> Client:
    client.force_login(people.alice)
    return client


def due(
    case: Case, kind: str = WorkKind.FIRST_CALL, at: datetime = NOW, reason: str = "after_notice"
) -> Case:
    plan_work(case=case, kind=kind, due_at=at, reason=reason, by=SYSTEM, at=NOW)
    return case


def url(case: Case, name: str = "case") -> str:
    return reverse(name, args=[case.pk])


def words(answer) -> str:
    """The words of a page, without its tags."""
    text = re.sub(r"<(style|script).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).replace("\xa0", " ").split())


# My queue


def test_my_queue(alice, case, portfolio):
    due(case, at=NOW - 3 * HOUR)
    callback = due(make_case(portfolio), WorkKind.CALLBACK, reason="asked_for")
    due(make_case(make_portfolio("sea")))
    answer = alice.get(reverse("queue"))
    first, second = answer.context["items"]
    assert (first.url, first.step, first.why) == (
        url(callback), "Call back as agreed", "They asked to be called at this time.",
    )  # fmt: skip
    shown = {name: value for name, value in vars(second).items() if name not in ("zone", "url")}
    assert shown == {
        "borrower": "D*** F***", "portfolio": "river", "place": "New York 12:00", "owed": 110_00, "currency": "USD",
        "days_late": 10, "bucket": "1–30", "step": "First call",
        "why": "The first notice went out; nobody has spoken with them yet.", "due_at": NOW - 3 * HOUR,
        "overdue": False, "may_contact": True, "from_": NOW, "lease": "",
    }  # fmt: skip
    text = words(answer)
    assert "2 cases may be worked now" in text
    assert "D*** F*** river · New York 12:00 $110.00 10 1–30 First call" in text
    assert not any(secret in answer.content.decode() for secret in SECRETS)


def test_days_late_are_the_portfolios(alice, clock, portfolio):
    """At two in the morning by UTC it is still yesterday in New York."""
    due(make_case(portfolio), at=NOW)
    clock.at = datetime(2026, 3, 4, 2, tzinfo=ZoneInfo("UTC"))
    [item] = alice.get(reverse("queue")).context["items"]
    assert (item.days_late, item.place) == (10, "New York 21:00")
    assert not item.may_contact
    assert item.from_.astimezone(ZoneInfo("America/New_York")).isoformat()[:16] == "2026-03-04T08:00"


def test_an_empty_queue(alice, case):
    assert "Your queue is empty" in words(alice.get(reverse("queue")))
    due(case, at=NOW + 2 * HOUR)
    assert "Nothing may be done now The next case may be worked in 2 hours." in words(
        alice.get(reverse("queue"))
    )


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("no_way", "There is neither a number nor an address."),
        ("not_kept", "The promise was not kept."),
        ("no_answer", "Last call: No answer"),
        ("unheard_of", ""),
    ],
)
def test_every_step_says_why(alice, case, reason, sentence):
    due(case, WorkKind.FOLLOW_UP, reason=reason)
    [item] = alice.get(reverse("queue")).context["items"]
    assert item.why == sentence


def test_next_case(alice, people, case, messages):
    due(case)
    answer = alice.post(reverse("queue_next"))
    assert (answer.status_code, answer.url) == (302, url(case))
    lease = fresh(case).lease
    assert (lease.holder, lease.until) == (people.alice, NOW + timedelta(minutes=15))
    assert "yours until 12:15" in words(alice.get(url(case)))
    [leased] = AuditEvent.objects.filter(type="case.leased")
    assert leased.actor == str(people.alice.ref)


def test_nothing_is_next(alice, case, messages):
    due(case, at=NOW + HOUR)
    answer = alice.post(reverse("queue_next"), follow=True)
    assert answer.redirect_chain == [(reverse("queue"), 302)]
    assert messages(answer) == ["Nothing is due for you now. New work comes up here by itself."]
    assert alice.get(reverse("queue_next")).status_code == 405


def test_two_people_never_get_the_same(client, people, portfolio):
    due(make_case(portfolio))
    given = []
    for person in (people.alice, people.bob):
        client.force_login(person)
        given.append(client.post(reverse("queue_next")).url)
    assert given[1] == reverse("queue") != given[0]


# The case page


def test_what_is_owed_and_how_it_came_about(alice, case, people, clock):
    record_payment(
        case=case, amount=30_00, value_date=TODAY, reference="P1", by=Actor.staff(people.alice), at=NOW - HOUR
    )  # fmt: skip
    answer = alice.get(url(case))
    money = answer.context["money"]
    assert (money.owed_now, money.paid, money.rest, money.next_due) == (80_00, 30_00, None, None)
    assert (money.parts, money.owed) == ([], 80_00)
    [component] = money.components
    assert (component.label, component.amount, component.why) == (
        "principal", 80_00, "What was lent and is not paid back yet."
    )  # fmt: skip
    text = words(answer)
    assert "Late today $80.00 principal $80.00 What was lent and is not paid back yet." in text
    assert "10 days late · 1–30 overdue" in text
    assert "paid so far $30.00 last payment, 3 Mar $30.00" in text


def test_what_is_due_and_what_is_not(alice, portfolio):
    schedule = [(TODAY - 40 * DAY, 40_00), (TODAY - 10 * DAY, 40_00), (TODAY + 20 * DAY, 40_00)]
    case = make_case(portfolio, principal=120_00, instalments=schedule)
    record_payment(case=case, amount=30_00, value_date=TODAY, reference="P1", by=SYSTEM, at=NOW)
    money = alice.get(url(case)).context["money"]
    assert (money.owed_now, money.rest, money.next_due.amount) == (50_00, 40_00, 40_00)
    assert [(part.label, part.amount, part.why.replace("\xa0", " ")) for part in money.parts] == [
        ("due on 22 Jan 2026", 10_00, "$30.00 of $40.00 is paid."),
        ("due on 21 Feb 2026", 40_00, ""),
    ]


def test_agreements_other_cases_and_the_people_around(alice, case, people, portfolio):
    record_promise(
        case=case, amount=50_00, due_on=TODAY + 7 * DAY, channel="call", by=Actor.staff(people.alice), at=NOW
    )
    other = make_case(loan=make_loan(case.borrower, portfolio=portfolio, principal=20_00, due_on=days_ago(3)))
    elsewhere = make_portfolio("sea", entity=portfolio.entity)
    hidden = make_case(loan=make_loan(case.borrower, portfolio=elsewhere, principal=77_00))
    robin = add_related_person(
        borrower=case.borrower, relation="guarantor", name="Robin Field", given_by="borrower", given_on=days_ago(40),
        ground="contract", by=SYSTEM, at=NOW,
    )  # fmt: skip
    refuse_related_person(person=robin, channel="call", by=SYSTEM, at=NOW)
    answer = alice.get(url(case))
    text = words(answer)
    assert "$50.00 promised by 10 Mar 2026 open" in text
    assert "overdue, $20.00, since 3 Mar 2026" in text
    assert [each["url"] for each in answer.context["other_cases"]] == [url(other)]
    assert "77.00" not in text
    assert url(hidden) not in answer.content.decode()
    assert "R*** F*** Guarantor not to be contacted" in text
    assert "This person does not want to be contacted." in text
    assert "Robin" not in answer.content.decode()
    [step] = answer.context["next_steps"]
    assert (step.label, step.allowed) == ("Wait for the promise", False)


def test_the_strip(alice, case, clock):
    strip = alice.get(url(case)).context["strip"]
    assert [(each.key, each.allowed, each.left) for each in strip.channels] == [
        ("call", True, "7 left today, 7 this week"),
        ("email", True, "2 left today, 5 this week"),
    ]
    text = words(alice.get(url(case, "case_strip")))
    assert text.startswith("New York 12:00 Call possible now")
    assert "no hold" in text
    assert "payments read 12:00" in text
    # Hours pass: the same strip, asked again.
    clock.at = datetime(2026, 3, 4, 3, tzinfo=ZoneInfo("UTC"))
    text = words(alice.get(url(case, "case_strip")))
    assert text.startswith(
        "New York 22:00 Call not until 4 Mar, 08:00 why? It is 22:00 in New York; contact is open there 08:00–21:00. House"
    )
    # It only looks.
    assert not ContactDecision.objects.exists()


def test_the_strip_of_a_case_on_hold(alice, case):
    open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=NOW, days=14)
    answer = alice.get(url(case))
    [hold] = answer.context["strip"].holds
    assert (hold.label, hold.since, hold.until) == ("Hardship", TODAY, TODAY + 13 * DAY)
    assert "Hardship until 16 Mar" in words(answer)
    assert 'class="strip stopped"' in answer.content.decode()
    # Nothing is suggested that the hold is there to stop.
    [step] = answer.context["next_steps"]
    assert (step.label, step.allowed, step.why) == (
        "Let it rest", False, "The borrower is in hardship; the request is being looked at.",
    )  # fmt: skip


def test_the_timeline_by_kind_and_in_pages(alice, case, people, monkeypatch):
    add_note(case=case, body="Speaks softly.", author=people.alice, at=NOW - HOUR)
    call(case, people.alice, "no_answer", at=NOW - 30 * timedelta(minutes=1))

    def told(kind: str = "all") -> list[str]:
        entries = alice.get(url(case), {"timeline": kind}).context["timeline"].entries
        return [entry.text.replace("\xa0", " ") for entry in entries]

    opened = "Case opened: 10 days late, $110.00 overdue"
    ways = ["New way of contact: E-mail", "New way of contact: Phone"]
    taken_over = "Loan taken over from the lender's file"
    assert told() == [opened, taken_over, "Call: No answer", "Took the case", "Note", *ways]
    assert told("contacts") == ["Call: No answer", "Note", *ways]
    assert told("money") == [opened, taken_over]
    assert told("law") == []
    assert "Speaks softly." in words(alice.get(url(case)))
    monkeypatch.setattr("cases.timeline.timeline.__defaults__", (4,))
    first = alice.get(url(case)).context["timeline"]
    second = alice.get(f"{url(case)}?{first.older}").context["timeline"]
    assert second.older
    third = alice.get(f"{url(case)}?{second.older}").context["timeline"]
    assert third.older == ""
    texts = [entry.text.replace("\xa0", " ") for entry in (*first.entries, *second.entries, *third.entries)]
    assert texts == [opened, taken_over, "Call: No answer", "Took the case", "Note", *ways]


def test_one_day_late_is_said_in_the_singular(alice, portfolio):
    case = make_case(portfolio, principal=100_00, due_on=days_ago(1))
    assert "Case opened: 1 day late, $100.00 overdue" in words(alice.get(url(case))).replace("\xa0", " ")


@pytest.mark.parametrize("part", ["conversation", "timeline", "strip", "who"])
def test_a_part_alone(alice, case, part):
    answer = alice.get(url(case), headers={"HX-Request": "true", "HX-Target": part})
    assert "<html" not in answer.content.decode()
    assert f'id="{part}"' in answer.content.decode()


@pytest.mark.parametrize("form", ["call", "promise", "plan", "payment", "complaint", "hold", "pass"])
def test_every_form_opens_in_the_middle(alice, case, people, form):
    call(case, people.alice, "cannot_pay", at=NOW - HOUR)
    answer = alice.get(url(case), {"open": form})
    assert (answer.status_code, answer.context["open"]) == (200, form)
    assert f'action="{url(case, f"case_{form}")}"' in answer.content.decode()
    assert alice.get(url(case), {"open": "nothing"}).context["open"] == ""


def test_a_closed_case(alice, case, people, clock):
    clock.at = datetime(2026, 3, 4, 2, tzinfo=ZoneInfo("UTC"))
    record_payment(
        case=case, amount=110_00, value_date=TODAY, reference="P1", by=Actor.staff(people.alice), at=clock.at
    )
    answer = alice.get(url(case))
    # By the portfolio's calendar, not by UTC.
    assert "This case is closed: back on track, on 3 Mar 2026." in words(answer)
    allowed = {action.key: action.allowed for action in answer.context["actions"]}
    assert allowed == {
        "o": False,
        "i": False,
        "p": False,
        "l": False,
        "e": False,
        "v": False,
        "s": False,
        "y": True,
        "h": False,
        "c": True,
        "w": False,
        "q": False,
        "x": False,
    }
    for form in ("call", "promise", "plan", "hold", "pass", "extension", "waiver", "settlement"):
        assert alice.get(url(case), {"open": form}).context["open"] == ""


# Masks and seals


def everything_shown(client: Client, case: Case) -> str:
    """All that the pages of a case send to a browser."""
    pages = [
        client.get(url(case), {"open": name})
        for name in ("", "call", "promise", "plan", "payment", "complaint")
    ]
    pages += [client.get(url(case, name)) for name in ("case_strip", "case_who")]
    pages += [
        client.get(url(case), headers={"HX-Request": "true", "HX-Target": "who"}),
        client.get(reverse("queue")),
    ]
    assert {page.status_code for page in pages} == {200}
    return "".join(page.content.decode() for page in pages)


def test_masks_until_somebody_opens_the_seal_for_two_minutes(alice, case, people, clock, client):
    due(case)
    before = everything_shown(alice, case)
    for secret in SECRETS:
        assert secret not in before
    assert "D*** F***" in before
    assert "+1 2******142" in before
    assert "d***@m***.example" in before
    assert not AuditEvent.objects.filter(type="borrower.unsealed").exists()

    assert alice.post(url(case, "case_unseal"), {"reason": "right_party"}).url == url(case)
    opened = words(alice.get(url(case)))
    for secret in ("Dana Field open for two minutes", "+12125550142 Phone", "dana@mail.example E-mail"):
        assert secret in opened
    assert "Opened the borrower's sealed data alice" in opened
    [event] = AuditEvent.objects.filter(type="borrower.unsealed")
    assert (event.actor, event.case_ref, event.borrower_ref) == (
        str(people.alice.ref),
        case.pk,
        case.borrower_id,
    )
    # The list does not follow.
    assert "Dana" not in alice.get(reverse("queue")).content.decode()

    clock.go_on(seconds=119)
    assert 'hx-trigger="load delay:1s"' in alice.get(url(case, "case_who")).content.decode()
    clock.go_on(seconds=2)
    after = everything_shown(alice, case)
    for secret in SECRETS:
        assert secret not in after
    assert AuditEvent.objects.filter(type="borrower.unsealed").count() == 1


def test_what_one_opened_stays_with_them_and_with_this_case(alice, case, people, portfolio):
    other = make_case(loan=make_loan(case.borrower, portfolio=portfolio, due_on=days_ago(3)))
    alice.post(url(case, "case_unseal"), {"reason": "complaint"})
    assert "Dana Field" not in alice.get(url(other)).content.decode()
    bob = Client()
    bob.force_login(people.bob)
    assert "Dana Field" not in bob.get(url(case)).content.decode()


def test_a_seal_is_not_opened_without_a_reason(alice, case, messages):
    for sent in ({}, {"reason": "curious"}):
        answer = alice.post(url(case, "case_unseal"), sent, follow=True)
        assert messages(answer) == ["Please choose why you need to see it."]
        assert "Dana Field" not in answer.content.decode()
    assert not AuditEvent.objects.filter(type="borrower.unsealed").exists()


# Calls


def test_a_call_begins_with_the_script(alice, case, people):
    answer = alice.post(url(case, "case_dial"), {"contact_point": phone_of(case.borrower).pk}, follow=True)
    placed = Call.objects.get()
    assert (placed.case, placed.agent, placed.placed_at, placed.logged_at) == (case, people.alice, NOW, None)
    run = ScriptRun.objects.get()
    assert (run.call, run.agent, run.finished_at) == (placed, people.alice, None)
    text = words(answer)
    assert "+1 2******142 since 12:00" in text
    assert "Hello, my name is alice. May I speak with D*** F***, please?" in text
    assert "step 1 of" in text


def test_a_call_outside_the_hours_is_not_placed(alice, case, clock, messages):
    clock.at = datetime(2026, 3, 4, 3, tzinfo=ZoneInfo("UTC"))
    page = alice.get(url(case))
    assert 'name="contact_point"' not in page.content.decode()
    answer = alice.post(url(case, "case_dial"), {"contact_point": phone_of(case.borrower).pk}, follow=True)
    assert messages(answer) == [
        "The call was not placed. It is 22:00 in New York; contact is open there 08:00–21:00. "
        "It becomes possible at 4 Mar, 08:00."
    ]
    assert not ContactAttempt.objects.exists()
    # What the gate said is kept all the same.
    assert ContactDecision.objects.get().outcome == "prohibited"
    assert "Call: not possible then" in words(answer)


def test_one_call_at_a_time(alice, case, people, messages):
    alice.post(url(case, "case_dial"), {"contact_point": phone_of(case.borrower).pk})
    answer = alice.post(url(case, "case_dial"), {"contact_point": phone_of(case.borrower).pk}, follow=True)
    assert messages(answer) == ["Please say first how the last call went."]
    assert ContactAttempt.objects.count() == 1


def test_a_case_somebody_else_works_on(alice, case, people, messages):
    take(case=case, user=people.bob, at=NOW)
    assert "bob has it until 12:15" in words(alice.get(url(case)))
    answer = alice.post(url(case, "case_dial"), {"contact_point": phone_of(case.borrower).pk}, follow=True)
    assert messages(answer) == ["bob works on this case now."]
    assert not ContactAttempt.objects.exists()


def test_somebody_else_s_number_is_not_dialled(alice, case, portfolio):
    other = make_case(portfolio)
    answer = alice.post(url(case, "case_dial"), {"contact_point": phone_of(other.borrower).pk})
    assert answer.status_code == 404


# Who sees and who does

READ = ("case", "case_strip", "case_who")
DEEDS = (
    "case_unseal", "case_dial", "case_call", "case_promise", "case_plan", "case_payment", "case_complaint", "case_hold",
    "case_pass", "case_note", "case_script", "case_leave",
)  # fmt: skip


def test_another_team_finds_nothing(client, case, people):
    client.force_login(people.charlie)
    assert [client.get(url(case, name)).status_code for name in READ] == [404] * len(READ)
    assert [client.post(url(case, name)).status_code for name in DEEDS] == [404] * len(DEEDS)
    assert words(client.get(reverse("queue"))).count("river") == 0


@pytest.mark.parametrize(
    ("role", "offered"),
    [(Role.COMPLIANCE, ["Complaint", "Ask legal"]), (Role.LEGAL, ["Complaint", "Take to legal"])],
)
def test_who_oversees_may_look_but_not_act(client, case, role, offered):
    client.force_login(make_user(role=role))
    answer = client.get(url(case), {"open": "promise"})
    assert (answer.status_code, answer.context["open"]) == (200, "")
    assert [action.label for action in answer.context["actions"]] == offered
    assert answer.context["note"] is None
    assert 'name="contact_point"' not in answer.content.decode()
    refused = {name for name in DEEDS if client.post(url(case, name)).status_code == 403}
    assert refused == set(DEEDS) - {"case_unseal", "case_complaint"}
    assert client.get(reverse("queue")).status_code == 403


def test_administrators_see_no_borrower(client, case):
    client.force_login(make_user(role=Role.ADMINISTRATOR))
    assert {client.get(url(case, name)).status_code for name in READ} == {403}
    assert {client.post(url(case, name)).status_code for name in DEEDS} == {403}


def test_a_deed_is_posted(alice, case):
    assert {alice.get(url(case, name)).status_code for name in DEEDS} == {405}
