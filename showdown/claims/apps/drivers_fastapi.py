"""The list of users in FastAPI, four times: ``def`` and ``async def``, psycopg and SQLAlchemy.

Each has a pool of as many connections as there are threads. Every pool checks a connection before
a request uses it. PostgreSQL only: psycopg is the one driver here that has both modes.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import sessionmaker

from contract.addresses import Server, parse_address
from contract.engines import create_asyncio_engine, create_sync_engine
from contract.pages import next_link, split_page
from contract.postgresql import (
    BoundedAsyncConnection,
    BoundedConnection,
    connection_parameters,
)
from contract.schemas import PageQuery, UserPublic
from contract.settings import Settings, get_settings
from contract.table import select_page
from fastapi_app.dependencies import PageDep
from showdown.claims.apps.raw_users import LIST_USERS, parameters


def pool_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of both pools of psycopg."""
    address = parse_address(settings.database_url)
    assert isinstance(address, Server)
    connection = connection_parameters(address, "fastapi", settings.database_timeout)
    return {
        "kwargs": connection | {"autocommit": True, "row_factory": namedtuple_row},
        "min_size": settings.threads,
        "max_size": settings.threads,
        "timeout": settings.database_timeout,
        "open": False,
    }


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pools; give the handlers as many threads as the other servers have."""
    settings = get_settings()
    current_default_thread_limiter().total_tokens = settings.threads
    engine, async_engine = (
        create_sync_engine(settings, "fastapi"),
        create_asyncio_engine(settings, "fastapi"),
    )
    app.state.session, app.state.async_session = (
        sessionmaker(engine),
        async_sessionmaker(async_engine),
    )
    pool = ConnectionPool(
        connection_class=BoundedConnection,
        check=ConnectionPool.check_connection,
        **pool_options(settings),
    )
    async_pool = AsyncConnectionPool(
        connection_class=BoundedAsyncConnection,
        check=AsyncConnectionPool.check_connection,
        **pool_options(settings),
    )
    app.state.pool, app.state.async_pool = pool, async_pool
    with pool:
        async with async_pool:
            yield
    engine.dispose()
    await async_engine.dispose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


def answer(request: Request, response: Response, query: PageQuery, rows: Sequence[Any]) -> Any:
    """Return a page, and link to the next one."""
    page, more = split_page(rows, query)
    if more:
        response.headers["Link"] = next_link(request.url.path, query, page[-1].id)
    return page


@app.get("/sync/psycopg/api/users", response_model=list[UserPublic])
def sync_psycopg(request: Request, response: Response, query: PageDep) -> Any:
    """List users in a thread, without an ORM."""
    with request.app.state.pool.connection() as connection:
        rows = connection.execute(LIST_USERS, parameters(query)).fetchall()
    return answer(request, response, query, rows)


@app.get("/async/psycopg/api/users", response_model=list[UserPublic])
async def async_psycopg(request: Request, response: Response, query: PageDep) -> Any:
    """List users on the event loop, without an ORM."""
    async with request.app.state.async_pool.connection() as connection:
        cursor = await connection.execute(LIST_USERS, parameters(query))
        rows = await cursor.fetchall()
    return answer(request, response, query, rows)


@app.get("/sync/sqlalchemy/api/users", response_model=list[UserPublic])
def sync_sqlalchemy(request: Request, response: Response, query: PageDep) -> Any:
    """List users in a thread, with SQLAlchemy."""
    with request.app.state.session() as session:
        rows = session.execute(select_page(query, "postgresql")).all()
    return answer(request, response, query, rows)


@app.get("/async/sqlalchemy/api/users", response_model=list[UserPublic])
async def async_sqlalchemy(request: Request, response: Response, query: PageDep) -> Any:
    """List users on the event loop, with SQLAlchemy."""
    async with request.app.state.async_session() as session:
        rows = (await session.execute(select_page(query, "postgresql"))).all()
    return answer(request, response, query, rows)
