"""A mount that works must not notice the mounts that misbehave, each in its own way."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.gateways import total
from tests.servers import Server, serve
from tests.wsgi.server import wait_until

GOOD = """
import time
from pathlib import Path
from flask import Flask, Response, request, send_file

app = Flask(__name__)

@app.get("/")
def root():
    return "good"

@app.get("/file")
def file():
    return send_file(__file__, mimetype="text/plain")

@app.post("/upload")
def upload():
    return str(len(request.get_data()))

@app.get("/stream")
def stream():
    events = (f"data: {number}\\n\\n" for number in range(3))
    return Response(events, mimetype="text/event-stream")

@app.get("/slow")
def slow():
    Path("slow-is-running").touch()
    while not Path("slow-may-end").exists():
        # The pause between two looks.
        time.sleep(0.02)
    return "slow"

@app.get("/fails")
def fails():
    raise RuntimeError("good failed")
"""
# Each waits until the file "release" exists.
BLOCKING = """
import asyncio, io, time
from pathlib import Path
from fastapi import FastAPI
from fastapi.responses import FileResponse

def block():
    Path("blocked").open("a").write(".")
    while not Path("release").exists():
        # The pause between two looks; the thread is blocked meanwhile.
        time.sleep(0.02)

class SlowFile(io.FileIO):
    def read(self, size=-1):
        block()
        return super().read(size)

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](SlowFile(__file__))
    block()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"blocked"]

asgi = FastAPI()

@asgi.get("/def")
def in_a_thread():
    block()

@asgi.get("/to_thread")
async def in_the_executor():
    await asyncio.to_thread(block)
"""
TROUBLE = """
import asyncio, logging.config, os, signal, sys, threading, time
from contextlib import asynccontextmanager
from fastapi import FastAPI

def in_factory():
    sys.exit("STRIPE_KEY is missing")

def started_by(start):
    @asynccontextmanager
    async def lifespan(app):
        await start()
        yield
    return FastAPI(lifespan=lifespan)

async def exit_now():
    sys.exit("no licence")

async def never():
    await asyncio.sleep(3600)

async def fail():
    raise RuntimeError("no broker")

in_lifespan = started_by(exit_now)
endless = started_by(never)
failing = started_by(fail)

async def ends_before_its_answer(scope, receive, send):
    await receive()
    raise RuntimeError("ended before its answer")

def process():
    # What the whole process sees.
    logging.config.dictConfig({"version": 1})
    os.environ["TZ"] = "Asia/Kolkata"
    time.tzset()
    os.environ["TROUBLE_TOKEN"] = "s3cret"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(3600,)).start()
    app = FastAPI()

    @app.get("/exit")
    async def exit():
        asyncio.create_task(exit_now())
        await asyncio.sleep(0)
        return "exited"

    @app.get("/signals")
    async def signals():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return "changed"

    @app.get("/stop")
    async def stop():
        asyncio.get_running_loop().stop()
        return "stopped"

    return app

def boom(environ, start_response):
    sys.exit("in a request")
