from django.db import migrations

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("communications", "0001_communications")]
    operations = [run_sql(__file__, "versions")]
