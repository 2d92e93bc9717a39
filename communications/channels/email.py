"""E-mail over SMTP, with Django's settings. One message, one recipient, plain text.

The moments of SMTP are kept apart, because they mean different things: until the server has been given the
text, nothing has left; from then on only its answer tells. The Message-ID is made from our own id, so that
whoever should see a message twice sees that it is one.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.charset import QP, Charset
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from communications.channels import ChannelDown, LeftUnknown, Line, Outgoing, ProviderAnswer

# Seven bits whatever the language: every server on the way carries it unchanged.
PLAIN = Charset("utf-8")
PLAIN.body_encoding = QP
# RFC 3463: the mailbox or its domain does not exist, is badly written, has moved, or takes nothing any more.
BAD_ADDRESS = re.compile(rb"\b5\.(?:1\.(?:1|2|3|6|10)|2\.1)\b")


class Email:
    def configured(self) -> bool:
        return bool(settings.EMAIL_HOST and settings.DEFAULT_FROM_EMAIL)

    @contextmanager
    def line(self) -> Iterator[Line]:
        if not self.configured():
            raise ChannelDown("channel_not_configured")
        backend = EmailBackend()
        try:
            try:
                backend.open()
                smtp = backend.connection
                assert smtp is not None
                smtp.ehlo_or_helo_if_needed()
            except (OSError, smtplib.SMTPException) as error:
                raise ChannelDown(_reason(error)) from error
            yield SmtpLine(smtp)
        finally:
            # What was sent has its answer: a server that is gone before the goodbye changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                backend.close()


class SmtpLine:
    def __init__(self, smtp: smtplib.SMTP) -> None:
        self.smtp = smtp

    def send(self, outgoing: Outgoing) -> ProviderAnswer:
        try:
            recipient = envelope_address(outgoing.address)
        except ValueError:
            return ProviderAnswer(accepted=False, permanent=True, bad_address=True, reason="address_invalid")
        message = compose(outgoing)
        text = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own has it
        try:
            code, words = self.smtp.mail(envelope_address(our_address()))
            if code == 250:
                code, words = self.smtp.rcpt(recipient)
            if code not in (250, 251):
                return _refused(code, words)
        except (OSError, smtplib.SMTPException) as error:
            return ProviderAnswer(accepted=False, reason=_reason(error))  # the text was not given
        try:
            code, words = self.smtp.data(text)
        except smtplib.SMTPDataError as error:  # the server did not let us begin
            return _refused(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise LeftUnknown(_reason(error)) from error
        if code == 250:
            return ProviderAnswer(accepted=True, reference=message.extra_headers["Message-ID"])
        if 400 <= code < 600:
            return _refused(code, words)
        raise LeftUnknown("smtp_unreadable")


CHANNEL = Email()


def compose(outgoing: Outgoing) -> EmailMessage:
    """The message with its headers, without the date, which is that of sending."""
    ours = our_address()
    message = EmailMessage(
        subject=outgoing.subject,
        body=outgoing.body,
        from_email=formataddr((outgoing.sender, ours)),
        to=[outgoing.address],
        reply_to=[ours],
        headers={
            "Message-ID": f"<{outgoing.key}@{ours.rpartition('@')[2]}>",
            # RFC 3834: no holiday replies to a letter that nobody wrote by hand.
            "Auto-Submitted": "auto-generated",
            "Content-Language": _language_tag(outgoing.language),
            "List-Unsubscribe": f"<mailto:{ours}?subject=STOP%20{outgoing.key}>",
        },
    )
    message.encoding = PLAIN
    return message


def our_address() -> str:
    """The address we write from, without the name that the setting may give it."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def envelope_address(address: str) -> str:
    """The address with its domain in ASCII. Raises `ValueError` for what is not one bare address."""
    local, at, domain = address.rpartition("@")
    if not (local and at and domain and local.isascii()) or any(each.isspace() for each in address):
        raise ValueError("not an address")
    if parseaddr(address) != ("", address):
        raise ValueError("not a bare address")
    return f"{local}@{domain.encode('idna').decode()}"


def _language_tag(language: str) -> str:
    """zh-hans → zh-Hans."""
    code, _dash, script = language.partition("-")
    return f"{code}-{script.title()}" if script else code


def _refused(code: int, words: bytes | str) -> ProviderAnswer:
    """A server's refusal: 5xx for good, anything else for now."""
    said = words.encode() if isinstance(words, str) else words
    permanent = 500 <= code < 600
    return ProviderAnswer(
        accepted=False,
        permanent=permanent,
        bad_address=permanent and bool(BAD_ADDRESS.search(said)),
        reason=f"smtp_{code}" if code >= 400 else "smtp_unreadable",
    )


def _reason(error: Exception) -> str:
    """A short code for what went wrong. Never the server's own words: they may hold an address."""
    # smtplib wraps the time-out of a reply in a disconnection.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "smtp_timeout"
    match error:
        case ConnectionRefusedError():
            return "smtp_connection_refused"
        case smtplib.SMTPAuthenticationError():
            return "smtp_sign_in_refused"
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return "smtp_disconnected"
        case smtplib.SMTPResponseException():
            return f"smtp_{error.smtp_code}"
        case ssl.SSLError():
            return "smtp_tls"
        case _:
            return "smtp_unreachable"
