"""The frame of every page: language, way around, headers, errors, signs and words."""

import datetime as dt
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.conf import settings
from django.template import TemplateSyntaxError
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Role, User
from collections_site import context
from collections_site.templatetags import desk
from tests.factories import make_user

pytestmark = pytest.mark.urls("tests.collections_site.shell_urls")
TEMPLATES = Path(settings.BASE_DIR) / "templates"


@pytest.fixture
def agent(db: None) -> User:
    return make_user("amina", role=Role.AGENT)


def page_of(client: Client, user: User, address: str) -> str:
    client.force_login(user)
    return client.get(address).content.decode()


# Language and theme


def test_a_persons_own_language_wins_over_cookie_and_browser(client, agent):
    agent.language = "zh-hans"
    agent.save()
    client.force_login(agent)
    client.cookies["django_language"] = "en"
    answer = client.get("/queue/", headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "zh-hans"
    assert '<html lang="zh-Hans">' in answer.content.decode()


@pytest.mark.parametrize(
    ("cookie", "accepted", "language", "lang"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.5", "zh-hans", "zh-Hans"),
        ("", "fr", "en", "en"),
        ("", "", "en", "en"),
        ("zh-hans", "en", "zh-hans", "zh-Hans"),
        ("xx", "zh-CN", "zh-hans", "zh-Hans"),
    ],
)
def test_before_sign_in_cookie_and_then_browser_choose(client, db, cookie, accepted, language, lang):
    if cookie:
        client.cookies["django_language"] = cookie
    answer = client.get("/sign-in/", headers={"accept-language": accepted})
    assert answer.headers["Content-Language"] == language
    assert f'<html lang="{lang}">' in answer.content.decode()
    assert {"Accept-Language", "Cookie"} <= set(answer.headers["Vary"].split(", "))


def test_the_language_of_one_answer_does_not_reach_the_next(client, agent):
    agent.language = "zh-hans"
    agent.save()
    page_of(client, agent, "/queue/")
    assert translation.get_language() == "en"


def test_preferences_are_kept_on_the_person(client, agent):
    client.force_login(agent)
    answer = client.post(
        "/preferences/", {"language": "zh-hans", "theme": "dark", "shortcuts": "off", "next": "/queue/"}
    )
    assert (answer.status_code, answer.url) == (302, "/queue/")
    agent.refresh_from_db()
    assert (agent.language, agent.theme, agent.shortcuts) == ("zh-hans", "dark", False)
    page = client.get("/queue/").content.decode()
    assert '<html lang="zh-Hans" data-bs-theme="dark">' in page
    assert 'data-shortcuts="off"' in page


def test_preferences_not_sent_stay_as_they_are(client, agent):
    client.force_login(agent)
    client.post("/preferences/", {"theme": "light"})
    agent.refresh_from_db()
    assert (agent.language, agent.theme, agent.shortcuts) == ("en", "light", True)


@pytest.mark.parametrize("sent", [{"language": "fr"}, {"theme": "pink"}, {"shortcuts": "maybe"}])
def test_preferences_that_do_not_exist_are_refused(client, agent, sent):
    client.force_login(agent)
    assert client.post("/preferences/", {"theme": "dark", **sent}).status_code == 400
    agent.refresh_from_db()
    assert agent.theme == "auto"


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_preferences_lead_to_no_other_site(client, agent, elsewhere):
    client.force_login(agent)
    answer = client.post(
        "/preferences/", {"theme": "dark", "next": elsewhere}, headers={"referer": elsewhere}
    )
    assert answer.url == reverse("home")


def test_preferences_come_by_post_and_with_a_token(agent):
    client = Client(enforce_csrf_checks=True)
    client.force_login(agent)
    assert client.get("/preferences/").status_code == 405
    answer = client.post("/preferences/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "Please send that once more" in answer.content.decode()


def test_before_sign_in_the_language_is_kept_in_a_cookie(client, db):
    answer = client.post("/preferences/", {"language": "zh-hans", "theme": "dark", "next": "/sign-in/"})
    assert answer.url == "/sign-in/"
    assert answer.cookies["django_language"].value == "zh-hans"
    assert list(answer.cookies) == ["django_language"]
    assert '<html lang="zh-Hans">' in client.get("/sign-in/").content.decode()


# The way around

NAV = {
    Role.AGENT: ["My queue", "Find"],
    Role.SUPERVISOR: ["Board", "My queue", "Complaints", "Find", "Imports", "Unmatched payments"],
    Role.COMPLIANCE: ["Board", "Complaints", "Audit log", "Find"],
    Role.LEGAL: ["Legal", "Complaints", "Find"],
    Role.ADMINISTRATOR: ["Imports", "Staff", "Settings"],
    Role.AGENCY: ["My queue"],
}
START = {
    Role.AGENT: "queue",
    Role.SUPERVISOR: "board",
    Role.COMPLIANCE: "complaints",
    Role.LEGAL: "legal_cases",
    Role.ADMINISTRATOR: "imports",
    Role.AGENCY: "queue",
}


def entries(page: str) -> list[tuple[str, bool]]:
    nav = page[page.index("<nav") : page.index("</nav>")]
    return [
        (label.strip(), "aria-current" in attributes)
        for attributes, label in re.findall(r"<a ([^>]*)>.*?</svg>(.*?)</a>", nav, re.DOTALL)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_pages(client, role):
    page = page_of(client, make_user(role=role), "/search/")
    assert [label for label, _current in entries(page)] == NAV[role]
    assert ("Next case" in page) == (role in {Role.AGENT, Role.SUPERVISOR})


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_each_role_starts_where_its_work_is(client, role):
    client.force_login(make_user(role=role))
    assert client.get("/").url == reverse(START[role])


@pytest.mark.parametrize(
    ("role", "address", "label"),
    [
        (Role.AGENT, "/queue/", "My queue"),
        (Role.AGENT, "/case_promise/", "My queue"),
        (Role.ADMINISTRATOR, "/settings/", "Settings"),
        (Role.ADMINISTRATOR, "/settings/accounts/user/", "Staff"),
    ],
)
def test_the_nav_marks_where_one_is(client, db, role, address, label):
    page = page_of(client, make_user(role=role), address)
    assert [name for name, current in entries(page) if current] == [label]


def test_who_may_see_nothing_is_told_so(client, db):
    client.force_login(make_user(role="nobody"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "This page is not part of your work" in answer.content.decode()


def test_the_start_asks_for_sign_in(client, db):
    assert client.get("/").url == "/sign-in/?next=/"


def test_an_entry_whose_page_is_not_installed_is_left_out(client, agent, monkeypatch):
    entry = context.Entry("nowhere", "Nowhere", "inbox", "cases.work_case")
    monkeypatch.setattr(context, "NAV", (entry, *context.NAV))
    assert [label for label, _current in entries(page_of(client, agent, "/queue/"))] == ["My queue", "Find"]


def test_the_frame_asks_the_database_only_for_the_person(client, agent, django_assert_num_queries):
    client.force_login(agent)
    with django_assert_num_queries(2):  # session, person
        client.get("/queue/")


# Headers


def test_fragments_and_pages_are_kept_apart_and_out_of_caches(client, agent):
    client.force_login(agent)
    answer = client.get("/queue/")
    assert {"HX-Request", "HX-History-Restore-Request"} <= set(answer.headers["Vary"].split(", "))
    assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-store"}


def test_the_policy_allows_nothing_inline(client, db):
    policy = client.get("/sign-in/").headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "unsafe" not in policy
    assert "nonce" not in policy


def test_health_says_that_database_and_queue_answer(client, db):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "queue": True})


# Errors


def test_a_missing_page_speaks_plainly(client, db):
    answer = client.get("/nowhere/", headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "<h1>There is nothing here</h1>" in answer.content.decode()


def test_a_refused_page_speaks_plainly(client, agent):
    client.force_login(agent)
    answer = client.get("/refused/")
    assert answer.status_code == 403
    assert "<h1>This page is not part of your work</h1>" in answer.content.decode()


def test_a_broken_page_speaks_plainly_and_keeps_drafts(client, agent):
    client.force_login(agent)
    client.raise_request_exception = False
    answer = client.get("/broken/")
    assert answer.status_code == 500
    assert "<h1>Something went wrong on our side</h1>" in answer.content.decode()
    assert "<body data-failed>" in answer.content.decode()


# Templates


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_has_inline_script_or_style(path):
    text = path.read_text(encoding="utf-8")
    if (
        path.parent.name == "papers"
    ):  # kept and printed by themselves, and shown in a sandbox: their style is part of them
        text = text.replace("<style>", "", 1)
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", text) == []
    assert re.findall(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on", text) == []


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_shows_its_comment(path):
    text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.count("{#") != line.count("#}")] == []


def test_every_icon_a_template_names_is_drawn():
    used = {
        name
        for path in templates()
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert used | {entry.icon for entry in context.NAV} <= desk.drawn_icons()


def test_an_icon_that_is_not_drawn_is_an_error():
    with pytest.raises(TemplateSyntaxError, match="draw_icons unicorn"):
        desk.icon("unicorn")


# Words and figures

KAMPALA = ZoneInfo("Africa/Kampala")


@pytest.mark.parametrize(
    ("language", "currency", "amount", "shown"),
    [
        ("en", "UGX", 54200, "UGX\N{NO-BREAK SPACE}54,200"),
        ("en", "USD", 123450, "$1,234.50"),
        ("zh-hans", "CNY", 123450, "¥1,234.50"),
        ("en", "USD", None, "–"),
    ],
)
def test_money_is_written_for_the_reader(language, currency, amount, shown):
    with translation.override(language):
        assert desk.money(amount, currency) == shown


@pytest.mark.parametrize(
    ("language", "day", "short", "weekday"),
    [
        ("en", "28 Nov 2025", "28 Nov 2025", "Fri, 28 Nov 2025"),
        ("zh-hans", "2025年11月28日", "2025年11月28日", "2025年11月28日周五"),
    ],
)
def test_days_are_written_for_the_reader(language, day, short, weekday):
    date = dt.date(2025, 11, 28)
    with translation.override(language):
        assert (desk.day(date), desk.short_day(date), desk.weekday(date)) == (day, short, weekday)


def test_days_of_this_year_need_no_year():
    today = timezone.now().date()
    assert desk.short_day(today.replace(month=1, day=5)) == "5 Jan"


def test_today_needs_only_the_clock():
    noon = timezone.now().astimezone(KAMPALA).replace(hour=12, minute=5)
    assert desk.local_time(noon, KAMPALA) == "12:05"
    assert desk.local_time(dt.datetime(2020, 3, 1, 22, 30, tzinfo=dt.UTC), KAMPALA) == "2 Mar 2020, 01:30"
    assert desk.clock(dt.datetime(2020, 3, 1, 22, 30, tzinfo=dt.UTC)) == "22:30"


def test_the_timeline_speaks_of_today_and_yesterday():
    today = timezone.now().astimezone(KAMPALA).date()
    assert desk.day_heading(today, KAMPALA) == "Today"
    assert desk.day_heading(today - dt.timedelta(days=1), KAMPALA) == "Yesterday"
    assert desk.day_heading(dt.date(2020, 3, 1), KAMPALA) == "Sun, 1 Mar 2020"


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "not late"), (0, "not late"), (1, "1 day late"), (14, "14 days late")]
)
def test_lateness_is_said_in_words(days, said):
    assert desk.days_late(days) == said


def test_lists_are_joined_as_people_write_them():
    assert desk.sentence(["calls", "SMS", "e-mail"]) == "calls, SMS and e-mail"
    with translation.override("zh-hans"):
        assert desk.sentence(["电话", "短信"]) == "电话和短信"


class Sample(forms.Form):
    on = forms.DateField(initial=dt.date(2026, 11, 28))
    at = forms.DateTimeField(initial=dt.datetime(2026, 11, 28, 17, 30, tzinfo=dt.UTC))
    kind = forms.ChoiceField(choices=[("a", "A")])
    note = forms.CharField(widget=forms.Textarea)


def test_date_fields_are_the_browsers_own_in_every_language():
    with translation.override("zh-hans"):
        assert 'type="date" name="on" value="2026-11-28" class="form-control"' in desk.control(Sample()["on"])
        assert 'type="datetime-local" name="at" value="2026-11-28T17:30"' in desk.control(Sample()["at"])
    assert 'class="form-select"' in desk.control(Sample()["kind"])


def test_a_refused_field_is_marked_and_tied_to_its_error():
    field = Sample({})["note"]
    html = desk.draft(field, "case-1")
    assert 'class="form-control is-invalid"' in html
    assert 'aria-describedby="id_note_error"' in html
    assert 'data-draft="case-1:note"' in html
