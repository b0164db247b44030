"""The users API in FastAPI. Run it alone with ``uvicorn fastapi_app.main:app``."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from sqlalchemy.ext.asyncio import async_sessionmaker

from contract.engines import UNAVAILABLE, create_asyncio_engine
from contract.places import Places
from contract.settings import Settings, get_settings
from fastapi_app import errors, events, export, exports, me, probes, users
from fastapi_app.descriptions import INTRODUCTION
from fastapi_app.documentation import add_pages
from fastapi_app.feed import Feed
from fastapi_app.middleware import HeadMiddleware, TrailingSlashMiddleware
from fastapi_app.openapi import complete, operation_id
from fastapi_app.wakeups import wakeups


def create_app(settings: Settings | None = None, *, servers: Sequence[str] = ()) -> FastAPI:
    """Create the application.

    Args:
        settings: read from the environment unless given.
        servers: prefixes where the same API is served, this application's own first; Swagger UI
            lists them.
    """
    settings = settings or get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = create_asyncio_engine(settings, "fastapi")
        app.state.sessionmaker = async_sessionmaker(
            engine, info={"places": Places(settings, UNAVAILABLE)}
        )
        app.state.feed = Feed(app.state.sessionmaker, partial(wakeups, settings))
        async with app.state.feed.running():
            yield
        await engine.dispose()

    app = FastAPIOffline(
        title="Users API",
        description=INTRODUCTION,
        version="1.0.0",
        lifespan=lifespan,
        servers=[{"url": url} for url in servers],
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.max_body_size = settings.max_body_size
    app.state.files_dir = settings.files_dir
    app.add_middleware(HeadMiddleware)
    app.add_middleware(TrailingSlashMiddleware)
    errors.add_handlers(app)

    app.include_router(probes.router, prefix="/api")
    app.include_router(me.router, prefix="/api")
    app.include_router(users.router, prefix="/api")
    app.include_router(events.router, prefix="/api")
    app.include_router(export.router, prefix="/api")
    app.include_router(exports.router, prefix="/api")
    add_pages(app)
    complete(app)
    return app
