"""After twenty thousand requests, the real gateway's process is as it was before."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import Server, serve
from tests.usage import MEBIBYTE, Usage, open_connections
from tests.wsgi.clients import head
from tests.wsgi.server import PATIENCE, wait_until

CONNECTIONS = 16
HELLOS = [("/flask/api/hello", 200), ("/django/api/hello", 200)]
PATHS = [
    *HELLOS,
    ("/flask/api/users/1", 200),
    *HELLOS,
    ("/django/api/users/1", 200),
    *HELLOS,
    ("/flask/api/users/99", 404),
    ("/django/nothing", 404),
    *HELLOS,
    ("/fastapi/api/hello", 200),
    ("/flask/api/users?limit=0", 422),
]


@pytest.fixture
def gateway(migrated: SQLite | PostgreSQL) -> Iterator[tuple[Server, int]]:
    if not Path("/proc/self/statm").exists():
        pytest.skip("This test reads /proc")
    migrated.reset()
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_THREADS": "3"}
    with serve("gateway", "serve", "--port", port, origin=origin, path="/", env=env) as process:
        yield process, port


async def ask(port: int, count: int) -> None:
    """Send requests on one connection, one after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for number in range(count):
            path, status = PATHS[number % len(PATHS)]
            writer.write(head(path, host="127.0.0.1"))
            # The timeout is for each request: how long all take depends on the machine.
            async with asyncio.timeout(PATIENCE):
                answer = await reader.readuntil(b"\r\n\r\n")
                assert (path, int(answer[9:12])) == (path, status)
                length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
    finally:
        writer.close()
        await writer.wait_closed()


async def leave_early(port: int, count: int) -> None:
    """Send requests, and leave without the responses: at once, or while they are served."""
    paths = [*(path for path, _ in PATHS), "/flask/api/wait?ms=100", "/django/api/wait?ms=100"]
    for number in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(paths[number % len(paths)], host="127.0.0.1"))
        if number % 2:
            writer.transport.abort()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def load(port: int, requests: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(ask(port, requests // CONNECTIONS))
        for _ in range(4):
            group.create_task(leave_early(port, requests // 400))


def settle(process: int, at_most: Usage | None = None) -> Usage:
    """Wait until the clients' connections are closed, and return what the process still holds."""
    sockets = Path(f"/proc/{process}/fd")

    def is_closed() -> bool:
        return at_most is None or len(os.listdir(sockets)) <= at_most.files

    deadline = time.monotonic() + 10
    wait_until(lambda: is_closed() or time.monotonic() > deadline)
    return Usage.of(process)


@pytest.mark.slow
def test_twenty_thousand_requests_leave_nothing_behind(gateway: tuple[Server, int]) -> None:
    process, port = gateway
    asyncio.run(load(port, 3_000))
    # The client closes keep-alive connections; the server may not have noticed yet.
    wait_until(lambda: not open_connections(process.pid, port))
    before = Usage.of(process.pid)
    asyncio.run(load(port, 20_000))
    wait_until(lambda: not open_connections(process.pid, port))
    after = settle(process.pid, before)
    # A short peak may open one more thread or database connection late.
    assert after.threads <= before.threads + 4
    assert after.files <= before.files + 8
    assert after.memory < before.memory + 10 * MEBIBYTE
    assert "Traceback" not in process.output
