"""Every way out to a borrower, found in the code itself, and tried: hours × history × holds × consents × channels.

Whoever writes a new place where an outbound contact can come into being, or where something can leave the house, makes
the first test fail until the place is named here, and then goes through the matrix with the others.
"""

import ast
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import connections

from accounts.actions.borrowers import retire_contact_point
from accounts.actions.portfolios import close_contact
from accounts.models import PointStatus
from cases.actions import calls
from cases.models import Call
from communications.actions import messages
from communications.channels import LeftUnknown, Outgoing, ProviderAnswer
from communications.models import Message
from communications.texts import current_template
from compliance.actions.consents import record_consent
from compliance.actions.contacts import NoPermit, note_outcome, place
from compliance.actions.gate import ask
from compliance.actions.holds import open_hold
from compliance.models import ContactAttempt, ContactDecision, Permit
from tests.cases.stories import make_case
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, days_ago, make_people, make_portfolio

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
APPS = ("accounts", "cases", "collections_site", "communications", "compliance")

# What the code can do towards the outside, and where it does. `attempt`: makes a row of the contact log. `spend`: spends
# a permit. `address`: opens the address of a contact. `wire`: hands something to a provider. `network`: can reach another
# machine.
KNOWN = {
    "attempt": {
        "compliance.actions.contacts.place",  # outbound, with its permit
        "compliance.actions.contacts.note_inbound",
    },
    "spend": {"cases.actions.calls.place_call", "communications.actions.messages._begin"},
    "address": {"communications.actions.messages._begin"},
    "wire": {"communications.actions.messages._wire", "communications.actions.messages.send"},
    "network": {
        "collections_site.local.postgres",
        "collections_site.local.valkey",
        "collections_site.management.commands.demo",
        "communications.channels.email",
    },
}
MAKES = {"create", "bulk_create", "get_or_create", "update_or_create", "acreate", "abulk_create"}
NETWORK = {
    "aiohttp", "boto3", "ftplib", "http.client", "httpx", "requests", "smtplib", "socket", "telnetlib", "twilio",
    "urllib.request", "urllib3", "websockets", "django.core.mail", "psycopg.connect",
}  # fmt: skip


