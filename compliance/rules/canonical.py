"""Canonical JSON of facts and decisions: equal values give equal text."""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any


def plain(value: Any) -> Any:
    """A tree of dataclasses and named tuples as JSON-ready lists and dictionaries; instants in UTC with "Z"."""
    if value is None or isinstance(value, str | int | float):
        return value
    if names := _names(type(value)):  # type: ignore[arg-type]  # a class can be hashed
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Of the fields of a dataclass or a named tuple, none of anything else."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else getattr(kind, "_fields", ())


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
