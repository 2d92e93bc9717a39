"""Calls: nothing is dialled without the gate, and each outcome does exactly what its line of the table says."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.actions.borrowers import add_contact_point
from accounts.models import ContactKind, PointStatus
from accounts.schedules import Every
from cases.actions.agreements import AgreementRefused, record_promise
from cases.actions.calls import (
    CallNotLogged,
    CallOpen,
    CallRefused,
    ComplaintTerms,
    Details,
    PlanTerms,
    PromiseTerms,
    log_call,
    log_inbound,
    open_call,
    place_call,
)
from cases.actions.payments import record_payment
from cases.actions.work import LeaseHeld, plan_work, take
from cases.dispositions import DISPOSITIONS, GROUP_LABELS, LABELS, Group
from cases.models import Call, CaseState, Lease, Plan, Promise, WorkKind
from compliance.audit import Actor
from compliance.models import AuditEvent, Complaint, Consent, ContactAttempt, ContactDecision, Hold
from tests.cases.stories import DAY, call, events, fresh, make_case, phone_of, steps
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio

LOGGED = NOW + timedelta(minutes=1)
NEEDED = {
    "call_back": Details(call_back_at=NOW + DAY),
    "promises": Details(promise=PromiseTerms(amount=10_00, due_on=TODAY + DAY)),
    "complaint": Details(complaint=ComplaintTerms(category="tone", words="You were unkind to me.")),
}
TRUE, FALSE, UNKNOWN = True, False, None

# The whole table: connected, answered, right party, conversation · hold (kind, on the loan, last day) · next step
# (kind, after) · what becomes of the number · state of the case.
DAYS = timedelta(days=1)
TABLE = {
    "no_answer": ((TRUE, FALSE, FALSE, FALSE), None, ("follow_up", DAYS), "active", "overdue"),
    "busy": ((FALSE, FALSE, FALSE, FALSE), None, ("follow_up", timedelta(hours=2)), "active", "overdue"),
    "switched_off": ((UNKNOWN, FALSE, FALSE, FALSE), None, ("follow_up", DAYS), "active", "overdue"),
    "suspended": ((FALSE, FALSE, FALSE, FALSE), None, ("follow_up", 3 * DAYS), "active", "overdue"),
    "not_in_service": ((FALSE, FALSE, FALSE, FALSE), None, ("address", 0 * DAYS), "retired", "overdue"),
    "voicemail": ((TRUE, FALSE, FALSE, FALSE), None, ("follow_up", DAYS), "active", "overdue"),
    "wrong_number": ((TRUE, TRUE, FALSE, FALSE), None, ("address", 0 * DAYS), "wrong", "overdue"),
    "third_party": ((TRUE, TRUE, FALSE, FALSE), None, ("follow_up", 2 * DAYS), "active", "overdue"),
    "hung_up": ((TRUE, TRUE, UNKNOWN, FALSE), None, ("follow_up", DAYS), "active", "overdue"),
    "call_back": ((TRUE, TRUE, TRUE, TRUE), None, ("callback", None), "active", "negotiating"),
    "promises": ((TRUE, TRUE, TRUE, TRUE), None, None, "active", "negotiating"),
    "says_paid": (
        (TRUE, TRUE, TRUE, TRUE),
        ("says_paid", True, TODAY + 2 * DAY),
        ("trace", 0 * DAYS),
        "active",
        "negotiating",
    ),
    "cannot_pay": ((TRUE, TRUE, TRUE, TRUE), None, ("follow_up", 3 * DAYS), "active", "negotiating"),
    "disputes": (
        (TRUE, TRUE, TRUE, TRUE),
        ("dispute", True, None),
        ("review", 0 * DAYS),
        "active",
        "negotiating",
    ),
    "refuses": ((TRUE, TRUE, TRUE, TRUE), None, ("follow_up", 7 * DAYS), "active", "negotiating"),
    "lawyer": (
        (TRUE, TRUE, TRUE, TRUE),
        ("attorney", False, None),
        ("review", 0 * DAYS),
        "active",
        "negotiating",
    ),
    "complaint": ((TRUE, TRUE, TRUE, TRUE), ("complaint", False, None), None, "active", "negotiating"),
    "ill_or_bereaved": (
        (TRUE, TRUE, TRUE, TRUE),
        ("ill_or_bereaved", False, TODAY + 13 * DAY),
        ("follow_up", 14 * DAYS),
        "active",
        "negotiating",
    ),
    "deceased": (
        (TRUE, TRUE, FALSE, FALSE),
        ("deceased", False, None),
        ("review", 0 * DAYS),
        "active",
        "overdue",
    ),
}


@pytest.fixture
def portfolio(db):
    return make_portfolio()


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def case(portfolio):
    return make_case(portfolio, principal=100_00)


# The data


def test_the_dispositions_are_these_in_this_order_each_with_a_key_of_its_own():
    assert list(DISPOSITIONS) == list(TABLE) == list(LABELS)
    assert "".join(row.key for row in DISPOSITIONS.values()) == "123456789bpsndrlcie"
    assert {row.group for row in DISPOSITIONS.values()} == set(Group) == set(GROUP_LABELS)


def test_labels_follow_the_readers_language_and_what_is_needed_is_said():
    assert str(DISPOSITIONS["suspended"].label) == "Service suspended"
    assert {code: row.needs for code, row in DISPOSITIONS.items() if row.needs} == {
        "call_back": "callback",
        "promises": "agreement",
        "complaint": "complaint",
    }


# Placing


def test_a_call_is_placed_through_the_gate_and_open_until_it_is_logged(case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    attempt = ContactAttempt.objects.get(pk=placed.attempt_id)
    assert (attempt.channel, attempt.direction, attempt.purpose, attempt.loans, attempt.permit.used_at is None) == (
        "call", "out", "collect", [case.loan_id], False,
    )  # fmt: skip
    assert open_call(people.alice) == placed
    assert Lease.objects.get(case=case).holder == people.alice
    assert events(case) == ["case.opened", "case.leased", "contact.decided", "contact.attempted"]
    log_call(call=placed, disposition="busy", by=Actor.staff(people.alice), at=LOGGED)
    assert open_call(people.alice) is None


def test_a_refused_call_says_why_and_when_and_its_decision_is_kept(case, people):
    night = datetime(2026, 3, 4, 7, 0, tzinfo=UTC)  # two in the morning in New York
    with pytest.raises(CallRefused) as refused:
        place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=night)
    assert refused.value.next_allowed is not None
    assert refused.value.next_allowed > night
    assert "New York" in str(refused.value)
    assert (ContactAttempt.objects.count(), Call.objects.count()) == (0, 0)
    assert ContactDecision.objects.get().allowed is False


def test_the_outcome_of_the_last_call_comes_before_the_next(portfolio, case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    other = make_case(portfolio)
    with pytest.raises(CallOpen) as waiting:
        place_call(case=other, contact_point=phone_of(other.borrower), user=people.alice, at=NOW)
    assert waiting.value.call == placed


def test_nobody_calls_on_a_case_somebody_else_works_on(case, people):
    take(case=case, user=people.bob, at=NOW)
    with pytest.raises(LeaseHeld):
        place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    assert ContactDecision.objects.count() == 0


def test_a_held_borrower_is_not_called(case, people):
    call(case, people.alice, "disputes")
    with pytest.raises(CallRefused) as refused:
        place_call(
            case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW + timedelta(hours=1)
        )
    assert str(refused.value) == "The borrower disputes the debt."


# Logging


@pytest.mark.parametrize("code", TABLE)
def test_an_outcome_does_what_its_line_says(case, people, code):
    facts, hold, step, point_status, state = TABLE[code]
    placed = call(case, people.alice, code, details=NEEDED.get(code))
    outcome = placed.attempt.outcomes.get()
    assert (outcome.connected, outcome.answered, outcome.right_party, outcome.conversation) == facts
    assert outcome.disposition == code
    assert (placed.disposition, placed.logged_at) == (code, LOGGED)

    holds = [(each.kind, each.loan_id == case.loan_id, each.ends_on) for each in Hold.objects.all()]
    assert holds == ([hold] if hold else [])
    if step and step[1] is not None:
        assert steps(case) == [(step[0], LOGGED + step[1], code)]
    elif step:
        assert steps(case) == [("callback", NOW + DAY, "asked_for")]
    else:
        assert steps(case) == []
    assert phone_of(case.borrower).status == point_status
    assert fresh(case).state == state


def test_what_a_call_was_for_is_done_and_what_is_later_or_another_matter_stays(case, people):
    for kind, due_at in (
        (WorkKind.FIRST_CALL, NOW),
        (WorkKind.FOLLOW_UP, NOW + DAY),
        (WorkKind.TRACE, NOW),
    ):
        plan_work(case=case, kind=kind, due_at=due_at, reason="test", by=SYSTEM, at=NOW)
    call(case, people.alice, "refuses")
    assert steps(case) == [("trace", NOW, "test"), ("follow_up", LOGGED + 7 * DAYS, "refuses")]
    assert case.work_items.get(kind="first_call").result == "refuses"


def test_a_wrong_number_is_marked_and_the_next_one_is_called(case, people):
    add_contact_point(
        borrower=case.borrower, kind=ContactKind.EMAIL, text="other@example.com", source="application",
        ground="contract", by=SYSTEM, at=NOW,
    )  # fmt: skip
    second = add_contact_point(
        borrower=case.borrower, kind=ContactKind.PHONE, text="+1 212 555 9999", region="US", source="application",
        ground="contract", by=SYSTEM, at=NOW,
    )  # fmt: skip
    first = case.borrower.contact_points.filter(kind=ContactKind.PHONE).exclude(pk=second.pk).get()
    placed = place_call(case=case, contact_point=first, user=people.alice, at=NOW)
    log_call(call=placed, disposition="wrong_number", by=Actor.staff(people.alice), at=LOGGED)
    first.refresh_from_db()
    assert (first.status, first.status_reason) == (PointStatus.WRONG, "wrong_number")
    assert steps(case) == [("follow_up", LOGGED + DAYS, "wrong_number")]


def test_whoever_has_promised_is_left_in_peace_until_the_day_comes(case, people):
    record_promise(case=case, amount=10_00, due_on=TODAY + 5 * DAY, channel="email", by=SYSTEM, at=NOW)
    call(case, people.alice, "no_answer")
    assert steps(case) == []


@pytest.mark.parametrize(
    ("code", "details", "refused_as"),
    [
        ("promises", Details(), "agreement"),
        ("call_back", Details(), "callback"),
        ("call_back", Details(call_back_at=NOW), "callback_time"),
        ("call_back", Details(call_back_at=NOW + 15 * DAY), "callback_time"),
        ("complaint", Details(), "complaint"),
        ("went_well", Details(), "no_disposition"),
    ],
)
def test_an_outcome_without_what_it_needs_stores_nothing(case, people, code, details, refused_as):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    before = AuditEvent.objects.count()
    with pytest.raises(CallNotLogged) as refused:
        log_call(call=placed, disposition=code, by=Actor.staff(people.alice), at=LOGGED, details=details)
    assert refused.value.code == refused_as
    assert AuditEvent.objects.count() == before
    assert open_call(people.alice) == placed


def test_terms_that_do_not_hold_take_the_whole_outcome_back(case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    too_much = Details(promise=PromiseTerms(amount=1_000_00, due_on=TODAY))
    with pytest.raises(AgreementRefused):
        log_call(
            call=placed, disposition="promises", by=Actor.staff(people.alice), at=LOGGED, details=too_much
        )
    assert placed.attempt.outcomes.count() == 0
    assert fresh(case).state == CaseState.OVERDUE


def test_a_promise_recorded_during_the_call_is_enough(case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    by = Actor.staff(people.alice)
    record_promise(case=case, amount=10_00, due_on=TODAY + DAY, channel="call", by=by, at=NOW)
    log_call(call=placed, disposition="promises", by=by, at=LOGGED)
    assert fresh(case).state == CaseState.NEGOTIATING


def test_a_plan_agreed_on_the_phone_takes_the_case_all_the_way(case, people):
    terms = PlanTerms(count=2, first_due_on=TODAY + DAY, every=Every(months=1))
    call(case, people.alice, "promises", details=Details(plan=terms))
    assert fresh(case).state == CaseState.INSTALLMENT_PLAN
    assert list(case.transitions.order_by("seq").values_list("target", flat=True)) == [
        "negotiating",
        "installment_plan",
    ]
    assert Plan.objects.get().channel == "call"


def test_an_outcome_is_stored_once(case, people):
    placed = call(case, people.alice, "busy")
    with pytest.raises(CallNotLogged) as refused:
        log_call(call=placed, disposition="voicemail", by=Actor.staff(people.alice), at=LOGGED)
    assert refused.value.code == "logged"
    assert placed.attempt.outcomes.count() == 1


def test_a_callback_is_consent_for_its_day_and_comes_back_to_who_agreed_it(portfolio, people):
    case = make_case(portfolio)
    late = datetime(2026, 3, 5, 1, 30, tzinfo=UTC)  # half past eight in the evening of the 4th in New York
    placed = call(case, people.alice, "call_back", details=Details(call_back_at=late))
    consent = Consent.objects.get()
    assert (consent.kind, consent.from_on, consent.to_on, consent.evidence) == (
        "call_back", date(2026, 3, 4), date(2026, 3, 4), f"attempt:{placed.attempt_id}",
    )  # fmt: skip
    item = case.work_items.get(kind="callback")
    assert (item.due_at, item.assignee) == (late, people.alice)


def test_a_complaint_is_logged_with_its_clock_and_holds_collection(case, people):
    call(case, people.alice, "complaint", details=NEEDED["complaint"])
    complaint = Complaint.objects.get()
    assert (complaint.category, complaint.channel, complaint.loan, complaint.portfolio) == (
        "tone", "call", case.loan, case.portfolio,
    )  # fmt: skip
    assert complaint.hold == Hold.objects.get()


def test_the_reason_and_a_note_come_with_the_outcome(case, people):
    call(case, people.alice, "cannot_pay", details=Details(reason="illness", note="In hospital until May."))
    assert fresh(case).arrears_reason == "illness"
    assert case.notes.get().author == people.alice
    assert "reason.recorded" in events(case)


def test_a_case_cured_during_the_call_is_logged_and_gets_no_more_work(case, people):
    placed = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    by = Actor.staff(people.alice)
    record_payment(case=case, amount=100_00, value_date=TODAY, reference="P", by=by, at=NOW)
    log_call(call=placed, disposition="cannot_pay", by=by, at=LOGGED)
    assert (fresh(case).state, steps(case)) == (CaseState.CURED, [])
    with pytest.raises(CallNotLogged) as refused:
        log_inbound(
            case=case, disposition="promises", user=people.alice, at=LOGGED, details=NEEDED["promises"]
        )
    assert refused.value.code == "closed"


def test_the_borrower_calls_us_without_a_permit(case, people):
    logged = log_inbound(
        case=case, disposition="promises", user=people.alice, at=NOW, details=NEEDED["promises"]
    )
    assert (logged.attempt.direction, logged.attempt.permit, logged.attempt.outcomes.get().conversation) == (
        "in",
        None,
        True,
    )
    assert (fresh(case).state, Promise.objects.get().amount) == (CaseState.NEGOTIATING, 10_00)
    with pytest.raises(CallNotLogged) as refused:
        log_inbound(case=case, disposition="voicemail", user=people.alice, at=NOW)
    assert refused.value.code == "not_spoken"
