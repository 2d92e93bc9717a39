"""Every kind of hold tried by every path: what its line in `compliance/holds.py` stops is refused, and nothing else is.

Without any hold each path is open: so it is the hold that shuts it. What is told here of a path is which part of the line
stops it; the kinds follow from the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, transaction

from accounts.actions.ledger import LedgerRefused, post_charge
from accounts.models import Borrower, LedgerEntry
from accounts.schedules import Every
from accounts.standing import standing_of
from cases.actions import bureau, debits, furnishing, writing
from cases.actions.accruing import accrue
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.answering import answer_approval
from cases.actions.calls import CallRefused, place_call
from cases.actions.day import run_day
from cases.actions.legal import LegalRefused, propose_legal
from cases.actions.offers import OfferTerms, propose_offer
from cases.actions.placements import PlacementRefused
from cases.actions.transition import MoveRefused
from cases.models import FileKind
from communications.actions.messages import plan, send
from communications.actions.texts import load_texts
from communications.models import Message
from communications.texts import current_template
from compliance.actions import gate
from compliance.actions.contacts import NoPermit
from compliance.actions.contacts import place as spend
from compliance.actions.holds import open_hold
from compliance.holds import HOLDS, Stop
from compliance.models import HoldKind
from compliance.rules import Purpose
from tests.cases.debit_stories import announce, mandate_for, posted
from tests.cases.stories import DAY, agreed_by_two, make_case, phone_of
from tests.cases.test_bureau import READY, tell
from tests.cases.test_legal import WHY, go_to_law, raw_step, ready_case, step, write_move
from tests.cases.test_placements import insert, late_case, place
from tests.factories import NOW, SYSTEM, TODAY, make_agency, make_people, make_portfolio, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
TERMS = {"placement_after_days": 60, "late_rate": Decimal(10), "late_fee": 5_00, "grace_days": 2}
REFUSED = (
    CallRefused, DatabaseError, LedgerRefused, LegalRefused, MoveRefused, NoPermit, PlacementRefused,
)  # fmt: skip


@pytest.fixture
def world(contract) -> SimpleNamespace:
    """Cases for every path, brought to where the path begins, before any hold."""
    load_texts(by=SYSTEM, at=NOW)
    portfolio = make_portfolio("river", terms=TERMS)
    bureau.set_reporting(portfolio=portfolio, bureau="CB1", from_on=TODAY, by=SYSTEM, at=NOW)
    alice, bob, _charlie = make_people(portfolio)
    people = SimpleNamespace(alice=alice, bob=bob, omar=make_user("omar", role="legal"))
    plain, drawn, furnished, written, promised = (late_case(portfolio) for _ in range(5))
    record_promise(case=promised, amount=10_00, due_on=TODAY + 2 * DAY, channel="call", by=SYSTEM, at=NOW)
    tell(furnished)
    lawful, agreed = ready_case(portfolio, people), ready_case(portfolio, people)
    return SimpleNamespace(
        portfolio=portfolio,
        people=people,
        plain=plain,
        furnished=furnished,
        promised=promised,
        lawful=lawful,
        approved=agreed_by_two(lawful),
        asked=propose_legal(case=agreed, note=WHY, requester=bob, at=NOW),
        at_law=go_to_law(ready_case(portfolio, people), people),
        batch=place(make_agency("Kind Collectors"), bob, late_case(portfolio)),
        notice=announce(drawn, mandate_for(drawn)),
        letter=letter_to(written),
        permit=ask(written, "email").permit_id,
    )


def hold_all(kind: str, days: int = 60) -> None:
    for borrower in Borrower.objects.all():
        open_hold(borrower=borrower, kind=kind, by=SYSTEM, at=LATER, days=days)


# The paths


def ask(case, channel: str, purpose: str = Purpose.COLLECT, at=NOW):
    point = case.borrower.contact_points.get(kind="email" if channel == "email" else "phone")
    return gate.ask(
        borrower=case.borrower, contact_point=point, channel=channel, purpose=purpose, loans=[case.loan_id], by=SYSTEM, at=at
    )  # fmt: skip


def letter_to(case) -> Message:
    return plan(
        borrower=case.borrower, contact_point=case.borrower.contact_points.get(kind="email"),
        template_version=current_template("reminder", "email", "en"), purpose=Purpose.REMINDER, loans=[case.loan_id],
        dedupe_key=f"letter:{case.pk}", not_before=NOW, by=SYSTEM, at=NOW, case=case.pk,
    )  # fmt: skip


def leaves(message: Message, at=LATER) -> bool:
    """Whether it goes out when its moment has come, to a provider that takes everything."""
    with posted() as post:
        return send(message_id=message.pk, at=at).status == "accepted" and len(post.sent) == 1


def decided(channel: str, purpose: str = Purpose.COLLECT) -> Callable:
    return lambda world: ask(world.plain, channel, purpose, LATER).decision.allowed


def overridable(world) -> bool:
    """Whether a second person could let it through all the same."""
    return ask(world.plain, "call", at=LATER).decision.outcome != "prohibited"


def call(world) -> None:
    place_call(
        case=world.plain, contact_point=phone_of(world.plain.borrower), user=world.people.alice, at=LATER
    )


def write_by_hand(world) -> bool:
    point = world.plain.borrower.contact_points.get(kind="email")
    return leaves(writing.write(case=world.plain, contact_point=point, user=world.people.bob, at=LATER))


def run_tomorrow(world):
    return run_day(date=TODAY + DAY, by=SYSTEM, at=NOW + DAY)


def first_notice(world) -> bool:
    """Planned for a day on which it may go out: with a hold, after it."""
    run_tomorrow(world)
    planned = messages_of(world.plain, "first_notice")
    return bool(planned) and planned[0].not_before < NOW + 50 * DAY


def messages_of(case, text: str) -> list[Message]:
    return list(Message.objects.filter(for_case__case=case, template_version__template__key=text))


def reminded(world) -> bool:
    run_tomorrow(world)
    return bool(messages_of(world.promised, "promise_reminder"))


def spend_permit(world) -> None:
    spend(permit_id=world.permit, by=SYSTEM, at=LATER)


def debit(world) -> bool:
    return debits.decide(notice=world.notice, balance=1_000_00, at=NOW + 3 * DAY).allowed


def furnish(world) -> bool:
    return [
        each.why for each in furnishing.candidates(world.portfolio, READY, [world.furnished.loan_id])
    ] == [""]


def furnish_raw(world) -> None:
    loan = world.furnished.loan
    line = furnishing._line(
        loan, furnishing._standings(world.portfolio, TODAY)[loan.pk], TODAY, FileKind.MONTH, by=SYSTEM, at=READY,
        disputed=False,
    )  # fmt: skip
    furnishing._write(
        world.portfolio, "CB1", TODAY.replace(day=1), FileKind.MONTH, [line], by=SYSTEM, at=READY
    )


def accrued(kind: str) -> Callable:
    def path(world) -> bool:
        accrue(portfolio=world.portfolio, on=TODAY, by=SYSTEM, at=LATER)
        return world.plain.loan.entries.filter(kind=kind, reference__startswith="late_").exists()

    return path


def charged(kind: str) -> Callable:
    return lambda world: post_charge(
        loan=world.plain.loan,
        kind=kind,
        amount=1_00,
        value_date=TODAY,
        reference="by hand",
        by=SYSTEM,
        at=LATER,
    )


def charged_raw(component: str) -> Callable:
    def path(world) -> None:
        kind = "fee" if component == "fees" else component
        LedgerEntry.objects.create(
            borrower=world.plain.borrower, loan=world.plain.loan, kind=kind, reference="raw", value_date=TODAY,
            booked_at=LATER, **{component: 1},
        )  # fmt: skip

    return path


def grows_older(world) -> bool:
    loan = world.plain.loan_id
    return standing_of([loan], TODAY + 10 * DAY)[loan].days_past_due == 80


def propose(world) -> None:
    propose_legal(case=world.lawful, note=WHY, requester=world.people.bob, at=LATER)


def answer(world) -> None:
    answer_approval(approval=world.asked, approve=True, person=world.people.omar, at=LATER)


def promise(world) -> None:
    record_promise(case=world.plain, amount=10_00, due_on=TODAY + DAY, channel="call", by=SYSTEM, at=LATER)


def agree(world) -> None:
    agree_plan(
        case=world.lawful, count=3, first_due_on=TODAY + 7 * DAY, every=Every(months=1), channel="call", by=SYSTEM, at=LATER
    )  # fmt: skip


def settle(world) -> None:
    terms = OfferTerms(kind="settlement", amount=90_00, pay_by=TODAY + 7 * DAY)
    propose_offer(case=world.plain, terms=terms, agreed=True, note=WHY, user=world.people.bob, at=LATER)


@dataclass(frozen=True)
class Path:
    """`go` raises one of `REFUSED` or says False where the path is shut. `stopped`: by which kinds."""

    go: Callable
    stopped: Callable[[str], bool]


def to_speak(purpose: str) -> Callable[[str], bool]:
    return lambda kind: purpose in HOLDS[kind].purposes


def by(stop: Stop) -> Callable[[str], bool]:
    return lambda kind: stop in HOLDS[kind].stops


def any_kind(kind: str) -> bool:
    return True


def no_kind(kind: str) -> bool:
    return False


def from_bureaus(kind: str) -> bool:
    return Stop.LEGAL in HOLDS[kind].stops and kind != HoldKind.DISPUTE  # which is marked instead


PATHS = {
    **{
        f"gate: {channel}": Path(decided(channel), to_speak(Purpose.COLLECT))
        for channel in ("call", "sms", "email")
    },
    "gate: reminder": Path(decided("email", Purpose.REMINDER), to_speak(Purpose.REMINDER)),
    "gate: first notice": Path(decided("email", Purpose.FIRST_NOTICE), to_speak(Purpose.FIRST_NOTICE)),
    "gate: a second person": Path(overridable, to_speak(Purpose.COLLECT)),
    "call": Path(call, to_speak(Purpose.COLLECT)),
    "written by hand": Path(write_by_hand, to_speak(Purpose.REMINDER)),
    "written before the hold": Path(lambda world: leaves(world.letter), to_speak(Purpose.REMINDER)),
    # A permit given before is not spent after, whatever it is for: it is asked for anew.
    "a permit from before": Path(spend_permit, any_kind),
    "first notice of the night": Path(first_notice, to_speak(Purpose.FIRST_NOTICE)),
    "reminder of the night": Path(reminded, to_speak(Purpose.REMINDER)),
    "debit": Path(debit, to_speak(Purpose.COLLECT)),
    "bureau": Path(furnish, from_bureaus),
    "bureau, raw": Path(furnish_raw, from_bureaus),
    **{f"{kind} of the night": Path(accrued(kind), by(Stop.CHARGES)) for kind in ("fee", "interest")},
    **{f"{kind} by hand": Path(charged(kind), by(Stop.CHARGES)) for kind in ("fee", "interest")},
    **{f"{name}, raw": Path(charged_raw(name), by(Stop.CHARGES)) for name in ("fees", "interest")},
    "older": Path(grows_older, by(Stop.AGEING)),
    "legal proposed": Path(propose, by(Stop.LEGAL)),
    "legal answered": Path(answer, by(Stop.LEGAL)),
    "legal, raw": Path(lambda world: write_move(world.lawful, world.approved.pk), by(Stop.LEGAL)),
    "legal step": Path(lambda world: step(world.at_law, world.people, "letter"), by(Stop.LEGAL)),
    "legal step, raw": Path(lambda world: raw_step(world.at_law, world.people), by(Stop.LEGAL)),
    "placement": Path(
        lambda world: place(world.batch.agency, world.people.bob, world.plain), by(Stop.PLACEMENT)
    ),
    "placement, raw": Path(lambda world: insert(world.batch, world.plain), by(Stop.PLACEMENT)),
    # What the borrower agrees to is theirs to agree to: no hold stands in the way of a kind word.
    "promise": Path(promise, no_kind),
    "plan": Path(agree, no_kind),
    "settlement": Path(settle, no_kind),
}


def is_open(path: Path, world) -> bool:
    """Whether the path is open; whatever it does is undone."""
    before = transaction.savepoint()
    try:
        return path.go(world) is not False
    except REFUSED:
        return False
    finally:
        transaction.set_rollback(False)  # what the ORM asks for where the database refuses
        transaction.savepoint_rollback(before)


def tried(world) -> dict[str, bool]:
    return {name: is_open(path, world) for name, path in PATHS.items()}


def test_without_a_hold_every_path_is_open(world):
    assert tried(world) == dict.fromkeys(PATHS, True)


@pytest.mark.parametrize("kind", HoldKind)
def test_a_hold_shuts_what_its_line_stops_and_leaves_the_rest(world, kind):
    hold_all(kind)
    assert tried(world) == {name: not path.stopped(kind) for name, path in PATHS.items()}


@pytest.mark.parametrize("kind", HoldKind)
def test_a_debit_decided_before_the_hold_is_not_drawn_after_it(kind):
    case = make_case(principal=100_00)
    notice = announce(case, mandate_for(case))
    at = NOW + 3 * DAY
    decision = debits.decide(notice=notice, balance=1_000_00, at=at)
    assert decision.allowed
    open_hold(borrower=case.borrower, kind=kind, by=SYSTEM, at=at, days=1)
    with pytest.raises(DatabaseError, match="A hold, or another debit"), transaction.atomic():
        debits.place(decision=decision, at=at)
