"""SQL of migrations lives in files beside them, where it can be read as SQL."""

from pathlib import Path

from django.db.migrations import RunSQL


def run_sql(migration_file: str, name: str) -> RunSQL:
    """`sql/<name>.sql` next to the migration. Never undone: guards are not taken down by going back."""
    text = (Path(migration_file).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return RunSQL([(text, None)])
