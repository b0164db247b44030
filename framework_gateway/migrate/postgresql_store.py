"""A store in PostgreSQL."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg

from framework_gateway.migrate.stores import SCHEMA, TABLE, TIMEOUT, StoreError, Versioned


class PostgreSQLStore:
    """A store in PostgreSQL; it makes its table.

    Args:
        address: such as ``postgresql://localhost/gateway``.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None

    def read(self, name: str) -> Versioned | None:
        """Return a text; None if there is none."""
        with self._connected() as connection:
            query = f"SELECT version, content FROM {TABLE} WHERE name = %s"  # nosec B608
            found = connection.execute(query, (name,)).fetchone()
        return None if found is None else Versioned(*found)

    def write(self, name: str, text: str, expected: int) -> bool:
        """Write a text; return false if its version is not ``expected``, 0 for none."""
        with self._connected() as connection:
            if expected:
                query = (
                    f"UPDATE {TABLE} SET version = version + 1, content = %s"  # nosec B608
                    " WHERE name = %s AND version = %s"
                )
                return connection.execute(query, (text, name, expected)).rowcount == 1
            query = f"INSERT INTO {TABLE} VALUES (%s, 1, %s) ON CONFLICT DO NOTHING"  # nosec B608
            return connection.execute(query, (name, text)).rowcount == 1

    def versions(self, prefix: str) -> Mapping[str, int]:
        """Return the versions of all texts whose name begins with a prefix."""
        with self._connected() as connection:
            query = f"SELECT name, version FROM {TABLE}"  # nosec B608
            found = connection.execute(query).fetchall()
        return {name: version for name, version in found if name.startswith(prefix)}

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        """Yield a connection; after an error, the next use opens another one."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except psycopg.Error as error:
                self._close()
                raise StoreError(f"PostgreSQL: {error}".strip()) from error

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(
            self._address,
            autocommit=True,
            connect_timeout=int(TIMEOUT),
            options=f"-c statement_timeout={int(TIMEOUT * 1000)}",
        )
        # Another process may make the table at the same time.
        errors = psycopg.errors
        with suppress(errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject):
            connection.execute(SCHEMA)
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()
