"""The pages of the law: what they show, in both languages, and what their forms do."""

import re
from datetime import date, timedelta
from html import unescape
from typing import get_args

import django_rq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Role
from compliance.actions.contacts import note_outcome, place
from compliance.actions.gate import packs
from compliance.actions.overrides import answer_override, ask_override
from compliance.actions.packs import store_packs, store_text
from compliance.actions.what_ifs import perform, start
from compliance.audit import Actor
from compliance.models import ContactDecision, Override, PackVersion, SetAside, Signature, WhatIf
from compliance.pack_words import Difference, changes_ahead, differences, has_year, in_words, missing_years
from compliance.rule_words import CHANNELS, EVENTS, PARTIES, PER, PLACES, WORDS
from compliance.rules import Channel, Packs, Party, Place, Purpose, parse_pack
from compliance.rules.schema import Event, Per
from compliance.rules.shapes import Words
from compliance.sentences import EXCEPTIONS
from tests.compliance.conftest import make_dana
from tests.factories import NOW, SYSTEM, TODAY, make_people, make_portfolio, make_team, make_user

DAY = timedelta(days=1)
RULE = "US.REGF.CALLS.7IN7"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """Noon of a Tuesday in New York."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def officer(client):
    person = make_user("olive", role=Role.COMPLIANCE, first_name="Olive")
    client.force_login(person)
    return person


@pytest.fixture
def second():
    return make_user("otto", role=Role.COMPLIANCE, first_name="Otto")


def pack(pack_id: str = "us"):
    return next(each for each in packs().all if each.id == pack_id)


def text_with(pack_id: str = "us", **changes: str) -> str:
    """A pack's text with some words replaced; each must be there."""
    text = pack(pack_id).text
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after, 1)
    return text


