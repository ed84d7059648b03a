"""From a URL to a store: engine, transactions, the database's clock, and what an error means."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from openbell.errors import SchemaMismatch, StoreError
from openbell.store import host, sqlite_file
from openbell.store.schema import HEAD, REVISIONS

#: Name of the lock under which everything but the paper accounts is written.
JOURNAL = "journal"
#: How often a transaction that the database gave up is done again, and the SQLSTATEs that say it did.
REPEATS = 3
_GIVEN_UP = frozenset({"40001", "40P01"})
_WRITE = "openbell_write"
_ESCAPES = "in a password @ is written %40, : is %3A and / is %2F"
_PATIENCE = {"connect_timeout": 5}
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_REVISION = text("SELECT version_num FROM alembic_version")
_CLOCK = {
    "sqlite": text("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
    "postgresql": text("SELECT clock_timestamp()"),
}


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """An open store; ``name`` is its URL without password and options."""

    name: str
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction."""
        with self._told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read transaction with one view of everything, in which damaged text is read as it is."""
        engine = self.engine
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with self._told(), engine.begin() as connection, sqlite_file.lenient(connection.connection.driver_connection):
            yield connection

    @contextmanager
    def writing(self, lock: str = JOURNAL) -> Iterator[Connection]:
        """A write transaction that excludes every other one under the same lock; rolled back on any exception.

        SQLite has one lock for everything. Waits at most five seconds for it.
        """
        with self._told(), self.engine.connect() as connection, connection.execution_options(**{_WRITE: True}).begin():
            if connection.dialect.name == "postgresql":
                connection.execute(_LOCK, {"key": _lock_key(lock)})
            yield connection

    def transact(self, work: Callable[[Connection], T]) -> T:
        """A write transaction that is done again, at most three times, when the database gave it up.

        For what comes before a send only: a serialisation failure or deadlock certainly wrote nothing.
        """
        for _ in range(REPEATS):
            try:
                with self.writing() as connection:
                    return work(connection)
            except StoreError as error:
                if not _given_up(error):
                    raise
        with self.writing() as connection:
            return work(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            words = " ".join(str(cause).split()) or type(cause).__name__
            for secret in _secrets(self.engine.url):
                words = words.replace(secret, "***")
            raise StoreError(f"store {self.name}: {words}") from None

    def revision(self) -> str | None:
        """Schema revision of the store, None when it is empty."""
        try:
            with self.reading() as connection:
                return cast("str | None", connection.execute(_REVISION).scalar())
        except StoreError:
            with self.reading() as connection:
                if inspect(connection).has_table("alembic_version"):
                    raise
            return None

    def check(self, found: str | None = None) -> None:
        """SchemaMismatch unless the schema is this version's; ``found`` is its revision where that is known."""
        found = found or self.revision()
        if found == HEAD:
            return
        if found is None or found in REVISIONS:
            advice = "run openbell migrate"
        else:
            advice = "it was made by a newer openbell; upgrade openbell"
        raise SchemaMismatch(
            f"store {self.name} has schema {found or 'none (empty)'}, this openbell needs {HEAD}: {advice}"
        )


def _given_up(error: StoreError) -> bool:
    """Whether the error stands for a transaction that the database gave up to resolve a conflict."""
    return getattr(getattr(error.__context__, "orig", None), "sqlstate", None) in _GIVEN_UP


def _secrets(url: URL) -> list[str]:
    """The password, wherever in the URL it stands."""
    given = (url.password, *(url.query.get(name) for name in url.query if "password" in name))
    return [str(secret) for secret in given if secret]


def shown(url: URL) -> str:
    """A URL as it may be printed: an option may hold a password too."""
    return url.set(query={}).render_as_string(hide_password=True)


def check_start(store: Store) -> None:
    """StoreError when a SQLite file is damaged, or another host's; one that was nobody's is this host's now."""
    if store.engine.dialect.name == "sqlite":
        host.claim(Path(str(store.engine.url.database)))
        with store.reading() as connection:
            sqlite_file.check_start(connection.connection.driver_connection, Path(str(store.engine.url.database)))


def now(connection: Connection) -> datetime:
    """The database's clock, which decides about leases."""
    found: Any = connection.execute(_CLOCK[connection.dialect.name]).scalar_one()
    return (datetime.fromisoformat(found) if isinstance(found, str) else found).astimezone(UTC)


def parse_url(url: str) -> URL:
    """The URL with its driver; only SQLite files and PostgreSQL are stores."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the store's URL is not like sqlite:///path or postgresql://user@host/database") from None
    except ValueError:
        raise StoreError(f"the store's URL has a port that is no number; {_ESCAPES}") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if "@" in f"{parsed.host}{parsed.database}":  # part of a password, not to be shown
        raise StoreError(f"the store's URL has an @ behind the one before its host; {_ESCAPES}")
    if parsed.drivername == "postgresql+psycopg":
        return parsed
    raise StoreError(f"store {shown(parsed)} is neither a SQLite file nor PostgreSQL")


def open_store(url: str, durable: bool = True) -> Store:
    """The store behind a URL, one per process; a SQLite file must exist.

    What is written without ``durable`` waits for no disk: a power cut may lose the newest of it, never more.
    """
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        sqlite_file.check_place(Path(str(parsed.database)))
        host.check(Path(str(parsed.database)))
    return _open(parsed, os.getpid(), durable)


def exists(url: str) -> bool:
    """Whether there is something to open; a PostgreSQL database always counts."""
    parsed = parse_url(url)
    return parsed.drivername != "sqlite" or Path(str(parsed.database)).exists()


def close_store(url: str) -> None:
    """Close the connections that this process holds to a store."""
    for durable in (True, False):
        _open(parse_url(url), os.getpid(), durable).engine.dispose()


@cache
def _open(url: URL, process: int, durable: bool) -> Store:  # noqa: ARG001  # a forked child has connections of its own
    name = shown(url)
    engine = _sqlite_engine(url, durable) if url.drivername == "sqlite" else _postgres_engine(url, name, durable)
    return Store(name, engine)


def _sqlite_engine(url: URL, durable: bool) -> Engine:
    engine = create_engine(url, creator=partial(sqlite_file.connect, Path(str(url.database)).absolute(), durable))
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITE, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:  # it takes no lock, so there is no error to tell in our words
        connection.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]


def _postgres_engine(url: URL, name: str, durable: bool) -> Engine:
    try:
        engine = create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True, connect_args=_PATIENCE)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(f"store {name} needs psycopg; install openbell[postgres]") from None
    event.listen(engine, "connect", partial(_set_up_postgres, durable=durable))
    return engine


def _set_up_postgres(connection: Any, _record: Any, durable: bool) -> None:
    """Wait for locks as long as SQLite does; instants come back in UTC."""
    connection.autocommit = True
    connection.execute("SET lock_timeout = '5s'")
    connection.execute("SET timezone = 'UTC'")
    if not durable:
        connection.execute("SET synchronous_commit = off")
    connection.autocommit = False


def _lock_key(name: str) -> int:
    """A signed 64-bit number that is the same on every host."""
    digest = hashlib.sha256(f"openbell/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
