"""Destroys the documents whose retention has ended, as the nightly clock does."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from cases.actions.retention import destroy_expired
from compliance.audit import Actor


class Command(BaseCommand):
    help = "Destroy the content of documents that are kept no longer (accounts/retention.yaml). Prints one JSON object."

    def handle(self, *args: Any, **options: Any) -> None:
        destroyed = destroy_expired(by=Actor.system("destroy_documents"), at=timezone.now())
        self.stdout.write(json.dumps({"destroyed": destroyed}))
