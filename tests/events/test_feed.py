"""The reader of the outbox alone: it reads once for all, is bounded, and outlives outages."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from contract.engines import UNAVAILABLE, create_asyncio_engine
from contract.events import Reset, UserEvent
from contract.settings import get_settings
from contract.table import metadata, users
from fastapi_app import feed as feed_module
from fastapi_app import listeners, steps, watched
from fastapi_app.feed import Feed, feeds
from fastapi_app.wakeups import wakeups
from tests.databases import PostgreSQL, SQLite
from tests.usage import times_open
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.anyio


class Counted:
    """A sessionmaker that counts the sessions."""

    def __init__(self, sessionmaker: async_sessionmaker[AsyncSession]) -> None:
        self.sessionmaker = sessionmaker
        self.sessions = 0

    def __call__(self) -> AsyncSession:
        self.sessions += 1
        return self.sessionmaker()


@asynccontextmanager
async def running(calls: Any = None) -> AsyncIterator[tuple[Feed, Counted]]:
    """A feed on the suite's database, with an engine of its own."""
    engine = create_asyncio_engine(get_settings(), "fastapi")
    counted = Counted(async_sessionmaker(engine))
    feed = Feed(counted, calls or (lambda: wakeups(get_settings())))  # type: ignore[arg-type]
    async with feed.running():
        yield feed, counted
    await engine.dispose()


async def write(counted: Counted, names: list[str]) -> None:
    async with counted.sessionmaker() as session:
        rows = [{"name": name, "email": f"{name}@example.com"} for name in names]
        await session.execute(insert(users), rows)
        await session.commit()


async def next_name(events: AsyncGenerator[UserEvent | Reset]) -> str:
    """Return the name of the user in the next event."""
    event = await anext(events)
    assert isinstance(event, UserEvent)
    return event.user.name


@pytest.mark.usefixtures("database")
async def test_one_read_serves_every_listener() -> None:
    async with running() as (feed, counted), AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(feed.listening(None)) for _ in range(50)]
        before = counted.sessions
        await write(counted, ["a"])
        assert {await next_name(listener) for listener in listeners} == {"a"}
        assert counted.sessions - before <= 4
        await stack.aclose()
        assert feed.listeners == set()


@pytest.mark.usefixtures("database")
async def test_a_listener_that_falls_behind_reads_the_rest_from_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listeners, "QUEUE_SIZE", 10)
    async with running() as (feed, counted), feed.listening(None) as slow:
        (listener,) = feed.listeners
        await write(counted, [f"u{number}" for number in range(30)])
        while not listener.is_behind:
            await asyncio.sleep(0.01)
        assert listener.queue.qsize() == 10
        seen = [(await anext(slow)).id for _ in range(30)]
        await write(counted, ["last"])
        seen.append((await anext(slow)).id)
    assert seen == [*range(seen[0], seen[0] + 31)]


@pytest.mark.usefixtures("database")
async def test_a_feed_without_listeners_makes_no_queries_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("fastapi_app.wakeups"), "LOOK", 0.1)
    wakeups_open = 0

    async def counting() -> AsyncGenerator[None]:
        nonlocal wakeups_open
        wakeups_open += 1
        try:
            async with aclosing(wakeups(get_settings())) as steady:
                async for _ in steady:
                    yield
        finally:
            wakeups_open -= 1

    async with running(counting) as (feed, counted):
        for name in ("a", "b"):
            before = counted.sessions
            await write(counted, [f"{name}-unheard"])
            assert (wakeups_open, counted.sessions) == (0, before)
            async with feed.listening(None) as events:
                assert wakeups_open == 1
                await write(counted, [name])
                assert await next_name(events) == name
            while wakeups_open:
                await asyncio.sleep(0.01)
        assert feed.task.restarts == 0


@pytest.mark.usefixtures("database")
async def test_a_listener_that_finds_no_feed_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "START", 0.1)

    async def silent() -> AsyncGenerator[None]:
        await asyncio.Event().wait()
        yield

    async with running(silent) as (feed, _):
        with pytest.raises(UNAVAILABLE):
            async with feed.listening(None):
                pass
        assert feed.interested == 0


@pytest.mark.usefixtures("database")
async def test_a_listener_that_reads_gets_every_row_of_one_large_write() -> None:
    count = 30_000
    async with running() as (feed, counted), feed.listening(None) as events:
        first = feed.last + 1
        seen: list[int] = []
        writing = asyncio.create_task(write(counted, [f"u{number}" for number in range(count)]))
        async for event in events:
            seen.append(event.id)
            if len(seen) == count:
                break
        await writing
    assert seen == [*range(first, first + count)]


