"""Secrets: from the environment in production, otherwise made once and kept in the installation's folder."""

import base64
import os
import secrets
from pathlib import Path

from collections_site.local.folders import private_folder, var_folder


def secret(name: str) -> str:
    """The secret of this name: the environment's, or 32 random bytes in base64, made on first use and kept.

    In production, that is with `DATABASE_URL` set, nothing is made up: what is missing has to be given.
    """
    if os.environ.get(name):
        return os.environ[name]
    if "DATABASE_URL" in os.environ:
        raise SystemExit(f"{name} is not set: with DATABASE_URL, every secret comes from the environment.")
    return kept(name)


def secret_file(name: str) -> Path:
    return private_folder(var_folder() / "secrets") / name


def kept(name: str) -> str:
    """The secret kept in the folder, made when it is not there yet."""
    file = secret_file(name)
    if not file.exists():
        draft = file.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(base64.b64encode(secrets.token_bytes(32)).decode())
        try:
            os.link(draft, file)  # whole or not at all; of two processes one wins and both read its secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()
