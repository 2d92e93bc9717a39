"""E-mail over real sockets: what arrives, word for word, and what each way of failing means."""

from datetime import UTC, datetime, timedelta

import pytest

from communications import channels, sink
from communications.channels import ChannelDown, LeftUnknown, Outgoing, ProviderAnswer, channel
from communications.channels.email import envelope_address
from tests.communications.smtp import DROP, HANG, bad_server, free_port, mail_sink

KEY = "0199a8f0-0000-7000-8000-000000000001"
ENGLISH = Outgoing(
    key=KEY,
    address="dana@mail.example",
    sender="River Wallet, Inc.",
    subject="A message for you from River Wallet",
    body="Hello Dana,\n\n$1,234.50 – “open”.\n.\nA line that begins with a full stop above.\n",
    language="en",
)
CHINESE = Outgoing(
    key=KEY,
    address="xiaoming@mail.example",
    sender="河流钱包",
    subject="来自河流钱包的一封信",
    body="王小明，您好：\n\n目前还差¥1,234.50。\n\n"
    + "请直接回复，说说怎样安排对您合适，我们一起想办法。" * 40
    + "\n",
    language="zh-hans",
)


@pytest.fixture(autouse=True)
def from_address(settings):
    settings.DEFAULT_FROM_EMAIL = "care@lender.example"
    settings.EMAIL_TIMEOUT = 20


@pytest.fixture
def impatient(settings):
    settings.EMAIL_TIMEOUT = 2


def send(outgoing: Outgoing, port: int, settings) -> ProviderAnswer:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    with channel("email").line() as line:
        return line.send(outgoing)


def test_english_arrives_word_for_word(tmp_path, settings):
    with mail_sink(tmp_path) as port:
        answer = send(ENGLISH, port, settings)
    assert answer == ProviderAnswer(accepted=True, reference=f"<{KEY}@lender.example>")
    [path] = sink.kept(tmp_path)
    headers, _blank, text = path.read_bytes().partition(b"\r\n\r\n")
    lines = headers.decode("ascii").split("\r\n")
    assert [line for line in lines if not line.startswith(("Date: ", "X-"))] == [
        'Content-Type: text/plain; charset="utf-8"',
        "MIME-Version: 1.0",
        "Content-Transfer-Encoding: quoted-printable",
        "Subject: A message for you from River Wallet",
        'From: "River Wallet, Inc." <care@lender.example>',
        "To: dana@mail.example",
        "Reply-To: care@lender.example",
        f"Message-ID: <{KEY}@lender.example>",
        "Auto-Submitted: auto-generated",
        "Content-Language: en",
        "List-Unsubscribe: ",
        f" <mailto:care@lender.example?subject=STOP%20{KEY}>",
    ]
    assert max(map(len, path.read_bytes().split(b"\r\n"))) <= 100
    text.decode("ascii")
    mail = sink.read(path)
    assert mail.body == ENGLISH.body
    assert abs(mail.sent_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_chinese_arrives_word_for_word(tmp_path, settings):
    with mail_sink(tmp_path) as port:
        assert send(CHINESE, port, settings).accepted
    [path] = sink.kept(tmp_path)
    path.read_bytes().decode("ascii")
    mail = sink.read(path)
    assert (mail.sender, mail.recipient, mail.subject, mail.body, mail.message_id, mail.language) == (
        "河流钱包 <care@lender.example>",
        "xiaoming@mail.example",
        "来自河流钱包的一封信",
        CHINESE.body,
        f"<{KEY}@lender.example>",
        "zh-Hans",
    )


# Nothing has left


def test_nobody_listens(settings):
    with pytest.raises(ChannelDown, match="smtp_connection_refused"):
        send(ENGLISH, free_port(), settings)


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ({"banner": DROP}, "smtp_disconnected"),
        ({"banner": HANG}, "smtp_timeout"),
        ({"banner": "421 too busy"}, "smtp_421"),
        ({"EHLO": DROP}, "smtp_disconnected"),
        ({"EHLO": "421 go away", "HELO": "421 go away"}, "smtp_421"),
    ],
)
def test_a_line_that_does_not_open(settings, impatient, replies, reason):
    with bad_server(**replies) as server, pytest.raises(ChannelDown, match=f"^{reason}$"):
        send(ENGLISH, server.port, settings)
    assert server.texts == []