class Ways(ast.NodeVisitor):
    """What one module does, as (what, where)."""

    def __init__(self, module: str) -> None:
        self.module, self.stack, self.found = module, [], set()

    def note(self, what: str, *, whole_module: bool = False) -> None:
        self.found.add((what, ".".join([self.module] if whole_module else [self.module, *self.stack[:1]])))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.stack.append(node.name)
        self.generic_visit(node)
        self.stack.pop()

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        parts = name.split(".")
        if parts[-1] == "ContactAttempt" or (
            parts[-1] in MAKES and ({"ContactAttempt", "attempts"} & set(parts) or "ContactAttempt" in name)
        ):
            self.note("attempt")
        if name in ("place", "contacts.place"):
            self.note("spend")
        if parts[-1] == "open_for_contact":
            self.note("address")
        if name == "line.send" or (parts[-1] == "line" and name.startswith("channel(")):
            self.note("wire")
        if parts[-1] in ("send_mail", "send_mass_mail", "sendmail", "send_message"):
            self.note("network", whole_module=True)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        text = node.value.lower() if isinstance(node.value, str) else ""
        if "compliance_contactattempt" in text and any(
            word in text for word in ("insert", "copy", "merge", "update compliance")
        ):
            self.note("attempt")

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self.imported(each.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for each in node.names:
            self.imported(f"{node.module}.{each.name}")

    def imported(self, name: str) -> None:
        if any(name == each or name.startswith(f"{each}.") for each in NETWORK):
            self.note("network", whole_module=True)


def ways_out() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {what: set() for what in KNOWN}
    for app in APPS:
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            if "migrations" not in path.parts:
                visitor = Ways(".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts))
                visitor.visit(ast.parse(path.read_text("utf-8")))
                for what, where in visitor.found:
                    found[what].add(where)
    return found


def test_every_way_out_is_known():
    assert ways_out() == KNOWN


def test_a_new_way_would_be_found():
    code = """
import requests
def ring():
    ContactAttempt(direction="out").save()
    ContactAttempt.objects.bulk_create([])
    borrower.attempts.create(direction="out")
def write():
    cursor.execute("INSERT INTO compliance_contactattempt VALUES (1)")
def spend():
    contacts.place(permit_id=1)
def tell():
    line.send(open_for_contact(attempt=1))
"""
    visitor = Ways("new")
    visitor.visit(ast.parse(code))
    assert visitor.found == {
        ("network", "new"),
        ("attempt", "new.ring"),
        ("attempt", "new.write"),
        ("spend", "new.spend"),
        ("wire", "new.tell"),
        ("address", "new.tell"),
    }


# The matrix


class Recorder:
    """A channel that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def configured(self) -> bool:
        return True

    @contextmanager
    def line(self) -> Iterator["Recorder"]:
        yield self

    def send(self, outgoing: Outgoing) -> ProviderAnswer:
        self.sent.append(outgoing)
        return ProviderAnswer(accepted=True, reference=outgoing.key)


@pytest.fixture
def wire(monkeypatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(messages, "channel", lambda name: recorder)
    set_clock(monkeypatch, 0.0)
    return recorder


def set_clock(monkeypatch, *seconds: float) -> None:
    """How much time seems to pass while a message is sent: what its clock shows, one look after the other."""
    looks = iter(seconds)
    last = seconds[-1]
    monkeypatch.setattr(messages, "time", SimpleNamespace(monotonic=lambda: next(looks, last)))


# A Wednesday in New York, by its own clock: what the house policy and Regulation F leave open is strictly between 8 and 21.
WEDNESDAY = datetime(2026, 3, 4, 5, 0, tzinfo=NOW.tzinfo)
HOURS = {
    "07:59:59": (WEDNESDAY + 8 * HOUR - timedelta(seconds=1), False),
    "08:00:00": (WEDNESDAY + 8 * HOUR, False),
    "20:58:00": (WEDNESDAY + 21 * HOUR - 2 * MINUTE, True),
    "21:00:00": (WEDNESDAY + 21 * HOUR, False),
}
HISTORIES = ("nothing", "a conversation two days ago", "seven calls", "two e-mails today")
HOLDS: dict[str, bool] = {"none": True, "dispute": False, "cease": False, "ended": True}
CONSENTS = ("none", "call back")


def lawful(way: str, hour: str, history: str, hold: str, consent: str) -> bool:
    """What the law and our policy leave open, written down once more by hand."""
    if not HOURS[hour][1] or not HOLDS[hold]:
        return False
    if way == "message":
        return history != "two e-mails today"
    # A call the borrower asked for is neither counted nor stopped by counts and quiet days.
    return consent == "call back" or history not in ("a conversation two days ago", "seven calls")


def tell_history(case, history: str, at: datetime) -> None:
    def contact(channel: str, when: datetime, conversation: bool) -> None:
        point = case.borrower.contact_points.get(kind="email" if channel == "email" else "phone")
        answer = ask(
            borrower=case.borrower, contact_point=point, channel=channel, purpose="collect", loans=[case.loan_id],
            by=SYSTEM, at=when,
        )  # fmt: skip
        attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=when)
        note_outcome(
            attempt=attempt, disposition="x", connected=True, answered=conversation, right_party=conversation,
            conversation=conversation, by=SYSTEM, at=when,
        )  # fmt: skip

    match history:
        case "a conversation two days ago":
            contact("call", WEDNESDAY - DAY - 12 * HOUR, True)
        case "seven calls":
            for minutes in range(7):
                contact("call", WEDNESDAY - DAY - 12 * HOUR + minutes * MINUTE, False)
        case "two e-mails today" if at > WEDNESDAY + 8 * HOUR:
            for seconds in range(2):
                contact("email", WEDNESDAY + 8 * HOUR + timedelta(milliseconds=1 + seconds), False)


def tell_the_rest(case, hold: str, consent: str, at: datetime) -> None:
    if hold == "ended":
        open_hold(
            borrower=case.borrower, kind="dispute", by=SYSTEM, at=at - 9 * DAY, starts_on=days_ago(8), days=2
        )
    elif hold != "none":
        open_hold(borrower=case.borrower, kind=hold, by=SYSTEM, at=at - HOUR)
    if consent == "call back":
        record_consent(
            borrower=case.borrower, kind="call_back", from_on=WEDNESDAY.date(), to_on=WEDNESDAY.date(),
            evidence="REC-1", by=SYSTEM, at=WEDNESDAY - HOUR,
        )  # fmt: skip


def by_call(case, user, at: datetime) -> bool:
    point = case.borrower.contact_points.get(kind="phone")
    try:
        call = calls.place_call(case=case, contact_point=point, user=user, at=at)
    except calls.CallRefused:
        return False
    Call.objects.filter(pk=call.pk).update(logged_at=at)  # the next one of this agent may come
    return True


def planned(case, at: datetime, *, key: str) -> Message:
    """A reminder by e-mail, planned for a moment."""
    return messages.plan(
        borrower=case.borrower, contact_point=case.borrower.contact_points.get(kind="email"),
        template_version=current_template("reminder", "email", "en"), purpose="reminder", loans=[case.loan_id],
        dedupe_key=key, not_before=at, by=SYSTEM, at=at - HOUR,
    )  # fmt: skip


def by_message(case, user, at: datetime) -> bool:
    message = planned(case, at, key=f"matrix:{case.pk}")  # fmt: skip
    return messages.send(message_id=message.pk, at=at).status == "accepted"


WAYS: dict[str, Callable] = {"call": by_call, "message": by_message}


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hour", HOURS)
def test_nothing_leaks(way, hour, wire):
    """Every combination through the real path: what leaves is what is lawful, and every contact has spent a permit."""
    portfolio = make_portfolio()
    people = make_people(portfolio)
    at = HOURS[hour][0]
    wrong = []
    for history, hold, consent in product(HISTORIES, HOLDS, CONSENTS):
        if history == "two e-mails today" and at <= WEDNESDAY + 8 * HOUR:
            continue  # it is not yet possible to have written twice
        case = make_case(portfolio)
        tell_history(case, history, at)
        tell_the_rest(case, hold, consent, at)
        before = ContactAttempt.objects.filter(borrower=case.borrower).count()
        left = len(wire.sent)
        happened = WAYS[way](case, people.alice, at)
        made = ContactAttempt.objects.filter(borrower=case.borrower).count() - before
        sent = len(wire.sent) - left
        expected = lawful(way, hour, history, hold, consent)
        if (happened, made, sent) != (expected, int(expected), int(expected and way == "message")):
            wrong.append((history, hold, consent, happened, made, sent))
    assert wrong == []
    assert not ContactAttempt.objects.filter(direction="out", reported=False, permit=None).exists()
    assert not ContactAttempt.objects.filter(permit__decision__allowed=False).exists()


# Between permit and wire


CLOSES: dict[str, Callable] = {
    "a hold": lambda dana, at: open_hold(borrower=dana.borrower, kind="cease", by=SYSTEM, at=at),
    "the portfolio": lambda dana, at: close_contact(
        portfolio=dana.portfolio, reason="by_hand", by=SYSTEM, at=at
    ),
    "the number": lambda dana, at: retire_contact_point(
        point=dana.phone, status=PointStatus.WRONG, reason="wrong_owner", by=SYSTEM, at=at
    ),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("what", CLOSES)
def test_what_closes_after_the_permit_was_given_stops_the_contact(what):
    dana = make_dana()
    permit = dana.ask().permit_id
    CLOSES[what](dana, NOW + MINUTE)
    with pytest.raises(NoPermit):
        place(permit_id=permit, by=SYSTEM, at=NOW + 2 * MINUTE)
    assert Permit.objects.get(pk=permit).used_at is None


@pytest.mark.django_db
def test_the_hour_that_closes_after_the_permit_was_given_stops_the_contact():
    dana = make_dana()
    evening = WEDNESDAY + 21 * HOUR - MINUTE
    permit = dana.ask(at=evening).permit_id
    with pytest.raises(NoPermit):
        place(permit_id=permit, by=SYSTEM, at=evening + MINUTE)


@pytest.mark.django_db
def test_a_message_is_decided_when_it_goes_not_when_it_was_planned(wire, monkeypatch):
    """Waiting for a line takes it past nine in the evening: it stays in the house."""
    case = make_case(make_portfolio())
    evening = WEDNESDAY + 21 * HOUR - timedelta(seconds=5)
    message = planned(case, evening, key="late")  # fmt: skip
    set_clock(monkeypatch, 0.0, 6.0)
    sent = messages.send(message_id=message.pk, at=evening)
    assert (sent.status, wire.sent) == ("planned", [])
    assert sent.not_before == WEDNESDAY + DAY + 8 * HOUR + timedelta(microseconds=1)


@pytest.mark.django_db
def test_a_provider_that_leaves_us_not_knowing_still_costs_the_contact(wire, monkeypatch):
    def broken(_outgoing: Outgoing) -> ProviderAnswer:
        raise LeftUnknown("gone")

    monkeypatch.setattr(wire, "send", broken)
    case = make_case(make_portfolio())
    at = WEDNESDAY + 12 * HOUR
    message = planned(case, at, key="once")  # fmt: skip
    assert messages.send(message_id=message.pk, at=at).status == "uncertain"
    assert messages.send(message_id=message.pk, at=at + HOUR).status == "uncertain"
    assert ContactAttempt.objects.filter(borrower=case.borrower).count() == 1
    assert Message.objects.get(pk=message.pk).attempt is not None


# The last one


@pytest.mark.django_db(transaction=True)
def test_fifty_ask_for_the_last_allowed_call_and_one_permit_is_given():
    dana = make_dana()
    for days in range(6, 0, -1):
        dana.call(at=NOW - days * DAY)
    start, permits = threading.Barrier(50), []

    def work() -> None:
        try:
            start.wait()
            permits.append(dana.ask().permit_id)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(permits) == 50
    assert len([permit for permit in permits if permit]) == 1
    assert Permit.objects.filter(used_at=None).count() == 1
    assert ContactDecision.objects.filter(at=NOW, allowed=True).count() == 1
