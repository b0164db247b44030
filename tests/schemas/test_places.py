"""The places of requests that use the database: the rule, in threads and in tasks."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import pytest

from contract.places import Line, Places
from contract.problems import DatabaseUnavailable
from contract.settings import Settings
from tests.wsgi.server import wait_until


def test_who_waits_gets_the_place_of_who_comes_out() -> None:
    line, leave = Line(1, 60, 60, (OSError,)), Event()

    def hold() -> None:
        with line.place():
            leave.wait()

    with ThreadPoolExecutor(5) as threads:
        held = [threads.submit(hold) for _ in range(5)]
        wait_until(lambda: line.inside == 1)
        leave.set()
        assert [one.result() for one in held] == [None] * 5
    assert line.inside == 0


def test_nobody_waits_while_nobody_comes_out() -> None:
    line = Line(1, 0.01, 60, (OSError,))
    with line.place():
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable), line.place():
                pass
    with suppress(OSError), line.place():
        raise OSError
    # The last one came out badly: the next one tries, and the others do not wait for it.
    line.stall = 60
    line.moved_at = float("-inf")
    with line.place(), pytest.raises(DatabaseUnavailable), line.place():
        pass
    assert not line.failing


@pytest.mark.anyio
async def test_threads_and_tasks_get_their_places_in_the_order_in_which_they_came() -> None:
    line, order = Line(1, 60, 60, (OSError,)), list[int]()

    def hold_in_thread(number: int) -> None:
        with line.place():
            order.append(number)

    async def hold(number: int) -> None:
        async with line.async_place():
            order.append(number)

    with ThreadPoolExecutor(10) as threads:
        async with line.async_place():
            waiting: list[asyncio.Future[None]] = []
            for number in range(10):
                waiting.append(
                    asyncio.wrap_future(threads.submit(hold_in_thread, number))
                    if number % 2
                    else asyncio.ensure_future(hold(number))
                )
                while len(line.waiting) <= number:
                    await asyncio.sleep(0)
        # One that leaves cannot take the place again before those that wait.
        async with line.async_place():
            order.append(10)
        await asyncio.gather(*waiting)
    assert order == [*range(11)]


def test_the_applications_of_a_process_take_turns_to_write_to_sqlite() -> None:
    settings = Settings(database_url="sqlite:///turns.sqlite3", database_timeout=0.1)
    first, second = Places(settings, (OSError,)), Places(settings, (KeyError,))
    other = Places(settings.model_copy(update={"database_url": "sqlite:///x.sqlite3"}), ())
    with first.committing():
        with pytest.raises(DatabaseUnavailable), second.committing():
            pass
        with second.writing(), other.committing():
            pass
    with second.committing():
        pass
    with suppress(KeyError), second.committing():
        raise KeyError
    assert first.turn is not None
    assert second.turn is first.turn
    assert first.turn.failing
    server = settings.model_copy(update={"database_url": "postgresql://127.0.0.1/x"})
    with Places(server, ()).committing(), Places(server, ()).committing():
        pass


@pytest.mark.anyio
async def test_tasks_wait_as_threads_do() -> None:
    line = Line(2, 60, 60, (OSError,))
    leave = asyncio.Event()
    done: list[int] = []

    async def hold(number: int) -> None:
        async with line.async_place():
            await leave.wait()
            done.append(number)

    tasks = [asyncio.create_task(hold(number)) for number in range(6)]
    while len(line.waiting) < 4:
        await asyncio.sleep(0)
    # One that is cancelled, before or after it is woken, leaves the place to the next.
    tasks[2].cancel()
    leave.set()
    while not done:
        await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {0, 1, 4, 5} <= {*done}
    assert line.inside == 0
    line.stall = 0.01
    async with line.async_place(), line.async_place():
        with pytest.raises(DatabaseUnavailable):
            async with line.async_place():
                pass
