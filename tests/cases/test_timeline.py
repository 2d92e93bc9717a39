"""A case's story, read from the log, in sentences."""

import ast
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from django.utils import translation

from accounts.actions.ledger import post_charge
from accounts.actions.portfolios import set_terms
from accounts.models import Role, Terms
from accounts.schedules import Every
from cases import story
from cases.actions.agreements import agree_plan, record_promise
from cases.actions.calls import ComplaintTerms, Details, PromiseTerms, log_inbound
from cases.actions.notes import add_note
from cases.actions.payments import record_payment
from cases.story import SENTENCES
from cases.timeline import KINDS, timeline
from collections_site.templatetags.desk import drawn_icons
from compliance.audit import Actor
from compliance.audit.events import EVENTS
from compliance.audit_search import Cut
from tests.cases.stories import DAY, call, fresh, make_case
from tests.factories import NOW, SYSTEM, TODAY, make_loan, make_people, make_portfolio, make_user

HOUR = timedelta(hours=1)


@pytest.fixture
def people(db):
    return make_people(make_portfolio())


@pytest.fixture
def case(people):
    return make_case(people.alice.team.portfolios.get(), principal=100_00)


def texts(case, user, **more) -> list[str]:
    return [entry.text for entry in timeline(fresh(case), user, **more).entries]


def test_every_sentence_is_of_an_event_there_is_and_of_a_known_kind():
    assert set(SENTENCES) <= set(EVENTS)
    assert {kind for kind, _maker in SENTENCES.values()} == set(KINDS)


