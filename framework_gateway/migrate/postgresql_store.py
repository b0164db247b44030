"""A store in PostgreSQL."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from framework_gateway.migrate.stores import SCHEMA, TIMEOUT, SQLStore

HUNG = TIMEOUT + 1.0  # seconds; a server that runs would have ended the statement itself


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

    def _execute(self, query: str, *values: object) -> Any:
        with hung_up(self._connection.fileno(), HUNG):
            return super()._execute(query, *values)


@contextmanager
def hung_up(file: int, seconds: float) -> Iterator[None]:
    """Hang up if the block takes too long: a server that has stopped keeps no time itself.

    Args:
        file: the descriptor of the connection's socket.
        seconds: how long the block may take; then its statement fails.
    """

    def hang_up() -> None:
        with socket.socket(fileno=os.dup(file)) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
