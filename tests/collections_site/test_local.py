"""One installation from nothing: its folder, secrets, servers and programs."""

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from collections_site import local
from collections_site.local import postgres, supervisor, valkey
from collections_site.local.supervisor import Supervisor, interruptible
from collections_site.management.commands import demo

REPOSITORY = Path(__file__).resolve().parents[2]
WHO_RUNS = """
import psycopg, redis
from collections_site import local
with psycopg.connect(local.database_url("app")) as database, redis.from_url(local.redis_url()) as queue:
    print(database.execute("SELECT pg_postmaster_start_time()").fetchone()[0], queue.info()["run_id"])
"""


@pytest.fixture
def folder(monkeypatch) -> Iterator[Path]:
    """An installation of its own, in a folder whose name fits neither an address nor a socket."""
    for name in ("DATABASE_URL", "FORBEAR_OWNER_DATABASE_URL", "REDIS_URL", "FORBEAR_SERVICES"):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="forbear-") as short:
        var = Path(short) / "a folder, of 'ours'"
        monkeypatch.setenv("FORBEAR_VAR", str(var))
        yield var
        local.stop()


def python(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def outputs(scripts: list[str]) -> list[str]:
    """What each prints, all of them running at once."""
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(python(script)) for script in scripts]
        return [program.communicate()[0] for program in programs]


def test_secret_is_made_once_and_ours_alone(folder, monkeypatch):
    monkeypatch.delenv("FORBEAR_SEAL_KEYS", raising=False)
    secret = local.secret("FORBEAR_SEAL_KEYS")
    file = folder / "secrets" / "FORBEAR_SEAL_KEYS"
    assert len(base64.b64decode(secret, validate=True)) == 32
    assert local.secret("FORBEAR_SEAL_KEYS") == secret
    assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_secret_made_by_many_at_once_is_one(folder):
    script = "from collections_site import local; print(local.secret('FORBEAR_ANY'))"
    assert set(outputs([script] * 4)) == {local.secret("FORBEAR_ANY") + "\n"}


def test_secret_of_the_environment_comes_first(folder, monkeypatch):
    monkeypatch.setenv("FORBEAR_ANY", "given")
    assert local.secret("FORBEAR_ANY") == "given"
    assert not (folder / "secrets").exists()


