"""COPY of model rows: what `bulk_create` is for thousands, for millions."""

from collections.abc import Iterable

from django.db import connection, connections, models


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
    columns = ", ".join(database.ops.quote_name(str(field.column)) for field in fields)
    written = 0
    with (
        database.cursor() as cursor,
        cursor.copy(f"COPY {database.ops.quote_name(model._meta.db_table)} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([field.get_db_prep_save(field.pre_save(row, True), database) for field in fields])
            written += 1
    return written
