"""Store the texts of the rule packs in force. Safe to run by many at once; the first decision does the same."""

import json

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.actions.gate import packs
from compliance.actions.packs import store_packs
from compliance.audit import Actor


class Command(BaseCommand):
    help = "Store the texts of the rule packs in force, for signing and for replaying decisions."

    def handle(self, **options) -> None:
        stored = store_packs(packs=packs(), by=Actor.system("store_packs"), at=timezone.now())
        self.stdout.write(json.dumps({"packs": len(packs().all), "stored": stored}))
