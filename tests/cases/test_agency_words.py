"""What an agency writes, and what the house does not while an agency has the case."""

from datetime import timedelta
from email import message_from_bytes
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.urls import reverse

from accounts.models import ContactKind, Role
from cases.actions import outreach
from cases.actions.agreements import record_promise
from cases.actions.day import run_day
from cases.actions.outreach import deliver
from cases.actions.placements import recall
from cases.actions.writing import WriteRefused, write
from cases.models import CaseMessage, WorkItem
from cases.timeline import timeline
from communications import sink
from communications.actions import messages
from communications.actions.texts import load_texts
from communications.models import Message, MessageStatus
from communications.texts import current_template
from compliance.actions import gate
from compliance.actions.contacts import place as spend
from compliance.actions.holds import open_hold
from compliance.audit import Actor
from compliance.models import ContactAttempt, ContactDecision
from tests.cases.stories import DAY, fresh
from tests.cases.test_placements import late_case, place
from tests.communications.smtp import mail_sink
from tests.factories import NOW, SYSTEM, TODAY, make_agency, make_people, make_portfolio, make_user

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def portfolio(transactional_db):
    load_texts(by=SYSTEM, at=NOW)
    return make_portfolio(terms={"placement_after_days": 60})


@pytest.fixture
def people(portfolio):
    return make_people(portfolio)


@pytest.fixture
def agency(portfolio):
    return make_agency("Kind Collectors")


@pytest.fixture
def ana(agency):
    return make_user("ana", role=Role.AGENCY, agency=agency)


@pytest.fixture
def inbox(tmp_path, settings):
    with mail_sink(tmp_path) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield lambda: [message_from_bytes(path.read_bytes()) for path in sink.kept(tmp_path)]


def email(case):
    return case.borrower.contact_points.get(kind=ContactKind.EMAIL)


def written(case, user, at=NOW):
    return write(case=case, contact_point=email(case), user=user, at=at)


def sent(case, message, at=NOW):
    return deliver(message_id=message.pk, case_id=case.pk, at=at)


def house_message(case, text="reminder", at=NOW):
    """What a run of ours planned for this case."""
    version = current_template(text, "email", "en")
    message = messages.plan(
        borrower=case.borrower, contact_point=email(case), template_version=version,
        purpose=version.template.purpose, loans=[case.loan_id], dedupe_key=f"{text}:{case.pk}", not_before=at, by=SYSTEM,
        at=at, case=case.pk,
    )  # fmt: skip
    CaseMessage.objects.create(case=case, message=message)
    return message


# What an agency writes


def test_an_agency_writes_under_a_permit_as_a_third_party_and_says_who_it_is(
    portfolio, people, agency, ana, inbox
):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    message = sent(case, written(case, ana))
    assert message.status == MessageStatus.ACCEPTED
    [mail] = inbox()
    body = mail.get_payload(decode=True).decode() if not mail.is_multipart() else str(mail)
    assert f"We are Kind Collectors, and we write for {portfolio.entity.name}" in body
    assert "This message is from a debt collector." in body
    attempt = ContactAttempt.objects.get()
    assert (attempt.actor, attempt.channel, message.attempt) == (str(ana.ref), "email", attempt)
    decision = ContactDecision.objects.get(actor=str(ana.ref))
    assert b'"role":"third_party_debt_collector"' in bytes(decision.facts)
    lines = timeline(fresh(case), people.alice).entries
    assert ("Reminder by the agency sent: e-mail", "ana · Kind Collectors") in [
        (each.text.replace("E-mail", "e-mail"), each.by) for each in lines
    ]


def test_our_own_agents_write_the_houses_reminder_as_the_creditor(portfolio, people, inbox):
    case = late_case(portfolio)
    assert sent(case, written(case, people.alice)).status == MessageStatus.ACCEPTED
    [mail] = inbox()
    assert "debt collector" not in str(mail)
    assert ContactAttempt.objects.get().actor == str(people.alice.ref)
    with pytest.raises(WriteRefused) as refused:
        written(case, people.alice, LATER)
    assert refused.value.code == "written"


def test_only_placed_cases_and_the_borrowers_own_addresses(portfolio, people, agency, ana):
    case, other = late_case(portfolio), late_case(portfolio)
    place(agency, people.bob, case)
    with pytest.raises(WriteRefused) as refused:
        written(other, ana)
    assert refused.value.code == "not_placed"
    with pytest.raises(WriteRefused) as refused:
        write(case=case, contact_point=email(other), user=ana, at=NOW)
    assert refused.value.code == "address"
    assert not Message.objects.exists()