@pytest.mark.usefixtures("database")
async def test_the_feed_continues_when_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watched, "FIRST_DELAY", 0.01)
    failures = 3

    async def unsteady() -> AsyncGenerator[None]:
        nonlocal failures
        async with aclosing(wakeups(get_settings())) as steady:
            async for _ in steady:
                yield
                if failures:
                    failures -= 1
                    raise ConnectionError("the server has gone")

    async with running(unsteady) as (feed, counted), feed.listening(None) as events:
        while failures:
            await asyncio.sleep(0.01)
        await write(counted, ["a"])
        assert await next_name(events) == "a"
    assert "WARNING  fastapi_app" in caplog.text
    assert "The event feed waits: the server has gone" in caplog.text


class Ended(BaseException):
    """Ends a task as SystemExit would, without ending the tests."""


@pytest.mark.parametrize("error", [KeyError, SystemExit, Ended, asyncio.CancelledError, None])
@pytest.mark.usefixtures("database")
async def test_a_feed_that_ends_for_any_reason_starts_again(
    error: type[BaseException] | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(watched, "FIRST_DELAY", 0.01)
    faults: list[str | None] = []

    async def ending() -> AsyncGenerator[None]:
        async with aclosing(wakeups(get_settings())) as steady:
            async for _ in steady:
                yield
                if not faults:
                    faults.append(feed.task.fault)
                    if error is not None:
                        raise error
                    return
                faults.append(feed.task.fault)

    async with running(ending) as (feed, counted), feed.listening(None) as events:
        await write(counted, ["a"])
        while feed.task.restarts == 0 or feed.task.fault is not None:
            await asyncio.sleep(0.01)
        await write(counted, ["b"])
        names = [await next_name(events) for _ in range(2)]
    assert names == ["a", "b"]
    assert feed.task.restarts == 1
    assert "The event feed ended; restart in" in caplog.text
    assert "The event feed works again" in caplog.text
    if error is not None:
        assert error.__name__ in caplog.text


# What a script may write past all checks, by database: a change of the last event.
SPOILT = {
    "postgresql": ["user_id = 0", "action = 'other'", "at = 'infinity'"],
    "sqlite": ["user_id = 0", "action = 'other'", "at = 'soon'", "name = CAST(x'ff' AS TEXT)"],
}


async def test_an_event_that_cannot_be_read_is_passed_by(
    database: SQLite | PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = SPOILT[database.name]
    async with running() as (feed, counted):
        async with feed.listening(None) as events:
            for number, change in enumerate(spoilt):
                await write_spoilt(counted, f"bad{number}", change)
                await write(counted, [f"good{number}"])
            live = [await next_name(events) for _ in spoilt]
        async with feed.listening(0) as events:
            stored = [await next_name(events) for _ in range(len(spoilt) + 2)]
        assert feed.task.restarts == 0
        number_of_feeds = len(feeds)
    assert live == [f"good{number}" for number in range(len(spoilt))]
    assert stored == ["Alice", "Bob", *live]
    # A feed logs each of them once, though it and a listener have read them. The suite's own
    # gateway may have another feed in this process.
    assert len(feed.outbox.passed_by) == len(spoilt)
    assert caplog.text.count("cannot be read") <= len(spoilt) * number_of_feeds


async def write_spoilt(counted: Counted, name: str, change: str) -> None:
    """Create a user, and change its event within the same transaction."""
    async with counted.sessionmaker() as session:
        table = "user_events"
        if session.get_bind().dialect.name == "postgresql":
            table = "pending_user_events"
            await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # the event, too
        row = {"name": name, "email": f"{name}@example.com"}
        await session.execute(insert(users), [row])
        # The constraints of a later version must not make this test pointless.
        await session.execute(
            text(f"UPDATE {table} SET {change} WHERE id = (SELECT max(id) FROM {table})")
        )
        await session.commit()


async def test_a_feed_that_stops_at_any_moment_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy disk may need more than the second that a step gets.
    monkeypatch.setattr(steps, "LAST_STEP", PATIENCE)
    file = tmp_path / "users.sqlite3"
    settings = get_settings().model_copy(update={"database_url": f"sqlite:///{file}"})
    for moment in range(100):
        engine = create_asyncio_engine(settings, "fastapi")
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        feed = Feed(async_sessionmaker(engine), partial(wakeups, settings))
        async with feed.running():
            # A thread opens and reads the file meanwhile, so each pass stops the feed elsewhere.
            for _ in range(moment):
                await asyncio.sleep(0)
        await engine.dispose()
        assert times_open(file, os.getpid()) == 0, moment


async def test_a_step_that_hangs_does_not_delay_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LAST_STEP", 0.01)
    hanging = asyncio.create_task(steps.finish(asyncio.Event().wait()))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
