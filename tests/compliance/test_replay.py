"""Any stored decision is given again with the same answer, by its own text, whatever is in force today; and one that was not
made so is found."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from compliance.actions import gate
from compliance.actions.contacts import note_outcome, place
from compliance.actions.holds import open_hold
from compliance.actions.replays import CHUNK, Shelf, give_again
from compliance.models import ContactDecision, PackVersion
from compliance.rules import Packs, load_packs, parse_pack
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, make_portfolio

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def replayed(*arguments) -> tuple[dict, int, str]:
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("replay_decisions", *arguments, stdout=out, stderr=err)
    except SystemExit as stop:
        code = stop.code
    return json.loads(out.getvalue().splitlines()[-1]), code, err.getvalue()


@pytest.fixture
def many(db):
    """A few dozen decisions of every outcome, in two countries, at all hours, with history, holds and consents."""
    danas = [
        make_dana(),
        make_dana(make_portfolio(jurisdictions=["CN"], zone="Asia/Shanghai"), phone="+86 139 1234 5678"),
    ]
    for dana in danas:
        for hours in range(0, 96, 5):
            answer = dana.ask(at=NOW + hours * HOUR)
            if answer.permit_id:
                attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=NOW + hours * HOUR)
                note_outcome(
                    attempt=attempt, disposition="x", connected=True, answered=hours % 3 == 0,
                    right_party=hours % 3 == 0, conversation=hours % 3 == 0, by=SYSTEM, at=NOW + hours * HOUR,
                )  # fmt: skip
            dana.ask("email", at=NOW + hours * HOUR)
        open_hold(borrower=dana.borrower, kind="dispute", by=SYSTEM, at=NOW + 4 * DAY, days=3)
        dana.ask(at=NOW + 5 * DAY)
    return ContactDecision.objects.all()


def test_every_stored_decision_is_given_again(many):
    outcomes = set(many.values_list("outcome", flat=True))
    assert {"permitted", "presumed_violation", "prohibited"} <= outcomes
    told, code, _errors = replayed()
    assert (told["decisions"], told["same"], told["different"], code) == (many.count(), many.count(), 0, 0)


def test_by_its_own_text_whatever_is_in_force_today(many, monkeypatch):
    stricter = Packs(
        parse_pack(pack.text.replace('to: "21:00"', 'to: "09:00"'), pack.id) for pack in load_packs().all
    )
    monkeypatch.setattr(gate, "packs", lambda: stricter)
    dana = make_dana()
    dana.ask()
    decision = ContactDecision.objects.latest("pk")
    assert decision.outcome == "prohibited"
    told, code, _errors = replayed()
    assert (told["different"], code) == (0, 0)
    assert PackVersion.objects.filter(pack="us").count() == 2


def test_some_of_them(many):
    assert replayed("--limit", "7")[0]["decisions"] == 7
    last = NOW + 5 * DAY
    assert replayed("--since", last.date().isoformat())[0]["decisions"] == many.filter(at=last).count() == 2


def test_one_that_was_not_made_so_is_named(db, monkeypatch):
    """As a mistake of ours would look: the rules answer differently today."""
    dana = make_dana()
    dana.ask()
    decision = ContactDecision.objects.get()
    shelf = Shelf()
    assert give_again(decision, shelf).same
    decision.outcome = "prohibited"
    assert give_again(decision, shelf).differences == ("outcome",)
    decision = ContactDecision.objects.get()
    decision.next_allowed = NOW + DAY
    assert give_again(decision, shelf).differences == ("next_allowed",)
    decision = ContactDecision.objects.get()
    decision.results[0]["outcome"] = "prohibited"
    assert give_again(decision, shelf).differences == (decision.results[0]["rule"],)
    decision.results.pop()
    assert give_again(decision, shelf).differences == ("results",)

    def stricter(facts, packs, at):
        return gate.decide(facts, packs, at.replace(hour=6))

    monkeypatch.setattr("compliance.actions.replays.decide", stricter)
    told, code, errors = replayed()
    assert (told["decisions"], told["same"], told["different"], code) == (1, 0, 1, 1)
    assert str(decision.pk) in errors


def test_what_a_result_says_more_today_is_no_difference(db):
    dana = make_dana()
    dana.ask()
    decision = ContactDecision.objects.get()
    for each in decision.results:
        each.pop("status")
    assert give_again(decision, Shelf()).same


def test_more_than_are_read_at_a_time(db, monkeypatch):
    monkeypatch.setattr("compliance.actions.replays.CHUNK", 3)
    dana = make_dana()
    for hour in range(7):
        dana.ask("email", at=NOW + hour * HOUR)
    assert CHUNK == 500
    told, code, _errors = replayed()
    assert (told["decisions"], told["same"], code) == (7, 7, 0)
    assert replayed("--limit", "4")[0]["decisions"] == 4


@pytest.mark.django_db
def test_store_packs_is_a_command_that_may_run_twice(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    for stored in (len(gate.packs().all), 0):
        out = StringIO()
        call_command("store_packs", stdout=out)
        assert json.loads(out.getvalue()) == {"packs": len(gate.packs().all), "stored": stored}
