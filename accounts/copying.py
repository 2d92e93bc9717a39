"""COPY of model rows: what `bulk_create` is for thousands, for millions."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from django.db import connection, connections, models

AS_THEY_ARE = frozenset(
    {
        models.BigIntegerField,
        models.BinaryField,
        models.BooleanField,
        models.CharField,
        models.DateField,
        models.DateTimeField,
        models.ForeignKey,
        models.OneToOneField,
        models.PositiveIntegerField,
        models.TextField,
        models.UUIDField,
    }
)
"""Kinds of fields whose values, as actions set them, are what the driver writes."""


def copy_in(model: type[models.Model], rows: Iterable[models.Model]) -> int:
    """Write unsaved rows by COPY in the current transaction and return how many. Database defaults and generated columns
    are left to the database; automatic dates are set as `save()` would."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not field.generated and not field.has_db_default() and not isinstance(field, models.AutoField)
    ]
    # The connection itself: `connection` looks for it again at every use, which is several times for every value.
    database = connections[connection.alias]
    readers = [_reader(field, database) for field in fields]
    columns = ", ".join(database.ops.quote_name(str(field.column)) for field in fields)
    written = 0
    with (
        database.cursor() as cursor,
        cursor.copy(f"COPY {database.ops.quote_name(model._meta.db_table)} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([read(row) for read in readers])
            written += 1
    return written


def _reader(field: models.Field, database: Any) -> Callable[[models.Model], Any]:
    """How a row's value of this field is told to the driver: as it is where Django would not change it."""
    if type(field) in AS_THEY_ARE and not (
        getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ):
        return attrgetter(field.attname)
    return lambda row: field.get_db_prep_save(field.pre_save(row, True), database)
