"""The map of states: the code's table, the database's table, and what the database refuses whoever asks."""

from itertools import pairwise

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from accounts.models import Portfolio
from cases.guards import GUARDS
from cases.machine import BY_MOVE, CLOSED_STATES, EDGES, OPEN_STATES, STATES, targets
from cases.models import Case, CaseState, Edge
from tests.cases.stories import agreed_by_two, in_time, make_case, make_reachable
from tests.factories import NOW, make_loan, make_portfolio

pytestmark = pytest.mark.django_db

OFF_THE_MAP = [(a, b) for a in STATES for b in STATES if a != b and (a, b) not in BY_MOVE]


def way_to(state: str) -> list[str]:
    """The shortest way from the beginning to a state."""
    ways = [["overdue"]]
    while ways[0][-1] != state:
        way = ways.pop(0)
        ways += [[*way, target] for target in targets(way[-1]) if target not in way]
    return ways[0]


def write_transition(case: Case, source: str, target: str, seq: int) -> None:
    """To legal with all that the database wants for it."""
    approval = None
    if target == "legal":
        in_time(case)
        approval = agreed_by_two(case).pk
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cases_transition (case_id, seq, source, target, at, actor_kind, actor, reason, approval_id)"
            " VALUES (%s, %s, %s, %s, %s, 'system', 'test', 'test', %s)",
            [case.pk, seq, source, target, NOW, approval],
        )


def write_state(case: Case, state: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE cases_case SET state = %s, closed_at = %s WHERE id = %s",
            [state, NOW if state in CLOSED_STATES else None, case.pk],
        )


def move_by_hand(case: Case, target: str, seq: int, *, source: str) -> None:
    write_transition(case, source, target, seq)
    write_state(case, target)


def case_in(state: str, portfolio: Portfolio | None = None) -> tuple[Case, int]:
    """A case brought to a state by plain SQL along the map, and its number of moves."""
    case = make_case(portfolio)
    way = way_to(state)
    for seq, (source, target) in enumerate(pairwise(way), 1):
        move_by_hand(case, target, seq, source=source)
    return case, len(way) - 1


def test_the_database_knows_exactly_the_edges_of_the_code():
    assert set(Edge.objects.values_list("source", "target")) == set(BY_MOVE)
    assert len(EDGES) == len(BY_MOVE) == 33


def test_every_edge_has_a_guard_and_every_guard_an_edge():
    assert {edge.guard for edge in EDGES} == set(GUARDS)


def test_states_are_those_of_the_model_and_all_can_be_reached():
    assert set(CaseState.values) == set(STATES)
    assert {target for _source, target in BY_MOVE} | {"overdue"} == set(STATES)


def test_the_model_offers_the_moves_of_the_table():
    case = Case()
    for state in STATES:
        case.__dict__["state"] = state
        offered = {transition.target for transition in case.get_available_state_transitions()}
        assert offered == set(targets(state)), state


@pytest.mark.parametrize("source", STATES)
def test_no_state_is_left_or_reached_without_a_transition_row(source):
    case, _moves = case_in(source)
    for target in STATES:
        if target == source:
            continue
        with pytest.raises(IntegrityError, match="no such transition is recorded"), transaction.atomic():
            write_state(case, target)
    assert Case.objects.get(pk=case.pk).state == source


@pytest.mark.parametrize(("source", "target"), OFF_THE_MAP)
def test_a_transition_off_the_map_cannot_be_recorded(source, target):
    case = make_case()
    with pytest.raises(IntegrityError, match="transition_on_the_map"), transaction.atomic():
        write_transition(case, source, target, 1)


def test_a_recorded_transition_opens_its_own_door_only():
    case, moves = case_in("negotiating")
    write_transition(case, "negotiating", "cured", moves + 1)
    with pytest.raises(IntegrityError, match="no such transition is recorded"), transaction.atomic():
        write_state(case, "settled")
    write_state(case, "cured")
    assert Case.objects.get(pk=case.pk).state_seq == moves + 1


def test_a_transition_from_another_state_than_the_case_is_in_opens_nothing():
    case, moves = case_in("negotiating")
    with pytest.raises(IntegrityError, match="no such transition is recorded"), transaction.atomic():
        move_by_hand(case, "legal", moves + 1, source="notified")


def test_an_old_transition_is_not_used_twice():
    case, moves = case_in("legal")
    write_transition(case, "legal", "negotiating", moves + 1)
    write_state(case, "negotiating")
    with pytest.raises(IntegrityError, match="no such transition is recorded"), transaction.atomic():
        write_state(case, "legal")


def test_a_transition_without_its_change_does_not_survive_the_transaction():
    case = make_case()
    with transaction.atomic():
        write_transition(case, "overdue", "notified", 1)
        with pytest.raises(IntegrityError, match="recorded but not made"):
            connection.check_constraints()
        transaction.set_rollback(True)


def test_the_count_of_moves_belongs_to_the_trigger():
    case, moves = case_in("negotiating")
    Case.objects.filter(pk=case.pk).update(state_seq=99)
    assert Case.objects.get(pk=case.pk).state_seq == moves


@pytest.mark.parametrize("state", [state for state in STATES if state != "overdue"])
def test_a_case_begins_as_overdue(state):
    loan = make_loan(make_reachable(make_portfolio()))
    with pytest.raises(IntegrityError, match="begins as overdue"), transaction.atomic():
        Case.objects.create(
            borrower=loan.borrower,
            loan=loan,
            portfolio=loan.portfolio,
            state=state,
            opened_on=NOW.date(),
            closed_at=None if state in OPEN_STATES else NOW,
        )


@pytest.mark.parametrize("statement", ["DELETE FROM cases_case", "TRUNCATE cases_case CASCADE"])
def test_cases_are_never_removed(statement):
    make_case()
    with (
        pytest.raises((ProgrammingError, DatabaseError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases_transition SET reason = 'other'",
        "DELETE FROM cases_transition",
        "INSERT INTO cases_edge (source, target) VALUES ('cured', 'legal')",
        "DELETE FROM cases_edge",
    ],
)
def test_the_app_rewrites_neither_history_nor_the_map(statement):
    case_in("notified")
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_case_stays_with_its_loan():
    case, other = make_case(), make_case()
    with pytest.raises(IntegrityError, match="stays with its loan"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(loan=other.loan)
