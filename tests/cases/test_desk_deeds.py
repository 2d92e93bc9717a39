"""What people do on a case page: each outcome of a call with what follows, agreements, payments, holds, and refusals."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Payment, Role
from accounts.standing import standing_of
from cases.actions.calls import place_call
from cases.actions.notes import open_note
from cases.actions.work import plan_work
from cases.dispositions import DISPOSITIONS
from cases.models import (
    Call,
    Case,
    CaseState,
    Note,
    Plan,
    Promise,
    ScriptRun,
    ScriptStep,
    WorkItem,
    WorkKind,
)
from compliance.actions.complaints import open_words
from compliance.audit import Actor
from compliance.models import AuditEvent, Complaint, ContactAttempt, ContactOutcome, Hold
from tests.cases.stories import DAY, call, fresh, make_case, phone_of, steps
from tests.factories import (
    NOW,
    SYSTEM,
    TODAY,
    make_borrower,
    make_loan,
    make_people,
    make_portfolio,
    make_user,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def portfolio(db, clock):
    return make_portfolio("river")


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio) -> Case:
    borrower = make_borrower(portfolio, name="Dana Field", phone="+1 212 555 0142", at=NOW - DAY)
    case = make_case(loan=make_loan(borrower, portfolio=portfolio, principal=100_00, at=NOW - DAY))
    plan_work(case=case, kind=WorkKind.FIRST_CALL, due_at=NOW, reason="after_notice", by=SYSTEM, at=NOW)
    return case


@pytest.fixture
def alice(client, people) -> Client:
    client.force_login(people.alice)
    return client


def url(case: Case, name: str = "case") -> str:
    return reverse(name, args=[case.pk])


def stored(case: Case) -> dict:
    """All that a form could have written."""
    models = (
        Call, Complaint, ContactAttempt, ContactOutcome, Hold, Note, Payment, Plan, Promise, ScriptRun, ScriptStep,
        AuditEvent,
    )  # fmt: skip
    counts = {model.__name__: model.objects.count() for model in models}
    return counts | {
        "case": Case.objects.values().get(pk=case.pk),
        "work": list(WorkItem.objects.order_by("pk").values()),
    }


# Outcomes of a call


class Follows(NamedTuple):
    """What an outcome leads to: state, next steps (kind, due), hold (kind, on the loan alone, last day), the number."""

    state: str = CaseState.OVERDUE
    steps: tuple[tuple[str, timedelta], ...] = ()
    hold: tuple[str, bool, int | None] | None = None
    point: str = "active"


AGAIN = WorkKind.FOLLOW_UP
TALKED = CaseState.NEGOTIATING
FOLLOWS = {
    # not reached
    "no_answer": Follows(steps=((AGAIN, DAY),)),
    "busy": Follows(steps=((AGAIN, 2 * HOUR),)),
    "switched_off": Follows(steps=((AGAIN, DAY),)),
    "suspended": Follows(steps=((AGAIN, 3 * DAY),)),
    "not_in_service": Follows(steps=((WorkKind.ADDRESS, 0 * DAY),), point="retired"),
    "voicemail": Follows(steps=((AGAIN, DAY),)),
    "hung_up": Follows(steps=((AGAIN, DAY),)),
    # someone else
    "wrong_number": Follows(steps=((WorkKind.ADDRESS, 0 * DAY),), point="wrong"),
    "third_party": Follows(steps=((AGAIN, 2 * DAY),)),
    # reached
    "call_back": Follows(TALKED, ((WorkKind.CALLBACK, 22 * HOUR),)),
    "promises": Follows(TALKED),
    "says_paid": Follows(TALKED, ((WorkKind.TRACE, 0 * DAY),), ("says_paid", True, 2)),
    "cannot_pay": Follows(TALKED, ((AGAIN, 3 * DAY),)),
    "disputes": Follows(TALKED, ((WorkKind.REVIEW, 0 * DAY),), ("dispute", True, None)),
    "refuses": Follows(TALKED, ((AGAIN, 7 * DAY),)),
    # needs care
    "lawyer": Follows(TALKED, ((WorkKind.REVIEW, 0 * DAY),), ("attorney", False, None)),
    "complaint": Follows(TALKED, (), ("complaint", False, None)),
    "ill_or_bereaved": Follows(TALKED, ((AGAIN, 14 * DAY),), ("ill_or_bereaved", False, 13)),
    "deceased": Follows(steps=((WorkKind.REVIEW, 0 * DAY),), hold=("deceased", False, None)),
}
BESIDES = {
    # Ten in the morning of the next day, on the borrower's clock.
    "call_back": {"call_back_at": "2026-03-04T10:00"},
    "promises": {"amount": "60", "due_on": "2026-03-10"},
    "complaint": {"category": "tone", "words": "You were unkind."},
}


def test_every_outcome_has_its_line_here():
    assert set(FOLLOWS) == set(DISPOSITIONS)


@pytest.mark.parametrize("outcome", FOLLOWS)
def test_what_follows_from_an_outcome(alice, case, people, clock, outcome):
    follows, row = FOLLOWS[outcome], DISPOSITIONS[outcome]
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    clock.at = NOW
    sent = {"call": placed.pk, "disposition": outcome, "note": "So it was.", "reason": "forgot"}
    answer = alice.post(url(case, "case_call"), sent | BESIDES.get(outcome, {}))
    assert (answer.status_code, answer.url) == (302, url(case))
    case = fresh(case)
    assert (case.state, case.arrears_reason) == (follows.state, "forgot")
    assert [(kind, due - NOW) for kind, due, _reason in steps(case)] == list(follows.steps)
    holds = [
        (hold.kind, hold.loan_id is not None, hold.ends_on and (hold.ends_on - TODAY).days)
        for hold in Hold.objects.all()
    ]
    assert holds == ([follows.hold] if follows.hold else [])
    assert phone_of(case.borrower).status == follows.point
    noted = ContactOutcome.objects.get()
    assert (noted.connected, noted.answered, noted.right_party, noted.conversation) == (
        row.connected, row.answered, row.right_party, row.conversation,
    )  # fmt: skip
    placed.refresh_from_db()
    assert (placed.logged_at, placed.disposition) == (NOW, outcome)
    assert open_note(Note.objects.get()) == "So it was."


def test_a_promise_comes_with_its_call(alice, case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    alice.post(url(case, "case_call"), {"call": placed.pk, "disposition": "promises"} | BESIDES["promises"])
    promise = Promise.objects.get()
    assert (promise.amount, promise.due_on, promise.channel, promise.actor) == (
        60_00, TODAY + 7 * DAY, "call", str(people.alice.ref),
    )  # fmt: skip


def test_a_complaint_comes_with_its_call_and_stops_collection(alice, case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    alice.post(url(case, "case_call"), {"call": placed.pk, "disposition": "complaint"} | BESIDES["complaint"])
    complaint = Complaint.objects.get()
    assert (complaint.category, complaint.channel, complaint.received_at) == ("tone", "call", NOW)
    officer = Actor.staff(make_user(role=Role.COMPLIANCE))
    assert open_words(complaint=complaint, by=officer, at=NOW).words == "You were unkind."
    assert complaint.hold == Hold.objects.get()
    page = alice.get(url(case)).content.decode()
    assert "A complaint is open; collection waits for its answer." in page


def test_the_borrower_called(alice, case):
    """No permit is needed, and nobody but the borrower counts as having called."""
    answer = alice.post(url(case, "case_call"), {"disposition": "no_answer"})
    assert answer.status_code == 422
    assert "Please choose what the borrower said." in answer.content.decode()
    assert not ContactAttempt.objects.exists()
    alice.post(url(case, "case_call"), {"disposition": "cannot_pay"})
    attempt = ContactAttempt.objects.get()
    assert (attempt.direction, attempt.permit) == ("in", None)
    assert fresh(case).state == CaseState.NEGOTIATING


REFUSED_CALLS = {
    "nothing chosen": ({}, "Please choose how the call went."),
    "no such outcome": (
        {"disposition": "danced"},
        "Select a valid choice. danced is not one of the available choices.",
    ),
    "a promise without its terms": (
        {"disposition": "promises", "amount": "60"},
        "Please add what was promised: an amount and a day, or a plan.",
    ),
    "a promise above the debt": (
        {"disposition": "promises", "amount": "100.01", "due_on": "2026-03-10"},
        "A promise is for something, and at most for $100.00.",
    ),
    "a promise too late": (
        {"disposition": "promises", "amount": "60", "due_on": "2026-04-03"},
        "The day is between 3 Mar 2026 and 2 Apr 2026.",
    ),
    "no amount": (
        {"disposition": "promises", "amount": "sixty", "due_on": "2026-03-10"},
        "Please write an amount such as 1,234.50.",
    ),
    "a negative amount": (
        {"disposition": "promises", "amount": "-60", "due_on": "2026-03-10"},
        "Please write an amount such as 1,234.50.",
    ),
    "a call back at no time": ({"disposition": "call_back"}, "Please add when to call back."),
    "a call back in the past": (
        {"disposition": "call_back", "call_back_at": "2026-03-03T11:59"},
        "A call back is later than now and within two weeks.",
    ),
    "a call back in three weeks": (
        {"disposition": "call_back", "call_back_at": "2026-03-24T12:00"},
        "A call back is later than now and within two weeks.",
    ),
    "a complaint without words": (
        {"disposition": "complaint", "category": "tone"},
        "Please add what the complaint is about, in the borrower's words.",
    ),
}


@pytest.mark.parametrize("name", REFUSED_CALLS)
def test_a_refused_outcome_keeps_what_was_typed_and_stores_nothing(alice, case, people, name):
    sent, sentence = REFUSED_CALLS[name]
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    before = stored(case)
    answer = alice.post(url(case, "case_call"), {"call": placed.pk, "note": "Typed with care."} | sent)
    assert_refused(answer, "call", sentence, "Typed with care.")
    assert stored(case) == before


def assert_refused(answer, form: str, sentence: str, typed: str) -> None:
    """The page again, the form open, the reason and what was typed in it."""
    assert (answer.status_code, answer.context["open"]) == (422, form)
    said = [
        str(error).replace("\xa0", " ")
        for errors in answer.context["form"].errors.values()
        for error in errors
    ]
    assert said == [sentence]
    assert typed in answer.content.decode()


# Agreements


def test_a_promise(alice, case, people):
    answer = alice.post(url(case, "case_promise"), {"amount": "1,00.00", "due_on": "2026-03-10"})
    assert_refused(answer, "promise", "Please write an amount such as 1,234.50.", 'value="1,00.00"')
    sent = {"amount": "40.50", "due_on": "2026-03-10", "note": "After payday."}
    assert alice.post(url(case, "case_promise"), sent).url == url(case)
    promise = Promise.objects.get()
    assert (promise.amount, promise.due_on, promise.state) == (40_50, TODAY + 7 * DAY, "open")
    assert open_note(Note.objects.get()) == "After payday."
    # A second one takes its place.
    alice.post(url(case, "case_promise"), {"amount": "50", "due_on": "2026-03-12"})
    assert list(Promise.objects.order_by("made_at", "pk").values_list("state", flat=True)) == [
        "cancelled",
        "open",
    ]


REFUSED_PROMISES = {
    "above the debt": ({"amount": "100.01"}, "A promise is for something, and at most for $100.00."),
    "yesterday": ({"due_on": "2026-03-02"}, "The day is between 3 Mar 2026 and 2 Apr 2026."),
    "too late": ({"due_on": "2026-04-03"}, "The day is between 3 Mar 2026 and 2 Apr 2026."),
    "no day": ({"due_on": "31/02/2026"}, "Enter a valid date."),
    "no amount": ({"amount": ""}, "This field is required."),
    "nothing": ({"amount": "0"}, "Please write an amount above zero."),
    "a thousandth": ({"amount": "1.001"}, "Please write an amount such as 1,234.50."),
}


@pytest.mark.parametrize("name", REFUSED_PROMISES)
def test_a_refused_promise(alice, case, name):
    changed, sentence = REFUSED_PROMISES[name]
    before = stored(case)
    sent = {"amount": "60", "due_on": "2026-03-10", "note": "After payday."} | changed
    assert_refused(alice.post(url(case, "case_promise"), sent), "promise", sentence, "After payday.")
    assert stored(case) == before


def test_a_plan(alice, case, people, clock):
    sent = {"count": "3", "first_on": "2026-03-10", "every": "month"}
    answer = alice.post(url(case, "case_plan"), sent)
    assert answer.status_code == 422
    call(case, people.alice, "cannot_pay", at=NOW)
    clock.go_on(minutes=5)
    shown = alice.get(url(case), {"open": "plan", **sent}).context["preview"]
    assert [(each["due_on"].isoformat(), each["amount"]) for each in shown["instalments"]] == [
        ("2026-03-10", 33_34), ("2026-04-10", 33_33), ("2026-05-10", 33_33),
    ]  # fmt: skip
    assert not Plan.objects.exists()
    assert alice.post(url(case, "case_plan"), sent | {"note": "In parts."}).status_code == 302
    plan = Plan.objects.get()
    assert (plan.total, plan.state, fresh(case).state) == (100_00, "active", CaseState.INSTALLMENT_PLAN)
    assert list(plan.instalments.values_list("amount", flat=True)) == [33_34, 33_33, 33_33]
    page = alice.get(url(case)).content.decode()
    assert "3 instalments" in page


REFUSED_PLANS = {
    "one part": ({"count": "1"}, "Ensure this value is greater than or equal to 2."),
    "too many": ({"count": "13"}, "A plan has 2 to 12 instalments."),
    "far too many": ({"count": "9" * 30}, "A plan has 2 to 12 instalments."),
    "begins too late": ({"first_on": "2026-04-03"}, "The day is between 3 Mar 2026 and 2 Apr 2026."),
    "at the end of time": ({"first_on": "9999-12-31"}, "Please check the year."),
    "every year": ({"every": "year"}, "Select a valid choice. year is not one of the available choices."),
}


@pytest.mark.parametrize("name", REFUSED_PLANS)
def test_a_refused_plan(alice, case, people, clock, name):
    call(case, people.alice, "cannot_pay", at=NOW)
    changed, sentence = REFUSED_PLANS[name]
    before = stored(case)
    sent = {"count": "3", "first_on": "2026-03-10", "every": "month", "note": "In parts."} | changed
    assert_refused(alice.post(url(case, "case_plan"), sent), "plan", sentence, "In parts.")
    assert stored(case) == before


# Money


def test_a_payment_cures_the_case(alice, case, people):
    sent = {
        "amount": "100",
        "paid_on": "2026-03-03",
        "method": "wallet",
        "reference": "W-1",
        "note": "Thanked.",
    }
    assert alice.post(url(case, "case_payment"), sent).url == url(case)
    payment = Payment.objects.get()
    assert (payment.amount, payment.reference, payment.source, payment.loan) == (
        100_00,
        "W-1",
        "desk_wallet",
        case.loan,
    )
    assert fresh(case).state == CaseState.CURED
    assert standing_of([case.loan_id], TODAY)[case.loan_id].outstanding == 0
    assert steps(case) == []


REFUSED_PAYMENTS = {
    "tomorrow": ({"paid_on": "2026-03-04"}, "This day is still to come."),
    "nothing": ({"amount": "0"}, "Please write an amount above zero."),
    "no reference": ({"reference": " "}, "This field is required."),
    "no such way": ({"method": "cow"}, "Select a valid choice. cow is not one of the available choices."),
}


@pytest.mark.parametrize("name", REFUSED_PAYMENTS)
def test_a_refused_payment(alice, case, name):
    changed, sentence = REFUSED_PAYMENTS[name]
    before = stored(case)
    sent = {
        "amount": "100",
        "paid_on": "2026-03-03",
        "method": "bank",
        "reference": "W-1",
        "note": "Thanked.",
    }
    assert_refused(alice.post(url(case, "case_payment"), sent | changed), "payment", sentence, "Thanked.")
    assert stored(case) == before


def test_a_reference_that_is_taken(alice, case, portfolio):
    sent = {"amount": "10", "paid_on": "2026-03-03", "method": "bank", "reference": "W-1"}
    alice.post(url(case, "case_payment"), sent)
    before = stored(case)
    answer = alice.post(url(case, "case_payment"), sent | {"amount": "11", "note": "Thanked."})
    sentence = "This reference came before, with another amount, date or loan."
    assert_refused(answer, "payment", sentence, "Thanked.")
    assert stored(case) == before


# What protects


def test_a_complaint(alice, case, people):
    sent = {"category": "privacy", "channel": "app", "words": "Who gave you my number?"}
    assert alice.post(url(case, "case_complaint"), sent).url == url(case)
    complaint = Complaint.objects.get()
    assert (complaint.category, complaint.channel, complaint.portfolio, complaint.state) == (
        "privacy", "app", case.portfolio, "open",
    )  # fmt: skip
    assert complaint.hold.ended_at is None
    before = stored(case)
    answer = alice.post(url(case, "case_complaint"), sent | {"words": " "})
    assert_refused(answer, "complaint", "This field is required.", 'value="privacy"')
    assert stored(case) == before


def test_a_hold(alice, case, people):
    sent = {"kind": "hardship", "since": "2026-03-03", "until": "2026-03-16", "why": "Lost work."}
    assert alice.post(url(case, "case_hold"), sent).url == url(case)
    hold = Hold.objects.get()
    assert (hold.kind, hold.starts_on, hold.ends_on, hold.loan, hold.opened_by) == (
        "hardship", TODAY, TODAY + 13 * DAY, None, str(people.alice.ref),
    )  # fmt: skip
    assert open_note(Note.objects.get()) == "Lost work."
    assert not alice.get(url(case)).context["strip"].call.allowed


REFUSED_HOLDS = {
    "ends before it begins": ({"until": "2026-03-02"}, "The last day is before the first."),
    "no reason": ({"kind": ""}, "This field is required."),
    "not an agent's": (
        {"kind": "complaint"},
        "Select a valid choice. complaint is not one of the available choices.",
    ),
    "at the end of time": (
        {"kind": "says_paid", "since": "9999-12-31", "until": ""},
        "Please check the year.",
    ),
    "long ago": ({"since": "0001-01-01"}, "Please check the year."),
}


@pytest.mark.parametrize("name", REFUSED_HOLDS)
def test_a_refused_hold(alice, case, name):
    changed, sentence = REFUSED_HOLDS[name]
    before = stored(case)
    sent = {"kind": "hardship", "since": "2026-03-03", "until": "2026-03-16", "why": "Lost work."} | changed
    assert_refused(alice.post(url(case, "case_hold"), sent), "hold", sentence, "Lost work.")
    assert stored(case) == before


# Passing on, notes, the script


def test_passing_a_case_on(alice, case, people, messages):
    answer = alice.get(url(case), {"open": "pass"})
    offered = [str(label) for _value, label in answer.context["form"].fields["to"].choices]
    assert offered == ["back to the team", "bob"]
    answer = alice.post(url(case, "case_pass"), {"to": people.bob.pk, "note": "Speaks Spanish."}, follow=True)
    assert answer.redirect_chain == [(reverse("queue"), 302)]
    assert messages(answer) == ["The case has been passed on."]
    assert fresh(case).assignee == people.bob
    assert open_note(Note.objects.get()) == "Speaks Spanish."
    assert alice.get(reverse("queue")).context["items"] == []
    bob = Client()
    bob.force_login(people.bob)
    assert [item.url for item in bob.get(reverse("queue")).context["items"]] == [url(case)]
    bob.post(url(case, "case_pass"), {"to": "", "note": "Back."})
    assert fresh(case).assignee is None


def test_a_case_is_not_passed_to_outsiders_or_without_a_word(alice, case, people):
    before = stored(case)
    answer = alice.post(url(case, "case_pass"), {"to": people.charlie.pk, "note": "For you."})
    assert answer.status_code == 422
    assert_refused(
        alice.post(url(case, "case_pass"), {"to": people.bob.pk}),
        "pass",
        "This field is required.",
        "selected",
    )
    assert stored(case) == before


def test_a_note(alice, case, people):
    before = stored(case)
    answer = alice.post(url(case, "case_note"), {"note": "  "})
    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()
    answer = alice.post(url(case, "case_note"), {"note": "x" * 4001})
    assert "Ensure this value has at most 4000 characters (it has 4001)." in answer.content.decode()
    assert stored(case) == before
    alice.post(url(case, "case_note"), {"note": "Calls back <b>tomorrow</b>."})
    note = Note.objects.get()
    assert (note.author, open_note(note)) == (people.alice, "Calls back <b>tomorrow</b>.")
    assert b"tomorrow" not in bytes(note.body_sealed)
    assert "Calls back &lt;b&gt;tomorrow&lt;/b&gt;." in alice.get(url(case)).content.decode()


def test_the_script_step_by_step(alice, case, people, messages):
    alice.post(url(case, "case_script"), {"start": "first_call"})
    run = ScriptRun.objects.get()

    def answer(step: str, given: str, **more: str):
        return alice.post(
            url(case, "case_script"), {"run": run.pk, "step": step, "answer": given, **more}, follow=True
        )

    answer("greet", "speaking")
    # What is sent twice, or is no answer, changes nothing.
    assert messages(answer("greet", "speaking")) == ["This step has been answered already."]
    assert messages(answer("right_party", "perhaps")) == ["This step has no such answer."]
    answer("right_party", "confirmed")
    assert messages(answer("who_and_why", "said")) == ["Please confirm that it was said before going on."]
    answer("who_and_why", "said", said="said")
    page = alice.post(url(case, "case_script"), {"run": run.pk, "back": "1"}, follow=True)
    assert page.context["script"].step_id == "who_and_why"
    answer("who_and_why", "said", said="said")
    answer("may_we_talk", "now")
    answer("reason", "illness")
    assert fresh(case).arrears_reason == "illness"
    answer("ill", "later")
    page = answer("promise", "agreed")
    assert page.redirect_chain == [(f"{url(case)}?open=promise", 302)]
    assert page.context["open"] == "promise"
    # The end of the script leads to the outcome that its answers point to.
    page = alice.post(url(case, "case_script"), {"run": run.pk, "answer": "_finish"}, follow=True)
    assert page.redirect_chain == [(f"{url(case)}?open=call", 302)]
    assert page.context["form"].initial["disposition"] == "promises"
    assert list(run.steps.order_by("seq").values_list("step", "answer")) == [
        ("greet", "speaking"), ("right_party", "confirmed"), ("who_and_why", "said"), ("may_we_talk", "_back"),
        ("who_and_why", "said"), ("may_we_talk", "now"), ("reason", "illness"), ("ill", "later"),
        ("promise", "agreed"),
    ]  # fmt: skip


def test_somebody_else_s_walk_is_theirs(alice, case, people):
    alice.post(url(case, "case_script"), {"start": "first_call"})
    run = ScriptRun.objects.get()
    bob = Client()
    bob.force_login(people.bob)
    sent = {"run": run.pk, "step": "greet", "answer": "speaking"}
    assert bob.post(url(case, "case_script"), sent).status_code == 404
    assert not run.steps.exists()


def test_leaving_a_case(alice, case, people):
    alice.post(reverse("queue_next"))
    assert fresh(case).lease.holder == people.alice
    assert alice.post(url(case, "case_leave")).url == reverse("queue")
    assert fresh(case).lease.holder is None
    # Somebody may take it again at once.
    assert alice.post(reverse("queue_next")).url == url(case)


def test_nothing_is_done_to_a_closed_case(alice, case, messages):
    alice.post(
        url(case, "case_payment"),
        {"amount": "100", "paid_on": "2026-03-03", "method": "cash", "reference": "1"},
    )
    before = stored(case)
    answer = alice.post(url(case, "case_promise"), {"amount": "5", "due_on": "2026-03-10"})
    assert answer.status_code == 422
    answer = alice.post(url(case, "case_plan"), {"count": "3", "first_on": "2026-03-10", "every": "month"})
    assert answer.status_code == 422
    assert stored(case) == before
