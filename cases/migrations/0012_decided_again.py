from django.db import migrations, models

from compliance.audit.sql import run_sql

MODELS = ("promise", "plan", "offer")


def add_edge(apps, schema_editor):
    """A settled case whose money was taken back is taken up again; a test holds the table equal to `cases/machine.py`."""
    apps.get_model("cases", "Edge").objects.get_or_create(source="settled", target="negotiating")


class Migration(migrations.Migration):

    dependencies = [("accounts", "0015_receipts_and_caps"), ("cases", "0011_statistics")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql(__file__, "decided_again")],
            state_operations=[
                migrations.AddField(model, "after_entry", models.BigIntegerField(db_default=0, editable=False))
                for model in MODELS
            ],
        ),
        migrations.AlterModelOptions(
            name="approval",
            options={
                "default_permissions": ("view",),
                "permissions": [
                    ("answer_approval", "Approve what goes beyond others' authority"),
                    ("answer_settlement", "Approve a settlement that goes beyond others' authority"),
                ],
            },
        ),
        migrations.RunPython(add_edge, migrations.RunPython.noop),
    ]