def said(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# Packs


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_pack_in_force_and_every_rule_of_it_can_be_read(client, officer, language):
    officer.language = language
    officer.save()
    answer = client.get(reverse("packs"))
    assert [line.pack.id for line in answer.context["packs"]] == [each.id for each in packs().all]
    assert {line.signed for line in answer.context["packs"]} == {False}
    for each in packs().all:
        shown = client.get(reverse("pack", args=[each.digest]))
        assert [words.rule.id for words in shown.context["rules"]] == [rule.id for rule in each.rules]
        page = unescape(shown.content.decode())
        lang = {"en": "en", "zh-hans": "zh-Hans"}[language]
        assert f'<span lang="{lang}">{each.named(language).text}</span>' in page
        for words in [*shown.context["rules"], *shown.context["terms"]]:
            assert f'<span lang="{lang}">{words.rule.said(language).text}</span>' in page
            assert all(f'<dd lang="{lang}">{exception.text}</dd>' in page for exception in words.exceptions)
    assert PackVersion.objects.count() == len(packs().all)


def test_the_desk_costs_the_same_whatever_is_on_it(client, officer, second, django_assert_num_queries):
    store_packs(packs=packs(), by=SYSTEM, at=NOW)
    client.get(reverse("packs"))
    with django_assert_num_queries(7):
        client.get(reverse("packs"))
    for _ in range(5):
        SetAside.objects.create(
            rule=RULE, pack="us", portfolio=make_portfolio(), reason="Why.", ends_on=TODAY + DAY,
            proposed_by=officer, proposed_at=NOW,
        )  # fmt: skip
    for each in PackVersion.objects.all():
        Signature.objects.create(version=each, signer=officer, at=NOW)
    with django_assert_num_queries(8):
        client.get(reverse("packs"))


def test_two_people_sign_and_then_it_says_so(client, officer, second):
    digest = pack().digest
    address = reverse("pack_sign", args=[digest])
    assert said(client.post(address, follow=True)) == ["You have signed this text."]
    assert "signed this text already" in said(client.post(address, follow=True))[0]
    assert client.get(reverse("pack", args=[digest])).context["may_sign"] is False
    client.force_login(second)
    client.post(address)
    shown = client.get(reverse("pack", args=[digest]))
    assert shown.context["signed"] is True
    assert {words.status for words in shown.context["rules"]} <= {
        "signed",
        "proposed law: it warns and stops nothing",
    }
    [line] = [line for line in client.get(reverse("packs")).context["packs"] if line.pack.id == "us"]
    assert (line.signed, line.signers) == (True, ["Olive", "Otto"])


def test_legal_reads_and_signs_too(client):
    client.force_login(make_user(role=Role.LEGAL))
    client.post(reverse("pack_sign", args=[pack().digest]))
    assert Signature.objects.count() == 1
    assert client.get(reverse("packs")).context["may_try"] is False


def test_how_two_texts_differ_in_words(client, officer):
    by = Actor.staff(officer)
    text = text_with(limit=("limit: 7", "limit: 5"), hours=('to: "21:00"', 'to: "20:00"'))
    changed = store_text(text=text, by=by, at=NOW)
    answer = client.get(reverse("pack_compare", args=[pack().digest, changed.pk]))
    told = {(each.rule, each.what, each.before, each.after) for each in answer.context["differences"]}
    first_hours = next(rule.id for rule in pack().rules if rule.kind == "window")
    assert told == {(RULE, "limit", "7", "5"), (first_hours, "hours", "08:00–21:00", "08:00–20:00")}


def test_whoever_signs_sees_the_terms_too(client, officer):
    shown = client.get(reverse("pack", args=[pack().digest])).context["terms"]
    assert [words.rule for words in shown] == list(pack().terms)
    lines = {words.rule.id: dict(words.lines) for words in shown}
    assert lines["US.REGF.VALID.END"] == {
        "Binds": "Third-party collector, Debt buyer",
        "days": "30",
        "business days to receipt": "5",
        "calendar · country": "US",
        "In force": "since 30 Nov 2021",
    }
    assert lines["US.REGF.OPTOUT.METHOD"]["ways to opt out · SMS"] == "answering STOP, a link"


def test_whoever_signs_sees_whom_what_and_how_many_in_either_language():
    rule = packs().rule("US.DC.CALLS")
    assert in_words(rule, signed=False, today=TODAY).lines == [
        ("Binds", "Creditor in its own name, Third-party collector, Debt buyer"),
        ("Channels", "Call"),
        ("only above so many days past due", "30"),
        ("what is counted", "calls that reach the number"),
        ("counted for each", "account"),
        ("contacts begun by", "us"),
        ("limit", "4"),
        ("window", "days up to the contact"),
        ("days of the window", "7"),
        ("What follows", "prohibited"),
        ("In force", "since 1 Jan 2023"),
    ]
    with translation.override("zh-hans"):
        lines = dict(in_words(packs().rule("US.REGF.THIRDPARTY"), signed=False, today=TODAY).lines)
    assert lines["可以联系的人"] == "借款人、共同借款人"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_code_of_any_pack_is_shown_bare(language):
    """Every code has its word, every place its label; in Chinese neither is left in English."""
    with translation.override(language):
        lines = [
            (entry.id, name, value)
            for each in packs().all
            for entry in each.entries
            for name, value in in_words(entry, signed=False, today=TODAY).lines
        ]
        every = [str(words) for codes in WORDS.values() for words in codes.values()]
    assert [line for line in lines if re.search("[a-z]_[a-z]", f"{line[1]}{line[2]}", re.I)] == [
        line for line in lines if line[2] == "America/New_York"
    ]
    if language == "zh-hans":
        names = r"WhatsApp|App|STOP|America/New_York|Asia/Shanghai|US|ID|1006\.18\(e\)\(\d\)"
        english = re.compile(r"[A-Za-z]")
        assert [line for line in lines if english.search(re.sub(names, "", f"{line[1]}{line[2]}"))] == []
        assert [words for words in every if english.search(re.sub(names, "", words))] == []


def test_every_channel_purpose_party_event_place_and_hold_has_its_word():
    assert set(CHANNELS) == set(Channel)
    assert set(PARTIES) == set(Party)
    assert set(PLACES) == set(Place)
    assert set(WORDS["purposes"]) >= set(Purpose)
    assert set(EVENTS) == set(get_args(Event))
    assert set(PER) == set(get_args(Per))
    stopped = {hold for each in packs().all for rule in each.rules for hold in getattr(rule, "holds", ())}
    assert stopped
    assert set(WORDS["holds"]) >= stopped
    named = {
        exception.name for each in packs().all for rule in each.rules for exception in rule.exceptions
    }  # some are provisions of the law, which are quoted
    assert {name for name in named if not name[0].isdigit()} == set(EXCEPTIONS)


def test_a_sentence_that_came_in_chinese_is_a_difference_of_its_own():
    old = parse_pack(re.sub(r"(?m)^ *(says|title)_zh: .*\n", "", pack("ke").text), "ke")
    assert differences(old, pack("ke")) == [
        Difference(
            rule="KE.DCP.CONDUCT",
            says=Words("Nobody from the borrower's phone book or contacts is called or written to.", "en"),
            what="what it says in Chinese",
            before="–",
            after="借款人电话簿或联系人中的任何人，均不得致电或致信。",
            lang="zh-Hans",
        ),
        Difference(
            rule="KE.DCP.LIMIT",
            says=Words(
                "Interest never comes to more than the principal that was owed when the loan became non-performing.",
                "en",
            ),
            what="what it says in Chinese",
            before="–",
            after="利息总额不得超过贷款成为不良时的未还本金。",
            lang="zh-Hans",
        ),
        Difference(
            rule="KE.DCP.BUREAU",
            says=Words(
                "Thirty days before a borrower is listed with a credit bureau they are told of it.", "en"
            ),
            what="what it says in Chinese",
            before="–",
            after="将借款人报送征信机构之前，须提前三十天告知本人。",
            lang="zh-Hans",
        ),
    ]


def test_a_text_stored_in_english_alone_is_shown_as_english(client, officer):
    officer.language = "zh-hans"
    officer.save()
    text = re.sub(r"(?m)^ *(says|title)_zh: .*\n", "", pack("ke").text)
    stored = store_text(text=text, by=Actor.staff(officer), at=NOW)
    page = unescape(client.get(reverse("pack", args=[stored.pk])).content.decode())
    sentence = "Nobody from the borrower's phone book or contacts is called or written to."
    assert '<span lang="en">Kenya (Legal Notice 46 of 2022)</span>' in page
    assert f'<span lang="en">{sentence}</span>' in page


def test_a_changed_term_is_a_difference_in_words(client, officer):
    text = text_with(
        wait=("wait_days: 14", "wait_days: 15"), writing=("    electronic: [email, portal]\n", "")
    )
    told = {
        (each.rule, each.what, each.before, each.after)
        for each in differences(pack(), parse_pack(text, "us"))
    }
    assert told == {
        ("US.REGF.FURNISH", "days to wait", "14", "15"),
        ("US.REGF.DISPUTE.TERM", "in writing where we accept it", "E-mail, portal", "–"),
    }


def test_rules_that_come_and_go_and_dates_in_either_language():
    before = pack()
    rules = before.file.rules
    fewer = before.file.model_copy(update={"rules": rules[1:]})
    after = type(before)(fewer, "other")
    [gone] = differences(before, after)
    assert (gone.rule, gone.what) == (rules[0].id, "the rule is gone")
    [come] = differences(after, before)
    assert (come.rule, come.what) == (rules[0].id, "a new rule")
    dated = parse_pack(
        text_with(date=("in_force: {from: 2021-11-30, to: null}", "in_force: {from: 2027-01-01, to: null}")),
        "us",
    )
    [change] = differences(before, dated)
    assert (change.what, change.before, change.after) == ("in force from", "30 Nov 2021", "1 Jan 2027")
    with translation.override("zh-hans"):
        [told] = differences(before, dated)
        assert (told.after, told.says.lang) == ("2027年1月1日", "zh-Hans")


def test_a_dated_change_is_announced_thirty_days_before():
    text = text_with(
        date=("in_force: {from: 2021-11-30, to: null}", "in_force: {from: 2021-11-30, to: 2026-12-31}")
    )
    changed = Packs([parse_pack(text, "us")])

    def ahead(today):
        return [(each.day, each.soon) for each in changes_ahead(changed, today)]

    with translation.override("zh-hans"):
        [change] = changes_ahead(changed, date(2026, 12, 2))
        assert (change.title, change.says.lang) == (("美国联邦（Regulation F）", "zh-Hans"), "zh-Hans")
    assert ahead(date(2026, 12, 1)) == [(date(2027, 1, 1), False)]
    assert ahead(date(2026, 12, 2)) == [(date(2027, 1, 1), True)]
    assert ahead(date(2027, 1, 1)) == []


def test_a_calendar_without_next_year_is_missed_thirty_days_before(monkeypatch):
    country = "ID"
    assert has_year(country, 2026)
    monkeypatch.setattr("compliance.pack_words.has_year", lambda _country, year: year < 2027)
    assert [each for each in missing_years(packs(), date(2026, 12, 1)) if each[0] == country] == []
    assert (country, 2027) in missing_years(packs(), date(2026, 12, 2))
    assert has_year("XX", 2026) is False


# Setting aside


def test_a_draft_is_set_aside_by_two_and_bound_again_by_one(client, officer, second):
    portfolio = make_portfolio()
    form = {
        "rule": RULE,
        "portfolio": portfolio.pk,
        "ends_on": TODAY + 20 * DAY,
        "reason": "We lend in our own name.",
    }
    client.post(reverse("set_aside_propose"), form)
    found = SetAside.objects.get()
    assert (found.proposed_by, found.approved_by) == (officer, None)
    approve = reverse("set_aside_approve", args=[found.pk])
    assert "somebody other than" in said(client.post(approve, follow=True))[-1]
    client.force_login(second)
    [line] = client.get(reverse("packs")).context["aside"]
    assert (line.holds, line.may_approve) == (False, True)
    client.post(approve)
    [line] = client.get(reverse("packs")).context["aside"]
    assert (line.holds, line.may_approve) == (True, False)
    assert line.says == (
        "More than seven calls about a debt within seven days are presumed to be harassment.",
        "en",
    )
    second.language = "zh-hans"
    second.save()
    page = client.get(reverse("packs"))
    told = '<span class="second" lang="zh-Hans">七天内就同一笔债务致电超过七次，推定为骚扰。</span>'
    assert told in page.content.decode()
    assert 'lang="zh-Hans">美国联邦（Regulation F）</a>' in page.content.decode()
    client.post(reverse("set_aside_end", args=[found.pk]))
    assert client.get(reverse("packs")).context["aside"] == []


def test_what_does_not_fit_is_said_in_the_form(client, officer):
    portfolio = make_portfolio()
    form = {"rule": RULE, "portfolio": portfolio.pk, "ends_on": TODAY - DAY, "reason": "Why."}
    answer = client.post(reverse("set_aside_propose"), form)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["ends_on"])
    answer = client.post(reverse("set_aside_propose"), form | {"rule": "HOUSE.TIME"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["rule"])


# Trials


def test_a_text_is_tried_over_real_contacts(client, officer, django_capture_on_commit_callbacks):
    dana = make_dana()
    people = make_people(dana.portfolio)
    agent = Actor.staff(people.alice)
    for day in (4, 1, 0):
        at = NOW - day * DAY - timedelta(hours=3, minutes=30)
        attempt = place(permit_id=dana.ask(at=at, by=agent).permit_id, by=agent, at=at)
        note_outcome(
            attempt=attempt, disposition="no_answer", connected=True, right_party=False, conversation=False,
            answered=False, by=agent, at=at,
        )  # fmt: skip
    dana.contact("email", at=NOW - 2 * DAY)
    dana.contact("email", at=NOW - 35 * DAY)
    stricter = text_with(
        "house_gentle", hours=('- {from: "08:00", to: "21:00"}', '- {from: "09:00", to: "21:00"}')
    )
    upload = SimpleUploadedFile("house.yaml", stricter.encode())
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("what_ifs"), {"file": upload, "days": 30})
    found = WhatIf.objects.get()
    assert answer.url == reverse("what_if", args=[found.pk])
    [job] = django_rq.get_queue("bulk").jobs
    assert (job.func_name, job.args) == ("compliance.tasks.perform_what_if", (str(found.pk),))
    assert b"hx-trigger" in client.get(answer.url).content

    job.perform()
    found.refresh_from_db()
    assert (found.state, found.contacts, found.judged, found.stopped) == ("done", 4, 4, 3)
    assert found.found == [{"rule": "HOUSE.TIME", "team": "Insiders", "hour": 8, "stopped": 3}]
    shown = client.get(answer.url)
    [line] = shown.context["lines"]
    assert line.says == packs().rule("HOUSE.TIME").said("en")
    assert f'<span lang="en">{pack("house_gentle").file.title}</span>' in shown.content.decode()
    assert (line.rule, line.stopped, line.teams, line.hours[8]) == ("HOUSE.TIME", 3, [("Insiders", 3)], 3)
    exported = client.get(reverse("what_if_csv", args=[found.pk])).content.decode()
    assert exported.splitlines() == ["rule,team,hour,stopped", "HOUSE.TIME,Insiders,8,3"]

    perform(what_if_id=found.pk, at=NOW)  # once more, as a job that came twice
    found.refresh_from_db()
    assert found.stopped == 3
    assert not Signature.objects.exists()


