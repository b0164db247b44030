"""When a process looks for events on PostgreSQL: slow looks, and other processes that number."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from importlib import import_module
from typing import Any

import psycopg
import pytest

from contract.settings import get_settings
from fastapi_app.wakeups import wakeups
from tests.databases import PostgreSQL, SQLite

pytestmark = pytest.mark.anyio

module = import_module("fastapi_app.wakeups")


@pytest.fixture
def script(database: SQLite | PostgreSQL) -> Iterator[psycopg.Connection[Any]]:
    """The connection of a script."""
    if isinstance(database, SQLite):
        pytest.skip("SQLite's events have numbers from the beginning")
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


def following(steady: AsyncGenerator[None]) -> asyncio.Future[None]:
    """The next wakeup."""
    return asyncio.ensure_future(anext(steady))


async def test_a_slow_look_everywhere_is_waited_for(
    script: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.2)
    async with aclosing(wakeups(get_settings())) as steady:
        with script.transaction():
            script.execute("LOCK TABLE pending_user_events")
            first = following(steady)
            await asyncio.wait([first], timeout=5 * module.LOOK)
            assert not first.done()
        await first


async def test_while_another_process_numbers_the_next_look_comes_soon(
    script: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NUMBERING_POLL", 60.0)
    monkeypatch.setattr(module, "LOOK", 60.0)
    monkeypatch.setattr(module, "IN_USE", 0.1)
    async with aclosing(wakeups(get_settings())) as steady:
        await anext(steady)
        script.execute("SELECT pg_advisory_lock(7236411)")
        second = following(steady)
        await asyncio.wait([second], timeout=5 * module.IN_USE)
        assert not second.done()
        script.execute("INSERT INTO users (name, email) VALUES ('a', 'a@example.com')")
        script.execute("SELECT pg_advisory_unlock(7236411)")
        async with asyncio.timeout(20):
            await second
