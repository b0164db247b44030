"""Streaming responses and WebSockets: how many a server holds at once, and how much memory."""

import asyncio
from contextlib import ExitStack
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from showdown.bench.load import ask
from showdown.bench.servers import Running, memory_now, run, settle
from showdown.bench.targets import GUNICORN, THREADS, UVICORN, Server, why_left_out
from showdown.claims.model import Claim, Findings, Laboratory
from showdown.claims.verdicts import Condition

MODULES = "showdown.claims.apps"
ASKED = 128
FIRST_CHUNK_SECONDS = 3.0

SERVERS = {
    "FastAPI": Server(f"{UVICORN} {MODULES}.streams_fastapi:app"),
    "Flask": Server(f"{GUNICORN} {MODULES}.streams_flask:app"),
    "Django": Server(f"{GUNICORN} {MODULES}.streams_django:app"),
}
Held = dict[tuple[str, str], list[float]]


def experiment(laboratory: Laboratory) -> Findings:
    """Open streams and WebSockets at once, alternating; count those that begin to answer."""
    left_out = [reason for server in SERVERS.values() if (reason := why_left_out(server))]
    asked = 40 if laboratory.quick else ASKED
    held: Held = {}
    memory: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(run(server, "sqlite:///unused", laboratory.directory))
            for name, server in SERVERS.items()
            if not why_left_out(server)
        }
        for number in range(laboratory.rounds):
            laboratory.notify(f"streaming: round {number + 1}")
            for name, server in running.items():
                for kind in ("streams", "WebSockets"):
                    count, grown = hold(server, kind, asked)
                    held.setdefault((name, kind), []).append(float(count))
                    # Only the first round's: later rounds reuse the memory that it allocated.
                    memory.setdefault((name, kind), grown)
    figures = [
        {"framework": name, "kind": kind, "asked": asked, "held": values, "memory KiB": grown}
        for (name, kind), values in held.items()
        for grown in [memory[name, kind] // 1024]
    ]
    return Findings(judge(held, asked), figures, left_out)


def judge(held: Held, asked: int) -> list[Condition]:
    """FastAPI must hold all connections, and several times as many streams as there are threads."""
    fastapi = held["FastAPI", "streams"]
    shares = {
        kind: [count / asked for count in held["FastAPI", kind]]
        for kind in ("streams", "WebSockets")
    }
    return [
        *(
            Condition(f"{kind}: held by FastAPI of {asked}", values, 1, "of 1")
            for kind, values in shares.items()
        ),
        *(
            Condition(
                f"streams: FastAPI to {name} on {THREADS} threads",
                [one / max(two, 1) for one, two in zip(fastapi, counts, strict=True)],
                3,
            )
            for (name, kind), counts in held.items()
            if name != "FastAPI" and kind == "streams"
        ),
    ]


def hold(server: Running, kind: str, asked: int) -> tuple[int, int]:
    """Return how many connections were held, and how many bytes the server grew by."""
    # The server responds only once the streams of the previous round have ended.
    ask(server.port, "/api/hello", "GET")
    before = memory_now(server.process.pid)
    count, after = asyncio.run(open_all(server, kind, asked))
    settle(server)
    return count, after - before


class Gate:
    """Connections that have begun to answer wait here until all are counted."""

    def __init__(self, asked: int) -> None:
        self.asked = asked
        self.held = 0
        self.everybody = asyncio.Event()
        self.over = asyncio.Event()

    async def hold(self) -> None:
        """Count a connection and keep it open."""
        self.held += 1
        if self.held == self.asked:
            self.everybody.set()
        await self.over.wait()


async def open_all(server: Running, kind: str, asked: int) -> tuple[int, int]:
    """Open connections at once; count those that begin to answer before the time ends."""
    gate = Gate(asked)
    opener = open_stream if kind == "streams" else open_socket
    tasks = [asyncio.create_task(opener(server.port, gate)) for _ in range(asked)]
    everybody = asyncio.create_task(gate.everybody.wait())
    refused = asyncio.gather(*tasks, return_exceptions=True)
    either: list[asyncio.Future[Any]] = [everybody, refused]
    await asyncio.wait(either, timeout=FIRST_CHUNK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    held, memory = gate.held, memory_now(server.process.pid)
    gate.over.set()
    await asyncio.wait(tasks, timeout=1)
    for task in (everybody, *tasks):
        task.cancel()
    for result in await refused:
        # A server may refuse or drop a connection, which then is not held. Other errors are raised.
        if isinstance(result, Exception) and not isinstance(result, OSError | EOFError):
            raise result
    return held, memory


async def open_stream(port: int, gate: Gate) -> None:
    """Request a stream, note its first chunk, and leave when all do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(b"tick")
        await gate.hold()
    finally:
        writer.close()


async def open_socket(port: int, gate: Gate) -> None:
    """Open a WebSocket, note its first message, and leave when all do."""
    try:
        async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
            await socket.recv()
            await gate.hold()
    except (WebSocketException, OSError):
        # WSGI has no WebSockets: the response is an ordinary one, and nothing was held.
        return


STREAMING = Claim(
    "streaming",
    "It excels at high-volume APIs, WebSocket connections, streaming responses, and low-latency"
    " workloads.",
    f"Asked for {ASKED} at once, FastAPI holds every stream and every WebSocket open, and at least"
    f" 3 times as many streams as Flask and Django on gunicorn with {THREADS} threads.",
    experiment=experiment,
    servers={f"streaming, {name}": server for name, server in SERVERS.items()},
)