def test_every_icon_is_drawn():
    sources = [
        ast.parse(path.read_text(encoding="utf-8")) for path in Path(story.__file__).parent.glob("*.py")
    ]
    nodes = [node for source in sources for node in ast.walk(source)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    named = [call.args[0] for call in calls if call.func.id == "Line"]
    named += [call.args[1] for call in calls if call.func.id == "_message"]
    icons = {node.value for each in named for node in ast.walk(each) if isinstance(node, ast.Constant)}
    assert len(icons) > 20
    assert (
        icons | {"receipt", "cash-off", "coin", "phone-incoming", "phone-call", "phone-off"} <= drawn_icons()
    )


def test_the_story_from_first_call_to_cure(case, people):
    by = Actor.staff(people.alice)
    call(case, people.alice, "no_answer")
    terms = Details(promise=PromiseTerms(amount=40_00, due_on=TODAY + DAY), reason="forgot")
    call(case, people.alice, "promises", at=NOW + HOUR, details=terms)
    add_note(case=case, body="Payday is Friday.", author=people.alice, at=NOW + 2 * HOUR)
    record_payment(case=case, amount=40_00, value_date=TODAY, reference="P-1", by=by, at=NOW + 3 * HOUR)
    record_payment(case=case, amount=60_00, value_date=TODAY, reference="P-2", by=by, at=NOW + 4 * HOUR)
    told = timeline(fresh(case), people.alice)
    assert [(entry.text, entry.tone, entry.by) for entry in told.entries if entry.at > NOW] == [
        ("From “in conversation” to “back on track”", "done", ""),
        ("Paid $60.00, counted from 3 Mar 2026", "done", "alice"),
        ("Promise kept", "done", ""),
        ("Paid $40.00, counted from 3 Mar 2026", "done", "alice"),
        ("Note", "", "alice"),
        ("Promised $40.00 by 4 Mar 2026", "", "alice"),
        ("From “overdue” to “in conversation”", "", "alice"),
        ("Why it is late: Forgot", "", "alice"),
        ("Call: Promises to pay", "done", "alice"),
        ("Took the case", "", "alice"),
        ("Call: No answer", "", "alice"),
    ]
    assert [entry.words for entry in told.entries if entry.words] == ["Payday is Friday."]
    assert told.older == ""


def test_kinds_filter_the_story(case, people):
    by = Actor.staff(people.alice)
    call(case, people.alice, "disputes")
    record_promise(case=case, amount=10_00, due_on=TODAY, channel="call", by=by, at=NOW + HOUR)
    assert texts(case, people.alice, kind="contacts") == [
        "Call: Disputes the debt",
        "New way of contact: E-mail",
        "New way of contact: Phone",
    ]
    assert texts(case, people.alice, kind="money")[0] == "Promised $10.00 by 3 Mar 2026"
    assert texts(case, people.alice, kind="law") == [
        "From “overdue” to “in conversation”",
        "On hold: Dispute",
    ]
    assert timeline(fresh(case), people.alice, kind="gossip").kind == "all"


def test_older_lines_come_by_the_query_string(case, people):
    for number in range(5):
        add_note(case=case, body=str(number), author=people.alice, at=NOW + number * HOUR)
    first = timeline(fresh(case), people.alice, 3)
    assert [entry.words for entry in first.entries] == ["4", "3", "2"]
    older = parse_qs(first.older)
    assert (older["timeline"], older["before"][0][:25]) == (["all"], "2026-03-03T19:00:00+00:00")
    rest = timeline(fresh(case), people.alice, 3, before=Cut.read(older["before"][0]))
    assert [entry.words for entry in rest.entries if entry.words] == ["1", "0"]


def test_what_happened_at_one_moment_is_not_lost_between_pages(case, people):
    for number in range(5):
        add_note(case=case, body=str(number), author=people.alice, at=NOW)
    words, before = [], None
    while True:
        page = timeline(fresh(case), people.alice, 2, before=before)
        words += [entry.words for entry in page.entries if entry.words]
        if not page.older:
            break
        before = Cut.read(parse_qs(page.older)["before"][0])
    assert words == ["4", "3", "2", "1", "0"]


def test_the_same_persons_other_case_shows_its_contacts_and_not_its_money(case, people):
    other = make_case(loan=make_loan(case.borrower, portfolio=case.portfolio, principal=70_00))
    log_inbound(
        case=other, disposition="complaint", user=people.alice, at=NOW,
        details=Details(complaint=ComplaintTerms(category="tone", words="…")),
    )  # fmt: skip
    record_payment(
        case=other, amount=5_00, value_date=TODAY, reference="P", by=Actor.staff(people.alice), at=NOW
    )
    seen = texts(case, people.alice)
    assert "The borrower called: Complains" in seen
    assert "On hold: Complaint" in seen
    assert "Complaint: Tone, pressure or threat; to be answered by 18 Mar 2026" in seen
    assert not any(text.startswith(("Paid", "From")) for text in seen)


def test_plans_charges_and_callbacks_are_told(case, people):
    by = Actor.staff(people.alice)
    log_inbound(
        case=case, disposition="call_back", user=people.alice, at=NOW, details=Details(call_back_at=NOW + DAY)
    )
    agree_plan(
        case=fresh(case), count=2, first_due_on=TODAY, every=Every(months=1), channel="call", by=by, at=NOW
    )
    post_charge(loan=case.loan, kind="fee", amount=3_00, value_date=TODAY, reference="F", by=SYSTEM, at=NOW)
    seen = texts(case, people.alice)
    for text in (
        "Plan agreed: $100.00 in 2 parts from 3 Mar 2026",
        "Fee of $3.00 from 3 Mar 2026",
        "Call back agreed for 4 Mar, 12:00",
        "Asked to be called on 4 Mar 2026",
    ):
        assert text in seen


def test_what_every_night_adds_is_one_line_until_something_else_happens(case, people):
    # Late interest is charged by terms, whose caps are stored with them.
    set_terms(terms=Terms(portfolio=case.portfolio, from_on=TODAY, late_rate=Decimal(10)), by=SYSTEM, at=NOW)

    def night(number):
        post_charge(
            loan=case.loan, kind="interest", amount=9 + number, value_date=TODAY + number * DAY,
            reference=f"late_interest:{number}", by=SYSTEM, at=NOW + number * DAY,
        )  # fmt: skip

    for number in (0, 1, 2):
        night(number)
    add_note(case=case, body="Called back.", author=people.alice, at=NOW + 2 * DAY + HOUR)
    night(3)
    assert texts(case, people.alice, kind="money")[:1] == ["Interest of $0.42 from 3 Mar 2026 to 6 Mar 2026"]
    told = timeline(fresh(case), people.alice).entries
    assert [(entry.at, entry.text) for entry in told if entry.code == "ledger.posted"] == [
        (NOW + 3 * DAY, "Interest of $0.12 from 6 Mar 2026"),
        (NOW + 2 * DAY, "Interest of $0.30 from 3 Mar 2026 to 5 Mar 2026"),
    ]


def test_notes_stay_closed_for_who_may_not_see_cases(case, people):
    add_note(case=case, body="Private.", author=people.alice, at=NOW)
    administrator = make_user(role=Role.ADMINISTRATOR)
    assert [entry.words for entry in timeline(fresh(case), administrator).entries if entry.words] == []


def test_a_page_of_the_story_is_one_statement(case, people, django_assert_num_queries):
    for number in range(10):
        add_note(case=case, body=str(number), author=people.alice, at=NOW + number * HOUR)
    whole = fresh(case)
    with django_assert_num_queries(1):
        assert len(timeline(whole, people.alice).entries) >= 11


def test_the_story_is_told_in_the_readers_language_of_dates(case, people):
    record_promise(
        case=case, amount=10_00, due_on=TODAY, channel="call", by=Actor.staff(people.alice), at=NOW
    )
    with translation.override("zh-hans"):
        assert any("2026年3月3日" in text for text in texts(case, people.alice))
