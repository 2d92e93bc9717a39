"""Statements that are asked again and again about few rows: each connection keeps their plans, because making one anew costs
several times what running it does, and several go to the database in one journey.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

Statement = tuple[str, Mapping[str, Any]]
Rows = list[tuple[Any, ...]]

FEW = 20
"""For more rows at once, a plan made for them pays."""


class _Prepared(psycopg.Cursor[Any]):
    """Binds on the server's side and prepares whatever it is given, where the connection allows it (behind a pooler it
    does not)."""

    def execute(self, query: Any, params: Any = None, **more: Any) -> "_Prepared":
        return super().execute(query, params, prepare=True, **more)


@contextmanager
def kept_cursor() -> Iterator[CursorWrapper]:
    """A cursor like Django's own, whose statements are prepared and kept by the connection. For fixed texts about few rows:
    the plan is made once, for any values."""
    connection.ensure_connection()
    with _Prepared(connection.connection) as cursor:
        wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
        yield wrap(cast(CursorWrapper, cursor))


def rows_of(*statements: Statement, about: int) -> list[Rows]:
    """The rows of each statement; `about` is how many rows they ask for by id. They run one after the other, each seeing
    what was committed when it began."""
    return _together(statements) if about <= FEW else [_alone(each) for each in statements]


def _alone(statement: Statement) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return cursor.fetchall()


def _together(statements: tuple[Statement, ...]) -> list[Rows]:
    with ExitStack() as stack:
        cursors = [stack.enter_context(kept_cursor()) for _each in statements]
        with connection.connection.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                cursor.execute(*statement)
            return [cursor.fetchall() for cursor in cursors]
