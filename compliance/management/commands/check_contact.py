"""What the rules answer to a file of conformance vectors."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from compliance.rules.vectors import answer


class Command(BaseCommand):
    help = (
        "Answer every vector of a file, one JSON object a line, in its order. Every rule counts as in force on its dates, "
        "house policy is off, and a vector that cannot be judged is prohibited. Needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vectors", required=True, metavar="FILE", type=Path)

    def handle(self, *, vectors: Path, **options: object) -> None:
        try:
            file = json.loads(vectors.read_text("utf-8-sig"))
            number = len(file["vectors"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{vectors} is no file of vectors: {error}") from error
        answers = tqdm(answer(file), total=number, file=sys.stderr, disable=not sys.stderr.isatty())
        for each in answers:
            self.stdout.write(json.dumps(each, ensure_ascii=False))