def test_the_text_in_force_would_have_stopped_nothing(officer):
    dana = make_dana()
    dana.contact(at=NOW - DAY)
    store_packs(packs=packs(), by=SYSTEM, at=NOW)
    for version in PackVersion.objects.all():
        found = perform(what_if_id=start(version=version, days=30, asker=officer, at=NOW).pk, at=NOW)
        assert (found.state, found.judged, found.stopped, found.found) == ("done", 1, 0, [])


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"days": 30}, "__all__"),
        ({"days": 0, "file": b"x"}, "days"),
        ({"days": 30, "file": b"pack: us"}, "file"),
        ({"days": 30, "file": b"\xff\xfe"}, "file"),
    ],
    ids=["neither", "no days", "no pack", "no text"],
)
def test_what_cannot_be_tried_is_said(client, officer, form, field):
    if "file" in form:
        form = form | {"file": SimpleUploadedFile("a.yaml", form["file"])}
    answer = client.post(reverse("what_ifs"), form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not WhatIf.objects.exists()


# Decisions


@pytest.fixture
def asked(officer):
    dana = make_dana()
    dana.call(at=NOW - DAY, conversation=True)
    return dana


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("outcome", ["permitted", "presumed_violation", "prohibited"])
def test_a_decision_is_opened_and_given_again(client, officer, asked, language, outcome):
    officer.language = language
    officer.save()
    channel, at = {
        "permitted": ("email", NOW), "presumed_violation": ("call", NOW), "prohibited": ("call", NOW.replace(hour=6)),
    }[outcome]  # fmt: skip
    decision = ContactDecision.objects.get(pk=asked.ask(channel, at=at).decision_id)
    assert decision.outcome == outcome
    listed = client.get(reverse("decisions"), {"outcome": outcome}).context["lines"]
    assert decision in [row[0] for row in listed]
    page = client.get(reverse("decision", args=[decision.pk]))
    assert [line.rule for line in page.context["results"]] == [each["rule"] for each in decision.results]
    assert any(line.why for line in page.context["results"]) or outcome == "permitted"
    rules = {line.rule: line.says for line in page.context["results"]}
    assert {name: words for name, words in rules.items() if words} == {
        name: packs().rule(name).said(language) for name in rules if packs().rule(name)
    }
    told = packs().rule("HOUSE.TIME").said(language)
    assert f'<span lang="{told.lang}">{told.text}</span>' in unescape(page.content.decode())
    answer = client.post(reverse("decision_replay", args=[decision.pk]), follow=True)
    with translation.override(language):
        same = translation.gettext("The same answer: decided again from its own facts by its own texts.")
    assert said(answer) == [same]


def test_lists_of_decisions_cost_the_same(client, officer, asked, django_assert_num_queries):
    client.get(reverse("decisions"))
    with django_assert_num_queries(4):
        client.get(reverse("decisions"))
    for hour in range(5):
        asked.ask("email", at=NOW + timedelta(hours=hour))
    with django_assert_num_queries(4):
        client.get(reverse("decisions"))


# Second opinions


@pytest.fixture
def request_of_alice(asked):
    people = make_people(asked.portfolio)
    override = ask_override(
        borrower=asked.borrower, contact_point=asked.phone, channel="call", purpose="collect",
        loans=[asked.loan.pk], reasons=["responding_to_consumer_request"], note="Dana asked for it by mail.",
        requester=people.alice, at=NOW,
    )  # fmt: skip
    return override, people


@pytest.mark.parametrize("who", ["bob", "officer"])
def test_it_is_there_the_same_minute_and_answered_on_the_page(client, officer, request_of_alice, who):
    override, people = request_of_alice
    client.force_login(people.bob if who == "bob" else officer)
    page = client.get(reverse("overrides"))
    [line] = page.context["waiting"]
    assert (line.override, line.note, line.mine) == (override, "Dana asked for it by mail.", False)
    assert line.reasons == ["It answers what the borrower asked of us"]
    assert b"Dana Field" not in page.content
    client.post(reverse("override_answer", args=[override.pk]), {"answer": "yes"})
    override.refresh_from_db()
    assert override.approved is True
    page = client.get(reverse("overrides"))
    assert (page.context["waiting"], len(page.context["answered"])) == ([], 1)


def test_the_second_person_reads_the_rule_in_their_own_language(client, officer, request_of_alice):
    override, _people = request_of_alice
    for language in ("en", "zh-hans"):
        officer.language = language
        officer.save()
        page = client.get(reverse("overrides"))
        [line] = page.context["waiting"]
        rules = [packs().rule(name) for name in override.rules]
        assert [says for says, _citation in line.rules] == [rule.said(language) for rule in rules]
        says, citation = line.rules[0]
        shown = f'<span lang="{says.lang}">{says.text}</span> <span class="second" lang="{citation.lang}">{citation.text}'
        assert shown in unescape(page.content.decode())


def test_other_teams_and_the_asking_person_do_not_answer(client, officer, request_of_alice):
    override, people = request_of_alice
    client.force_login(make_user(role=Role.SUPERVISOR, team=make_team()))
    assert client.get(reverse("overrides")).context["waiting"] == []
    assert client.post(reverse("override_answer", args=[override.pk]), {"answer": "yes"}).status_code == 404
    people.alice.role = Role.SUPERVISOR
    people.alice.save()
    client.force_login(people.alice)
    assert client.get(reverse("overrides")).context["waiting"][0].mine is True
    client.post(reverse("override_answer", args=[override.pk]), {"answer": "yes"})
    assert Override.objects.get().approved is None


def test_the_list_costs_the_same_for_many(client, officer, request_of_alice, django_assert_num_queries):
    override, people = request_of_alice
    client.get(reverse("overrides"))
    with django_assert_num_queries(3):
        client.get(reverse("overrides"))
    answer_override(override=override, approve=False, person=people.bob, at=NOW)
    other = make_dana(make_portfolio())
    other.call(at=NOW - DAY, conversation=True)
    ask_override(
        borrower=other.borrower, contact_point=other.phone, channel="call", purpose="collect",
        loans=[other.loan.pk], reasons=["responding_to_consumer_request"], note="Again.",
        requester=people.charlie, at=NOW,
    )  # fmt: skip
    with django_assert_num_queries(3):
        page = client.get(reverse("overrides"))
    assert (len(page.context["waiting"]), len(page.context["answered"])) == (1, 1)
