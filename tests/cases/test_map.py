"""Every move that could be thought of, by every role: made exactly where the table, the permission and the guard allow it.

Generated from `cases/machine.py`. The same through raw SQL stands in `test_machine.py`; here a case is brought to each state
by plain SQL, the facts of the guard are made, and everybody tries.
"""

import re

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.actions.payments import receive, reverse_payment
from accounts.models import Role, User
from cases.actions.transition import MoveRefused, move
from cases.guards import GUARDS
from cases.machine import BY_MOVE, CLOSED_STATES, EDGES, OPEN_STATES, STATES, targets
from cases.models import Case, Plan, PlanState, Promise, PromiseState
from cases.picture import draw
from cases.views import states as states_page
from compliance.actions.contacts import note_inbound
from compliance.audit import Actor
from compliance.models import AuditEvent
from tests.cases.stories import agreed_by_two, fresh, in_time, told
from tests.cases.test_machine import case_in, write_transition
from tests.factories import NOW, SYSTEM, TODAY, make_portfolio, make_user

pytestmark = pytest.mark.django_db
ROLES = list(Role)


def plan_row(case: Case, state: str) -> None:
    plan = Plan.objects.create(
        case=case, total=100_00, agreed_at=NOW, agreed_on=TODAY, channel="call", actor="x", state=state,
        ended_at=None if state == PlanState.ACTIVE else NOW,
    )  # fmt: skip
    plan.instalments.create(number=1, due_on=TODAY, amount=plan.total)


def spoke(case: Case) -> None:
    note_inbound(
        borrower=case.borrower, channel="call", loans=[case.loan_id], by=SYSTEM, at=NOW, disposition="promises",
        right_party=True, conversation=True, case=case.pk,
    )  # fmt: skip


def pay(case: Case) -> None:
    """All of it, on the ledger alone: nobody has looked at the case since."""
    receive(
        portfolio=case.portfolio, loan=case.loan, reference="P", amount=100_00, value_date=TODAY, source="desk",
        by=SYSTEM, at=NOW,
    )  # fmt: skip


def take_back(case: Case) -> None:
    payment = receive(
        portfolio=case.portfolio, loan=case.loan, reference="P", amount=100_00, value_date=TODAY, source="desk",
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    reverse_payment(payment=payment, reason="chargeback", by=SYSTEM, at=NOW.replace(hour=19))


def legal_facts(case: Case) -> None:
    told(case)
    spoke(case)
    plan_row(case, PlanState.CANCELLED)
    Promise.objects.create(
        case=case, amount=1, due_on=TODAY, channel="call", made_at=NOW.replace(minute=1), made_on=TODAY, actor="x",
        state=PromiseState.BROKEN, decided_at=NOW.replace(minute=2),
    )  # fmt: skip
    in_time(case)
    agreed_by_two(case)


FACTS = {
    "notice_sent": told,
    "spoke_or_replied": spoke,
    "plan_accepted": lambda case: plan_row(case, PlanState.ACTIVE),
    "plan_over": lambda case: plan_row(case, PlanState.BROKEN),
    "arrears_paid": pay,
    "payment_reversed": take_back,
    "legal_ready": legal_facts,
    "settlement_paid": pay,
    "decided": lambda case: None,
}
ALWAYS_TRUE = {"decided"}


def tries(case: Case, target: str, person: User) -> str:
    """What becomes of one try, which is taken back at once: "moved", or the code of the refusal."""
    by = Actor.staff(person)
    try:
        with transaction.atomic():
            moved = move(case=fresh(case), to=target, by=by, at=NOW.replace(hour=20), reason="test")
            assert moved.state == Case.objects.get(pk=case.pk).state == target
            assert AuditEvent.objects.filter(type="case.moved", case_ref=case.pk, actor=by.ref).exists()
            transaction.set_rollback(True)
    except MoveRefused as refused:
        assert fresh(case).state == case.state
        return refused.code
    return "moved"


def old_case(state: str) -> Case:
    """On a loan old enough for legal."""
    portfolio = make_portfolio(terms={"legal_after_days": 10})
    case, _moves = case_in(state, portfolio)
    return fresh(case)


def test_every_guard_has_its_facts_and_its_words():
    assert set(FACTS) == set(GUARDS) == set(states_page.GUARDS)


@pytest.fixture
def people():
    return {role: make_user(role=role) for role in ROLES}


@pytest.mark.parametrize(("source", "target"), list(BY_MOVE))
def test_everybody_tries_every_move(source, target, contract, people):
    case, edge = old_case(source), BY_MOVE[source, target]
    may = {role for role, person in people.items() if person.has_perm(edge.permission)}
    assert may
    assert may != set(ROLES)
    without = "moved" if edge.guard in ALWAYS_TRUE else edge.guard
    for role, person in people.items():
        assert tries(case, target, person) == (without if role in may else "not_permitted"), role
    FACTS[edge.guard](case)
    for role, person in people.items():
        assert tries(case, target, person) == ("moved" if role in may else "not_permitted"), role


@pytest.mark.parametrize("source", STATES)
def test_nobody_leaves_the_map(source, people):
    """Not through the action, whatever the role; not by raw SQL, from where the case stands."""
    case, moves = case_in(source)
    case = fresh(case)
    for target in sorted(set(STATES) - {source} - set(targets(source))):
        assert {tries(case, target, person) for person in people.values()} == {"off_the_map"}
        with pytest.raises(IntegrityError, match="transition_on_the_map"), transaction.atomic():
            write_transition(case, source, target, moves + 1)
    assert Case.objects.get(pk=case.pk).state == source


def test_the_help_page_draws_every_edge_of_the_table(client):
    client.force_login(make_user(role=Role.ADMINISTRATOR))
    text = client.get(reverse("states")).content.decode()
    drawn = set(re.findall(r'data-edge="(\w*) (\w+)"', text))
    assert drawn == {(e.source, e.target) for e in EDGES if e.target in OPEN_STATES} | {
        ("", state) for state in CLOSED_STATES
    }
    assert set(re.findall(r'data-state="(\w+)"', text)) == set(STATES)
    assert text.count("<td data-label=") == 3 * len(EDGES)
    picture = text[text.index("<svg viewBox") : text.index("</svg>", text.index("<svg viewBox"))]
    assert "style=" not in picture
    assert "<script" not in picture
    client.force_login(make_user(role=Role.AGENT, language="zh-hans"))
    assert "协商中" in client.get(reverse("states")).content.decode()


def test_nothing_of_the_picture_is_drawn_outside_it_or_over_another():
    picture = draw({state: state for state in STATES})
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - 132
        assert 0 <= box.y <= picture.height - 40
    places = [(box.x, box.y) for box in picture.boxes]
    for x, y in places:
        assert sum(abs(x - a) < 132 and y == b for a, b in places) == 1
    assert len({arrow.path for arrow in picture.arrows}) == len(picture.arrows)
