import django.db.models.deletion
from django.db import migrations, models

from compliance.audit.sql import run_sql


class Migration(migrations.Migration):

    dependencies = [("accounts", "0014_provider_files")]

    operations = [
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledger_sign_by_kind',
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='kind',
            field=models.CharField(choices=[('opening', 'Opening amount'), ('fee', 'Fee'), ('interest', 'Interest'), ('repayment', 'Repayment'), ('waiver', 'Waiver'), ('reallocation', 'Re-allocation'), ('reversal', 'Reversal'), ('chargeback', 'Chargeback'), ('write_off', 'Write-off'), ('recovery', 'Recovery after write-off'), ('transfer', 'Transfer'), ('waiver_back', 'Waiver taken back')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credit', 0), ('fees__gte', 0), ('interest__gte', 0), ('kind__in', ['opening', 'fee', 'interest']), ('principal__gte', 0)), models.Q(('credit__lte', 0), ('fees__lte', 0), ('interest__lte', 0), ('kind__in', ['repayment', 'waiver', 'recovery']), ('principal__lte', 0)), models.Q(('amount__gt', 0), ('credit__gte', 0), ('fees__gte', 0), ('interest__gte', 0), ('kind', 'chargeback'), ('principal__gte', 0)), models.Q(('amount__lt', 0), ('credit', 0), ('fees__lte', 0), ('interest__lte', 0), ('kind', 'write_off'), ('principal__lte', 0)), models.Q(('amount__gt', 0), ('basis', 'follows'), ('credit__gte', 0), ('fees__gte', 0), ('interest__gte', 0), ('kind', 'write_off'), ('principal__gte', 0)), models.Q(('amount__lt', 0), ('basis', 'follows'), ('credit__lte', 0), ('fees__lte', 0), ('interest__lte', 0), ('kind', 'write_off'), ('principal__lte', 0)), models.Q(('credit', 0), ('fees', 0), ('interest', 0), ('kind', 'transfer'), ('principal__gt', 0)), models.Q(('amount__lt', 0), ('credit__lte', 0), ('fees__lte', 0), ('interest__lte', 0), ('kind', 'transfer'), ('principal__lte', 0)), models.Q(('amount__gte', 0), ('kind__in', ['reversal', 'waiver_back'])), models.Q(('amount', 0), ('kind', 'reallocation')), _connector='OR'), name='ledger_sign_by_kind'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql(__file__, "receipts")],
            state_operations=[
                migrations.AddField("ledgerentry", "number", models.BigIntegerField(db_default=0, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='ChargeCap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_on', models.DateField()),
                ('year_percent', models.DecimalField(decimal_places=4, max_digits=10, null=True)),
                ('charges_percent', models.DecimalField(decimal_places=4, max_digits=10, null=True)),
                ('fee', models.PositiveBigIntegerField(null=True)),
                ('fee_percent', models.DecimalField(decimal_places=4, max_digits=10, null=True)),
                ('after_days', models.PositiveSmallIntegerField(null=True)),
                ('rules', models.JSONField(default=dict)),
                ('set_at', models.DateTimeField()),
                ('portfolio', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='charge_caps', to='accounts.portfolio')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['portfolio', '-from_on', '-id'], name='charge_cap_newest')],
            },
        ),
        run_sql(__file__, "caps"),
    ]
