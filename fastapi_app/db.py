"""The database session of a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.engines import UNAVAILABLE, is_outcome_unknown
from contract.places import Places
from contract.problems import EmailTaken, OutcomeUnknown


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield the session of the request; it connects when first used."""
    async with request.app.state.sessionmaker() as session:
        yield session


def places_of(session: AsyncSession) -> Places:
    """Return the application's places."""
    places: Places = session.info["places"]
    return places


@asynccontextmanager
async def reading(session: AsyncSession) -> AsyncIterator[None]:
    """Read in the block, with one of the places for readers.

    Raises:
        DatabaseUnavailable: too many requests wait for the database.
    """
    async with places_of(session).readers.async_place():
        yield


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
        DatabaseUnavailable: too many requests wait for the database.
        OutcomeUnknown: the connection was lost during the commit.
    """
    async with places_of(session).async_committing():
        try:
            yield
            await commit(session)
        except IntegrityError as error:
            # Before the turn ends, which is that of the next writer on SQLite.
            await session.rollback()
            raise EmailTaken from error


async def commit(session: AsyncSession) -> None:
    """Commit.

    Raises:
        OutcomeUnknown: the connection was lost during the commit.
    """
    try:
        await session.commit()
    except UNAVAILABLE as error:
        if is_outcome_unknown(error):
            raise OutcomeUnknown from error
        raise
