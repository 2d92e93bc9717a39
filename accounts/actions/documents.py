"""Documents: taking one in, keeping one that we made, opening one, destroying what is kept no longer.

What a file is, its content says (`accounts/files.py`): names and what a browser claims are not asked.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, ConfigDict, Field
from uuid_utils.compat import uuid7

from accounts.actions.borrowers import IDENTITY, record_opening
from accounts.files import media_type, objection
from accounts.models import Borrower, Document, DocumentKind, Loan, Media
from accounts.models.document import MADE_ONLY
from accounts.seal import blind_index, seal_of
from compliance.audit import Actor, Stream, record

LARGEST = 10 * 1024 * 1024
SALT = 32
LAST_DAY_ENDS = timezone(timedelta(hours=-12))
"""Where on earth a day ends last: by then it is over in every portfolio's zone."""


class DocumentRefused(Exception):
    """What was asked is not done. `code` for machines; the text is a sentence for the person who asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# How long which kind is kept


class Term(BaseModel):
    """How long a kind is kept: so many years from the day it came, and also, where `after` says so, from the day the last
    case of its borrower was closed. `source` says why, for a lawyer."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    years: int = Field(ge=1, le=30)
    after: str = Field(pattern="^(added|last_case)$")
    source: str


@cache
def retention() -> dict[str, Term]:
    """By kind, from `accounts/retention.yaml`; every kind has its line."""
    path = Path(__file__).resolve().parent.parent / "retention.yaml"
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    if set(table) != set(DocumentKind.values):
        raise ValueError(f"Every kind of document has one line in {path.name}, and nothing else has.")
    return {kind: Term.model_validate(line) for kind, line in table.items()}


def years_after(day: date, years: int) -> date:
    """The same day some years later; the last of February where that year has no 29th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


# Why a file is not taken in

OBJECTIONS: dict[str, str | Promise] = {
    "archive": gettext_lazy(
        "This file is an archive too. Please take a picture of the page and take in that."
    ),
    "pixels": gettext_lazy("This picture is larger than any screen can show. Please make it smaller."),
    "acts": gettext_lazy(
        "This PDF is locked, carries other files or runs something. Please print it to a new PDF and take in that."
    ),
}


# Taking in


@transaction.atomic
def add_document(
    *,
    borrower: Borrower,
    kind: str,
    content: bytes,
    by: Actor,
    at: datetime,
    loan: Loan | None = None,
    case: UUID | None = None,
) -> Document:
    """Seal a file that somebody gave us; with `loan` it belongs to that loan, else to the borrower alone. The same file of
    the same kind again is the document already there.

    Staff need `accounts.add_document` (`PermissionDenied`). Raises `DocumentRefused`: kind (one that we alone issue), empty,
    too_large, media (no PDF, PNG, JPEG or plain text by its content), one of `OBJECTIONS`, other_loan; `SealBroken` for an
    erased borrower.
    """
    if not by.may("accounts.add_document"):
        raise PermissionDenied(_("Taking in documents is not part of this role."))
    if kind in MADE_ONLY:
        raise DocumentRefused("kind", _("Documents of this kind are made here, not taken in."))
    if not content:
        raise DocumentRefused("empty", _("The file is empty."))
    if len(content) > LARGEST:
        raise DocumentRefused(
            "too_large", _("The file is larger than %(most)s MB.") % {"most": LARGEST // 2**20}
        )
    media = media_type(content)
    if media is None:
        raise DocumentRefused(
            "media", _("By its content this is no whole PDF, PNG, JPEG or plain text. Please save it as one.")
        )
    if code := objection(content, media):
        raise DocumentRefused(code, str(OBJECTIONS[code]))
    document, is_new = _keep(
        Document(borrower=borrower, loan=loan, kind=DocumentKind(kind), media=Media(media)),
        content,
        by=by,
        at=at,
    )
    if is_new:
        record(
            "document.added", stream=Stream.borrower(borrower.pk), by=by, at=at, case=case, borrower=borrower.pk,
            document=document.pk, kind=str(document.kind), media=str(document.media), size=document.size,
            digest=document.digest, loan=loan.pk if loan else None, retain_until=document.retain_until,
        )  # fmt: skip
    return document


@transaction.atomic
def keep_made(
    *,
    document_id: UUID,
    loan: Loan,
    kind: str,
    content: bytes,
    language: str,
    as_of: date,
    version: int,
    by: Actor,
    at: datetime,
    subject: UUID | None = None,
    good_to: date | None = None,
    case: UUID | None = None,
) -> Document:
    """Seal a printable page as we made it; `version` is that of its texts. For `cases/actions/papers.py`, which makes
    them."""
    document, is_new = _keep(
        Document(
            id=document_id, borrower_id=loan.borrower_id, loan=loan, kind=DocumentKind(kind), media=Media.HTML, made=True,
            language=language, as_of=as_of, subject=subject, good_to=good_to,
        ),
        content, by=by, at=at,
    )  # fmt: skip
    if is_new:
        record(
            "document.made", stream=Stream.borrower(loan.borrower_id), by=by, at=at, case=case, borrower=loan.borrower_id,
            document=document.pk, kind=str(document.kind), language=language, as_of=as_of, good_to=good_to,
            size=document.size, digest=document.digest, loan=loan.pk, subject=subject, version=version,
            retain_until=document.retain_until,
        )  # fmt: skip
    return document


def _keep(document: Document, content: bytes, *, by: Actor, at: datetime) -> tuple[Document, bool]:
    """The stored row, and whether it is new. Two people bringing the same file wait for each other here."""
    borrower = (
        Borrower.objects.select_for_update(of=("self",), no_key=True)
        .select_related("key")
        .get(pk=document.borrower_id)
    )
    loan = document.loan
    if loan is not None and loan.borrower_id != borrower.pk:
        raise DocumentRefused("other_loan", _("This loan is another borrower's."))
    fingerprint = blind_index("document", f"{borrower.pk}:{hashlib.sha256(content).hexdigest()}")
    known = Document.objects.kept().filter(
        borrower=borrower, loan=loan, kind=document.kind, fingerprint=fingerprint
    )
    if earlier := known.first():
        return earlier, False
    document.id = document.id or uuid7()
    salted = os.urandom(SALT) + content
    document.size, document.fingerprint = len(content), fingerprint
    document.digest = hashlib.sha256(salted).hexdigest()
    document.content_sealed = seal_of(borrower).seal(_field(document), salted)
    document.added_by, document.actor, document.added_at = by.user, by.ref, at
    came_on = loan.portfolio.business_date(at) if loan else at.date()
    document.retain_until = years_after(came_on, retention()[document.kind].years)
    document.save(force_insert=True)
    return document, True


def name_on_paper(borrower: Borrower) -> str:
    """The borrower's name for a document that is sealed as soon as it is made: nobody reads it there. The event of making is
    the event of this opening. For the code that makes documents, and for nothing else."""
    identity: dict[str, Any] = seal_of(borrower).open_json(IDENTITY, borrower.identity_sealed)
    return str(identity["name"])


# Opening


def open_document(
    *, document: Document, by: Actor, at: datetime, why: str, case: UUID | None = None
) -> bytes:
    """The content of a document, for one who may open seals and sees this document. `why` is a short code ("evidence").

    The event is written and committed first, also where the content then cannot be opened. Raises `PermissionDenied`,
    `DocumentRefused` (destroyed), `SealBroken`; and `RuntimeError` inside another transaction.
    """
    if by.user is not None and not Document.objects.visible_to(by.user).filter(pk=document.pk).exists():
        raise PermissionDenied(_("This document is not for your role."))
    record_opening(document.borrower_id, what=f"document:{document.pk}", by=by, at=at, why=why, case=case)
    return read_document(document)


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a copy is the document: SHA-256 over `salt` and the copy's bytes is its digest."""

    salt: bytes
    content: bytes


