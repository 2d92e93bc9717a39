"""Who did what with a file, in the log: confirmed, destroyed; and what a first tape sets up."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.actions import tapes
from accounts.models import ImportKind, ImportRun, ImportState, LegalEntity, Portfolio
from accounts.tapes.mapping import load_mapping
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.accounts.tapes import PLAIN, as_csv
from tests.factories import NOW, SYSTEM, make_people, make_portfolio

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def bob(portfolio):
    return Actor.staff(make_people(portfolio).bob)


@pytest.fixture
def run(portfolio, bob):
    return tapes.keep_file(
        kind=ImportKind.LOANS,
        portfolio=portfolio,
        mapping="standard",
        name="Dana Field.csv",
        content=as_csv([PLAIN]),
        by=bob,
        at=NOW,
    )


def events():
    found = AuditEvent.objects.order_by("recorded_at")
    return [(event.type, event.actor, json.loads(bytes(event.leaf))["data"]) for event in found]


def test_who_confirms_is_in_the_log_once(run, bob):
    assert [tapes.confirm(run=run, by=bob, at=NOW) for _ in range(2)] == [True, False]
    assert events() == [("import.confirmed", bob.ref, {"run": str(run.pk), "kind": "loans"})]


def test_nothing_is_kept_of_the_files_name(run):
    row = ImportRun.objects.values().get(pk=run.pk)
    assert not [name for name, value in row.items() if "Dana" in str(value)]


def test_destroying_is_in_the_log_and_a_destroyed_file_is_not_imported(run, bob):
    later = NOW + tapes.KEPT_FOR
    assert tapes.destroy_expired(by=SYSTEM, at=later) == 0
    assert events() == []
    assert tapes.destroy_expired(by=SYSTEM, at=later + timedelta(seconds=1)) == 1
    assert events() == [("import.files_destroyed", "test", {"runs": 1})]
    run.refresh_from_db()
    assert (run.file_sealed, run.wrapped_key) == (None, None)
    assert not tapes.confirm(run=run, by=bob, at=later)
    assert run.state == ImportState.PREVIEWED


def test_what_waits_for_the_worker_is_not_destroyed(run, bob):
    tapes.confirm(run=run, by=bob, at=NOW)
    assert tapes.destroy_expired(by=SYSTEM, at=NOW + 2 * tapes.KEPT_FOR) == 0


def test_a_first_tape_sets_up_its_lender_and_portfolio_with_their_events():
    mapping = load_mapping("standard")
    for code in ("one", "two"):
        tapes.portfolio_for(code=code, mapping=mapping, by=SYSTEM, at=NOW)
    assert [event for event, _actor, _data in events()] == [
        "legal_entity.created",
        "portfolio.created",
        "portfolio.created",
    ]
    assert LegalEntity.objects.count() == 1


@pytest.mark.parametrize("code", ["two words", "信贷", "x" * 31, ""])
def test_a_code_that_cannot_be_one_makes_no_portfolio(code):
    with pytest.raises(ValidationError):
        tapes.portfolio_for(code=code, mapping=load_mapping("standard"), by=SYSTEM, at=NOW)
    assert not Portfolio.objects.exists()
