from django.db import migrations

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("cases", "0010_law_documents")]

    operations = [run_sql(__file__, "statistics")]
