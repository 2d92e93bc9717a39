from django.db import migrations

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0014_provider_files"),
    ]

    operations = [
        run_sql(__file__, "provider_whole"),
    ]
