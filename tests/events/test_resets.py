"""Listeners are told to reset where events are missing: restored, deleted or never there."""

import asyncio

import pytest
from sqlalchemy import delete, insert, text

from contract.engines import create_sync_engine
from contract.events import Reset, UserEvent, user_events
from contract.schemas import MAX_ID
from contract.settings import get_settings
from contract.table import users
from tests.databases import PostgreSQL, SQLite
from tests.events.test_feed import next_name, running, write

pytestmark = pytest.mark.anyio


async def test_listeners_are_told_of_a_restored_database(database: SQLite | PostgreSQL) -> None:
    async with running() as (feed, counted), feed.listening(None) as events:
        await write(counted, ["a", "b", "c"])
        before = [await anext(events) for _ in range(3)]
        await asyncio.to_thread(database.reset)
        reset = await anext(events)
        assert isinstance(reset, Reset)
        assert reset.id < before[0].id
        await write(counted, ["d"])
        after = await anext(events)
        assert isinstance(after, UserEvent)
        assert (after.user.name, after.id > reset.id) == ("d", True)


async def test_a_restored_database_is_noticed_even_when_its_ids_have_caught_up(
    database: SQLite | PostgreSQL,
) -> None:
    async with running() as (feed, counted), feed.listening(None) as events:
        await write(counted, ["a", "b", "c"])
        for _ in range(3):
            await anext(events)
        # This is not asynchronous, so the feed does not read in between.
        database.reset()
        engine = create_sync_engine(get_settings(), "tests")
        with engine.begin() as connection:
            rows = [{"name": name, "email": f"{name}@example.org"} for name in "abcde"]
            connection.execute(insert(users), rows)
        engine.dispose()
        reset = await anext(events)
        assert isinstance(reset, Reset)
        await write(counted, ["last"])
        assert (await anext(events)).id == reset.id + 1


@pytest.mark.parametrize("tables", ["user_events", "user_events, users"])
async def test_listeners_are_told_when_the_events_are_deleted(
    database: SQLite | PostgreSQL, tables: str
) -> None:
    async with running() as (feed, counted), feed.listening(None) as events:
        await write(counted, ["a"])
        last = (await anext(events)).id
        async with counted.sessionmaker() as session:
            if isinstance(database, PostgreSQL):
                await session.execute(text(f"TRUNCATE {tables}"))
            else:
                for table in reversed(tables.split(", ")):
                    await session.execute(text(f"DELETE FROM {table}"))
            await session.commit()
        reset = await anext(events)
        assert isinstance(reset, Reset)
        await write(counted, ["b"])
        # PostgreSQL's users that were truncated leave events, which follow.
        names = [await next_name(events)]
        while names[-1] != "b":
            names.append(await next_name(events))
        assert names in (["b"], ["Alice", "Bob", "a", "b"])
        assert feed.last > last


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("after", [1000, MAX_ID])
async def test_a_listener_whose_last_event_does_not_exist_is_told(after: int) -> None:
    async with running() as (feed, counted), feed.listening(after) as events:
        reset = await anext(events)
        assert reset == Reset(id=feed.last)
        await write(counted, ["a"])
        assert (await anext(events)).id == reset.id + 1


@pytest.mark.usefixtures("database")
async def test_a_listener_from_before_the_oldest_event_is_told() -> None:
    async with running() as (feed, counted), feed.listening(None) as own:
        await write(counted, ["a", "b", "c", "d"])
        first, *_, last = [(await anext(own)).id for _ in range(4)]
        async with counted.sessionmaker() as session:
            await session.execute(delete(user_events).where(user_events.c.id < last))
            await session.commit()
        async with feed.listening(first) as events:
            assert await anext(events) == Reset(id=last)
        # One who wants whatever there is, or who has missed nothing, is not told.
        for after in (0, last - 1):
            async with feed.listening(after) as events:
                event = await anext(events)
                assert isinstance(event, UserEvent)
                assert event.id == last


@pytest.mark.usefixtures("database")
async def test_a_listener_is_told_of_events_that_are_deleted_while_it_reads() -> None:
    async with running() as (feed, counted):
        async with feed.listening(None) as own:
            await write(counted, [f"u{number}" for number in range(500)])
            ids = [(await anext(own)).id for _ in range(500)]
        async with feed.listening(ids[0]) as events:
            seen = [(await anext(events)).id]
            async with counted.sessionmaker() as session:
                await session.execute(delete(user_events).where(user_events.c.id < ids[-1]))
                await session.commit()
            while not isinstance(event := await anext(events), Reset):
                seen.append(event.id)
            assert event == Reset(id=ids[-1])
            # The page that was read before.
            assert seen == ids[1 : len(seen) + 1]
            await write(counted, ["next"])
            assert await next_name(events) == "next"
