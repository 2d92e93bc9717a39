"""Take changed texts and scripts into use."""

import json

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from communications.actions.texts import load_texts
from communications.scripts import ScriptError
from communications.texts import TextError
from compliance.audit import Actor


class Command(BaseCommand):
    help = (
        "Add a new approved version of every text and script whose file changed. Last line: one JSON object."
    )

    def handle(self, **options: object) -> None:
        try:
            loaded = load_texts(by=Actor.system("load_texts"), at=timezone.now())
        except (TextError, ScriptError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(loaded._asdict()))