def test_secret_is_never_made_up_in_production(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/forbear")
    with pytest.raises(SystemExit) as refusal:
        local.secret("FORBEAR_ANY")
    assert refusal.value.code == (
        "FORBEAR_ANY is not set: with DATABASE_URL, every secret comes from the environment."
    )


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_folder_that_cannot_be_written(tmp_path, monkeypatch, kind):
    place = tmp_path / "place"
    place.touch()
    place = place / "var" if kind == "below a file" else place
    monkeypatch.setenv("FORBEAR_VAR", str(place))
    with pytest.raises(SystemExit) as refusal:
        local.var_folder()
    assert refusal.value.code == (
        f"Forbear cannot write to the folder {place}: set FORBEAR_VAR to a folder of your own."
    )


def test_nothing_starts_when_servers_are_given(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/forbear")
    monkeypatch.setenv("FORBEAR_OWNER_DATABASE_URL", "postgresql://owner@db/forbear")
    monkeypatch.setenv("REDIS_URL", "redis://queue/0")
    local.start()
    assert local.database_url("app") == "postgresql://app@db/forbear"
    assert local.database_url("owner") == "postgresql://owner@db/forbear"
    assert local.redis_url() == "redis://queue/0"
    assert not folder.exists()


def test_owner_needs_a_login_of_its_own(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/forbear")
    with pytest.raises(SystemExit) as refusal:
        local.database_url("owner")
    assert refusal.value.code == (
        "FORBEAR_OWNER_DATABASE_URL is not set: the owner of the database has a login of its own."
    )


def test_unknown_database_role(folder):
    with pytest.raises(SystemExit) as refusal:
        local.database_url("root")
    assert refusal.value.code == "FORBEAR_DATABASE_ROLE must be owner or app, not 'root'."


def test_addresses_alone_start_nothing(folder, monkeypatch):
    monkeypatch.setenv("FORBEAR_SERVICES", "off")
    assert local.database_url("app").startswith("postgresql://forbear_app:")
    assert local.redis_url().endswith("/valkey.sock")
    assert local.status() == {"postgres": False, "valkey": False}
    assert not postgres.data_folder().exists()


def test_servers_start_once_recover_and_stop(folder):
    first, second = outputs([WHO_RUNS, WHO_RUNS])
    assert first == second != ""
    assert local.status() == {"postgres": True, "valkey": True}

    with redis.from_url(local.redis_url()) as queue:
        queue.set("kept", "yes")
        time.sleep(1.1)  # the append-only file reaches the disk every second
    with psycopg.connect(local.database_url("owner")) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 1 AS n")
    for pid_file in (postgres.data_folder() / "postmaster.pid", valkey.data_folder() / "valkey.pid"):
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    assert outputs([WHO_RUNS]) != [first]
    with psycopg.connect(local.database_url("owner")) as owner:
        assert owner.execute("SELECT n FROM kept").fetchall() == [(1,)]
    with redis.from_url(local.redis_url()) as queue:
        assert queue.get("kept") == b"yes"

    with psycopg.connect(local.database_url("app"), autocommit=True) as app:
        rights = "SELECT rolsuper, rolcreatedb, pg_has_role('forbear_owner', 'MEMBER') FROM pg_roles"
        assert app.execute(f"{rights} WHERE rolname = current_user").fetchone() == (False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (n int)")
        assert app.execute("SHOW listen_addresses").fetchone() == ("",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(local.database_url("app"), password="wrong")

    sockets = [postgres.socket_folder(), valkey.socket().parent]
    assert [oct(each.stat().st_mode & 0o777) for each in sockets] == ["0o700", "0o700"]
    local.stop()
    assert local.status() == {"postgres": False, "valkey": False}
    assert not any(each.exists() for each in sockets)


def test_lost_password_is_said(folder):
    local.start()
    local.stop()
    file = folder / "secrets" / "postgres-app"
    file.unlink()
    with pytest.raises(SystemExit) as refusal:
        local.database_url("app")
    assert refusal.value.code == (
        f"{file} is missing and {folder / 'postgres'} cannot be opened without it: "
        "bring the file back, or remove that folder to begin anew."
    )


def test_a_strangers_socket_folder_is_refused(folder):
    other = Path(tempfile.mkdtemp())
    place = postgres.socket_folder()
    place.symlink_to(other)
    try:
        with pytest.raises(SystemExit) as refusal:
            local.database_url("app")
    finally:
        place.unlink()
        shutil.rmtree(other)
    assert refusal.value.code == (
        f"{place} belongs to somebody else: remove it or set FORBEAR_VAR to another folder."
    )


def test_demo_says_that_its_port_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit) as refusal:
            demo.web_port()
    assert refusal.value.code == (
        f"Port {port} is taken: stop what listens there, or choose another, as in PORT=8001 make demo."
    )


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1"])
def test_demo_wants_a_number_as_its_port(monkeypatch, text):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit) as refusal:
        demo.web_port()
    assert refusal.value.code == f"PORT must be a number from 1 to 65535, not {text!r}."


def test_supervisor_leaves_nobody_behind(monkeypatch, capfd):
    """Neither a program that does not want to end nor a child that went to a session of its own."""
    monkeypatch.setattr(supervisor, "PATIENCE_SECONDS", 0.5)
    stubborn = (
        "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True); print(child.pid, flush=True);"
        "time.sleep(60)"
    )
    with Supervisor(
        {"stubborn": [sys.executable, "-c", stubborn], "end": ["sleep", "1"]}, os.environ
    ) as programs:
        assert programs.wait() == "end"
        parent = psutil.Process(programs.programs["stubborn"].pid)
        family = [parent, *parent.children()]
        assert len(family) == 2
    assert not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family)
    assert capfd.readouterr().out == f"stubborn | {family[1].pid}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_stop_is_heard_once(number):
    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), number)  # an impatient second time does not interrupt the stopping
            stopped.append(True)

    before, stopped = signal.getsignal(number), []
    with pytest.raises(KeyboardInterrupt), interruptible():
        work()
    assert stopped == [True]
    assert signal.getsignal(number) == before