def test_what_the_gate_refuses_waits_and_is_counted(portfolio, people, agency, ana, inbox):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    message = written(case, ana)
    open_hold(borrower=case.borrower, kind="dispute", days=5, by=SYSTEM, at=NOW)
    message = sent(case, message)
    assert (message.status, inbox()) == (MessageStatus.PLANNED, [])
    assert message.not_before > NOW
    assert ContactDecision.objects.get(actor=str(ana.ref)).outcome == "prohibited"


def test_a_recall_withdraws_what_has_not_left(portfolio, people, agency, ana, inbox):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    message = written(case, ana)
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW)
    assert sent(case, message).status == MessageStatus.CANCELLED
    assert (Message.objects.get().reason, inbox()) == ("recalled", [])
    assert not ContactAttempt.objects.exists()


def test_a_permit_of_the_agency_ends_with_the_recall(portfolio, people, agency, ana):
    """Between permit and wire: the permit is there, and spends no more."""
    case = late_case(portfolio)
    place(agency, people.bob, case)
    answer = gate.ask(
        borrower=case.borrower, contact_point=email(case), channel="email", purpose="reminder", loans=[case.loan_id],
        by=Actor.staff(ana), at=NOW,
    )  # fmt: skip
    assert answer.permit_id is not None
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW)
    with pytest.raises(Exception, match="permission for this contact has ended"):
        spend(permit_id=answer.permit_id, by=Actor.staff(ana), at=NOW)
    assert not ContactAttempt.objects.exists()


def test_a_recall_and_a_sending_at_once_leave_one_story(portfolio, people, agency, ana, inbox):
    cases = [late_case(portfolio) for _number in range(6)]
    place(agency, people.bob, *cases)
    planned = [(case, written(case, ana)) for case in cases]
    for case, message in planned:
        start, ends = Barrier(2), []

        def run(work, start=start, ends=ends):
            try:
                start.wait(10)
                work()
            except Exception as error:
                ends.append(error)
            finally:
                connection.close()

        threads = [
            Thread(target=run, args=[lambda case=case, message=message: sent(case, message)]),
            Thread(
                target=run,
                args=[lambda case=case: recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW)],
            ),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert ends == []
    left = {message.status for message in Message.objects.all()}
    assert left <= {MessageStatus.ACCEPTED, MessageStatus.CANCELLED, MessageStatus.PLANNED}
    # What is still planned never leaves.
    for case, message in planned:
        sent(case, message, LATER + DAY)
    accepted = Message.objects.filter(status=MessageStatus.ACCEPTED).count()
    assert len(inbox()) == accepted == ContactAttempt.objects.count()
    assert not Message.objects.filter(status=MessageStatus.PLANNED).exists()


def test_the_desk_offers_it_masked_and_the_worker_sends_it(
    client, portfolio, people, agency, ana, monkeypatch
):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    queued = []
    monkeypatch.setattr("cases.views.writing.send_written.delay", lambda *ids: queued.append(ids))
    case = late_case(portfolio)
    place(agency, people.bob, case)
    client.force_login(ana)
    page = client.get(reverse("case", args=[case.pk]), {"open": "write"}).content.decode()
    assert email(case).mask in page
    assert "@example.com" not in page.replace(email(case).mask, "")
    assert client.post(reverse("case_write", args=[case.pk]), {}).status_code == 422
    answer = client.post(reverse("case_write", args=[case.pk]), {"contact_point": str(email(case).pk)})
    assert answer.status_code == 302
    link = CaseMessage.objects.get()
    assert (link.written_by, queued) == (ana, [(str(link.message_id), str(case.pk))])
    again = client.post(reverse("case_write", args=[case.pk]), {"contact_point": str(email(case).pk)})
    assert again.status_code == 422
    assert "once a day is enough" in again.content.decode()


# What the house does not


def test_nothing_of_ours_is_planned_or_sent_on_a_placed_case(portfolio, people, agency, inbox):
    placed, free = late_case(portfolio), late_case(portfolio)
    for case in (placed, free):
        record_promise(case=case, amount=10_00, due_on=TODAY + 3 * DAY, channel="call", by=SYSTEM, at=NOW)
    place(agency, people.bob, placed)
    run_day(date=TODAY + DAY, by=SYSTEM, at=NOW + DAY)
    assert set(CaseMessage.objects.values_list("case", flat=True)) == {free.pk}
    # The agency's people find the first call to make; a notice of ours is not what they wait for.
    assert WorkItem.objects.filter(case=placed, kind="first_call", done_at=None).exists()


def test_where_the_terms_say_so_the_house_goes_on_writing(portfolio, people, agency, inbox):
    case = late_case(portfolio)
    place(agency, people.bob, case, house_writes=True)
    assert sent(case, house_message(case)).status == MessageStatus.ACCEPTED
    assert len(inbox()) == 1


