"""Connections to PostgreSQL on which every wait has an end, for all that connect.

The server ends a statement that waits for a lock, or that takes too long, after ``timeout``
seconds. The client closes a connection whose server says nothing at all: a machine that has gone,
a process that has stopped.
"""

from typing import Any, Self

import psycopg
from psycopg import AsyncConnection, Connection, OperationalError
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn

from contract.addresses import Server

MARGIN = 1.0  # seconds that the server has to end a statement itself
INTERVAL = 0.1  # seconds between two looks for Ctrl-C, psycopg's default

# A connection that waits for notifications sends nothing, so only the system can find that the
# server's machine has gone.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4"}


def connection_parameters(
    server: Server, name: str, timeout: float, *, statement_timeout: float | None = None
) -> dict[str, Any]:
    """Return the arguments of ``BoundedConnection.connect``.

    Args:
        name: the ``application_name``; the triggers store it with the events of its changes.
        timeout: seconds to connect, and to wait for a lock.
        statement_timeout: seconds that a statement may take, 0 for any; ``timeout`` unless given.
    """
    return {
        **KEEPALIVES,
        **server.parameters,
        "application_name": name,
        "client_encoding": "UTF8",
        # psycopg tries the hosts one after the other, each for this time and for at least 2 s.
        "connect_timeout": max(2, round(timeout / server.hosts)),
        "lock_timeout": timeout,
        "statement_timeout": timeout if statement_timeout is None else statement_timeout,
    }


def settings_statement(lock_timeout: float, statement_timeout: float) -> str:
    """Return the statements that set both timeouts, in seconds, and how statements are planned.

    To compile a statement, or to start parallel workers, takes longer than a request's statements.

    Not the parameter ``options`` of the connection: it would replace that of the address, of the
    service or of PGOPTIONS.
    """
    return (
        f"SET lock_timeout = {max(1, round(lock_timeout * 1000))};"
        f" SET statement_timeout = {round(statement_timeout * 1000)};"
        " SET jit = off; SET max_parallel_workers_per_gather = 0"
    )


def check_encoding(pgconn: PGconn) -> None:
    """Refuse a database that cannot store every text.

    Raises:
        OperationalError: the encoding is not UTF-8.
    """
    encoding = (pgconn.parameter_status(b"server_encoding") or b"").decode()
    if encoding != "UTF8":
        raise OperationalError(
            f"the database {pgconn.db.decode()} has the encoding {encoding};"
            " create one with ENCODING 'UTF8' TEMPLATE template0"
        )


def give_up(pgconn: PGconn, seconds: float | None, error: Exception) -> Exception:
    """Close the connection if its server has not answered; return the error to raise."""
    if pgconn.transaction_status != TransactionStatus.ACTIVE:
        return error
    pgconn.finish()
    return OperationalError(f"the server did not answer within {seconds:g} s")


class BoundedConnection(Connection[Any]):
    """A connection whose waits have an end.

    Attributes:
        patience: seconds to wait for the server's answer to a statement; None without an end.
    """

    patience: float | None = None

    @classmethod
    def connect(  # type: ignore[override]  # two more arguments
        cls, conninfo: str = "", *, lock_timeout: float, statement_timeout: float, **options: Any
    ) -> Self:
        autocommit = options.pop("autocommit", False)
        connection = super().connect(conninfo, autocommit=True, **options)
        try:
            connection.patience = lock_timeout + MARGIN
            check_encoding(connection.pgconn)
            connection.execute(settings_statement(lock_timeout, statement_timeout))
            connection.patience = statement_timeout + MARGIN if statement_timeout else None
            connection.autocommit = autocommit
        # Also a cancellation: nobody else would close the connection.
        except BaseException:
            connection.close()
            raise
        return connection

    def wait(
        self, gen: PQGen[Any], interval: float = INTERVAL, timeout: float | None = None
    ) -> Any:
        if timeout is not None or self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.OperationalError as error:
            raise give_up(self.pgconn, self.patience, error) from None


class BoundedAsyncConnection(AsyncConnection[Any]):
    """The same for asyncio."""

    patience: float | None = None

    @classmethod
    async def connect(  # type: ignore[override]  # two more arguments
        cls, conninfo: str = "", *, lock_timeout: float, statement_timeout: float, **options: Any
    ) -> Self:
        autocommit = options.pop("autocommit", False)
        connection = await super().connect(conninfo, autocommit=True, **options)
        try:
            connection.patience = lock_timeout + MARGIN
            check_encoding(connection.pgconn)
            await connection.execute(settings_statement(lock_timeout, statement_timeout))
            connection.patience = statement_timeout + MARGIN if statement_timeout else None
            await connection.set_autocommit(autocommit)
        # Also a cancellation: nobody else would close the connection.
        except BaseException:
            await connection.close()
            raise
        return connection

    async def wait(
        self, gen: PQGen[Any], interval: float = INTERVAL, timeout: float | None = None
    ) -> Any:
        if timeout is not None or self.patience is None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.patience)
        except psycopg.OperationalError as error:
            raise give_up(self.pgconn, self.patience, error) from None
