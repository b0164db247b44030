"""How applications start and stop: side by side, within a time, and with or without a lifespan."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from framework_gateway import Config, Gateway, Mount, run_lifespans
from tests.databases import free_port
from tests.servers import run, running, wait_for
from tests.wsgi.server import wait_until

CONFIG = Config(allowed_hosts=["*"])


async def answer(_request: Request) -> JSONResponse:
    return JSONResponse("here")


def application(start: Any = None, stop: Any = None) -> Starlette:
    """Return an application that awaits two functions when it starts and when it stops."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if start is not None:
            await start()
        yield
        if stop is not None:
            await stop()

    return Starlette(routes=[Route("/", answer)], lifespan=lifespan)


async def never() -> None:
    await asyncio.Event().wait()


async def block() -> None:
    while True:
        # A call that blocks the event loop, such as that of a driver without asyncio.
        time.sleep(3600)


def started(*mounts: Mount) -> None:
    """Start the mounts, and stop them."""

    async def start_and_stop() -> None:
        async with run_lifespans(mounts):
            pass

    asyncio.run(start_and_stop())


@pytest.mark.parametrize("start", [never, block])
def test_a_start_that_takes_too_long_has_failed(start: Any) -> None:
    slow = Mount("/slow", application(start), start_timeout=0.2)
    good = Mount("/good", application())
    started(slow, good)
    assert slow.failure is not None
    assert slow.failure.startswith("The application at /slow could not be started: ")
    assert "it took longer than 0.2 s" in slow.failure
    assert good.failure is None


def test_an_import_that_takes_too_long_has_failed() -> None:
    def slow() -> Any:
        time.sleep(3600)

    mount = Mount("/slow", slow, start_timeout=0.2).load()
    assert mount.failure is not None
    assert "could not be loaded: DeadlinePassed('it took longer than 0.2 s')" in mount.failure


def test_a_start_that_ignores_its_cancellation_does_not_hold_the_others() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            # What a careless retry loop does.
            with suppress(asyncio.CancelledError):
                await never()

    stubborn_mount = Mount("/stubborn", application(stubborn), start_timeout=0.2, grace=0)
    started(stubborn_mount, Mount("/good", application()))
    assert "it took longer than 0.2 s" in str(stubborn_mount.failure)


def test_a_stop_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    async def note() -> None:
        log.append("stopped")

    started(
        Mount("/endless", application(stop=never), grace=0), Mount("/good", application(stop=note))
    )
    assert log == ["stopped"]
    assert "The application at /endless did not stop within 0 s" in caplog.text


def test_a_mount_that_starts_answers_503_and_the_others_serve() -> None:
    may_start = asyncio.Event()
    app = Gateway({"/late": application(may_start.wait), "/good": application()}, config=CONFIG)
    with TestClient(app) as client:
        assert client.get("/good/").json() == "here"
        late = client.get("/late/")
        assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["failures"] == {"/late": "The application at /late is starting"}
        assert client.portal is not None
        client.portal.call(may_start.set)
        wait_until(lambda: client.get("/late/").status_code == 200)
        assert client.get("/health/ready").status_code == 200


def test_a_stop_during_a_start_stops_the_others_and_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[str] = []

    async def start() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # it has something to clean up
            events.append("cleaned up")

    async def stop() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        events.append("stopped")

    async def start_and_stop() -> None:
        mounts = [Mount("/slow", application(start)), Mount("/good", application(stop=stop))]
        async with run_lifespans(mounts, wait=0):
            while mounts[1].failure is not None:
                await asyncio.sleep(0)

    asyncio.run(start_and_stop())
    gc.collect()
    assert events == ["cleaned up", "stopped"]
    assert caplog.text == ""


def test_one_application_at_two_prefixes_starts_once() -> None:
    log: list[str] = []

    async def note() -> None:
        log.append("start")

    async def note_stop() -> None:
        log.append("stop")

    shared = application(note, note_stop)
    app = Gateway({"/one": shared, "/two": shared, "/three": application()}, config=CONFIG)
    with TestClient(app) as client:
        assert log == ["start"]
        assert [client.get(f"/{name}/").status_code for name in ("one", "two")] == [200, 200]
    assert log == ["start", "stop"]


