"""Tests run on the real database as the app: the owner builds it, then steps back, as in production.

A plain `db` test is rolled back. After a transactional one the database is made anew from a copy of the just
migrated one: nothing is truncated, so no grant and no trigger has to be softened for the tests.
"""

import os
import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import dj_database_url
import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection, connections
from django.test import Client, TransactionTestCase
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg import sql

from collections_site import local


def login_as(role: str) -> None:
    """From now on Django's connections to the test database are this role's."""
    login = dj_database_url.parse(local.database_url(role))
    connections.close_all()
    connection.settings_dict.update({key: login[key] for key in ("USER", "PASSWORD", "HOST", "PORT")})


# Vacuum counts the rows of a test, which are never committed, as none, and the planner then takes a full table for an
# empty one: a query of milliseconds ran for minutes.
UNVACUUMED = """
DO $$
DECLARE
    each regclass;
BEGIN
    FOR each IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', each);
    END LOOP;
END $$
"""


def connect_as_owner(database: str) -> psycopg.Connection:
    return psycopg.connect(local.database_url("owner"), dbname=database, autocommit=True)


def copy_database(source: str, target: str) -> None:
    """Replace `target` by a copy of `source`; whoever is still connected to `target` is thrown out."""
    with connect_as_owner("postgres") as owner:
        drop_database(owner, target)
        owner.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source))
        )


def drop_database(owner: psycopg.Connection, name: str) -> None:
    owner.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    login_as("owner")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureDef) -> Iterator[None]:
    database = connection.settings_dict["NAME"]
    migrated = f"{database}_migrated"

    def begin_anew(case: TransactionTestCase) -> None:
        connections.close_all()
        copy_database(migrated, database)

    with django_db_blocker.unblock():
        # A scratch database: decisions may be for any moment (docs/adr/0002).
        with connect_as_owner(database) as owner:
            owner.execute("UPDATE compliance_legalclock SET simulated = true")
            owner.execute(UNVACUUMED)
        login_as("app")
        copy_database(database, migrated)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", begin_anew)
        yield
    with django_db_blocker.unblock():
        login_as("owner")
        with connect_as_owner("postgres") as owner:
            drop_database(owner, migrated)


@pytest.fixture
def owner_connection(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """The test database as its owner sees it, outside the test's transaction, every statement committed."""
    with connect_as_owner(connection.settings_dict["NAME"]) as owner:
        yield owner


@pytest.fixture(scope="session")
def queue_server() -> Iterator[redis.Redis]:
    """This worker's own database on the queue's server: RQ has no prefix for its keys."""
    number = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for queue in settings.RQ_QUEUES.values():
        queue["DB"] = number
    with redis.Redis.from_url(settings.REDIS_URL, db=number) as server:
        server.flushdb()
        yield server


@pytest.fixture(autouse=True)
def empty_queue(queue_server: redis.Redis) -> Iterator[None]:
    yield
    if queue_server.dbsize():
        queue_server.flushdb()


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Tests reach this machine only, and the queue's server wherever the environment has put it."""
    known = {"localhost", "127.0.0.1", "::1", urlsplit(settings.REDIS_URL).hostname}
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_near(self: socket.socket, address: object) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in addresses:
            raise RuntimeError(f"A test may not reach {address[0]}.")
        connect(self, address)

    def look_up_near(host: str | bytes | None, *arguments: object, **options: object) -> list:
        if host is not None and host not in known:
            raise RuntimeError(f"A test may not look up {host!r}.")
        answers = look_up(host, *arguments, **options)
        addresses.update(address[0] for *_, address in answers)
        return answers

    addresses = {"127.0.0.1", "::1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_near)
        patch.setattr(socket, "getaddrinfo", look_up_near)
        yield


# Real browsers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    # Beside Playwright's loop this thread gets connections of its own; those it had would be cut off unnoticed.
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps a loop running in this thread; the tests themselves use the database as ever.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        quiet = ["background-networking", "component-update", "sync"]
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", *(f"--disable-{name}" for name in quiet)],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_browser(browser: Browser, live_server) -> Iterator[Callable[[], Page]]:
    """A page of a browser that nobody has used yet, as often as it is called: one for each person. Anything that a
    browser complains of fails the test, but a form that comes back with what does not fit."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(text: str) -> None:
        if not re.search(r"(status of|Error Code) 422\b", text):
            complaints.append(text)

    def open_one() -> Page:
        contexts.append(browser.new_context(base_url=live_server.url))
        page = contexts[-1].new_page()
        page.on("console", lambda message: heard(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    assert complaints == []
    for context in contexts:
        context.close()


def sign_in(page: Page, address: str, user: object) -> None:
    """Give the browser a session of this person's, without the sign-in page."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
