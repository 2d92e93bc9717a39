"""Start, stop or look at the embedded PostgreSQL and Valkey of this installation."""

import sys

from django.core.management.base import BaseCommand, CommandParser

from collections_site import local


class Command(BaseCommand):
    help = "Start, stop or look at the embedded PostgreSQL and Valkey in FORBEAR_VAR."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *, action: str, **options: object) -> None:
        if action == "start":
            local.start()
        elif action == "stop":
            local.stop()
        status = local.status()
        for service, answers in status.items():
            self.stdout.write(f"{service}: {'running' if answers else 'stopped'}")
        if action == "status" and not all(status.values()):
            sys.exit(3)  # as `service … status` of the init scripts
