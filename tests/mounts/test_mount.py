"""Applications under prefixes: routing, lifespans, and failures that affect one mount only."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from framework_gateway import Mount, Mounts, run_lifespans


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]


async def show_path(request: Request) -> JSONResponse:
    return JSONResponse([request.scope["root_path"], request.scope["path"]])


asgi = Starlette(routes=[Route("/", show_path), Route("/{path:path}", show_path)])


def compose(*mounts: Mount) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with run_lifespans(mounts):
            yield

    app = Starlette(routes=mounts, lifespan=lifespan)
    app.router.redirect_slashes = False
    return app


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/shop", "/shop|/"),
        ("/shop/", "/shop|/"),
        ("/shop?a=1", "/shop|/"),
        ("/shop/a/b", "/shop|/a/b"),
        ("/shop//a", "/shop|//a"),
        ("/shop/shop", "/shop|/shop"),
        ("/%73hop/a", "/shop|/a"),
    ],
)
def test_both_forms_of_the_prefix_reach_a_wsgi_application(path: str, body: str) -> None:
    assert TestClient(compose(Mount("/shop", wsgi))).get(path).text == body


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/shop", ["/shop", "/shop/"]),
        ("/shop/", ["/shop", "/shop/"]),
        ("/shop/a", ["/shop", "/shop/a"]),
    ],
)
def test_both_forms_of_the_prefix_reach_an_asgi_application(path: str, seen: list[str]) -> None:
    assert TestClient(compose(Mount("/shop", asgi))).get(path).json() == seen


@pytest.mark.parametrize("path", ["/shopx", "/sho", "/SHOP", "/a/shop", "//shop", "/"])
def test_a_prefix_matches_only_whole_segments(path: str) -> None:
    assert TestClient(compose(Mount("/shop", wsgi))).get(path).status_code == 404


def test_an_outer_root_path_is_prepended() -> None:
    client = TestClient(compose(Mount("/shop", wsgi), Mount("/api", asgi)), root_path="/gw")
    assert client.get("/gw/shop/a").text == "/gw/shop|/a"
    assert client.get("/gw/shop").text == "/gw/shop|/"
    assert client.get("/gw/api").json() == ["/gw/api", "/gw/api/"]


def test_a_prefix_can_have_several_segments() -> None:
    assert TestClient(compose(Mount("/a/b", wsgi))).get("/a/b/c").text == "/a/b|/c"


def through_middleware(*mounts: Mount) -> TestClient:
    """The same mounts, but with middleware in place of Starlette's routing."""
    app = Starlette(routes=[Route("/shop-front", show_path)])
    return TestClient(Mounts(app, mounts))


def test_the_longest_matching_prefix_wins() -> None:
    client = through_middleware(Mount("/shop", wsgi), Mount("/shop/live", asgi))
    assert client.get("/shop/liver").text == "/shop|/liver"
    assert client.get("/shop/live/a").json() == ["/shop/live", "/shop/live/a"]


def test_requests_outside_the_mounts_reach_the_next_application() -> None:
    client = through_middleware(Mount("/shop", wsgi))
    assert client.get("/shop-front").json() == ["", "/shop-front"]
    assert client.get("/nothing").status_code == 404


def test_the_middleware_answers_refused_and_unavailable_requests() -> None:
    client = through_middleware(Mount("/shop", wsgi), Mount("/broken", fail_to_import))
    response = client.get("/shop/a", headers={"Host": "no host"})
    assert (response.status_code, response.text) == (400, "The Host header is not valid.")
    assert client.get("/broken/").status_code == 503


@pytest.mark.parametrize("root_path", ["", "/outer"])
def test_urls_of_an_application_contain_its_prefix(root_path: str) -> None:
    async def show_url(request: Request) -> JSONResponse:
        return JSONResponse(str(request.url_for("shown", name="a")))

    shop = Starlette(routes=[Route("/show/{name}", show_url, name="shown")])
    mounts = Mounts(Starlette(), [Mount("/shop", shop)])
    client = TestClient(mounts, "http://gateway", root_path=root_path)
    assert client.get(f"{root_path}/shop/show/a").json() == f"http://gateway{root_path}/shop/show/a"


async def show_state(request: Request) -> JSONResponse:
    return JSONResponse(request.state.name)


def application_with_lifespan(name: str, log: list[str]) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, str]]:
        log.append(f"start {name}")
        yield {"name": name}
        log.append(f"stop {name}")

    return Starlette(routes=[Route("/", show_state)], lifespan=lifespan)