def test_placing_withdraws_reminders_and_keeps_the_first_notice_waiting(portfolio, people, agency, inbox):
    case, untold = late_case(portfolio), late_case(portfolio)
    reminder, notice = house_message(case), house_message(untold, "first_notice")
    place(agency, people.bob, case, untold)
    assert Message.objects.get(pk=reminder.pk).status == MessageStatus.CANCELLED
    waiting = sent(untold, notice)
    assert (waiting.status, waiting.not_before) == (MessageStatus.PLANNED, NOW + DAY)
    recall(cases=[untold.pk], by=Actor.staff(people.bob), at=NOW)
    assert sent(untold, notice, NOW + DAY).status == MessageStatus.ACCEPTED
    assert fresh(untold).state == "notified"
    assert len(inbox()) == 1


def test_what_is_announced_and_what_confirms_goes_on(portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    for text in ("debit_notice", "bureau_notice", "waiver_agreed"):
        assert not outreach.is_silenced(house_message(case, text), case.pk)
    assert outreach.is_silenced(house_message(case), case.pk)


def test_our_own_people_leave_the_writing_to_the_agency(portfolio, people, agency):
    case = late_case(portfolio)
    place(agency, people.bob, case)
    with pytest.raises(WriteRefused) as refused:
        written(case, people.alice)
    assert refused.value.code == "with_agency"


def test_placed_between_permit_and_wire_the_database_lets_nothing_leave(
    portfolio, people, agency, inbox, monkeypatch
):
    """The dispatcher has looked, and the case is placed before it begins: the database refuses, and nothing of it stays."""
    case = late_case(portfolio)
    place(agency, people.bob, case)
    message = house_message(case)
    looked = iter([False, True])
    monkeypatch.setattr("cases.actions.outreach.is_silenced", lambda *_given: next(looked))
    assert sent(case, message).status == MessageStatus.CANCELLED
    assert inbox() == []
    assert not ContactAttempt.objects.exists()
    assert not ContactDecision.objects.exists()


def test_no_house_message_takes_an_attempt_by_raw_sql(portfolio, people, agency):
    case, free = late_case(portfolio), late_case(portfolio)
    message = house_message(case)
    answer = gate.ask(
        borrower=case.borrower, contact_point=email(case), channel="email", purpose="reminder", loans=[case.loan_id],
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    attempt = spend(permit_id=answer.permit_id, by=SYSTEM, at=NOW)
    place(agency, people.bob, case)
    for status in ("sending", "accepted"):
        with pytest.raises(ProgrammingError, match="house is silent"), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(status=status, attempt=attempt)
    with (
        pytest.raises(DatabaseError, match="house is silent"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """
            INSERT INTO communications_message (id, borrower_id, contact_point_id, channel, purpose, template_version_id,
                loans, details, dedupe_key, status, not_before, deferred, provider_reference, reason, temporary, created_at,
                status_at, attempt_id)
            SELECT gen_random_uuid(), borrower_id, contact_point_id, channel, purpose, template_version_id, loans, details,
                'x', 'sending', not_before, 0, '', '', false, created_at, status_at, %s FROM communications_message
            """,
            [attempt.pk],
        )
    assert free.state == "overdue"


def test_a_message_that_has_left_goes_on_to_its_end_after_a_placement(portfolio, people, agency):
    case = late_case(portfolio)
    message = house_message(case)
    answer = gate.ask(
        borrower=case.borrower, contact_point=email(case), channel="email", purpose="reminder", loans=[case.loan_id],
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    attempt = spend(permit_id=answer.permit_id, by=SYSTEM, at=NOW)
    Message.objects.filter(pk=message.pk).update(status="sending", attempt=attempt)
    place(agency, people.bob, case)
    Message.objects.filter(pk=message.pk).update(status="accepted")
    assert Message.objects.get().status == "accepted"


def test_the_strip_says_who_works_the_case(client, portfolio, people, agency, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    case = late_case(portfolio)
    client.force_login(people.alice)
    assert "Kind Collectors" not in client.get(reverse("case_strip", args=[case.pk])).content.decode()
    place(agency, people.bob, case)
    for name in ("case", "case_strip"):
        page = client.get(reverse(name, args=[case.pk])).content.decode()
        assert "Kind Collectors works this case until 1 Jun" in page
        assert "we do not write meanwhile" in page
    recall(cases=[case.pk], by=Actor.staff(people.bob), at=NOW)
    assert "Kind Collectors works" not in client.get(reverse("case_strip", args=[case.pk])).content.decode()