"""
MOUNTS = {
    "/good": "good:app",
    "/no-module": "no_such_module:app",
    "/exits": "trouble:in_factory",
    "/exits-late": "trouble:in_lifespan",
    "/endless": "trouble:endless",
    "/failing": "trouble:failing",
    "/ends": "trouble:ends_before_its_answer",
    "/process": "trouble:process",
    "/boom": "trouble:boom",
    "/wsgi": "blocking:wsgi",
    "/files": "blocking:wsgi",
    "/asgi": "blocking:asgi",
}
UPLOAD = b"x" * 3_000_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, source in (("good", GOOD), ("blocking", BLOCKING), ("trouble", TROUBLE)):
        (tmp_path / f"{name}.py").write_text(source)
    return tmp_path


@pytest.fixture
def gateway(directory: Path) -> Iterator[tuple[httpx.Client, Server]]:
    origin = f"http://127.0.0.1:{(port := free_port())}"
    mounts = [f"--mount={prefix}={name}" for prefix, name in MOUNTS.items()]
    command = ("gateway", "serve", "--port", port, "--only-mounts", *mounts)
    limits = ("--mount-option", "/wsgi:threads=4", "--mount-option", "/files:threads=4")
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "5"}
    with (
        serve(
            *command, *limits, origin=origin, path="/health/live", cwd=directory, env=env
        ) as server,
        httpx.Client(base_url=origin, timeout=30) as client,
    ):
        yield client, server
        # The leaked thread keeps the process, and the gateway ends it.
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def serves_all(client: httpx.Client) -> None:
    """Check every kind of response of the good mount, and the health checks."""
    assert client.get("/good/").text == "good"
    assert client.get("/good/file").text == GOOD
    assert client.post("/good/upload", content=UPLOAD).text == str(len(UPLOAD))
    assert client.get("/good/stream").text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert client.get("/health/live").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_the_good_mount_serves_beside_all_the_others(
    gateway: tuple[httpx.Client, Server], directory: Path
) -> None:
    client, server = gateway
    serves_all(client)
    assert client.get("/process/exit").json() == "exited"
    assert client.get("/process/stop").json() == "stopped"
    assert client.get("/boom/").status_code == 500
    serves_all(client)
    assert client.get("/good/fails").status_code == 500

    failures = client.get("/health/ready").json()["failures"]
    expected = ["/no-module", "/exits", "/exits-late", "/endless", "/failing", "/ends"]
    assert sorted(failures) == sorted(expected)
    assert all(client.get(f"{prefix}/").status_code == 503 for prefix in expected)
    assert failures["/exits"] == (
        "The application at /exits could not be loaded: SystemExit('STRIPE_KEY is missing')"
    )
    assert failures["/endless"] == "The application at /endless is starting"
    assert client.get("/endless/").headers["Retry-After"] == "1"

    # The log: tracebacks, the changes of the process, and the error of the good mount.
    for text in (
        "no_such_module",
        "STRIPE_KEY is missing",
        "no licence",
        "no broker",
        "ended before its answer",
        "The application at /process changed",
        "the time zone (TZ)",
        "TROUBLE_TOKEN",
        "SIGTERM",
        "A task tried to end the process",
        "good failed",
    ):
        assert text in server.output, text
    assert "s3cret" not in server.output

    def is_counted() -> bool:
        text = client.get("/metrics").text
        return (
            total(text, "http_request_duration_seconds_count", framework="good", status="500") == 1
        )

    wait_until(is_counted)


def test_blocked_threads_of_one_mount_are_its_own(
    gateway: tuple[httpx.Client, Server], directory: Path
) -> None:
    """Every thread of three mounts is blocked, of each kind, and more requests wait for them."""
    client, _ = gateway
    paths = ["/wsgi/", "/files/file", "/asgi/def", "/asgi/to_thread"]
    with ThreadPoolExecutor(4 * 60) as pool:

        async def block() -> None:
            async with httpx.AsyncClient(timeout=30, limits=httpx.Limits()) as many:
                base = str(client.base_url).rstrip("/")
                requests = [many.get(f"{base}{path}") for path in paths * 60]
                answers = await asyncio.gather(*requests)
            assert {answer.status_code for answer in answers} == {200}

        blocked = pool.submit(asyncio.run, block())
        # 4 threads, 6 or more of the executor (twice), 40 of AnyIO
        (directory / "blocked").touch()
        wait_until(lambda: (directory / "blocked").stat().st_size >= 4 + 6 + 6 + 40)
        try:
            serves_all(client)
        finally:
            (directory / "release").touch()
        blocked.result()


def test_the_good_mount_finishes_when_the_gateway_stops(
    gateway: tuple[httpx.Client, Server], directory: Path
) -> None:
    client, server = gateway
    assert client.get("/process/signals").json() == "changed"
    wait_until(lambda: "changed the handler of SIGTERM; put back" in server.output)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.get, "/good/slow")
        wait_until((directory / "slow-is-running").exists)
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(client))
        (directory / "slow-may-end").touch()
        assert slow.result().text == "slow"
    # The leaked thread, which only the end of the process ends, is told by the status.
    assert server.wait(20) == 1
    assert "Threads have not returned" in server.output


def refuses_connections(client: httpx.Client) -> bool:
    """Return whether the server accepts no connection any more."""
    try:
        httpx.get(client.base_url.join("/health/live"), timeout=5)
    except httpx.ConnectError:
        return True
    return False