def test_lifespans_start_and_stop_side_by_side() -> None:
    """Each one waits for the other in its start and in its stop."""
    log: list[str] = []
    meetings = [asyncio.Barrier(2), asyncio.Barrier(2)]

    def meeting(name: str) -> Starlette:
        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, str]]:
            await meetings[0].wait()
            log.append("start")
            yield {"name": name}
            await meetings[1].wait()
            log.append("stop")

        return Starlette(routes=[Route("/", show_state)], lifespan=lifespan)

    one, two = (Mount(f"/{name}", meeting(name)) for name in ("one", "two"))
    with TestClient(compose(one, Mount("/wsgi", wsgi), two)) as client:
        assert log == ["start", "start"]
        assert [client.get(path).json() for path in ("/one/", "/two/")] == ["one", "two"]
    assert log[2:] == ["stop", "stop"]


def test_a_lifespan_runs_again_when_the_server_starts_again() -> None:
    log: list[str] = []
    app = compose(Mount("/one", application_with_lifespan("one", log)), Mount("/wsgi", wsgi))
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/wsgi/").status_code == 200
    assert log == ["start one", "stop one"] * 2


def fail_to_import() -> Any:
    raise RuntimeError("no such library")


@asynccontextmanager
async def failing_startup(_app: Starlette) -> AsyncIterator[None]:
    raise RuntimeError("no such database")
    yield


@asynccontextmanager
async def failing_shutdown(_app: Starlette) -> AsyncIterator[None]:
    yield
    raise RuntimeError("the shutdown failed")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (fail_to_import, "could not be loaded: RuntimeError('no such library')"),
        ("no_such_module:app", "could not be loaded: there is no"),
        ("gateway:nothing", "could not be loaded: there is no"),
        (Starlette(lifespan=failing_startup), "could not be started: LifespanFailed"),
    ],
    ids=range(4),
)
def test_a_broken_application_does_not_affect_the_others(
    broken: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    mount = Mount("/broken", broken)
    with TestClient(compose(mount, Mount("/shop", wsgi))) as client:
        assert client.get("/shop/").status_code == 200
        response = client.get("/broken/a")
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "30"
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/broken/a"):
            pass
    assert mount.failure is not None
    assert reason in mount.failure
    assert "/broken" in caplog.text


def test_the_gateway_reports_a_broken_application_with_problem_details() -> None:
    from gateway import create_app
    from tests.conftest import assert_problem

    client = TestClient(create_app(applications={"/broken": fail_to_import, "/shop": wsgi}))
    response = client.get("/broken/a", headers={"Host": "localhost"})
    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "30"
    assert client.get("/shop/", headers={"Host": "localhost"}).status_code == 200
    readiness = client.get("/health/ready")
    assert readiness.status_code == 503
    assert readiness.json() == {
        "ready": False,
        "failures": {
            "/broken": "The application at /broken could not be loaded: "
            "RuntimeError('no such library')"
        },
        "warnings": {},
    }


def test_a_gateway_without_failures_is_ready() -> None:
    from gateway import create_app

    readiness = TestClient(create_app(applications={"/shop": wsgi})).get("/health/ready")
    assert readiness.status_code == 200
    assert readiness.json() == {"ready": True, "failures": {}, "warnings": {}}


def test_a_failing_shutdown_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    mounts = [
        Mount("/one", application_with_lifespan("one", log)),
        Mount("/two", Starlette(lifespan=failing_shutdown)),
    ]
    with TestClient(compose(*mounts)):
        pass
    assert log == ["start one", "stop one"]
    assert "The application at /two did not stop cleanly" in caplog.text


def test_an_application_without_a_lifespan_is_served(caplog: pytest.LogCaptureFixture) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "this application knows requests alone"
        await JSONResponse("bare")(scope, receive, send)

    with TestClient(compose(Mount("/bare", bare))) as client:
        assert client.get("/bare/").json() == "bare"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_an_option_that_does_not_fit_changes_nothing() -> None:
    mount = Mount("/app", None)
    with pytest.raises(ValidationError):
        mount.set_options(threads="none")
    mount.set_options(max_requests=3)
    assert mount.options.max_requests == 3


def test_websockets_reach_an_asgi_application() -> None:
    async def greet(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.scope["root_path"])
        await websocket.close()

    app = compose(Mount("/live", Starlette(routes=[WebSocketRoute("/", greet)])))
    with TestClient(app).websocket_connect("/live/") as websocket:
        assert websocket.receive_text() == "/live"


def test_the_gateway_sets_a_longer_thread_switch_interval() -> None:
    from gateway import create_app

    default = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    try:
        TestClient(create_app(applications={"/shop": wsgi}), "http://127.0.0.1").get("/shop/")
        assert sys.getswitchinterval() == pytest.approx(0.01)
    finally:
        sys.setswitchinterval(default)
