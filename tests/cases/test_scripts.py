"""Walking the first call: every answer stored as it is given."""

import pytest

from cases.actions.calls import Details, log_call, place_call
from cases.actions.notes import NoteRefused, add_note, open_note, record_reason
from cases.actions.scripts import (
    BACK,
    ScriptRefused,
    answer_step,
    finish_script,
    start_script,
    step_back,
    walk,
)
from cases.models import Note
from communications.actions.texts import load_texts
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import events, fresh, make_case, phone_of
from tests.factories import NOW, SYSTEM, make_people, make_portfolio

TO_THE_OFFER = [
    ("greet", "speaking"),
    ("right_party", "confirmed"),
    ("who_and_why", "said"),
    ("may_we_talk", "now"),
    ("reason", "job_loss"),
]


@pytest.fixture
def people(db):
    load_texts(by=SYSTEM, at=NOW)
    return make_people(make_portfolio())


@pytest.fixture
def case(people):
    return make_case(people.alice.team.portfolios.get())


def go(run, way, by):
    for step, answer in way:
        here = answer_step(run=run, step=step, answer=answer, by=by, at=NOW, said=True)
    return here


def test_a_walk_is_stored_step_by_step(case, people):
    by = Actor.staff(people.alice)
    run = start_script(case=case, user=people.alice, at=NOW)
    assert walk(run).step.id == "greet"
    here = go(run, TO_THE_OFFER, by)
    assert (here.step.id, here.right_party, here.disposition) == ("hardship", True, "")
    assert here.passed == tuple(step for step, _answer in TO_THE_OFFER)
    assert list(run.steps.order_by("seq").values_list("seq", "step", "answer")) == [
        (seq, *each) for seq, each in enumerate(TO_THE_OFFER, 1)
    ]
    assert fresh(case).arrears_reason == "job_loss"
    assert events(case).count("script.step") == 5


def test_an_answer_proposes_an_outcome_and_a_form(case, people):
    by = Actor.staff(people.alice)
    run = start_script(case=case, user=people.alice, at=NOW)
    here = go(run, [*TO_THE_OFFER, ("hardship", "later"), ("promise", "agreed")], by)
    assert (here.step.id, here.disposition, here.form) == ("summary", "promises", "promise")


def test_a_step_back_takes_the_answer_back_and_keeps_both_in_the_record(case, people):
    by = Actor.staff(people.alice)
    run = start_script(case=case, user=people.alice, at=NOW)
    go(run, [("greet", "not_here")], by)
    assert walk(run).disposition == "third_party"
    here = step_back(run=run, by=by, at=NOW)
    assert (here.step.id, here.disposition, here.passed) == ("greet", "", ())
    assert list(run.steps.order_by("seq").values_list("answer", flat=True)) == ["not_here", BACK]
    with pytest.raises(ScriptRefused) as refused:
        step_back(run=run, by=by, at=NOW)
    assert refused.value.code == "at_start"


@pytest.mark.parametrize(
    ("step", "answer", "said", "code"),
    [
        ("greet", "speaking", True, "passed"),
        ("who_and_why", "said", False, "must_say"),
        ("who_and_why", "of_course", True, "no_answer"),
    ],
)
def test_what_the_script_does_not_offer_is_refused_and_not_stored(case, people, step, answer, said, code):
    by = Actor.staff(people.alice)
    run = start_script(case=case, user=people.alice, at=NOW)
    go(run, TO_THE_OFFER[:2], by)
    with pytest.raises(ScriptRefused) as refused:
        answer_step(run=run, step=step, answer=answer, by=by, at=NOW, said=said)
    assert (refused.value.code, run.steps.count()) == (code, 2)


def test_a_run_is_gone_on_with_by_its_agent_and_left_behind_by_another(case, people):
    run = start_script(case=case, user=people.alice, at=NOW)
    assert start_script(case=case, user=people.alice, at=NOW) == run
    other = start_script(case=case, user=people.bob, at=NOW)
    run.refresh_from_db()
    assert (other != run, run.result, run.finished_at) == (True, "left", NOW)


def test_a_finished_run_takes_no_more_answers(case, people):
    by = Actor.staff(people.alice)
    run = start_script(case=case, user=people.alice, at=NOW)
    finished = finish_script(run=run, by=by, at=NOW)
    assert finished.result == "left"
    finish_script(run=run, by=by, at=NOW, result="again")
    run.refresh_from_db()
    assert run.result == "left"
    with pytest.raises(ScriptRefused) as refused:
        answer_step(run=run, step="greet", answer="speaking", by=by, at=NOW)
    assert refused.value.code == "finished"


def test_logging_the_call_ends_the_script_where_it_stands(case, people):
    by = Actor.staff(people.alice)
    call = place_call(case=case, contact_point=phone_of(case.borrower), user=people.alice, at=NOW)
    run = start_script(case=case, user=people.alice, at=NOW, call=call)
    here = go(run, [("greet", "wrong_number")], by)
    assert here.step.end is not None
    log_call(call=call, disposition=here.disposition, by=by, at=NOW, details=Details())
    run.refresh_from_db()
    assert (run.result, run.call) == ("wrong_number", call)


def test_a_script_nobody_has_written_cannot_be_started(case, people):
    with pytest.raises(ScriptRefused) as refused:
        start_script(case=case, user=people.alice, at=NOW, key="hard_sell")
    assert refused.value.code == "no_script"


# Notes and reasons


def test_a_note_is_sealed_and_opens_for_its_case(case, people):
    note = add_note(case=case, body="  Speaks French.\r\nCall after six.\0 ", author=people.alice, at=NOW)
    stored = Note.objects.get()
    assert b"French" not in bytes(stored.body_sealed)
    assert open_note(note) == "Speaks French.\nCall after six."
    event = AuditEvent.objects.get(type="case.noted")
    assert b"French" not in bytes(event.leaf)
    assert str(note.pk).encode() in bytes(event.leaf)


@pytest.mark.parametrize(("body", "code"), [("", "empty"), (" \n ", "empty"), ("x" * 4001, "too_long")])
def test_a_note_says_something_and_not_everything(case, people, body, code):
    with pytest.raises(NoteRefused) as refused:
        add_note(case=case, body=body, author=people.alice, at=NOW)
    assert refused.value.code == code


def test_the_same_reason_told_again_is_no_news(case):
    record_reason(case=case, reason="forgot", by=SYSTEM, at=NOW)
    record_reason(case=case, reason="forgot", by=SYSTEM, at=NOW)
    record_reason(case=case, reason="illness", by=SYSTEM, at=NOW)
    assert (fresh(case).arrears_reason, events(case).count("reason.recorded")) == ("illness", 2)
    with pytest.raises(ValueError, match="lazy"):
        record_reason(case=case, reason="lazy", by=SYSTEM, at=NOW)
