"""Messages, through the real gate and over real SMTP: planned once, sent once, and honest about what nobody knows."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, InternalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actions.borrowers import add_related_person, retire_contact_point
from accounts.models import BorrowerKey, ContactPoint, OurRole, PointStatus, Portfolio, Role
from collections_site import local
from communications import sink
from communications.actions import messages
from communications.actions.messages import (
    Planned,
    cancel,
    open_text,
    plan,
    plan_again,
    plan_many,
    send,
    sweep,
)
from communications.channels import LeftUnknown, ProviderAnswer
from communications.models import Message, MessageStatus
from communications.texts import current_template
from compliance.actions.holds import open_hold
from compliance.audit import Actor, Stream
from compliance.models import AuditEvent, ContactAttempt, ContactDecision, ContactOutcome, HoldKind, Permit
from tests.communications.smtp import DROP, HANG, bad_server, free_port, mail_sink
from tests.factories import NOW, SYSTEM, days_ago, make_borrower, make_loan, make_portfolio, make_user

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
IN_SHANGHAI = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # 11 in the morning


@pytest.fixture(autouse=True)
def from_address(settings):
    settings.DEFAULT_FROM_EMAIL = "Forbear <care@lender.example>"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = free_port()
    settings.EMAIL_TIMEOUT = 20


@pytest.fixture
def box(settings, tmp_path):
    """A real mail server; what it kept."""
    with mail_sink(tmp_path) as port:
        settings.EMAIL_PORT = port
        yield lambda: [sink.read(path) for path in sink.kept(tmp_path)]


@pytest.fixture
def loan(db):
    return lend()


def lend(email="dana@mail.example", **terms):
    """A loan of 100.00 dollars that fell due ten days ago, of a borrower with an e-mail address."""
    entity_name = terms.pop("lender", "River Wallet, Inc.")
    portfolio = make_portfolio(**terms)
    portfolio.entity.name = entity_name
    portfolio.entity.save()
    borrower = make_borrower(portfolio, email=email, zones=["America/New_York"])
    return make_loan(borrower, portfolio=portfolio, external_id="RW-000042")


def planned(loan, *, text="first_notice", key="first:1", **more) -> Message:
    version = current_template(text, "email", loan.borrower.language)
    arguments = {
        "borrower": loan.borrower,
        "contact_point": loan.borrower.contact_points.get(),
        "template_version": version,
        "purpose": version.template.purpose,
        "loans": [loan.pk],
        "dedupe_key": key,
        "not_before": NOW,
        "by": SYSTEM,
        "at": NOW,
    }
    return plan(**{**arguments, **more})


def events(prefix="message.") -> list[str]:
    found = AuditEvent.objects.filter(type__startswith=prefix).order_by("recorded_at", "seq")
    return list(found.values_list("type", flat=True))


def state(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.status, message.reason


# Sent


def test_an_english_notice_arrives_as_written(loan, box):
    message = send(message_id=planned(loan).pk, at=NOW)
    assert (message.status, message.reason, message.deferred) == ("accepted", "", 0)
    assert message.provider_reference == f"<{message.pk}@lender.example>"
    [mail] = box()
    assert (mail.sender, mail.recipient, mail.subject, mail.message_id) == (
        '"River Wallet, Inc." <care@lender.example>',
        "dana@mail.example",
        "A message for you from River Wallet, Inc.",
        f"<{message.pk}@lender.example>",
    )
    assert mail.body == (
        "Hello Dana Field,\n"
        "\n"
        "This is River Wallet, Inc., writing about your loan …0042.\n"
        "\n"
        "A payment was due on 21 February 2026, 10 days ago, and we have not seen all of it yet. The amount still open is "
        "$100.00. If you have paid in the meantime, thank you: there is nothing more to do.\n"
        "\n"
        "If paying is difficult at the moment, you are welcome to tell us. You can pay in parts, or on a later day that "
        "suits you better, and if something has happened we would like to take it into account. Just reply with what "
        "would work for you and we will look for a way together.\n"
        "\n"
        "If something here looks wrong to you, if you do not recognise this loan, or if you would like to complain about "
        "us, please reply and say so. A person reads every reply, and while a complaint is looked into we do not ask you to "
        "pay.\n"
        "\n"
        "If you would rather not get e-mail about this from us, reply with the word STOP and we will not write to this "
        "address again.\n"
        "\n"
        "With kind regards\n"
        "River Wallet, Inc.\n"
        "care@lender.example\n"
    )


@pytest.mark.django_db
def test_a_chinese_notice_arrives_as_written(box):
    portfolio = make_portfolio(
        currency="CNY",
        jurisdictions=["CN"],
        zone="Asia/Shanghai",
        language="zh-hans",
        payments_read_at=IN_SHANGHAI,
    )
    portfolio.entity.name = "河流钱包"
    portfolio.entity.save()
    borrower = make_borrower(portfolio, name="王小明", email="xiaoming@mail.example", at=IN_SHANGHAI)
    loan = make_loan(
        borrower, external_id="RW-000042", principal=1_234_50, due_on=date(2026, 2, 21), at=IN_SHANGHAI
    )
    message = planned(loan, not_before=IN_SHANGHAI, at=IN_SHANGHAI)
    assert send(message_id=message.pk, at=IN_SHANGHAI).status == "accepted"
    [mail] = box()
    assert (mail.sender, mail.recipient, mail.subject, mail.language) == (
        "河流钱包 <care@lender.example>",
        "xiaoming@mail.example",
        "来自河流钱包的一封信",
        "zh-Hans",
    )
    assert mail.body == (
        "王小明，您好：\n"
        "\n"
        "我们是河流钱包，来信是关于您的借款（…0042）。\n"
        "\n"
        "有一笔款项原定于2026年2月21日归还，至今已过11天，我们尚未收到全部金额，目前还差¥1,234.50。如果您已经付款，非常感谢，无需再做什么。\n"
        "\n"
        "如果您眼下有困难，欢迎告诉我们。您可以分期归还，也可以换一个更方便的日期；如果遇到了什么事情，我们也愿意一并考虑。"
        "请直接回复，说说怎样安排对您合适，我们一起想办法。\n"
        "\n"
        "如果您觉得内容有误、不认得这笔借款，或者想对我们提出投诉，也请直接回复说明。每一封回信都有专人阅读；"
        "投诉处理期间，我们不会请您付款。\n"
        "\n"
        "如果您不希望再收到我们关于此事的邮件，请回复“退订”，我们不会再给这个邮箱写信。\n"
        "\n"
        "祝好\n"
        "河流钱包\n"
        "care@lender.example\n"
    )


def test_every_step_leaves_its_event(loan, box):
    case = Stream.borrower(loan.pk).ref  # any id
    message = send(message_id=planned(loan, case=case).pk, at=NOW, case=case)
    told = AuditEvent.objects.filter(case_ref=case).order_by("seq")
    assert list(told.values_list("type", flat=True)) == [
        "message.planned",
        "contact.decided",
        "contact.attempted",
        "message.sending",
        "message.accepted",
    ]
    assert set(told.values_list("stream", "borrower_ref")) == {(loan.borrower_id, loan.borrower_id)}
    assert list(told.values_list("actor", flat=True)) == ["test", *["dispatch"] * 4]
    attempt = ContactAttempt.objects.get()
    assert message.attempt == attempt
    assert (attempt.channel, attempt.purpose, attempt.loans) == ("email", "first_notice", [loan.pk])
    assert attempt.permit.used_at is not None


def test_a_collector_says_what_it_is(db, box):
    loan = lend(our_role=OurRole.COLLECTOR)
    assert send(message_id=planned(loan).pk, at=NOW).status == "accepted"
    [mail] = box()
    assert (
        "\n\nThis message is from a debt collector. This is an attempt to collect a debt, and any information obtained "
        "will be used for that purpose.\n\n"
    ) in mail.body


def test_a_reminder_of_a_promise(loan, box):
    details = {"promise_amount": 20_00, "promise_due_on": date(2026, 3, 6)}
    message = planned(loan, text="promise_reminder", details=details)
    assert send(message_id=message.pk, at=NOW).status == "accepted"
    assert "You told us that $20.00 by 6 March 2026 would work for you." in box()[0].body


def test_what_was_said_is_sealed_and_opened_with_an_event(loan, box):
    message = send(message_id=planned(loan).pk, at=NOW)
    assert b"Dana" not in bytes(message.body_sealed)
    agent = Actor.staff(make_user())
    assert open_text(message=message, by=agent, at=NOW, why="case") == (
        "A message for you from River Wallet, Inc.",
        box()[0].body,
    )
    assert AuditEvent.objects.filter(type="borrower.unsealed", actor=agent.ref).count() == 1
    with pytest.raises(PermissionDenied):
        open_text(message=message, by=Actor.staff(make_user(role=Role.ADMINISTRATOR)), at=NOW, why="case")
    with pytest.raises(ValueError, match="has no text"):
        open_text(message=planned(loan, key="other"), by=agent, at=NOW, why="case")


def test_sent_once(loan, box):
    message = planned(loan)
    first = send(message_id=message.pk, at=NOW)
    assert send(message_id=message.pk, at=NOW + DAY) == first
    assert len(box()) == 1
    assert ContactAttempt.objects.count() == 1
    assert events() == ["message.planned", "message.sending", "message.accepted"]


def test_not_before_its_time(loan, box):
    message = planned(loan, not_before=NOW + MINUTE)
    assert send(message_id=message.pk, at=NOW).status == "planned"
    assert list(Message.objects.due(NOW)) == []
    assert list(Message.objects.due(NOW + MINUTE)) == [message]
    assert box() == []
    assert ContactDecision.objects.count() == 0


# The gate refuses


def test_at_night_it_waits_for_the_morning(loan, box):
    night = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)  # ten in the evening in New York
    message = planned(loan)
    assert send(message_id=message.pk, at=night).status == "planned"
    message.refresh_from_db()
    # The first instant after eight: at eight sharp it is still closed.
    assert message.not_before == datetime(2026, 3, 4, 13, 0, 0, 1, tzinfo=UTC)
    assert (message.deferred, message.attempt, message.body_sealed) == (1, None, None)
    assert ContactDecision.objects.get().outcome == "prohibited"
    assert Permit.objects.count() == 0
    [event] = AuditEvent.objects.filter(type="message.deferred")
    assert b'"reasons":["outside_hours"]' in bytes(event.leaf)
    assert box() == []
    assert send(message_id=message.pk, at=message.not_before).status == "accepted"
    assert len(box()) == 1


def test_nothing_overdue_any_more(db, box):
    portfolio = make_portfolio()
    loan = make_loan(make_borrower(portfolio, email="dana@mail.example"), due_on=days_ago(-5))
    message = send(message_id=planned(loan).pk, at=NOW)
    assert (message.status, message.reason) == ("cancelled", "nothing_overdue")
    assert events() == ["message.planned", "message.cancelled"]
    assert box() == []


def test_an_address_out_of_use(loan, box):
    message = planned(loan)
    point = loan.borrower.contact_points.get()
    retire_contact_point(point=point, status=PointStatus.WRONG, reason="wrong_address", by=SYSTEM, at=NOW)
    assert (send(message_id=message.pk, at=NOW).status, state(message)) == (
        "cancelled",
        ("cancelled", "contact_point_retired"),
    )


def test_someone_who_has_died_is_not_written_to(loan, box):
    message = planned(loan)
    open_hold(borrower=loan.borrower, kind=HoldKind.DECEASED, by=SYSTEM, at=NOW)
    send(message_id=message.pk, at=NOW)
    assert state(message) == ("cancelled", "deceased")


def test_a_hold_is_waited_for(loan, box):
    message = planned(loan)
    open_hold(borrower=loan.borrower, kind=HoldKind.SAYS_PAID, by=SYSTEM, at=NOW)
    send(message_id=message.pk, at=NOW)
    assert state(message) == ("planned", "")
    # Three days, the first included: 3, 4 and 5 March; the morning after is open.
    assert message.not_before == datetime(2026, 3, 6, 13, 0, 0, 1, tzinfo=UTC)


def test_what_has_no_known_end_is_asked_again_tomorrow(loan, box):
    message = planned(loan)
    Portfolio.objects.update(contact_open=False)
    send(message_id=message.pk, at=NOW)
    assert state(message) == ("planned", "")
    assert timedelta(0) <= message.not_before - (NOW + DAY) < timedelta(seconds=5)
    assert box() == []


# The provider refuses, or is not there


def test_a_provider_that_is_down_costs_no_contact(loan):
    message = planned(loan)
    for tries, minutes in ((1, 5), (2, 10), (3, 20)):
        message.refresh_from_db()
        at = message.not_before
        send(message_id=message.pk, at=at)
        assert state(message) == ("planned", "")
        assert message.deferred == tries
        assert timedelta(0) <= message.not_before - (at + minutes * MINUTE) < timedelta(seconds=5)
    assert ContactDecision.objects.count() == 0
    assert events() == ["message.planned", *["message.deferred"] * 3]


def test_at_last_every_six_hours(loan):
    message = planned(loan)
    Message.objects.update(deferred=40)
    send(message_id=message.pk, at=NOW)
    message.refresh_from_db()
    assert timedelta(0) <= message.not_before - (NOW + timedelta(hours=6)) < timedelta(seconds=5)


def test_a_mailbox_that_does_not_exist_is_retired(loan, settings):
    message = planned(loan)
    with bad_server(RCPT="550 5.1.1 dana@mail.example unknown") as server:
        settings.EMAIL_PORT = server.port
        send(message_id=message.pk, at=NOW)
    assert state(message) == ("failed", "smtp_550")
    assert not message.temporary
    point = loan.borrower.contact_points.get()
    assert (point.status, point.status_reason) == ("bounced", "smtp_550")
    outcome = ContactOutcome.objects.get(attempt=message.attempt)
    assert (outcome.disposition, outcome.connected, outcome.conversation) == ("not_sent", False, False)
    assert events() == ["message.planned", "message.sending", "message.failed"]
    assert plan_again(message=message, by=SYSTEM, at=NOW) is None
    for event in AuditEvent.objects.all():
        assert b"mail.example" not in bytes(event.leaf)


def test_refused_for_now_another_message_may_follow(loan, settings, box):
    good = settings.EMAIL_PORT
    message = planned(loan)
    with bad_server(text="451 4.3.0 later") as server:
        settings.EMAIL_PORT = server.port
        send(message_id=message.pk, at=NOW)
    assert state(message) == ("failed", "smtp_451")
    assert message.temporary
    assert loan.borrower.contact_points.get().status == "active"
    settings.EMAIL_PORT = good
    assert send(message_id=message.pk, at=NOW + DAY).status == "failed"
    assert box() == []

    again = plan_again(message=message, by=SYSTEM, at=NOW)
    assert plan_again(message=message, by=SYSTEM, at=NOW) == again
    assert (again.dedupe_key, again.not_before, again.status) == ("first:1~2", NOW + 5 * MINUTE, "planned")
    assert send(message_id=again.pk, at=again.not_before).status == "accepted"
    assert len(box()) == 1


def test_five_messages_at_most(loan):
    message = planned(loan, key="first:1~5")
    Message.objects.update(status=MessageStatus.FAILED, temporary=True)
    message.refresh_from_db()
    assert plan_again(message=message, by=SYSTEM, at=NOW) is None


@pytest.mark.parametrize(
    ("reply", "reason"), [(DROP, "smtp_disconnected"), (HANG, "smtp_timeout"), ("what?", "smtp_unreadable")]
)
def test_left_without_an_answer_nobody_knows(loan, settings, reply, reason):
    message = planned(loan)
    settings.EMAIL_TIMEOUT = 2
    with bad_server(text=reply) as server:
        settings.EMAIL_PORT = server.port
        send(message_id=message.pk, at=NOW)
        assert state(message) == ("uncertain", reason)
        # Never by itself: not by another try, not by another plan.
        assert send(message_id=message.pk, at=NOW + DAY).status == "uncertain"
        assert planned(loan) == message
        assert plan_again(message=message, by=SYSTEM, at=NOW) is None
        assert len(server.texts) == 1
    assert events() == ["message.planned", "message.sending", "message.uncertain"]
    assert message.attempt is not None


# What cannot be written


def test_a_text_that_lacks_a_fact_is_not_sent(loan, box):
    message = planned(loan, text="promise_reminder")
    send(message_id=message.pk, at=NOW)
    assert state(message) == ("failed", "text")
    # As if nobody had asked: the contact it would have cost is still the borrower's.
    assert (ContactDecision.objects.count(), Permit.objects.count(), ContactAttempt.objects.count()) == (
        0,
        0,
        0,
    )
    assert box() == []


def test_a_borrower_who_was_erased_is_not_written_to(loan, box):
    message = planned(loan)
    BorrowerKey.objects.all().delete()
    send(message_id=message.pk, at=NOW)
    assert state(message) == ("failed", "sealed")
    assert ContactAttempt.objects.count() == 0


# Cancelled


def test_cancel(loan, box):
    message = cancel(message=planned(loan), reason="case_closed", by=SYSTEM, at=NOW)
    assert state(message) == ("cancelled", "case_closed")
    assert send(message_id=message.pk, at=NOW).status == "cancelled"
    assert box() == []
    cancel(message=message, reason="again", by=SYSTEM, at=NOW)
    assert state(message) == ("cancelled", "case_closed")
    assert events() == ["message.planned", "message.cancelled"]


def test_too_late_to_cancel(loan, box):
    message = send(message_id=planned(loan).pk, at=NOW)
    assert cancel(message=message, reason="case_closed", by=SYSTEM, at=NOW).status == "accepted"


# A worker dies


def begin(message: Message, at: datetime = NOW):
    return messages._begin(message.pk, lambda: at, by=SYSTEM, case=None)


def test_a_worker_that_died_on_the_wire(loan, box):
    message = planned(loan)
    begin(message)
    assert state(message) == ("sending", "")
    assert sweep(at=NOW + 9 * MINUTE) == 0
    assert sweep(at=NOW + 10 * MINUTE) == 1
    assert sweep(at=NOW + 10 * MINUTE) == 0
    assert state(message) == ("uncertain", "no_answer")
    assert send(message_id=message.pk, at=NOW + DAY).status == "uncertain"
    assert box() == []
    assert events() == ["message.planned", "message.sending", "message.uncertain"]


def test_an_answer_that_comes_after_the_sweep_counts(loan):
    message = planned(loan)
    begin(message)
    sweep(at=NOW + 10 * MINUTE)
    finish = {"by": SYSTEM, "at": NOW + 11 * MINUTE, "case": None}
    assert messages._finish(message.pk, LeftUnknown("smtp_timeout"), **finish).reason == "no_answer"
    messages._finish(message.pk, ProviderAnswer(accepted=True, reference="<1@a>"), **finish)
    assert state(message) == ("accepted", "")


@pytest.mark.parametrize("back", ["planned", "cancelled"])
def test_the_database_lets_no_message_go_back(loan, back):
    message = planned(loan)
    begin(message)
    with (
        pytest.raises((IntegrityError, InternalError), match="does not go from sending"),
        transaction.atomic(),
    ):
        Message.objects.filter(pk=message.pk).update(status=back)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        Message.objects.filter(pk=message.pk).delete()


SENDER = """
import django; django.setup()
from datetime import datetime
from uuid import UUID
from communications.actions.messages import send
send(message_id=UUID({id!r}), at=datetime.fromisoformat({at!r}))
"""


@pytest.mark.django_db(transaction=True)
def test_kill_nine_on_the_wire(settings):
    """A real worker process, killed while the server holds its answer back."""
    message = planned(lend())
    with bad_server(text=HANG) as server:
        database = connection.settings_dict["NAME"]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "collections_site.settings_test",
            "FORBEAR_SMTP_PORT": str(server.port),
            "FORBEAR_SECRET_KEY": settings.SECRET_KEY,
            "FORBEAR_SEAL_KEYS": ",".join(settings.SEAL_KEYS),
            "FORBEAR_BLIND_INDEX_KEY": settings.BLIND_INDEX_KEY,
            "REDIS_URL": settings.REDIS_URL,
            "DATABASE_URL": urlsplit(local.database_url("app"))._replace(path=f"/{database}").geturl(),
        }
        code = SENDER.format(id=str(message.pk), at=NOW.isoformat())
        worker = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=settings.BASE_DIR)
        try:
            for _ in range(300):
                if server.texts or worker.poll() is not None:
                    break
                time.sleep(0.1)
            assert len(server.texts) == 1
            worker.send_signal(signal.SIGKILL)
        finally:
            worker.wait(30)
    assert worker.returncode == -signal.SIGKILL
    assert state(message) == ("sending", "")
    assert send(message_id=message.pk, at=NOW + MINUTE).status == "sending"
    assert sweep(at=NOW + 11 * MINUTE) == 1
    assert state(message) == ("uncertain", "no_answer")
    assert len(server.texts) == 1


# Many at once


@pytest.mark.django_db(transaction=True)
def test_two_workers_one_message(box):
    message = planned(lend())
    answers = at_once(8, lambda: send(message_id=message.pk, at=NOW).status)
    assert len(box()) == 1
    assert set(answers) <= {"sending", "accepted"}
    assert state(message) == ("accepted", "")
    assert ContactAttempt.objects.count() == 1
    assert ContactDecision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_the_last_lawful_message(box):
    """The house allows two messages a day; of five planned ones two leave, whoever comes first."""
    loan = lend()
    ids = [planned(loan, key=f"first:{number}").pk for number in range(5)]
    at_once(5, lambda: send(message_id=ids.pop(), at=NOW))
    assert len(box()) == 2
    assert sorted(Message.objects.values_list("status", flat=True)) == ["accepted"] * 2 + ["planned"] * 3
    assert ContactAttempt.objects.count() == 2
    waiting = Message.objects.filter(status="planned").values_list("not_before", flat=True)
    assert set(waiting) == {datetime(2026, 3, 4, 13, 0, 0, 1, tzinfo=UTC)}


@pytest.mark.django_db(transaction=True)
def test_cancelled_or_sent_never_both(box):
    message = planned(lend())
    doings = [
        lambda: send(message_id=message.pk, at=NOW),
        lambda: cancel(message=message, reason="case_closed", by=SYSTEM, at=NOW),
    ]
    at_once(2, lambda: doings.pop()())
    status, _reason = state(message)
    assert (status, len(box())) in {("accepted", 1), ("cancelled", 0)}


def at_once(number: int, do) -> list:
    """Run `do` in threads that begin together, each on its own connection; what they gave."""
    start, results, errors = threading.Barrier(number), [], []

    def work() -> None:
        try:
            start.wait(10)
            results.append(do())
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    return results


# Planning


def test_planned_once_by_its_key(loan):
    first = planned(loan)
    second = planned(loan, not_before=NOW + DAY)
    assert second == first
    assert second.not_before == NOW
    assert events() == ["message.planned"]
    [event] = AuditEvent.objects.filter(type="message.planned")
    assert (event.stream_kind, event.borrower_ref) == ("borrower", loan.borrower_id)
    assert b'"template":"first_notice/en/1"' in bytes(event.leaf)


def rows(lent, **more) -> list[Planned]:
    return [
        Planned(
            **{
                "borrower_id": loan.borrower_id,
                "contact_point_id": loan.borrower.contact_points.get().pk,
                "template_version": current_template("reminder", "email", "en"),
                "loans": (loan.pk,),
                "dedupe_key": f"reminder:{loan.pk}",
                "not_before": NOW,
                "case": loan.pk,  # any id
                **more,
            }
        )
        for loan in lent
    ]


@pytest.fixture
def three(db):
    portfolio = make_portfolio()
    return [
        make_loan(make_borrower(portfolio, email=f"b{n}@mail.example"), portfolio=portfolio) for n in range(3)
    ]


def test_plan_many(three):
    run = Stream.run(three[0].pk)
    first = plan_many(rows(three[:2]), stream=run, by=SYSTEM, at=NOW)
    second = plan_many(rows(three), stream=run, by=SYSTEM, at=NOW)
    assert list(first) == [f"reminder:{loan.pk}" for loan in three[:2]]
    assert list(second) == [f"reminder:{three[2].pk}"]
    assert dict(Message.objects.values_list("dedupe_key", "pk")) == first | second
    found = AuditEvent.objects.filter(type="message.planned").order_by("seq")
    assert list(found.values_list("stream_kind", "seq", "case_ref", "borrower_ref")) == [
        ("run", number, loan.pk, loan.borrower_id) for number, loan in enumerate(three, 1)
    ]
    message = Message.objects.get(pk=second[f"reminder:{three[2].pk}"])
    assert (message.channel, message.purpose, message.loans, message.status, message.details) == (
        "email", "reminder", [three[2].pk], "planned", {},
    )  # fmt: skip
    assert (message.created_at, message.status_at, message.not_before) == (NOW, NOW, NOW)


def test_one_key_twice_in_one_plan(three):
    twice = rows(three[:1]) * 2
    assert len(plan_many(twice, stream=Stream.system(), by=SYSTEM, at=NOW)) == 1
    assert events() == ["message.planned"]


def test_nothing_to_plan(db):
    assert plan_many([], stream=Stream.system(), by=SYSTEM, at=NOW) == {}


def test_planning_three_costs_what_one_costs(three):
    counts = []
    for batch in (three[:1], three[1:]):
        prepared = rows(batch)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            plan_many(prepared, stream=Stream.system(), by=SYSTEM, at=NOW)
        counts.append(len([each for each in queries if "COPY" not in each["sql"]]))
    # One event is inserted by itself, several are copied.
    assert counts[0] >= counts[1]


def test_only_to_the_borrowers_own_address(three):
    ours, theirs = three[0], three[1]
    strange = [
        {"contact_point_id": theirs.borrower.contact_points.get().pk},
        {"loans": (ours.pk, theirs.pk)},
    ]
    make_borrower(ours.portfolio, phone="+12125550123")
    phone = ContactPoint.objects.get(kind="phone")
    phone_of_ours = {"borrower_id": phone.borrower_id, "contact_point_id": phone.pk, "loans": ()}
    sister = add_related_person(
        borrower=ours.borrower, relation="household", name="Sister", given_by="borrower", given_on=NOW.date(),
        ground="consent", by=SYSTEM, at=NOW,
    )  # fmt: skip
    for change in (*strange, phone_of_ours):
        with pytest.raises(ValueError, match="is not this borrower's, or not for this channel"):
            plan_many(rows([ours], **change), stream=Stream.system(), by=SYSTEM, at=NOW)
    ContactPoint.objects.filter(borrower=ours.borrower).update(related_person=sister)
    with pytest.raises(ValueError, match="is not this borrower's"):
        plan_many(rows([theirs, ours]), stream=Stream.system(), by=SYSTEM, at=NOW)
    assert Message.objects.count() == 0


def test_details_and_purposes_are_those_of_the_text(loan):
    with pytest.raises(ValueError, match="no text knows iban"):
        planned(loan, details={"iban": 1})
    with pytest.raises(ValueError, match="is a text for first_notice"):
        planned(loan, purpose="reminder")
    assert Message.objects.count() == 0
