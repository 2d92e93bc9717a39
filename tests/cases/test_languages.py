"""The desk in both languages: every form opens, and what is said to a borrower is in the borrower's."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import User
from cases.actions.scripts import answer_step, start_script
from cases.actions.work import plan_work
from cases.models import WorkKind
from communications.actions.texts import load_texts
from compliance.actions.gate import packs
from compliance.audit import Actor
from compliance.audit_words import told
from compliance.sentences import HOUSE, cited
from tests.cases.stories import make_case, make_reachable
from tests.factories import NOW, SYSTEM, make_loan, make_people, make_portfolio

FORMS = ("call", "promise", "plan", "payment", "complaint", "hold", "pass")


@pytest.fixture
def alice(db) -> User:
    return make_people(make_portfolio(zone="Asia/Shanghai", currency="CNY")).alice


@pytest.fixture(params=["en", "zh-hans"])
def reader(request, client, alice) -> Client:
    alice.language = request.param
    alice.save()
    client.force_login(alice)
    return client


@pytest.mark.parametrize("form", FORMS)
def test_a_form_opens(reader, alice, form):
    case = make_case(alice.team.portfolios.get())
    answer = reader.get(reverse("case", args=[case.pk]), {"open": form})
    assert answer.status_code == 200
    assert answer.context["form"] is not None


def test_the_words_to_a_borrower_are_wholly_in_their_language(reader, alice):
    load_texts(by=SYSTEM, at=NOW)
    borrower = make_reachable(alice.team.portfolios.get(), language="zh-hans")
    case = make_case(loan=make_loan(borrower, principal=1_000_00))
    run = start_script(case=case, user=alice, at=NOW)
    for step, answer in (("greet", "speaking"), ("right_party", "confirmed")):
        answer_step(run=run, step=step, answer=answer, by=Actor.staff(alice), at=NOW)
    said = reader.get(reverse("case", args=[case.pk])).context["script"]
    assert said.lang == "zh-Hans"
    assert "有一笔款项原定于2026年2月21日归还，目前还差¥1,000.00。" in said.say


def test_a_script_is_spoken_under_the_name_that_there_is(client, alice):
    load_texts(by=SYSTEM, at=NOW)
    alice.first_name, alice.last_name = "", "方琳"
    alice.save()
    client.force_login(alice)
    case = make_case(loan=make_loan(make_reachable(alice.team.portfolios.get(), language="zh-hans")))
    start_script(case=case, user=alice, at=NOW)
    said = client.get(reverse("case", args=[case.pk])).context["script"]
    assert said.say.startswith("您好，我叫方琳，")


def test_times_in_a_queue_are_those_of_the_borrower(reader, alice):
    case = make_case(alice.team.portfolios.get())
    plan_work(case=case, kind=WorkKind.FIRST_CALL, due_at=NOW, reason="notice_sent", by=SYSTEM, at=NOW)
    [item] = reader.get(reverse("queue")).context["items"]
    assert str(item.zone) == "America/New_York"


@pytest.mark.parametrize(
    ("citation", "said"),
    [
        ("12 CFR 1006.6(b)(2)", [("12 CFR 1006.6(b)(2)", "en")] * 2),
        ("House policy", [("House policy", "en"), ("内部政策", "zh-Hans")]),
        (
            "House policy, after 12 CFR 1006.6(b)(2)",
            [
                ("House policy, after 12 CFR 1006.6(b)(2)", "en"),
                ("内部政策，参照 12 CFR 1006.6(b)(2)", "zh-Hans"),
            ],
        ),
        (
            "商业银行信用卡业务监督管理办法 arts 68-70",
            [("商业银行信用卡业务监督管理办法 arts 68-70", "zh-Hans")] * 2,
        ),
    ],
)
def test_a_citation_keeps_what_it_names_and_says_in_which_language(citation, said):
    in_english = cited(citation)
    with override("zh-hans"):
        assert [in_english, cited(citation)] == said


def test_every_citation_of_our_own_begins_with_words_that_are_translated():
    ours = [rule.citation for pack in packs().all if pack.id.startswith("house") for rule in pack.rules]
    assert ours
    assert all(citation.startswith(HOUSE) for citation in ours)


@pytest.mark.parametrize(
    ("event", "data", "line"),
    [
        ("case.moved", {"source": "notified", "target": "negotiating", "reason": "spoke"},
         "notified · in conversation · spoke"),
        ("contact.outcome", {"disposition": "says_paid"}, "Says it is paid"),
        ("work.done", {"kind": "follow_up", "result": "complaint"}, "Follow up · complaint"),
        ("reason.recorded", {"reason": "job_loss"}, "Lost work"),
        ("hold.opened", {"kind": "disaster", "starts_on": "2026-03-03"}, "Disaster · 3 Mar 2026"),
    ],
)  # fmt: skip
def test_the_log_knows_the_words_for_what_cases_write(event, data, line):
    with override("en"):
        assert told(event, data, {}) == line
