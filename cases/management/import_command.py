"""What the commands that import share: a file in, a progress bar, one JSON object at the end."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm
from uuid_utils.compat import uuid7

from accounts.actions import tapes
from accounts.models import ImportRun, ImportState, Portfolio
from accounts.tapes.codes import TapeError
from accounts.tapes.mapping import Mapping, MappingError, load_mapping, mapping_names
from accounts.tapes.read import open_tape
from cases.actions.payments import after_payments
from compliance.audit import Actor


class ImportCommand(BaseCommand):
    """`kind` is an `ImportKind`; `creates_portfolio` whether a missing portfolio is made from the mapping's defaults."""

    kind: str
    creates_portfolio: bool
    default_mapping: str | None = None

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--portfolio", required=True, help="its code")
        parser.add_argument(
            "--mapping",
            required=self.default_mapping is None,
            default=self.default_mapping,
            help=f"one of: {', '.join(mapping_names())}",
        )
        parser.add_argument("--dry-run", action="store_true", help="do everything, keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        by = Actor.system(f"import_{self.kind}")
        mapping = self.mapping(options["mapping"])
        try:
            with transaction.atomic():
                done = self.perform(options, mapping, by, at)
                if options["dry_run"]:
                    transaction.set_rollback(True)
        except TapeError as error:
            raise CommandError(f"{tapes.whole_file_sentence(error)} Nothing was stored.") from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}. Nothing was stored.") from None
        if not options["dry_run"]:
            # Cases are locked before loans everywhere, so this has its own transaction; the day's run would do the same.
            after_payments(loan_ids=done.outcome.touched, at=at)
        self.stdout.write(json.dumps(done.summary))

    def mapping(self, name: str) -> Mapping:
        try:
            return load_mapping(name)
        except KeyError:
            known = ", ".join(mapping_names())
            raise CommandError(f"There is no mapping {name!r}. There are: {known}.") from None
        except MappingError as error:
            raise CommandError(str(error)) from None

    def perform(self, options: dict[str, Any], mapping: Mapping, by: Actor, at: Any) -> tapes.Done:
        path: Path = options["file"]
        portfolio = self.portfolio(options["portfolio"], mapping, by, at)
        cleaning = tapes.cleaner(self.kind, mapping, portfolio, at)
        tape = open_tape(path, wanted=cleaning.wanted)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        run = ImportRun.objects.create(
            id=uuid7(),
            kind=self.kind,
            portfolio=portfolio,
            mapping=mapping.name,
            file_digest=digest,
            state=ImportState.RUNNING,
        )
        total = cleaning.prepare(tape)
        with tqdm(total=total, unit="row", disable=not sys.stderr.isatty()) as bar:
            return tapes.perform(
                run=run,
                tape=tape,
                cleaning=cleaning,
                by=by,
                at=at,
                progress=lambda rows: bar.update(rows - bar.n),
            )

    def portfolio(self, code: str, mapping: Mapping, by: Actor, at: Any) -> Portfolio:
        if self.creates_portfolio:
            try:
                return tapes.portfolio_for(code=code, mapping=mapping, by=by, at=at)
            except ValidationError as error:
                raise CommandError(f"{code!r} cannot be a portfolio: {' '.join(error.messages)}") from None
        known = Portfolio.objects.filter(code=code).first()
        if known is None:
            raise CommandError(f"There is no portfolio {code!r}. Import its loans first.")
        return known
