"""The measured endpoints in FastAPI with plain ``def``: FastAPI runs each in a thread."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from contract.engines import create_sync_engine
from contract.pages import next_link, split_page
from contract.problems import UserNotFound
from contract.schemas import Greeting, UserInput, UserPublic, Waited
from contract.settings import get_settings
from contract.table import insert_user, select_page, select_user
from fastapi_app.dependencies import PageDep, UserId, WaitDep


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the engine; give the handlers as many threads as the other servers have."""
    settings = get_settings()
    current_default_thread_limiter().total_tokens = settings.threads
    engine = create_sync_engine(settings, "fastapi")
    app.state.sessionmaker = sessionmaker(engine)
    yield
    engine.dispose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


# Not a dependency: FastAPI closes dependencies after it has serialised the response in a thread of
# the same pool. With many requests, every thread would wait for a connection that a request in the
# queue holds.
def new_session(request: Request) -> Session:
    """Return a session, which connects when it is first used."""
    session: Session = request.app.state.sessionmaker()
    return session


@app.get("/api/hello")
def hello() -> Greeting:
    """Greet, without a database."""
    return Greeting(message="Hello, World!")


@app.get("/api/wait")
def wait(query: WaitDep) -> Waited:
    """Answer after ``ms`` milliseconds; the thread sleeps."""
    # The endpoint exists to wait.
    time.sleep(query.ms / 1000)
    return Waited(waited_ms=query.ms)


@app.get("/api/users", response_model=list[UserPublic])
def list_users(request: Request, response: Response, query: PageDep) -> Any:
    """List users by id, page by page."""
    with new_session(request) as session:
        rows = session.execute(select_page(query, session.get_bind().dialect.name)).all()
    page, more = split_page(rows, query)
    if more:
        path = request.url_for("list_users").path
        response.headers["Link"] = next_link(path, query, page[-1].id)
    return page


@app.get("/api/users/{user_id}", response_model=UserPublic)
def get_user(request: Request, user_id: UserId) -> Any:
    """Return one user."""
    with new_session(request) as session:
        user = session.execute(select_user(user_id)).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user


@app.post("/api/users", response_model=UserPublic, status_code=201)
def create_user(request: Request, response: Response, values: UserInput) -> Any:
    """Create a user."""
    with new_session(request) as session:
        user = session.execute(insert_user(values.model_dump())).one()
        session.commit()
    response.headers["Location"] = request.url_for("get_user", user_id=user.id).path
    return user
