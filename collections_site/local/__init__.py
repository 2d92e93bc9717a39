"""What makes one installation run from nothing: its folder, its secrets, its embedded PostgreSQL and Valkey.

Settings ask here for every address and secret. With `DATABASE_URL` or `REDIS_URL` set, nothing is embedded.
With `FORBEAR_SERVICES=off` (lint, types) addresses are given without looking whether anything answers there.
"""

import os
from typing import Literal
from urllib.parse import quote

from collections_site.local import postgres, valkey
from collections_site.local.folders import var_folder
from collections_site.local.secrets import secret

__all__ = [
    "database_url",
    "redis_url",
    "secret",
    "start",
    "status",
    "stop",
    "var_folder",
]

Service = Literal["postgres", "valkey"]


def wanted() -> bool:
    """Whether asking for an address may start a server."""
    return os.environ.get("FORBEAR_SERVICES", "on") != "off"


def database_url(role: str) -> str:
    """The address and login of the database for `owner` (migrates) or `app` (everything else)."""
    if role not in postgres.ROLES:
        raise SystemExit(f"FORBEAR_DATABASE_ROLE must be owner or app, not {role!r}.")
    if "DATABASE_URL" in os.environ:
        name = "FORBEAR_OWNER_DATABASE_URL" if role == "owner" else "DATABASE_URL"
        if not os.environ.get(name):
            raise SystemExit(f"{name} is not set: the {role} of the database has a login of its own.")
        return os.environ[name]
    if wanted():
        postgres.start()
    login, password = postgres.ROLES[role], postgres.password(role)
    # The socket's folder as an option: URL parsers lower the case of what stands in a host's place.
    where = f"host={quote(str(postgres.socket_folder()))}&port={postgres.PORT}"
    return f"postgresql://{login}:{quote(password, safe='')}@/forbear?{where}"


def redis_url() -> str:
    """The address of the queue's server."""
    if os.environ.get("REDIS_URL"):
        return os.environ["REDIS_URL"]
    if wanted():
        valkey.start()
    return f"unix://{quote(str(valkey.socket()))}"


def start() -> None:
    """Start the embedded servers that this environment needs and that do not run yet."""
    if "DATABASE_URL" not in os.environ:
        postgres.start()
    if not os.environ.get("REDIS_URL"):
        valkey.start()


def stop() -> None:
    """Stop the embedded servers of this folder; their data stay."""
    valkey.stop()
    postgres.stop()


def status() -> dict[Service, bool]:
    """Which embedded servers of this folder answer."""
    return {"postgres": postgres.answers(), "valkey": valkey.answers()}
