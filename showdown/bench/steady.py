"""Requests at a steady rate, each at its time, whatever the answers before it take.

A load generator that sends the next request when it has the last answer hides delays, because it
sends less while the server is slow. Here the latency begins when a request was due.
"""

import asyncio
import time

import click

from showdown.bench.load import TIMEOUT, Load
from showdown.bench.samples import percentiles

CONNECTIONS = 20


def run_steady(port: int, path: str, rate: int, seconds: int) -> Load:
    """Send GET requests to a loopback port for a number of seconds.

    Args:
        rate: requests a second.

    Raises:
        ClickException: a connection broke, or there was no answer in time.
    """
    try:
        return asyncio.run(send_all(port, path, rate, rate * seconds))
    except (OSError, EOFError) as error:
        raise click.ClickException(f"{path} gave no answer: {error!r}") from error


async def send_all(port: int, path: str, rate: int, number: int) -> Load:
    """Send a number of requests over kept-alive connections."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    connections = await asyncio.gather(*[Connection.open(port) for _ in range(CONNECTIONS)])
    for each in connections:
        free.put_nowait(each)
    began = time.perf_counter()

    async def send_one(place: int) -> tuple[float, int]:
        due = began + place / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        async with asyncio.timeout(TIMEOUT):
            status = await connection.get(path)
        free.put_nowait(connection)
        return time.perf_counter() - due, status

    try:
        answers = await asyncio.gather(*map(send_one, range(number)))
        spent = time.perf_counter() - began
    finally:
        for each in connections:
            each.close()
    p50, p95, p99 = percentiles([1000 * seconds for seconds, _ in answers])
    return Load(
        requests=number,
        rate=number / spent,
        p50=p50,
        p95=p95,
        p99=p99,
        failed=sum(status >= 400 for _, status in answers),
        broken=0,
    )


class Connection:
    """A connection that sends one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a loopback port."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def get(self, path: str) -> int:
        """Send a request, read its whole answer, and return the status."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length))
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()
