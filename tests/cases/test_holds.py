"""Holds on a case: what each stops by every path there is, how it is shown to be right, looked at again, and ended."""

import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.urls import reverse

from accounts.actions.ledger import LedgerRefused, post_charge
from accounts.models import EntryKind, LedgerEntry, Pause, Role
from accounts.standing import standing_of
from cases.actions.calls import CallRefused, place_call
from cases.actions.holds import end_case_hold, keep_case_hold, prove_case_hold
from cases.guards import GUARDS, Question
from cases.machine import BY_MOVE
from cases.models import Case
from communications.actions.texts import load_texts
from communications.models import Message
from compliance.actions.holds import HoldRefused, end_hold, open_hold, prove_hold
from compliance.audit import Actor
from compliance.holds import HOLDS, Stop, kinds_that_stop
from compliance.models import AuditEvent, Evidence, Hold, HoldKind
from tests.cases.stories import DAY, make_case, make_reachable, phone_of, steps
from tests.cases.test_day import at_six, run
from tests.factories import NOW, SYSTEM, TODAY, days_ago, make_loan, make_people, make_portfolio, make_user


@pytest.fixture
def portfolio(db):
    load_texts(by=SYSTEM, at=NOW)
    return make_portfolio("river")


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio):
    return make_case(portfolio, due_on=days_ago(10), principal=100_00)


def told(event_type: str) -> list[dict]:
    found = AuditEvent.objects.filter(type=event_type).order_by("stream", "seq")
    return [json.loads(bytes(event.leaf))["data"] for event in found]


def days_late(case: Case, on: date) -> int:
    return standing_of([case.loan_id], on)[case.loan_id].days_past_due


def charge(case: Case, on: date, reference: str = "F") -> None:
    post_charge(
        loan=case.loan, kind=EntryKind.FEE, amount=5_00, value_date=on, reference=reference, by=SYSTEM, at=NOW
    )


# What each kind stops, by every path


@pytest.mark.parametrize("of_loan", [True, False], ids=["one loan", "all loans"])
@pytest.mark.parametrize("kind", HoldKind)
def test_nothing_a_hold_stops_can_be_done(case, people, kind, of_loan):
    open_hold(
        borrower=case.borrower, loan=case.loan if of_loan else None, kind=kind, by=SYSTEM, at=NOW, days=20
    )
    stops = HOLDS[kind].stops

    if Stop.CHARGES in stops:
        with pytest.raises(LedgerRefused, match="A hold stops charges"):
            charge(case, TODAY)
        with pytest.raises(DatabaseError, match="A hold stops charges"), transaction.atomic():
            LedgerEntry.objects.create(
                borrower=case.borrower, loan=case.loan, kind="interest", reference="raw", value_date=TODAY,
                interest=1, booked_at=NOW,
            )  # fmt: skip
    else:
        charge(case, TODAY)
    charge(case, TODAY + 20 * DAY, "after")

    assert days_late(case, TODAY) == (9 if Stop.AGEING in stops else 10)
    assert days_late(case, TODAY + 19 * DAY) == (9 if Stop.AGEING in stops else 29)
    assert days_late(case, TODAY + 20 * DAY) == (10 if Stop.AGEING in stops else 30)

    legal = Actor.staff(make_user(role=Role.LEGAL))
    missing = GUARDS[BY_MOVE["negotiating", "legal"].guard](Question(case, legal, NOW))
    assert ("hold" in missing) == (Stop.LEGAL in stops)

    with pytest.raises(CallRefused):
        place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    run()
    # What is planned comes after its last day.
    last_over = datetime(2026, 3, 23, tzinfo=ZoneInfo("America/New_York"))
    assert [each.not_before >= last_over for each in Message.objects.all()] == [True]
    assert [(kind, due >= last_over) for kind, due, _reason in steps(case)] == [("first_call", True)]


@pytest.mark.parametrize("stop", Stop)
def test_the_kinds_that_stop_each_thing(stop):
    assert set(kinds_that_stop(stop)) == {kind for kind in HoldKind if stop in HOLDS[kind].stops}
    assert kinds_that_stop(stop)


# Money and days


