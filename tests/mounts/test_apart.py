"""What one event loop and one process share, and one mount cannot take from the others."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from framework_gateway import Config, Gateway
from tests.databases import free_port
from tests.gateways import Seen, seen
from tests.servers import serve
from tests.wsgi.server import wait_until

CONFIG = Config(allowed_hosts=["*"])


async def here(_request: Any) -> JSONResponse:
    return JSONResponse(await asyncio.to_thread(lambda: "here"))


@asynccontextmanager
async def running(**applications: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run a gateway in this event loop, as a server does."""
    app = Gateway({f"/{name}": app for name, app in applications.items()}, config=CONFIG)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client


# Tasks


async def cancel_all(scope: Scope, receive: Receive, send: Send) -> None:
    """A recipe for a shutdown, in each request and at the end."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    if scope["type"] == "lifespan":
        return await send({"type": "lifespan.shutdown.complete"})
    await JSONResponse("cancelled all")(scope, receive, send)


def test_a_mount_cannot_cancel_the_tasks_of_others() -> None:
    log: list[str] = []
    may_answer = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.sleep(0)
        log.append("stopped")

    async def wait(_request: Any) -> JSONResponse:
        await may_answer.wait()
        return JSONResponse("waited")

    good = Starlette(routes=[Route("/", wait)], lifespan=lifespan)

    async def use() -> None:
        async with running(bad=cancel_all, good=good) as client:
            waiting = asyncio.create_task(client.get("/good/"))
            await asyncio.sleep(0.05)  # it waits by then; if not, the test is only weaker
            assert (await client.get("/bad/")).json() == "cancelled all"
            may_answer.set()
            assert (await waiting).json() == "waited"

    asyncio.run(use())
    assert log == ["stopped"]


def test_a_mount_can_cancel_its_own_tasks() -> None:
    async def time_out(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        with anyio.move_on_after(0.01):
            await anyio.sleep_forever()
        try:
            async with asyncio.timeout(0.01):
                await asyncio.create_task(anyio.sleep_forever())
        except TimeoutError:
            await JSONResponse("timed out")(scope, receive, send)

    async def use() -> None:
        async with running(app=time_out) as client:
            assert (await client.get("/app/")).json() == "timed out"

    asyncio.run(use())


def test_a_lifespan_that_ends_while_its_application_serves_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise RuntimeError("the consumer has crashed")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            yield

    app = Starlette(routes=[Route("/", here)], lifespan=lifespan)
    with TestClient(Gateway({"/app": app}, config=CONFIG)) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 503)
        assert "the consumer has crashed" in caplog.text
        failures = client.get("/health/ready").json()["failures"]
        assert failures["/app"].startswith("the lifespan of the application has ended: ")


# Executors


def test_a_default_executor_is_set_and_shut_down_for_one_mount() -> None:
    release = threading.Event()

    async def greedy(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        blocked = asyncio.create_task(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="after shutdown"):
            await asyncio.to_thread(print)
        await JSONResponse("greedy")(scope, receive, send)
        await blocked

    async def use() -> None:
        good = Starlette(routes=[Route("/", here)])
        async with running(greedy=greedy, good=good) as client:
            greedy_request = asyncio.create_task(client.get("/greedy/"))
            try:
                for _ in range(3):
                    assert (await client.get("/good/")).json() == "here"
                    assert (await client.get("/metrics")).status_code == 200
            finally:
                release.set()
            assert (await greedy_request).json() == "greedy"

    asyncio.run(use())


# Logs and metrics


async def spoil(scope: Scope, receive: Receive, send: Send) -> None:
    """Put values into the scope that the gateway did not put there."""
    assert scope["type"] == "http"
    scope["client"] = (object(), 0)
    scope["bridge.mount"] = None
    scope["route"] = type("Route", (), {"path": "/\udcff\n\x1b[31m"})()
    await JSONResponse("spoilt")(scope, receive, send)


def test_values_in_a_scope_spoil_neither_log_nor_metrics() -> None:
    def ask(gateway: Seen, path: str) -> dict[str, Any]:
        assert (
            gateway.client.get(path, headers={"X-Request-ID": path.strip("/")}).status_code == 200
        )
        return gateway.line(path.strip("/"))

    with seen({"/bad": spoil, "/good": Starlette(routes=[Route("/", here)])}) as gateway:
        ask(gateway, "/bad/")
        assert ask(gateway, "/good/")["framework"] == "good"
        assert gateway.metric("http_request_duration_seconds_count", framework="good") == 1


@pytest.mark.parametrize(
    "error", [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()]
)
def test_whatever_an_application_raises_is_answered_500(error: BaseException) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        raise error

    with seen({"/bad": failing}) as gateway:
        response = gateway.client.get("/bad/")
        assert response.status_code == 500
        assert response.headers["Content-Type"] == "application/problem+json"


# Prefixes


@pytest.mark.parametrize("prefix", ["/health", "/health/live", "/metrics"])
def test_a_prefix_cannot_take_the_gateways_own_paths(prefix: str) -> None:
    with pytest.raises(ValueError, match=f"{prefix} cannot be a prefix: the gateway serves /"):
        Gateway({prefix: here}, config=CONFIG)
    with pytest.raises(ValueError, match="cannot be a prefix"):
        Gateway(config=CONFIG).mount_application(prefix, here)


# Whole processes

MODULES = {
    "closes": """
        import asyncio

        async def fetch(): ...

        loop = asyncio.get_event_loop()
        loop.run_until_complete(fetch())
        loop.close()
        app = lambda environ, start_response: [start_response("200 OK", []) and b"" or b"closes"]
    """,
    "runs": """
        import asyncio

        async def fetch(): ...

        asyncio.run(fetch())
        asyncio.set_event_loop(asyncio.new_event_loop())
        app = lambda environ, start_response: [start_response("200 OK", []) and b"" or b"runs"]
    """,
    "uses": """
        import asyncio
        from fastapi import FastAPI

        app = FastAPI()
        future = asyncio.get_event_loop().create_future()
        future.set_result("uses")

        @app.get("/")
        async def root():
            return await future
    """,
    "forks": """
        import multiprocessing, time
        from contextlib import asynccontextmanager
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app):
            fork = multiprocessing.get_context("fork")
            fork.Process(target=time.sleep, args=(3600,), daemon=True).start()
            yield

        app = FastAPI(lifespan=lifespan)
        app.get("/")(lambda: "forks")
    """,
    "shop": """
        import os
        from django.core.wsgi import get_wsgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")
        app = get_wsgi_application()
    """,
    "late": """
        import os

        found = None

        def app(environ, start_response):
            global found
            if found is None:
                from django.core.wsgi import get_wsgi_application

                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "late_settings")
                found = get_wsgi_application()
            return found(environ, start_response)
    """,
    "later": """
        import os
        from contextlib import asynccontextmanager
        from starlette.applications import Starlette

        @asynccontextmanager
        async def lifespan(app):
            from django.core.asgi import get_asgi_application

            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "late_settings")
            get_asgi_application()
            yield

        app = Starlette(lifespan=lifespan)
    """,
}
SETTINGS = """
SECRET_KEY = "{name}"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "{name}_urls"
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("{name}"))]
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text("\n".join(line[8:] for line in source.split("\n")))
    for name in ("shop", "late"):
        (tmp_path / f"{name}_settings.py").write_text(SETTINGS.format(name=name))
        (tmp_path / f"{name}_urls.py").write_text(URLS.format(name=name))
    return tmp_path


