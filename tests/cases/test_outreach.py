"""First notices leave: by the likeliest channel, in their lawful hour, once; and the case knows it."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import django_rq
import pytest
from rq import SimpleWorker

from accounts.actions.borrowers import add_contact_point
from cases import tasks
from cases.actions import outreach
from cases.actions.day import run_day
from cases.actions.outreach import HOUSE_ORDER, catch_up, deliver, send_due, shards_due
from cases.actions.payments import record_payment
from cases.models import Case, CaseMessage, CaseState
from communications import sink
from communications.actions.texts import load_texts
from communications.models import Message, MessageStatus
from compliance.actions.contacts import note_inbound
from compliance.models import AuditEvent
from tests.cases.stories import DAY, events, fresh, make_case, make_reachable
from tests.communications.smtp import bad_server, mail_sink
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_portfolio

MORNING = datetime(2026, 3, 3, 6, tzinfo=UTC)


@pytest.fixture
def portfolio(transactional_db):
    load_texts(by=SYSTEM, at=NOW)
    return make_portfolio("river", name="River")


@pytest.fixture
def inbox(tmp_path, settings):
    with mail_sink(tmp_path) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield lambda: [message_from_bytes(path.read_bytes()) for path in sink.kept(tmp_path)]


def planned_case(portfolio) -> tuple[Case, Message]:
    make_loan(make_reachable(portfolio), portfolio=portfolio)
    run_day(date=TODAY, by=SYSTEM, at=MORNING)
    link = CaseMessage.objects.select_related("case__portfolio", "message").get()
    return link.case, link.message


def test_the_notice_leaves_in_its_hour_and_the_case_is_notified(portfolio, inbox):
    case, message = planned_case(portfolio)
    early = message.not_before - timedelta(minutes=1)
    assert shards_due(shards=16, at=early) == []
    assert sum(send_due(shard=shard, shards=16, now=lambda: early) for shard in range(16)) == 0
    due = message.not_before
    [shard] = shards_due(shards=16, at=due)
    assert shard == case.borrower_id.int % 16
    assert send_due(shard=shard, shards=16, now=lambda: due) == 1
    assert send_due(shard=shard, shards=16, now=lambda: due) == 0
    [mail] = inbox()
    assert mail["To"] == "borrower0@example.com"
    assert fresh(case).state == CaseState.NOTIFIED
    row = case.transitions.get()
    assert (row.actor_kind, row.actor, row.reason) == ("system", "dispatch", "notice_sent")
    assert events(case) == [
        "case.opened",
        "message.planned",
        "work.planned",
        "contact.decided",
        "contact.attempted",
        "message.sending",
        "message.accepted",
        "case.moved",
    ]


def test_what_is_due_at_night_waits_for_the_lawful_hour_of_the_real_moment(portfolio, inbox):
    portfolio.our_role = "third_party_debt_collector"
    portfolio.save()
    case, message = planned_case(portfolio)
    Message.objects.filter(pk=message.pk).update(not_before=MORNING)  # a planner that knew less
    deliver(message_id=message.pk, case_id=case.pk, at=MORNING)
    message.refresh_from_db()
    assert (message.status, inbox()) == (MessageStatus.PLANNED, [])
    assert message.not_before > MORNING + timedelta(hours=6)
    assert fresh(case).state == CaseState.OVERDUE


def test_a_dead_worker_between_the_providers_answer_and_the_move_is_caught_up(portfolio, inbox, monkeypatch):
    case, message = planned_case(portfolio)

    def dies(**_everything) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outreach, "notify", dies)
    with pytest.raises(KeyboardInterrupt):
        deliver(message_id=message.pk, case_id=case.pk, at=message.not_before)
    assert fresh(case).state == CaseState.OVERDUE
    monkeypatch.undo()
    assert catch_up(at=NOW) == 1
    assert catch_up(at=NOW) == 0
    assert (fresh(case).state, len(inbox())) == (CaseState.NOTIFIED, 1)


def test_a_message_refused_for_now_gets_another_in_its_place(portfolio, settings):
    case, message = planned_case(portfolio)
    with bad_server(RCPT="451 later") as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        deliver(message_id=message.pk, case_id=case.pk, at=message.not_before)
        deliver(message_id=message.pk, case_id=case.pk, at=message.not_before)
    assert list(case.messages.order_by("pk").values_list("message__status", flat=True)) == [
        "failed",
        "planned",
    ]
    assert fresh(case).state == CaseState.OVERDUE


def test_a_case_that_is_closed_gets_no_other_message(portfolio, settings):
    case, message = planned_case(portfolio)
    with bad_server(RCPT="451 later") as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        outreach.messages.send(message_id=message.pk, at=message.not_before, case=case.pk)
    record_payment(case=case, amount=100_00, value_date=TODAY, reference="P", by=SYSTEM, at=NOW)
    deliver(message_id=message.pk, case_id=case.pk, at=NOW)
    assert case.messages.count() == 1


def test_one_message_that_breaks_does_not_keep_the_others(portfolio, inbox, monkeypatch, caplog):
    for _number in range(3):
        make_loan(make_reachable(portfolio), portfolio=portfolio)
    run_day(date=TODAY, by=SYSTEM, at=MORNING)
    broken = Message.objects.order_by("not_before", "pk").first()
    send = outreach.messages.send

    def breaks(*, message_id, **more):
        if message_id == broken.pk:
            raise RuntimeError("broken")
        return send(message_id=message_id, **more)

    monkeypatch.setattr(outreach.messages, "send", breaks)
    tried = sum(send_due(shard=shard, shards=4, now=lambda: NOW) for shard in range(4))
    assert (tried, len(inbox())) == (3, 2)
    assert f"Message {broken.pk} could not be sent." in caplog.text


def test_the_clock_and_the_worker_do_it_together(portfolio, inbox, monkeypatch):
    case, _message = planned_case(portfolio)
    monkeypatch.setattr(tasks.timezone, "now", lambda: NOW)
    tasks.dispatch()
    tasks.dispatch()  # the next minute, before a worker came
    queue = django_rq.get_queue("outreach")
    assert len(queue) == 2
    SimpleWorker([queue], connection=queue.connection).work(burst=True)
    assert (fresh(case).state, len(inbox())) == (CaseState.NOTIFIED, 1)


def test_the_sweep_moves_what_was_left(portfolio, inbox):
    case, message = planned_case(portfolio)
    outreach.messages.send(message_id=message.pk, at=message.not_before, case=case.pk)
    tasks.sweep()
    assert fresh(case).state == CaseState.NOTIFIED


# Which channel


@pytest.mark.django_db
def test_the_preferred_channel_comes_first_then_what_worked_then_the_houses_order(monkeypatch):
    monkeypatch.setattr(outreach, "configured", lambda: ["email", "sms", "app"])
    case = make_case()

    def order(preferred: str = "") -> list[str]:
        habits = outreach._habits({case.borrower_id})[case.borrower_id]
        return outreach._in_order(preferred, habits)

    assert order() == ["app", "email", "sms"] == [each for each in HOUSE_ORDER if each in order()]
    assert order("sms") == ["sms", "app", "email"]
    assert order("letter") == ["app", "email", "sms"]
    note_inbound(
        borrower=case.borrower, channel="email", loans=[case.loan_id], by=SYSTEM, at=NOW, disposition="reply",
        right_party=True, conversation=False,
    )  # fmt: skip
    assert order() == ["email", "app", "sms"]
    assert order("sms") == ["sms", "email", "app"]


@pytest.mark.django_db
def test_the_newest_verified_address_is_written_to(monkeypatch):
    load_texts(by=SYSTEM, at=NOW)
    case = make_case()
    for number, verified in ((1, TODAY - 9 * DAY), (2, TODAY - DAY), (3, None)):
        add_contact_point(
            borrower=case.borrower, kind="email", text=f"v{number}@example.com", source="application",
            ground="contract", verified_on=verified, by=SYSTEM, at=NOW,
        )  # fmt: skip
    run_day(date=TODAY, by=SYSTEM, at=MORNING)
    assert Message.objects.get().contact_point.verified_on == TODAY - DAY
    assert AuditEvent.objects.filter(type="message.planned").count() == 1