def test_a_hold_told_of_later_gives_the_same_days_and_takes_back_what_was_charged(case):
    before = [days_late(case, TODAY + number * DAY) for number in range(-9, 1)]
    charge(case, days_ago(6), "early")
    charge(case, days_ago(3), "late")
    open_hold(
        borrower=case.borrower, kind="breathing_space", by=SYSTEM, at=NOW, starts_on=days_ago(4), days=3
    )
    after = [days_late(case, TODAY + number * DAY) for number in range(-9, 1)]
    assert before == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert after == [1, 2, 3, 4, 5, 5, 5, 5, 6, 7]
    entries = LedgerEntry.objects.filter(loan=case.loan, kind="waiver")
    assert [(entry.value_date, entry.amount) for entry in entries] == [(days_ago(3), -5_00)]
    assert standing_of([case.loan_id], TODAY)[case.loan_id].outstanding == 105_00


def test_the_order_in_which_holds_become_known_does_not_matter(portfolio):
    stretches = [(days_ago(30), 10), (days_ago(25), 3), (days_ago(22), 8), (days_ago(5), None)]

    def late(order) -> list[int]:
        case = make_case(portfolio, due_on=days_ago(40), principal=100_00)
        for place in order:
            starts_on, days = stretches[place]
            kind = "disaster" if place % 2 else "breathing_space"
            open_hold(borrower=case.borrower, kind=kind, by=SYSTEM, at=NOW, starts_on=starts_on, days=days)
        return [days_late(case, TODAY + number * DAY) for number in range(-40, 5)]

    assert late([0, 1, 2, 3]) == late([3, 1, 0, 2]) == late([2, 3, 1, 0])


def test_days_count_again_from_the_day_on_which_a_hold_is_ended(case):
    hold = open_hold(borrower=case.borrower, kind="identity_theft", by=SYSTEM, at=NOW)
    assert days_late(case, TODAY + 5 * DAY) == 9
    end_hold(hold=hold, by=SYSTEM, at=NOW + 5 * DAY, reason="cleared_up")
    assert [days_late(case, TODAY + number * DAY) for number in (4, 5, 6)] == [9, 10, 11]
    assert set(Pause.objects.values_list("what", "ends_on")) == {
        ("ageing", TODAY + 4 * DAY), ("charges", TODAY + 4 * DAY)
    }  # fmt: skip


def test_a_loan_that_only_falls_due_in_a_breathing_space_gets_no_case(portfolio):
    loan = make_loan(make_reachable(portfolio), portfolio=portfolio, due_on=days_ago(1), principal=50_00)
    open_hold(borrower=loan.borrower, kind="breathing_space", by=SYSTEM, at=NOW, days=3)
    assert (run().summary["opened"], run().summary["newly_overdue"]) == (0, 0)
    assert [run(TODAY + number * DAY).summary["newly_overdue"] for number in (1, 2, 3, 4)] == [0, 0, 1, 0]
    assert Case.objects.get(loan=loan).opened_on == TODAY + 3 * DAY


# Evidence


def test_a_hold_begins_on_a_word_and_is_asked_about_until_it_is_proved(case):
    hold = open_hold(borrower=case.borrower, kind="bankruptcy", by=SYSTEM, at=NOW)
    assert (hold.evidence, hold.review_on) == ("", TODAY + 14 * DAY)
    proved = prove_case_hold(
        case=case, hold=hold, evidence=Evidence.COURT, reference="26-10123", by=SYSTEM, at=NOW + DAY
    )
    assert (proved.evidence, proved.evidence_ref, proved.review_on) == ("court", "26-10123", TODAY + 91 * DAY)
    assert told("hold.proved") == [
        {"hold": str(hold.pk), "kind": "bankruptcy", "evidence": "court",
         "review_on": (TODAY + 91 * DAY).isoformat()}
    ]  # fmt: skip
    with pytest.raises(HoldRefused) as refused:
        prove_hold(hold=hold, evidence=Evidence.COURT, reference="other", by=SYSTEM, at=NOW + DAY)
    assert refused.value.code == "proved_already"
    with pytest.raises(DatabaseError, match="shown to be right, once"), transaction.atomic():
        Hold.objects.filter(pk=hold.pk).update(evidence_ref="another")