def test_event_loops_and_forks_of_one_mount_leave_the_others_serving(modules: Path) -> None:
    origin = f"http://127.0.0.1:{(port := free_port())}"
    names = ["closes", "runs", "uses", "forks"]
    mounts = [f"--mount=/{name}={name}:app" for name in names]
    command = ("gateway", "serve", "--only-mounts", "--port", port, *mounts)
    with serve(*command, origin=origin, path="/health/live", cwd=modules) as server:
        assert [httpx.get(f"{origin}/{name}/").text.strip('"') for name in names] == names
        assert "The application at /closes closed the event loop" in server.output
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def test_a_django_that_is_set_up_late_is_never_another_site(modules: Path) -> None:
    origin = f"http://127.0.0.1:{(port := free_port())}"
    mounts = [f"--mount=/{name}={name}:app" for name in ("shop", "late", "later")]
    command = ("gateway", "serve", "--only-mounts", "--port", port, *mounts)
    with serve(*command, origin=origin, path="/health/live", cwd=modules) as server:
        assert httpx.get(f"{origin}/shop/").text == "shop"
        assert httpx.get(f"{origin}/late/").status_code == 500
        assert httpx.get(f"{origin}/later/").status_code == 503
        for name in ("late", "later"):
            said = "the application at /shop, and Django has one settings module"
            assert "asks for Django settings from late_settings" in server.output
            assert said in server.output, name
        assert httpx.get(f"{origin}/shop/").text == "shop"
