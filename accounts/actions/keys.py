"""Rotation of the keys that wrap data keys. What is sealed stays as it is; only its key's envelope
changes."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.models import BorrowerKey, ImportRun
from accounts.seal import newest_key, rewrap
from compliance.audit import Actor, Stream, record

BATCH = 1000


def waiting() -> dict[str, int]:
    """How many keys of borrowers and of imports an older wrapping key still wraps."""
    return {"borrowers": _borrowers().count(), "imports": _imports().count()}


def rotate(*, by: Actor, at: datetime, progress: Callable[[int], None] = lambda keys: None) -> dict[str, int]:
    """Wrap every key anew that is not under the newest wrapping key; returns how many of each kind. Works
    in batches, each with its event, so that it may be stopped and started again. Raises `SealBroken` when a
    key was wrapped by one that is no longer in `FORBEAR_SEAL_KEYS`; what was done until then stays done."""
    done = {}
    for kind, left, field in (
        ("borrowers", _borrowers, "wrapped"),
        ("imports", _imports, "wrapped_key"),
    ):
        done[kind] = 0
        while count := _rotate_batch(kind, left(), field, by=by, at=at):
            done[kind] += count
            progress(count)
    return done


def _borrowers() -> QuerySet[BorrowerKey]:
    return BorrowerKey.objects.exclude(wrapped_by=newest_key())


def _imports() -> QuerySet[ImportRun]:
    return ImportRun.objects.exclude(wrapped_by=newest_key()).filter(wrapped_key__isnull=False)


@transaction.atomic
def _rotate_batch(kind: str, left: QuerySet, field: str, *, by: Actor, at: datetime) -> int:
    rows: list[Model] = list(left.select_for_update(no_key=True).order_by("pk")[:BATCH])
    for row in rows:
        wrapped, fingerprint = rewrap(row.pk, getattr(row, field), row.wrapped_by)  # type: ignore[attr-defined]
        setattr(row, field, wrapped)
        row.wrapped_by = fingerprint  # type: ignore[attr-defined]
    if rows:
        type(rows[0])._default_manager.bulk_update(rows, [field, "wrapped_by"])
        record("seal.rotated", stream=Stream.system(), by=by, at=at, kind=kind, keys=len(rows))
    return len(rows)
