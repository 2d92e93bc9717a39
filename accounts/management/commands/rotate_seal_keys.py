"""After a new key has been put first in FORBEAR_SEAL_KEYS: wrap every data key with it, so that the old one
can go."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts.actions.keys import rotate, waiting
from accounts.seal import SealBroken
from compliance.audit import Actor


class Command(BaseCommand):
    help = "Wraps every borrower's and import's key with the first key of FORBEAR_SEAL_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(total=sum(waiting().values()), unit=" keys", disable=None) as bar:
            try:
                done = rotate(by=Actor.system("rotate_seal_keys"), at=timezone.now(), progress=bar.update)
            except SealBroken as error:
                raise CommandError(f"A key cannot be opened: {error}") from error
        self.stdout.write(json.dumps(done))