def test_a_bound_method_at_two_prefixes_starts_once() -> None:
    class Owner:
        starts = 0

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                Owner.starts += 1
            await application()(scope, receive, send)

    owner = Owner()
    with TestClient(Gateway({"/one": owner.handle, "/two": owner.handle}, config=CONFIG)):
        assert Owner.starts == 1


def test_a_failure_of_an_application_at_two_prefixes_is_that_of_both() -> None:
    async def fail() -> None:
        raise RuntimeError("no broker")

    shared = application(fail)
    app = Gateway({"/one": shared, "/two": shared}, config=CONFIG)
    with TestClient(app) as client:
        assert [client.get(f"/{name}/").status_code for name in ("one", "two")] == [503, 503]


# Applications without lifespan support, of the kinds that uvicorn serves


async def asserting(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await JSONResponse("here")(scope, receive, send)


async def unaware(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every scope as a request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"here"'})


async def reading_first(scope: Scope, receive: Receive, send: Send) -> None:
    """Receives a message before it looks at the scope."""
    await receive()
    await JSONResponse("here" if scope["method"] == "GET" else "")(scope, receive, send)


async def returning(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await JSONResponse("here")(scope, receive, send)


@pytest.mark.parametrize("app", [asserting, unaware, reading_first, returning])
def test_an_application_without_a_lifespan_is_served(app: Any) -> None:
    with TestClient(Gateway({"/app": app}, config=CONFIG)) as client:
        assert client.get("/app/").json() == "here"


async def ends_before_its_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ConnectionError("no broker")


# An exception before the first message is how an application says that it has no lifespan (ASGI).
ENDINGS = [
    (error, receives)
    for error in (
        ConnectionError("no broker"),
        SystemExit(2),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        BaseException("unusual"),
    )
    for receives in (True, False)
    if receives or not isinstance(error, Exception)
]


@pytest.mark.parametrize(("error", "receives"), ENDINGS, ids=map(repr, ENDINGS))
def test_a_lifespan_that_ends_before_its_answer_has_failed(
    error: BaseException, receives: bool
) -> None:
    async def ending(scope: Scope, receive: Receive, send: Send) -> None:
        if receives:
            await receive()
        raise error

    with TestClient(Gateway({"/app": ending}, config=CONFIG)) as client:
        assert client.get("/app/").status_code == 503
        failures = client.get("/health/ready").json()["failures"]
    assert repr(error) in failures["/app"]


def test_a_mount_can_do_without_its_lifespan() -> None:
    app = Gateway([Mount("/app", ends_before_its_answer, lifespan=False)], config=CONFIG)
    with TestClient(app) as client:
        assert client.get("/health/ready").status_code == 200


# Servers that run no lifespan


def test_the_first_request_starts_the_applications_without_a_lifespan() -> None:
    """A gateway under a server that runs no lifespan; all requests come at once."""
    log: list[str] = []

    async def note() -> None:
        log.append("start")

    async def note_stop() -> None:
        log.append("stop")

    app = Gateway({"/app": application(note, note_stop)}, config=CONFIG)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            answers = await asyncio.gather(*(client.get("/app/") for _ in range(5)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(ask()) == [200] * 5
    assert log == ["start", "stop"]
    # In the next event loop, it starts again.
    assert asyncio.run(ask()) == [200] * 5
    assert log == ["start", "stop"] * 2


# Whole processes

BROKEN = "raise RuntimeError('no such library')"
LATE = """
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(3600)
    yield

app = FastAPI(lifespan=lifespan)
"""


@pytest.mark.parametrize("name", ["broken", "late"])
@pytest.mark.parametrize("workers", [(), ("--workers", 2)], ids=["one", "workers"])
def test_a_gateway_that_fails_fast_ends_with_status_3(
    name: str, workers: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "late.py").write_text(LATE)
    command = ("gateway", "serve", "--only-mounts", "--port", free_port(), *workers)
    mounts = ("--mount", f"/app={name}:app", "--fail-fast")
    ended = run(*command, *mounts, cwd=tmp_path, env={"GATEWAY_START_TIMEOUT": "1"})
    assert ended.returncode == 3
    assert "The application at /app could not be" in ended.stderr


def test_live_is_answered_while_an_application_starts(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--only-mounts", "--port", port, "--mount", "/late=late:app")
    with running(*command, cwd=tmp_path) as server:
        wait_for(server, f"{origin}/health/live")
        assert httpx.get(f"{origin}/late/").status_code == 503
