"""The demo's mailbox: what it keeps, its command, its page."""

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import Role
from communications import sink
from tests.communications.smtp import free_port, mail_sink
from tests.factories import make_user

# The sink needs neither database nor queue: it must not start any.
UNUSED = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "FORBEAR_SECRET_KEY": "unused",
    "FORBEAR_SEAL_KEYS": "unused",
    "FORBEAR_BLIND_INDEX_KEY": "unused",
}


@pytest.fixture
def mailbox(settings, tmp_path):
    settings.DEMO = True
    settings.VAR = tmp_path
    return tmp_path / "mail"


def post(port: int, *texts: str) -> None:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for text in texts:
            smtp.sendmail("care@lender.example", ["dana@mail.example"], text.encode())


def letter(subject: str, body: str, **headers: str) -> str:
    lines = {
        "From": "River Wallet <care@lender.example>",
        "To": "dana@mail.example",
        "Subject": subject,
        "Date": "Tue, 03 Mar 2026 17:00:00 +0000",
        "Content-Type": 'text/plain; charset="utf-8"',
        **headers,
    }
    return "\r\n".join([*(f"{name}: {value}" for name, value in lines.items()), "", body])


def test_what_comes_is_kept_newest_first(mailbox):
    with mail_sink(mailbox) as port:
        post(port, *(letter(f"Letter {number}", "Hello.") for number in (1, 2, 3)))
    assert [sink.read(path).subject for path in sink.kept(mailbox)] == ["Letter 3", "Letter 2", "Letter 1"]
    assert {path.stat().st_mode & 0o777 for path in sink.kept(mailbox)} == {0o600}
    assert mailbox.stat().st_mode & 0o777 == 0o700
    assert not list(mailbox.glob("*.part"))


def test_a_message_without_anything(mailbox):
    with mail_sink(mailbox) as port:
        post(port, "\r\n")
    [path] = sink.kept(mailbox)
    assert sink.read(path) == sink.Mail("", "", "", "", None, "", "")


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Tue, 03 Mar 2026 17:00:00 -0000", datetime(2026, 3, 3, 17, 0, tzinfo=UTC)),
        ("Tue, 03 Mar 2026 17:00:00 +0800", datetime(2026, 3, 3, 9, 0, tzinfo=UTC)),
        ("yesterday", None),
    ],
)
def test_when_it_was_sent(tmp_path, header, moment):
    path = tmp_path / "1.eml"
    path.write_text(letter("Hello", "Hello.", Date=header), encoding="utf-8")
    assert sink.read(path).sent_at == moment


# The page


@pytest.mark.django_db
def test_the_page_shows_what_was_kept(client, mailbox):
    with mail_sink(mailbox) as port:
        post(
            port,
            letter("First & foremost", "Hello <Dana>.\r\n\r\nAll the best"),
            letter("Second", "Hello.", **{"Content-Language": "zh-Hans"}),
        )
    client.force_login(make_user(role=Role.AGENT))
    page = client.get(reverse("mail_sink"))
    assert page.status_code == 200
    assert [mail.subject for mail in page.context["mails"]] == ["Second", "First & foremost"]
    text = page.content.decode()
    assert "<p>Hello &lt;Dana&gt;.</p>\n\n<p>All the best</p>" in re.sub(r"\r", "", text)
    assert "First &amp; foremost" in text
    assert '<div lang="zh-Hans"><p>Hello.</p></div>' in text
    assert text.count('<details class="part">') == 2


@pytest.mark.django_db
def test_twenty_a_page(client, mailbox):
    with mail_sink(mailbox) as port:
        post(port, *(letter(f"Letter {number}", "Hello.") for number in range(21)))
    client.force_login(make_user(role=Role.SUPERVISOR))
    assert len(client.get(reverse("mail_sink")).context["mails"]) == 20
    assert [mail.subject for mail in client.get(reverse("mail_sink"), {"page": 2}).context["mails"]] == [
        "Letter 0"
    ]


@pytest.mark.django_db
def test_an_empty_mailbox_says_what_will_be_here(client, mailbox):
    client.force_login(make_user(role=Role.AGENT))
    assert "Messages to borrowers will appear here" in client.get(reverse("mail_sink")).content.decode()


@pytest.mark.django_db
def test_the_page_is_the_demos_and_for_those_who_see_cases(client, mailbox, settings):
    assert client.get(reverse("mail_sink")).status_code == 302
    client.force_login(make_user(role=Role.ADMINISTRATOR))
    assert client.get(reverse("mail_sink")).status_code == 403
    client.force_login(make_user(role=Role.AGENT))
    assert client.post(reverse("mail_sink")).status_code == 405
    settings.DEMO = False
    assert client.get(reverse("mail_sink")).status_code == 404


# The command


def test_a_taken_port_is_said_in_a_sentence(mailbox):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CommandError, match=rf"^The mail sink cannot listen on 127\.0\.0\.1 port {port}: "
        ):
            call_command("mail_sink", port=port)


def test_the_command_receives_until_it_is_stopped(tmp_path):
    port = free_port()
    environment = {**os.environ, "FORBEAR_VAR": str(tmp_path), **UNUSED}
    command = [sys.executable, str(site.BASE_DIR / "manage.py"), "mail_sink", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline().startswith(f"The mail sink listens on 127.0.0.1 port {port}")
        post(port, letter("Hello", "Hello."))
        started = time.monotonic()
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
        assert time.monotonic() - started < 5
    assert [sink.read(path).subject for path in sink.kept(tmp_path / "mail")] == ["Hello"]
