"""A store in PostgreSQL."""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg.abc import PQGen

from framework_gateway.migrate.stores import SCHEMA, TIMEOUT, SQLStore

PATIENCE = TIMEOUT + 1.0  # seconds; a server that runs has ended the statement itself by then


class Connection(psycopg.Connection[Any]):
    """A connection that gives up a server that says nothing: one that has stopped keeps no time."""

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = PATIENCE) -> Any:
        return super().wait(gen, interval, timeout)


class PostgreSQLStore(SQLStore):
    """A store in PostgreSQL; it makes its table.

    Args:
        address: such as ``postgresql://localhost/gateway``.
    """

    place = "PostgreSQL"
    parameter = "%s"
    errors = (psycopg.Error,)

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def _connect(self) -> Connection:
        connection = Connection.connect(
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
