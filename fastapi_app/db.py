"""The database session of a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.problems import EmailTaken


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield the session of the request; it connects when first used."""
    async with request.app.state.sessionmaker() as session:
        yield session


@asynccontextmanager
async def snapshot(sessionmaker: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    """Yield a session for reading: all its queries see the database as the first one did."""
    async with sessionmaker() as session:
        if session.get_bind().dialect.name == "sqlite":
            # The driver begins a transaction only before a write.
            connection = await session.connection()
            await connection.exec_driver_sql("BEGIN")
        else:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            await session.connection(execution_options=options)
        yield session


@asynccontextmanager
async def committing(session: AsyncSession) -> AsyncIterator[None]:
    """Commit what the block has written.

    Raises:
        EmailTaken: the email violates the unique constraint.
    """
    try:
        yield
        await session.commit()
    except IntegrityError as error:
        raise EmailTaken from error
