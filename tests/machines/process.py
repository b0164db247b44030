"""A server, or several worker processes, which tests stop and kill.

``python -m tests.machines.process PORT WORKERS GRACE [WORK]``
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from socket import create_server, socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from framework_gateway.server.protocol import EVENT_STREAM, Config
from framework_gateway.server.server import Callback, Server, do_nothing
from framework_gateway.server.workers import Workers


async def send_pid(_request: Request) -> Response:
    """Answer with the id of this process."""
    return PlainTextResponse(str(os.getpid()))


async def wait_for_stop(request: Request) -> Response:
    """Respond as soon as the application learns that the server stops."""
    while not getattr(request.app.state, "stopping", False):
        await asyncio.sleep(0.01)
    return PlainTextResponse("stopping")


async def wait_for_ever(_request: Request) -> Response:
    """Never send a response."""
    await asyncio.Event().wait()
    return Response()


def block(_request: Request) -> Response:
    """Never return the thread."""
    threading.Event().wait()
    return Response()


async def stream(request: Request) -> Response:
    """Open an event stream that sends no events."""
    request.scope[EVENT_STREAM] = True

    async def events() -> AsyncIterator[bytes]:
        yield b": connected\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(events(), media_type="text/event-stream")


def create_app() -> Starlette:
    """Create the application."""
    routes = [send_pid, wait_for_stop, wait_for_ever, block, stream]
    return Starlette(routes=[Route(f"/{route.__name__}", route) for route in routes])


def serve(grace: int, listener: socket, on_start: Callback = do_nothing) -> None:
    """Serve in this process until it is stopped."""
    app = create_app()
    config = Config(app, log_level="warning", timeout_graceful_shutdown=grace)
    Server(config, on_start=on_start, on_stop=partial(setattr, app.state, "stopping", True)).run([listener])


def fail(_grace: int, _listener: socket, _on_start: Callback) -> None:
    """A worker that cannot start."""
    raise SystemExit("no start today")


def hold(_grace: int, _listener: socket, _on_start: Callback) -> None:
    """A worker that accepts no connection and needs two signals to end: SIGTERM, SIGUSR1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    print(f"holding as {os.getpid()}", flush=True)
    signal.sigwait({signal.SIGTERM})
    print("got SIGTERM", flush=True)
    signal.sigwait({signal.SIGUSR1})


WORKS: dict[str, Callable[[int, socket, Callback], None]] = {
    "serve": serve,
    "fail": fail,
    "hold": hold,
}


def main(port: int, workers: int, grace: int, work: str) -> None:
    """Serve in one process, or run several workers."""
    listener = create_server(("127.0.0.1", port), backlog=2048)
    if work == "serve" and workers == 1:
        serve(grace, listener)
    else:
        sys.exit(Workers(partial(WORKS[work], grace), workers, listener, grace).run())


if __name__ == "__main__":
    port, workers, grace, *work = sys.argv[1:]
    main(int(port), int(workers), int(grace), *(work or ["serve"]))
