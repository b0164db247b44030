"""The database session of a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contract.problems import EmailTaken


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield the session of the request; it connects when first used."""
    async with request.app.state.sessionmaker() as session:
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
