"""Canonical JSON of facts and decisions: equal values give equal text."""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any


def plain(value: Any) -> Any:
    """A dataclass tree as JSON-ready lists and dictionaries; instants in UTC with "Z"."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
