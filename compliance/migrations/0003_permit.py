from django.db import migrations

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_contact"), ("accounts", "0002_ledger")]
    operations = [run_sql(__file__, "permit"), run_sql(__file__, "holds")]