def test_a_server_that_wants_no_name_of_ours(settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "forbear", "wrong"
    with (
        bad_server(EHLO="250-here\r\n250 AUTH PLAIN", AUTH="535 no") as server,
        pytest.raises(ChannelDown, match="smtp_sign_in_refused"),
    ):
        send(ENGLISH, server.port, settings)


def test_without_a_server_the_channel_says_so(settings):
    assert channels.configured() == ["email"]
    settings.EMAIL_HOST = ""
    assert channels.configured() == []
    with pytest.raises(ChannelDown, match="channel_not_configured"), channel("email").line():
        pass
    with pytest.raises(ChannelDown, match="channel_unknown"):
        channel("pigeon")


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        ({"MAIL": "451 later"}, {"reason": "smtp_451"}),
        ({"MAIL": "550 5.7.1 not you"}, {"reason": "smtp_550", "permanent": True}),
        ({"RCPT": "450 4.2.1 busy mailbox"}, {"reason": "smtp_450"}),
        ({"RCPT": "550 5.1.1 no such user"}, {"reason": "smtp_550", "permanent": True, "bad_address": True}),
        ({"RCPT": "550 5.1.10 null MX"}, {"reason": "smtp_550", "permanent": True, "bad_address": True}),
        ({"RCPT": "550 5.7.26 not authenticated"}, {"reason": "smtp_550", "permanent": True}),
        ({"DATA": "451 later"}, {"reason": "smtp_451"}),
        ({"DATA": "554 no"}, {"reason": "smtp_554", "permanent": True}),
        ({"MAIL": DROP}, {"reason": "smtp_disconnected"}),
        ({"RCPT": DROP}, {"reason": "smtp_disconnected"}),
        ({"RCPT": HANG}, {"reason": "smtp_timeout"}),
        ({"RCPT": "what?"}, {"reason": "smtp_unreadable"}),
    ],
)
def test_refused_before_the_text(settings, impatient, replies, answer):
    with bad_server(**replies) as server:
        assert send(ENGLISH, server.port, settings) == ProviderAnswer(accepted=False, **answer)
    assert server.texts == []


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("452 4.3.1 full", {"reason": "smtp_452"}),
        ("554 5.6.0 not this", {"reason": "smtp_554", "permanent": True}),
    ],
)
def test_refused_with_the_text(settings, reply, answer):
    with bad_server(text=reply) as server:
        assert send(ENGLISH, server.port, settings) == ProviderAnswer(accepted=False, **answer)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@mail.example",
        "a@",
        "a b@mail.example",
        "a@mail.example, b@mail.example",
        "a@mail.example\r\nBcc: b@mail.example",
        "王@mail.example",
        "a@" + "x" * 70 + ".example",
    ],
)
def test_an_address_that_is_none(settings, address):
    with bad_server() as server:
        answer = send(Outgoing(**{**vars(ENGLISH), "address": address}), server.port, settings)
    assert answer == ProviderAnswer(
        accepted=False, permanent=True, bad_address=True, reason="address_invalid"
    )
    assert server.texts == []


def test_a_domain_of_other_letters():
    assert envelope_address("dana@bücher.example") == "dana@xn--bcher-kva.example"


# Nobody can know


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ({"text": DROP}, "smtp_disconnected"),
        ({"text": HANG}, "smtp_timeout"),
        ({"text": "what?"}, "smtp_unreadable"),
        ({"text": "354 more?"}, "smtp_unreadable"),
    ],
)
def test_once_the_text_is_given_only_an_answer_tells(settings, impatient, replies, reason):
    with bad_server(**replies) as server, pytest.raises(LeftUnknown, match=f"^{reason}$"):
        send(ENGLISH, server.port, settings)
    assert len(server.texts) == 1


def test_a_server_gone_before_the_goodbye_has_taken_it(settings):
    with bad_server(QUIT=DROP) as server:
        assert send(ENGLISH, server.port, settings).accepted
    assert len(server.texts) == 1
