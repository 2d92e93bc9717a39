"""Pack texts as they are stored and signed. A text is stored once, whoever comes first, and never changes."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from compliance.audit import Actor, Stream, record
from compliance.models import PackVersion, Signature
from compliance.rules import Pack, PackError, Packs, parse_pack

MOST = 500_000
"""Characters of a pack's text; the longest we ship has a tenth of it."""

STORE = """
INSERT INTO compliance_packversion (digest, pack, jurisdiction, version, text, stored_by)
VALUES (%(digest)s, %(pack)s, %(jurisdiction)s, %(version)s, %(text)s, %(by)s)
ON CONFLICT (digest) DO NOTHING RETURNING digest
"""


class PackRefused(Exception):
    """`code`: `text` (it is no pack), `too_long`, `signed` (by this person already); the text is a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@transaction.atomic
def store_packs(*, packs: Packs, by: Actor, at: datetime) -> int:
    """Store the texts of packs that are not stored yet; how many that were. Safe to call by many at once."""
    return sum(_store(pack, by, at) for pack in sorted(packs.all, key=lambda pack: pack.digest))


@transaction.atomic
def store_text(*, text: str, by: Actor, at: datetime) -> PackVersion:
    """Store a text somebody brings, to compare, try or sign it; what is in force does not change. Raises `PackRefused` with
    what is wrong with it, and `PermissionDenied`."""
    if not by.may("compliance.try_pack"):
        raise PermissionDenied
    if len(text) > MOST:
        raise PackRefused("too_long", _("This file is too long for a rule pack."))
    try:
        pack = parse_pack(text, _("the file"))
    except PackError as error:
        raise PackRefused("text", str(error)) from error
    _store(pack, by, at)
    return PackVersion.objects.get(pk=pack.digest)


def _store(pack: Pack, by: Actor, at: datetime) -> int:
    values: dict[str, Any] = {
        "digest": pack.digest,
        "pack": pack.id,
        "jurisdiction": pack.jurisdiction or "",
        "version": pack.version,
        "text": pack.text,
        "by": by.ref,
    }
    with connection.cursor() as cursor:
        cursor.execute(STORE, values)
        stored = cursor.rowcount
    if stored:
        record(
            "pack.stored", stream=Stream.system(), by=by, at=at, pack=pack.id, digest=pack.digest,
            version=pack.version,
        )  # fmt: skip
    return stored


@transaction.atomic
def sign(*, version: PackVersion, signer: User, at: datetime) -> Signature:
    """One person's signature under a text; with the second it counts as signed. Raises `PackRefused` (signed) where this
    person has signed it, and `PermissionDenied`."""
    by = Actor.staff(signer)
    if not by.may("compliance.sign_pack"):
        raise PermissionDenied
    # Two clicks wait for each other here.
    User.objects.select_for_update(no_key=True).get(pk=signer.pk)
    if version.signatures.filter(signer=signer).exists():
        raise PackRefused(
            "signed", _("You have signed this text already; the second signature is somebody else's.")
        )
    signature = Signature.objects.create(version=version, signer=signer, at=at)
    record(
        "pack.signed", stream=Stream.system(), by=by, at=at, pack=version.pack, digest=version.digest,
        signatures=version.signatures.count(),
    )  # fmt: skip
    return signature
