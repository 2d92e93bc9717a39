"""The product's own texts and scripts, approved as version 1. Later versions come with `manage.py load_texts`."""

from django.db import migrations

from communications.scripts import read_scripts
from communications.texts import read_texts


def seed(apps, schema_editor):
    Template = apps.get_model("communications", "Template")
    TemplateVersion = apps.get_model("communications", "TemplateVersion")
    for text in read_texts():
        for language, wording in text.languages.items():
            template = Template.objects.create(
                key=text.key, channel=text.channel, language=language, purpose=text.purpose
            )
            TemplateVersion.objects.create(
                template=template, number=1, approved_at=text.approved_at, **wording.as_data()
            )
    Script = apps.get_model("communications", "Script")
    ScriptVersion = apps.get_model("communications", "ScriptVersion")
    for script in read_scripts():
        ScriptVersion.objects.create(
            script=Script.objects.create(key=script.key),
            number=1,
            approved_at=script.approved_at,
            **script.as_data(),
        )


class Migration(migrations.Migration):
    dependencies = [("communications", "0002_versions")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
