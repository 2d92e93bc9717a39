"""The demo's mailbox: an SMTP server on this machine that keeps what it gets and sends nothing on.

Messages lie as files in `FORBEAR_VAR/mail`, named by the moment they came. Their people do not exist; a real
installation has a real mail server, and neither this one nor its page.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from uuid_utils.compat import uuid7

SUFFIX = ".eml"


def folder() -> Path:
    return settings.VAR / "mail"


@dataclass(frozen=True)
class Mail:
    """One message as it was received."""

    sender: str
    recipient: str
    subject: str
    body: str
    sent_at: datetime | None
    message_id: str
    language: str


class Keeper:
    """Keeps every message in a folder before it says that it has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def protocol(self) -> SMTP:
        """One conversation with whoever sends; made inside the running event loop."""
        return SMTP(self, hostname="sink.invalid")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        name = str(uuid7())
        content = envelope.content
        unfinished = self.folder / f"{name}.part"
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content if isinstance(content, bytes) else (content or "").encode())
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self.folder / f"{name}{SUFFIX}")
        return "250 kept"


def kept(folder: Path) -> list[Path]:
    """What was kept, newest first. Ids in order of time make names in order of time."""
    return sorted(folder.glob(f"*{SUFFIX}"), reverse=True)


def read(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    return Mail(
        sender=str(message["From"] or ""),
        recipient=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        body=body.get_content().replace("\r\n", "\n") if body else "",
        sent_at=_moment(str(message["Date"] or "")),
        message_id=str(message["Message-ID"] or ""),
        language=str(message["Content-Language"] or ""),
    )


def _moment(header: str) -> datetime | None:
    """-0000 in a date means UTC of an unknown place (RFC 5322); what is no date is none."""
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
