"""Where the state and the evidence of moves are kept: versioned texts, changed only as a whole.

Every worker of every gateway uses the same store. A write names the version that it has read, and
fails if there is another one by now.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

TIMEOUT = 2.0  # seconds for a store to answer
ATTEMPTS = 20  # to change something that others change at the same time
TABLE = "framework_gateway_moves"
SCHEMA = f"""CREATE TABLE IF NOT EXISTS {TABLE}
(name TEXT PRIMARY KEY, version INTEGER NOT NULL, content TEXT NOT NULL)"""


class StoreError(Exception):
    """A store cannot be reached, read or written; the message says why."""


class Versioned(NamedTuple):
    """A text and its version, which begins at 1."""

    version: int
    text: str


class Store(Protocol):
    """Keeps texts by name. Each method may block, and raises StoreError."""

    def read(self, name: str) -> Versioned | None:
        """Return a text; None if there is none."""

    def write(self, name: str, text: str, expected: int) -> bool:
        """Write a text; return false if its version is not ``expected``, 0 for none."""

    def versions(self, prefix: str) -> Mapping[str, int]:
        """Return the versions of all texts whose name begins with a prefix."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""


def open_store(address: str) -> Store:
    """Return the store at an address; it connects when it is first used.

    Args:
        address: the path of an SQLite file, or ``redis://...`` or ``postgresql://...``.

    Raises:
        StoreError: the package for it is not installed.
    """
    scheme = address.partition("://")[0]
    try:
        if scheme in ("redis", "rediss"):
            from framework_gateway.migrate.redis_store import RedisStore

            return RedisStore(address)
        if scheme in ("postgresql", "postgres"):
            from framework_gateway.migrate.postgresql_store import PostgreSQLStore

            return PostgreSQLStore(address)
    except ImportError as error:
        raise StoreError(f"the store of moves needs the package {error.name}") from error
    return FileStore(Path(address))


class SQLStore:
    """A store in a table of an SQL database, over one connection.

    Attributes:
        place: what errors call the database.
        parameter: what stands for a value in a statement.
        errors: what the driver raises.
    """

    place: str
    parameter: str
    errors: tuple[type[Exception], ...]

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None  # of any driver that follows PEP 249

    def read(self, name: str) -> Versioned | None:
        """Return a text; None if there is none."""
        query = f"SELECT version, content FROM {TABLE} WHERE name = ?"  # nosec B608
        with self._connected():
            found = self._execute(query, name).fetchone()
        return None if found is None else Versioned(*found)

    def write(self, name: str, text: str, expected: int) -> bool:
        """Write a text; return false if its version is not ``expected``, 0 for none."""
        insert = f"INSERT INTO {TABLE} VALUES (?, 1, ?) ON CONFLICT DO NOTHING"  # nosec B608
        update = (
            f"UPDATE {TABLE} SET version = version + 1, content = ?"  # nosec B608
            " WHERE name = ? AND version = ?"
        )
        with self._connected():
            if expected:
                done = self._execute(update, text, name, expected)
            else:
                done = self._execute(insert, name, text)
            return bool(done.rowcount == 1)

    def versions(self, prefix: str) -> Mapping[str, int]:
        """Return the versions of all texts whose name begins with a prefix."""
        with self._connected():
            found = self._execute(f"SELECT name, version FROM {TABLE}").fetchall()  # nosec B608
        return {name: version for name, version in found if name.startswith(prefix)}

    def _execute(self, query: str, *values: object) -> Any:
        return self._connection.execute(query.replace("?", self.parameter), values)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Connect if there is no connection; after an error, the next use opens another one."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield
            except self.errors as error:
                self._close()
                raise StoreError(f"{self.place}: {error}".strip()) from error

    def _connect(self) -> Any:
        """Return a connection that commits each statement, to a database with the table."""
        raise NotImplementedError

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()


class FileStore(SQLStore):
    """A store in an SQLite file, for the workers and gateways of one machine."""

    parameter = "?"
    errors = (sqlite3.Error, OSError)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.place = str(path)

    def _connect(self) -> sqlite3.Connection:
        # Examples are masked, yet nobody else needs them. SQLite gives its other files this mode.
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
        # Without transactions of its own; any thread may use it, one at a time.
        connection = sqlite3.connect(
            self.path, timeout=TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