@pytest.mark.parametrize(
    ("evidence", "reference", "code"),
    [("medical", "x", "other_evidence"), ("court", "", "no_reference"), ("", "x", "other_evidence")],
)
def test_what_shows_something_else_is_refused(case, evidence, reference, code):
    with pytest.raises(HoldRefused) as refused:
        open_hold(
            borrower=case.borrower,
            kind="bankruptcy",
            by=SYSTEM,
            at=NOW,
            evidence=evidence,
            evidence_ref=reference,
        )
    assert refused.value.code == code
    assert not Hold.objects.exists()


# Reviews and ends


def test_a_review_is_a_step_when_it_comes_and_is_done_by_looking(case, people):
    hold = open_hold(borrower=case.borrower, kind="hardship", by=SYSTEM, at=NOW)
    assert run(TODAY + 13 * DAY).summary["hold_reviews"] == 0
    assert run(TODAY + 14 * DAY).summary["hold_reviews"] == 1
    assert run(TODAY + 15 * DAY).summary["hold_reviews"] == 0  # it waits already
    assert steps(case) == [("review", at_six(TODAY + 14 * DAY), "hold_review")]
    later = at_six(TODAY + 15 * DAY) + DAY / 2
    with pytest.raises(PermissionDenied):
        keep_case_hold(case=case, hold=hold, by=Actor.staff(people.alice), at=later)
    kept = keep_case_hold(case=case, hold=hold, by=Actor.staff(people.bob), at=later)
    assert (kept.review_on, kept.ended_at, steps(case)) == (TODAY + 29 * DAY, None, [])
    assert told("hold.kept") == [
        {"hold": str(hold.pk), "kind": "hardship", "review_on": (TODAY + 29 * DAY).isoformat()}
    ]


def test_a_hold_is_ended_by_its_date_once_with_an_event(case):
    hold = open_hold(borrower=case.borrower, kind="says_paid", by=SYSTEM, at=NOW)  # to the fifth
    counts = {number: run(TODAY + number * DAY).summary["holds_ended"] for number in range(2, 7)}
    # A day after the last one, when it is over wherever the borrower lives.
    assert counts == {2: 0, 3: 0, 4: 1, 5: 0, 6: 0}
    hold.refresh_from_db()
    assert (hold.ended_at, hold.ended_by) == (at_six(TODAY + 4 * DAY), "run_day")
    assert told("hold.ended") == [{"hold": str(hold.pk), "kind": "says_paid", "reason": "last_day"}]


def test_only_a_hold_of_the_case_is_ended_from_it(case, people, portfolio):
    other = make_case(portfolio)
    hold = open_hold(borrower=other.borrower, kind="dispute", by=SYSTEM, at=NOW)
    with pytest.raises(ValueError, match="not one of this case"):
        end_case_hold(case=case, hold=hold, reason="cleared_up", by=Actor.staff(people.bob), at=NOW)
    with pytest.raises(ValueError, match="no reason"):
        end_case_hold(case=other, hold=hold, reason="whim", by=Actor.staff(people.bob), at=NOW)
    assert Hold.objects.get().ended_at is None


# The page


def test_the_case_says_what_is_stopped_until_when_and_when_it_is_looked_at(client, case, people, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    hold = open_hold(
        borrower=case.borrower, kind="breathing_space", by=SYSTEM, at=NOW, starts_on=TODAY - 14 * DAY, days=60,
        loan=case.loan,
    )  # fmt: skip
    client.force_login(people.bob)
    page = " ".join(client.get(reverse("case", args=[case.pk])).content.decode().split())
    for words in (
        "asking for payment, by every channel, ageing, fees and interest for being late, legal steps, handing to an agency",
        "this loan only",
        "Looked at, it goes on",
        "End this hold",
        "Write down what shows it",
    ):
        assert words in page, words
    client.post(
        reverse("case_hold_prove", args=[case.pk]),
        {"hold": hold.pk, "evidence": "adviser", "reference": "DA-7"},
    )
    client.post(reverse("case_hold_end", args=[case.pk]), {"hold": hold.pk, "reason": "cleared_up"})
    hold.refresh_from_db()
    assert (hold.evidence, hold.ended_at, hold.ended_by) == ("adviser", NOW, str(people.bob.ref))
    again = client.post(
        reverse("case_hold_end", args=[case.pk]), {"hold": hold.pk, "reason": "cleared_up"}, follow=True
    )
    assert "This hold has ended." in again.content.decode()
    client.force_login(people.alice)
    assert client.post(reverse("case_hold_end", args=[case.pk]), {"hold": hold.pk}).status_code == 403
