"""A server in a process of its own, for tests that end or measure a whole process.

``python -m tests.wsgi.process PORT DIRECTORY [GRACE]``: applications leave marker files in the
directory.
"""

import sys
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

import framework_gateway
from tests.wsgi.responses import TEXT, Body, Environ, StartResponse
from tests.wsgi.server import wait_until

GRACE = 2  # seconds


def memory() -> int:
    """Return the peak memory of this process, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise LookupError("VmHWM")


def upload(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Read a body in pieces; answer with its size and the process's peak memory."""
    size = 0
    while data := environ["wsgi.input"].read(65536):
        size += len(data)
    start_response("200 OK", [*TEXT])
    return [b"%d %d" % (size, memory())]


class Shutdown:
    """Requests in every state that they can have at a shutdown."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def mark(self, name: str) -> None:
        (self.directory / name).touch()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].strip("/")
        self.mark(f"{name} started")
        start_response("200 OK", [*TEXT])
        if name == "stuck":
            threading.Event().wait()
        if name == "stream":
            body = Body(self.stream())
            body.close = lambda: self.mark("stream closed")  # type: ignore[method-assign]
            return body
        if name == "running":
            wait_until((self.directory / "go on").exists)
        return [name.encode()]

    def stream(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 1024


def main(port: int, directory: Path, grace: int) -> None:
    """Serve until a signal arrives."""
    mounts = [
        framework_gateway.Mount("/upload", upload, max_body_size=200_000_000),
        framework_gateway.Mount("/app", Shutdown(directory), threads=4, grace=grace),
        framework_gateway.Mount("/narrow", Shutdown(directory), threads=1, grace=grace),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with framework_gateway.run_lifespans(mounts):
            yield

    app = Starlette(routes=mounts, lifespan=lifespan)
    uvicorn.run(app, port=port, log_level="warning", timeout_graceful_shutdown=grace)


if __name__ == "__main__":
    port, directory, *grace = sys.argv[1:]
    main(int(port), Path(directory), int(grace[0]) if grace else GRACE)
