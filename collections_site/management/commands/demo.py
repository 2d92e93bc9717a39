"""Forbear as a demonstration: two portfolios of people who do not exist, on servers that stop with it."""

import contextlib
import fcntl
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import Portfolio, User
from accounts.models.staff import Role
from cases.demo.logins import DEMO_PASSWORD
from collections_site import local
from collections_site.local import postgres
from collections_site.local.supervisor import Supervisor, interruptible
from communications.actions.texts import load_texts
from compliance.audit import Actor

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
HOST = "127.0.0.1"
SINK_PORT = 2525


def web_port() -> int:
    """`PORT`, 8000 by default; ends with one sentence when nobody can listen there."""
    text = os.environ.get("PORT") or "8000"
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise SystemExit(f"PORT must be a number from 1 to 65535, not {text!r}.")
    try:
        with listening(int(text)):
            return int(text)
    except PermissionError as error:
        raise SystemExit(
            f"Port {text} is for root only: choose one above 1023, as in PORT=8001 make demo."
        ) from error
    except OSError as error:
        raise SystemExit(
            f"Port {text} is taken: stop what listens there, or choose another, as in PORT=8001 make demo."
        ) from error


def sink_port() -> int:
    """Where the mail sink listens: its usual port, or any free one."""
    for port in (SINK_PORT, 0):
        with contextlib.suppress(OSError), listening(port) as server:
            return server.getsockname()[1]
    raise SystemExit("No port is free for the mail sink.")


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, port))
        server.listen(1)
        yield server


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """One demo a folder: the first to end would take the servers away from the second."""
    with (local.var_folder() / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SystemExit(
                f"A demo already runs in {local.var_folder()}: stop it, or set FORBEAR_VAR to another folder."
            ) from error
        yield


class Command(BaseCommand):
    help = "Run everything in one go: servers, database, demo portfolios, web, worker, cron and mail sink."
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        with only_one(), interruptible():
            port = web_port()
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    self.prepare()
                    self.run(port)
            finally:
                local.stop()
        self.say("Stopped. The data stay in the folder, for the next start.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def prepare(self) -> None:
        """Servers, tables, static files and, the first time, the demo's data."""
        unfinished = local.var_folder() / "demo.unfinished"
        local.start()
        if unfinished.exists():
            # Half a story is worse than the minute it takes to tell it again.
            if "DATABASE_URL" in os.environ:
                raise SystemExit(
                    "The last demo was cut off while it filled the database at DATABASE_URL: "
                    f"empty that database and remove {unfinished}."
                )
            postgres.empty()
            unfinished.unlink()
        if behind():
            # As the owner of the tables, which this process is not.
            migrate = [*MANAGE, "migrate", "--verbosity=0"]
            if subprocess.run(migrate, env=environment(), start_new_session=True).returncode:
                raise SystemExit("The database could not be brought up to date; the lines above say why.")
        call_command("collectstatic", interactive=False, verbosity=0)
        load_texts(by=Actor.system("load_texts"), at=timezone.now())
        if not Portfolio.objects.exists():
            self.say("Telling the story of two portfolios, which takes a minute or two …")
            unfinished.touch()
            call_command("seed_demo")
            unfinished.unlink()

    def run(self, port: int) -> None:
        smtp_port = sink_port()
        web = [
            sys.executable, "-m", "gunicorn", "collections_site.wsgi", f"--bind={HOST}:{port}",
            "--preload", "--workers=2", "--threads=4", "--log-level=warning", "--no-control-socket",
        ]  # fmt: skip
        programs = {
            "web": web,
            "worker": [*MANAGE, "rqworker", "outreach", "default", "bulk", "--verbosity=0"],
            "cron": [*MANAGE, "rqcron", "collections_site.cron", "--logging-level=WARNING"],
            "mail": [*MANAGE, "mail_sink", "--port", str(smtp_port)],
        }
        with Supervisor(programs, environment(FORBEAR_SMTP_PORT=str(smtp_port))) as supervisor:
            while supervisor.ended() is None and not answers(port):
                time.sleep(0.1)
            if supervisor.ended() is None:
                self.welcome(port)
            name = supervisor.wait()
        raise SystemExit(f"{name} ended by itself, so everything was stopped. Its last lines above say why.")

    def welcome(self, port: int) -> None:
        people = User.objects.filter(is_active=True).order_by("pk")
        first = {role: people.filter(role=role).first() for role in Role}
        width = max(len(role.label) for role in Role)
        lines = [
            "",
            f"Forbear runs at http://localhost:{port}/",
            f"Everybody's password is {DEMO_PASSWORD}",
            *(f"  {role.label:<{width}}  {person.username}" for role, person in first.items() if person),
            "Ctrl-C stops all of it.",
            "",
        ]
        self.say("\n".join(lines))


def behind() -> bool:
    """Whether migrations are still to be applied."""
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:  # a new database: the app may not even look yet
        return True
    finally:
        connection.close()


def environment(**additions: str) -> dict[str, str]:
    """The environment of the programs: ours, but asking for an address may start a server again."""
    ours = {key: value for key, value in os.environ.items() if key not in {"FORBEAR_SERVICES", "RUN_MAIN"}}
    return {**ours, "FORBEAR_DEMO": "yes", "PYTHONUNBUFFERED": "1", **additions}


def answers(port: int) -> bool:
    """Whether the web server gives any answer at all."""
    web = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        web.request("GET", "/")
        web.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
    return True
