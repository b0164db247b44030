"""The measured endpoints in Quart, Flask's asynchronous sibling."""

import asyncio
import json
from typing import Any

from quart import Quart, Response, request, url_for
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from contract.bodies import parse_json_object
from contract.engines import create_asyncio_engine
from contract.pages import next_link, split_page
from contract.problems import UserNotFound
from contract.schemas import PageQuery, UserInput, WaitQuery
from contract.settings import get_settings
from contract.table import insert_user, select_page, select_user

app = Quart(__name__, static_folder=None)
engines: list[AsyncEngine] = []


@app.before_serving
async def open_engine() -> None:
    """Open the engine on the event loop that serves requests."""
    engines.append(create_asyncio_engine(get_settings(), "quart"))
    app.extensions["sessionmaker"] = async_sessionmaker(engines[-1])


@app.after_serving
async def close_engine() -> None:
    """Return the connections."""
    await engines.pop().dispose()


def new_session() -> AsyncSession:
    """Return a session, which connects when it is first used."""
    session: AsyncSession = app.extensions["sessionmaker"]()
    return session


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Write JSON in the contract's format."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, mimetype="application/json")


@app.get("/api/hello")
async def hello() -> Response:
    """Greet, without a database."""
    return answer({"message": "Hello, World!"})


@app.get("/api/wait")
async def wait() -> Response:
    """Answer after ``ms`` milliseconds; the coroutine waits, and the loop serves others."""
    query = WaitQuery.model_validate(request.args.to_dict())
    await asyncio.sleep(query.ms / 1000)
    return answer({"waited_ms": query.ms})


@app.get("/api/users")
async def list_users() -> Response:
    """List users by id, page by page."""
    query = PageQuery.model_validate(request.args.to_dict())
    async with new_session() as session:
        rows = (await session.execute(select_page(query, session.get_bind().dialect.name))).all()
    page, more = split_page(rows, query)
    links = {"Link": next_link(url_for("list_users"), query, page[-1].id)} if more else {}
    return answer([row._asdict() for row in page], headers=links)


@app.get("/api/users/<int:user_id>")
async def get_user(user_id: int) -> Response:
    """Return one user."""
    async with new_session() as session:
        user = (await session.execute(select_user(user_id))).mappings().one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return answer(dict(user))


async def write_user(values: UserInput) -> RowMapping:
    """Insert a user and commit."""
    async with new_session() as session:
        user = (await session.execute(insert_user(values.model_dump()))).mappings().one()
        await session.commit()
    return user


@app.post("/api/users")
async def create_user() -> Response:
    """Create a user."""
    body: bytes = await request.get_data()  # type: ignore[assignment]  # str only with as_text
    document = parse_json_object(request.content_type, body)
    values = UserInput.model_validate(document)
    # Quart cancels the request when its client leaves; a cancelled write would keep SQLite locked.
    user = await asyncio.shield(write_user(values))
    return answer(dict(user), 201, {"Location": url_for("get_user", user_id=user["id"])})
