"""Taking the product's own texts and scripts into use. A version never changes: what changed comes as the
next one.
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from communications.models import Script, ScriptVersion, Template, TemplateVersion
from communications.scripts import FOLDER as SCRIPTS
from communications.scripts import ScriptFile, read_scripts
from communications.texts import FOLDER as TEXTS
from communications.texts import TextError, TextFile, read_texts
from compliance.audit import Actor, Stream, record


class Loaded(NamedTuple):
    """How many new versions came into use."""

    templates: int
    scripts: int


@transaction.atomic
def load_texts(*, by: Actor, at: datetime, texts: Path = TEXTS, scripts: Path = SCRIPTS) -> Loaded:
    """Adds a version, approved on the day its file says, of every text and script that differs from its
    newest one. Twice in a row changes nothing.

    Raises `TextError` or `ScriptError` for a file that is not fit; then nothing is taken.
    """
    return Loaded(
        templates=sum(_load_text(text, by=by, at=at) for text in read_texts(texts)),
        scripts=sum(_load_script(script, by=by, at=at) for script in read_scripts(scripts)),
    )


def _load_text(text: TextFile, *, by: Actor, at: datetime) -> int:
    loaded = 0
    for language, wording in text.languages.items():
        template, _new = Template.objects.select_for_update().get_or_create(
            key=text.key, channel=text.channel, language=language, defaults={"purpose": text.purpose}
        )
        if template.purpose != text.purpose:
            raise TextError(
                f"The text {text.key!r} is for {template.purpose}: another purpose needs another key."
            )
        newest = template.versions.order_by("-number").first()
        words = wording.as_data()
        if newest and all(getattr(newest, field) == value for field, value in words.items()):
            continue
        version = TemplateVersion.objects.create(
            template=template,
            number=newest.number + 1 if newest else 1,
            approved_at=text.approved_at,
            **words,
        )
        record(
            "template.approved",
            stream=Stream.system(),
            by=by,
            at=at,
            template=template.key,
            channel=template.channel,
            language=language,
            number=version.number,
        )
        loaded += 1
    return loaded


def _load_script(script: ScriptFile, *, by: Actor, at: datetime) -> int:
    row, _new = Script.objects.select_for_update().get_or_create(key=script.key)
    newest = row.versions.order_by("-number").first()
    content = script.as_data()
    if newest and newest.title == content["title"] and newest.steps == content["steps"]:
        return 0
    version = ScriptVersion.objects.create(
        script=row, number=newest.number + 1 if newest else 1, approved_at=script.approved_at, **content
    )
    record("script.approved", stream=Stream.system(), by=by, at=at, script=row.key, number=version.number)
    return 1
