"""Events of several cases at once: on a run's stream (that of its part) in one range, or each on its own case's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cases.models import DayRun
from compliance.audit import Actor, Stream, record, record_many


def tell(
    event: str, *, rows: Sequence[dict[str, Any]], by: Actor, at: datetime, run: DayRun | None = None
) -> None:
    """Write one event a row; a row holds `case`, `borrower` and the event's own fields."""
    if run:
        record_many(event, stream=run.stream, by=by, at=at, rows=rows, count=len(rows))
        return
    for row in rows:
        record(event, stream=Stream.case(row["case"]), by=by, at=at, **row)
