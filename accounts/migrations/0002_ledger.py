from django.db import migrations

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_accounts")]
    operations = [run_sql(__file__, "ledger")]
