"""A store in PostgreSQL."""

from contextlib import suppress

import psycopg

from framework_gateway.migrate.stores import SCHEMA, TIMEOUT, SQLStore


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