def read_document(document: Document) -> bytes:
    """What a person has opened a moment ago (`open_document`) and still has on the screen: the event of that opening is the
    event of this reading. For the page that keeps the two minutes, and for nothing else."""
    return prove(document).content


def prove(document: Document) -> Proof:
    """The content with its salt, checked against the digest; as `read_document`. Raises `DocumentRefused` (destroyed) and
    `SealBroken`."""
    if document.content_sealed is None:
        raise DocumentRefused("destroyed", _("This document was destroyed when its time had come."))
    salted = seal_of(document.borrower).open_bytes(_field(document), document.content_sealed)
    if hashlib.sha256(salted).hexdigest() != document.digest:
        raise DocumentRefused(
            "digest", _("What is kept is not what was taken in. Please tell an administrator.")
        )
    return Proof(salted[:SALT], salted[SALT:])


def _field(document: Document) -> str:
    return f"document:{document.pk}"


# Destroying


@transaction.atomic
def destroy_documents(*, documents: Iterable[UUID], by: Actor, at: datetime) -> int:
    """Destroy the content of those among these whose retention has ended; rows and digests stay. How many it were. Which may
    go although their time has come is the caller's to say (`cases/actions/retention.py`)."""
    due = (
        Document.objects.past_retention(at.astimezone(LAST_DAY_ENDS).date())
        .filter(pk__in=list(documents))
        .select_for_update(of=("self",))
        .defer("content_sealed")
        .order_by("borrower", "pk")
    )
    count = 0
    for document in due:
        Document.objects.filter(pk=document.pk).update(content_sealed=None, destroyed_at=at)
        record(
            "document.destroyed", stream=Stream.borrower(document.borrower_id), by=by, at=at,
            borrower=document.borrower_id, document=document.pk, kind=document.kind, digest=document.digest,
            retain_until=document.retain_until,
        )  # fmt: skip
        count += 1
    return count
