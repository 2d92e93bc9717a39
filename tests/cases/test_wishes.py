"""What a borrower asks and agrees to, written down on the case: it shows for everybody, and is taken back."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.actions.borrowers import add_contact_point, add_related_person
from accounts.models import ContactKind, Relation
from compliance.actions.contacts import note_inbound, note_outcome, place
from compliance.actions.gate import ask, look_closely
from compliance.facts import Question
from compliance.models import Channel, Consent, Designation, MediaRequest
from compliance.rules import Purpose
from tests.cases.stories import events, make_case, phone_of
from tests.factories import NOW, SYSTEM, make_people, make_portfolio

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def portfolio():
    return make_portfolio()


@pytest.fixture
def case(portfolio):
    return make_case(portfolio)


@pytest.fixture
def alice(client, portfolio, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    people = make_people(portfolio)
    client.force_login(people.alice)
    return client


def say(client, case, **said):
    answer = client.post(reverse("case_wish", args=[case.pk]), said)
    return answer.status_code


def lines(client, case) -> list[str]:
    page = client.get(reverse("case", args=[case.pk]))
    return [line.text for line in page.context["who"].wishes]


SAID = {
    "mornings": (
        {"what": "not_time", "days": ["MON", "TUE"], "from_time": "08:00", "to_time": "12:00", "words": "I sleep then."},
        "not Monday, Tuesday 08:00 to 12:00",
    ),
    "work": ({"what": "not_work", "words": "My boss listens.", "until": "2026-04-01"}, "not at work, until 1 Apr 2026"),
    "no SMS": ({"what": "stop", "channel": "sms"}, "no contact by SMS"),
    "late hours": (
        {"what": "hours", "from_time": "21:00", "to_time": "00:00", "only_convenient": "on", "evidence": "call:7"},
        "agreed to contact 21:00 to 24:00; nothing else suits",
    ),
    "more calls": ({"what": "dials", "most": "5", "evidence": "call:7"}, "agreed to 5 calls a day"),
    "messages": (
        {"what": "electronic", "channel": "sms", "evidence": "letter:3"},
        "agreed to messages by SMS",
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_shows_beside_the_borrower_and_in_the_story(alice, case, said):
    fields, line = SAID[said]
    assert say(alice, case, **fields) == 302
    assert lines(alice, case) == [line]
    assert set(events(case)) & {"designation.recorded", "media.requested", "consent.recorded"}
    page = alice.get(reverse("case", args=[case.pk])).content.decode()
    assert "I sleep then." not in page
    assert "My boss listens." not in page


@pytest.mark.parametrize(
    "fields",
    [
        {"what": "dials", "most": "5"},
        {"what": "hours", "from_time": "21:00", "to_time": "23:00"},
        {"what": "hours", "evidence": "call:7"},
        {"what": "again", "channel": "sms"},
        {"what": "not_time"},
        {"what": "not_time", "from_time": "21:00"},
        {"what": "not_work", "until": "2026-01-01"},
        {"what": "electronic", "channel": "call", "evidence": "call:7"},
        {"what": "dials", "most": "5", "evidence": "she said so on the phone"},
        {"what": "nothing"},
    ],
)
def test_what_opens_something_needs_evidence_and_what_makes_no_sense_is_refused(alice, case, fields):
    assert say(alice, case, **fields) == 422
    for model in (Designation, MediaRequest, Consent):
        assert not model.objects.exists()


def test_taken_back_it_counts_no_more(alice, case):
    say(alice, case, **SAID["mornings"][0])
    say(alice, case, **SAID["more calls"][0])
    back = reverse("case_wish_back", args=[case.pk])
    alice.post(back, {"kind": "designation", "id": Designation.objects.get().pk})
    alice.post(back, {"kind": "consent", "id": Consent.objects.get().pk})
    assert lines(alice, case) == []
    assert Designation.objects.get().withdrawn_at == Consent.objects.get().revoked_at == NOW
    assert alice.post(back, {"kind": "hold", "id": Consent.objects.get().pk}).status_code == 404
    other = make_case(make_portfolio())
    assert (
        alice.post(reverse("case_wish_back", args=[other.pk]), {"kind": "consent", "id": "x"}).status_code
        == 404
    )


def test_the_number_at_work_is_known_as_such(alice, case):
    phone = phone_of(case.borrower)
    say(alice, case, what="not_work", contact_point=phone.pk)
    phone.refresh_from_db()
    assert phone.place == "work"
    assert "contact_point.placed" in events(case)
    contact = alice.get(reverse("case", args=[case.pk])).context["who"].contacts[0]
    assert "at work" in contact.label


def test_a_channel_wanted_again_is_a_wish_of_its_own(alice, case):
    say(alice, case, what="stop", channel="sms")
    say(alice, case, what="stop", channel="call", contact_point=phone_of(case.borrower).pk)
    assert len(lines(alice, case)) == 2
    say(alice, case, what="again", channel="sms", evidence="sms:9")
    assert lines(alice, case) == [f"no contact by Call to {phone_of(case.borrower).mask}"]
    assert MediaRequest.objects.count() == 3


# People around the borrower, and whether the borrower can be reached at all


def failed_call(case, at, **outcome):
    answer = ask(
        borrower=case.borrower, contact_point=phone_of(case.borrower), channel=Channel.CALL, purpose=Purpose.COLLECT,
        loans=[case.loan_id], by=SYSTEM, at=at,
    )  # fmt: skip
    attempt = place(permit_id=answer.permit_id, by=SYSTEM, at=at)
    told = {"connected": True, "answered": False, "right_party": False, "conversation": False} | outcome
    return note_outcome(attempt=attempt, disposition="no_answer", by=SYSTEM, at=at, **told)


def unreachable(case, at=NOW) -> bool:
    question = Question(borrower=case.borrower_id, channel="call", purpose="collect", loans=(case.loan_id,))
    [(situation, _decision)] = look_closely([question], at=at)
    return situation.facts.unreachable


def test_three_failed_tries_in_a_row_and_nothing_else_make_somebody_unreachable(case):
    for days in (6, 5):
        failed_call(case, NOW - days * DAY)
    assert not unreachable(case)
    failed_call(case, NOW - 4 * DAY)
    assert unreachable(case)
    note_inbound(
        borrower=case.borrower, channel="call", loans=[case.loan_id], by=SYSTEM, at=NOW - 3 * DAY,
        disposition="call_back", right_party=True, conversation=True,
    )  # fmt: skip
    assert not unreachable(case)


def test_a_try_of_which_nobody_knows_the_end_is_no_failed_one(case):
    for days in (6, 5):
        failed_call(case, NOW - days * DAY)
    failed_call(case, NOW - 4 * DAY, answered=None, right_party=None)
    assert not unreachable(case)


def test_a_wrong_number_alone_makes_somebody_unreachable_until_another_is_known(case):
    phone = phone_of(case.borrower)
    type(phone).objects.filter(pk=phone.pk).update(status="retired", status_reason="moved")
    assert not unreachable(case)
    type(phone).objects.filter(pk=phone.pk).update(status="wrong", status_reason="wrong_number")
    assert unreachable(case)
    add_contact_point(
        borrower=case.borrower, kind=ContactKind.PHONE, text="+1 212 555 0199", source="borrower", ground="contract",
        by=SYSTEM, at=NOW,
    )  # fmt: skip
    assert not unreachable(case)


def test_the_case_says_so_and_whether_people_around_may_be_called(alice, case):
    assert alice.get(reverse("case", args=[case.pk])).context["who"].flags == []
    for days in (6, 5, 4):
        failed_call(case, NOW - days * DAY)
    person = add_related_person(
        borrower=case.borrower, relation=Relation.EMERGENCY_CONTACT, name="Sam Field", given_by="borrower",
        given_on=NOW.date(), ground="consent", by=SYSTEM, at=NOW,
    )  # fmt: skip
    add_contact_point(
        borrower=case.borrower, kind=ContactKind.PHONE, text="+1 212 555 0177", source="borrower", ground="consent",
        related_person=person, by=SYSTEM, at=NOW,
    )  # fmt: skip
    who = alice.get(reverse("case", args=[case.pk])).context["who"]
    [sam] = who.related
    assert (sam.may_contact, sam.call_url) == (False, "")
    assert sam.why
    assert who.flags == ["cannot be reached: every own number is wrong, or the last three calls all failed"]
