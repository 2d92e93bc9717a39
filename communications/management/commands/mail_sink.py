"""The demo's mail server: keeps what it gets in FORBEAR_VAR, sends nothing on."""

import asyncio
import signal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from communications import sink


class Command(BaseCommand):
    help = (
        "Receive the demo's mail on this machine and keep it for the page of sent mail. Runs until stopped."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.EMAIL_PORT)

    def handle(self, *, host: str, port: int, **options: object) -> None:
        asyncio.run(self.serve(host, port))

    async def serve(self, host: str, port: int) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        keeper = sink.Keeper(sink.folder())
        try:
            server = await loop.create_server(keeper.protocol, host, port)
        except OSError as error:
            raise CommandError(
                f"The mail sink cannot listen on {host} port {port}: {error.strerror}. "
                "Choose another with --port."
            ) from error
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stopped.set)
        async with server:
            self.stdout.write(
                f"The mail sink listens on {host} port {port}; it keeps mail in {sink.folder()}."
            )
            self.stdout.flush()
            await stopped.wait()
